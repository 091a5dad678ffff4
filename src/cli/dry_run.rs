//! `--dry-run`: every lookup, connection and request that a visit would make. Mirrors `crate::probe`.

mod apis;

use std::net::IpAddr;
use std::time::Duration;

use cfdoctor_checks::Probe;
use cfdoctor_checks::evidence::target::{DeclaredOrigin, Scheme};
use cfdoctor_checks::evidence::{Target, redact, text};
use serde::Serialize;

use super::args::OutputArgs;
use super::roster::Roster;
use super::{CommandError, stage, to_stdout};
use crate::policy::OK;
use crate::probe::budget::{MAX_CONNECTIONS, MAX_REQUESTS};
use crate::probe::declared_origin;
use crate::render::{Format, Look};
use crate::settings::{Family, ResolverChoice, Settings};

/// Targets whose plan is told whole.
const MOST: usize = 100;
/// Of these, those that people see.
const SHOWN: usize = 10;

#[derive(Serialize)]
struct Plan {
    /// What is asked to learn which targets there are (`--zone`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    first: Vec<Planned>,
    /// The first targets.
    targets: Vec<TargetPlan>,
    /// How many more are visited in the same way.
    #[serde(skip_serializing_if = "is_none")]
    more_targets: usize,
    /// Targets that are visited at the same time.
    at_once: u32,
    /// `--wait`: all of it again and again, for at most so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    repeated_for_s: Option<f64>,
}

#[derive(Serialize)]
struct TargetPlan {
    url: String,
    requests: Vec<Planned>,
    at_most: Limits,
}

/// What can be added by redirects, retries and broken connections, at most.
#[derive(Serialize)]
struct Limits {
    connections: u32,
    http_requests: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Planned {
    kind: Kind,
    what: String,
    to: String,
    /// The condition; null: in any case.
    only_if: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Lookup,
    Connection,
    Request,
}

fn is_none(count: &usize) -> bool {
    *count == 0
}

/// What is to be said.
pub(super) struct DryRun<'a> {
    pub(super) roster: &'a Roster<'a>,
    /// Zones that would be read first.
    pub(super) zones: &'a [String],
    pub(super) settings: &'a Settings,
    pub(super) concurrency: u32,
    pub(super) wait: Option<Duration>,
}

/// Says the plan and stops.
pub(super) fn run(dry: &DryRun<'_>, output: &OutputArgs) -> Result<u8, CommandError> {
    let DryRun { roster, zones, settings, concurrency, wait } = *dry;
    let limits = || Limits { connections: MAX_CONNECTIONS, http_requests: MAX_REQUESTS };
    let mut jobs = roster.jobs();
    let targets = jobs.by_ref().take(MOST).map(|job| TargetPlan {
        url: text::clean(&redact::text(&job.target.url())),
        requests: plan(&job.target, settings),
        at_most: limits(),
    });
    let plan = Plan {
        first: zones.iter().flat_map(|zone| zone_requests(zone)).collect(),
        targets: targets.collect(),
        more_targets: jobs.count(),
        at_once: concurrency,
        repeated_for_s: wait.map(|wait| wait.as_secs_f64()),
    };
    let said = |format: Format, look: &Look| match format {
        Format::Json => serde_json::to_string_pretty(&plan)
            .map(|text| text + "\n")
            .map_err(|error| CommandError::Internal(format!("dry run: {error}"))),
        Format::Human | Format::Short => Ok(human(&plan, look)),
        // What a CI system reads are results, and there are none.
        _ => Err(CommandError::usage(
            "--dry-run: a plan can be shown as human, short or json only; leave the others out",
        )),
    };
    let look = stage::stdout_look(output.color);
    for file in &output.outputs {
        file.check()?;
        file.write(said(file.format, &look)?.as_bytes())?;
    }
    to_stdout(said(output.format, &look)?.as_bytes())?;
    Ok(OK)
}

