//! How a report looks: width, colour, marks, links. Decided once, from options and environment.

use cfdoctor_checks::evidence::text;
use clap::ValueEnum;
use owo_colors::{OwoColorize, Style};

use crate::report::{Status, TargetVerdict};

/// Columns where nothing says how many there are.
pub const DEFAULT_WIDTH: usize = 80;
/// Longer lines are hard to read, whatever the terminal's size.
pub const MAX_WIDTH: usize = 120;
/// Narrower than this, lines are left to the terminal.
pub const MIN_WIDTH: usize = 40;

/// How a report looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns.
    pub width: usize,
    /// ANSI colours.
    pub colour: bool,
    /// UTF-8 marks; else ASCII.
    pub unicode: bool,
    /// OSC 8 links.
    pub links: bool,
    /// How much is told.
    pub detail: Detail,
}

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// `-q`: problems only.
    Quiet,
    /// Problems in full, the rest in a line each.
    #[default]
    Normal,
    /// `-v`: every result.
    Full,
}

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColourChoice {
    /// As environment and terminal say.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What a piece of text means; colour only repeats what mark and words say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// All well.
    Good,
    /// A warning.
    Caution,
    /// A failure.
    Bad,
    /// Less important.
    Quiet,
    /// A heading.
    Strong,
    /// Anything else.
    Plain,
}

/// One variable of the environment, by name.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Look {
    /// No colour, no links: files and pipes.
    pub fn plain(width: usize) -> Self {
        Look { width, colour: false, unicode: true, links: false, detail: Detail::Normal }
    }

    /// `text` without control characters, and in ASCII where the locale has nothing else.
    pub fn text(&self, given: &str) -> String {
        let clean = text::clean(given);
        if self.unicode || clean.is_ascii() { clean } else { ascii(&clean) }
    }

    /// The mark of a status.
    pub fn mark(&self, status: Status) -> &'static str {
        match (self.unicode, status) {
            (true, Status::Pass) => "✓",
            (true, Status::Warn) => "!",
            (true, Status::Fail) => "✗",
            (true, Status::NotRun) => "–",
            (false, Status::Pass) => "ok",
            (false, Status::Warn) => "! ",
            (false, Status::Fail) => "x ",
            (false, Status::NotRun) => "- ",
        }
    }

    /// `text` in the colour of its meaning. The text must be harmless already.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        let style = match tone {
            Tone::Good => Style::new().green(),
            Tone::Caution => Style::new().yellow(),
            Tone::Bad => Style::new().red(),
            Tone::Quiet => Style::new().dimmed(),
            Tone::Strong => Style::new().bold(),
            Tone::Plain => return text.to_owned(),
        };
        if self.colour && !text.is_empty() { text.style(style).to_string() } else { text.to_owned() }
    }

    /// A URL: a link on a terminal, itself elsewhere.
    pub fn link(&self, url: &str) -> String {
        let url = self.text(url);
        if self.links { format!("\x1b]8;;{url}\x1b\\{url}\x1b]8;;\x1b\\") } else { url }
    }
}

impl Tone {
    /// The tone of a status.
    pub fn of(status: Status) -> Self {
        match status {
            Status::Pass => Tone::Good,
            Status::Warn => Tone::Caution,
            Status::Fail => Tone::Bad,
            Status::NotRun => Tone::Quiet,
        }
    }

    /// The tone of a verdict.
    pub fn of_verdict(verdict: TargetVerdict) -> Self {
        match verdict {
            TargetVerdict::Pass => Tone::Good,
            TargetVerdict::Warn | TargetVerdict::Inconclusive => Tone::Caution,
            TargetVerdict::Fail => Tone::Bad,
        }
    }
}

/// Is this stream coloured? `--color` > `NO_COLOR` > `CLICOLOR_FORCE`/`FORCE_COLOR` > `CLICOLOR=0` > a terminal?
pub fn is_coloured(choice: ColourChoice, variable: Variables<'_>, is_terminal: bool) -> bool {
    match choice {
        ColourChoice::Always => return true,
        ColourChoice::Never => return false,
        ColourChoice::Auto => {}
    }
    let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let is_forced = |name: &str| variable(name).is_some_and(|value| !value.is_empty() && value != "0");
    if is_set("NO_COLOR") {
        return false;
    }
    if is_forced("CLICOLOR_FORCE") || is_forced("FORCE_COLOR") {
        return true;
    }
    let is_off = variable("CLICOLOR").is_some_and(|value| value == "0");
    let is_dumb = variable("TERM").is_some_and(|value| value == "dumb");
    is_terminal && !is_off && !is_dumb
}

