//! A Worker, a Snippet or a Cloud Connector rule takes this URL (`facts/cloudflare.md` 1.11, gotchas 7, 42 and 75).

use super::api;
use crate::check::{Check, Probe, Severity};
use crate::evidence::text::shell_quote;
use crate::evidence::{Evidence, Response};
use crate::model::cloudflare::error_code;
use crate::model::effective::{Decided, Effective, JudgedTaker, Matched, Setter};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "cloudflare-worker-intercepts",
    title: "The origin that the record names answers for this URL",
    severity: Severity::High,
    needs: &[Probe::Zone, Probe::EdgeHttp],
    why: "A Worker on the route answers in the origin's place, or asks it otherwise than the visitor did; Page Rules \
          do not act there, and what it makes itself is not cached. A Cloud Connector rule sends the request to a \
          bucket instead of the record's target. Who looks for a fault at the origin looks in the wrong place.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/workers/configuration/routing/routes/",
        "https://developers.cloudflare.com/workers/configuration/routing/custom-domains/",
        "https://developers.cloudflare.com/rules/snippets/",
        "https://developers.cloudflare.com/rules/cloud-connector/",
    ],
    judge,
};

/// Worker recursion, exception, resources (`facts/cf-errors.csv`).
const WORKER_ERRORS: &[u16] = &[1019, 1101, 1102];

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let zone = evidence.zone_of_host()?;
    let effective = evidence.effective()?;
    let taken = taken(&effective);
    if taken.is_empty() {
        return if let Some(doubt) = doubt(&effective) {
            Err(NotRun::inconclusive(format!("nothing that is known takes this URL, {doubt}")))
        } else if zone.worker_routes.found().is_none() {
            Err(zone.worker_routes.get().err().unwrap_or_else(|| Evidence::zone_lacks("its worker_routes")))
        } else {
            Ok(Verdict::pass("no Worker, Snippet or Cloud Connector rule takes this URL"))
        };
    }
    let names: Vec<String> = taken.iter().map(|taker| taker.setter.to_string()).collect();
    let finding = Finding::seen(format!("{} takes this URL", names.join("; ")))
        .proofs(taken.iter().map(|taker| taker.setter.line()));
    let confidence = if surely(&effective) { Confidence::High } else { Confidence::Medium };
    let finding = finding.proofs(doubt(&effective)).confidence(confidence);
    Ok(match evidence.edge_answer().ok().and_then(|answer| failing(&effective, answer)) {
        Some(line) => Verdict::Fail(finding.proof(line)),
        // It may well be meant so.
        None => Verdict::Warn(finding.severity(Severity::Low)),
    })
}

/// What takes the URL: the one Worker that decides, every Snippet, the connector.
fn taken(effective: &Effective) -> Vec<&JudgedTaker> {
    let decides = |taker: &&JudgedTaker| match &taker.setter {
        Setter::WorkerRoute { script: Some(_), .. } | Setter::WorkerDomain { .. } => {
            effective.worker.value.as_ref().is_some_and(Option::is_some) && effective.worker.by == taker.setter
        }
        Setter::Connector { .. } => effective.connector.by == taker.setter,
        Setter::Snippet { .. } => true,
        _ => false,
    };
    effective.takers.iter().filter(|taker| taker.matched == Matched::Yes).filter(decides).collect()
}

fn surely(effective: &Effective) -> bool {
    effective.worker.doubts.is_empty() && effective.connector.doubts.is_empty()
}

/// What leaves it open: conditions that cannot be told, not parts that were not read.
fn doubt(effective: &Effective) -> Option<String> {
    fn of<T>(decided: &Decided<T>) -> impl Iterator<Item = &String> {
        decided.doubts.iter()
    }
    let all = of(&effective.worker).chain(of(&effective.connector)).chain(of(&effective.snippets));
    all.into_iter().find(|doubt| !doubt.contains("not known:")).cloned()
}

