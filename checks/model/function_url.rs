//! May the public use a function URL (`facts/aws.md` section 0, fact 9, and section 10: G20)?
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html>

use time::OffsetDateTime;
use time::macros::datetime;

use super::lambda_policy::{Call, Caller, Permission, judge};
use crate::evidence::Gateway;
use crate::evidence::gateway::{Arn, Authorization, Function, FunctionUrl};
use crate::verdict::NotRun;

/// The permission that every function URL needs.
pub const INVOKE_URL: &str = "lambda:InvokeFunctionUrl";
/// The permission that those need besides which were made since October 2025.
pub const INVOKE: &str = "lambda:InvokeFunction";

/// The month in which the second permission came: of URLs made in it nothing is certain.
const SECOND_SINCE: OffsetDateTime = datetime!(2025-10-01 0:00 UTC);
const SECOND_SURELY_SINCE: OffsetDateTime = datetime!(2025-11-01 0:00 UTC);

/// What the account says of the public's use of a function URL.
#[derive(Clone, Debug)]
pub struct Admission<'a> {
    /// The function.
    pub function: &'a Function,
    /// Its URL.
    pub url: &'a FunctionUrl,
    /// May the public use it?
    pub public: PublicUse,
}

/// May the public use it?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicUse {
    /// Yes: no authorization, and the policy allows what it has to.
    Open,
    /// It demands signed requests.
    Iam,
    /// A statement forbids it; its name.
    Denied(Option<String>),
    /// Permissions are missing.
    Lacks {
        /// Which, of [`INVOKE_URL`] and [`INVOKE`].
        actions: Vec<&'static str>,
        /// Surely refused? Not where only the second one is missing and the URL may be older than it.
        is_certain: bool,
    },
}

/// What the account says of the function URL `host`.
///
/// # Errors
/// The function, its authorization or its policy was not read, or the policy depends on what cannot be judged.
pub fn admission<'a>(gateway: &'a Gateway, host: &str) -> Result<Admission<'a>, NotRun> {
    let (function, url) = gateway.function_url(host)?;
    let public = match &url.auth {
        Some(Authorization::None) => by_policy(gateway, function, url)?,
        Some(Authorization::Iam) => PublicUse::Iam,
        Some(other) => {
            return Err(NotRun::inconclusive(format!(
                "this version does not know the authorization {other} of {host}"
            )));
        }
        None => {
            return Err(NotRun::inconclusive(format!(
                "the AWS evidence does not tell who may call {host} (`aws lambda get-function-url-config \
                 --function-name {}` tells it)",
                crate::evidence::text::shell_quote(&function.name)
            )));
        }
    };
    Ok(Admission { function, url, public })
}

fn by_policy(gateway: &Gateway, function: &Function, url: &FunctionUrl) -> Result<PublicUse, NotRun> {
    // The URL of an alias is governed by the alias's own policy.
    let alias = url.qualifier.as_ref().filter(|alias| function.qualifier.as_ref() != Some(alias));
    let alias_arn = alias.and_then(|alias| Arn::of(&format!("{}:{alias}", function.arn.as_ref()?.as_str())));
    let (policy, arn) = match (alias, &alias_arn) {
        (Some(_), Some(arn)) => (gateway.function(arn)?.policy.get()?, Some(arn)),
        (Some(alias), None) => {
            return Err(NotRun::inconclusive(format!(
                "the AWS evidence does not hold the policy of {}:{alias}",
                function.name
            )));
        }
        (None, _) => (function.policy.get()?, function.arn.as_ref()),
    };
    let mut actions = Vec::new();
    for action in [INVOKE_URL, INVOKE] {
        match judge(policy, &Call { action, caller: Caller::Url, function: arn }) {
            Permission::Allowed => {}
            Permission::NotAllowed => actions.push(action),
            Permission::Denied(name) if action == INVOKE_URL || needs_second(url) == Some(true) => {
                return Ok(PublicUse::Denied(name));
            }
            Permission::Denied(_) => actions.push(action),
            Permission::Unknown(_) if action == INVOKE && needs_second(url) == Some(false) => {}
            Permission::Unknown(why) => {
                return Err(NotRun::inconclusive(format!(
                    "whether the policy of {} allows {action} to the public depends on {why}",
                    function.name
                )));
            }
        }
    }
    Ok(match (actions.as_slice(), needs_second(url)) {
        ([], _) | ([INVOKE], Some(false)) => PublicUse::Open,
        ([INVOKE], second) => PublicUse::Lacks { is_certain: second == Some(true), actions },
        _ => {
            // The second is named along with the first: whoever adds one adds both.
            PublicUse::Lacks { actions, is_certain: true }
        }
    })
}

