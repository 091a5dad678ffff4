//! Keys and signature algorithms, told by their object identifiers: the library's own sizes and kinds are wrong for
//! P-521, Ed25519, Ed448 and RSASSA-PSS.

use x509_parser::asn1_rs::Oid;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::RSAPublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::evidence::tls::Key;

/// The public key.
pub(super) fn key(info: &SubjectPublicKeyInfo<'_>) -> Key {
    let algorithm = info.algorithm.algorithm.to_id_string();
    match algorithm.as_str() {
        "1.2.840.113549.1.1.1" => Key::Rsa { bits: modulus_bits(&info.subject_public_key.data) },
        "1.2.840.10045.2.1" => {
            // RFC 5480 §2.1.1: the parameters are the curve's identifier.
            let curve = info.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
            Key::Ec { curve: curve.map_or_else(|| "unnamed".into(), |oid| curve_name(&oid.to_id_string())) }
        }
        _ => Key::Other { algorithm: key_name(&algorithm).map_or(algorithm, ToOwned::to_owned) },
    }
}

/// Bits of the modulus; 0 when the key cannot be read.
fn modulus_bits(key: &[u8]) -> u32 {
    let Ok((_, key)) = RSAPublicKey::from_der(key) else { return 0 };
    let significant = key.modulus.iter().position(|octet| *octet != 0).map_or(&[][..], |at| &key.modulus[at..]);
    let bits = significant.first().map_or(0, |first| significant.len() * 8 - first.leading_zeros() as usize);
    u32::try_from(bits).unwrap_or(u32::MAX)
}

fn curve_name(oid: &str) -> String {
    match oid {
        "1.2.840.10045.3.1.7" => "P-256".into(),
        "1.3.132.0.34" => "P-384".into(),
        "1.3.132.0.35" => "P-521".into(),
        other => other.into(),
    }
}

fn key_name(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "1.2.840.113549.1.1.10" => "RSASSA-PSS",
        "1.2.840.10040.4.1" => "DSA",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        "2.16.840.1.101.3.4.3.17" => "ML-DSA-44",
        "2.16.840.1.101.3.4.3.18" => "ML-DSA-65",
        "2.16.840.1.101.3.4.3.19" => "ML-DSA-87",
        _ => return None,
    })
}

/// The name of a signature algorithm as its RFC writes it (3279, 4055, 5758, 8410, 9881), or the identifier.
pub(super) fn signature(oid: &Oid<'_>) -> String {
    let oid = oid.to_id_string();
    let name = match oid.as_str() {
        "1.2.840.113549.1.1.2" => "md2WithRSAEncryption",
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption",
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => "sha1WithRSAEncryption",
        "1.2.840.113549.1.1.10" => "RSASSA-PSS",
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption",
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption",
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption",
        "1.2.840.113549.1.1.14" => "sha224WithRSAEncryption",
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1",
        "1.2.840.10045.4.3.1" => "ecdsa-with-SHA224",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.2.840.10040.4.3" => "dsa-with-SHA1",
        "2.16.840.1.101.3.4.3.2" => "dsa-with-SHA256",
        other => key_name(other).unwrap_or(other),
    };
    name.to_owned()
}

/// Can ring verify a signature of this kind made by such a key? Where it cannot, its "no" means nothing.
pub(super) fn can_verify(key: Option<&Key>, signature: &str) -> bool {
    match key {
        Some(Key::Rsa { bits }) => {
            (2048..=8192).contains(bits)
                && matches!(
                    signature,
                    "sha1WithRSAEncryption"
                        | "sha256WithRSAEncryption"
                        | "sha384WithRSAEncryption"
                        | "sha512WithRSAEncryption"
                )
        }
        Some(Key::Ec { curve }) => {
            matches!(curve.as_str(), "P-256" | "P-384")
                && matches!(signature, "ecdsa-with-SHA256" | "ecdsa-with-SHA384")
        }
        Some(Key::Other { algorithm }) => algorithm == "Ed25519" && signature == "Ed25519",
        None => false,
    }
}

/// id-ad-caIssuers (RFC 5280 §4.2.2.1).
pub(super) fn is_ca_issuers(oid: &Oid<'_>) -> bool {
    oid.to_id_string() == "1.3.6.1.5.5.7.48.2"
}
