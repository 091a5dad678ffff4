//! Redirects that come back to themselves.

use std::borrow::Cow;

use url::Url;

use super::view::{self, Place};
use crate::check::{Check, Probe, Severity};
use crate::evidence::redact::REDACTED;
use crate::evidence::text::shell_quote;
use crate::evidence::{Evidence, Exchange, Exchanges, Response};
use crate::model::attribution::{self, AnsweredBy};
use crate::model::cloudflare;
use crate::model::ssl_mode::SslMode;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "edge-redirect-loop",
    title: "Redirects arrive somewhere",
    severity: Severity::Critical,
    needs: &[Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "A browser gives up after some twenty redirects (ERR_TOO_MANY_REDIRECTS). Under Flexible, Cloudflare asks the \
          origin over http://; an origin that insists on https:// then redirects every visitor to where he already is.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/ssl/troubleshooting/too-many-redirects/",
        "https://developers.cloudflare.com/ssl/origin-configuration/ssl-modes/flexible/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let seen = view::answer(evidence)?;
    let http = match seen.place {
        Place::Edge => evidence.edge.http.get()?,
        Place::Origin => evidence.origin.http.get()?,
    };
    if let Some(unquoted) = bare_redirect(seen.response) {
        return Ok(Verdict::Warn(unquoted.proof(seen.line())));
    }
    let Some(walk) = walk(http) else {
        return Ok(Verdict::pass("no redirect"));
    };
    let proof = walk.steps.iter().map(|(from, status, to)| format!("{from} answered {status}, Location: {to}"));
    let Some(turn) = walk.turn.filter(|_| !arrived(http)) else {
        return Ok(undecided(http, &walk.steps).unwrap_or_else(|| Verdict::pass("the redirects end")));
    };
    let why = explain(evidence, seen.place, seen.exchange, seen.response);
    let mut finding = Finding::seen(format!("the redirects come back to {turn}; {}", why.text()))
        .proofs(proof)
        .proofs(why.proof())
        .confidence(if why.is_certain() { Confidence::High } else { Confidence::Medium });
    // Without its cookie we may walk in a circle that a browser leaves; what is redacted may differ each time.
    if let Some(cookie) = walk.cookie {
        finding.seen = format!("without its cookie {cookie}, the redirects come back to {turn}");
        finding = finding
            .confidence(Confidence::Low)
            .proof(format!("an answer on the way sets the cookie {cookie}: a client that returns it may get through"));
        return Ok(Verdict::Warn(finding));
    }
    if turn.contains(REDACTED) {
        return Ok(Verdict::Warn(finding.confidence(Confidence::Low)));
    }
    Ok(Verdict::Fail(finding))
}

/// Did another sample arrive? A file may hold the hops of one visit as answers to one URL.
fn arrived(http: &Exchanges) -> bool {
    http.answers().skip(1).any(|answer| !answer.is_redirect() && answer.status < 400)
}

/// A redirect of which nothing but the status is known: whether it comes back cannot be told, only suspected.
fn bare_redirect(response: &Response) -> Option<Finding> {
    let is_bare = matches!(response.status, 301 | 302 | 307 | 308) && response.headers.lines().is_empty();
    is_bare.then(|| {
        Finding::seen(format!(
            "the answer is a {} whose Location was not quoted: if it names the same URL, this is a redirect loop",
            response.status
        ))
        .proof("curl -sSI shows the Location that settles it")
        .confidence(Confidence::Low)
    })
}

/// The redirects that were followed.
struct Walk {
    /// From, status, to.
    steps: Vec<(String, u16, String)>,
    /// The URL that is met again.
    turn: Option<String>,
    /// The first cookie that an answer in the circle sets (never Cloudflare's own).
    cookie: Option<String>,
}

