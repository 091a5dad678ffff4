use super::fixes::{class, region};
use super::view::{self, Edge, edge, origin_name};
use crate::check::{Check, Probe, Severity};
use crate::evidence::tls::{LegacyAnswer, TlsOutcome, TlsVersion};
use crate::evidence::{Evidence, Gathered};
use crate::model::origin_host::OriginClass;
use crate::model::tls_report::ReportedFault;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "origin-tls-outdated",
    title: "The origin speaks TLS 1.2 or newer",
    severity: Severity::High,
    needs: &[Probe::OriginTls, Probe::EdgeHttp],
    why: "TLS 1.0 and 1.1 are withdrawn (RFC 8996), SSL 3 is broken. Cloudflare still offers TLS 1.0 to origins, \
          with few ciphers: it works until one side drops the last common one, and then it is a 525.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/ssl/origin-configuration/cipher-suites/",
        "https://www.rfc-editor.org/rfc/rfc8996",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-custom-domain-tls-version.html",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let edge = edge(evidence);
    let handshake = view::handshake(evidence)?;
    if let Some(session) = &handshake.session {
        return Ok(match session.version {
            TlsVersion::Tls12 | TlsVersion::Tls13 => Verdict::pass(session.version.name()),
            old => outdated(evidence, &edge, old, &session.cipher),
        });
    }
    match (&handshake.legacy, &handshake.outcome) {
        (Gathered::Found(hello), _) => match &hello.answer {
            // The hello offers everything up to that version, so an older answer is the best that the server has.
            LegacyAnswer::Accepted { version, cipher } if *version < TlsVersion::Tls12 => {
                Ok(outdated(evidence, &edge, *version, cipher))
            }
            LegacyAnswer::Accepted { version, .. } => Ok(Verdict::pass(version.name())),
            LegacyAnswer::Alert { .. } | LegacyAnswer::Nothing { .. } => {
                Err(NotRun::inconclusive("the origin completed no handshake, old or new"))
            }
        },
        (_, TlsOutcome::Reported { .. }) if view::reported(evidence).contains(&ReportedFault::OldProtocol) => {
            let finding =
                Finding::seen(format!("{} was reported to speak only old TLS versions", origin_name(evidence)));
            let finding = finding.proofs(view::report_line(evidence)).confidence(Confidence::Medium);
            Ok(if edge.code() == Some(525) { Verdict::Fail(finding) } else { Verdict::Warn(finding) })
        }
        (_, TlsOutcome::Reported { .. }) => Err(NotRun::not_applicable("no TLS version was reported")),
        (_, TlsOutcome::NotReached) => Err(NotRun::blocked(Probe::OriginTls, handshake.connect.describe())),
        _ => Err(NotRun::inconclusive("the handshake failed before a version was agreed")),
    }
}

fn outdated(evidence: &Evidence, edge: &Edge, version: TlsVersion, cipher: &str) -> Verdict {
    let seen = format!("the newest that {} speaks is {}", origin_name(evidence), version.name());
    let finding = Finding::seen(seen)
        .proof(format!("answered with {}, {cipher}", version.name()))
        .proofs(edge.line().map(str::to_owned));
    match edge {
        Edge::Error { code: 520 | 525, .. } => Verdict::Fail(finding),
        Edge::Serves(_) => Verdict::Warn(finding),
        _ if version == TlsVersion::Ssl3 => Verdict::Fail(
            finding.proof("Cloudflare offers nothing older than TLS 1.0: 525").confidence(Confidence::Medium),
        ),
        _ => Verdict::Warn(finding),
    }
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let region = region(evidence);
    let host = &evidence.target.host;
    match class(evidence) {
        OriginClass::GatewayCustomTarget | OriginClass::GatewayDefault => {
            Fix::new("Set the custom domain's security policy to TLS 1.2.").shell(
                "It takes about 15 minutes",
                format!(
                    "aws apigateway update-domain-name --domain-name {host} --patch-operations \
                     op=replace,path=/securityPolicy,value=TLS_1_2 --region {region}"
                ),
            )
        }
        OriginClass::LoadBalancer | OriginClass::NetworkLoadBalancer => {
            Fix::new("Give the listener a security policy with TLS 1.3 and 1.2.").shell(
                "The listener's policy",
                format!(
                    "aws elbv2 modify-listener --listener-arn \"$LISTENER_ARN\" --ssl-policy \
                     ELBSecurityPolicy-TLS13-1-2-2021-06 --region {region}"
                ),
            )
        }
        _ => Fix::new("Switch TLS 1.2 and 1.3 on at the origin, and the older ones off.")
            .code("nginx", "ssl_protocols TLSv1.2 TLSv1.3;"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::tls::{Connect, Session};
    use crate::origin::testing::*;

    fn old(version: TlsVersion) -> Evidence {
        let mut evidence = evidence();
        let alert = TlsOutcome::Alert { code: 70, name: "protocol_version".into(), after_handshake: false };
        let mut handshake = failed(Connect::Open, alert);
        handshake.legacy = legacy(TlsVersion::Tls12, version, "0x002F");
        evidence.origin.tls = Gathered::Found(handshake);
        evidence
    }

    #[test]
    fn only_old_versions() {
        assert_eq!(word(&CHECK, &edge_error(old(TlsVersion::Tls11), 525)), "fail/high");
        assert_eq!(word(&CHECK, &served(old(TlsVersion::Tls10))), "warn/high");
        assert_eq!(word(&CHECK, &old(TlsVersion::Tls10)), "warn/high");
        assert_eq!(word(&CHECK, &old(TlsVersion::Ssl3)), "fail/medium");
    }

    #[test]
    fn new_versions_pass_whatever_else_is_on() {
        let mut evidence = pki().healthy();
        assert_eq!(word(&CHECK, &evidence), "pass");
        let Gathered::Found(handshake) = &mut evidence.origin.tls else { unreachable!() };
        handshake.legacy = legacy(TlsVersion::Tls11, TlsVersion::Tls10, "0x002F");
        assert_eq!(word(&CHECK, &evidence), "pass", "old ones beside new ones are no fault of this kind");
        let Gathered::Found(handshake) = &mut evidence.origin.tls else { unreachable!() };
        handshake.session = Some(Session { version: TlsVersion::Tls11, cipher: "x".into(), group: None, alpn: None });
        assert_eq!(word(&CHECK, &evidence), "warn/high");
        assert_eq!(word(&CHECK, &old(TlsVersion::Tls12)), "pass");
    }

    #[test]
    fn no_handshake_no_version() {
        let mut evidence = evidence();
        evidence.origin.tls = Gathered::Found(failed(Connect::Refused, TlsOutcome::NotReached));
        assert_eq!(word(&CHECK, &evidence), "blocked");
        evidence.origin.tls = Gathered::Found(failed(Connect::Open, TlsOutcome::Reset));
        assert_eq!(word(&CHECK, &evidence), "inconclusive");
        let outcome = TlsOutcome::Reported { error: Some("tlsv1 alert protocol version".into()) };
        evidence.origin.tls = Gathered::Found(failed(Connect::Reported, outcome));
        assert_eq!(word(&CHECK, &edge_error(evidence, 525)), "fail/medium");
    }
}
