//! `cfdoctor demo`: a small real world on loopback with a known fault, for people to see and for the tests to use.
//!
//! Name server, caching edge and gateway are real servers on ports that the system chooses; nothing of it needs root
//! or the internet. What the doctor finds here it finds over real sockets.

mod account_document;
mod aws_api;
pub mod cloudflare_api;
mod edge;
mod gateway;
#[cfg_attr(not(test), allow(dead_code, reason = "the tests of the DNS probe use more of its faults"))]
pub(crate) mod name_server;
mod old_tls;
mod origin;
mod page;
mod pki;
mod scenarios;
mod serve;
mod store;
#[cfg(test)]
mod tests;
mod token;
mod upstream;
mod world;
mod zone_document;

pub use edge::Zone;
pub use gateway::{Function, INTEGRATION_LIMIT, Product};
pub use origin::{Door, Origin, PlainDoor};
pub use pki::OriginCertificate;
pub use scenarios::{SCENARIOS, TYPICAL, find};
pub use store::{CacheAction, CacheRule, EdgeTtl};
pub use upstream::Mode;
pub use world::{Known, Names, Scenario, Sight, World};

/// The visitor's name in the world.
pub const HOST: &str = "lambda.example.com";

/// Why a world could not be started.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Loopback could not be used.
    #[error("the demo cannot use loopback: {0}")]
    Io(#[from] std::io::Error),
    /// A certificate could not be made.
    #[error("the demo cannot make its certificates: {0}")]
    Certificate(#[from] rcgen::Error),
    /// TLS could not be set up.
    #[error("the demo cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// Something else could not be set up.
    #[error("the demo cannot be set up: {0}")]
    Setup(String),
}
