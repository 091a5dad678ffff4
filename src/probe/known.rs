//! What Cloudflare and AWS themselves say: asked, and laid together with the user's files.

use cfdoctor_checks::evidence::target::DeclaredOrigin;
use cfdoctor_checks::evidence::{Gateway, Gathered, Target, Zone};
use cfdoctor_checks::model::effective;
use cfdoctor_checks::{NotRun, Probe};
use serde_json::Value;
use tokio::sync::oneshot;

use super::budget::Budget;
use super::vantage::Overrides;
use super::{aws, cloudflare};
use crate::lint::declared::is_stand_in;
use crate::settings::{Credential, Settings};

/// The way to the origin, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Way {
    /// What the record points at.
    pub(super) origin: Option<DeclaredOrigin>,
    /// How it is asked.
    pub(super) overrides: Overrides,
}

impl Way {
    /// What the user says, else what the zone's record says; the zone's rules may override how it is asked
    /// (`facts/cloudflare.md` section 4.2). With a plan, zone and origin are tomorrow's.
    pub(super) fn of(target: &Target, zone: Option<&Zone>, settings: &Settings) -> Way {
        let Some(zone) = zone else { return Way { origin: target.origin.clone(), overrides: Overrides::default() } };
        let effective = effective::of(zone, target, None);
        let overridden = || {
            let name = effective.dns_override.value.clone().flatten()?;
            name.parse::<DeclaredOrigin>().ok().map(|origin| DeclaredOrigin { from_zone: true, ..origin })
        };
        let recorded = || DeclaredOrigin::of_record(zone.records.found()?, &target.host);
        let mut origin = target.origin.clone().or_else(overridden).or_else(recorded);
        if let (Some(origin), Some(Some(port))) = (&mut origin, effective.port.value)
            && origin.from_zone
        {
            origin.port = port;
        }
        if let (Some(plan), Some(origin)) = (&settings.plan, &mut origin) {
            origin.assumed |= origin.from_zone && plan.moves_origin(&target.host);
        }
        let path = effective.path.value.filter(|path| *path != target.path);
        Way {
            origin,
            overrides: Overrides {
                host: effective.host_header.value.flatten(),
                server_name: effective.sni.value.flatten(),
                path,
            },
        }
    }
}

/// The zone; as soon as the way to the origin is known, it is sent to `way`.
pub(super) async fn zone(
    target: &Target,
    settings: &Settings,
    budget: &Budget,
    way: oneshot::Sender<Way>,
) -> Gathered<Zone> {
    let access = match &settings.cloudflare {
        Credential::Usable(access) if wants_zone(target, settings) => Ok(access),
        Credential::Usable(_) | Credential::Unused => Err(NotRun::Disabled(Probe::Zone)),
        Credential::Absent => Err(NotRun::NoCredential(Probe::Zone)),
        Credential::Unusable(why) => Err(NotRun::blocked(Probe::Zone, why)),
    };
    let tell = |zone: &Gathered<Zone>| {
        // Whoever waited for it may have given up.
        let _ = way.send(Way::of(target, zone.found(), settings));
    };
    let access = match access {
        Ok(access) => access,
        Err(why) => {
            let zone = laid_over(target, Err(why), settings);
            tell(&zone);
            return zone;
        }
    };
    let (sender, early) = oneshot::channel();
    let told = async {
        if let Ok(early) = early.await {
            tell(&read(target, early, settings));
        }
    };
    let look = Box::pin(cloudflare::look(&target.host, access, budget, Some(sender)));
    let (looked, ()) = tokio::join!(look, told);
    read(target, looked, settings)
}

/// Does any chosen check need the zone, or only the zone know where the origin is?
pub(crate) fn wants_zone(target: &Target, settings: &Settings) -> bool {
    let asks_origin = || settings.probes.contains(&Probe::OriginTls) || settings.probes.contains(&Probe::OriginHttp);
    settings.probes.contains(&Probe::Zone) || (target.origin.is_none() && asks_origin())
}

/// What the API told, as the zone.
pub(super) fn read(target: &Target, looked: cloudflare::Looked, settings: &Settings) -> Gathered<Zone> {
    match looked {
        cloudflare::Looked::Found(document) => laid_over(target, Ok(document), settings),
        cloudflare::Looked::Missing(why) => laid_over(target, Err(why), settings),
    }
}

/// What the API told, with the user's files laid over it, and the plan over both.
fn laid_over(target: &Target, told: Result<Value, NotRun>, settings: &Settings) -> Gathered<Zone> {
    let read = |document| Zone::from_document(document).map_err(|why| NotRun::inconclusive(why.to_string()));
    let today = match (told.and_then(read), &settings.zone_file) {
        (Ok(zone), None) => Gathered::Found(zone),
        (Ok(zone), Some(file)) => Gathered::Found(zone.laid_under(file)),
        (Err(_), Some(file)) => Gathered::Found((**file).clone()),
        (Err(why), None) => Gathered::Missing(why),
    };
    match &settings.plan {
        Some(plan) => plan.zone(&target.host, today),
        None => today,
    }
}

/// What the record points at, as far as the user and the files say so.
pub(crate) fn declared_origin(target: &Target, settings: &Settings) -> Option<DeclaredOrigin> {
    let zone = laid_over(target, Err(NotRun::NoCredential(Probe::Zone)), settings);
    Way::of(target, zone.found(), settings).origin.filter(|origin| !is_stand_in(&origin.host))
}

/// The account.
pub(super) async fn gateway(
    target: &Target,
    origin: Option<&DeclaredOrigin>,
    settings: &Settings,
    budget: &Budget,
) -> Gathered<Gateway> {
    let told = match &settings.aws {
        Some(access) if settings.probes.contains(&Probe::Gateway) => {
            let origin = origin.map(|origin| origin.host.as_str()).filter(|host| !is_stand_in(host));
            // On the heap: it is large, and most visits have no account to ask.
            Box::pin(aws::look(target, origin, access, budget)).await
        }
        Some(_) => Gathered::Missing(NotRun::Disabled(Probe::Gateway)),
        None => Gathered::Missing(NotRun::NoCredential(Probe::Gateway)),
    };
    let today = match (told, &settings.gateway_file) {
        (Gathered::Found(told), Some(file)) => Gathered::Found(told.merge((**file).clone())),
        (Gathered::Missing(_), Some(file)) => Gathered::Found((**file).clone()),
        (told, None) => told,
    };
    match &settings.plan {
        Some(plan) => plan.gateway(today),
        None => today,
    }
}
