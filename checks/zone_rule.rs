//! A modern rule that a fix proposes, in the forms in which people enter it: dashboard, API, Terraform (Cloudflare
//! provider v5).

use serde_json::{Value, json};

use crate::evidence::text::shell_quote;
use crate::evidence::zone::Phase;
use crate::verdict::Fix;

/// A rule to be made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ZoneRule {
    pub(crate) phase: Phase,
    /// Its name in the dashboard.
    pub(crate) description: String,
    /// Its expression.
    pub(crate) expression: String,
    /// `set_config`, `set_cache_settings` …
    pub(crate) action: &'static str,
    pub(crate) parameters: Value,
}

impl ZoneRule {
    fn body(&self) -> Value {
        json!({
            "description": self.description,
            "expression": self.expression,
            "action": self.action,
            "action_parameters": self.parameters,
        })
    }

    /// Adds the API call and the Terraform for this rule, at the end of its phase.
    pub(crate) fn add_to(&self, fix: Fix) -> Fix {
        let phase = self.phase.api();
        let rule = self.body();
        let body = shell_quote(&rule.to_string());
        let first = shell_quote(&json!({ "rules": [rule] }).to_string());
        let api = format!(
            "API=https://api.cloudflare.com/client/v4/zones/$ZONE_ID/rulesets\n\
             RULESET_ID=$(curl -sS -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" \
             \"$API/phases/{phase}/entrypoint\" | jq -r '.result.id // empty')\n\
             if [ -n \"$RULESET_ID\" ]; then\n  \
             curl -sS -X POST -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" --json {body} \
             \"$API/$RULESET_ID/rules\"\n\
             else  # the phase has no rules yet\n  \
             curl -sS -X PUT -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" --json {first} \
             \"$API/phases/{phase}/entrypoint\"\nfi"
        );
        let terraform = format!(
            "# A zone has one ruleset for each phase: if you manage it already, add only the element of rules, at the end.\n\
             resource \"cloudflare_ruleset\" \"{phase}\" {{\n  \
             zone_id = var.zone_id\n  name    = \"{phase}\"\n  kind    = \"zone\"\n  phase   = \"{phase}\"\n  \
             rules = [{}]\n}}",
            hcl(&rule, 1)
        );
        fix.api("Add the rule after those that exist", api).terraform("Cloudflare provider v5", terraform)
    }
}

/// A string of the Rules language.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Text as an HCL string.
pub(crate) fn hcl_text(text: &str) -> String {
    Value::from(text).to_string().replace("${", "$${").replace("%{", "%%{")
}

/// A JSON value as HCL.
fn hcl(value: &Value, depth: usize) -> String {
    let pad = "  ".repeat(depth + 1);
    let end = "  ".repeat(depth);
    match value {
        Value::Object(map) if map.is_empty() => "{}".into(),
        Value::Object(map) => {
            let lines: Vec<String> =
                map.iter().map(|(key, value)| format!("{pad}{key} = {}\n", hcl(value, depth + 1))).collect();
            format!("{{\n{}{end}}}", lines.concat())
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(|item| hcl(item, depth)).collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => hcl_text(text),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_in_two_forms() {
        let rule = ZoneRule {
            phase: Phase::Config,
            description: "it's ${strict}".into(),
            expression: "(http.host eq \"a.example.com\")".into(),
            action: "set_config",
            parameters: json!({ "ssl": "strict" }),
        };
        let fix = rule.add_to(Fix::new("x"));
        let [api, terraform] = fix.steps.as_slice() else { panic!("{fix:?}") };
        assert!(api.text.contains(r#"it'\''s"#) && api.text.contains("http_config_settings"), "{}", api.text);
        assert!(terraform.text.contains("it's $${strict}") && terraform.text.contains("ssl = \"strict\""));
        assert_eq!(terraform.text.matches('{').count(), terraform.text.matches('}').count());
    }
}
