//! Certificates as time lines: when it began, now, when it ends.

use maud::{Markup, html};
use time::OffsetDateTime;

use super::parts::{self, Subject, harmless};
use crate::report::{CertificateReport, End, Status};

/// Units along the line; the picture is stretched to the page.
const LENGTH: f64 = 1000.0;

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

/// The validity as a bar, and now as a stroke across it; its ends are named below.
fn line(from: OffsetDateTime, now: OffsetDateTime, to: OffsetDateTime) -> Markup {
    // Some room at both sides, so that a stroke at the edge is seen.
    let (first, last) = (from.min(now), to.max(now));
    let span = (last - first).as_seconds_f64().max(1.0);
    let at = |moment: OffsetDateTime| 40.0 + (moment - first).as_seconds_f64() / span * (LENGTH - 80.0);
    let (start, present, end) = (at(from), at(now), at(to));
    let bar = |class: &str, left: f64, right: f64| {
        html! { rect class=(class) x=(tenth(left)) y="14" width=(tenth((right - left).max(0.0))) height="12" {} }
    };
    let told = format!("Valid from {} to {}; now it is {}.", from.date(), to.date(), now.date());
    html! {
        svg.line viewBox="0 0 1000 40" preserveAspectRatio="none" role="img" aria-label=(told) {
            title { (told) }
            rect.scale x="0" y="19" width="1000" height="2" {}
            (bar("spent", start, present.clamp(start, end.max(start))))
            (bar("ahead", present.clamp(start, end.max(start)), end))
            @if now > to { (bar("overdue", end, present)) }
            @if now < from { (bar("overdue", present, start)) }
            rect.now x=(tenth(present - 2.0)) y="4" width="4" height="32" {}
        }
        ol.dates {
            @for (class, label, moment) in in_order(from, now, to) { li class=(class) { span { (label) } (parts::day(moment)) } }
        }
    }
}

/// The three moments as they follow each other.
fn in_order(
    from: OffsetDateTime,
    now: OffsetDateTime,
    to: OffsetDateTime,
) -> [(&'static str, &'static str, OffsetDateTime); 3] {
    let mut all = [("from", "not before", from), ("now", "now", now), ("to", "not after", to)];
    all.sort_by_key(|(_, _, moment)| *moment);
    all
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
