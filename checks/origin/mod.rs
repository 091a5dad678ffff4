//! The checks of the area `origin`, in the order shown to people.

use crate::check::Area;
use crate::evidence::Evidence;

#[cfg(test)]
pub(crate) mod testing;

/// The area.
pub(crate) const AREA: Area = Area { id: "origin", title: "Origin", summary, checks: &[] };

/// One line for an area that is all well.
fn summary(_evidence: &Evidence) -> Option<String> {
    None
}
