//! Which API a request reaches through a custom domain: routing rules and mappings (`facts/aws.md` section 3.5).
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-routing-mode.html>,
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-mappings.html>

use crate::evidence::gateway::{Domain, HeaderMatch, Mapping, RoutingMode, RoutingRule, RuleCondition, RuleTarget};
use crate::evidence::http::HeaderLine;
use crate::evidence::redact::REDACTED;
use crate::verdict::NotRun;

/// Paths at the root of every custom domain that API Gateway keeps for its own health checks (`facts/aws.md` section
/// 3.1).
pub const RESERVED: &[&str] = &["/ping", "/sping"];

/// What of a request decides.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The Host that the origin sees.
    pub host: &'a str,
    /// Path, with or without query.
    pub path: &'a str,
    /// The request's headers, as far as they are known.
    pub headers: &'a [HeaderLine],
}

/// What caught the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caught<'a> {
    /// A routing rule.
    Rule(&'a RoutingRule, &'a RuleTarget),
    /// A mapping.
    Mapping(&'a Mapping),
    /// API Gateway itself: `/ping`, `/sping`.
    Reserved,
    /// Nothing: the domain answers 403.
    Nothing,
}

impl<'a> Caught<'a> {
    /// The API that was reached; none where nothing was, or thin data does not name it.
    pub fn api(&self) -> Option<&'a str> {
        match self {
            Caught::Rule(_, target) => Some(&target.api),
            Caught::Mapping(mapping) => mapping.api.as_deref(),
            Caught::Reserved | Caught::Nothing => None,
        }
    }

    /// Its stage, where one is set.
    pub fn stage(&self) -> Option<&'a str> {
        match self {
            Caught::Rule(_, target) => target.stage.as_deref(),
            Caught::Mapping(mapping) => mapping.stage.as_deref(),
            Caught::Reserved | Caught::Nothing => None,
        }
    }

    /// The path that the API's routes are compared with: without what the mapping, or a rule that strips it, took.
    pub fn rest_of(&self, path: &str) -> String {
        let path = without_query(path);
        let taken = match self {
            Caught::Mapping(mapping) => Some(mapping.key.as_str()),
            Caught::Rule(rule, target) if target.strips_base_path => base_path(rule, path),
            _ => None,
        };
        let rest = taken.and_then(|key| after(key, path)).unwrap_or(path);
        if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") }
    }
}

/// What catches the request on this domain.
///
/// # Errors
/// The part of the domain that decides was not read, or a rule asks for something that is not known.
pub fn caught<'a>(domain: &'a Domain, asked: Asked<'_>) -> Result<Caught<'a>, NotRun> {
    let path = without_query(asked.path);
    if RESERVED.contains(&path) {
        return Ok(Caught::Reserved);
    }
    let by_mapping = || Ok(mapping(domain.mappings.get()?, path).map_or(Caught::Nothing, Caught::Mapping));
    match &domain.routing_mode {
        RoutingMode::Mappings => by_mapping(),
        RoutingMode::Rules => Ok(rule(domain.rules.get()?, asked)?.unwrap_or(Caught::Nothing)),
        RoutingMode::RulesThenMappings => match rule(domain.rules.get()?, asked)? {
            Some(caught) => Ok(caught),
            None => by_mapping(),
        },
        RoutingMode::Other(word) => {
            Err(NotRun::inconclusive(format!("this version does not know the routing mode {word} of {}", domain.name)))
        }
    }
}

/// The mapping with the longest key that the path begins with, segment by segment; the empty key catches all.
pub fn mapping<'a>(mappings: &'a [Mapping], path: &str) -> Option<&'a Mapping> {
    let path = without_query(path);
    mappings.iter().filter(|mapping| after(&mapping.key, path).is_some()).max_by_key(|mapping| mapping.key.len())
}

/// The first rule, by priority, all of whose conditions hold.
fn rule<'a>(rules: &'a [RoutingRule], asked: Asked<'_>) -> Result<Option<Caught<'a>>, NotRun> {
    let mut by_priority: Vec<&RoutingRule> = rules.iter().collect();
    by_priority.sort_by_key(|rule| rule.priority);
    for rule in by_priority {
        if holds(rule, asked)? {
            let target = rule.target.as_ref();
            return target.map(|target| Some(Caught::Rule(rule, target))).ok_or_else(|| {
                NotRun::inconclusive(format!(
                    "the routing rule of priority {} leads nowhere that we know",
                    rule.priority
                ))
            });
        }
    }
    Ok(None)
}

