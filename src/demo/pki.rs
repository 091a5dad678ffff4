//! The certificates of the small world, made when it starts: stand-ins for a public authority, for Cloudflare Origin
//! CA and for Amazon's service certificate, and each way in which a chain can be wrong.

use std::sync::Arc;

use cfdoctor_checks::evidence::tls::Der;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};

use super::DemoError;
use crate::probe::tls::provider;

/// What the origin shows for the visitor's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginCertificate {
    /// By the Origin CA stand-in, 15 years.
    OriginCa,
    /// By the public stand-in, with its intermediate.
    Public,
    /// By the Origin CA stand-in, ended last week.
    Expired,
    /// Begins next week.
    NotYetValid,
    /// For another name.
    WrongName,
    /// By an authority that nobody knows.
    Untrusted,
    /// By the public stand-in, its intermediate not sent.
    NoIntermediate,
    /// The service's own: the custom domain does not exist.
    Service,
}

/// An authority of the world.
pub(super) struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// Every authority of the world.
pub(super) struct Pki {
    public: Authority,
    intermediate: Authority,
    origin_ca: Authority,
    service: Authority,
    unknown: Authority,
    /// Signs the client certificate of authenticated origin pulls.
    pub(super) origin_pull: Authority,
}

fn named(organisation: &str, unit: &str, common_name: Option<&str>) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CountryName, "US");
    name.push(DnType::OrganizationName, organisation);
    if !unit.is_empty() {
        name.push(DnType::OrganizationalUnitName, unit);
    }
    if let Some(common_name) = common_name {
        name.push(DnType::CommonName, common_name);
    }
    name
}

impl Authority {
    fn new(name: DistinguishedName, above: Option<&Authority>) -> Result<Authority, DemoError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = name;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = OffsetDateTime::now_utc() - Duration::days(400);
        params.not_after = OffsetDateTime::now_utc() + Duration::days(9000);
        let certificate = match above {
            Some(above) => params.signed_by(&key, &above.issuer)?,
            None => params.self_signed(&key)?,
        };
        Ok(Authority { certificate, issuer: Issuer::new(params, key) })
    }

    pub(super) fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    /// A leaf for `names`, valid from `from` to `to` (days from now).
    fn leaf(
        &self,
        subject: DistinguishedName,
        names: &[&str],
        (from, to): (i64, i64),
        above: &[&Authority],
    ) -> Result<Arc<CertifiedKey>, DemoError> {
        let key = KeyPair::generate()?;
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = subject;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = OffsetDateTime::now_utc() + Duration::days(from);
        params.not_after = OffsetDateTime::now_utc() + Duration::days(to);
        let leaf = params.signed_by(&key, &self.issuer)?;
        let mut chain = vec![leaf.der().clone()];
        chain.extend(above.iter().map(|authority| authority.der()));
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let key = provider().key_provider.load_private_key(key)?;
        Ok(Arc::new(CertifiedKey::new(chain, key)))
    }
}

impl Pki {
    pub(super) fn new() -> Result<Pki, DemoError> {
        let public = Authority::new(named("Demo Trust Services", "", Some("Demo Public Root")), None)?;
        let intermediate = Authority::new(named("Demo Trust Services", "", Some("Demo Issuing CA 1")), Some(&public))?;
        let origin_ca = Authority::new(
            named("CloudFlare, Inc.", "CloudFlare Origin SSL ECC Certificate Authority (demo)", None),
            None,
        )?;
        let service = Authority::new(named("Amazon (demo)", "", Some("Demo Amazon RSA 2048 M01")), Some(&public))?;
        let unknown = Authority::new(named("Nobody in particular", "", Some("Home-made Root")), None)?;
        let origin_pull = Authority::new(named("CloudFlare, Inc.", "Origin Pull", Some("origin-pull (demo)")), None)?;
        Ok(Pki { public, intermediate, origin_ca, service, unknown, origin_pull })
    }

    /// The public roots of the world, for `--cacert`.
    pub(super) fn public_roots(&self) -> Vec<Der> {
        vec![Der(self.public.der().to_vec())]
    }

    /// The Origin CA root of the world, for `--origin-ca`.
    pub(super) fn origin_ca_roots(&self) -> Vec<Der> {
        vec![Der(self.origin_ca.der().to_vec())]
    }

    /// What the edge trusts in mode Full (strict).
    pub(super) fn strict_roots(&self) -> [CertificateDer<'static>; 2] {
        [self.public.der(), self.origin_ca.der()]
    }

    /// The edge's own certificate.
    pub(super) fn edge(&self, names: &[&str]) -> Result<Arc<CertifiedKey>, DemoError> {
        let subject = named("Demo", "", names.first().copied());
        self.intermediate.leaf(subject, names, (-20, 70), &[&self.intermediate])
    }

    /// The client certificate of authenticated origin pulls.
    pub(super) fn origin_pull_client(&self) -> Result<Arc<CertifiedKey>, DemoError> {
        let subject = named("CloudFlare, Inc.", "Origin Pull", Some("origin-pull.example"));
        self.origin_pull.leaf(subject, &["origin-pull.example"], (-20, 700), &[])
    }

    /// The certificate that the gateway shows for names that it does not know.
    pub(super) fn service(&self, region: &str) -> Result<Arc<CertifiedKey>, DemoError> {
        let name = format!("*.execute-api.{region}.amazonaws.com");
        self.service.leaf(named("Amazon (demo)", "", Some(&name)), &[&name], (-60, 300), &[&self.service])
    }

    /// The certificate of the custom domain; `None`: there is no custom domain.
    pub(super) fn origin(&self, kind: OriginCertificate, host: &str) -> Result<Option<Arc<CertifiedKey>>, DemoError> {
        let origin_ca = || named("CloudFlare, Inc.", "CloudFlare Origin CA", Some("CloudFlare Origin Certificate"));
        let own = || named("Demo", "", Some(host));
        let fifteen_years = (-30, 5445);
        Ok(Some(match kind {
            OriginCertificate::OriginCa => self.origin_ca.leaf(origin_ca(), &[host], fifteen_years, &[])?,
            OriginCertificate::Public => self.intermediate.leaf(own(), &[host], (-20, 178), &[&self.intermediate])?,
            OriginCertificate::Expired => self.origin_ca.leaf(origin_ca(), &[host], (-372, -7), &[])?,
            OriginCertificate::NotYetValid => self.origin_ca.leaf(origin_ca(), &[host], (7, 372), &[])?,
            OriginCertificate::WrongName => {
                self.origin_ca.leaf(origin_ca(), &["api.example.org"], fifteen_years, &[])?
            }
            OriginCertificate::Untrusted => self.unknown.leaf(own(), &[host], (-30, 335), &[])?,
            OriginCertificate::NoIntermediate => self.intermediate.leaf(own(), &[host], (-20, 178), &[])?,
            OriginCertificate::Service => return Ok(None),
        }))
    }
}
