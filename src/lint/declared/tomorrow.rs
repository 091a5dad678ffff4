//! A plan laid over today's live answers: what will be there after apply, and which of today's answers still tell
//! something of it.

use cfdoctor_checks::NotRun;
use cfdoctor_checks::evidence::dns::{Chain, Lookup};
use cfdoctor_checks::evidence::http::{Headers, Outcome};
use cfdoctor_checks::evidence::{Evidence, Gateway, Gathered, Zone};
use serde_json::Value;

use super::places::Places;
use super::{Change, Declared, Source, Thing, is_stand_in};
use crate::report::TargetReport;

/// What `--plan` says.
#[derive(Clone, Debug)]
pub struct Tomorrow {
    declared: Declared,
    places: Places,
}

/// Which of today's answers a plan makes worthless.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stale {
    /// The name itself: nobody, or somebody else, answers to it today.
    name: bool,
    /// The way from the edge to the origin.
    path: bool,
    /// What the origin presents: domain and certificate.
    origin: bool,
    /// Errors: what makes them may be mended.
    errors: bool,
    /// What the cache did.
    cache: bool,
}

/// Headers that tell of a response's own wishes for caching, in the order of their weight.
const OWN_WISHES: &[&str] = &[
    "cf-ray",
    "cache-control",
    "cdn-cache-control",
    "cloudflare-cdn-cache-control",
    "set-cookie",
    "vary",
    "expires",
    "content-type",
    "etag",
    "last-modified",
];
/// An answer with this many lines counts as an excerpt, in which what is absent proves nothing.
const EXCERPT: usize = 5;

impl Tomorrow {
    /// What a plan declares.
    pub fn new(declared: Declared) -> Self {
        Tomorrow { places: declared.places(), declared }
    }

    /// The hosts that the plan makes, for who names none.
    pub fn hosts(&self) -> (Vec<String>, Vec<String>) {
        let mut notes = Vec::new();
        let hosts = self.declared.hosts(&mut notes);
        (hosts, notes)
    }

    /// The zone of `host` after apply.
    pub fn zone(&self, host: &str, today: Gathered<Zone>) -> Gathered<Zone> {
        match self.declared.zone_over(host, today.found()) {
            Some(zone) => Gathered::Found(zone),
            None => today,
        }
    }

    /// The account after apply.
    pub fn gateway(&self, today: Gathered<Gateway>) -> Gathered<Gateway> {
        match self.declared.account_over(today.found()) {
            Some(gateway) => Gathered::Found(gateway),
            None => today,
        }
    }

    /// Does the plan change where the record of `host` leads? Then today's edge does not use tomorrow's origin.
    fn moves(&self, host: &str) -> bool {
        let Some(zone) = self.declared.zone_of(host) else { return false };
        let row = |rows: Option<&Value>| {
            let rows = rows.and_then(Value::as_array)?;
            rows.iter().find(|row| row.get("name").and_then(Value::as_str) == Some(host)).cloned()
        };
        let (before, after) = (row(zone.gone.get("dns_records")), row(zone.document.get("dns_records")));
        let of = |row: &Option<Value>, key: &str| row.as_ref().and_then(|row| row.get(key).cloned());
        let is_made = || self.record(host).is_some_and(|source| source.change == Change::Create);
        match (&before, &after) {
            (Some(_), Some(_)) => ["content", "type"].iter().any(|key| of(&before, key) != of(&after, key)),
            (None, Some(_)) => is_made(),
            (Some(_), None) => true,
            (None, None) => false,
        }
    }

    /// Does today's edge ask another origin, or ask it otherwise, than tomorrow's will?
    pub fn moves_origin(&self, host: &str) -> bool {
        self.stale(host).path
    }

    fn record(&self, host: &str) -> Option<&Source> {
        let is_it = |source: &&Source| matches!(&source.thing, Thing::Record(_, Some(name)) if name == host);
        self.places.sources.iter().find(is_it)
    }

    /// Is the record's cloud another tomorrow, or the record itself?
    fn renames(&self, host: &str) -> bool {
        let Some(source) = self.record(host) else { return false };
        let detail = source.detail.as_deref().unwrap_or_default();
        let cloud = detail.split_once(" → ").map(|(before, after)| {
            let proxied = |text: &str| text.contains("(proxied)");
            proxied(before) != proxied(after)
        });
        matches!(source.change, Change::Create | Change::Delete) || cloud == Some(true)
    }

