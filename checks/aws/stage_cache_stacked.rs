//! A REST stage keeps answers itself, beside Cloudflare's cache (`facts/aws.md` section 5.5, gotcha G46).

use super::route;
use super::typed::{deploy, hcl, in_region, shell_word, yaml};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::gateway::{Integration, Protocol, Stage};
use crate::evidence::http::CacheStatus;
use crate::model::api_route;
use crate::model::reach::Way;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "aws-stage-cache-stacked",
    title: "No stage cache stands behind Cloudflare's cache",
    severity: Severity::Low,
    needs: &[Probe::EdgeHttp, Probe::Gateway],
    why: "The cache of a REST stage keeps an answer for its own time and sends no header that tells of it. Behind \
          Cloudflare's cache the two lifetimes add up, and a purge at Cloudflare brings the old answer back. It tells \
          entries apart only by the parameters that are declared as cache keys: answers to different queries collide.",
    fix,
    sources: &["https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html"],
    judge,
};

/// Seconds that an answer is kept where the stage says nothing else (`facts/aws.md` section 5.5).
const DEFAULT_TTL: u64 = 300;

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let way = route::way(evidence)?;
    if way.api.protocol != Protocol::Rest {
        return Ok(Verdict::pass(format!("{} has no cache of its own: only REST APIs have", route::name(way.api))));
    }
    let Some(name) = way.stage() else {
        return Err(NotRun::inconclusive(format!(
            "the AWS evidence does not tell the stage of {}",
            route::name(way.api)
        )));
    };
    let stage = way.api.stage(name)?.ok_or_else(|| {
        NotRun::inconclusive(format!("the AWS evidence does not hold the stage {name} of {}", route::name(way.api)))
    })?;
    if !stage.cache_enabled {
        return Ok(Verdict::pass(format!("the cache of {} is off", way.describe())));
    }
    let method = &evidence.target.method;
    let key = way.route()?.map(|route| route.key.as_str());
    let Some(seconds) = kept(stage, method, key) else {
        return Ok(Verdict::pass(format!("{} has a cache, and keeps no answer to this {method}", way.describe())));
    };
    let at_edge = at_edge(evidence);
    let colliding = colliding(evidence, &way);
    let finding = match (&at_edge, colliding.as_slice()) {
        (AtEdge::NotStored(line), []) => {
            return Ok(Verdict::pass(format!(
                "{} keeps answers for {seconds} s, and Cloudflare keeps none ({line})",
                way.describe()
            )));
        }
        (_, []) => Finding::seen(format!(
            "{} keeps answers for {seconds} s of its own, behind Cloudflare's cache: the two lifetimes add up",
            way.describe()
        )),
        (_, names) => Finding::seen(format!(
            "{} keeps answers for {seconds} s and does not tell them apart by {}, which this URL has and which is no \
             cache key: one query gets the answer to another",
            way.describe(),
            names.join(", ")
        )),
    };
    let finding =
        finding.proof(format!("cacheClusterEnabled of stage {name}: true")).proofs(setting(stage, key, method));
    Ok(Verdict::Warn(match at_edge {
        AtEdge::Stored(line) => finding.proof(line),
        AtEdge::NotStored(line) => finding.proof(line),
        AtEdge::Unknown if colliding.is_empty() => finding.confidence(Confidence::Medium),
        AtEdge::Unknown => finding,
    }))
}

/// How long the stage keeps the answer to this method; none: it does not.
fn kept(stage: &Stage, method: &str, route: Option<&str>) -> Option<u64> {
    match override_of(stage, route, method) {
        Some((_, (false, _))) => None,
        Some((_, (true, seconds))) => Some(seconds.unwrap_or(DEFAULT_TTL)).filter(|seconds| *seconds > 0),
        // Without a setting it is GET alone.
        None => method.eq_ignore_ascii_case("GET").then_some(DEFAULT_TTL),
    }
}

/// The setting of the method itself, else that of all methods (`*/*`), which is about GET alone.
fn override_of<'a>(stage: &'a Stage, route: Option<&str>, method: &str) -> Option<(&'a str, (bool, Option<u64>))> {
    let path = route.and_then(api_route::split).map(|(_, path)| path.trim_matches('/'));
    let is_own = |key: &str| {
        let (of_key, of_method) = key.rsplit_once('/').unwrap_or((key, "*"));
        // `~1` is the slash of a JSON pointer.
        let of_key = of_key.replace("~1", "/");
        Some(of_key.trim_matches('/')) == path && of_method.eq_ignore_ascii_case(method)
    };
    let found = stage.method_caching.iter().find(|(key, _)| is_own(key));
    let general = || stage.method_caching.iter().find(|(key, _)| *key == "*/*" && method.eq_ignore_ascii_case("GET"));
    found.or_else(general).map(|(key, setting)| (key.as_str(), *setting))
}

