//! The program, a site for it, and a client.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base64::Engine as _;
use cfdoctor::demo::{self, Sight, World};
use cfdoctor::settings::ResolverChoice;
use cfdoctor_checks::evidence::tls::Der;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{PATIENCE, until};

/// Where the worlds run.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());

pub(super) fn doctor(arguments: &[impl AsRef<std::ffi::OsStr>]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cfdoctor"));
    for name in ["CLOUDFLARE_API_TOKEN", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"] {
        command.env_remove(name);
    }
    command.args(arguments);
    command
}

/// A running exporter; it is killed when dropped.
pub(super) struct Exporter {
    child: Child,
    pub(super) port: u16,
    log: Option<JoinHandle<String>>,
}

impl Exporter {
    /// Starts it on a port that the system chooses.
    pub(super) fn start(arguments: &[String]) -> Self {
        let usual = ["serve", "--no-config", "--listen", "127.0.0.1:0"].map(ToOwned::to_owned);
        let mut command = doctor(&[&usual, arguments].concat());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let port = line.split("127.0.0.1:").nth(1).and_then(|rest| rest.split('/').next()?.parse().ok());
        let log = std::thread::spawn(move || {
            let mut rest = String::new();
            let _ = stderr.read_to_string(&mut rest);
            rest
        });
        Exporter { child, port: port.unwrap_or_else(|| panic!("it says {line:?}")), log: Some(log) }
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE * 2)).unwrap();
        stream
    }

    /// Sends a request and does not wait.
    pub(super) fn ask(&self, path: &str, headers: &str) -> TcpStream {
        let mut stream = self.connect();
        // A server that refuses a head does not read it to its end.
        let _ = write!(stream, "GET {path} HTTP/1.1\r\nHost: exporter\r\nConnection: close\r\n{headers}\r\n");
        stream
    }

    pub(super) fn get(&self, path: &str, headers: &str) -> Answer {
        read(self.ask(path, headers))
    }

    /// The value of one of the exporter's own series.
    pub(super) fn metric(&self, series: &str) -> f64 {
        let body = self.get("/metrics", "").body;
        let line = body.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{series} is missing: {body}")).parse().unwrap()
    }

    pub(super) fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", "kill -\"$0\" \"$1\"", name, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the end; its log.
    pub(super) fn wait(mut self) -> (ExitStatus, String) {
        let mut status = None;
        until("the exporter ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        (status.unwrap(), self.log.take().unwrap().join().unwrap())
    }

    pub(super) fn stop(self) -> (ExitStatus, String) {
        self.signal("TERM");
        self.wait()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What was answered.
pub(super) struct Answer {
    pub(super) status: u16,
    headers: BTreeMap<String, String>,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Reads an answer to the end of the connection.
pub(super) fn read(mut stream: TcpStream) -> Answer {
    let mut octets = Vec::new();
    // What was refused before it was read ends with a reset.
    let _ = stream.read_to_end(&mut octets);
    let text = String::from_utf8(octets).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or_default();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    Answer { status, headers, body: body.to_owned() }
}

/// A world of the demo, and how the program finds it.
pub(super) struct Site {
    world: World,
    folder: TempDir,
}

impl Site {
    pub(super) fn start(scenario: &str) -> Self {
        let scenario = demo::find(scenario).unwrap();
        let world = RUNTIME.block_on(World::start(scenario)).unwrap();
        Site { world, folder: tempfile::tempdir().unwrap() }
    }

    pub(super) fn flags(&self) -> Vec<String> {
        let settings = self.world.settings(Sight::BlackBox);
        let ResolverChoice::Udp(resolver) = settings.resolver else { panic!("not UDP") };
        let mut flags = vec!["--allow-private".into(), "--resolver".into(), resolver.to_string()];
        for rule in &settings.connect_to {
            let part = |text: &Option<String>| text.clone().unwrap();
            let ports = (rule.port.unwrap(), rule.to_port.unwrap());
            flags.push("--connect-to".into());
            flags.push(format!("{}:{}:{}:{}", part(&rule.host), ports.0, part(&rule.to_host), ports.1));
        }
        let pem = |name: &str, roots: &[Der]| {
            let path = self.folder.path().join(name);
            std::fs::write(&path, roots.iter().map(pem).collect::<String>()).unwrap();
            path.display().to_string()
        };
        flags.extend(["--cacert".into(), pem("roots.pem", &settings.trust.extra_roots)]);
        flags.extend(["--origin-ca".into(), pem("origin.pem", settings.trust.origin_ca.as_deref().unwrap())]);
        flags
    }

    /// The target's URL, and what the record points at.
    pub(super) fn target(&self) -> (String, String) {
        let target = self.world.target(Sight::BlackBox);
        (target.url(), target.origin.map(|origin| origin.host).unwrap())
    }

    /// The path that probes it.
    pub(super) fn probe(&self) -> String {
        let (url, origin) = self.target();
        let expect = serde_json::to_value(self.world.target(Sight::BlackBox).expect).unwrap();
        format!("/probe?target={url}&origin={origin}&expect={}", expect.as_str().unwrap())
    }
}

fn pem(der: &Der) -> String {
    let encoded = base64::engine::general_purpose::STANDARD.encode(&der.0);
    let lines: Vec<&str> = encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// A site whose edge takes connections and never says a word.
pub(super) struct Hanging {
    names: Site,
    port: u16,
    /// Connections that are open.
    open: Arc<AtomicUsize>,
}

pub(super) fn hanging() -> Hanging {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let open = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&open);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::SeqCst);
            let counted = Arc::clone(&counted);
            std::thread::spawn(move || {
                let _ = stream.set_read_timeout(Some(Duration::from_secs(120)));
                while stream.read(&mut [0; 1024]).is_ok_and(|length| length > 0) {}
                counted.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    Hanging { names: Site::start("healthy"), port, open }
}

impl Hanging {
    pub(super) fn flags(&self) -> Vec<String> {
        let mut flags = self.names.flags();
        flags.truncate(3);
        for (host, port) in [("lambda.example.com", 443), ("lambda.example.com", 80)] {
            flags.extend(["--connect-to".into(), format!("{host}:{port}:127.0.0.1:{}", self.port)]);
        }
        // Not a step's limit, but the probe's is to end it.
        flags.extend(["--connect-timeout", "60s", "--timeout", "60s"].map(Into::into));
        flags
    }

    pub(super) fn probe(&self) -> String {
        "/probe?target=https://lambda.example.com/endpoint".into()
    }

    /// Waits until nobody is connected any more.
    pub(super) fn until_left(&self) {
        let start = Instant::now();
        while self.open.load(Ordering::SeqCst) > 0 {
            assert!(start.elapsed() < PATIENCE, "{} are still there", self.open.load(Ordering::SeqCst));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
