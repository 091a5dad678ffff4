//! Text from outside in Markdown. Words of letters, digits and harmless marks stay as they are; everything else
//! (addresses, header lines, whatever could be a link, a mention, a reference, HTML or emphasis) becomes a code span,
//! where GitHub and GitLab look for none of that.

/// A sentence in one line.
pub(super) fn prose(text: &str) -> String {
    let mut out = String::new();
    let mut quoted: Vec<&str> = Vec::new();
    for word in text.split_whitespace() {
        if is_plain(word) {
            flush(&mut quoted, &mut out);
            separate(&mut out);
            out.push_str(word);
        } else {
            quoted.push(word);
        }
    }
    flush(&mut quoted, &mut out);
    out
}

fn separate(out: &mut String) {
    if !out.is_empty() {
        out.push(' ');
    }
}

fn flush(quoted: &mut Vec<&str>, out: &mut String) {
    if !quoted.is_empty() {
        separate(out);
        out.push_str(&code(&quoted.join(" ")));
        quoted.clear();
    }
}

/// Can this word mean nothing but itself?
fn is_plain(word: &str) -> bool {
    // Punctuation around a word has no meaning in the middle of a line.
    let core =
        word.trim_start_matches(['"', '\'', '(']).trim_end_matches(['"', '\'', ')', ',', ';', ':', '.', '?', '!', '%']);
    let lower = core.to_lowercase();
    let is_reference = lower.strip_prefix("gh-").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let is_hash = core.len() >= 7 && core.bytes().all(|b| b.is_ascii_hexdigit());
    let is_symbol = matches!(core, "→" | "…" | "–" | "—" | "·" | "×" | "=" | "/" | "≤" | "≥" | "-");
    let has_plain_letters =
        core.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | ',' | '-' | '\'' | '/' | '…'));
    // "user/repository" is nothing without a number after a mark that is not plain; "www." is a link.
    !word.is_empty() && (is_symbol || has_plain_letters) && !lower.starts_with("www.") && !is_reference && !is_hash
}

/// A code span; nothing in it means anything.
pub(super) fn code(text: &str) -> String {
    let ticks = "`".repeat(longest_run(text) + 1);
    // One space on each side is taken away again (CommonMark §6.1); it keeps apart backticks inside and outside.
    let is_bare = !text.is_empty() && !text.starts_with([' ', '`']) && !text.ends_with([' ', '`']);
    let space = if is_bare { "" } else { " " };
    format!("{ticks}{space}{text}{space}{ticks}")
}

/// A code span for a table, where a bar ends the cell even in code: what would need escaping is made `�`.
pub(super) fn cell(text: &str) -> String {
    let text: String = text.chars().map(|c| if matches!(c, '|' | '`' | '\\') { '\u{fffd}' } else { c }).collect();
    code(&text)
}

/// A block of code.
pub(super) fn fence(language: &str, lines: &[String]) -> String {
    let longest = lines.iter().map(|line| longest_run(line)).max().unwrap_or_default();
    let ticks = "`".repeat((longest + 1).max(3));
    let mut block = format!("{ticks}{language}\n");
    for line in lines {
        block.push_str(line);
        block.push('\n');
    }
    block + &ticks + "\n"
}

/// A link to documentation, if this is one: `https`, and nothing that could end it early.
pub(super) fn link(url: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/?#=&%+,:;@".contains(c);
    (url.starts_with("https://") && url.len() < 1000 && url.chars().all(is_plain)).then(|| format!("<{url}>"))
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_read_as_sentences() {
        for (given, shown) in [
            (
                "the certificate of d-a1.example.net expired 3 days ago (100%).",
                "the certificate of d-a1.example.net expired 3 days ago (100%).",
            ),
            ("GET https://a.example.com/x → 526", "GET `https://a.example.com/x` → 526"),
            ("x  @octocat #12 y", "x `@octocat #12` y"),
            ("see www.evil.example, GH-12 or deadbeef", "see `www.evil.example, GH-12` or `deadbeef`"),
            ("<b>bold</b> and *this* [a](b)", "`<b>bold</b>` and `*this* [a](b)`"),
            ("tick ` tock", "tick `` ` `` tock"),
            ("", ""),
        ] {
            assert_eq!(prose(given), shown);
        }
    }

    #[test]
    fn spans_and_blocks_hold() {
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(cell("a|b`c\\"), "`a\u{fffd}b\u{fffd}c\u{fffd}`");
        assert_eq!(fence("sh", &["````".to_owned()]), "`````sh\n````\n`````\n");
        assert_eq!(link("https://a.example/b#c").unwrap(), "<https://a.example/b#c>");
        assert_eq!((link("javascript:x"), link("https://a/>b"), link("https://a b")), (None, None, None));
    }
}
