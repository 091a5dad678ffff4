//! The questions that are asked of AWS (`facts/aws.md` section 7.1), each with its pages.

use std::future::Future;

use serde_json::{Value, json};

use super::call::{Refusal, raw};
use super::session::{Clients, Session};
use crate::probe::api::{weight_of, without};
use crate::probe::budget::Budget;

/// Most pages of one list.
const MAX_PAGES: usize = 20;
/// What the entries of one list may take in memory, octets: 1,000 functions take 5 MiB.
const MAX_KEPT: usize = 8 * 1024 * 1024;
/// Entries of a page, where API Gateway is asked for a number.
const PAGE: i32 = 500;
/// Every kind of key: left to itself, ACM lists RSA-1024 and RSA-2048 only (`facts/aws.md` section 0, fact 6).
const KEY_TYPES: &[&str] =
    &["RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"];

/// A list, as far as it was read, and why not to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) items: Vec<Value>,
    pub(super) cut: Option<Refusal>,
}

/// The custom domains of a region by both versions of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RegionDomains {
    pub(super) v1: Result<Listed, Refusal>,
    pub(super) v2: Result<Listed, Refusal>,
}

impl RegionDomains {
    /// May it look different a moment later?
    pub(super) fn is_passing(&self) -> bool {
        [&self.v1, &self.v2].into_iter().any(|answer| match answer {
            Ok(listed) => listed.cut.is_some(),
            Err(refusal) => refusal.is_passing(),
        })
    }
}

/// One target's way of asking.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) session: &'a Session,
    pub(super) budget: &'a Budget,
}

