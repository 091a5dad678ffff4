//! The values of options: each parser gives one clear sentence for what it refuses.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use cfdoctor_checks::evidence::target::Expectation;
use cfdoctor_checks::model::origin_host;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::settings::{ConnectTo, Resolve, ResolverChoice};
use crate::suggest;

/// Longer waits help nobody.
const MAX_DURATION: Duration = Duration::from_secs(3600);

/// `500ms`, `5s`, `2m`; more than nothing, at most an hour.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let duration = number_and_unit(text, "500ms, 5s or 2m", &[("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)])?;
    if duration > MAX_DURATION { Err("it must be at most one hour".into()) } else { Ok(duration) }
}

/// How long something stays fresh: `90s`, `1h`, `30d`.
pub(crate) fn lifetime(text: &str) -> Result<Duration, String> {
    number_and_unit(text, "90s, 1h or 30d", &[("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)])
}

fn number_and_unit(text: &str, examples: &str, units: &[(&str, f64)]) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    if unit.is_empty() && !number.is_empty() {
        return Err(format!("the unit is missing; write {examples}"));
    }
    let wrong = || format!("write a number and a unit: {examples}");
    let seconds = units.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?.1;
    let number: f64 = number.parse().map_err(|_| wrong())?;
    match Duration::try_from_secs_f64(number * seconds).unwrap_or(Duration::MAX) {
        Duration::ZERO => Err("it must be more than nothing".into()),
        duration => Ok(duration),
    }
}

/// RFC 3339.
pub(crate) fn time(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text.trim(), &Rfc3339)
        .map_err(|_| "write it as RFC 3339, for instance 2026-11-23T10:00:00Z".into())
}

/// `cached`, `uncached` or `any`.
pub(crate) fn expectation() -> impl TypedValueParser<Value = Expectation> {
    PossibleValuesParser::new(["cached", "uncached", "any"]).map(|word| match word.as_str() {
        "cached" => Expectation::Cached,
        "uncached" => Expectation::Uncached,
        _ => Expectation::Any,
    })
}

/// A region of `facts/aws-regions.csv`.
pub(crate) fn region(text: &str) -> Result<String, String> {
    let name = text.trim().to_ascii_lowercase();
    match origin_host::region(&name) {
        Some(region) => Ok(region.name.to_owned()),
        None => Err(format!(
            "AWS has no region of this name{}",
            suggest::hint(&name, origin_host::regions().map(|region| region.name))
        )),
    }
}

/// A token (RFC 9110 §5.6.2) that is not CONNECT.
pub(crate) fn method(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 32 || !text.bytes().all(is_token_byte) {
        return Err("a method is a word such as GET, HEAD or POST".into());
    }
    if text.eq_ignore_ascii_case("CONNECT") {
        return Err("CONNECT asks for a tunnel, not for a resource; use --proxy for one".into());
    }
    Ok(text.to_owned())
}

/// May this octet stand in a method or in the name of a header?
pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// `HOST:PORT:ADDR[,ADDR…]`.
pub(crate) fn resolve(text: &str) -> Result<Resolve, String> {
    const FORM: &str = "write HOST:PORT:ADDR, for instance lambda.example.com:443:192.0.2.1";
    let (host, rest) = text.split_once(':').ok_or(FORM)?;
    let (port_text, addresses) = rest.split_once(':').ok_or(FORM)?;
    let addresses = addresses
        .split(',')
        .map(|address| {
            let bare = address.trim().trim_start_matches('[').trim_end_matches(']');
            bare.parse::<IpAddr>().map_err(|_| format!("{address:?} is not an address; {FORM}"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let host = if host == "*" { host.to_owned() } else { name(host)? };
    Ok(Resolve { host, port: port(port_text)?, addresses })
}

/// `HOST1:PORT1:HOST2:PORT2`; parts may be empty.
pub(crate) fn connect_to(text: &str) -> Result<ConnectTo, String> {
    const FORM: &str = "write HOST1:PORT1:HOST2:PORT2; parts may be empty, IPv6 goes in brackets";
    let parts = split_outside_brackets(text);
    let [host, from_port, to_host, to_port] = parts.as_slice() else { return Err(FORM.into()) };
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let some_name = |text: &str| match text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Ok(address) => Ok(Some(address.to_string())),
        Err(_) => some(text).map(|text| name(&text)).transpose(),
    };
    Ok(ConnectTo {
        host: some_name(host)?,
        port: some(from_port).map(|text| port(&text)).transpose()?,
        to_host: some_name(to_host)?,
        to_port: some(to_port).map(|text| port(&text)).transpose()?,
    })
}

/// `ADDR`, `ADDR:PORT`, `[v6]:PORT`, `tcp://…`, `tls://HOST[:PORT]`, `https://…`.
pub(crate) fn resolver(text: &str) -> Result<ResolverChoice, String> {
    const FORM: &str = "write ADDR[:PORT], tcp://ADDR[:PORT], tls://HOST[:PORT] or https://HOST/dns-query";
    let text = text.trim();
    match text.split_once("://") {
        None => Ok(ResolverChoice::Udp(socket(text, 53).ok_or(FORM)?)),
        Some(("udp", place)) => Ok(ResolverChoice::Udp(socket(place, 53).ok_or(FORM)?)),
        Some(("tcp", place)) => Ok(ResolverChoice::Tcp(socket(place, 53).ok_or(FORM)?)),
        Some(("tls", place)) => {
            let (host, port) = host_and_port(place.trim_end_matches('/'), 853)?;
            Ok(ResolverChoice::Tls { host, port })
        }
        Some(("https", _)) => {
            let url = url::Url::parse(text).map_err(|error| format!("{error}; {FORM}"))?;
            if !url.username().is_empty() || url.password().is_some() {
                return Err("a resolver takes no user name or password".into());
            }
            Ok(ResolverChoice::Https { url: url.into() })
        }
        Some((scheme, _)) => Err(format!("{scheme:?} is not a way to ask a resolver; {FORM}")),
    }
}

/// An address with or without port.
fn socket(text: &str, default_port: u16) -> Option<SocketAddr> {
    let text = text.trim_end_matches('/');
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return (socket.port() > 0).then_some(socket);
    }
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, default_port))
}

/// A host name or address with or without port; IPv6 with a port goes in brackets.
pub(crate) fn host_and_port(text: &str, default_port: u16) -> Result<(String, u16), String> {
    if let Some(socket) = socket(text, default_port) {
        return Ok((socket.ip().to_string(), socket.port()));
    }
    match text.rsplit_once(':') {
        Some((host, port_text)) => Ok((name(host)?, port(port_text)?)),
        None => Ok((name(text)?, default_port)),
    }
}

pub(crate) fn port(text: &str) -> Result<u16, String> {
    text.parse().ok().filter(|port| *port > 0).ok_or_else(|| format!("{text:?} is not a port from 1 to 65535"))
}

/// A host name: lower case, A-labels, no trailing dot.
fn name(text: &str) -> Result<String, String> {
    match url::Host::parse(text.trim_end_matches('.')) {
        Ok(url::Host::Domain(name)) => Ok(name.to_ascii_lowercase()),
        Ok(address) => Ok(address.to_string()),
        Err(_) => Err(format!("{text:?} is not a host name")),
    }
}

/// The name of a zone: a host name of two labels or more.
pub(crate) fn zone(text: &str) -> Result<String, String> {
    let name = name(text.trim())?;
    match name.contains('.') && name.parse::<IpAddr>().is_err() {
        true => Ok(name),
        false => Err("write the zone's own name, for instance example.com".into()),
    }
}

/// `*` stands for any letters, `?` for one.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where to try again: after the last star, one letter further on.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, t + 1));
                p += 1;
            }
            Some(b'?') => (p, t) = (p + 1, t + 1),
            Some(letter) if text.get(t) == Some(letter) => (p, t) = (p + 1, t + 1),
            _ => match retry {
                Some((after_star, next)) => {
                    retry = Some((after_star, next + 1));
                    (p, t) = (after_star, next);
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|letter| *letter == b'*')
}