    fn stale(&self, host: &str) -> Stale {
        let zone = self.declared.zone_of(host).map(|zone| zone.key.as_str());
        let behind = self.declared.account.behind(host);
        let moves = self.moves(host);
        let mut stale = Stale { name: self.renames(host), path: moves, ..Stale::default() };
        const CACHE: &[&str] = &["http_request_cache_settings", "http_response_cache_settings"];
        const CACHE_SETTINGS: &[&str] = &[
            "cache_level",
            "browser_cache_ttl",
            "always_online",
            "development_mode",
            "tiered_caching",
            "tiered_cache_smart_topology_enable",
        ];
        let related = self.places.related(host, zone, &behind);
        for source in related.into_iter().filter(|source| source.change != Change::None) {
            match &source.thing {
                Thing::Record(..) => {}
                Thing::Rules(_, phase) if CACHE.contains(&phase.as_str()) => stale.cache = true,
                Thing::Setting(_, id) if CACHE_SETTINGS.contains(&id.as_str()) => stale.cache = true,
                Thing::Domain(_) | Thing::Certificate(_) => (stale.origin, stale.errors) = (true, true),
                Thing::Mapping(_) | Thing::Api(_) | Thing::Function(_) => stale.errors = true,
                _ => stale.path = true,
            }
        }
        stale
    }

    /// Takes out of the evidence what tells nothing of tomorrow.
    pub fn adjust(&self, evidence: &mut Evidence) {
        let host = evidence.target.host.clone();
        let stale = self.stale(&host);
        let because =
            |what: &str| NotRun::inconclusive(format!("the plan changes {what}; today's answer does not tell"));
        if stale.name {
            if let Gathered::Found(dns) = &mut evidence.dns {
                let unasked = || Lookup::NotAsked { why: "the plan changes the record".into() };
                dns.host =
                    Chain { name: host.clone(), ipv4: unasked(), ipv6: unasked(), hops: Vec::new(), fault: None };
                dns.host_unchecked = None;
                dns.impossible = None;
                dns.views.clear();
            }
            evidence.edge.tls = Gathered::Missing(because("the record"));
        }
        let fails = |http: &Gathered<cfdoctor_checks::evidence::Exchanges>| {
            http.found().is_some_and(|http| http.answers().any(|answer| answer.status >= 400))
        };
        if stale.name || stale.path || stale.errors && fails(&evidence.edge.http) {
            let what = if stale.name || self.moves(&host) { "the record" } else { "the way to the origin" };
            evidence.edge.http = Gathered::Missing(because(what));
        } else if stale.cache {
            forget_the_cache(evidence);
        }
        if stale.origin
            && let Gathered::Found(dns) = &mut evidence.dns
        {
            // The records that prove a new certificate come with it.
            dns.validation.clear();
        }
        if stale.origin {
            evidence.origin.tls = Gathered::Missing(because("the domain or its certificate"));
        }
        if stale.origin || stale.errors && fails(&evidence.origin.http) {
            evidence.origin.http = Gathered::Missing(because("what answers at the origin"));
        }
        if evidence.target.origin.as_ref().is_some_and(|origin| is_stand_in(&origin.host)) {
            let why = || NotRun::inconclusive("the origin exists after apply only");
            evidence.origin.tls = Gathered::Missing(why());
            evidence.origin.http = Gathered::Missing(why());
        }
    }

    /// Gives findings their lines, and says what the plan changes.
    pub fn anchor(&self, target: &mut TargetReport) {
        self.places.anchor(&self.declared, target, true);
    }
}

/// Today's headers without what today's cache made of them.
fn forget_the_cache(evidence: &mut Evidence) {
    let Gathered::Found(http) = &mut evidence.edge.http else { return };
    for exchange in &mut http.samples {
        let Outcome::Answered(response) = &mut exchange.outcome else { continue };
        let lines = response.headers.lines();
        let kept =
            OWN_WISHES.iter().flat_map(|name| lines.iter().filter(move |line| line.name.eq_ignore_ascii_case(name)));
        let kept: Vec<(String, String)> =
            kept.take(EXCERPT).map(|line| (line.name.clone(), line.value.clone())).collect();
        response.headers = kept.into_iter().collect::<Headers>();
    }
}
