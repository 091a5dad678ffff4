//! A Lambda function with its URL and its policy (`facts/aws.md` section 7.1).

use serde_json::Value;
use time::OffsetDateTime;

use super::read::{get, moment, number, objects, part, text, texts};
use super::words::Authorization;
use super::{Arn, sentence};
use crate::evidence::Gathered;
use crate::evidence::text::shell_quote;

/// A function, or one alias or version of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Its name, without qualifier.
    pub name: String,
    /// The alias or version, where this is not `$LATEST`.
    pub qualifier: Option<String>,
    /// Its ARN.
    pub arn: Option<Arn>,
    /// Where it lives.
    pub region: Option<String>,
    /// `nodejs22.x`, …
    pub runtime: Option<String>,
    /// Seconds until Lambda ends it.
    pub timeout: Option<u64>,
    /// Megabytes.
    pub memory: Option<u64>,
    /// `Active`, `Pending`, `Inactive`, `Failed`.
    pub state: Option<String>,
    /// `Successful`, `Failed`, `InProgress`.
    pub last_update: Option<String>,
    /// Its URLs; an empty list: it has none.
    pub urls: Gathered<Vec<FunctionUrl>>,
    /// Who may call it; without a statement: nobody but its own account by identity policy.
    pub policy: Gathered<Policy>,
}

/// A function URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionUrl {
    /// `{id}.lambda-url.{region}.on.aws`, lower case.
    pub host: String,
    /// Who may call it.
    pub auth: Option<Authorization>,
    /// `BUFFERED` or `RESPONSE_STREAM`.
    pub invoke_mode: Option<String>,
    /// Does Lambda answer CORS by itself?
    pub has_cors: bool,
    /// The alias that it belongs to.
    pub qualifier: Option<String>,
    /// When it was made: since October 2025 public use needs two permissions (`facts/aws.md` section 0, fact 9).
    pub created: Option<OffsetDateTime>,
}

/// A resource policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Its statements.
    pub statements: Vec<Statement>,
}

/// One statement of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its name.
    pub sid: Option<String>,
    /// `true`: Allow; `false`: Deny; `None`: neither.
    pub allows: Option<bool>,
    /// `Service:apigateway.amazonaws.com`, `AWS:*`, `*`.
    pub principals: Vec<String>,
    /// Patterns of actions.
    pub actions: Vec<String>,
    /// Patterns of resources.
    pub resources: Vec<String>,
    /// All have to hold.
    pub conditions: Vec<Condition>,
    /// It is written with `NotPrincipal`, `NotAction` or `NotResource`, which we do not judge.
    pub is_inverted: bool,
}

/// One condition of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// `ArnLike`, `StringEquals`, `Bool`, …
    pub operator: String,
    /// `AWS:SourceArn`, …
    pub key: String,
    /// One of these has to fit.
    pub values: Vec<String>,
}

impl Function {
    /// Reads one item of `functions`; none without a name.
    pub(super) fn read(item: &Value) -> Option<Self> {
        let item = get(item, "Configuration").filter(|inner| inner.is_object()).unwrap_or(item);
        let arn = text(item, "FunctionArn").and_then(|arn| Arn::of(&arn));
        let of_arn = arn.as_ref().and_then(Arn::function);
        let name = text(item, "FunctionName").or_else(|| of_arn.map(|(name, _)| name.to_owned()))?;
        let qualifier = of_arn.and_then(|(_, qualifier)| qualifier).filter(|qualifier| *qualifier != "$LATEST");
        let command = |what: &str| format!("aws lambda {what} --function-name {}", shell_quote(&name));
        let urls = match get(item, "url_config") {
            Some(one) => Gathered::Found(FunctionUrl::read(one).into_iter().collect()),
            None => part(
                item,
                "url_configs",
                || sentence(&format!("the URL of {name}"), &command("get-function-url-config")),
                |value| Some(value.as_array()?.iter().filter_map(FunctionUrl::read).collect()),
            ),
        };
        Some(Function {
            qualifier: qualifier.map(ToOwned::to_owned),
            region: text(item, "region").or_else(|| arn.as_ref()?.region().map(ToOwned::to_owned)),
            runtime: text(item, "Runtime"),
            timeout: number(item, "Timeout"),
            memory: number(item, "MemorySize"),
            state: text(item, "State"),
            last_update: text(item, "LastUpdateStatus"),
            urls,
            policy: part(
                item,
                "policy",
                || sentence(&format!("the policy of {name}"), &command("get-policy")),
                Policy::read,
            ),
            name,
            arn,
        })
    }
}

impl FunctionUrl {
    fn read(item: &Value) -> Option<Self> {
        let url = text(item, "FunctionUrl")?;
        let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let arn = text(item, "FunctionArn").and_then(|arn| Arn::of(&arn));
        Some(FunctionUrl {
            host: rest.split('/').next().filter(|host| !host.is_empty())?.to_ascii_lowercase(),
            auth: text(item, "AuthType").map(|word| Authorization::of(&word)),
            invoke_mode: text(item, "InvokeMode"),
            created: moment(item, "CreationTime"),
            has_cors: get(item, "Cors").and_then(Value::as_object).is_some_and(|cors| !cors.is_empty()),
            qualifier: arn.as_ref().and_then(Arn::function).and_then(|(_, qualifier)| qualifier).map(ToOwned::to_owned),
        })
    }
}

impl Policy {
    /// Reads a policy document, or the answer of GetPolicy around it.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let value = get(value, "policy").filter(|inner| inner.is_object()).unwrap_or(value);
        if !value.is_object() {
            return None;
        }
        let statements = objects(value, "Statement").unwrap_or_default();
        Some(Policy { statements: statements.into_iter().map(Statement::read).collect() })
    }
}

impl Statement {
    fn read(item: &Value) -> Self {
        let mut conditions: Vec<Condition> = Vec::new();
        for (operator, keys) in get(item, "Condition").and_then(Value::as_object).into_iter().flatten() {
            for (key, values) in keys.as_object().into_iter().flatten() {
                conditions.push(Condition { operator: operator.clone(), key: key.clone(), values: words(values) });
            }
        }
        // As some emulators write it, beside the conditions.
        if let Some(auth) = text(item, "FunctionUrlAuthType") {
            let (operator, key) = ("StringEquals".into(), "lambda:FunctionUrlAuthType".into());
            conditions.push(Condition { operator, key, values: vec![auth] });
        }
        Statement {
            sid: text(item, "Sid"),
            allows: text(item, "Effect").and_then(|effect| match effect.to_ascii_lowercase().as_str() {
                "allow" => Some(true),
                "deny" => Some(false),
                _ => None,
            }),
            principals: principals(get(item, "Principal")),
            actions: texts(item, "Action"),
            resources: texts(item, "Resource"),
            conditions,
            is_inverted: ["NotPrincipal", "NotAction", "NotResource"].iter().any(|key| super::read::has(item, key)),
        }
    }
}

fn principals(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Object(kinds)) => kinds
            .iter()
            .flat_map(|(kind, names)| words(names).into_iter().map(move |name| format!("{kind}:{name}")))
            .collect(),
        _ => Vec::new(),
    }
}

/// A text, a truth, or a list of them.
fn words(value: &Value) -> Vec<String> {
    match value {
        Value::String(one) => vec![one.clone()],
        Value::Bool(one) => vec![one.to_string()],
        Value::Array(list) => list.iter().flat_map(words).collect(),
        Value::Number(one) => vec![one.to_string()],
        _ => Vec::new(),
    }
}
