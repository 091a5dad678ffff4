use time::{Duration, OffsetDateTime};

use super::certificate_expiring::margin;
use super::fixes::{class, origin_ca, reimport};
use super::view::{self, certificate_line, origin_name};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::model::origin_host::OriginClass;
use crate::model::trust::{AnchorKind, ORIGIN_CA_ROOTS_END, PathVerdict, at_origin};
use crate::verdict::{Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "origin-ca-unmanaged",
    title: "The Cloudflare Origin CA certificate is far from its end",
    severity: Severity::Medium,
    needs: &[Probe::OriginTls],
    why: "Nobody renews a Cloudflare Origin CA certificate: neither Cloudflare nor ACM, into which it was imported. \
          It ends years after everybody has forgotten it. Both its roots end on 2029-08-15, and what then happens to \
          longer leaves is not published.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/ssl/origin-configuration/origin-ca/",
        "https://docs.aws.amazon.com/acm/latest/userguide/import-certificate.html",
    ],
    judge,
};

/// Renewing by hand takes somebody who knows how.
const WARNING: Duration = Duration::days(90);
/// A change of roots needs every leaf to be made anew.
const ROOT_WARNING: Duration = Duration::days(365);

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let chain = view::chain(evidence)?;
    let (Some(leaf), Some(trust)) = (chain.first(), at_origin(evidence)) else {
        return Err(NotRun::inconclusive("no certificate of the origin was seen"));
    };
    if trust.anchor() != Some(AnchorKind::OriginCa) {
        return Err(NotRun::not_applicable("the origin's certificate is not from Cloudflare Origin CA"));
    }
    let now = evidence.gathered_at;
    let end = leaf.not_after.ok_or_else(|| NotRun::inconclusive("the certificate's end is not known"))?;
    if end < now {
        return Err(NotRun::not_applicable("it has expired already (origin-certificate-expired)"));
    }
    let root_ends = match trust.path {
        PathVerdict::Trusted { anchor_ends: Some(ends), .. } => ends,
        _ => ORIGIN_CA_ROOTS_END,
    };
    let left = end - now;
    if left < margin(leaf, WARNING) {
        let seen = format!(
            "the Cloudflare Origin CA certificate of {} ends on {}, in {} days, and nobody renews it",
            origin_name(evidence),
            end.date(),
            left.whole_days()
        );
        return Ok(Verdict::Warn(Finding::seen(seen).proof(certificate_line(0, leaf)).proof(roots(root_ends))));
    }
    // A leaf that ends before its root is renewed from another one anyway.
    if root_ends - now < ROOT_WARNING && end > root_ends {
        let seen = format!(
            "the root of the Cloudflare Origin CA certificate of {} ends on {}, before the certificate itself ({})",
            origin_name(evidence),
            root_ends.date(),
            end.date()
        );
        return Ok(Verdict::Warn(Finding::seen(seen).proof(certificate_line(0, leaf))));
    }
    Ok(Verdict::pass(format!("{} days left; nobody renews it; {}", left.whole_days(), roots(root_ends))))
}

fn roots(ends: OffsetDateTime) -> String {
    format!("its root ends on {}", ends.date())
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let fix = Fix::new(
        "Make a new Cloudflare Origin CA certificate and put it in the old one's place; or let ACM issue a public \
         one, which renews itself.",
    );
    let fix = origin_ca(fix, &evidence.target.host);
    match class(evidence) {
        OriginClass::Unknown => fix.shell(
            "Or by API, with a certificate signing request",
            "curl -X POST https://api.cloudflare.com/client/v4/certificates -H \"Authorization: Bearer \
             $CLOUDFLARE_API_TOKEN\" -H 'Content-Type: application/json' --data @request.json",
        ),
        _ => fix.shell("Import over the one in use", reimport(evidence)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::testing::*;

    fn lasting(from: i64, to: i64) -> Evidence {
        let pki = pki();
        pki.site(vec![pki.origin_ca.sign(Leaf::of(&[HOST]).valid(from, to))])
    }

    #[test]
    fn the_leaf_nears_its_end() {
        assert_eq!(word(&CHECK, &lasting(-5000, 90)), "pass");
        assert_eq!(word(&CHECK, &lasting(-5000, 89)), "warn/high");
        assert_eq!(word(&CHECK, &lasting(-20, 10)), "pass", "30 days of life");
        assert_eq!(word(&CHECK, &lasting(-21, 9)), "warn/high");
        assert_eq!(word(&CHECK, &lasting(-21, -1)), "not-applicable");
    }

    #[test]
    fn the_root_nears_its_end() {
        let mut evidence = lasting(-100, 5000);
        assert_eq!(word(&CHECK, &evidence), "pass");
        evidence.gathered_at = ORIGIN_CA_ROOTS_END - Duration::days(365);
        assert_eq!(word(&CHECK, &evidence), "pass");
        evidence.gathered_at += Duration::days(1);
        assert_eq!(word(&CHECK, &evidence), "warn/high");
        evidence.gathered_at = ORIGIN_CA_ROOTS_END + Duration::days(30);
        assert_eq!(word(&CHECK, &evidence), "warn/high");
    }

    #[test]
    fn only_origin_ca() {
        assert_eq!(word(&CHECK, &pki().healthy()), "not-applicable");
        assert_eq!(word(&CHECK, &evidence()), "disabled");
    }
}
