//! The object is over the size limit (`facts/cloudflare.md` 1.1 C, 9.1 row 33).

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::verdict::Fix;

const ID: &str = "cache-object-too-large";

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "The object is small enough to be stored",
    severity: Severity::Medium,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "Objects over 512 MB (Free, Pro, Business) or 5 GB (Enterprise, unless agreed otherwise) are never stored. \
         The whole object counts, also where only a range is asked for.",
    fix: |evidence, _| {
        let target = &evidence.target;
        Fix::new("Split the object into parts under 512 MB, or serve it from storage made for it, by a URL of its own.")
            .shell("Its size", format!("curl -sSI {} | grep -i '^content-length:'", fixes::shell_quote(&target.url())))
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
    fn over_the_limit() {
        let zip = "https://a.example.com/a.zip";
        let large = site(zip).edge(200, &["BYPASS", "BYPASS"], &[("content-length", "700000000")]);
        assert_eq!(word(&CHECK, &large), "warn");
        assert_eq!(word(&CHECK, &large.clone().expecting(Cached)), "fail");
        is_honest(&CHECK, &large);
        let part =
            site(zip).edge(206, &["MISS"], &[("content-range", "bytes 0-9/700000000"), ("content-length", "10")]);
        assert_eq!(word(&CHECK, &part), "warn");
        assert_eq!(word(&CHECK, &site(zip).edge(200, &["MISS"], &[("content-length", "500000000")])), "pass");
        assert_eq!(word(&CHECK, &site(zip).edge(200, &["HIT"], &[("content-length", "700000000")])), "pass");
    }
}
