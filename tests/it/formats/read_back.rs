//! What each format says, read back: target, check and status of every result that the format has room for.

use std::collections::BTreeMap;

use cfdoctor::render::Format;
use cfdoctor::report::{Report, Status};
use cfdoctor_checks::evidence::text::clean;
use serde_json::Value;

use super::validators::{self, Piece};

/// How often each check has each status.
pub type Statuses = BTreeMap<(String, &'static str), usize>;

/// What was read from an output.
pub struct Said {
    pub statuses: Statuses,
    /// `None`: the format has no place for it.
    pub exit_code: Option<u8>,
}

/// What a report holds, as far as `keep` says; ids are cleaned as every format does it.
pub fn expected(report: &Report, keep: impl Fn(Status) -> bool) -> Statuses {
    let all = report.targets.iter().flat_map(|target| &target.results).filter(|result| keep(result.status));
    count(all.map(|result| (clean(&result.check), result.status.word())))
}

fn count(all: impl Iterator<Item = (String, &'static str)>) -> Statuses {
    let mut statuses = Statuses::new();
    for (id, status) in all {
        // What XML cannot hold, what a log must not, and what Markdown takes away around code.
        let id = id.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}").replace("##[", "##\u{fffd}");
        *statuses.entry((id.trim().to_owned(), status)).or_default() += 1;
    }
    statuses
}

fn word(text: &str) -> &'static str {
    ["pass", "warn", "fail", "not-run"].into_iter().find(|word| *word == text).unwrap_or_else(|| panic!("{text}"))
}

pub fn jsonl(text: &str) -> Said {
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, targets) = lines.split_last().unwrap();
    assert!(last["target"].is_null() && last["sums"].is_object());
    let results = targets.iter().flat_map(|line| line["target"]["results"].as_array().unwrap());
    Said {
        statuses: count(results.map(|r| (clean(r["check"].as_str().unwrap()), word(r["status"].as_str().unwrap())))),
        exit_code: Some(u8::try_from(last["exit_code"].as_u64().unwrap()).unwrap()),
    }
}

pub fn sarif(text: &str) -> Said {
    let document = validators::sarif(text);
    let run = &document["runs"][0];
    let results = run["results"].as_array().unwrap().iter().map(|result| {
        let status = if result["level"] == "error" { "fail" } else { "warn" };
        (result["ruleId"].as_str().unwrap().to_owned(), status)
    });
    let invocation = &run["invocations"][0];
    let notes = invocation["toolExecutionNotifications"].as_array().unwrap();
    let not_run = notes.iter().filter_map(|note| Some((note["associatedRule"]["id"].as_str()?.to_owned(), "not-run")));
    Said {
        statuses: count(results.chain(not_run)),
        exit_code: Some(u8::try_from(invocation["exitCode"].as_u64().unwrap()).unwrap()),
    }
}

pub fn junit(text: &str) -> Said {
    let document = roxmltree::Document::parse(text).unwrap();
    let root = document.root_element();
    let attribute = |node: roxmltree::Node<'_, '_>, name: &str| node.attribute(name).unwrap().parse::<usize>().unwrap();
    let named = |node: roxmltree::Node<'_, '_>, name: &str| node.descendants().filter(|n| n.has_tag_name(name)).count();
    for node in root.descendants().filter(|node| node.has_tag_name("testsuite")).chain([root]) {
        assert_eq!(attribute(node, "tests"), named(node, "testcase"));
        assert_eq!(attribute(node, "failures"), named(node, "failure"));
        assert_eq!(attribute(node, "errors"), named(node, "error"));
    }
    let cases = document.descendants().filter(|node| node.has_tag_name("testcase"));
    let cases = cases.filter(|case| case.attribute("classname") != Some("cfdoctor")).map(|case| {
        let child = case.first_element_child();
        let status = match child.map(|child| (child.tag_name().name(), child.attribute("type"))) {
            None => "pass",
            Some(("system-out", _)) => "warn",
            Some(("error", _) | ("skipped", None)) => "not-run",
            Some(("failure" | "skipped", Some(kind))) => word(kind),
            other => panic!("{other:?}"),
        };
        (case.attribute("name").unwrap().to_owned(), status)
    });
    let exit_code = document.descendants().find(|node| node.attribute("name") == Some("cfdoctor.exit-code"));
    Said { statuses: count(cases), exit_code: exit_code.map(|node| node.attribute("value").unwrap().parse().unwrap()) }
}