/// Do all conditions hold? What surely does not hold decides before what is not known.
fn holds(rule: &RoutingRule, asked: Asked<'_>) -> Result<bool, NotRun> {
    let mut unknown = None;
    for condition in &rule.conditions {
        let held = match condition {
            RuleCondition::BasePaths(paths) => {
                Ok(paths.iter().any(|key| after(key.trim_matches('/'), without_query(asked.path)).is_some()))
            }
            RuleCondition::Headers(lines) => header_fits(lines, asked),
            RuleCondition::Unknown => Err(()),
        };
        match held {
            Ok(false) => return Ok(false),
            Ok(true) => {}
            Err(()) => unknown = Some(rule.priority),
        }
    }
    match unknown {
        None => Ok(true),
        Some(priority) => Err(NotRun::inconclusive(format!(
            "the routing rule of priority {priority} asks for something of the request that is not known"
        ))),
    }
}

/// Does one of the header lines fit? `Err`: its value was redacted.
fn header_fits(lines: &[HeaderMatch], asked: Asked<'_>) -> Result<bool, ()> {
    let mut is_hidden = false;
    for line in lines {
        if line.name.eq_ignore_ascii_case("host") {
            if fits(&line.glob.to_ascii_lowercase(), &asked.host.to_ascii_lowercase()) {
                return Ok(true);
            }
            continue;
        }
        for sent in asked.headers.iter().filter(|sent| sent.name.eq_ignore_ascii_case(&line.name)) {
            if sent.value.contains(REDACTED) {
                is_hidden = true;
            } else if fits(&line.glob, &sent.value) {
                return Ok(true);
            }
        }
    }
    if is_hidden { Err(()) } else { Ok(false) }
}

/// Does the text fit the glob? `*` stands for any run of characters.
pub(crate) fn fits(glob: &str, text: &str) -> bool {
    let (glob, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        if glob.get(at) == Some(&'*') {
            star = Some((at, from));
            at += 1;
        } else if glob.get(at) == text.get(from) {
            at += 1;
            from += 1;
        } else if let Some((star_at, star_from)) = star {
            at = star_at + 1;
            from = star_from + 1;
            star = Some((star_at, from));
        } else {
            return false;
        }
    }
    glob.iter().skip(at).all(|c| *c == '*')
}

/// The longest base path of the rule that the path begins with.
fn base_path<'a>(rule: &'a RoutingRule, path: &str) -> Option<&'a str> {
    let paths = rule.conditions.iter().filter_map(|condition| match condition {
        RuleCondition::BasePaths(paths) => Some(paths),
        _ => None,
    });
    paths
        .flatten()
        .map(|key| key.trim_matches('/'))
        .filter(|key| after(key, path).is_some())
        .max_by_key(|key| key.len())
}

/// What is left of the path after a key: none where it does not begin with it, as a whole segment.
fn after<'p>(key: &str, path: &'p str) -> Option<&'p str> {
    if key.is_empty() {
        return Some(path);
    }
    let rest = path.strip_prefix('/').unwrap_or(path).strip_prefix(key)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

