//! Secrets whose value is known, taken out of what others say: whoever was sent one may send it back, in any spelling.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;

use super::{REDACTED, is_secret_name, text};

/// Shorter ones would blank ordinary words.
const SHORTEST: usize = 6;
/// The same where nobody says that it is one: parameters of a URL, cookies of a file. `key` and `code` often hold none.
const SHORTEST_GUESS: usize = 12;
/// So much of a secret that was cut is still one.
const CUT: usize = 6;
/// Secrets that are known; a file may hold many more, and then the first ones.
const MOST: usize = 200;

/// Secrets by value, with every spelling that servers and files use: as it is, percent-encoded, as JSON and HTML, in
/// base64.
#[derive(Clone, Default)]
pub struct Secrets {
    known: HashSet<String>,
    spellings: Vec<String>,
    finder: OnceLock<Option<AhoCorasick>>,
}

impl Secrets {
    /// One that may not be seen anywhere.
    pub fn add(&mut self, secret: &str) {
        let secret = secret.trim();
        let is_one = secret.len() >= SHORTEST && !secret.contains(REDACTED);
        if !is_one || self.known.len() >= MOST || self.known.contains(secret) {
            return;
        }
        self.known.insert(secret.to_owned());
        self.spellings.extend(spellings(secret).into_iter().filter(|spelled| spelled.len() >= SHORTEST));
        self.finder = OnceLock::new();
    }

    /// What redaction hides of a header line that somebody sends: whole, and each part that stands for itself.
    pub fn learn(&mut self, name: &str, value: &str) {
        self.learn_from(name, value, SHORTEST);
    }

    /// The same of a file, where a cookie need not hold a secret.
    pub fn guess(&mut self, name: &str, value: &str) {
        self.learn_from(name, value, SHORTEST_GUESS);
    }

    fn learn_from(&mut self, name: &str, value: &str, shortest: usize) {
        let (lower, value) = (name.to_ascii_lowercase(), value.trim());
        let mut long = |secret: &str| {
            if secret.len() >= shortest {
                self.add(secret)
            }
        };
        match lower.as_str() {
            "cookie" | "set-cookie" => {
                let pairs = value.split(';').take(if lower == "cookie" { usize::MAX } else { 1 });
                let values = pairs.filter_map(|pair| pair.split_once('='));
                values.for_each(|(_, value)| long(value.trim_matches([' ', '"'])));
            }
            "authorization" | "proxy-authorization" => {
                let (scheme, credentials) = value.split_once(' ').unwrap_or(("", value));
                long(credentials);
                if scheme.eq_ignore_ascii_case("basic")
                    && let Ok(pair) = BASE64.decode(credentials.trim().trim_end_matches('='))
                    && let Ok(pair) = String::from_utf8(pair)
                {
                    long(&pair);
                    long(pair.split_once(':').map_or("", |(_, password)| password));
                }
            }
            _ if is_secret_name(&lower) => long(value),
            _ => self.learn_url(value),
        }
    }

    /// The secret parameters of a URL.
    pub fn learn_url(&mut self, url: &str) {
        if !url.contains('=') {
            return;
        }
        for pair in url.split(['?', '&', ';']).skip(1) {
            let Some((name, value)) = pair.split_once('=') else { continue };
            let value = value.split('#').next().unwrap_or_default();
            if value.len() >= SHORTEST_GUESS && text(&format!("?{name}=x")).ends_with(REDACTED) {
                self.add(value);
                self.add(&decoded(value));
            }
        }
    }

    /// Is there nothing to look for?
    pub fn is_empty(&self) -> bool {
        self.spellings.is_empty()
    }

    /// Does any of them stand in `text`?
    pub fn are_in(&self, text: &str) -> bool {
        self.finder().is_some_and(|finder| finder.is_match(text)) || self.cut_in(text).is_some()
    }

    /// `text` without them, nor the beginning of one where `text` was cut.
    pub fn blank(&self, mut text: String) -> String {
        if let Some(finder) = self.finder().filter(|finder| finder.is_match(&text)) {
            text = finder.replace_all(&text, &vec![REDACTED; self.spellings.len()]);
        }
        while let Some(cut) = self.cut_in(&text) {
            text.replace_range(cut, REDACTED);
        }
        text
    }

    /// `None`: there is nothing to find.
    fn finder(&self) -> Option<&AhoCorasick> {
        let made = || {
            let mut builder = AhoCorasick::builder();
            builder.ascii_case_insensitive(true).match_kind(MatchKind::LeftmostLongest).build(&self.spellings).ok()
        };
        self.finder.get_or_init(|| if self.spellings.is_empty() { None } else { made() }).as_ref()
    }

