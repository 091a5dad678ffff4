//! Modern rules by phase, in the order in which they run.

use serde_json::Value;

use super::cache_settings::{CacheSettings, cache_settings};
use super::read::{self, Reader};
use super::settings::ssl_mode;
use crate::evidence::Gathered;
use crate::model::ssl_mode::SslMode;

/// The phases that are read (`facts/cloudflare.md` 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Single Redirects.
    Redirect,
    /// URL Rewrite Rules.
    Rewrite,
    /// Configuration Rules.
    Config,
    /// Origin Rules.
    Origin,
    /// Request Header Transform Rules.
    RequestHeaders,
    /// Cache Rules.
    Cache,
    /// Cache Response Rules.
    CacheResponse,
}

/// Rules by phase; each phase is missing for itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Rulesets {
    /// Single Redirects, `http_request_dynamic_redirect`.
    pub redirect: Gathered<Vec<Rule>>,
    /// URL Rewrite Rules, `http_request_transform`.
    pub rewrite: Gathered<Vec<Rule>>,
    /// Configuration Rules, `http_config_settings`.
    pub config: Gathered<Vec<Rule>>,
    /// Origin Rules, `http_request_origin`.
    pub origin: Gathered<Vec<Rule>>,
    /// Request Header Transform Rules, `http_request_late_transform`.
    pub request_headers: Gathered<Vec<Rule>>,
    /// Cache Rules, `http_request_cache_settings`.
    pub cache: Gathered<Vec<Rule>>,
    /// Cache Response Rules, `http_response_cache_settings`.
    pub cache_response: Gathered<Vec<Rule>>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its id.
    pub id: Option<String>,
    /// `description`, the name in the dashboard.
    pub description: Option<String>,
    /// When it applies, in the Rules language.
    pub expression: String,
    /// Is it on?
    pub enabled: bool,
    /// What it does.
    pub action: Action,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// `set_cache_settings` of the request.
    Cache(Box<CacheSettings>),
    /// `set_config`.
    Config(ConfigSettings),
    /// `route`.
    Route(Route),
    /// `redirect`.
    Redirect(Redirect),
    /// `rewrite`.
    Rewrite(Rewrite),
    /// `set_cache_settings` of the response.
    Response(ResponseSettings),
    /// `set_cache_control`: directive, and its value in `Cache-Control`'s own spelling; removed where `None`.
    CacheControl(Vec<DirectiveChange>),
    /// Any other action, by its name.
    Other(String),
}

/// A Configuration Rule, as far as a check needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigSettings {
    /// `ssl`.
    pub ssl: Option<SslMode>,
    /// The names of everything that it sets.
    pub sets: Vec<String>,
}

/// An Origin Rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// `host_header`: Host, and with it SNI.
    pub host_header: Option<String>,
    /// `sni.value`.
    pub sni: Option<String>,
    /// `origin.host`: another name is resolved.
    pub host: Option<String>,
    /// `origin.port`.
    pub port: Option<u16>,
}

/// A Single Redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// Where to.
    pub target: Option<Text>,
    /// 301 … 308.
    pub status: u16,
    /// Does the query string go along?
    pub keeps_query: bool,
}

/// A text that a rule gives: fixed, or computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// As it is.
    Fixed(String),
    /// The value of an expression.
    Computed(String),
}

/// A rewrite of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrite {
    /// `uri.path`.
    pub path: Option<Text>,
    /// `uri.query`.
    pub query: Option<Text>,
    /// Request headers that are set, added or removed; their values are not kept.
    pub headers: Vec<HeaderChange>,
}

/// A header that a rule changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderChange {
    /// Name, lower case.
    pub name: String,
    /// Is it taken away?
    pub removes: bool,
}

/// A Cache Response Rule's `set_cache_settings`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponseSettings {
    /// `strip_etags`.
    pub strip_etags: bool,
    /// `strip_set_cookie`.
    pub strip_set_cookie: bool,
    /// `strip_last_modified`.
    pub strip_last_modified: bool,
}

