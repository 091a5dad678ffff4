//! The way through the account: domains, then certificates and APIs, then functions.

use std::collections::{BTreeMap, BTreeSet};

use cfdoctor_checks::NotRun;
use cfdoctor_checks::evidence::gateway::{Api, Arn, Domain, RoutingMode};
use cfdoctor_checks::evidence::{Gateway, Target};
use cfdoctor_checks::model::mapping::Asked;
use cfdoctor_checks::model::origin_host::{OriginClass, OriginHost, classify, region, regions as known_regions};
use cfdoctor_checks::model::{api_route, mapping};
use futures_util::future::join_all;
use serde_json::{Map, Value, json};

use super::AwsRegions;
use super::call::Refusal;
use super::errors;
use super::questions::{Asker, Listed, RegionDomains};
use super::session::Session;
use crate::probe::budget::Budget;

/// In so few regions the mappings of every name that the host could have are asked for at once with the domains.
const FEW: usize = 4;
/// Most APIs that are read, where it cannot be told which of them the path reaches.
const MAX_APIS: usize = 5;
/// Most functions that are asked for their URLs.
const MAX_FUNCTIONS: usize = 100;
const DOMAINS: &str = "apigateway:GET on /domainnames";
const MAPPINGS: &str = "apigateway:GET on /domainnames/*";
const RULES: &str = "apigateway:ListRoutingRules on /domainnames/*";

/// The parts of a domain that are lists of their own.
struct Parts {
    mappings: Result<Listed, Refusal>,
    base_paths: Result<Listed, Refusal>,
    rules: Result<Listed, Refusal>,
}

/// What a region answered.
struct RegionAnswer {
    region: String,
    domains: std::sync::Arc<RegionDomains>,
    /// By the domain's name.
    parts: BTreeMap<String, Parts>,
}

/// Looks at everything; the document, or why there is none at all.
pub(super) async fn walk(
    session: &Session,
    target: &Target,
    points_at: Option<&str>,
    wanted: &AwsRegions,
    budget: &Budget,
) -> Result<Value, NotRun> {
    let asker = Asker { session, budget };
    let origin = points_at.map(classify);
    let regions = regions(session, target, origin.as_ref(), wanted);
    let names = names(&target.host);
    let is_few = regions.len() <= FEW;
    let (identity, answers, functions) = tokio::join!(
        session.identity(budget),
        join_all(regions.iter().map(|region| ask_region(asker, region, &names, is_few))),
        list_functions(asker, origin.as_ref()),
    );
    if let Some(why) = refused(session, &identity, &answers) {
        return Err(why);
    }
    let mut document = json!({"regions_looked_at": regions});
    if let Ok(identity) = identity {
        document["identity"] = identity;
    }
    let mut items = gather_domains(asker, answers, &names, points_at, &mut document).await;
    complete(asker, &mut items).await;
    if document.get("domains").is_none() && !items.is_empty() {
        document["domains"] = json!([]);
    }
    if let Some(Value::Array(domains)) = document.get_mut("domains") {
        domains.extend(items);
    }

    let typed = Gateway::from_document(document.clone());
    let domains = typed.domains_of(&target.host).unwrap_or_default();
    let reached = reached_apis(&domains, target, origin.as_ref());
    let certificates = certificate_arns(&document, &domains);
    let listing: BTreeSet<String> = match is_few {
        true => regions.iter().cloned().collect(),
        false => domains.iter().filter_map(|domain| domain.region.clone()).collect(),
    };
    let (apis, certificates, with_urls) = tokio::join!(
        join_all(reached.iter().map(|(region, id)| api(asker, region, id))),
        read_certificates(asker, &certificates, &listing, &target.host),
        functions_with_urls(asker, origin.as_ref(), points_at, functions),
    );
    put_found(&mut document, "apis", apis);
    put_found(&mut document, "certificates", certificates);
    put_found(&mut document, "functions", with_urls);

    let typed = Gateway::from_document(document.clone());
    let wanted = functions_behind(&typed, &document, target);
    let functions = join_all(wanted.iter().map(|arn| async move {
        let parsed = Arn::of(arn);
        let region = parsed.as_ref().and_then(Arn::region).unwrap_or(session.home());
        let name = parsed.as_ref().and_then(Arn::function).map_or(arn.as_str(), |(name, _)| name);
        let read = asker.function(region, arn).await;
        read.map_err(|refusal| (name.to_owned(), asker.entry(region, &refusal, "lambda:GetFunctionConfiguration")))
    }));
    let functions = functions.await;
    put_found(&mut document, "functions", functions);
    Ok(document)
}

