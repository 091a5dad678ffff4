//! What a function's resource policy allows (`facts/aws.md` sections 7.1 and 10: G20, G30).
//!
//! A call is allowed when a statement with `Allow` fits and none with `Deny` does. Identity policies are not looked at:
//! API Gateway and anonymous callers of a function URL have none. What cannot be judged is unknown, never denied.

use super::mapping::fits;
use crate::evidence::gateway::{Api, Arn, Condition, Policy, Route, Statement};

/// A call to be judged.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// `lambda:InvokeFunction`, `lambda:InvokeFunctionUrl`.
    pub action: &'a str,
    /// Who calls.
    pub caller: Caller,
    /// The function that is called.
    pub function: Option<&'a Arn>,
}

/// Who calls a function.
#[derive(Clone, Debug)]
pub enum Caller {
    /// API Gateway, for one route.
    Gateway(Source),
    /// Anybody, by the function's URL of authorization `NONE`.
    Url,
}

/// What API Gateway names as the source of its call: `arn:aws:execute-api:{region}:{account}:{api}/{stage}/…`. How it
/// writes method and path of a route with `ANY` or a variable is not documented, so every way to write it is tried.
#[derive(Clone, Debug)]
pub struct Source {
    region: Option<String>,
    account: Option<String>,
    api: String,
    stage: Option<String>,
    tails: Vec<String>,
}

/// What the policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permission {
    /// A statement allows it.
    Allowed,
    /// A statement forbids it; its name.
    Denied(Option<String>),
    /// No statement speaks of it.
    NotAllowed,
    /// It depends on something that we cannot judge; what.
    Unknown(String),
}

impl Source {
    /// The call of `route` of `api` in `stage`, for a request of this method and path.
    pub fn new(
        api: &Api,
        stage: Option<&str>,
        route: &Route,
        method: &str,
        path: &str,
        function: Option<&Arn>,
    ) -> Self {
        let (of_route, pattern) = super::api_route::split(&route.key).unwrap_or(("*", "/$default"));
        let starred = starred(pattern);
        let path = path.split('?').next().unwrap_or(path);
        let mut tails = vec![route.key.clone()];
        for method in [method, of_route, "*"] {
            for path in [path, pattern, starred.as_str()] {
                tails.push(format!("{method}/{}", path.trim_start_matches('/')));
            }
        }
        Source {
            region: api.region.clone(),
            // API and function may be of two accounts; of one is the rule, and then the token is the function's.
            account: function.and_then(Arn::account).map(ToOwned::to_owned),
            api: api.id.clone(),
            stage: stage.map(ToOwned::to_owned),
            tails,
        }
    }
}

