//! The head of an answer: status, header lines as sent, and how its body is delimited (RFC 9112 section 6).
//!
//! An own reader in place of a library's: it keeps case, order, duplicates, control characters and octets of no
//! encoding, which evidence wants and strict readers refuse.

use cfdoctor_checks::evidence::http::Failure;
use cfdoctor_checks::evidence::text;

/// Octets of a head (`product.md` section 10).
pub(super) const MAX_HEAD: usize = 64 * 1024;
/// Header fields (`product.md` section 10).
pub(super) const MAX_FIELDS: usize = 256;

/// A head that was read.
pub(super) struct Head {
    /// 100–999.
    pub(super) status: u16,
    /// `HTTP/1.1`.
    pub(super) version: String,
    /// Names and values, cleaned, not redacted.
    pub(super) lines: Vec<(String, String)>,
    /// How the body is delimited.
    pub(super) framing: Framing,
    /// Is another request possible on the connection, once the body was read?
    pub(super) persists: bool,
}

/// How a body is delimited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    Nothing,
    /// By its length.
    Length(u64),
    /// By chunks.
    Chunked,
    /// By the end of the connection.
    UntilClose,
    /// The lines contradict each other; it is read to the end of the connection.
    Contradictory(String),
    /// By the frames of HTTP/2.
    Frames,
}

/// Where the head that begins at 0 ends, looking from `from` on (which was looked through before).
pub(super) fn end(octets: &[u8], from: usize) -> Option<usize> {
    let from = from.saturating_sub(2);
    octets.iter().enumerate().skip(from).filter(|(_, octet)| **octet == b'\n').find_map(|(at, _)| {
        match octets.get(at + 1..) {
            Some([b'\n', ..]) => Some(at + 2),
            Some([b'\r', b'\n', ..]) => Some(at + 3),
            _ => None,
        }
    })
}

/// Can an HTTP/1 answer begin so?
pub(super) fn could_begin(octets: &[u8]) -> bool {
    const BEGIN: &[u8] = b"HTTP/";
    let known = octets.len().min(BEGIN.len());
    octets[..known] == BEGIN[..known]
}

/// Octets that are no HTTP/1 answer, in words.
pub(super) fn not_http(octets: &[u8]) -> Failure {
    let what = match octets {
        [0x15 | 0x16, 0x03, ..] => "it starts like a TLS record".to_owned(),
        [0, 0, _, 4, ..] => "it starts like an HTTP/2 SETTINGS frame".to_owned(),
        _ => format!("it starts with {:?}", text::shorten(&text::clean_bytes(&octets[..octets.len().min(300)]), 60)),
    };
    Failure::NotHttp { why: what }
}

impl Head {
    /// Reads a whole head, its empty line included; `method` is the request's.
    pub(super) fn parse(octets: &[u8], method: &str) -> Result<Head, Failure> {
        if octets.len() > MAX_HEAD {
            return Err(Failure::TooLarge { why: "more than 64 KiB".into() });
        }
        let mut rows = octets.split(|octet| *octet == b'\n').map(|row| row.strip_suffix(b"\r").unwrap_or(row));
        let (version, status) = rows.next().and_then(status_line).ok_or_else(|| not_http(octets))?;
        let mut lines: Vec<(String, String)> = Vec::new();
        for row in rows.take_while(|row| !row.is_empty()) {
            let broken = |what: &str| Failure::NotHttp {
                why: format!(
                    "a header line {what}: {:?}",
                    text::shorten(&text::clean_bytes(&row[..row.len().min(400)]), 80)
                ),
            };
            if row.contains(&0) {
                return Err(broken("with a NUL octet"));
            }
            if let [b' ' | b'\t', ..] = row {
                let (_, value) = lines.last_mut().ok_or_else(|| broken("that continues nothing"))?;
                value.push(' ');
                value.push_str(text::clean_bytes(row).trim());
                continue;
            }
            let colon = row.iter().position(|octet| *octet == b':').ok_or_else(|| broken("without a colon"))?;
            let (name, value) = (text::clean_bytes(&row[..colon]), text::clean_bytes(&row[colon + 1..]));
            if name.trim().is_empty() {
                return Err(broken("without a name"));
            }
            lines.push((name.trim().into(), value.trim().into()));
            if lines.len() > MAX_FIELDS {
                return Err(Failure::TooLarge { why: format!("more than {MAX_FIELDS} fields") });
            }
        }
        let mut head = Head { status, version, lines, framing: Framing::Nothing, persists: false };
        head.framing = head.delimit(method);
        head.persists = head.keeps_alive();
        Ok(head)
    }

