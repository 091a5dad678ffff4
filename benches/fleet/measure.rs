//! What a run took: time, CPU, memory.

use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use serde::{Deserialize, Serialize};

use crate::limit;
use crate::world::Places;

/// A run of one program over all hosts.
#[derive(Clone, Serialize, Deserialize)]
pub struct Measured {
    pub hosts: usize,
    pub seconds: f64,
    /// CPU time of the program alone, milliseconds; `None`: not told.
    pub cpu_ms: Option<f64>,
    /// The most memory, MiB: all that is mapped, and that without the program's file.
    pub rss_mb: Option<(f64, f64)>,
    /// Hosts that were not found healthy although they are: blamed.
    pub wrong: usize,
    /// Hosts about which nothing was said.
    pub open: usize,
}

impl Measured {
    pub const HEAD: &'static str =
        "                                    hosts/s    x E   CPU ms/host   x E   RSS MB (own)   blamed   open";

    /// The run whose time is the median.
    pub fn median(mut runs: Vec<Measured>) -> Measured {
        runs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        let wrong = runs.iter().map(|run| run.wrong).max().unwrap_or(0);
        Measured { wrong, ..runs.swap_remove(runs.len() / 2) }
    }

    fn per_second(&self) -> f64 {
        self.hosts as f64 / self.seconds
    }

    pub fn print(&self, name: &str, engine: &Measured) {
        let each = |measured: &Measured| measured.cpu_ms.map(|cpu| cpu / measured.hosts as f64);
        let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".into());
        println!(
            "{name:<34} {:>8.0} {:>6.2} {:>13} {:>5} {:>14} {:>8} {:>6}",
            self.per_second(),
            self.per_second() / engine.per_second(),
            or_dash(each(self).map(|cpu| format!("{cpu:.2}"))),
            or_dash(each(self).zip(each(engine)).map(|(cpu, e)| format!("{:.2}", cpu / e))),
            or_dash(self.rss_mb.map(|(all, own)| format!("{all:.1} ({own:.1})"))),
            self.wrong,
            self.open,
        );
    }
}

/// Measures this process from here on.
pub struct Meter {
    start: Instant,
    cpu_ms: f64,
}

impl Meter {
    /// Starts; the memory without the program's file is looked at every 20 ms.
    pub fn start() -> Meter {
        Meter { start: Instant::now(), cpu_ms: own_cpu_ms() }
    }

    pub fn stop(&self, hosts: usize, wrong: usize, open: usize, own_kb: f64) -> Measured {
        Measured {
            hosts,
            seconds: self.start.elapsed().as_secs_f64(),
            cpu_ms: Some(own_cpu_ms() - self.cpu_ms),
            rss_mb: status_kb("VmHWM:").map(|all| (all / 1024.0, own_kb / 1024.0)),
            wrong,
            open,
        }
    }
}

/// Watches the memory that this process made itself, until `work` is done; KiB.
pub async fn watch<T>(work: impl Future<Output = T>) -> (T, f64) {
    let mut most: f64 = 0.0;
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return (done, most.max(status_kb("RssAnon:").unwrap_or(0.0))),
            () = tokio::time::sleep(Duration::from_millis(20)) => most = most.max(status_kb("RssAnon:").unwrap_or(0.0)),
        }
    }
}

/// `VmHWM:` or another line of /proc/self/status, KiB.
fn status_kb(line: &str) -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|text| text.strip_prefix(line)?.trim().strip_suffix(" kB")?.trim().parse().ok())
}

/// CPU time of this process, all threads.
fn own_cpu_ms() -> f64 {
    cpu_ms(&std::fs::read_to_string("/proc/self/stat").unwrap_or_default()).unwrap_or(0.0)
}

/// User and system time of a line of /proc/PID/stat (fields 14 and 15, in hundredths of a second).
pub fn cpu_ms(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) * 10.0)
}

/// The limit engine over `count` hosts.
pub fn engine(places: &Places, count: usize, at_once: usize) -> String {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let measured = runtime.block_on(async {
        let meter = Meter::start();
        let visits = (0..count).map(|n| {
            let places = places.of_host(n);
            async move { tokio::spawn(async move { limit::visit(&places).await }).await.expect("it does not fail") }
        });
        let ((), own) = watch(stream::iter(visits).buffer_unordered(at_once).for_each(|()| async {})).await;
        meter.stop(count, 0, 0, own)
    });
    serde_json::to_string(&measured).expect("plain data")
}