/// The names under which the host may be there: itself, and the wildcard of its parent.
fn names(host: &str) -> Vec<String> {
    let wildcard = host.split_once('.').map(|(_, parent)| format!("*.{parent}"));
    std::iter::once(host.to_owned()).chain(wildcard).collect()
}

/// Where to look, in order.
fn regions(session: &Session, target: &Target, origin: Option<&OriginHost>, wanted: &AwsRegions) -> Vec<String> {
    let said = origin.and_then(|origin| origin.region.clone());
    let home = session.home_region().map(ToOwned::to_owned);
    let mut out: Vec<String> = match wanted {
        AwsRegions::Named(named) => named.clone(),
        AwsRegions::All => {
            let partition = region(session.home()).map_or("aws", |region| region.partition);
            let of_partition = known_regions().filter(|region| region.partition == partition && region.has_gateway);
            said.into_iter().chain(of_partition.map(|region| region.name.to_owned())).collect()
        }
        AwsRegions::Usual => {
            let mut some: Vec<String> = said.into_iter().chain(target.region.clone()).chain(home).collect();
            let is_edge = origin.is_some_and(|origin| origin.class == OriginClass::CloudFront);
            if is_edge || some.is_empty() {
                some.push("us-east-1".into());
            }
            some
        }
    };
    let mut seen = BTreeSet::new();
    out.retain(|region| {
        let is_name =
            !region.is_empty() && region.len() < 40 && region.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
        is_name && seen.insert(region.clone())
    });
    out
}

async fn ask_region(asker: Asker<'_>, region: &str, names: &[String], guess: bool) -> RegionAnswer {
    let guesses = async {
        if !guess {
            return BTreeMap::new();
        }
        let parts = names.iter().map(|name| async { (name.clone(), ask_parts(asker, region, name).await) });
        join_all(parts).await.into_iter().collect()
    };
    let (domains, parts) = tokio::join!(asker.session.domains(region, || asker.domains(region)), guesses);
    RegionAnswer { region: region.to_owned(), domains, parts }
}

async fn ask_parts(asker: Asker<'_>, region: &str, name: &str) -> Parts {
    let (mappings, base_paths, rules) = tokio::join!(
        asker.api_mappings(region, name),
        asker.base_path_mappings(region, name),
        asker.routing_rules(region, name),
    );
    Parts { mappings, base_paths, rules }
}

/// Nobody answered, for a reason that lies in the credentials.
fn refused(session: &Session, identity: &Result<Value, Refusal>, answers: &[RegionAnswer]) -> Option<NotRun> {
    let lists = || answers.iter().flat_map(|answer| [&answer.domains.v1, &answer.domains.v2]);
    if lists().any(|listed| listed.is_ok()) {
        return None;
    }
    let refusals = identity.as_ref().err().into_iter().chain(lists().filter_map(|listed| listed.as_ref().err()));
    let about_credentials = |refusal: &&Refusal| match refusal {
        Refusal::Expired => true,
        // Where the identity was told, a region that refuses it is not enabled.
        Refusal::BadCredentials(_) => identity.is_err(),
        _ => false,
    };
    let refusal = refusals.into_iter().find(about_credentials)?;
    Some(errors::not_run(refusal, &session.place("sts", session.home()), false))
}

