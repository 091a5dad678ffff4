//! `--zone`: the targets are the proxied records, read once.

use std::time::Duration;

use cfdoctor::demo::cloudflare_api::{CloudflareApi, Fault, Running};
use serde_json::{Value, json};

use super::site::Site;
use super::{Ran, doctor, host, lines, ran};

fn document(hosts: usize) -> Value {
    let mut records: Vec<Value> = (1..=hosts)
        .map(|n| json!({"id": format!("r{n}"), "type": "A", "name": format!("h{n}.example.com"), "content": "192.0.2.1", "proxied": true}))
        .collect();
    records
        .push(json!({"id": "v6", "type": "AAAA", "name": "h1.example.com", "content": "2001:db8::1", "proxied": true}));
    records.push(
        json!({"id": "w", "type": "CNAME", "name": "*.example.com", "content": "x.example.net", "proxied": true}),
    );
    records
        .push(json!({"id": "d", "type": "A", "name": "direct.example.com", "content": "192.0.2.1", "proxied": false}));
    json!({
        "zone": {
            "name": "example.com", "status": "active", "paused": false, "type": "full",
            "account": {"id": "acc0unt1d1234567890abcdef1234567", "name": "S3cr3t Ltd"},
            "plan": {"legacy_id": "free", "name": "Free Website"},
        },
        "dns_records": records,
        "settings": {"ssl": "strict"},
    })
}

/// The program over the zone; what it visits cannot be reached.
fn visit(api: &Running, zone: &str, more: &[&str]) -> Ran {
    let (site, folder) = (Site::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let mut arguments: Vec<String> = vec!["check".into(), "--zone".into(), zone.into(), "--no-config".into()];
    arguments.extend(["--only", "cloudflare-ssl-mode-weak", "--format", "jsonl", "--retries", "0"].map(Into::into));
    arguments.extend(["--resolve".into(), "*:443:127.0.0.1".into(), "--resolve".into(), "*:80:127.0.0.1".into()]);
    arguments.extend([
        "--connect-to".into(),
        format!("::127.0.0.1:{}", site.port),
        "--connect-timeout".into(),
        "2s".into(),
    ]);
    arguments.extend(more.iter().map(ToString::to_string));
    let mut command = doctor(folder.path(), &arguments);
    command.env("CLOUDFLARE_API_TOKEN", api.token()).env("CLOUDFLARE_BASE_URL", api.base_url());
    ran(command)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn a_zone_is_read_once_and_its_proxied_names_are_visited() {
    let runtime = runtime();
    let api = runtime.block_on(CloudflareApi::new(document(12)).serve()).unwrap();
    let ran = visit(&api, "example.com", &[]);
    assert!(matches!(ran.code, 0 | 1 | 3), "{}", ran.told);
    let mut hosts: Vec<String> = lines(&ran.out).0.iter().map(host).collect();
    hosts.sort();
    let mut wanted: Vec<String> = (1..=12).map(|n| format!("h{n}.example.com")).collect();
    wanted.sort();
    assert_eq!(hosts, wanted);
    assert!(ran.told.contains("nobody can visit a wildcard: *.example.com"), "{}", ran.told);
    let requests = api.requests();
    let times = |part: &str| requests.iter().filter(|path| path.contains(part)).count();
    assert_eq!((times("/dns_records"), times("?name=example.com")), (1, 1), "{requests:?}");
}

#[test]
fn parts_keep_zones_together() {
    let runtime = runtime();
    let api = runtime.block_on(CloudflareApi::new(document(6)).serve()).unwrap();
    let parts: Vec<(i32, usize, usize)> = (1..=2)
        .map(|part| {
            let asked = api.requests().len();
            let ran = visit(&api, "example.com", &["--shard", &format!("{part}/2")]);
            (ran.code, lines(&ran.out).0.len(), api.requests().len() - asked)
        })
        .collect();
    let empty = parts.iter().find(|(_, targets, _)| *targets == 0).unwrap();
    assert_eq!(*empty, (0, 0, 0), "nobody asks about a zone of another part");
    assert_eq!(parts.iter().map(|(_, targets, _)| targets).sum::<usize>(), 6);
}

#[test]
fn without_the_zone_nothing_is_visited() {
    let runtime = runtime();
    let api = |api: CloudflareApi| runtime.block_on(api.serve()).unwrap();
    let sound = api(CloudflareApi::new(document(3)));
    let broken = api(CloudflareApi::new(document(3)).fault("", Fault::Status(500)));
    let closed = api(CloudflareApi::new(document(3)).without_permission("DNS Read"));
    let bare = api(CloudflareApi::new(document(0)));
    for (api, zone, code, says) in [
        (&sound, "example.net", 2, "example.net"),
        (&sound, "sub.example.com", 2, "is in the zone example.com"),
        (&broken, "example.com", 3, "HTTP 500"),
        (&closed, "example.com", 2, "DNS Read"),
    ] {
        let ran = visit(api, zone, &[]);
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{zone}: {}", ran.told);
        assert!(ran.told.contains("--zone") && ran.told.contains(says), "{}", ran.told);
        assert_eq!(ran.told.lines().count(), 1, "{}", ran.told);
    }
    // h1 has an AAAA record still.
    assert_eq!(lines(&visit(&bare, "example.com", &[]).out).0.len(), 1);
}
