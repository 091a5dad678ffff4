//! What the fuzz targets do with the answers of servers.

pub(crate) use super::cloudflare::fuzzing as cloudflare;
pub(crate) use super::dns::fuzzing as dns;
pub(crate) use super::http::fuzzing as http;
pub(crate) use super::tls::fuzzing as tls;
