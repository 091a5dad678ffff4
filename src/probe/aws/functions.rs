//! The functions: behind the routes that the path reaches, or behind a function URL.

use std::collections::BTreeSet;

use cfdoctor_checks::evidence::gateway::Api;
use cfdoctor_checks::evidence::{Gateway, Target};
use cfdoctor_checks::model::mapping::Asked;
use cfdoctor_checks::model::origin_host::{OriginClass, OriginHost};
use cfdoctor_checks::model::{api_route, mapping};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::call::Refusal;
use super::questions::{Asker, Listed, split_qualifier};
use super::walk::originals;

/// Most functions that are asked for their URLs.
const MAX_FUNCTIONS: usize = 100;

/// The functions of a region, where only their URL is known.
pub(super) async fn list_functions(asker: Asker<'_>, origin: Option<&OriginHost>) -> Option<Result<Listed, Refusal>> {
    match origin {
        Some(OriginHost { class: OriginClass::FunctionUrl, region: Some(region), .. }) => {
            Some(asker.functions(region).await)
        }
        _ => None,
    }
}

/// The one function of the list that has this URL, with its URLs and policy.
pub(super) async fn functions_with_urls(
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
        let (name, qualifier) = split_qualifier(&arn);
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
pub(super) fn functions_behind(typed: &Gateway, document: &Value, target: &Target) -> BTreeSet<String> {
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
