//! What an answer of the API can be: a result, or which trouble; and what that means for the visit.

use std::time::Duration;

use cfdoctor_checks::{NotRun, Probe};
use serde_json::{Value, json};

/// A result with its place in a list, or what came instead.
pub type Answer = Result<Page, Trouble>;

/// One answer of the API.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// `result` of the envelope, as it came.
    pub result: Value,
    /// `result_info.per_page`: what the server made of the wish.
    pub per_page: Option<u64>,
    /// `result_info.total_count`.
    pub total_count: Option<u64>,
    /// `result_info.total_pages`.
    pub total_pages: Option<u64>,
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The token lacks the permission of this endpoint, or it is not for this zone or account.
    Forbidden,
    /// The token itself is refused.
    Token(TokenFault),
    /// There is no such thing.
    NotFound,
    /// The phase has no rules (code 10003): no fault at all.
    Empty,
    /// The zone's plan or subscriptions do not have this; the API's words.
    PlanLacks(String),
    /// Too many requests.
    RateLimited {
        /// Seconds, from `Retry-After` or our own count.
        retry_after: Option<u64>,
    },
    /// 5xx.
    ServerError(u16),
    /// Something that is no JSON, mostly an HTML page.
    NotJson {
        /// HTTP status.
        status: u16,
        /// Media type as stated.
        media_type: String,
    },
    /// A redirect: this is not the API.
    Redirected(u16),
    /// Larger than we read.
    TooLarge,
    /// Of more pieces than we keep.
    TooMuch,
    /// Nothing within this time.
    TimedOut(Duration),
    /// No connection, or it broke; in words.
    Unreachable(String),
    /// JSON in another shape than documented; what is odd.
    Shape(String),
    /// Another error of the API.
    Refused {
        /// HTTP status.
        status: u16,
        /// Codes and messages.
        words: String,
    },
}

/// Why the API refuses the token whatever it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// 6003, 6111: no token at all.
    Malformed,
    /// 9109, 1000, 401: revoked, expired, disabled, or never made.
    Invalid,
    /// 9109: the token's IP filter.
    Address,
    /// 10502: too many failures; the API has shut us out for a while.
    ShutOut,
}

impl TokenFault {
    /// What is wrong and what to do, as what the credential lacks.
    pub fn text(self) -> &'static str {
        match self {
            TokenFault::Malformed => {
                "the form of an API token (code 6003, invalid request headers); copy it again: it is cut, has \
                 something around it, or is another kind of key"
            }
            TokenFault::Invalid => {
                "any right: Cloudflare says that it is no valid token (revoked, expired, disabled or mistyped); make \
                 a new read-only token and set CLOUDFLARE_API_TOKEN"
            }
            TokenFault::Address => {
                "the right to be used from this address (code 9109): its client IP filter does not list the address; \
                 run from an address that it lists, or change the filter"
            }
            TokenFault::ShutOut => {
                "any right for now: Cloudflare shuts out this address after too many failed authentications (code \
                 10502); mend the token and try again later"
            }
        }
    }
}

impl Trouble {
    /// Is it worth asking again, should somebody else want to know?
    pub(super) fn passes(&self) -> bool {
        match self {
            Trouble::RateLimited { .. }
            | Trouble::ServerError(_)
            | Trouble::TimedOut(_)
            | Trouble::Unreachable(_)
            | Trouble::NotJson { .. } => true,
            Trouble::Forbidden
            | Trouble::Token(_)
            | Trouble::NotFound
            | Trouble::Empty
            | Trouble::PlanLacks(_)
            | Trouble::Redirected(_)
            | Trouble::TooLarge
            | Trouble::TooMuch
            | Trouble::Shape(_)
            | Trouble::Refused { .. } => false,
        }
    }

    /// The same without these secrets, should the API's words repeat them.
    pub(super) fn without(self, secrets: &[&str]) -> Trouble {
        let hidden = |words: String| {
            let mut words = Value::String(words);
            super::hide::without(&mut words, secrets);
            words.as_str().unwrap_or_default().to_owned()
        };
        match self {
            Trouble::PlanLacks(words) => Trouble::PlanLacks(hidden(words)),
            Trouble::Refused { status, words } => Trouble::Refused { status, words: hidden(words) },
            other => other,
        }
    }

    /// One sentence, without its full stop.
    pub fn text(&self) -> String {
        match self {
            Trouble::Forbidden => "the Cloudflare API refuses this to the token".into(),
            Trouble::Token(fault) => format!("the Cloudflare API token lacks {}", fault.text()),
            Trouble::NotFound => "the Cloudflare API knows no such thing (404)".into(),
            Trouble::Empty => "there are no rules".into(),
            Trouble::PlanLacks(words) => format!("the zone's plan does not have this: {words}"),
            Trouble::RateLimited { retry_after: Some(seconds) } => {
                format!("the Cloudflare API is rate limited: {seconds} s to wait; look again after that")
            }
            Trouble::RateLimited { retry_after: None } => {
                "the Cloudflare API is rate limited (1,200 requests in 5 minutes); look again in 5 minutes".into()
            }
            Trouble::ServerError(status) => format!("the Cloudflare API failed with HTTP {status}; look again later"),
            Trouble::NotJson { status, media_type } => format!(
                "the Cloudflare API answered HTTP {status} with {media_type} where JSON was due: a proxy or block page, \
                 or CLOUDFLARE_BASE_URL leads elsewhere"
            ),
            Trouble::Redirected(status) => format!(
                "the Cloudflare API answered with a redirect (HTTP {status}), which is not followed; check \
                 CLOUDFLARE_BASE_URL"
            ),
            Trouble::TooLarge => {
                format!("the Cloudflare API's answer is larger than {} MiB", super::client::MAX_ANSWER / 1024 / 1024)
            }
            Trouble::TooMuch => "the Cloudflare API's answer holds more than cfdoctor keeps".into(),
            Trouble::TimedOut(after) => format!("the Cloudflare API did not answer within {}", seconds(*after)),
            Trouble::Unreachable(why) => format!("the Cloudflare API cannot be reached: {why}"),
            Trouble::Shape(what) => format!("the Cloudflare API answered in an unknown shape: {what}"),
            Trouble::Refused { status, words } => format!("the Cloudflare API refused with HTTP {status}: {words}"),
        }
    }

    /// Why nothing of the zone is known, where asking for it met this.
    pub(super) fn not_run(&self, permission: &str) -> NotRun {
        let lacks = |scope: String| NotRun::Forbidden { probe: Probe::Zone, scope };
        match self {
            Trouble::Forbidden => lacks(format!(
                "{permission}, or is not valid at all (code 10000, authentication error); cfdoctor access tells which"
            )),
            Trouble::Token(TokenFault::ShutOut) => NotRun::Inconclusive(self.text()),
            Trouble::Token(fault) => lacks(fault.text().into()),
            other => NotRun::Inconclusive(other.text()),
        }
    }

    /// The entry of `not_read` for one part of the zone.
    pub(super) fn not_read(&self, permission: &str) -> Value {
        match self {
            Trouble::Forbidden | Trouble::Token(TokenFault::Invalid | TokenFault::Address) => {
                json!({"kind": "forbidden", "permission": permission})
            }
            Trouble::PlanLacks(_) => json!({"kind": "not-applicable", "text": self.text()}),
            other => json!({"kind": "inconclusive", "text": other.text()}),
        }
    }
}

/// A duration for people.
pub(super) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        whole => format!("{whole} s"),
    }
}
