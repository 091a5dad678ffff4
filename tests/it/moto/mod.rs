//! The AWS probe against moto, an emulator that nobody here wrote, filled by Amazon's own Python client.
//! `tests/run` installs it and names its Python in `CFDOCTOR_MOTO`; then leaving these tests out is a failure.

mod findings;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cfdoctor::probe::aws::{AwsAccess, AwsRegions, AwsUse, Fixed, identity, look};
use cfdoctor::probe::budget::Budget;
use cfdoctor_checks::NotRun;
use cfdoctor_checks::evidence::gateway::{Authorization, Domain};
use cfdoctor_checks::evidence::{Gateway, Gathered, Target};
use cfdoctor_checks::model::lambda_policy::{Call, Caller, Permission, Source, judge};
use cfdoctor_checks::model::{api_route, mapping};
use secrecy::SecretString;
use serde_json::Value;

const HOME: &str = "eu-central-1";

/// The server, until it is dropped.
struct Moto {
    child: Child,
    endpoint: String,
    account: Value,
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.child.stdin.take()); // it ends with its input
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Moto {
    fn open(python: &std::ffi::OsStr) -> Moto {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/moto/account.py");
        let mut child = Command::new(python)
            .args([script, &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.map_while(Result::ok).find(|line| line.starts_with('{'));
        let Some(said) = said else { panic!("moto did not start: {:?}", child.wait()) };
        Moto { child, endpoint: format!("http://127.0.0.1:{port}"), account: serde_json::from_str(&said).unwrap() }
    }

    fn access(&self, region: &str, regions: AwsRegions) -> AwsAccess {
        let secret = SecretString::from("secret".to_owned());
        let fixed =
            Fixed { endpoint: self.endpoint.clone(), key: "AKIDEXAMPLE".into(), secret, region: Some(region.into()) };
        AwsAccess::fixed(fixed, regions)
    }
}

fn budget() -> Budget {
    Budget::quiet(Duration::from_secs(60))
}

async fn seen(access: &AwsAccess, url: &str, points_at: Option<&str>) -> Gateway {
    let target: Target = url.parse().unwrap();
    match look(&target, points_at, access, &budget()).await {
        Gathered::Found(gateway) => gateway,
        Gathered::Missing(why) => panic!("{}", why.text()),
    }
}

fn only<'a>(gateway: &'a Gateway, host: &str) -> &'a Domain {
    let domains = gateway.domains_of(host).unwrap();
    assert_eq!(domains.len(), 1, "{:#}", gateway.document());
    domains[0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emulated_account() {
    let Some(python) = std::env::var_os("CFDOCTOR_MOTO") else {
        eprintln!("left out: tests/run installs moto and names its Python in CFDOCTOR_MOTO");
        return;
    };
    let moto = Moto::open(&python);
    an_http_api(&moto).await;
    a_rest_api(&moto).await;
    an_edge_optimised_domain(&moto).await;
    a_function_url(&moto).await;
    the_wrong_region(&moto).await;
    findings::the_same_findings(&moto).await;
    the_environment(&moto);
    credentials_that_are_refused(&moto).await; // the last one: it spoils the server
}

async fn an_http_api(moto: &Moto) {
    let access = moto.access(HOME, AwsRegions::Usual);
    let url = "https://api.example.com/v1/shop/items?page=2";
    let gateway = seen(&access, url, None).await;
    let domain = only(&gateway, "api.example.com");
    assert_eq!((domain.region.as_deref(), domain.is_regional()), (Some(HOME), true));
    let certificate = gateway.certificate(domain.certificate.as_ref().unwrap()).unwrap();
    assert!(certificate.is_cloudflare_origin() && certificate.covers("api.example.com") && !certificate.is_summary);
    let asked = mapping::Asked { host: "api.example.com", path: "/v1/shop/items?page=2", headers: &[] };
    let caught = mapping::caught(domain, asked).unwrap();
    let api = gateway.api(moto.account["http"].as_str().unwrap()).unwrap();
    assert_eq!(caught.api(), Some(api.id.as_str()));
    assert!(api.stage("$default").unwrap().is_some() && api.default_endpoint_disabled == Some(false));
    let path = caught.rest_of("/v1/shop/items?page=2");
    let route = api_route::caught(api, api.routes.found().unwrap(), "GET", &path).unwrap();
    let integration = api.integration(route).unwrap().unwrap();
    assert_eq!((route.key.as_str(), integration.timeout_ms), ("GET /items", Some(30_000)));
    let function = gateway.function(&integration.function().unwrap()).unwrap();
    assert_eq!((function.timeout, function.runtime.as_deref()), (Some(30), Some("nodejs22.x")));
    let arn = function.arn.as_ref();
    let source = Source::new(api, caught.stage(), route, "GET", &path, arn);
    let call = Call { action: "lambda:InvokeFunction", caller: Caller::Gateway(source), function: arn };
    assert_eq!(judge(function.policy.found().unwrap(), &call), Permission::Allowed);
    assert_eq!(function.urls.found().unwrap()[0].auth, Some(Authorization::None), "its URL is open beside the API");
    let text = serde_json::to_string(&gateway).unwrap();
    assert!(!text.contains("s3cr3t") && !text.contains("123456789012"), "{text}");
    let told = identity(&access, &budget()).await.unwrap();
    assert_eq!(told["Account"], "123456789012", "for its owner's eyes");
}

async fn a_rest_api(moto: &Moto) {
    let target = moto.account["target"].as_str().unwrap();
    // The region comes from the record's target alone.
    let gateway =
        seen(&moto.access("us-west-2", AwsRegions::Usual), "https://rest.example.com/shop/a/b", Some(target)).await;
    let domain = only(&gateway, "rest.example.com");
    assert_eq!((domain.target.as_deref(), domain.region.as_deref()), (Some(target), Some(HOME)));
    let api = gateway.api(moto.account["rest"].as_str().unwrap()).unwrap();
    assert_eq!(api.stage("prod").unwrap().map(|stage| stage.cache_enabled), Some(false));
    let route = api_route::caught(api, api.routes.found().unwrap(), "GET", "/a/b").unwrap();
    assert_eq!(route.key, "ANY /{proxy+}");
    let function = gateway.function(&api.integration(route).unwrap().unwrap().function().unwrap()).unwrap();
    let source = Source::new(api, Some("prod"), route, "GET", "/a/b", function.arn.as_ref());
    let call =
        Call { action: "lambda:InvokeFunction", caller: Caller::Gateway(source), function: function.arn.as_ref() };
    assert_eq!(judge(function.policy.found().unwrap(), &call), Permission::NotAllowed, "only the HTTP API may");
}

async fn an_edge_optimised_domain(moto: &Moto) {
    let gateway = seen(&moto.access(HOME, AwsRegions::Usual), "edge.example.com", None).await;
    let domain = only(&gateway, "edge.example.com");
    let arn = domain.edge_certificate.as_ref().unwrap();
    assert!(domain.is_edge() && domain.distribution.as_deref().is_some_and(|name| name.ends_with(".cloudfront.net")));
    assert_eq!(arn.region(), Some("us-east-1"));
    assert!(gateway.certificate(arn).unwrap().covers("edge.example.com"), "asked in its own region");
    assert_eq!(domain.mappings.found().unwrap()[0].key, "");
}

async fn a_function_url(moto: &Moto) {
    let host = moto.account["url"].as_str().unwrap().trim_start_matches("https://").trim_end_matches('/');
    let gateway = seen(&moto.access("us-west-2", AwsRegions::Usual), "fn.example.com", Some(host)).await;
    let (function, url) = gateway.function_url(host).unwrap();
    assert_eq!((function.name.as_str(), url.auth.as_ref()), ("shop", Some(&Authorization::None)));
    assert!(function.policy.found().is_some());
}

async fn the_wrong_region(moto: &Moto) {
    let gateway = seen(&moto.access("us-west-2", AwsRegions::Usual), "api.example.com", None).await;
    assert!(gateway.domains_of("api.example.com").unwrap().is_empty());
    assert_eq!(gateway.regions_looked_at, ["us-west-2"]);
    let gateway = seen(&moto.access("us-west-2", AwsRegions::All), "https://api.example.com/v1/shop/items", None).await;
    assert_eq!(only(&gateway, "api.example.com").region.as_deref(), Some(HOME));
    assert!(gateway.regions_looked_at.len() > 30, "{:?}", gateway.regions_looked_at);
    assert_eq!(gateway.unread("domains"), None);
    assert!(gateway.functions.found().is_some());
}

async fn credentials_that_are_refused(moto: &Moto) {
    let spoil = format!("{}/moto-api/reset-auth", moto.endpoint);
    let spoiled = Command::new(std::env::var_os("CFDOCTOR_MOTO").unwrap())
        .args(["-c", "import sys, requests; requests.post(sys.argv[1], data='0').raise_for_status()", &spoil])
        .status()
        .unwrap();
    assert!(spoiled.success());
    let target: Target = "api.example.com".parse().unwrap();
    let access = moto.access(HOME, AwsRegions::Usual);
    let why = look(&target, None, &access, &budget()).await.get().unwrap_err();
    assert!(why.kind() == "blocked" && why.text().contains("aws sts get-caller-identity"), "{}", why.text());
}

/// Everything that comes from the environment is looked at in a process of its own, which has no other.
fn inner(variables: &[(&str, &str)]) -> Value {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    std::fs::write(home.path().join(".aws/config"), CONFIG).unwrap();
    let kept: BTreeMap<_, _> = std::env::vars_os().filter(|(name, _)| name == "PATH").collect();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "moto::look_as_the_environment_says", "--nocapture"])
        .env_clear()
        .envs(kept)
        .env("HOME", home.path())
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.split_once("SEEN ").map(|(_, json)| json.to_owned()));
    serde_json::from_str(&line.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))).unwrap()
}

