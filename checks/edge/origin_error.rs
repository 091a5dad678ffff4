//! Errors that Cloudflare made itself, decoded.

use super::view;
use crate::check::{Check, Probe, Severity};
use crate::evidence::{Evidence, Exchanges, Response};
use crate::model::attribution::{self, AnsweredBy};
use crate::model::cloudflare;
use crate::model::errors;
use crate::model::origin_host::OriginClass;
use crate::model::our_side::is_security;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "edge-origin-error",
    title: "Cloudflare makes no error of its own",
    severity: Severity::Critical,
    needs: &[Probe::Dns, Probe::EdgeHttp],
    why: "520 to 527, 530 and the 1xxx codes are Cloudflare's: it did not get a usable answer from the origin, or the \
          record or the zone does not let it try. The code says at which step the way ends.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/",
        "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-1xxx-errors/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let http = evidence.edge.http.get()?;
    let answers: Vec<&Response> =
        http.answers().chain(http.redirects.iter().filter_map(|hop| hop.response())).collect();
    let codes: Vec<(&Response, u16)> = answers.iter().filter_map(|answer| Some((*answer, code(answer)?))).collect();
    let Some((response, code)) = codes.first().copied() else {
        view::behind_cloudflare(evidence)?;
        evidence.edge_answer()?;
        return Ok(Verdict::pass("no 52x and no 1xxx"));
    };
    let meaning = errors::lookup(code).map_or("not a code that is documented", |error| error.meaning);
    let meaning = meaning.trim_end_matches(&format!(" (HTTP {})", response.status));
    let page = if code == response.status { String::new() } else { format!(" (HTTP {})", response.status) };
    let mut finding = Finding::seen(format!("Cloudflare answers error {code}{page}: {meaning}"))
        .proofs(["cf-error-type", "cf-error-origin", "cf-ray"].iter().flat_map(|name| response.headers.quote(name)));
    if code != response.status {
        finding = finding.proof(format!("body: {}", crate::evidence::text::shorten(response.body.prefix.trim(), 160)));
    }
    if let Some(error) = errors::lookup(code) {
        finding = finding.proof(format!("usual causes: {}", error.likely_causes));
    }
    if may_be_gateway(evidence) {
        finding = finding.proof(format!("for API Gateway: {}", reading(code)));
    }
    if codes.len() < answers.len() {
        let times = view::of_samples(codes.len(), answers.len());
        let finding = finding.proof(format!("in {times}")).confidence(Confidence::Medium).severity(Severity::High);
        return Ok(if first_is_fine(http) { Verdict::Warn(finding) } else { Verdict::Fail(finding) });
    }
    Ok(Verdict::Fail(if is_known_author(response, code) { finding } else { finding.confidence(Confidence::Medium) }))
}

/// Is the declared origin API Gateway, or not known to be something else?
fn may_be_gateway(evidence: &Evidence) -> bool {
    matches!(
        evidence.origin_class(),
        OriginClass::GatewayCustomTarget | OriginClass::GatewayDefault | OriginClass::Unknown
    )
}

/// Was the user's first request answered properly, so that the error comes and goes?
fn first_is_fine(http: &Exchanges) -> bool {
    http.first().is_some_and(|first| code(first).is_none())
}

/// The error, unless it is one of security (those are `edge-challenged`): by code, or a plain page of the edge's server.
fn code(response: &Response) -> Option<u16> {
    match cloudflare::error_code(response) {
        Some(code) => (!is_security(code)).then_some(code),
        None => (response.status >= 500
            && cloudflare::security_page(response).is_none()
            && !cloudflare::is_challenge(response)
            && attribution::attribute(response).by == AnsweredBy::Edge)
            .then_some(response.status),
    }
}

/// A code in the text of a page is a hint (`facts/cloudflare.md` section 6); header and status are proof.
fn is_known_author(response: &Response, code: u16) -> bool {
    response.headers.has("cf-error-type") || code == response.status || response.status == 530
}

