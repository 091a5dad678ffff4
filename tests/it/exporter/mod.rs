//! `cfdoctor serve` as a program, asked over real sockets: what it tells, whom it refuses, how it stops.

mod guard;
mod prometheus;
mod server;
mod shipped;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::formats::validators;
use server::{Exporter, Site, hanging};

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Longer than anything here takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `is_so`.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_probe_tells_what_the_doctor_finds() {
    let site = Site::start("healthy");
    let exporter = Exporter::start(&site.flags());
    let answer = exporter.get(&site.probe(), "");
    assert_eq!((answer.status, answer.header("content-type")), (200, TEXT));
    let has = |line: &str| assert!(answer.body.lines().any(|given| given == line), "{line}: {}", answer.body);
    has("probe_success 1");
    has("cfdoctor_cache_status{sample=\"1\",status=\"MISS\"} 1");
    has("cfdoctor_cache_status{sample=\"2\",status=\"HIT\"} 1");
    has("cfdoctor_target_verdict{verdict=\"pass\",cause=\"\"} 1");
    has("cfdoctor_target_results{status=\"fail\"} 0");
    for start in [
        "probe_duration_seconds ",
        "cfdoctor_check_status{area=\"origin\",check=\"origin-certificate-expired\",severity=\"critical\",status=\"pass\"} 1",
        "cfdoctor_certificate_not_after_timestamp_seconds{end=\"edge\"} ",
        "cfdoctor_certificate_not_after_timestamp_seconds{end=\"origin\"} ",
        "cfdoctor_target_requests_sent ",
    ] {
        assert!(answer.body.lines().any(|line| line.starts_with(start)), "{start}: {}", answer.body);
    }
    for end in ["edge", "origin"] {
        for phase in ["dns", "connect", "tls", "head", "total"] {
            let start =
                format!("cfdoctor_phase_duration_seconds{{end=\"{end}\",request=\"request 1\",phase=\"{phase}\"}} ");
            assert!(answer.body.lines().any(|line| line.starts_with(&start)), "{start}: {}", answer.body);
        }
    }
    assert!(!answer.body.contains("cfdoctor_diagnosis_info") && !answer.body.contains("lambda.example.com"));

    let own = exporter.get("/metrics", "");
    for line in [
        "cfdoctor_exporter_probes_total{verdict=\"pass\"} 1",
        "cfdoctor_exporter_probes_in_flight 0",
        "cfdoctor_exporter_probe_duration_seconds_count 1",
    ] {
        assert!(own.body.lines().any(|given| given == line), "{line}: {}", own.body);
    }
    assert!(own.body.contains("cfdoctor_build_info{version="));
    let healthy = exporter.get("/healthz", "");
    assert_eq!((healthy.status, healthy.body.as_str()), (200, "ok\n"));
}

#[test]
fn both_texts_are_what_prometheus_own_parsers_read() {
    let site = Site::start("not-eligible");
    let exporter = Exporter::start(&site.flags());
    let accept = "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n";
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (mut openmetrics, mut plain) = (Vec::new(), Vec::new());
    for (name, path) in [("probe", site.probe()), ("own", "/metrics".into())] {
        let asked = exporter.get(&path, accept);
        assert_eq!((asked.status, asked.header("content-type")), (200, OPENMETRICS));
        assert!(asked.body.ends_with("\n# EOF\n"));
        openmetrics.push(file(&format!("{name}.om"), &asked.body));
        let text = exporter.get(&path, "Accept: */*\r\n");
        assert_eq!((text.status, text.header("content-type")), (200, TEXT));
        assert!(!text.body.contains("# EOF"));
        plain.push(file(&format!("{name}.txt"), &text.body));
    }
    validators::expositions(&openmetrics, "prometheus_client.openmetrics.parser");
    validators::expositions(&plain, "prometheus_client.parser");
    if let Some(promtool) = prometheus::program("promtool") {
        for path in &plain {
            promtool.check(&["check", "metrics"], Some(path));
        }
    }
}

#[test]
fn what_is_wrong_has_its_cause() {
    let site = Site::start("expired");
    let exporter = Exporter::start(&site.flags());
    let answer = exporter.get(&site.probe(), "");
    assert_eq!(answer.status, 200, "a site that is ill is no error of the exporter");
    assert!(answer.body.contains("\nprobe_success 0\n"), "{}", answer.body);
    let cause = "cfdoctor_diagnosis_info{cause=\"origin-certificate-expired\",confidence=";
    assert!(answer.body.contains(cause), "{}", answer.body);
}

