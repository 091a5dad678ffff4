use super::fixes::{NOT_THE_MODE, class, new_certificate, place, region};
use super::view::{self, certificate_line, edge, origin_name, weigh};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::model::origin_host::OriginClass;
use crate::model::tls_report::ReportedFault;
use crate::model::trust::{PathVerdict, at_origin, at_origin_by_store};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "origin-chain-incomplete",
    title: "The origin sends its intermediate certificates",
    severity: Severity::High,
    needs: &[Probe::OriginTls, Probe::EdgeHttp, Probe::Zone],
    why: "A certificate is judged by the chain that is sent with it. Browsers fetch or remember a missing \
          intermediate, Cloudflare's edge does not have to: under Full (strict) the chain then leads nowhere, a 526.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/error-526/",
        "https://docs.aws.amazon.com/acm/latest/userguide/import-certificate-format.html",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let edge = edge(evidence);
    if view::reported(evidence).contains(&ReportedFault::Incomplete) {
        let finding = Finding::seen(format!("{} was reported not to send its intermediate", origin_name(evidence)));
        let finding = finding.proofs(view::report_line(evidence)).confidence(Confidence::Medium);
        return Ok(weigh(evidence, &edge, false, finding));
    }
    let chain = view::certificate_chain(evidence, &edge)?;
    let trust = at_origin(evidence).ok_or_else(|| NotRun::inconclusive("no certificate of the origin was seen"))?;
    if at_origin_by_store(evidence).is_some_and(|by| matches!(by.trust.path, PathVerdict::Trusted { .. })) {
        return Ok(Verdict::pass("it leads to an authority of the zone's custom origin trust store"));
    }
    match &trust.path {
        PathVerdict::Trusted { used, .. } => Ok(Verdict::pass(match used.len() {
            0 | 1 => "the leaf's issuer is itself trusted".into(),
            n => format!("{} intermediate(s) sent", n - 1),
        })),
        PathVerdict::Incomplete { missing, likely, because } => {
            let finding = Finding::seen(format!(
                "{} does not send the intermediate certificate \"{missing}\" ({} certificate{} sent)",
                origin_name(evidence),
                chain.len(),
                if chain.len() == 1 { "" } else { "s" }
            ))
            .proofs(chain.iter().enumerate().map(|(index, certificate)| certificate_line(index, certificate)))
            .proof(because)
            .confidence(*likely);
            Ok(weigh(evidence, &edge, false, finding))
        }
        PathVerdict::SelfSigned | PathVerdict::UnknownIssuer { .. } | PathVerdict::NotAServerCertificate => {
            Err(NotRun::not_applicable(format!("{} (origin-certificate-untrusted)", trust.path.describe())))
        }
        PathVerdict::ConstraintViolated(_) => Ok(Verdict::pass("the chain is whole")),
        other => Err(NotRun::inconclusive(other.describe())),
    }
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let region = region(evidence);
    let behind_acm = matches!(
        class(evidence),
        OriginClass::GatewayCustomTarget | OriginClass::GatewayDefault | OriginClass::LoadBalancer
    );
    let look = format!(
        "openssl s_client -connect {}:443 -servername {} -showcerts </dev/null",
        place(evidence),
        evidence.target.host
    );
    if behind_acm {
        return Fix::new(format!("Import the certificate again together with its chain. {NOT_THE_MODE}"))
            .shell(
                "Over the one in use; chain.pem holds the intermediates, the leaf's issuer first",
                format!(
                    "aws acm import-certificate --certificate fileb://leaf.pem --private-key fileb://key.pem \
                     --certificate-chain fileb://chain.pem --certificate-arn \"$CERTIFICATE_ARN\" --region {region}"
                ),
            )
            .shell(
                "Or a public certificate of ACM, which brings its chain along and renews itself",
                format!(
                    "aws acm request-certificate --domain-name {} --validation-method DNS --region {region}",
                    evidence.target.host
                ),
            )
            .shell("What is sent", look);
    }
    new_certificate(evidence, "Let the server send leaf and intermediates (the CA's fullchain.pem), leaf first.")
        .code("nginx", "ssl_certificate /etc/ssl/fullchain.pem;")
        .shell("What is sent", look)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Gathered;
    use crate::evidence::tls::{Connect, TlsOutcome};
    use crate::origin::testing::*;

    #[test]
    fn an_intermediate_that_is_not_sent() {
        let pki = pki();
        let middle = pki.public.intermediate("Services Y1", "Public Root Ltd");
        let bare = pki.site(vec![middle.sign(Leaf::of(&[HOST]).public_policy())]);
        assert_eq!(word(&CHECK, &edge_error(bare.clone(), 526)), "fail/high");
        assert_eq!(word(&CHECK, &served(bare.clone())), "warn/high");
        assert_eq!(word(&CHECK, &bare), "warn/medium");
        assert!(seen(&CHECK, &bare).contains("Services Y1"));
        let guessed = pki.site(vec![middle.sign(Leaf::of(&[HOST]))]);
        assert_eq!(word(&CHECK, &edge_error(guessed, 526)), "fail/medium");
    }

    #[test]
    fn a_public_issuer_that_cannot_be_reached() {
        let told = |issuer: &str| {
            let mut evidence = pki().healthy();
            let Gathered::Found(handshake) = &mut evidence.origin.tls else { unreachable!() };
            let error = Some("unable to get local issuer certificate".to_owned());
            (handshake.connect, handshake.outcome) = (Connect::Reported, TlsOutcome::Reported { error });
            handshake.chain[0].issuer = issuer.into();
            edge_error(evidence, 526)
        };
        assert_eq!(word(&CHECK, &told("CN=R11, O=Let's Encrypt, C=US")), "fail/medium");
        assert_ne!(word(&CHECK, &told("CN=Our own CA")), "fail/medium");
    }

    #[test]
    fn whole_chains_and_other_faults() {
        let pki = pki();
        let middle = pki.public.intermediate("Services Y1", "Public Root Ltd");
        let whole = pki.site(vec![middle.sign(Leaf::of(&[HOST])), middle.certificate.clone()]);
        assert_eq!(word(&CHECK, &edge_error(whole, 526)), "pass");
        assert_eq!(word(&CHECK, &pki.site(vec![pki.origin_ca.sign(Leaf::of(&[HOST]))])), "pass");
        assert_eq!(word(&CHECK, &pki.site(vec![Leaf::of(&[HOST]).self_signed()])), "not-applicable");
        let private = Authority::root("Corp Root");
        assert_eq!(word(&CHECK, &pki.site(vec![private.sign(Leaf::of(&[HOST]))])), "not-applicable");
        let junk = pki.site(vec![crate::evidence::tls::Certificate::parse(b"junk")]);
        assert_eq!(word(&CHECK, &junk), "inconclusive");
    }

    #[test]
    fn reports() {
        let mut evidence = evidence();
        let outcome = TlsOutcome::Reported { error: Some("unable to verify the first certificate".into()) };
        evidence.origin.tls = Gathered::Found(failed(Connect::Reported, outcome));
        assert_eq!(word(&CHECK, &edge_error(evidence, 526)), "fail/medium");
    }
}
