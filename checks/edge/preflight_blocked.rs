//! The CORS preflight, while the request itself works.

use crate::check::{Check, Probe, Severity};
use crate::evidence::text::shell_quote;
use crate::evidence::{Evidence, Exchange, Exchanges, Response};
use crate::model::attribution::{self, AnsweredBy};
use crate::model::cloudflare;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "edge-preflight-blocked",
    title: "The CORS preflight is answered",
    severity: Severity::High,
    needs: &[Probe::EdgeHttp, Probe::OriginHttp],
    why: "Before a request of another origin a browser asks OPTIONS, without cookies and credentials. If that meets a \
          challenge, a login or no route, the browser reports a CORS error, though the request itself would work.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/authorization-cookie/cors/",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html",
        "https://fetch.spec.whatwg.org/#http-cors-protocol",
    ],
    judge,
};

const ALLOW_ORIGIN: &str = "access-control-allow-origin";

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let http = asked(evidence)?;
    if let Some(finding) = http.samples.iter().chain(http.preflight.found()).find_map(conflict) {
        return Ok(Verdict::Fail(finding));
    }
    let exchange = preflight(http)?;
    let response =
        exchange.response().ok_or_else(|| NotRun::blocked(Probe::EdgeHttp, "the preflight brought no answer"))?;
    let Some((what, proof)) = obstacle(exchange, response) else {
        return Ok(Verdict::pass(format!("OPTIONS answers {}", response.status)));
    };
    let get = http.samples.iter().find(|sample| !is_options(sample)).and_then(Exchange::response);
    if let Some(get) = get.filter(|get| get.status >= 400) {
        return Err(NotRun::blocked(Probe::EdgeHttp, format!("the request itself is answered {}", get.status)));
    }
    let finding = Finding::seen(format!("the CORS preflight {what}"))
        .proof(format!("OPTIONS {} answered {}", exchange.request.url, response.status))
        .proofs(proof);
    Ok(Verdict::Fail(match get {
        Some(get) => finding.proof(format!("the request itself answers {}", get.status)),
        None => finding.confidence(Confidence::Medium).proof("the request itself was not seen"),
    }))
}

/// What was asked at the edge, or at the origin where nobody asked the edge.
fn asked(evidence: &Evidence) -> Result<&Exchanges, NotRun> {
    evidence.edge.http.get().or_else(|why| {
        let assumed = evidence.target.origin.as_ref().is_some_and(|origin| origin.assumed);
        evidence.origin.http.found().filter(|_| !assumed).ok_or(why)
    })
}

fn preflight(http: &Exchanges) -> Result<&Exchange, NotRun> {
    match http.preflight.get() {
        Ok(exchange) => Ok(exchange),
        Err(why) => http.samples.iter().find(|sample| is_options(sample)).ok_or(why),
    }
}

fn is_options(exchange: &Exchange) -> bool {
    exchange.request.method.eq_ignore_ascii_case("OPTIONS")
}

/// More than one allowed origin: browsers refuse the answer, whatever the values (Fetch, "CORS check").
fn conflict(exchange: &Exchange) -> Option<Finding> {
    let response = exchange.response()?;
    let values: Vec<&str> =
        response.headers.all(ALLOW_ORIGIN).flat_map(|value| value.split(',')).map(str::trim).collect();
    (values.len() > 1).then(|| {
        Finding::seen(format!(
            "{} answers with {} allowed origins; browsers take one",
            exchange.request.method,
            values.len()
        ))
        .proofs(response.headers.quote(ALLOW_ORIGIN))
        .proof("two places set the header: the application, API Gateway's CORS settings, or a Transform Rule")
    })
}

