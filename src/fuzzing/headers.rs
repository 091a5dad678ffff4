//! Header values.

use cfdoctor_checks::evidence::http::{
    Age, CacheControl, CacheStatus, CfRay, ContentRange, ETag, Expires, HeaderLine, Headers, SetCookie, Vary, http_date,
};
use cfdoctor_checks::evidence::text;

use super::{harmless, redacted_once};
use crate::probe::fuzzing::cloudflare::pause;

/// `Name: value` lines; each value is read as every header that has a reader.
pub(super) fn headers(octets: &[u8]) {
    let whole = text::clean_bytes(octets);
    harmless(&whole);
    assert_eq!(text::clean(&whole), whole);
    let Ok(given) = std::str::from_utf8(octets) else { return };
    let mut all = Headers::default();
    for line in given.split('\n').take(40) {
        let (name, value) = line.split_once(':').unwrap_or(("", line));
        let kept = HeaderLine::new(name, value);
        harmless(&kept.name);
        harmless(&kept.value);
        assert_eq!(HeaderLine::new(&kept.name, &kept.value), kept);
        redacted_once(&kept.name, &kept.value);
        all.push(name, value);
        one(value);
        one(&kept.value);
        one(&text::clean(line));
    }
    let lines: Vec<&str> = given.split('\n').take(40).collect();
    directives(&lines);
    let vary = Vary::parse(lines.iter().copied());
    assert_eq!(Vary::parse([vary.print().as_str()]), vary);
    // What the evidence asks of a whole answer.
    for control in
        [all.cache_control(), all.cdn_cache_control(), all.cloudflare_cdn_cache_control(), all.surrogate_control()]
    {
        control.faults();
    }
    let _ = (all.vary(), all.set_cookies(), all.age(), all.expires(), all.date(), all.etag());
    let _ = (all.content_range(), all.content_length(), all.cf_cache_status(), all.cf_ray());
}

fn directives(lines: &[&str]) {
    let once = CacheControl::parse(lines.iter().copied());
    let printed = once.print();
    let again = CacheControl::parse(printed.iter().map(String::as_str));
    let told = |control: &CacheControl| -> Vec<_> {
        let all = control.directives.iter();
        all.map(|one| (one.name, one.spelled.clone(), one.value.clone(), one.quoted, one.raw.clone())).collect()
    };
    assert_eq!(told(&again), told(&once));
    for directive in &once.directives {
        assert_eq!(&lines[directive.line][directive.span.0..directive.span.1], directive.raw);
    }
    assert_eq!(once.faults(), once.faults());
    once.wants_shared_storing();
}

fn one(value: &str) {
    let age = Age::parse(value);
    assert_eq!(Age::parse(&age.print()), age);
    let expires = Expires::parse(value);
    assert_eq!(Expires::parse(&expires.print()), expires);
    if let Some(date) = http_date(value) {
        expires.seconds_from(date);
    }
    let etag = ETag::parse(value);
    assert_eq!(ETag::parse(&etag.print()), etag);
    let range = ContentRange::parse(value);
    assert_eq!(ContentRange::parse(&range.print()), range);
    let ray = CfRay::parse(value);
    assert_eq!(CfRay::parse(&ray.print()), ray);
    let cookie = SetCookie::parse(value);
    assert_eq!(SetCookie::parse(&cookie.print()), cookie);
    cookie.is_cloudflares();
    CacheStatus::parse(value).is_from_cache();
    assert!(pause(value).is_none_or(|seconds| seconds <= 86_400));
}
