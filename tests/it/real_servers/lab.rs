//! knot (authoritative), unbound (recursive) and nginx (edge and origins) on loopback, started for the test and ended
//! with it.

use std::fmt::Write as _;
use std::fs;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::pki::Authority;

pub const AUTHORITATIVE: &str = "127.0.54.1";
pub const RESOLVER: &str = "127.0.55.1:53";
const EDGE: &str = "127.0.60.1";

const BROKEN_DS: &str = "bogus DS 12345 13 2 49FD46E6C4B45C55D4AC49FD46E6C4B45C55D4AC49FD46E6C4B45C55D4AC1234\n";

/// How the edge of a case reaches its origin, and what the origin is.
pub struct Site {
    /// Host label below `example.com`; also names the certificate of its origin.
    pub name: &'static str,
    /// Address of the origin.
    pub origin: &'static str,
    /// nginx directives of the origin's server block; empty: nothing listens on 443.
    pub origin_tls: &'static str,
    /// What the edge answers when it cannot use the origin: status and error type.
    pub down: (u16, u16),
    /// The edge speaks plain HTTP to port 80, as in mode Flexible.
    pub flexible: bool,
}

pub const fn site(name: &'static str, origin: &'static str, origin_tls: &'static str, down: (u16, u16)) -> Site {
    Site { name, origin, origin_tls, down, flexible: false }
}

pub struct Lab {
    pub folder: PathBuf,
    children: Vec<Child>,
    _keep: (tempfile::TempDir, Vec<TcpListener>),
}

