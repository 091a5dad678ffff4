//! The custom domains of each region, with their mappings and rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cfdoctor_checks::evidence::gateway::RoutingMode;
use futures_util::future::join_all;
use serde_json::{Map, Value, json};

use super::call::Refusal;
use super::questions::{Asker, Listed, RegionDomains};

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
pub(super) struct RegionAnswer {
    pub(super) region: String,
    pub(super) domains: Arc<RegionDomains>,
    /// By the domain's name.
    parts: BTreeMap<String, Parts>,
}

pub(super) async fn ask_region(asker: Asker<'_>, region: &str, names: &[String], guess: bool) -> RegionAnswer {
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

/// The domains that serve one of the names, or whose target the record points at; with what was read of them so far.
pub(super) async fn gather_domains(
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
pub(super) async fn complete(asker: Asker<'_>, items: &mut [Value]) {
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
