//! What is declared of an AWS account.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

/// A list of the account's document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum List {
    /// Custom domains, by name.
    Domains,
    /// Certificates, by ARN.
    Certificates,
    /// APIs, by id.
    Apis,
    /// Functions, by name.
    Functions,
}

impl List {
    pub(super) const ALL: [List; 4] = [List::Domains, List::Certificates, List::Apis, List::Functions];

    /// Its key in the document.
    pub fn key(self) -> &'static str {
        match self {
            List::Domains => "domains",
            List::Certificates => "certificates",
            List::Apis => "apis",
            List::Functions => "functions",
        }
    }

    /// The key by which its items are told apart.
    pub(super) fn id(self) -> &'static str {
        match self {
            List::Domains => "domainName",
            List::Certificates => "CertificateArn",
            List::Apis => "apiId",
            List::Functions => "FunctionName",
        }
    }

    /// Other spellings of that key, in outputs of the API.
    pub(super) fn other_ids(self) -> &'static [&'static str] {
        if self == List::Apis { &["id"] } else { &[] }
    }
}

/// A thing of the account.
#[derive(Clone, Debug, Default)]
pub struct Item {
    /// What tells it from the others of its list.
    pub id: String,
    /// What is declared of it.
    pub value: Map<String, Value>,
    /// Is the thing itself declared, or only parts of it?
    pub is_whole: bool,
    /// Is it made anew, so that nothing of today's holds?
    pub is_new: bool,
}

/// Parts of things that are taken away: list, id, key of the part, and what tells the part from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GonePart {
    pub(super) list: List,
    pub(super) id: String,
    pub(super) part: &'static str,
    pub(super) key: String,
}

/// What is declared of an account.
#[derive(Clone, Debug, Default)]
pub struct Account {
    items: Vec<(List, Item)>,
    places: HashMap<(List, String), usize>,
    /// Things that are taken away.
    pub(super) gone: Vec<(List, String)>,
    pub(super) gone_parts: Vec<GonePart>,
    /// Parts of whose kind something is declared: a thing that has none of them is known to have none.
    kinds: BTreeSet<(List, &'static str)>,
}

/// The ids of what stands behind one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behind {
    /// Custom domains.
    pub domains: Vec<String>,
    /// APIs that they lead to.
    pub apis: Vec<String>,
    /// Functions that those call.
    pub functions: Vec<String>,
    /// Certificates of the domains.
    pub certificates: Vec<String>,
}

impl Account {
    /// Is anything declared?
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.gone.is_empty() && self.gone_parts.is_empty()
    }

    /// The thing with this id, made where it is new.
    pub fn item(&mut self, list: List, id: &str) -> &mut Item {
        let at = *self.places.entry((list, id.to_owned())).or_insert_with(|| {
            let mut item = Item { id: id.to_owned(), ..Item::default() };
            item.value.insert(list.id().into(), id.into());
            self.items.push((list, item));
            self.items.len() - 1
        });
        &mut self.items[at].1
    }

    /// The thing itself, as it is declared.
    pub fn declare(&mut self, list: List, id: &str, value: Map<String, Value>, is_new: bool) {
        let item = self.item(list, id);
        item.value.extend(value);
        item.is_whole = true;
        item.is_new = is_new;
    }

    /// A part of a thing.
    pub fn part(&mut self, list: List, id: &str, part: &'static str, value: Value) {
        self.kinds.insert((list, part));
        let item = self.item(list, id);
        if let Value::Array(rows) = item.value.entry(part).or_insert_with(|| Value::Array(Vec::new())) {
            rows.push(value);
        }
    }

    /// A part that is taken away.
    pub fn drop_part(&mut self, list: List, id: &str, part: &'static str, key: impl Into<String>) {
        self.kinds.insert((list, part));
        self.gone_parts.push(GonePart { list, id: id.to_owned(), part, key: key.into() });
    }

    /// A thing that is taken away.
    pub fn drop(&mut self, list: List, id: &str) {
        self.gone.push((list, id.to_owned()));
    }

    /// Says that things of this list that are declared here have no such part unless it is declared too.
    pub fn knows(&mut self, list: List, part: &'static str) {
        self.kinds.insert((list, part));
    }

    /// The things of one list.
    pub fn items(&self, list: List) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |(known, _)| *known == list).map(|(_, item)| item)
    }

    /// The item with what is known not to be there said so.
    pub(super) fn complete(&self, list: List, item: &Item) -> Map<String, Value> {
        let mut value = item.value.clone();
        let is_rest = value.get("protocolType").is_some_and(|kind| kind == "REST");
        let not_read = value.get("not_read").cloned().unwrap_or_default();
        // REST APIs have methods on resources, the others routes with integrations.
        let belongs = |part: &str| match part {
            "resources" => is_rest,
            "routes" | "integrations" => !is_rest,
            _ => true,
        };
        let known = self.kinds.iter().filter(|(known, part)| *known == list && belongs(part));
        for (_, part) in known.filter(|(_, part)| item.is_whole && not_read.get(part).is_none()) {
            let none = if *part == "policy" { serde_json::json!({"Statement": []}) } else { Value::Array(Vec::new()) };
            value.entry(*part).or_insert(none);
        }
        // Statements are collected one by one.
        if let Some(Value::Array(statements)) = value.get_mut("policy").map(Value::take) {
            value.insert("policy".into(), serde_json::json!({"Statement": statements}));
        }
        value
    }

    /// What stands behind a host.
    pub fn behind(&self, host: &str) -> Behind {
        let mut behind = Behind::default();
        let covers = |name: &str| match name.strip_prefix("*.") {
            Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
            None => name == host,
        };
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        for domain in self.items(List::Domains).filter(|item| covers(&item.id)) {
            let value = Value::Object(domain.value.clone());
            behind.domains.push(domain.id.clone());
            let mappings = value.get("api_mappings").and_then(Value::as_array);
            behind.apis.extend(mappings.into_iter().flatten().filter_map(|mapping| text(mapping, "apiId")));
            let first = value.pointer("/domainNameConfigurations/0").unwrap_or(&Value::Null);
            let arns =
                [text(&value, "certificateArn"), text(&value, "regionalCertificateArn"), text(first, "certificateArn")];
            behind.certificates.extend(arns.into_iter().flatten());
        }
        let apis = behind.apis.iter().filter_map(|id| self.places.get(&(List::Apis, id.clone())));
        for (_, api) in apis.filter_map(|at| self.items.get(*at)) {
            let listed = api.value.get("integrations").and_then(Value::as_array).into_iter().flatten();
            let methods = api.value.get("resources").and_then(Value::as_array).into_iter().flatten();
            let methods = methods.filter_map(|resource| resource.get("resourceMethods")?.as_object());
            let methods = methods.flat_map(Map::values).filter_map(|method| method.get("methodIntegration"));
            let uris = listed.chain(methods).filter_map(|one| text(one, "integrationUri").or_else(|| text(one, "uri")));
            behind.functions.extend(uris.filter_map(|uri| {
                let name = uri.rsplit_once(":function:")?.1.split([':', '/']).next()?;
                Some(name.to_owned())
            }));
        }
        behind
    }
}
