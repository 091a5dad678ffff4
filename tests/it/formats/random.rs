//! Random reports: any shape, any text.

use cfdoctor::policy::{FailOn, InconclusiveAs, Policy};
use cfdoctor::report::{
    AreaReport, CertificateReport, Diagnosis, End, Observed, Place, Predicted, Reason, ReasonKind, Report,
    ResultReport, RuledOut, Run, SslModeOutcome, Status, TargetReport, TargetVerdict, TimingReport,
};
use cfdoctor_checks::evidence::target::Expectation;
use cfdoctor_checks::{Confidence, Fix, Severity, Step, StepKind};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use time::OffsetDateTime;

/// What somebody who wants to leave his place would send.
const HOSTILE: &[&str] = &[
    "]]>",
    "</script><script>alert(1)</script>",
    "<!--",
    "--><img src=x onerror=alert(1)>",
    "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>&e;",
    "\x1b[31m\x1b]8;;http://evil.example\x07",
    "\u{202e}txt.exe",
    "\u{200b}\u{feff}\u{2066}",
    "\r\n::error file=a,line=1::injected",
    "::add-mask::secret",
    "##[error]injected",
    "%0A::warning::x%25",
    "\0",
    "\u{fffe}\u{ffff}",
    "| a | b |\n|---|---|",
    "`code` ``` ```` ~~~",
    "\n# heading\n\n- list\n> quote",
    "@octocat @org/team #123 GH-9 user/repo#1",
    "[link](javascript:alert(1)) ![image](http://evil.example/x.png)",
    "http://evil.example www.evil.example mail@evil.example",
    "<details><summary>",
    "</details>",
    "*bold* _it_ ~~no~~ $x$ :smile: \\",
    "\"} 1\n# EOF\ncfdoctor_check_status{host=\"",
    "\\\\n\\",
    "{{ toJSON(secrets) }} ${{ github.token }}",
    "' onclick='x",
    "&lt;&#0;&#x1b;",
    "\u{85}\u{9b}31m",
    "e\u{301}\u{1f600}中文",
    "1. one",
    "=====",
    "    indented",
    "\t",
];

pub fn text() -> BoxedStrategy<String> {
    let long = (select(HOSTILE), 200..3000_usize).prop_map(|(part, times)| part.repeat(times / part.len().max(1)));
    let mixed =
        vec(prop_oneof![select(HOSTILE).prop_map(str::to_owned), "[ -~]{0,12}", "\\PC{0,6}", any::<String>()], 0..4)
            .prop_map(|parts| parts.concat());
    prop_oneof![
        6 => Just("the certificate of a.example.com expired 3 days ago".to_owned()),
        8 => select(HOSTILE).prop_map(str::to_owned),
        8 => mixed,
        1 => long,
    ]
    .boxed()
}

/// The id of a check: mostly one of the catalogue.
fn id() -> BoxedStrategy<String> {
    let known: Vec<&'static str> = cfdoctor_checks::all().map(|check| check.id).collect();
    prop_oneof![6 => select(known).prop_map(str::to_owned), 1 => text().prop_map(|text| text.chars().take(100).collect())].boxed()
}

fn time() -> impl Strategy<Value = OffsetDateTime> {
    (0..4_102_444_800_i64).prop_map(|seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap())
}

fn place() -> impl Strategy<Value = Place> {
    let file = prop_oneof![Just("infra/cfdoctor.toml".to_owned()), Just("../../x y.tf".to_owned()), text()];
    (file, any::<u32>()).prop_map(|(file, line)| Place { file, line })
}

fn fix() -> impl Strategy<Value = Fix> {
    let kind = select(vec![StepKind::Dashboard, StepKind::Shell, StepKind::Api, StepKind::Terraform, StepKind::Code]);
    let step = (kind, text(), text()).prop_map(|(kind, label, text)| Step { kind, label, text });
    (text(), vec(step, 0..3)).prop_map(|(summary, steps)| Fix { summary, steps })
}

fn severity() -> impl Strategy<Value = Severity> {
    select(vec![Severity::Low, Severity::Medium, Severity::High, Severity::Critical])
}

fn confidence() -> impl Strategy<Value = Confidence> {
    select(vec![Confidence::Low, Confidence::Medium, Confidence::High])
}

fn reason() -> impl Strategy<Value = Reason> {
    use ReasonKind::{Blocked, Bug, Disabled, Forbidden, Inconclusive, NoCredential, NotApplicable};
    let kind = select(vec![Bug, Inconclusive, Blocked, Forbidden, NoCredential, Disabled, NotApplicable]);
    (kind, text()).prop_map(|(kind, text)| Reason { kind, text })
}

fn result() -> impl Strategy<Value = ResultReport> {
    let status = select(vec![Status::Pass, Status::Warn, Status::Fail, Status::NotRun]);
    let who = (id(), prop_oneof![select(vec!["dns", "edge", "cache"]).prop_map(str::to_owned), text()], text());
    let what = (status, severity(), of(confidence()), of(text()), vec(text(), 0..4), of(id()), reason());
    let more = (of(fix()), of(text()), "[0-9a-f]{32}|\\PC{0,8}", of(text()), of(place()), 0..4_u8);
    (who, what, more).prop_map(
        |(
            (check, area, title),
            (status, severity, confidence, seen, proof, caused_by, reason),
            (fix, docs, fingerprint, suppressed, declared_at, chance),
        )| ResultReport {
            check: check.into(),
            area: area.into(),
            title: title.into(),
            status,
            severity,
            confidence,
            seen,
            proof,
            caused_by,
            reason: (status == Status::NotRun).then_some(reason),
            fix,
            docs: docs
                .map(|docs| if chance == 0 { docs.into() } else { "https://developers.cloudflare.com/ssl/".into() }),
            fingerprint,
            suppressed: suppressed.filter(|_| chance == 1 && status.is_finding()),
            declared_at,
        },
    )
}