/// What the code means in front of API Gateway (`facts/cloudflare.md` section 6).
fn reading(code: u16) -> &'static str {
    match code {
        520 => "rare; too large headers, or broken HTTP/2",
        521 => "it does not listen on port 80, so Off and Flexible, or http:// under Full, give this",
        522 => "a private API, a wrong or stale address, or a firewall before a load balancer",
        523 => "a wrong A record, or a VPC route that swallows Cloudflare's ranges",
        524 => "it gives up first (29 or 30 s), so another kind of origin is behind this",
        525 => "no custom domain for this name in that region, a client certificate that is demanded, or no common TLS",
        526 => {
            "the certificate of the custom domain is for another name, expired, or missing (then the service's own is shown)"
        }
        1016 | 530 => "the custom domain, and with it its d-… target, was deleted, or the record has a typo",
        1000 | 1034 => "the record points at a Cloudflare address instead of the d-… target",
        1014 => "the record points at a proxied name of another account instead of the d-… target",
        1033 => "nothing: the record leads to a Tunnel, and that is down",
        1101 | 1102 | 1019 => "nothing: a Worker on this route fails before the gateway is asked",
        _ => "nothing particular",
    }
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let http = evidence.edge.http.found();
    let found = http.and_then(|http| http.answers().find_map(code));
    let host = &evidence.target.host;
    let direct = |fix: Fix| fix.shell("What the origin says when asked directly", view::ask_directly(evidence));
    let record = |fix: Fix| {
        fix.shell("The custom domain's own target", format!("aws apigatewayv2 get-domain-name --domain-name {host} --query 'DomainNameConfigurations[].ApiGatewayDomainName'"))
            .dashboard(format!("DNS → Records → {host} → Target: that d-….execute-api name, proxied"))
    };
    match found {
        Some(521) => Fix::new(
            "Let Cloudflare reach the origin on 443: Full (strict), and Always Use HTTPS for http:// visitors.",
        )
        .dashboard("SSL/TLS → Overview → Full (strict); SSL/TLS → Edge Certificates → Always Use HTTPS")
        .api(
            "Set the mode, once the origin's certificate is valid",
            view::zone_call("PATCH", "settings/ssl", r#"{"value":"strict"}"#),
        )
        .terraform("Cloudflare provider v5", view::zone_setting("ssl", "strict"))
        .shell("Does the origin serve https?", view::ask_directly(evidence)),
        Some(522 | 523) => direct(
            record(Fix::new(
                "Point the record at a reachable origin, and let its firewall admit every Cloudflare range.",
            ))
            .shell("Cloudflare's ranges, IPv6 too", "curl -s https://api.cloudflare.com/client/v4/ips"),
        ),
        Some(524) => direct(Fix::new("Answer within 120 s: move long work out of the request, or stream the answer.")),
        Some(525) => direct(Fix::new(format!(
            "Let TLS with the origin succeed: port 443, TLS 1.2 or newer, a certificate for {host}, and no client \
             certificate demanded that Cloudflare does not have."
        )))
        .shell("Which certificate the origin shows for this name", openssl(evidence)),
        Some(526) => {
            direct(Fix::new(format!("Give the origin a valid certificate for {host}; do not weaken the mode.")))
                .shell("Which certificate the origin shows for this name", openssl(evidence))
        }
        Some(520) => {
            direct(Fix::new("Compare with the origin's direct answer: headers too large, a reset, or broken HTTP/2."))
                .api(
                    "To test HTTP/2: speak HTTP/1.1 to the origin",
                    view::zone_call("PATCH", "settings/origin_max_http_version", r#"{"value":"1"}"#),
                )
        }
        Some(530 | 1001 | 1016) => record(Fix::new("Point the record at a target that exists.")),
        Some(1000 | 1002 | 1004 | 1034) => record(Fix::new(
            "Point the record at the origin itself, not at Cloudflare; let no client or proxy send CF-Connecting-IP.",
        )),
        Some(1014) => record(Fix::new(
            "Point the record at the origin itself; a name of another account works only where that account adds this host as a custom hostname.",
        )),
        Some(1033) => Fix::new("Start cloudflared, and see that the tunnel of the record is the one that runs.")
            .shell("Is it connected?", "cloudflared tunnel info TUNNEL")
            .dashboard("Zero Trust → Networks → Tunnels"),
        Some(1019 | 1101 | 1102) => Fix::new("Mend the Worker on this route.")
            .shell("Its exceptions", "npx wrangler tail WORKER")
            .dashboard("Workers & Pages → the Worker → Observability"),
        Some(1018 | 1023) => Fix::new("Wait until the new zone is distributed; then check that it is active.")
            .dashboard("Overview: status of the zone"),
        _ => direct(Fix::new("Look the code up, and ask the origin directly to see whether it answers.")),
    }
}

fn openssl(evidence: &Evidence) -> String {
    let target = &evidence.target;
    let (host, port) =
        target.origin.as_ref().map_or(("ORIGIN_HOST", 443), |origin| (origin.host.as_str(), origin.port));
    format!(
        "openssl s_client -connect {host}:{port} -servername {} </dev/null | openssl x509 -noout -subject -issuer -dates -ext subjectAltName",
        target.host
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::evidence::Gathered;

    fn run(answer: Response) -> Result<Verdict, NotRun> {
        (CHECK.judge)(&edge(URL, answer))
    }

    #[test]
    fn decodes_by_status_header_and_page() {
        assert!(failure(run(response(526, &[EDGE_MADE], ""))).seen.contains("error 526"));
        assert!(failure(run(response(522, &[], ""))).seen.contains("timeout"));
        assert!(failure(run(response(530, &[], "origin DNS error"))).seen.contains("error 1016 (HTTP 530)"));
        assert!(failure(run(response(530, &[], ""))).seen.contains("error 530"));
        assert!(failure(run(response(503, &[&[("cf-error-type", "1023")]], ""))).seen.contains("1023"));
        let hint = failure(run(response(403, &[], "Error 1014 Ray ID: 0")));
        assert_eq!(hint.confidence, Confidence::Medium);
    }

    #[test]
    fn the_edges_own_502_is_its_error() {
        let plain =
            response(502, &[EDGE_MADE], "<center><h1>502 Bad Gateway</h1></center><hr><center>cloudflare</center>");
        assert!(failure(run(plain)).seen.contains("502"));
        let branded = response(502, &[PROXIED], "<div id=\"cf-error-details\">");
        assert!(matches!(run(branded), Ok(Verdict::Pass(_))), "the origin's own 502");
    }

    #[test]
    fn security_codes_belong_to_another_check() {
        for code in ["1010", "1012", "1015", "1020"] {
            assert!(matches!(run(response(403, &[&[("cf-error-type", code)]], "")), Ok(Verdict::Pass(_))), "{code}");
        }
    }

    #[test]
    fn an_error_that_comes_and_goes() {
        let mut evidence = edge(URL, response(200, &[PROXIED], ""));
        edge_http(&mut evidence).samples.push(exchange(URL, response(520, &[], "")));
        let Ok(Verdict::Warn(finding)) = (CHECK.judge)(&evidence) else { panic!("no warning") };
        assert!(finding.proof.iter().any(|line| line.contains("1 of 2 samples")));
        edge_http(&mut evidence).samples.reverse();
        assert_eq!(failure((CHECK.judge)(&evidence)).confidence, Confidence::Medium);
    }

    #[test]
    fn answers_from_behind_the_edge_pass() {
        for answer in [
            response(200, &[PROXIED], "{}"),
            response(404, &[PROXIED], r#"{"message":"no error 1016 here"}"#),
            response(500, &[PROXIED, &[("apigw-requestid", "x")]], "error code: 1101"),
        ] {
            assert!(matches!(run(answer), Ok(Verdict::Pass(_))));
        }
        let mut silent = edge(URL, response(200, &[], ""));
        edge_http(&mut silent).samples.clear();
        silent = proxied_dns(silent);
        assert!(matches!((CHECK.judge)(&silent), Err(NotRun::Blocked { .. })));
        let elsewhere = response(200, &[&[("server", "nginx"), ("date", "Mon, 23 Nov 2026 10:00:00 GMT")]], "");
        assert!(matches!(run(elsewhere), Err(NotRun::NotApplicable(_))));
    }

    #[test]
    fn every_documented_code_has_a_fix() {
        for error in
            errors::all().filter(|error| error.code >= 520 && error.layer != crate::model::errors::Layer::EdgeSecurity)
        {
            let header = error.code.to_string();
            let mut evidence = edge(URL, response(530, &[&[("cf-error-type", header.as_str())]], ""));
            evidence.dns = Gathered::Missing(NotRun::inconclusive("x"));
            assert!(failure((CHECK.judge)(&evidence)).seen.contains(&header));
            let fix = (CHECK.fix)(&evidence, &Finding::seen(""));
            assert!(!fix.steps.is_empty(), "{header}");
        }
    }
}
