//! Does a visitor get what the origin answers?

use std::collections::BTreeSet;

use super::view::{self, Seen};
use crate::check::{Check, Probe, Severity};
use crate::evidence::http::{BodyEnd, CacheStatus, Exchanges, Name, Seconds};
use crate::evidence::text::shell_quote;
use crate::evidence::{Evidence, Response};
use crate::model::attribution::{self, AnsweredBy};
use crate::model::cloudflare;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "edge-differs-from-origin",
    title: "The edge passes the origin's answer on",
    severity: Severity::Medium,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp],
    why: "When status, media type, cache headers or body differ from what the origin answers to the same request, \
          something between changes it: a stored copy, a rule, a Worker, or the record leads to another origin than you \
          think.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/cache/concepts/default-cache-behavior/",
        "https://developers.cloudflare.com/rules/trace-request/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let edge = evidence.edge_answer()?;
    evidence.origin_answer()?;
    let direct = view::origin(evidence)
        .ok_or_else(|| NotRun::not_applicable("the origin is tomorrow's; today's edge does not use it"))?;
    view::behind_cloudflare(evidence)?;
    let http = evidence.edge.http.get()?;
    comparable(http, edge, &direct)?;
    let differences = differences(evidence, edge, direct.response);
    if differences.is_empty() {
        if is_clear(http) && steady(evidence).is_some_and(|hash| body_differs(hash, edge, direct.response)) {
            let why =
                "the body differs, and it came in clear text over http://: anybody on the way may have changed it";
            return Err(NotRun::inconclusive(why));
        }
        return Ok(Verdict::pass("the same as the origin"));
    }
    let mut finding = Finding::seen(format!("the edge's answer differs from the origin's: {}", differences.join("; ")))
        .proof(format!("edge: {}", kind(edge)))
        .proof(format!("origin: {}", kind(direct.response)))
        .proofs(["cf-cache-status", "age"].iter().flat_map(|name| edge.headers.quote(name)))
        .confidence(Confidence::Medium);
    if edge.status == direct.response.status && edge.media_type() == direct.response.media_type() {
        finding = finding.severity(Severity::Low);
    }
    Ok(Verdict::Warn(finding))
}

/// `200 application/json`.
fn kind(response: &Response) -> String {
    match response.media_type() {
        Some(media_type) => format!("{} {media_type}", response.status),
        None => response.status.to_string(),
    }
}

/// Can the two be compared at all?
fn comparable(http: &Exchanges, edge: &Response, direct: &Seen<'_>) -> Result<(), NotRun> {
    let origin = direct.response;
    let method = http.samples.first().map(|sample| sample.request.method.as_str());
    if method != Some(direct.exchange.request.method.as_str()) {
        return Err(NotRun::inconclusive("edge and origin were asked with different methods"));
    }
    match attribution::attribute(edge).by {
        AnsweredBy::Edge => return Err(NotRun::not_applicable("the edge made the answer itself")),
        AnsweredBy::Worker => return Err(NotRun::not_applicable("a Worker made the answer")),
        _ => {}
    }
    if attribution::hides_origin(edge) {
        return Err(NotRun::not_applicable("Cloudflare's page stands in place of the origin's 502 or 504"));
    }
    if cloudflare::is_challenge(edge) {
        return Err(NotRun::inconclusive("the edge challenged us"));
    }
    if matches!(origin.status, 401 | 403) && edge.status < 400 {
        return Err(NotRun::not_applicable("the origin is closed to everyone but Cloudflare"));
    }
    let error = attribution::attribute(edge).product_error;
    if edge.status != origin.status && error.is_some() {
        return Err(NotRun::not_applicable("the gateway refuses Cloudflare's request; that is judged by itself"));
    }
    let passing = |status| status == 429 || status >= 500;
    if edge.status != origin.status && (passing(edge.status) || passing(origin.status)) {
        return Err(NotRun::inconclusive(format!(
            "{} at the edge, {} at the origin: such a status may be gone the next moment",
            edge.status, origin.status
        )));
    }
    Ok(())
}

fn differences(evidence: &Evidence, edge: &Response, origin: &Response) -> Vec<String> {
    let mut found = Vec::new();
    if edge.status != origin.status {
        found.push(format!("status {} instead of {}", edge.status, origin.status));
        return found; // everything else then differs as well
    }
    if let (Some(at_edge), Some(at_origin)) = (edge.media_type(), origin.media_type())
        && at_edge != at_origin
    {
        found.push(format!("media type {at_edge} instead of {at_origin}"));
    }
    let steady = steady(evidence);
    for name in ["cache-control", "vary", "etag", "last-modified"] {
        let changes_by_itself = matches!(name, "etag" | "last-modified");
        if (!changes_by_itself || steady.is_some()) && header_differs(name, edge, origin) {
            found.push(format!("{name} is {} instead of {}", values(edge, name), values(origin, name)));
        }
    }
    if let Some(hash) = steady
        && !evidence.edge.http.found().is_some_and(is_clear)
        && body_differs(hash, edge, origin)
    {
        found.push("another body (two answers of the origin agree)".into());
    }
    found
}

