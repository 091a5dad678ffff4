//! The token and where it is shown: what can be told of a wrong one before anybody is asked.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use cfdoctor_checks::evidence::text;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::client::Client;
use super::lookup::Lookups;
use super::parts::Parts;
use crate::settings::Settings;

/// Cloudflare's own API (`facts/cloudflare.md` section 8).
pub const BASE_URL: &str = "https://api.cloudflare.com/client/v4";

/// Where a read-only token is made.
const MAKE_ONE: &str = "make a read-only API token at https://dash.cloudflare.com/profile/api-tokens";

/// A usable token and the API that it is for. Clones share connection, limits and everything read in this run: one
/// access serves all targets.
#[derive(Clone)]
pub struct CloudflareAccess {
    pub(super) token: SecretString,
    pub(super) base: Url,
    pub(super) run: Arc<Run>,
}

/// What all targets of a run share.
pub(super) struct Run {
    pub(super) client: Arc<Client>,
    pub(super) lookups: Lookups,
    pub(super) parts: Parts,
}

/// Why a token or base URL is not used. No value is ever repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// Nothing in it.
    #[error("the Cloudflare API token is empty; {MAKE_ONE}")]
    Empty,
    /// A newline, space or other blank in it.
    #[error("the Cloudflare API token has a space or line break in it; paste the token alone, in one line")]
    Blank,
    /// Quotation marks belong to the shell or the file, not to the token.
    #[error("the Cloudflare API token has quotation marks in it; give it without them")]
    Quoted,
    /// The scheme belongs to the header.
    #[error("the Cloudflare API token begins with \"Bearer\"; give the token alone")]
    Bearer,
    /// Something no token has.
    #[error("the Cloudflare API token has characters that no token has; copy it again, or {MAKE_ONE}")]
    OddCharacters,
    /// A global API key in place of a token.
    #[error(
        "this is a Cloudflare global API key, which is refused: it can change everything in the account; {MAKE_ONE}"
    )]
    GlobalKey,
    /// The variables of a global API key are set, and no token is.
    #[error(
        "CLOUDFLARE_API_KEY and CLOUDFLARE_EMAIL hold a global API key, which is refused: it can change everything in \
         the account; {MAKE_ONE} and set CLOUDFLARE_API_TOKEN"
    )]
    GlobalKeySet,
    /// The Origin CA key, a "service key".
    #[error("this is Cloudflare's Origin CA key, which the API takes no longer (since 2026-09-30); {MAKE_ONE}")]
    OriginCaKey,
    /// The base URL cannot be used.
    #[error("the Cloudflare base URL {0}; it should be like {BASE_URL}")]
    BaseUrl(String),
    /// TLS or the HTTP client could not be set up.
    #[error("the client of the Cloudflare API cannot be set up: {0}")]
    Setup(String),
}

impl CloudflareAccess {
    /// An access that connects as the default settings say.
    ///
    /// # Errors
    /// What is wrong with the token or the URL, without repeating it.
    pub fn new(token: &str, base_url: Option<&str>) -> Result<Self, AccessError> {
        judge(token)?;
        let base = base(base_url.filter(|url| !url.trim().is_empty()).unwrap_or(BASE_URL))?;
        let run = Arc::new(Run::new(&base, &Settings::default())?);
        Ok(CloudflareAccess { token: token.into(), base, run })
    }

    /// An access from `CLOUDFLARE_API_TOKEN` and `CLOUDFLARE_BASE_URL`, as `read` gives them; `None`: no token is set.
    ///
    /// # Errors
    /// As [`CloudflareAccess::new`]; also where only a global API key is set.
    pub fn from_environment(read: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, AccessError> {
        match read("CLOUDFLARE_API_TOKEN") {
            Some(token) => Self::new(&token, read("CLOUDFLARE_BASE_URL").as_deref()).map(Some),
            None if ["CLOUDFLARE_API_KEY", "CLOUDFLARE_EMAIL"].iter().any(|name| read(name).is_some()) => {
                Err(AccessError::GlobalKeySet)
            }
            None => Ok(None),
        }
    }

    /// The same access with the roots of trust and the proxy of these settings. Nothing read so far is kept.
    ///
    /// # Errors
    /// The client could not be set up.
    pub fn with(mut self, settings: &Settings) -> Result<Self, AccessError> {
        self.run = Arc::new(Run::new(&self.base, settings)?);
        Ok(self)
    }

    /// Where the API is, without a slash at its end.
    pub(crate) fn base_url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Host and port of the API.
    pub(crate) fn place(&self) -> String {
        let port = self.base.port_or_known_default().unwrap_or_default();
        format!("{}:{port}", self.base.host_str().unwrap_or_default())
    }

    /// The same access, connection and limits included, that has read nothing yet: for programs that run for long.
    #[must_use]
    pub fn renewed(&self) -> Self {
        let client = Arc::clone(&self.run.client);
        let run = Arc::new(Run { client, lookups: Lookups::default(), parts: Parts::default() });
        CloudflareAccess { run, ..self.clone() }
    }

    /// The token, to be looked for where it must not be.
    pub(in crate::probe) fn token(&self) -> &str {
        self.token.expose_secret()
    }

    /// Does the token say of itself that an account owns it, and no user?
    /// (<https://developers.cloudflare.com/fundamentals/api/get-started/token-formats>)
    pub(super) fn is_of_an_account(&self) -> bool {
        self.token.expose_secret().starts_with("cfat_")
    }
}

impl fmt::Debug for CloudflareAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudflareAccess").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl Run {
    fn new(base: &Url, settings: &Settings) -> Result<Run, AccessError> {
        let client = Arc::new(Client::new(base, settings).map_err(AccessError::Setup)?);
        Ok(Run { client, lookups: Lookups::default(), parts: Parts::default() })
    }
}

