//! Certificates read from their bytes. Whatever the bytes are, there is a [`Certificate`] for them.

mod algorithm;
mod name;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use time::{OffsetDateTime, UtcOffset};
use x509_parser::error::X509Error;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::nom;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::time::ASN1Time;

use super::text;
use super::tls::{Certificate, Der};

/// Certificates kept of one chain (`product.md` section 10).
pub const MAX_CHAIN: usize = 32;
/// Octets of one certificate that are kept and read: the usual ones have 1 to 3 KiB.
pub const MAX_OCTETS: usize = 64 * 1024;
/// Names, and addresses, kept of one certificate: public CAs stop at 100 to 250.
const MAX_NAMES: usize = 500;
/// Characters kept of one DNS name: RFC 1035 allows 253.
const MAX_NAME: usize = 260;
/// Characters kept of a URL.
const MAX_URL: usize = 2048;
/// Characters kept of a reason.
const MAX_WHY: usize = 200;

impl Certificate {
    /// What the bytes say. Never fails: of bytes that are no certificate, `unreadable` says why, and the bytes and
    /// their hash stay.
    pub fn parse(der: &[u8]) -> Certificate {
        let mut certificate = Certificate { sha256: text::hex(&Sha256::digest(der)), ..Certificate::default() };
        if der.len() > MAX_OCTETS {
            certificate.unreadable =
                Some(format!("{} octets long; no more than {MAX_OCTETS} are read of a certificate", der.len()));
            return certificate;
        }
        certificate.der = Some(Der(der.to_vec()));
        match X509Certificate::from_der(der) {
            Ok(([], parsed)) => certificate.fill(&parsed),
            // webpki refuses these too (`TrailingData`).
            Ok((rest, _)) => certificate.unreadable = Some(format!("{} octets follow the certificate", rest.len())),
            Err(error) => certificate.unreadable = Some(text::shorten(&reason(&error), MAX_WHY)),
        }
        certificate
    }

    /// The certificates of a PEM file in its order, at most [`MAX_CHAIN`]; other sections are passed over.
    ///
    /// # Errors
    /// Why the text is not PEM, or that no certificate is in it.
    pub fn parse_pem_chain(pem: &[u8]) -> Result<Vec<Certificate>, String> {
        let mut chain = Vec::new();
        for der in CertificateDer::pem_slice_iter(pem).take(MAX_CHAIN) {
            let der = der.map_err(|error| text::shorten(&error.to_string(), MAX_WHY))?;
            chain.push(Certificate::parse(&der));
        }
        if chain.is_empty() { Err("there is no certificate in it".into()) } else { Ok(chain) }
    }

    fn fill(&mut self, parsed: &X509Certificate<'_>) {
        self.subject = name::readable(parsed.subject());
        self.issuer = name::readable(parsed.issuer());
        self.common_name = name::common_name(parsed.subject());
        self.not_before = utc(parsed.validity().not_before);
        self.not_after = utc(parsed.validity().not_after);
        self.key = Some(algorithm::key(parsed.public_key()));
        self.signature = algorithm::signature(&parsed.signature_algorithm.algorithm);
        // All extensions are gone through, for a second one of a kind makes the library's look-ups fail.
        for extension in parsed.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(entry) => self.fill_names(&entry.general_names),
                ParsedExtension::BasicConstraints(constraints) => self.is_ca |= constraints.ca,
                ParsedExtension::AuthorityInfoAccess(access) if self.issuer_url.is_none() => {
                    self.issuer_url = access.accessdescs.iter().find_map(|entry| match &entry.access_location {
                        GeneralName::URI(url) if algorithm::is_ca_issuers(&entry.access_method) => {
                            Some(text::shorten(url, MAX_URL))
                        }
                        _ => None,
                    });
                }
                _ => {}
            }
        }
        self.self_signed = is_self_signed(parsed, self);
    }

    fn fill_names(&mut self, names: &[GeneralName<'_>]) {
        for name in names {
            match name {
                GeneralName::DNSName(name) if self.names.len() < MAX_NAMES => {
                    self.names.push(text::shorten(name, MAX_NAME).to_ascii_lowercase());
                }
                GeneralName::IPAddress(octets) if self.addresses.len() < MAX_NAMES => {
                    self.addresses.extend(address(octets));
                }
                _ => {}
            }
        }
    }
}

/// Why the bytes are no certificate.
fn reason(error: &nom::Err<X509Error>) -> String {
    match error {
        nom::Err::Incomplete(_)
        | nom::Err::Error(X509Error::NomError(nom::error::ErrorKind::Eof))
        | nom::Err::Failure(X509Error::NomError(nom::error::ErrorKind::Eof)) => "the certificate is cut off".into(),
        nom::Err::Error(error) | nom::Err::Failure(error) => error.to_string(),
    }
}

/// An iPAddress entry (RFC 5280 §4.2.1.6): 4 octets or 16.
fn address(octets: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(octets) {
        return Some(IpAddr::V4(Ipv4Addr::from(v4)));
    }
    <[u8; 16]>::try_from(octets).ok().map(|v6| IpAddr::V6(Ipv6Addr::from(v6)))
}

/// Issuer and subject are one, and neither key identifiers nor the signature speak against it.
///
/// A signature that does not verify speaks only where our library can verify this kind; for RSA of 1024 bits, for
/// instance, it says the same of good and bad ones.
fn is_self_signed(parsed: &X509Certificate<'_>, certificate: &Certificate) -> bool {
    if parsed.subject().as_raw() != parsed.issuer().as_raw() {
        return false;
    }
    let mut own = None;
    let mut signer = None;
    for extension in parsed.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => own = Some(id.0),
            ParsedExtension::AuthorityKeyIdentifier(authority) => {
                signer = authority.key_identifier.as_ref().map(|id| id.0);
            }
            _ => {}
        }
    }
    if own.is_some() && signer.is_some() && own != signer {
        return false;
    }
    !algorithm::can_verify(certificate.key.as_ref(), &certificate.signature) || parsed.verify_signature(None).is_ok()
}

/// `None` for a day that cannot be written in UTC.
fn utc(time: ASN1Time) -> Option<OffsetDateTime> {
    time.to_datetime().checked_to_offset(UtcOffset::UTC).filter(|time| (0..=9999).contains(&time.year()))
}
