//! Secrets are taken out when evidence is made, so that every recording can be published.

mod secrets;

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

pub use secrets::Secrets;

/// What stands in a secret's place.
pub const REDACTED: &str = "(redacted)";

/// The value of a header line without its secrets: credentials, cookie values, signed URLs, account ids.
pub fn header(name: &str, value: &str) -> String {
    let is_lower = !name.bytes().any(|octet| octet.is_ascii_uppercase());
    let lower: Cow<'_, str> = if is_lower { name.into() } else { name.to_ascii_lowercase().into() };
    match &*lower {
        "set-cookie" | "set-cookie2" => set_cookie(value),
        "cookie" => value.split(';').map(|pair| cookie_pair(pair.trim())).collect::<Vec<_>>().join("; "),
        "authorization" | "proxy-authorization" => {
            let scheme = value.split_whitespace().next().unwrap_or_default();
            let known = ["basic", "bearer", "digest", "negotiate", "aws4-hmac-sha256"];
            if known.contains(&scheme.to_ascii_lowercase().as_str()) {
                format!("{scheme} {REDACTED}")
            } else {
                REDACTED.into()
            }
        }
        _ if is_secret_name(&lower) => REDACTED.into(),
        _ => text(value),
    }
}

/// Header names that carry a secret by custom.
fn is_secret_name(lower: &str) -> bool {
    const EXACT: &[&str] = &[
        "x-api-key",
        "x-amz-security-token",
        "x-auth-key",
        "x-auth-token",
        "x-auth-user-service-key",
        "api-key",
        "cf-access-client-secret",
        "cf-access-jwt-assertion",
        "x-csrf-token",
        "x-xsrf-token",
        "x-forwarded-access-token",
    ];
    const PARTS: &[&str] =
        &["secret", "password", "passwd", "apikey", "api_key", "access-token", "auth-token", "session-token"];
    EXACT.contains(&lower) || PARTS.iter().any(|part| lower.contains(part))
}

/// Names of parameters that hold a secret.
const PARAMETERS: &str = "(?:x-amz-(?:signature|credential|security-token)|signature|sig|key-pair-id|policy|\
                          awsaccesskeyid|token|access_token|id_token|refresh_token|auth|apikey|api_key|api-key|key|\
                          secret|client_secret|password|passwd|pwd|code|session|sessionid|jwt)";

/// Free text (a body, a URL, a message) without signed parameters, tokens, keys and account ids.
pub fn text(value: &str) -> String {
    static SIGNED: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(&[r"(?i)((?:[?&;]|\\u0026)", PARAMETERS, r"=)[^&#\s\x22'<>\\]*"].concat()).ok());
    // The same inside a parameter of another URL.
    static ENCODED: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let value = r"%(?:25)?3D)(?:[^%&#\s\x22'<>\\]|%25)*";
        Regex::new(&[r"(?i)(%(?:25)?(?:3F|26|3B)", PARAMETERS, value].concat()).ok()
    });
    static TOKENS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?x)
              \b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b
            | \beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?
            | \bcf(?:ut|at|k)_[A-Za-z0-9_-]{16,}
            | (?i:\bbearer\s+)[A-Za-z0-9._~+/-]{8,}=*
            | -----BEGIN\ [A-Z\ ]*PRIVATE\ KEY-----(?s:.*?)(?:-----END\ [A-Z\ ]*PRIVATE\ KEY-----|\z)",
        )
        .ok()
    });
    static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let name = "(?:[a-z_-]*(?:secret|token|password|passwd|apikey|api_key|accesskey|access_key|private_key|\
                    privatekey)[a-z_-]*)";
        // JSON, and JSON in a text of JSON.
        let plain = [r#"(""#, name, r#""\s*:\s*")(?:[^"\\]|\\.)*"#].concat();
        let escaped = [r#"(\\+""#, name, r#"\\+"\s*:\s*\\+")[^"\\]*"#].concat();
        Regex::new(&format!("(?is){escaped}|{plain}")).ok()
    });
    static ARN: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(arn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:)[0-9*]{6,12}").ok());
    static USER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(://)[^/?#@\s\x22'<>]+@").ok());
    static BASIC: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)(authorization[\x22'\\]*\s*[:=][\s\x22'\\]*basic\s+)[A-Za-z0-9+/_-]+=*").ok()
    });
    let mut out = value.to_owned();
    // With what no match lacks, and how short none is: nearly all text holds none of it, and all that servers say comes
    // through here.
    for (needs, shortest, pattern, with) in [
        ("=", 0, &SIGNED, "${1}(redacted)"),
        ("%", 0, &ENCODED, "${1}(redacted)"),
        ("", "bearer 12345678".len(), &TOKENS, "(redacted)"),
        ("\"", 0, &NAMED, "${1}${2}(redacted)"),
        ("arn:aws", 0, &ARN, "${1}(redacted)"),
        ("://", 0, &USER, "${1}(redacted)@"),
        ("", "authorization:basic 1".len(), &BASIC, "${1}(redacted)"),
    ] {
        let may_match = out.len() >= shortest && out.contains(needs);
        let Some(pattern) = pattern.as_ref().filter(|_| may_match) else { continue };
        // Asking first is cheaper than to replace nothing.
        if pattern.is_match(&out) {
            out = pattern.replace_all(&out, with).into_owned();
        }
    }
    out
}

