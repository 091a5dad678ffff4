//! What Cloudflare and AWS do, as pure functions of evidence. Each rule names its source and stands here once.

pub mod cloudflare;
pub mod origin_host;
pub mod ssl_mode;
pub mod tls_report;
pub mod trust;
