//! Fixes with the real host and path in them: Cache Rules by dashboard, API and Terraform (Cloudflare provider v5),
//! headers as code of a Lambda proxy response.

use serde_json::{Value, json};

use crate::evidence::Target;
use crate::verdict::Fix;

/// Cache Rules.
pub(super) const REQUEST: &str = "http_request_cache_settings";
/// Cache Response Rules.
pub(super) const RESPONSE: &str = "http_response_cache_settings";

/// The rule expression that catches this URL and nothing else.
pub(super) fn expression(target: &Target) -> String {
    format!("(http.host eq {} and http.request.uri.path eq {})", quoted(&target.host), quoted(target.path_only()))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Adds the API call and the Terraform for one rule.
pub(super) fn rule(fix: Fix, target: &Target, phase: &str, what: &str, parameters: Value) -> Fix {
    let rule = json!({
        "description": format!("{what} {}{}", target.host, target.path_only()),
        "expression": expression(target),
        "action": "set_cache_settings",
        "action_parameters": parameters,
    });
    let body = shell_quote(&rule.to_string());
    let first = shell_quote(&json!({ "rules": [rule] }).to_string());
    let api = format!(
        "API=https://api.cloudflare.com/client/v4/zones/$ZONE_ID/rulesets\n\
         RULESET_ID=$(curl -sS -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" \
         \"$API/phases/{phase}/entrypoint\" | jq -r '.result.id // empty')\n\
         if [ -n \"$RULESET_ID\" ]; then\n  \
         curl -sS -X POST -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" --json {body} \"$API/$RULESET_ID/rules\"\n\
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

/// A Cache Rule that makes the URL eligible and leaves the lifetime to the origin.
pub(super) fn make_eligible(fix: Fix, target: &Target) -> Fix {
    let fix = fix.dashboard(format!(
        "Caching → Cache Rules → Create rule → Custom filter expression: {} → Eligible for cache → Edge TTL: Use \
         cache-control header if present, use default Cloudflare caching behavior if not → Deploy",
        expression(target)
    ));
    rule(fix, target, REQUEST, "Cache", json!({ "cache": true, "edge_ttl": { "mode": "respect_origin" } }))
}

/// The origin's `Cache-Control` as code of a Lambda proxy response.
pub(super) fn send_header(fix: Fix, value: &str) -> Fix {
    fix.code(
        "Lambda proxy response, Python",
        format!(
            "return {{\n    \"statusCode\": 200,\n    \"headers\": {{\n        \"Content-Type\": \"application/json\",\n        \
             \"Cache-Control\": \"{value}\",\n    }},\n    \"body\": json.dumps(result),\n}}"
        ),
    )
    .code(
        "Lambda proxy response, Node.js",
        format!(
            "return {{\n  statusCode: 200,\n  headers: {{\n    \"Content-Type\": \"application/json\",\n    \
             \"Cache-Control\": \"{value}\",\n  }},\n  body: JSON.stringify(result),\n}};"
        ),
    )
}

/// How to see the effect: two GETs of the same URL.
pub(super) fn look_twice(fix: Fix, target: &Target) -> Fix {
    fix.shell(
        "See the effect: ask twice",
        format!(
            "for i in 1 2; do curl -sS -o /dev/null -D - {} | grep -iE \
                 '^(cf-cache-status|age|cf-ray|cache-control):'; done",
            shell_quote(&target.url())
        ),
    )
}

/// Text as one word of a POSIX shell.
pub(super) fn shell_quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
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
        Value::String(text) => Value::String(text.clone()).to_string().replace("${", "$${").replace("%{", "%%{"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_and_quotes_hold_hostile_paths() {
        let target: Target = "https://a.example.com/it's/%22x%22?q=1".parse().unwrap();
        assert_eq!(
            expression(&target),
            "(http.host eq \"a.example.com\" and http.request.uri.path eq \"/it's/%22x%22\")"
        );
        let fix = make_eligible(Fix::new("x"), &target);
        let api = &fix.steps.iter().find(|step| step.kind == crate::StepKind::Api).unwrap().text;
        assert!(api.contains("/it'\\''s/"), "{api}");
        assert!(api.contains(r#""cache":true"#));
        let terraform = &fix.steps.iter().find(|step| step.kind == crate::StepKind::Terraform).unwrap().text;
        assert!(terraform.contains("mode = \"respect_origin\""), "{terraform}");
        assert!(terraform.contains("cache = true"));
        assert_eq!(terraform.matches('{').count(), terraform.matches('}').count());
    }
}
