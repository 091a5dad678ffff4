//! Tunnels through `--proxy`: HTTP CONNECT (RFC 9110 §9.3.6) and SOCKS 5 (RFC 1928, RFC 1929).
//!
//! Whatever a proxy says is the proxy's failure: it cannot be told from the peer's, and is never blamed on it.

use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use cfdoctor_checks::evidence::tls::Connect;
use cfdoctor_checks::evidence::{redact, text};
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::place::{self, Place};
use super::{Dialed, race};
use crate::probe::Reach;
use crate::probe::budget::Budget;
use crate::settings::{Proxy, ProxyKind, Settings, USER_AGENT};

/// Octets read of the head of an answer to CONNECT.
const MAX_HEAD: usize = 16 * 1024;
/// Fields read of it.
const MAX_FIELDS: usize = 64;
/// Characters kept of what the proxy said.
const MAX_WHY: usize = 200;

/// What the proxy is asked to connect to.
enum Goal<'a> {
    Name(&'a str, u16),
    Address(SocketAddr),
}

/// Connects to the proxy, and through it to `place`, trying at most `most` of its addresses.
pub(super) async fn connect(proxy: &Proxy, place: &Place, most: usize, settings: &Settings, budget: &Budget) -> Dialed {
    // The proxy itself is the user's choice; where it leads to is judged.
    let (sockets, refused) = race::within(settings.reach, &place.sockets());
    let goals: Vec<Goal<'_>> = if place.by_name {
        vec![Goal::Name(&place.host, place.port)]
    } else if let (true, Some(why)) = (sockets.is_empty(), refused.into_iter().next()) {
        return Dialed::failed(Connect::NoAddress { why });
    } else {
        sockets.into_iter().take(most.max(1)).map(Goal::Address).collect()
    };
    let itself = format!("{}:{}", text::clean(&proxy.host), proxy.port);
    let failed = |why: String| Dialed::failed(Connect::ProxyFailed { why });
    let found = match proxy.host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) => match place::look_up(&proxy.host, proxy.port, place.step, budget).await {
            Ok(found) => found,
            Err(why) => return failed(why),
        },
    };
    let sockets: Vec<SocketAddr> =
        place::in_turn(found.into_iter()).into_iter().map(|address| SocketAddr::new(address, proxy.port)).collect();

    let mut last = failed(format!("{itself}: no address to connect to"));
    for goal in goals {
        let earlier = match (&last.connect, last.address) {
            (Connect::ProxyFailed { why }, Some(address)) => vec![format!("{address}: {why}")],
            _ => Vec::new(),
        };
        let start = Instant::now();
        let raced = race::connect(&sockets, most, place.step, Reach::Anywhere, budget).await;
        let Some(mut winner) = raced.winner else {
            return Dialed { earlier, ..failed(format!("{itself}: {}", raced.connect.describe())) };
        };
        let tunnel = async {
            match proxy.kind {
                ProxyKind::Http => http_connect(&mut winner.stream, proxy, &goal).await,
                ProxyKind::Socks5 => socks5(&mut winner.stream, proxy, &goal).await,
            }
        };
        let result = budget.limit(place.step, tunnel).await;
        let address = match goal {
            Goal::Name(..) => None,
            Goal::Address(address) => Some(address),
        };
        last = match result {
            Ok(Ok(())) => {
                let connect_ms = Some(race::milliseconds(start.elapsed()));
                let stream = Some(Box::new(winner.stream) as super::BoxedIo);
                return Dialed { stream, address, connect: Connect::Open, connect_ms, earlier };
            }
            Ok(Err(why)) => Dialed { address, earlier, ..failed(format!("{itself}: {why}")) },
            Err(patience) => {
                let why = format!("{itself}: no answer within {}", patience.describe());
                return Dialed { address, earlier, ..failed(why) };
            }
        };
    }
    last
}

