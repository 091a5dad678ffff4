//! Fixes with the real host and path in them: Cache Rules by dashboard, API and Terraform (Cloudflare provider v5),
//! headers as code of a Lambda proxy response.

use serde_json::{Value, json};

use crate::evidence::http::{CacheControl, HeaderLine, Name, Seconds};
pub(super) use crate::evidence::text::shell_quote;
use crate::evidence::zone::Phase;
use crate::evidence::{Evidence, Target};
use crate::model::cache::{self, CacheInput};
use crate::verdict::Fix;
pub(super) use crate::zone_rule::hcl_text;
use crate::zone_rule::{ZoneRule, quoted};

/// Cache Rules.
pub(super) const REQUEST: Phase = Phase::Cache;
/// Cache Response Rules.
pub(super) const RESPONSE: Phase = Phase::CacheResponse;

/// The rule expression that catches this URL and nothing else.
pub(super) fn expression(target: &Target) -> String {
    format!("(http.host eq {} and http.request.uri.path eq {})", quoted(&target.host), quoted(target.path_only()))
}

/// Adds the API call and the Terraform for one rule.
pub(super) fn rule(fix: Fix, target: &Target, phase: Phase, what: &str, parameters: Value) -> Fix {
    let rule = ZoneRule {
        phase,
        description: format!("{what} {}{}", target.host, target.path_only()),
        expression: expression(target),
        action: "set_cache_settings",
        parameters,
    };
    rule.add_to(fix)
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

/// What an Edge TTL override does beside caching: said wherever one is offered.
pub(super) const NO_USER_DATA: &str = "only if it holds no user data, for then everybody gets the same copy: an Edge TTL \
                                       override also beats no-store and private, and takes the cookie from visitors";

/// The shortest Edge TTL that every plan may set: Free has two hours (`facts/cloudflare.md` 1.10).
const EVERY_PLAN: u64 = 7200;

/// The lifetime by a Cache Rule instead of a header. Errors are left out: one failure must not be kept.
pub(super) fn edge_ttl(fix: Fix, target: &Target, seconds: u64) -> Fix {
    let seconds = seconds.max(EVERY_PLAN);
    let fix = fix.dashboard(format!(
        "Or, where the origin cannot be changed, and {NO_USER_DATA}: Caching → Cache Rules → Create rule → Custom \
         filter expression: {} → Eligible for cache → Edge TTL: Ignore cache-control header and use this TTL: {seconds} \
         s → Status code TTL: 400–599: No store → Deploy",
        expression(target)
    ));
    let parameters = json!({
        "cache": true,
        "edge_ttl": {
            "mode": "override_origin",
            "default": seconds,
            "status_code_ttl": [{ "status_code_range": { "from": 400, "to": 599 }, "value": -1 }],
        },
    });
    cautious_rule(fix, target, REQUEST, "Edge TTL (no user data here) of", parameters)
}

/// A rule that shares what may be one visitor's: each way of adding it says so.
pub(super) fn cautious_rule(fix: Fix, target: &Target, phase: Phase, what: &str, parameters: Value) -> Fix {
    let before = fix.steps.len();
    let mut fix = rule(fix, target, phase, what, parameters);
    for step in fix.steps.iter_mut().skip(before) {
        step.label = format!("Only if it holds no user data: {}", step.label);
    }
    fix
}

/// A header as code of a Lambda proxy response, beside the lifetime.
pub(super) fn send_headers(fix: Fix, status: u16, headers: &[(&str, &str)], note: &str) -> Fix {
    let lines = |indent: &str| {
        headers
            .iter()
            .map(|(name, value)| format!("{indent}{}: {},\n", Value::from(*name), Value::from(*value)))
            .collect::<String>()
    };
    let (python, node) = match note {
        "" => (String::new(), String::new()),
        note => (format!("# {note}\n"), format!("// {note}\n")),
    };
    fix.code(
        "Lambda proxy response, Python",
        format!(
            "{python}return {{\n    \"statusCode\": {status},\n    \"headers\": {{\n        \"Content-Type\": \
             \"application/json\",\n{}    }},\n    \"body\": json.dumps(result),\n}}",
            lines("        ")
        ),
    )
    .code(
        "Lambda proxy response, Node.js",
        format!(
            "{node}return {{\n  statusCode: {status},\n  headers: {{\n    \"Content-Type\": \"application/json\",\n{}  }},\n  \
             body: JSON.stringify(result),\n}};",
            lines("    ")
        ),
    )
}

/// The origin's `Cache-Control` as code of a Lambda proxy response.
pub(super) fn send_header(fix: Fix, value: &str) -> Fix {
    send_headers(fix, 200, &[("Cache-Control", value)], "")
}

/// The `Cache-Control` that the plan believes in.
pub(super) fn lifetime(evidence: &Evidence) -> (String, u64) {
    let value = CacheInput::of(evidence).map_or_else(|| cache::PROPOSED.to_owned(), |i| cache::proposed(&i));
    let seconds = CacheControl::parse([value.as_str()]).seconds(Name::MaxAge).and_then(Seconds::floored);
    (value, seconds.unwrap_or(EVERY_PLAN))
}

/// The header that decides, as the origin sends it where it allows storing; else what the plan believes in.
pub(super) fn kept(evidence: &Evidence) -> (&'static str, String) {
    let own = CacheInput::of(evidence).and_then(|input| {
        let answer = input.response.as_ref()?;
        let (name, header) = answer.winner();
        header.wants_shared_storing().then(|| (name, header.to_string()))
    });
    own.unwrap_or_else(|| ("Cache-Control", lifetime(evidence).0))
}

/// The lifetime by the header, and by a rule where the origin cannot be changed.
pub(super) fn give_lifetime(fix: Fix, evidence: &Evidence) -> Fix {
    let (value, seconds) = lifetime(evidence);
    look_twice(edge_ttl(send_header(fix, &value), &evidence.target, seconds), &evidence.target)
}

/// Purges the copies of this URL.
pub(super) fn purge(fix: Fix, label: &str, target: &Target) -> Fix {
    let files = serde_json::json!({ "files": [target.url()] }).to_string();
    fix.api(
        label,
        format!(
            "curl -sS -X POST -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" --json {} \
             https://api.cloudflare.com/client/v4/zones/$ZONE_ID/purge_cache",
            shell_quote(&files)
        ),
    )
}

/// How to see the effect: two GETs of the same URL.
pub(super) fn look_twice(fix: Fix, target: &Target) -> Fix {
    fix.shell(
        "See the effect: ask twice",
        format!(
            "for i in 1 2; do curl -sS -o /dev/null -D - {}{} | grep -iE \
                 '^(cf-cache-status|age|cf-ray|cache-control):'; done",
            own_headers(target),
            shell_quote(&target.url())
        ),
    )
}

/// The user's own headers as options of curl: secrets, which we do not know, as variables. A range is left out: the
/// whole object fills the cache.
fn own_headers(target: &Target) -> String {
    let lines = target.headers.iter().filter(|line| !line.name.eq_ignore_ascii_case("range"));
    let option = |line: &HeaderLine| {
        if line.value.contains("(redacted)") {
            let variable = line.name.to_ascii_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
            format!("-H {}\"${variable}\" ", shell_quote(&format!("{}: ", line.name)))
        } else {
            format!("-H {} ", shell_quote(&format!("{}: {}", line.name, line.value)))
        }
    };
    lines.map(option).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_with_the_users_own_headers() {
        let mut target: Target = "https://a.example.com/x".parse().unwrap();
        for (name, value) in
            [("Authorization", "Bearer s3cr3t"), ("Origin", "https://it's.example"), ("Range", "bytes=0-1")]
        {
            target.headers.push(HeaderLine::new(name, value));
        }
        let options = own_headers(&target);
        assert_eq!(options, "-H 'Authorization: '\"$AUTHORIZATION\" -H 'Origin: https://it'\\''s.example' ");
    }

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
