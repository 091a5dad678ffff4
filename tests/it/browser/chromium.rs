//! Debian's Chromium without a window: a program that nobody here wrote.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A page takes a second or two; a loaded machine longer.
const PATIENCE: Duration = Duration::from_secs(90);

/// What the browser brought back.
pub struct Seen {
    /// The document after its scripts.
    pub dom: String,
    /// Lines of the console, errors of the policy among them.
    pub console: Vec<String>,
    /// Every address that was asked for, those of the browser itself among them.
    pub asked: Vec<String>,
}

pub struct Browser {
    program: PathBuf,
    folder: TempDir,
}

/// The browser, or a word that it is left out. `CFDOCTOR_CHROMIUM=require` (`tests/run`) makes that a failure.
pub fn browser() -> Option<Browser> {
    let found = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].into_iter().map(PathBuf::from).find(|p| p.exists());
    match found {
        Some(program) => Some(Browser { program, folder: tempfile::tempdir().unwrap() }),
        None => {
            assert!(std::env::var_os("CFDOCTOR_CHROMIUM").is_none(), "Chromium is not installed");
            eprintln!("left out: Chromium is not installed (`tests/run` does that on Debian)");
            None
        }
    }
}

impl Browser {
    /// Writes a file beside the others.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Opens the file (with `fragment`) and lets its scripts run.
    pub fn open(&self, file: &Path, fragment: &str, options: &[&str]) -> Seen {
        let log = self.folder.path().join("network.json");
        let dom =
            self.run(file, fragment, &[&["--dump-dom", &format!("--log-net-log={}", log.display())], options].concat());
        let network = std::fs::read_to_string(log).unwrap();
        let asked = network.split("\"url\":\"").skip(1).filter_map(|rest| rest.split('"').next());
        let console = dom.1.lines().filter(|line| line.contains(":CONSOLE:")).map(ToOwned::to_owned).collect();
        Seen { dom: dom.0, console, asked: asked.map(ToOwned::to_owned).collect() }
    }

    /// The picture of a page of this width, as PNG.
    pub fn picture(&self, file: &Path, width: u32, options: &[&str]) -> Vec<u8> {
        let shot = self.folder.path().join("shot.png");
        let (to, size) = (format!("--screenshot={}", shot.display()), format!("--window-size={width},1600"));
        let options = [&[to.as_str(), &size], options].concat();
        self.run(file, "", &options);
        std::fs::read(shot).unwrap()
    }

    fn run(&self, file: &Path, fragment: &str, options: &[&str]) -> (String, String) {
        let profile = tempfile::tempdir_in(self.folder.path()).unwrap();
        let (out, err) = (profile.path().join("out"), profile.path().join("err"));
        let mut child = Command::new(&self.program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"])
            .args(["--no-first-run", "--disable-background-networking", "--disable-component-update"])
            .args(["--enable-logging=stderr", "--virtual-time-budget=4000", "--host-resolver-rules=MAP * ~NOTFOUND"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(options)
            .arg(format!("file://{}{fragment}", file.display()))
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&out).unwrap())
            .stderr(std::fs::File::create(&err).unwrap())
            .spawn()
            .unwrap();
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > PATIENCE {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("Chromium was not done in {PATIENCE:?}");
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let told = String::from_utf8_lossy(&std::fs::read(err).unwrap()).into_owned();
        assert!(status.success(), "{status}: {told}");
        (String::from_utf8(std::fs::read(out).unwrap()).unwrap(), told)
    }
}