/// As the runner of GitHub Actions reads a log: a line that begins with `::` is a command, so is `##[` anywhere.
pub fn github(text: &str) -> Said {
    let mut all = Vec::new();
    let mut exit_code = None;
    let mut notices = 0;
    let unescape = |text: &str| {
        text.replace("%0D", "\r").replace("%0A", "\n").replace("%3A", ":").replace("%2C", ",").replace("%25", "%")
    };
    for line in text.lines() {
        if let Some(command) = line.trim_start().strip_prefix("::") {
            let (head, message) = command.split_once("::").unwrap();
            let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
            let properties: BTreeMap<&str, String> = properties
                .split(',')
                .filter_map(|property| property.split_once('='))
                .map(|(name, value)| (name, unescape(value)))
                .collect();
            match name {
                "error" | "warning" => {
                    let status = if name == "error" { "fail" } else { "warn" };
                    all.push((properties["title"].clone(), status));
                    assert!(properties.keys().all(|name| ["title", "file", "line"].contains(name)), "{line}");
                }
                "notice" => {
                    notices += 1;
                    exit_code = message.split_once("exit code ").map(|(_, code)| {
                        code.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
                    });
                }
                "group" | "endgroup" => {}
                other => panic!("nobody wrote {other}: {line}"),
            }
        } else {
            assert!(!line.contains("##["), "{line}");
            let mut parts = line.splitn(3, ": ");
            let status = word(parts.next().unwrap());
            all.push((unescape(parts.next().unwrap()), status));
        }
    }
    let most = |status| all.iter().filter(|(_, found)| *found == status).count();
    assert!(notices <= 11 && most("fail") + most("warn") == all.len());
    Said { statuses: count(all.into_iter()), exit_code }
}

pub fn gitlab(text: &str) -> Said {
    let issues = validators::gitlab(text);
    let issues = issues.as_array().unwrap().iter().map(|issue| {
        let status = issue["description"].as_str().unwrap().split(": ").next().unwrap();
        (issue["check_name"].as_str().unwrap().to_owned(), word(status))
    });
    Said { statuses: count(issues), exit_code: None }
}

/// Findings are paragraphs that begin with the status in bold and the id in code.
pub fn markdown(text: &str) -> Said {
    let pieces = validators::markdown(text);
    let mut all = Vec::new();
    for pair in pieces.windows(3) {
        if let [Piece::Text(bold), Piece::Code(id), Piece::Text(rest)] = pair
            && let Some(status) = ["warn", "fail"].into_iter().find(|word| bold.trim_end().ends_with(word))
            && rest.starts_with(" (")
            && rest.contains(") at ")
        {
            all.push((id.clone(), status));
        }
    }
    let last = pieces.iter().rev().find_map(|piece| match piece {
        Piece::Text(text) => text.rsplit_once("Exit code ").map(|(_, rest)| rest),
        _ => None,
    });
    let code = last.unwrap().split(';').next().unwrap().parse().unwrap();
    Said { statuses: count(all.into_iter()), exit_code: Some(code) }
}

/// Only the lines of one family; a parser that we did not write reads the rest.
pub fn openmetrics(text: &str) -> Said {
    let label = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!(",{name}=\"")).unwrap();
        let mut out = String::new();
        let mut letters = rest.chars();
        loop {
            match letters.next().unwrap() {
                '"' => return out,
                '\\' => out.push(letters.next().unwrap()),
                c => out.push(c),
            }
        }
    };
    let mut all = Vec::new();
    let mut exit_code = None;
    for line in text.lines() {
        // Labels in their order: host, url, area, check, severity, status. The last ones are our own words.
        if line.starts_with("cfdoctor_check_status{") {
            let (front, status) = line.rsplit_once(",status=\"").unwrap();
            let (front, _) = front.rsplit_once(",severity=\"").unwrap();
            all.push((label(&with_last(front, "check"), "check"), word(status.strip_suffix("\"} 1").unwrap())));
        } else if let Some(code) = line.strip_prefix("cfdoctor_run_exit_code ") {
            exit_code = Some(code.parse().unwrap());
        }
    }
    assert!(text.ends_with("\n# EOF\n") && text.matches("\n# EOF\n").count() == 1);
    Said { statuses: count(all.into_iter()), exit_code }
}

/// From the last label of this name on: a value before it may hold its name, but never an unescaped quotation mark.
fn with_last(front: &str, name: &str) -> String {
    let start = format!(",{name}=\"");
    let at = front.match_indices(&start).map(|(at, _)| at).filter(|at| front[..*at].ends_with('"')).last().unwrap();
    format!("{}\"", &front[at..])
}

/// Every result is an article that carries its status; what a report brought is escaped, so no tag is its own.
pub fn html(text: &str) -> Said {
    let unescape = |text: &str| {
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&amp;", "&")
    };
    let between = |text: &str, start: &str, end: &str| -> Option<String> {
        let (_, rest) = text.split_once(start)?;
        Some(rest.split(end).next()?.to_owned())
    };
    let articles = text.split("<article class=\"result").skip(1).map(|article| {
        let status = word(&between(article, "data-status=\"", "\"").unwrap());
        // What colours it says the same.
        let class = if status == "not-run" { "none" } else { status };
        assert!(article.starts_with(&format!(" {class}")), "{article}");
        (unescape(&between(article, "<span class=\"check\">", "</span>").unwrap()), status)
    });
    let statuses = count(articles);
    let exit_code = between(text, "<dt>exit code</dt><dd>", "</dd>").and_then(|code| code.trim().parse().ok());
    Said { statuses, exit_code: Some(exit_code.expect("the page tells the exit code")) }
}

/// The reader of a format that can be read back.
pub fn reader(format: Format) -> Option<fn(&str) -> Said> {
    match format {
        Format::Jsonl => Some(jsonl),
        Format::Sarif => Some(sarif),
        Format::Junit => Some(junit),
        Format::Github => Some(github),
        Format::Gitlab => Some(gitlab),
        Format::Markdown => Some(markdown),
        Format::Openmetrics => Some(openmetrics),
        Format::Html => Some(html),
        _ => None,
    }
}
