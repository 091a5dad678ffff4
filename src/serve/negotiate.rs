//! `Accept`: which of the two texts (RFC 9110 §12.5.1).

use http::header::{ACCEPT, HeaderMap};

use crate::render::openmetrics::Syntax;

const OPENMETRICS: &str = "application/openmetrics-text";

/// OpenMetrics where it is asked for and nothing else is wanted more; else Prometheus' own text, which everybody reads.
pub(super) fn syntax(headers: &HeaderMap) -> Syntax {
    let (mut openmetrics, mut other) = (0.0_f32, 0.0_f32);
    for value in headers.get_all(ACCEPT) {
        for range in value.to_str().unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let (mut quality, mut is_known) = (1.0, true);
            for (name, value) in parts.filter_map(|part| part.split_once('=')) {
                match name.trim().to_ascii_lowercase().as_str() {
                    "q" => quality = value.trim().parse().ok().filter(|q| (0.0..=1.0).contains(q)).unwrap_or(0.0),
                    "version" => is_known = value.trim().trim_matches('"') == "1.0.0",
                    _ => {}
                }
            }
            match kind.as_str() {
                OPENMETRICS if is_known => openmetrics = openmetrics.max(quality),
                "text/plain" | "text/*" => other = other.max(quality),
                _ => {}
            }
        }
    }
    if openmetrics > 0.0 && openmetrics >= other { Syntax::OpenMetrics } else { Syntax::Prometheus }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn chosen(accept: &[&'static str]) -> Syntax {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(ACCEPT, HeaderValue::from_static(value));
        }
        syntax(&headers)
    }

    #[test]
    fn openmetrics_only_where_it_is_asked_for() {
        use Syntax::{OpenMetrics, Prometheus};
        // Prometheus 2.42.
        let scrape = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                      text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, wanted) in [
            (&[scrape][..], OpenMetrics),
            (&["text/plain;q=0.5", "Application/OpenMetrics-Text; Version=\"1.0.0\""], OpenMetrics),
            (&["application/openmetrics-text"], OpenMetrics),
            (&[], Prometheus),
            (&["*/*"], Prometheus),
            (&["text/html,application/xhtml+xml,*/*;q=0.8"], Prometheus),
            (&["application/openmetrics-text;version=0.0.1"], Prometheus),
            (&["application/openmetrics-text;version=2.0.0, text/plain;q=0.1"], Prometheus),
            (&["application/openmetrics-text;q=0.2,text/plain"], Prometheus),
            (&["application/openmetrics-text;q=0"], Prometheus),
            (&["application/openmetrics-text;q=NaN"], Prometheus),
            (&[";;;,=,q"], Prometheus),
        ] {
            assert_eq!(chosen(accept), wanted, "{accept:?}");
        }
    }
}