/// How the proxied records of a zone are learnt.
fn zone_requests(zone: &str) -> [Planned; 2] {
    ["zones?name={zone}", "zones/{id of ZONE}/dns_records"].map(|path| Planned {
        kind: Kind::Request,
        what: format!("GET /{}", path.replace("{zone}", zone).replace("ZONE", zone)),
        to: "the Cloudflare API; every proxied record is a target then".into(),
        only_if: None,
    })
}

fn human(plan: &Plan, look: &Look) -> String {
    let mut lines: Vec<String> = plan.first.iter().map(|planned| planned.line()).collect();
    let hidden = plan.targets.len().saturating_sub(SHOWN);
    for target in plan.targets.iter().take(SHOWN) {
        lines.push(target.url.clone());
        lines.extend(target.requests.iter().map(|planned| format!("  {}", planned.line())));
        let Limits { connections, http_requests } = target.at_most;
        lines.push(format!(
            "  at most {connections} connections and {http_requests} requests to edge and origin, redirects and retries \
             included"
        ));
    }
    let (shown, more) = (plan.targets.len() - hidden, hidden + plan.more_targets);
    if more > 0 {
        lines.push(format!("… and {more} targets more in the same way"));
    }
    if shown + more > 1 || !plan.first.is_empty() {
        lines.push(format!("At most {} targets at the same time.", plan.at_once));
    }
    if let Some(seconds) = plan.repeated_for_s {
        lines.push(format!("Repeated until nothing fails, with pauses of 5 to 60 s, for at most {seconds} s."));
    }
    lines.push("Nothing was looked up, connected to or sent.".into());
    lines.iter().map(|line| look.text(line) + "\n").collect()
}

impl Planned {
    fn line(&self) -> String {
        let kind = match self.kind {
            Kind::Lookup => "lookup",
            Kind::Connection => "connect",
            Kind::Request => "request",
        };
        let only_if = self.only_if.as_ref().map(|why| format!(" (only if {why})")).unwrap_or_default();
        format!("{kind:<8} {} → {}{only_if}", self.what, self.to)
    }
}

/// Everything about one target, in the order of the path.
fn plan(target: &Target, settings: &Settings) -> Vec<Planned> {
    let mut planner = Planner { settings, steps: Vec::new() };
    let origin = declared_origin(target, settings);
    planner.names(target, origin.as_ref());
    planner.cloudflare(target);
    planner.edge(target);
    match &origin {
        Some(origin) => planner.origin(target, &origin.host, origin.port, None),
        None if planner.zone_may_tell(target) => {
            let (place, only_if) = ("the record's target", "the zone tells what the proxied record points at");
            let to = resolver(&settings.resolver);
            planner.add(Kind::Lookup, format!("A and AAAA of {place}"), to, Some(only_if));
            planner.origin(target, place, 443, Some(only_if));
        }
        None => {}
    }
    planner.aws(target);
    planner.steps
}

struct Planner<'a> {
    settings: &'a Settings,
    steps: Vec<Planned>,
}

