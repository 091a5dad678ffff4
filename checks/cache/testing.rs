//! Evidence for the tests of this area.

use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::check::Check;
use crate::evidence::http::{Body, Exchange, Exchanges, Headers, Outcome, Request, Timing};
use crate::evidence::target::Expectation;
use crate::evidence::{Evidence, Gathered, Response};
use crate::verdict::{NotRun, Verdict};

pub(crate) const AT: OffsetDateTime = datetime!(2026-11-23 10:00 UTC);
pub(crate) const API: &str = "https://a.example.com/items";
pub(crate) const CSS: &str = "https://a.example.com/site.css";
pub(crate) type Lines<'a> = &'a [(&'a str, &'a str)];

/// A site of which nothing is known yet.
pub(crate) fn site(url: &str) -> Evidence {
    Evidence::nothing(url.parse().unwrap(), AT)
}

fn exchanges(samples: Vec<Exchange>) -> Gathered<Exchanges> {
    let skipped = || Gathered::Missing(NotRun::not_applicable("test"));
    Gathered::Found(Exchanges {
        samples,
        redirects: Vec::new(),
        redirects_stopped: None,
        plain: skipped(),
        trace: skipped(),
        preflight: skipped(),
    })
}

pub(crate) fn exchange(
    evidence: &Evidence,
    status: u16,
    headers: Headers,
    sent_at: Option<OffsetDateTime>,
) -> Exchange {
    Exchange {
        request: Request { method: "GET".into(), url: evidence.target.url(), headers: Headers::default() },
        sent_at,
        outcome: Outcome::Answered(Box::new(Response {
            status,
            version: "HTTP/2".into(),
            headers,
            body: Body::default(),
        })),
        timing: Timing { head_ms: sent_at.map(|_| 12.0), ..Timing::default() },
        earlier: Vec::new(),
    }
}

impl Evidence {
    /// What the owner wants.
    pub(crate) fn expecting(mut self, expect: Expectation) -> Self {
        self.target.expect = expect;
        self
    }

    /// A whole answer at the edge for each `cf-cache-status`, all at SEA, one second apart; an empty one sends no such
    /// header.
    pub(crate) fn edge(self, http: u16, statuses: &[&str], lines: Lines) -> Self {
        let colos = vec!["SEA"; statuses.len()];
        self.edge_at(http, statuses, &colos, lines)
    }

    /// As [`edge`](Self::edge), with the data centre of each.
    pub(crate) fn edge_at(mut self, http: u16, statuses: &[&str], colos: &[&str], lines: Lines) -> Self {
        let mut samples = Vec::new();
        for (index, (status, colo)) in statuses.iter().zip(colos).enumerate() {
            let mut headers = Headers::from([("date", "Mon, 23 Nov 2026 10:00:00 GMT"), ("server", "cloudflare")]);
            headers.push("cf-ray", &format!("230b030023ae282{index}-{colo}"));
            if !status.is_empty() {
                headers.push("cf-cache-status", status);
            }
            if *status == "HIT" {
                headers.push("age", &(index + 1).to_string());
            }
            for (name, value) in lines {
                headers.push(name, value);
            }
            samples.push(exchange(&self, http, headers, Some(AT + Duration::seconds(index as i64))));
        }
        self.edge.http = exchanges(samples);
        self
    }

    /// Somebody's excerpt: only these lines, one list for each answer.
    pub(crate) fn excerpt(mut self, answers: &[(u16, Lines)]) -> Self {
        let samples = answers
            .iter()
            .map(|(status, lines)| {
                let headers = lines.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
                exchange(&self, *status, headers, None)
            })
            .collect();
        self.edge.http = exchanges(samples);
        self
    }

    /// The same samples, asked with HEAD.
    pub(crate) fn by_head(mut self) -> Self {
        if let Gathered::Found(http) = &mut self.edge.http {
            http.samples.iter_mut().for_each(|sample| sample.request.method = "HEAD".into());
        }
        self
    }

    /// The body of every sample begins so.
    pub(crate) fn with_body(mut self, text: &str) -> Self {
        if let Gathered::Found(http) = &mut self.edge.http {
            for sample in &mut http.samples {
                if let Outcome::Answered(response) = &mut sample.outcome {
                    response.body.prefix = text.into();
                }
            }
        }
        self
    }

    /// What is known of the zone.
    pub(crate) fn in_zone(mut self, document: serde_json::Value) -> Self {
        self.zone = Gathered::Found(crate::evidence::Zone::from_document(document).unwrap());
        self
    }

    /// The user sends this header.
    pub(crate) fn sending(mut self, name: &str, value: &str) -> Self {
        self.target.headers.push(crate::evidence::http::HeaderLine::new(name, value));
        self
    }

    /// A whole answer at the origin.
    pub(crate) fn origin_says(mut self, http: u16, lines: Lines) -> Self {
        let mut headers = Headers::from([("date", "Mon, 23 Nov 2026 10:00:00 GMT")]);
        for (name, value) in lines {
            headers.push(name, value);
        }
        self.origin.http = exchanges(vec![exchange(&self, http, headers, Some(AT))]);
        self
    }
}

/// The verdict as one word, with what was seen.
pub(crate) fn verdict(check: &Check, evidence: &Evidence) -> (&'static str, String) {
    match check.run(evidence) {
        Ok(Verdict::Pass(seen)) => ("pass", seen.unwrap_or_default()),
        Ok(Verdict::Warn(finding)) => ("warn", finding.seen),
        Ok(Verdict::Fail(finding)) => ("fail", finding.seen),
        Err(why) => (why.kind(), why.text()),
    }
}

/// The verdict as one word.
pub(crate) fn word(check: &Check, evidence: &Evidence) -> &'static str {
    verdict(check, evidence).0
}

/// Blanking what is not named changes nothing, and the fix has steps.
pub(crate) fn is_honest(check: &Check, evidence: &Evidence) {
    let before = check.run(evidence);
    for probe in crate::Probe::ALL.iter().filter(|probe| !check.needs.contains(probe)) {
        let after = check.run(&evidence.clone().without(*probe));
        assert_eq!(format!("{before:?}"), format!("{after:?}"), "{} depends on {probe}", check.id);
    }
    if let Ok(verdict) = &before
        && let Some(finding) = verdict.finding()
    {
        let fix = (check.fix)(evidence, finding);
        assert!(!fix.summary.is_empty() && !fix.steps.is_empty(), "{} has an empty fix", check.id);
    }
}
