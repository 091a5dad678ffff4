use time::Date;
use time::macros::{date, datetime};

use super::*;
use crate::evidence::http::Headers;
use crate::evidence::{Response, Target};

const TODAY: Date = date!(2026 - 11 - 23);

fn answer(status: u16, lines: &[(&str, &str)], from_origin: bool) -> Answer {
    let mut headers = Headers::default();
    headers.push("date", "Mon, 23 Nov 2026 10:00:00 GMT");
    for (name, value) in lines {
        headers.push(name, value);
    }
    Answer::of(&Response { status, version: "HTTP/1.1".into(), headers, body: Default::default() }, from_origin)
}

fn seen(status: &str) -> Seen {
    Seen {
        index: 0,
        status: Some(CacheStatus::parse(status)),
        http: 200,
        whole: true,
        age: None,
        colo: Some("SEA".into()),
        at: None,
        head: false,
        ours: true,
        edge_made: false,
        by_cloudflare: true,
    }
}

fn input(url: &str, lines: &[(&str, &str)], statuses: &[&str]) -> CacheInput {
    let target: Target = url.parse().unwrap();
    CacheInput {
        request: Asked::of(&target),
        response: Some(answer(200, lines, true)),
        date: TODAY,
        zone: ZoneKnowledge::default(),
        observed: Observed { samples: statuses.iter().map(|s| seen(s)).collect(), left_out: 0 },
    }
}

fn obstacle(input: &CacheInput) -> Option<&'static str> {
    decide(input).obstacle()
}

const API: &str = "https://a.example.com/items";
const CSS: &str = "https://a.example.com/site.css";

#[test]
fn dynamic_is_decided_on_the_request() {
    let lifetime = [("cache-control", "public, s-maxage=600")];
    let decision = decide(&input(API, &lifetime, &["DYNAMIC", "DYNAMIC"]));
    assert_eq!(decision.obstacle(), Some("cache-not-eligible"));
    assert_eq!((decision.eligibility, decision.storability), (Outcome::No, Outcome::Unknown));
    assert_eq!(decision.conclusion, Conclusion::NotEligible);
    assert_eq!(decision.expected[2], [CacheStatus::Dynamic]);
    assert_eq!(obstacle(&input(CSS, &lifetime, &["DYNAMIC"])), Some("cache-rule-bypasses"));
    assert_eq!(obstacle(&input("https://a.example.com/robots.txt", &[], &["DYNAMIC"])), Some("cache-rule-bypasses"));
    assert_eq!(obstacle(&input("https://a.example.com/data.json", &[], &["DYNAMIC"])), Some("cache-not-eligible"));
}

#[test]
fn what_was_observed_narrows_what_is_unknown() {
    let lifetime = [("cache-control", "max-age=600")];
    let hit = decide(&input(API, &lifetime, &["MISS", "HIT"]));
    assert_eq!((hit.eligibility, hit.conclusion), (Outcome::Yes, Conclusion::Cached));
    assert!(hit.step("rule").unwrap().says.contains("a rule makes it so"));
    // Nothing observed: whether a rule speaks is not known, so nothing is decided.
    let unseen = decide(&input(API, &lifetime, &[]));
    assert_eq!((unseen.eligibility, unseen.conclusion), (Outcome::Unknown, Conclusion::Unknown));
    assert!(unseen.step("rule").unwrap().settle.is_some());
}

#[test]
fn request_obstacles_in_order() {
    let mut post = input("https://a.example.com:8443/x", &[], &[]);
    post.request.method = "POST".into();
    assert_eq!(obstacle(&post), Some("cache-method-uncacheable"));
    post.request.method = "GET".into();
    assert_eq!(obstacle(&post), Some("cache-port-uncacheable"));
    post.zone.additional_ports.push(8443);
    assert_eq!(obstacle(&post), None);
    let mut css = input(CSS, &[], &[]);
    css.zone.development_mode = Some(true);
    assert_eq!(obstacle(&css), Some("cache-rule-bypasses"));
    assert_eq!(decide(&css).expected[0], [CacheStatus::Dynamic, CacheStatus::Miss]);
    css.zone.development_mode = Some(false);
    css.zone.rule = Some(RuleSays::Bypass);
    assert_eq!(obstacle(&css), Some("cache-rule-bypasses"));
    let mut basic = input("https://a.example.com/site.css?v=1", &[], &[]);
    basic.zone.cache_level = Some(CacheLevel::Basic);
    assert_eq!(obstacle(&basic), Some("cache-not-eligible"));
}

