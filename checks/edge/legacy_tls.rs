//! Does the edge still speak TLS 1.0 or 1.1?

use super::view;
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::tls::{LegacyAnswer, TlsVersion};
use crate::verdict::{Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "edge-legacy-tls",
    title: "The edge refuses TLS 1.0 and 1.1",
    severity: Severity::Low,
    needs: &[Probe::Dns, Probe::EdgeTls, Probe::EdgeHttp],
    why: "TLS 1.0 and 1.1 are formally deprecated (RFC 8996), and audits ask for 1.2 or newer. Cloudflare's default is \
          1.0, so this is often just never set.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/ssl/edge-certificates/additional-options/minimum-tls/",
        "https://www.rfc-editor.org/rfc/rfc8996",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let handshake = evidence.edge.tls.get()?;
    let hello = handshake.legacy.get()?;
    view::behind_cloudflare(evidence)?;
    Ok(match &hello.answer {
        LegacyAnswer::Accepted { version, cipher } if *version <= TlsVersion::Tls11 => {
            Verdict::Warn(Finding::seen(format!("the edge accepts {}", version.name())).proof(format!(
                "offered at most {}; answered {} with {cipher}",
                hello.offered.name(),
                version.name()
            )))
        }
        LegacyAnswer::Accepted { version, .. } => Verdict::pass(format!("answers with {}", version.name())),
        LegacyAnswer::Alert { name, .. } => Verdict::pass(format!("refused with {name}")),
        LegacyAnswer::Nothing { why } => {
            return Err(NotRun::inconclusive(format!("an old hello brought no TLS answer: {why}")));
        }
    })
}

fn fix(_: &Evidence, _: &Finding) -> Fix {
    Fix::new("Set the zone's minimum TLS version to 1.2, once no client of yours needs less.")
        .dashboard("SSL/TLS → Edge Certificates → Minimum TLS Version → TLS 1.2")
        .api("Set it", view::zone_call("PATCH", "settings/min_tls_version", r#"{"value":"1.2"}"#))
        .terraform("Cloudflare provider v5", view::zone_setting("min_tls_version", "1.2"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::evidence::Gathered;
    use crate::evidence::tls::Certificate;

    fn run(answer: LegacyAnswer) -> Result<Verdict, NotRun> {
        let mut evidence = proxied_dns(nothing(URL));
        let mut tls = handshake(Certificate::default());
        tls.legacy = legacy(answer);
        evidence.edge.tls = Gathered::Found(tls);
        (CHECK.judge)(&evidence)
    }

    #[test]
    fn every_answer() {
        let accepted = |version| LegacyAnswer::Accepted { version, cipher: "0xC013".into() };
        let Ok(Verdict::Warn(finding)) = run(accepted(TlsVersion::Tls10)) else { panic!("no warning") };
        assert_eq!(finding.seen, "the edge accepts TLS 1.0");
        assert!(matches!(run(accepted(TlsVersion::Tls11)), Ok(Verdict::Warn(_))));
        assert!(matches!(run(accepted(TlsVersion::Tls12)), Ok(Verdict::Pass(_))));
        let refused = LegacyAnswer::Alert { code: 70, name: "protocol_version".into() };
        assert!(matches!(run(refused), Ok(Verdict::Pass(_))));
        assert!(matches!(run(LegacyAnswer::Nothing { why: "closed".into() }), Err(NotRun::Inconclusive(_))));
    }

    #[test]
    fn silent_where_it_was_not_tried_or_is_not_cloudflare() {
        let mut evidence = proxied_dns(nothing(URL));
        evidence.edge.tls = Gathered::Found(handshake(Certificate::default()));
        assert!((CHECK.judge)(&evidence).is_err());
        let mut elsewhere = with_dns(nothing(URL), &["192.0.2.7"], &["origin.example.net"], None);
        let mut tls = handshake(Certificate::default());
        tls.legacy = legacy(LegacyAnswer::Accepted { version: TlsVersion::Tls10, cipher: "x".into() });
        elsewhere.edge.tls = Gathered::Found(tls);
        assert!(matches!((CHECK.judge)(&elsewhere), Err(NotRun::NotApplicable(_))));
    }
}
