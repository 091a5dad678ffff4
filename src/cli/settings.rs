//! The network options as [`Settings`]; files are read here.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cfdoctor_checks::evidence::tls::{Der, TrustInputs};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::SecretString;

use super::CommandError;
use super::args::{NetworkArgs, VisitArgs};
use super::values;
use crate::settings::{ClientIdentity, Family, Proxy, ProxyKind, ResolverChoice, Settings};

/// Octets of a PEM file (`product.md` section 10: 10 MiB for each input file).
const MAX_PEM: u64 = 10 * 1024 * 1024;
/// Where a proxy listens, unless said (as curl has it).
const PROXY_PORT: u16 = 1080;
/// Headers that the connection itself needs, and that would break it.
const OURS: &[&str] = &["connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"];

/// The settings that these options mean.
pub(super) fn read(given: &NetworkArgs) -> Result<Settings, CommandError> {
    Ok(Settings {
        client_identity: given.cert.as_deref().map(|cert| identity(cert, given.key.as_deref())).transpose()?,
        request_headers: given.headers.iter().map(|line| header(line)).collect::<Result<_, _>>()?,
        ..visit(&given.visit)?
    })
}

/// What of them concerns every target.
pub(super) fn visit(given: &VisitArgs) -> Result<Settings, CommandError> {
    Ok(Settings {
        resolver: given.resolver.clone().unwrap_or(ResolverChoice::System),
        family: match (given.ipv4, given.ipv6) {
            (true, _) => Family::V4,
            (_, true) => Family::V6,
            _ => Family::Any,
        },
        resolve: given.resolve.clone(),
        connect_to: given.connect_to.clone(),
        proxy: given.proxy.as_deref().map(proxy).transpose()?,
        trust: TrustInputs {
            extra_roots: roots("--cacert", &given.cacert)?,
            origin_ca: match &given.origin_ca {
                Some(file) => Some(roots("--origin-ca", std::slice::from_ref(file))?),
                None => None,
            },
        },
        samples: given.samples,
        connect_timeout: given.connect_timeout,
        timeout: given.timeout,
        deadline: given.deadline,
        retries: given.retries,
        ..Settings::default()
    })
}

/// What reaching the APIs alone takes.
pub(super) fn reach(proxy_text: Option<&str>, cacert: &[PathBuf]) -> Result<Settings, CommandError> {
    Ok(Settings {
        proxy: proxy_text.map(proxy).transpose()?,
        trust: TrustInputs { extra_roots: roots("--cacert", cacert)?, origin_ca: None },
        ..Settings::default()
    })
}

/// `Name: value`. An error never repeats the value: it may be a secret.
pub(super) fn header(line: &str) -> Result<(String, SecretString), CommandError> {
    let wrong = |why: &str| CommandError::usage(format!("-H: {why}"));
    let (name, value) = line.split_once(':').ok_or_else(|| wrong("write 'NAME: VALUE', with a colon"))?;
    if name.is_empty() || !name.bytes().all(values::is_token_byte) {
        return Err(wrong("the part before the colon is not the name of a header"));
    }
    let lower = name.to_ascii_lowercase();
    if lower == "host" {
        return Err(wrong("name the host in the target instead of a Host header, and pin the address with --resolve"));
    }
    if OURS.contains(&lower.as_str()) {
        return Err(wrong(&format!("{name} belongs to the connection and cannot be chosen; leave it out")));
    }
    let value = value.trim();
    // RFC 9110 §5.5: no control characters.
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Err(wrong(&format!("the value of {name} has control characters; a header is one line")));
    }
    Ok((name.to_owned(), SecretString::from(value)))
}

/// `[http://|socks5://][USER:PASSWORD@]HOST[:PORT]`. An error never repeats the text: it may hold a password.
pub(super) fn proxy(text: &str) -> Result<Proxy, CommandError> {
    let wrong = |why: String| CommandError::usage(format!("--proxy: {why}"));
    let (kind, rest) = match text.split_once("://") {
        None => (ProxyKind::Http, text),
        Some(("http", rest)) => (ProxyKind::Http, rest),
        Some(("socks5", rest)) => (ProxyKind::Socks5, rest),
        Some(("socks5h" | "socks4" | "socks4a", _)) => {
            return Err(wrong("names are resolved here, so that DNS is seen; use socks5://".into()));
        }
        Some(("https", _)) => {
            return Err(wrong("a proxy behind TLS is not supported; use http:// or socks5://".into()));
        }
        Some(_) => return Err(wrong("use http://HOST:PORT or socks5://HOST:PORT".into())),
    };
    let rest = rest.trim_end_matches('/');
    let (credentials, place) = match rest.rsplit_once('@') {
        Some((credentials, place)) => (Some(SecretString::from(credentials)), place),
        None => (None, rest),
    };
    let place = values::host_and_port(place, PROXY_PORT);
    let (host, port) = place.map_err(|_| {
        wrong("the place of the proxy is not HOST or HOST:PORT; user name and password end with @".into())
    })?;
    Ok(Proxy { kind, host, port, credentials })
}

/// The certificates of PEM files.
fn roots(option: &str, files: &[impl AsRef<Path>]) -> Result<Vec<Der>, CommandError> {
    let mut all = Vec::new();
    for file in files {
        let pem = pem(option, file.as_ref())?;
        all.extend(certificates(option, file.as_ref(), &pem)?.into_iter().map(|der| Der(der.to_vec())));
    }
    Ok(all)
}

