//! Hostile APIs of both vendors. Whatever they answer, what a visitor meets is judged as without them, what they were to
//! tell is never judged, the reason is said in words, and no credential is seen anywhere.

#[cfg(feature = "aws")]
mod aws;
mod cloudflare;
mod rows;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::certificates::plain_tls;
use super::doctor::{Case, Judge, Told};
use super::friendly_edge;
use super::script::{Choice, Front, Server, Step};

/// The edge has to answer in all of these on a machine that is busy.
const LIMITS: [Duration; 3] = [Duration::from_secs(5); 3];

/// One behaviour: its name, what follows a request, and what the report says of it (`|`: one of these).
#[derive(Clone)]
struct Row {
    name: &'static str,
    steps: Vec<Step>,
    says: &'static str,
}

/// Whose API it is.
#[derive(Clone, Copy)]
struct Vendor {
    name: &'static str,
    /// Beginning of the ids of what only this API can tell.
    area: &'static str,
    /// Checks that need no more than the zone or the domain itself.
    known: &'static [&'static str],
    /// Is the zone or the domain told?
    is_known: bool,
    /// What may be seen nowhere.
    secrets: &'static [&'static str],
    /// The option that makes it a matter of the exit code.
    required: &'static [&'static str],
    /// The variables that lead to an API.
    variables: fn(&str) -> Vec<(&'static str, String)>,
}

/// Status by id, and the exit code, of a visit without any API.
type Usual = Arc<(BTreeMap<String, String>, Option<i32>)>;

fn usual() -> Usual {
    let told = Arc::new(std::sync::Mutex::new(None));
    let kept = told.clone();
    let judge: Judge = Box::new(move |told: &Told| {
        let statuses = told.results().map(|(id, status, _)| (id.to_owned(), status.to_owned())).collect();
        *kept.lock().unwrap() = Some((statuses, told.code));
        Vec::new()
    });
    let name = "no API at all".to_owned();
    super::doctor::all_survive(vec![Case {
        judge,
        limits: LIMITS,
        ..Case::new(name, friendly_edge(), ("edge", "200"))
    }]);
    let usual: (BTreeMap<String, String>, _) = told.lock().unwrap().take().unwrap();
    assert!(usual.0.iter().any(|(id, status)| id.starts_with("edge-") && status == "pass"), "{usual:?}");
    Arc::new(usual)
}

impl Vendor {
    /// An API on plain HTTP that says this to each request.
    fn case(self, row: Row, usual: &Usual, number: usize) -> Case {
        let server = Server::start(Front::Raw, [vec![Step::Request], row.steps].concat());
        self.at(row.name, &format!("http://127.0.0.1:{}", server.port), row.says, usual, number)
    }

    /// An API that says this to the requests for which `choose` has nothing better.
    fn part(self, row: Row, choose: Choice, usual: &Usual, number: usize) -> Case {
        let steps = row.steps;
        let of = move |line: &str| {
            let better = choose(line);
            if better.is_empty() { steps.clone() } else { better }
        };
        let server = Server::start(Front::Raw, vec![Step::Request, Step::Choose(Arc::new(of))]);
        let base = format!("http://127.0.0.1:{}", server.port);
        Case {
            name: format!("{}, of parts ({})", row.name, self.name),
            ..Vendor { is_known: true, ..self }.at(row.name, &base, row.says, usual, number)
        }
    }

    /// The visit with an API at this place. Every second one demands the API, and nothing else of the site.
    fn at(self, name: &str, base: &str, says: &'static str, usual: &Usual, number: usize) -> Case {
        let mut arguments = friendly_edge();
        let is_required = number.is_multiple_of(2);
        if is_required {
            arguments.extend(self.required.iter().chain(&["--fail-on", "never"]).map(|word| (*word).to_owned()));
        }
        let usual = usual.clone();
        let judge: Judge = Box::new(move |told| self.judge(told, says, &usual, is_required));
        let name = format!("{name} ({})", self.name);
        let variables = (self.variables)(base);
        Case { variables, judge, limits: LIMITS, ..Case::new(name, arguments, ("edge", "\"status\": 200")) }
    }

    fn judge(self, told: &Told, says: &str, usual: &Usual, is_required: bool) -> Vec<String> {
        let mut faults = Vec::new();
        let code = if is_required { Some(3) } else { usual.1 };
        if told.code != code {
            faults.push(format!("code {:?} instead of {code:?}", told.code));
        }
        for (id, status, reason) in told.results() {
            match usual.0.get(id).map(String::as_str) {
                Some("not-run") | None if self.is_known && self.known.contains(&id) => {}
                Some("not-run") | None if id.starts_with(self.area) && status != "not-run" => {
                    faults.push(format!("{id} is {status}, and nobody told"));
                }
                Some("not-run") | None if status == "fail" => faults.push(format!("{id} fails, and nobody told")),
                Some("not-run") | None => {}
                Some(before) if before != status => {
                    faults.push(format!("{id} is {status} ({reason}), and {before} without the API"));
                }
                Some(_) => {}
            }
        }
        let is_said = |reason: &str| says.split('|').any(|words| reason.contains(words));
        if !told.results().any(|(id, _, reason)| id.starts_with(self.area) && is_said(reason)) {
            let reasons: std::collections::BTreeSet<_> =
                told.results().filter(|(id, ..)| id.starts_with(self.area)).map(|(_, _, reason)| reason).collect();
            faults.push(format!("no reason says {says:?}: {reasons:#?}"));
        }
        for secret in self.secrets.iter().filter(|secret| told.written.contains(**secret)) {
            faults.push(format!("{secret} is seen"));
        }
        if told.written.contains("panicked") {
            faults.push("a panic".into());
        }
        faults
    }

    /// What stands at a port where TLS is due.
    fn secured(self, usual: &Usual, untrusted: &'static str, broken: [&'static str; 4]) -> Vec<Case> {
        let at = |name: &str, server: &Server, says, number| {
            self.at(name, &format!("https://127.0.0.1:{}", server.port), says, usual, number)
        };
        let raw = |steps| Server::start(Front::Raw, steps);
        let garbage: Vec<u8> = (0..=255).rev().collect();
        let alert = vec![21, 3, 3, 0, 2, 2, 40];
        vec![
            at("a certificate of nobody", &Server::start(plain_tls(), vec![Step::Request, Step::Close]), untrusted, 0),
            at("octets of chance for TLS", &raw(vec![Step::Hello, Step::Say(garbage), Step::Close]), broken[0], 1),
            at("an alert", &raw(vec![Step::Hello, Step::Say(alert), Step::Close]), broken[1], 2),
            at("silence for TLS", &raw(vec![Step::Silence]), broken[2], 3),
            at("the end for TLS", &raw(vec![Step::Hello, Step::Close]), broken[3], 4),
        ]
    }
}

/// An answer of HTTP/1 with this status, these lines and this body.
fn answer(status: &str, lines: &str, body: impl AsRef<[u8]>) -> Step {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status}\r\n{lines}Content-Length: {}\r\n\r\n", body.len());
    Step::Say([head.as_bytes(), body].concat())
}

/// An answer of JSON.
fn json(status: &str, body: impl AsRef<[u8]>) -> Step {
    answer(status, "Content-Type: application/json\r\n", body)
}