/// Does the locale use UTF-8? The first of `LC_ALL`, `LC_CTYPE` and `LANG` that is set decides (POSIX 8.2).
pub fn is_utf8(variable: Variables<'_>) -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
    match set {
        Some(locale) => {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        }
        // There are no such variables on Windows, and its terminals take UTF-8.
        None => cfg!(windows),
    }
}

/// Columns: `COLUMNS`, else the terminal's, else 80.
pub fn width(variable: Variables<'_>, terminal: Option<usize>) -> usize {
    let columns = variable("COLUMNS").and_then(|value| value.trim().parse().ok()).filter(|columns| *columns > 0);
    columns.or(terminal).unwrap_or(DEFAULT_WIDTH).clamp(MIN_WIDTH, MAX_WIDTH)
}

/// Plain stand-ins for the characters that we use ourselves; `?` for any other.
fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            _ if c.is_ascii() => out.push(c),
            '→' => out.push_str("->"),
            '←' => out.push_str("<-"),
            '…' => out.push_str("..."),
            '–' | '—' | '·' | '•' | '─' => out.push('-'),
            '‘' | '’' => out.push('\''),
            '“' | '”' => out.push('"'),
            '×' => out.push('x'),
            '≤' => out.push_str("<="),
            '≥' => out.push_str(">="),
            '§' => out.push_str("section "),
            _ => out.push('?'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(set: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<String> {
        move |name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn colour_precedence() {
        use ColourChoice::{Always, Auto, Never};
        type Row = (ColourChoice, &'static [(&'static str, &'static str)], bool, bool);
        let rows: &[Row] = &[
            (Auto, &[], true, true),
            (Auto, &[], false, false),
            (Always, &[("NO_COLOR", "1")], false, true),
            (Never, &[("CLICOLOR_FORCE", "1")], true, false),
            (Auto, &[("NO_COLOR", "1"), ("FORCE_COLOR", "1")], true, false),
            (Auto, &[("NO_COLOR", ""), ("FORCE_COLOR", "1")], false, true),
            (Auto, &[("CLICOLOR_FORCE", "1"), ("CLICOLOR", "0")], false, true),
            (Auto, &[("CLICOLOR_FORCE", "0")], false, false),
            (Auto, &[("FORCE_COLOR", "0")], true, true),
            (Auto, &[("CLICOLOR", "0")], true, false),
            (Auto, &[("CLICOLOR", "1")], false, false),
            (Auto, &[("TERM", "dumb")], true, false),
        ];
        for (number, (choice, set, terminal, expected)) in rows.iter().enumerate() {
            assert_eq!(is_coloured(*choice, &env(set), *terminal), *expected, "row {number}");
        }
    }

    #[test]
    fn locale_precedence() {
        assert!(is_utf8(&env(&[("LANG", "de_DE.UTF-8")])));
        assert!(is_utf8(&env(&[("LC_CTYPE", "C.utf8"), ("LANG", "C")])));
        assert!(!is_utf8(&env(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")])));
        assert!(is_utf8(&env(&[("LC_ALL", ""), ("LANG", "de_DE.UTF-8")])));
        assert_eq!(is_utf8(&env(&[])), cfg!(windows));
    }

    #[test]
    fn columns() {
        assert_eq!(width(&env(&[("COLUMNS", "100")]), Some(90)), 100);
        assert_eq!(width(&env(&[("COLUMNS", "x")]), Some(90)), 90);
        assert_eq!(width(&env(&[]), None), 80);
        assert_eq!(width(&env(&[("COLUMNS", "9999999999999999999999")]), None), 80);
        assert_eq!(width(&env(&[("COLUMNS", "1")]), None), MIN_WIDTH);
    }

    #[test]
    fn ascii_stands_in() {
        let look = Look { unicode: false, ..Look::plain(80) };
        assert_eq!(look.text("A → B… – ‘x’ é\x1b"), "A -> B... - 'x' ??");
    }
}
