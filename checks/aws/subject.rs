//! What the checks of this area are about: the custom domains of the host and the certificates in question.

use super::kind;
use crate::evidence::gateway::{Certificate, Domain, EndpointType};
use crate::evidence::text::shell_quote;
use crate::evidence::{Evidence, Gateway, Gathered};
use crate::model::reach;
use crate::verdict::{Confidence, NotRun};

/// Where CloudFront, and so an edge-optimised domain, reads its certificate (`facts/aws.md` section 3.2).
pub(super) const EDGE_REGION: &str = "us-east-1";

/// A certificate that is in question.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) certificate: &'a Certificate,
    /// The domain that shows it; none: the data tells of no domain.
    pub(super) domain: Option<&'a Domain>,
    /// Is it the one of the edge-optimised endpoint?
    pub(super) at_edge: bool,
    /// High where the domain names it, less where it was inferred from thin data.
    pub(super) confidence: Confidence,
}

impl Subject<'_> {
    /// `the certificate 7a1b… of lambda.example.com`.
    pub(super) fn name(&self) -> String {
        match self.domain {
            Some(domain) => format!("the certificate {} of {}", self.certificate.label(), domain.name),
            None => format!("the certificate {}", self.certificate.label()),
        }
    }

    /// The region where ACM has to hold it, as far as it is known.
    pub(super) fn wanted_region(&self) -> Option<&str> {
        // China and GovCloud have no edge-optimised domains (`facts/aws.md` section 2).
        match self.at_edge {
            true => Some(EDGE_REGION),
            false => self.domain?.region.as_deref(),
        }
    }
}

/// `us-west-2: lambda.example.com (regional)`.
pub(super) fn place(domain: &Domain) -> String {
    let region = domain.region.as_deref().map(|region| format!("{region}: ")).unwrap_or_default();
    let kind = kind(domain).map(|kind| format!(" ({kind})")).unwrap_or_default();
    format!("{region}{}{kind}", domain.name)
}

/// ` --region us-west-2`, where the region is known.
pub(super) fn in_region(region: Option<&str>) -> String {
    region.map(|region| format!(" --region {}", super::fixes::region_word(region))).unwrap_or_default()
}

/// Does it cover the name, which may itself be a wildcard?
pub(super) fn covers(certificate: &Certificate, name: &str) -> bool {
    certificate.covers(name) || certificate.names.iter().any(|own| own == name)
}

/// The certificates that the host's domains show. Where the data tells of no domain at all: the only certificate of the
/// host, or the only one that there is, for then the data is about it.
///
/// # Errors
/// None is known; what would tell it.
pub(super) fn certificates(evidence: &Evidence) -> Result<Vec<Subject<'_>>, NotRun> {
    let gateway = evidence.gateway.get()?;
    if let Gathered::Missing(why) = &gateway.domains {
        return lonely(gateway, &evidence.target.host).map(|one| vec![one]).ok_or_else(|| why.clone());
    }
    let mut found = Vec::new();
    let mut unread = None;
    for domain in reach::domains(evidence)? {
        match of(gateway, domain) {
            Ok(subjects) => found.extend(subjects),
            Err(why) => unread = Some(why),
        }
    }
    match unread {
        Some(why) if found.is_empty() => Err(why),
        _ => Ok(found),
    }
}

/// The certificates of one domain; two while it moves from one endpoint type to the other.
///
/// # Errors
/// Which they are, or what they are, is not told.
pub(super) fn of<'a>(gateway: &'a Gateway, domain: &'a Domain) -> Result<Vec<Subject<'a>>, NotRun> {
    let mut found = Vec::new();
    for (arn, at_edge) in [(&domain.certificate, false), (&domain.edge_certificate, true)] {
        let Some(arn) = arn else { continue };
        let certificate = gateway.certificate(arn)?;
        found.push(Subject { certificate, domain: Some(domain), at_edge, confidence: Confidence::High });
    }
    if let (true, Some(certificate)) = (found.is_empty(), unnamed(gateway, domain)) {
        let at_edge = domain.endpoint_types == [EndpointType::Edge];
        found.push(Subject { certificate, domain: Some(domain), at_edge, confidence: Confidence::Medium });
    }
    if found.is_empty() {
        let name = &domain.name;
        return Err(NotRun::inconclusive(format!(
            "the AWS evidence does not tell which certificate {name} shows (`aws apigateway get-domain-name \
             --domain-name {}{}` tells it)",
            shell_quote(name),
            in_region(domain.region.as_deref())
        )));
    }
    Ok(found)
}

