//! What went wrong as a sentence that names the command which mends it.

use cfdoctor_checks::evidence::text::shell_quote;
use cfdoctor_checks::model::origin_host;
use cfdoctor_checks::{NotRun, Probe};

use super::call::Refusal;

/// Where a question was asked.
pub(super) struct Place<'a> {
    /// `apigateway`, `acm`, `lambda`, `sts`.
    pub(super) service: &'a str,
    /// The region.
    pub(super) region: &'a str,
    /// The profile, if one is chosen.
    pub(super) profile: Option<&'a str>,
    /// What the question needs.
    pub(super) action: &'a str,
}

/// The reason for the evidence. `is_known`: another region accepted the same credentials.
pub(super) fn not_run(refusal: &Refusal, place: &Place<'_>, is_known: bool) -> NotRun {
    let Place { service, region, action, .. } = place;
    match refusal {
        Refusal::Denied(named) => NotRun::Forbidden {
            probe: Probe::Gateway,
            scope: named.clone().unwrap_or_else(|| format!("{action} in {region}")),
        },
        Refusal::Expired => NotRun::blocked(Probe::Gateway, expired(place.profile)),
        Refusal::BadCredentials(_) if is_known => NotRun::inconclusive(format!(
            "{region} does not accept the credentials that another region accepts: it is probably not enabled for the \
             account (`aws account get-region-opt-status --region-name {0}`, `aws account enable-region --region-name {0}`)",
            shell_quote(region)
        )),
        Refusal::BadCredentials(code) => NotRun::blocked(
            Probe::Gateway,
            format!(
                "AWS does not accept the credentials ({code}); `{}` tells whose they are",
                with_profile("aws sts get-caller-identity", place.profile)
            ),
        ),
        Refusal::Throttled => {
            NotRun::inconclusive(format!("{service} in {region} throttled us at every try; run it again in a minute"))
        }
        Refusal::Late => NotRun::inconclusive(format!("{service} in {region} did not answer in time")),
        Refusal::Unreachable(_) if origin_host::region(region).is_none() => NotRun::inconclusive(format!(
            "there is no AWS region {region} that we know of, and {service} was not reached there \
             (`aws account list-regions` lists yours)"
        )),
        Refusal::Unreachable(why) => NotRun::inconclusive(format!("{service} in {region} was not reached: {why}")),
        Refusal::NotFound => NotRun::inconclusive(format!("{service} in {region} does not know it")),
        Refusal::Strange(why) => NotRun::inconclusive(format!("{service} in {region} answered strangely: {why}")),
    }
}

/// Why no credentials could be loaded, from the words of the SDK.
pub(super) fn no_credentials(words: &str, is_absent: bool, profile: Option<&str>) -> NotRun {
    let lower = words.to_ascii_lowercase();
    let is_sso = ["sso", "cached token", "startl"].iter().any(|word| lower.contains(word));
    let by = if lower.contains("was not defined") || lower.contains("no profiles were defined") {
        let profile = profile.unwrap_or("default");
        format!("there is no AWS profile {profile:?} (`aws configure list-profiles` lists yours)")
    } else if is_sso {
        format!(
            "the AWS single sign-on session is not there or has expired; run `{}`",
            with_profile("aws sso login", profile)
        )
    } else if lower.contains("expired") {
        expired(profile)
    } else if is_absent {
        let mend = match profile {
            Some(profile) => {
                format!("profile {profile:?} holds none; `{}`", with_profile("aws configure", Some(profile)))
            }
            None => "set AWS_PROFILE, or AWS_ACCESS_KEY_ID together with AWS_SECRET_ACCESS_KEY, or run `aws configure`"
                .into(),
        };
        format!("no AWS credentials were found: {mend}")
    } else {
        let check = with_profile("aws sts get-caller-identity", profile);
        format!("the AWS credentials could not be loaded: {words} (`{check}` meets the same)")
    };
    NotRun::blocked(Probe::Gateway, by)
}

fn expired(profile: Option<&str>) -> String {
    match profile {
        Some(_) => format!("the AWS session has expired; run `{}`", with_profile("aws sso login", profile)),
        None => "the AWS session token has expired; get a new one (`aws sso login`, or export new \
                 AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN)"
            .into(),
    }
}

fn with_profile(command: &str, profile: Option<&str>) -> String {
    match profile {
        Some(profile) => format!("{command} --profile {}", shell_quote(profile)),
        None => command.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(region: &'static str, profile: Option<&'static str>) -> Place<'static> {
        Place { service: "apigateway", region, profile, action: "apigateway:GET on /domainnames" }
    }

    #[test]
    fn each_trouble_names_its_remedy() {
        let bad = Refusal::BadCredentials("UnrecognizedClientException".into());
        let lost = Refusal::Unreachable("dns error".into());
        for (refusal, place, is_known, kind, words) in [
            (
                &Refusal::Denied(None),
                place("us-west-2", None),
                true,
                "forbidden",
                "apigateway:GET on /domainnames in us-west-2",
            ),
            (&Refusal::Expired, place("us-west-2", Some("dev")), false, "blocked", "aws sso login --profile 'dev'"),
            (&Refusal::Expired, place("us-west-2", None), false, "blocked", "AWS_SESSION_TOKEN"),
            (&bad, place("ap-east-1", None), true, "inconclusive", "enable-region --region-name 'ap-east-1'"),
            (&bad, place("us-west-2", Some("dev")), false, "blocked", "get-caller-identity --profile 'dev'"),
            (&lost, place("us-west-9", None), true, "inconclusive", "there is no AWS region us-west-9"),
            (&lost, place("us-west-2", None), true, "inconclusive", "dns error"),
            (&Refusal::Throttled, place("us-west-2", None), true, "inconclusive", "again in a minute"),
        ] {
            let why = not_run(refusal, &place, is_known);
            assert_eq!(why.kind(), kind);
            assert!(why.text().contains(words), "{}", why.text());
        }
    }

    #[test]
    fn the_words_of_the_sdk_become_a_remedy() {
        for (words, is_absent, profile, told) in [
            ("no providers in chain provided credentials", true, None, "set AWS_PROFILE"),
            ("no providers in chain provided credentials", true, Some("x"), "aws configure --profile 'x'"),
            ("profile `x` was not defined: no such profile", false, Some("x"), "list-profiles"),
            ("the SSO token has expired and cannot be refreshed", false, Some("x"), "aws sso login --profile 'x'"),
            ("failed to load the cached SSO token", false, Some("x"), "aws sso login --profile 'x'"),
            ("an error occurred: ExpiredToken", false, None, "has expired"),
            ("`credential_process` exited with 1", false, Some("x"), "exited with 1"),
        ] {
            let why = no_credentials(words, is_absent, profile).text();
            assert!(why.contains(told), "{words}: {why}");
        }
    }
}
