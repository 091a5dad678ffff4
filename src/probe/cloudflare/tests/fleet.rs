//! Many hosts, one run.

use std::time::Instant;

use futures_util::future::join_all;

use super::*;
use crate::demo::cloudflare_api::Fault;

#[tokio::test]
async fn a_zone_is_read_once_for_all_its_hosts() {
    let running = CloudflareApi::new(document()).delay(Duration::from_millis(50)).serve().await.unwrap();
    let access = access(&running);
    let budgets: Vec<Budget> = (0..10).map(|_| Budget::quiet(Duration::from_secs(20))).collect();
    let hosts: Vec<String> = (0..10).map(|number| format!("h{number}.example.com")).collect();
    let all = join_all(hosts.iter().zip(&budgets).map(|(host, budget)| look(host, &access, budget, None))).await;
    for (looked, host) in all.into_iter().zip(&hosts) {
        let read = found(looked);
        assert_eq!(read.get("not_read"), None);
        assert_eq!(read["origin_tls_client_auth_hostname"]["hostname"], **host);
    }
    let requests = running.requests();
    // One lookup and one question about the host itself for each; everything else once.
    assert!(requests.len() <= 35 + 9 * 2, "{}", requests.len());
    let records = requests.iter().filter(|path| path.contains("/dns_records")).count();
    assert_eq!(records, 1);
    let spent: u32 = budgets.iter().map(|budget| budget.spent().api_requests).sum();
    assert_eq!(spent as usize, requests.len(), "each request is on one target's account");
}

#[tokio::test]
async fn a_target_whose_time_is_up_takes_nothing_away() {
    let running = CloudflareApi::new(document()).delay(Duration::from_millis(300)).serve().await.unwrap();
    let access = access(&running);
    let (short, long) = (Budget::quiet(Duration::from_millis(450)), Budget::quiet(Duration::from_secs(20)));
    let (cut, whole) =
        tokio::join!(look("a.example.com", &access, &short, None), look("a.example.com", &access, &long, None));
    let cut = found(cut);
    assert!(cut["not_read"]["dns_records"]["text"].as_str().unwrap().contains("deadline"), "{cut}");
    assert_eq!(found(whole).get("not_read"), None);
}

#[tokio::test]
async fn a_passing_fault_is_not_kept() {
    let fault = Fault::RateLimited { retry_after: 3600, times: 1 };
    let running = CloudflareApi::new(document()).fault("/settings/ssl", fault).serve().await.unwrap();
    let access = access(&running);
    let budget = Budget::quiet(Duration::from_millis(1_000));
    let start = Instant::now();
    let first = found(look(HOST, &access, &budget, None).await);
    assert!(start.elapsed() < Duration::from_millis(900), "an hour is not waited for");
    let why = first["not_read"]["settings.ssl"]["text"].as_str().unwrap();
    assert!(why.contains("rate limited: 3600 s"), "{why}");
    let fresh = access.with(&crate::Settings::default()).unwrap();
    assert_eq!(
        found(look(HOST, &fresh, &Budget::quiet(Duration::from_secs(20)), None).await)["settings"]["ssl"],
        "flexible"
    );
}

#[tokio::test]
async fn a_renewed_access_reads_the_zone_anew() {
    let running = CloudflareApi::new(document()).serve().await.unwrap();
    let budget = Budget::quiet(Duration::from_secs(20));
    let records = || running.requests().iter().filter(|path| path.contains("/dns_records")).count();
    let access = access(&running);
    for _ in 0..2 {
        found(look(HOST, &access, &budget, None).await);
    }
    assert_eq!(records(), 1);
    found(look(HOST, &access.renewed(), &budget, None).await);
    assert_eq!(records(), 2);
}
