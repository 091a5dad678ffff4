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
use crate::settings::ClientIdentity;

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
    /// By the public stand-in, ten days left.
    Expiring,
    /// Signed by its own key.
    SelfSigned,
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
    if !organisation.is_empty() {
        name.push(DnType::CountryName, "US");
        name.push(DnType::OrganizationName, organisation);
    }
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
        certified(chain, &key)
    }
}

fn self_signed(subject: DistinguishedName, host: &str) -> Result<Arc<CertifiedKey>, DemoError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec![host.to_owned()])?;
    params.distinguished_name = subject;
    params.not_before = OffsetDateTime::now_utc() - Duration::days(30);
    params.not_after = OffsetDateTime::now_utc() + Duration::days(335);
    let certificate = params.self_signed(&key)?;
    certified(vec![certificate.der().clone()], &key)
}

fn certified(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Result<Arc<CertifiedKey>, DemoError> {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Ok(Arc::new(CertifiedKey::new(chain, provider().key_provider.load_private_key(key)?)))
}

impl Pki {
    pub(super) fn new() -> Result<Pki, DemoError> {
        let public = Authority::new(named("Demo Trust Services", "", Some("Demo Public Root")), None)?;
        // The issuers' organisations are those of the real ones: who may issue is judged by them (CAA).
        let intermediate = Authority::new(named("Google Trust Services", "", Some("WE1 (demo)")), Some(&public))?;
        let origin_ca = Authority::new(
            named("CloudFlare, Inc.", "CloudFlare Origin SSL ECC Certificate Authority (demo)", None),
            None,
        )?;
        let service = Authority::new(named("Amazon", "", Some("Amazon ECDSA 256 M01 (demo)")), Some(&public))?;
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

    /// The edge's own certificate, with so many days left of its 90.
    pub(super) fn edge(&self, names: &[&str], days_left: i64) -> Result<Arc<CertifiedKey>, DemoError> {
        let subject = named("Demo", "", names.first().copied());
        self.intermediate.leaf(subject, names, (days_left - 90, days_left), &[&self.intermediate])
    }

    /// The client certificate of authenticated origin pulls.
    pub(super) fn origin_pull_client(&self) -> Result<Arc<CertifiedKey>, DemoError> {
        let subject = named("CloudFlare, Inc.", "Origin Pull", Some("origin-pull.example"));
        self.origin_pull.leaf(subject, &["origin-pull.example"], (-20, 700), &[])
    }

    /// A client certificate of the owner's own, which the trust store holds too.
    pub(super) fn client_identity(&self) -> Result<ClientIdentity, DemoError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec!["owner.example".to_owned()])?;
        params.distinguished_name = named("Demo", "", Some("owner.example"));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = OffsetDateTime::now_utc() - Duration::days(20);
        params.not_after = OffsetDateTime::now_utc() + Duration::days(300);
        let leaf = params.signed_by(&key, &self.origin_pull.issuer)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok(ClientIdentity { chain: vec![leaf.der().clone()], key: Arc::new(key) })
    }

    /// The certificate that a service shows for names that it does not know: its wildcard, which covers the record's
    /// target (`facts/aws.md` section 1.2).
    pub(super) fn service(&self, target: &str) -> Result<Arc<CertifiedKey>, DemoError> {
        let name = format!("*.{}", target.split_once('.').map_or(target, |(_, parent)| parent));
        self.service.leaf(named("", "", Some(&name)), &[&name], (-60, 138), &[&self.service])
    }

    /// The certificate of the custom domain; `None`: there is no custom domain.
    pub(super) fn origin(&self, kind: OriginCertificate, host: &str) -> Result<Option<Arc<CertifiedKey>>, DemoError> {
        let origin_ca = || named("CloudFlare, Inc.", "CloudFlare Origin CA", Some("CloudFlare Origin Certificate"));
        let own = || named("Demo", "", Some(host));
        let fifteen_years = (-30, 5445);
        Ok(Some(match kind {
            OriginCertificate::OriginCa => self.origin_ca.leaf(origin_ca(), &[host], fifteen_years, &[])?,
            OriginCertificate::Public => self.service.leaf(own(), &[host], (-20, 178), &[&self.service])?,
            OriginCertificate::Expired => self.origin_ca.leaf(origin_ca(), &[host], (-372, -7), &[])?,
            OriginCertificate::NotYetValid => self.origin_ca.leaf(origin_ca(), &[host], (7, 372), &[])?,
            OriginCertificate::WrongName => {
                self.origin_ca.leaf(origin_ca(), &["api.example.org"], fifteen_years, &[])?
            }
            OriginCertificate::Untrusted => self.unknown.leaf(own(), &[host], (-30, 335), &[])?,
            OriginCertificate::NoIntermediate => self.service.leaf(own(), &[host], (-20, 178), &[])?,
            OriginCertificate::Expiring => self.service.leaf(own(), &[host], (-188, 10), &[&self.service])?,
            OriginCertificate::SelfSigned => self_signed(own(), host)?,
            OriginCertificate::Service => return Ok(None),
        }))
    }
}
