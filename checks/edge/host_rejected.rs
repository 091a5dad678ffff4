//! Does the box behind Cloudflare serve this Host at all?

use super::account;
use super::view::{self, Place, Seen};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::target::Target;
use crate::model::attribution::{self, AnsweredBy};
use crate::model::function_url::PublicUse;
use crate::model::origin_host::{self, OriginClass};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "edge-host-rejected",
    title: "The box behind serves this host name",
    severity: Severity::High,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Gateway],
    why: "Cloudflare passes the visitor's Host on. CloudFront, S3, function URLs and shared hosting pick the site by that \
          name, and refuse one that was not registered with them, however correct the DNS record is.",
    fix,
    sources: &[
        "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/CNAMEs.html",
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html",
        "https://developers.cloudflare.com/rules/origin-rules/features/",
    ],
    judge,
};

/// Who does not serve the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refuser {
    CloudFront,
    S3,
    FunctionUrl,
    Tenant,
    Misdirected,
}

/// What shared hosts say to a name that nobody registered there (the texts that public lists of takeover fingerprints
/// agree on): platform, text, lower case.
const NO_SUCH_SITE: &[(&str, &str)] = &[
    ("Heroku", "no such app"),
    ("Heroku", "herokucdn.com/error-pages/no-such-app"),
    ("GitHub Pages", "there isn't a github pages site here"),
    ("Fastly", "fastly error: unknown domain"),
    ("Azure App Service", "404 web site not found"),
    ("Netlify", "not found - request id"),
    ("Vercel", "deployment_not_found"),
    ("Vercel", "the deployment could not be found on vercel"),
    ("Shopify", "sorry, this shop is currently unavailable"),
    ("Pantheon", "404 error unknown site"),
    ("Surge", "project not found"),
    ("Bitbucket", "repository not found"),
];

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let seen = view::answer(evidence)?;
    let Some((_, finding, sure)) = refusal(evidence, &seen) else {
        return Ok(Verdict::pass("no refusal of the name"));
    };
    let finding = finding.proof(seen.line());
    Ok(if sure { Verdict::Fail(finding) } else { Verdict::Warn(finding) })
}

/// The refusal in this answer, with its finding, and whether it is certain enough for a failure.
fn refusal(evidence: &Evidence, seen: &Seen<'_>) -> Option<(Refuser, Finding, bool)> {
    let response = seen.response;
    let target = &evidence.target;
    let (host, status) = (&target.host, response.status);
    if status == 421 {
        let finding = Finding::seen(format!(
            "the origin answers 421 for {host}: the name in TLS (SNI) and Host belong to different sites there"
        ));
        return Some((Refuser::Misdirected, finding.proofs(response.headers.quote("via")), true));
    }
    let told = attribution::attribute(response);
    match told.by {
        AnsweredBy::S3 => s3(target, seen).map(|(finding, sure)| (Refuser::S3, finding.proofs(told.proof), sure)),
        AnsweredBy::CloudFront if status == 403 => {
            let (finding, sure) = cloudfront(host, &response.body.prefix)?;
            Some((Refuser::CloudFront, finding.proofs(told.proof), sure))
        }
        AnsweredBy::FunctionUrl if status == 403 && is_foreign(target) && seen.place == Place::Edge => {
            let (text, confidence) = function_url(evidence);
            let finding = Finding::seen(format!("the function URL answers 403 for {host}: {text}"));
            Some((Refuser::FunctionUrl, finding.proofs(told.proof).confidence(confidence), true))
        }
        AnsweredBy::Unknown if told.product_error.is_none() => bare(evidence, seen).or_else(|| tenant(seen)),
        AnsweredBy::Application => tenant(seen),
        _ => None,
    }
}

/// Why a function URL refuses: the name, unless the account says that it does not admit the public either.
fn function_url(evidence: &Evidence) -> (String, Confidence) {
    match account::public_use(evidence) {
        Some((name, PublicUse::Open)) => (
            format!("{name} admits the public, so it is the name: a function URL serves its own lambda-url name only"),
            Confidence::High,
        ),
        Some((name, _)) => (
            format!(
                "it serves its own lambda-url name only, and by the account {name} does not admit the public either"
            ),
            Confidence::Medium,
        ),
        None => ("it serves its own lambda-url name only, or does not admit the public".into(), Confidence::Medium),
    }
}

/// Is the target's name another than a function URL's own?
pub(super) fn is_foreign(target: &Target) -> bool {
    origin_host::classify(&target.host).class != OriginClass::FunctionUrl
}

