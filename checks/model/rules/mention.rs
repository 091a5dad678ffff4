//! Does a condition speak of a host, or of a path, whether or not it matches?

use super::Expression;
use super::explain::{Look, looks};
use super::fields::HostIn;
use super::request::Request;
use super::slip::{How, Kind, Slip, holds, near};
use super::syntax::{Base, Logic, Test};

/// How a condition speaks of a host or a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mention {
    /// By its name: this text.
    Named(String),
    /// By a name that is nearly it, so that the comparison does not hold.
    Near(String, Slip),
    /// By a pattern, or a part of the name, that it falls under.
    Covered(String),
}

impl Mention {
    /// The text of the condition that speaks of it.
    pub fn text(&self) -> &str {
        match self {
            Mention::Named(text) | Mention::Near(text, _) | Mention::Covered(text) => text,
        }
    }
}

impl Expression {
    /// Does it name this host, or nearly, or a pattern that covers it, as one that it is for? Parts under a `not` are
    /// about what it is not for.
    pub fn speaks_of_host(&self, host: &str) -> bool {
        self.host_mention(host).is_some()
    }

    /// In which way it does: by name before nearly, nearly before by pattern.
    pub fn host_mention(&self, host: &str) -> Option<Mention> {
        self.looks().iter().filter_map(|look| of_host(look, host)).min()
    }

    /// How it speaks of the path of this request.
    pub fn path_mention(&self, request: &Request) -> Option<Mention> {
        self.looks().iter().filter_map(|look| of_path(look, request)).min()
    }

    /// The hosts, patterns of hosts and URLs that it names as those that it is for, as written.
    pub fn hosts(&self) -> Vec<String> {
        let mut hosts: Vec<String> = Vec::new();
        for look in self.looks() {
            let of_host = matches!(look.kind(), Kind::Host | Kind::FullUri);
            let text = crate::evidence::text::clean(look.text);
            if of_host && !hosts.contains(&text) {
                hosts.push(text);
            }
        }
        hosts
    }

    fn looks(&self) -> Vec<Look<'_>> {
        let mut tests = Vec::new();
        wanted(&self.logic, true, &mut tests);
        tests.into_iter().flat_map(looks).collect()
    }
}

/// The comparisons that are to hold: not those under a `not`.
fn wanted<'l>(logic: &'l Logic, holds: bool, tests: &mut Vec<&'l Test>) {
    match logic {
        Logic::Constant(_) => {}
        Logic::Test(test) if holds => tests.push(test),
        Logic::Test(_) => {}
        Logic::Not(inner) => wanted(inner, !holds, tests),
        Logic::And(sides) | Logic::Or(sides) => sides.iter().for_each(|side| wanted(side, holds, tests)),
        Logic::Xor(sides) => sides.iter().for_each(|side| wanted(side, true, tests)),
    }
}

fn of_host(look: &Look<'_>, host: &str) -> Option<Mention> {
    let shown = crate::evidence::text::shorten(look.text, 200);
    if let Base::Field(field) = &look.subject.base
        && field.host_in() == Some(HostIn::Zone)
    {
        let below = host.strip_suffix(look.text).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        return (look.how == How::Equal && below).then_some(Mention::Covered(shown));
    }
    let (how, text) = match look.kind() {
        Kind::Host => (look.how, look.text.to_owned()),
        Kind::FullUri => host_part(look, host)?,
        _ => return None,
    };
    if text.is_empty() {
        return None;
    }
    if !holds(how, &text, host) {
        return near(Kind::Host, how, &text, host).map(|slip| Mention::Near(shown, slip));
    }
    let without_scheme = look.kind() == Kind::FullUri
        && !matches!(look.how, How::Contains | How::Ends | How::Matches)
        && !look.text.contains("://")
        && !look.text.starts_with('*');
    if without_scheme {
        return Some(Mention::Near(shown, Slip::SchemeMissing));
    }
    // A pattern names a host if nothing in it is open; of a regular expression `\.` is a dot.
    let named = text.replace("\\.", ".").contains(host);
    Some(if named { Mention::Named(shown) } else { Mention::Covered(shown) })
}

/// The part of a URL, or of a pattern for URLs, that the host must fit, and how.
fn host_part(look: &Look<'_>, host: &str) -> Option<(How, String)> {
    let text = look.text;
    if look.how == How::Matches {
        // A host cannot be cut out of a regular expression; if it says the name, it is about the name.
        return text.replace("\\.", ".").contains(host).then(|| (How::Equal, host.to_owned()));
    }
    let after = text.split_once("://").map(|(_, rest)| rest);
    let (begins, rest) = (after.is_some(), after.unwrap_or(text));
    let end = rest.find(['/', '?']);
    let part = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
    let part = part.rsplit_once(':').map_or(part, |(host, _)| host);
    let part = if end.is_none() && matches!(look.how, How::Wildcard | How::StrictWildcard) && !part.ends_with('*') {
        return Some((look.how, part.to_owned()));
    } else {
        part
    };
    let how = match (look.how, begins, end.is_some()) {
        (How::Equal, ..) => How::Equal,
        (How::Wildcard | How::StrictWildcard, ..) => look.how,
        (How::Starts, _, true) | (How::Contains, true, true) => How::Equal,
        (How::Starts, _, false) | (How::Contains, true, false) => How::Starts,
        (How::Contains, false, true) => How::Ends,
        (How::Contains, false, false) => How::Contains,
        // The end of a URL is its path, or query.
        _ => return None,
    };
    Some((how, part.to_owned()))
}

fn of_path(look: &Look<'_>, request: &Request) -> Option<Mention> {
    let value = match look.kind() {
        Kind::Path => request.path(),
        Kind::Uri => request.views().first()?.raw.uri.as_deref()?,
        _ => return None,
    };
    let shown = crate::evidence::text::shorten(look.text, 200);
    if holds(look.how, look.text, value) {
        let named = look.how == How::Equal || look.text == request.path();
        return Some(if named { Mention::Named(shown) } else { Mention::Covered(shown) });
    }
    near(look.kind(), look.how, look.text, value).map(|slip| Mention::Near(shown, slip))
}
