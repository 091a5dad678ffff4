//! The order of `diagnosis.md` section 1, and what explains what, as data.

use crate::evidence::gateway::{Certificate, CertificateStatus, Domain, DomainStatus, EndpointType};
use crate::evidence::http::{Outcome, Response};
use crate::evidence::target::Scheme;
use crate::evidence::{Evidence, Idle};
use crate::model::cloudflare::error_code;
use crate::model::effective::Setter;
use crate::model::reach;
use crate::model::ssl_mode::SslMode;
use crate::model::trust;
use crate::verdict::Confidence;

/// Lines 2–24 of `diagnosis.md` section 1: each line loses to those above it, and within a line the first wins.
pub(super) const ORDER: &[&[&str]] = &[
    &["edge-challenged"],
    &["dns-dnssec-broken", "dns-cname-loop", "dns-name-unresolvable"],
    &["cloudflare-zone-inactive", "dns-delegation-wrong", "dns-resolvers-disagree"],
    &["cache-platform-owned"],
    &["dns-not-proxied", "origin-ca-exposed"],
    &[
        "dns-caa-forbids-issuer",
        "cloudflare-edge-certificate-pending",
        "edge-certificate-not-covering",
        "edge-unreachable",
    ],
    &["edge-preflight-blocked"],
    &["cloudflare-worker-intercepts"],
    &[
        "dns-target-is-cloudflare",
        "dns-target-unresolvable",
        "dns-target-default-endpoint",
        "dns-target-foreign-host",
        "dns-target-is-address",
        "dns-region-mismatch",
    ],
    &["cloudflare-ssl-mode-weak"],
    &["edge-host-rejected"],
    // Without an account, the service's own certificate is what tells of a missing custom domain.
    &[
        "aws-custom-domain-missing",
        "aws-domain-frozen",
        "aws-target-mismatch",
        "aws-certificate-region",
        "aws-endpoint-type",
        "origin-default-certificate",
    ],
    &["cloudflare-trust-store-replaced"],
    &["aws-mutual-tls-unmet", "origin-client-certificate-required"],
    &[
        "aws-certificate-renewal-blocked",
        "origin-certificate-expired",
        "origin-certificate-not-yet-valid",
        "origin-certificate-name-mismatch",
        "origin-chain-incomplete",
        "origin-certificate-untrusted",
        "aws-certificate-unusable",
    ],
    &["origin-tls-outdated", "origin-unreachable", "origin-handshake-failing"],
    &["aws-mapping-missing", "aws-function-url-auth"],
    &["aws-invoke-permission-missing"],
    &[
        "edge-redirect-loop",
        "edge-origin-error",
        "edge-gateway-rejects",
        "edge-integration-failing",
        "edge-body-base64",
    ],
    &["cache-private-shared", "cache-errors-stored", "cache-cors-shared"],
    &[
        "cache-method-uncacheable",
        "cache-port-uncacheable",
        "cache-rule-bypasses",
        "cache-worker-in-front",
        "cloudflare-rule-shadowed",
        "cloudflare-rule-never-matches",
        "cache-not-eligible",
    ],
    &[
        "cache-object-too-large",
        "cache-status-uncacheable",
        "cache-control-overridden",
        "cache-control-forbids",
        "cache-set-cookie",
        "cache-authorization",
        "cache-vary-blocks",
        "cache-type-mismatch",
    ],
    &["cache-control-revalidates", "cache-control-missing", "cache-control-malformed", "cache-ttl-short"],
    &["cache-key-fragmented", "cache-never-hit"],
    // Nothing is visibly broken: what will break, or is a risk.
    &[
        "edge-certificate-expiring",
        "origin-certificate-expiring",
        "origin-ca-unmanaged",
        "cloudflare-strict-breaks-neighbour",
        "aws-region-split",
        "edge-http-not-redirected",
        "edge-differs-from-origin",
        "origin-certificate-weak",
        "cache-stale-disabled",
    ],
];

/// Never a cause (`diagnosis.md` line 25): they work as they are.
pub(super) const HYGIENE: &[&str] = &[
    "edge-legacy-tls",
    "cloudflare-minimum-tls-weak",
    "aws-default-endpoint-open",
    "origin-bypass-open",
    "cloudflare-page-rule-superseded",
    "aws-security-policy-outdated",
    "cache-validators-missing",
    "cache-browser-ttl-rewritten",
    "cloudflare-tiered-cache-unhinted",
    "aws-stage-cache-stacked",
];