/// The domains that serve one of the names, or whose target the record points at; with what was read of them so far.
async fn gather_domains(
    asker: Asker<'_>,
    answers: Vec<RegionAnswer>,
    names: &[String],
    points_at: Option<&str>,
    document: &mut Value,
) -> Vec<Value> {
    let answers = join_all(answers.into_iter().map(|answer| async {
        let denied = |listed: &Result<Listed, Refusal>| matches!(listed, Err(Refusal::Denied(_)));
        if !(denied(&answer.domains.v1) && denied(&answer.domains.v2)) {
            return (answer, None);
        }
        // Whoever may not list may still see the one.
        let single = join_all(names.iter().map(|name| asker.domain(&answer.region, name))).await;
        (answer, Some(single))
    }))
    .await;
    let mut items = Vec::new();
    let mut reasons: Vec<Value> = Vec::new();
    for (answer, single) in answers {
        let RegionAnswer { region, domains, mut parts } = answer;
        let of_region: Vec<&RegionDomains> = match &single {
            Some(single) if single.iter().all(|one| one.v1.is_ok() || one.v2.is_ok()) => single.iter().collect(),
            _ => vec![&*domains],
        };
        let whole: Vec<&Result<Listed, Refusal>> = of_region.iter().flat_map(|one| [&one.v1, &one.v2]).collect();
        if let Some(Err(refusal)) = whole.first().filter(|_| whole.iter().all(|listed| listed.is_err())) {
            let entry = asker.entry(&region, refusal, DOMAINS);
            document["not_read"][format!("domains.{region}")] = entry.clone();
            reasons.push(entry);
            continue;
        }
        if document.get("domains").is_none() {
            document["domains"] = json!([]);
        }
        if let Some(cut) = whole.iter().find_map(|listed| listed.as_ref().ok()?.cut.as_ref()) {
            document["not_read"][format!("domains.{region}")] = asker.entry(&region, cut, DOMAINS);
        }
        let v1_refusal = of_region.iter().find_map(|one| one.v1.as_ref().err());
        for name in wanted_names(&of_region, names, points_at) {
            let mut item = laid_together(&of_region, &name);
            item["region"] = json!(region);
            if let Some(refusal) = v1_refusal {
                asker.miss(&mut item, "endpointAccessMode", &region, refusal, DOMAINS);
            }
            if let Some(parts) = parts.remove(&name) {
                put_parts(asker, &mut item, &region, parts);
            }
            items.push(item);
        }
    }
    if let (None, Some(first)) = (document.get("domains"), reasons.into_iter().next()) {
        document["not_read"]["domains"] = first;
    }
    items
}

fn name_of(item: &Value) -> Option<String> {
    item.get("domainName")?.as_str().map(|name| name.trim_end_matches('.').to_ascii_lowercase())
}

/// The names of the domains that matter.
fn wanted_names(domains: &[&RegionDomains], names: &[String], points_at: Option<&str>) -> BTreeSet<String> {
    let items = domains.iter().flat_map(|one| [&one.v1, &one.v2]).flatten().flat_map(|listed| &listed.items);
    items
        .filter_map(|item| {
            let name = name_of(item)?;
            let is_target = points_at.is_some_and(|target| leads_to(item, target));
            (names.contains(&name) || is_target).then_some(name)
        })
        .collect()
}

/// Is the record's target this domain's own?
fn leads_to(item: &Value, target: &str) -> bool {
    let same =
        |value: Option<&Value>| value.and_then(Value::as_str).is_some_and(|name| name.eq_ignore_ascii_case(target));
    let configurations = item.get("domainNameConfigurations").and_then(Value::as_array);
    same(item.get("regionalDomainName"))
        || same(item.get("distributionDomainName"))
        || configurations.into_iter().flatten().any(|one| same(one.get("apiGatewayDomainName")))
}