/// A directive of `Cache-Control` that a response rule sets or removes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectiveChange {
    /// `max-age`, `no-store` …
    pub name: String,
    /// Its argument, if it has one.
    pub value: Option<String>,
    /// Is it taken away?
    pub removes: bool,
    /// Is it for Cloudflare only, so that the visitor sees the origin's?
    pub cloudflare_only: bool,
}

impl Phase {
    /// Every phase that is read, in the order in which they run.
    pub const ALL: [Phase; 7] = [
        Phase::Redirect,
        Phase::Rewrite,
        Phase::Config,
        Phase::Origin,
        Phase::RequestHeaders,
        Phase::Cache,
        Phase::CacheResponse,
    ];

    /// The API's name.
    pub fn api(self) -> &'static str {
        match self {
            Phase::Redirect => "http_request_dynamic_redirect",
            Phase::Rewrite => "http_request_transform",
            Phase::Config => "http_config_settings",
            Phase::Origin => "http_request_origin",
            Phase::RequestHeaders => "http_request_late_transform",
            Phase::Cache => "http_request_cache_settings",
            Phase::CacheResponse => "http_response_cache_settings",
        }
    }

    /// What the dashboard calls one of its rules.
    pub fn product(self) -> &'static str {
        match self {
            Phase::Redirect => "Redirect Rule",
            Phase::Rewrite => "URL Rewrite Rule",
            Phase::Config => "Configuration Rule",
            Phase::Origin => "Origin Rule",
            Phase::RequestHeaders => "Request Header Transform Rule",
            Phase::Cache => "Cache Rule",
            Phase::CacheResponse => "Cache Response Rule",
        }
    }
}

impl Rulesets {
    pub(super) fn read(reader: &mut Reader<'_>) -> Rulesets {
        let mut phase = |phase: Phase| {
            reader.inner("rulesets", phase.api(), |reader, value| {
                reader.list(phase.api(), value, |reader, row| rule(reader, phase, row))
            })
        };
        Rulesets {
            redirect: phase(Phase::Redirect),
            rewrite: phase(Phase::Rewrite),
            config: phase(Phase::Config),
            origin: phase(Phase::Origin),
            request_headers: phase(Phase::RequestHeaders),
            cache: phase(Phase::Cache),
            cache_response: phase(Phase::CacheResponse),
        }
    }

    /// The rules of one phase.
    pub fn of(&self, phase: Phase) -> &Gathered<Vec<Rule>> {
        match phase {
            Phase::Redirect => &self.redirect,
            Phase::Rewrite => &self.rewrite,
            Phase::Config => &self.config,
            Phase::Origin => &self.origin,
            Phase::RequestHeaders => &self.request_headers,
            Phase::Cache => &self.cache,
            Phase::CacheResponse => &self.cache_response,
        }
    }
}

impl Rule {
    /// Its name for people: the description, else the id, else the expression's beginning.
    pub fn label(&self) -> String {
        let text = self.description.as_deref().filter(|text| !text.is_empty()).or(self.id.as_deref());
        crate::evidence::text::shorten(text.unwrap_or(&self.expression), 80)
    }
}

