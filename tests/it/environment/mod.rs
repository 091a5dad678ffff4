//! Hostile networks on our own side, over real sockets: none turns a site red or green that it kept from being judged,
//! and each is named.

mod clock;
mod healthy;
mod interception;
mod limits;
mod machine;
mod path;
mod portal;
mod proxies;
mod relay;
mod resolvers;
mod scene;
mod world;
