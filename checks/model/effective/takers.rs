//! What may answer in the origin's place: Workers, Snippets, Cloud Connector.

use super::decided::Decided;
use super::{JudgedTaker, Matched, Setter, judge};
use crate::evidence::zone::Zone;
use crate::evidence::{Gathered, Target};
use crate::model::rules::Request;
use crate::model::url_pattern::specificity;

/// The Worker that takes the URL: the most specific route, else the host's Worker domain ("Routes … take precedence if
/// configured on the same hostname"); a route without script keeps Workers away
/// (<https://developers.cloudflare.com/workers/configuration/routing/routes/>).
pub(super) fn worker(
    zone: &Zone,
    sent: &Target,
    rewritten: Option<&Target>,
    takers: &mut Vec<JudgedTaker>,
) -> Decided<Option<String>> {
    let mut worker = match &zone.worker_domains {
        Gathered::Found(_) => Decided::nobody(None),
        Gathered::Missing(why) => {
            let mut open = Decided::nobody(None);
            open.doubt(format!("unless a Worker domain takes the host (not known: {})", why.text()));
            open
        }
    };
    for domain in zone.worker_domains.found().into_iter().flatten() {
        let setter = Setter::WorkerDomain { hostname: domain.hostname.clone(), service: domain.service.clone() };
        let matched = if domain.hostname == sent.host { Matched::Yes } else { Matched::No(Vec::new()) };
        if matched.is_yes() {
            worker.set(Some(name(domain.service.as_deref())), setter.clone());
        }
        takers.push(JudgedTaker { setter, matched });
    }
    let Gathered::Found(routes) = &zone.worker_routes else {
        if let Gathered::Missing(why) = &zone.worker_routes {
            worker.doubt(format!("unless a Worker route takes the URL (not known: {})", why.text()));
        }
        return worker;
    };
    let mut judged: Vec<_> = routes
        .iter()
        .map(|route| {
            let setter = Setter::WorkerRoute { pattern: route.pattern.clone(), script: route.script.clone() };
            let matched = judge::route_pattern(&route.pattern, sent, rewritten);
            (specificity(&route.pattern), route, JudgedTaker { setter, matched })
        })
        .collect();
    judged.sort_by_key(|(specificity, ..)| *specificity);
    let show = |script: &Option<String>| script.clone().unwrap_or_else(|| "no Worker".into());
    let mut before: Option<(crate::model::url_pattern::Specificity, Option<String>)> = None;
    for (specificity, route, taker) in judged {
        worker.hear(route.script.clone(), &taker.setter, &taker.matched, show);
        if taker.matched.is_yes() {
            // The known bug of two routes that differ by a slash before the star.
            if let Some((other, script)) = &before
                && specificity.is_like(*other)
                && *script != route.script
            {
                worker.doubt("two Worker routes are alike, and Cloudflare has a known bug with their order");
            }
            before = Some((specificity, route.script.clone()));
        }
        takers.push(taker);
    }
    worker
}

fn name(service: Option<&str>) -> String {
    service.unwrap_or("(unnamed)").to_owned()
}

/// The Snippets that run.
pub(super) fn snippets(zone: &Zone, request: &Request, takers: &mut Vec<JudgedTaker>) -> Decided<Vec<String>> {
    let mut running = Decided::of_zone(&zone.snippets, Setter::Default, |_| Vec::new());
    for snippet in zone.snippets.found().into_iter().flatten() {
        let setter = Setter::Snippet { name: snippet.name.clone(), expression: snippet.expression.clone() };
        let matched = judge::condition(&snippet.expression, snippet.enabled, request).matched;
        let mut names = running.value.clone().unwrap_or_default();
        names.push(snippet.name.clone());
        let doubts = std::mem::take(&mut running.doubts);
        running.hear(names, &setter, &matched, |_| "a Snippet".into());
        running.doubts.splice(..0, doubts);
        takers.push(JudgedTaker { setter, matched });
    }
    running
}

/// The object store that answers.
pub(super) fn connector(zone: &Zone, request: &Request, takers: &mut Vec<JudgedTaker>) -> Decided<Option<String>> {
    let mut store = Decided::of_zone(&zone.connectors, Setter::Default, |_| None);
    for (index, rule) in zone.connectors.found().into_iter().flatten().enumerate() {
        let setter = Setter::Connector { position: index + 1, expression: rule.expression.clone() };
        let matched = judge::condition(&rule.expression, rule.enabled, request).matched;
        let place = rule.host.clone().or_else(|| rule.provider.clone()).unwrap_or_else(|| "an object store".into());
        store.hear(Some(place), &setter, &matched, |place| place.clone().unwrap_or_default());
        takers.push(JudgedTaker { setter, matched });
    }
    store
}
