//! Tells an answer of the API by its status and octets (`facts/cloudflare.md` section 8.1).

use cfdoctor_checks::evidence::{redact, text};
use serde_json::Value;

use super::answer::{Answer, Page, TokenFault, Trouble};

/// Characters kept of a message of the API.
const MAX_MESSAGE: usize = 200;

/// Head of an answer, as far as it tells something.
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) media_type: String,
    /// Seconds, from `Retry-After`.
    pub(super) retry_after: Option<u64>,
}

/// Tells an answer by its status, its head and its octets.
pub(super) fn tell(head: &Head, body: &[u8]) -> Answer {
    match head.status {
        429 => return Err(Trouble::RateLimited { retry_after: head.retry_after }),
        status @ 300..400 => return Err(Trouble::Redirected(status)),
        _ => {}
    }
    let value = match serde_json::from_slice::<Value>(body) {
        Ok(value) => value,
        Err(_) if head.status >= 500 => return Err(Trouble::ServerError(head.status)),
        Err(_) => return Err(Trouble::NotJson { status: head.status, media_type: head.media_type.clone() }),
    };
    let Value::Object(mut envelope) = value else {
        return Err(Trouble::Shape("no object with success, errors and result".into()));
    };
    let success = envelope.get("success").and_then(Value::as_bool);
    let is_good = success.unwrap_or_else(|| (200..300).contains(&head.status) && envelope.contains_key("result"));
    if is_good && head.status < 500 {
        let number = |key: &str| envelope.get("result_info").and_then(|info| info.get(key)).and_then(Value::as_u64);
        let (per_page, total_count, total_pages) = (number("per_page"), number("total_count"), number("total_pages"));
        return match envelope.remove("result") {
            Some(result) => Ok(Page { result, per_page, total_count, total_pages }),
            None => Err(Trouble::Shape("success without result".into())),
        };
    }
    Err(trouble(head, envelope.get("errors").unwrap_or(&Value::Null)))
}

fn trouble(head: &Head, errors: &Value) -> Trouble {
    let Words { codes, messages } = Words::of(errors);
    let has = |wanted: &[u64]| codes.iter().any(|code| wanted.contains(code));
    let says = |wanted: &[&str]| wanted.iter().any(|part| messages.contains(part));
    let words = || text::shorten(&redact::text(&spoken(errors)), MAX_MESSAGE);
    if has(&[971, 10429]) {
        Trouble::RateLimited { retry_after: head.retry_after }
    } else if head.status == 404 && (has(&[10003]) || says(&["could not find entrypoint ruleset"])) {
        Trouble::Empty
    } else if has(&[6003, 6111]) {
        Trouble::Token(TokenFault::Malformed)
    } else if has(&[10502]) {
        Trouble::Token(TokenFault::ShutOut)
    } else if says(&["from location"]) {
        Trouble::Token(TokenFault::Address)
    } else if says(&["invalid access token", "invalid api token", "token has expired", "token is expired"]) {
        Trouble::Token(TokenFault::Invalid)
    } else if has(&[1450]) || says(&["entitle", "not been granted for this zone", "upgrade", "your plan", "this plan"])
    {
        Trouble::PlanLacks(words())
    } else if has(&[10000, 9109]) || head.status == 403 {
        Trouble::Forbidden
    } else if head.status == 401 {
        Trouble::Token(TokenFault::Invalid)
    } else if head.status == 404 || has(&[7000, 7003]) {
        Trouble::NotFound
    } else if head.status >= 500 {
        Trouble::ServerError(head.status)
    } else {
        Trouble::Refused { status: head.status, words: words() }
    }
}

/// Codes and lower-case messages of the errors and their chains.
#[derive(Default)]
struct Words {
    codes: Vec<u64>,
    messages: String,
}

impl Words {
    fn of(errors: &Value) -> Words {
        let mut words = Words::default();
        words.add(errors, 0);
        words
    }

    fn add(&mut self, errors: &Value, depth: usize) {
        for error in errors.as_array().into_iter().flatten().take(20) {
            // Codes have been numbers, and now and then text.
            let code = error.get("code");
            self.codes.extend(code.and_then(|code| code.as_u64().or_else(|| code.as_str()?.parse().ok())));
            if let Some(message) = error.get("message").and_then(Value::as_str) {
                self.messages.push_str(&message.to_lowercase());
                self.messages.push('\n');
            }
            if depth < 3 {
                self.add(error.get("error_chain").unwrap_or(&Value::Null), depth + 1);
            }
        }
    }
}

