//! Canaries pushed through every input and every error path: whatever happens, nothing that the program writes holds
//! one. Servers that send them back are in `hostile/echo.rs`.

mod errors;
mod files;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

pub const TOKEN: &str = "cfTokenCanary0123456789abcdefghijklmnopq";
pub const AWS_KEY: &str = "AKIACANARY0123456789";
pub const AWS_SECRET: &str = "awsSecretCanary/0123456789+abcdefghijklm";
pub const AWS_SESSION: &str = "awsSessionCanary//0123456789+abcdefgh==";
pub const COOKIE: &str = "cookieCanary-0123456789";
pub const AUTHORIZATION: &str = "bearerCanary.0123456789";
pub const PASSWORD: &str = "passwordCanary&0123456789";
pub const API_KEY: &str = "apiKeyCanary\"0123456789";
pub const SIGNATURE: &str = "signatureCanary0123456789abcdef";
pub const PRIVATE_KEY: &str = "MIGHAgEAkeyCanary0123456789";
pub const PROXY: &str = "proxyCanary0123456789";

const ALL: &[&str] =
    &[TOKEN, AWS_KEY, AWS_SECRET, AWS_SESSION, COOKIE, AUTHORIZATION, PASSWORD, API_KEY, SIGNATURE, PRIVATE_KEY, PROXY];

/// What must not be found: the beginning of each, and each in other spellings.
fn traces(canary: &str) -> Vec<String> {
    let percent: String = canary
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    let json = serde_json::to_string(canary).unwrap();
    let mut all = vec![canary[..12].to_owned(), percent.to_lowercase(), percent, json.trim_matches('"').to_owned()];
    for before in ["", "user:"] {
        let encoded = BASE64.encode(format!("{before}{canary}"));
        all.push(encoded[before.len() * 2..encoded.len() - 6].to_owned());
    }
    all
}

/// The canaries in a text, with what stands around the first trace of each.
pub fn found(text: &str) -> Vec<String> {
    let around = |at: usize| text.get(at.saturating_sub(60)..(at + 60).min(text.len())).unwrap_or_default().to_owned();
    let one = |canary: &&str| {
        let trace = traces(canary).into_iter().find(|trace| text.contains(trace.as_str()))?;
        Some(format!("{canary} as {trace}: …{}…", around(text.find(&trace)?)))
    };
    ALL.iter().filter_map(one).collect()
}

/// Runs the program in `folder`, and looks through everything that it wrote: both streams and every new file.
pub fn leaks(
    folder: &Path,
    arguments: &[String],
    environment: &[(&str, &str)],
    input: &str,
) -> (Vec<String>, Option<i32>) {
    let before = files(folder);
    let stdin = folder.join("stdin");
    fs::write(&stdin, input).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cfdoctor"));
    let temporary = folder.join("tmp");
    fs::create_dir_all(&temporary).unwrap();
    for name in ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "CLOUDFLARE_API_TOKEN", "CFDOCTOR_CONFIG", "GITHUB_STEP_SUMMARY"] {
        command.env_remove(name);
    }
    let output = command
        .args(arguments)
        .envs(environment.iter().copied())
        .env("LANG", "C.UTF-8")
        .env("TMPDIR", &temporary)
        .env("HOME", folder)
        .env("RUST_BACKTRACE", "1")
        .current_dir(folder)
        .stdin(Stdio::from(fs::File::open(&stdin).unwrap()))
        .output()
        .unwrap();
    fs::remove_file(&stdin).unwrap();
    let mut wrong = Vec::new();
    for (name, text) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        wrong.extend(found(&String::from_utf8_lossy(text)).into_iter().map(|what| format!("{name}: {what}")));
    }
    for file in files(folder) {
        if !before.contains(&file) && file.is_file() {
            let text = fs::read(&file).unwrap();
            let name = file.strip_prefix(folder).unwrap().display().to_string();
            wrong.extend(found(&String::from_utf8_lossy(&text)).into_iter().map(|what| format!("{name}: {what}")));
        }
    }
    (wrong, output.status.code())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        }
        all.push(path);
    }
    all
}

/// `-o` for every format.
pub fn every_format() -> Vec<String> {
    use clap::ValueEnum as _;
    let names = cfdoctor::render::Format::value_variants().iter().filter_map(|format| format.to_possible_value());
    names.flat_map(|name| ["-o".to_owned(), format!("{0}=out.{0}", name.get_name())]).collect()
}

#[test]
fn a_canary_is_found_in_every_spelling() {
    for text in [
        "x cookieCanary-0123456789 y".to_owned(),
        "signatureCana".to_owned(),
        "passwordCanary%260123456789".to_owned(),
        r#"apiKeyCanary\"0123456789"#.to_owned(),
        BASE64.encode(format!("user:{PROXY}")),
    ] {
        assert_eq!(found(&text).len(), 1, "{text}");
    }
    assert!(found("nothing").is_empty());
}