/// The only certificate of thin data, where it may be the domain's: it has no ARN by which the domain could name it.
fn unnamed<'a>(gateway: &'a Gateway, domain: &Domain) -> Option<&'a Certificate> {
    match gateway.certificates.found()?.as_slice() {
        [one] if one.arn.is_none() && (one.names.is_empty() || covers(one, &domain.name)) => Some(one),
        _ => None,
    }
}

/// Nothing of domains is told, and nobody tried to read them: the only certificate of the host, or of the data.
fn lonely<'a>(gateway: &'a Gateway, host: &str) -> Option<Subject<'a>> {
    if gateway.unread("domains").is_some() {
        return None;
    }
    let all = gateway.certificates.found()?;
    let of_host: Vec<&Certificate> = all.iter().filter(|certificate| certificate.covers(host)).collect();
    let certificate = match (of_host.as_slice(), all.as_slice()) {
        ([one], _) => *one,
        ([], [one]) => one,
        _ => return None,
    };
    Some(Subject { certificate, domain: None, at_edge: false, confidence: Confidence::Medium })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::aws::testing::*;

    fn found(account: serde_json::Value) -> Result<Vec<(String, bool, Confidence)>, String> {
        let site = site(account);
        let subjects = certificates(&site).map_err(|why| why.text())?;
        Ok(subjects.iter().map(|s| (s.certificate.label(), s.at_edge, s.confidence)).collect())
    }

    #[test]
    fn the_domain_names_its_certificate() {
        let certificates = json!([{"CertificateArn": format!("{ACM}:certificate/1"), "Status": "ISSUED"},
            {"CertificateArn": format!("{ACM}:certificate/2"), "Status": "FAILED", "SubjectAlternativeNames": [HOST]}]);
        let domain = json!({"domainName": HOST, "region": "us-west-2", "regionalCertificateArn": format!("{ACM}:certificate/1"),
            "endpointConfiguration": {"types": ["REGIONAL"]}});
        let of_domain = found(json!({"domains": [domain], "certificates": certificates}));
        assert_eq!(of_domain.unwrap(), [("1".to_owned(), false, Confidence::High)]);
        let unread = found(json!({"domains": [domain], "certificates": []})).unwrap_err();
        assert!(unread.contains("describe-certificate"), "{unread}");
    }

    #[test]
    fn thin_data_goes_as_far_as_it_goes() {
        let domain =
            json!({"domainName": HOST, "region": "us-west-2", "domainNameConfigurations": [{"endpointType": "EDGE"}]});
        let thin = json!({"region": "eu-west-1"});
        let one = found(json!({"domains": [domain], "certificates": [thin]})).unwrap();
        assert_eq!(one, [("in the account's data".to_owned(), true, Confidence::Medium)]);
        let two = found(json!({"domains": [domain], "certificates": [thin, {"region": "us-east-1"}]})).unwrap_err();
        assert!(two.contains("get-domain-name --domain-name 'lambda.example.com' --region us-west-2"), "{two}");
        let lonely = json!({"certificates": [{"SubjectAlternativeNames": ["other.example.org"], "Status": "ISSUED"}]});
        assert_eq!(found(lonely).unwrap().len(), 1);
        let several =
            json!({"certificates": [{"SubjectAlternativeNames": [HOST]}, {"SubjectAlternativeNames": [HOST]}]});
        assert!(found(several).is_err());
    }

    #[test]
    fn another_accounts_certificates_are_not_in_question() {
        let other = json!({"domains": [{"domainName": "shop.example.org", "region": "us-west-2"}],
            "certificates": [{"SubjectAlternativeNames": ["shop.example.org"], "Status": "FAILED"}]});
        assert!(found(other).unwrap_err().contains("no custom domain of the account serves"));
        let denied = json!({"certificates": [{"SubjectAlternativeNames": [HOST], "Status": "FAILED"}],
            "not_read": {"domains": {"kind": "forbidden", "permission": "apigateway:GET"}}});
        assert!(found(denied).unwrap_err().contains("apigateway:GET"));
    }
}