/// The first sample and the hops after it, and `http://` where the last of them leads there.
fn walk(http: &Exchanges) -> Option<Walk> {
    let first = http.samples.first()?;
    let plain = http.plain.found();
    let mut walk = Walk { steps: Vec::new(), turn: None, cookie: None };
    let mut visited: Vec<Url> = Vec::new();
    for exchange in std::iter::once(first).chain(&http.redirects).chain(plain) {
        let Some(response) = exchange.response().filter(|response| response.is_redirect()) else { continue };
        let Ok(from) = Url::parse(&exchange.request.url) else { continue };
        let expected = walk.steps.last().and_then(|(_, _, to)| Url::parse(to).ok());
        if expected.is_some_and(|expected| !same(&expected, &from)) {
            continue; // `http://` was asked beside the chain and is not its next hop
        }
        let to = from.join(response.headers.first("location")?).ok()?;
        walk.cookie = walk.cookie.or_else(|| cookie(response));
        walk.steps.push((from.to_string(), response.status, to.to_string()));
        visited.push(from);
        if visited.iter().any(|before| same(before, &to)) {
            walk.turn = Some(to.to_string());
            break;
        }
    }
    (!walk.steps.is_empty()).then_some(walk)
}

/// Equal but for the fragment, which is not sent.
fn same(one: &Url, other: &Url) -> bool {
    let bare = |url: &Url| {
        let mut url = url.clone();
        url.set_fragment(None);
        url
    };
    bare(one) == bare(other)
}

fn cookie(response: &Response) -> Option<String> {
    const CLOUDFLARES: &[&str] = &["__cf_bm", "cf_clearance", "__cfduid", "_cfuvid", "__cflb", "__cfruid"];
    response
        .headers
        .all("set-cookie")
        .filter_map(|value| value.split('=').next().map(str::trim))
        .find(|name| !CLOUDFLARES.contains(name))
        .map(str::to_owned)
}

/// One redirect from `https://` to the same place on `http://`, not followed: it depends on what `http://` answers.
fn undecided(http: &Exchanges, steps: &[(String, u16, String)]) -> Option<Verdict> {
    let (from, status, to) = steps.last()?;
    if arrived(http) {
        return None;
    }
    let downgrade = from.strip_prefix("https://").zip(to.strip_prefix("http://")).is_some_and(|(a, b)| a == b);
    let followed = !http.redirects.is_empty() || http.plain.found().is_some();
    if !downgrade || followed {
        return None;
    }
    let first = http.first()?;
    let hsts = first.headers.has("strict-transport-security");
    let seen = if hsts {
        format!("{from} is redirected to http:// while HSTS sends browsers back to https://: a loop")
    } else {
        format!("{from} is redirected to http://: a loop, if http:// is redirected to https://")
    };
    let finding = Finding::seen(seen)
        .proof(format!("{from} answered {status}, Location: {to}"))
        .proofs(first.headers.quote("strict-transport-security"));
    Some(if hsts { Verdict::Fail(finding) } else { Verdict::Warn(finding.confidence(Confidence::Low)) })
}

/// Who sends visitors in a circle, and why (`facts/cloudflare.md` section 4.7).
enum Reason {
    /// Flexible or off: the origin redirects `http://`, and serves `https://` when asked directly; and who set that mode.
    Mode { certain: bool, proof: Vec<String>, set: Option<String> },
    /// A mode that asks over https://, and who set it: then the origin sends https:// to itself.
    NotTheMode { set: String },
    /// A rule of the zone that makes the redirect.
    Rule { rule: String, line: String },
    /// The origin redirects even when asked directly over `https://`: it takes every request for http.
    Origin { proof: Vec<String> },
    /// The edge made the redirect itself.
    Edge,
    /// `https://` is redirected to `http://`, which comes back.
    Downgrade,
    /// A circle of other URLs.
    Other,
}

