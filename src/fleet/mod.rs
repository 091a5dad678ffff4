//! Many targets in one run: which of them, how many at once, and what an earlier run has finished already.
//!
//! Targets are made when their turn comes and are gone when their report is told, so that memory does not grow with
//! their number.

mod earlier;
mod scheduler;
mod shard;

use sha2::{Digest as _, Sha256};

pub use earlier::{Earlier, EarlierLinesError, Finished};
pub use scheduler::run;
pub use shard::Shard;

/// Visits at the same time, unless `--concurrency` says otherwise: far below the 300 in flight on a core from which on
/// everything becomes worse (`performance.md`), and few enough for 1,024 open files.
pub const AT_ONCE: u32 = 64;
/// The most that `--concurrency` takes.
pub const MOST_AT_ONCE: u32 = 4096;

/// What stands for a URL where many are kept: 16 octets that no two URLs share by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(u128);

impl Key {
    /// The key of a URL.
    pub fn of(url: &str) -> Self {
        let hash = Sha256::digest(url.as_bytes());
        Key(hash.iter().take(16).fold(0, |key, octet| (key << 8) | u128::from(*octet)))
    }
}