#[test]
fn the_strongest_header_decides() {
    type Case<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>, Option<u64>);
    let cases: &[Case] = &[
        (&[("cache-control", "public, max-age=60")], None, Some(60)),
        (&[("cache-control", "max-age=60, s-maxage=90")], None, Some(90)),
        (&[("cache-control", "no-store")], Some("cache-control-forbids"), None),
        (&[("cache-control", "private, max-age=60")], Some("cache-control-forbids"), None),
        (&[("cache-control", "no-store"), ("cdn-cache-control", "max-age=60")], None, Some(60)),
        (&[("cache-control", "max-age=60"), ("cdn-cache-control", "no-store")], Some("cache-control-forbids"), None),
        (&[("cdn-cache-control", "max-age=60"), ("cloudflare-cdn-cache-control", "max-age=7")], None, Some(7)),
        (&[("cache-control", "no-store"), ("surrogate-control", "max-age=5")], None, Some(5)),
        (&[("cache-control", "no-cache")], Some("cache-control-revalidates"), Some(0)),
        (&[("cache-control", "max-age=0")], Some("cache-control-revalidates"), Some(0)),
        (&[("cache-control", "max-age=60, s-maxage=0")], Some("cache-control-revalidates"), Some(0)),
        (&[("expires", "0")], Some("cache-control-revalidates"), Some(0)),
        (&[("expires", "Mon, 23 Nov 2026 10:05:00 GMT")], None, Some(300)),
        (&[("expires", "0"), ("cache-control", "max-age=60")], None, Some(60)),
        (&[], None, Some(7200)),
        (&[("cache-control", "max-age=1h")], Some("cache-control-malformed"), None),
        (&[("cache-control", "private=\"set-cookie\", max-age=60"), ("set-cookie", "a=b")], None, Some(60)),
        (&[("cache-control", "max-age=60"), ("set-cookie", "a=b")], Some("cache-set-cookie"), None),
        (&[("cache-control", "max-age=60"), ("vary", "*")], Some("cache-vary-blocks"), None),
        (&[("cache-control", "max-age=60"), ("vary", "Origin, Cookie")], None, Some(60)),
    ];
    for (lines, want, ttl) in cases {
        let decision = decide(&input(CSS, lines, &[]));
        assert_eq!((decision.obstacle(), decision.freshness.edge_s), (*want, *ttl), "{lines:?}");
    }
}

#[test]
fn rules_of_the_day() {
    let mut star = input(CSS, &[("cache-control", "max-age=1.5"), ("vary", "*")], &[]);
    star.date = date!(2026 - 05 - 03);
    let before = decide(&star);
    assert_eq!((before.obstacle(), before.conclusion), (None, Conclusion::Unknown));
    star.date = date!(2026 - 05 - 04);
    assert_eq!(obstacle(&star), Some("cache-vary-blocks"));
    let mut forbidden = input(CSS, &[("cache-control", "no-store")], &[]);
    assert_eq!(decide(&forbidden).expected[1], [CacheStatus::Bypass]);
    forbidden.date = date!(2026 - 05 - 25);
    assert_eq!(decide(&forbidden).expected[1], [CacheStatus::Bypass, CacheStatus::Miss]);
}

#[test]
fn plans_differ() {
    let zero = [("cache-control", "no-cache")];
    let mut enterprise = input(CSS, &zero, &[]);
    enterprise.zone.plan = Some(Plan::Enterprise);
    let decision = decide(&enterprise);
    assert_eq!(
        (decision.obstacle(), decision.conclusion),
        (Some("cache-control-revalidates"), Conclusion::NotStorable)
    );
    enterprise.zone.plan = Some(Plan::Free);
    assert_eq!(decide(&enterprise).conclusion, Conclusion::NeverFresh);
    assert_eq!(decide(&enterprise).expected[1], [CacheStatus::Revalidated, CacheStatus::Expired]);
    let mut cookie = input(CSS, &[("set-cookie", "a=b")], &[]);
    cookie.zone.plan = Some(Plan::Enterprise);
    assert_eq!(obstacle(&cookie), None);
    cookie.zone.rule = Some(RuleSays::Eligible);
    assert_eq!(obstacle(&cookie), Some("cache-set-cookie"));
    cookie.zone.edge_ttl = Some(EdgeTtl { mode: EdgeTtlMode::Override(60), by_status: Vec::new() });
    assert_eq!(obstacle(&cookie), None);
    assert_eq!(decide(&cookie).freshness.edge_s, Some(60));
}