const CONFIG: &str = "\
[profile home]
region = eu-central-1
aws_access_key_id = AKIDEXAMPLE
aws_secret_access_key = secret

[profile role]
region = eu-central-1
source_profile = home
role_arn = arn:aws:iam::123456789012:role/r

[profile process]
region = eu-central-1
credential_process = printf '{\"Version\":1,\"AccessKeyId\":\"AKIDEXAMPLE\",\"SecretAccessKey\":\"secret\"}'

[profile broken]
region = eu-central-1
credential_process = false

[profile sso]
region = eu-central-1
sso_session = corp
sso_account_id = 123456789012
sso_role_name = reader

[sso-session corp]
sso_region = eu-central-1
sso_start_url = https://corp.example.com/start

[profile empty]
region = eu-central-1
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn look_as_the_environment_says() {
    let access = AwsAccess::from_environment(AwsUse::Auto, AwsRegions::Usual, |name| std::env::var(name).ok());
    let target: Target = "https://api.example.com/v1/shop/items".parse().unwrap();
    let looked = look(&target, None, &access, &Budget::quiet(Duration::from_secs(30))).await;
    if std::env::var_os("AWS_PROFILE").is_none() && std::env::var_os("AWS_ACCESS_KEY_ID").is_none() {
        assert_eq!(looked.get().err().map(|why: NotRun| why.kind()), Some("no-credential"));
    }
    let seen = match looked {
        Gathered::Found(gateway) => serde_json::to_value(&gateway).unwrap(),
        Gathered::Missing(why) => serde_json::json!({"missing": why.text(), "kind": why.kind()}),
    };
    println!("\nSEEN {seen}");
}

