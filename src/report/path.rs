//! The way of a request, hop by hop: what was seen at each, and where it breaks.

use cfdoctor_checks::evidence::dns::Chain;
use cfdoctor_checks::evidence::tls::{Connect, Handshake, TlsOutcome};
use cfdoctor_checks::evidence::{Evidence, Exchange, Exchanges, Proxied, Response, Vantage, redact};
use cfdoctor_checks::model::attribution::{self, AnsweredBy};
use cfdoctor_checks::model::cloudflare;
use cfdoctor_checks::model::origin_host::{self, OriginClass};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::build::line;
use super::{Diagnosis, OWN_AREA, ResultReport, Status};

/// Addresses told of a name.
const MAX_ADDRESSES: usize = 3;

/// A place on the way, with the connection that leads to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hop {
    /// Which place.
    pub id: HopId,
    /// What people call it: "Cloudflare edge", "API Gateway".
    pub title: String,
    /// Its host name or address, where one is known.
    #[serde(default)]
    pub name: Option<String>,
    /// The connection that leads here; null for the visitor.
    #[serde(default)]
    pub link: Option<Leg>,
    /// The place itself.
    pub here: Leg,
}

/// The places, from the visitor inwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HopId {
    /// Who asks.
    Visitor,
    /// Cloudflare's data centre.
    Edge,
    /// What the proxied record points at: API Gateway, a function URL, a machine.
    Origin,
    /// What API Gateway calls: the Lambda function or another integration.
    Function,
}

/// A connection or a place, with all that is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Leg {
    /// The worst finding here that counts; `pass` where it was seen at work, `not-run` where nobody could see it.
    pub status: Status,
    /// What was seen, in a few short lines.
    #[serde(default)]
    pub seen: Vec<String>,
    /// Ids of the findings that are about it.
    #[serde(default)]
    pub findings: Vec<String>,
    /// Is this where the diagnosis says that the path breaks?
    #[serde(default)]
    pub broken: bool,
}

/// Where on the way a finding belongs: at a place, or on the connection that leads to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spot {
    To(HopId),
    At(HopId),
}

/// The spot of a check, by the catalogue's meaning (`product.md` section 6): its area's, unless it is named here.
fn spot(check: &str, area: &str) -> Spot {
    use HopId::{Edge, Function, Origin};
    match check {
        "dns-target-unresolvable"
        | "dns-target-default-endpoint"
        | "dns-target-foreign-host"
        | "dns-target-is-cloudflare"
        | "dns-region-mismatch"
        | "edge-origin-error"
        | "aws-target-mismatch"
        | "aws-mutual-tls-unmet"
        | "cloudflare-ssl-mode-weak"
        | "cloudflare-strict-breaks-neighbour"
        | "cloudflare-trust-store-replaced" => Spot::To(Origin),
        "edge-unreachable"
        | "edge-certificate-not-covering"
        | "edge-certificate-expiring"
        | "edge-legacy-tls"
        | "edge-http-not-redirected"
        | "cloudflare-edge-certificate-pending"
        | "cloudflare-minimum-tls-weak" => Spot::To(Edge),
        "edge-gateway-rejects"
        | "edge-host-rejected"
        | "edge-body-base64"
        | "origin-default-certificate"
        | "origin-ca-exposed"
        | "origin-bypass-open" => Spot::At(Origin),
        "edge-integration-failing" => Spot::At(Function),
        "aws-invoke-permission-missing" | "aws-function-url-auth" => Spot::To(Function),
        _ => match area {
            "dns" => Spot::To(Edge),
            "origin" => Spot::To(Origin),
            "aws" => Spot::At(Origin),
            _ => Spot::At(Edge),
        },
    }
}

/// The path of this target.
pub(super) fn path(evidence: &Evidence, diagnosis: Option<&Diagnosis>, results: &[ResultReport]) -> Vec<Hop> {
    let looked = evidence.dns.found().is_some()
        || [&evidence.edge, &evidence.origin].iter().any(|end| end.tls.found().is_some() || end.http.found().is_some());
    if !looked {
        return Vec::new();
    }
    let class = evidence.origin_name().map_or(OriginClass::Unknown, |name| origin_host::classify(name).class);
    let by = attribution::answered_by(evidence);
    let map = Map { evidence, cause: diagnosis.map(|diagnosis| diagnosis.cause.as_str()), results, class, by };
    let mut hops = vec![map.visitor(), map.edge(), map.origin()];
    hops.extend(map.function());
    hops
}

struct Map<'a> {
    evidence: &'a Evidence,
    cause: Option<&'a str>,
    results: &'a [ResultReport],
    class: OriginClass,
    by: AnsweredBy,
}