fn without_query(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::evidence::Gateway;

    fn domain(more: Value) -> Domain {
        let mut item = json!({"domainName": "*.example.com", "endpointConfiguration": {"types": ["REGIONAL"]}});
        for (key, value) in more.as_object().unwrap() {
            item[key] = value.clone();
        }
        Gateway::from_document(json!({"domains": [item]})).domains.found().unwrap()[0].clone()
    }

    fn api(domain: &Domain, host: &str, path: &str) -> String {
        let headers = [HeaderLine::new("X-Version", "beta-2"), HeaderLine::new("X-Api-Key", "s3cr3t")];
        match caught(domain, Asked { host, path, headers: &headers }) {
            Ok(found) => format!(
                "{} {}",
                found.api().unwrap_or(if found == Caught::Reserved { "reserved" } else { "nothing" }),
                found.rest_of(path)
            ),
            Err(why) => why.kind().into(),
        }
    }

    fn mappings() -> Value {
        json!([{"apiId": "root", "apiMappingKey": ""}, {"apiId": "v1", "apiMappingKey": "v1"}, {"apiId": "orders", "apiMappingKey": "v1/orders"}])
    }

    #[test]
    fn the_longest_key_wins() {
        let domain = domain(json!({"api_mappings": mappings()}));
        for (path, found) in [
            ("/", "root /"),
            ("/v1", "v1 /"),
            ("/v1/", "v1 /"),
            ("/v1/orders/7?x=/v1", "orders /7"),
            ("/v1/orders", "orders /"),
            ("/v1/ordersx", "v1 /ordersx"),
            ("/v10", "root /v10"),
            ("/V1/orders", "root /V1/orders"),
            ("/ping", "reserved /ping"),
            ("/pingpong", "root /pingpong"),
        ] {
            assert_eq!(api(&domain, "a.example.com", path), found, "{path}");
        }
    }

    #[test]
    fn without_a_catch_all_nothing_catches() {
        let domain = domain(json!({"api_mappings": [{"apiId": "v1", "apiMappingKey": "v1"}]}));
        assert_eq!(api(&domain, "a.example.com", "/other"), "nothing /other");
        let unread = super::tests::domain(json!({}));
        assert_eq!(api(&unread, "a.example.com", "/"), "inconclusive");
    }

    fn rule(priority: u32, api: &str, conditions: Value, strip: bool) -> Value {
        json!({"priority": priority, "routingRuleId": api, "conditions": conditions,
            "actions": [{"invokeApi": {"apiId": api, "stage": "prod", "stripBasePath": strip}}]})
    }

    #[test]
    fn rules_go_by_priority_host_and_base_path() {
        let host = |glob: &str| json!({"matchHeaders": {"anyOf": [{"header": "Host", "valueGlob": glob}]}});
        let base = |path: &str| json!({"matchBasePaths": {"anyOf": [path]}});
        let rules = json!([
            rule(300, "rest", json!([]), false),
            rule(100, "shop", json!([host("shop.*"), base("v1")]), true),
            rule(
                200,
                "beta",
                json!([{"matchHeaders": {"anyOf": [{"header": "x-version", "valueGlob": "beta*"}]}}, base("beta")]),
                false
            ),
            rule(
                250,
                "keyed",
                json!([{"matchHeaders": {"anyOf": [{"header": "X-Api-Key", "valueGlob": "*"}]}}, base("keyed")]),
                false
            ),
        ]);
        let only =
            domain(json!({"routingMode": "ROUTING_RULE_ONLY", "routing_rules": rules, "api_mappings": mappings()}));
        assert_eq!(api(&only, "shop.example.com", "/v1/cart"), "shop /cart");
        assert_eq!(api(&only, "other.example.com", "/v1/cart"), "rest /v1/cart");
        assert_eq!(api(&only, "other.example.com", "/beta/x"), "beta /beta/x");
        assert_eq!(api(&only, "other.example.com", "/keyed"), "inconclusive", "the key's value was redacted");
        assert_eq!(api(&only, "other.example.com", "/free"), "rest /free");
    }

    #[test]
    fn the_mode_decides_whether_mappings_count() {
        let rules = json!([rule(1, "ruled", json!([{"matchBasePaths": {"anyOf": ["ruled"]}}]), false)]);
        let of = |mode: &str| domain(json!({"routingMode": mode, "routing_rules": rules, "api_mappings": mappings()}));
        for (mode, at_ruled, at_v1) in [
            ("API_MAPPING_ONLY", "root /ruled", "v1 /"),
            ("BASE_PATH_MAPPING_ONLY", "root /ruled", "v1 /"),
            ("ROUTING_RULE_ONLY", "ruled /ruled", "nothing /v1"),
            ("ROUTING_RULE_THEN_API_MAPPING", "ruled /ruled", "v1 /"),
            ("ROUTING_RULE_THEN_BASE_PATH_MAPPING", "ruled /ruled", "v1 /"),
            ("SOMETHING_NEW", "inconclusive", "inconclusive"),
        ] {
            let domain = of(mode);
            assert_eq!(api(&domain, "a.example.com", "/ruled"), at_ruled, "{mode}");
            assert_eq!(api(&domain, "a.example.com", "/v1"), at_v1, "{mode}");
        }
    }

    #[test]
    fn an_unknown_condition_counts_only_where_the_others_hold() {
        let rules = json!([rule(1, "x", json!([{"matchMoon": {}}, {"matchBasePaths": {"anyOf": ["x"]}}]), false)]);
        let domain = domain(json!({"routingMode": "ROUTING_RULE_ONLY", "routing_rules": rules}));
        assert_eq!(api(&domain, "a.example.com", "/y"), "nothing /y");
        assert_eq!(api(&domain, "a.example.com", "/x"), "inconclusive");
    }

    #[test]
    fn globs() {
        for (glob, text, does) in [
            ("*", "", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "abcbc", true),
            ("*b*", "abc", true),
            ("a", "ab", false),
            ("a*d", "abc", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(fits(glob, text), does, "{glob} {text}");
        }
    }
}
