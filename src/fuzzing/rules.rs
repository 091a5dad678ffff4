//! The Rules language and the patterns of URLs.

use std::sync::LazyLock;

use cfdoctor_checks::evidence::Target;
use cfdoctor_checks::model::page_rule::wildcard;
use cfdoctor_checks::model::rules::{Known, Normalization, Request, Truth, parse, parse_value};
use cfdoctor_checks::model::url_pattern::{captures, glob, page_rule, parts, specificity, worker_route};

use super::harmless;

fn target(url: &str) -> Target {
    url.parse().expect("a URL")
}

static REQUESTS: LazyLock<[Request; 3]> = LazyLock::new(|| {
    [
        Request::of(&target("https://www.example.com/a//b?x=1&x=2&token=secret")),
        Request::of(&target("http://a.example.com:8080/%7Ex/..%2f?")).normalized(Normalization::Rfc3986),
        Request::of(&target("https://lambda.example.com/endpoint.json"))
            .with_header("Cookie", Some("a=1; b=2"))
            .with_header("X-Api-Key", None)
            .without_other_headers()
            .in_zone("example.com")
            .over("HTTP/2")
            .from_client([192, 0, 2, 7].into())
            .rewritten(Some("/other"), Some("q=1"))
            .assuming("ip.src.country", Known::Text("GB".into())),
    ]
});

/// A condition, and a value.
pub(super) fn expressions(octets: &[u8]) {
    let Ok(source) = std::str::from_utf8(octets) else { return };
    match parse(source) {
        Ok(expression) => {
            harmless(&expression.shown());
            harmless(expression.shown().as_str());
            assert_eq!(expression.source(), source);
            let again = parse(source).expect("the same text is read again");
            for request in REQUESTS.iter() {
                let truth = expression.evaluate(request);
                assert_eq!(again.evaluate(request), truth);
                assert!(!matches!(&truth, Truth::Unknown(names) if names.is_empty()), "nothing keeps it open");
                let blame = expression.blame(request);
                assert_eq!(blame.is_empty(), truth != Truth::False || expression.terms(request).is_empty());
                expression.path_mention(request);
                opposite(source, &truth, request);
            }
            expression.unknown_fields();
            expression.hosts();
            let speaks = expression.speaks_of_host("www.example.com");
            assert_eq!(speaks, expression.host_mention("www.example.com").is_some());
        }
        Err(error) => {
            assert!(source.get(error.at..error.at + error.length).is_some(), "{error:?}");
            assert!(error.caret(source).contains('^'));
        }
    }
    if let Ok(value) = parse_value(source) {
        harmless(&value.shown());
        for request in REQUESTS.iter() {
            assert_eq!(value.evaluate(request), value.evaluate(request));
        }
        value.unknown_fields();
    }
}

/// The evaluator never disagrees with itself: a condition and its opposite.
fn opposite(source: &str, truth: &Truth, request: &Request) {
    // A comment or a bracket too many would swallow ours; and there is a limit to depth and length.
    let Ok(opposite) = parse(&format!("not ({source})")) else { return };
    match (truth, opposite.evaluate(request)) {
        (Truth::True, Truth::False) | (Truth::False, Truth::True) | (Truth::Unknown(_), Truth::Unknown(_)) => {}
        (one, other) => panic!("{one:?}, and its opposite {other:?}"),
    }
}

/// Patterns of Page Rules and of Worker routes, and stars.
pub(super) fn patterns(octets: &[u8]) {
    let Ok(pattern) = std::str::from_utf8(octets) else { return };
    for url in ["https://www.example.com/a/b.json?x=1", "http://example.com/", "https://a.b.example.com:8443/%C3%BC?"] {
        let target = target(url);
        assert_eq!(page_rule(pattern, &target), page_rule(pattern, &target));
        worker_route(pattern, &target);
        captures(pattern, &target);
        glob(pattern, url);
    }
    parts(pattern);
    specificity(pattern);
    assert!(!wildcard(pattern).contains("**"));
    assert!(glob("*", pattern));
}
