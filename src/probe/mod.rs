//! The probes: who looks, in which order, and what runs beside what.

pub mod budget;
pub mod dial;
pub mod http;
pub mod tls;
pub mod vantage;

use cfdoctor_checks::evidence::{Evidence, Target};
use time::OffsetDateTime;

use crate::settings::Settings;
use budget::Budget;

/// Looks at the whole path of `target`; every failure on the way is evidence.
pub async fn gather(target: &Target, _settings: &Settings, _budget: &Budget) -> Evidence {
    Evidence::nothing(target.clone(), OffsetDateTime::now_utc())
}
