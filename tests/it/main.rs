//! The tests from outside: one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

mod browser;
mod command_line;
mod fixtures;
mod hostile;
mod measured;
mod real_servers;
mod register;
mod renderers;
mod rich;
mod scenarios;
mod whole;
mod why;