fn rule(reader: &mut Reader<'_>, phase: Phase, value: &Value) -> Option<Rule> {
    let expression = value.get("expression")?.as_str()?;
    let word = read::text(value, "action").unwrap_or_default();
    let parameters = value.get("action_parameters").unwrap_or(&Value::Null);
    let place = phase.api();
    let action = match (word.as_str(), phase) {
        ("set_cache_settings", Phase::CacheResponse) => {
            let on = |key: &str| read::flag(parameters, key).unwrap_or(false);
            Action::Response(ResponseSettings {
                strip_etags: on("strip_etags"),
                strip_set_cookie: on("strip_set_cookie"),
                strip_last_modified: on("strip_last_modified"),
            })
        }
        ("set_cache_settings" | "", Phase::Cache) => Action::Cache(Box::new(cache_settings(reader, place, parameters))),
        ("set_cache_control", _) => Action::CacheControl(directives(parameters)),
        ("set_config", _) => Action::Config(ConfigSettings {
            ssl: parameters.get("ssl").and_then(|mode| {
                let known = ssl_mode(mode);
                if known.is_none() {
                    reader.odd(format_args!("{place}: ssl"), mode);
                }
                known
            }),
            sets: parameters.as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default(),
        }),
        ("route", _) => Action::Route(route(parameters)),
        ("redirect", _) => match redirect(parameters) {
            Some(redirect) => Action::Redirect(redirect),
            None => Action::Other(word),
        },
        ("rewrite", _) => Action::Rewrite(rewrite(parameters)),
        _ => Action::Other(word),
    };
    Some(Rule {
        id: read::text(value, "id"),
        description: read::text(value, "description"),
        expression: expression.to_owned(),
        enabled: read::flag(value, "enabled").unwrap_or(true),
        action,
    })
}

fn route(parameters: &Value) -> Route {
    let lower =
        |value: Option<&Value>| value?.as_str().map(|text| crate::evidence::text::clean(text).to_ascii_lowercase());
    let origin = parameters.get("origin");
    Route {
        host_header: lower(parameters.get("host_header")),
        sni: lower(parameters.get("sni").and_then(|sni| sni.get("value").or(Some(sni)))),
        host: lower(origin.and_then(|origin| origin.get("host"))),
        port: origin
            .and_then(|origin| origin.get("port"))
            .and_then(read::number)
            .and_then(|port| u16::try_from(port).ok()),
    }
}

fn redirect(parameters: &Value) -> Option<Redirect> {
    let from = parameters.get("from_value")?;
    let status = from.get("status_code").and_then(read::number).and_then(|code| u16::try_from(code).ok());
    Some(Redirect {
        target: from.get("target_url").and_then(given),
        status: status.unwrap_or(302),
        keeps_query: read::flag(from, "preserve_query_string").unwrap_or(false),
    })
}

fn given(value: &Value) -> Option<Text> {
    read::text(value, "value")
        .map(Text::Fixed)
        .or_else(|| value.get("expression")?.as_str().map(|e| Text::Computed(e.into())))
}

fn rewrite(parameters: &Value) -> Rewrite {
    let uri = parameters.get("uri");
    let part = |name: &str| uri.and_then(|uri| uri.get(name)).and_then(given);
    let headers = parameters.get("headers").and_then(Value::as_object);
    let changes = headers.into_iter().flatten().map(|(name, what)| HeaderChange {
        name: crate::evidence::text::clean(name).to_ascii_lowercase(),
        removes: read::text(what, "operation").as_deref() == Some("remove"),
    });
    Rewrite { path: part("path"), query: part("query"), headers: changes.collect() }
}

/// `facts/cloudflare.md` 1.12.
fn directives(parameters: &Value) -> Vec<DirectiveChange> {
    let rows = parameters.as_object().into_iter().flatten();
    rows.filter(|(_, what)| what.is_object())
        .map(|(name, what)| {
            let qualifiers = what.get("qualifiers").map(read::texts).filter(|names| !names.is_empty());
            DirectiveChange {
                name: crate::evidence::text::clean(name).to_ascii_lowercase(),
                value: what
                    .get("value")
                    .and_then(read::number)
                    .map(|seconds| seconds.to_string())
                    .or_else(|| qualifiers.map(|names| format!("\"{}\"", names.join(", ")))),
                removes: read::text(what, "operation").as_deref() == Some("remove"),
                cloudflare_only: read::flag(what, "cloudflare_only").unwrap_or(false),
            }
        })
        .collect()
}
