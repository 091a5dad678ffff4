//! Which credentials there are, what they may read, and what each missing permission costs (`cfdoctor access`).

mod costs;
mod policy;

use std::collections::BTreeSet;

use cfdoctor_checks::NotRun;
use cfdoctor_checks::evidence::{Gateway, Gathered, Target, text};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::probe::budget::Budget;
use crate::probe::cloudflare::{self, Looked, PERMISSIONS, PermissionRow, ZONE};
use crate::probe::{aws, known_gateway};
use crate::settings::{Credential, Settings};

pub use costs::{ACTIONS, Action, COSTS, checks_of};
pub use policy::least_privilege;

/// What is known of the credentials.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Access {
    /// The Cloudflare API.
    pub cloudflare: Side,
    /// The AWS APIs.
    pub aws: Side,
}

/// One vendor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// Can it be read at all?
    pub usable: bool,
    /// The credential, or what is wrong with it, as a sentence.
    pub credential: String,
    /// What was tried with it: the zone, the account's regions; `null`: nothing was.
    pub tried: Option<String>,
    /// Permissions, those that are missing first.
    pub permissions: Vec<Permission>,
}

/// One permission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Permission {
    /// As the vendor's API spells it.
    pub name: String,
    /// Where it is given: the path in Cloudflare's token page, or the resources of an IAM policy.
    pub place: String,
    /// Is it there?
    pub state: State,
    /// Why that is not known.
    pub because: Option<String>,
    /// The checks that cannot be judged, or not as surely, without it.
    pub checks: Vec<&'static str>,
}

/// Is a permission there?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Refused.
    Missing,
    /// Nobody could tell.
    Unknown,
    /// Granted.
    Granted,
}

/// Tries what the credentials may read, for this target if one is named.
pub async fn look(target: Option<&Target>, settings: &Settings, budget: &Budget) -> Access {
    // The zone is read once, and tells the account's side what the record points at.
    let (tell, zone) = oneshot::channel();
    let cloudflare = Box::pin(cloudflare(target, settings, budget, tell));
    let amazon = Box::pin(amazon(target, settings, budget, zone));
    let (cloudflare, aws) = tokio::join!(cloudflare, amazon);
    Access { cloudflare, aws }
}

async fn cloudflare(
    target: Option<&Target>,
    settings: &Settings,
    budget: &Budget,
    tell: oneshot::Sender<Looked>,
) -> Side {
    let access = match &settings.cloudflare {
        Credential::Usable(access) => access,
        Credential::Absent => {
            return unusable("no API token: set CLOUDFLARE_API_TOKEN to a read-only token (the list below)".into());
        }
        Credential::Unused => return unusable("switched off (--cloudflare never)".into()),
        Credential::Unusable(why) => return unusable(why.clone()),
    };
    let credential = match cloudflare::verify(access, budget).await {
        Ok(token) if token.is_active() => match token.expires_on {
            Some(day) => format!("the token in CLOUDFLARE_API_TOKEN is active until {day}"),
            None => "the token in CLOUDFLARE_API_TOKEN is active and does not expire".into(),
        },
        Ok(token) => return unusable(format!("the token in CLOUDFLARE_API_TOKEN is {}; make a new one", token.status)),
        Err(trouble) => return unusable(trouble.text()),
    };
    let Some(target) = target else {
        let permissions = by_permission(&|_| (State::Unknown, Some("name a host to try it".into())));
        return Side { usable: true, credential, tried: None, permissions };
    };
    match cloudflare::look(&target.host, access, budget, Some(tell)).await {
        Looked::Missing(why) => unusable(format!("{credential}, but {}", why.text())),
        Looked::Found(document) => Side {
            usable: true,
            credential,
            tried: document.pointer("/zone/name").and_then(Value::as_str).map(|name| format!("zone {name}")),
            permissions: by_permission(&|row| state(&document, row)),
        },
    }
}

/// Every permission of a Cloudflare token, with nothing tried.
pub fn token_permissions() -> Vec<Permission> {
    by_permission(&|_| (State::Unknown, None))
}

fn unusable(credential: String) -> Side {
    Side { usable: false, credential, tried: None, permissions: token_permissions() }
}

/// What the document tells of one part.
fn state(document: &Value, row: &PermissionRow) -> (State, Option<String>) {
    let path = format!("/{}", row.key.replace('.', "/"));
    if document.pointer(&path).is_some() {
        return (State::Granted, None);
    }
    let Some(reason) = document.get("not_read").and_then(|reasons| reasons.get(row.key)) else {
        return (State::Unknown, Some("it was not needed for this host".into()));
    };
    let word = |key: &str| reason.get(key).and_then(Value::as_str).map(text::clean);
    match word("kind").as_deref() {
        Some("forbidden") => (State::Missing, None),
        _ => (State::Unknown, word("text")),
    }
}

