//! The ways to mend an origin that several checks name, with the real host, origin and region in them.

use crate::aws::MappedApi;
use crate::evidence::Evidence;
use crate::evidence::tls::{Handshake, Key};
use crate::model::origin_host::OriginClass;
use crate::verdict::Fix;

/// Said wherever a certificate is the matter: the mode is not.
pub(super) const NOT_THE_MODE: &str = "Full or Flexible would only hide it: leave the mode at Full (strict).";

/// The origin's class; unknown where it is not declared.
pub(super) fn class(evidence: &Evidence) -> OriginClass {
    evidence.origin_class()
}

/// The region in the origin's name, else the user's, else a word to be replaced.
pub(super) fn region(evidence: &Evidence) -> String {
    let named = evidence.origin_kind().and_then(|origin| origin.region.clone());
    named.or_else(|| evidence.target.region.clone()).unwrap_or_else(|| "REGION".into())
}

/// Where ACM must hold the certificate: CloudFront (and so edge-optimised API domains) reads it in us-east-1 only
/// (`facts/aws.md` section 3.2).
fn certificate_region(evidence: &Evidence) -> String {
    if class(evidence) == OriginClass::CloudFront { "us-east-1".into() } else { region(evidence) }
}

/// A new certificate at the origin: a public one that renews itself where the service can, and Cloudflare Origin CA.
pub(super) fn new_certificate(evidence: &Evidence, summary: &str) -> Fix {
    let host = &evidence.target.host;
    let region = certificate_region(evidence);
    let fix = Fix::new(format!("{summary} {NOT_THE_MODE}"));
    match class(evidence) {
        OriginClass::GatewayCustomTarget | OriginClass::GatewayDefault => {
            let public =
                request(fix, host, &region).shell("Put it on the custom domain", attach_gateway(host, &region));
            or_origin_ca(public, host)
                .shell(
                    "Import the Origin CA certificate instead (non-wildcard regional domains)",
                    import(evidence, &region),
                )
                .terraform("The public certificate", terraform(host))
        }
        OriginClass::CloudFront => request(fix, host, &region)
            .dashboard("CloudFront → Distributions → the distribution → Settings → Custom SSL certificate")
            .terraform("The public certificate", terraform(host)),
        OriginClass::LoadBalancer | OriginClass::NetworkLoadBalancer => {
            let attach = format!(
                "aws elbv2 modify-listener --listener-arn \"$LISTENER_ARN\" --certificates \
                 CertificateArn=\"$CERTIFICATE_ARN\" --region {region}"
            );
            or_origin_ca(request(fix, host, &region).shell("Put it on the HTTPS listener", attach), host)
                .shell("Import the Origin CA certificate instead", import(evidence, &region))
        }
        _ => origin_ca(fix, host).shell(
            "Look at what the origin sends then",
            format!(
                "openssl s_client -connect {}:443 -servername {host} </dev/null | \
                 openssl x509 -noout -subject -issuer -dates",
                place(evidence)
            ),
        ),
    }
}

/// The origin's host for a command line.
pub(super) fn place(evidence: &Evidence) -> String {
    evidence.target.origin.as_ref().map_or_else(|| "ORIGIN_HOST".into(), |origin| origin.host.clone())
}

fn request(fix: Fix, host: &str, region: &str) -> Fix {
    fix.shell(
        "Request a public certificate; ACM renews it as long as its validation record stays",
        format!("aws acm request-certificate --domain-name {host} --validation-method DNS --region {region}"),
    )
    .api(
        "Add the validation record that ACM names, DNS-only, and leave it there",
        "curl -X POST \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID/dns_records\" \
         -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" -H 'Content-Type: application/json' \
         --data \
         '{\"type\":\"CNAME\",\"name\":\"_NAME_FROM_ACM\",\"content\":\"_VALUE.acm-validations.aws\",\"proxied\":false}'",
    )
}

/// v1 of the API reads and changes every regional custom domain, REST or HTTP (`facts/aws.md` section 0, fact 5).
fn attach_gateway(host: &str, region: &str) -> String {
    format!(
        "aws apigateway update-domain-name --domain-name {host} --patch-operations \
         op=replace,path=/regionalCertificateArn,value=\"$CERTIFICATE_ARN\" --region {region}"
    )
}

