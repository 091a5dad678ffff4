//! The way of a request as a picture, with the break marked, and what was seen at each hop beside it.

use maud::{Markup, html};

use super::parts::{self, Subject, harmless};
use crate::report::{Hop, HopId, Leg, Status};

/// Where things stand in the picture, in its own units.
struct Plan {
    /// Of the whole picture.
    width: usize,
    height: usize,
    /// Of one box.
    box_width: usize,
    box_height: usize,
    /// From one box to the next, along the way.
    step: usize,
    /// The first box.
    left: usize,
    top: usize,
    across: bool,
}

impl Plan {
    /// Side by side, for wide pages and paper.
    fn across(hops: usize) -> Plan {
        let (width, box_width, left) = (980, 170, 14);
        let step = (width - 2 * left - box_width) / (hops - 1).max(1);
        Plan { width, height: 158, box_width, box_height: 92, step, left, top: 24, across: true }
    }

    /// One below the other, for narrow pages.
    fn down(hops: usize) -> Plan {
        let step = 144;
        let height = 24 + step * (hops - 1) + 92 + 34;
        Plan { width: 320, height, box_width: 230, box_height: 92, step, left: 45, top: 24, across: false }
    }

    /// The upper left corner of a box.
    fn corner(&self, index: usize) -> (usize, usize) {
        match self.across {
            true => (self.left + index * self.step, self.top),
            false => (self.left, self.top + index * self.step),
        }
    }

    /// Both ends of the connection that leads to a box.
    fn way_to(&self, index: usize) -> ((usize, usize), (usize, usize)) {
        let (x, y) = self.corner(index);
        match self.across {
            true => {
                let middle = y + self.box_height / 2;
                ((x + self.box_width - self.step, middle), (x, middle))
            }
            false => {
                let middle = x + self.box_width / 2;
                ((middle, y + self.box_height - self.step), (middle, y))
            }
        }
    }
}

/// The picture and the list; nothing where nobody looked.
pub(super) fn render(subject: Subject<'_>) -> Markup {
    let hops = &subject.target.path;
    if hops.is_empty() {
        return html! {};
    }
    html! {
        section.path aria-label="The path" {
            h3 { "The path of a request" }
            div.wide-picture { (picture(subject, &Plan::across(hops.len()), "wide")) }
            div.narrow-picture { (picture(subject, &Plan::down(hops.len()), "narrow")) }
            ol.hops { @for hop in hops { (card(subject, hop)) } }
        }
    }
}

fn picture(subject: Subject<'_>, plan: &Plan, which: &str) -> Markup {
    let hops = &subject.target.path;
    let (title, told) = (subject.anchor(&format!("{which}-title")), subject.anchor(&format!("{which}-told")));
    html! {
        svg.picture viewBox={ "0 0 " (plan.width) " " (plan.height) } role="img"
            aria-labelledby={ (title) " " (told) } {
            title id=(title) { "The path of a request to " (harmless(&subject.target.host)) }
            desc id=(told) { (in_words(hops)) }
            @for (index, hop) in hops.iter().enumerate() {
                @if let Some(link) = &hop.link { (connection(plan, index, link)) }
            }
            @for (index, hop) in hops.iter().enumerate() { (place(plan, index, hop)) }
        }
    }
}

/// The picture for those who hear it.
fn in_words(hops: &[Hop]) -> String {
    let mut parts = Vec::new();
    for hop in hops {
        if let Some(link) = &hop.link {
            parts.push(format!("way to {}: {}", hop.title, state(link)));
        }
        if hop.id != HopId::Visitor {
            parts.push(format!("{}: {}", hop.title, state(&hop.here)));
        }
    }
    harmless(&(parts.join("; ") + "."))
}

fn state(leg: &Leg) -> &'static str {
    match (leg.broken, leg.status) {
        (true, Status::Fail) => "broken, this is the cause",
        (true, _) => "this is the cause",
        (_, Status::Pass) => "works",
        (_, Status::Warn) => "works, with warnings",
        (_, Status::Fail) => "fails",
        (_, Status::NotRun) => "not seen",
    }
}

/// What stands beside the break.
fn flag(leg: &Leg) -> Option<&'static str> {
    match (leg.broken, leg.status) {
        (false, _) => None,
        (true, Status::Fail) => Some("breaks here"),
        (true, _) => Some("the cause is here"),
    }
}

fn connection(plan: &Plan, index: usize, link: &Leg) -> Markup {
    let ((x1, y1), (x2, y2)) = plan.way_to(index);
    let (x, y) = ((x1 + x2) / 2, (y1 + y2) / 2);
    let broken = link.broken && link.status == Status::Fail;
    // The head of the arrow stands before the box.
    let head = match plan.across {
        true => format!("M{} {}l-9 -5.5v11z", x2 - 2, y2),
        false => format!("M{} {}l-5.5 -9h11z", x2, y2 - 2),
    };
    let gap = if broken { 21 } else { 0 };
    let (before, after) = match plan.across {
        true => (format!("M{x1} {y1}H{}", x - gap), format!("M{} {y1}H{}", x + gap, x2 - 9)),
        false => (format!("M{x1} {y1}V{}", y - gap), format!("M{x1} {}V{}", y + gap, y2 - 9)),
    };
    let (flag_x, flag_y, anchor) =
        if plan.across { (x, plan.top + plan.box_height + 22, "middle") } else { (x + 24, y + 5, "start") };
    html! {
        g class={ "link " (parts::class(link.status)) } {
            path.wire d=(before) {}
            path.wire.rest d=(after) {}
            path.head d=(head) {}
            (badge(x, y, parts::class(link.status), if broken { 26 } else { 20 }))
            @if let Some(words) = flag(link) { text.flag x=(flag_x) y=(flag_y) text-anchor=(anchor) { (words) } }
        }
    }
}