fn the_environment(moto: &Moto) {
    // AWS's own variables, a profile with keys, one that takes on a role, one that asks a program.
    for profile in ["home", "role", "process"] {
        let seen = inner(&[("AWS_PROFILE", profile), ("AWS_ENDPOINT_URL", &moto.endpoint)]);
        assert_eq!(seen["domains"][0]["domainName"], "api.example.com", "{profile}: {seen}");
        assert_eq!(seen["regions_looked_at"][0], HOME, "the profile's");
    }
    let keys = [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_REGION", HOME)];
    let one_by_one =
        ["API_GATEWAY", "APIGATEWAYV2", "ACM", "LAMBDA", "STS"].map(|name| format!("AWS_ENDPOINT_URL_{name}"));
    let places = one_by_one.iter().map(|name| (name.as_str(), moto.endpoint.as_str()));
    let seen = inner(&keys.into_iter().chain(places).collect::<Vec<_>>());
    assert_eq!(seen["certificates"][0]["Status"], "ISSUED", "{seen}");
}

#[test]
fn credentials_that_are_not_there() {
    // No server is needed: none of them gets so far.
    for (variables, words) in [
        (&[("AWS_PROFILE", "nobody")][..], "there is no AWS profile \"nobody\""),
        (&[("AWS_PROFILE", "sso")], "aws sso login --profile 'sso'"),
        (&[("AWS_PROFILE", "empty")], "profile \"empty\""),
        (&[("AWS_PROFILE", "broken")], "aws sts get-caller-identity --profile 'broken'"),
        (&[("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")], "AWS_SECRET_ACCESS_KEY"),
    ] {
        let seen = inner(variables);
        let text = seen["missing"].as_str().unwrap_or_default();
        assert!(text.contains(words) && seen["kind"] == "blocked", "{variables:?}: {seen}");
    }
}
