//! The doctor's engine over all hosts, as a run does it: admitted, looked at, judged, a JSON line each.

use std::sync::Arc;

use cfdoctor::policy::Policy;
use cfdoctor::probe::budget::Budget;
use cfdoctor::render::jsonl;
use cfdoctor::report::{Run, TargetVerdict, Tool};
use cfdoctor::settings::{ConnectTo, ResolverChoice, Settings};
use cfdoctor::shared::Admission;
use cfdoctor_checks::Check;
use cfdoctor_checks::evidence::Target;
use cfdoctor_checks::evidence::target::DeclaredOrigin;
use cfdoctor_checks::evidence::tls::{Der, TrustInputs};
use time::OffsetDateTime;
use tokio::task::JoinSet;

use crate::measure::{Meter, watch};
use crate::world::{ORIGINS, Places, origin_name, origin_of};

/// Looks at `count` hosts; `forced`: all that are asked for at once, whatever the machine says.
pub fn run(places: &Places, count: usize, at_once: usize, forced: bool) -> String {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let measured = runtime.block_on(async {
        let settings = Arc::new(settings(places));
        let checks: Arc<Vec<&'static Check>> = Arc::new(cfdoctor_checks::all().collect());
        let head = Arc::new((Tool::this(), Run::begun("fleet".into(), OffsetDateTime::now_utc())));
        let admission = Admission::new(at_once, &settings.shared.pulse);
        let meter = Meter::start();
        let work = async {
            let (mut running, mut wrong, mut open) = (JoinSet::new(), 0, 0);
            let mut note = |verdict: Verdict| match verdict {
                Verdict::Well => {}
                Verdict::Blamed(why) => {
                    if wrong < 3 {
                        eprintln!("blamed: {why}");
                    }
                    wrong += 1;
                }
                Verdict::Open(why) => {
                    if open < 3 {
                        eprintln!("open: {why}");
                    }
                    open += 1;
                }
            };
            for n in 0..count {
                while running.len() >= at_once {
                    note(running.join_next().await.expect("there is one").expect("no visit panics"));
                }
                let target = target(places, n);
                let started = if forced { None } else { Some(settings.shared.start(&target, &admission).await) };
                let (settings, checks, head) = (settings.clone(), checks.clone(), head.clone());
                running.spawn(async move {
                    let verdict = visit(&target, &settings, &checks, &head).await;
                    drop(started);
                    verdict
                });
            }
            while let Some(verdict) = running.join_next().await {
                note(verdict.expect("no visit panics"));
            }
            (wrong, open)
        };
        let ((wrong, open), own) = watch(work).await;
        meter.stop(count, wrong, open, own)
    });
    runtime.shutdown_background();
    serde_json::to_string(&measured).expect("plain data")
}

enum Verdict {
    Well,
    Blamed(String),
    Open(String),
}

async fn visit(target: &Target, settings: &Settings, checks: &[&'static Check], (tool, run): &(Tool, Run)) -> Verdict {
    let budget = Budget::quiet(settings.deadline);
    let evidence = Box::pin(cfdoctor::gather(target, settings, &budget)).await;
    let report = cfdoctor::examine(&evidence, checks);
    let mut line = Vec::new();
    jsonl::target(tool, run, &report, &Policy::default(), &mut line).expect("plain data");
    assert!(line.len() > 1000, "a report says something");
    let why = || {
        let findings = report.results.iter().filter(|result| result.status >= cfdoctor::report::Status::Warn);
        let findings: Vec<String> =
            findings.map(|result| format!("{}: {}", result.check, result.seen.as_deref().unwrap_or("-"))).collect();
        format!("{}: {} {}", report.host, findings.join("; "), report.inconclusive.as_deref().unwrap_or(""))
    };
    match report.verdict {
        TargetVerdict::Pass => Verdict::Well,
        TargetVerdict::Inconclusive => Verdict::Open(why()),
        _ => Verdict::Blamed(why()),
    }
}

fn target(places: &Places, n: usize) -> Target {
    let host = places.host(n);
    let mut target: Target = format!("https://{host}{}", places.path).parse().expect("a URL");
    target.origin = Some(DeclaredOrigin::named(origin_of(n), 443));
    target
}

fn settings(places: &Places) -> Settings {
    let lead = |host: Option<String>, port, to: std::net::SocketAddr| ConnectTo {
        host,
        port: Some(port),
        to_host: Some(to.ip().to_string()),
        to_port: Some(to.port()),
    };
    let mut connect_to: Vec<ConnectTo> = (0..ORIGINS)
        .flat_map(|n| {
            let name = origin_name(n);
            [lead(Some(name.clone()), 443, places.origin), lead(Some(name), 80, places.origin_plain)]
        })
        .collect();
    connect_to.extend([lead(None, 443, places.edge), lead(None, 80, places.edge_plain)]);
    let der = |text: &Vec<u8>| vec![Der(text.clone())];
    Settings {
        resolver: ResolverChoice::Udp(places.resolver),
        authority_port: places.resolver.port(),
        connect_to,
        trust: TrustInputs { extra_roots: der(&places.public_root), origin_ca: Some(der(&places.origin_ca)) },
        ..Settings::default()
    }
}