/// One domain as both versions tell it: the first version's words, and the second's where the first has none.
fn laid_together(domains: &[&RegionDomains], name: &str) -> Value {
    let mut out = Map::new();
    for listed in domains.iter().flat_map(|one| [&one.v1, &one.v2]).flatten() {
        for item in listed.items.iter().filter(|item| name_of(item).as_deref() == Some(name)) {
            for (key, value) in item.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
                out.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
    }
    Value::Object(out)
}

/// Does the routing mode of the item ask for rules?
fn has_rules(item: &Value) -> bool {
    let mode = item.get("routingMode").and_then(Value::as_str).map(RoutingMode::of);
    mode.is_some_and(|mode| mode != RoutingMode::Mappings)
}

fn put_parts(asker: Asker<'_>, item: &mut Value, region: &str, parts: Parts) {
    // The second version tells the mappings of both; the first those of domains that the second does not know.
    let mappings = match (parts.mappings, parts.base_paths) {
        (Ok(mut one), Ok(two)) => {
            one.items.extend(two.items);
            Ok(Listed { items: one.items, cut: one.cut.or(two.cut) })
        }
        (Ok(one), Err(_)) | (Err(_), Ok(one)) => Ok(one),
        (Err(Refusal::NotFound), Err(refusal)) | (Err(refusal), Err(_)) => Err(refusal),
    };
    asker.put(item, "api_mappings", region, mappings, MAPPINGS);
    if has_rules(item) {
        asker.put(item, "routing_rules", region, parts.rules, RULES);
    }
}

/// Asks for the mappings of the domains that nobody has asked for yet.
async fn complete(asker: Asker<'_>, items: &mut [Value]) {
    join_all(items.iter_mut().map(|item| async move {
        let is_complete = item.get("api_mappings").is_some() || item["not_read"].get("api_mappings").is_some();
        let (Some(name), Some(region)) = (name_of(item), item["region"].as_str().map(ToOwned::to_owned)) else {
            return;
        };
        if !is_complete {
            let parts = ask_parts(asker, &region, &name).await;
            put_parts(asker, item, &region, parts);
        }
        if item["not_read"].is_null()
            && let Some(item) = item.as_object_mut()
        {
            item.remove("not_read");
        }
    }))
    .await;
}

/// Region and id of the APIs that the path reaches.
fn reached_apis(domains: &[&Domain], target: &Target, origin: Option<&OriginHost>) -> BTreeSet<(String, String)> {
    let mut out = BTreeSet::new();
    let asked = Asked { host: &target.host, path: &target.path, headers: &target.headers };
    for domain in domains {
        let Some(region) = domain.region.clone() else { continue };
        match mapping::caught(domain, asked) {
            Ok(caught) => out.extend(caught.api().map(|id| (region, id.to_owned()))),
            Err(_) => {
                let mapped = domain.mappings.found().into_iter().flatten().map(|mapping| mapping.api.clone());
                out.extend(mapped.take(MAX_APIS).map(|id| (region.clone(), id)));
            }
        }
    }
    if let Some(OriginHost { class: OriginClass::GatewayDefault, region: Some(region), id: Some(id) }) = origin {
        out.insert((region.clone(), id.clone()));
    }
    out
}

/// An API, of whichever kind it is.
async fn api(asker: Asker<'_>, region: &str, id: &str) -> Result<Value, (String, Value)> {
    let (v2, v1) = tokio::join!(asker.api(region, id), asker.rest_api(region, id));
    match (v2, v1) {
        (Ok(api), _) | (_, Ok(api)) => Ok(api),
        (Err(Refusal::NotFound), Err(Refusal::NotFound)) => {
            let text = format!("there is no API {id} in {region}");
            Err((id.to_owned(), json!({"kind": "inconclusive", "text": text})))
        }
        (Err(Refusal::NotFound), Err(refusal)) => {
            Err((id.to_owned(), asker.entry(region, &refusal, &format!("apigateway:GET on /restapis/{id}"))))
        }
        (Err(refusal), Err(_)) => {
            Err((id.to_owned(), asker.entry(region, &refusal, &format!("apigateway:GET on /apis/{id}"))))
        }
    }
}

/// The certificates of the domains, as AWS wrote their ARNs.
fn certificate_arns(document: &Value, domains: &[&Domain]) -> BTreeSet<String> {
    let wanted = domains.iter().flat_map(|domain| {
        [&domain.certificate, &domain.edge_certificate, &domain.ownership_certificate].into_iter().flatten()
    });
    wanted.flat_map(|arn| originals(&document["domains"], arn)).collect()
}

/// The ARNs in the raw document that the redacted one stands for.
fn originals(value: &Value, redacted: &Arn) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = vec![value];
    while let Some(value) = rest.pop() {
        match value {
            Value::String(text) => {
                // `…:lambda:path/2015-03-31/functions/{arn}/invocations` holds one inside.
                let inner = text.split_once("/functions/").map_or(text.as_str(), |(_, rest)| rest);
                let inner = inner.strip_suffix("/invocations").unwrap_or(inner);
                if Arn::of(inner).is_some_and(|arn| is_original(&arn, redacted)) {
                    found.push(inner.to_owned());
                }
            }
            Value::Array(list) => rest.extend(list),
            Value::Object(object) => rest.extend(object.values()),
            _ => {}
        }
    }
    found
}

