//! The envelope of every answer, with its pages, and the errors.

use http::HeaderValue;
use serde_json::{Value, json};

use crate::demo::serve::{Reply, reply};

const JSON: &[(&str, &str)] = &[("content-type", "application/json"), ("server", "cloudflare")];

fn json_reply(status: u16, body: &Value) -> Reply {
    reply(status, JSON, body.to_string())
}

/// A result.
pub(super) fn result(result: &Value) -> Reply {
    json_reply(200, &json!({"success": true, "errors": [], "messages": [], "result": result}))
}

/// A page of a list: what is asked for, within the API's own bound.
pub(super) fn page(rows: &[Value], query: &[(String, String)], default: u64, most: u64) -> Reply {
    let number = |wanted: &str| {
        let value = query.iter().find(|(name, _)| name == wanted).and_then(|(_, value)| value.parse::<u64>().ok());
        value.filter(|value| *value > 0)
    };
    let per_page = number("per_page").unwrap_or(default).min(most);
    let page = number("page").unwrap_or(1);
    let total = rows.len() as u64;
    let size = usize::try_from(per_page).unwrap_or(usize::MAX);
    let skipped = usize::try_from((page - 1).saturating_mul(per_page)).unwrap_or(usize::MAX);
    let shown: Vec<&Value> = rows.iter().skip(skipped).take(size).collect();
    let info = json!({
        "page": page, "per_page": per_page, "count": shown.len(), "total_count": total,
        "total_pages": total.div_ceil(per_page),
    });
    let body = json!({"success": true, "errors": [], "messages": [], "result": shown, "result_info": info});
    json_reply(200, &body)
}

/// A failure with one error.
pub(super) fn error(status: u16, code: u64, message: &str) -> Reply {
    failure(status, &json!([{"code": code, "message": message}]))
}

fn failure(status: u16, errors: &Value) -> Reply {
    json_reply(status, &json!({"success": false, "errors": errors, "messages": [], "result": null}))
}

/// The header holds no token.
pub(super) fn malformed_token() -> Reply {
    failure(
        400,
        &json!([{"code": 6003, "message": "Invalid request headers",
            "error_chain": [{"code": 6111, "message": "Invalid format for Authorization header"}]}]),
    )
}

/// The phase has no rules.
pub(super) fn no_entrypoint(phase: &str) -> Reply {
    error(404, 10003, &format!("could not find entrypoint ruleset in the \"{phase}\" phase"))
}

/// Too many requests.
pub(super) fn rate_limited(seconds: u64) -> Reply {
    let mut reply = error(429, 971, "Please wait and consider throttling your request speed");
    for (name, value) in [("retry-after", seconds), ("x-ratelimit-remaining", 0), ("x-ratelimit-limit", 1_200)] {
        reply.headers_mut().insert(name, HeaderValue::from(value));
    }
    reply
}
