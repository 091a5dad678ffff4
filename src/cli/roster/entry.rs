//! One target as it was given, and what is laid over it.

use std::sync::Arc;

use cfdoctor_checks::Probe;
use cfdoctor_checks::evidence::Target;
use cfdoctor_checks::evidence::http::HeaderLine;
use cfdoctor_checks::evidence::target::TargetError;

use crate::cli::CommandError;
use crate::cli::lists::List;
use crate::cli::targets::{self, Reading, Wanted, wish, wishes_for};
use crate::report::Place;

/// Where targets come from.
pub(super) enum Source {
    /// Typed, or out of the configuration or a plan.
    One(String),
    /// A file or stdin.
    List(List),
    /// A zone and its proxied names.
    Zone(String, Vec<String>),
    /// Made already.
    Ready(Arc<Target>),
}

/// What is laid over each target.
pub(super) struct Recipe<'a> {
    pub(super) wanted: Option<Wanted<'a>>,
    pub(super) headers: Vec<HeaderLine>,
    pub(super) required: Vec<Probe>,
}

/// One target as it was given.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) source: &'a Source,
    pub(super) text: &'a str,
    /// Line of a list, from 1; else 0.
    pub(super) line: u32,
}

impl Entry<'_> {
    pub(super) fn make(&self, recipe: &Recipe<'_>) -> Result<Arc<Target>, CommandError> {
        if let Source::Ready(target) = self.source {
            return Ok(Arc::clone(target));
        }
        let wrong = |error: String| match self.source {
            Source::List(list) => CommandError::usage(format!("{}, line {}: {error}", list.name(), self.line)),
            _ => targets::meant_a_command(self.text, CommandError::usage(error)),
        };
        let mut target: Target = self.text.parse().map_err(|error: TargetError| wrong(error.to_string()))?;
        if let Some(wanted) = &recipe.wanted {
            let wishes = wishes_for(&target.url(), wanted.wishes, wanted.config, wanted.unless_said);
            wish(&mut target, &wishes, Reading::Strict)?;
        }
        target.headers.clone_from(&recipe.headers);
        target.required.clone_from(&recipe.required);
        Ok(Arc::new(target))
    }

    /// The zone, where one was asked for.
    pub(super) fn zone(&self) -> Option<&str> {
        match self.source {
            Source::Zone(name, _) => Some(name),
            _ => None,
        }
    }

    pub(super) fn place(&self) -> Option<Place> {
        match self.source {
            Source::List(list) => Some(Place { file: list.path()?, line: self.line }),
            _ => None,
        }
    }
}
