//! Ctrl-C while a server hangs, and readers of the report that go away.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::certificates::plain_tls;
use super::doctor::{Seat, doctor, raw, usual, watch};
use super::script::{Server, Step};
use super::{friendly_edge, lead};

/// From the signal to the end: nobody waits for the server any more.
const AT_ONCE: Duration = Duration::from_secs(2);

/// A site that takes the request and never answers, with limits longer than the test.
fn hanging() -> (Server, Vec<String>) {
    let server = Server::start(plain_tls(), vec![Step::Request, Step::Silence]);
    let mut arguments = usual(None);
    arguments.truncate(3);
    let limits = ["--connect-timeout", "50s", "--timeout", "50s", "--deadline", "60s", "--resolver"];
    arguments.extend(limits.map(Into::into));
    arguments.push(format!("127.0.0.1:{}", super::names::friendly()));
    arguments.extend(lead("lambda.example.com", 443, server.port));
    arguments.extend(lead("lambda.example.com", 80, Server::closed_port()));
    (server, arguments)
}

fn interrupt(child: &Child) {
    let sent = Command::new("sh").args(["-c", "kill -INT \"$0\"", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Waits until the site has been asked.
fn until_asked(server: &Server) {
    let start = Instant::now();
    while server.heard().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(10), "{} connections", server.visits());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn ctrl_c_ends_the_waiting_and_the_report_is_written() {
    let (server, mut arguments) = hanging();
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    arguments.extend(["--format".into(), "json".into(), "--record".into(), place("kept").display().to_string()]);
    arguments.extend(["-o".into(), format!("human={}", place("human").display())]);
    arguments.push("other.example.com".into());
    let _seat = Seat::take();
    let stdout = File::create(place("stdout")).unwrap();
    let mut child = doctor(&arguments).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
    until_asked(&server);
    interrupt(&child);
    assert_eq!(watch(&mut child, AT_ONCE).status.and_then(|status| status.code()), Some(130));
    let report: Value = serde_json::from_slice(&std::fs::read(place("stdout")).unwrap()).unwrap();
    assert_eq!((&report["exit_code"], &report["run"]["interrupted"]), (&130.into(), &true.into()));
    assert_eq!(report["targets"][0]["host"], "lambda.example.com");
    let human = std::fs::read(place("human")).unwrap();
    assert!(raw(&human).is_none() && String::from_utf8_lossy(&human).contains("nterrupted"));
    let kept = std::fs::read_to_string(place("kept/001-lambda.example.com/edge.json")).unwrap();
    assert!(kept.contains("\"limit\": \"interrupted\"") && kept.contains("\"completed\""), "{kept}");
}

#[test]
fn a_second_ctrl_c_is_obeyed_too() {
    let (server, mut arguments) = hanging();
    arguments.extend(["--format".into(), "json".into()]);
    let _seat = Seat::take();
    let mut child = doctor(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until_asked(&server);
    interrupt(&child);
    interrupt(&child);
    assert_eq!(watch(&mut child, AT_ONCE).status.and_then(|status| status.code()), Some(130));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    for format in ["human", "short", "json"] {
        let mut arguments = usual(None);
        arguments.extend(friendly_edge());
        arguments.extend(["--format".into(), format.into()]);
        let _seat = Seat::take();
        let mut child = doctor(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{format}: {output:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{format}");
    }
}

/// A full disk is one sentence and no success.
#[test]
fn a_report_that_cannot_be_written_is_an_error() {
    let mut arguments = usual(None);
    arguments.extend(friendly_edge());
    let _seat = Seat::take();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = doctor(&arguments).stdout(full).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && output.status.code().is_some(), "{:?}", output.status);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("stdout"), "{stderr}");
}
