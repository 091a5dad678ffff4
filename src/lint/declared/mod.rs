//! What a plan or a template declares, in the two documents that everything else is judged by.
//!
//! Each kind of input is translated into a [`Declared`]: zones in Cloudflare's shapes, an account in AWS's, where each
//! thing was declared, and what becomes of it. What is not in it is not known: a plan tells nothing about a phase of
//! rules that it does not manage.

mod account;
mod cases;
mod over;
mod places;
mod stand_in;
mod tomorrow;

use serde_json::{Map, Value};

use crate::report::Place;

pub use account::{Account, List};
pub use cases::origin_of;
pub use places::Places;
pub use stand_in::{Form, StandIns, is_stand_in};
pub use tomorrow::Tomorrow;

/// Everything that files declare.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// The zones.
    pub zones: Vec<DeclaredZone>,
    /// The account.
    pub account: Account,
    /// Names of what does not exist yet.
    pub stand_ins: StandIns,
    /// Where things are declared.
    pub sources: Vec<Source>,
    /// What could not be told, for the person.
    pub notes: Vec<String>,
}

/// A zone.
#[derive(Clone, Debug, Default)]
pub struct DeclaredZone {
    /// Its id, or the reference that stands for it.
    pub key: String,
    /// Its name, where it is told.
    pub name: Option<String>,
    /// What is declared of it, in the shapes of `Zone::from_document`.
    pub document: Map<String, Value>,
    /// What is taken away or changed, as it was: by key of the document.
    pub gone: Map<String, Value>,
    /// Authenticated Origin Pulls of single hosts: on or off.
    pub host_pulls: Map<String, Value>,
}

/// Where a thing is declared, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What it is.
    pub thing: Thing,
    /// Address of the resource (`module.a.aws_apigatewayv2_api.main`), or its logical id.
    pub name: String,
    /// File and line.
    pub place: Place,
    /// What becomes of it.
    pub change: Change,
    /// What it changes, in words: `lambda.example.com CNAME old → new`.
    pub detail: Option<String>,
}

/// A kind of thing, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A DNS record: zone, name.
    Record(String, Option<String>),
    /// A setting of a zone: zone, id.
    Setting(String, String),
    /// The rules of a phase: zone, phase.
    Rules(String, String),
    /// A Page Rule: zone, pattern.
    PageRule(String, String),
    /// Something that answers in place of the origin: zone.
    Worker(String),
    /// Another part of a zone: zone, key of its document.
    Part(String, String),
    /// A custom domain: its name.
    Domain(String),
    /// A mapping of a custom domain: the domain's name.
    Mapping(String),
    /// An API, or a part of it: its id.
    Api(String),
    /// A function, or a part of it: its name.
    Function(String),
    /// A certificate: its ARN.
    Certificate(String),
}

/// What becomes of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is as it was; templates do not tell more.
    None,
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is taken away and made anew.
    Replace,
    /// It is taken away.
    Delete,
}

impl Change {
    /// `creates`, `changes` …
    pub fn verb(self) -> &'static str {
        match self {
            Change::None => "keeps",
            Change::Create => "creates",
            Change::Update => "changes",
            Change::Replace => "replaces",
            Change::Delete => "deletes",
        }
    }
}

impl Thing {
    /// The zone that it belongs to.
    pub fn zone(&self) -> Option<&str> {
        match self {
            Thing::Record(zone, _)
            | Thing::Setting(zone, _)
            | Thing::Rules(zone, _)
            | Thing::PageRule(zone, _)
            | Thing::Worker(zone)
            | Thing::Part(zone, _) => Some(zone),
            _ => None,
        }
    }
}

impl Declared {
    /// The zone with this key, made where it is new.
    pub fn zone(&mut self, key: &str) -> &mut DeclaredZone {
        let at = match self.zones.iter().position(|zone| zone.key == key) {
            Some(at) => at,
            None => {
                self.zones.push(DeclaredZone { key: key.to_owned(), ..DeclaredZone::default() });
                self.zones.len() - 1
            }
        };
        &mut self.zones[at]
    }
}

impl DeclaredZone {
    /// Adds a row to a list.
    pub fn push(&mut self, key: &str, row: Value) {
        if let Value::Array(rows) = self.document.entry(key).or_insert_with(|| Value::Array(Vec::new())) {
            rows.push(row);
        }
    }

    /// Sets one entry of an object: a setting, a phase of rules.
    pub fn set(&mut self, key: &str, inner: &str, value: Value) {
        if let Value::Object(all) = self.document.entry(key).or_insert_with(|| Value::Object(Map::new())) {
            all.insert(inner.to_owned(), value);
        }
    }

    /// Remembers a row of a list that is taken away or changed; the list is known from then on.
    pub fn drop_row(&mut self, key: &str, row: Value) {
        self.document.entry(key).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(rows) = self.gone.entry(key).or_insert_with(|| Value::Array(Vec::new())) {
            rows.push(row);
        }
    }
}