/// S3 picks the bucket by Host (`facts/aws.md` section 1.2, G22).
fn s3(target: &Target, seen: &Seen<'_>) -> Option<(Finding, bool)> {
    let host = &target.host;
    match attribution::s3_code(seen.response)? {
        code @ ("NoSuchBucket" | "InvalidBucketName") => Some((
            Finding::seen(format!("S3 answers {code} for {host}: it looks for a bucket of that name in its region")),
            true,
        )),
        code @ ("PermanentRedirect" | "TemporaryRedirect") => Some((
            Finding::seen(format!(
                "S3 answers {code} for {host}: the bucket lives in another region than this endpoint"
            )),
            true,
        )),
        code @ "NoSuchWebsiteConfiguration" => {
            Some((Finding::seen(format!("S3 answers {code} for {host}: the bucket is not set up as a website")), true))
        }
        // `/` of a REST endpoint lists the bucket, which a sound one refuses.
        code @ ("AccessDenied" | "AllAccessDisabled") => {
            let (text, confidence) = if target.path_named {
                (
                    "the bucket's policy does not let the public, or Cloudflare, read it, or there is no such object",
                    Confidence::Medium,
                )
            } else {
                (
                    "nobody may list the bucket, which is as it should be, or nobody may read it: name an object to tell which",
                    Confidence::Low,
                )
            };
            let finding = Finding::seen(format!("S3 answers {code} for {host}{}: {text}", target.path_only()));
            Some((finding.confidence(confidence), target.path_named))
        }
        _ => None,
    }
}

/// CloudFront's own 403 says why: "Bad request." is an unknown Host, "Request blocked." its WAF (`facts/aws.md` G37).
fn cloudfront(host: &str, body: &str) -> Option<(Finding, bool)> {
    if body.contains("Bad request") {
        let text = format!(
            "CloudFront answers 403 Bad request for {host}: no distribution has it as an alternate domain name"
        );
        return Some((Finding::seen(text), true));
    }
    let other_reason =
        ["Request blocked", "block access from your country", "not configured to allow the HTTP", "MissingKey"];
    if other_reason.iter().any(|reason| body.contains(reason)) {
        return None;
    }
    let text =
        format!("CloudFront answers 403 for {host}: most likely no distribution has it as an alternate domain name");
    Some((Finding::seen(text).confidence(Confidence::Medium), true))
}

/// Nothing but a 403 is known, and DNS or the user names a CloudFront distribution or a function URL behind.
fn bare(evidence: &Evidence, seen: &Seen<'_>) -> Option<(Refuser, Finding, bool)> {
    if seen.response.status != 403 || attribution::has_whole_head(seen.response) || seen.place != Place::Edge {
        return None;
    }
    let (name, class) = behind(evidence)
        .into_iter()
        .find(|(_, class)| matches!(class, OriginClass::CloudFront | OriginClass::FunctionUrl))?;
    let refuser = if class == OriginClass::CloudFront { Refuser::CloudFront } else { Refuser::FunctionUrl };
    let finding = Finding::seen(format!(
        "403 for {}, and behind it is {name} ({}), which refuses a Host that it does not know",
        evidence.target.host,
        class.name()
    ));
    Some((refuser, finding.confidence(Confidence::Medium), true))
}

/// What is known to stand behind the host: the declared origin and the CNAMEs that DNS shows.
fn behind(evidence: &Evidence) -> Vec<(&str, OriginClass)> {
    let declared = evidence.target.origin.iter().filter(|origin| !origin.assumed).map(|origin| origin.host.as_str());
    let dns = evidence.dns.found();
    let visible = dns.into_iter().flat_map(|dns| dns.host.hops.iter().map(|hop| hop.to.as_str()));
    declared.chain(visible).map(|name| (name, class(name.trim_end_matches('.')))).collect()
}

/// The class of a name; reports shorten a distribution's name, so its domain is enough here.
fn class(name: &str) -> OriginClass {
    if name.ends_with(".cloudfront.net") { OriginClass::CloudFront } else { origin_host::classify(name).class }
}

fn tenant(seen: &Seen<'_>) -> Option<(Refuser, Finding, bool)> {
    if seen.response.status < 400 {
        return None;
    }
    let body = seen.response.body.prefix.to_ascii_lowercase().replace('\u{2019}', "'");
    let (platform, text) = NO_SUCH_SITE.iter().find(|(_, text)| body.contains(text))?;
    let finding = Finding::seen(format!("{platform} does not know this host name (\"{text}\")"));
    Some((Refuser::Tenant, finding.confidence(Confidence::Medium), true))
}

/// The name behind the host, where it is of this class; else the placeholder.
fn known(evidence: &Evidence, class: OriginClass, placeholder: &str) -> String {
    let found = behind(evidence).into_iter().find(|(_, found)| *found == class);
    found.map_or_else(|| placeholder.to_owned(), |(name, _)| name.to_owned())
}

