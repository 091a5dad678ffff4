//! What checks and people are told of a condition.

use super::*;
use crate::evidence::Target;

fn request(url: &str) -> Request {
    Request::of(&url.parse::<Target>().unwrap())
}

fn condition(source: &str) -> Expression {
    parse(source).unwrap_or_else(|error| panic!("{source}: {error}"))
}

fn blamed(source: &str, url: &str) -> Vec<String> {
    condition(source).blame(&request(url)).into_iter().map(|term| term.text).collect()
}

#[test]
fn terms_tell_what_the_request_has() {
    let request = request("https://lambda.example.com/endpoint?x=1")
        .with_header("Authorization", Some("Bearer s3cr3t-token-value"))
        .with_header("Cookie", Some("sid=s3cr3t"));
    let source = r#"lower(http.host) eq "lambda.example.com" and starts_with(http.request.uri.path, "/api")
        and any(http.request.headers["authorization"][*] contains "x") and http.cookie contains "a" and ip.src eq ::1"#;
    let terms = condition(source).terms(&request);
    let told: Vec<(&str, Option<&str>, &Truth)> =
        terms.iter().map(|term| (term.field.as_str(), term.actual.as_deref(), &term.truth)).collect();
    let open = Truth::Unknown(vec!["ip.src".into()]);
    assert_eq!(
        told,
        [
            ("http.host", Some("lambda.example.com"), &Truth::True),
            ("http.request.uri.path", Some("/endpoint"), &Truth::False),
            ("http.request.headers[\"authorization\"]", Some("Bearer (redacted)"), &Truth::False),
            ("http.cookie", Some("sid=(redacted)"), &Truth::False),
            ("ip.src", None, &open),
        ]
    );
    assert_eq!(terms[0].text, r#"lower(http.host) eq "lambda.example.com""#);
}

#[test]
fn secrets_of_the_target_are_not_known() {
    let mut target: Target = "https://a.example.com/".parse().unwrap();
    target.headers = vec![("x-api-key".to_owned(), "abc".to_owned()).into()];
    let outcome = condition("http.request.headers[\"x-api-key\"][0] eq \"abc\"").evaluate(&Request::of(&target));
    assert!(matches!(outcome, Truth::Unknown(_)), "{outcome:?}");
}

#[test]
fn blame_goes_to_the_sides_that_decide() {
    let url = "https://lambda.example.com/endpoint";
    assert_eq!(
        blamed(r#"http.host eq "lambda.example.com" and http.request.uri.path eq "/x""#, url),
        [r#"http.request.uri.path eq "/x""#]
    );
    assert_eq!(blamed("http.host eq \"a.b\" or (ssl and not ssl)", url), ["http.host eq \"a.b\"", "ssl"]);
    assert_eq!(blamed("not (ssl or ip.src eq ::1)", url), ["ssl"], "through not: the side that is true");
    assert_eq!(blamed("not (ssl and http.host contains \"lambda\")", url), ["ssl", "http.host contains \"lambda\""]);
    assert_eq!(blamed("ip.src eq ::1 and not ssl", url), ["ssl"], "what is not known is not to blame");
    assert_eq!(blamed("ssl xor http.host contains \"lambda\"", url), ["ssl", "http.host contains \"lambda\""]);
    assert!(
        blamed("ssl", url).is_empty() && blamed("ip.src eq ::1", url).is_empty() && blamed("false", url).is_empty()
    );
}

#[test]
fn blame_names_the_slip() {
    let url = "https://lambda.example.com/endpoint?x=1";
    for (source, slip) in [
        (r#"http.host eq "Lambda.example.com""#, Some(Slip::Case)),
        (r#"http.host in {"other.example.com" "lambdaexample.com"}"#, Some(Slip::Dots)),
        (r#"http.request.full_uri wildcard "lambda.example.com/*""#, Some(Slip::SchemeMissing)),
        (r#"http.request.full_uri wildcard "https://*/endpoint""#, Some(Slip::QueryNotCovered)),
        (r#"starts_with(http.request.uri.path, "/Endpoint")"#, Some(Slip::Case)),
        (r#"http.request.uri.path eq "/endpoint/""#, Some(Slip::TrailingSlash)),
        (r#"http.request.headers["Accept"][0] eq "a""#, Some(Slip::HeaderName)),
        (r#"http.request.uri.path eq "/other""#, None),
        (r#"not ssl"#, None),
    ] {
        let blame = condition(source).blame(&request(url));
        assert_eq!(blame.iter().map(|term| term.slip).collect::<Vec<_>>(), [slip], "{source}");
    }
}

#[test]
fn which_hosts_a_condition_speaks_of() {
    use Mention::{Covered, Named, Near};
    let host = "lambda.example.com";
    let named = |text: &str| Some(Named(text.into()));
    let covered = |text: &str| Some(Covered(text.into()));
    let near = |text: &str, slip| Some(Near(text.into(), slip));
    for (source, expected) in [
        (r#"http.host eq "lambda.example.com" and http.request.uri.path eq "/x""#, named(host)),
        (r#"http.host in {"a.example.com" "lambda.example.com"}"#, named(host)),
        (r#"lower(http.host) eq "lambda.example.com""#, named(host)),
        (r#"http.request.headers["host"][0] eq "lambda.example.com""#, named(host)),
        (r#"http.host matches "^lambda\.example\.com$""#, named(r"^lambda\.example\.com$")),
        (r#"http.host matches "^(lambda|api)\.""#, covered(r"^(lambda|api)\.")),
        (r#"http.host contains "lambda""#, covered("lambda")),
        (r#"http.host wildcard "*lambda*.example.com""#, covered("*lambda*.example.com")),
        (r#"ends_with(http.host, ".example.com")"#, covered(".example.com")),
        (r#"http.host eq "LAMBDA.example.com""#, near("LAMBDA.example.com", Slip::Case)),
        (r#"http.host eq "*.example.com""#, near("*.example.com", Slip::WildcardInLiteral)),
        (r#"http.host wildcard "lambda.example.com/*""#, near("lambda.example.com/*", Slip::NotAHost)),
        (r#"http.request.full_uri wildcard "https://lambda.example.com/x/*""#, named("https://lambda.example.com/x/*")),
        (r#"http.request.full_uri wildcard "http*://*.example.com/*""#, covered("http*://*.example.com/*")),
        (r#"http.request.full_uri wildcard "*lambda.example.com/*""#, named("*lambda.example.com/*")),
        (r#"http.request.full_uri wildcard "lambda.example.com/*""#, near("lambda.example.com/*", Slip::SchemeMissing)),
        (r#"http.request.full_uri contains "lambda.example.com/x""#, named("lambda.example.com/x")),
        (r#"starts_with(http.request.full_uri, "https://lambda.example.com/")"#, named("https://lambda.example.com/")),
        (
            r#"http.request.full_uri eq "https://Lambda.example.com/x""#,
            near("https://Lambda.example.com/x", Slip::Case),
        ),
        (
            r#"http.request.full_uri matches "^https?://lambda\.example\.com/""#,
            named(r"^https?://lambda\.example\.com/"),
        ),
        (r#"cf.zone.name eq "example.com""#, covered("example.com")),
        (r#"not (not http.host eq "lambda.example.com")"#, named(host)),
        // Of another host, of no host, or of this one as what the rule is not for.
        (r#"http.host eq "api.example.com""#, None),
        (r#"http.host ne "lambda.example.com""#, None),
        (r#"not http.host eq "lambda.example.com""#, None),
        (r#"http.request.full_uri wildcard "https://api.example.com/*""#, None),
        (r#"http.request.full_uri contains "/lambda""#, None),
        (r#"http.request.uri.path eq "/x""#, None),
        ("true", None),
        (r#"http.host in $hosts"#, None),
    ] {
        let condition = condition(source);
        assert_eq!(condition.host_mention(host), expected, "{source}");
        assert_eq!(condition.speaks_of_host(host), expected.is_some());
    }
    let apex = condition(r#"http.host wildcard "*.example.com""#).host_mention("example.com");
    assert_eq!(apex, near("*.example.com", Slip::Apex));
}

#[test]
fn which_paths_a_condition_speaks_of() {
    let mention = |source: &str| condition(source).path_mention(&request("https://a.example.com/api/items"));
    assert_eq!(mention(r#"http.request.uri.path eq "/api/items""#), Some(Mention::Named("/api/items".into())));
    assert_eq!(mention(r#"starts_with(http.request.uri.path, "/api/")"#), Some(Mention::Covered("/api/".into())));
    assert_eq!(mention(r#"http.request.uri.path eq "/api""#), Some(Mention::Near("/api".into(), Slip::Below)));
    assert_eq!(mention(r#"http.request.uri.path eq "/shop""#), None);
    assert_eq!(mention(r#"not http.request.uri.path eq "/api/items""#), None);
}

#[test]
fn hosts_as_written() {
    let source = r#"(http.host in {"a.example.com" "b.example.com"} or http.request.full_uri wildcard "https://c.example.com/*")
        and not http.host eq "d.example.com""#;
    assert_eq!(condition(source).hosts(), ["a.example.com", "b.example.com", "https://c.example.com/*"]);
}

#[test]
fn names_that_are_not_in_the_tables() {
    let source = "cf.new.field eq 1 and any(http.request.headers[\"a\"][*] == \"b\") or grow(http.new, ssl) or cf.new.field eq 2";
    assert_eq!(condition(source).unknown_fields(), ["cf.new.field", "http.new", "grow()"]);
    assert_eq!(parse_value("concat(http.host, http.new)").unwrap().unknown_fields(), ["http.new"]);
    assert!(condition("ssl").unknown_fields().is_empty());
}

#[test]
fn a_rewrite_changes_what_later_rules_see() {
    let request = request("https://a.example.com/old?x=1").rewritten(Some("/new"), None);
    assert_eq!(condition("http.request.uri eq \"/new?x=1\"").evaluate(&request), Truth::True);
    assert_eq!(condition("raw.http.request.uri.path eq \"/old\"").evaluate(&request), Truth::True);
    let request = request.rewritten(None, Some(""));
    assert_eq!(condition("http.request.uri eq \"/new\"").evaluate(&request), Truth::True);
    assert_eq!(condition("raw.http.request.uri.query eq \"x=1\"").evaluate(&request), Truth::True);
}

#[test]
fn an_error_shows_its_place() {
    let source = "http.host eq \"a\" or\nip.src in 10.0.0.0/8";
    let error = parse(source).unwrap_err();
    assert_eq!((error.at, error.length), (30, 8));
    assert_eq!(error.caret(source), "ip.src in 10.0.0.0/8\n          ^^^^^^^^");
    assert!(error.message.contains("braces"), "{error}");
}
