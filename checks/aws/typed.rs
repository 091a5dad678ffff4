//! What is typed: names from the account as words of a shell, of Terraform and of a template.

use serde_json::Value;

use crate::evidence::gateway::{Api, Protocol};
use crate::evidence::text::shell_quote;
use crate::evidence::{Evidence, Gathered};
use crate::model::origin_host;

/// ` --region us-west-2`: the thing's own region where it is known, else that of the site.
pub(super) fn in_region(evidence: &Evidence, own: Option<&str>) -> String {
    match own.filter(|name| origin_host::region(name).is_some()) {
        Some(name) => format!(" --region {name}"),
        None => format!(" --region {}", super::fixes::region(evidence)),
    }
}

/// A word of the shell, or where it is not known a variable to set.
pub(super) fn shell_word(known: Option<&str>, variable: &str) -> String {
    known.map_or_else(|| format!("\"${variable}\""), shell_quote)
}

/// A text of Terraform; where it is not known a variable.
pub(super) fn hcl(known: Option<&str>, variable: &str) -> String {
    match known {
        Some(text) => quoted(text).replace("${", "$${").replace("%{", "%%{"),
        None => format!("var.{variable}"),
    }
}

/// A text of a template in YAML; where it is not known a reference to a parameter.
pub(super) fn yaml(known: Option<&str>, parameter: &str) -> String {
    known.map_or_else(|| format!("!Ref {parameter}"), quoted)
}

/// In JSON's quotation marks, which Terraform and YAML know as well.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// The command that changes an API, and the Terraform resource that makes one.
pub(super) fn api_words(api: &Api) -> (&'static str, &'static str) {
    match api.protocol {
        Protocol::Rest => ("AWS::Serverless::Api", "aws_api_gateway_rest_api"),
        _ => ("AWS::Serverless::HttpApi", "aws_apigatewayv2_api"),
    }
}

/// The stage to name where nothing names one: the only one, or the one that is the rule for HTTP APIs.
pub(super) fn stage_of(api: &Api) -> Option<&str> {
    match &api.stages {
        Gathered::Found(stages) => match stages.as_slice() {
            [one] => Some(&one.name),
            several => several.iter().find(|stage| stage.name == "$default").map(|stage| stage.name.as_str()),
        },
        Gathered::Missing(_) => None,
    }
}

/// Deploys a stage of a REST API, without which a change of it does not act.
pub(super) fn deploy(evidence: &Evidence, api: &Api, stage: Option<&str>) -> String {
    format!(
        "aws apigateway create-deployment --rest-api-id {} --stage-name {}{}",
        shell_quote(&api.id),
        shell_word(stage.or_else(|| stage_of(api)), "STAGE"),
        in_region(evidence, api.region.as_deref())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_its_word() {
        assert_eq!(hcl(Some("a\"${b}%{c}"), "x"), r#""a\"$${b}%%{c}""#);
        assert_eq!(hcl(None, "api_id"), "var.api_id");
        assert_eq!(yaml(Some("*.example.com: \"x\""), "P"), r#""*.example.com: \"x\"""#);
        assert_eq!((shell_word(Some("it's"), "X").as_str(), shell_word(None, "X").as_str()), (r"'it'\''s'", "\"$X\""));
    }
}
