//! What a visitor meets who types `http://`.

use url::Url;

use super::view;
use crate::check::{Check, Probe, Severity};
use crate::evidence::http::Outcome;
use crate::evidence::target::Scheme;
use crate::evidence::{Evidence, Exchange, Exchanges, Response, Target};
use crate::model::cloudflare;
use crate::model::effective::Decided;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "edge-http-not-redirected",
    title: "http:// is redirected to https://",
    severity: Severity::Medium,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::Zone],
    why: "Without a redirect the request and its answer travel in clear text. Under Full and Full (strict) Cloudflare asks \
          the origin for an http:// visit on port 80, where API Gateway does not listen: such visitors get error 521.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/ssl/edge-certificates/additional-options/always-use-https/",
        "https://developers.cloudflare.com/ssl/origin-configuration/ssl-modes/full/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let http = match evidence.edge.http.get() {
        Ok(http) => http,
        Err(why) => return by_zone_alone(evidence).ok_or(why),
    };
    view::behind_cloudflare(evidence)?;
    let exchange = match plain(evidence, http) {
        Ok(exchange) => exchange,
        Err(why) => return by_zone_alone(evidence).ok_or(why),
    };
    let response = match &exchange.outcome {
        Outcome::Answered(response) => response,
        Outcome::Failed(failure) => {
            return Err(NotRun::inconclusive(format!("http:// brought no answer: {}", failure.describe())));
        }
    };
    if cloudflare::is_challenge(response) || cloudflare::security_page(response).is_some() {
        return Err(NotRun::inconclusive("http:// met a challenge"));
    }
    let url = &exchange.request.url;
    let proof = format!("GET {url} answered {}", response.status);
    if is_way_to_origin_broken(response) {
        return failing(evidence, http, response, proof);
    }
    if response.is_redirect() {
        let location = response.headers.first("location").unwrap_or_default();
        match Url::parse(url).and_then(|base| base.join(location)) {
            Ok(to) if to.scheme() == "https" => return Ok(Verdict::pass(format!("redirected to {location}"))),
            Ok(to) if Url::parse(url).is_ok_and(|base| base.host() != to.host()) => {
                return Err(NotRun::inconclusive(format!(
                    "http:// is redirected to another host over http ({location})"
                )));
            }
            _ => {}
        }
    }
    let finding =
        Finding::seen(format!("{url} is served in clear text ({}) instead of being redirected", response.status))
            .proof(proof)
            .proofs(response.headers.quote("location"))
            .proofs(setting(evidence));
    Ok(graded(evidence, finding))
}

/// What the zone does with `http://`: the setting or a Page Rule, for this URL.
fn always(evidence: &Evidence) -> Option<Decided<bool>> {
    evidence.zone_of_host().ok()?;
    Some(evidence.effective_for(&over_http(evidence)).ok()?.always_use_https.clone())
}

fn over_http(evidence: &Evidence) -> Target {
    let target = &evidence.target;
    let port = if target.port == 443 { 80 } else { target.port };
    Target { scheme: Scheme::Http, port, ..target.clone() }
}

/// The setting as a line of proof.
fn setting(evidence: &Evidence) -> Option<String> {
    let always = always(evidence)?;
    let word = match always.certain()? {
        true => "on, so something before it answers, or it was switched on only now",
        false => "off",
    };
    Some(format!("Always Use HTTPS by {}: {word}", always.by))
}

/// Nobody asked on port 80, and the zone tells.
fn by_zone_alone(evidence: &Evidence) -> Option<Verdict> {
    if evidence.zone_of_host().ok()?.idle().is_some() || evidence.zone_proxies() != Some(true) {
        return None;
    }
    let effective = evidence.effective_for(&over_http(evidence)).ok()?;
    let always = &effective.always_use_https;
    match (effective.redirect.certain()?, always.certain()?) {
        (Some(to), _) => {
            let location = to.location.as_deref().unwrap_or_default();
            let secure = location.to_ascii_lowercase().starts_with("https://");
            secure.then(|| Verdict::pass(format!("{} redirects http:// to {location}", effective.redirect.by)))
        }
        // The origin may redirect by itself, where it listens.
        (None, false) => {
            let finding = Finding::seen("the edge does not redirect http:// to https://")
                .proof(format!("Always Use HTTPS by {}: off", always.by))
                .proof("no redirect rule of the zone takes http:// either; whether the origin redirects was not seen");
            Some(Verdict::Warn(finding.confidence(Confidence::Medium)))
        }
        (None, true) => None,
    }
}

/// The visit over `http://`: the probe of port 80, or the target itself.
fn plain<'a>(evidence: &Evidence, http: &'a Exchanges) -> Result<&'a Exchange, NotRun> {
    let sample = http.samples.first().filter(|sample| sample.request.url.to_ascii_lowercase().starts_with("http://"));
    match (evidence.target.scheme, sample) {
        (Scheme::Http, Some(sample)) => Ok(sample),
        _ => http.plain.get(),
    }
}

fn is_way_to_origin_broken(response: &Response) -> bool {
    cloudflare::error_code(response).is_some_and(|code| (520..=530).contains(&code))
}

/// Over `http://` Cloudflare cannot reach the origin. Where `https://` fails as well, it is not about `http://`.
fn failing(evidence: &Evidence, http: &Exchanges, response: &Response, proof: String) -> Result<Verdict, NotRun> {
    let secure = http.samples.iter().find(|sample| sample.request.url.to_ascii_lowercase().starts_with("https://"));
    if secure.and_then(Exchange::response).is_some_and(is_way_to_origin_broken) {
        return Err(NotRun::blocked(Probe::EdgeHttp, "https:// fails on the way to the origin as well"));
    }
    let finding = Finding::seen(format!(
        "http:// visitors get error {} instead of a redirect: Cloudflare asks the origin on port 80",
        response.status
    ))
    .proof(proof)
    .proofs(setting(evidence))
    .severity(Severity::High);
    Ok(graded(evidence, finding))
}