/// `code message` of each error.
fn spoken(errors: &Value) -> String {
    let one = |error: &Value| {
        let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
        match error.get("code") {
            Some(Value::Number(code)) => format!("{code} {message}"),
            _ => message.to_owned(),
        }
    };
    let all: Vec<String> = errors.as_array().into_iter().flatten().take(3).map(one).collect();
    if all.is_empty() { "no reason given".into() } else { all.join("; ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn head(status: u16) -> Head {
        Head { status, media_type: "text/html".into(), retry_after: None }
    }

    fn failed(status: u16, errors: Value) -> Trouble {
        let body = json!({"success": false, "errors": errors, "messages": [], "result": null});
        tell(&head(status), body.to_string().as_bytes()).unwrap_err()
    }

    #[test]
    fn each_code_has_its_meaning() {
        let chain = json!([{"code": 6003, "message": "Invalid request headers",
            "error_chain": [{"code": 6111, "message": "Invalid format for Authorization header"}]}]);
        let one = |code: u64, message: &str| json!([{"code": code, "message": message}]);
        for (status, errors, trouble) in [
            (400, chain, Trouble::Token(TokenFault::Malformed)),
            (403, one(10000, "Authentication error"), Trouble::Forbidden),
            (403, one(9109, "Unauthorized to access requested resource"), Trouble::Forbidden),
            (403, one(9109, "Invalid access token"), Trouble::Token(TokenFault::Invalid)),
            (401, one(1000, "Invalid API Token"), Trouble::Token(TokenFault::Invalid)),
            (
                403,
                one(9109, "Cannot use the access token from location: 192.0.2.7"),
                Trouble::Token(TokenFault::Address),
            ),
            (400, one(10502, "too many authentication failures"), Trouble::Token(TokenFault::ShutOut)),
            (404, one(10003, "could not find entrypoint ruleset in the \"x\" phase"), Trouble::Empty),
            (404, one(7003, "Could not route to /x"), Trouble::NotFound),
            (400, one(7003, "Could not route to /x"), Trouble::NotFound),
            (
                400,
                one(971, "Please wait and consider throttling your request speed"),
                Trouble::RateLimited { retry_after: None },
            ),
            (500, json!(null), Trouble::ServerError(500)),
            (403, json!([]), Trouble::Forbidden),
        ] {
            let text = trouble.text();
            assert_eq!(failed(status, errors), trouble);
            assert!(!text.contains("192.0.2.7") && text.len() > 10, "{text}");
        }
        let plan = one(1450, "Access to configure this resource has not been granted for this zone.");
        assert!(matches!(failed(403, plan), Trouble::PlanLacks(words) if words.starts_with("1450 Access")));
        let other = failed(400, one(1004, "x\u{1b}[31m"));
        assert!(other.text().contains("HTTP 400: 1004 x\u{fffd}"), "{}", other.text());
    }

    #[test]
    fn what_is_no_envelope_is_said_to_be_none() {
        let told = |status: u16, body: &str| tell(&head(status), body.as_bytes());
        let page = told(200, r#"{"success":true,"result":[1],"result_info":{"per_page":5,"total_pages":3}}"#).unwrap();
        assert_eq!((page.result, page.per_page, page.total_pages), (json!([1]), Some(5), Some(3)));
        assert_eq!(told(200, r#"{"result":null}"#).unwrap().result, Value::Null);
        assert!(matches!(told(200, "<html>").unwrap_err(), Trouble::NotJson { status: 200, .. }));
        assert!(told(403, "<html>").unwrap_err().text().contains("text/html"));
        assert_eq!(told(502, "<html>").unwrap_err(), Trouble::ServerError(502));
        assert_eq!(told(302, "").unwrap_err(), Trouble::Redirected(302));
        for odd in ["[]", "7", "\"x\"", "{}", r#"{"success":true}"#] {
            let trouble = told(200, odd).unwrap_err();
            assert!(matches!(trouble, Trouble::Shape(_) | Trouble::Refused { .. }), "{odd}: {trouble:?}");
        }
        let deep = "[".repeat(100_000);
        assert!(matches!(told(200, &deep).unwrap_err(), Trouble::NotJson { .. }), "no overflow");
    }
}
