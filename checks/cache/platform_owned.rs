//! The Cloudflare in front is the platform's (`facts/cloudflare.md` 9.1; platform list in the model).

use super::case::{self, sentence};
use super::fixes;
use crate::check::{Check, Probe, Severity};
use crate::model::cache::platform;
use crate::verdict::Fix;

const ID: &str = "cache-platform-owned";

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "The Cloudflare in front is your own zone's",
    severity: Severity::Medium,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "Some platforms put their own Cloudflare in front of what they host. Its rules are theirs: nothing that you \
         set in your zone applies. On an r2.dev name Cloudflare offers no caching, and on a workers.dev name only the \
         Worker's own.",
    fix: |evidence, _| {
        let target = &evidence.target;
        let way = platform::recognise(evidence).map_or("put a name of your own zone in front", |platform| platform.way);
        let fix = Fix::new(sentence(&format!("{way}.")))
            .dashboard("The platform's settings → Custom domains → add a name of a zone that is in your account");
        fixes::look_twice(fix, target)
    },
    sources: &[
        "https://developers.cloudflare.com/r2/buckets/public-buckets/",
        "https://developers.cloudflare.com/workers/cache/",
        "https://render.com/docs/web-service-caching",
    ],
    judge: |evidence| case::obstacle(evidence, ID),
};

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;
    use crate::evidence::Gathered;
    use crate::evidence::dns::{Chain, Dns, Hop, Lookup};
    use crate::evidence::target::Expectation::Cached;
    use crate::verdict::NotRun;

    #[test]
    fn names_of_platforms() {
        let bucket = site("https://pub-1.r2.dev/a.png").edge(200, &["DYNAMIC"], &[]);
        assert_eq!(word(&CHECK, &bucket), "warn");
        assert_eq!(word(&CHECK, &bucket.clone().expecting(Cached)), "fail");
        is_honest(&CHECK, &bucket);
        let worker = site("https://x.y.workers.dev/a").edge(200, &[""], &[]).expecting(Cached);
        assert_eq!(word(&CHECK, &worker), "fail");
        assert_eq!(word(&super::super::worker_in_front::CHECK, &worker), "pass");
        assert_eq!(word(&CHECK, &site("https://x.onrender.com/a.css").edge(200, &["HIT"], &[])), "pass");
        assert_eq!(word(&CHECK, &site(API).edge(200, &["DYNAMIC"], &[])), "pass");
    }

    #[test]
    fn a_visible_cname_leads_there() {
        let mut evidence = site(API).edge(200, &["DYNAMIC"], &[]).expecting(Cached);
        let chain = Chain {
            name: "a.example.com".into(),
            hops: vec![Hop { from: "a.example.com".into(), to: "x.onrender.com".into(), ttl: 60 }],
            ipv4: Lookup::NoData,
            ipv6: Lookup::NoData,
            fault: None,
        };
        let missing = || NotRun::not_applicable("test");
        evidence.dns = Gathered::Found(Dns {
            resolver: "192.0.2.53".into(),
            host: chain,
            host_unchecked: None,
            impossible: None,
            zone: Gathered::Missing(missing()),
            views: Vec::new(),
            caa: Gathered::Missing(missing()),
            validation: Vec::new(),
            origin: Gathered::Missing(missing()),
            host_ms: None,
            origin_ms: None,
        });
        assert_eq!(word(&CHECK, &evidence), "fail");
        is_honest(&CHECK, &evidence);
    }
}