/// The dashboard's way to an Origin CA certificate.
pub(super) fn origin_ca(fix: Fix, host: &str) -> Fix {
    fix.dashboard(format!(
        "SSL/TLS → Origin Server → Create Certificate, host names {host} (not SSL/TLS → Client Certificates)"
    ))
}

/// The same as the second choice beside a public one.
fn or_origin_ca(fix: Fix, host: &str) -> Fix {
    fix.dashboard(format!(
        "Or a certificate that Cloudflare alone trusts: SSL/TLS → Origin Server → Create Certificate, host names \
         {host} (not SSL/TLS → Client Certificates)"
    ))
}

/// RSA leaf with RSA root, ECC leaf with ECC root (`facts/cloudflare.md` section 5); a new one is like the present one.
fn import(evidence: &Evidence, region: &str) -> String {
    let leaf = evidence.origin.tls.found().and_then(Handshake::leaf);
    let kind = if matches!(leaf.and_then(|leaf| leaf.key.as_ref()), Some(Key::Ec { .. })) { "ecc" } else { "rsa" };
    format!(
        "curl -sO https://developers.cloudflare.com/ssl/static/origin_ca_{kind}_root.pem; aws acm import-certificate \
         --certificate fileb://origin.pem --private-key fileb://origin.key --certificate-chain \
         fileb://origin_ca_{kind}_root.pem --region {region}"
    )
}

/// Import over a certificate that is in use: its ARN, and so every place that uses it, stays.
pub(super) fn reimport(evidence: &Evidence) -> String {
    format!("{} --certificate-arn \"$CERTIFICATE_ARN\"", import(evidence, &certificate_region(evidence)))
}

fn terraform(host: &str) -> String {
    r#"resource "aws_acm_certificate" "origin" {
  domain_name       = "HOST"
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "cloudflare_dns_record" "validation" {
  for_each = { for o in aws_acm_certificate.origin.domain_validation_options : o.domain_name => o }
  zone_id  = var.zone_id
  name     = trimsuffix(each.value.resource_record_name, ".")
  type     = each.value.resource_record_type
  content  = trimsuffix(each.value.resource_record_value, ".")
  ttl      = 1
  proxied  = false
}"#
    .replace("HOST", host)
}

/// The call that shows the host's record with its id.
pub(super) fn find_record(host: &str) -> String {
    format!(
        "curl -s \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID/dns_records?name={host}\" \
         -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\""
    )
}

/// A custom domain for the host, with its mapping.
pub(super) fn custom_domain(evidence: &Evidence, region: &str) -> Fix {
    let host = &evidence.target.host;
    let api = MappedApi::of(evidence, Some(region));
    Fix::new(format!("Create the custom domain {host} in API Gateway in {region}. {NOT_THE_MODE}"))
        .shell(
            "Is it there? (404 Not Found: no)",
            format!("aws apigateway get-domain-name --domain-name {host} --region {region}"),
        )
        .shell(
            "Create it, with a certificate of the same region",
            format!(
                "aws apigatewayv2 create-domain-name --domain-name {host} --domain-name-configurations \
                 CertificateArn=\"$CERTIFICATE_ARN\",EndpointType=REGIONAL,SecurityPolicy=TLS_1_2 --region {region}"
            ),
        )
        .shell(
            api.label(),
            format!(
                "aws apigatewayv2 create-api-mapping --domain-name {host} --api-id {} --stage {} --region {region}",
                api.id_word(),
                api.stage_word()
            ),
        )
        .api("Find the record's id", find_record(host))
        .api(
            "Point the proxied record at the new domain's own target (ApiGatewayDomainName in the answer)",
            format!(
                "curl -X PATCH \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID/dns_records/$RECORD_ID\" \
                 -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" -H 'Content-Type: application/json' \
                 --data \
                 '{{\"type\":\"CNAME\",\"name\":\"{host}\",\"content\":\"API_GATEWAY_DOMAIN_NAME\",\"proxied\":true}}'"
            ),
        )
        .terraform("The same", api.terraform(host))
}