/// The bucket that the name behind the host has in it.
fn bucket(evidence: &Evidence) -> String {
    let named = behind(evidence).into_iter().find_map(|(name, class)| {
        origin_host::classify(name).id.filter(|_| matches!(class, OriginClass::S3Rest | OriginClass::S3Website))
    });
    named.unwrap_or_else(|| "BUCKET".into())
}

fn is_elsewhere(evidence: &Evidence) -> bool {
    let seen = view::answer(evidence).ok();
    let code = seen.as_ref().and_then(|seen| attribution::s3_code(seen.response));
    matches!(code, Some("PermanentRedirect" | "TemporaryRedirect"))
}

/// A Worker that asks the service by the service's own name.
fn worker(name: &str) -> String {
    format!(
        "export default {{ fetch(request) {{\n  const url = new URL(request.url);\n  url.hostname = \"{name}\";\n  \
         return fetch(new Request(url, request));\n}} }};"
    )
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let host = &evidence.target.host;
    let refuser = view::answer(evidence).ok().and_then(|seen| refusal(evidence, &seen)).map(|(refuser, ..)| refuser);
    // A Host override needs Enterprise, so it is never the cure offered here (facts/aws.md section 1.2).
    match refuser {
        Some(Refuser::CloudFront) => Fix::new(format!("Add {host} to the distribution's alternate domain names, with a certificate in us-east-1 that names it."))
            .shell("Which names it has", "aws cloudfront get-distribution-config --id DISTRIBUTION --query 'DistributionConfig.[Aliases,ViewerCertificate]'")
            .shell("The certificate", format!("aws acm request-certificate --region us-east-1 --domain-name {host} --validation-method DNS"))
            .dashboard(format!("CloudFront → the distribution → General → Settings → Alternate domain names → {host}")),
        Some(Refuser::S3) if is_elsewhere(evidence) => Fix::new(format!("Point {host}, by record or Cloud Connector rule, at the endpoint in the bucket's own region."))
            .shell("Where the bucket lives", format!("aws s3api get-bucket-location --bucket {}", bucket(evidence)))
            .dashboard("Rules → Cloud Connector → Amazon S3 → the bucket's regional host name"),
        Some(Refuser::S3) => Fix::new(format!("Name the bucket {host}, or let Cloud Connector or a Worker rewrite the request to the bucket's own name."))
            .shell("Where the bucket lives", format!("aws s3api get-bucket-location --bucket {}", bucket(evidence)))
            .dashboard("Rules → Cloud Connector → Amazon S3 → the bucket's regional host name")
            .code("A Worker for the route", worker(&known(evidence, OriginClass::S3Rest, "BUCKET.s3.REGION.amazonaws.com"))),
        Some(Refuser::FunctionUrl) => Fix::new(format!("Put an API Gateway custom domain {host} before the function, or a Worker that asks the function URL by its own name."))
            .code("A Worker for the route", worker(&known(evidence, OriginClass::FunctionUrl, "URL_ID.lambda-url.REGION.on.aws")))
            .shell("HTTP API with the name", format!("aws apigatewayv2 create-domain-name --domain-name {host} --domain-name-configurations CertificateArn=ARN,EndpointType=REGIONAL,SecurityPolicy=TLS_1_2")),
        Some(Refuser::Misdirected) => Fix::new("Make SNI and Host the same name: align or remove the override of the Origin Rule or Page Rule.")
            .dashboard("Rules → Origin Rules (Host header, SNI); Page Rules → Host Header Override")
            .api("List the Origin Rules", "curl -s \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID/rulesets/phases/http_request_origin/entrypoint\" -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\""),
        Some(Refuser::Tenant) | None => Fix::new(format!("Register {host} as a custom domain with the service behind the record, and point the record where it says."))
            .shell("What the service says when asked directly", view::ask_directly(evidence)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::evidence::Response;

    fn run(answer: Response) -> Result<Verdict, NotRun> {
        (CHECK.judge)(&edge(URL, answer))
    }

    #[test]
    fn s3_by_its_code() {
        let bucket = failure(run(response(404, &[], "404 Not Found, Code: NoSuchBucket, BucketName: x")));
        assert_eq!(bucket.confidence, Confidence::High);
        let xml = "<Error><Code>PermanentRedirect</Code></Error>";
        assert!(failure((CHECK.judge)(&origin_only(URL, response(301, &[], xml)))).seen.contains("another region"));
        let denied = || response(403, &[&[("server", "AmazonS3")]], "<Code>AccessDenied</Code>");
        assert_eq!(failure(run(denied())).confidence, Confidence::Medium);
        let root = (CHECK.judge)(&edge("https://api.example.com/", denied()));
        assert!(matches!(root, Ok(Verdict::Warn(finding)) if finding.confidence == Confidence::Low));
        assert!(
            matches!(run(response(404, &[], "<Code>NoSuchKey</Code>")), Ok(Verdict::Pass(_))),
            "an object is missing"
        );
    }

    #[test]
    fn cloudfront_by_its_words() {
        let page = |why: &str| {
            format!("<H2>The request could not be satisfied.</H2>{why} Generated by cloudfront (CloudFront)")
        };
        assert_eq!(failure(run(response(403, &[], &page("Bad request.")))).confidence, Confidence::High);
        assert_eq!(failure(run(response(403, &[], &page("")))).confidence, Confidence::Medium);
        for other in ["Request blocked.", "configured to block access from your country."] {
            assert!(matches!(run(response(403, &[], &page(other))), Ok(Verdict::Pass(_))), "{other}");
        }
    }

    #[test]
    fn a_bare_403_with_a_distribution_behind() {
        let seen = |headers: &[&[(&str, &str)]]| {
            with_dns(edge(URL, response(403, headers, "")), &["192.0.2.9"], &["d111111abcdef8.cloudfront.net"], None)
        };
        assert_eq!(failure((CHECK.judge)(&seen(&[]))).confidence, Confidence::Medium);
        assert!(matches!((CHECK.judge)(&seen(&[PROXIED])), Ok(Verdict::Pass(_))), "a whole head without CloudFront's");
        assert!(matches!(run(response(403, &[], "")), Ok(Verdict::Pass(_))), "nothing known behind");
    }

    #[test]
    fn function_urls_and_misdirected_requests() {
        let headers = [("x-amzn-requestid", "uuid"), ("x-amzn-errortype", "AccessDeniedException")];
        let refused = || response(403, &[PROXIED, &headers], r#"{"Message":"Forbidden"}"#);
        failure(run(refused()));
        let own = edge("https://abcdefghijklmnopqrstuvwxyz012345.lambda-url.us-east-1.on.aws/", refused());
        assert!(matches!((CHECK.judge)(&own), Ok(Verdict::Pass(_))), "its own name");
        assert!(failure(run(response(421, &[], ""))).seen.contains("421"));
    }

    #[test]
    fn the_account_tells_the_name_from_the_permission() {
        let headers = [("x-amzn-requestid", "uuid"), ("x-amzn-errortype", "AccessDeniedException")];
        let refused = response(403, &[PROXIED, &headers], r#"{"Message":"Forbidden"}"#);
        let mut open = with_account(edge(URL, refused), serde_json::json!({}));
        open.target.origin = Some(FUNCTION_URL.parse().unwrap());
        let finding = failure((CHECK.judge)(&open));
        assert_eq!(finding.confidence, Confidence::High);
        assert!(finding.seen.contains("it is the name"), "{}", finding.seen);
        let mut document = open.gateway.found().unwrap().document().clone();
        document["functions"][0]["url_configs"][0]["AuthType"] = "AWS_IAM".into();
        open.gateway = crate::evidence::Gathered::Found(crate::evidence::Gateway::from_document(document));
        let finding = failure((CHECK.judge)(&open));
        assert_eq!(finding.confidence, Confidence::Medium);
        assert!(finding.seen.contains("does not admit the public either"), "{}", finding.seen);
    }

    #[test]
    fn shared_hosts() {
        for body in ["Fastly error: unknown domain: x. Please check", "There isn\u{2019}t a GitHub Pages site here."] {
            assert_eq!(failure(run(response(404, &[], body))).confidence, Confidence::Medium, "{body}");
        }
    }

    #[test]
    fn healthy_look_alikes_pass() {
        for answer in [
            response(403, &[PROXIED, &[("apigw-requestid", "x")]], r#"{"message":"Forbidden"}"#),
            response(404, &[PROXIED], r#"{"error":"project 7 was not found"}"#),
            response(200, &[PROXIED], "no such app"),
            response(403, &[EDGE_MADE, &[("cf-mitigated", "challenge")]], ""),
        ] {
            assert!(matches!(run(answer.clone()), Ok(Verdict::Pass(_))), "{answer:?}");
        }
    }

    #[test]
    fn each_refuser_has_its_fix() {
        for (answer, word) in [
            (response(403, &[], "The request could not be satisfied. Bad request."), "alternate domain names"),
            (response(404, &[], "Code: NoSuchBucket"), "bucket"),
            (response(421, &[], ""), "SNI"),
            (response(404, &[], "No such app"), "custom domain"),
        ] {
            let evidence = edge(URL, answer);
            assert!((CHECK.fix)(&evidence, &Finding::seen("")).summary.contains(word), "{word}");
        }
    }
}
