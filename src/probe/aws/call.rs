//! One request to AWS: the answer as AWS wrote it. The SDK's own types drop what they do not know yet, so the body is
//! read beside them.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde_json::Value;

use crate::probe::api::reason;

/// Largest answer that is read, octets. A page has at most 500 entries.
pub(super) const MAX_BODY: usize = 8 * 1024 * 1024;

/// What the values of one answer may take in memory, octets: a page of 500 custom domains takes 3 MiB.
pub(super) const MAX_WEIGHT: usize = 16 * 1024 * 1024;

/// So much of an error's text is read, octets.
const MAX_ERROR: usize = 4096;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is no such thing.
    NotFound,
    /// A permission is missing: the action and resource, where the message names them.
    Denied(Option<String>),
    /// The session has expired.
    Expired,
    /// The credentials are not known, or the signature is wrong.
    BadCredentials(String),
    /// Too many requests, after every try.
    Throttled,
    /// No answer in time.
    Late,
    /// The endpoint was not reached.
    Unreachable(String),
    /// An answer that we cannot use.
    Strange(String),
}

impl Refusal {
    /// May the same question be answered a moment later?
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Refusal::Throttled | Refusal::Late | Refusal::Unreachable(_) | Refusal::Strange(_))
    }
}

impl Refusal {
    /// The same without these secrets, should AWS's words repeat them.
    pub(super) fn without(self, secrets: &[&str]) -> Refusal {
        let hidden = |words: String| {
            let mut words = Value::String(words);
            crate::probe::api::without(&mut words, secrets);
            words.as_str().unwrap_or_default().to_owned()
        };
        match self {
            Refusal::Denied(named) => Refusal::Denied(named.map(hidden)),
            Refusal::Unreachable(why) => Refusal::Unreachable(hidden(why)),
            Refusal::Strange(why) => Refusal::Strange(hidden(why)),
            other => other,
        }
    }
}

/// Keeps the body of the last try.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot(Arc<Mutex<Option<Vec<u8>>>>);

impl Intercept for Slot {
    fn name(&self) -> &'static str {
        "KeepTheBody"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let body = response.body().bytes().filter(|_| response.status().is_success());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = body.map(<[u8]>::to_vec);
        Ok(())
    }
}

impl Slot {
    fn json(&self) -> Option<Value> {
        let body = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        serde_json::from_slice(&body).ok()
    }

    /// The answer, whatever the SDK made of it.
    pub(super) fn finish<O, E>(&self, sent: Result<O, SdkError<E, HttpResponse>>) -> Result<Value, Refusal>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        // A success that the SDK cannot read (an enumeration as a number, say) is an answer to us.
        match (self.json(), sent) {
            (Some(body), _) => Ok(body),
            (None, Ok(_)) => Err(Refusal::Strange("the answer is not JSON".into())),
            (None, Err(error)) => Err(refusal(&error)),
        }
    }
}

/// Sends a request of the SDK and answers with AWS's own JSON.
macro_rules! raw {
    ($request:expr) => {{
        let slot = $crate::probe::aws::call::Slot::default();
        let sent = $request.customize().interceptor(slot.clone()).send().await;
        slot.finish(sent)
    }};
}
pub(super) use raw;

/// Reads an error (`facts/aws.md` section 7.3).
pub(super) fn refusal<E>(error: &SdkError<E, HttpResponse>) -> Refusal
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let status = error.raw_response().map(|raw| raw.status().as_u16());
    // A gate before the service may answer in XML, whatever the service speaks.
    let body = error.raw_response().and_then(|raw| raw.body().bytes()).unwrap_or_default();
    let body = String::from_utf8_lossy(body.get(..MAX_ERROR).unwrap_or(body));
    match (error, status) {
        (SdkError::TimeoutError(_), _) => Refusal::Late,
        (SdkError::DispatchFailure(failure), _) if failure.is_timeout() => Refusal::Late,
        (SdkError::DispatchFailure(failure), _) if failure.is_other() => {
            Refusal::Strange(reason(failure.as_connector_error().map_or(error, |failure| failure)))
        }
        (SdkError::ServiceError(service), Some(status)) => {
            let code = service.err().code().or_else(|| between(&body, "<Code>", "</Code>"));
            of_code(status, code, service.err().message().or_else(|| between(&body, "<Message>", "</Message>")))
        }
        (_, Some(status)) => match between(&body, "<Code>", "</Code>") {
            Some(code) => of_code(status, Some(code), between(&body, "<Message>", "</Message>")),
            None => Refusal::Strange(format!("an answer with status {status} that cannot be read")),
        },
        _ => Refusal::Unreachable(chain(error)),
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(inner, _)| inner)
}

