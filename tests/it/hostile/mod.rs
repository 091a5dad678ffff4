//! Bad input over real sockets: whatever a server, a certificate or a name server does, the program gives a verdict
//! within its deadline and its memory, and shows nothing raw.

mod apis;
pub(crate) mod certificates;
pub(crate) mod doctor;
mod echo;
mod http_one;
mod http_two;
mod interrupted;
mod name_rows;
pub(crate) mod names;
pub(crate) mod script;
mod status;
mod tls;

use std::sync::LazyLock;

use doctor::Case;
use script::{Front, Server, Step};

/// A front and what is said behind it.
type Talk = (Front, Vec<Step>);

fn lead(host: &str, port: u16, to: u16) -> [String; 2] {
    ["--connect-to".into(), format!("{host}:{port}:127.0.0.1:{to}")]
}

/// The options that lead to an edge where all is well.
fn friendly_edge() -> Vec<String> {
    static SERVERS: LazyLock<(Server, Server)> = LazyLock::new(|| {
        let answer = "HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 10:00:00 GMT\r\nServer: cloudflare\r\n\
                      CF-Ray: 8f0000000000abcd-FRA\r\nCF-Cache-Status: DYNAMIC\r\nContent-Length: 2\r\n\r\nhi";
        let moved = "HTTP/1.1 301 Moved\r\nLocation: https://lambda.example.com/x\r\nContent-Length: 0\r\n\r\n";
        let steps = |text: &str| vec![Step::Request, Step::Say(text.into())];
        (Server::start(certificates::plain_tls(), steps(answer)), Server::start(Front::Raw, steps(moved)))
    });
    [lead("lambda.example.com", 443, SERVERS.0.port), lead("lambda.example.com", 80, SERVERS.1.port)].concat()
}

/// Hostile servers on both ports of the edge.
fn at_edge(name: &str, https: Talk, http: Talk, says: &'static str) -> Case {
    let (https, http) = (Server::start(https.0, https.1), Server::start(http.0, http.1));
    let arguments = [lead("lambda.example.com", 443, https.port), lead("lambda.example.com", 80, http.port)].concat();
    Case::new(format!("{name} (edge)"), arguments, ("edge", says))
}

/// A hostile server at the origin, behind a friendly edge.
fn at_origin(name: &str, https: Talk, says: &'static str) -> Case {
    let https = Server::start(https.0, https.1);
    let mut arguments = friendly_edge();
    arguments.extend(["--origin".into(), "origin.example.com".into()]);
    arguments.extend(lead("origin.example.com", 443, https.port));
    Case::new(format!("{name} (origin)"), arguments, ("origin", says))
}
