use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair, SanType};
use time::macros::datetime;

use super::*;
use crate::evidence::tls::Key;

fn params(names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    params.not_before = datetime!(2026-01-02 03:04:05 UTC);
    params.not_after = datetime!(2060-02-03 04:05:06 UTC);
    params
}

#[test]
fn a_leaf_says_what_it_says() {
    let mut root = params(&[]);
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.distinguished_name = rcgen::DistinguishedName::new();
    root.distinguished_name.push(DnType::CountryName, "US");
    root.distinguished_name.push(DnType::OrganizationName, "Example, \u{202e}Inc.");
    root.distinguished_name.push(DnType::CommonName, "Example Root");
    let root_key = KeyPair::generate().unwrap();
    let root_der = root.self_signed(&root_key).unwrap();

    let mut leaf = params(&["Www.Example.COM", "*.example.com"]);
    leaf.subject_alt_names.push(SanType::IpAddress("192.0.2.7".parse().unwrap()));
    leaf.subject_alt_names.push(SanType::IpAddress("2001:db8::7".parse().unwrap()));
    leaf.distinguished_name = rcgen::DistinguishedName::new();
    leaf.distinguished_name.push(DnType::CommonName, "www.example.com");
    // authorityInfoAccess: OCSP first, then caIssuers.
    let access: &[u8] = b"\x30\x36\
        \x30\x16\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x01\x86\x0ahttp://o.x\
        \x30\x1c\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02\x86\x10http://c.x/i.der";
    leaf.custom_extensions.push(CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], access.to_vec()));
    let key = KeyPair::generate().unwrap();
    let der = leaf.signed_by(&key, &Issuer::from_params(&root, &root_key)).unwrap();

    let read = Certificate::parse(der.der());
    assert_eq!(read.unreadable, None);
    assert_eq!(read.subject, "CN=www.example.com");
    assert_eq!(read.issuer, "CN=Example Root,O=Example\\, \u{fffd}Inc.,C=US");
    assert_eq!(read.common_name.as_deref(), Some("www.example.com"));
    assert_eq!(read.names, ["www.example.com", "*.example.com"]);
    assert_eq!(read.addresses, ["192.0.2.7".parse::<IpAddr>().unwrap(), "2001:db8::7".parse().unwrap()]);
    assert_eq!(read.not_before, Some(datetime!(2026-01-02 03:04:05 UTC)));
    assert_eq!(read.not_after, Some(datetime!(2060-02-03 04:05:06 UTC)));
    assert_eq!(read.key, Some(Key::Ec { curve: "P-256".into() }));
    assert_eq!(read.signature, "ecdsa-with-SHA256");
    assert_eq!(read.issuer_url.as_deref(), Some("http://c.x/i.der"));
    assert!(!read.self_signed && !read.is_ca);
    assert_eq!(read.sha256.len(), 64);

    let read = Certificate::parse(root_der.der());
    assert!(read.self_signed && read.is_ca);
    assert_eq!(read.names, [""; 0]);
}

#[test]
fn keys_that_our_libraries_do_not_know_are_named() {
    let parse = |pem: &[u8]| Certificate::parse_pem_chain(pem).unwrap().remove(0);
    let rsa = parse(include_bytes!("fixtures/rsa1024.pem"));
    assert_eq!((rsa.key, rsa.signature.as_str()), (Some(Key::Rsa { bits: 1024 }), "sha256WithRSAEncryption"));
    let p521 = parse(include_bytes!("fixtures/p521.pem"));
    assert_eq!(p521.key, Some(Key::Ec { curve: "P-521".into() }));
    let koblitz = parse(include_bytes!("fixtures/secp256k1.pem"));
    assert_eq!(koblitz.key, Some(Key::Ec { curve: "1.3.132.0.10".into() }));
    let ed448 = parse(include_bytes!("fixtures/ed448.pem"));
    assert_eq!((ed448.key, ed448.signature.as_str()), (Some(Key::Other { algorithm: "Ed448".into() }), "Ed448"));
    let pss = parse(include_bytes!("fixtures/pss.pem"));
    assert_eq!(pss.signature, "RSASSA-PSS");
    for certificate in [rsa.self_signed, p521.self_signed, koblitz.self_signed, ed448.self_signed, pss.self_signed] {
        assert!(certificate, "nothing that we can tell speaks against it");
    }
    let ed25519 = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let read = Certificate::parse(params(&["a.example.com"]).self_signed(&ed25519).unwrap().der());
    assert_eq!(read.key, Some(Key::Other { algorithm: "Ed25519".into() }));
    assert!(read.self_signed);
}