fn diagnosis() -> impl Strategy<Value = Diagnosis> {
    let predicted = (vec(text(), 0..3), of(any::<u64>()), of(any::<u64>()))
        .prop_map(|(statuses, edge_ttl_s, browser_ttl_s)| Predicted { statuses, edge_ttl_s, browser_ttl_s });
    let ruled_out = (id(), text()).prop_map(|(check, because)| RuledOut { check, because });
    (id(), confidence(), text(), vec(id(), 0..2), vec(ruled_out, 0..2), of(predicted)).prop_map(
        |(cause, confidence, summary, then, ruled_out, predicted)| Diagnosis {
            cause,
            confidence,
            summary,
            then,
            ruled_out,
            predicted,
        },
    )
}

fn end() -> impl Strategy<Value = End> {
    select(vec![End::Edge, End::Origin])
}

fn certificate() -> impl Strategy<Value = CertificateReport> {
    (end(), text(), text(), vec(text(), 0..2), of(time()), of(time()), of(any::<i64>())).prop_map(
        |(end, subject, issuer, names, not_before, not_after, days_left)| CertificateReport {
            end,
            subject,
            issuer,
            names,
            not_before,
            not_after,
            days_left,
        },
    )
}

fn timing() -> impl Strategy<Value = TimingReport> {
    let ms = || of((0..60_000_000_u32).prop_map(|us| f64::from(us) / 1000.0));
    let times = (ms(), ms(), ms(), ms(), ms());
    (end(), text(), times, of(any::<u16>()), of(text()), of(text())).prop_map(
        |(end, label, (dns_ms, connect_ms, tls_ms, head_ms, total_ms), status, cf_cache_status, failed)| TimingReport {
            end,
            label,
            dns_ms,
            connect_ms,
            tls_ms,
            head_ms,
            total_ms,
            status,
            cf_cache_status,
            failed,
        },
    )
}

fn target() -> impl Strategy<Value = TargetReport> {
    let url = prop_oneof![
        3 => "https://[a-z]{1,8}\\.example\\.com/[a-z]{0,5}",
        1 => text(),
    ];
    let verdict =
        select(vec![TargetVerdict::Pass, TargetVerdict::Warn, TargetVerdict::Fail, TargetVerdict::Inconclusive]);
    let observed = (vec(text(), 0..3), of(any::<u64>())).prop_map(|(statuses, age_s)| Observed { statuses, age_s });
    let mode = (text(), text(), text()).prop_map(|(mode, outcome, because)| SslModeOutcome { mode, outcome, because });
    let area = (text(), text(), of(text())).prop_map(|(id, title, summary)| AreaReport {
        id,
        title,
        status: Status::Pass,
        summary,
    });
    let who = (url, text(), of(text()), verdict, of(text()), of(diagnosis()));
    let what = (of(observed), of(vec(mode, 0..2)), vec(area, 0..2), vec(result(), 0..7), any::<(u32, u32)>());
    let more = (of(time()), vec(certificate(), 0..3), vec(timing(), 0..3), of(place()), vec(text(), 0..3));
    (who, what, more).prop_map(
        |(
            (url, host, answered_by, verdict, inconclusive, diagnosis),
            (observed, ssl_modes, areas, results, (requests_sent, api_requests_sent)),
            (gathered_at, certificates, timings, declared_at, notices),
        )| TargetReport {
            url,
            host,
            expect: Expectation::Any,
            answered_by,
            verdict,
            inconclusive,
            diagnosis,
            observed,
            decision: None,
            ssl_modes,
            areas,
            results,
            requests_sent,
            api_requests_sent,
            gathered_at,
            path: Vec::new(),
            certificates,
            timings,
            declared_at,
            notices,
        },
    )
}

/// Any report.
pub fn report() -> impl Strategy<Value = Report> {
    let said = (vec(text(), 0..2), of(text()), vec(text(), 0..2));
    let run = (text(), time(), 0..10_000_000_u64, any::<(u32, u32)>(), any::<bool>(), 1..4_u32, said).prop_map(
        |(id, started_at, elapsed_ms, sent, interrupted, attempts, (not_visited, simulation, notices))| Run {
            id,
            started_at,
            elapsed_ms,
            requests_sent: sent.0,
            api_requests_sent: sent.1,
            interrupted,
            not_visited,
            not_visited_more: 0,
            attempts,
            simulation,
            notices,
        },
    );
    let inconclusive = of(select(vec![InconclusiveAs::Pass, InconclusiveAs::Warn, InconclusiveAs::Fail]));
    let policy = (select(vec![FailOn::Warn, FailOn::Fail, FailOn::Never]), inconclusive)
        .prop_map(|(fail_on, inconclusive)| Policy { fail_on, inconclusive });
    (run, vec(target(), 0..3), policy).prop_map(|(run, targets, policy)| Report::new(run, targets, &policy))
}