#[test]
fn what_makes_no_sense_is_one_sentence() {
    let exporter = Exporter::start(&["-v".into()]);
    for (path, status, said) in [
        ("/probe", 400, "target is missing"),
        ("/probe?target=", 400, "target is missing"),
        ("/probe?target=a.example.com&target=b.example.com", 400, "twice"),
        ("/probe?target=ftp://x/", 400, "target: "),
        ("/probe?target=http://10.0.0.1/", 400, "target: "),
        ("/probe?target=%0aERROR%20forged%0d%0a%1b[31mx", 400, "target: "),
        ("/probe?target=a.example.com&region=nowhere-1", 400, "region: "),
        ("/probe?target=a.example.com&module=x%0ay", 400, "module"),
        ("/probe?%00%ff=%fe", 400, "parameter"),
        ("/nowhere", 404, "/probe"),
        ("/probe/../metrics", 404, "/probe"),
    ] {
        let answer = exporter.get(path, "");
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.body.contains(said), "{path}: {}", answer.body);
        let line = answer.body.strip_suffix('\n').unwrap();
        assert!(line.len() < 1000 && !line.chars().any(char::is_control), "{path}: {line:?}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    let long = format!("/probe?target={}", "a".repeat(5000));
    assert_eq!(exporter.get(&long, "").status, 400);
    let timeout = "X-Prometheus-Scrape-Timeout-Seconds: soon\r\n";
    assert_eq!(exporter.get("/probe?target=a.example.com", timeout).status, 400);
    // It closes with our octets unread, so that the answer may be lost to a reset.
    let huge = exporter.get("/metrics", &format!("X: {}\r\n", "x".repeat(40_000))).status;
    assert!([0, 431].contains(&huge), "{huge}");
    assert_eq!(exporter.get("/metrics", &"X: y\r\n".repeat(200)).status, 431);
    for octets in [&b"\x16\x03\x01\x00\xff\xfe"[..], b"GET /\x00 HTTP/1.1\r\n\r\n", b"\r\n\r\n\r\nBREW"] {
        let mut stream = exporter.connect();
        stream.write_all(octets).unwrap();
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    let mut posted = exporter.connect();
    posted.write_all(b"POST /probe?target=a.example.com HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let answer = server::read(posted);
    assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"));

    let own = exporter.get("/metrics", "").body;
    let refused = own.lines().find_map(|line| {
        line.strip_prefix("cfdoctor_exporter_probes_refused_total{reason=\"bad-request\"} ")?.parse::<u32>().ok()
    });
    assert_eq!(refused, Some(11), "{own}");
    let (status, log) = exporter.stop();
    assert_eq!(status.code(), Some(0));
    assert!(log.lines().count() > 10, "{log}");
    for line in log.lines() {
        assert!(!line.chars().any(char::is_control) && !line.starts_with("ERROR"), "{line:?}");
    }
}

#[test]
fn only_so_many_probes_run_at_the_same_time() {
    let site = hanging();
    let exporter = Exporter::start(&[site.flags(), vec!["--concurrency".into(), "2".into()]].concat());
    let waiting: Vec<TcpStream> = (0..2).map(|_| exporter.ask(&site.probe(), "")).collect();
    until("two probes run", || exporter.metric("cfdoctor_exporter_probes_in_flight") == 2.0);
    let refused = exporter.get(&site.probe(), "");
    assert_eq!((refused.status, refused.header("retry-after")), (503, "5"));
    assert!(refused.body.contains("--concurrency"), "{}", refused.body);
    assert_eq!(exporter.get("/healthz", "").status, 200);
    assert_eq!(exporter.metric("cfdoctor_exporter_probes_refused_total{reason=\"busy\"}"), 1.0);
    // Whoever drops a scrape ends its visit, and the seat is free.
    drop(waiting);
    until("both are dropped", || exporter.metric("cfdoctor_exporter_probes_total{verdict=\"dropped\"}") == 2.0);
    assert_eq!(exporter.metric("cfdoctor_exporter_probes_in_flight"), 0.0);
    site.until_left();
}

#[test]
fn a_probe_ends_before_prometheus_loses_patience() {
    let site = hanging();
    let exporter = Exporter::start(&site.flags());
    let start = Instant::now();
    let answer = exporter.get(&site.probe(), "X-Prometheus-Scrape-Timeout-Seconds: 3\r\n");
    let took = start.elapsed();
    assert!(answer.body.contains("\nprobe_success 0\n") || answer.body.starts_with("# TYPE probe_success"));
    assert!(answer.body.contains("verdict=\"inconclusive\""), "{}", answer.body);
    // Without the header the deadline of 45 s would have been waited for.
    assert!(took > Duration::from_secs(2) && took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn a_stop_lets_running_probes_end() {
    let site = hanging();
    let exporter = Exporter::start(&[site.flags(), vec!["--deadline".into(), "8s".into()]].concat());
    let waiting = exporter.ask(&site.probe(), "");
    until("the probe runs", || exporter.metric("cfdoctor_exporter_probes_in_flight") == 1.0);
    exporter.signal("TERM");
    until("nothing new is taken", || TcpStream::connect(("127.0.0.1", exporter.port)).is_err());
    let answer = server::read(waiting);
    assert!(answer.status == 200 && answer.body.contains("verdict=\"inconclusive\""), "{}", answer.body);
    let (status, log) = exporter.wait();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn a_stop_has_an_end() {
    let site = hanging();
    let exporter = Exporter::start(&[site.flags(), vec!["--grace".into(), "200ms".into()]].concat());
    let waiting = exporter.ask(&site.probe(), "");
    until("the probe runs", || exporter.metric("cfdoctor_exporter_probes_in_flight") == 1.0);
    exporter.signal("INT");
    // The deadline is 45 s: it was interrupted, and still answers.
    let answer = server::read(waiting);
    assert!(answer.status == 200 && answer.body.contains("\nprobe_success 0\n"), "{}", answer.body);
    let (status, log) = exporter.wait();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn an_address_in_use_is_wrong_usage() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = server::doctor(&["serve", "--no-config", "--listen", &address]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("--listen") && stderr.lines().count() == 1, "{stderr}");
    let output = server::doctor(&["serve", "--no-config", "--only-configured"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}
