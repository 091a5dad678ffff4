//! A doctor for sites that put Cloudflare in front of AWS: gather evidence, examine it, render the report.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs))]

pub mod access;
pub mod cli;
pub mod config;
pub mod demo;
pub mod explain;
pub mod fleet;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod lint;
pub mod policy;
pub mod probe;
pub mod recording;
pub mod render;
pub mod report;
pub mod serve;
pub mod settings;
pub mod shared;
mod suggest;
mod values;

pub use probe::gather;
pub use report::{Report, examine};
pub use settings::Settings;