    /// Where the beginning of a secret stands before a cut.
    fn cut_in(&self, text: &str) -> Option<Range<usize>> {
        let mut cuts = text.match_indices('…').filter_map(|(at, _)| text.get(..at));
        cuts.find_map(|before| {
            let begun = |spelled: &String| {
                let most = spelled.len().min(before.len() + 1);
                let is_cut = |length: &usize| {
                    let end = before.len().checked_sub(*length).and_then(|from| before.get(from..));
                    spelled.get(..*length).zip(end).is_some_and(|(begin, end)| begin.eq_ignore_ascii_case(end))
                };
                (CUT..most).rev().find(is_cut)
            };
            let longest = self.spellings.iter().filter_map(begun).max()?;
            Some(before.len() - longest..before.len())
        })
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(REDACTED)
    }
}

/// How a secret may be written.
fn spellings(secret: &str) -> Vec<String> {
    // The letters of an escape are found in either case.
    let percent = |plain: fn(u8) -> bool| -> String {
        let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        secret.bytes().map(one).collect()
    };
    let json = serde_json::to_string(secret).unwrap_or_default();
    let json = json.trim_matches('"').to_owned();
    let html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let mut all = vec![
        secret.to_owned(),
        percent(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte)),
        percent(|byte| byte.is_ascii_alphanumeric()),
        percent(|_| false),
        json.replace('/', "\\/"),
        json,
        html,
    ];
    // Wherever it begins in what is encoded: without the letters at both ends that hold other bits too.
    for before in 0..3_usize {
        let octets = [&b"\0\0"[..before], secret.as_bytes()].concat();
        let whole = BASE64.encode(&octets);
        let (from, until) = ((before * 8).div_ceil(6), octets.len() * 8 / 6);
        let middle = whole.get(from..until).unwrap_or_default().to_owned();
        all.push(middle.replace('+', "-").replace('/', "_"));
        all.push(middle);
    }
    all
}

/// Percent-decoded, where it is text then.
fn decoded(value: &str) -> String {
    let mut octets = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        let digit = |at: usize| tail.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                octets.push(u8::try_from(high * 16 + low).unwrap_or_default());
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                octets.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(octets).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knowing(lines: &[(&str, &str)]) -> Secrets {
        let mut secrets = Secrets::default();
        lines.iter().for_each(|(name, value)| secrets.learn(name, value));
        secrets
    }

    #[test]
    fn every_spelling_is_found() {
        let mut secrets = Secrets::default();
        secrets.add("p&ss/w\"rd<é>+1");
        for spelled in [
            "p&ss/w\"rd<é>+1",
            "p%26ss%2Fw%22rd%3C%C3%A9%3E%2B1",
            "p%26ss%2fw%22rd%3c%c3%a9%3e%2b1",
            r#"p&ss/w\"rd<é>+1"#,
            r#"p&ss\/w\"rd<é>+1"#,
            "p&amp;ss/w&quot;rd&lt;é&gt;+1",
            "P&SS/W\"RD<é>+1",
            "%70%26%73%73%2F%77%22%72%64%3C%C3%A9%3E%2B%31",
        ] {
            assert_eq!(secrets.blank(format!("a {spelled} b")), "a (redacted) b", "{spelled}");
        }
        for before in ["", "x", "xy", "user:"] {
            let encoded = BASE64.encode(format!("{before}p&ss/w\"rd<é>+1 and more"));
            assert!(secrets.blank(encoded.clone()).contains(REDACTED), "{encoded}");
        }
        assert_eq!(secrets.blank("nothing".into()), "nothing");
        assert_eq!(format!("{secrets:?}"), "(redacted)");
    }

    #[test]
    fn what_a_header_hides_is_learnt() {
        let secrets = knowing(&[
            ("Cookie", "a=s3cr3t-1; b=s3cr3t-2"),
            ("Authorization", "Basic dXNlcjpodW50ZXIyaHVudGVyMg=="),
            ("X-Api-Key", "s3cr3t-3"),
            ("Accept", "text/html"),
            ("Referer", "https://a.example.com/x?token=s3cr3t%2Ds3cr3t%2D4&page=seventeen&key=product"),
        ]);
        for secret in
            ["s3cr3t-1", "s3cr3t-2", "dXNlcjpodW50ZXIyaHVudGVyMg", "hunter2hunter2", "s3cr3t-3", "s3cr3t-s3cr3t-4"]
        {
            assert!(secrets.are_in(secret), "{secret}");
        }
        for plain in ["text/html", "seventeen", "product", "https://a.example.com/x", "user"] {
            assert!(!secrets.are_in(plain), "{plain}");
        }
        assert!(knowing(&[("Accept", "*/*")]).is_empty());
    }

    #[test]
    fn the_beginning_of_a_secret_at_a_cut_end_goes_too() {
        let secrets = knowing(&[("X-Api-Key", "hunter2hunter2")]);
        assert_eq!(secrets.blank("it starts with hunter2hun…".into()), "it starts with (redacted)…");
        assert_eq!(secrets.blank("it starts with hunt…".into()), "it starts with hunt…");
        assert_eq!(
            secrets.blank(r#"first "hunter2hun…" and hunter2hu…"#.into()),
            r#"first "(redacted)…" and (redacted)…"#
        );
        assert_eq!(secrets.blank("hunter2hun".into()), "hunter2hun");
    }
}
