//! Endpoints of AWS that are none.

use std::sync::Arc;

use super::super::doctor::{Case, all_survive};
use super::super::script::{Front, Server, Step};
use super::rows::{self, Words};
use super::{Row, Vendor, answer, json, usual};

const KEY: &str = "AKIAHOSTILE7EXAMPLE9";
const SECRET: &str = "hostileSecretHostileSecretHostileSecret9";
const SESSION: &str = "hostileSessionHostileSessionHostileSession";

const AWS: Vendor = Vendor {
    name: "AWS",
    area: "aws-",
    known: &[
        "aws-custom-domain-missing",
        "aws-domain-frozen",
        "aws-certificate-region",
        "aws-endpoint-type",
        "aws-mapping-missing",
        "aws-region-split",
        "aws-security-policy-outdated",
        "aws-mutual-tls-unmet",
    ],
    is_known: false,
    secrets: &[KEY, SECRET, SESSION],
    required: &["--aws", "require"],
    variables: |base| {
        vec![
            ("AWS_ACCESS_KEY_ID", KEY.into()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.into()),
            ("AWS_SESSION_TOKEN", SESSION.into()),
            ("AWS_REGION", "us-west-2".into()),
            ("AWS_ENDPOINT_URL", base.into()),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
            ("AWS_CONFIG_FILE", "/nonexistent".into()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent".into()),
        ]
    },
};

const WORDS: Words = Words {
    page: "answered strangely",
    forbidden_page: "lacks",
    failed: "answered strangely",
    late: "did not answer in time",
    no_json: "answered strangely",
    shape: "answered strangely",
    large: "larger than",
    many: "holds more than cfdoctor keeps",
    broken: "was not reached",
    redirected: "answered strangely",
    limited: "throttled",
    limited_long: "throttled",
};

/// A sound answer of every list up to its first row.
const LIST: &str = r#"{"items":["#;

fn row(name: &'static str, says: &'static str, steps: Vec<Step>) -> Row {
    Row { name, says, steps }
}

fn own_rows() -> Vec<Row> {
    let typed = |status: &str, kind: &str, message: &str| {
        let lines = format!("Content-Type: application/json\r\nx-amzn-errortype: {kind}\r\n");
        vec![answer(status, &lines, format!(r#"{{"message":"{message}"}}"#))]
    };
    let xml = |status: &str, code: &str, message: &str| {
        let body =
            format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>");
        vec![answer(status, "Content-Type: text/xml\r\n", body)]
    };
    let echo = format!("the key {KEY} with {SECRET} in {SESSION}");
    let bomb = format!("<!DOCTYPE a [<!ENTITY b \\\"{}\\\">]><Error><Code>&b;</Code></Error>", "x".repeat(10_000));
    vec![
        row(
            "a key that is none",
            "does not accept the credentials",
            typed("403 No", "UnrecognizedClientException", "x"),
        ),
        row(
            "a key that is none, in XML",
            "does not accept the credentials",
            xml("403 No", "InvalidClientTokenId", "x"),
        ),
        row(
            "a clock that is wrong",
            "does not accept the credentials",
            typed("403 No", "InvalidSignatureException", "Signature expired: 20261123T100000Z is now earlier than"),
        ),
        row(
            "a clock that is far off",
            "strangely",
            typed("400 No", "RequestTimeTooSkewed", "The difference is too large"),
        ),
        row("a session that is over", "expired", typed("403 No", "ExpiredTokenException", "expired")),
        row(
            "no right to anything",
            "apigateway:GET",
            typed(
                "403 No",
                "AccessDeniedException",
                "User: arn:aws:iam::123456789012:user/x is not authorized to perform: apigateway:GET on resource: arn:aws:apigateway:us-west-2::/domainnames because",
            ),
        ),
        row("throttled for ever", "throttled", typed("400 No", "ThrottlingException", "Rate exceeded")),
        row(
            "a kind of escapes",
            "invalid HTTP header",
            typed("400 No", "\u{1b}[31mX", "\\u001b[31mred\\u009b2J\\u202e"),
        ),
        row("a kind of 5,000 letters", "strangely", typed("400 No", &"X".repeat(5_000), "x")),
        row("another kind than the status", "strangely", typed("200 OK", "AccessDeniedException", "x")),
        row("the keys in the words", "strangely", typed("400 No", "SomethingException", &echo)),
        row("the keys in words of XML", "strangely", xml("400 No", "Something", &echo)),
        row("a bomb of entities", "strangely", vec![answer("400 No", "Content-Type: text/xml\r\n", bomb)]),
        row("a number for a list", "strangely", vec![json("200 OK", r#"{"items":7,"item":"x","Account":[]}"#)]),
        row(
            "the same page for ever",
            "the same page again",
            vec![json(
                "200 OK",
                r#"{"items":[{}],"nextToken":"again","position":"again","NextToken":"again","NextMarker":"again"}"#,
            )],
        ),
    ]
}

#[test]
fn of_everything() {
    let usual = usual();
    let rows = rows::all(&WORDS, LIST).into_iter().chain(own_rows()).enumerate();
    let mut cases: Vec<Case> = rows.map(|(number, row)| AWS.case(row, &usual, number)).collect();
    cases.extend(AWS.secured(
        &usual,
        "was not reached",
        ["was not reached", "was not reached", "in time", "was not reached"],
    ));
    all_survive(cases);
}

/// The domain is found; what is asked beyond it is not answered.
#[test]
fn of_what_is_behind_a_domain() {
    let usual = usual();
    let domains = |line: &str| {
        let named = r#""lambda.example.com","domainNameConfigurations":[{"apiGatewayDomainName":"d-abc.execute-api.us-west-2.amazonaws.com","certificateArn":"arn:aws:acm:us-west-2:123456789012:certificate/c","endpointType":"REGIONAL","securityPolicy":"TLS_1_2","domainNameStatus":"AVAILABLE"}]"#;
        let path = line.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
        match path {
            "/v2/domainnames" => vec![json("200 OK", format!(r#"{{"items":[{{"domainName":{named}}}]}}"#))],
            "/domainnames" => vec![json("200 OK", r#"{"item":[]}"#)],
            path if path.ends_with("/apimappings") && path.contains("lambda.example.com") => {
                vec![json(
                    "200 OK",
                    r#"{"items":[{"apiId":"a1b2c3d4e5","apiMappingId":"m","apiMappingKey":"","stage":"$default"}]}"#,
                )]
            }
            _ => Vec::new(),
        }
    };
    let rows = rows::some(&WORDS, LIST).into_iter().chain([Row {
        name: "the same page for ever",
        says: "the same page again",
        steps: own_rows().pop().unwrap().steps,
    }]);
    let cases = rows.enumerate().map(|(number, row)| AWS.part(row, Arc::new(domains), &usual, number));
    all_survive(cases.collect());
}

/// A redirect is not followed, so that the signature and the session's token stay where they were sent.
#[test]
fn a_redirect_takes_no_key_along() {
    let usual = usual();
    let elsewhere = Server::start(Front::Raw, vec![Step::Request, json("200 OK", r#"{"items":[]}"#)]);
    let cases = ["301 Moved", "307 Temporary"].iter().enumerate().map(|(number, status)| {
        let lines = format!("Location: http://127.0.0.1:{}/domainnames\r\n", elsewhere.port);
        AWS.case(row("a redirect", "strangely", vec![answer(status, &lines, "")]), &usual, number)
    });
    all_survive(cases.collect());
    assert_eq!((elsewhere.visits(), elsewhere.heard()), (0, String::new()));
}
