//! The tests from outside: one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    missing_docs
)]

mod access;
mod browser;
mod ci_files;
mod command_line;
mod configuration;
mod environment;
mod exporter;
mod fixtures;
mod fleet;
mod formats;
mod gate;
mod hostile;
mod measured;
#[cfg(feature = "aws")]
mod moto;
mod mutated;
mod plans;
mod real_servers;
mod register;
mod renderers;
mod rich;
mod rules_oracle;
mod scenarios;
mod secrets;
mod supply;
mod whole;
mod why;
