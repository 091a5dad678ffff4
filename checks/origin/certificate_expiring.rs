use time::{Duration, OffsetDateTime};

use super::fixes::{class, new_certificate, region};
use super::view::{self, certificate_line, origin_name};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::tls::Certificate;
use crate::model::origin_host::OriginClass;
use crate::model::trust::{AnchorKind, PathVerdict, at_origin};
use crate::verdict::{Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "origin-certificate-expiring",
    title: "The origin's certificate has time left",
    severity: Severity::Medium,
    needs: &[Probe::OriginTls],
    why: "What renews itself does so with a third of its life left, ACM long before 30 days. A certificate that is \
          nearer to its end than that was not renewed: under Full (strict) the site ends with it.",
    fix,
    sources: &[
        "https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html",
        "https://developers.cloudflare.com/ssl/origin-configuration/ssl-modes/full-strict/",
    ],
    judge,
};

/// The longest warning: two ACM renewal attempts fit into it.
const WARNING: Duration = Duration::days(30);

/// How near to its end a certificate may come: `most`, or a third of its life where that is less.
pub(super) fn margin(certificate: &Certificate, most: Duration) -> Duration {
    match (certificate.not_before, certificate.not_after) {
        (Some(start), Some(end)) if end > start => most.min((end - start) / 3),
        _ => most,
    }
}

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let chain = view::chain(evidence)?;
    let trust = at_origin(evidence);
    if trust.as_ref().is_some_and(|trust| trust.anchor() == Some(AnchorKind::OriginCa)) {
        return Err(NotRun::not_applicable("a Cloudflare Origin CA certificate (origin-ca-unmanaged)"));
    }
    let used = match trust.as_ref().map(|trust| &trust.path) {
        Some(PathVerdict::Trusted { used, .. }) => used.clone(),
        _ => vec![0],
    };
    let ending = used.iter().filter_map(|index| {
        let certificate = chain.get(*index)?;
        Some((certificate.not_after?, *index, certificate))
    });
    let (end, index, certificate) = ending
        .min_by_key(|(end, ..)| *end)
        .ok_or_else(|| NotRun::inconclusive("the certificate's end is not known"))?;
    if end < evidence.gathered_at {
        return Err(NotRun::not_applicable("it has expired already (origin-certificate-expired)"));
    }
    let left = end - evidence.gathered_at;
    if left >= margin(certificate, WARNING) {
        return Ok(Verdict::pass(format!("{} days left, until {}", left.whole_days(), end.date())));
    }
    Ok(Verdict::Warn(Finding::seen(sentence(evidence, index, end, left)).proof(certificate_line(index, certificate))))
}

fn sentence(evidence: &Evidence, index: usize, end: OffsetDateTime, left: Duration) -> String {
    let what = if index == 0 { "certificate" } else { "intermediate certificate" };
    format!("the {what} of {} ends on {}, in {} days", origin_name(evidence), end.date(), left.whole_days())
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let gateway = matches!(class(evidence), OriginClass::GatewayCustomTarget | OriginClass::GatewayDefault);
    if !gateway && class(evidence) != OriginClass::CloudFront && class(evidence) != OriginClass::LoadBalancer {
        return new_certificate(
            evidence,
            "Renew the origin's certificate, and find out why that did not happen by itself.",
        );
    }
    let region = if class(evidence) == OriginClass::CloudFront { "us-east-1".into() } else { region(evidence) };
    Fix::new(
        "Find out why ACM did not renew it: its validation record must be in the zone, DNS-only. Imported certificates \
         never renew.",
    )
    .shell(
        "Renewal state and the record it waits for",
        format!(
            "aws acm describe-certificate --certificate-arn \"$CERTIFICATE_ARN\" --region {region} --query \
             'Certificate.[Type,RenewalSummary,DomainValidationOptions]'"
        ),
    )
    .dashboard("DNS → Records: the CNAME to acm-validations.aws, proxy status DNS only")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::testing::*;

    fn lasting(from: i64, to: i64) -> Evidence {
        let pki = pki();
        pki.site(vec![pki.public.sign(Leaf::of(&[HOST]).valid(from, to))])
    }

    #[test]
    fn the_smaller_of_30_days_and_a_third_of_its_life() {
        assert_eq!(word(&CHECK, &lasting(-170, 30)), "pass");
        assert_eq!(word(&CHECK, &lasting(-170, 29)), "warn/high");
        assert_eq!(word(&CHECK, &lasting(-4, 2)), "pass", "six days of life");
        assert_eq!(word(&CHECK, &lasting(-5, 1)), "warn/high");
        assert_eq!(word(&CHECK, &lasting(-90, -1)), "not-applicable");
    }

    #[test]
    fn a_dying_intermediate_counts() {
        let pki = pki();
        let mut middle = rcgen::CertificateParams::default();
        middle.distinguished_name.push(rcgen::DnType::CommonName, "Middle");
        middle.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        (middle.not_before, middle.not_after) = (NOW - Duration::days(900), NOW + Duration::days(9));
        let middle = pki.public.intermediate_with(middle);
        let evidence = pki.site(vec![middle.sign(Leaf::of(&[HOST])), middle.certificate.clone()]);
        assert_eq!(word(&CHECK, &evidence), "warn/high");
        assert!(seen(&CHECK, &evidence).contains("intermediate"));
    }

    #[test]
    fn origin_ca_has_its_own_check() {
        let pki = pki();
        let evidence = pki.site(vec![pki.origin_ca.sign(Leaf::of(&[HOST]).valid(-300, 3))]);
        assert_eq!(word(&CHECK, &evidence), "not-applicable");
        assert_eq!(word(&CHECK, &evidence.without(Probe::OriginTls)), "disabled");
    }
}
