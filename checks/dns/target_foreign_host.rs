//! The record points at a service that knows only its own names.

use super::region_for_commands;
use crate::check::{Check, Probe, Severity};
use crate::evidence::{Evidence, Response};
use crate::model::origin_host::{OriginClass, OriginHost, classify};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "dns-target-foreign-host",
    title: "The record's target serves this name",
    severity: Severity::High,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::Zone],
    why: "Function URLs, buckets and some other services pick what they serve by the Host header. Cloudflare passes \
          the \
          visitor's name on, which they do not know.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/rules/origin-rules/features/",
        "https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html",
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html",
    ],
    judge,
};

/// How sure it is that the service does not know the visitor's name.
enum Knows {
    Never,
    IfAssociated,
    Surely,
}

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let name = super::target_name(evidence)?;
    let target = classify(name);
    let knows = knows(&target, &evidence.target.host);
    if matches!(knows, Knows::Surely) {
        return Ok(Verdict::pass(format!("{name} is {}", target.class.one())));
    }
    let edge = evidence.edge_answer().ok().filter(|response| !super::is_challenged(response));
    let finding = Finding::seen(match &target.id {
        Some(bucket) if is_bucket(target.class) => {
            format!("{name} serves the bucket {bucket} only to its own name, not to {}", evidence.target.host)
        }
        _ => format!("{name} is {}, which does not know the name {}", target.class.one(), evidence.target.host),
    });
    match edge {
        Some(response) if refuses(target.class, response) => {
            let finding = finding.proof(format!("the edge answers {}", response.status));
            Ok(match knows {
                Knows::IfAssociated => Verdict::Warn(finding.confidence(Confidence::Medium)),
                _ => Verdict::Fail(finding),
            })
        }
        Some(response) if response.status < 500 => Ok(Verdict::pass(format!(
            "the edge answers {}, so {name} is reached by a name that it knows",
            response.status
        ))),
        _ if matches!(knows, Knows::IfAssociated) => Err(NotRun::inconclusive(format!(
            "whether the {} knows {} shows only in an answer",
            target.class.name(),
            evidence.target.host
        ))),
        _ => super::unseen(evidence, name, finding),
    }
}

/// `facts/aws.md` section 1.2, "foreign Host accepted?". The default endpoint has a check of its own.
fn knows(target: &OriginHost, host: &str) -> Knows {
    match target.class {
        OriginClass::FunctionUrl => Knows::Never,
        class if is_bucket(class) && target.id.as_deref() != Some(host) => Knows::Never,
        OriginClass::AppRunner | OriginClass::Amplify | OriginClass::AppSync => Knows::IfAssociated,
        _ => Knows::Surely,
    }
}

fn is_bucket(class: OriginClass) -> bool {
    matches!(class, OriginClass::S3Website | OriginClass::S3Rest)
}

/// How the service says that it does not know the name.
fn refuses(class: OriginClass, response: &Response) -> bool {
    match class {
        OriginClass::FunctionUrl => response.status == 403,
        class if is_bucket(class) => {
            response.status == 403
                || ["NoSuchBucket", "PermanentRedirect"].iter().any(|c| response.body.prefix.contains(c))
        }
        _ => matches!(response.status, 403 | 404 | 421),
    }
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let host = &evidence.target.host;
    let name = evidence.origin_name().unwrap_or("xxxxxxxx.lambda-url.REGION.on.aws");
    let region = region_for_commands(evidence);
    let target = classify(name);
    let fix = if is_bucket(target.class) {
        Fix::new(format!(
            "Serve it from a bucket named {host}, or let a Cloud Connector rule or a Worker ask the bucket by its \
             own name."
        ))
        .dashboard("Rules → Cloud Connector → Amazon S3")
    } else if target.class == OriginClass::FunctionUrl {
        Fix::new(format!(
            "Put an API Gateway HTTP API with the custom domain {host} before the function, or let a Worker ask the \
             function URL \
             by its own name."
        ))
        .shell(
            "An HTTP API before the function",
            format!(
                "aws apigatewayv2 create-api --region {region} --name {host} --protocol-type HTTP --target \
                     $FUNCTION_ARN"
            ),
        )
    } else {
        Fix::new(format!("Associate {host} with the {}, or let a Worker ask it by its own name.", target.class.name()))
    };
    fix.code(
        "Worker on this host's route",
        format!(
            "export default {{\n  async fetch(request) {{\n    const url = new URL(request.url);\n    url.hostname \
             = \"{name}\";\n    \
             return fetch(new Request(url, request));\n  }}\n}};"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    const FUNCTION: &str = "abcdefghijklmnopqrstuvwxyz012345.lambda-url.us-east-1.on.aws";
    const OWN_BUCKET: &str = "lambda.example.com.s3-website-us-west-2.amazonaws.com";
    const BUCKET: &str = "assets.s3-website-us-west-2.amazonaws.com";
    const APP: &str = "main.d1abcdefghij.amplifyapp.com";

    fn at(name: &str) -> Evidence {
        declared(chain(&[name], &["192.0.2.1"]))
    }

    #[test]
    fn by_class_and_answer() {
        for (name, status, body, expected) in [
            (FUNCTION, 403, "{\"Message\":\"Forbidden\"}", "fail"),
            (FUNCTION, 200, "", "pass"),
            (FUNCTION, 404, "", "pass"),
            (FUNCTION, 522, "", "fail"),
            (BUCKET, 404, "<li>Code: NoSuchBucket</li>", "fail"),
            (BUCKET, 404, "<li>Code: NoSuchKey</li>", "pass"),
            (OWN_BUCKET, 404, "<li>Code: NoSuchBucket</li>", "pass"),
            ("bucket.s3.us-west-2.amazonaws.com", 403, "", "fail"),
            (APP, 404, "", "warn"),
            (APP, 200, "", "pass"),
            (APP, 526, "", "inconclusive"),
            (TARGET, 403, "", "pass"),
            (DEFAULT, 403, "", "pass"),
            ("d111111abcdef8.cloudfront.net", 403, "", "pass"),
        ] {
            assert_eq!(word(&judge(&edge(at(name), status, body))), expected, "{name} {status}");
        }
    }

    #[test]
    fn without_an_answer() {
        let verdict = judge(&at(FUNCTION)).unwrap();
        assert!(matches!(&verdict, Verdict::Warn(finding) if finding.confidence == Confidence::Medium));
        assert!(fix(&at(FUNCTION), verdict.finding().unwrap()).steps.iter().any(|step| step.text.contains(FUNCTION)));
        assert_eq!(word(&judge(&at(APP))), "inconclusive");
        assert_eq!(word(&judge(&with(proxied()))), "not-applicable");
        assert_eq!(word(&judge(&with(host(chain(&[HOST, BUCKET], &["192.0.2.1"]))))), "fail");
    }
}