/// The answer that shows that the Worker itself fails, or that the bucket answers.
fn failing(effective: &Effective, answer: &Response) -> Option<String> {
    if effective.worker.value.as_ref().is_some_and(Option::is_some)
        && let Some(code) = error_code(answer).filter(|code| WORKER_ERRORS.contains(code))
    {
        return Some(format!("the edge answers {} with error {code}: the Worker itself fails", answer.status));
    }
    let bucket = effective.connector.value.as_ref().is_some_and(Option::is_some) && answer.status >= 400;
    let code = crate::model::attribution::s3_code(answer).filter(|_| bucket)?;
    Some(format!("the edge answers {} with {code}: the bucket of the Cloud Connector rule answers", answer.status))
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let target = &evidence.target;
    let effective = evidence.effective().ok();
    let worker = effective.as_ref().and_then(|effective| effective.worker.value.clone().flatten());
    let connector = effective.as_ref().and_then(|effective| effective.connector.value.clone().flatten());
    let snippet = effective.as_ref().and_then(|effective| effective.snippets.value.as_ref()?.first().cloned());
    if worker.is_none()
        && let Some(store) = connector
    {
        return Fix::new(format!(
            "If {} is not meant to come from {store}: narrow the Cloud Connector rule.",
            target.url()
        ))
        .dashboard(format!("Rules → Cloud Connector → the rule → add: and http.host ne \"{}\"", target.host))
        .api("The rules", api::call("GET", "/cloud_connector/rules", None));
    }
    if worker.is_none()
        && let Some(name) = snippet
    {
        return Fix::new(format!("If {} needs no Snippet: narrow the rule of \"{name}\".", target.url()))
            .dashboard(format!("Rules → Snippets → {name} → Snippet rule"))
            .api("The rules", api::call("GET", "/snippets/snippet_rules", None));
    }
    let name = worker.unwrap_or_else(|| "WORKER".into());
    let pattern = format!("{}{}", target.host, target.path_only());
    let body = serde_json::json!({ "pattern": pattern }).to_string();
    Fix::new(format!("See what the Worker {name} does; if {} needs none, take the URL from it.", target.url()))
        .shell("What it does with such a request", format!("npx wrangler tail {}", shell_quote(&name)))
        .dashboard(format!("Workers Routes → Add route → {pattern} → Worker: None"))
        .api(
            "A route without a Worker is the stronger one where it is more specific",
            api::call("POST", "/workers/routes", Some(&body)),
        )
        .terraform(
            "The same, Cloudflare provider v5",
            format!(
                "resource \"cloudflare_workers_route\" \"none\" {{\n  zone_id = var.zone_id\n  pattern = {}\n}}",
                serde_json::Value::from(pattern.as_str()).to_string().replace("${", "$${").replace("%{", "%%{")
            ),
        )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::zone_testing::*;
    use super::*;

    fn of(change: Value) -> Evidence {
        let mut document = json!({
            "zone": {"name": "example.com"}, "worker_routes": [], "worker_domains": [], "snippets": [], "cloud_connector": [],
            "page_rules": [], "rulesets": {"http_request_transform": []},
        });
        for (key, value) in change.as_object().unwrap() {
            document[key] = value.clone();
        }
        with(document)
    }

    fn route(pattern: &str, script: Value) -> Value {
        json!({"id": "1", "pattern": pattern, "script": script})
    }

    #[test]
    fn routes_and_domains() {
        assert_eq!(word(&CHECK, &of(json!({}))), "pass");
        let takes = json!({"worker_routes": [route("*.example.com/*", json!("w"))]});
        assert_eq!(word(&CHECK, &of(takes.clone())), "warn/high");
        assert_eq!(found(&CHECK, &of(takes.clone())).severity, Some(Severity::Low));
        let spared = json!({"worker_routes": [route("*.example.com/*", json!("w")), route("lambda.example.com/*", Value::Null)]});
        assert_eq!(word(&CHECK, &of(spared)), "pass", "a route without a script is more specific");
        let other = json!({"worker_routes": [route("lambda.example.com/other/*", json!("w"))]});
        assert_eq!(word(&CHECK, &of(other)), "pass");
        assert_eq!(word(&CHECK, &of(json!({"worker_domains": [{"hostname": HOST, "service": "api"}]}))), "warn/high");
        let told = json!({"worker_routes": [route("(not reported)", json!("w"))]});
        assert_eq!(word(&CHECK, &of(told)), "inconclusive", "a pattern in words");
        assert_eq!(word(&CHECK, &of(json!({"worker_routes": null}))), "blocked");
        assert_eq!(word(&CHECK, &served(of(takes))), "warn/high");
    }

    #[test]
    fn a_worker_that_fails_is_seen_to_fail() {
        let takes = || of(json!({"worker_routes": [route("*.example.com/*", json!("w"))]}));
        let crash = [("cf-ray", "230b030023ae2822-SJC"), ("server", "cloudflare"), ("content-type", "text/html")];
        assert_eq!(word(&CHECK, &answers(takes(), 500, &crash, "Error 1101 Worker threw exception")), "fail/high");
        assert_eq!(word(&CHECK, &answers(takes(), 500, &crash, "oops")), "warn/high", "whose error it is is not told");
        assert_eq!(word(&CHECK, &answers(of(json!({})), 500, &crash, "Error 1101")), "pass", "no route that is known");
    }

    #[test]
    fn snippets_and_buckets() {
        let rule = |expression: &str| {
            json!([{"snippet_name": "s", "expression": expression, "enabled": true, "provider": "aws_s3",
            "parameters": {"host": "b.s3.us-west-2.amazonaws.com"}}])
        };
        let ours = "http.host eq \"lambda.example.com\"";
        assert_eq!(word(&CHECK, &of(json!({"snippets": rule(ours)}))), "warn/high");
        assert_eq!(word(&CHECK, &of(json!({"snippets": rule("http.host eq \"www.example.com\"")}))), "pass");
        assert_eq!(word(&CHECK, &of(json!({"cloud_connector": rule(ours)}))), "warn/high");
        assert_eq!(word(&CHECK, &of(json!({"cloud_connector": rule("ip.src.country eq \"DE\"")}))), "inconclusive");
        let missing = "<Error><Code>NoSuchKey</Code></Error>";
        let bucket = answers(of(json!({"cloud_connector": rule(ours)})), 404, &[("cf-ray", "1")], missing);
        assert_eq!(word(&CHECK, &bucket), "fail/high");
        let fix = CHECK.mend(&bucket, &found(&CHECK, &bucket));
        assert!(fix.summary.contains("b.s3.us-west-2.amazonaws.com"), "{}", fix.summary);
    }
}