impl Asker<'_> {
    fn at(&self, region: &str) -> Clients {
        self.session.at(region)
    }

    async fn one(&self, question: impl Future<Output = Result<Value, Refusal>>) -> Result<Value, Refusal> {
        let mut answer = self.session.ask(self.budget, question).await?;
        without(&mut answer, &self.session.secrets());
        match answer {
            Value::Object(_) => Ok(answer),
            _ => Err(Refusal::Strange("no object where one was due".into())),
        }
    }

    /// Page after page; a refusal after the first page leaves what was read.
    async fn pages<F>(&self, token: &str, page: impl Fn(Option<String>) -> F) -> Result<Listed, Refusal>
    where
        F: Future<Output = Result<Value, Refusal>>,
    {
        let mut listed = Listed::default();
        let mut next: Option<String> = None;
        let mut weight = 0;
        for _ in 0..MAX_PAGES {
            let asked = next.take();
            let answer = match self.one(page(asked.clone())).await {
                Ok(answer) => answer,
                Err(refusal) if listed.items.is_empty() => return Err(refusal),
                Err(refusal) => {
                    listed.cut = Some(refusal);
                    return Ok(listed);
                }
            };
            let items = match items(&answer) {
                Ok(items) => items,
                Err(refusal) if listed.items.is_empty() => return Err(refusal),
                Err(refusal) => {
                    listed.cut = Some(refusal);
                    return Ok(listed);
                }
            };
            weight += items.iter().map(weight_of).sum::<usize>();
            if weight > MAX_KEPT {
                listed.cut = Some(Refusal::Strange("the list holds more than cfdoctor keeps".into()));
                return Ok(listed);
            }
            listed.items.extend(items.iter().cloned());
            next = answer.get(token).and_then(Value::as_str).filter(|token| !token.is_empty()).map(ToOwned::to_owned);
            if next.is_none() {
                return Ok(listed);
            }
            if next == asked {
                listed.cut = Some(Refusal::Strange("the list leads to the same page again".into()));
                return Ok(listed);
            }
        }
        listed.cut = Some(Refusal::Strange(format!("the list has more than {MAX_PAGES} pages")));
        Ok(listed)
    }

    /// GetDomainNames of both versions.
    pub(super) async fn domains(&self, region: &str) -> RegionDomains {
        let clients = self.at(region);
        let v1 = self.pages("position", |next| {
            let client = &clients.v1;
            async move { raw!(client.get_domain_names().limit(PAGE).set_position(next)) }
        });
        let v2 = self.pages("nextToken", |next| {
            let client = &clients.v2;
            async move { raw!(client.get_domain_names().max_results(PAGE.to_string()).set_next_token(next)) }
        });
        let (v1, v2) = tokio::join!(v1, v2);
        RegionDomains { v1, v2 }
    }

    /// GetDomainName of both versions, for whoever may not list.
    pub(super) async fn domain(&self, region: &str, name: &str) -> RegionDomains {
        let clients = self.at(region);
        let (v1, v2) = tokio::join!(
            self.one(async { raw!(clients.v1.get_domain_name().domain_name(name)) }),
            self.one(async { raw!(clients.v2.get_domain_name().domain_name(name)) }),
        );
        let listed = |answer: Result<Value, Refusal>| match answer {
            Ok(item) => Ok(Listed { items: vec![item], cut: None }),
            Err(Refusal::NotFound) => Ok(Listed::default()),
            Err(refusal) => Err(refusal),
        };
        RegionDomains { v1: listed(v1), v2: listed(v2) }
    }

    /// GetApiMappings.
    pub(super) async fn api_mappings(&self, region: &str, domain: &str) -> Result<Listed, Refusal> {
        let clients = self.at(region);
        self.pages("nextToken", |next| {
            let client = &clients.v2;
            async move { raw!(client.get_api_mappings().domain_name(domain).set_next_token(next)) }
        })
        .await
    }

    /// GetBasePathMappings.
    pub(super) async fn base_path_mappings(&self, region: &str, domain: &str) -> Result<Listed, Refusal> {
        let clients = self.at(region);
        self.pages("position", |next| {
            let client = &clients.v1;
            async move { raw!(client.get_base_path_mappings().domain_name(domain).limit(PAGE).set_position(next)) }
        })
        .await
    }

    /// ListRoutingRules.
    pub(super) async fn routing_rules(&self, region: &str, domain: &str) -> Result<Listed, Refusal> {
        let clients = self.at(region);
        self.pages("nextToken", |next| {
            let client = &clients.v2;
            async move { raw!(client.list_routing_rules().domain_name(domain).set_next_token(next)) }
        })
        .await
    }

    /// DescribeCertificate.
    pub(super) async fn certificate(&self, region: &str, arn: &str) -> Result<Value, Refusal> {
        let clients = self.at(region);
        let mut answer = self.one(async { raw!(clients.acm.describe_certificate().certificate_arn(arn)) }).await?;
        match answer.get_mut("Certificate").map(Value::take) {
            Some(mut certificate) if certificate.is_object() => {
                certificate["region"] = json!(region);
                Ok(certificate)
            }
            _ => Err(Refusal::Strange("an answer without a certificate".into())),
        }
    }

    /// ListCertificates with every kind of key.
    pub(super) async fn certificates(&self, region: &str) -> Result<Listed, Refusal> {
        let clients = self.at(region);
        let kinds = KEY_TYPES.iter().map(|kind| aws_sdk_acm::types::KeyAlgorithm::from(*kind)).collect::<Vec<_>>();
        let filters = aws_sdk_acm::types::Filters::builder().set_key_types(Some(kinds)).build();
        self.pages("NextToken", |next| {
            let (client, filters) = (&clients.acm, filters.clone());
            async move { raw!(client.list_certificates().includes(filters).max_items(PAGE).set_next_token(next)) }
        })
        .await
    }

    /// An HTTP or WebSocket API with its stages, routes and integrations.
    pub(super) async fn api(&self, region: &str, id: &str) -> Result<Value, Refusal> {
        let clients = self.at(region);
        let client = &clients.v2;
        let (api, stages, routes, integrations) = tokio::join!(
            self.one(async { raw!(client.get_api().api_id(id)) }),
            self.pages("nextToken", |next| async move { raw!(client.get_stages().api_id(id).set_next_token(next)) }),
            self.pages("nextToken", |next| async move { raw!(client.get_routes().api_id(id).set_next_token(next)) }),
            self.pages(
                "nextToken",
                |next| async move { raw!(client.get_integrations().api_id(id).set_next_token(next)) }
            ),
        );
        let mut api = api?;
        self.put(&mut api, "stages", region, stages, "apigateway:GET on /apis/*/stages");
        self.put(&mut api, "routes", region, routes, "apigateway:GET on /apis/*/routes");
        self.put(&mut api, "integrations", region, integrations, "apigateway:GET on /apis/*/integrations");
        api["region"] = json!(region);
        Ok(api)
    }

    /// A REST API with its stages and resources.
    pub(super) async fn rest_api(&self, region: &str, id: &str) -> Result<Value, Refusal> {
        let clients = self.at(region);
        let client = &clients.v1;
        let (api, stages, resources) = tokio::join!(
            self.one(async { raw!(client.get_rest_api().rest_api_id(id)) }),
            self.pages("position", |_| async move { raw!(client.get_stages().rest_api_id(id)) }),
            self.pages("position", |next| async move {
                raw!(client.get_resources().rest_api_id(id).limit(PAGE).embed("methods").set_position(next))
            }),
        );
        let mut api = api?;
        self.put(&mut api, "stages", region, stages, "apigateway:GET on /restapis/*/stages");
        self.put(&mut api, "resources", region, resources, "apigateway:GET on /restapis/*/resources");
        api["region"] = json!(region);
        Ok(api)
    }

    /// ListFunctions: the only way from a function URL to its function.
    pub(super) async fn functions(&self, region: &str) -> Result<Listed, Refusal> {
        let clients = self.at(region);
        self.pages("NextMarker", |next| {
            let client = &clients.lambda;
            async move { raw!(client.list_functions().set_marker(next)) }
        })
        .await
    }

    /// The URLs of a function and of its aliases.
    pub(super) async fn function_urls(&self, region: &str, function: &str) -> Result<Listed, Refusal> {
        let clients = self.at(region);
        let listed = self
            .pages("NextMarker", |next| {
                let client = &clients.lambda;
                async move { raw!(client.list_function_url_configs().function_name(function).set_marker(next)) }
            })
            .await;
        // Whoever may not list, or an emulator that cannot, may still tell the one.
        if !matches!(listed, Err(Refusal::Denied(_) | Refusal::Strange(_))) {
            return listed;
        }
        match self.one(async { raw!(clients.lambda.get_function_url_config().function_name(function)) }).await {
            Ok(one) => Ok(Listed { items: vec![one], cut: None }),
            Err(Refusal::NotFound) => Ok(Listed::default()),
            Err(_) => listed,
        }
    }

    /// A function (or alias) with its URLs and policy; `arn` as AWS wrote it.
    pub(super) async fn function(&self, region: &str, arn: &str) -> Result<Value, Refusal> {
        let clients = self.at(region);
        let (unqualified, qualifier) = split_qualifier(arn);
        let (configuration, policy, urls) = tokio::join!(
            self.one(async {
                let client = &clients.lambda;
                raw!(client.get_function_configuration().function_name(unqualified).set_qualifier(qualifier.clone()))
            }),
            self.policy(region, unqualified, qualifier.clone()),
            self.function_urls(region, unqualified),
        );
        let mut function = configuration?;
        self.put_policy(&mut function, region, policy);
        self.put(&mut function, "url_configs", region, urls, "lambda:ListFunctionUrlConfigs");
        function["region"] = json!(region);
        Ok(function)
    }

    /// GetPolicy; a function without one has an empty one.
    pub(super) async fn policy(
        &self,
        region: &str,
        function: &str,
        qualifier: Option<String>,
    ) -> Result<Value, Refusal> {
        let clients = self.at(region);
        let client = &clients.lambda;
        match self.one(async { raw!(client.get_policy().function_name(function).set_qualifier(qualifier)) }).await {
            Ok(answer) => Ok(answer.get("Policy").cloned().unwrap_or_else(|| json!({"Statement": []}))),
            Err(Refusal::NotFound) => Ok(json!({"Statement": []})),
            Err(refusal) => Err(refusal),
        }
    }

    /// Puts the policy into a function.
    pub(super) fn put_policy(&self, function: &mut Value, region: &str, policy: Result<Value, Refusal>) {
        match policy {
            Ok(policy) => function["policy"] = policy,
            Err(refusal) => self.miss(function, "policy", region, &refusal, "lambda:GetPolicy"),
        }
    }

    /// Puts a list into its owner, or why it is not there or not whole.
    pub(super) fn put(
        &self,
        owner: &mut Value,
        part: &str,
        region: &str,
        listed: Result<Listed, Refusal>,
        action: &str,
    ) {
        match listed {
            Ok(listed) => {
                owner[part] = Value::Array(listed.items);
                if let Some(refusal) = listed.cut {
                    self.miss(owner, part, region, &refusal, action);
                }
            }
            Err(refusal) => self.miss(owner, part, region, &refusal, action),
        }
    }

    /// Says in the owner why a part is not there.
    pub(super) fn miss(&self, owner: &mut Value, part: &str, region: &str, refusal: &Refusal, action: &str) {
        owner["not_read"][part] = self.entry(region, refusal, action);
    }

    /// A refusal as an entry of `not_read`. The credentials are known to be good here.
    pub(super) fn entry(&self, region: &str, refusal: &Refusal, action: &str) -> Value {
        let service = action.split(':').next().unwrap_or(action);
        let mut place = self.session.place(service, region);
        place.action = action;
        cfdoctor_checks::evidence::gateway::not_read(&super::errors::not_run(refusal, &place, true))
    }
}

