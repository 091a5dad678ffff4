//! Certificates as time lines: when it began, now, when it ends.

use maud::{Markup, html};
use time::OffsetDateTime;

use super::parts::{self, Subject, harmless};
use crate::report::{CertificateReport, End, Status};

/// The section; nothing where no certificate was seen.
pub(super) fn render(subject: Subject<'_>, started_at: OffsetDateTime) -> Markup {
    let now = subject.target.gathered_at.unwrap_or(started_at);
    let certificates = &subject.target.certificates;
    html! {
        @if !certificates.is_empty() {
            section.certificates aria-label="Certificates" {
                h3 { "Certificates" }
                div.columns { @for certificate in certificates { (one(subject, certificate, now)) } }
            }
        }
    }
}

fn one(subject: Subject<'_>, certificate: &CertificateReport, now: OffsetDateTime) -> Markup {
    let class = parts::class(status(subject, certificate, now));
    html! {
        div class={ "certificate " (class) } {
            p.certificate-head {
                (parts::silent_mark(class))
                b { (match certificate.end { End::Edge => "Edge: what visitors get", End::Origin => "Origin: what Cloudflare gets" }) }
                @if let Some(left) = left(certificate, now) { span.left { (left) } }
            }
            @if let (Some(from), Some(to)) = (certificate.not_before, certificate.not_after) { (line(from, now, to)) }
            dl.facts {
                dt { "For" } dd { (names(certificate)) }
                dt { "Issuer" } dd { (harmless(&certificate.issuer)) }
                @if certificate.not_before.is_none() && let Some(end) = certificate.not_after { dt { "Ends" } dd { (parts::day(end)) } }
            }
        }
    }
}

/// The worst of what the dates say themselves and of the findings about them.
fn status(subject: Subject<'_>, certificate: &CertificateReport, now: OffsetDateTime) -> Status {
    let is_outside =
        certificate.not_after.is_some_and(|end| end < now) || certificate.not_before.is_some_and(|start| start > now);
    if is_outside {
        return Status::Fail;
    }
    let prefix = format!("{}-certificate-", certificate.end.word());
    let own = subject.target.results.iter().filter(|result| {
        let name = &result.check;
        name.starts_with(&prefix) || certificate.end == End::Origin && name == "origin-ca-unmanaged"
    });
    own.filter(|result| result.status.is_finding()).map(|result| result.status).max().unwrap_or(Status::Pass)
}

fn left(certificate: &CertificateReport, now: OffsetDateTime) -> Option<String> {
    if let Some(start) = certificate.not_before.filter(|start| *start > now) {
        return Some(format!("begins in {}", days((start - now).whole_days())));
    }
    match certificate.not_after? {
        end if end < now => Some(format!("ended {} ago", days((now - end).whole_days()))),
        end => Some(format!("{} left", days((end - now).whole_days()))),
    }
}

fn days(count: i64) -> String {
    match count {
        0 => "less than a day".into(),
        1 => "1 day".into(),
        _ => format!("{count} days"),
    }
}

fn names(certificate: &CertificateReport) -> Markup {
    html! {
        @if certificate.names.is_empty() { (harmless(&certificate.subject)) }
        @for (index, name) in certificate.names.iter().enumerate() {
            @if index > 0 { ", " }
            code { (harmless(name)) }
        }
    }
}

/// The validity as a bar, and now as a stroke across it. Places are in percent, so that the line is as wide as the page
/// lets it be while its text keeps its size.
fn line(from: OffsetDateTime, now: OffsetDateTime, to: OffsetDateTime) -> Markup {
    let (first, last) = (from.min(now), to.max(now));
    let span = (last - first).as_seconds_f64().max(1.0);
    // Some room at both sides, so that a stroke at the end is seen.
    let at = |moment: OffsetDateTime| 1.0 + (moment - first).as_seconds_f64() / span * 98.0;
    let (start, present, end) = (at(from), at(now), at(to).max(at(from)));
    let turn = present.clamp(start, end);
    let told = format!("Valid from {} to {}; now it is {}.", from.date(), to.date(), now.date());
    // Where both dates would stand on one another, the later one goes a line down.
    let second = if end < 55.0 || start > 45.0 { 72 } else { 56 };
    html! {
        svg.line width="100%" height=(second + 6) role="img" aria-label=(told) {
            title { (told) }
            rect.scale x="0" y="29" width="100%" height="2" {}
            (bar("spent", start, turn))
            (bar("ahead", turn, end))
            @if now > to { (bar("overdue", end, present)) }
            @if now < from { (bar("overdue", present, start)) }
            rect.now x=(percent(present)) y="18" width="3" height="24" {}
            (label(present, 12, "now", now))
            (label(start, 56, "from", from))
            (label(end, second, "to", to))
        }
    }
}

fn bar(class: &str, left: f64, right: f64) -> Markup {
    html! { rect class=(class) x=(percent(left)) y="24" width=(percent((right - left).max(0.0))) height="12" {} }
}

/// A date at its place; at the ends of the line it leans inwards.
fn label(at: f64, y: u32, word: &str, moment: OffsetDateTime) -> Markup {
    let anchor = match at {
        _ if at < 30.0 => "start",
        _ if at > 70.0 => "end",
        _ => "middle",
    };
    html! { text class=(word) x=(percent(at)) y=(y) text-anchor=(anchor) { (word) " " (moment.date()) } }
}

fn percent(value: f64) -> String {
    format!("{:.1}%", value.clamp(0.0, 100.0))
}