/// A reader's reason why something is not what it should be, without the value that it found there: that may be a
/// secret in the wrong place. A short word is none.
pub fn reason(error: &impl std::fmt::Display) -> String {
    static QUOTED: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let value = r#"("(?:[^"\\]|\\.)*"|`[^`]*`)"#;
        Regex::new(&format!("(?s)(invalid (?:type|value): (?:string|character) |unknown variant ){value}")).ok()
    });
    let words = text(&error.to_string());
    let Some(pattern) = QUOTED.as_ref() else { return words };
    let shown = |found: &Captures<'_>| {
        let is_word = |c: char| c.is_ascii_alphabetic() || c == '-';
        let value = found.get(2).map_or("", |value| value.as_str());
        let inner = value.trim_matches(['"', '`']);
        let shown = if inner.len() <= 16 && inner.chars().all(is_word) { value } else { REDACTED };
        format!("{}{shown}", found.get(1).map_or("", |said| said.as_str()))
    };
    pattern.replace_all(&words, shown).into_owned()
}

/// A `Set-Cookie` value with its name and attributes, without its value.
fn set_cookie(value: &str) -> String {
    let mut parts = value.splitn(2, ';');
    let pair = cookie_pair(parts.next().unwrap_or_default().trim());
    match parts.next() {
        Some(attributes) => format!("{pair};{attributes}"),
        None => pair,
    }
}

fn cookie_pair(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, _)) => format!("{}={REDACTED}", name.trim()),
        None => REDACTED.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_survives() {
        assert_eq!(header("Set-Cookie", "sid=s3cr3t; Path=/; HttpOnly"), "sid=(redacted); Path=/; HttpOnly");
        assert_eq!(header("set-cookie", "s3cr3t"), REDACTED);
        assert_eq!(header("Cookie", "a=s3cr3t; b=s3cr3t"), "a=(redacted); b=(redacted)");
        assert_eq!(header("Authorization", "Bearer s3cr3t"), "Bearer (redacted)");
        assert_eq!(header("authorization", "s3cr3t"), REDACTED);
        assert_eq!(header("X-Api-Key", "s3cr3t"), REDACTED);
        for (given, secret) in [
            ("https://b.s3.amazonaws.com/k?X-Amz-Signature=abcdef&x=1", "abcdef"),
            ("https://x.example.com/?a=1&token=abcdef#f", "abcdef"),
            ("arn:aws:lambda:us-east-1:123456789012:function:f", "123456789012"),
            ("key AKIAIOSFODNN7EXAMPLE here", "AKIAIOSFODNN7EXAMPLE"),
            (r#"{"secretKey":"abcdef","b":1}"#, "abcdef"),
            (r#"{\"secretKey\":\"abcdef\",\"b\":1}"#, "abcdef"),
            ("https%3A%2F%2Fb.example.com%2F%3Fa%3D1%26X-Amz-Signature%3Dabcdef%26b%3D1", "abcdef"),
            (r"https://b.example.com/?a=1\u0026token=abcdef\u0026b=1", "abcdef"),
            ("https://user:abcdef@b.example.com/", "abcdef"),
            ("cfut_abcdefghijklmnopqrstuvwxyz", "abcdef"),
            (r#"{"Authorization": "Basic abcdef=="}"#, "abcdef"),
            ("-----BEGIN PRIVATE KEY-----\nabcdef\n-----END PRIVATE KEY-----", "abcdef"),
        ] {
            let out = text(given);
            assert!(!out.contains(secret), "{out}");
        }
        for plain in
            ["https://x.example.com/?page=2", "https://x.example.com/a@b", "mail a@b.example.com", "basic realm"]
        {
            assert_eq!(text(plain), plain);
        }
        let kept = text("?X-Amz-Signature=ab%2Fcd&page=2#x");
        assert_eq!(kept, "?X-Amz-Signature=(redacted)&page=2#x");
    }

    #[test]
    fn a_value_in_the_wrong_place_is_not_repeated() {
        let wrong = serde_json::from_str::<u8>(r#""s3cr3t \"x\"""#).unwrap_err();
        let told = reason(&wrong);
        assert!(told.contains("invalid type: string (redacted), expected u8") && !told.contains("s3cr3t"), "{told}");
        assert!(reason(&serde_json::from_str::<u8>("\"three\"").unwrap_err()).contains("string \"three\""));
        let words = "unknown variant `s3cr3ts3cr3ts3cr3ts3cr3t`, expected `auto` or `never`";
        assert_eq!(reason(&words), "unknown variant (redacted), expected `auto` or `never`");
        assert_eq!(reason(&"unknown variant `atuo`, expected `auto`"), "unknown variant `atuo`, expected `auto`");
    }

    #[test]
    fn redacting_twice_changes_nothing() {
        for value in ["sid=s; Path=/", "Bearer abcdefghij", "x?token=abc"] {
            for name in ["set-cookie", "cookie", "authorization", "location"] {
                let once = header(name, value);
                assert_eq!(header(name, &once), once, "{name}");
            }
        }
    }
}