/// The causes of an error, from the outermost to the innermost, without repetition.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next.filter(|_| texts.len() < 12) {
        let text = error.to_string();
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    let text = cfdoctor_checks::evidence::redact::text(&texts.join(": "));
    cfdoctor_checks::evidence::text::shorten(&text, 400)
}

fn of_code(status: u16, code: Option<&str>, message: Option<&str>) -> Refusal {
    // Some services append a link after a colon or put a namespace before a hash.
    let code = code.unwrap_or_default();
    let code = code.split(':').next().unwrap_or_default().rsplit('#').next().unwrap_or_default();
    match code {
        "NotFoundException" | "ResourceNotFoundException" => Refusal::NotFound,
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => Refusal::Expired,
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "InvalidAccessKeyId"
        | "IncompleteSignature"
        | "MissingAuthenticationTokenException"
        | "AuthFailure"
        | "OptInRequired" => Refusal::BadCredentials(code.into()),
        "TooManyRequestsException"
        | "ThrottlingException"
        | "Throttling"
        | "LimitExceededException"
        | "RequestLimitExceeded" => Refusal::Throttled,
        "AccessDeniedException"
        | "AccessDenied"
        | "UnauthorizedException"
        | "UnauthorizedOperation"
        | "ForbiddenException" => Refusal::Denied(message.and_then(denied_action)),
        _ if status == 429 => Refusal::Throttled,
        _ if status == 401 || status == 403 => Refusal::Denied(message.and_then(denied_action)),
        _ => {
            let code = if code.is_empty() { "no error name" } else { code };
            let message = cfdoctor_checks::evidence::text::shorten(message.unwrap_or("no message"), 200);
            Refusal::Strange(format!("status {status}, {code}: {}", cfdoctor_checks::evidence::redact::text(&message)))
        }
    }
}

/// `… is not authorized to perform: ACTION on resource: ARN because …` → `ACTION on ARN`.
fn denied_action(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("not authorized to perform: ")?;
    let action = rest.split_whitespace().next()?.trim_end_matches([',', '.']);
    let resource = rest.split_once("on resource: ").and_then(|(_, rest)| rest.split_whitespace().next());
    let text = match resource {
        Some(resource) => format!("{action} on {}", resource.trim_end_matches([',', '.'])),
        None => action.to_owned(),
    };
    Some(cfdoctor_checks::evidence::text::shorten(&cfdoctor_checks::evidence::redact::text(&text), 300))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_with_their_trimmings() {
        for (status, code, refusal) in [
            (404, Some("NotFoundException"), Refusal::NotFound),
            (400, Some("com.amazonaws.acm#ResourceNotFoundException"), Refusal::NotFound),
            (404, Some("ResourceNotFoundException:http://x.example.com/"), Refusal::NotFound),
            (429, Some("TooManyRequestsException"), Refusal::Throttled),
            (400, Some("ThrottlingException"), Refusal::Throttled),
            (429, None, Refusal::Throttled),
            (403, Some("ExpiredTokenException"), Refusal::Expired),
            (403, Some("UnrecognizedClientException"), Refusal::BadCredentials("UnrecognizedClientException".into())),
            (403, None, Refusal::Denied(None)),
        ] {
            assert_eq!(of_code(status, code, None), refusal, "{status} {code:?}");
        }
        assert!(matches!(of_code(404, None, None), Refusal::Strange(_)), "a page of somebody else");
    }

    #[test]
    fn the_denied_action_is_named_without_the_account() {
        let message = "User: arn:aws:iam::123456789012:user/x is not authorized to perform: apigateway:GET on resource: \
                       arn:aws:apigateway:us-west-2::/domainnames because no identity-based policy allows it";
        let action = denied_action(message).unwrap();
        assert_eq!(action, "apigateway:GET on arn:aws:apigateway:us-west-2::/domainnames");
        let lambda = "User: x is not authorized to perform: lambda:GetPolicy on resource: arn:aws:lambda:us-west-2:123456789012:function:f";
        assert!(!denied_action(lambda).unwrap().contains("123456789012"));
        assert_eq!(denied_action("no"), None);
    }
}
