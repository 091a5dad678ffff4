//! Visits that share their settings: none is held up by another.

use std::time::{Duration, Instant};

use cfdoctor_checks::diagnosis::assess;
use cfdoctor_checks::evidence::Target;
use cfdoctor_checks::evidence::target::DeclaredOrigin;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::sound;
use crate::demo::{Scenario, Sight, World};
use crate::probe::budget::Budget;
use crate::settings::{ConnectTo, Settings};
use crate::shared::Admission;

/// `host` leads to a server that takes every connection and says nothing.
async fn silent(settings: &mut Settings, host: &str) -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let to = ConnectTo {
        host: Some(host.to_owned()),
        port: None,
        to_host: Some("127.0.0.1".to_owned()),
        to_port: Some(port),
    };
    settings.connect_to.push(to);
    listener
}

#[tokio::test]
async fn a_host_that_says_nothing_ends_at_its_deadline_and_holds_nobody_up() {
    let records = "mute 300 IN A 104.16.132.229\nmute-origin 300 IN A 203.0.113.81";
    let world = World::start(&Scenario { records, ..sound() }).await.unwrap();
    let mut settings = world.settings(Sight::BlackBox);
    let _edge = silent(&mut settings, "mute.example.com").await;
    let _origin = silent(&mut settings, "mute-origin.example.com").await;
    settings.deadline = Duration::from_secs(6);
    settings.connect_timeout = Duration::from_secs(60);
    let well = world.target(Sight::BlackBox);
    let mute = Target { host: "mute.example.com".into(), origin: None, ..well.clone() };
    let elsewhere = DeclaredOrigin::named("mute-origin.example.com", 443);
    let mute_origin = Target { origin: Some(elsewhere), ..well.clone() };
    let admission = Admission::new(8, &settings.shared.pulse);
    let mut visits = JoinSet::new();
    for target in [&mute, &mute_origin, &well, &well, &well] {
        let (target, settings, admission) = (target.clone(), settings.clone(), admission.clone());
        visits.spawn(async move {
            let _started = settings.shared.start(&target, &admission).await;
            let start = Instant::now();
            let budget = Budget::quiet(settings.deadline);
            let evidence = crate::gather(&target, &settings, &budget).await;
            let blamed = assess(&evidence, cfdoctor_checks::all()).diagnosis.map(|diagnosis| diagnosis.cause);
            (target, start.elapsed(), blamed)
        });
    }
    let mut order = Vec::new();
    while let Some(visit) = visits.join_next().await {
        let (target, took, blamed) = visit.unwrap();
        // The goal is the deadline + 10 %; a machine that runs other tests gets a little more.
        assert!(took < settings.deadline.mul_f64(1.1) + Duration::from_secs(3), "{}: {took:?}", target.host);
        let is_well = target == well;
        assert_eq!(blamed, None, "{}: cut by our own deadline, or sound", target.host);
        order.push(is_well);
    }
    assert_eq!(order, [true, true, true, false, false], "who is well does not wait for who is mute");
}
