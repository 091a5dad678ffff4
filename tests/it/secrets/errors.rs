//! Wrong usage with canaries in it: an error may name the option, never the value.

use super::*;

#[test]
fn errors_name_the_place_and_not_the_value() {
    let url = "https://lambda.example.com/";
    let signed = format!("https://lambda.example.com/a b?X-Amz-Signature={SIGNATURE}");
    let userinfo = format!("https://user:{PROXY}@lambda.example.com/");
    let broken = format!("https://user:{PROXY}@lambda example.com/");
    let header = |value: &str| format!("Authorization: {value}");
    let cases: Vec<Vec<String>> = [
        vec!["check", &signed],
        vec!["check", &userinfo],
        vec!["check", &broken],
        vec![broken.as_str()],
        vec!["why", &broken],
        vec!["lint", "--url", &broken, "nothing"],
        vec!["check", url, "-H", &header(&format!("{AUTHORIZATION}\u{7}"))],
        vec!["check", url, "-H", AUTHORIZATION],
        vec!["check", url, "-H", &format!("Content-Length: {AUTHORIZATION}")],
        vec!["check", url, "--proxy", &format!("https://user:{PROXY}@127.0.0.1:1")],
        vec!["check", url, "--proxy", &format!("ftp://user:{PROXY}@127.0.0.1:1")],
        vec!["check", url, "--proxy", &format!("user:{PROXY}@127.0.0.1:99999")],
        vec!["check", url, "--proxy", &format!("http://user:{PROXY}")],
        vec!["check", url, "--resolver", &format!("https://user:{PROXY}@dns.example.com/dns-query")],
        vec!["check", url, "--resolver", &format!("quic://user:{PROXY}@dns.example.com")],
        vec!["check", url, "--origin", &format!("https://user:{PROXY}@o.example.net/")],
        vec!["config", "show", "--proxy", &format!("http://user:{PROXY}@127.0.0.1:1"), "-H", &header(AUTHORIZATION)],
        vec!["config", "show", "--format", "json", "--proxy", &format!("user:{PROXY}@127.0.0.1:1")],
        vec![
            "check",
            url,
            "--dry-run",
            "-H",
            &header(AUTHORIZATION),
            "--proxy",
            &format!("http://user:{PROXY}@127.0.0.1:1"),
        ],
        vec!["check", &format!("{url}?X-Amz-Signature={SIGNATURE}"), "--dry-run", "--format", "json"],
        vec!["check", url, "--dry-run", "-v", "-H", &header(&format!("Basic {PASSWORD}"))],
        vec!["access"],
        vec!["access", "--format", "json"],
    ]
    .into_iter()
    .map(|words| words.into_iter().map(ToOwned::to_owned).collect())
    .collect();
    let environments: [&[(&str, &str)]; 4] = [
        &[],
        &[
            ("CLOUDFLARE_API_TOKEN", TOKEN),
            ("CLOUDFLARE_BASE_URL", "http://user:proxyCanary0123456789@127.0.0.1:1/"),
            ("AWS_ACCESS_KEY_ID", AWS_KEY),
            ("AWS_SECRET_ACCESS_KEY", AWS_SECRET),
            ("AWS_SESSION_TOKEN", AWS_SESSION),
            ("AWS_ENDPOINT_URL", "http://user:proxyCanary0123456789@127.0.0.1:1/"),
        ],
        &[
            ("CLOUDFLARE_API_TOKEN", "Bearer cfTokenCanary0123456789abcdefghijklmnopq"),
            ("CLOUDFLARE_BASE_URL", "http://127.0.0.1:1/"),
        ],
        &[("CLOUDFLARE_API_KEY", TOKEN), ("CLOUDFLARE_EMAIL", COOKIE)],
    ];
    let mut wrong = Vec::new();
    for arguments in &cases {
        for environment in environments {
            let folder = tempfile::tempdir().unwrap();
            let (found, code) = leaks(folder.path(), arguments, environment, "");
            assert!(matches!(code, Some(0..=4)), "{arguments:?}: {code:?}");
            wrong.extend(found.into_iter().map(|what| format!("{arguments:?} {}: {what}", environment.len())));
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let list = format!("lambda.example.com\nhttps://user:{PROXY}@lambda example.com/\n");
    let (found, code) = leaks(folder.path(), &["check".into(), "-".into()], &[], &list);
    assert_eq!(code, Some(2));
    wrong.extend(found.into_iter().map(|what| format!("stdin: {what}")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
