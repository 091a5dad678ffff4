//! A real Prometheus, Debian's, that scrapes the exporter by the shipped configuration.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::server::{self, Exporter, Site};
use super::shipped;

/// Scrapes start somewhere within their interval, and a loaded machine takes its time.
const PATIENCE: Duration = Duration::from_secs(120);

/// A program of Prometheus.
pub(super) struct Program(&'static str);

/// The program, or a word that it is left out. `CFDOCTOR_PROMETHEUS=require` (`tests/run`) makes that a failure.
pub(super) fn program(name: &'static str) -> Option<Program> {
    if Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success()) {
        return Some(Program(name));
    }
    assert!(std::env::var_os("CFDOCTOR_PROMETHEUS").is_none(), "{name} is not installed");
    eprintln!("left out: {name} is not installed (`tests/run` installs Debian's package prometheus)");
    None
}

impl Program {
    /// Runs it to its end; `stdin` comes from a file.
    pub(super) fn check(&self, arguments: &[&str], stdin: Option<&Path>) {
        let stdin = stdin.map_or_else(Stdio::null, |path| fs::File::open(path).unwrap().into());
        let output = Command::new(self.0).args(arguments).stdin(stdin).output().unwrap();
        let told = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{} {arguments:?}: {}", self.0, String::from_utf8_lossy(&told));
    }
}

/// A running server; it is killed when dropped.
struct Prometheus {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    /// Starts it with the shipped files, of which the configuration is changed by `adapt`.
    fn start(program: &Program, adapt: impl Fn(String) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let shipped = |name: &str| fs::read_to_string(shipped::path(name)).unwrap();
        fs::write(place("prometheus.yml"), adapt(shipped("prometheus.yml"))).unwrap();
        fs::write(place("cfdoctor.rules.yml"), shipped("cfdoctor.rules.yml")).unwrap();
        // Free a moment ago; nobody else asks for it by number.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(program.0)
            .arg(format!("--config.file={}", place("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", place("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(place("log")).unwrap())
            .spawn()
            .unwrap();
        Prometheus { child, port, folder }
    }

    /// `data` of an answer of its API; `None`: not there yet.
    fn api(&self, path: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        // HTTP/1.0, so that the body is not sent in chunks.
        write!(stream, "GET /api/v1/{path} HTTP/1.0\r\nHost: prometheus\r\n\r\n").ok()?;
        let answer = server::read(stream);
        let document: Value = serde_json::from_str(&answer.body).ok()?;
        assert!(document["status"] == "success", "{path}: {}", answer.body);
        Some(document["data"].clone())
    }

    /// The series that an expression gives now.
    fn query(&self, expression: &str) -> Vec<Value> {
        let encoded: String = url::form_urlencoded::byte_serialize(expression.as_bytes()).collect();
        let data = self.api(&format!("query?query={encoded}"));
        data.and_then(|data| data["result"].as_array().cloned()).unwrap_or_default()
    }

    /// Waits until an expression gives so many series.
    fn until(&self, expression: &str, count: usize) -> Vec<Value> {
        let start = Instant::now();
        loop {
            let found = self.query(expression);
            if found.len() >= count {
                return found;
            }
            if start.elapsed() > PATIENCE {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                let targets = self.api("targets").unwrap_or_default();
                panic!("{expression} gives {found:?}; targets: {targets:#}; log: {log}");
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

fn number(series: &Value) -> f64 {
    series["value"][1].as_str().unwrap().parse().unwrap()
}

#[test]
fn prometheus_scrapes_what_we_ship() {
    let Some(program) = program("prometheus") else { return };
    let site = Site::start("healthy");
    let exporter = Exporter::start(&site.flags());
    let (target, origin) = site.target();
    let prometheus = Prometheus::start(&program, |configuration| {
        let quick = |text: String, from: &str, to: &str| {
            assert!(text.contains(from), "{from} is not in the shipped configuration");
            text.replace(from, to)
        };
        let mut text = quick(configuration, "127.0.0.1:19526", &format!("127.0.0.1:{}", exporter.port));
        text = quick(text, "https://lambda.example.com/endpoint", &target);
        text = quick(text, "d-abc123.execute-api.us-west-2.amazonaws.com", &origin);
        text = quick(text, "scrape_interval: 2m", "scrape_interval: 8s");
        text = quick(text, "scrape_interval: 1m", "scrape_interval: 2s\n    scrape_timeout: 2s");
        text = quick(text, "scrape_timeout: 50s", "scrape_timeout: 8s");
        quick(text, "evaluation_interval: 30s", "evaluation_interval: 1s")
    });
    prometheus.until("up == 1", 2);
    let success = prometheus.until("probe_success == 1", 1);
    assert_eq!(success[0]["metric"]["instance"], target.as_str());
    assert_eq!(success[0]["metric"]["job"], "cfdoctor");
    assert!(prometheus.query("cfdoctor_check_status{status=\"pass\"}").len() > 20);
    assert_eq!(prometheus.query("cfdoctor_check_status{status=\"fail\"}"), Vec::<Value>::new());
    assert_eq!(prometheus.query("cfdoctor_cache_status{status=\"HIT\"}").len(), 2);
    assert!(number(&prometheus.query("probe_duration_seconds")[0]) > 0.0);
    // What the rules make of it.
    let days = prometheus.until("cfdoctor:certificate_left:days", 2);
    assert!(days.iter().all(|series| number(series) > 1.0), "{days:?}");
    prometheus.until("cfdoctor_exporter_probes_total{verdict=\"pass\"} > 0", 1);
    prometheus.until("cfdoctor_build_info", 1);
    prometheus.until("cfdoctor_exporter_probe_duration_seconds_bucket", 11);
    let start = Instant::now();
    let rules = loop {
        let groups = prometheus.api("rules").unwrap();
        let rules = groups["groups"][0]["rules"].as_array().unwrap().clone();
        if rules.iter().all(|rule| rule["health"] != "unknown") {
            break rules;
        }
        assert!(start.elapsed() < PATIENCE, "{rules:?}");
        std::thread::sleep(Duration::from_millis(200));
    };
    for rule in &rules {
        assert_eq!((&rule["health"], &rule["lastError"]), (&"ok".into(), &Value::Null), "{rule}");
        // A pending one would be a false alarm in the making.
        assert!(rule["type"] == "recording" || rule["state"] == "inactive", "{rule}");
    }
    // And of what the dashboard asks.
    for expression in shipped::expressions() {
        prometheus.query(&expression);
    }
    for expression in shipped::expressions().iter().filter(|one| one.contains("cfdoctor_cache_status")) {
        let found = prometheus.until(expression, 2);
        assert!(found.iter().any(|series| series["metric"]["status"] == "HIT"), "{expression}: {found:?}");
    }
}

#[test]
fn promtool_takes_what_we_ship() {
    let Some(promtool) = program("promtool") else { return };
    let path = |name: &str| shipped::path(name).display().to_string();
    promtool.check(&["check", "config", &path("prometheus.yml")], None);
    promtool.check(&["check", "rules", &path("cfdoctor.rules.yml")], None);
    promtool.check(&["test", "rules", &path("cfdoctor.rules.test.yml")], None);
}
