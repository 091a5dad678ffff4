//! Challenges, blocks and rate limits between the visitor and the site.

use super::view;
use crate::check::{Check, Probe, Severity};
use crate::evidence::{Evidence, Response};
use crate::model::our_side::{Obstacle, obstacle};
use crate::verdict::{Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "edge-challenged",
    title: "Requests reach the site without a challenge",
    severity: Severity::High,
    needs: &[Probe::Dns, Probe::EdgeHttp],
    why: "A challenge wants a browser that runs JavaScript. Clients of an API are not browsers: they get an HTML page with \
          403, 429 or 503 instead of their answer, and neither cache nor origin is asked.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/cloudflare-challenges/challenge-types/challenge-pages/detect-response/",
        "https://developers.cloudflare.com/waf/custom-rules/skip/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let http = evidence.edge.http.get()?;
    let answers: Vec<&Response> = http.answers().collect();
    let met: Vec<Obstacle> = answers.iter().filter_map(|answer| obstacle(answer)).collect();
    let hits = met.len();
    let Some(first) = met.into_iter().next() else {
        view::behind_cloudflare(evidence)?;
        let answer = evidence.edge_answer()?;
        let access = answer.headers.first("location").is_some_and(|to| to.contains(".cloudflareaccess.com/"));
        return Ok(Verdict::pass(if access { "Cloudflare Access asks for a login" } else { "no challenge" }));
    };
    // A challenge or a limit is aimed at whoever asks, so it is never a failure of the site.
    Ok(Verdict::Warn(
        Finding::seen(format!("{} in {}: API clients meet it too", first.what, view::of_samples(hits, answers.len())))
            .proofs(first.proof)
            .proof("what the cache and the origin would answer was not seen")
            .confidence(first.confidence),
    ))
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let (host, path) = (&evidence.target.host, evidence.target.path_only().replace(['"', '\\', '\''], ""));
    let expression = format!("http.host eq \\\"{host}\\\" and starts_with(http.request.uri.path, \\\"{path}\\\")");
    let plain = expression.replace("\\\"", "\"");
    Fix::new("See which rule or product acted, and let the API's own clients past it, by something that they can prove.")
        .dashboard(format!("Security → Events, filter host {host}: the rule or service of the Ray ID"))
        .shell(
            "The id of that ruleset ($RULESET_ID)",
            "curl -s \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID/rulesets/phases/http_request_firewall_custom/entrypoint\" -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\"",
        )
        .dashboard(format!("Security → WAF → Custom rules → Skip, when {plain} and a secret header or known addresses match"))
        .api(
            "Add one skip rule to the zone's own custom ruleset (its other rules stay)",
            view::zone_call(
                "POST",
                "rulesets/$RULESET_ID/rules",
                &format!(
                    r#"{{"action":"skip","expression":"{expression} and ip.src in $api_clients","action_parameters":{{"products":["bic","securityLevel","rateLimit","uaBlock"],"phases":["http_request_sbfm","http_ratelimit"]}}}}"#
                ),
            ),
        )
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::verdict::Confidence;

    fn run(answer: Response) -> Result<Verdict, NotRun> {
        (CHECK.judge)(&edge(URL, answer))
    }

    fn warning(answer: Response) -> Finding {
        match run(answer) {
            Ok(Verdict::Warn(finding)) => finding,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_kind_of_obstacle_warns_and_never_fails() {
        assert!(warning(response(403, &[EDGE_MADE, &[("cf-mitigated", "challenge")]], "")).seen.contains("challenge"));
        assert!(warning(response(403, &[], "error code: 1020")).seen.contains("1020"));
        assert!(warning(response(429, &[], "error code: 1015")).seen.contains("1015"));
        assert!(warning(response(403, &[], "<title>Just a moment...</title>")).seen.contains("page"));
        assert!(warning(response(403, &[], "Sorry, you have been blocked")).seen.contains("block"));
        assert!(warning(response(202, &[&[("x-amzn-waf-action", "challenge")]], "")).seen.contains("AWS WAF"));
        let silent = warning(response(403, &[EDGE_MADE], "no"));
        assert_eq!(silent.confidence, Confidence::Medium);
    }

    #[test]
    fn some_samples_only() {
        let mut evidence = edge(URL, response(200, &[PROXIED], ""));
        edge_http(&mut evidence).samples.push(exchange(URL, response(429, &[], "error code: 1015")));
        let Ok(Verdict::Warn(finding)) = (CHECK.judge)(&evidence) else { panic!("no warning") };
        assert!(finding.seen.contains("1 of 2 samples"), "{}", finding.seen);
    }

    #[test]
    fn the_sites_own_refusals_are_no_challenge() {
        for answer in [
            response(403, &[PROXIED, &[("apigw-requestid", "x")]], r#"{"message":"Forbidden"}"#),
            response(403, &[PROXIED], r#"{"error":"attention required! just a moment..."}"#),
            response(403, &[], ""),
            response(429, &[PROXIED], ""),
            response(200, &[PROXIED], "<script src=\"/cdn-cgi/challenge-platform/x.js\">"),
            response(200, &[PROXIED, &[("set-cookie", "__cf_bm=x")]], ""),
            response(403, &[EDGE_MADE, &[("cf-error-type", "1000")]], "error code: 1000"),
        ] {
            assert!(!matches!(run(answer.clone()), Ok(Verdict::Warn(_) | Verdict::Fail(_))), "{answer:?}");
        }
    }

    #[test]
    fn silent_where_it_is_not_cloudflare() {
        assert!(matches!(
            run(response(403, &[&[("server", "nginx"), ("date", "Mon, 23 Nov 2026 10:00:00 GMT")]], "")),
            Err(NotRun::NotApplicable(_))
        ));
    }
}