fn split_outside_brackets(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut inside = false;
    for c in text.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            _ => {}
        }
        if c == ':' && !inside {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, ms) in [("500ms", 500), ("5s", 5000), ("2m", 120_000), ("1.5s", 1500), ("1h", 3_600_000)] {
            assert_eq!(duration(text).unwrap().as_millis(), ms, "{text}");
        }
        for bad in ["", "5", "s", "-5s", "0s", "2d", "99h", "1e99s", "1.2.3s", "5 s", "∞s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert!(duration("5").unwrap_err().contains("unit"));
    }

    #[test]
    fn regions() {
        assert_eq!(region("us-west-2").unwrap(), "us-west-2");
        assert!(region("us-wset-2").unwrap_err().contains("did you mean us-west-2?"));
    }

    #[test]
    fn resolves() {
        let plain = resolve("Lambda.Example.com:443:192.0.2.1,[2001:db8::1]").unwrap();
        assert_eq!((plain.host.as_str(), plain.port, plain.addresses.len()), ("lambda.example.com", 443, 2));
        assert_eq!(resolve("*:80:2001:db8::1").unwrap().addresses, ["2001:db8::1".parse::<IpAddr>().unwrap()]);
        for bad in ["x", "x:1", "x:0:192.0.2.1", "x:1:nowhere", "x:1:", "a b:1:192.0.2.1"] {
            assert!(resolve(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn connections() {
        let all = connect_to("a.example.com:443:[2001:db8::1]:8443").unwrap();
        assert_eq!(
            (all.host.as_deref(), all.to_host.as_deref(), all.to_port),
            (Some("a.example.com"), Some("2001:db8::1"), Some(8443))
        );
        let any = connect_to("::b.example.com:").unwrap();
        assert_eq!(
            (any.host, any.port, any.to_host.as_deref(), any.to_port),
            (None, None, Some("b.example.com"), None)
        );
        for bad in ["", "a:b", "a:443:b:99999", "a:443:b:1:2"] {
            assert!(connect_to(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn resolvers() {
        use ResolverChoice::{Https, Tcp, Tls, Udp};
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        for (text, expected) in [
            ("192.0.2.53", Udp(at("192.0.2.53:53"))),
            ("192.0.2.53:5353", Udp(at("192.0.2.53:5353"))),
            ("2001:db8::53", Udp(at("[2001:db8::53]:53"))),
            ("[2001:db8::53]:5353", Udp(at("[2001:db8::53]:5353"))),
            ("tcp://192.0.2.53", Tcp(at("192.0.2.53:53"))),
            ("tls://dns.example.com", Tls { host: "dns.example.com".into(), port: 853 }),
            ("tls://192.0.2.53:8853", Tls { host: "192.0.2.53".into(), port: 8853 }),
            ("https://dns.example.com/dns-query", Https { url: "https://dns.example.com/dns-query".into() }),
        ] {
            assert_eq!(resolver(text).unwrap(), expected, "{text}");
        }
        for bad in ["", "dns.example.com", "192.0.2.53:0", "quic://x", "https://u:p@x/", "tls://a b"] {
            assert!(resolver(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn zones() {
        assert_eq!(zone("Example.com.").unwrap(), "example.com");
        for bad in ["", "com", "192.0.2.1", "https://example.com/", "a b.example.com"] {
            assert!(zone(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn methods() {
        assert_eq!(method("POST").unwrap(), "POST");
        for bad in ["", "GE T", "G\r\nX", "connect"] {
            assert!(method(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn globs() {
        for (pattern, text, expected) in [
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("*", "", true),
            ("?", "", false),
            ("a?c", "abc", true),
            ("*a*a*b", "aaaaaaaaaaaaaaaaaaaaac", false),
            ("ab", "abc", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }
}