fn setting(stage: &Stage, route: Option<&str>, method: &str) -> Option<String> {
    let (key, (_, seconds)) = override_of(stage, route, method)?;
    Some(format!("its setting {key}: caching on, {} s", seconds.unwrap_or(DEFAULT_TTL)))
}

/// What the edge's own cache does with these answers.
enum AtEdge {
    Stored(String),
    NotStored(String),
    Unknown,
}

fn at_edge(evidence: &Evidence) -> AtEdge {
    let Some(answer) = route::edge(evidence) else { return AtEdge::Unknown };
    let line = || format!("cf-cache-status: {}", answer.headers.first("cf-cache-status").unwrap_or_default());
    match answer.headers.cf_cache_status() {
        Some(CacheStatus::Dynamic | CacheStatus::Bypass) => AtEdge::NotStored(line()),
        Some(status) if status.proves_stored() || status == CacheStatus::Miss => AtEdge::Stored(line()),
        _ => AtEdge::Unknown,
    }
}

/// The query parameters of the URL that are no cache keys; none where the keys are not told.
fn colliding(evidence: &Evidence, way: &Way<'_>) -> Vec<String> {
    let keys = way.integration().ok().and_then(|(_, integration): (_, &Integration)| integration.cache_keys.as_ref());
    let (Some(keys), Some((_, query))) = (keys, evidence.target.path.split_once('?')) else { return Vec::new() };
    let mut names: Vec<String> = Vec::new();
    for (name, _) in url::form_urlencoded::parse(query.as_bytes()) {
        let key = format!("method.request.querystring.{name}");
        if !name.is_empty() && !keys.contains(&key) && !names.iter().any(|known| *known == name) {
            names.push(crate::evidence::text::shorten(&name, 60));
        }
    }
    names
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let way = route::way(evidence).ok();
    let api = way.as_ref().map(|way| way.api);
    let stage = way.as_ref().and_then(Way::stage);
    let region = in_region(evidence, api.and_then(|api| api.region.as_deref()));
    let (id, stage_word) = (shell_word(api.map(|api| api.id.as_str()), "API_ID"), shell_word(stage, "STAGE"));
    let names = way.as_ref().map(|way| colliding(evidence, way)).unwrap_or_default();
    let fix = Fix::new("Leave caching to Cloudflare: switch the stage's cache off, and let the function's Cache-Control say for how long.")
        .shell(
            "Switch it off",
            format!(
                "aws apigateway update-stage --rest-api-id {id} --stage-name {stage_word} --patch-operations \
                 op=replace,path=/cacheClusterEnabled,value=false{region}"
            ),
        )
        .terraform(
            "AWS provider",
            format!(
                "resource \"aws_api_gateway_stage\" \"api\" {{\n  rest_api_id           = {}\n  stage_name            = {}\n  \
                 deployment_id         = aws_api_gateway_deployment.api.id\n  cache_cluster_enabled = false\n}}",
                hcl(api.map(|api| api.id.as_str()), "rest_api_id"),
                hcl(stage, "stage_name")
            ),
        )
        .code(
            "SAM template, properties of the AWS::Serverless::Api",
            format!("StageName: {}\nCacheClusterEnabled: false", yaml(stage, "StageName")),
        );
    if names.is_empty() {
        return fix;
    }
    let keys: Vec<String> =
        names.iter().map(|name| hcl(Some(&format!("method.request.querystring.{name}")), "key")).collect();
    let parameters: Vec<String> = keys.iter().map(|key| format!("    {key} = false")).collect();
    let fix = fix
        .dashboard(format!(
            "Or keep it: API Gateway → the API → Resources → the method → Method request → URL query string parameters → \
             {} → Caching; then deploy",
            names.join(", ")
        ))
        .terraform(
            "Or keep it, with what the answer depends on as keys: in the method and its integration",
            format!(
                "  # aws_api_gateway_method\n  request_parameters = {{\n{}\n  }}\n  # aws_api_gateway_integration\n  \
                 cache_key_parameters = [{}]",
                parameters.join("\n"),
                keys.join(", ")
            ),
        )
        .shell(
            "What the stage has kept goes at once",
            format!("aws apigateway flush-stage-cache --rest-api-id {id} --stage-name {stage_word}{region}"),
        );
    match api {
        Some(api) => fix.shell("It acts when the stage is deployed", deploy(evidence, api, stage)),
        None => fix,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::aws::testing::*;

    fn with(stage: Value, keys: Value) -> Evidence {
        let mut own = json!({"stageName": "prod", "cacheClusterEnabled": true});
        stage.as_object().unwrap().iter().for_each(|(key, value)| own[key] = value.clone());
        site(json!({
            "domains": [{"domainName": HOST, "region": "us-west-2", "regionalDomainName": TARGET,
                "api_mappings": [{"apiId": "f1e2d3c4b5", "apiMappingKey": "", "stage": "prod"}]}],
            "apis": [{"id": "f1e2d3c4b5", "region": "us-west-2", "stages": [own], "resources": [{"id": "r", "path": "/endpoint",
                "resourceMethods": {"GET": {"methodIntegration": {"type": "AWS_PROXY", "cacheKeyParameters": keys}}}}]}],
        }))
    }

    fn cached(site: Evidence) -> Evidence {
        let mut site = edge(site, 200, "{}");
        let crate::evidence::Gathered::Found(http) = &mut site.edge.http else { unreachable!() };
        let crate::evidence::http::Outcome::Answered(answer) = &mut http.samples[0].outcome else { unreachable!() };
        answer.headers = [("cf-cache-status", "HIT"), ("cf-ray", "1")].into();
        site
    }

    #[test]
    fn two_caches_one_behind_the_other() {
        let site = with(json!({}), json!([]));
        assert_eq!(word(&CHECK, &cached(site.clone())), "warn/high");
        assert_eq!(word(&CHECK, &site), "warn/medium");
        assert_eq!(word(&CHECK, &edge(site.clone(), 200, "{}")), "pass", "DYNAMIC: Cloudflare keeps nothing");
        assert!(fix_text(&CHECK, &site).contains("path=/cacheClusterEnabled,value=false --region us-west-2"));
    }

    #[test]
    fn what_the_method_says_counts() {
        for (settings, expected) in [
            (json!({"*/*": {"cachingEnabled": false}}), "pass"),
            (json!({"*/*": {"cachingEnabled": true, "cacheTtlInSeconds": 0}}), "pass"),
            (json!({"*/*": {"cachingEnabled": true, "cacheTtlInSeconds": 60}}), "warn/high"),
            (json!({"*/*": {"cachingEnabled": true}, "~1endpoint/GET": {"cachingEnabled": false}}), "pass"),
            (json!({"*/*": {"cachingEnabled": false}, "endpoint/GET": {"cachingEnabled": true}}), "warn/high"),
            (json!({"other/GET": {"cachingEnabled": false}}), "warn/high"),
        ] {
            let site = cached(with(json!({"methodSettings": settings}), json!([])));
            assert_eq!(word(&CHECK, &site), expected, "{settings}");
        }
        assert_eq!(word(&CHECK, &with(json!({"cacheClusterEnabled": false}), json!([]))), "pass");
    }

    #[test]
    fn queries_that_collide() {
        let ask = |keys: Value| {
            let mut site = edge(with(json!({}), keys), 200, "{}");
            site.target.path = "/endpoint?id=7&lang=de&id=8".into();
            site
        };
        let site = ask(json!(["method.request.querystring.lang"]));
        assert_eq!(word(&CHECK, &site), "warn/high");
        let finding = CHECK.run(&site).unwrap().finding().unwrap().clone();
        assert!(finding.seen.contains("apart by id, which"), "{}", finding.seen);
        assert!(fix_text(&CHECK, &site).contains("cache_key_parameters = [\"method.request.querystring.id\"]"));
        let all = json!(["method.request.querystring.lang", "method.request.querystring.id"]);
        assert_eq!(word(&CHECK, &ask(all)), "pass");
        assert_eq!(word(&CHECK, &ask(json!(null))), "pass", "keys that are not told");
    }

    #[test]
    fn only_rest_has_one() {
        let http = site(json!({
            "domains": [{"domainName": HOST, "regionalDomainName": TARGET, "api_mappings": [{"apiId": "f1e2d3c4b5", "apiMappingKey": ""}]}],
            "apis": [{"apiId": "f1e2d3c4b5", "protocolType": "HTTP"}]}));
        assert_eq!(word(&CHECK, &http), "pass");
    }
}