/// Was the first sample taken in clear text?
fn is_clear(http: &Exchanges) -> bool {
    http.samples.first().is_some_and(|sample| sample.request.url.to_ascii_lowercase().starts_with("http://"))
}

/// The hash of the origin's body, if two answers of it are whole and agree.
fn steady(evidence: &Evidence) -> Option<&str> {
    let answers: Vec<&Response> = evidence.origin.http.found()?.answers().take(2).collect();
    let [one, two] = answers[..] else { return None };
    let hash = |response: &'_ Response| response.body.sha256.clone().filter(|_| response.body.end == BodyEnd::Complete);
    let agree = hash(one)? == hash(two)? && values(one, "etag") == values(two, "etag");
    agree.then_some(one.body.sha256.as_deref()?)
}

/// Compression changes the octets, and Cloudflare compresses by itself: only bodies of the same coding compare. It also
/// rewrites HTML (e-mail obfuscation, script injection), so HTML does not compare either.
fn body_differs(origin_hash: &str, edge: &Response, origin: &Response) -> bool {
    let same_coding = edge.headers.first("content-encoding") == origin.headers.first("content-encoding");
    let html = edge.media_type().is_some_and(|kind| kind.contains("html"));
    let whole = edge.body.end == BodyEnd::Complete;
    same_coding && !html && whole && edge.body.sha256.as_deref().is_some_and(|hash| hash != origin_hash)
}

fn header_differs(name: &str, edge: &Response, origin: &Response) -> bool {
    if name == "cache-control" && is_browser_ttl(edge, origin) {
        return false;
    }
    let on_both = edge.headers.has(name) && origin.headers.has(name);
    let all_seen = attribution::has_whole_head(edge) && attribution::has_whole_head(origin);
    if !on_both {
        // An ETag that is gone was stripped with the compression; freshness that appears is the browser TTL.
        return all_seen && name == "vary" && normal(name, edge) != normal(name, origin);
    }
    normal(name, edge) != normal(name, origin)
}

/// Did the Browser Cache TTL write this header? It replaces a lower or absent lifetime on what the cache handles, and
/// only there (`facts/cloudflare.md` section 1.9).
fn is_browser_ttl(edge: &Response, origin: &Response) -> bool {
    let handled =
        edge.headers.cf_cache_status().is_some_and(|status| status.proves_eligible() && status != CacheStatus::Bypass);
    let lifetime =
        |response: &Response| response.headers.cache_control().seconds(Name::MaxAge).and_then(Seconds::floored);
    handled && lifetime(edge).is_some_and(|shown| lifetime(origin).is_none_or(|sent| shown > sent))
}

/// What of a header must survive: without browser TTL rewriting (`facts/cloudflare.md` section 1.9), without
/// `Accept-Encoding` in Vary (added with compression), and with an ETag's strength ignored.
fn normal(name: &str, response: &Response) -> BTreeSet<String> {
    let parts = response.headers.all(name).flat_map(|value| match name {
        "cache-control" | "vary" => value.split(',').collect::<Vec<_>>(),
        _ => vec![value],
    });
    parts
        .map(|part| part.trim().trim_start_matches("W/").to_owned())
        .map(|part| if name == "etag" { part } else { part.to_ascii_lowercase() })
        .filter(|part| !part.is_empty() && part != "accept-encoding" && part != "public")
        .filter(|part| !(name == "cache-control" && part.starts_with("max-age")))
        .collect()
}

