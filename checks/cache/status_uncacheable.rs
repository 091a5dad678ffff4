//! A status without a default lifetime, and nothing gives it one (`facts/cloudflare.md` 1.5).

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::verdict::Fix;

const ID: &str = "cache-status-uncacheable";

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "The status is one that is stored",
    severity: Severity::Low,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "Without Cache-Control or Expires, Cloudflare keeps 200, 206, 301, 302, 303, 404 and 410 for a while and no \
         other status. An error that is not stored is as it should be.",
    fix: |evidence, _| {
        let status = evidence.edge.http.found().and_then(|http| http.first()).map_or(200, |answer| answer.status);
        let fix = match status {
            206 => Fix::new("Ask once for the whole object, without Range: parts are served from the stored whole."),
            400.. => Fix::new("Mend what makes the answer an error; caching it would keep the error alive."),
            _ => {
                let fix = Fix::new(format!("Send {status} with a lifetime, if every visitor may get the same answer."));
                let fix = fixes::send_headers(fix, status, &[("Cache-Control", &fixes::lifetime(evidence).0)], "");
                fixes::edge_ttl(fix, &evidence.target, 7200)
            }
        };
        fixes::look_twice(fix, &evidence.target)
    },
    sources: &[
        "https://developers.cloudflare.com/cache/how-to/configure-cache-status-code/",
        "https://developers.cloudflare.com/cache/reference/range-requests/",
    ],
    judge: |evidence| case::obstacle(evidence, ID),
};

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;
    use crate::evidence::target::Expectation::Cached;

    #[test]
    fn statuses_beside_the_table() {
        let created = site(CSS).edge(201, &["BYPASS", "BYPASS"], &[]);
        assert_eq!(word(&CHECK, &created), "warn");
        is_honest(&CHECK, &created);
        assert_eq!(word(&CHECK, &site(CSS).edge(403, &["BYPASS"], &[]).expecting(Cached)), "fail");
        assert_eq!(word(&CHECK, &site(CSS).edge(307, &["MISS"], &[("cache-control", "max-age=60")])), "pass");
        assert_eq!(word(&CHECK, &site(CSS).edge(404, &["MISS"], &[])), "pass");
        assert_eq!(word(&CHECK, &site(API).edge(403, &["DYNAMIC"], &[])), "not-applicable");
    }

    #[test]
    fn parts_that_never_become_a_copy() {
        let parts =
            site(CSS).edge(206, &["MISS", "MISS"], &[("cache-control", "max-age=60")]).sending("Range", "bytes=0-9");
        assert_eq!(word(&CHECK, &parts), "warn");
        let stored = site(CSS).edge(206, &["MISS", "HIT"], &[]).sending("Range", "bytes=0-9");
        assert_eq!(word(&CHECK, &stored), "pass");
    }
}
