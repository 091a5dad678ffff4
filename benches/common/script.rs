//! What people use for one host: a script of dig, openssl and curl, and curl alone.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::limit::Places;

/// The script.
pub const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/common/look.sh");

/// The tools of the script that are not installed.
pub fn missing() -> Vec<&'static str> {
    ["dig", "openssl", "curl"].into_iter().filter(|tool| !is_installed(tool)).collect()
}

/// Is there a program of this name in the path?
pub fn is_installed(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Path::new(tool).is_file() || std::env::split_paths(&path).any(|folder| folder.join(tool).is_file())
}

/// The script's arguments for a host.
pub fn arguments(places: &Places) -> [String; 6] {
    let Places { resolver, edge, origin, host, origin_host, path } = places.clone();
    [host, origin_host, path, resolver.to_string(), edge.to_string(), origin.to_string()]
}

/// The script for one host.
#[allow(dead_code, reason = "one of the two benches asks for one host")]
pub fn look(places: &Places) -> Command {
    let mut command = Command::new(SCRIPT);
    command.args(arguments(places)).stdout(Stdio::null());
    command
}

/// Two requests at the edge over one connection.
#[allow(dead_code, reason = "one of the two benches asks for one host")]
pub fn curl(places: &Places) -> Command {
    let url = format!("https://{}{}", places.host, places.path);
    let mut command = Command::new("curl");
    command.args(["-sk", "--connect-to", &format!("::{}", places.edge)]);
    command.args(["-o", "/dev/null", &url, "-o", "/dev/null", &url]).stdout(Stdio::null());
    command
}
