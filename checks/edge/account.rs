//! What the AWS account adds to an answer that was seen: why API Gateway refused, and whose time limit it was.

use crate::evidence::Evidence;
use crate::evidence::gateway::{Arn, Authorization, Function, Protocol, Route};
use crate::evidence::text::shell_quote;
use crate::model::function_url::{self, PublicUse};
use crate::model::gateway_error::GatewayErrorKind;
use crate::model::origin_host::{self, OriginClass};
use crate::model::reach::{self, Way};

/// Routes that are listed as proof.
const SHOWN: usize = 8;

/// The kinds of reasons, each with a cure of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// No route; of a REST API?
    Route(bool),
    /// An API key; of a REST API's method always.
    Key,
    /// A signature.
    Signature,
    /// An authorizer.
    Token,
    /// A resource policy.
    Policy,
    /// A web ACL of this name.
    Firewall(String),
    /// A throttle.
    Throttle,
}

/// Why API Gateway refuses, by the account.
pub(super) struct Refusal {
    /// What kind of reason.
    pub(super) reason: Reason,
    /// Surely not what the owner wants?
    pub(super) is_certain: bool,
    /// The meaning, as a clause.
    pub(super) text: String,
    /// Lines of proof.
    pub(super) proof: Vec<String>,
}

/// What in the account makes this refusal; none where nothing there does.
pub(super) fn refusal(evidence: &Evidence, kind: GatewayErrorKind) -> Option<Refusal> {
    use GatewayErrorKind::*;
    let way = reach::way(evidence).ok()?;
    let target = &evidence.target;
    let leads = format!("the account leads {} to {}", target.path_only(), way.describe());
    let told =
        |reason: Reason, text: String| Some(Refusal { reason, is_certain: false, text, proof: vec![leads.clone()] });
    if matches!(kind, TooManyRequests) {
        return throttle(&way, &leads);
    }
    let Some(route) = way.route().ok()? else {
        if !matches!(kind, NotFound | MissingAuthenticationToken) {
            return None;
        }
        let text = format!("{} has no route for {} {}", way.describe(), target.method, way.path);
        let routes = way.api.routes.found().map(Vec::as_slice).unwrap_or_default();
        let mut keys: Vec<&str> = routes.iter().take(SHOWN).map(|route| route.key.as_str()).collect();
        if routes.len() > SHOWN {
            keys.push("…");
        }
        let routes =
            if keys.is_empty() { "it has no route at all".into() } else { format!("its routes: {}", keys.join(", ")) };
        let reason = Reason::Route(way.api.protocol == Protocol::Rest);
        return Some(Refusal { reason, is_certain: true, text, proof: vec![leads, routes] });
    };
    let key = &route.key;
    match kind {
        Forbidden if route.api_key_required => told(Reason::Key, format!("{key} wants an API key")),
        Forbidden | AccessDenied | MissingAuthenticationToken if route.authorization == Authorization::Iam => {
            told(Reason::Signature, format!("{key} wants a signature (AWS_IAM)"))
        }
        Forbidden | Unauthorized | NotAuthorized if wants_token(route) => {
            told(Reason::Token, format!("the authorizer of {key} ({}) refuses the caller", route.authorization))
        }
        AccessDenied if way.api.policy.is_some() => {
            told(Reason::Policy, format!("the resource policy of {} refuses the caller", way.api.id))
        }
        Forbidden => {
            let stage = way.api.stage(way.stage()?).ok()??;
            let acl = stage.web_acl.as_ref()?;
            told(
                Reason::Firewall(acl_name(acl).to_owned()),
                format!("AWS WAF stands before stage {} ({}); its sampled requests tell", stage.name, acl_name(acl)),
            )
        }
        _ => None,
    }
}

fn wants_token(route: &Route) -> bool {
    matches!(route.authorization, Authorization::Jwt | Authorization::Custom | Authorization::Cognito)
}

/// `arn:aws:wafv2:us-west-2:…:regional/webacl/{name}/{id}`.
fn acl_name(arn: &str) -> &str {
    arn.split_once("/webacl/").and_then(|(_, rest)| rest.split('/').next()).unwrap_or("a web ACL")
}