/// `/items/{id}` as consoles write it into permissions: `/items/*`.
pub(crate) fn starred(pattern: &str) -> String {
    let segments = pattern.split('/').map(|segment| if segment.starts_with('{') { "*" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

/// A condition or statement: fits, does not, or cannot be told.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fit {
    Yes,
    No,
    Unknown(String),
}

impl Fit {
    fn of(does: bool) -> Self {
        if does { Fit::Yes } else { Fit::No }
    }

    /// Both: what surely does not fit decides.
    fn and(self, other: Fit) -> Self {
        match (self, other) {
            (Fit::No, _) | (_, Fit::No) => Fit::No,
            (Fit::Unknown(why), _) | (_, Fit::Unknown(why)) => Fit::Unknown(why),
            _ => Fit::Yes,
        }
    }

    /// One of them: what surely fits decides.
    fn or(self, other: Fit) -> Self {
        match (self, other) {
            (Fit::Yes, _) | (_, Fit::Yes) => Fit::Yes,
            (Fit::Unknown(why), _) | (_, Fit::Unknown(why)) => Fit::Unknown(why),
            _ => Fit::No,
        }
    }
}

/// What the policy says about the call.
pub fn judge(policy: &Policy, call: &Call<'_>) -> Permission {
    let fits: Vec<(&Statement, Fit)> =
        policy.statements.iter().map(|statement| (statement, statement_fits(statement, call))).collect();
    let of = |allows: bool| fits.iter().filter(move |(statement, _)| statement.allows == Some(allows));
    if let Some((statement, _)) = of(false).find(|(_, fit)| *fit == Fit::Yes) {
        return Permission::Denied(statement.sid.clone());
    }
    let doubt = |allows: bool| {
        of(allows).find_map(|(_, fit)| match fit {
            Fit::Unknown(why) => Some(Permission::Unknown(why.clone())),
            _ => None,
        })
    };
    let is_allowed = of(true).any(|(_, fit)| *fit == Fit::Yes);
    let doubt = if is_allowed { doubt(false) } else { doubt(true) };
    match (doubt, is_allowed) {
        (Some(doubt), _) => doubt,
        (None, true) => Permission::Allowed,
        (None, false) => Permission::NotAllowed,
    }
}

/// Does the statement speak of the call?
fn statement_fits(statement: &Statement, call: &Call<'_>) -> Fit {
    if statement.is_inverted {
        return Fit::Unknown("a statement with NotPrincipal, NotAction or NotResource".into());
    }
    let action = call.action.to_ascii_lowercase();
    let named = statement.actions.iter().any(|pattern| fits(&pattern.to_ascii_lowercase(), &action));
    let start = Fit::of(named).and(principal_fits(&statement.principals, call)).and(resource_fits(statement, call));
    statement.conditions.iter().fold(start, |so_far, condition| match so_far {
        Fit::No => Fit::No,
        so_far => so_far.and(condition_fits(condition, call)),
    })
}

fn principal_fits(principals: &[String], call: &Call<'_>) -> Fit {
    let one = |principal: &String| match (&call.caller, principal.as_str()) {
        (_, "*" | "AWS:*") if matches!(call.caller, Caller::Url) => Fit::Yes,
        // Whether everybody includes a service is not documented plainly.
        (Caller::Gateway(_), "*") => Fit::Yes,
        (Caller::Gateway(_), "AWS:*") => Fit::Unknown("a statement for every AWS principal".into()),
        (Caller::Gateway(_), name) => Fit::of(name.eq_ignore_ascii_case("Service:apigateway.amazonaws.com")),
        _ => Fit::No,
    };
    principals.iter().map(one).fold(Fit::No, Fit::or)
}

/// The resource is the function, or the alias; a policy hangs on it, so without one it fits.
fn resource_fits(statement: &Statement, call: &Call<'_>) -> Fit {
    let Some(function) = call.function else { return Fit::Yes };
    if statement.resources.is_empty() {
        return Fit::Yes;
    }
    let one = |resource: &String| arn_fits(resource, function.as_str());
    statement.resources.iter().map(one).fold(Fit::No, Fit::or)
}

fn condition_fits(condition: &Condition, call: &Call<'_>) -> Fit {
    let operator = condition.operator.to_ascii_lowercase();
    let (operator, if_exists) = match operator.strip_suffix("ifexists") {
        Some(operator) => (operator, true),
        None => (operator.as_str(), false),
    };
    let any = |test: &dyn Fn(&String) -> Fit| condition.values.iter().map(test).fold(Fit::No, Fit::or);
    let absent = || Fit::of(if_exists);
    let unknown = || Fit::Unknown(format!("the condition {} on {}", condition.operator, condition.key));
    let is_text = matches!(operator, "stringequals" | "stringlike" | "stringequalsignorecase");
    match (condition.key.to_ascii_lowercase().as_str(), &call.caller) {
        ("aws:sourcearn", Caller::Gateway(source)) if is_text || matches!(operator, "arnlike" | "arnequals") => {
            any(&|pattern| source_fits(pattern, source))
        }
        ("aws:sourcearn" | "aws:sourceaccount", Caller::Url) => absent(),
        ("aws:sourceaccount", Caller::Gateway(source)) if is_text => match &source.account {
            Some(account) => any(&|wanted| account_fits(wanted, account)),
            None => unknown(),
        },
        ("lambda:functionurlauthtype", Caller::Url) if is_text => {
            any(&|wanted| Fit::of(fits(&wanted.to_ascii_uppercase(), "NONE")))
        }
        ("lambda:invokedviafunctionurl", Caller::Url) if operator == "bool" => {
            any(&|wanted| Fit::of(wanted.eq_ignore_ascii_case("true")))
        }
        ("lambda:functionurlauthtype" | "lambda:invokedviafunctionurl", Caller::Gateway(_)) => {
            match (operator, condition.values.iter().all(|wanted| wanted.eq_ignore_ascii_case("false"))) {
                ("bool", true) => unknown(),
                _ => absent(),
            }
        }
        _ => unknown(),
    }
}

/// An account, told by its token.
fn account_fits(wanted: &str, account: &str) -> Fit {
    match (wanted, account) {
        ("*", _) => Fit::Yes,
        (wanted, account) if wanted == account => Fit::Yes,
        (wanted, account) if wanted.starts_with("account-") && account.starts_with("account-") => Fit::No,
        _ => Fit::Unknown("an account that was blanked out".into()),
    }
}

/// Two ARNs, the first with `*`; blanked accounts cannot be told.
fn arn_fits(pattern: &str, arn: &str) -> Fit {
    let (wanted, given) = (pattern.splitn(6, ':').collect::<Vec<_>>(), arn.splitn(6, ':').collect::<Vec<_>>());
    if wanted.len() != 6 || given.len() != 6 {
        return Fit::of(fits(pattern, arn));
    }
    wanted.iter().zip(&given).enumerate().fold(Fit::Yes, |so_far, (at, (wanted, given))| {
        so_far.and(if at == 4 { account_fits(wanted, given) } else { Fit::of(fits(wanted, given)) })
    })
}

fn source_fits(pattern: &str, source: &Source) -> Fit {
    let parts: Vec<&str> = pattern.splitn(6, ':').collect();
    let [_, partition, service, region, account, resource] = parts.as_slice() else {
        return if pattern.trim() == "*" { Fit::Yes } else { Fit::Unknown(format!("the source {pattern}")) };
    };
    let region = match &source.region {
        Some(ours) => Fit::of(fits(region, ours)),
        None if *region == "*" => Fit::Yes,
        None => Fit::Unknown("the region of the API".into()),
    };
    let account = match &source.account {
        _ if *account == "*" || account.is_empty() => Fit::Yes,
        Some(ours) if account_fits(account, ours) == Fit::Yes => Fit::Yes,
        // The API may be of another account than the function.
        _ => Fit::Unknown("the account of the API".into()),
    };
    let stage = source.stage.as_deref();
    let resource_fit = source.tails.iter().map(|tail| {
        match stage {
            Some(stage) => Fit::of(fits(resource, &format!("{}/{stage}/{tail}", source.api))),
            // Without a stage only its place can be told.
            None => match resource.splitn(3, '/').collect::<Vec<_>>().as_slice() {
                [api, "*", rest] => Fit::of(fits(api, &source.api) && fits(rest, tail)),
                [api, _, rest] if fits(api, &source.api) && fits(rest, tail) => {
                    Fit::Unknown("the stage of the API".into())
                }
                [api, "*"] => Fit::of(fits(api, &source.api)),
                [api] => Fit::of(api.contains('*') && fits(api, &format!("{}/x/{tail}", source.api))),
                _ => Fit::No,
            },
        }
    });
    Fit::of(fits(partition, "aws") || partition.starts_with("aws"))
        .and(Fit::of(fits(service, "execute-api")))
        .and(resource_fit.fold(Fit::No, Fit::or))
        .and(region)
        .and(account)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::evidence::Gateway;

    const FUNCTION: &str = "arn:aws:lambda:us-west-2:123456789012:function:f";

    fn gateway(statements: Value) -> Gateway {
        Gateway::from_document(json!({
            "apis": [{"apiId": "abc123defg", "protocolType": "HTTP", "region": "us-west-2",
                "routes": [{"routeKey": "ANY /items/{id}", "target": "integrations/i"}, {"routeKey": "$default"}]}],
            "functions": [{"FunctionName": "f", "FunctionArn": FUNCTION, "policy": {"Statement": statements}}],
        }))
    }

    fn by_gateway(statements: Value, stage: Option<&str>, route: usize) -> Permission {
        let gateway = gateway(statements);
        let function = &gateway.functions.found().unwrap()[0];
        let api = gateway.api("abc123defg").unwrap();
        let arn = function.arn.as_ref();
        let source = Source::new(api, stage, &api.routes.found().unwrap()[route], "GET", "/items/7", arn);
        let call = Call { action: "lambda:InvokeFunction", caller: Caller::Gateway(source), function: arn };
        judge(function.policy.found().unwrap(), &call)
    }

    fn by_url(statements: Value, action: &str) -> Permission {
        let gateway = gateway(statements);
        let function = &gateway.functions.found().unwrap()[0];
        let call = Call { action, caller: Caller::Url, function: function.arn.as_ref() };
        judge(function.policy.found().unwrap(), &call)
    }

    fn allow(source: &str) -> Value {
        json!([{"Sid": "api", "Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"},
            "Action": "lambda:InvokeFunction", "Resource": FUNCTION, "Condition": {"ArnLike": {"AWS:SourceArn": source}}}])
    }

    #[test]
    fn api_gateway_needs_a_source_that_fits() {
        for (source, fits) in [
            ("arn:aws:execute-api:us-west-2:123456789012:abc123defg/*/*/items/{id}", true),
            ("arn:aws:execute-api:us-west-2:123456789012:abc123defg/*/*/items/*", true),
            ("arn:aws:execute-api:us-west-2:123456789012:abc123defg/*", true),
            ("arn:aws:execute-api:us-west-2:123456789012:abc123defg/prod/GET/items/7", true),
            ("arn:aws:execute-api:us-west-2:123456789012:abc123defg/prod/ANY/items/{id}", true),
            ("arn:aws:execute-api:*:*:abc123defg/*/*/*", true),
            ("arn:aws:execute-api:us-west-2:123456789012:*/*", true),
            ("arn:aws:execute-api:us-west-2:123456789012:abc123defg/dev/*/items/*", false),
            ("arn:aws:execute-api:us-west-2:123456789012:abc123defg/*/*/orders", false),
            ("arn:aws:execute-api:us-west-2:123456789012:other12345/*/*/*", false),
            ("arn:aws:execute-api:eu-west-1:123456789012:abc123defg/*/*/*", false),
            ("arn:aws:events:us-west-2:123456789012:rule/x", false),
        ] {
            let expected = if fits { Permission::Allowed } else { Permission::NotAllowed };
            assert_eq!(by_gateway(allow(source), Some("prod"), 0), expected, "{source}");
        }
        let default = "arn:aws:execute-api:us-west-2:123456789012:abc123defg/*/$default";
        assert_eq!(by_gateway(allow(default), Some("$default"), 1), Permission::Allowed);
        assert_eq!(by_gateway(json!([]), Some("prod"), 0), Permission::NotAllowed);
    }

    #[test]
    fn what_cannot_be_told_is_unknown() {
        let other_account = "arn:aws:execute-api:us-west-2:210987654321:abc123defg/*/*/items/*";
        assert!(matches!(by_gateway(allow(other_account), Some("prod"), 0), Permission::Unknown(_)));
        let staged = "arn:aws:execute-api:us-west-2:123456789012:abc123defg/prod/*/items/*";
        assert!(matches!(by_gateway(allow(staged), None, 0), Permission::Unknown(_)));
        let any_stage = "arn:aws:execute-api:us-west-2:123456789012:abc123defg/*/*/items/*";
        assert_eq!(by_gateway(allow(any_stage), None, 0), Permission::Allowed);
        let mut strange = allow(any_stage);
        strange[0]["Condition"]["DateLessThan"] = json!({"aws:CurrentTime": "2026-12-01T00:00:00Z"});
        assert!(matches!(by_gateway(strange.clone(), Some("prod"), 0), Permission::Unknown(_)));
        strange[0]["Principal"] = json!({"Service": "events.amazonaws.com"});
        assert_eq!(by_gateway(strange, Some("prod"), 0), Permission::NotAllowed, "the principal decides");
        let mut inverted = allow(any_stage);
        inverted[0]["NotAction"] = json!("lambda:GetPolicy");
        assert!(matches!(by_gateway(inverted, Some("prod"), 0), Permission::Unknown(_)));
    }

    #[test]
    fn a_deny_prevails() {
        let mut statements = allow("arn:aws:execute-api:us-west-2:123456789012:abc123defg/*");
        let deny = json!({"Sid": "no", "Effect": "Deny", "Principal": "*", "Action": "lambda:*", "Resource": FUNCTION});
        statements.as_array_mut().unwrap().push(deny);
        assert_eq!(by_gateway(statements.clone(), Some("prod"), 0), Permission::Denied(Some("no".into())));
        statements[1]["Condition"] = json!({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}});
        assert!(matches!(by_gateway(statements, Some("prod"), 0), Permission::Unknown(_)));
    }

    #[test]
    fn a_function_url_needs_both_permissions() {
        let url = json!({"Sid": "url", "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunctionUrl",
            "Resource": FUNCTION, "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}});
        let invoke = json!({"Sid": "invoke", "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction",
            "Resource": FUNCTION, "Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}});
        let both = json!([url, invoke]);
        assert_eq!(by_url(both.clone(), "lambda:InvokeFunctionUrl"), Permission::Allowed);
        assert_eq!(by_url(both.clone(), "lambda:InvokeFunction"), Permission::Allowed);
        assert_eq!(by_url(json!([url]), "lambda:InvokeFunction"), Permission::NotAllowed);
        assert_eq!(by_gateway(both, Some("prod"), 0), Permission::NotAllowed, "that one is for the URL only");
        let mut signed = url.clone();
        signed["Condition"]["StringEquals"]["lambda:FunctionUrlAuthType"] = json!("AWS_IAM");
        assert_eq!(by_url(json!([signed]), "lambda:InvokeFunctionUrl"), Permission::NotAllowed);
        let beside = json!([{"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunctionUrl", "Resource": FUNCTION,
            "FunctionUrlAuthType": "NONE"}]);
        assert_eq!(by_url(beside, "lambda:InvokeFunctionUrl"), Permission::Allowed, "as an emulator writes it");
        let mine = json!([{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
            "Action": "lambda:InvokeFunctionUrl", "Resource": FUNCTION}]);
        assert_eq!(by_url(mine, "lambda:InvokeFunctionUrl"), Permission::NotAllowed);
    }

    #[test]
    fn an_alias_is_another_resource() {
        let alias = json!([{"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunctionUrl",
            "Resource": format!("{FUNCTION}:live")}]);
        assert_eq!(by_url(alias, "lambda:InvokeFunctionUrl"), Permission::NotAllowed);
    }
}
