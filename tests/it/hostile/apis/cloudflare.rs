//! A Cloudflare API that is none.

use std::sync::Arc;

use super::super::certificates;
use super::super::doctor::{Case, all_survive};
use super::super::http_two;
use super::super::script::{Front, Server, Step};
use super::rows::{self, Words};
use super::{Row, Vendor, answer, json, usual};

const TOKEN: &str = "HostileReadOnlyToken0HostileReadOnlyTok0";

const CLOUDFLARE: Vendor = Vendor {
    name: "Cloudflare API",
    area: "cloudflare-",
    known: &["cloudflare-zone-inactive"],
    is_known: false,
    secrets: &[TOKEN],
    required: &["--cloudflare", "require"],
    variables: |base| {
        vec![("CLOUDFLARE_API_TOKEN", TOKEN.into()), ("CLOUDFLARE_BASE_URL", format!("{base}/client/v4"))]
    },
};

const WORDS: Words = Words {
    page: "HTTP 200 with text/html where JSON was due",
    forbidden_page: "HTTP 403 with text/html",
    failed: "failed with HTTP 50",
    late: "before the deadline",
    no_json: "where JSON was due",
    shape: "in an unknown shape",
    large: "larger than",
    many: "holds more than cfdoctor keeps",
    broken: "cannot be reached",
    redirected: "a redirect (HTTP 302), which is not followed",
    limited: "rate limited",
    limited_long: "rate limited: 86400 s to wait",
};

/// A sound answer up to its first row.
const LIST: &str = r#"{"success":true,"errors":[],"messages":[],"result":["#;

fn row(name: &'static str, says: &'static str, status: &str, body: &str) -> Row {
    Row { name, says, steps: vec![json(status, body)] }
}