fn explain(evidence: &Evidence, place: Place, exchange: &Exchange, response: &Response) -> Reason {
    let asked = Url::parse(&exchange.request.url).ok();
    let to = asked.as_ref().and_then(|url| url.join(response.headers.first("location")?).ok());
    let to_itself = asked.as_ref().zip(to.as_ref()).is_some_and(|(asked, to)| same(asked, to));
    let direct = view::origin(evidence);
    if let Some(direct) = &direct
        && let Some(to) = direct.response.headers.first("location").filter(|_| direct.response.is_redirect())
        && direct.exchange.request.url.starts_with("https://")
        && Url::parse(&direct.exchange.request.url).is_ok_and(|url| url.join(to).is_ok_and(|to| same(&url, &to)))
    {
        return Reason::Origin { proof: vec![format!("{}, Location: {to}", direct.line())] };
    }
    if place == Place::Edge && attribution::attribute(response).by == AnsweredBy::Edge {
        let by = evidence.effective().ok().filter(|known| matches!(known.redirect.certain(), Some(Some(_))));
        return match by {
            Some(known) => Reason::Rule { rule: known.redirect.by.to_string(), line: known.redirect.by.line() },
            None => Reason::Edge,
        };
    }
    if !to_itself {
        let downgrade = to.is_some_and(|to| to.scheme() == "http") && asked.is_some_and(|url| url.scheme() == "https");
        return if downgrade { Reason::Downgrade } else { Reason::Other };
    }
    if place == Place::Origin || asked.is_none_or(|url| url.scheme() != "https") {
        return Reason::Other;
    }
    let plain = evidence.origin.http.found().and_then(|http| http.plain.found());
    let redirects_plain = plain.and_then(Exchange::response).filter(|plain| {
        plain.is_redirect() && plain.headers.first("location").is_some_and(|to| to.starts_with("https://"))
    });
    let mut proof = Vec::new();
    if let Some(plain) = redirects_plain {
        proof.push(format!("the origin answers http:// with {} to https://", plain.status));
    }
    let serves_https = direct.filter(|direct| !direct.response.is_redirect());
    if let Some(direct) = &serves_https {
        proof.push(direct.line());
    }
    let known = evidence.effective().ok().filter(|_| place == Place::Edge);
    let mode = known.as_ref().and_then(|known| Some((*known.ssl.certain()?, &known.ssl.by)));
    match mode {
        Some((mode, by)) if mode >= SslMode::Full => Reason::NotTheMode { set: format!("{} by {by}", mode.api()) },
        Some((mode, by)) => {
            proof.push(format!("ssl = {}, by {}", mode.api(), by.line()));
            Reason::Mode { certain: true, proof, set: Some(format!("{} ({by})", mode.api())) }
        }
        None => Reason::Mode { certain: redirects_plain.is_some() && serves_https.is_some(), proof, set: None },
    }
}

impl Reason {
    fn text(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Reason::Mode { set: Some(set), .. } => {
                return Cow::Owned(format!(
                    "the encryption mode is {set}: Cloudflare asks the origin over http://, and the origin redirects that to https://"
                ));
            }
            Reason::NotTheMode { set } => {
                return Cow::Owned(format!(
                    "the encryption mode is {set}, so the origin redirects https:// to itself: it does not see that the request was https"
                ));
            }
            Reason::Rule { rule, .. } => return Cow::Owned(format!("the edge makes the redirect itself, by {rule}")),
            Reason::Mode { certain: true, .. } => {
                "the encryption mode is Flexible or Off: Cloudflare asks the origin over http://, and the origin redirects that to https://"
            }
            Reason::Mode { certain: false, .. } => {
                "most likely the encryption mode is Flexible or Off, and the origin redirects http:// to https://"
            }
            Reason::Origin { .. } => {
                "the origin redirects https:// to itself, also when asked directly: it does not see that the request was https"
            }
            Reason::Edge => {
                "the edge makes the redirect itself: redirect rules contradict each other, or Always Use HTTPS"
            }
            Reason::Downgrade => {
                "https:// is sent to http:// and back: Always Use HTTPS, HSTS or Full against an origin (or mode Off) that insists on http://"
            }
            Reason::Other => "no URL of the circle answers with content",
        })
    }

    fn proof(&self) -> Vec<String> {
        match self {
            Reason::Mode { proof, .. } | Reason::Origin { proof } => proof.clone(),
            Reason::Rule { line, .. } => vec![line.clone()],
            Reason::Edge => vec!["the redirect carries cf-ray and no cf-cache-status: made at the edge".into()],
            Reason::Downgrade | Reason::Other | Reason::NotTheMode { .. } => Vec::new(),
        }
    }

    fn is_certain(&self) -> bool {
        !matches!(self, Reason::Mode { certain: false, .. } | Reason::Downgrade)
    }
}