/// Does it need the second permission? `None`: when it was made is not told, or was in that very month.
fn needs_second(url: &FunctionUrl) -> Option<bool> {
    let created = url.created?;
    match () {
        () if created < SECOND_SINCE => Some(false),
        () if created >= SECOND_SURELY_SINCE => Some(true),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const HOST: &str = "abcdefghijklmnopqrstuvwxyz012345.lambda-url.us-west-2.on.aws";
    const ARN: &str = "arn:aws:lambda:us-west-2:123456789012:function:f";

    fn of(auth: Value, created: Value, statements: Value) -> Result<PublicUse, NotRun> {
        let gateway = Gateway::from_document(
            json!({"functions": [{"FunctionArn": ARN, "policy": {"Statement": statements},
            "url_configs": [{"FunctionUrl": format!("https://{HOST}/"), "AuthType": auth, "CreationTime": created}]}]}),
        );
        admission(&gateway, HOST).map(|admission| admission.public)
    }

    fn allow(actions: &[&str]) -> Value {
        let one = |action: &&str| json!({"Effect": "Allow", "Principal": "*", "Action": action, "Resource": ARN});
        actions.iter().map(one).collect()
    }

    fn lacks(actions: &[&'static str], is_certain: bool) -> PublicUse {
        PublicUse::Lacks { actions: actions.to_vec(), is_certain }
    }

    #[test]
    fn which_permission_is_missing_depends_on_its_age() {
        let (old, new, between) = (json!("2024-05-01T00:00:00Z"), json!("2026-05-01T00:00:00Z"), json!(null));
        for created in [&old, &new, &between] {
            assert_eq!(of(json!("NONE"), created.clone(), allow(&[INVOKE_URL, INVOKE])).unwrap(), PublicUse::Open);
            assert_eq!(of(json!("NONE"), created.clone(), allow(&[])).unwrap(), lacks(&[INVOKE_URL, INVOKE], true));
            assert_eq!(of(json!("NONE"), created.clone(), allow(&[INVOKE])).unwrap(), lacks(&[INVOKE_URL], true));
        }
        let only_first = |created: &Value| of(json!("NONE"), created.clone(), allow(&[INVOKE_URL])).unwrap();
        assert_eq!(only_first(&old), PublicUse::Open);
        assert_eq!(only_first(&new), lacks(&[INVOKE], true));
        assert_eq!(only_first(&between), lacks(&[INVOKE], false));
        assert_eq!(only_first(&json!("2025-10-14T00:00:00Z")), lacks(&[INVOKE], false));
    }

    #[test]
    fn denied_signed_and_unknown() {
        assert_eq!(of(json!("AWS_IAM"), json!(null), allow(&[])).unwrap(), PublicUse::Iam);
        assert_eq!(of(json!(null), json!(null), allow(&[])).unwrap_err().kind(), "inconclusive");
        assert_eq!(of(json!("MOON"), json!(null), allow(&[])).unwrap_err().kind(), "inconclusive");
        let mut denied = allow(&[INVOKE_URL, INVOKE]);
        denied
            .as_array_mut()
            .unwrap()
            .push(json!({"Sid": "no", "Effect": "Deny", "Principal": "*", "Action": INVOKE_URL, "Resource": ARN}));
        assert_eq!(of(json!("NONE"), json!(null), denied).unwrap(), PublicUse::Denied(Some("no".into())));
        let mut odd = allow(&[INVOKE_URL, INVOKE]);
        odd[0]["Condition"] = json!({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}});
        assert_eq!(of(json!("NONE"), json!(null), odd).unwrap_err().kind(), "inconclusive");
    }

    #[test]
    fn an_alias_has_a_policy_of_its_own() {
        let url = json!({"FunctionUrl": format!("https://{HOST}/"), "AuthType": "NONE", "FunctionArn": format!("{ARN}:live")});
        let own = json!({"FunctionArn": ARN, "policy": {"Statement": allow(&[])}, "url_configs": [url]});
        let alone = Gateway::from_document(json!({"functions": [own.clone()]}));
        assert_eq!(admission(&alone, HOST).unwrap_err().kind(), "inconclusive", "the alias was not read");
        let live = format!("{ARN}:live");
        let allows: Vec<Value> = [INVOKE_URL, INVOKE]
            .iter()
            .map(|action| json!({"Effect": "Allow", "Principal": "*", "Action": action, "Resource": live}))
            .collect();
        let both =
            Gateway::from_document(json!({"functions": [own, {"FunctionArn": live, "policy": {"Statement": allows}}]}));
        assert_eq!(admission(&both, HOST).unwrap().public, PublicUse::Open);
    }
}