/// A cause only where it fails: a warning of these says how the zone, or the domain, is, not that something is wrong
/// (`diagnosis.md` line 8 and section 2).
pub(super) const ONLY_IF_FAILED: &[&str] = &["cloudflare-worker-intercepts", "aws-endpoint-type"];

/// Results that tell what a visitor meets, worst first: the cause is looked for behind the first that spoke.
pub(super) const SYMPTOMS: &[&str] = &[
    "dns-dnssec-broken",
    "dns-cname-loop",
    "dns-name-unresolvable",
    "dns-resolvers-disagree",
    "edge-unreachable",
    "edge-certificate-not-covering",
    "edge-redirect-loop",
    "edge-origin-error",
    "edge-host-rejected",
    "edge-gateway-rejects",
    "edge-integration-failing",
    "edge-preflight-blocked",
    "edge-body-base64",
];

/// `cause` explains `effects`, as far as `when` holds.
pub(super) struct Explains {
    pub(super) cause: &'static str,
    pub(super) effects: &'static [&'static str],
    pub(super) when: fn(&Evidence) -> bool,
    /// The explanation is at most this sure.
    pub(super) at_most: Confidence,
}

const fn always(cause: &'static str, effects: &'static [&'static str]) -> Explains {
    Explains { cause, effects, when: |_| true, at_most: Confidence::High }
}

const fn when(cause: &'static str, effects: &'static [&'static str], when: fn(&Evidence) -> bool) -> Explains {
    Explains { cause, effects, when, at_most: Confidence::High }
}

const REJECTIONS: &[&str] = &["edge-gateway-rejects", "edge-host-rejected"];
const ORIGIN_TRUST: &[&str] =
    &["origin-certificate-name-mismatch", "origin-certificate-untrusted", "origin-chain-incomplete"];

const ENDED: &[&str] = &["origin-certificate-expired", "origin-certificate-expiring", "origin-ca-unmanaged"];
const WEAK_MODE: &[&str] = &["cloudflare-ssl-mode-weak"];

const REFUSED_HENCE: &[&str] =
    &["edge-differs-from-origin", "cache-status-uncacheable", "cache-control-missing", "cache-not-eligible"];

const DECIDED_BY_RULES: &[&str] = &["cache-rule-bypasses", "cache-not-eligible"];
/// Settings of rules that decide whether the cache is asked.
const CACHE: &[&str] = &["cache", "cache_level"];

/// Who explains whom (`diagnosis.md` section 1; the codes by `facts/cloudflare.md` section 6).
pub(super) const EXPLAINS: &[Explains] = &[
    // Nothing of a zone that is not in use has an effect; which name servers answer is part of why it is not.
    always("cloudflare-zone-inactive", &["dns-not-proxied", "origin-ca-exposed", "edge-certificate-not-covering"]),
    always("cloudflare-zone-inactive", &["edge-http-not-redirected", "edge-legacy-tls", "edge-unreachable"]),
    when(
        "cloudflare-zone-inactive",
        &["dns-delegation-wrong", "dns-name-unresolvable", "dns-resolvers-disagree"],
        not_delegated,
    ),
    when("cloudflare-zone-inactive", &["edge-origin-error"], |e| matches!(code(e), Some(1001 | 1004 | 1018))),
    always("dns-delegation-wrong", &["dns-name-unresolvable", "dns-resolvers-disagree", "dns-not-proxied"]),
    always("dns-delegation-wrong", &["origin-ca-exposed", "edge-certificate-not-covering", "edge-unreachable"]),
    always("dns-dnssec-broken", &["dns-name-unresolvable", "dns-resolvers-disagree", "edge-unreachable"]),
    always("dns-cname-loop", &["dns-name-unresolvable", "edge-unreachable"]),
    always("dns-name-unresolvable", &["edge-unreachable"]),
    always("dns-resolvers-disagree", &["dns-name-unresolvable"]),
    when("dns-resolvers-disagree", &["dns-not-proxied"], |e| e.zone_proxies() == Some(true)),
    always(
        "dns-not-proxied",
        &["origin-ca-exposed", "edge-certificate-not-covering", "edge-http-not-redirected", "edge-legacy-tls"],
    ),
    always("origin-ca-exposed", &["edge-certificate-not-covering", "edge-unreachable"]),
    always("dns-caa-forbids-issuer", &["edge-certificate-expiring"]),
    when("dns-caa-forbids-issuer", &["edge-certificate-not-covering"], |e| !e.edge_tls_completed()),
    always("edge-certificate-not-covering", &["edge-unreachable"]),
    always("dns-caa-forbids-issuer", &["cloudflare-edge-certificate-pending"]),
    when("dns-caa-forbids-issuer", &["aws-certificate-unusable"], is_not_issued),
    // Unless the validation record is gone as well.
    when("dns-caa-forbids-issuer", &["aws-certificate-renewal-blocked"], validation_stands),
    when("cloudflare-edge-certificate-pending", &["edge-certificate-not-covering", "edge-unreachable"], |e| {
        !e.edge_tls_completed()
    }),
    always("cloudflare-minimum-tls-weak", &["edge-legacy-tls"]),
    when(
        "cloudflare-worker-intercepts",
        &["edge-origin-error", "edge-host-rejected", "edge-integration-failing"],
        |e| matches!(code(e), Some(1019 | 1101 | 1102)) || bucket_answers(e),
    ),
    when("dns-target-is-address", &["edge-origin-error", "edge-host-rejected"], |e| {
        code(e).is_none_or(|c| (520..=526).contains(&c))
    }),
    when("cloudflare-trust-store-replaced", &["edge-origin-error"], untrusted),
    always("cloudflare-trust-store-replaced", &["origin-certificate-untrusted", "origin-chain-incomplete"]),
    always("edge-challenged", &["edge-preflight-blocked", "edge-gateway-rejects", "edge-origin-error"]),
    when("dns-target-is-cloudflare", &["edge-origin-error"], |e| {
        code(e).is_some_and(|code| matches!(code, 1000..=1004 | 1014 | 1034 | 520 | 522 | 523 | 530))
    }),
    when("dns-target-unresolvable", &["edge-origin-error"], |e| {
        code(e).is_some_and(|code| matches!(code, 530 | 1001 | 1016 | 523))
    }),
    always("dns-target-unresolvable", &["origin-unreachable", "dns-region-mismatch"]),
    always("dns-target-default-endpoint", REJECTIONS),
    always(
        "dns-target-default-endpoint",
        &["origin-default-certificate", "origin-certificate-name-mismatch", "aws-custom-domain-missing"],
    ),
    when("dns-target-default-endpoint", &["edge-origin-error"], certificate_error),
    always("dns-target-foreign-host", REJECTIONS),
    always("dns-target-foreign-host", ORIGIN_TRUST),
    when("dns-target-foreign-host", &["edge-origin-error"], certificate_error),
    always("dns-region-mismatch", &["origin-default-certificate", "dns-target-unresolvable", "aws-target-mismatch"]),
    always("dns-region-mismatch", REJECTIONS),
    when("dns-region-mismatch", &["edge-origin-error"], |e| certificate_error(e) || code(e) == Some(1016)),
    when("cloudflare-ssl-mode-weak", &["edge-redirect-loop"], plain_mode),
    // With such a certificate nobody can leave Full for strict: first the certificate, then the mode.
    when("origin-certificate-expired", WEAK_MODE, |e| !plain_mode(e)),
    when("origin-certificate-not-yet-valid", WEAK_MODE, |e| !plain_mode(e)),
    when("origin-certificate-name-mismatch", WEAK_MODE, |e| !plain_mode(e)),
    when("origin-chain-incomplete", WEAK_MODE, |e| !plain_mode(e)),
    when("origin-certificate-untrusted", WEAK_MODE, |e| !plain_mode(e)),
    when("cloudflare-ssl-mode-weak", &["edge-origin-error", "origin-unreachable"], |e| refused(e) && plain_mode(e)),
    // The rule that was meant to help is named there.
    when("cloudflare-ssl-mode-weak", &["cloudflare-rule-shadowed", "cloudflare-rule-never-matches"], |e| {
        concerns(e, &["ssl"]) && !concerns(e, CACHE)
    }),
    // To move such a rule as it is would make the fault last: first the mode, then the move.
    when("cloudflare-ssl-mode-weak", &["cloudflare-page-rule-superseded"], mode_by_page_rule),
    when("cloudflare-rule-shadowed", DECIDED_BY_RULES, |e| concerns(e, CACHE)),
    when("cloudflare-rule-never-matches", DECIDED_BY_RULES, |e| concerns(e, CACHE)),
    always("edge-host-rejected", &["edge-gateway-rejects"]),
    // Nobody made it: what its target shows and answers in its place follows.
    always("aws-custom-domain-missing", &["origin-default-certificate"]),
    always("aws-custom-domain-missing", ORIGIN_TRUST),
    always("aws-custom-domain-missing", REJECTIONS),
    when("aws-custom-domain-missing", &["edge-origin-error"], certificate_error),
    always("aws-target-mismatch", &["origin-default-certificate"]),
    always("aws-target-mismatch", ORIGIN_TRUST),
    always("aws-target-mismatch", REJECTIONS),
    when("aws-target-mismatch", &["edge-origin-error"], certificate_error),
    always("aws-domain-frozen", &["origin-certificate-name-mismatch", "origin-certificate-expired"]),
    always("aws-domain-frozen", &["aws-certificate-unusable"]),
    when("aws-domain-frozen", &["origin-default-certificate"], domain_failed),
    when("aws-domain-frozen", REJECTIONS, domain_failed),
    when("aws-domain-frozen", &["edge-origin-error"], |e| domain_failed(e) && certificate_error(e)),
    // Where the domain could not be made, or its certificate not be put on it.
    always("aws-certificate-region", &["origin-default-certificate", "aws-domain-frozen"]),
    always("aws-certificate-renewal-blocked", &["aws-certificate-unusable"]),
    always("aws-certificate-renewal-blocked", ENDED),
    when("aws-certificate-renewal-blocked", &["edge-origin-error"], |e| untrusted(e) && has_ended(e)),
    // What the origin shows is seen; what the account says of the same certificate follows.
    always("origin-certificate-expired", &["aws-certificate-unusable"]),
    always("origin-certificate-not-yet-valid", &["aws-certificate-unusable"]),
    always("origin-certificate-name-mismatch", &["aws-certificate-unusable"]),
    always("aws-certificate-unusable", &["origin-certificate-expiring", "origin-ca-unmanaged"]),
    when("aws-certificate-unusable", &["edge-origin-error"], untrusted),
    // Nothing but a VPC endpoint reaches it.
    when(
        "aws-endpoint-type",
        &["edge-origin-error", "edge-gateway-rejects", "edge-host-rejected", "origin-unreachable"],
        is_private,
    ),
    always("origin-default-certificate", ORIGIN_TRUST),
    always("origin-default-certificate", REJECTIONS),
    when("origin-default-certificate", &["edge-origin-error"], certificate_error),
    when("aws-mutual-tls-unmet", &["edge-origin-error"], |e| {
        matches!(code(e), Some(520 | 525)) || certificate_error(e)
    }),
    when("aws-mutual-tls-unmet", REJECTIONS, |e| answered(e, &[403])),
    always("aws-mutual-tls-unmet", &["origin-client-certificate-required", "origin-handshake-failing"]),
    when("origin-client-certificate-required", &["edge-origin-error"], |e| {
        matches!(code(e), Some(520 | 525)) || certificate_error(e)
    }),
    always("origin-client-certificate-required", &["origin-handshake-failing", "edge-gateway-rejects"]),
    when("origin-certificate-expired", &["edge-origin-error"], untrusted),
    always("origin-certificate-expired", &["origin-certificate-expiring", "origin-ca-unmanaged"]),
    when("origin-certificate-not-yet-valid", &["edge-origin-error"], untrusted),
    when("origin-certificate-name-mismatch", &["edge-origin-error"], untrusted),
    when("origin-chain-incomplete", &["edge-origin-error"], untrusted),
    always("origin-chain-incomplete", &["origin-certificate-untrusted"]),
    when("origin-certificate-untrusted", &["edge-origin-error"], untrusted),
    when("origin-tls-outdated", &["edge-origin-error"], |e| matches!(code(e), Some(520 | 525))),
    always("origin-tls-outdated", &["origin-handshake-failing"]),
    when("origin-unreachable", &["edge-origin-error"], |e| matches!(code(e), Some(520..=523 | 525))),
    when("origin-handshake-failing", &["edge-origin-error"], |e| matches!(code(e), Some(520 | 525))),
    // What stands between hides a failed handshake behind a 502 of its own.
    Explains {
        at_most: Confidence::Medium,
        ..when("origin-handshake-failing", &["edge-integration-failing"], bad_gateway)
    },
    // 403 by the domain (404 is told of HTTP APIs), and by the function URL (`facts/aws.md` section 4.2).
    when("aws-mapping-missing", REJECTIONS, |e| answered(e, &[403, 404])),
    when("aws-function-url-auth", REJECTIONS, |e| answered(e, &[403])),
    // Not allowed to call it: 500 at once, of either kind of API.
    when("aws-invoke-permission-missing", &["edge-integration-failing"], |e| answered(e, &[500])),
    always("edge-redirect-loop", &["edge-http-not-redirected", "edge-differs-from-origin", "cache-errors-stored"]),
    // Asked about http:// itself: the error is what its visitors get for want of a redirect.
    when("edge-http-not-redirected", &["edge-origin-error"], |e| e.target.scheme == Scheme::Http && refused(e)),
    always("edge-origin-error", &["edge-differs-from-origin"]),
    always("edge-integration-failing", &["edge-differs-from-origin", "edge-origin-error"]),
    // What is refused is not what was meant to be cached.
    always("edge-gateway-rejects", REFUSED_HENCE),
    always("edge-host-rejected", REFUSED_HENCE),
    always("edge-integration-failing", REFUSED_HENCE),
    always("edge-origin-error", REFUSED_HENCE),
    always("edge-redirect-loop", REFUSED_HENCE),
    always("cache-private-shared", &["edge-differs-from-origin"]),
    always("cache-errors-stored", &["edge-differs-from-origin"]),
    when("cache-errors-stored", &["edge-integration-failing", "edge-gateway-rejects"], errors_are_copies),
];

/// The first Cloudflare error code seen at the edge on the target's own URL.
pub(super) fn code(evidence: &Evidence) -> Option<u16> {
    let http = evidence.edge.http.found()?;
    http.samples.iter().chain(&http.redirects).find_map(|exchange| match &exchange.outcome {
        Outcome::Answered(response) => error_code(response),
        Outcome::Failed(_) => None,
    })
}

/// The zone waits for its name servers, or has lost them.
fn not_delegated(evidence: &Evidence) -> bool {
    let idle = evidence.zone_of_host().ok().and_then(crate::evidence::Zone::idle);
    matches!(idle, Some(Idle::Pending | Idle::Moved))
}

/// S3 answers, in its own words.
fn bucket_answers(evidence: &Evidence) -> bool {
    evidence.edge_answer().is_ok_and(|answer| crate::model::attribution::s3_code(answer).is_some())
}

/// Is the mode, as far as is known, one that asks the origin on port 80?
fn plain_mode(evidence: &Evidence) -> bool {
    evidence.effective().map_or(true, |effective| effective.ssl.value.is_none_or(|mode| mode < SslMode::Full))
}

/// Does a Page Rule set the mode?
fn mode_by_page_rule(evidence: &Evidence) -> bool {
    evidence.effective().is_ok_and(|effective| matches!(effective.ssl.by, Setter::PageRule { .. }))
}

/// Is one of these settings what a rule misses, or loses to another?
fn concerns(evidence: &Evidence, settings: &[&str]) -> bool {
    evidence.effective().is_ok_and(|effective| {
        let missed = effective.near_misses.iter().filter(|miss| miss.slip.is_mistake());
        missed.flat_map(|miss| &miss.would_set).any(|set| settings.contains(&set.setting))
            || effective.overruled.iter().any(|beaten| settings.contains(&beaten.setting))
    })
}

/// Every validation record of ACM that was looked up leads on.
fn validation_stands(evidence: &Evidence) -> bool {
    evidence.dns.found().is_some_and(|dns| dns.validation.iter().all(|chain| !chain.hops.is_empty()))
}

/// No certificate of the account's data was issued: each waits, or could not be.
fn is_not_issued(evidence: &Evidence) -> bool {
    let certificates = evidence.gateway.found().and_then(|gateway| gateway.certificates.found());
    let waits = |one: &Certificate| {
        matches!(
            one.status,
            Some(CertificateStatus::PendingValidation | CertificateStatus::Failed | CertificateStatus::Other(_))
        )
    };
    certificates.is_some_and(|all| !all.is_empty() && all.iter().all(waits))
}

/// A custom domain that could not be made, rather than one that serves on and cannot be changed.
fn domain_failed(evidence: &Evidence) -> bool {
    let domains = evidence.gateway.found().and_then(|gateway| gateway.domains_of(&evidence.target.host).ok());
    domains.into_iter().flatten().any(|domain| domain.status == Some(DomainStatus::Failed))
}

/// 525 and 526: TLS with the origin failed.
fn certificate_error(evidence: &Evidence) -> bool {
    matches!(code(evidence), Some(525 | 526))
}

/// A plain 502 that is not Cloudflare's own.
fn bad_gateway(evidence: &Evidence) -> bool {
    answered(evidence, &[502])
}

/// Is one of these the first answer at either end?
fn answered(evidence: &Evidence, statuses: &[u16]) -> bool {
    let ends = [evidence.edge.http.found(), evidence.origin.http.found()];
    ends.into_iter().flatten().filter_map(|http| http.first()).any(|answer| statuses.contains(&answer.status))
}

/// Is the custom domain one that only VPC endpoints reach?
fn is_private(evidence: &Evidence) -> bool {
    let private = |domain: &&Domain| domain.endpoint_types == [EndpointType::Private];
    reach::domains(evidence).is_ok_and(|domains| domains.iter().all(private))
}

/// 526: the origin's certificate was not accepted.
fn untrusted(evidence: &Evidence) -> bool {
    code(evidence) == Some(526)
}

/// Is the time of the certificate that the origin shows over?
fn has_ended(evidence: &Evidence) -> bool {
    let leaf = evidence.origin.tls.found().and_then(|handshake| trust::served_chain(handshake).first());
    leaf.and_then(|leaf| leaf.not_after).is_none_or(|ends| ends < evidence.gathered_at)
}

/// 521–523: nothing took the connection.
fn refused(evidence: &Evidence) -> bool {
    matches!(code(evidence), Some(521..=523))
}

/// No error was fetched from the origin just now: each is a stored copy, and what made it may be over.
fn errors_are_copies(evidence: &Evidence) -> bool {
    let errors = || evidence.edge.http.found().into_iter().flat_map(|http| http.answers()).filter(|a| a.status >= 400);
    let from_cache = |answer: &Response| answer.headers.cf_cache_status().is_some_and(|s| s.is_from_cache());
    errors().next().is_some() && errors().all(from_cache)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn nothing_stands_in_the_order_twice() {
        let mut seen = HashSet::new();
        for id in ORDER.iter().copied().flatten().chain(HYGIENE) {
            assert!(seen.insert(id), "{id} is ranked twice");
        }
    }

    #[test]
    fn every_check_is_ranked_and_every_name_of_an_area_exists() {
        let ranked: HashSet<_> = ORDER.iter().copied().flatten().chain(HYGIENE).copied().collect();
        for check in crate::all() {
            assert!(ranked.contains(check.id), "{} has no place in the order", check.id);
        }
        let built: HashSet<_> = crate::AREAS.iter().filter(|area| !area.checks.is_empty()).map(|a| a.id).collect();
        for id in ranked {
            let area = id.split('-').next().unwrap();
            if built.contains(area) {
                assert!(crate::find(id).is_some(), "{id} is ranked but no check");
            }
        }
    }

    #[test]
    fn an_explanation_never_runs_in_a_circle() {
        fn reaches(from: &str, to: &str, depth: u32) -> bool {
            depth > 0
                && EXPLAINS
                    .iter()
                    .filter(|line| line.cause == from)
                    .flat_map(|line| line.effects)
                    .any(|effect| *effect == to || reaches(effect, to, depth - 1))
        }
        for line in EXPLAINS {
            // The two ways in which a region can be wrong may explain each other; the order decides.
            if ["dns-region-mismatch", "dns-target-unresolvable"].contains(&line.cause) {
                continue;
            }
            assert!(!reaches(line.cause, line.cause, 8), "{} explains itself", line.cause);
        }
    }
}