fn is_original(arn: &Arn, redacted: &Arn) -> bool {
    (arn.partition(), arn.service(), arn.region(), arn.resource())
        == (redacted.partition(), redacted.service(), redacted.region(), redacted.resource())
}

/// The certificates of the domains in full, and of the lists those that cover the host.
async fn read_certificates(
    asker: Asker<'_>,
    arns: &BTreeSet<String>,
    regions: &BTreeSet<String>,
    host: &str,
) -> Vec<Result<Value, (String, Value)>> {
    let described = join_all(arns.iter().map(|arn| async move {
        let parsed = Arn::of(arn);
        let region = parsed.as_ref().and_then(Arn::region).unwrap_or_default();
        let id = parsed.as_ref().map(Arn::id).unwrap_or_default();
        let read = asker.certificate(region, arn).await;
        read.map_err(|refusal| (id.to_owned(), asker.entry(region, &refusal, "acm:DescribeCertificate")))
    }));
    let listed = join_all(regions.iter().map(|region| async move { (region, asker.certificates(region).await) }));
    let (mut out, listed) = tokio::join!(described, listed);
    for (region, listed) in listed {
        let (items, refusal) = match listed {
            Ok(listed) => (listed.items, listed.cut),
            Err(refusal) => (Vec::new(), Some(refusal)),
        };
        for mut item in items.into_iter().filter(|item| item.is_object()) {
            item["region"] = json!(region);
            let arn = item["CertificateArn"].as_str().unwrap_or_default();
            let is_described = arns.contains(arn);
            let row = Gateway::from_document(json!({"certificates": [item.clone()]}));
            let covers = row.certificates.found().into_iter().flatten().any(|certificate| certificate.covers(host));
            if covers && !is_described {
                out.push(Ok(item));
            }
        }
        out.extend(refusal.map(|refusal| Err((region.clone(), asker.entry(region, &refusal, "acm:ListCertificates")))));
    }
    out
}

/// The functions of a region, where only their URL is known.
async fn list_functions(asker: Asker<'_>, origin: Option<&OriginHost>) -> Option<Result<Listed, Refusal>> {
    match origin {
        Some(OriginHost { class: OriginClass::FunctionUrl, region: Some(region), .. }) => {
            Some(asker.functions(region).await)
        }
        _ => None,
    }
}