impl Map<'_> {
    fn visitor(&self) -> Hop {
        let target = &self.evidence.target;
        let seen = vec![format!("{} {}", target.method, target.path)];
        let here = Leg { status: Status::Pass, seen: harmless(seen), findings: Vec::new(), broken: false };
        Hop { id: HopId::Visitor, title: "Visitor".into(), name: None, link: None, here }
    }

    fn edge(&self) -> Hop {
        let (host, edge) = (&self.evidence.target.host, &self.evidence.edge);
        let mut way = Vec::new();
        way.extend(self.evidence.dns.found().map(|dns| resolved(&dns.host)));
        way.extend(edge.tls.found().map(shaken));
        let mut seen: Vec<String> = edge.http.found().and_then(answered).into_iter().collect();
        seen.extend(cache_statuses(edge));
        let direct = matches!(self.evidence.proxied(), Proxied::No(_));
        if direct {
            seen = vec!["not on the path: visitors go straight to the origin".into()];
        }
        Hop {
            id: HopId::Edge,
            title: "Cloudflare edge".into(),
            name: Some(line(host)),
            link: Some(self.leg(Spot::To(HopId::Edge), way, works(edge))),
            here: self.leg(Spot::At(HopId::Edge), seen, !direct && has_answer(edge)),
        }
    }

    fn origin(&self) -> Hop {
        let evidence = self.evidence;
        let origin = &evidence.origin;
        let mut way = Vec::new();
        way.extend(evidence.origin_chain().ok().map(resolved));
        way.extend(origin.tls.found().map(|handshake| format!("asked by us: {}", shaken(handshake))));
        let mut seen: Vec<String> = Vec::new();
        seen.extend((self.class != OriginClass::Unknown).then(|| self.class.name().to_owned()));
        seen.extend(origin.http.found().and_then(answered).map(|answer| format!("asked by us: {answer}")));
        // An answer made just now, passed on by the edge, is proof of the whole way.
        let fresh = evidence.edge_serves_fresh().is_some();
        let name = evidence.origin_name().map(ToOwned::to_owned);
        Hop {
            id: HopId::Origin,
            title: self.origin_title().into(),
            name: name.or_else(|| evidence.target.origin.as_ref().map(|origin| origin.host.clone())).map(|n| line(&n)),
            link: Some(self.leg(Spot::To(HopId::Origin), way, fresh || works(origin))),
            here: self.leg(Spot::At(HopId::Origin), seen, fresh || has_answer(origin)),
        }
    }

    /// The box behind the gateway, where there is a gateway.
    fn function(&self) -> Option<Hop> {
        if !self.has_function() {
            return None;
        }
        let from_behind = |end: &Vantage| {
            let first = end.http.found().and_then(Exchanges::first);
            first.is_some_and(|response| {
                let by = attribution::attribute(response);
                by.product_error.is_none()
                    && match by.by {
                        AnsweredBy::Lambda => true,
                        AnsweredBy::ApiGatewayHttp | AnsweredBy::ApiGatewayRest | AnsweredBy::FunctionUrl => {
                            response.status < 400
                        }
                        _ => false,
                    }
            })
        };
        let answers = from_behind(&self.evidence.edge) || from_behind(&self.evidence.origin);
        let seen = if answers { "its answer came through" } else { "no answer of it was seen" };
        Some(Hop {
            id: HopId::Function,
            title: if self.is_function_url() { "Lambda function" } else { "Lambda or backend" }.into(),
            name: None,
            link: Some(self.leg(Spot::To(HopId::Function), Vec::new(), answers)),
            here: self.leg(Spot::At(HopId::Function), vec![seen.into()], answers),
        })
    }

    fn is_function_url(&self) -> bool {
        self.class == OriginClass::FunctionUrl || self.by == AnsweredBy::FunctionUrl
    }

    fn has_function(&self) -> bool {
        self.is_function_url() || self.origin_title() == GATEWAY
    }

    fn origin_title(&self) -> &'static str {
        match self.class {
            OriginClass::GatewayCustomTarget
            | OriginClass::GatewayDefault
            | OriginClass::GatewayPrivateAlias
            | OriginClass::GatewayVpcEndpoint => GATEWAY,
            OriginClass::FunctionUrl => "Lambda function URL",
            OriginClass::CloudFront => "CloudFront",
            OriginClass::LoadBalancer | OriginClass::NetworkLoadBalancer => "Load balancer",
            OriginClass::S3Website | OriginClass::S3Rest => "S3",
            OriginClass::Unknown => match self.by {
                AnsweredBy::ApiGatewayHttp | AnsweredBy::ApiGatewayRest | AnsweredBy::Lambda => GATEWAY,
                AnsweredBy::FunctionUrl => "Lambda function URL",
                AnsweredBy::CloudFront => "CloudFront",
                AnsweredBy::Alb => "Load balancer",
                AnsweredBy::S3 => "S3",
                _ => "Origin",
            },
            _ => "Origin",
        }
    }

    fn leg(&self, spot: Spot, seen: Vec<String>, works: bool) -> Leg {
        // The owner's own conditions are about an answer, not about a place.
        let here = |result: &&ResultReport| result.area != OWN_AREA && self.spot_of(result) == spot;
        let findings: Vec<&ResultReport> =
            self.results.iter().filter(|result| result.status.is_finding()).filter(here).collect();
        let worst = findings.iter().filter(|result| result.is_counting()).map(|result| result.status).max();
        Leg {
            status: worst.unwrap_or(if works { Status::Pass } else { Status::NotRun }),
            seen: harmless(seen),
            broken: findings.iter().any(|result| Some(&*result.check) == self.cause),
            findings: findings.iter().map(|result| result.check.to_string()).collect(),
        }
    }

    /// Without a box behind it, the origin itself is what fails.
    fn spot_of(&self, result: &ResultReport) -> Spot {
        match spot(&result.check, &result.area) {
            Spot::To(HopId::Function) | Spot::At(HopId::Function) if !self.has_function() => Spot::At(HopId::Origin),
            spot => spot,
        }
    }
}

