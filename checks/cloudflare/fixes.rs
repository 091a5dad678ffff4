//! The ways to mend what this area finds, with the real zone, hosts and rules in them.

use serde_json::{Value, json};

use super::view::{self, Behind};
use crate::evidence::Evidence;
use crate::evidence::text::shell_quote;
use crate::evidence::zone::{Phase, Zone};
use crate::model::effective::{NearMiss, Setter};
use crate::model::ssl_mode::{self, ModeResult, SslMode};
use crate::model::url_pattern::glob;
use crate::verdict::Fix;
use crate::zone_rule::{ZoneRule, quoted};

/// Hosts that one rule is made for.
const MOST_HOSTS: usize = 10;
/// Neighbours that are evaluated for it: each costs one evaluation of the zone's rules.
const MOST_NEIGHBOURS: usize = 32;

/// A Configuration Rule that makes exactly the hosts strict that can bear it; the zone's own mode stays, where a neighbour
/// needs it.
pub(crate) fn make_strict(evidence: &Evidence) -> Fix {
    let hosts = weak_hosts(evidence);
    let (expression, who) = condition(evidence, &hosts);
    let websites = http_only_neighbours(evidence);
    let spared = match websites.first() {
        Some((host, behind)) => {
            format!(" The zone's own mode stays as it is: {host} ({}) has no HTTPS.", behind.class.one())
        }
        None if evidence.zone.found().is_some_and(|zone| zone.records.found().is_some()) => String::new(),
        None => " Leave the zone's own mode: a neighbour without HTTPS (an S3 website) would break.".into(),
    };
    let first = refused_by_strict(evidence)
        .map(|why| format!("First mend the origin's certificate ({why}). "))
        .unwrap_or_default();
    let fix = Fix::new(format!("{first}Make {who} Full (strict) with a Configuration Rule.{spared}"));
    let fix = meant(evidence, fix);
    let fix = fix.dashboard(format!(
        "Rules → Configuration Rules → Create rule → Custom filter expression: {expression} → SSL: Full (strict) → Place \
         at: Last → Deploy"
    ));
    let rule = ZoneRule {
        phase: Phase::Config,
        description: format!("Full (strict) for {who}"),
        expression,
        action: "set_config",
        parameters: json!({ "ssl": "strict" }),
    };
    let fix = rule.add_to(fix);
    let zone_decides = evidence
        .effective_for(&view::over_https(&evidence.target))
        .is_ok_and(|effective| matches!(effective.ssl.by, Setter::Setting(_)));
    let records_known = evidence.zone.found().is_some_and(|zone| zone.records.found().is_some());
    if zone_decides && records_known && websites.is_empty() {
        return fix.api("Or, as no host of this zone is known to need less, for the whole zone", zone_mode("strict"));
    }
    fix
}

/// `PATCH /zones/{id}/settings/ssl`.
fn zone_mode(mode: &str) -> String {
    format!(
        "curl -sS -X PATCH -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" --json {} \
         https://api.cloudflare.com/client/v4/zones/$ZONE_ID/settings/ssl",
        shell_quote(&json!({ "value": mode }).to_string())
    )
}

/// Why strict would refuse the origin's certificate.
fn refused_by_strict(evidence: &Evidence) -> Option<String> {
    let outcomes = ssl_mode::outcomes(evidence)?;
    let strict = outcomes.into_iter().find(|outcome| outcome.mode == SslMode::Strict)?;
    (strict.outcome == ModeResult::Error526).then_some(strict.because)
}

/// Proxied neighbours without HTTPS.
fn http_only_neighbours(evidence: &Evidence) -> Vec<(String, Behind)> {
    let Some(zone) = evidence.zone.found() else { return Vec::new() };
    let hosts = view::proxied_hosts(zone).into_iter();
    hosts.filter(|(host, behind)| behind.class.is_http_only() && *host != evidence.target.host).collect()
}

