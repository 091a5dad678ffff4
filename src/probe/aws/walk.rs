//! The way through the account: domains, then certificates and APIs, then functions.

use std::collections::BTreeSet;

use cfdoctor_checks::NotRun;
use cfdoctor_checks::evidence::gateway::{Arn, Domain};
use cfdoctor_checks::evidence::{Gateway, Target};
use cfdoctor_checks::model::mapping;
use cfdoctor_checks::model::mapping::Asked;
use cfdoctor_checks::model::origin_host::{OriginClass, OriginHost, classify, region, regions as known_regions};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::call::Refusal;
use super::domains::{RegionAnswer, ask_region, complete, gather_domains};
use super::errors;
use super::functions::{functions_behind, functions_with_urls, list_functions};
use super::questions::Asker;
use super::session::Session;
use super::{AwsRegions, FEW};
use crate::probe::budget::Budget;

/// Most APIs that are read, where it cannot be told which of them the path reaches.
const MAX_APIS: usize = 5;

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

/// Region and id of the APIs that the path reaches.
fn reached_apis(domains: &[&Domain], target: &Target, origin: Option<&OriginHost>) -> BTreeSet<(String, String)> {
    let mut out = BTreeSet::new();
    let asked = Asked { host: &target.host, path: &target.path, headers: &target.headers };
    for domain in domains {
        let Some(region) = domain.region.clone() else { continue };
        match mapping::caught(domain, asked) {
            Ok(caught) => out.extend(caught.api().map(|id| (region, id.to_owned()))),
            Err(_) => {
                let mapped = domain.mappings.found().into_iter().flatten().filter_map(|mapping| mapping.api.clone());
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
pub(super) fn originals(value: &Value, redacted: &Arn) -> Vec<String> {
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