/// The one function of the list that has this URL, with its URLs and policy.
async fn functions_with_urls(
    asker: Asker<'_>,
    origin: Option<&OriginHost>,
    points_at: Option<&str>,
    listed: Option<Result<Listed, Refusal>>,
) -> Vec<Result<Value, (String, Value)>> {
    let (Some(listed), Some(host)) = (listed, points_at) else { return Vec::new() };
    let region = origin.and_then(|origin| origin.region.as_deref()).unwrap_or_default();
    let miss = |refusal: &Refusal, action: &str| vec![Err((host.to_owned(), asker.entry(region, refusal, action)))];
    let listed = match listed {
        Ok(listed) => listed,
        Err(refusal) => return miss(&refusal, "lambda:ListFunctions"),
    };
    let is_cut = listed.cut.is_some() || listed.items.len() > MAX_FUNCTIONS;
    let asked = join_all(listed.items.into_iter().take(MAX_FUNCTIONS).map(|function| async move {
        let arn = function["FunctionArn"].as_str().unwrap_or_default().to_owned();
        (function, asker.function_urls(region, &arn).await)
    }))
    .await;
    let mut refusal = None;
    for (mut function, urls) in asked {
        let urls = match urls {
            Ok(urls) => urls,
            Err(why) => {
                refusal = Some(why);
                continue;
            }
        };
        let has_it = |url: &Value| {
            let url = url["FunctionUrl"].as_str().unwrap_or_default();
            let after = url.split_once("://").map_or(url, |(_, rest)| rest);
            after.split('/').next().is_some_and(|found| found.eq_ignore_ascii_case(host))
        };
        let Some(owner) = urls.items.iter().find(|url| has_it(url)) else { continue };
        let arn = owner["FunctionArn"].as_str().unwrap_or_default().to_owned();
        function["FunctionArn"] = json!(arn);
        function["region"] = json!(region);
        let items = urls.items.clone();
        asker.put(
            &mut function,
            "url_configs",
            region,
            Ok(Listed { items, cut: urls.cut }),
            "lambda:ListFunctionUrlConfigs",
        );
        let (name, qualifier) = super::questions::split_qualifier(&arn);
        let policy = asker.policy(region, name, qualifier).await;
        asker.put_policy(&mut function, region, policy);
        return vec![Ok(function)];
    }
    match refusal {
        Some(refusal) => miss(&refusal, "lambda:ListFunctionUrlConfigs"),
        None if is_cut => {
            let text = format!("{region} has more functions than the {MAX_FUNCTIONS} that were asked for their URL");
            vec![Err((host.to_owned(), json!({"kind": "inconclusive", "text": text})))]
        }
        None => {
            let text = format!("no function of the account in {region} has the URL {host}");
            vec![Err((host.to_owned(), json!({"kind": "inconclusive", "text": text})))]
        }
    }
}

/// The functions behind the routes that the path reaches, as AWS wrote their ARNs.
fn functions_behind(typed: &Gateway, document: &Value, target: &Target) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for api in typed.apis.found().into_iter().flatten() {
        for path in paths_of(typed, api, target) {
            let function = api.routes.found().and_then(|routes| {
                let route = api_route::caught(api, routes, &target.method, &path)?;
                api.integration(route).ok()??.function()
            });
            out.extend(function.into_iter().flat_map(|arn| originals(&document["apis"], &arn)));
        }
    }
    out
}

/// The path as the API sees it: by its domain, or by its default endpoint with or without the stage.
fn paths_of(typed: &Gateway, api: &Api, target: &Target) -> Vec<String> {
    let asked = Asked { host: &target.host, path: &target.path, headers: &target.headers };
    let domains = typed.domains_of(&target.host).unwrap_or_default();
    let mut out: Vec<String> = domains
        .into_iter()
        .filter_map(|domain| mapping::caught(domain, asked).ok())
        .filter(|caught| caught.api() == Some(&api.id))
        .map(|caught| caught.rest_of(&target.path))
        .collect();
    if out.is_empty() {
        out.push(target.path.clone());
        let staged = target.path.trim_start_matches('/').split_once('/');
        out.extend(staged.map(|(_, rest)| format!("/{rest}")));
    }
    out
}

/// Puts what was found under `list`, and why the rest is not there.
fn put_found(document: &mut Value, list: &str, found: Vec<Result<Value, (String, Value)>>) {
    for one in found {
        match one {
            Ok(item) => match document.get_mut(list) {
                Some(Value::Array(items)) => items.push(item),
                _ => document[list] = json!([item]),
            },
            Err((place, why)) => document["not_read"][format!("{list}.{place}")] = why,
        }
    }
}
