//! Proxies that were named and do not do their work.

use super::scene::{Scene, all_are_told};
use super::world::World;
use crate::hostile::script::{Front, Server, Step};

/// Through a proxy of this kind that does this.
fn through(kind: &str, steps: Vec<Step>) -> Vec<String> {
    let proxy = Server::start(Front::Raw, steps);
    let resolver = format!("127.0.0.1:{}", World::sound().resolver);
    let mut arguments = vec!["--proxy".into(), format!("{kind}://127.0.0.1:{}", proxy.port)];
    arguments.extend(["--resolver".into(), resolver, "--origin".into(), super::world::ORIGIN.into()]);
    arguments.extend(["--connect-timeout", "3s", "--timeout", "3s", "--deadline", "20s"].map(Into::into));
    arguments
}

#[test]
fn proxies_that_fail() {
    let refuses = |status: &str| {
        vec![Step::Request, Step::Say(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").into()), Step::Close]
    };
    let everything: &[&str] = &["edge-", "cache-", "origin-"];
    let scene = |name, kind: &str, steps, culprit| Scene::new(name, through(kind, steps), culprit).unjudged(everything);
    let closed = {
        let mut arguments = through("http", vec![Step::Close]);
        arguments[1] = format!("http://127.0.0.1:{}", Server::closed_port());
        Scene::new("nobody is there", arguments, &["the proxy"]).unjudged(everything)
    };
    all_are_told(vec![
        scene("407", "http", refuses("407 Proxy Authentication Required"), &["the proxy", "407"]),
        scene("502", "http", refuses("502 Bad Gateway"), &["the proxy", "502"]),
        scene("503", "http", refuses("503 Service Unavailable"), &["the proxy", "503"]),
        scene("403", "http", refuses("403 Forbidden"), &["the proxy", "403"]),
        scene("silence", "http", vec![Step::Silence], &["the proxy"]),
        scene("the end at once", "http", vec![Step::Close], &["the proxy"]),
        scene("the end after the request", "http", vec![Step::Request, Step::Close], &["the proxy"]),
        scene("SOCKS takes no method", "socks5", vec![Step::Say(vec![5, 0xff])], &["the proxy"]),
        scene("SOCKS refuses", "socks5", vec![Step::Say(vec![5, 0, 5, 2, 0, 1, 0, 0, 0, 0, 0, 0])], &["the proxy"]),
        closed,
    ]);
}
