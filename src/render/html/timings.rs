//! Where the time went: each request as a bar of its phases.

use maud::{Markup, html};

use super::parts::{self, Subject, harmless};
use crate::report::{End, TimingReport};

/// Units along the longest bar; the picture is stretched to the page.
const LENGTH: f64 = 1000.0;

/// Class, word.
const PHASES: [(&str, &str); 5] =
    [("dns", "DNS"), ("tcp", "TCP"), ("tls", "TLS"), ("head", "answer begins"), ("body", "body")];

/// The section; nothing where nothing was measured.
pub(super) fn render(subject: Subject<'_>) -> Markup {
    let timings = &subject.target.timings;
    let longest = timings.iter().map(total).fold(0.0, f64::max);
    if timings.is_empty() || longest <= 0.0 {
        return html! {};
    }
    html! {
        section.timings aria-label="Timings" {
            h3 { "Where the time went" }
            ul.legend aria-hidden="true" { @for (class, word) in PHASES { li { span class={ "swatch " (class) } {} (word) } } }
            @for end in [End::Edge, End::Origin] { (one_end(timings, end, longest)) }
        }
    }
}

fn one_end(timings: &[TimingReport], end: End, longest: f64) -> Markup {
    let title = match end {
        End::Edge => "Through the edge, as visitors ask",
        End::Origin => "Straight to the origin, as Cloudflare asks",
    };
    html! {
        @if timings.iter().any(|timing| timing.end == end) {
            h4 { (title) }
            ol.waterfall { @for timing in timings.iter().filter(|timing| timing.end == end) { (row(timing, longest)) } }
        }
    }
}

/// Each phase's milliseconds; those of the head are part of the total, the body is the rest of it.
fn phases(timing: &TimingReport) -> [Option<f64>; 5] {
    let body = match (timing.head_ms, timing.total_ms) {
        (Some(head), Some(total)) if total > head => Some(total - head),
        _ => None,
    };
    // An answer that never came, but was waited for.
    let head = timing.head_ms.or(timing.total_ms);
    [timing.dns_ms, timing.connect_ms, timing.tls_ms, head, body].map(|ms| ms.filter(|ms| ms.is_finite() && *ms >= 0.0))
}

fn total(timing: &TimingReport) -> f64 {
    phases(timing).into_iter().flatten().sum()
}

fn row(timing: &TimingReport, longest: f64) -> Markup {
    let parts = phases(timing);
    let mut start = 0.0;
    let mut bars = Vec::new();
    for ((class, word), ms) in PHASES.iter().zip(parts) {
        if let Some(ms) = ms {
            let width = ms / longest * LENGTH;
            bars.push((*class, *word, start, width, ms));
            start += width;
        }
    }
    html! {
        li.request {
            p.request-head {
                b { (harmless(&timing.label)) }
                @if let Some(status) = timing.status { span.chip { (status) } }
                @if let Some(word) = &timing.cf_cache_status { span.chip { (harmless(word)) } }
                @if let Some(why) = &timing.failed { span.failed { (parts::silent_mark("fail")) (harmless(why)) } }
                span.sum { (milliseconds(total(timing))) }
            }
            svg.bar viewBox="0 0 1000 16" preserveAspectRatio="none" aria-hidden="true" {
                rect.scale x="0" y="0" width="1000" height="16" {}
                @for (class, word, x, width, ms) in &bars {
                    rect class=(class) x=(tenth(*x)) y="0" width=(tenth(width.max(2.0))) height="16" {
                        title { (word) " " (milliseconds(*ms)) }
                    }
                }
            }
            p.phases {
                @for (index, (_, word, _, _, ms)) in bars.iter().enumerate() {
                    @if index > 0 { " · " }
                    (word) " " (milliseconds(*ms))
                }
            }
        }
    }
}

fn milliseconds(ms: f64) -> String {
    match ms {
        _ if ms < 10.0 => format!("{:.1} ms", ms),
        _ if ms < 10_000.0 => format!("{:.0} ms", ms),
        _ => format!("{:.1} s", ms / 1000.0),
    }
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
