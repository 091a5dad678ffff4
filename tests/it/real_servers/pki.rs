//! Certificates for the laboratory: a "public" root, an Origin CA stand-in, and each way a chain can be wrong.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};

pub struct Authority {
    pub certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

fn params(name: &str, ca: bool) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.distinguished_name.push(DnType::OrganizationName, "cfdoctor laboratory");
    if ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    }
    params
}

impl Authority {
    pub fn root(name: &str) -> Authority {
        let key = KeyPair::generate().unwrap();
        let params = params(name, true);
        let certificate = params.self_signed(&key).unwrap();
        Authority { certificate, issuer: Issuer::new(params, key) }
    }

    pub fn intermediate(&self, name: &str) -> Authority {
        let key = KeyPair::generate().unwrap();
        let params = params(name, true);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Authority { certificate, issuer: Issuer::new(params, key) }
    }

    /// Writes `NAME.pem` (leaf, then `above`) and `NAME.key` for `host`.
    pub fn leaf(&self, folder: &Path, name: &str, host: &str, expired: bool, above: &[&Authority]) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, host);
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        let now = time::OffsetDateTime::now_utc();
        params.not_before = if expired { date_time_ymd(2024, 1, 1) } else { now - time::Duration::days(30) };
        params.not_after = if expired { date_time_ymd(2025, 1, 1) } else { now + time::Duration::days(335) };
        let mut pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        for authority in above {
            pem += &authority.certificate.pem();
        }
        fs::write(folder.join(format!("{name}.pem")), pem).unwrap();
        fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}
