//! The way of a request through API Gateway, as the account tells it: custom domain, mapping, API, route, integration,
//! function (`facts/aws.md` section 3.5).

use super::origin_host::{OriginClass, classify};
use super::{api_route, mapping};
use crate::check::Probe;
use crate::evidence::gateway::{Api, Arn, Domain, Function, Gateway, Integration, Protocol, Route};
use crate::evidence::{Evidence, Target};
use crate::model::mapping::{Asked, Caught};
use crate::verdict::NotRun;

/// The way, as far as the custom domain leads it: to an API.
#[derive(Clone, Debug)]
pub struct Way<'a> {
    /// The custom domain.
    pub domain: &'a Domain,
    /// What caught the request there.
    pub caught: Caught<'a>,
    /// The API.
    pub api: &'a Api,
    /// The path as the API's routes see it.
    pub path: String,
    gateway: &'a Gateway,
    method: &'a str,
}

/// The custom domains of the target's host, one for each region; where the record's target is known to be one of them,
/// or to lie in a region of one, only that.
///
/// # Errors
/// Domains were not read, or none serves the host.
pub fn domains(evidence: &Evidence) -> Result<Vec<&Domain>, NotRun> {
    let gateway = evidence.gateway.get()?;
    let host = &evidence.target.host;
    let all = gateway.domains_of(host)?;
    if all.is_empty() {
        let why = format!("no custom domain of the account serves {host}");
        return Err(gateway.unread("domains").unwrap_or_else(|| NotRun::blocked(Probe::Gateway, why)));
    }
    let Some(origin) = &evidence.target.origin else { return Ok(all) };
    let own: Vec<&Domain> = all.iter().filter(|one| one.targets().any(|name| name == origin.host)).copied().collect();
    if !own.is_empty() {
        return Ok(own);
    }
    let region = classify(&origin.host).region;
    let near: Vec<&Domain> = all.iter().filter(|one| region.is_some() && one.region == region).copied().collect();
    Ok(if near.is_empty() { all } else { near })
}

/// The one domain that the record leads to.
///
/// # Errors
/// As [`domains`]; or there are several, and nothing tells which.
pub fn domain(evidence: &Evidence) -> Result<&Domain, NotRun> {
    match domains(evidence)?.as_slice() {
        [one] => Ok(one),
        several => {
            let regions: Vec<&str> =
                several.iter().map(|domain| domain.region.as_deref().unwrap_or("a region not told")).collect();
            Err(NotRun::inconclusive(format!(
                "{} is a custom domain in {}; name the one that the record points at with --origin",
                evidence.target.host,
                regions.join(" and ")
            )))
        }
    }
}

/// What of the target decides on a domain.
pub fn asked(target: &Target) -> Asked<'_> {
    Asked { host: &target.host, path: &target.path, headers: &target.headers }
}

/// The way to the API.
///
/// # Errors
/// Something on the way was not read, or it ends before an API.
pub fn way(evidence: &Evidence) -> Result<Way<'_>, NotRun> {
    let gateway = evidence.gateway.get()?;
    let target = &evidence.target;
    let domain = domain(evidence)?;
    let caught = mapping::caught(domain, asked(target))?;
    let Some(id) = caught.api() else {
        if let Caught::Mapping(mapping) = caught {
            return Err(NotRun::inconclusive(format!(
                "the AWS evidence does not tell which API the mapping \"{}\" of {} leads to (`aws apigatewayv2 \
                 get-api-mappings --domain-name {}` tells it)",
                mapping.key,
                domain.name,
                crate::evidence::text::shell_quote(&domain.name)
            )));
        }
        let why = match caught {
            Caught::Reserved => format!("{} is answered by API Gateway itself", target.path_only()),
            _ => format!("nothing on {} leads from {} to an API", domain.name, target.path_only()),
        };
        return Err(NotRun::blocked(Probe::Gateway, why));
    };
    let api = gateway.api(id)?;
    Ok(Way { domain, path: caught.rest_of(&target.path), caught, api, gateway, method: &target.method })
}

impl<'a> Way<'a> {
    /// The stage that the mapping or rule names.
    pub fn stage(&self) -> Option<&'a str> {
        self.caught.stage()
    }

    /// The route that takes the request; none: the API has none for it.
    ///
    /// # Errors
    /// The routes were not read, or a WebSocket API chooses them by its messages.
    pub fn route(&self) -> Result<Option<&'a Route>, NotRun> {
        if self.api.protocol == Protocol::WebSocket {
            return Err(NotRun::not_applicable("a WebSocket API chooses its route by the message"));
        }
        let routes = self.api.routes.get()?;
        Ok(api_route::caught(self.api, routes, self.method, &self.path))
    }

    /// The route with its integration.
    ///
    /// # Errors
    /// Not read, or there is none.
    pub fn integration(&self) -> Result<(&'a Route, &'a Integration), NotRun> {
        let none = |what: String| NotRun::blocked(Probe::Gateway, what);
        let route = self
            .route()?
            .ok_or_else(|| none(format!("the API {} has no route for {} {}", self.api.id, self.method, self.path)))?;
        let integration = self
            .api
            .integration(route)?
            .ok_or_else(|| none(format!("the route {} of {} has no integration", route.key, self.api.id)))?;
        Ok((route, integration))
    }

    /// The ARN of the function behind, with the function itself.
    ///
    /// # Errors
    /// Not read, or something other than a function stands there.
    pub fn function(&self) -> Result<(Arn, &'a Function), NotRun> {
        let (route, integration) = self.integration()?;
        let arn = integration.function().ok_or_else(|| {
            NotRun::not_applicable(format!("behind {} of {} stands no function that is named", route.key, self.api.id))
        })?;
        let function = self.gateway.function(&arn)?;
        Ok((arn, function))
    }

    /// `GET /items → $default of a1b2c3d4e5 (HTTP API)`.
    pub fn describe(&self) -> String {
        let stage = self.stage().map(|stage| format!("stage {stage} of ")).unwrap_or_default();
        format!("{stage}{} ({} API)", self.api.id, self.api.protocol)
    }
}

/// Does this name belong to API Gateway: a custom domain's target, or the distribution of an edge-optimised one?
pub fn may_be_gateway(name: &str) -> bool {
    matches!(
        classify(name).class,
        OriginClass::GatewayCustomTarget | OriginClass::GatewayDefault | OriginClass::CloudFront | OriginClass::Unknown
    )
}
