//! What people use for many hosts, over the same world, where it is installed. All of it looks at less than the doctor.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[path = "../common/script.rs"]
mod script;

use crate::measure::{Measured, cpu_ms};
use crate::world::Places;

const BLACKBOX: &str = "prometheus-blackbox-exporter";
/// Scrapes at once.
const SCRAPES: usize = 250;

/// Measures who is there.
pub fn measure(places: &Places, hosts: usize, engine: &Measured) {
    println!("\npeers");
    println!("{}", Measured::HEAD);
    match script::is_installed(BLACKBOX) {
        true => blackbox(places, hosts).print("blackbox_exporter, 250 scrapes", engine),
        false => println!("{BLACKBOX} is not installed: skipped"),
    }
    match script::missing().as_slice() {
        [] => by_script(places, hosts / 10).print("dig + openssl + curl, xargs -P64", engine),
        missing => println!("the script is skipped: {} not installed", missing.join(", ")),
    }
    let sslyze = std::env::var("CFDOCTOR_SSLYZE").unwrap_or_else(|_| "sslyze".into());
    match script::is_installed(&sslyze) {
        true => by_sslyze(&sslyze, places, hosts / 50).print("sslyze --certinfo (edge's TLS)", engine),
        false => println!("sslyze is not installed (CFDOCTOR_SSLYZE names it where it is): skipped"),
    }
}

/// The multi-target exporter: one request at the edge of each host.
fn blackbox(places: &Places, hosts: usize) -> Measured {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = folder.path().join("blackbox.yml");
    let module = "modules:\n  edge:\n    prober: http\n    timeout: 10s\n    http:\n      preferred_ip_protocol: ip4\n      \
                  tls_config:\n        insecure_skip_verify: true\n";
    fs::write(&config, module).expect("the folder can be written");
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = free.local_addr().expect("bound");
    drop(free);
    let mut exporter = Command::new(BLACKBOX)
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--web.listen-address={address}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it is installed");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let (seconds, failed) = runtime.block_on(async {
        let up = async {
            while TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await
            }
        };
        tokio::time::timeout(Duration::from_secs(10), up).await.expect("the exporter listens");
        let start = Instant::now();
        let scrapes = (0..hosts).map(|n| async move {
            let target = format!("https%3A%2F%2F{}{}", places.edge.to_string().replace(':', "%3A"), places.path);
            let request = format!(
                "GET /probe?module=edge&hostname={}&target={target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                places.host(n),
            );
            let mut answer = String::new();
            let mut stream = TcpStream::connect(address).await.ok()?;
            stream.write_all(request.as_bytes()).await.ok()?;
            stream.read_to_string(&mut answer).await.ok()?;
            answer.contains("\nprobe_success 1").then_some(())
        });
        let well = stream::iter(scrapes).buffer_unordered(SCRAPES).filter(|well| std::future::ready(well.is_some()));
        let well = well.count().await;
        (start.elapsed().as_secs_f64(), hosts - well)
    });
    let cpu = fs::read_to_string(format!("/proc/{}/stat", exporter.id())).ok().and_then(|stat| cpu_ms(&stat));
    let status = fs::read_to_string(format!("/proc/{}/status", exporter.id())).unwrap_or_default();
    let kb = |line: &str| -> Option<f64> {
        status.lines().find_map(|text| text.strip_prefix(line)?.trim().strip_suffix(" kB")?.trim().parse().ok())
    };
    let rss_mb = kb("VmHWM:").map(|all| (all / 1024.0, kb("RssAnon:").unwrap_or(0.0) / 1024.0));
    let _ = exporter.kill();
    let _ = exporter.wait();
    Measured { hosts, seconds, cpu_ms: cpu, rss_mb, wrong: failed, open: 0 }
}

/// The script for each host, 64 at once.
fn by_script(places: &Places, hosts: usize) -> Measured {
    let lines: String = (0..hosts).map(|n| script::arguments(&places.of_host(n)).join(" ") + "\n").collect();
    let mut command = Command::new("xargs");
    command.args(["-P", "64", "-L", "1", script::SCRIPT]);
    run(command, &lines, hosts)
}

/// The scanner, which takes all targets at once.
fn by_sslyze(program: &str, places: &Places, hosts: usize) -> Measured {
    let mut command = Command::new(program);
    command.arg("--certinfo");
    let (ip, port) = (places.edge.ip(), places.edge.port());
    command.args((0..hosts).map(|n| format!("{}:{port}{{{ip}}}", places.host(n))));
    run(command, "", hosts)
}

/// Runs a program and what it starts to their end.
fn run(mut command: Command, input: &str, hosts: usize) -> Measured {
    let before = children_ms();
    let start = Instant::now();
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it is installed");
    let mut stdin = child.stdin.take().expect("it is piped");
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let _ = child.wait();
    let cpu_ms = children_ms().zip(before).map(|(after, before)| after - before);
    Measured { hosts, seconds: start.elapsed().as_secs_f64(), cpu_ms, rss_mb: None, wrong: 0, open: 0 }
}

/// CPU time of all children that have ended (fields 16 and 17 of /proc/self/stat).
fn children_ms() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(13);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) * 10.0)
}
