//! Memory does not grow with the number of targets.

use std::fs::File;
use std::net::UdpSocket;
use std::time::Duration;

use super::doctor;
use crate::hostile::doctor::watch;

/// A name server that knows no name and says so at once; its port.
fn refusing() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut question = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut question) {
            if length > 4 {
                // An answer, and NXDOMAIN (RFC 1035 §4.1.1).
                question[2] |= 0x80;
                question[3] = 0x83;
                let _ = socket.send_to(&question[..length], from);
            }
        }
    });
    port
}

/// The program's own peak, octets, over so many names.
fn peak(folder: &std::path::Path, resolver: u16, count: usize) -> u64 {
    let list: String = (0..count).map(|number| format!("h{number}.example.com\n")).collect();
    std::fs::write(folder.join("list"), list).unwrap();
    let arguments =
        ["check", "--targets", "list", "--no-config", "--only", "edge-redirect-loop", "-o", "jsonl=out.jsonl"];
    let mut arguments: Vec<String> = arguments.map(Into::into).into();
    arguments.extend(["--resolver".into(), format!("127.0.0.1:{resolver}"), "--deadline".into(), "20s".into()]);
    let mut command = doctor(folder, &arguments);
    command.stdout(File::create(folder.join("stdout")).unwrap()).stderr(File::create(folder.join("stderr")).unwrap());
    let watched = watch(&mut command.spawn().unwrap(), Duration::from_secs(300));
    let told = std::fs::read_to_string(folder.join("stderr")).unwrap();
    assert_eq!(watched.status.and_then(|status| status.code()), Some(3), "{told}");
    let lines = std::fs::read_to_string(folder.join("out.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), count + 1);
    let shown = std::fs::read_to_string(folder.join("stdout")).unwrap();
    assert!(shown.contains(&format!("{count} targets: {count} not judged")), "{shown}");
    watched.memory
}

#[test]
fn memory_is_flat() {
    let (folder, resolver) = (tempfile::tempdir().unwrap(), refusing());
    let few = peak(folder.path(), resolver, 200);
    let many = peak(folder.path(), resolver, MANY);
    assert!(many * 2 < few * 3, "{} KiB for 200 targets, {} KiB for {MANY}", few / 1024, many / 1024);
}

const MANY: usize = 4_000;
