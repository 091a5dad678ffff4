//! Rules hold secrets too: a key that a header must have, the key of a signature. They are taken out before anything of
//! a rule is shown.

use std::borrow::Cow;
use std::ops::Range;

use super::Expression;
use super::cursor::Cursor;
use super::explain::each_test;
use super::fields::{Of, Part};
use super::syntax::{Argument, Base, Index, Operand, Test};
use crate::evidence::redact::{self, REDACTED};
use crate::evidence::text::clean;

impl Expression {
    /// The condition for people: without control characters, and without the values that secret headers, cookies and
    /// parameters are compared with. Cleaned and redacted; not shortened.
    pub fn shown(&self) -> String {
        let mut spans: Vec<Range<usize>> = Vec::new();
        each_test(&self.logic, &mut |test| {
            if is_secret(test) {
                spans.push(test.span.clone());
            }
        });
        let (mut out, mut at) = (String::new(), 0);
        for span in spans {
            out.push_str(self.source.get(at..span.start).unwrap_or_default());
            out.push_str(&without_texts(self.source.get(span.clone()).unwrap_or_default()));
            at = span.end;
        }
        out.push_str(self.source.get(at..).unwrap_or_default());
        clean(&redact::text(&out))
    }

    /// The same for one comparison.
    pub(super) fn shown_test(&self, test: &Test) -> String {
        let text = self.source.get(test.span.clone()).unwrap_or_default();
        if is_secret(test) { without_texts(text) } else { redact::text(text) }
    }
}

fn is_secret(test: &Test) -> bool {
    of_operand(&test.left)
}

fn of_operand(operand: &Operand) -> bool {
    match &operand.base {
        Base::Call(call) => {
            let keyed = ["hmac", "is_timed_hmac_valid_v0"].contains(&call.name.as_str());
            keyed || call.arguments.iter().any(of_argument)
        }
        Base::Foreign(_) => false,
        Base::Field(field) => match (field.of, operand.path.first()) {
            (Of::Cookies, _) => true,
            (Of::Header(name), _) => is_secret_header(name),
            (Of::Headers, Some(Index::Key(name))) => is_secret_header(&String::from_utf8_lossy(name)),
            (Of::Url(Part::Arguments) | Of::RawUrl(Part::Arguments), Some(Index::Key(name))) => {
                redact::text(&format!("?{}=x", String::from_utf8_lossy(name))).contains(REDACTED)
            }
            _ => false,
        },
    }
}

fn of_argument(argument: &Argument) -> bool {
    match argument {
        Argument::Literal(_) => false,
        Argument::Operand(operand) => of_operand(operand),
        Argument::Logic(logic) => {
            let mut found = false;
            each_test(logic, &mut |test| found |= is_secret(test));
            found
        }
    }
}

fn is_secret_header(name: &str) -> bool {
    redact::header(name, "a=b").contains(REDACTED)
}

/// The text with every string in it replaced, but for keys in brackets.
fn without_texts(source: &str) -> String {
    let mut cursor = Cursor { source, at: 0 };
    let mut out = String::new();
    while let Some(next) = cursor.rest().chars().next() {
        let in_word = out.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let key = out.trim_end().ends_with('[');
        let start = cursor.at;
        let text = cursor.is_at_text() && (next == '"' || !in_word);
        if text && cursor.text_or_pattern() {
            let written = source.get(start..cursor.at).unwrap_or_default();
            out.push_str(if key { written } else { "\"(redacted)\"" });
        } else {
            cursor.at = start + next.len_utf8();
            out.push(next);
        }
    }
    out
}

/// A source that could not be read, with the strings of it as asterisks, character for character, if it is about
/// something secret.
pub(super) fn masked(source: &str) -> Cow<'_, str> {
    let lower = source.to_ascii_lowercase();
    let about = ["http.cookie", "http.request.cookies", "hmac"].iter().any(|name| lower.contains(name));
    let keys = lower.split("[\"").skip(1).filter_map(|rest| rest.split('"').next());
    if !about && !keys.into_iter().any(is_secret_header) {
        return Cow::Borrowed(source);
    }
    let (mut out, mut inside, mut key, mut escaped) = (String::with_capacity(source.len()), false, false, false);
    for c in source.chars() {
        match c {
            '"' if !escaped => {
                key = !inside && out.trim_end().ends_with('[');
                inside = !inside;
                out.push(c);
            }
            _ if inside && !key && c != '\n' => out.extend(std::iter::repeat_n('*', c.len_utf8())),
            _ => out.push(c),
        }
        escaped = inside && c == '\\' && !escaped;
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn what_cannot_be_read_shows_no_secret_either() {
        for source in [
            "http.request.headers[\"x-api-key\"][0] = \"s3cr3t\"",
            "http.cookie contains \"s3cr3t\" or \"s3cr3t\"",
            "is_timed_hmac_valid_v0(\"s3cr3t\", http.request.uri",
            "http.cookie eq \"a\\\"s3cr3t",
        ] {
            let shown = parse(source).unwrap_err().caret(source);
            assert!(!shown.contains("s3cr3t") && shown.contains('^'), "{shown}");
        }
        let source = "http.cookie contains \"\u{e4}\" or = 1";
        assert_eq!(
            parse(source).unwrap_err().caret(source),
            "http.cookie contains \"**\" or = 1\n                             ^"
        );
    }

    #[test]
    fn keys_and_cookies_are_not_shown() {
        for (source, shown) in [
            (
                r#"http.host eq "a.example.com" and http.request.headers["x-api-key"][0] eq "s3cr3t""#,
                r#"http.host eq "a.example.com" and http.request.headers["x-api-key"][0] eq "(redacted)""#,
            ),
            (
                r##"not http.cookie matches "s3cr3t\.[0-9]" or any(http.request.cookies["a"][*] in {"s3cr3t" r#"s3cr3t"#})"##,
                r#"not http.cookie matches "(redacted)" or any(http.request.cookies["a"][*] in {"(redacted)" "(redacted)"})"#,
            ),
            (
                r#"is_timed_hmac_valid_v0("s3cr3t", http.request.uri, 100000, http.request.timestamp.sec, 8)"#,
                r#"is_timed_hmac_valid_v0("(redacted)", http.request.uri, 100000, http.request.timestamp.sec, 8)"#,
            ),
            (
                r#"http.request.uri.args["token"][0] eq "s3cr3t" and ssl"#,
                r#"http.request.uri.args["token"][0] eq "(redacted)" and ssl"#,
            ),
            (
                r#"starts_with(lower(http.request.headers["authorization"][0]), "basic s3cr3t")"#,
                r#"starts_with(lower(http.request.headers["authorization"][0]), "(redacted)")"#,
            ),
            (
                r#"http.request.headers["accept"][0] eq "text/html""#,
                r#"http.request.headers["accept"][0] eq "text/html""#,
            ),
        ] {
            assert_eq!(parse(source).unwrap().shown(), shown);
        }
    }
}
