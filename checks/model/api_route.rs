//! Which route of an API a request reaches.
//!
//! HTTP APIs take the most specific route: a full match, then one with a greedy `{proxy+}`, then `$default`
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>). REST APIs have their
//! routes in a tree of resources; a literal segment beats `{name}`, and that beats `{name+}`.

use crate::evidence::gateway::{Api, Protocol, Route};

/// The route that catches method and path (the path as the API sees it: [`super::mapping::Caught::rest_of`]).
pub fn caught<'a>(api: &Api, routes: &'a [Route], method: &str, path: &str) -> Option<&'a Route> {
    let path = path.split(['?', '#']).next().unwrap_or(path);
    if api.protocol == Protocol::WebSocket {
        return None; // its routes are chosen by messages
    }
    let matching = routes.iter().filter_map(|route| {
        let (of_route, pattern) = split(&route.key)?;
        let specificity = specificity(pattern, path)?;
        Some((specificity, of_route, route))
    });
    if api.protocol == Protocol::Rest {
        // The resource is chosen by the path alone, then its method.
        let all: Vec<_> = matching.collect();
        let best = all.iter().map(|(specificity, ..)| specificity).min()?;
        let at_best = || all.iter().filter(|(specificity, ..)| specificity == best);
        let exact = at_best().find(|(_, of_route, _)| of_route.eq_ignore_ascii_case(method));
        return exact.or_else(|| at_best().find(|(_, of_route, _)| *of_route == "ANY")).map(|(.., route)| *route);
    }
    matching
        .filter(|(_, of_route, _)| of_route.eq_ignore_ascii_case(method) || *of_route == "ANY")
        .min_by(|(a, of_a, _), (b, of_b, _)| a.cmp(b).then((*of_a == "ANY").cmp(&(*of_b == "ANY"))))
        .map(|(.., route)| route)
        .or_else(|| routes.iter().find(|route| route.key == "$default"))
}

/// Method and path of a route's key.
pub fn split(key: &str) -> Option<(&str, &str)> {
    key.split_once(' ').filter(|(_, path)| path.starts_with('/'))
}

/// How near the pattern comes to the path, segment by segment: 0 literal, 1 variable, 2 greedy; `None`: not at all.
fn specificity(pattern: &str, path: &str) -> Option<Vec<u8>> {
    let segments = |text: &str| -> Vec<String> {
        text.trim_start_matches('/')
            .trim_end_matches('/')
            .split('/')
            .filter(|s| !s.is_empty())
            .map(Into::into)
            .collect()
    };
    let (pattern, path) = (segments(pattern), segments(path));
    let mut found = Vec::new();
    for (at, wanted) in pattern.iter().enumerate() {
        let segment = path.get(at)?;
        if wanted.starts_with('{') && wanted.ends_with("+}") {
            found.push(2);
            return Some(found);
        }
        let is_variable = wanted.starts_with('{') && wanted.ends_with('}');
        if !is_variable && wanted != segment {
            return None;
        }
        found.push(u8::from(is_variable));
    }
    (path.len() == pattern.len()).then_some(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::evidence::Gateway;

    fn api(protocol: &str, keys: &[&str]) -> Api {
        let routes: Vec<_> = keys.iter().map(|key| json!({"routeKey": key})).collect();
        let item = json!({"apiId": "a", "protocolType": protocol, "routes": routes});
        Gateway::from_document(json!({"apis": [item]})).apis.found().unwrap()[0].clone()
    }

    fn of(protocol: &str, keys: &[&str], method: &str, path: &str) -> Option<String> {
        let api = api(protocol, keys);
        caught(&api, api.routes.found().unwrap(), method, path).map(|route| route.key.clone())
    }

    #[test]
    fn the_most_specific_route_of_an_http_api() {
        // The table of the developer guide.
        let keys = ["GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}", "$default"];
        for (method, path, key) in [
            ("GET", "/pets/dog/1", "GET /pets/dog/1"),
            ("GET", "/pets/dog/2", "GET /pets/dog/{id}"),
            ("GET", "/pets/cat/1", "GET /pets/{proxy+}"),
            ("POST", "/test/5", "ANY /{proxy+}"),
            ("POST", "/pets/dog/1", "ANY /{proxy+}"),
            ("get", "/pets/dog/1?x=1", "GET /pets/dog/1"),
            ("GET", "/", "$default"),
        ] {
            assert_eq!(of("HTTP", &keys, method, path).as_deref(), Some(key), "{method} {path}");
        }
        assert_eq!(of("HTTP", &["ANY /a", "GET /a"], "GET", "/a").as_deref(), Some("GET /a"));
        assert_eq!(of("HTTP", &["GET /a"], "HEAD", "/a"), None);
        assert_eq!(of("HTTP", &["GET /a"], "GET", "/a/b"), None);
        assert_eq!(of("HTTP", &["GET /"], "GET", "/").as_deref(), Some("GET /"));
    }

    #[test]
    fn a_rest_api_chooses_the_resource_first() {
        let keys = ["GET /a/{x}", "ANY /{proxy+}", "POST /a/b"];
        assert_eq!(of("REST", &keys, "GET", "/a/b"), None, "the literal resource has no GET");
        assert_eq!(of("REST", &keys, "GET", "/a/c").as_deref(), Some("GET /a/{x}"));
        assert_eq!(of("REST", &keys, "PUT", "/z/z").as_deref(), Some("ANY /{proxy+}"));
        assert_eq!(of("WEBSOCKET", &["$default"], "GET", "/"), None);
    }
}
