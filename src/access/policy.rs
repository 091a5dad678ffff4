//! The least-privilege IAM policy (`facts/aws.md` section 7.2).

use serde_json::{Value, json};

use super::costs::ACTIONS;

/// The policy that allows what the doctor reads, and nothing else. `apigateway:GET` is never given for everything: on
/// `/apikeys` it can reveal the keys' values.
pub fn least_privilege() -> Value {
    let mut statements: Vec<(Vec<&str>, &[&str])> = Vec::new();
    for action in ACTIONS {
        match statements.iter_mut().find(|(_, resources)| *resources == action.resources) {
            Some((actions, _)) => actions.push(action.name),
            None => statements.push((vec![action.name], action.resources)),
        }
    }
    let statements: Vec<Value> = statements
        .into_iter()
        .map(|(actions, resources)| json!({"Effect": "Allow", "Action": actions, "Resource": resources}))
        .collect();
    json!({"Version": "2012-10-17", "Statement": statements})
}
