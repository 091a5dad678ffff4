//! A site of any number of hosts on one port, in clear.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// A running site.
pub(super) struct Site {
    pub(super) port: u16,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    /// Requests for `/x` by host.
    visits: HashMap<String, usize>,
    /// Hosts that wait with their answer.
    held: Vec<String>,
}

impl Site {
    /// Answers after so long; every tenth host is broken.
    pub(super) fn start(delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state: Arc<(Mutex<State>, Condvar)> = Arc::default();
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                std::thread::spawn(move || answer(stream, &shared, delay));
            }
        });
        Site { port, state }
    }

    pub(super) fn url(&self, number: usize) -> String {
        format!("http://h{number}.example.com:{}/x", self.port)
    }

    /// This host says nothing until it is released.
    pub(super) fn hold(&self, number: usize) {
        self.state.0.lock().unwrap().held.push(format!("h{number}.example.com"));
    }

    pub(super) fn release(&self) {
        self.state.0.lock().unwrap().held.clear();
        self.state.1.notify_all();
    }

    /// How often each host was visited.
    pub(super) fn visits(&self) -> HashMap<String, usize> {
        self.state.0.lock().unwrap().visits.clone()
    }

    pub(super) fn forget(&self) {
        self.state.0.lock().unwrap().visits.clear();
    }
}

fn answer(mut stream: TcpStream, shared: &(Mutex<State>, Condvar), delay: Duration) {
    let mut request = [0; 4096];
    let length = stream.read(&mut request).unwrap_or_default();
    let text = String::from_utf8_lossy(&request[..length]).to_lowercase();
    let host = text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default().to_owned();
    if text.starts_with("get /x ") {
        let mut state = shared.0.lock().unwrap();
        *state.visits.entry(host.clone()).or_default() += 1;
        while state.held.contains(&host) {
            state = shared.1.wait(state).unwrap();
        }
    }
    std::thread::sleep(delay);
    let number: usize = host.trim_start_matches('h').split('.').next().and_then(|n| n.parse().ok()).unwrap_or(1);
    let status = if number.is_multiple_of(10) { "503 Service Unavailable" } else { "200 OK" };
    let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
}