/// The client certificate and its key, from one file or two.
fn identity(cert: &Path, key: Option<&Path>) -> Result<ClientIdentity, CommandError> {
    let cert_pem = pem("--cert", cert)?;
    let chain = certificates("--cert", cert, &cert_pem)?;
    let key = match key {
        Some(file) => private_key("--key", file, &pem("--key", file)?)?,
        None => private_key("--cert", cert, &cert_pem).map_err(|_| {
            let place = cert.display();
            CommandError::usage(format!("--cert {place}: there is no private key in it; name its file with --key"))
        })?,
    };
    Ok(ClientIdentity { chain, key: Arc::new(key) })
}

fn certificates(option: &str, file: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CommandError> {
    let place = file.display();
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|_| {
        CommandError::usage(format!(
            "{option} {place}: this is not sound PEM; give a file with BEGIN CERTIFICATE blocks"
        ))
    })?;
    if found.is_empty() {
        return Err(CommandError::usage(format!(
            "{option} {place}: there is no certificate in it; give a PEM file with BEGIN CERTIFICATE blocks"
        )));
    }
    Ok(found)
}

fn private_key(option: &str, file: &Path, pem: &[u8]) -> Result<PrivateKeyDer<'static>, CommandError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| {
        let encrypted = String::from_utf8_lossy(pem).contains("ENCRYPTED");
        let why = if encrypted {
            "the key is encrypted; decrypt it first (openssl pkey -in FILE -out PLAIN)"
        } else {
            "there is no private key in it; give a PEM file with a BEGIN PRIVATE KEY block"
        };
        CommandError::usage(format!("{option} {}: {why}", file.display()))
    })
}

fn pem(option: &str, file: &Path) -> Result<Vec<u8>, CommandError> {
    let wrong = |why: String| CommandError::usage(format!("{option} {}: {why}", file.display()));
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(|error| wrong(format!("cannot be read ({error})")))?;
    opened.take(MAX_PEM + 1).read_to_end(&mut bytes).map_err(|error| wrong(format!("cannot be read ({error})")))?;
    if bytes.len() as u64 > MAX_PEM {
        return Err(wrong("it is larger than 10 MiB; give a PEM file".into()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn headers() {
        let (name, value) = header("Authorization:  Bearer s3cr3t ").unwrap();
        assert_eq!((name.as_str(), value.expose_secret()), ("Authorization", "Bearer s3cr3t"));
        assert_eq!(header("X-Empty:").unwrap().1.expose_secret(), "");
        for (bad, why) in [
            ("s3cr3t", "colon"),
            ("a b: s3cr3t", "name of a header"),
            (": s3cr3t", "name of a header"),
            ("Host: s3cr3t", "--resolve"),
            ("Content-Length: s3cr3t", "leave it out"),
            ("X: s3cr3t\r\nY: 1", "one line"),
        ] {
            let error = header(bad).unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains("s3cr3t"), "{error}");
        }
    }

    #[test]
    fn proxies() {
        let plain = proxy("proxy.example.com").unwrap();
        assert_eq!((plain.kind, plain.host.as_str(), plain.port), (ProxyKind::Http, "proxy.example.com", 1080));
        let socks = proxy("socks5://user:s3cr3t@[2001:db8::1]:9050/").unwrap();
        assert_eq!((socks.kind, socks.host.as_str(), socks.port), (ProxyKind::Socks5, "2001:db8::1", 9050));
        assert_eq!(socks.credentials.unwrap().expose_secret(), "user:s3cr3t");
        for bad in ["socks5h://u:s3cr3t@x", "https://u:s3cr3t@x", "ftp://u:s3cr3t@x", "http://u:s3cr3t@x:0", "http://"]
        {
            let error = proxy(bad).err().unwrap().to_string();
            assert!(!error.contains("s3cr3t"), "{error}");
        }
    }

    #[test]
    fn pem_files() {
        let folder = tempfile::tempdir().unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let leaf = rcgen::CertificateParams::new(vec!["a.example.com".into()]).unwrap().self_signed(&key).unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (cert_file, key_file) = (write("c.pem", &leaf.pem()), write("k.pem", &key.serialize_pem()));
        let both = write("b.pem", &format!("{}{}", leaf.pem(), key.serialize_pem()));
        assert_eq!(roots("--cacert", &[&cert_file, &both]).unwrap().len(), 2);
        assert_eq!(identity(&both, None).unwrap().chain.len(), 1);
        assert!(identity(&cert_file, Some(&key_file)).is_ok());
        let error = |result: Result<ClientIdentity, CommandError>| result.err().unwrap().to_string();
        assert!(error(identity(&cert_file, None)).contains("--key"));
        assert!(error(identity(&cert_file, Some(&cert_file))).contains("BEGIN PRIVATE KEY"));
        assert!(roots("--cacert", &[&key_file]).err().unwrap().to_string().contains("no certificate in it"));
        assert!(
            roots("--cacert", &[folder.path().join("absent")]).err().unwrap().to_string().contains("cannot be read")
        );
        let locked =
            write("e.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
        assert!(error(identity(&cert_file, Some(&locked))).contains("decrypt it first"));
    }
}