/// What stops the browser at this answer.
fn obstacle(exchange: &Exchange, response: &Response) -> Option<(String, Vec<String>)> {
    let status = response.status;
    let headers = &response.headers;
    if cloudflare::is_challenge(response) || cloudflare::security_page(response).is_some() {
        return Some((format!("meets a challenge ({status})"), headers.quote("cf-mitigated")));
    }
    let location = headers.first("location").unwrap_or_default();
    if response.is_redirect() {
        let what = if location.contains(".cloudflareaccess.com/") {
            "is sent to the login of Cloudflare Access".into()
        } else {
            format!("is redirected ({status}); browsers do not follow that")
        };
        return Some((what, headers.quote("location")));
    }
    let told = attribution::attribute(response);
    if !(200..300).contains(&status) {
        let what = match (&told.product_error, told.by) {
            (Some(error), _) => {
                format!("reaches no OPTIONS route: {} answers {status} {}", error.product_name(), error.kind.name())
            }
            (None, AnsweredBy::Edge) => format!("is answered {status} by the edge itself"),
            (None, _) if status == 405 || status == 404 => format!("has no OPTIONS route ({status})"),
            (None, _) => format!("is answered {status}; browsers want a 2xx"),
        };
        return Some((what, told.proof));
    }
    let Some(allowed) = headers.first(ALLOW_ORIGIN) else {
        return attribution::has_whole_head(response)
            .then(|| ("is answered without Access-Control-Allow-Origin".into(), Vec::new()));
    };
    let asked = exchange.request.headers.first("origin")?;
    (allowed != "*" && !allowed.eq_ignore_ascii_case(asked))
        .then(|| (format!("allows {allowed}, not {asked}"), headers.quote(ALLOW_ORIGIN)))
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let host = &evidence.target.host;
    let origin = evidence
        .target
        .headers
        .iter()
        .find(|line| line.name.eq_ignore_ascii_case("origin"))
        .map_or("https://app.example.com", |line| line.value.as_str());
    let try_it = format!(
        "curl -si -X OPTIONS {} -H {} -H 'Access-Control-Request-Method: GET'",
        shell_quote(&evidence.target.url()),
        shell_quote(&format!("Origin: {origin}"))
    );
    let doubled = asked(evidence).is_ok_and(|http| {
        http.samples.iter().chain(http.preflight.found()).any(|exchange| conflict(exchange).is_some())
    });
    if doubled {
        return Fix::new("Let one place alone set Access-Control-Allow-Origin.")
            .shell(
                "HTTP API: leave it to the application",
                "aws apigatewayv2 delete-cors-configuration --api-id API_ID",
            )
            .dashboard("Or drop it in the application, or in Rules → Transform Rules → Modify Response Header")
            .shell("Try it", try_it.replacen(" -X OPTIONS", "", 1));
    }
    Fix::new("Let OPTIONS through without credentials, and answer it in one place.")
        .dashboard(format!("Zero Trust → Access → Applications → {host} → Settings → CORS: bypass OPTIONS to origin"))
        .dashboard("Security → WAF → Custom rules → Skip, when http.request.method eq \"OPTIONS\"")
        .shell(
            "HTTP API: let it answer preflights itself (it then overrides the application's CORS headers)",
            format!(
                "aws apigatewayv2 update-api --api-id API_ID --cors-configuration {}",
                shell_quote(&format!(
                    "AllowOrigins={origin},AllowMethods=GET,POST,OPTIONS,AllowHeaders=content-type,authorization"
                ))
            ),
        )
        .shell(
            "HTTP API with a $default route that has an authorizer: a route without one",
            "aws apigatewayv2 create-route --api-id API_ID --route-key 'OPTIONS /{proxy+}' --authorization-type NONE --target integrations/INTEGRATION_ID",
        )
        .shell("Try it", try_it)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::evidence::Gathered;

    fn run(get: Response, options: Response) -> Result<Verdict, NotRun> {
        let mut evidence = edge(URL, get);
        let mut preflight = exchange(URL, options);
        preflight.request.method = "OPTIONS".into();
        preflight.request.headers.push("Origin", "https://app.example.com");
        edge_http(&mut evidence).preflight = Gathered::Found(preflight);
        (CHECK.judge)(&evidence)
    }

    fn ok() -> Response {
        response(200, &[PROXIED], "{}")
    }

    fn failure(options: Response) -> String {
        match run(ok(), options) {
            Ok(Verdict::Fail(finding)) => finding.seen,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_stops_a_browser() {
        assert!(failure(response(403, &[EDGE_MADE, &[("cf-mitigated", "challenge")]], "")).contains("challenge"));
        let login = "https://team.cloudflareaccess.com/cdn-cgi/access/login";
        assert!(failure(response(302, &[&[("location", login)]], "")).contains("Access"));
        assert!(failure(response(301, &[&[("location", "/x")]], "")).contains("redirected"));
        let missing = response(404, &[PROXIED, &[("apigw-requestid", "x")]], r#"{"message":"Not Found"}"#);
        assert!(failure(missing).contains("no OPTIONS route"));
        assert!(failure(response(204, &[PROXIED], "")).contains("without Access-Control-Allow-Origin"));
        let other = [(ALLOW_ORIGIN, "https://www.example.com")];
        assert!(failure(response(204, &[PROXIED, &other], "")).contains("not https://app.example.com"));
    }

    #[test]
    fn sound_preflights_pass() {
        for allowed in ["*", "https://app.example.com"] {
            let options = response(204, &[PROXIED, &[(ALLOW_ORIGIN, allowed)]], "");
            assert!(matches!(run(ok(), options), Ok(Verdict::Pass(_))), "{allowed}");
        }
        assert!(matches!(run(ok(), response(200, &[], "")), Ok(Verdict::Pass(_))), "not all headers were quoted");
    }

    #[test]
    fn speaks_only_while_the_request_itself_works() {
        let broken = run(response(500, &[PROXIED], ""), response(403, &[], ""));
        assert!(matches!(broken, Err(NotRun::Blocked { .. })));
        assert!(matches!((CHECK.judge)(&edge(URL, ok())), Err(NotRun::NotApplicable(_))), "nobody asked OPTIONS");
        let mut dump = edge(URL, response(403, &[], ""));
        edge_http(&mut dump).samples[0].request.method = "OPTIONS".into();
        assert!(matches!((CHECK.judge)(&dump), Ok(Verdict::Fail(f)) if f.confidence == Confidence::Medium));
    }

    #[test]
    fn two_allowed_origins_conflict() {
        for twice in [vec![(ALLOW_ORIGIN, "*, *")], vec![(ALLOW_ORIGIN, "*"), (ALLOW_ORIGIN, "https://a.example")]] {
            let answer = (CHECK.judge)(&edge(URL, response(200, &[PROXIED, &twice], "")));
            assert!(matches!(answer, Ok(Verdict::Fail(_))), "{answer:?}");
        }
    }
}
