//! Redirects, followed by us: every hop is kept whole.

use std::collections::BTreeSet;

use cfdoctor_checks::evidence::http::{Exchange, Outcome};
use cfdoctor_checks::evidence::target::{Scheme, Target};
use cfdoctor_checks::evidence::{redact, text};
use url::Url;

use super::Resolve;
use super::line::{self, Line};
use super::questions::{self, Asked};
use crate::probe::budget::Budget;
use crate::probe::http::Ask;
use crate::settings::Settings;

/// Hops that are followed (`product.md` section 10).
const MAX_HOPS: usize = 10;
/// Requests that redirects leave to the other end: its answer, and the one that confirms it.
const LEFT_TO_OTHERS: u32 = 2;

/// Follows the redirect of the first sample, over `lines` where they lead there. Returns the hops, and why following
/// stopped before an answer that is no redirect.
pub(super) async fn follow(
    asked: &Asked,
    target: &Target,
    mut lines: Vec<Line>,
    resolve: &Resolve<'_>,
    settings: &Settings,
    budget: &Budget,
) -> (Vec<Exchange>, Option<String>) {
    let mut hops: Vec<Exchange> = Vec::new();
    let (Some(mut location), Some(first)) = (asked.location.clone(), asked.samples.first()) else {
        return (hops, None);
    };
    let Ok(mut here) = Url::parse(&target.url()) else { return (hops, None) };
    let mut status = first.response().map_or(0, |response| response.status);
    let mut method = target.method.clone();
    let mut met = BTreeSet::from([here.to_string()]);
    loop {
        if !questions::is_read_only(&method) {
            if status != 303 {
                return (hops, Some(format!("{} is not repeated at another URL", text::shorten(&method, 40))));
            }
            method = "GET".into();
        }
        let next = match destination(&here, &location) {
            Ok(next) => next,
            Err(why) => return (hops, Some(why)),
        };
        let shown = shown(&next);
        if !met.insert(next.to_string()) {
            return (hops, Some(format!("a loop: {shown} was asked before")));
        }
        if hops.len() == MAX_HOPS {
            return (hops, Some(format!("{MAX_HOPS} redirects were followed; {shown} was not")));
        }
        if budget.is_over() || line::requests_left(budget) <= LEFT_TO_OTHERS {
            return (hops, Some(format!("no time or request was left for {shown}")));
        }
        let at = line_to(&next, &mut lines, resolve, settings).await;
        let Some(line) = lines.get_mut(at).filter(|line| line.is_usable(budget)) else {
            return (hops, Some(format!("no connection was left for {shown}")));
        };
        let authority = match next.port() {
            Some(port) => format!("{}:{port}", line.host),
            None => line.host.clone(),
        };
        let headers = if is_own(line, target) { settings.request_headers.as_slice() } else { &[] };
        let path = &next[url::Position::BeforePath..url::Position::AfterQuery];
        let ask = Ask { method: &method, scheme: line.scheme, authority: &authority, path, headers };
        let answer = line.ask(&ask, settings, budget).await;
        status = answer.exchange.response().map_or(0, |response| response.status);
        let failed = matches!(answer.exchange.outcome, Outcome::Failed(_));
        hops.push(answer.exchange);
        match answer.location {
            Some(further) if !failed => location = further,
            _ => return (hops, None),
        }
        here = next;
    }
}

/// Where `location` leads, without user name and fragment.
fn destination(here: &Url, location: &str) -> Result<Url, String> {
    let mut next = here.join(location).map_err(|error| {
        format!("Location cannot be read ({error}): {:?}", redact::text(&text::shorten(location, 200)))
    })?;
    if !matches!(next.scheme(), "http" | "https") || next.host_str().is_none() {
        return Err(format!("Location leads out of HTTP: {:?}", redact::text(&text::shorten(location, 200))));
    }
    // Neither can fail on a URL with a host.
    let _ = next.set_username("");
    let _ = next.set_password(None);
    next.set_fragment(None);
    Ok(next)
}

fn shown(url: &Url) -> String {
    redact::text(&text::shorten(url.as_str(), 300))
}

/// The line to the server of `url`: one that is there, or a new one.
async fn line_to(url: &Url, lines: &mut Vec<Line>, resolve: &Resolve<'_>, settings: &Settings) -> usize {
    let scheme = if url.scheme() == "http" { Scheme::Http } else { Scheme::Https };
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let port = url.port_or_known_default().unwrap_or(scheme.default_port());
    let known = lines.iter().position(|line| line.scheme == scheme && line.host == host && line.port == port);
    if let Some(at) = known {
        return at;
    }
    let route = resolve(host.trim_matches(['[', ']']).to_owned(), port).await;
    lines.push(Line::new(scheme, host, port, route, settings));
    lines.len() - 1
}

/// May the user's lines go there? Same host; same port, or from `http://` up to `https://`; never down to clear text.
fn is_own(line: &Line, target: &Target) -> bool {
    let same = line.scheme == target.scheme && line.port == target.port;
    let upgraded = target.scheme == Scheme::Http
        && line.scheme == Scheme::Https
        && target.port == Scheme::Http.default_port()
        && line.port == Scheme::Https.default_port();
    line.host == target.host && (same || upgraded)
}
