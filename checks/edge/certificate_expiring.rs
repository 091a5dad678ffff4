//! How long the edge's certificate still lives.

use time::{Duration, UtcOffset};

use super::report::{self, Reported};
use super::view;
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::tls::{Certificate, TlsOutcome};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

/// Cloudflare renews long before this; a third of its life for the short-lived ones (`product.md` section 6).
const WARN_BEFORE: Duration = Duration::days(14);

pub(crate) const CHECK: Check = Check {
    id: "edge-certificate-expiring",
    title: "The edge's certificate is far from its end",
    severity: Severity::High,
    needs: &[Probe::Dns, Probe::EdgeTls, Probe::EdgeHttp],
    why: "Cloudflare renews its certificates by itself, well ahead. One that is near its end was uploaded by hand, or its \
          renewal is held up: a validation record is missing, or CAA shuts the CA out.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/ssl/edge-certificates/universal-ssl/",
        "https://developers.cloudflare.com/ssl/edge-certificates/changing-dcv-method/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let handshake = evidence.edge.tls.get()?;
    view::behind_cloudflare(evidence)?;
    if let TlsOutcome::Reported { error: Some(error) } = &handshake.outcome
        && report::read(error) == Reported::Expired
    {
        let finding = Finding::seen(format!("the edge's certificate is outside its dates: {error}"));
        return Ok(Verdict::Fail(
            finding.proof(format!("reported at the edge: {error}")).confidence(Confidence::Medium),
        ));
    }
    let leaf =
        handshake.leaf().ok_or_else(|| NotRun::blocked(Probe::EdgeTls, "no certificate of the edge was seen"))?;
    let end = leaf.not_after.ok_or_else(|| NotRun::inconclusive("the end of the edge's certificate is not known"))?;
    let left = end - evidence.gathered_at;
    let utc = end.to_offset(UtcOffset::UTC);
    let proof = format!("the edge's certificate ends on {} at {:02}:{:02} UTC", utc.date(), utc.hour(), utc.minute());
    if left <= Duration::ZERO {
        let seen = format!("the edge's certificate expired {} ago", days(-left));
        return Ok(Verdict::Fail(Finding::seen(seen).proof(proof).severity(Severity::Critical)));
    }
    if left < threshold(leaf) {
        let seen = format!("the edge's certificate ends in {}", days(left));
        return Ok(Verdict::Warn(Finding::seen(seen).proof(proof)));
    }
    Ok(Verdict::pass(format!("{} left", days(left))))
}

/// The smaller of [`WARN_BEFORE`] and a third of its life.
fn threshold(leaf: &Certificate) -> Duration {
    match (leaf.not_before, leaf.not_after) {
        (Some(start), Some(end)) if end > start => WARN_BEFORE.min((end - start) / 3),
        _ => WARN_BEFORE,
    }
}

fn days(left: Duration) -> String {
    match left.whole_days() {
        0 => format!("{} hours", left.whole_hours()),
        1 => "1 day".into(),
        n => format!("{n} days"),
    }
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let host = &evidence.target.host;
    Fix::new("Find the certificate pack that serves the host, and see what holds up its renewal.")
        .dashboard("SSL/TLS → Edge Certificates: status and validation of the pack; a custom certificate must be uploaded anew")
        .shell(
            "Packs with their status and validation errors",
            "curl -s \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID/ssl/certificate_packs?status=all\" -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\"",
        )
        .shell("CAA must allow the CA", format!("dig +short CAA {host}"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::evidence::Gathered;

    fn run(leaf: Certificate) -> Result<Verdict, NotRun> {
        let mut evidence = proxied_dns(nothing(URL));
        evidence.edge.tls = Gathered::Found(handshake(leaf));
        (CHECK.judge)(&evidence)
    }

    #[test]
    fn warns_under_fourteen_days_and_fails_past_the_end() {
        let ends = |in_seconds: i64| leaf(&["api.example.com"], NOW + Duration::seconds(in_seconds));
        let fortnight = 14 * 86_400;
        assert!(matches!(run(ends(fortnight)), Ok(Verdict::Pass(_))));
        assert!(matches!(run(ends(fortnight - 1)), Ok(Verdict::Warn(_))));
        assert!(matches!(run(ends(1)), Ok(Verdict::Warn(_))));
        let Ok(Verdict::Fail(finding)) = run(ends(0)) else { panic!("no failure") };
        assert_eq!(finding.severity, Some(Severity::Critical));
    }

    #[test]
    fn a_short_life_has_a_short_threshold() {
        let mut short = leaf(&["api.example.com"], NOW + Duration::days(4));
        short.not_before = short.not_after.map(|end| end - Duration::days(6));
        assert!(matches!(run(short), Ok(Verdict::Pass(_))), "4 of 6 days are left");
    }

    #[test]
    fn reports_and_gaps() {
        let mut evidence = nothing(URL);
        evidence.edge.tls = Gathered::Found(reported("NET::ERR_CERT_DATE_INVALID"));
        assert!(matches!((CHECK.judge)(&evidence), Ok(Verdict::Fail(_))));
        assert!(matches!(run(Certificate::default()), Err(NotRun::Inconclusive(_))));
        let mut elsewhere = with_dns(nothing(URL), &["192.0.2.7"], &["origin.example.net"], None);
        elsewhere.edge.tls = Gathered::Found(handshake(leaf(&["api.example.com"], NOW)));
        assert!(matches!((CHECK.judge)(&elsewhere), Err(NotRun::NotApplicable(_))));
    }
}