async fn http_connect(stream: &mut TcpStream, proxy: &Proxy, goal: &Goal<'_>) -> Result<(), String> {
    let authority = match goal {
        Goal::Name(host, port) if host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) => {
            format!("{host}:{port}")
        }
        Goal::Name(host, _) => return Err(format!("{} is no host name to ask it for", text::shorten(host, MAX_WHY))),
        Goal::Address(address) => address.to_string(),
    };
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: {USER_AGENT}\r\n");
    if let Some(credentials) = &proxy.credentials {
        let encoded = base64::engine::general_purpose::STANDARD.encode(credentials.expose_secret());
        request.push_str(&format!("Proxy-Authorization: Basic {encoded}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;

    // Octet by octet: what follows the head belongs to the tunnel.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && !head.ends_with(b"\n\n") {
        if head.len() >= MAX_HEAD {
            return Err("its answer has no end".into());
        }
        match stream.read_u8().await {
            Ok(octet) => head.push(octet),
            Err(_) if head.is_empty() => return Err("it closed the connection without an answer".into()),
            Err(_) => return Err("it closed the connection within its answer".into()),
        }
    }
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut answer = httparse::Response::new(&mut fields);
    let status = match answer.parse(&head) {
        Ok(_) => answer.code,
        Err(httparse::Error::TooManyHeaders) => answer.code,
        Err(_) => None,
    };
    match status {
        Some(200..=299) => Ok(()),
        _ => {
            let line = head.split(|octet| *octet == b'\n').next().unwrap_or_default();
            Err(format!("it says {}", text::shorten(redact::text(&text::clean_bytes(line)).trim_end(), MAX_WHY)))
        }
    }
}

async fn socks5(stream: &mut TcpStream, proxy: &Proxy, goal: &Goal<'_>) -> Result<(), String> {
    const VERSION: u8 = 5;
    const NO_PASSWORD: u8 = 0;
    const PASSWORD: u8 = 2;
    const CONNECT: u8 = 1;
    let gone = |_| "it closed the connection".to_owned();

    let methods: &[u8] = if proxy.credentials.is_some() { &[NO_PASSWORD, PASSWORD] } else { &[NO_PASSWORD] };
    let mut hello = vec![VERSION, methods.len() as u8];
    hello.extend_from_slice(methods);
    stream.write_all(&hello).await.map_err(gone)?;
    let mut choice = [0; 2];
    stream.read_exact(&mut choice).await.map_err(gone)?;
    match (choice, &proxy.credentials) {
        ([VERSION, NO_PASSWORD], _) => {}
        ([VERSION, PASSWORD], Some(credentials)) => {
            let (user, password) =
                credentials.expose_secret().split_once(':').unwrap_or((credentials.expose_secret(), ""));
            let (Ok(user_length), Ok(password_length)) = (u8::try_from(user.len()), u8::try_from(password.len()))
            else {
                return Err("user and password may have 255 octets each".into());
            };
            let mut login = vec![1, user_length];
            login.extend_from_slice(user.as_bytes());
            login.push(password_length);
            login.extend_from_slice(password.as_bytes());
            stream.write_all(&login).await.map_err(gone)?;
            let mut verdict = [0; 2];
            stream.read_exact(&mut verdict).await.map_err(gone)?;
            if verdict[1] != 0 {
                return Err("it refuses the user name or the password".into());
            }
        }
        ([VERSION, 0xff], None) => return Err("it wants a user name and a password".into()),
        ([VERSION, _], _) => return Err("it wants a way to log in that we do not have".into()),
        _ => return Err("it does not speak SOCKS 5".into()),
    }

    let mut request = vec![VERSION, CONNECT, 0];
    let port = match goal {
        Goal::Address(SocketAddr::V4(address)) => {
            request.push(1);
            request.extend_from_slice(&address.ip().octets());
            address.port()
        }
        Goal::Address(SocketAddr::V6(address)) => {
            request.push(4);
            request.extend_from_slice(&address.ip().octets());
            address.port()
        }
        Goal::Name(host, port) => {
            let length = u8::try_from(host.len()).map_err(|_| "the host name is too long for it".to_owned())?;
            request.extend_from_slice(&[3, length]);
            request.extend_from_slice(host.as_bytes());
            *port
        }
    };
    request.extend_from_slice(&port.to_be_bytes());
    stream.write_all(&request).await.map_err(gone)?;
    let mut reply = [0; 4];
    stream.read_exact(&mut reply).await.map_err(gone)?;
    if reply[0] != VERSION {
        return Err("it does not speak SOCKS 5".into());
    }
    if reply[1] != 0 {
        return Err(format!("it says: {}", socks_reply(reply[1])));
    }
    // The address it connected from: read, not needed.
    let length = match reply[3] {
        1 => 4,
        4 => 16,
        3 => usize::from(stream.read_u8().await.map_err(gone)?),
        _ => return Err("it does not speak SOCKS 5".into()),
    };
    let mut bound = vec![0; length + 2];
    stream.read_exact(&mut bound).await.map_err(gone)?;
    Ok(())
}

/// RFC 1928 §6.
fn socks_reply(code: u8) -> &'static str {
    match code {
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "TTL expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => "an unknown failure",
    }
}
