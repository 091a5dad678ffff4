//! A value with who set it, what it overrules, and what leaves it open.

use super::{Matched, Setter};
use crate::evidence::Gathered;

/// A value of the zone for one URL.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided<T> {
    /// The value, unless a doubt proves right; `None`: not known.
    pub value: Option<T>,
    /// Who set it.
    pub by: Setter,
    /// What would hold without it, lowest first.
    pub overruled: Vec<(T, Setter)>,
    /// What would change it, as clauses: "unless ip.src.country makes Configuration Rule … match, which sets off".
    pub doubts: Vec<String>,
}

/// Something that a rule sets for this URL although another decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overruled {
    /// The setting, as the API names it.
    pub setting: &'static str,
    /// The value that does not hold, as people write it.
    pub value: String,
    /// Who set that.
    pub setter: Setter,
    /// The value that holds.
    pub instead: String,
    /// Who set that.
    pub by: Setter,
    /// Why the other is stronger.
    pub because: Stronger,
}

/// Why one rule decides and another does not (`facts/cloudflare.md` 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stronger {
    /// Of the Page Rules that match, only the one of the highest priority applies.
    HigherPriority,
    /// Of modern rules that match, the last decides.
    LaterRule,
    /// Of redirects that match, the first decides.
    EarlierRule,
    /// A modern rule beats a Page Rule.
    ModernRule,
    /// A Worker takes the URL, and Page Rules do not act there.
    Worker,
}

impl<T> Decided<T> {
    /// The value, where nothing leaves it open.
    pub fn certain(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.doubts.is_empty())
    }

    /// A value that nobody set: where everything starts.
    pub(super) fn nobody(value: T) -> Self {
        Decided { value: Some(value), by: Setter::Default, overruled: Vec::new(), doubts: Vec::new() }
    }

    /// What the zone itself says; what was not read is a doubt.
    pub(super) fn of_zone<S>(part: &Gathered<S>, by: Setter, value: impl FnOnce(&S) -> T) -> Self {
        match part {
            Gathered::Found(found) => {
                Decided { value: Some(value(found)), by, overruled: Vec::new(), doubts: Vec::new() }
            }
            Gathered::Missing(why) => {
                Decided { value: None, by, overruled: Vec::new(), doubts: vec![format!("not known: {}", why.text())] }
            }
        }
    }

    /// Something that was not read, or does not tell, and could change it.
    pub(super) fn doubt(&mut self, doubt: impl Into<String>) {
        self.doubts.push(doubt.into());
    }

    /// A stronger word: it settles every doubt below it.
    pub(super) fn set(&mut self, value: T, by: Setter) {
        let by = std::mem::replace(&mut self.by, by);
        if let Some(old) = self.value.replace(value) {
            self.overruled.push((old, by));
        }
        self.doubts.clear();
    }
}

impl<T: PartialEq> Decided<T> {
    /// What a rule with this match says: a stronger word, a doubt, or nothing.
    pub(super) fn hear(&mut self, value: T, by: &Setter, matched: &Matched, show: impl Fn(&T) -> String) {
        if matched.is_yes() {
            return self.set(value, by.clone());
        }
        if self.value.as_ref() == Some(&value) {
            return;
        }
        match matched {
            Matched::Unknown(terms) => {
                let terms = terms.join(" and ");
                self.doubt(format!("unless {terms} makes {by} match, which sets {}", show(&value)));
            }
            Matched::Unreadable(_) => {
                self.doubt(format!("unless {by}, whose expression cannot be read, matches and sets {}", show(&value)));
            }
            Matched::Yes | Matched::No(_) | Matched::Disabled(_) | Matched::Suppressed(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_sure_word_settles_what_was_open_below() {
        let setter = |id| Setter::Setting(id);
        let show = |n: &i32| n.to_string();
        let mut value = Decided::nobody(1);
        value.hear(2, &setter("a"), &Matched::Unknown(vec!["ip.src".into()]), show);
        assert_eq!((value.certain(), value.value), (None, Some(1)));
        assert_eq!(value.doubts, ["unless ip.src makes zone setting a match, which sets 2"]);
        value.hear(3, &setter("b"), &Matched::Yes, show);
        assert_eq!(value.certain(), Some(&3));
        value.hear(3, &setter("c"), &Matched::Unknown(vec!["x".into()]), show);
        assert_eq!(value.certain(), Some(&3), "the same value is no doubt");
        value.hear(4, &setter("d"), &Matched::No(Vec::new()), show);
        assert_eq!((value.certain(), &value.by), (Some(&3), &setter("b")));
        assert_eq!(value.overruled, [(1, Setter::Default)]);
    }
}