/// Parts that take the same permission are one line: missing where one was refused, granted where one was read.
fn by_permission(state: &dyn Fn(&PermissionRow) -> (State, Option<String>)) -> Vec<Permission> {
    let mut found: Vec<Permission> = Vec::new();
    for row in std::iter::once(&ZONE).chain(PERMISSIONS) {
        let (new, because) = state(row);
        match found.iter_mut().find(|one| one.name == row.permission) {
            Some(one) => {
                one.checks.extend(checks_of(row.key));
                if new == State::Missing || (new == State::Granted && one.state == State::Unknown) {
                    (one.state, one.because) = (new, because);
                }
            }
            None => found.push(Permission {
                name: row.permission.to_owned(),
                place: row.dashboard.to_owned(),
                state: new,
                because,
                checks: checks_of(row.key),
            }),
        }
    }
    for one in &mut found {
        one.checks.sort_unstable();
        one.checks.dedup();
    }
    found.sort_by_key(|one| one.state);
    found
}

async fn amazon(
    target: Option<&Target>,
    settings: &Settings,
    budget: &Budget,
    zone: oneshot::Receiver<Looked>,
) -> Side {
    let all = |state: State, because: Option<&str>| -> Vec<Permission> {
        ACTIONS.iter().map(|action| permission(action, state, because.map(str::to_owned))).collect()
    };
    let nothing =
        |credential: String| Side { usable: false, credential, tried: None, permissions: all(State::Unknown, None) };
    let Some(access) = &settings.aws else { return nothing("nobody looked for credentials".into()) };
    let credential = match aws::identity(access, budget).await {
        Ok(identity) => {
            let word = |key: &str| identity.get(key).and_then(Value::as_str).map(text::clean).unwrap_or_default();
            format!("{} of account {}", word("Arn"), word("Account"))
        }
        Err(NotRun::NoCredential(_)) => {
            return nothing("no credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".into());
        }
        Err(why) => return nothing(why.text()),
    };
    let Some(target) = target else {
        let permissions = all(State::Unknown, Some("name a host to try it"));
        return Side { usable: true, credential, tried: None, permissions };
    };
    match known_gateway(target, zone, settings, budget).await {
        Gathered::Missing(why) => nothing(format!("{credential}, but {}", why.text())),
        Gathered::Found(gateway) => {
            let denied = denied(&gateway);
            let mut permissions: Vec<Permission> = ACTIONS
                .iter()
                .map(|action| match denied.contains(action.name) {
                    true => permission(action, State::Missing, None),
                    false => permission(action, State::Granted, None),
                })
                .collect();
            permissions.sort_by_key(|one| one.state);
            let tried = format!("regions {}", gateway.regions_looked_at.join(", "));
            Side { usable: true, credential, tried: Some(tried), permissions }
        }
    }
}

fn permission(action: &Action, state: State, because: Option<String>) -> Permission {
    Permission {
        name: action.name.to_owned(),
        place: action.resources.join(", "),
        state,
        because,
        checks: action.checks.to_vec(),
    }
}

/// The actions that were denied, anywhere in the account.
fn denied(gateway: &Gateway) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(gateway.document(), &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            if object.get("kind").and_then(Value::as_str) == Some("forbidden")
                && let Some(permission) = object.get("permission").and_then(Value::as_str)
            {
                let action = permission.split_once(' ').map_or(permission, |(action, _)| action);
                found.insert(action.to_owned());
            }
            object.values().for_each(|value| collect(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}

#[cfg(all(test, feature = "aws"))]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;
    use crate::demo::cloudflare_api::CloudflareApi;
    use crate::demo::{HOST, Sight, World, find};
    use crate::probe::cloudflare::CloudflareAccess;

    #[tokio::test]
    async fn the_zone_is_read_once_and_names_the_region() {
        let world = Box::pin(World::start(find("healthy").unwrap())).await.unwrap();
        let document = serde_json::json!({
            "zone": {"name": "example.com", "status": "active", "type": "full", "plan": {"legacy_id": "free"}},
            "dns_records": [{"id": "r1", "type": "CNAME", "name": HOST, "proxied": true,
                "content": "d-abc123.execute-api.us-west-2.amazonaws.com"}],
        });
        let running = CloudflareApi::new(document).serve().await.unwrap();
        let token = CloudflareAccess::new(running.token(), Some(&running.base_url())).unwrap();
        let settings = Settings { cloudflare: Credential::Usable(token), ..world.settings(Sight::Known) };
        let target: Target = HOST.parse().unwrap();
        let budget = Budget::quiet(Duration::from_secs(40));
        let found = Box::pin(look(Some(&target), &settings, &budget)).await;
        let requests = running.requests();
        assert_eq!(requests.iter().collect::<BTreeSet<_>>().len(), requests.len(), "nothing twice: {requests:#?}");
        assert_eq!(found.cloudflare.tried.as_deref(), Some("zone example.com"));
        assert!(found.aws.tried.as_ref().unwrap().contains("us-west-2"), "{:?}", found.aws);
    }
}
