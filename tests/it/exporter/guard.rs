//! The guard: nothing leads the doctor to an address that is not public, whatever names, redirects and second answers say.
//! Public addresses are reached through a proxy of ours, so that nothing leaves this machine.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use cfdoctor::probe::Reach;
use cfdoctor::probe::budget::Budget;
use cfdoctor::settings::{ConnectTo, Proxy, ProxyKind, ResolverChoice, Settings};
use cfdoctor_checks::evidence::http::{Exchange, Failure, Outcome};
use cfdoctor_checks::evidence::tls::Connect;
use cfdoctor_checks::evidence::{Evidence, Target};
use tokio::runtime::Runtime;

use super::server::Exporter;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());

/// An address that Cloudflare publishes as its own; only our proxy is asked for it.
const PUBLIC: Ipv4Addr = Ipv4Addr::new(104, 16, 132, 229);

/// A name server that answers A and AAAA by `speak`, and says of everything else that there is none.
fn names(speak: impl Fn(&str) -> Vec<IpAddr> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut packet = [0; 2048];
        while let Ok((length, client)) = socket.recv_from(&mut packet) {
            let packet = &packet[..length];
            let (mut at, mut labels) = (12, Vec::new());
            while packet[at] != 0 {
                let end = at + 1 + usize::from(packet[at]);
                labels.push(String::from_utf8_lossy(&packet[at + 1..end]).to_lowercase());
                at = end;
            }
            let kind = u16::from_be_bytes([packet[at + 1], packet[at + 2]]);
            let name = labels.join(".");
            let addresses = if [1, 28].contains(&kind) { speak(&name) } else { Vec::new() };
            let mut records = Vec::new();
            for address in addresses {
                let octets = match (address, kind) {
                    (IpAddr::V4(v4), 1) => v4.octets().to_vec(),
                    (IpAddr::V6(v6), 28) => v6.octets().to_vec(),
                    _ => continue,
                };
                let head = [&[0xc0, 12][..], &kind.to_be_bytes(), &[0, 1, 0, 0, 0, 1, 0, octets.len() as u8]].concat();
                records.push([head, octets].concat());
            }
            let counts = [0x8180, 1, records.len() as u16, 0, 0].map(u16::to_be_bytes).concat();
            let answer = [&packet[..2], &counts, &packet[12..at + 5], &records.concat()].concat();
            let _ = socket.send_to(&answer, client);
        }
    });
    address
}

/// Says the same to every request in clear text; counts connections.
fn site(answer: String) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let met = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&met);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = answer.clone();
            std::thread::spawn(move || {
                let mut head = Vec::new();
                let mut octet = [0];
                while stream.read(&mut octet).is_ok_and(|length| length > 0) {
                    head.push(octet[0]);
                    // Who speaks TLS here need not wait.
                    if head == [22] {
                        return;
                    }
                    if head.ends_with(b"\r\n\r\n") {
                        head.clear();
                        let _ = stream.write_all(answer.as_bytes());
                    }
                }
            });
        }
    });
    (port, met)
}

/// What nobody may connect to.
fn secret() -> (u16, Arc<AtomicUsize>) {
    site("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret".into())
}

fn redirect(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
}

/// A SOCKS 5 proxy that leads everything to one port of loopback, and writes down where it was to go.
fn proxy(to: u16) -> (Proxy, Arc<Mutex<Vec<SocketAddr>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let goals: Arc<Mutex<Vec<SocketAddr>>> = Arc::default();
    let noted = Arc::clone(&goals);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let noted = Arc::clone(&noted);
            std::thread::spawn(move || tunnel(stream, to, &noted));
        }
    });
    (Proxy { kind: ProxyKind::Socks5, host: "127.0.0.1".into(), port, credentials: None }, goals)
}

fn tunnel(mut stream: TcpStream, to: u16, goals: &Mutex<Vec<SocketAddr>>) -> Option<()> {
    let mut hello = [0; 3];
    stream.read_exact(&mut hello).ok()?;
    stream.write_all(&[5, 0]).ok()?;
    let mut head = [0; 4];
    stream.read_exact(&mut head).ok()?;
    let mut address = vec![0; if head[3] == 1 { 4 } else { 16 }];
    stream.read_exact(&mut address).ok()?;
    let mut port = [0; 2];
    stream.read_exact(&mut port).ok()?;
    let ip = match address.as_slice() {
        [a, b, c, d] => IpAddr::from([*a, *b, *c, *d]),
        octets => IpAddr::from(<[u8; 16]>::try_from(octets).unwrap()),
    };
    goals.lock().unwrap().push(SocketAddr::new(ip, u16::from_be_bytes(port)));
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).ok()?;
    let other = TcpStream::connect(("127.0.0.1", to)).ok()?;
    let (mut from, mut into) = (stream.try_clone().ok()?, other.try_clone().ok()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut into);
        let _ = into.shutdown(std::net::Shutdown::Both);
    });
    let (mut from, mut into) = (other, stream);
    let _ = std::io::copy(&mut from, &mut into);
    let _ = into.shutdown(std::net::Shutdown::Both);
    Some(())
}