#[test]
fn the_same_name_signed_by_another_key_is_not_self_signed() {
    let impostor = params(&["a.example.com"]);
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let der = impostor.signed_by(&key, &Issuer::from_params(&impostor, &other)).unwrap();
    let read = Certificate::parse(der.der());
    assert_eq!(read.subject, read.issuer);
    assert!(!read.self_signed);
}

#[test]
fn several_lists_of_names_are_one_and_have_an_end() {
    let mut many = params(&["a.example.com"]);
    // A second subjectAltName extension: SEQUENCE { [2] "b.x" }.
    many.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 17], b"\x30\x05\x82\x03b.x".to_vec()));
    let key = KeyPair::generate().unwrap();
    let read = Certificate::parse(many.self_signed(&key).unwrap().der());
    assert_eq!(read.names, ["a.example.com", "b.x"]);

    let names: Vec<String> = (0..700).map(|n| format!("n{n}.example.com")).collect();
    let read = Certificate::parse(CertificateParams::new(names).unwrap().self_signed(&key).unwrap().der());
    assert_eq!(read.names.len(), MAX_NAMES);
}

#[test]
fn bytes_that_are_no_certificate_are_kept_with_the_reason() {
    let key = KeyPair::generate().unwrap();
    let sound = params(&["a.example.com"]).self_signed(&key).unwrap().der().to_vec();
    let trailing = [sound.clone(), b"more".to_vec()].concat();
    for (bytes, why) in [
        (&b""[..], "cut off"),
        (b"-----BEGIN CERTIFICATE-----", ""),
        (&sound[..sound.len() - 1], "cut off"),
        (&trailing, "4 octets follow"),
    ] {
        let read = Certificate::parse(bytes);
        assert!(read.unreadable.as_ref().is_some_and(|given| given.contains(why)), "{:?}", read.unreadable);
        assert_eq!(read.der, Some(Der(bytes.to_vec())));
        assert_eq!(read.subject, "");
        assert_eq!(read.sha256.len(), 64);
    }
    let huge = Certificate::parse(&vec![0x30; MAX_OCTETS + 1]);
    assert_eq!(huge.der, None);
    assert!(huge.unreadable.is_some() && huge.sha256.len() == 64);
}

#[test]
fn a_pem_file_keeps_its_order() {
    let (one, two) = (include_str!("fixtures/p521.pem"), include_str!("fixtures/ed448.pem"));
    let chain = Certificate::parse_pem_chain(format!("words before\n{one}{two}").as_bytes()).unwrap();
    let names: Vec<_> = chain.iter().filter_map(|certificate| certificate.common_name.clone()).collect();
    assert_eq!(names, ["p521.example.com", "ed448.example.com"]);
    assert!(Certificate::parse_pem_chain(b"nothing here").is_err());
    assert_eq!(Certificate::parse_pem_chain(one.repeat(40).as_bytes()).unwrap().len(), MAX_CHAIN);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = Certificate::parse(&bytes);
    }

    #[test]
    fn no_damage_panics(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
                        which in 0..3_usize, cut in any::<prop::sample::Index>(), cuts in any::<bool>()) {
        let pem: &[u8] = [
            &include_bytes!("fixtures/rsa1024.pem")[..],
            include_bytes!("fixtures/pss.pem"),
            include_bytes!("fixtures/p521.pem"),
        ][which];
        let mut der = Certificate::parse_pem_chain(pem).unwrap().remove(0).der.unwrap().0;
        for (at, to) in changes {
            let at = at.index(der.len());
            der[at] = to;
        }
        if cuts {
            der.truncate(cut.index(der.len()));
        }
        let read = Certificate::parse(&der);
        let json = serde_json::to_string(&read).unwrap();
        prop_assert_eq!(serde_json::from_str::<Certificate>(&json).unwrap(), read);
    }
}
