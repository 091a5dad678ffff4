//! A binary media type whose body is base64 text.

use super::view;
use crate::check::{Check, Probe, Severity};
use crate::evidence::{Evidence, Response};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "edge-body-base64",
    title: "Binary answers are binary",
    severity: Severity::High,
    needs: &[Probe::EdgeHttp, Probe::OriginHttp],
    why: "A function returns binary data as base64 and API Gateway decodes it, if it is told to: by isBase64Encoded, and in \
          a REST API also by binaryMediaTypes, judged by the first type in Accept. Otherwise the text goes out under the \
          binary type, and Cloudflare may store it for everybody.",
    fix,
    sources: &[
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/lambda-proxy-binary-media.html",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html",
    ],
    judge,
};

/// How well-known formats begin in base64.
const MAGIC: &[(&str, &str)] = &[
    ("iVBORw0KGgo", "PNG"),
    ("/9j/", "JPEG"),
    ("R0lGOD", "GIF"),
    ("UklGR", "WebP or WAV"),
    ("JVBERi", "PDF"),
    ("UEsDB", "ZIP"),
    ("H4sI", "gzip"),
    ("d09G", "WOFF"),
    ("AGFzbQ", "WebAssembly"),
    ("SUQz", "MP3"),
    ("AAABAA", "ICO"),
];

/// Text of this many base64 characters and nothing else is taken for base64 without a known beginning.
const LONG: usize = 64;

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let seen = view::answer(evidence)?;
    let response = seen.response;
    let Some(media_type) = response.media_type().filter(|kind| is_binary(kind)) else {
        return Ok(Verdict::pass("the media type is not binary"));
    };
    if !(200..300).contains(&response.status) {
        return Ok(Verdict::pass("no content was answered"));
    }
    if response.body.prefix.is_empty() {
        return Ok(Verdict::pass("the body is not text"));
    }
    let Some((format, sure)) = base64(response) else {
        return Ok(Verdict::pass("the body is not base64"));
    };
    Ok(Verdict::Fail(
        Finding::seen(format!("{media_type} is answered with base64 text ({format}) instead of bytes"))
            .proof(seen.line())
            .proofs(response.headers.quote("content-type"))
            .proofs(response.headers.quote("cf-cache-status"))
            .proof(format!("body: {}", crate::evidence::text::shorten(response.body.prefix.trim(), 48)))
            .confidence(if sure { Confidence::High } else { Confidence::Medium }),
    ))
}

/// Types whose bytes are never plain base64 text.
fn is_binary(media_type: &str) -> bool {
    const APPLICATIONS: &[&str] = &[
        "application/pdf",
        "application/zip",
        "application/gzip",
        "application/wasm",
        "application/octet-stream",
        "application/x-protobuf",
        "application/vnd.ms-excel",
    ];
    let family = ["image/", "audio/", "video/", "font/", "application/font", "application/vnd.openxmlformats"];
    let text = media_type.ends_with("+xml") || media_type.ends_with("mpegurl");
    !text && (APPLICATIONS.contains(&media_type) || family.iter().any(|prefix| media_type.starts_with(prefix)))
}

/// The format that the text decodes to, and whether its beginning proves that.
fn base64(response: &Response) -> Option<(&'static str, bool)> {
    if response.headers.has("content-encoding") {
        return None;
    }
    let text: String =
        response.body.prefix.trim().trim_matches('"').chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let alphabet = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
    if text.len() < 8 || !text.trim_end_matches('=').chars().all(alphabet) {
        return None;
    }
    if let Some((_, format)) = MAGIC.iter().find(|(start, _)| text.starts_with(start)) {
        return Some((format, true));
    }
    (text.len() >= LONG).then_some(("of unknown content", false))
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let url = evidence.target.url();
    Fix::new("Tell API Gateway to decode the body: isBase64Encoded from the function, and */* as binary media type of a REST API; then purge what is stored.")
        .code("The function's answer", "return { statusCode: 200, headers: { \"content-type\": \"image/png\" }, body: bytes.toString(\"base64\"), isBase64Encoded: true };")
        .shell("REST API", "aws apigateway update-rest-api --rest-api-id API_ID --patch-operations 'op=add,path=/binaryMediaTypes/*~1*'")
        .shell("Deploy it", "aws apigateway create-deployment --rest-api-id API_ID --stage-name STAGE")
        .terraform("AWS provider", "resource \"aws_api_gateway_rest_api\" \"api\" {\n  binary_media_types = [\"*/*\"]\n}")
        .api("Purge the copy", view::zone_call("POST", "purge_cache", &format!(r#"{{"files":["{url}"]}}"#)))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    fn run(media_type: &str, body: &str) -> Result<Verdict, NotRun> {
        (CHECK.judge)(&edge(URL, response(200, &[&[("content-type", media_type)]], body)))
    }

    #[test]
    fn base64_under_a_binary_type_fails() {
        let Ok(Verdict::Fail(finding)) = run("image/png", "iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB") else {
            panic!("no failure")
        };
        assert!(finding.seen.contains("PNG"));
        assert!(matches!(run("application/pdf", "\"JVBERi0xLjcKJeLjz9MK\"\n"), Ok(Verdict::Fail(_))));
        let long = "QUJD".repeat(20);
        assert!(matches!(run("font/woff2", &long), Ok(Verdict::Fail(f)) if f.confidence == Confidence::Medium));
    }

    #[test]
    fn everything_else_passes() {
        for (media_type, body) in [
            ("image/png", ""),
            ("image/png", "\u{fffd}PNG\u{fffd}"),
            ("image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
            ("text/plain", "iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB"),
            ("application/json", "\"iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB\""),
            ("application/octet-stream", "hello"),
            ("video/mp4", "short"),
        ] {
            assert!(matches!(run(media_type, body), Ok(Verdict::Pass(_))), "{media_type} {body}");
        }
        let compressed = [("content-type", "image/png"), ("content-encoding", "gzip")];
        let answer = (CHECK.judge)(&edge(URL, response(200, &[&compressed], "iVBORw0KGgoAAAANSUhEUgAA")));
        assert!(matches!(answer, Ok(Verdict::Pass(_))));
    }
}
