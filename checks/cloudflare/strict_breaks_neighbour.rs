//! A zone-wide mode that another host of the zone cannot bear (`facts/cloudflare.md` 4.1; the mixed zone).

use super::{fixes, view};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::model::effective::{Effective, Setter};
use crate::model::ssl_mode::SslMode;
use crate::verdict::{Finding, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "cloudflare-strict-breaks-neighbour",
    title: "No neighbour in the zone is asked for HTTPS that it does not have",
    severity: Severity::High,
    needs: &[Probe::Zone],
    why: "The zone's SSL mode holds for every proxied host that no rule takes out. An S3 website endpoint has no HTTPS: \
          under Full and Full (strict) its visitors get 521 or 522. Such a zone stays at Flexible, and the hosts that \
          have HTTPS are made strict by a rule; or the website moves behind something that has HTTPS.",
    fix: |evidence, _| fixes::spare_neighbour(evidence),
    sources: &[
        "https://developers.cloudflare.com/ssl/origin-configuration/ssl-modes/",
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteEndpoints.html",
        "https://developers.cloudflare.com/rules/cloud-connector/",
    ],
    judge,
};

/// Websites that are looked at: each costs one evaluation of the zone's rules.
const MOST: usize = 64;

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let zone = evidence.zone.get()?;
    zone.records.get()?;
    let websites: Vec<_> = view::proxied_hosts(zone)
        .into_iter()
        .filter(|(host, behind)| behind.class.is_http_only() && *host != evidence.target.host)
        .take(MOST)
        .collect();
    // A record that was not read may be the one.
    let well = |seen: String| match zone.missing_of("dns_records") {
        None => Ok(Verdict::pass(seen)),
        Some(why) => Err(NotRun::inconclusive(format!("not every record of the zone was read: {why}"))),
    };
    if websites.is_empty() {
        return well("no neighbour is without HTTPS".into());
    }
    let mut broken = Vec::new();
    for (host, behind) in &websites {
        let Some(target) = view::root_of(host) else { continue };
        let effective = evidence.effective_for(&target)?;
        if let Some(mode) = breaks(&effective) {
            let by = &effective.ssl.by;
            broken.push((
                host,
                format!("{host} → {}: ssl = {}, by {}", behind.name, mode.api(), by.line()),
                by.clone(),
                mode,
            ));
        }
    }
    let Some((host, _, by, mode)) = broken.first() else {
        return well(format!("{} of the zone without HTTPS, none under a mode that needs it", count(websites.len())));
    };
    let others = if broken.len() > 1 { format!(" and {} more", broken.len() - 1) } else { String::new() };
    let zone_wide = if matches!(by, Setter::Setting(_)) { "zone-wide " } else { "" };
    let seen = format!(
        "the {zone_wide}SSL mode {} reaches {host}{others}, whose origin has no HTTPS: its visitors get 521 or 522",
        view::mode_name(*mode)
    );
    Ok(Verdict::Warn(Finding::seen(seen).proofs(broken.iter().map(|(_, line, ..)| line.clone()))))
}

fn count(websites: usize) -> String {
    if websites == 1 { "one host".into() } else { format!("{websites} hosts") }
}

/// The mode that this host cannot bear, where it is sure and nothing answers before the origin.
fn breaks(effective: &Effective) -> Option<SslMode> {
    let mode = effective.ssl.certain().copied().filter(|mode| *mode >= SslMode::Full)?;
    let alone = effective.worker.certain() == Some(&None)
        && effective.connector.certain() == Some(&None)
        && effective.redirect.certain() == Some(&None)
        && effective.dns_override.certain() == Some(&None);
    alone.then_some(mode)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::*;
    use super::CHECK;

    #[test]
    fn a_website_under_a_strict_zone() {
        let strict_zone = zone(json!({"settings": {"ssl": "strict"}}));
        let (word, seen) = verdict(&CHECK, &strict_zone);
        assert_eq!(word, "warn/high");
        assert!(seen.contains("zone-wide") && seen.contains("www.example.com"), "{seen}");
        assert_eq!(verdict(&CHECK, &zone(json!({"settings": {"ssl": "flexible"}}))).0, "pass");
        let full = zone(json!({"settings": {"ssl": "full"}}));
        assert_eq!(verdict(&CHECK, &full).0, "warn/high");
    }

    #[test]
    fn what_takes_the_neighbour_out() {
        let spared = |part: serde_json::Value| {
            let mut all = json!({"settings": {"ssl": "strict"}});
            all.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
            verdict(&CHECK, &zone(all)).0
        };
        assert_eq!(spared(json!({"worker_routes": [{"pattern": "www.example.com/*", "script": "site"}]})), "pass");
        assert_eq!(
            spared(
                json!({"cloud_connector": [{"expression": "http.host eq \"www.example.com\"", "provider": "aws_s3"}]})
            ),
            "pass"
        );
        let rule = json!([{"expression": "http.host eq \"www.example.com\"", "action": "set_config",
            "action_parameters": {"ssl": "flexible"}}]);
        assert_eq!(spared(json!({"rulesets": {"http_config_settings": rule}})), "pass");
        // What was not read may take it out too.
        assert_eq!(spared(json!({"worker_routes": null})), "pass");
        let grey = json!([{"type": "CNAME", "name": "www.example.com", "content": "b.s3-website-us-west-2.amazonaws.com", "proxied": false}]);
        assert_eq!(spared(json!({"dns_records": grey})), "pass");
        assert_eq!(verdict(&CHECK, &nothing()).0, "no-credential");
    }

    #[test]
    fn records_that_were_not_read_may_hold_one() {
        let notes = json!(["dns_records: only the first 100 of 253 are read"]);
        let spared = zone(json!({"settings": {"ssl": "flexible"}, "notes": notes}));
        let (word, seen) = verdict(&CHECK, &spared);
        assert_eq!(word, "inconclusive");
        assert!(seen.contains("only the first 100 of 253"), "{seen}");
        assert_eq!(verdict(&CHECK, &zone(json!({"settings": {"ssl": "strict"}, "notes": notes}))).0, "warn/high");
    }
}