fn guarded(resolver: SocketAddr) -> Settings {
    Settings {
        reach: Reach::PublicOnly,
        resolver: ResolverChoice::Udp(resolver),
        connect_timeout: Duration::from_secs(20),
        ..Settings::default()
    }
}

fn look(url: &str, settings: &Settings) -> Evidence {
    let target: Target = url.parse().unwrap();
    RUNTIME.block_on(async { cfdoctor::gather(&target, settings, &Budget::quiet(Duration::from_secs(60))).await })
}

/// Why an exchange was not to be.
fn refusal(exchange: &Exchange) -> &str {
    match &exchange.outcome {
        Outcome::Failed(Failure::Connect(Connect::NoAddress { why })) => why,
        other => panic!("{other:?}"),
    }
}

/// Nobody is blamed for what we refuse; and nothing is called well.
fn assert_inconclusive(evidence: &Evidence) {
    let checks: Vec<&'static cfdoctor_checks::Check> = cfdoctor_checks::all().collect();
    let report = cfdoctor::examine(evidence, &checks);
    let findings: Vec<_> = report.results.iter().filter(|result| result.status.is_finding()).collect();
    assert_eq!(findings, Vec::<&cfdoctor::report::ResultReport>::new());
    assert_eq!(report.verdict, cfdoctor::report::TargetVerdict::Inconclusive, "{report:?}");
    let why = report.inconclusive.unwrap();
    // Who resolves a public name to a private address is known without the guard, too.
    let by_guard = why.contains("refused: ") && why.contains("--allow-private");
    assert!(by_guard || why.contains("which is no address of a public site"), "{why}");
}

#[test]
fn a_name_that_leads_inside_is_not_followed() {
    let (port, met) = secret();
    for address in [
        IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::from(Ipv4Addr::UNSPECIFIED),
        IpAddr::from(Ipv6Addr::LOCALHOST),
        IpAddr::from(Ipv4Addr::LOCALHOST.to_ipv6_mapped()),
    ] {
        let resolver = names(move |_| vec![address]);
        for url in [format!("https://inside.example.com:{port}/"), format!("http://inside.example.com:{port}/")] {
            let evidence = look(&url, &guarded(resolver));
            let handshake = evidence.edge.tls.found().unwrap();
            assert!(
                matches!(&handshake.connect, Connect::NoAddress { why } if why.starts_with("refused: ")),
                "{:?}",
                handshake.connect
            );
            assert_inconclusive(&evidence);
        }
    }
    // The user's own options are no way around it.
    let resolver = names(|_| vec![PUBLIC.into()]);
    let to = ConnectTo { host: None, port: None, to_host: Some("localhost".into()), to_port: Some(port) };
    let settings = Settings { connect_to: vec![to], ..guarded(resolver) };
    assert_inconclusive(&look("https://inside.example.com/", &settings));
    assert_eq!(met.load(Ordering::SeqCst), 0, "somebody connected");
}

#[test]
fn a_redirect_inside_is_not_followed() {
    let (port, met) = secret();
    let resolver = names(|name| match name {
        "outside.example.com" => vec![PUBLIC.into()],
        "inside.example.com" => vec![Ipv4Addr::LOCALHOST.into()],
        // A resolver may be willing to resolve addresses.
        name => name.parse().into_iter().collect(),
    });
    for (to, what) in [
        ("http://169.254.169.254/latest/meta-data/".to_owned(), "metadata"),
        ("http://[fd00:ec2::254]/latest/meta-data/".to_owned(), "metadata"),
        (format!("http://127.0.0.1:{port}/"), "loopback"),
        (format!("http://[::ffff:127.0.0.1]:{port}/"), "IPv4-mapped"),
        (format!("https://inside.example.com:{port}/"), "loopback"),
        (format!("http://2130706433:{port}/"), "loopback"),
    ] {
        let (edge, _) = site(redirect(&to));
        let (proxy, goals) = proxy(edge);
        let evidence = look("http://outside.example.com/", &Settings { proxy: Some(proxy), ..guarded(resolver) });
        let http = evidence.edge.http.found().unwrap();
        assert_eq!(http.samples[0].response().unwrap().status, 302, "the first answer came");
        let why = refusal(&http.redirects[0]);
        assert!(why.starts_with("refused: ") && why.contains(what), "{to}: {why}");
        let goals = goals.lock().unwrap().clone();
        assert!(!goals.is_empty() && goals.iter().all(|goal| goal.ip() == PUBLIC), "{to}: {goals:?}");
    }
    assert_eq!(met.load(Ordering::SeqCst), 0, "somebody connected");
}