const GATEWAY: &str = "API Gateway";

fn harmless(lines: Vec<String>) -> Vec<String> {
    lines.iter().map(|text| line(&redact::text(text))).collect()
}

/// `203.0.113.7, 203.0.113.8`, or why there is no address.
fn resolved(chain: &Chain) -> String {
    let addresses = chain.addresses();
    if addresses.is_empty() {
        return match &chain.fault {
            Some(_) => "DNS: the CNAME chain does not end".into(),
            None => format!("DNS: {}", chain.ipv4.describe()),
        };
    }
    let shown: Vec<String> = addresses.iter().take(MAX_ADDRESSES).map(ToString::to_string).collect();
    let more = addresses.len().saturating_sub(MAX_ADDRESSES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("DNS: {}{more}", shown.join(", "))
}

/// `TLS 1.3, h2`, or what went wrong.
fn shaken(handshake: &Handshake) -> String {
    if let Some(trouble) = trouble(handshake) {
        return trouble;
    }
    match &handshake.session {
        Some(session) => match &session.alpn {
            Some(alpn) => format!("{}, {alpn}", session.version.name()),
            None => session.version.name().to_owned(),
        },
        None => "TLS completed".into(),
    }
}

/// Why no TLS connection stands; `None`: one does.
pub(super) fn trouble(handshake: &Handshake) -> Option<String> {
    match (&handshake.connect, &handshake.outcome) {
        (_, TlsOutcome::Completed) => None,
        (Connect::Open | Connect::Reported, outcome) => Some(outcome.describe()),
        (connect, _) => Some(connect.describe()),
    }
}

/// `answers 200 via SEA`, or why there is no answer.
fn answered(http: &Exchanges) -> Option<String> {
    let first = http.samples.first()?;
    Some(match &first.outcome {
        cfdoctor_checks::evidence::http::Outcome::Answered(response) => {
            let by = match attribution::attribute(response).by {
                AnsweredBy::Unknown | AnsweredBy::Edge => String::new(),
                by => format!(" by {}", by.title()),
            };
            let colo = cloudflare::colo(response).map(|colo| format!(" via {colo}")).unwrap_or_default();
            format!("answers {}{by}{colo}", response.status)
        }
        cfdoctor_checks::evidence::http::Outcome::Failed(failure) => failure.describe(),
    })
}

/// `cf-cache-status: MISS, HIT`.
fn cache_statuses(edge: &Vantage) -> Option<String> {
    let samples = edge.http.found()?.samples.iter().filter_map(Exchange::response);
    let words: Vec<&str> =
        samples.filter_map(|response: &Response| response.headers.first("cf-cache-status")).collect();
    (!words.is_empty()).then(|| format!("cf-cache-status: {}", words.join(", ")))
}

fn works(end: &Vantage) -> bool {
    end.tls.found().is_some_and(Handshake::completed) || has_answer(end)
}

fn has_answer(end: &Vantage) -> bool {
    end.http.found().is_some_and(|http| http.answers().next().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_have_their_spot() {
        for check in cfdoctor_checks::all() {
            let spot = spot(check.id, check.area());
            assert!(!matches!(spot, Spot::To(HopId::Visitor) | Spot::At(HopId::Visitor)), "{}", check.id);
        }
        assert_eq!(spot("origin-certificate-expired", "origin"), Spot::To(HopId::Origin));
        assert_eq!(spot("origin-default-certificate", "origin"), Spot::At(HopId::Origin));
        assert_eq!(spot("dns-not-proxied", "dns"), Spot::To(HopId::Edge));
        assert_eq!(spot("cache-not-eligible", "cache"), Spot::At(HopId::Edge));
    }
}
