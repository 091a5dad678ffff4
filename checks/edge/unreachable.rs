//! TCP and TLS with the edge.

use super::report::{self, Reported};
use super::view;
use crate::check::{Check, Probe, Severity};
use crate::evidence::tls::{Connect, Handshake, Limit, Patience, TlsOutcome};
use crate::evidence::{Evidence, OurSide};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "edge-unreachable",
    title: "The edge accepts TCP and TLS",
    severity: Severity::Critical,
    needs: &[Probe::Dns, Probe::EdgeTls, Probe::EdgeHttp, Probe::OriginTls],
    why: "A visitor who cannot complete TCP and TLS with Cloudflare gets no answer of any kind. While other hosts answer, \
          the fault is not our own network's.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/fundamentals/reference/network-ports/",
        "https://developers.cloudflare.com/ssl/edge-certificates/additional-options/minimum-tls/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let handshake = evidence.edge.tls.get()?;
    view::behind_cloudflare(evidence)?;
    let problem = match (&handshake.connect, &handshake.outcome) {
        (Connect::Reported, TlsOutcome::Reported { error }) => return judge_report(error.as_deref()),
        (Connect::NoAddress { why }, _) => return Err(NotRun::blocked(Probe::EdgeTls, why)),
        (Connect::ProxyFailed { why }, _) => return Err(NotRun::inconclusive(format!("the proxy failed: {why}"))),
        (Connect::TimedOut(patience), _) | (_, TlsOutcome::TimedOut(patience)) if patience.limit != Limit::Step => {
            return Err(ours(patience));
        }
        (connect @ (Connect::Refused | Connect::TimedOut(_) | Connect::Unreachable { .. }), _) => connect.describe(),
        (_, outcome) => match outcome {
            TlsOutcome::Completed => return Ok(Verdict::pass(completed(handshake))),
            TlsOutcome::Closed => "the edge closed the connection during the TLS handshake".into(),
            TlsOutcome::Reset => "the connection was reset during the TLS handshake".into(),
            TlsOutcome::TimedOut(patience) => format!("no TLS answer within {}", patience.describe()),
            TlsOutcome::NotTls { first } => format!("what answers is not TLS (it begins with {first:?})"),
            TlsOutcome::Alert { code, name, .. } if !report::refuses_the_name(*code) => {
                format!("the edge refuses TLS with the alert {name} ({code})")
            }
            TlsOutcome::Alert { name, .. } => {
                return Err(NotRun::not_applicable(format!("the edge answers, and refuses this name ({name})")));
            }
            TlsOutcome::Broken { why } => return Err(NotRun::inconclusive(format!("our TLS library gave up: {why}"))),
            TlsOutcome::NotReached | TlsOutcome::Reported { .. } => {
                return Err(NotRun::inconclusive("how TLS went is not known"));
            }
        },
    };
    match evidence.our_side() {
        OurSide::Unknown(why) => Err(NotRun::inconclusive(format!("{problem}; {why}"))),
        OurSide::Works(other) => Ok(Verdict::Fail(
            Finding::seen(format!("{} at {}: {problem}", handshake.peer, handshake.place()))
                .proof(format!("our network works: {other}"))
                .proofs(handshake.earlier.iter().map(|line| format!("earlier: {line}"))),
        )),
    }
}

fn completed(handshake: &Handshake) -> String {
    let version = handshake.session.as_ref().map_or("TLS", |session| session.version.name());
    format!("{version} with {}", handshake.place())
}

fn ours(patience: &Patience) -> NotRun {
    NotRun::inconclusive(format!("no answer within {}", patience.describe()))
}

