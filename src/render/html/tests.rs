use super::*;
use crate::render::Look;
use crate::report::{Status, testing};

fn page_of(report: &Report) -> String {
    let mut out = Vec::new();
    render(report, &Look::plain(80), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn large_reports_keep_to_their_bound_and_say_so() {
    let mut report = testing::report_of(&[Status::Fail, Status::Pass], false);
    let one = report.targets[0].clone();
    report.targets = vec![one; 50];
    let whole = page::page(&report, MAX_OCTETS).into_string();
    assert_eq!(whole.matches("<article class=\"target\"").count(), 50);
    let bounded = page::page(&report, 20_000).into_string();
    let told = bounded.matches("<article class=\"target\"").count();
    assert!((1..50).contains(&told), "{told}");
    assert!(bounded.contains(&format!("Only the first {told} are told in full")));
    assert_eq!(bounded.matches("scope=\"row\"").count(), 50, "the index has them all");
    assert_eq!(bounded.matches("href=\"#t").count(), told, "and leads only to what is there");
}

#[test]
fn links_lead_to_the_web_only() {
    for bad in ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//evil", "https:", "vbscript:x"] {
        let shown = parts::link(bad, "x").into_string();
        assert!(!shown.contains("href"), "{shown}");
    }
    let good = parts::link("https://example.com/?a=\"><script>", "docs").into_string();
    assert!(good.starts_with("<a href=\"https://example.com/?a=&quot;&gt;&lt;script&gt;\""), "{good}");
}

#[test]
fn nothing_and_everything_have_a_page() {
    let mut report = testing::report_of(&[], false);
    assert!(page_of(&report).contains("lambda.example.com is well"));
    report.targets.clear();
    assert!(page_of(&report).contains("There was no target."));
}
