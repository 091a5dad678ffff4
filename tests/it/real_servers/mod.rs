//! The doctor against servers that nobody here wrote: nginx as TLS origin and caching proxy, knot as authoritative
//! server, unbound as resolver, on addresses of loopback. Only the command line is used, as a user would.

mod lab;
mod pki;

use assert_cmd::Command;
use lab::{Lab, Site, site};
use serde_json::Value;

const SITES: &[Site] = &[
    site("healthy", "127.0.61.1", "ssl_protocols TLSv1.2 TLSv1.3;", (502, 520)),
    site("intermediate", "127.0.61.2", "ssl_protocols TLSv1.3;", (502, 520)),
    site("expired", "127.0.61.3", "ssl_protocols TLSv1.2 TLSv1.3;", (526, 526)),
    site("wrong-name", "127.0.61.4", "ssl_protocols TLSv1.2 TLSv1.3;", (526, 526)),
    site("untrusted", "127.0.61.5", "ssl_protocols TLSv1.2 TLSv1.3;", (526, 526)),
    site("no-intermediate", "127.0.61.6", "ssl_protocols TLSv1.2 TLSv1.3;", (526, 526)),
    site("tls-outdated", "127.0.61.7", "ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;", (525, 525)),
    site(
        "client-certificate",
        "127.0.61.8",
        "ssl_protocols TLSv1.2 TLSv1.3; ssl_client_certificate public-root.pem; ssl_verify_client on;",
        (525, 525),
    ),
    site("refused", "127.0.61.9", "", (521, 521)),
    site("hanging", HANGING, "", (525, 525)),
    Site {
        name: "loop",
        origin: "127.0.61.11",
        origin_tls: "ssl_protocols TLSv1.3;",
        down: (521, 521),
        flexible: true,
    },
];
const HANGING: &str = "127.0.61.10";

/// Host, origin, exit code, and the causes that are right.
type Case = (&'static str, Option<&'static str>, i32, &'static [Option<&'static str>]);

const CASES: &[Case] = &[
    ("healthy.example.com/data.css", Some("healthy.example.net"), 0, &[None]),
    ("intermediate.example.com/data.css", Some("intermediate.example.net"), 0, &[None]),
    ("expired.example.com", Some("expired.example.net"), 1, &[Some("origin-certificate-expired")]),
    ("wrong-name.example.com", Some("wrong-name.example.net"), 1, &[Some("origin-certificate-name-mismatch")]),
    ("untrusted.example.com", Some("untrusted.example.net"), 1, &[Some("origin-certificate-untrusted")]),
    ("no-intermediate.example.com", Some("no-intermediate.example.net"), 1, &[Some("origin-chain-incomplete")]),
    ("tls-outdated.example.com", Some("tls-outdated.example.net"), 1, &[Some("origin-tls-outdated")]),
    (
        "client-certificate.example.com",
        Some("client-certificate.example.net"),
        1,
        &[Some("origin-client-certificate-required")],
    ),
    ("refused.example.com", Some("refused.example.net"), 1, &[Some("origin-unreachable")]),
    ("hanging.example.com", Some("hanging.example.net"), 1, &[Some("origin-handshake-failing")]),
    ("dangling.example.com", Some("gone.example.net"), 1, &[Some("dns-target-unresolvable")]),
    ("nodata.example.com", None, 1, &[Some("dns-name-unresolvable")]),
    ("no-such-name.example.com", None, 1, &[Some("dns-name-unresolvable")]),
    ("www.dead.example", None, 1, &[Some("dns-name-unresolvable")]),
    ("www.bogus.test", None, 1, &[Some("dns-dnssec-broken")]),
    ("loop.example.com", Some("loop.example.net"), 1, &[Some("edge-redirect-loop")]),
    ("not-proxied.example.com", None, 1, &[Some("dns-not-proxied"), Some("origin-ca-exposed")]),
];

#[test]
fn real_servers_get_the_right_cause() {
    if let Some(obstacle) = lab::obstacle() {
        // tests/run says `require` where the servers are there: then leaving them out is a failure.
        assert!(std::env::var_os("CFDOCTOR_REAL_SERVERS").is_none(), "{obstacle}");
        eprintln!("left out: {obstacle}");
        return;
    }
    let lab = Lab::open(SITES, HANGING);
    if std::env::var_os("CFDOCTOR_LAB").is_some() {
        eprintln!("the laboratory is open in {}; end it with Ctrl-C", lab.folder.display());
        std::thread::sleep(std::time::Duration::from_secs(3600));
    }
    let mut wrong = Vec::new();
    for (url, origin, exit, causes) in CASES {
        let mut command = Command::cargo_bin("cfdoctor").unwrap();
        command.args(["check", url, "--resolver", lab::RESOLVER, "--format", "json"]);
        command.args(["--cacert", "public-root.pem", "--origin-ca", "origin-ca.pem"]);
        command.args(["--connect-timeout", "2s", "--timeout", "5s", "--deadline", "20s"]);
        if let Some(origin) = origin {
            command.args(["--origin", origin]);
        }
        let output = command.current_dir(&lab.folder).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{url}: {error}\n{}", String::from_utf8_lossy(&output.stderr));
        });
        let target = &report["targets"][0];
        let cause = target["diagnosis"]["cause"].as_str();
        if !causes.contains(&cause) || output.status.code() != Some(*exit) {
            let spoke: Vec<String> = target["results"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|result| result["status"] == "fail" || result["status"] == "warn")
                .map(|result| format!("  {} {}: {}", result["status"], result["check"], result["seen"]))
                .collect();
            wrong.push(format!(
                "{url}: cause {cause:?}, exit {:?}, expected {causes:?}, {exit}\n{}",
                output.status.code(),
                spoke.join("\n")
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