impl Planner<'_> {
    fn add(&mut self, kind: Kind, what: impl Into<String>, to: impl Into<String>, only_if: Option<&str>) {
        let what = text::clean(&redact::text(&what.into()));
        self.steps.push(Planned { kind, what, to: text::clean(&to.into()), only_if: only_if.map(Into::into) });
    }

    fn wants(&self, probe: Probe) -> bool {
        self.settings.probes.contains(&probe)
    }

    fn names(&mut self, target: &Target, origin: Option<&DeclaredOrigin>) {
        let to = resolver(&self.settings.resolver);
        let host = &target.host;
        let types = match self.settings.family {
            Family::Any => "A and AAAA",
            Family::V4 => "A",
            Family::V6 => "AAAA",
        };
        self.add(Kind::Lookup, format!("{types} of {host}"), &to, None);
        self.add(Kind::Lookup, format!("A of {host}, DNSSEC checking disabled"), &to, Some("the resolver fails"));
        if self.wants(Probe::Dns) {
            let doubtful = Some("the resolver fails, or its addresses are not Cloudflare's");
            self.add(Kind::Lookup, "A of a name that does not exist, in a domain kept for examples", &to, doubtful);
            self.comparisons(host, types, &to);
        }
        if let Some(origin) = origin.filter(|origin| origin.host.parse::<IpAddr>().is_err()) {
            self.add(Kind::Lookup, format!("{types} of {}", origin.host), &to, None);
        }
    }

    /// What only the checks of names need.
    fn comparisons(&mut self, host: &str, types: &str, to: &str) {
        self.add(Kind::Lookup, format!("SOA of {host} and its parents, up to the zone's apex"), to, None);
        self.add(Kind::Lookup, "NS and DS of the zone, addresses of its name servers", to, None);
        self.add(Kind::Lookup, format!("CAA of {host} and its parents"), to, None);
        if self.settings.resolver == ResolverChoice::System {
            self.add(Kind::Lookup, format!("{types} of {host}"), "the system, as applications ask it", None);
            self.add(Kind::Lookup, format!("{types} of {host}"), "a public resolver (1.1.1.1, else 8.8.8.8)", None);
        }
        self.add(Kind::Lookup, format!("{types} of {host}"), "up to 3 of the zone's name servers", None);
    }

    fn edge(&mut self, target: &Target) {
        let (tls, http) = (self.wants(Probe::EdgeTls), self.wants(Probe::EdgeHttp));
        let in_clear = target.scheme == Scheme::Http;
        let (secure, clear) = if in_clear { (443, target.port) } else { (target.port, 80) };
        if tls || (http && !in_clear) {
            self.connect(&format!("TCP and TLS for {}", target.host), &target.host, secure, None);
        }
        if tls {
            self.connect("TCP, and an old TLS hello", &target.host, secure, None);
        }
        if !http {
            return;
        }
        let to = "the edge";
        if in_clear {
            self.connect("TCP", &target.host, clear, None);
        }
        let reads = ["GET", "HEAD"].contains(&target.method.as_str());
        for number in 0..if reads { self.settings.samples.max(1) } else { 1 } {
            let again = (number > 0).then_some("the answer before came within 10 s and did not ask to wait");
            self.add(Kind::Request, format!("{} {}", target.method, target.url()), to, again);
        }
        self.add(Kind::Request, format!("GET {}://{}/cdn-cgi/trace", target.scheme, target.authority()), to, None);
        if target.headers.iter().any(|line| line.name.eq_ignore_ascii_case("origin")) {
            self.add(Kind::Request, format!("OPTIONS {} (CORS preflight)", target.url()), to, None);
        }
        if !in_clear {
            self.in_clear(target, &target.host, to, None);
        }
        let only_if = Some("the first answer redirects; at most 10 hops");
        self.add(Kind::Request, format!("{} of each redirect's target", target.method), "its host", only_if);
    }

    fn origin(&mut self, target: &Target, host: &str, port: u16, only_if: Option<&str>) {
        let also = |why: &str| only_if.map_or_else(|| why.to_owned(), |first| format!("{first}; {why}"));
        let (tls, http) = (self.wants(Probe::OriginTls), self.wants(Probe::OriginHttp));
        if tls || http {
            self.connect(&format!("TCP and TLS for {}", target.host), host, port, only_if);
        }
        if tls {
            self.connect("TCP, and an old TLS hello", host, port, Some(&also("TLS finds nothing in common")));
        }
        if http {
            let what = format!("{} {} with Host {}", target.method, target.path, target.authority());
            self.add(Kind::Request, &what, "the origin", only_if);
            if ["GET", "HEAD", "OPTIONS"].contains(&target.method.as_str()) {
                let differs = also("its body differs from the edge's");
                self.add(Kind::Request, what, "the origin", Some(&differs));
            }
            self.in_clear(target, host, "the origin", only_if);
        }
    }

    fn in_clear(&mut self, target: &Target, peer: &str, to: &str, only_if: Option<&str>) {
        let method = if target.method == "HEAD" { "HEAD" } else { "GET" };
        self.connect("TCP", peer, 80, only_if);
        self.add(Kind::Request, format!("{method} http://{}{}", target.host, target.path), to, only_if);
    }

    /// A connection to where the options lead.
    fn connect(&mut self, what: &str, host: &str, port: u16, only_if: Option<&str>) {
        let to = self.place(host, port);
        self.add(Kind::Connection, what, to, only_if);
    }

    fn place(&self, host: &str, port: u16) -> String {
        let settings = self.settings;
        let is_meant = |wanted: &Option<String>| wanted.as_ref().is_none_or(|wanted| wanted == host);
        let detour = settings.connect_to.iter().find(|to| is_meant(&to.host) && to.port.is_none_or(|p| p == port));
        let (host, port) = match detour {
            Some(to) => (to.to_host.clone().unwrap_or(host.into()), to.to_port.unwrap_or(port)),
            None => (host.to_owned(), port),
        };
        let pinned = settings.resolve.iter().find(|pin| (pin.host == "*" || pin.host == host) && pin.port == port);
        let place = match pinned.and_then(|pin| pin.addresses.first()) {
            Some(address) => std::net::SocketAddr::new(*address, port).to_string(),
            None => format!("{host}:{port}"),
        };
        match &settings.proxy {
            Some(proxy) => format!("{place} through the proxy {}:{}", proxy.host, proxy.port),
            None => place,
        }
    }
}