/// A mark in the picture, on a ground that covers the line below it.
fn badge(x: usize, y: usize, class: &str, size: usize) -> Markup {
    let half = size / 2;
    html! {
        circle.ground cx=(x) cy=(y) r=(half + 3) {}
        svg class={ "mark " (class) } x=(x.saturating_sub(half)) y=(y.saturating_sub(half)) width=(size) height=(size) viewBox="0 0 20 20" {
            use href={ "#m-" (class) } {}
        }
    }
}

fn place(plan: &Plan, index: usize, hop: &Hop) -> Markup {
    let (x, y) = plan.corner(index);
    let (width, height, middle) = (plan.box_width, plan.box_height, x + plan.box_width / 2);
    let class = parts::class(hop.here.status);
    let broken = if hop.here.broken { " broken" } else { "" };
    html! {
        g class={ "place " (class) (broken) } {
            rect.body x=(x) y=(y) width=(width) height=(height) rx="10" {}
            svg.icon x=(middle - 15) y=(y + 10) width="30" height="30" viewBox="0 0 30 30" { (icon(hop.id)) }
            text.name x=(middle) y=(y + 58) text-anchor="middle" { (harmless(&hop.title)) }
            @if let Some(name) = &hop.name {
                text.address x=(middle) y=(y + 77) text-anchor="middle" { (shortened(name, width / 7)) }
            }
            @if hop.id != HopId::Visitor { (badge(x + width - 6, y + 6, class, if hop.here.broken { 26 } else { 20 })) }
            @if let Some(words) = flag(&hop.here) {
                text.flag x=(middle) y=(y + height + 22) text-anchor="middle" { (words) }
            }
        }
    }
}

/// The middle goes, for both ends tell most: `d-a1b2….us-west-2.amazonaws.com`.
fn shortened(name: &str, most: usize) -> String {
    let chars: Vec<char> = harmless(name).chars().collect();
    if chars.len() <= most {
        return chars.into_iter().collect();
    }
    let head = most / 2;
    let tail = most.saturating_sub(head + 1);
    chars.iter().take(head).chain(&['…']).chain(chars.iter().skip(chars.len() - tail)).collect()
}

fn icon(id: HopId) -> Markup {
    let drawn = match id {
        HopId::Visitor => "M15 4.5a5 5 0 1 1 0 10a5 5 0 1 1 0-10M5.5 26c.4-6 4-9 9.500-9s9.100 3 9.500 9z",
        HopId::Edge => "M9 24a6 6 0 0 1-.8-11.900a7.500 7.500 0 0 1 14.300-1.300A6.700 6.700 0 0 1 22.500 24z",
        HopId::Origin => "M5 5.500h20v7.500H5zM5 17h20v7.500H5zM9 9.200h.1M9 20.700h.1M13.500 9.200h7M13.500 20.700h7",
        HopId::Function => "M7.500 5.500h4.500L22 24.500M14.500 11.500L7.500 24.500",
    };
    html! { path d=(drawn) {} }
}

fn card(subject: Subject<'_>, hop: &Hop) -> Markup {
    html! {
        li.hop {
            p.hop-head {
                b { (harmless(&hop.title)) }
                @if let Some(name) = &hop.name { code { (harmless(name)) } }
            }
            @if let Some(link) = &hop.link { (leg(subject, "Way there", link)) }
            @if hop.id == HopId::Visitor { (plain(&hop.here)) } @else { (leg(subject, "Itself", &hop.here)) }
        }
    }
}

fn plain(leg: &Leg) -> Markup {
    html! { @for line in &leg.seen { p.seen { code { (harmless(line)) } } } }
}

fn leg(subject: Subject<'_>, label: &str, leg: &Leg) -> Markup {
    html! {
        div class={ "leg " (parts::class(leg.status)) @if leg.broken { " broken" } } {
            p.leg-head { (parts::silent_mark(parts::class(leg.status))) span { (label) ": " (state(leg)) } }
            @for line in &leg.seen { p.seen { (harmless(line)) } }
            @for check in &leg.findings { p.seen { (subject.check(check)) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_long_name_goes() {
        assert_eq!(shortened("lambda.example.com", 20), "lambda.example.com");
        assert_eq!(shortened("d-a1b2c3d4e5.execute-api.us-west-2.amazonaws.com", 20), "d-a1b2c3d4…onaws.com");
        assert_eq!(shortened("ääääääääää", 4), "ää…ä");
    }

    #[test]
    fn boxes_do_not_touch() {
        for hops in 1..=4 {
            for plan in [Plan::across(hops), Plan::down(hops)] {
                let (x, y) = plan.corner(hops - 1);
                assert!(x + plan.box_width < plan.width && y + plan.box_height < plan.height, "{hops}");
                assert!(hops == 1 || plan.step >= 30 + if plan.across { plan.box_width } else { plan.box_height });
            }
        }
    }
}
