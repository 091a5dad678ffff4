//! The API that a new custom domain is mapped to, and its stage. `$default` is a stage of HTTP APIs only: REST and
//! WebSocket APIs have none but those that somebody named (`facts/aws.md` section 4.2).

use super::typed::{shell_word, stage_of};
use crate::evidence::Evidence;
use crate::evidence::gateway::{Api, Protocol};
use crate::evidence::text::shell_quote;
use crate::model::attribution::{AnsweredBy, answered_by};
use crate::model::origin_host::classify;

/// What is known of it.
pub(crate) struct MappedApi<'a> {
    api: Option<&'a Api>,
    protocol: Option<Protocol>,
}

impl<'a> MappedApi<'a> {
    /// The API that the record's target names, else the only one of the region; its kind also from who answered.
    pub(crate) fn of(evidence: &'a Evidence, region: Option<&str>) -> Self {
        let apis = || evidence.gateway.found().and_then(|gateway| gateway.apis.found()).into_iter().flatten();
        let named = evidence.origin_name().and_then(|name| classify(name).id);
        let by_name = || apis().find(|api| Some(&api.id) == named.as_ref());
        let only = || {
            let mut near = apis().filter(|api| region.is_none() || api.region.as_deref() == region);
            near.next().filter(|_| near.next().is_none())
        };
        let api = by_name().or_else(only);
        let by_answer = || match answered_by(evidence) {
            AnsweredBy::ApiGatewayHttp => Some(Protocol::Http),
            AnsweredBy::ApiGatewayRest => Some(Protocol::Rest),
            _ => None,
        };
        MappedApi { api, protocol: api.map(|api| api.protocol.clone()).or_else(by_answer) }
    }

    /// Its id as a word of the shell; else a variable to set.
    pub(crate) fn id_word(&self) -> String {
        shell_word(self.api.map(|api| api.id.as_str()), "API_ID")
    }

    /// Its stage as a word of the shell; else a variable to set.
    pub(crate) fn stage_word(&self) -> String {
        let stages_are_known = self.api.is_some_and(|api| api.stages.found().is_some());
        match (self.api.and_then(stage_of), &self.protocol) {
            (Some(stage), _) => shell_quote(stage),
            (None, None | Some(Protocol::Http)) if !stages_are_known => shell_quote("$default"),
            _ => shell_word(None, "STAGE"),
        }
    }

    /// What the mapping is; where the kind of API is not known, what differs.
    pub(crate) fn label(&self) -> &'static str {
        match self.protocol {
            Some(_) => "Map it to the API",
            None => "Map it to the API (a REST API has no $default: name its stage)",
        }
    }

    /// The API's resource of SAM.
    pub(super) fn template_resource(&self) -> &'static str {
        match self.protocol {
            Some(Protocol::Rest) => "AWS::Serverless::Api",
            _ => "AWS::Serverless::HttpApi",
        }
    }

    /// A regional custom domain with its mapping, for Terraform. A mapping of the second version takes REST APIs too.
    pub(crate) fn terraform(&self, host: &str) -> String {
        let (api, stage) = match self.protocol {
            Some(Protocol::Rest) => ("aws_api_gateway_rest_api", "aws_api_gateway_stage.api.stage_name"),
            Some(Protocol::WebSocket) => ("aws_apigatewayv2_api", "aws_apigatewayv2_stage.api.name"),
            _ => ("aws_apigatewayv2_api", "\"$default\""),
        };
        r#"resource "aws_apigatewayv2_domain_name" "api" {
  domain_name = "HOST"

  domain_name_configuration {
    certificate_arn = aws_acm_certificate.origin.arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }
}

resource "aws_apigatewayv2_api_mapping" "api" {
  api_id      = API.api.id
  domain_name = aws_apigatewayv2_domain_name.api.id
  stage       = STAGE
}"#
        .replace("HOST", host)
        .replace("API", api)
        .replace("STAGE", stage)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::aws::testing::*;

    fn with(apis: Value) -> Evidence {
        let mut site = site(json!({"apis": apis}));
        site.target.origin = Some(TARGET.parse().unwrap());
        site
    }

    fn words(evidence: &Evidence) -> (String, String) {
        let api = MappedApi::of(evidence, Some("us-west-2"));
        (api.id_word(), api.stage_word())
    }

    fn http(stages: Value) -> Value {
        json!([{"apiId": "h1", "region": "us-west-2", "protocolType": "HTTP", "stages": stages}])
    }

    fn rest(stages: Value) -> Value {
        json!([{"id": "r1", "region": "us-west-2", "stages": stages}])
    }

    #[test]
    fn the_stage_is_one_that_the_api_has() {
        for (apis, id, stage) in [
            (http(json!([{"stageName": "$default"}, {"stageName": "dev"}])), "'h1'", "'$default'"),
            (http(json!([{"stageName": "live"}])), "'h1'", "'live'"),
            (http(json!([{"stageName": "live"}, {"stageName": "dev"}])), "'h1'", "\"$STAGE\""),
            (http(Value::Null), "'h1'", "'$default'"),
            (rest(json!([{"stageName": "prod"}])), "'r1'", "'prod'"),
            (rest(json!([{"stageName": "prod"}, {"stageName": "dev"}])), "'r1'", "\"$STAGE\""),
            (rest(Value::Null), "'r1'", "\"$STAGE\""),
            (json!([]), "\"$API_ID\"", "'$default'"),
        ] {
            assert_eq!(words(&with(apis.clone())), (id.to_owned(), stage.to_owned()), "{apis}");
        }
    }

    #[test]
    fn the_record_names_the_api_among_several() {
        let both = json!([
            {"apiId": "h1", "region": "us-west-2", "protocolType": "HTTP"},
            {"id": "r1r1r1r1r1", "region": "us-west-2", "stages": [{"stageName": "prod"}]},
        ]);
        let mut site = with(both);
        assert_eq!(words(&site).0, "\"$API_ID\"");
        site.target.origin = Some("r1r1r1r1r1.execute-api.us-west-2.amazonaws.com".parse().unwrap());
        assert_eq!(words(&site), ("'r1r1r1r1r1'".to_owned(), "'prod'".to_owned()));
    }

    #[test]
    fn who_answered_tells_the_kind_where_the_account_does_not() {
        let unknown = with(json!([]));
        assert!(MappedApi::of(&unknown, None).label().contains("REST API has no $default"));
        let headers = [("x-amzn-errortype", "MissingAuthenticationTokenException"), ("x-amz-apigw-id", "a=")];
        let rest = answer(unknown, 403, &headers, "{\"message\":\"Missing Authentication Token\"}");
        let api = MappedApi::of(&rest, None);
        assert_eq!((api.stage_word().as_str(), api.label()), ("\"$STAGE\"", "Map it to the API"));
        assert!(api.terraform("a.example.com").contains("aws_api_gateway_stage.api.stage_name"));
        assert_eq!(api.template_resource(), "AWS::Serverless::Api");
    }
}
