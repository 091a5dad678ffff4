//! One test binary: register, scenarios, the demo world, real servers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod fixtures;
mod real_servers;
mod register;
mod scenarios;