/// The entries of a page: v2 `items`, v1 `item` (and HAL without its header), ACM and Lambda their own names. A page
/// without entries may leave them out; what has something else in their place is no page.
fn items(answer: &Value) -> Result<&[Value], Refusal> {
    const LISTS: &[&str] =
        &["items", "item", "CertificateSummaryList", "Functions", "FunctionUrlConfigs", "routingRules"];
    const BESIDE: &[&str] = &["_links", "_embedded", "nextToken", "position", "NextToken", "NextMarker", "Marker"];
    let embedded = answer.get("_embedded").unwrap_or(answer);
    let found = LISTS.iter().find_map(|key| answer.get(*key).or_else(|| embedded.get(*key)));
    let is_bare = || {
        let fields = answer.as_object().into_iter().flatten();
        fields.into_iter().all(|(key, _)| BESIDE.contains(&key.as_str()))
    };
    match found {
        Some(Value::Array(items)) => Ok(items),
        Some(one @ Value::Object(_)) => Ok(std::slice::from_ref(one)),
        Some(Value::Null) => Ok(&[]),
        None if is_bare() => Ok(&[]),
        _ => Err(Refusal::Strange("no list where one was due".into())),
    }
}

/// `arn:…:function:f:live` → the function and `live`.
pub(super) fn split_qualifier(arn: &str) -> (&str, Option<String>) {
    match arn.match_indices(':').nth(6) {
        Some((at, _)) => {
            let qualifier = arn.get(at + 1..).filter(|qualifier| !qualifier.is_empty() && *qualifier != "$LATEST");
            (arn.get(..at).unwrap_or(arn), qualifier.map(ToOwned::to_owned))
        }
        None => (arn, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_every_kind() {
        for page in [
            json!({"items": [1]}),
            json!({"item": [1]}),
            json!({"_embedded": {"item": [1]}}),
            json!({"CertificateSummaryList": [1]}),
            json!({"routingRules": [1]}),
        ] {
            assert_eq!(items(&page).unwrap(), [json!(1)], "{page}");
        }
        assert_eq!(items(&json!({"_embedded": {"item": {"name": "only one"}}})).unwrap().len(), 1);
        for empty in [json!({}), json!({"items": null}), json!({"_links": {"self": {}}}), json!({"nextToken": null})] {
            assert!(items(&empty).unwrap().is_empty(), "{empty}");
        }
        for odd in [json!({"items": 7}), json!({"message": "Welcome"}), json!({"error": "x", "nextToken": "y"})] {
            assert!(matches!(items(&odd), Err(Refusal::Strange(_))), "{odd}");
        }
    }

    #[test]
    fn aliases() {
        let function = "arn:aws:lambda:us-west-2:123456789012:function:f";
        assert_eq!(split_qualifier(function), (function, None));
        assert_eq!(split_qualifier(&format!("{function}:live")), (function, Some("live".into())));
        assert_eq!(split_qualifier(&format!("{function}:$LATEST")), (function, None));
        assert_eq!(split_qualifier("f"), ("f", None));
    }
}
