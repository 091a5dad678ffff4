//! What a server sends over a connection, from its first octet to the end.

use std::time::Duration;

use cfdoctor_checks::evidence::http::{Exchange, Outcome};
use cfdoctor_checks::evidence::target::Scheme;
use cfdoctor_checks::evidence::{redact, text};
use secrecy::SecretString;
use tokio::runtime::{Builder, Runtime};

use super::head::{MAX_FIELDS, MAX_HEAD};
use super::{Ask, Connection};
use crate::fuzzing::{harmless, redacted_once};
use crate::probe::budget::Budget;
use crate::probe::dial::BoxedIo;
use crate::settings::Settings;

/// A secret that the request holds.
const SECRET: &str = "hunter2hunter2";

/// HTTP/1.
pub(crate) fn one(octets: &[u8]) {
    asked(octets, false);
}

/// HTTP/2.
pub(crate) fn two(octets: &[u8]) {
    asked(octets, true);
}

/// Two requests over the connection on which these octets come.
fn asked(octets: &[u8], h2: bool) {
    let headers = [("Authorization".to_owned(), SecretString::from(format!("Bearer {SECRET}")))];
    let ask = Ask {
        method: "GET",
        scheme: Scheme::Https,
        authority: "www.example.com",
        path: "/x?token=abc",
        headers: &headers,
    };
    let settings = Settings { timeout: Duration::from_secs(5), ..Settings::default() };
    let io: BoxedIo = Box::new(tokio::io::join(std::io::Cursor::new(octets.to_vec()), tokio::io::sink()));
    runtime().block_on(async {
        let budget = Budget::quiet(Duration::from_secs(5));
        let Ok(mut connection) = Connection::over(io, h2, &budget, &settings).await else { return };
        for _ in 0..2 {
            let answer = connection.ask(&ask).await;
            assert!(answer.location.is_none_or(|location| location.len() <= MAX_HEAD));
            sound(&answer.exchange);
        }
    });
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime")
}

fn sound(exchange: &Exchange) {
    let recorded = serde_json::to_string(exchange).expect("evidence is JSON");
    assert!(!recorded.contains(SECRET), "{recorded}");
    assert_eq!(&serde_json::from_str::<Exchange>(&recorded).expect("a recording"), exchange);
    assert!(!exchange.request.url.contains("abc"));
    match &exchange.outcome {
        Outcome::Answered(response) => {
            assert!((100..1000).contains(&response.status), "{}", response.status);
            assert!(response.headers.lines().len() <= MAX_FIELDS);
            for line in response.headers.lines() {
                harmless(&line.name);
                harmless(&line.value);
                redacted_once(&line.name, &line.value);
            }
            let body = &response.body;
            assert!(body.length <= 1024 * 1024 && body.prefix.len() <= 64 * 1024);
            harmless(&body.prefix);
            assert_eq!(redact::text(&body.prefix), body.prefix);
        }
        Outcome::Failed(failure) => {
            let why = failure.describe();
            harmless(&why);
            assert_eq!(text::shorten(&why, 2000), why);
        }
    }
}