    /// The values of every line with this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The members of a comma-separated header, lower case.
    fn members<'a>(&'a self, name: &'a str) -> impl Iterator<Item = String> + 'a {
        self.all(name).flat_map(|value| value.split(',')).map(|member| member.trim().to_ascii_lowercase())
    }

    /// Is a body to be expected at all?
    pub(super) fn has_body(&self) -> bool {
        self.framing != Framing::Nothing
    }

    /// An interim answer: another follows.
    pub(super) fn is_interim(&self) -> bool {
        (100..200).contains(&self.status) && self.status != 101
    }

    /// RFC 9112 section 6.3, with `Transfer-Encoding` over `Content-Length`.
    fn delimit(&self, method: &str) -> Framing {
        if method == "HEAD" || self.status < 200 || matches!(self.status, 204 | 304) {
            return Framing::Nothing;
        }
        if let Some(last) = self.members("transfer-encoding").last() {
            return if last == "chunked" { Framing::Chunked } else { Framing::UntilClose };
        }
        let mut lengths: Vec<String> = self.members("content-length").collect();
        lengths.dedup();
        match lengths.as_slice() {
            [] => Framing::UntilClose,
            [one] if one.bytes().all(|b| b.is_ascii_digit()) && one.parse::<u64>().is_ok() => {
                one.parse().map_or(Framing::UntilClose, Framing::Length)
            }
            [one] => Framing::Contradictory(format!("Content-Length is no number: {:?}", text::shorten(one, 40))),
            many => Framing::Contradictory(format!(
                "Content-Length lines disagree: {}",
                text::shorten(&many.join(", "), 80)
            )),
        }
    }

    fn keeps_alive(&self) -> bool {
        let says = |what: &str| self.members("connection").any(|member| member == what);
        let framed = match self.framing {
            Framing::Chunked => self.all("content-length").next().is_none(),
            Framing::Nothing | Framing::Length(_) => true,
            _ => false,
        };
        let willing = if self.version == "HTTP/1.1" { !says("close") } else { says("keep-alive") && !says("close") };
        framed && willing && self.status != 101
    }

    /// Is a body that begins so text that people can read?
    pub(super) fn is_text(&self, begin: &[u8]) -> bool {
        if self.members("content-encoding").any(|coding| !coding.is_empty() && coding != "identity") {
            return false;
        }
        let Some(value) = self.all("content-type").next() else {
            let utf8 = match std::str::from_utf8(begin) {
                Ok(_) => true,
                Err(error) => error.error_len().is_none(),
            };
            return utf8 && !begin.contains(&0);
        };
        let media = value.split(';').next().unwrap_or(value).trim().to_ascii_lowercase();
        const TEXTS: &[&str] = &[
            "application/json",
            "application/xml",
            "application/javascript",
            "application/ecmascript",
            "application/x-javascript",
            "application/graphql",
            "application/x-www-form-urlencoded",
            "application/x-ndjson",
            "application/x-yaml",
            "application/yaml",
        ];
        // A binary type whose bytes are all printable: text under a wrong name (base64 that nobody decoded).
        let printable = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e);
        (media.starts_with("text/") || media.ends_with("+json") || media.ends_with("+xml") || TEXTS.contains(&&*media))
            || (!begin.is_empty() && begin.iter().all(printable))
    }
}

