//! The format `html` in a browser: with scripts, without them, narrow and wide, and with hostile text.

mod chromium;

use cfdoctor::render::{Format, Look, render};
use cfdoctor::report::{Report, Status};
use serde_json::Value;

use crate::{rich, whole};
use chromium::browser;

fn page(report: &Report) -> String {
    let mut out = Vec::new();
    render(Format::Html, report, &Look::plain(80), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The page with a script of the test behind its own; the policy lets it in.
fn examined(page: &str, script: &str) -> String {
    let (before, rest) = page.split_once("script-src 'sha256-").unwrap();
    let (_, rest) = rest.split_once('\'').unwrap();
    let open = format!("{before}script-src 'unsafe-inline'{rest}");
    let (body, end) = open.rsplit_once("</body>").unwrap();
    format!("{body}<script>{script}</script></body>{end}")
}

/// What the test's script wrote down.
fn noted(dom: &str) -> Value {
    let (_, rest) = dom.split_once("data-noted=\"").expect("the script of the test did not run");
    let text = rest.split('"').next().unwrap().replace("&quot;", "\"").replace("&amp;", "&");
    serde_json::from_str(&text).unwrap()
}

const NOTE: &str = "
    const note = (what) => { document.documentElement.dataset.noted = JSON.stringify(what); };
    const all = (selector) => [...document.querySelectorAll(selector)];
    const visible = (selector) => all(selector).filter((one) => one.checkVisibility() && one.offsetHeight > 0).length;
";

fn count(report: &Report, status: Option<Status>) -> usize {
    let results = report.targets.iter().flat_map(|target| &target.results);
    results.filter(|result| status.is_none_or(|status| result.status == status)).count()
}

#[test]
fn the_page_fetches_nothing_and_the_console_is_silent() {
    let Some(browser) = browser() else { return };
    let text = page(&whole::report());
    let named: Vec<&str> =
        text.split("https://").skip(1).filter_map(|rest| rest.split(['/', '"', '<', ' ']).next()).collect();
    assert!(named.contains(&"developers.cloudflare.com"));
    let fetched = |seen: &chromium::Seen| {
        let host = |url: &str| url::Url::parse(url).ok().and_then(|url| url.host_str().map(ToOwned::to_owned));
        seen.asked.iter().filter(|url| host(url).is_some_and(|host| named.contains(&host.as_str()))).count()
    };
    let file = browser.file("report.html", &text);
    let seen = browser.open(&file, "", &[]);
    assert_eq!((&seen.console, fetched(&seen)), (&Vec::new(), 0));
    assert!(seen.dom.contains("<article class=\"target\"") && seen.dom.contains("class=\"scripted\""));
    // Chromium says that it ran none of the scripts, and nothing else.
    let frame = "<!doctype html><iframe sandbox src=report.html width=1280 height=9000></iframe>";
    let unscripted = browser.open(&browser.file("frame.html", frame), "", &[]);
    assert_eq!((unscripted.console.len(), fetched(&unscripted)), (1, 0), "{:?}", unscripted.console);
    assert!(unscripted.console[0].contains("Blocked script execution"), "{:?}", unscripted.console);
    // The test would have seen it.
    let other = "<img src=https://developers.cloudflare.com/x><script>console.log('a')</script>";
    let other = browser.open(&browser.file("other.html", other), "", &[]);
    assert!(fetched(&other) > 0 && other.console.len() == 1, "{:?}", other.console);
}

#[test]
fn everything_is_visible_without_scripts() {
    let Some(browser) = browser() else { return };
    let report = rich::report();
    let text = page(&report);
    let own = text.rfind("<script>").unwrap();
    let unscripted = format!("{}</body></html>", &text[..own]);
    let script = format!(
        "{NOTE} note([visible('.result'), visible('.step pre, .pick'), visible('button'), all('details:not([open])').length]);"
    );
    let seen = browser.open(&browser.file("report.html", &examined(&unscripted, &script)), "", &[]);
    let steps = report
        .targets
        .iter()
        .flat_map(|t| &t.results)
        .filter_map(|r| r.fix.as_ref())
        .flat_map(|fix| &fix.steps)
        .count();
    assert_eq!(noted(&seen.dom), serde_json::json!([count(&report, None), steps, 0, 0]));
}

#[test]
fn filters_show_one_status() {
    let Some(browser) = browser() else { return };
    let report = rich::report();
    let script = format!(
        "{NOTE}
        const look = () => [document.documentElement.dataset.show, visible('.result'),
          all('.result:not([hidden])').map((one) => one.dataset.status),
          document.querySelector('[role=status]').textContent,
          all('[aria-pressed=true]').map((one) => one.dataset.show)];
        const seen = [look()];
        addEventListener('hashchange', () => {{ seen.push(look()); note(seen); }});
        ['warn', 'pass', 'not-run'].forEach((word, nth) => setTimeout(() => {{ location.hash = 'show=' + word; }}, 100 * nth));"
    );
    let seen = browser.open(&browser.file("report.html", &examined(&page(&report), &script)), "#show=fail", &[]);
    let expected = [Status::Fail, Status::Warn, Status::Pass, Status::NotRun].map(|status| {
        let (word, many) = (status.word(), count(&report, Some(status)));
        assert!(many > 0);
        let told = format!("{many} of {} results shown", count(&report, None));
        serde_json::json!([word, many, vec![word; many], told, [word]])
    });
    assert_eq!(noted(&seen.dom), serde_json::json!(expected));
}

#[test]
fn buttons_filter_copy_fold_and_lead_to_what_is_folded() {
    let Some(browser) = browser() else { return };
    let report = rich::report();
    let script = format!(
        "{NOTE}
        const seen = {{}};
        const click = (selector) => document.querySelector(selector).click();
        seen.findings = visible('.finding');
        seen.folded = all('details.area:not([open])').length;
        click('[data-show=pass]');
        seen.passed = visible('.result');
        click('[data-show=all]');
        click('[data-fold]');
        seen.afterFold = visible('.result');
        click('[data-fold]');
        seen.afterUnfold = visible('.result');
        click('[data-fold]');
        location.hash = document.querySelector('.result.pass').id;
        setTimeout(() => {{
          seen.led = document.querySelector('.result.pass').checkVisibility();
          const button = document.querySelector('.copy');
          note(seen);
          // Nobody pressed a key here, so the browser would not let the page have its clipboard.
          const clipboard = {{ writeText: async (text) => {{ seen.taken = text; }} }};
          Object.defineProperty(navigator, 'clipboard', {{ value: clipboard }});
          new MutationObserver((_, watch) => {{ seen.copied = button.textContent; note(seen); watch.disconnect(); }})
            .observe(button, {{ childList: true }});
          button.click();
        }}, 300);"
    );
    let seen = browser.open(&browser.file("report.html", &examined(&page(&report), &script)), "", &[]);
    let noted = noted(&seen.dom);
    let findings = count(&report, Some(Status::Fail)) + count(&report, Some(Status::Warn));
    assert_eq!(noted["findings"], findings, "{noted}");
    assert!(noted["folded"].as_u64().unwrap() > 0, "{noted}");
    assert_eq!(noted["passed"], count(&report, Some(Status::Pass)), "{noted}");
    assert_eq!((&noted["afterFold"], &noted["afterUnfold"]), (&0.into(), &count(&report, None).into()), "{noted}");
    assert_eq!(noted["led"], true, "{noted}");
    assert_eq!(noted["copied"], "Copied", "{noted}");
    let step = &report.targets[0].result("origin-certificate-expired").unwrap().fix.as_ref().unwrap().steps[0];
    assert_eq!(noted["taken"], step.text);
}

#[test]
fn no_page_is_wider_than_its_window() {
    let Some(browser) = browser() else { return };
    let tell = "parent.postMessage([innerWidth, document.documentElement.scrollWidth], '*');";
    let script = format!("addEventListener('load', () => {{ {tell} }});");
    let mut pages = vec![page(&rich::report()), page(&whole::report())];
    let mut long = whole::report();
    long.targets[0].url = format!("https://lambda.example.com/{}", "x".repeat(1500));
    for result in &mut long.targets[0].results {
        result.seen = Some("y".repeat(1500));
        result.proof = vec!["z".repeat(1500)];
    }
    pages.push(page(&long));
    // The witness: this one is.
    pages.push(
        "<head><meta content=\"script-src 'sha256-x'\"></head><body><p style=\"width: 2000px\">wide</p></body>".into(),
    );
    let mut frames = String::new();
    for (number, text) in pages.iter().enumerate() {
        let name = format!("{number}.html");
        browser.file(&name, &examined(text, &script));
        for width in [360, 1280] {
            frames.push_str(&format!("<iframe src={name} width={width} height=900 frameborder=0></iframe>"));
        }
    }
    let outer = format!(
        "<script>const seen = []; addEventListener('message', (e) => {{ seen.push(e.data); \
         document.documentElement.dataset.noted = JSON.stringify(seen); }});</script>{frames}"
    );
    let seen = browser.open(&browser.file("outer.html", &outer), "", &[]);
    let noted: Vec<(u64, u64)> = serde_json::from_value(noted(&seen.dom)).unwrap();
    let too_wide = |width: u64| noted.iter().filter(|(window, inside)| *window == width && inside > window).count();
    let asked = |width: u64| noted.iter().filter(|(window, _)| *window == width).count();
    assert_eq!([asked(360), asked(1280)], [4, 4], "{noted:?}");
    assert_eq!([too_wide(360), too_wide(1280)], [1, 1], "{noted:?}");
}

#[test]
fn hostile_text_stays_text() {
    let Some(browser) = browser() else { return };
    // Inline scripts may run here, as those of the text would.
    let script = format!(
        "{NOTE}
        const names = all('*').flatMap((one) => one.getAttributeNames());
        note([
          ['script', 'img', 'iframe', 'style', 'link', 'base', 'object', 'article', 'button', 'table', 'ul.proof'].map((name) => all(name).length),
          names.filter((name) => name.startsWith('on') || name === 'src' || name === 'style').length,
          all('a').filter((one) => !/^(#|https:)/.test(one.getAttribute('href'))).length,
          document.body.innerText.includes('<img src=//evil.example/x onerror=alert(1)>'),
        ]);"
    );
    let look =
        |name: &str, report: &Report| browser.open(&browser.file(name, &examined(&page(report), &script)), "", &[]);
    let (plain, evil) = (look("plain.html", &whole::report()), look("evil.html", &whole::hostile()));
    let (plain, seen) = (noted(&plain.dom), noted(&evil.dom));
    assert_eq!((&seen[0], &seen[1], &seen[2], &seen[3]), (&plain[0], &0.into(), &0.into(), &true.into()));
    assert!(!evil.asked.iter().any(|url| url.contains("evil.example")), "{:?}", evil.asked);
    assert_eq!(evil.console, Vec::<String>::new());
}

#[test]
fn pictures_in_light_and_dark_differ() {
    let Some(browser) = browser() else { return };
    let file = browser.file("report.html", &page(&whole::report()));
    let light = browser.picture(&file, 1280, &["--blink-settings=preferredColorScheme=1"]);
    let dark = browser.picture(&file, 1280, &["--blink-settings=preferredColorScheme=0"]);
    assert!(light.starts_with(b"\x89PNG") && light.len() > 20_000 && dark.len() > 20_000);
    assert_ne!(light, dark);
}
