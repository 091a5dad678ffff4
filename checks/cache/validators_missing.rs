//! No validator where one would save the body (`facts/cloudflare.md` 1.10 "ETags", "Smart edge revalidation").

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::verdict::{Finding, Fix, NotRun, Verdict};

/// Below this many seconds a copy is confirmed so often that a validator pays.
const OFTEN: u64 = 60;

pub(crate) const CHECK: Check = Check {
    id: "cache-validators-missing",
    title: "Copies that are confirmed often carry a validator",
    severity: Severity::Low,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "A copy that has to be confirmed with the origin is sent whole again each time, unless the answer carries an \
          ETag or Last-Modified and the origin can say 304 Not Modified.",
    fix: |evidence, _| {
        let fix = Fix::new("Send an ETag made from the body, and answer 304 when If-None-Match names it.")
            .code(
                "Lambda proxy response, Python",
                "body = json.dumps(result)\netag = '\"' + hashlib.sha256(body.encode()).hexdigest()[:32] + '\"'\n\
                 if (event.get(\"headers\") or {}).get(\"if-none-match\") == etag:\n    return {\"statusCode\": 304, \"headers\": {\"ETag\": etag}}\n\
                 return {\"statusCode\": 200, \"headers\": {\"ETag\": etag}, \"body\": body}",
            )
            .code(
                "Lambda proxy response, Node.js",
                "const body = JSON.stringify(result);\nconst etag = `\"${createHash(\"sha256\").update(body).digest(\"hex\").slice(0, 32)}\"`;\n\
                 if (event.headers?.[\"if-none-match\"] === etag) return { statusCode: 304, headers: { ETag: etag } };\n\
                 return { statusCode: 200, headers: { ETag: etag }, body };",
            );
        fixes::look_twice(fix, &evidence.target)
    },
    sources: &[
        "https://developers.cloudflare.com/cache/reference/etag-headers/",
        "https://developers.cloudflare.com/cache/concepts/revalidation/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let case = case::look(evidence)?;
    let Some(answer) = case.input.response.as_ref() else { return Ok(Verdict::Pass(None)) };
    if answer.has_validator {
        return Ok(Verdict::Pass(None));
    }
    let revalidates = case.decider().is_some_and(|obstacle| obstacle.check == "cache-control-revalidates")
        && case.input.observed.proves_eligible()
        && !case.input.observed.is_bypass();
    let short =
        case.plan.obstacles.is_empty() && case.plan.now.freshness.edge_s.is_some_and(|s| (1..OFTEN).contains(&s));
    if !revalidates && !short {
        return Ok(Verdict::Pass(None));
    }
    if !answer.whole && !answer.from_origin {
        return Err(NotRun::inconclusive("the headers of the answer were not all seen"));
    }
    let why = if revalidates { "the origin is asked at each request" } else { "it is fresh for less than a minute" };
    Ok(Verdict::Warn(
        Finding::seen(format!("Neither ETag nor Last-Modified, though {why}: the whole body comes each time"))
            .proofs(case.sample_lines()),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;

    #[test]
    fn only_where_it_costs() {
        let of = |lines: Lines| site(CSS).edge(200, &["MISS", "EXPIRED"], lines);
        let zero = of(&[("cache-control", "no-cache")]);
        assert_eq!(word(&CHECK, &zero), "warn");
        is_honest(&CHECK, &zero);
        assert_eq!(word(&CHECK, &of(&[("cache-control", "max-age=30")])), "warn");
        assert_eq!(word(&CHECK, &of(&[("cache-control", "no-cache"), ("etag", "\"a\"")])), "pass");
        assert_eq!(word(&CHECK, &of(&[("cache-control", "max-age=3600")])), "pass");
        assert_eq!(word(&CHECK, &site(API).edge(200, &["DYNAMIC"], &[("cache-control", "no-cache")])), "pass");
        let thin: Lines = &[("cf-cache-status", "REVALIDATED"), ("cache-control", "no-cache")];
        assert_eq!(word(&CHECK, &site(CSS).excerpt(&[(200, thin)])), "inconclusive");
    }
}