fn throttle(way: &Way<'_>, leads: &str) -> Option<Refusal> {
    let stage = way.api.stage(way.stage()?).ok()??;
    let rate = stage.rate_limit?;
    let text = if rate <= 0.0 {
        format!("the rate limit of stage {} is 0: it lets nothing through", stage.name)
    } else {
        format!("more than the {rate} requests a second that stage {} allows", stage.name)
    };
    Some(Refusal { reason: Reason::Throttle, is_certain: rate <= 0.0, text, proof: vec![leads.to_owned()] })
}

/// What the account says of the function URL that the record points at.
pub(super) fn public_use(evidence: &Evidence) -> Option<(String, PublicUse)> {
    let origin = &evidence.target.origin.as_ref().filter(|origin| !origin.assumed)?.host;
    if origin_host::classify(origin).class != OriginClass::FunctionUrl {
        return None;
    }
    let known = function_url::admission(evidence.gateway.found()?, origin).ok()?;
    Some((known.function.name.clone(), known.public))
}

/// The function behind the URL and the time limits on the way to it.
pub(super) struct Limits<'a> {
    /// The function's name.
    pub(super) name: &'a str,
    /// The function, where it was read.
    pub(super) function: Option<&'a Function>,
    /// Seconds that API Gateway waits; none: it is not in the way.
    pub(super) integration: Option<f64>,
}

/// The function that the account has behind this URL.
pub(super) fn limits(evidence: &Evidence) -> Option<Limits<'_>> {
    let gateway = evidence.gateway.found()?;
    let target = &evidence.target;
    let names = [Some(target.host.as_str()), target.origin.as_ref().map(|origin| origin.host.as_str())];
    let of_url = names.into_iter().flatten().find_map(|name| gateway.function_url(name).ok());
    if let Some((function, _)) = of_url {
        return Some(Limits { name: &function.name, function: Some(function), integration: None });
    }
    let way = reach::way(evidence).ok()?;
    let (_, integration) = way.integration().ok()?;
    let function = way.function().ok();
    // Where the integration says nothing it is the longest (facts/aws.md section 4.3).
    let longest = if way.api.protocol == Protocol::Rest { 29_000 } else { 30_000 };
    #[allow(clippy::cast_precision_loss)] // minutes at most
    let seconds = integration.timeout_ms.unwrap_or(longest) as f64 / 1000.0;
    let name = function.as_ref().map(|(_, function)| function.name.as_str())?;
    Some(Limits { name, function: function.map(|(_, function)| function), integration: Some(seconds) })
}

/// The ids of the way, as words of a shell, where the account tells them.
pub(super) struct Ids {
    pub(super) api: String,
    pub(super) stage: String,
    pub(super) domain: String,
    pub(super) function: String,
    /// ` --region us-west-2`, or nothing.
    pub(super) region: String,
    /// What the permission of a function names.
    pub(super) source: String,
}

/// With placeholders where the account tells nothing.
pub(super) fn ids(evidence: &Evidence) -> Ids {
    let way = reach::way(evidence).ok();
    let domain = reach::domain(evidence).ok();
    let limits = limits(evidence);
    let region = domain
        .and_then(|domain| domain.region.as_deref())
        .or_else(|| limits.as_ref()?.function?.region.as_deref())
        .filter(|name| origin_host::region(name).is_some());
    let of_function = limits.as_ref().and_then(|limits| limits.function?.arn.as_ref());
    Ids {
        api: way.as_ref().map_or_else(|| "API_ID".into(), |way| shell_quote(&way.api.id)),
        stage: way.as_ref().and_then(Way::stage).map_or_else(|| "STAGE".into(), shell_quote),
        domain: domain.map_or_else(|| evidence.target.host.clone(), |domain| shell_quote(&domain.name)),
        function: limits.as_ref().map_or_else(|| "FUNCTION".into(), |limits| shell_quote(limits.name)),
        region: region.map(|region| format!(" --region {region}")).unwrap_or_default(),
        source: source(way.as_ref(), of_function)
            .map_or_else(|| "'arn:aws:execute-api:REGION:ACCOUNT:API_ID/*'".into(), |arn| arn.for_shell()),
    }
}

fn source(way: Option<&Way<'_>>, function: Option<&Arn>) -> Option<Arn> {
    let (way, function) = (way?, function?);
    let region = way.api.region.as_deref().or_else(|| function.region())?;
    Arn::of(&format!(
        "arn:{}:execute-api:{region}:{}:{}/*",
        function.partition()?,
        function.account().unwrap_or("ACCOUNT"),
        way.api.id
    ))
}
