//! Runs the table of `fixtures/rules`: expressions, requests and outcomes, each with its source.

use serde_json::Value as Json;

use super::*;
use crate::evidence::Target;

const TABLES: &[(&str, &str)] = &[
    ("operators", include_str!("../../../fixtures/rules/operators.json")),
    ("unknown", include_str!("../../../fixtures/rules/unknown.json")),
    ("values", include_str!("../../../fixtures/rules/values.json")),
    ("fields", include_str!("../../../fixtures/rules/fields.json")),
    ("functions", include_str!("../../../fixtures/rules/functions.json")),
    ("errors", include_str!("../../../fixtures/rules/errors.json")),
    ("examples", include_str!("../../../fixtures/rules/examples.json")),
    ("values-of-actions", include_str!("../../../fixtures/rules/values-of-actions.json")),
];

pub(super) fn cases() -> Vec<(&'static str, Json)> {
    let read = |(name, text): &(&'static str, &str)| {
        let cases: Vec<Json> = serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        cases.into_iter().map(|case| (*name, case)).collect::<Vec<_>>()
    };
    TABLES.iter().flat_map(read).collect()
}

pub(super) fn request(case: &Json) -> Request {
    let mut target: Target = case["url"].as_str().unwrap().parse().unwrap();
    target.method = case["method"].as_str().unwrap_or("GET").into();
    let mut request = Request::of(&target);
    for line in case["headers"].as_array().into_iter().flatten() {
        let value = line[1].as_str().filter(|value| !value.contains("(redacted)"));
        request = request.with_header(line[0].as_str().unwrap(), value);
    }
    if case["complete"] == true {
        request = request.without_other_headers();
    }
    if let Some(address) = case["client"].as_str() {
        request = request.from_client(address.parse().unwrap());
    }
    if let Some(version) = case["version"].as_str() {
        request = request.over(version);
    }
    if let Some(zone) = case["zone"].as_str() {
        request = request.in_zone(zone);
    }
    if let Some(kind) = case["normalization"].as_str() {
        request = request.normalized(match kind {
            "off" => Normalization::Off,
            "rfc3986" => Normalization::Rfc3986,
            "cloudflare" => Normalization::Cloudflare,
            other => panic!("normalization {other}"),
        });
    }
    for (field, value) in case["assume"].as_object().into_iter().flatten() {
        request = request.assuming(
            field,
            match value {
                Json::Bool(value) => Known::Boolean(*value),
                Json::Number(value) => Known::Integer(value.as_i64().unwrap()),
                value => Known::Text(value.as_str().unwrap().into()),
            },
        );
    }
    request
}

fn outcome(case: &Json) -> Json {
    let error = |error: ParseError| serde_json::json!({"error": error.at});
    let unknown = |names: Vec<String>| serde_json::json!({"unknown": names});
    if let Some(source) = case["value"].as_str() {
        return match parse_value(source).map(|value| value.evaluate(&request(case))) {
            Ok(Computed::Known(text)) => serde_json::json!({"value": text}),
            Ok(Computed::Unknown(names)) => unknown(names),
            Err(wrong) => error(wrong),
        };
    }
    match parse(case["expression"].as_str().unwrap()).map(|expression| expression.evaluate(&request(case))) {
        Ok(Truth::True) => true.into(),
        Ok(Truth::False) => false.into(),
        Ok(Truth::Unknown(names)) => unknown(names),
        Err(wrong) => error(wrong),
    }
}

#[test]
fn the_table_holds() {
    let cases = cases();
    assert!(cases.len() >= 150, "only {} cases", cases.len());
    let mut wrong = Vec::new();
    for (table, case) in &cases {
        assert!(case["source"].as_str().is_some_and(|source| !source.is_empty()), "{case}");
        let outcome = outcome(case);
        if outcome != case["expect"] {
            let written = case["expression"].as_str().or(case["value"].as_str()).unwrap();
            let told = parse(written).err().map(|error| format!("\n{error}\n{}", error.caret(written)));
            wrong.push(format!(
                "{table}: {written}\n  {} gives {outcome}, expected {}{}",
                case["url"],
                case["expect"],
                told.unwrap_or_default()
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// What is decided stays decided the same when more becomes known.
#[test]
fn knowing_more_never_changes_what_was_known() {
    for (_, case) in cases() {
        let Some(expression) = case["expression"].as_str().and_then(|source| parse(source).ok()) else { continue };
        let before = expression.evaluate(&request(&case));
        if let Truth::Unknown(_) = before {
            continue;
        }
        let more = request(&case)
            .with_header("x-unheard-of", Some("1"))
            .over("HTTP/2")
            .normalized(Normalization::Rfc3986)
            .in_zone("example.com")
            .assuming("ip.src.country", Known::Text("GB".into()));
        let asked_for = case["version"].is_string() || case["normalization"].is_string() || case["zone"].is_string();
        if !asked_for && case["assume"].is_null() {
            assert_eq!(expression.evaluate(&more), before, "{}", expression.source());
        }
    }
}

/// The blame of a false condition is made of terms that are decided, and of an `and` those that are false.
#[test]
fn blame_is_told_for_every_false_condition() {
    for (_, case) in cases() {
        let Some(expression) = case["expression"].as_str().and_then(|source| parse(source).ok()) else { continue };
        let request = request(&case);
        let blame = expression.blame(&request);
        let constant = expression.terms(&request).is_empty();
        let is_false = expression.evaluate(&request) == Truth::False;
        assert_eq!(!blame.is_empty(), is_false && !constant, "{}", expression.source());
        assert!(
            !is_false || blame.iter().all(|term| !matches!(term.truth, Truth::Unknown(_))),
            "{}",
            expression.source()
        );
    }
}