/// Tokens are 40 letters and digits, since 2026 with a prefix (`cfut_`, `cfat_`); a global key is 37 to 45 lower-case
/// hexadecimal digits or begins with `cfk_`
/// (<https://developers.cloudflare.com/fundamentals/api/get-started/token-formats>). Only what is surely no token is
/// refused: the format may change again.
fn judge(token: &str) -> Result<(), AccessError> {
    if token.trim().is_empty() {
        return Err(AccessError::Empty);
    }
    let bare = token.trim_matches(['"', '\'', '`', ' ']);
    if bare.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("bearer")) {
        return Err(AccessError::Bearer);
    }
    if token.contains(['"', '\'', '`', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}']) {
        return Err(AccessError::Quoted);
    }
    if token.contains(char::is_whitespace) {
        return Err(AccessError::Blank);
    }
    if token.starts_with("v1.0-") {
        return Err(AccessError::OriginCaKey);
    }
    let is_hex = token.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if token.starts_with("cfk_") || ((37..=45).contains(&token.len()) && is_hex) {
        return Err(AccessError::GlobalKey);
    }
    if !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(AccessError::OddCharacters);
    }
    Ok(())
}

fn base(given: &str) -> Result<Url, AccessError> {
    let wrong = |why: &str| AccessError::BaseUrl(why.to_owned());
    let given = given.trim();
    let mut url = Url::parse(given).map_err(|error| wrong(&format!("is no URL ({error})")))?;
    let is_local = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(url::Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => {}
        "http" if is_local => {}
        "http" => return Err(wrong("begins with http://, which would show the token to everybody on the way")),
        other => return Err(wrong(&format!("has the scheme {}", text::shorten(other, 20)))),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("holds a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("has a query or fragment"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "Abcdefghij_klmnopqrst-uvwxyzABCDEFGHIJKL";

    fn refused(token: &str) -> AccessError {
        CloudflareAccess::new(token, None).unwrap_err()
    }

    #[test]
    fn what_is_surely_no_token_is_refused_without_being_repeated() {
        for (token, error) in [
            ("", AccessError::Empty),
            (" \n", AccessError::Empty),
            ("Abcdefghij\n", AccessError::Blank),
            ("Abcde fghij", AccessError::Blank),
            ("\"Abcdefghij\"", AccessError::Quoted),
            ("'Abcdefghij'", AccessError::Quoted),
            ("Bearer Abcdefghij", AccessError::Bearer),
            ("\"bearer Abcdefghij\"", AccessError::Bearer),
            ("Abcdefghij\u{e9}", AccessError::OddCharacters),
            ("Abcdefghij\u{7}", AccessError::OddCharacters),
            (&"0123456789abcdef".repeat(3)[..37], AccessError::GlobalKey),
            (&"0123456789abcdef".repeat(3)[..45], AccessError::GlobalKey),
            ("cfk_Abcdefghij", AccessError::GlobalKey),
            ("v1.0-Abcdefghij", AccessError::OriginCaKey),
        ] {
            let found = refused(token);
            assert_eq!(found, error, "{token:?}");
            for part in ["Abcde", "0123456789"] {
                assert!(!found.to_string().contains(part), "{found}");
            }
        }
        for token in [TOKEN, "cfut_Abcdefghij", "cfat_Abcdefghij", &"0123456789abcdef".repeat(2)] {
            assert!(CloudflareAccess::new(token, None).is_ok(), "{token}");
        }
    }

    #[test]
    fn a_global_key_in_the_environment_is_named() {
        let from = |set: &'static [(&'static str, &'static str)]| {
            CloudflareAccess::from_environment(|name| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert!(from(&[]).unwrap().is_none());
        assert_eq!(from(&[("CLOUDFLARE_API_KEY", "k")]).unwrap_err(), AccessError::GlobalKeySet);
        let error = from(&[("CLOUDFLARE_EMAIL", "somebody@example.com")]).unwrap_err().to_string();
        assert!(error.contains("can change everything") && !error.contains("somebody"), "{error}");
        let both = from(&[("CLOUDFLARE_API_KEY", "k"), ("CLOUDFLARE_API_TOKEN", TOKEN)]).unwrap().unwrap();
        assert_eq!(both.base.as_str(), BASE_URL);
        let moved = from(&[("CLOUDFLARE_API_TOKEN", TOKEN), ("CLOUDFLARE_BASE_URL", "http://127.0.0.1:8080/v4/")]);
        assert_eq!(moved.unwrap().unwrap().base.as_str(), "http://127.0.0.1:8080/v4");
    }

    #[test]
    fn the_token_goes_only_where_nobody_listens() {
        let with = |base: &str| CloudflareAccess::new(TOKEN, Some(base));
        for good in [
            "https://api.example.com/client/v4",
            "http://localhost:1",
            "http://[::1]:1/x",
            "",
            "https://a.example:8443",
        ] {
            assert!(with(good).is_ok(), "{good}");
        }
        for bad in [
            "http://api.cloudflare.com/client/v4",
            "http://192.0.2.1/",
            "ftp://127.0.0.1/",
            "api.cloudflare.com",
            "https://user:s3cr3t@api.example.com/",
            "https://api.example.com/?a=s3cr3t",
        ] {
            let error = with(bad).unwrap_err().to_string();
            assert!(error.contains("base URL") && !error.contains("s3cr3t"), "{error}");
        }
        assert!(!format!("{:?}", with("").unwrap()).contains(TOKEN));
    }
}
