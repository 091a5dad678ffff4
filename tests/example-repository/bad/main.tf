# The same site as in ../good, as it is often set up at first: the record leads to the API's default endpoint, whose
# name is not the site's, and the zone speaks plain HTTP to the origin.
terraform {
  required_providers {
    aws        = { source = "hashicorp/aws", version = "~> 5.80" }
    cloudflare = { source = "cloudflare/cloudflare", version = "~> 4.52" }
  }
}

provider "aws" {
  region = "us-west-2"
}

resource "aws_apigatewayv2_api" "api" {
  name          = "lambda-example"
  protocol_type = "HTTP"
}

resource "cloudflare_record" "lambda" {
  zone_id = "0123456789abcdef0123456789abcdef"
  name    = "lambda.example.com"
  type    = "CNAME"
  content = replace(aws_apigatewayv2_api.api.api_endpoint, "https://", "")
  proxied = true
}

resource "cloudflare_zone_settings_override" "main" {
  zone_id = "0123456789abcdef0123456789abcdef"

  settings {
    ssl             = "flexible"
    min_tls_version = "1.0"
  }
}

resource "cloudflare_ruleset" "cache" {
  zone_id = "0123456789abcdef0123456789abcdef"
  name    = "default"
  kind    = "zone"
  phase   = "http_request_cache_settings"

  rules {
    description = "Cache the API's answers"
    expression  = "(http.host eq \"lamda.example.com\")"
    action      = "set_cache_settings"

    action_parameters {
      cache = true

      edge_ttl {
        mode    = "override_origin"
        default = 7200
      }
    }
  }
}
