//! A PEM file: the chain as the origin will send it, leaf first, and perhaps the key, of which nothing but its public
//! half is kept.

use cfdoctor_checks::evidence::tls::{Certificate, ClientCertificate, Connect, Handshake, TlsOutcome};
use cfdoctor_checks::evidence::{Gathered, Target};
use cfdoctor_checks::{NotRun, Probe};

use rustls::crypto::ring::sign::any_supported_type;
use rustls::server::ParsedCertificate;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::report::Place;

/// What PEM files hold.
#[derive(Debug, Default)]
pub(super) struct Pem {
    /// The chain, and where its first block stands.
    chain: Option<(Vec<CertificateDer<'static>>, Place)>,
    /// The public half of the key, and the file that holds it.
    key: Option<(Vec<u8>, String)>,
}

/// Does it look like one?
pub(super) fn is_one(text: &str) -> bool {
    ["CERTIFICATE-----", "PRIVATE KEY-----"].iter().any(|end| text.contains(end) && text.contains("-----BEGIN "))
}

impl Pem {
    /// Adds a file; text around the blocks is passed over.
    ///
    /// # Errors
    /// It is broken, or its key is encrypted: where, and the remedy. Never the key.
    pub(super) fn add(&mut self, bytes: &[u8], file: &str, notes: &mut Vec<String>) -> Result<(), String> {
        let line = |mark: &str| line_of(bytes, mark);
        if let Some(at) = line("BEGIN ENCRYPTED PRIVATE KEY").or_else(|| line("Proc-Type: 4,ENCRYPTED")) {
            return Err(format!(
                "the key (line {at}) is encrypted, and no passphrase is asked for; leave the key out, or give it \
                 decrypted (openssl pkey -in FILE -out PLAIN)"
            ));
        }
        let mut chain = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(bytes) {
            chain.push(certificate.map_err(|_| {
                let at = line("BEGIN CERTIFICATE").unwrap_or(1);
                format!(
                    "the block of certificate {} (the first is in line {at}) is not sound PEM: cut off, or lines lost; \
                     save the file whole",
                    chain.len() + 1
                )
            })?);
        }
        if let Some(at) = line("PRIVATE KEY-----") {
            let key = PrivateKeyDer::from_pem_slice(bytes).map_err(|_| {
                format!("the private key (line {at}) is not sound PEM: cut off, or lines lost; save the file whole")
            })?;
            match any_supported_type(&key).ok().and_then(|key| Some(key.public_key()?.as_ref().to_vec())) {
                Some(public) => self.key = Some((public, file.to_owned())),
                None => notes.push(format!(
                    "{file}: the key (line {at}) is of a kind that is not known here; whether it fits was not looked at"
                )),
            }
        }
        match chain.is_empty() {
            false => {
                self.chain =
                    Some((chain, Place { file: file.to_owned(), line: line("BEGIN CERTIFICATE").unwrap_or(1) }))
            }
            true if line("PRIVATE KEY-----").is_none() => {
                return Err(
                    "neither a certificate nor a private key is in it; give a file with BEGIN CERTIFICATE blocks"
                        .into(),
                );
            }
            true => {}
        }
        Ok(())
    }

    /// Where the chain stands.
    pub(super) fn place(&self) -> Option<&Place> {
        self.chain.as_ref().map(|(_, place)| place)
    }

    /// Do key and leaf belong together?
    ///
    /// # Errors
    /// They do not, or there is a key alone: the file at fault, why, and the remedy.
    pub(super) fn agree(&self, notes: &mut Vec<String>) -> Result<(), (String, String)> {
        let Some((key, file)) = &self.key else { return Ok(()) };
        let Some((chain, place)) = &self.chain else {
            let why = "a private key without its certificate; give the file with the certificate chain too";
            return Err((file.clone(), why.into()));
        };
        let publics: Vec<Option<Vec<u8>>> = chain.iter().map(public_of).collect();
        match publics.iter().position(|public| public.as_ref() == Some(key)) {
            Some(0) => Ok(()),
            Some(at) => Err((
                file.clone(),
                format!(
                    "the key fits certificate {} of {}, not the first: put the server's own certificate first, then its \
                     intermediates",
                    at + 1,
                    place.file
                ),
            )),
            None if publics.first().is_some_and(Option::is_none) => {
                notes.push(format!("{}: the certificate cannot be compared with the key", place.file));
                Ok(())
            }
            None => {
                let leaf = chain.first().map(|der| Certificate::parse(der)).unwrap_or_default();
                let names = leaf.names.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
                let whose = if names.is_empty() { leaf.subject } else { names };
                Err((
                    file.clone(),
                    format!(
                        "the private key does not belong to the certificate of {whose} in {}; give the key for which this \
                         certificate was made, or the certificate of this key",
                        place.file
                    ),
                ))
            }
        }
    }