fn own_rows() -> Vec<Row> {
    let refused = |code: u32, message: &str| {
        format!(r#"{{"success":false,"errors":[{{"code":{code},"message":"{message}"}}],"messages":[],"result":null}}"#)
    };
    let echo = format!("the token Bearer {TOKEN} is {TOKEN}");
    let good = r#"{"success":true,"result":"#;
    vec![
        row("a token that is none", "no valid token", "401 No", &refused(1000, "Invalid API Token")),
        row(
            "a token of another place",
            "client IP filter",
            "403 No",
            &refused(9109, "Cannot use the access token from location: 192.0.2.7"),
        ),
        row("a token without the right", "lacks", "403 No", &refused(10000, "Authentication error")),
        row("too many failures", "code 10502", "400 No", &refused(10502, "too many authentication failures")),
        row("the token in the words", "refused with HTTP 400", "400 No", &refused(7777, &echo)),
        row(
            "escapes in the words",
            "refused with HTTP 400",
            "400 No",
            &refused(7777, "\\u001b[31mred\\u009b2J\\u202e"),
        ),
        row("words of a megabyte", "refused with HTTP 400", "400 No", &refused(7777, &"word ".repeat(200_000))),
        row("a word for success", "in an unknown shape", "200 OK", r#"{"success":"yes","result":7}"#),
        row("a number for a list", "in an unknown shape", "200 OK", &format!("{good}7}}")),
        row(
            "everything twice",
            "sight of any zone",
            "200 OK",
            r#"{"success":false,"success":true,"result":7,"result":[]}"#,
        ),
        row("rows of other kinds", "sight of any zone", "200 OK", &format!("{good}[1,null,[],{{\"name\":7}}]}}")),
        row(
            "pages without end",
            "sight of any zone",
            "200 OK",
            &format!(
                "{good}[],\"result_info\":{{\"total_pages\":1000000000,\"per_page\":50,\"total_count\":99999999999}}}}"
            ),
        ),
        row(
            "a zone without an id",
            "a zone without an id",
            "200 OK",
            &format!("{good}[{{\"name\":\"example.com\",\"id\":7}}]}}"),
        ),
        row(
            "a zone with a path for an id",
            "a zone without an id",
            "200 OK",
            &format!("{good}[{{\"name\":\"example.com\",\"id\":\"../../user\"}}]}}"),
        ),
    ]
}

#[test]
fn of_everything() {
    let usual = usual();
    let rows = rows::all(&WORDS, LIST).into_iter().chain(own_rows()).enumerate();
    let mut cases: Vec<Case> = rows.map(|(number, row)| CLOUDFLARE.case(row, &usual, number)).collect();
    let broken = ["cannot be reached", "cannot be reached", "before the deadline", "cannot be reached"];
    cases.extend(CLOUDFLARE.secured(&usual, "cannot be reached", broken));
    all_survive(cases);
}

/// The zone is found; what is asked of it is not answered.
#[test]
fn of_the_parts_of_a_zone() {
    let usual = usual();
    let rows = rows::some(&WORDS, LIST).into_iter();
    let cases = rows.enumerate().map(|(number, row)| CLOUDFLARE.part(row, Arc::new(zone()), &usual, number));
    all_survive(cases.collect());
}

/// A list says that it has very many pages, and each is full.
#[test]
fn pages_without_end() {
    let usual = usual();
    let zone = zone();
    let records = r#"{"id":"1","type":"A","name":"x.example.com","content":"192.0.2.1","proxied":true}"#;
    let page = format!("{LIST}{}],\"result_info\":{{\"total_pages\":1000000000}}}}", [records; 100].join(","));
    let choose = move |line: &str| match line.contains("/dns_records") {
        true => vec![json("200 OK", &page)],
        false => {
            let known = zone(line);
            if known.is_empty() { vec![answer("200 OK", "Content-Type: text/html\r\n", "")] } else { known }
        }
    };
    let server = Server::start(Front::Raw, vec![Step::Request, Step::Choose(Arc::new(choose))]);
    let base = format!("http://127.0.0.1:{}", server.port);
    let told = Vendor { is_known: true, ..CLOUDFLARE };
    all_survive(vec![told.at("pages without end", &base, "where JSON was due", &usual, 0)]);
    let asked = server.heard().matches("/dns_records?").count();
    // Twice 20 pages of the list and 20 of the host's own rows, where the look was repeated.
    assert!((20..=80).contains(&asked), "{asked}");
}

/// Finds the zone, and knows nothing else.
fn zone() -> impl Fn(&str) -> Vec<Step> + Clone {
    |line: &str| match line.contains("/zones?") {
        true if line.contains("name=example.com") => {
            let zone = r#"{"id":"z1","name":"example.com","status":"active","type":"full","account":{"id":"a1"},"plan":{"legacy_id":"business"}}"#;
            vec![json("200 OK", format!("{LIST}{zone}]}}"))]
        }
        true => vec![json("200 OK", format!("{LIST}]}}"))],
        false => Vec::new(),
    }
}

/// HTTP/2, as Cloudflare itself speaks it.
#[test]
fn of_frames() {
    const NAMES: &[&str] = &[
        "GOAWAY at once",
        "settings without end",
        "pings without end",
        "no stream allowed",
        "a reset stream",
        "a bomb of HPACK",
        "a head without end",
        "interim heads without end",
        "more than the window",
        "empty pieces without end",
    ];
    let usual = usual();
    let (front, certificate) = certificates::localhost_h2();
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, certificate).unwrap();
    let frames = http_two::cases().into_iter().filter(|(name, ..)| NAMES.contains(name));
    let cases: Vec<Case> = frames
        .enumerate()
        .map(|(number, (name, steps, _))| {
            let server = Server::start(front.clone(), steps);
            let mut case =
                CLOUDFLARE.at(name, &format!("https://localhost:{}", server.port), "Cloudflare API", &usual, number);
            case.arguments.extend(["--cacert".into(), roots.display().to_string()]);
            case
        })
        .collect();
    assert_eq!(cases.len(), NAMES.len());
    all_survive(cases);
}

/// A redirect is not followed, so that the token stays where it was sent.
#[test]
fn a_redirect_takes_no_token_along() {
    let usual = usual();
    let elsewhere = Server::start(Front::Raw, vec![Step::Request, json("200 OK", format!("{LIST}]}}"))]);
    let cases =
        ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"].iter().enumerate().map(|(number, status)| {
            let lines = format!("Location: http://127.0.0.1:{}/client/v4/zones\r\n", elsewhere.port);
            let steps = vec![answer(status, &lines, "")];
            CLOUDFLARE.case(Row { name: "a redirect", says: "is not followed", steps }, &usual, number)
        });
    all_survive(cases.collect());
    assert_eq!((elsewhere.visits(), elsewhere.heard()), (0, String::new()));
}