fn values(response: &Response, name: &str) -> String {
    let joined = response.headers.all(name).collect::<Vec<_>>().join(", ");
    if joined.is_empty() { "(absent)".into() } else { crate::evidence::text::shorten(&joined, 80) }
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let url = evidence.target.url();
    Fix::new("Find what changes the answer: a stored copy, a rule, or a record that leads elsewhere.")
        .shell("At the edge", format!("curl -sSi {}", shell_quote(&url)))
        .shell("At the origin", view::ask_directly(evidence))
        .dashboard("Rules → Trace: which rules and Workers take this URL")
        .api(
            "If it is an old copy: purge the URL",
            view::zone_call("POST", "purge_cache", &format!(r#"{{"files":["{url}"]}}"#)),
        )
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    const JSON: &[(&str, &str)] = &[("date", "x"), ("content-type", "application/json"), ("apigw-requestid", "x")];

    fn hashed(mut response: Response, hash: &str) -> Response {
        response.body.sha256 = Some(hash.into());
        response
    }

    fn at_edge(extra: &[(&str, &str)]) -> Response {
        hashed(response(200, &[PROXIED, &[("apigw-requestid", "y")], extra], "{}"), "a")
    }

    fn at_origin(extra: &[(&str, &str)]) -> Response {
        hashed(response(200, &[JSON, extra], "{}"), "a")
    }

    fn run(edge_answer: Response, origin: Vec<Response>) -> Result<Verdict, NotRun> {
        (CHECK.judge)(&with_origin(edge(URL, edge_answer), origin))
    }

    fn warning(answer: Result<Verdict, NotRun>) -> Finding {
        match answer {
            Ok(Verdict::Warn(finding)) => finding,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_cloudflare_always_changes_is_ignored() {
        for (edge_headers, origin_headers) in [
            (vec![("cache-control", "max-age=14400")], vec![]),
            (vec![("cache-control", "public, max-age=14400")], vec![("cache-control", "max-age=60")]),
            (vec![("vary", "Accept-Encoding"), ("content-encoding", "br")], vec![]),
            (vec![("etag", "W/\"1\"")], vec![("etag", "\"1\"")]),
            (vec![("set-cookie", "__cf_bm=x"), ("alt-svc", "h3")], vec![]),
            (vec![], vec![("etag", "\"1\"")]),
        ] {
            let origin = at_origin(&origin_headers);
            let answer = run(at_edge(&edge_headers), vec![origin.clone(), origin]);
            assert!(matches!(answer, Ok(Verdict::Pass(_))), "{edge_headers:?}: {answer:?}");
        }
    }

    #[test]
    fn real_differences_warn() {
        let other = response(404, &[PROXIED, &[("apigw-requestid", "y")]], r#"{"detail":"no"}"#);
        assert_eq!(warning(run(other, vec![at_origin(&[])])).severity, None);
        let cache = warning(run(
            at_edge(&[("cache-control", "no-store")]),
            vec![at_origin(&[("cache-control", "s-maxage=60")])],
        ));
        assert_eq!(cache.severity, Some(Severity::Low));
        let vary = run(at_edge(&[("vary", "Origin")]), vec![at_origin(&[])]);
        assert!(warning(vary).seen.contains("vary is Origin instead of (absent)"));
    }

    #[test]
    fn a_body_counts_only_if_the_origin_agrees_with_itself() {
        let edge_answer = || hashed(at_edge(&[]), "b");
        let origin = || at_origin(&[]);
        assert!(warning(run(edge_answer(), vec![origin(), origin()])).seen.contains("another body"));
        assert!(matches!(run(edge_answer(), vec![origin()]), Ok(Verdict::Pass(_))));
        let changing = vec![origin(), hashed(origin(), "c")];
        assert!(matches!(run(edge_answer(), changing), Ok(Verdict::Pass(_))));
        let compressed = hashed(at_edge(&[("content-encoding", "br")]), "b");
        assert!(matches!(run(compressed, vec![origin(), origin()]), Ok(Verdict::Pass(_))));
    }

    #[test]
    fn what_cannot_be_compared() {
        let closed = run(at_edge(&[]), vec![response(403, &[JSON], r#"{"message":"Forbidden"}"#)]);
        assert!(matches!(closed, Err(NotRun::NotApplicable(_))), "closed to everyone but Cloudflare");
        let broken = run(response(522, &[EDGE_MADE], ""), vec![at_origin(&[])]);
        assert!(matches!(broken, Err(NotRun::NotApplicable(_))));
        let page = response(502, &[PROXIED, &[("content-type", "text/html")]], "<div id=\"cf-error-details\">");
        let hidden = run(page, vec![response(502, &[JSON], r#"{"message": "Internal server error"}"#)]);
        assert!(matches!(hidden, Err(NotRun::NotApplicable(_))), "{hidden:?}");
        let passing = run(at_edge(&[]), vec![response(503, &[JSON], "")]);
        assert!(matches!(passing, Err(NotRun::Inconclusive(_))));
        let mut tomorrow = with_origin(edge(URL, at_edge(&[])), vec![at_origin(&[])]);
        tomorrow.target.origin.as_mut().unwrap().assumed = true;
        assert!(matches!((CHECK.judge)(&tomorrow), Err(NotRun::NotApplicable(_))));
        assert!((CHECK.judge)(&edge(URL, at_edge(&[]))).is_err(), "nobody asked the origin");
    }
}