fn resolver(choice: &ResolverChoice) -> String {
    match choice {
        ResolverChoice::System => "the system's name servers".into(),
        ResolverChoice::Udp(address) => address.to_string(),
        ResolverChoice::Tcp(address) => format!("tcp://{address}"),
        ResolverChoice::Tls { host, port } => format!("tls://{host}:{port}"),
        ResolverChoice::Https { url } => url.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(plan: &[Planned], kind: Kind) -> usize {
        plan.iter().filter(|step| step.kind == kind && step.only_if.is_none()).count()
    }

    #[test]
    fn the_default_visit_keeps_its_limits() {
        let mut target: Target = "https://lambda.example.com/x?token=s3cr3t".parse().unwrap();
        target.origin = "d-abc.execute-api.us-west-2.amazonaws.com".parse().ok();
        let plan = plan(&target, &Settings::default());
        assert_eq!(count(&plan, Kind::Connection), 5);
        let requests = plan.iter().filter(|step| step.kind == Kind::Request).count();
        assert!(requests <= MAX_REQUESTS as usize, "{requests}");
        assert!(!serde_json::to_string(&plan).unwrap().contains("s3cr3t"));
        assert!(plan.iter().any(|step| step.what == "A and AAAA of d-abc.execute-api.us-west-2.amazonaws.com"));
    }

    #[test]
    fn options_change_it() {
        let target: Target = "https://lambda.example.com/".parse().unwrap();
        let settings = Settings {
            resolver: ResolverChoice::Udp("127.0.0.1:5353".parse().unwrap()),
            samples: 1,
            resolve: vec![crate::settings::Resolve {
                host: "lambda.example.com".into(),
                port: 443,
                addresses: vec!["2001:db8::1".parse().unwrap()],
            }],
            probes: [Probe::EdgeHttp].into(),
            ..Settings::default()
        };
        let plan = plan(&target, &settings);
        assert!(plan.iter().all(|step| step.kind != Kind::Lookup
            || step.to.starts_with("127.0.0.1:5353")
            || step.to.contains("name servers")));
        assert!(plan.iter().any(|step| step.kind == Kind::Connection && step.to == "[2001:db8::1]:443"));
        assert!(!plan.iter().any(|step| step.what.contains("old TLS")));
        assert_eq!(plan.iter().filter(|step| step.what == "GET https://lambda.example.com/").count(), 1);
    }
}