/// Version and status, if this is a status line.
fn status_line(row: &[u8]) -> Option<(String, u16)> {
    if row.get(12).is_some_and(|octet| *octet != b' ') {
        return None; // a status of more than three digits
    }
    let row = std::str::from_utf8(row.get(..row.len().min(12))?).ok()?;
    let (version, status) = row.split_once(' ')?;
    let numbers = version.strip_prefix("HTTP/")?.as_bytes();
    let known = matches!(numbers, [major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit());
    let digits = status.len() == 3 && status.bytes().all(|b| b.is_ascii_digit());
    let status = status.parse().ok().filter(|status| *status >= 100)?;
    (known && digits).then(|| (version.to_owned(), status))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &[u8]) -> Result<Head, Failure> {
        assert_eq!(end(text, 0), Some(text.len()));
        Head::parse(text, "GET")
    }

    #[test]
    fn keeps_case_order_duplicates_and_odd_octets() {
        let head =
            parse(b"HTTP/1.1 999 Odd\r\nB: 1\r\nset-Cookie: x=1\nb : 2\r\nSet-Cookie: y=2\r\nX: a\x1b[0m caf\xe9\r\n folded\r\n\r\n")
                .unwrap();
        assert_eq!((head.status, head.version.as_str()), (999, "HTTP/1.1"));
        let lines: Vec<(&str, &str)> = head.lines.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(
            lines,
            [("B", "1"), ("set-Cookie", "x=1"), ("b", "2"), ("Set-Cookie", "y=2"), ("X", "a\u{fffd}[0m café folded")]
        );
    }

    #[test]
    fn refuses_what_is_no_answer() {
        for text in [
            &b"SSH-2.0-OpenSSH_9.2\r\n\r\n"[..],
            b"HTTP/1.1 1000 X\r\n\r\n",
            b"HTTP/1.1 20 X\r\n\r\n",
            b"HTTP/1.1 099 X\r\n\r\n",
            b"HTTP/11 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: \0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n folded\r\n\r\n",
        ] {
            assert!(matches!(parse(text), Err(Failure::NotHttp { .. })), "{}", String::from_utf8_lossy(text));
        }
        assert!(!could_begin(b"SS"));
        assert!(could_begin(b"HTT"));
        assert_eq!(end(b"HTTP/1.1 200 OK\r\nA: b\r\n", 0), None);
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(MAX_FIELDS + 1));
        assert!(matches!(parse(many.as_bytes()), Err(Failure::TooLarge { .. })));
    }

    #[test]
    fn delimits_bodies() {
        let framing = |lines: &str| {
            let head = parse(format!("HTTP/1.1 200 OK\r\n{lines}\r\n").as_bytes()).unwrap();
            (head.framing, head.persists)
        };
        assert_eq!(framing("Content-Length: 5\r\n"), (Framing::Length(5), true));
        assert_eq!(framing("Content-Length: 5, 5\r\nContent-Length: 5\r\n"), (Framing::Length(5), true));
        assert_eq!(framing("Content-Length: 5\r\nConnection: close\r\n"), (Framing::Length(5), false));
        assert!(matches!(framing("Content-Length: 5\r\nContent-Length: 6\r\n"), (Framing::Contradictory(_), false)));
        assert!(matches!(framing("Content-Length: -5\r\n"), (Framing::Contradictory(_), false)));
        assert!(matches!(framing("Content-Length: +5\r\n"), (Framing::Contradictory(_), false)));
        assert_eq!(framing("Transfer-Encoding: Chunked\r\n"), (Framing::Chunked, true));
        assert_eq!(framing("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), (Framing::Chunked, false));
        assert_eq!(framing("Transfer-Encoding: gzip\r\n"), (Framing::UntilClose, false));
        assert_eq!(framing(""), (Framing::UntilClose, false));
        let of = |text: &[u8], method| {
            let head = Head::parse(text, method).unwrap();
            (head.framing, head.persists)
        };
        assert_eq!(of(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD"), (Framing::Nothing, true));
        assert_eq!(of(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "GET"), (Framing::Nothing, true));
        assert_eq!(of(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", "GET"), (Framing::Length(5), false));
    }
}
