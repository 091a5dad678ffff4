//! What the checks of this area are about: the custom domains of the host and the certificates in question.

use super::kind;
use crate::evidence::gateway::{Certificate, Domain};
use crate::evidence::{Evidence, Gateway};
use crate::model::trust::{name_matches, served_chain, service_certificate};
use crate::verdict::NotRun;

/// `us-west-2: lambda.example.com (regional)`.
pub(super) fn place(domain: &Domain) -> String {
    let region = domain.region.as_deref().map(|region| format!("{region}: ")).unwrap_or_default();
    let kind = kind(domain).map(|kind| format!(" ({kind})")).unwrap_or_default();
    format!("{region}{}{kind}", domain.name)
}

/// The certificate that a domain shows.
///
/// # Errors
/// The account does not tell which, or nothing of it.
pub(super) fn certificate<'a>(evidence: &'a Evidence, domain: &Domain) -> Result<&'a Certificate, NotRun> {
    let gateway = evidence.gateway.get()?;
    if let Some(arn) = domain.certificate.as_ref().or(domain.edge_certificate.as_ref()) {
        return gateway.certificate(arn);
    }
    lone(gateway, domain).ok_or_else(|| {
        let region = domain.region.as_deref().map(|region| format!(" --region {region}")).unwrap_or_default();
        NotRun::inconclusive(format!(
            "the AWS evidence does not tell the certificate of {} (`aws apigateway get-domain-name --domain-name \
             {}{region}` tells it)",
            domain.name,
            crate::evidence::text::shell_quote(&domain.name)
        ))
    })
}

/// The only certificate of thin data, where it may be the domain's: it has no ARN by which the domain could name it.
fn lone<'a>(gateway: &'a Gateway, domain: &Domain) -> Option<&'a Certificate> {
    match gateway.certificates.found()?.as_slice() {
        [one] if one.arn.is_none() && (one.names.is_empty() || covers(one, &domain.name)) => Some(one),
        _ => None,
    }
}

/// Does it cover the name, which may itself be a wildcard?
pub(super) fn covers(certificate: &Certificate, name: &str) -> bool {
    certificate.covers(name) || certificate.names.iter().any(|own| own == name)
}

/// The first certificate that the origin showed.
pub(super) fn leaf(evidence: &Evidence) -> Option<&crate::evidence::tls::Certificate> {
    served_chain(evidence.origin.tls.found()?).first()
}

/// The origin's certificate, where it is the visitor's name's own: whoever has the custom domain, somebody has it.
pub(super) fn own_certificate(evidence: &Evidence) -> Option<String> {
    let leaf = leaf(evidence)?;
    let is_own = leaf.names.iter().any(|name| name_matches(name, &evidence.target.host));
    (is_own && service_certificate(leaf).is_none())
        .then(|| format!("the target shows a certificate of the name's own ({})", leaf.names.join(", ")))
}
