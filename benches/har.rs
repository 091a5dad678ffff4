//! `lint` of a HAR file of 100 MB against `jq length` on the same file: `cargo bench --locked --bench har`.
//!
//! The file is made on the fly, as a browser writes it: scripts, styles, pictures and API answers with their bodies,
//! in part asked for several times. The goal is at most three times the time of `jq`, in bounded memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SIZE: u64 = 100 * 1000 * 1000;
const ROUNDS: usize = 5;
const GOAL: f64 = 3.0;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.har");
    let entries = write(&path);
    let megabytes = fs::metadata(&path).unwrap().len() / 1_000_000;
    println!("{megabytes} MB, {entries} entries; medians of {ROUNDS} runs, taken in turn");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        theirs.push(run(Command::new("jq").arg("length").arg(&path)));
        let doctor = Path::new(env!("CARGO_BIN_EXE_cfdoctor"));
        ours.push(run(Command::new(doctor).arg("lint").arg(&path).args(["--fail-on", "never", "--no-config"])));
    }
    let (theirs, ours) = (median(theirs), median(ours));
    let ratio = ours.0.as_secs_f64() / theirs.0.as_secs_f64();
    for (name, (time, kilobytes)) in [("jq length", theirs), ("cfdoctor lint", ours)] {
        let memory = kilobytes.map_or("not known".into(), |kilobytes| format!("{} MB", kilobytes / 1000));
        println!("{name:<14} {:>6.2} s   peak memory {memory}", time.as_secs_f64());
    }
    println!("{ratio:.2} times jq (goal: {GOAL})");
    assert!(cfg!(debug_assertions) || ratio <= GOAL, "slower than the goal");
}

/// Time and peak memory (kB, where the system tells it) of one run.
fn run(command: &mut Command) -> (Duration, Option<u64>) {
    let start = Instant::now();
    let mut child =
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("jq and cfdoctor can be started");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = None;
    loop {
        if let Some(kilobytes) = fs::read_to_string(&status).ok().and_then(|text| high_water(&text)) {
            peak = peak.max(Some(kilobytes));
        }
        if let Some(code) = child.try_wait().unwrap() {
            assert!(code.success(), "{command:?}: {code}");
            return (start.elapsed(), peak);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn high_water(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

fn median(mut runs: Vec<(Duration, Option<u64>)>) -> (Duration, Option<u64>) {
    runs.sort();
    runs[runs.len() / 2]
}

/// Writes the file and tells how many entries it has.
fn write(path: &Path) -> u64 {
    let mut out = BufWriter::new(fs::File::create(path).unwrap());
    write!(out, r#"{{"log":{{"version":"1.2","creator":{{"name":"bench","version":"1"}},"pages":[],"entries":["#)
        .unwrap();
    let (mut written, mut count) = (0, 0);
    while written < SIZE {
        let entry = entry(count);
        written += entry.len() as u64 + 1;
        write!(out, "{}{entry}", if count == 0 { "" } else { "," }).unwrap();
        count += 1;
    }
    write!(out, "]}}}}").unwrap();
    out.flush().unwrap();
    count
}

fn entry(number: u64) -> String {
    // Every fourth entry asks again for something that was asked for before.
    let object = if number % 4 == 3 { number / 8 } else { number };
    let kinds = [
        ("js", "application/javascript", 40_000),
        ("css", "text/css", 12_000),
        ("png", "image/png", 16_000),
        ("", "application/json", 3_000),
    ];
    let (extension, media, size) = kinds[(object % 4) as usize];
    let name =
        if extension.is_empty() { format!("api/items/{object}") } else { format!("assets/{object}.{extension}") };
    let statuses = ["HIT", "MISS", "DYNAMIC", "EXPIRED", "BYPASS"];
    let control = ["public, max-age=14400", "private, max-age=0", "no-cache", "s-maxage=600", "public; max-age=60"];
    let pick = (object % 5) as usize;
    let line = r#"  return value === \"undefined\" ? null : value.map((item) => item.name + '\\n');\n"#;
    let length = (size / 4 + (object * 7919) % size) as usize;
    let body = line.repeat(length / line.len());
    let headers: String = (0..8).map(|n| format!(r#",{{"name":"x-header-{n}","value":"{object:032x}"}}"#)).collect();
    format!(
        r#"{{"startedDateTime":"2026-11-23T10:{:02}:{:02}.{:03}Z","time":12.5,"request":{{"method":"GET","url":"https://www.example.com/{name}?v={object}","httpVersion":"h2","headers":[{{"name":"accept","value":"*/*"}},{{"name":"user-agent","value":"Mozilla/5.0"}}{headers}],"queryString":[],"cookies":[],"headersSize":-1,"bodySize":0}},"response":{{"status":200,"statusText":"","httpVersion":"h2","headers":[{{"name":"date","value":"Mon, 23 Nov 2026 10:00:00 GMT"}},{{"name":"content-type","value":"{media}"}},{{"name":"server","value":"cloudflare"}},{{"name":"cf-ray","value":"{:016x}-FRA"}},{{"name":"cf-cache-status","value":"{}"}},{{"name":"cache-control","value":"{}"}}{headers}],"cookies":[],"content":{{"size":{length},"mimeType":"{media}","text":"{body}"}},"redirectURL":"","headersSize":-1,"bodySize":-1}},"cache":{{}},"timings":{{"blocked":1,"dns":-1,"connect":-1,"ssl":-1,"send":0,"wait":9,"receive":2}}}}"#,
        number / 60 % 60,
        number % 60,
        number % 1000,
        number,
        statuses[pick],
        control[(object / 5 % 5) as usize],
    )
}
