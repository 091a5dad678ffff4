//! What Cloudflare and AWS do, as pure functions of evidence. Each rule names its source and stands here once.

pub mod api_route;
pub mod attribution;
pub mod caa;
pub mod cache;
pub mod cloudflare;
pub mod effective;
pub mod errors;
pub mod function_url;
pub mod gateway_error;
pub mod lambda_policy;
pub mod mapping;
pub mod origin_host;
pub mod our_side;
pub mod page_rule;
pub mod public_suffix;
pub mod reach;
pub mod rules;
pub mod ssl_mode;
pub mod tls_report;
pub mod trust;
pub mod url_pattern;
