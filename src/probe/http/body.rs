//! A body as it goes by: hashed, counted, its beginning kept. Never decoded, never whole in memory.

use cfdoctor_checks::evidence::http::{Body, BodyEnd};
use cfdoctor_checks::evidence::redact::{self, Secrets};
use cfdoctor_checks::evidence::text;
use sha2::{Digest, Sha256};

use super::head::Head;

/// Octets of a body that are read (`product.md` section 10).
pub(super) const MAX_BODY: u64 = 1024 * 1024;
/// Octets of a body that are kept (`product.md` section 10).
const MAX_PREFIX: usize = 8 * 1024;

/// Takes the octets of one body.
#[derive(Default)]
pub(super) struct Collector {
    hash: Sha256,
    length: u64,
    prefix: Vec<u8>,
}

impl Collector {
    /// Takes what still fits; `false`: some of it did not, stop reading.
    pub(super) fn take(&mut self, octets: &[u8]) -> bool {
        let room = usize::try_from(MAX_BODY - self.length).unwrap_or(usize::MAX);
        let taken = &octets[..octets.len().min(room)];
        self.hash.update(taken);
        self.length += taken.len() as u64;
        let wanted = (MAX_PREFIX - self.prefix.len()).min(taken.len());
        self.prefix.extend_from_slice(&taken[..wanted]);
        taken.len() == octets.len()
    }

    /// The body as evidence; `secrets` are taken out, should the server send them back.
    pub(super) fn finish(self, head: &Head, end: BodyEnd, secrets: &Secrets) -> Body {
        if !head.has_body() {
            return Body { end, ..Body::default() };
        }
        let prefix = if head.is_text(&self.prefix) { readable(&self.prefix, secrets) } else { String::new() };
        let sha256 = text::hex(&self.hash.finalize());
        Body { length: self.length, sha256: Some(sha256), prefix, end }
    }
}

/// Cleaned line by line, so that the lines stay; a character cut at the end is left out.
fn readable(octets: &[u8], secrets: &Secrets) -> String {
    let whole = match std::str::from_utf8(octets) {
        Err(error) if error.error_len().is_none() => &octets[..error.valid_up_to()],
        _ => octets,
    };
    let lines = whole.split(|octet| *octet == b'\n');
    let cleaned: Vec<String> = lines.map(|line| text::clean_bytes(line.strip_suffix(b"\r").unwrap_or(line))).collect();
    redact::text(&secrets.blank(cleaned.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cfdoctor_checks::evidence::http::BodyEnd;

    fn head(lines: &str) -> Head {
        Head::parse(format!("HTTP/1.1 200 OK\r\n{lines}\r\n").as_bytes(), "GET").unwrap()
    }

    fn body(lines: &str, octets: &[u8]) -> Body {
        let mut collector = Collector::default();
        assert!(collector.take(octets));
        collector.finish(&head(lines), BodyEnd::Complete, &Secrets::default())
    }

    #[test]
    fn keeps_the_beginning_of_texts_only() {
        let text = body("Content-Type: text/plain\r\n", b"a\x1b[31mb\r\nc caf\xc3\xa9\xc3");
        assert_eq!(text.prefix, "a\u{fffd}[31mb\nc café");
        assert_eq!(text.length, 17);
        assert_eq!(body("Content-Type: image/png\r\n", b"\x89PNG").prefix, "");
        assert_eq!(body("Content-Type: image/png\r\n", b"iVBORw0KGgo=").prefix, "iVBORw0KGgo=");
        assert_eq!(body("Content-Type: text/html\r\nContent-Encoding: gzip\r\n", b"abc").prefix, "");
        assert_eq!(body("", b"{\"a\":1}").prefix, "{\"a\":1}");
        assert_eq!(body("", b"\x00\x01").prefix, "");
        assert_eq!(body("Content-Type: application/problem+json\r\n", b"{}").prefix, "{}");
    }

    #[test]
    fn stops_at_the_bound_and_hashes_what_it_took() {
        let mut collector = Collector::default();
        let mebibyte = vec![b'x'; MAX_BODY as usize];
        assert!(collector.take(&mebibyte));
        assert!(collector.take(b""));
        assert!(!collector.take(b"y"));
        let body = collector.finish(&head("Content-Type: text/plain\r\n"), BodyEnd::CutByUs, &Secrets::default());
        assert_eq!((body.length, body.prefix.len()), (MAX_BODY, MAX_PREFIX));
        let expected = text::hex(&Sha256::digest(&mebibyte));
        assert_eq!(body.sha256, Some(expected));
    }

    #[test]
    fn a_secret_sent_back_is_taken_out() {
        let mut collector = Collector::default();
        collector.take(b"you sent hunter2hunter2");
        let mut secrets = Secrets::default();
        secrets.add("hunter2hunter2");
        let body = collector.finish(&head("Content-Type: text/plain\r\n"), BodyEnd::Complete, &secrets);
        assert_eq!(body.prefix, "you sent (redacted)");
    }
}