#[test]
fn authorization_needs_permission_to_share() {
    let mut asked = input(CSS, &[("cache-control", "max-age=60")], &[]);
    asked.request.headers.push("authorization".into());
    assert_eq!(obstacle(&asked), Some("cache-authorization"));
    assert_eq!(after(&asked, &[Change::AllowShared]).conclusion, Conclusion::Cached);
    asked.zone.plan = Some(Plan::Enterprise);
    assert_eq!(obstacle(&asked), None);
}

#[test]
fn statuses_without_a_default() {
    for (status, lines, want) in [
        (201, &[][..], Some("cache-status-uncacheable")),
        (404, &[][..], None),
        (500, &[][..], Some("cache-status-uncacheable")),
        (500, &[("cache-control", "max-age=60")][..], None),
        (302, &[("cache-control", "max-age=60, private")][..], Some("cache-control-forbids")),
    ] {
        let mut case = input(CSS, &[], &[]);
        case.response = Some(answer(status, lines, true));
        assert_eq!(obstacle(&case), want, "{status}");
    }
    let mut large = input(CSS, &[("content-length", "600000000")], &["BYPASS"]);
    assert_eq!(obstacle(&large), Some("cache-object-too-large"));
    large.zone.plan = Some(Plan::Enterprise);
    assert_ne!(obstacle(&large), Some("cache-object-too-large"));
}

#[test]
fn bypass_without_a_visible_reason() {
    let mut case = input(API, &[("cache-control", "public, max-age=60")], &["BYPASS", "BYPASS"]);
    assert_eq!(obstacle(&case), Some("cache-control-overridden"));
    // The origin's own answer leaves only the zone; what the edge shows leaves more than one reason.
    assert_eq!(decide(&case).decider().unwrap().confidence, crate::verdict::Confidence::Medium);
    case.response.as_mut().unwrap().from_origin = false;
    assert_eq!(decide(&case).decider().unwrap().confidence, crate::verdict::Confidence::Low);
    let thin = [("cache-control", "public, max-age=60")];
    let headers: Headers = thin.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
    let response = Response { status: 200, version: "HTTP/1.1".into(), headers, body: Default::default() };
    case.response = Some(Answer::of(&response, false));
    assert_eq!(obstacle(&case), Some("cache-set-cookie"));
}

#[test]
fn a_copy_that_was_seen_beats_every_visible_header() {
    for lines in [
        &[("cache-control", "no-store")][..],
        &[("set-cookie", "a=b")][..],
        &[("vary", "*")][..],
        &[("cache-control", "max-age=0")][..],
        &[("cache-control", "max-age=1h")][..],
        &[("content-length", "6000000000")][..],
    ] {
        let decision = decide(&input(API, lines, &["HIT", "HIT"]));
        assert_eq!(decision.conclusion, Conclusion::Cached, "{lines:?}: {:?}", decision.decider());
    }
}

#[test]
fn three_layers_are_peeled_one_by_one() {
    let case = input(API, &[("cache-control", "s-maxage=600"), ("set-cookie", "sid=x")], &["DYNAMIC", "DYNAMIC"]);
    assert_eq!(obstacle(&case), Some("cache-not-eligible"));
    let second = after(&case, &[Change::MakeEligible]);
    assert_eq!(second.obstacle(), Some("cache-set-cookie"));
    let third = after(&case, &[Change::MakeEligible, Change::StripSetCookie]);
    assert_eq!(third.expected[..2], [vec![CacheStatus::Miss], vec![CacheStatus::Hit]]);
    assert_eq!(third.freshness.edge_s, Some(600));
    assert_eq!(third.browser_ttl, BrowserTtl { seconds: Some(14_400), rewritten: true, assumed: true });
}

