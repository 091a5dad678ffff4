//! Some proxied ports are not cached (`facts/cloudflare.md` 1.1 B 3).

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::verdict::Fix;

const ID: &str = "cache-port-uncacheable";

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "The port is one that is cached",
    severity: Severity::Low,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "Cloudflare proxies 2052, 2053, 2082, 2083, 2086, 2087, 2095, 2096, 8880 and 8443, but caches only on 80, \
         8080 and 443, unless an Enterprise rule adds a port.",
    fix: |evidence, _| {
        let target = &evidence.target;
        let fix = Fix::new(
            "Serve what is to be cached on the standard port; on Enterprise a Cache Rule may add this one.",
        )
        .shell(
            "The same URL on the standard port",
            format!(
                "curl -sS -o /dev/null -D - {}",
                fixes::shell_quote(&format!("{}://{}{}", target.scheme, target.host, target.path))
            ),
        )
        .dashboard(format!(
            "Enterprise only: Caching → Cache Rules → Create rule → {} → Eligible for cache → Caching on port: {}",
            fixes::expression(target),
            target.port
        ));
        let parameters = serde_json::json!({ "cache": true, "additional_cacheable_ports": [target.port] });
        fixes::rule(fix, target, fixes::REQUEST, "Cache on another port:", parameters)
    },
    sources: &["https://developers.cloudflare.com/fundamentals/reference/network-ports/"],
    judge: |evidence| case::obstacle(evidence, ID),
};

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;
    #[test]
    fn only_three_ports_are_cached() {
        let other =
            site("https://a.example.com:8443/x.css").edge(200, &["DYNAMIC"], &[("cache-control", "max-age=60")]);
        assert_eq!(word(&CHECK, &other), "warn");
        is_honest(&CHECK, &other);
        // A HIT shows that a rule added the port.
        assert_eq!(word(&CHECK, &site("https://a.example.com:8443/x.css").edge(200, &["HIT"], &[])), "pass");
        assert_eq!(word(&CHECK, &site("http://a.example.com:8080/x.css").edge(200, &["MISS", "HIT"], &[])), "pass");
    }
}