    /// The handshake as it will be.
    pub(super) fn handshake(&self, target: &Target) -> Option<Gathered<Handshake>> {
        let (chain, _) = self.chain.as_ref()?;
        let origin = target.origin.as_ref().map_or_else(|| "the origin".to_owned(), |origin| origin.host.clone());
        Some(Gathered::Found(Handshake {
            peer: origin,
            address: None,
            server_name: Some(target.host.clone()),
            connect: Connect::Reported,
            outcome: TlsOutcome::Reported { error: None },
            session: None,
            chain: chain
                .iter()
                .take(cfdoctor_checks::evidence::certificate::MAX_CHAIN)
                .map(|der| Certificate::parse(der))
                .collect(),
            ocsp_stapled: false,
            client_certificate: ClientCertificate::NotAsked,
            legacy: Gathered::Missing(NotRun::Disabled(Probe::OriginTls)),
            connect_ms: None,
            tls_ms: None,
            earlier: Vec::new(),
        }))
    }
}

fn public_of(certificate: &CertificateDer<'static>) -> Option<Vec<u8>> {
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    Some(parsed.subject_public_key_info().as_ref().to_vec())
}

fn line_of(bytes: &[u8], mark: &str) -> Option<u32> {
    let has = |line: &[u8]| line.windows(mark.len()).any(|part| part == mark.as_bytes());
    (1..).zip(bytes.split(|byte| *byte == b'\n')).find(|(_, line)| has(line)).map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

    use super::*;

    struct Made {
        leaf: String,
        issuer: String,
        key: String,
        issuer_key: String,
    }

    fn made() -> Made {
        let issuer_key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = parameters.self_signed(&issuer_key).unwrap();
        let (issuer_pem, issuer_secret) = (issuer.pem(), issuer_key.serialize_pem());
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["api.example.com".into()]).unwrap();
        let leaf = leaf.signed_by(&key, &Issuer::new(parameters, issuer_key)).unwrap();
        Made { leaf: leaf.pem(), issuer: issuer_pem, key: key.serialize_pem(), issuer_key: issuer_secret }
    }

    fn read(files: &[&str]) -> Result<(Pem, Vec<String>), String> {
        let (mut pem, mut notes) = (Pem::default(), Vec::new());
        for (number, file) in files.iter().enumerate() {
            pem.add(file.as_bytes(), &format!("{number}.pem"), &mut notes)?;
        }
        pem.agree(&mut notes).map_err(|(file, why)| format!("{file}: {why}"))?;
        Ok((pem, notes))
    }

    #[test]
    fn a_chain_with_text_around_it_and_its_key() {
        let made = made();
        let text =
            format!("Bag Attributes\n  friendlyName: x\n{}\nsubject=CN = CA\n{}and so on\n", made.leaf, made.issuer);
        for files in [vec![text.as_str(), &made.key], vec![&made.key, &text], vec![&format!("{text}{}", made.key)]] {
            let (pem, notes) = read(&files).unwrap();
            assert_eq!(notes, Vec::<String>::new());
            assert_eq!(pem.place().unwrap().line, 3);
            let target = "https://api.example.com/".parse().unwrap();
            let handshake = pem.handshake(&target).unwrap();
            let chain = &handshake.get().unwrap().chain;
            assert_eq!((chain.len(), chain[0].names.as_slice()), (2, &["api.example.com".to_owned()][..]));
            assert!(chain[1].is_ca);
        }
    }

    #[test]
    fn a_key_that_does_not_fit_is_said_without_showing_it() {
        let (one, other) = (made(), made());
        let error = read(&[&one.leaf, &other.key]).unwrap_err();
        assert!(
            error.starts_with("1.pem: the private key does not belong to the certificate of api.example.com"),
            "{error}"
        );
        let secret = other.key.lines().nth(1).unwrap();
        assert!(!error.contains(secret.get(..20).unwrap()));
        let error = read(&[&format!("{}{}", one.issuer, one.leaf), &one.key]).unwrap_err();
        assert!(error.contains("certificate 2 of 0.pem, not the first"), "{error}");
        assert!(read(&[&one.issuer, &one.issuer_key]).is_ok());
        assert!(read(&[&one.key]).unwrap_err().contains("without its certificate"));
    }

    #[test]
    fn encrypted_and_broken_ones() {
        let made = made();
        let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let error = read(&[&format!("{}{locked}", made.leaf)]).unwrap_err();
        assert!(error.contains("is encrypted") && error.contains("openssl pkey"), "{error}");
        let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        assert!(read(&[old]).unwrap_err().contains("(line 2) is encrypted"));
        let cut = made.leaf.get(..made.leaf.len() / 2).unwrap();
        assert!(read(&[cut]).unwrap_err().contains("line 1"));
        assert!(
            read(&["-----BEGIN PRIVATE KEY-----\n%%%\n-----END PRIVATE KEY-----\n"])
                .unwrap_err()
                .contains("not sound PEM")
        );
        let (_, notes) = read(&[&made.leaf, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]).unwrap();
        assert!(notes[0].contains("kind that is not known"), "{notes:?}");
    }
}