/// A failure where the user asked about `http://` itself.
fn graded(evidence: &Evidence, finding: Finding) -> Verdict {
    match evidence.target.scheme {
        Scheme::Http => Verdict::Fail(finding),
        Scheme::Https => Verdict::Warn(finding),
    }
}

fn fix(_: &Evidence, _: &Finding) -> Fix {
    Fix::new("Let the edge redirect http:// before it asks anyone: Always Use HTTPS.")
        .dashboard("SSL/TLS → Edge Certificates → Always Use HTTPS → On")
        .api("Switch it on", view::zone_call("PATCH", "settings/always_use_https", r#"{"value":"on"}"#))
        .terraform("Cloudflare provider v5", view::zone_setting("always_use_https", "on"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::evidence::Gathered;

    const PLAIN: &str = "http://api.example.com/orders";

    fn run(secure: Response, plain: Response) -> Result<Verdict, NotRun> {
        let mut evidence = edge(URL, secure);
        edge_http(&mut evidence).plain = Gathered::Found(exchange(PLAIN, plain));
        (CHECK.judge)(&evidence)
    }

    fn ok() -> Response {
        response(200, &[PROXIED], "{}")
    }

    fn redirect(to: &str) -> Response {
        response(301, &[EDGE_MADE, &[("location", to)]], "")
    }

    #[test]
    fn a_redirect_to_https_passes() {
        assert!(matches!(run(ok(), redirect(URL)), Ok(Verdict::Pass(_))));
        assert!(matches!(run(ok(), redirect("HTTPS://www.example.com/")), Ok(Verdict::Pass(_))));
    }

    #[test]
    fn served_in_clear_text_is_a_warning() {
        assert!(matches!(run(ok(), ok()), Ok(Verdict::Warn(_))));
        assert!(matches!(run(ok(), redirect("/login")), Ok(Verdict::Warn(_))), "a relative one stays on http");
        assert!(matches!(run(ok(), redirect("http://www.example.com/")), Err(NotRun::Inconclusive(_))));
    }

    #[test]
    fn error_521_for_http_only_is_high() {
        let Ok(Verdict::Warn(finding)) = run(ok(), response(521, &[], "")) else { panic!("no warning") };
        assert_eq!(finding.severity, Some(Severity::High));
        let both = run(response(521, &[], ""), response(521, &[], ""));
        assert!(matches!(both, Err(NotRun::Blocked { .. })), "https fails too, so it is not about http");
    }

    #[test]
    fn a_target_of_http_fails() {
        assert!(matches!((CHECK.judge)(&edge(PLAIN, ok())), Ok(Verdict::Fail(_))));
        assert!(matches!((CHECK.judge)(&edge(PLAIN, response(522, &[], ""))), Ok(Verdict::Fail(_))));
        assert!(matches!((CHECK.judge)(&edge(PLAIN, redirect(URL))), Ok(Verdict::Pass(_))));
    }

    #[test]
    fn challenges_and_other_sites_say_nothing() {
        let challenged = response(403, &[EDGE_MADE, &[("cf-mitigated", "challenge")]], "");
        assert!(matches!(run(ok(), challenged), Err(NotRun::Inconclusive(_))));
        let elsewhere = response(200, &[&[("date", "x"), ("content-type", "text/html"), ("server", "nginx")]], "");
        assert!(matches!(run(elsewhere.clone(), elsewhere), Err(NotRun::NotApplicable(_))));
    }

    fn zoned(mut evidence: Evidence, always: &str, redirects: serde_json::Value) -> Evidence {
        let record =
            serde_json::json!({"name": "api.example.com", "type": "A", "content": "192.0.2.7", "proxied": true});
        let document = serde_json::json!({"zone": {"name": "example.com", "status": "active"}, "dns_records": [record],
            "settings": {"always_use_https": always}, "page_rules": [], "worker_routes": [], "worker_domains": [],
            "rulesets": {"http_request_dynamic_redirect": redirects, "http_request_transform": []}});
        evidence.zone = Gathered::Found(crate::evidence::Zone::from_document(document).unwrap());
        evidence
    }

    #[test]
    fn the_setting_is_named_and_counts_where_nobody_asked() {
        let none = || serde_json::json!([]);
        let mut seen = zoned(edge(URL, ok()), "off", none());
        edge_http(&mut seen).plain = Gathered::Found(exchange(PLAIN, ok()));
        let Ok(Verdict::Warn(finding)) = (CHECK.judge)(&seen) else { panic!("no warning") };
        assert!(finding.proof.iter().any(|line| line.starts_with("Always Use HTTPS by zone setting")), "{finding:?}");
        let alone = |always: &str, redirects| (CHECK.judge)(&zoned(nothing(URL), always, redirects));
        assert!(matches!(alone("on", none()), Ok(Verdict::Pass(_))));
        assert!(matches!(alone("off", none()), Ok(Verdict::Warn(finding)) if finding.confidence == Confidence::Medium));
        let rule = serde_json::json!([{"expression": "not ssl", "enabled": true, "action": "redirect", "action_parameters":
            {"from_value": {"target_url": {"expression": "concat(\"https://\", http.host, http.request.uri.path)"}, "status_code": 301}}}]);
        assert!(matches!(alone("off", rule), Ok(Verdict::Pass(_))));
        assert!(matches!((CHECK.judge)(&nothing(URL)), Err(NotRun::Disabled(_))));
    }
}