/// Somebody else's words: their own network cannot be judged, so the confidence is medium.
fn judge_report(error: Option<&str>) -> Result<Verdict, NotRun> {
    let Some(error) = error else {
        return Ok(Verdict::pass("a TLS certificate was seen at the edge"));
    };
    let finding = |what: &str| {
        Finding::seen(format!("{what}: {error}")).confidence(Confidence::Medium).proof(format!("reported: {error}"))
    };
    match report::read(error) {
        Reported::OldClient => {
            Ok(Verdict::Fail(finding("the client's TLS is too old for the edge").severity(Severity::Medium)))
        }
        Reported::NoConnection => Ok(Verdict::Fail(finding("no connection with the edge was reported"))),
        Reported::Name | Reported::Expired | Reported::Untrusted => {
            Err(NotRun::not_applicable("the edge was reached; what was reported is about its certificate"))
        }
        Reported::Other => Err(NotRun::inconclusive(format!("the report does not say enough: {error}"))),
    }
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let host = &evidence.target.host;
    let old = evidence.edge.tls.found().is_some_and(|handshake| match &handshake.outcome {
        TlsOutcome::Reported { error: Some(error) } => report::read(error) == Reported::OldClient,
        TlsOutcome::Alert { code, .. } => *code == report::PROTOCOL_VERSION,
        _ => false,
    });
    if old {
        return Fix::new(
            "Let the client speak TLS 1.2 or newer; the edge's minimum version is right to refuse older ones.",
        )
        .shell(
            "Which versions the edge takes",
            format!("curl -sv --tlsv1.2 --tls-max 1.2 https://{host}/ -o /dev/null"),
        )
        .dashboard("SSL/TLS → Edge Certificates → Minimum TLS Version");
    }
    Fix::new("Find out whether Cloudflare serves this name at all, and whether something on the way blocks it.")
        .shell("Is it Cloudflare that does not answer?", format!("curl -sv https://{host}/cdn-cgi/trace"))
        .dashboard(format!("DNS → Records → {host}: proxied, and the zone active"))
        .shell("Current incidents", "curl -s https://www.cloudflarestatus.com/api/v2/status.json")
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::evidence::Gathered;
    use crate::evidence::tls::Certificate;

    fn run(handshake: Handshake, others_answer: bool) -> Result<Verdict, NotRun> {
        let mut evidence = proxied_dns(nothing(URL));
        evidence.edge.tls = Gathered::Found(handshake);
        if others_answer {
            evidence.origin.tls = Gathered::Found(super::super::testing::handshake(Certificate::default()));
        }
        (CHECK.judge)(&evidence)
    }

    #[test]
    fn fails_only_while_others_answer() {
        let refused = || failed(Connect::Refused, TlsOutcome::NotReached);
        assert!(matches!(run(refused(), true), Ok(Verdict::Fail(_))));
        assert!(matches!(run(refused(), false), Err(NotRun::Inconclusive(_))));
        assert!(matches!(run(failed(Connect::Open, TlsOutcome::Reset), true), Ok(Verdict::Fail(_))));
        assert!(matches!(run(failed(Connect::Open, alert(70, "protocol_version")), true), Ok(Verdict::Fail(_))));
        let slow = failed(Connect::TimedOut(patience(Limit::Step)), TlsOutcome::NotReached);
        assert!(matches!(run(slow, true), Ok(Verdict::Fail(_))));
    }

    #[test]
    fn our_deadline_blames_nobody() {
        let slow = failed(Connect::TimedOut(patience(Limit::Deadline)), TlsOutcome::NotReached);
        assert!(matches!(run(slow, true), Err(NotRun::Inconclusive(_))));
        for limit in [Limit::Interrupted, Limit::Overloaded] {
            let slow = failed(Connect::Open, TlsOutcome::TimedOut(patience(limit)));
            assert!(matches!(run(slow, true), Err(NotRun::Inconclusive(_))));
        }
    }

    #[test]
    fn a_refused_name_is_another_checks_problem() {
        let refused = failed(Connect::Open, alert(40, "handshake_failure"));
        assert!(matches!(run(refused, true), Err(NotRun::NotApplicable(_))));
        assert!(matches!(run(reported("ERR_SSL_VERSION_OR_CIPHER_MISMATCH"), true), Err(NotRun::NotApplicable(_))));
    }

    #[test]
    fn an_old_client_is_told_so() {
        let Ok(Verdict::Fail(finding)) = run(reported("client offers TLSv1, server wants TLS 1.2"), false) else {
            panic!("no failure")
        };
        assert_eq!((finding.confidence, finding.severity), (Confidence::Medium, Some(Severity::Medium)));
    }

    #[test]
    fn passes_when_tls_completes() {
        assert!(matches!(run(handshake(Certificate::default()), false), Ok(Verdict::Pass(Some(_)))));
    }

    #[test]
    fn silent_where_cloudflare_is_not_in_the_way() {
        let mut evidence = with_dns(nothing(URL), &["192.0.2.7"], &["origin.example.net"], None);
        evidence.edge.tls = Gathered::Found(failed(Connect::Refused, TlsOutcome::NotReached));
        evidence.origin.tls = Gathered::Found(handshake(Certificate::default()));
        assert!(matches!((CHECK.judge)(&evidence), Err(NotRun::NotApplicable(_))));
    }
}
