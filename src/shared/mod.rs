//! What the visits of one run share, so that many cost less than each alone, and do not harm each other or a site.
//!
//! Everything here begins empty with the [`Settings`](crate::Settings) that hold it, and clones of these share it.
//! A visit is the same with and without: what a check judges about a host is asked for that host.

mod admission;
mod certificates;
mod manners;
mod pulse;

use std::sync::Arc;

use cfdoctor_checks::evidence::{Evidence, Target};

pub use admission::{Admission, Permit};
pub use certificates::Certificates;
pub(crate) use manners::refused;
pub use manners::{Manners, Turn};
pub use pulse::{Pulse, is_shortage};

use crate::probe::dns::Names;

/// The shared state of a run.
#[derive(Clone, Default)]
pub struct Shared {
    /// Is our own process overloaded?
    pub pulse: Pulse,
    /// Names that are the same for many hosts.
    pub names: Arc<Names>,
    /// Certificates that are the same for many hosts.
    pub certificates: Arc<Certificates>,
    /// What a host and an origin may be asked at once.
    pub manners: Manners,
}

/// A visit that may go on; its place is free again when this is dropped.
pub struct Started {
    _turn: Turn,
    _permit: Permit,
}

impl Shared {
    /// Waits until a visit of `target` may start: the host has not been asked a moment ago, nor by too many others at
    /// once, nor has it asked for peace (`Retry-After`); and the machine can bear another visit. The deadline of the
    /// visit begins after this.
    ///
    /// Wait for a few more targets at once than may be in flight: the first in the list may have to wait for its host
    /// while the next need not.
    pub async fn start(&self, target: &Target, admission: &Admission) -> Started {
        self.pulse.keep();
        let turn = self.manners.host(&target.host).await;
        Started { _turn: turn, _permit: admission.enter().await }
    }

    /// Forgets names that were looked up: before a host is visited again (`--wait`), so that what was mended shows.
    pub fn forget_names(&self) {
        self.names.forget();
    }

    /// Remembers what the site asked for.
    pub(crate) fn heed(&self, evidence: &Evidence) {
        self.manners.heed(evidence);
    }
}