#[test]
fn every_trace_has_sources_and_ends_at_the_first_no() {
    let urls = [API, CSS, "https://a.example.com/x.css?utm_source=a", "https://pub-1.r2.dev/a.png"];
    let headers = ["no-store", "no-cache", "max-age=0", "public, max-age=60", "max-age=1h", "s-max-age=3"];
    for url in urls {
        for header in headers {
            for statuses in
                [&[][..], &["DYNAMIC"], &["BYPASS"], &["MISS", "MISS"], &["HIT"], &["REVALIDATED", "REVALIDATED"]]
            {
                let mut case = input(url, &[("cache-control", header)], statuses);
                case.zone.platform = platform::of_host(&case.request.host);
                let decision = decide(&case);
                for (at, step) in decision.steps.iter().enumerate() {
                    assert!(step.source.starts_with("https://"), "{}", step.id);
                    assert!(!step.says.is_empty(), "{}", step.id);
                    assert!(step.outcome != Outcome::No || at + 1 == decision.steps.len(), "{}", step.id);
                    assert_eq!(step.outcome == Outcome::Unknown, step.settle.is_some() && step.outcome != Outcome::No);
                }
            }
        }
    }
}

#[test]
fn browser_lifetimes() {
    let of = |lines: &[(&str, &str)], setting| {
        let mut case = input(CSS, lines, &[]);
        case.zone.browser_cache_ttl = setting;
        decide(&case).browser_ttl
    };
    assert_eq!(of(&[("cache-control", "max-age=60")], Some(0)).seconds, Some(60));
    assert_eq!(of(&[("cache-control", "max-age=60")], Some(14_400)).seconds, Some(14_400));
    assert_eq!(of(&[("cache-control", "max-age=86400")], Some(14_400)).seconds, Some(86_400));
    assert!(!of(&[("cache-control", "max-age=86400")], None).rewritten);
    assert_eq!(of(&[("cdn-cache-control", "max-age=60"), ("cache-control", "no-store")], None).seconds, None);
}

#[test]
fn stale_directives_that_do_nothing() {
    let case = input(CSS, &[("cache-control", "s-maxage=60, stale-while-revalidate=30, stale-if-error=9")], &[]);
    let cancelled = freshness::cancelled_stale(&case);
    assert_eq!(cancelled.len(), 2);
    assert_eq!(cancelled[0], ("stale-while-revalidate", "s-maxage".into()));
    let fine = input(CSS, &[("cache-control", "max-age=60, stale-while-revalidate=30")], &[]);
    assert!(freshness::cancelled_stale(&fine).is_empty());
}

#[test]
fn plans_come_from_evidence() {
    use crate::evidence::http::{Exchange, Exchanges, Outcome as Came, Request};
    use crate::evidence::{Evidence, Gathered};
    use crate::verdict::NotRun;
    let at = datetime!(2026-11-23 10:00 UTC);
    let exchange = Exchange {
        request: Request { method: "GET".into(), url: API.into(), headers: Headers::default() },
        sent_at: Some(at),
        outcome: Came::Answered(Box::new(Response {
            status: 200,
            version: "HTTP/2".into(),
            headers: Headers::from([
                ("date", "Mon, 23 Nov 2026 10:00:00 GMT"),
                ("cf-ray", "230b030023ae2822-SEA"),
                ("cf-cache-status", "DYNAMIC"),
            ]),
            body: Default::default(),
        })),
        timing: Default::default(),
        earlier: Vec::new(),
    };
    let skipped = || Gathered::Missing(NotRun::not_applicable("test"));
    let mut evidence = Evidence::nothing(API.parse().unwrap(), at);
    assert!(plan(&evidence).is_none());
    evidence.edge.http = Gathered::Found(Exchanges {
        samples: vec![exchange.clone(), exchange],
        redirects: Vec::new(),
        redirects_stopped: None,
        plain: skipped(),
        trace: skipped(),
        preflight: skipped(),
    });
    let plan = plan(&evidence).unwrap();
    let checks: Vec<_> = plan.obstacles.iter().map(|obstacle| obstacle.check).collect();
    assert_eq!(checks, ["cache-not-eligible", "cache-control-missing"]);
    let predicted = plan.predicted.unwrap();
    assert_eq!(predicted.statuses, ["MISS", "HIT"]);
    assert_eq!((predicted.edge_ttl_s, predicted.browser_ttl_s), (Some(7200), Some(14_400)));
}
