//! Servers that send back what they were sent, in every place and spelling: nothing of it is written anywhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::certificates::{plain_pem, plain_tls};
use super::doctor::{Seat, usual};
use super::lead;
use super::script::{Front, Server, Step};
use crate::secrets::{
    API_KEY, AUTHORIZATION, AWS_KEY, AWS_SECRET, AWS_SESSION, COOKIE, PASSWORD, PROXY, SIGNATURE, TOKEN, every_format,
    leaks,
};

/// What comes of a request, its head.
type Say = fn(&str) -> String;

fn answer(status: &str, lines: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{lines}Content-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// The whole request, and again percent-encoded, in base64 and as JSON.
fn spelled(request: &str) -> String {
    let percent: String = request.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let plain: String = request
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    let json = serde_json::to_string(request).unwrap();
    format!("{request}\n{plain}\n{json}\n{}\n{percent}", BASE64.encode(request))
}

fn in_the_body(request: &str) -> String {
    answer("200 OK", "", &spelled(request))
}

fn in_headers(request: &str) -> String {
    let lines: String =
        request.lines().skip(1).filter(|line| !line.is_empty()).map(|line| format!("X-Echo: {line}\r\n")).collect();
    let path = request.split(' ').nth(1).unwrap_or_default();
    answer("403 Forbidden", &format!("{lines}Link: <https://lambda.example.com{path}>; rel=x\r\n{COOKIE}: 1\r\n"), "no")
}

fn in_redirects(request: &str) -> String {
    let path = request.split(' ').nth(1).unwrap_or_default();
    if path.contains("landing") {
        return answer("302 Found", &format!("Location: https://other.example.com/{AUTHORIZATION}/{COOKIE}\r\n"), "");
    }
    answer(
        "302 Found",
        &format!("Location: /landing/{AUTHORIZATION}?c={COOKIE}&next=%2F%3Ftoken%3D{SIGNATURE}\r\n"),
        "",
    )
}

fn as_no_http(_: &str) -> String {
    format!("SSH-2.0-{AUTHORIZATION} {COOKIE}\r\n\r\n")
}

fn as_no_header(_: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nDate: x\r\n{AUTHORIZATION} {COOKIE}\r\n\r\n")
}

fn as_a_length(_: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {AUTHORIZATION}\r\n\r\nx")
}

/// How an API fails: with everything in its message.
fn as_an_api(request: &str) -> String {
    let message = serde_json::to_string(&spelled(request)).unwrap();
    let body = format!(
        "{{\"success\": false, \"errors\": [{{\"code\": 1004, \"message\": {message}}}], \"message\": {message}, \
         \"Message\": {message}, \"__type\": \"ValidationException\", \"result\": null}}"
    );
    let length = body.len();
    format!("HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn as_a_page(request: &str) -> String {
    answer("502 Bad Gateway", "", &format!("<html>{}</html>", spelled(request)))
}

fn as_a_proxy(request: &str) -> String {
    format!("HTTP/1.1 407 {PROXY} {}\r\n\r\n", request.lines().last().unwrap_or_default())
}

fn server(front: Front, say: Say) -> Server {
    Server::start(front, vec![Step::Request, Step::Echo(say), Step::Close])
}

#[test]
fn nothing_that_was_sent_is_written() {
    let api = server(Front::Raw, as_an_api);
    let page = server(Front::Raw, as_a_page);
    let proxy = server(Front::Raw, as_a_proxy);
    let cases: [(&str, Say, &Server, bool); 8] = [
        ("body", in_the_body, &api, false),
        ("headers", in_headers, &page, false),
        ("redirects", in_redirects, &api, false),
        ("no HTTP", as_no_http, &page, false),
        ("no header", as_no_header, &api, false),
        ("length", as_a_length, &api, false),
        ("error page", as_a_page, &page, false),
        ("proxy", in_the_body, &api, true),
    ];
    let mut wrong = Vec::new();
    std::thread::scope(|scope| {
        let port = proxy.port;
        let running = cases.map(|case| scope.spawn(move || look(case, port)));
        running.into_iter().for_each(|one| wrong.extend(one.join().unwrap()));
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn look((name, say, api, by_proxy): (&str, Say, &Server, bool), proxy: u16) -> Vec<String> {
    let (https, http) = (server(plain_tls(), say), server(Front::Raw, say));
    let base = format!("http://127.0.0.1:{}", api.port);
    let environment = [
        ("CLOUDFLARE_API_TOKEN", TOKEN),
        ("CLOUDFLARE_BASE_URL", base.as_str()),
        ("AWS_ACCESS_KEY_ID", AWS_KEY),
        ("AWS_SECRET_ACCESS_KEY", AWS_SECRET),
        ("AWS_SESSION_TOKEN", AWS_SESSION),
        ("AWS_REGION", "us-west-2"),
        ("AWS_ENDPOINT_URL", base.as_str()),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let mut arguments = usual(None);
    arguments[1] = format!("https://lambda.example.com/x?X-Amz-Signature={SIGNATURE}&page=2");
    for host in ["lambda.example.com", "other.example.com", "origin.example.com"] {
        arguments.extend(lead(host, 443, https.port));
        arguments.extend(lead(host, 80, http.port));
    }
    let lines = [
        format!("Authorization: Bearer {AUTHORIZATION}"),
        format!("Cookie: sid={COOKIE}; other=1"),
        format!("X-Api-Key: {API_KEY}"),
        format!("X-Forwarded-Access-Token: Basic {}", BASE64.encode(format!("user:{PASSWORD}"))),
        "Origin: https://www.example.com".into(),
    ];
    arguments.extend(lines.into_iter().flat_map(|line| ["-H".to_owned(), line]));
    arguments.extend(["--origin", "origin.example.com", "--record", "visit", "-v", "--aws", "require"].map(Into::into));
    if by_proxy {
        arguments.extend(["--proxy".into(), format!("http://user:{PROXY}@127.0.0.1:{proxy}")]);
    }
    arguments.extend(every_format());
    let folder = tempfile::tempdir().unwrap();
    // A stranger would hear no secret.
    std::fs::write(folder.path().join("trusted.pem"), plain_pem()).unwrap();
    arguments.extend(["--cacert", "trusted.pem"].map(Into::into));
    let seat = Seat::take();
    let (mut wrong, code) = leaks(folder.path(), &arguments, &environment, "");
    if !matches!(code, Some(0 | 1 | 3)) {
        wrong.push(format!("exit code {code:?}"));
    }
    // What was recorded can be judged again, and shows as little.
    let again: Vec<String> = ["lint", "visit", "--format", "json"].map(Into::into).into();
    let (more, code) = leaks(folder.path(), &again, &[], "");
    drop(seat);
    if !matches!(code, Some(0 | 1 | 3)) {
        wrong.push(format!("lint: exit code {code:?}"));
    }
    wrong.extend(more);
    if !by_proxy && !https.heard().contains(AUTHORIZATION) {
        wrong.push("the server never heard the secret".into());
    }
    wrong.into_iter().map(|what| format!("{name}: {what}")).collect()
}