#[test]
fn a_name_that_turns_inside_at_the_second_answer_is_not_followed() {
    let (port, met) = secret();
    let (edge, asked) = site(redirect(&format!("http://rebind.example.com:{port}/admin")));
    // Public until somebody came.
    let resolver = names(move |_| match asked.load(Ordering::SeqCst) {
        0 => vec![PUBLIC.into()],
        _ => vec![Ipv4Addr::LOCALHOST.into()],
    });
    let (proxy, goals) = proxy(edge);
    let settings = Settings { proxy: Some(proxy), ..guarded(resolver) };
    let evidence = look("http://rebind.example.com/", &settings);
    let http = evidence.edge.http.found().unwrap();
    assert_eq!(http.samples[0].response().unwrap().status, 302);
    let why = refusal(&http.redirects[0]);
    assert_eq!(why, "refused: 127.0.0.1 is a loopback address (--allow-private permits it)");
    // The next visit, without a proxy between: what was public a moment ago is not any more.
    assert_inconclusive(&look(&format!("http://rebind.example.com:{port}/"), &guarded(resolver)));
    assert!(goals.lock().unwrap().iter().all(|goal| goal.ip() == PUBLIC));
    assert_eq!(met.load(Ordering::SeqCst), 0, "somebody connected");
}

#[test]
fn an_origin_inside_is_not_asked() {
    let (port, met) = secret();
    let resolver = names(|name| match name {
        "outside.example.com" => vec![PUBLIC.into()],
        _ => vec![Ipv4Addr::LOCALHOST.into()],
    });
    let (edge, _) = site(
        "HTTP/1.1 200 OK\r\nServer: cloudflare\r\nCF-Ray: 8f0000000000abcd-FRA\r\n\
                          CF-Cache-Status: HIT\r\nContent-Length: 2\r\n\r\nhi"
            .into(),
    );
    for origin in [format!("origin.example.net:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
        let (proxy, goals) = proxy(edge);
        let settings = Settings { proxy: Some(proxy), ..guarded(resolver) };
        let target = Target { origin: Some(origin.parse().unwrap()), ..url("http://outside.example.com/") };
        let budget = Budget::quiet(Duration::from_secs(60));
        let evidence = RUNTIME.block_on(async { cfdoctor::gather(&target, &settings, &budget).await });
        let handshake = evidence.origin.tls.found().unwrap();
        assert!(matches!(&handshake.connect, Connect::NoAddress { why } if why.starts_with("refused: ")), "{origin}");
        let checks: Vec<&'static cfdoctor_checks::Check> = cfdoctor_checks::all().collect();
        let report = cfdoctor::examine(&evidence, &checks);
        let origin_results = report.results.iter().filter(|result| result.area == "origin");
        assert!(origin_results.clone().all(|result| !result.status.is_finding()), "{:?}", report.results);
        assert!(goals.lock().unwrap().iter().all(|goal| goal.ip() == PUBLIC));
    }
    assert_eq!(met.load(Ordering::SeqCst), 0, "somebody connected");
}

fn url(text: &str) -> Target {
    text.parse().unwrap()
}

#[test]
fn the_exporter_is_guarded_unless_it_is_told_otherwise() {
    let (port, met) = secret();
    let resolver = names(|_| vec![Ipv4Addr::LOCALHOST.into()]);
    let flags = ["--resolver".to_owned(), resolver.to_string()];
    let path = format!("/probe?target=http://inside.example.com:{port}/&origin=127.0.0.1:{port}");
    let guarded = Exporter::start(&flags);
    let answer = guarded.get(&path, "");
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("\nprobe_success 0\n"), "{}", answer.body);
    assert!(answer.body.contains("cfdoctor_target_verdict{verdict=\"inconclusive\",cause=\"\"} 1"), "{}", answer.body);
    assert!(!answer.body.contains("status=\"fail\"} 1"), "{}", answer.body);
    assert_eq!(met.load(Ordering::SeqCst), 0, "somebody connected");
    let open = Exporter::start(&[&flags[..], &["--allow-private".to_owned()]].concat());
    assert_eq!(open.get(&path, "").status, 200);
    assert!(met.load(Ordering::SeqCst) > 0, "the listener would have counted");
}
