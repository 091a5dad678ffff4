//! Only GET and HEAD are cached (`facts/cloudflare.md` 1.1 B 1).

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::verdict::Fix;

const ID: &str = "cache-method-uncacheable";

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "The method is one that is cached",
    severity: Severity::Low,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "POST, PUT, PATCH, DELETE and OPTIONS always go to the origin. GraphQL over POST is never cached, whatever \
         its headers say.",
    fix: |evidence, _| {
        let target = &evidence.target;
        Fix::new("Let what only reads be asked with GET, its parameters in the query; what writes must not be cached.")
            .shell(
                "Ask with GET and see whether the API serves it",
                format!("curl -sS -o /dev/null -D - -X GET {}", fixes::shell_quote(&target.url())),
            )
    },
    sources: &["https://developers.cloudflare.com/cache/concepts/default-cache-behavior/"],
    judge: |evidence| case::obstacle(evidence, ID),
};

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;
    use crate::evidence::target::Expectation::Cached;

    #[test]
    fn post_is_not_cached() {
        let mut post = site(API).edge(200, &["DYNAMIC"], &[]);
        post.target.method = "POST".into();
        let (word_, seen) = verdict(&CHECK, &post);
        assert_eq!(word_, "warn");
        assert!(seen.starts_with("POST"), "{seen}");
        assert_eq!(word(&CHECK, &post.clone().expecting(Cached)), "fail");
        is_honest(&CHECK, &post);
        post.target.method = "GET".into();
        assert_eq!(word(&CHECK, &post), "pass");
    }
}
