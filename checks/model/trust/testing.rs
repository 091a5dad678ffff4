//! Chains for tests, made by rcgen.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::evidence::tls::{Certificate, Der};

/// When everything in these tests is judged.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-23 10:00 UTC);

/// A CA that signs.
pub(crate) struct Authority {
    pub(crate) certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A leaf to be.
pub(crate) struct Leaf {
    pub(crate) params: CertificateParams,
}

fn ca(name: &str, organisation: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, organisation);
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = NOW - Duration::days(1000);
    params.not_after = NOW + Duration::days(4000);
    params
}

impl Authority {
    pub(crate) fn root(name: &str) -> Authority {
        Authority::from_params(ca(name, &format!("{name} Ltd")))
    }

    pub(crate) fn from_params(params: CertificateParams) -> Authority {
        let key = KeyPair::generate().unwrap();
        let certificate = Certificate::parse(params.self_signed(&key).unwrap().der());
        Authority { certificate, issuer: Issuer::new(params, key) }
    }

    /// The name that the real Cloudflare Origin CA roots bear (ECC).
    pub(crate) fn origin_ca() -> Authority {
        let mut params = ca("x", "x");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "CloudFlare, Inc.");
        params
            .distinguished_name
            .push(DnType::OrganizationalUnitName, "CloudFlare Origin SSL ECC Certificate Authority");
        params.not_after = super::ORIGIN_CA_ROOTS_END;
        Authority::from_params(params)
    }

    pub(crate) fn intermediate(&self, name: &str, organisation: &str) -> Authority {
        self.intermediate_with(ca(name, organisation))
    }

    pub(crate) fn intermediate_with(&self, params: CertificateParams) -> Authority {
        let key = KeyPair::generate().unwrap();
        let certificate = Certificate::parse(params.signed_by(&key, &self.issuer).unwrap().der());
        Authority { certificate, issuer: Issuer::new(params, key) }
    }

    pub(crate) fn sign(&self, leaf: Leaf) -> Certificate {
        Certificate::parse(leaf.params.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap().der())
    }

    pub(crate) fn der(&self) -> Der {
        self.certificate.der.clone().unwrap()
    }
}

impl Leaf {
    /// Valid from 100 days ago for 98 more.
    pub(crate) fn of(names: &[&str]) -> Leaf {
        let mut params = CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, names.first().copied().unwrap_or("nameless"));
        params.not_before = NOW - Duration::days(100);
        params.not_after = NOW + Duration::days(98);
        Leaf { params }
    }

    pub(crate) fn common_name(mut self, name: &str) -> Leaf {
        self.params.distinguished_name = rcgen::DistinguishedName::new();
        self.params.distinguished_name.push(DnType::CommonName, name);
        self
    }

    /// Days from now at which it begins and ends.
    pub(crate) fn valid(mut self, from: i64, to: i64) -> Leaf {
        self.params.not_before = NOW + Duration::days(from);
        self.params.not_after = NOW + Duration::days(to);
        self
    }

    pub(crate) fn for_clients(mut self) -> Leaf {
        self.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self
    }

    pub(crate) fn ca(mut self) -> Leaf {
        self.params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        self
    }

    /// The policy of the CA/Browser Forum for domain-validated certificates.
    pub(crate) fn public_policy(mut self) -> Leaf {
        let content = b"\x30\x0a\x30\x08\x06\x06\x67\x81\x0c\x01\x02\x01".to_vec();
        self.params.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 32], content));
        self
    }

    /// Authority information access: caIssuers at `http://c.x/i.der`.
    pub(crate) fn issuer_url(mut self) -> Leaf {
        let content = b"\x30\x1e\x30\x1c\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02\x86\x10http://c.x/i.der".to_vec();
        self.params.custom_extensions.push(CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], content));
        self
    }

    pub(crate) fn self_signed(self) -> Certificate {
        Certificate::parse(self.params.self_signed(&KeyPair::generate().unwrap()).unwrap().der())
    }
}
