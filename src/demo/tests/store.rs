//! The edge's cache against the model in `checks/`: written apart, of one mind.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};

use crate::demo::store::{CacheAction, CacheRule, EdgeTtl, Storage, is_eligible, rewrite_browser_ttl, storage};
use crate::demo::upstream::Answer;

fn answer(status: u16, lines: &[(&'static str, &'static str)]) -> Answer {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: Bytes::new() }
}

fn seconds(rule: Option<&CacheRule>, status: u16, lines: &[(&'static str, &'static str)]) -> Option<u64> {
    match storage(rule, &answer(status, lines), &Request::new(Bytes::new())) {
        Storage::Stored(fresh) => Some(fresh.as_secs()),
        Storage::Refused => None,
        Storage::NotEligible => panic!("storing is asked about eligible requests only"),
    }
}

#[test]
fn lifetimes_come_from_the_strongest_word() {
    for (lines, expected) in [
        (&[("cache-control", "max-age=60")][..], Some(60)),
        (&[("cache-control", "Max-Age=60, S-MaxAge=90")], Some(90)),
        (&[("cache-control", "max-age=60"), ("cdn-cache-control", "max-age=70")], Some(70)),
        (&[("cdn-cache-control", "max-age=70"), ("cloudflare-cdn-cache-control", "no-store")], None),
        (&[("cache-control", "no-store"), ("cdn-cache-control", "max-age=70")], Some(70)),
        (&[("cache-control", "no-cache")], Some(0)),
        (&[("expires", "Thu, 01 Jan 1970 00:00:00 GMT")], Some(0)),
        (&[("expires", "0")], Some(0)),
        (&[("cache-control", "private")], None),
        (&[("cache-control", "public"), ("cache-control", "max-age=5")], Some(5)),
    ] {
        assert_eq!(seconds(None, 200, lines), expected, "{lines:?}");
    }
}

#[test]
fn without_a_word_the_status_decides() {
    for (status, expected) in
        [(200, Some(7200)), (301, Some(7200)), (302, Some(1200)), (404, Some(180)), (403, None), (500, None)]
    {
        assert_eq!(seconds(None, status, &[]), expected, "{status}");
    }
    let careful = CacheRule { methods: &[], action: CacheAction::Eligible(EdgeTtl::BypassByDefault) };
    assert_eq!(seconds(Some(&careful), 200, &[]), None);
    assert_eq!(seconds(Some(&careful), 200, &[("cache-control", "max-age=9")]), Some(9));
    let strong = CacheRule { methods: &[], action: CacheAction::Eligible(EdgeTtl::Override(30)) };
    assert_eq!(seconds(Some(&strong), 200, &[("cache-control", "private"), ("set-cookie", "a=1")]), Some(30));
    assert_eq!(seconds(Some(&strong), 500, &[]), None);
}

#[test]
fn the_models_list_of_extensions_is_the_edges() {
    let known = include_str!("../../../checks/data/cacheable-extensions.txt");
    assert_eq!(known.lines().filter(|line| is_eligible(None, &Method::GET, &format!("/a.{line}"))).count(), 56);
    assert!(!is_eligible(None, &Method::GET, "/css"), "an extension needs its dot");
}

#[test]
fn the_browser_ttl_only_rises() {
    for (setting, said, shown) in [
        (14_400, "max-age=60", "max-age=14400"),
        (14_400, "max-age=20000", "max-age=20000"),
        (14_400, "public, max-age=0, s-maxage=20000", "public, s-maxage=20000, max-age=14400"),
        (14_400, "", "max-age=14400"),
        (0, "max-age=60", "max-age=60"),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert("cache-control", HeaderValue::from_static(said));
        rewrite_browser_ttl(&mut headers, setting);
        assert_eq!(headers["cache-control"], shown);
    }
}