/// The target's host, and the neighbours of the same kind (HTTPS only) that are not strict either.
fn weak_hosts(evidence: &Evidence) -> Vec<String> {
    let mut hosts = vec![evidence.target.host.clone()];
    let Some(zone) = evidence.zone.found() else { return hosts };
    let siblings = view::proxied_hosts(zone).into_iter().filter(|(_, behind)| behind.class.is_https_only());
    for (host, _) in siblings.take(MOST_NEIGHBOURS) {
        let effective = view::root_of(&host).and_then(|target| evidence.effective_for(&target).ok());
        let is_weak = effective.is_some_and(|effective| effective.ssl.value.is_some_and(|mode| mode < SslMode::Strict));
        if is_weak && !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    hosts.truncate(MOST_HOSTS);
    hosts
}

/// The expression that catches these hosts and no neighbour that cannot bear it, and how people call them.
fn condition(evidence: &Evidence, hosts: &[String]) -> (String, String) {
    let neighbours = evidence.zone.found().map(view::proxied_hosts).unwrap_or_default();
    let others = neighbours.iter().filter(|(host, behind)| !hosts.contains(host) && !behind.class.is_https_only());
    let other_names: Vec<&str> = others.map(|(host, _)| host.as_str()).collect();
    let zone = evidence.zone.found().and_then(Zone::name);
    match pattern(hosts, zone, &other_names) {
        Some(pattern) => (format!("(http.host wildcard {})", quoted(&pattern)), pattern),
        None if hosts.len() == 1 => {
            let host = hosts.first().cloned().unwrap_or_default();
            (format!("(http.host eq {})", quoted(&host)), host)
        }
        None => {
            let list: Vec<String> = hosts.iter().map(|host| quoted(host)).collect();
            (format!("(http.host in {{{}}})", list.join(" ")), hosts.join(", "))
        }
    }
}

/// One wildcard for several hosts (`*lambda.example.com`), if they share more than the zone's name and no other host falls
/// under it.
fn pattern(hosts: &[String], zone: Option<&str>, others: &[&str]) -> Option<String> {
    let [first, rest @ ..] = hosts else { return None };
    if rest.is_empty() {
        return None;
    }
    let shared = rest.iter().fold(first.as_str(), |shared, host| {
        let same = shared.bytes().rev().zip(host.bytes().rev()).take_while(|(a, b)| a == b).count();
        shared.get(shared.len() - same..).unwrap_or_default()
    });
    let own = shared.strip_suffix(zone?)?.strip_suffix('.')?;
    // A letter or two in common is chance.
    if own.trim_matches(['.', '-']).len() < 3 {
        return None;
    }
    let pattern = format!("*{shared}");
    (!others.iter().any(|other| glob(&pattern, other))).then_some(pattern)
}

/// The rule that was meant for this URL, mended.
fn meant(evidence: &Evidence, fix: Fix) -> Fix {
    let Ok(effective) = evidence.effective_for(&view::over_https(&evidence.target)) else { return fix };
    let stronger = |miss: &&NearMiss| {
        miss.would_set
            .iter()
            .any(|set| set.setting == "ssl" && view::mode_of(&set.value).is_some_and(|mode| mode >= SslMode::Strict))
    };
    match effective.meant_for("ssl").find(stronger) {
        Some(miss) => correct(evidence, fix, miss),
        None => fix,
    }
}

/// The corrected pattern or expression of a rule that misses.
pub(super) fn correct(evidence: &Evidence, fix: Fix, miss: &NearMiss) -> Fix {
    let Some(corrected) = &miss.corrected else { return fix };
    let label = format!("Correct {}", miss.setter);
    match &miss.setter {
        Setter::PageRule { id, .. } => {
            let body = json!({ "targets": [{ "target": "url", "constraint": { "operator": "matches", "value": corrected } }] });
            fix.api(
                label,
                format!(
                    "curl -sS -X PATCH -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" --json {} \
                     https://api.cloudflare.com/client/v4/zones/$ZONE_ID/pagerules/{}",
                    shell_quote(&body.to_string()),
                    word(id.as_deref(), "PAGE_RULE_ID"),
                ),
            )
        }
        Setter::Rule { phase, id, .. } => {
            let place = match phase {
                Phase::Cache => "Caching → Cache Rules",
                Phase::Config => "Rules → Configuration Rules",
                _ => "Rules → Origin Rules",
            };
            let fix = fix.dashboard(format!("{place} → {} → Edit → expression: {corrected} → Save", miss.setter));
            let Some(body) = whole_rule(evidence, *phase, id.as_deref(), corrected) else { return fix };
            let phase = phase.api();
            fix.api(
                label,
                format!(
                    "API=https://api.cloudflare.com/client/v4/zones/$ZONE_ID/rulesets\n\
                     RULESET_ID=$(curl -sS -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" \
                     \"$API/phases/{phase}/entrypoint\" | jq -r .result.id)\n\
                     curl -sS -X PATCH -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" --json {} \
                     \"$API/$RULESET_ID/rules/{}\"",
                    shell_quote(&body.to_string()),
                    word(id.as_deref(), "RULE_ID"),
                ),
            )
        }
        _ => fix,
    }
}

/// An id that can stand in a command, else a word to be replaced.
pub(super) fn word<'i>(id: Option<&'i str>, placeholder: &'static str) -> &'i str {
    id.filter(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')).unwrap_or(placeholder)
}

/// The rule as the zone has it, with another expression: an update names all of it.
fn whole_rule(evidence: &Evidence, phase: Phase, id: Option<&str>, expression: &str) -> Option<Value> {
    let rules = evidence.zone.found()?.document().get("rulesets")?.get(phase.api())?;
    let list = rules.as_array().or_else(|| rules.get("rules")?.as_array())?;
    let rule = list.iter().find(|rule| id.is_some() && rule.get("id").and_then(Value::as_str) == id)?;
    let mut body = serde_json::Map::new();
    for key in ["action", "action_parameters", "description", "enabled", "ref"] {
        if let Some(value) = rule.get(key).filter(|value| !value.is_null()) {
            body.insert(key.to_owned(), value.clone());
        }
    }
    body.insert("expression".to_owned(), Value::from(expression));
    Some(Value::Object(body))
}

/// The neighbour without HTTPS back to Flexible, by a rule of its own.
pub(super) fn spare_neighbour(evidence: &Evidence) -> Fix {
    let neighbours = http_only_neighbours(evidence);
    let hosts: Vec<String> = neighbours.iter().map(|(host, _)| host.clone()).take(MOST_HOSTS).collect();
    let hosts = if hosts.is_empty() { vec!["www.example.com".to_owned()] } else { hosts };
    let list: Vec<String> = hosts.iter().map(|host| quoted(host)).collect();
    let expression = format!("(http.host in {{{}}})", list.join(" "));
    let who = hosts.join(", ");
    let fix = Fix::new(format!(
        "Give {who} an origin with HTTPS (CloudFront, or Cloud Connector to the bucket); until then leave just these \
         hosts at Flexible with a Configuration Rule, and everything else strict."
    ))
    .dashboard(format!(
        "Rules → Configuration Rules → Create rule → Custom filter expression: {expression} → SSL: Flexible → Place at: \
         Last → Deploy; or Rules → Cloud Connector → Amazon S3, for {who}"
    ));
    ZoneRule {
        phase: Phase::Config,
        description: format!("Flexible for the websites {who}"),
        expression,
        action: "set_config",
        parameters: json!({ "ssl": "flexible" }),
    }
    .add_to(fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_hosts_share_a_pattern_where_no_other_falls_under_it() {
        let hosts = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let lambda = hosts(&["lambda.example.com", "eulambda.example.com"]);
        let of = |hosts: &[String], others: &[&str]| pattern(hosts, Some("example.com"), others);
        assert_eq!(of(&lambda, &["www.example.com"]).unwrap(), "*lambda.example.com");
        assert_eq!(of(&lambda, &["oldlambda.example.com"]), None);
        assert_eq!(of(&hosts(&["a.example.com", "b.example.com"]), &[]), None);
        assert_eq!(of(&hosts(&["lambda.example.com"]), &[]), None);
        let below = hosts(&["eu.lambda.example.com", "us.lambda.example.com"]);
        assert_eq!(of(&below, &[]).unwrap(), "*.lambda.example.com");
        assert_eq!(pattern(&lambda, None, &[]), None);
    }
}