fn fix(evidence: &Evidence, finding: &Finding) -> Fix {
    if finding.confidence == Confidence::Low {
        let url = shell_quote(&evidence.target.url());
        return Fix::new("See where a client arrives that keeps cookies: if it gets an answer, there is no loop.")
            .shell(
                "Follow the redirects, with cookies",
                format!("curl -sSL -b '' -o /dev/null -w '%{{http_code}} after %{{num_redirects}} redirects\\n' {url}"),
            );
    }
    let reason = view::answer(evidence).ok().filter(|seen| seen.response.is_redirect()).map(|seen| {
        (
            explain(evidence, seen.place, seen.exchange, seen.response),
            cloudflare::fingerprint(seen.exchange).map(|sign| sign.to_string()),
        )
    });
    let set_strict = |fix: Fix| {
        fix.dashboard("SSL/TLS → Overview → Full (strict)")
            .api("Set the mode", view::zone_call("PATCH", "settings/ssl", r#"{"value":"strict"}"#))
            .terraform("Cloudflare provider v5", view::zone_setting("ssl", "strict"))
            .shell("The origin must serve the name over https first", view::ask_directly(evidence))
    };
    match reason {
        Some((Reason::Rule { rule, .. }, _)) => Fix::new(format!(
            "Narrow {rule}, so that it does not match the URL that it leads to, or remove it."
        ))
        .dashboard(format!("Rules → {rule} → Edit; Rules → Trace shows what it does with the URL")),
        Some((Reason::Edge, _)) => Fix::new("Remove the redirect rule that sends the URL to itself, or narrow its condition.")
            .dashboard("Rules → Redirect Rules and Bulk Redirects; Page Rules with a Forwarding URL; Rules → Trace shows which one decides")
            .api("List the redirect rules", "curl -s \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID/rulesets/phases/http_request_dynamic_redirect/entrypoint\" -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\""),
        Some((Reason::Origin { .. } | Reason::NotTheMode { .. } | Reason::Other, _)) => {
            Fix::new("Let the origin believe X-Forwarded-Proto from the proxy before it, or drop its redirect to https.")
                .code("nginx", "# redirect only what really came over http\nif ($http_x_forwarded_proto = \"http\") { return 301 https://$host$request_uri; }")
                .code("ingress-nginx ConfigMap", "use-forwarded-headers: \"true\"")
                .shell("What the origin answers by itself", view::ask_directly(evidence))
        }
        Some((Reason::Downgrade, _)) => set_strict(Fix::new(
            "Drop the redirect to http:// (the origin's, or mode Off), and let Cloudflare reach the origin over https.",
        )),
        // Where the zone is known, its other hosts are spared.
        Some((Reason::Mode { set: Some(_), .. }, _)) => crate::cloudflare::make_strict(evidence)
            .shell("The origin must serve the name over https first", view::ask_directly(evidence)),
        Some((Reason::Mode { .. }, Some(_))) | None => {
            set_strict(Fix::new("Set the encryption mode to Full (strict), so that Cloudflare asks the origin over https."))
        }
        Some((Reason::Mode { .. }, None)) => {
            set_strict(Fix::new("Let whoever ends TLS before the origin ask it over https: at Cloudflare, Full (strict)."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::evidence::Gathered;

    fn redirect(status: u16, to: &str) -> Response {
        response(status, &[PROXIED, &[("location", to)]], "")
    }

    fn failure(evidence: &Evidence) -> Finding {
        match (CHECK.judge)(evidence) {
            Ok(Verdict::Fail(finding)) => finding,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_answer_that_names_itself_is_enough() {
        let finding = failure(&edge(URL, redirect(301, URL)));
        assert_eq!(finding.confidence, Confidence::Medium);
        assert!(finding.seen.contains("Flexible"), "{}", finding.seen);
        failure(&edge(URL, redirect(301, "/orders#top")));
    }

    #[test]
    fn the_origins_port_80_proves_the_mode() {
        let mut evidence = with_origin(edge(URL, redirect(301, URL)), vec![response(200, &[], "{}")]);
        origin_http(&mut evidence).plain =
            Gathered::Found(exchange("http://api.example.com/orders", response(301, &[&[("location", URL)]], "")));
        let finding = failure(&evidence);
        assert_eq!(finding.confidence, Confidence::High);
        assert!((CHECK.fix)(&evidence, &finding).summary.contains("Full (strict)"));
    }

    #[test]
    fn an_origin_that_redirects_to_itself_is_named() {
        let own = response(308, &[&[("location", URL)]], "");
        let evidence = with_origin(edge(URL, redirect(308, URL)), vec![own.clone()]);
        assert!(failure(&evidence).seen.contains("asked directly"));
        assert!((CHECK.fix)(&evidence, &Finding::seen("")).summary.contains("X-Forwarded-Proto"));
        assert!(failure(&origin_only(URL, own)).seen.contains("come back"));
    }

    #[test]
    fn a_redirect_made_at_the_edge_blames_the_rules() {
        let made = response(301, &[EDGE_MADE, &[("location", URL)]], "");
        assert!(failure(&edge(URL, made)).seen.contains("redirect rules"));
    }

    #[test]
    fn followed_hops() {
        let (one, two) = ("https://api.example.com/a", "https://api.example.com/b");
        let mut circle = edge(one, redirect(302, two));
        edge_http(&mut circle).redirects = vec![exchange(two, redirect(302, one))];
        assert_eq!(failure(&circle).proof.len(), 2);
        let mut ends = edge(one, redirect(302, two));
        edge_http(&mut ends).redirects = vec![exchange(two, response(200, &[PROXIED], ""))];
        assert!(matches!((CHECK.judge)(&ends), Ok(Verdict::Pass(_))));
    }

    #[test]
    fn https_to_http_and_back() {
        let plain_url = "http://api.example.com/orders";
        let mut evidence = edge(URL, redirect(301, plain_url));
        assert!(matches!((CHECK.judge)(&evidence), Ok(Verdict::Warn(_))), "http:// was not seen");
        edge_http(&mut evidence).plain = Gathered::Found(exchange(plain_url, redirect(301, URL)));
        assert!(failure(&evidence).seen.contains("and back"));
        let hsts =
            response(301, &[PROXIED, &[("location", plain_url), ("strict-transport-security", "max-age=1")]], "");
        failure(&edge(URL, hsts));
    }

    #[test]
    fn a_cookie_on_the_way_lowers_it_to_a_possibility() {
        let sets = |name| response(302, &[PROXIED, &[("location", URL), ("set-cookie", name)]], "");
        let Ok(Verdict::Warn(finding)) = (CHECK.judge)(&edge(URL, sets("seen=1"))) else { panic!("no warning") };
        assert_eq!(finding.confidence, Confidence::Low);
        failure(&edge(URL, sets("__cf_bm=x")));
    }

    #[test]
    fn healthy_redirects_pass() {
        for to in ["https://api.example.com/orders/", "https://www.example.com/", "/login"] {
            assert!(matches!((CHECK.judge)(&edge(URL, redirect(301, to))), Ok(Verdict::Pass(_))), "{to}");
        }
        assert!(matches!((CHECK.judge)(&edge(URL, response(200, &[PROXIED], ""))), Ok(Verdict::Pass(_))));
        let mut both = edge(URL, response(200, &[PROXIED], ""));
        edge_http(&mut both).plain = Gathered::Found(exchange("http://api.example.com/orders", redirect(301, URL)));
        assert!(matches!((CHECK.judge)(&both), Ok(Verdict::Pass(_))));
    }

    #[test]
    fn the_hops_of_one_visit_in_a_file_are_no_loop() {
        let mut evidence = edge(URL, redirect(301, URL));
        edge_http(&mut evidence).samples.push(exchange(URL, response(200, &[PROXIED], "")));
        assert!(matches!((CHECK.judge)(&evidence), Ok(Verdict::Pass(_))));
    }

    #[test]
    fn a_bare_status_is_only_a_possibility() {
        let Ok(Verdict::Warn(finding)) = (CHECK.judge)(&origin_only(URL, response(308, &[], ""))) else {
            panic!("no warning")
        };
        assert_eq!(finding.confidence, Confidence::Low);
        let quoted = response(302, &[&[("cache-control", "private")]], "");
        assert!(matches!((CHECK.judge)(&edge(URL, quoted)), Ok(Verdict::Pass(_))));
    }
}
