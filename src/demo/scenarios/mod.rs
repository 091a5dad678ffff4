//! The scenarios of `cfdoctor demo`, each a difference from the sound one.

mod cache;
mod edge;
mod names;
mod origin;
mod recipe;
mod sound;

use std::time::Duration;

use cfdoctor_checks::evidence::target::Expectation;

use crate::demo::{
    CacheAction, CacheRule, Door, Function, HOST, Names, Origin, OriginCertificate, PlainDoor, Product, Scenario, Zone,
};

/// What `demo` shows without a name: a typical broken site.
pub const TYPICAL: &str = "no-custom-domain";

/// The custom domain's target.
const TARGET: &str = "d-a1b2c3d4e5.execute-api.us-west-2.amazonaws.com";
/// A machine that is no API Gateway.
const MACHINE: &str = "ec2-203-0-113-80.us-west-2.compute.amazonaws.com";
/// A load balancer.
const BALANCER: &str = "shop-1234567890.us-west-2.elb.amazonaws.com";

const CACHEABLE: &[(&str, &str)] = &[("cache-control", "public, s-maxage=7200, max-age=300"), ("etag", "\"a1\"")];

fn sound_function() -> Function {
    Function { status: 200, headers: CACHEABLE, body: "{\"ok\":true}", takes: Duration::ZERO, crashes: false }
}

fn sound_origin() -> Origin {
    Origin {
        certificate: OriginCertificate::OriginCa,
        mutual_tls: false,
        demands_secret: true,
        door: Door::Tls,
        plain: PlainDoor::Refused,
        product: Product::Http,
        mapped: true,
        function: sound_function(),
    }
}

fn with_certificate(certificate: OriginCertificate) -> Origin {
    Origin { certificate, ..sound_origin() }
}

fn with_door(door: Door) -> Origin {
    Origin { door, ..sound_origin() }
}

fn with_headers(headers: &'static [(&'static str, &'static str)]) -> Origin {
    Origin { function: Function { headers, ..sound_function() }, ..sound_origin() }
}

const fn rule(methods: &'static [&'static str], action: CacheAction) -> Option<CacheRule> {
    Some(CacheRule { methods, action })
}

/// The sound world: everything else differs from it.
const SOUND: Scenario = Scenario {
    name: "healthy",
    line: "a sound site: strict, Origin CA, closed to others, cached by a rule",
    story: "Everything is as it should be: only Cloudflare gets in at the origin, and the edge answers MISS, then HIT.",
    cause: None,
    expect: &[],
    host: HOST,
    path: "/endpoint",
    wish: Expectation::Cached,
    region: None,
    names: Names::Proxied,
    records: "",
    target: TARGET,
    target_resolves: true,
    has_client_certificate: false,
    known: None,
    told: |_| {},
    account: |_| {},
    zone: Zone::default,
    origin: sound_origin,
};

/// Sound as well, closed by a client certificate that the doctor has: it sees the origin as Cloudflare does.
const SEEN: Scenario = Scenario {
    has_client_certificate: true,
    zone: || Zone { origin_pull: true, ..Zone::default() },
    origin: || Origin { mutual_tls: true, demands_secret: false, ..sound_origin() },
    ..SOUND
};

/// Every scenario, in the order of `demo --list`: the sound ones, then along the path.
pub const SCENARIOS: &[Scenario] = &joined::<COUNT>();

const GROUPS: [&[Scenario]; 7] = [
    &[SOUND],
    sound::SCENARIOS,
    names::SCENARIOS,
    edge::SCENARIOS,
    origin::SCENARIOS,
    cache::SCENARIOS,
    recipe::SCENARIOS,
];

const COUNT: usize = {
    let (mut count, mut group) = (0, 0);
    while group < GROUPS.len() {
        count += GROUPS[group].len();
        group += 1;
    }
    count
};

const fn joined<const N: usize>() -> [Scenario; N] {
    let mut all = [SOUND; N];
    let (mut at, mut group) = (0, 0);
    while group < GROUPS.len() {
        let mut own = 0;
        while own < GROUPS[group].len() {
            all[at] = GROUPS[group][own];
            at += 1;
            own += 1;
        }
        group += 1;
    }
    all
}

/// The scenario of this name.
pub fn find(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}