impl Drop for Lab {
    fn drop(&mut self) {
        for child in &mut self.children {
            // nginx's master ends its workers on SIGTERM, not on SIGKILL.
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(3) && child.try_wait().is_ok_and(|status| status.is_none()) {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Why the laboratory cannot be opened here.
pub fn obstacle() -> Option<String> {
    for program in ["nginx", "unbound", "knotd", "keymgr"] {
        if which(program).is_none() {
            return Some(format!("{program} is not installed (tests/run installs it)"));
        }
    }
    [(EDGE, 443), (EDGE, 80), (AUTHORITATIVE, 53)].into_iter().find_map(|(address, port)| {
        let error = TcpListener::bind((address, port)).err()?;
        Some(format!("port {port} of {address} cannot be used: {error}"))
    })
}

fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder: PathBuf| folder.join(program))
        .find(|path| path.is_file())
}

impl Lab {
    pub fn open(sites: &[Site], hanging: &str) -> Lab {
        let keep = tempfile::tempdir().unwrap();
        let folder = keep.path().to_path_buf();
        // nginx's workers drop their privileges and must still reach its folders.
        fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        certificates(&folder, sites);
        let silent = TcpListener::bind((hanging, 443)).unwrap();
        fs::create_dir(folder.join("knotdb")).unwrap();
        // From here on the laboratory owns what was started, so that a failure leaves nothing running.
        let mut lab = Lab { folder: folder.clone(), children: Vec::new(), _keep: (keep, vec![silent]) };
        lab.children.push(start(&folder, "knotd", &["-c", "knot.conf"], &knot(&folder, sites), "knot.conf"));
        trust_anchor(&folder);
        lab.children.push(start(&folder, "unbound", &["-d", "-c", "unbound.conf"], &unbound(&folder), "unbound.conf"));
        let arguments = ["-p", ".", "-c", "nginx.conf"];
        lab.children.push(start(&folder, "nginx", &arguments, &nginx(&folder, sites), "nginx.conf"));
        lab.wait();
        lab
    }

    fn wait(&self) {
        let start = Instant::now();
        while TcpStream::connect((EDGE, 443)).is_err() || !resolves() {
            assert!(start.elapsed() < Duration::from_secs(20), "the servers did not start:\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn logs(&self) -> String {
        ["knotd.log", "unbound.log", "nginx.log", "error.log"]
            .iter()
            .map(|name| format!("== {name}\n{}\n", fs::read_to_string(self.folder.join(name)).unwrap_or_default()))
            .collect()
    }
}

/// The key with which knot signs `test`, for unbound.
fn trust_anchor(folder: &Path) {
    let start = Instant::now();
    loop {
        let output = Command::new(which("keymgr").unwrap())
            .args(["-c", "knot.conf", "test.", "ds"])
            .current_dir(folder)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        if let Some(line) = text.lines().find(|line| line.contains(" DS ")) {
            return fs::write(folder.join("test.key"), format!("{line}\n")).unwrap();
        }
        assert!(start.elapsed() < Duration::from_secs(10), "knot makes no key: {text}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Does unbound answer for a name that knot holds?
fn resolves() -> bool {
    let query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07healthy\x07example\x03com\x00\x00\x01\x00\x01";
    let Ok(socket) = UdpSocket::bind("127.0.0.1:0") else { return false };
    let _ = socket.set_read_timeout(Some(Duration::from_millis(300)));
    let mut answer = [0; 512];
    socket.send_to(query, RESOLVER).is_ok()
        && socket.recv(&mut answer).is_ok_and(|length| length > 12 && answer[3] & 15 == 0 && answer[7] > 0)
}

fn start(folder: &Path, program: &str, arguments: &[&str], configuration: &str, file: &str) -> Child {
    fs::write(folder.join(file), configuration).unwrap();
    let log = fs::File::create(folder.join(format!("{program}.log"))).unwrap();
    Command::new(which(program).unwrap())
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

fn certificates(folder: &Path, sites: &[Site]) {
    let public = Authority::root("Laboratory Public Root");
    let origin_ca = Authority::root("Laboratory Origin CA Root");
    let unknown = Authority::root("Nobody's Root");
    let intermediate = public.intermediate("Laboratory Intermediate");
    fs::write(folder.join("public-root.pem"), public.certificate.pem()).unwrap();
    fs::write(folder.join("origin-ca.pem"), origin_ca.certificate.pem()).unwrap();
    fs::write(folder.join("edge-trust.pem"), format!("{}{}", public.certificate.pem(), origin_ca.certificate.pem()))
        .unwrap();
    public.leaf(folder, "edge", "*.example.com", false, &[]);
    for site in sites {
        let host = format!("{}.example.com", site.name);
        match site.name {
            "expired" => origin_ca.leaf(folder, site.name, &host, true, &[]),
            "wrong-name" => origin_ca.leaf(folder, site.name, "other.example.org", false, &[]),
            "untrusted" => unknown.leaf(folder, site.name, &host, false, &[]),
            "no-intermediate" => intermediate.leaf(folder, site.name, &host, false, &[]),
            "intermediate" => intermediate.leaf(folder, site.name, &host, false, &[&intermediate]),
            _ => origin_ca.leaf(folder, site.name, &host, false, &[]),
        }
    }
}

fn knot(folder: &Path, sites: &[Site]) -> String {
    let head = |zone: &str| {
        format!(
            "$ORIGIN {zone}.\n$TTL 300\n@ SOA ns.{zone}. admin.{zone}. 1 3600 900 86400 60\n@ NS ns\nns A {AUTHORITATIVE}\n"
        )
    };
    let (mut hosts, mut origins) = (head("example.com"), head("example.net"));
    for site in sites {
        writeln!(hosts, "{} A {EDGE}", site.name).unwrap();
        writeln!(origins, "{} A {}", site.name, site.origin).unwrap();
    }
    hosts += "dangling A 127.0.60.1\nnodata TXT \"only text\"\nno-record-here TXT x\nnot-proxied CNAME healthy.example.net.\n";
    fs::write(folder.join("example.com.zone"), hosts).unwrap();
    fs::write(folder.join("example.net.zone"), origins).unwrap();
    fs::write(folder.join("bogus.test.zone"), format!("{}www A {EDGE}\n", head("bogus.test"))).unwrap();
    // The parents too: DS is theirs to answer, and there is no root to ask.
    for (parent, child) in [("com", "example"), ("net", "example"), ("test", "bogus")] {
        let delegation = format!("{child} NS ns.{child}.{parent}.\nns.{child} A {AUTHORITATIVE}\n");
        // `test` is signed, and vouches for a key that `bogus.test` does not have.
        let broken = if parent == "test" { BROKEN_DS } else { "" };
        fs::write(folder.join(format!("{parent}.zone")), head(parent) + &delegation + broken).unwrap();
    }
    let folder = folder.display();
    format!(
        "server:\n  rundir: {folder}\n  listen: {AUTHORITATIVE}@53\nlog:\n  - target: stderr\n    any: info\ndatabase:\n  \
         storage: {folder}/knotdb\ntemplate:\n  - id: default\n    storage: {folder}\n    file: \"%s.zone\"\nzone:\n  \
         - domain: example.com\n  - domain: example.net\n  - domain: bogus.test\n  - domain: com\n  - domain: net\n  \
         - domain: test\n    dnssec-signing: on\n"
    )
}

fn unbound(folder: &Path) -> String {
    let (address, _) = RESOLVER.split_once(':').unwrap();
    let stub = |zone: &str, at: &str| format!("stub-zone:\n  name: {zone}\n  stub-addr: {at}\n");
    format!(
        "server:\n  interface: {address}\n  directory: {0}\n  chroot: \"\"\n  username: \"\"\n  pidfile: \"\"\n  \
         use-syslog: no\n  verbosity: 0\n  do-daemonize: no\n  do-not-query-localhost: no\n  access-control: 127.0.0.0/8 allow\n  \
         module-config: \"validator iterator\"\n  domain-insecure: example.com\n  domain-insecure: example.net\n  \
         domain-insecure: dead.example\n  domain-insecure: com\n  domain-insecure: net\n  local-zone: test. nodefault\n  infra-host-ttl: 1\n  \
         trust-anchor-file: test.key\n\
         remote-control:\n  control-enable: no\n{1}{2}{3}{4}{5}{6}{7}",
        folder.display(),
        stub("example.com", AUTHORITATIVE),
        stub("example.net", AUTHORITATIVE),
        stub("bogus.test", AUTHORITATIVE),
        stub("dead.example", AUTHORITATIVE), // which does not hold it: REFUSED, and the resolver gives up
        stub("com", AUTHORITATIVE),
        stub("net", AUTHORITATIVE),
        stub("test", AUTHORITATIVE),
    )
}

fn nginx(folder: &Path, sites: &[Site]) -> String {
    let mut servers = String::new();
    let ssl = |name: &str| format!("ssl_certificate {name}.pem; ssl_certificate_key {name}.key;");
    for site in sites {
        let Site { name, origin, origin_tls, down: (status, kind), flexible } = site;
        let to = if *flexible { format!("http://{origin}:80") } else { format!("https://{origin}:443") };
        writeln!(
            servers,
            "server {{ listen {EDGE}:443 ssl; server_name {name}.example.com; {ssl} \
             add_header cf-ray 8f3b2c1d0e9f8a7b-SEA always; add_header cf-cache-status $upstream_cache_status always; \
             location = /cdn-cgi/trace {{ default_type text/plain; return 200 \"h={name}.example.com\\ncolo=SEA\\n\"; }} \
             location / {{ proxy_pass {to}; proxy_set_header Host $host; proxy_ssl_server_name on; proxy_ssl_name $host; \
             proxy_ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; proxy_ssl_verify on; proxy_ssl_trusted_certificate edge-trust.pem; proxy_connect_timeout 1s; proxy_read_timeout 2s; \
             proxy_cache edge; proxy_cache_key $host$request_uri; proxy_pass_header Server; error_page 502 504 = @down; }} \
             location @down {{ default_type text/plain; add_header cf-ray 8f3b2c1d0e9f8a7b-SEA always; \
             add_header cf-error-type {kind} always; return {status} \"error code: {kind}\"; }} }}\n\
             server {{ listen {EDGE}:80; server_name {name}.example.com; add_header cf-ray 8f3b2c1d0e9f8a7b-SEA always; \
             return 301 https://$host$request_uri; }}",
            ssl = ssl("edge"),
        )
        .unwrap();
        if !origin_tls.is_empty() {
            writeln!(
                servers,
                "server {{ listen {origin}:443 ssl; {} {origin_tls} default_type application/json; \
                 add_header Cache-Control \"public, max-age=600\"; add_header ETag '\"1\"'; \
                 location / {{ return 200 '{{\"ok\":true}}'; }} }}",
                ssl(name)
            )
            .unwrap();
        }
        if *flexible {
            writeln!(servers, "server {{ listen {origin}:80; return 301 https://$host$request_uri; }}").unwrap();
        }
    }
    // A name whose record points nowhere: Cloudflare's word for it.
    writeln!(
        servers,
        "server {{ listen {EDGE}:443 ssl; server_name dangling.example.com; {} default_type text/plain; \
         add_header cf-ray 8f3b2c1d0e9f8a7b-SEA always; add_header cf-error-type 1016 always; \
         location = /cdn-cgi/trace {{ return 200 \"h=dangling.example.com\\ncolo=SEA\\n\"; }} \
         location / {{ return 530 \"error code: 1016\"; }} }}",
        ssl("edge")
    )
    .unwrap();
    format!(
        "daemon off;\nworker_processes 1;\npid nginx.pid;\nerror_log error.log;\nevents {{ worker_connections 256; }}\n\
         http {{ access_log off; client_body_temp_path {0}/t1; proxy_temp_path {0}/t2; fastcgi_temp_path {0}/t3; \
         uwsgi_temp_path {0}/t4; scgi_temp_path {0}/t5; proxy_cache_path {0}/cache keys_zone=edge:1m; \
         ssl_session_cache off;\n{servers} }}\n",
        folder.display()
    )
}
