//! A value with who set it, what it overrules, and what leaves it open.

use super::Setter;

/// A value of the zone for one URL.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided<T> {
    /// The value, if what could not be told changes nothing; `None`: not known.
    pub value: Option<T>,
    /// Who set it.
    pub by: Setter,
    /// What would hold without it, lowest first.
    pub overruled: Vec<(T, Setter)>,
    /// What would change it, as clauses: "unless ip.src.country makes the Configuration Rule … match".
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
}

impl<T> Decided<T> {
    /// Nothing is known.
    pub fn unknown(doubt: impl Into<String>) -> Self {
        Decided { value: None, by: Setter::Default, overruled: Vec::new(), doubts: vec![doubt.into()] }
    }

    /// The value, where nothing leaves it open.
    pub fn certain(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.doubts.is_empty())
    }
}

impl<T: Clone + PartialEq> Decided<T> {
    /// A value that nobody set: where everything starts.
    pub(super) fn starting(value: T, by: Setter) -> Self {
        Decided { value: Some(value), by, overruled: Vec::new(), doubts: Vec::new() }
    }

    /// A stronger word: it settles every doubt below it.
    pub(super) fn set(&mut self, value: T, by: Setter) {
        if let Some(old) = self.value.replace(value)
            && self.by != Setter::Default
        {
            self.overruled.push((old, self.by.clone()));
        }
        self.by = by;
        self.doubts.clear();
    }

    /// A stronger word that may not be spoken: a doubt, if it would change anything.
    pub(super) fn may_set(&mut self, value: &T, doubt: impl FnOnce() -> String) {
        if self.value.as_ref() != Some(value) {
            self.doubts.push(doubt());
        }
    }

    /// Something that was not read and could change it.
    pub(super) fn doubt(&mut self, doubt: impl Into<String>) {
        self.doubts.push(doubt.into());
    }
}
