//! The program under watch: its time, its memory, and every word that it writes.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Condvar, LazyLock, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{names, status};

/// What is examined.
pub(super) const URL: &str = "https://lambda.example.com/x";
/// `--deadline`.
pub(super) const DEADLINE: Duration = Duration::from_secs(3);
/// Starting, judging and writing on a machine that runs other tests beside.
const START: Duration = Duration::from_secs(4);
/// Peak of the program's own memory (`performance.md` goal 11).
const MAX_MEMORY: u64 = 64 * 1024 * 1024;
/// Octets of one report: hostile answers may not swell it.
const MAX_REPORT: usize = 128 * 1024;
/// Most descriptors that are open at one time: some 20 of the program itself (streams, reports, event queues), 6
/// connections to the site with as many that are about to close, and what is asked of name servers at the same time.
const MAX_DESCRIPTORS: usize = 40;
/// The same with the connections to an API that speaks HTTP/1: as many as one host costs requests.
const MAX_WITH_API: usize = MAX_DESCRIPTORS + 35;
/// Programs at the same time, over all tests.
const SEATS: usize = 6;

static TAKEN: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

/// One hostile situation.
pub(super) struct Case {
    pub(super) name: String,
    /// The port of a hostile name server.
    pub(super) resolver: Option<u16>,
    /// Beside the usual ones.
    pub(super) arguments: Vec<String>,
    /// Part of the recording, and what it must hold.
    pub(super) recorded: (&'static str, &'static str),
    /// Beside the usual environment.
    pub(super) variables: Vec<(&'static str, String)>,
    /// What is wrong with the report of this case, beside what is asked of every report.
    pub(super) judge: Judge,
    /// `--connect-timeout`, `--timeout`, `--deadline`.
    pub(super) limits: [Duration; 3],
}

/// Short: a hostile server is left soon.
const LIMITS: [Duration; 3] = [Duration::from_millis(700), Duration::from_millis(1200), DEADLINE];

/// Looks at the end, the report, and everything that was written.
pub(super) type Judge = Box<dyn Fn(&Told) -> Vec<String> + Send>;

/// How the program ended, and what it said.
pub(super) struct Told {
    pub(super) code: Option<i32>,
    pub(super) report: Value,
    /// Everything: streams, reports, recording.
    pub(super) written: String,
}

impl Case {
    /// A case of which the recording has to say this.
    pub(super) fn new(name: String, arguments: Vec<String>, recorded: (&'static str, &'static str)) -> Self {
        let (variables, judge) = (Vec::new(), Box::new(|_: &Told| Vec::new()));
        Case { name, resolver: None, arguments, recorded, variables, judge, limits: LIMITS }
    }
}

impl Told {
    /// `id`, status and reason of each result.
    pub(super) fn results(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        let results = self.report["targets"][0]["results"].as_array().map(Vec::as_slice).unwrap_or_default();
        fn word(value: &Value) -> &str {
            value.as_str().unwrap_or_default()
        }
        results
            .iter()
            .map(move |result| (word(&result["check"]), word(&result["status"]), word(&result["reason"]["text"])))
    }
}

/// Runs the program on each case; all must go well.
pub(super) fn all_survive(cases: Vec<Case>) {
    let queue = Mutex::new(cases.into_iter());
    let faults = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..SEATS {
            scope.spawn(|| {
                loop {
                    let Some(case) = queue.lock().unwrap().next() else { return };
                    // A busy machine may make one look late; what the program does wrong it does wrong again.
                    let mut found = look(&case);
                    if !found.is_empty() {
                        found = look(&case);
                    }
                    faults.lock().unwrap().extend(found.into_iter().map(|fault| format!("{}: {fault}", case.name)));
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The program, with the environment that every machine has.
pub(crate) fn doctor(arguments: &[impl AsRef<std::ffi::OsStr>]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cfdoctor"));
    for name in ["NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "CLICOLOR", "COLUMNS", "LC_ALL", "LC_CTYPE"] {
        command.env_remove(name);
    }
    command.env("LANG", "C.UTF-8").args(arguments);
    command
}

/// `check` with short limits and this name server, or one that knows every name.
pub(super) fn usual(resolver: Option<u16>) -> Vec<String> {
    usual_within(LIMITS, resolver)
}

fn usual_within(limits: [Duration; 3], resolver: Option<u16>) -> Vec<String> {
    let [connect, timeout, deadline] = limits.map(|limit| format!("{}ms", limit.as_millis()));
    let resolver = format!("127.0.0.1:{}", resolver.unwrap_or_else(names::friendly));
    ["check", URL, "--no-config", "--connect-timeout", &connect, "--timeout", &timeout]
        .into_iter()
        .chain(["--deadline", &deadline, "--resolver", &resolver])
        .map(Into::into)
        .collect()
}

/// What is wrong with how the program took it.
fn look(case: &Case) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let mut arguments = usual_within(case.limits, case.resolver);
    arguments.extend(["--format".into(), "json".into(), "-v".into()]);
    arguments.extend(["--record".into(), place("recording").display().to_string()]);
    for format in ["human", "short"] {
        arguments.extend(["-o".into(), format!("{format}={}", place(format).display())]);
    }
    arguments.extend(case.arguments.iter().cloned());
    let seat = Seat::take();
    let mut child = doctor(&arguments)
        .envs(case.variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(File::create(place("stdout")).unwrap())
        .stderr(File::create(place("stderr")).unwrap())
        .spawn()
        .unwrap();
    let deadline = case.limits[2];
    let watched = watch(&mut child, deadline + deadline / 10 + START);
    drop(seat);
    let mut faults = Vec::new();
    let texts = ["stdout", "stderr", "human", "short"].map(|name| (name, fs::read(place(name)).unwrap_or_default()));
    match watched.status.and_then(|status| status.code()) {
        Some(0 | 1 | 3) => {}
        _ => faults.push(format!("{:?}; stderr: {}", watched.status, String::from_utf8_lossy(&texts[1].1))),
    }
    if watched.memory > MAX_MEMORY {
        faults.push(format!("{} KiB of memory", watched.memory / 1024));
    }
    let most = if case.variables.is_empty() { MAX_DESCRIPTORS } else { MAX_WITH_API };
    if watched.descriptors > most {
        faults.push(format!("{} descriptors", watched.descriptors));
    }
    for (name, text) in &texts {
        faults.extend(raw(text).map(|what| format!("{name}: {what}")));
        if text.len() > MAX_REPORT {
            faults.push(format!("{name} has {} octets", text.len()));
        }
    }
    faults.extend(report(&texts[0].1));
    faults.extend(recording(&place("recording"), case.recorded));
    let edge: Value =
        serde_json::from_slice(&fs::read(place("recording/edge.json")).unwrap_or_default()).unwrap_or_default();
    if watched.status.is_some_and(|status| status.success()) && !status::answered(&edge) {
        faults.push("all is well, and the edge never answered".into());
    }
    let recorded = fs::read_dir(place("recording")).into_iter().flatten().flatten();
    let recorded = recorded.map(|file| fs::read(file.path()).unwrap_or_default());
    let written = texts.iter().map(|(_, text)| text.clone()).chain(recorded);
    let told = Told {
        code: watched.status.and_then(|status| status.code()),
        report: serde_json::from_slice(&texts[0].1).unwrap_or_default(),
        written: written.map(|text| String::from_utf8_lossy(&text).into_owned()).collect(),
    };
    faults.extend(status::faults(&told, &place("recording")));
    faults.extend((case.judge)(&told));
    faults
}

/// What is wrong with a report.
fn report(text: &[u8]) -> Option<String> {
    static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
        let schema = doctor(&["schema", "report"]).output().unwrap().stdout;
        jsonschema::validator_for(&serde_json::from_slice(&schema).unwrap()).unwrap()
    });
    let report: Value = match serde_json::from_slice(text) {
        Ok(report) => report,
        Err(error) => return Some(format!("the report is no JSON: {error}")),
    };
    match SCHEMA.validate(&report) {
        Err(error) => Some(format!("the report is not as its schema says: {error}")),
        Ok(()) => hidden(&report).map(|what| format!("the report holds {what}")),
    }
}

/// What is wrong with a recording.
fn recording(folder: &Path, (part, says): (&str, &str)) -> Option<String> {
    let text = fs::read_to_string(folder.join(part).with_extension("json")).unwrap_or_default();
    if !text.contains(says) {
        let skip = text.find("\"samples\"").map_or(0, |at| at / 3);
        let shown: String =
            text.split_whitespace().collect::<Vec<_>>().join(" ").chars().skip(skip).take(2500).collect();
        return Some(format!("{part} does not say {says:?}: {shown}"));
    }
    let value: Value = serde_json::from_str(&text).unwrap();
    hidden(&value).map(|what| format!("{part} holds {what}"))
}

/// A control character in any string.
fn hidden(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => raw(text.as_bytes()),
        Value::Array(values) => values.iter().find_map(hidden),
        Value::Object(fields) => fields.iter().find_map(|(name, value)| raw(name.as_bytes()).or_else(|| hidden(value))),
        _ => None,
    }
}

/// What a terminal would obey: control characters, and those that turn the direction of the text.
pub(super) fn raw(text: &[u8]) -> Option<String> {
    let Ok(text) = std::str::from_utf8(text) else { return Some("octets that are not UTF-8".into()) };
    let at = text.find(|c: char| {
        c != '\n' && (c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
    })?;
    let from = text.char_indices().map(|(index, _)| index).rfind(|index| index + 40 <= at).unwrap_or(0);
    Some(format!("a raw character: {:?}", text[from..].chars().take(80).collect::<String>()))
}

/// How a program ran.
pub(crate) struct Watched {
    /// `None`: it had to be killed.
    pub(crate) status: Option<ExitStatus>,
    /// Peak, octets: what the program took itself. How much of its own file is mapped (an unoptimised one has 65 MiB of
    /// code) is the system's choice.
    pub(crate) memory: u64,
    /// Peak of open descriptors.
    pub(crate) descriptors: usize,
}

/// Waits for the end, at most for `patience`.
pub(crate) fn watch(child: &mut Child, patience: Duration) -> Watched {
    let start = Instant::now();
    let status = format!("/proc/{}/status", child.id());
    let descriptors = format!("/proc/{}/fd", child.id());
    let threads = format!("/proc/{}/task", child.id());
    let (mut memory, mut most) = (0, 0);
    loop {
        // As long as there is one thread, the new program may still hold what this one had open.
        if fs::read_dir(&threads).map_or(0, Iterator::count) > 1 {
            most = most.max(fs::read_dir(&descriptors).map_or(0, Iterator::count));
        }
        if let Some(own) = fs::read_to_string(&status).ok().as_deref().and_then(own_memory) {
            memory = memory.max(own);
        }
        if let Some(status) = child.try_wait().unwrap() {
            return Watched { status: Some(status), memory, descriptors: most };
        }
        if start.elapsed() > patience {
            child.kill().unwrap();
            child.wait().unwrap();
            return Watched { status: None, memory, descriptors: most };
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The peak of all that was resident, less the files that are mapped now, and never less than what is resident now.
fn own_memory(status: &str) -> Option<u64> {
    // `VmHWM:     1234 kB`
    let octets = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
    };
    Some(octets("VmHWM")?.saturating_sub(octets("RssFile")?).max(octets("RssAnon")?))
}

/// The right to run a program now.
pub(crate) struct Seat;

impl Seat {
    pub(crate) fn take() -> Self {
        let mut taken = TAKEN.0.lock().unwrap();
        while *taken >= SEATS {
            taken = TAKEN.1.wait(taken).unwrap();
        }
        *taken += 1;
        Seat
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        *TAKEN.0.lock().unwrap() -= 1;
        TAKEN.1.notify_one();
    }
}
