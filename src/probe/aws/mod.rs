//! The AWS account: custom domains, mappings, certificates, APIs and functions of one host, read-only.
//!
//! After the credentials there are three round trips in a row: the domains of each region (with the mappings of the
//! names that the host could have); certificates and APIs; functions. What is denied, throttled or late is named in
//! the document under `not_read`, and the rest is kept.
//!
//! Behind the feature `aws`; without it, [`look`] says so.

#[cfg(feature = "aws")]
mod call;
#[cfg(feature = "aws")]
mod domains;
#[cfg(feature = "aws")]
mod errors;
#[cfg(feature = "aws")]
mod functions;
#[cfg(feature = "aws")]
mod questions;
#[cfg(feature = "aws")]
mod session;
#[cfg(feature = "aws")]
mod walk;
#[cfg(feature = "aws")]
mod wire;

#[cfg(all(test, feature = "aws"))]
mod stub;
#[cfg(all(test, feature = "aws"))]
mod stub_tests;
#[cfg(all(test, feature = "aws"))]
mod wire_tests;

use std::fmt;
use std::sync::{Arc, OnceLock};

use cfdoctor_checks::evidence::redact::Secrets;
use cfdoctor_checks::evidence::{Gateway, Gathered, Target};
use cfdoctor_checks::{NotRun, Probe};
use secrecy::SecretString;

use super::budget::Budget;
use crate::settings::Settings;

/// In so few regions the mappings of every name that the host could have are asked for at once with the domains.
pub(crate) const FEW: usize = 4;

/// `--aws`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AwsUse {
    /// Not at all.
    Never,
    /// Where the environment says that there are credentials.
    #[default]
    Auto,
    /// In any case; then the metadata service of an instance is asked, too.
    Require,
}

/// `--aws-regions`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AwsRegions {
    /// The one in the record's target, `--region`, the profile's, and us-east-1 for what is edge-optimised.
    #[default]
    Usual,
    /// These.
    Named(Vec<String>),
    /// Every region with API Gateway in the partition of the profile (the commercial one, if it names no region).
    All,
}

/// Access to an AWS account. Clones share the session: credentials are loaded once in a run, and the domains of a
/// region are listed once.
#[derive(Clone)]
pub struct AwsAccess {
    inner: Arc<Inner>,
}

/// What all targets of a run share.
struct Inner {
    asked: Asked,
    /// The credentials as they were found, to be looked for where they must not be.
    secrets: OnceLock<Secrets>,
    #[cfg(feature = "aws")]
    reach: super::api::Reach,
    #[cfg(feature = "aws")]
    session: tokio::sync::OnceCell<session::Session>,
}

/// Whom to ask, as the user has it.
#[derive(Clone)]
struct Asked {
    choice: AwsUse,
    regions: AwsRegions,
    /// `AWS_PROFILE`, for sentences.
    profile: Option<String>,
    has_credentials: bool,
    #[cfg(feature = "aws")]
    fixed: Option<Fixed>,
}

/// An account at a fixed place, with keys of no value elsewhere: the demo world and the tests.
#[derive(Clone)]
pub struct Fixed {
    /// Base URL of every service.
    pub endpoint: String,
    /// The access key's id.
    pub key: String,
    /// The access key's secret.
    pub secret: SecretString,
    /// The region of the profile.
    pub region: Option<String>,
}

impl fmt::Debug for AwsAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = &self.inner.asked;
        f.debug_struct("AwsAccess")
            .field("choice", &asked.choice)
            .field("regions", &asked.regions)
            .field("profile", &asked.profile)
            .field("has_credentials", &asked.has_credentials)
            .finish_non_exhaustive()
    }
}

/// What says that there are credentials (`product.md` section 2).
const SIGNS: &[&str] = &["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"];

impl AwsAccess {
    /// Access as the environment has it, reached as the default settings say; `variable` reads a variable of the
    /// environment.
    pub fn from_environment(choice: AwsUse, regions: AwsRegions, variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let has_credentials = SIGNS.iter().any(|name| variable(name).is_some());
        Self::new(choice, regions, variable("AWS_PROFILE"), has_credentials, None)
    }

    /// Access to an account at a fixed place.
    pub fn fixed(fixed: Fixed, regions: AwsRegions) -> Self {
        Self::new(AwsUse::Auto, regions, None, true, Some(fixed))
    }

    fn new(
        choice: AwsUse,
        regions: AwsRegions,
        profile: Option<String>,
        has_credentials: bool,
        fixed: Option<Fixed>,
    ) -> Self {
        #[cfg(not(feature = "aws"))]
        let _ = fixed;
        let asked = Asked {
            choice,
            regions,
            profile,
            has_credentials,
            #[cfg(feature = "aws")]
            fixed,
        };
        AwsAccess { inner: Arc::new(Inner::new(asked, &Settings::default())) }
    }

    /// The same access with the roots of trust and the proxy of these settings. Nothing read so far is kept.
    #[must_use]
    pub fn with(self, settings: &Settings) -> Self {
        AwsAccess { inner: Arc::new(Inner::new(self.inner.asked.clone(), settings)) }
    }

    /// Where to look.
    pub(crate) fn regions(&self) -> &AwsRegions {
        &self.inner.asked.regions
    }

    /// The credentials, once they were used: to be looked for where they must not be.
    pub(in crate::probe) fn secrets(&self) -> Option<&Secrets> {
        self.inner.secrets.get()
    }

    /// Why the account is not asked at all, if it is not.
    pub fn refusal(&self) -> Option<NotRun> {
        let Asked { choice, has_credentials, .. } = self.inner.asked;
        if choice == AwsUse::Never {
            return Some(NotRun::Disabled(Probe::Gateway));
        }
        if !cfg!(feature = "aws") {
            let text =
                "this cfdoctor was built without aws; build it with its default features, or give --aws-json FILE";
            return Some(NotRun::blocked(Probe::Gateway, text));
        }
        let is_silent = choice == AwsUse::Auto && !has_credentials;
        is_silent.then_some(NotRun::NoCredential(Probe::Gateway))
    }
}

impl Inner {
    fn new(asked: Asked, settings: &Settings) -> Self {
        #[cfg(not(feature = "aws"))]
        let _ = settings;
        Inner {
            asked,
            secrets: OnceLock::new(),
            #[cfg(feature = "aws")]
            reach: super::api::Reach::from(settings),
            #[cfg(feature = "aws")]
            session: tokio::sync::OnceCell::new(),
        }
    }
}

/// Looks at what the account holds for this host and path. `points_at` is the target of the host's record, where it is
/// known: it names the region, or the API or function itself.
pub async fn look(target: &Target, points_at: Option<&str>, access: &AwsAccess, budget: &Budget) -> Gathered<Gateway> {
    if let Some(why) = access.refusal() {
        return Gathered::Missing(why);
    }
    #[cfg(feature = "aws")]
    {
        let _waiting = budget.waiting_for("the AWS account");
        match access.session(budget).await {
            Ok(session) => match Box::pin(walk::walk(session, target, points_at, access.regions(), budget)).await {
                Ok(document) => Gathered::Found(Gateway::from_document(document)),
                Err(why) => Gathered::Missing(why),
            },
            Err(why) => Gathered::Missing(why),
        }
    }
    #[cfg(not(feature = "aws"))]
    {
        let _ = (target, points_at, budget);
        Gathered::Missing(NotRun::Disabled(Probe::Gateway))
    }
}

/// Whose credentials these are: GetCallerIdentity, which needs no permission. `UserId`, `Account`, `Arn`, not redacted:
/// for the eyes of their owner.
///
/// # Errors
/// There are no credentials, or they are not accepted; the sentence names the command that mends it.
pub async fn identity(access: &AwsAccess, budget: &Budget) -> Result<serde_json::Value, NotRun> {
    if let Some(why) = access.refusal() {
        return Err(why);
    }
    #[cfg(feature = "aws")]
    {
        let session = access.session(budget).await?;
        session
            .identity(budget)
            .await
            .map_err(|why| errors::not_run(&why, &session.place("sts", session.home()), false))
    }
    #[cfg(not(feature = "aws"))]
    {
        let _ = budget;
        Err(NotRun::Disabled(Probe::Gateway))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn with(variables: &'static [(&'static str, &'static str)], choice: AwsUse) -> AwsAccess {
        AwsAccess::from_environment(choice, AwsRegions::Usual, |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn auto_waits_for_a_sign_of_credentials() {
        let refused = Some(if cfg!(feature = "aws") { "no-credential" } else { "blocked" });
        assert_eq!(with(&[], AwsUse::Auto).refusal().map(|why| why.kind()), refused);
        assert_eq!(with(&[("AWS_PROFILE", "")], AwsUse::Auto).refusal().map(|why| why.kind()), refused);
        assert_eq!(with(&[("AWS_PROFILE", "x")], AwsUse::Never).refusal(), Some(NotRun::Disabled(Probe::Gateway)));
        for name in SIGNS {
            let access = AwsAccess::from_environment(AwsUse::Auto, AwsRegions::Usual, |asked| {
                (asked == *name).then(|| "value".to_owned())
            });
            assert_eq!(access.refusal().is_none(), cfg!(feature = "aws"), "{name}");
        }
        assert_eq!(with(&[], AwsUse::Require).refusal().is_none(), cfg!(feature = "aws"));
    }

    #[tokio::test]
    async fn without_the_feature_it_says_so() {
        let target: Target = "a.example.com".parse().unwrap();
        let budget = Budget::quiet(Duration::from_millis(1));
        let access = with(&[("AWS_PROFILE", "x")], if cfg!(feature = "aws") { AwsUse::Never } else { AwsUse::Auto });
        let Gathered::Missing(why) = look(&target, None, &access, &budget).await else { panic!("looked") };
        assert_eq!(why.text().contains("built without aws"), !cfg!(feature = "aws"), "{}", why.text());
        assert!(identity(&access, &budget).await.is_err());
    }

    #[test]
    fn no_secret_is_shown() {
        let fixed = Fixed {
            endpoint: "http://127.0.0.1:1".into(),
            key: "AKIAIOSFODNN7EXAMPLE".into(),
            secret: SecretString::from("s3cr3t".to_owned()),
            region: None,
        };
        let shown = format!("{:?}", AwsAccess::fixed(fixed, AwsRegions::All));
        assert!(!shown.contains("s3cr3t") && !shown.contains("AKIA"), "{shown}");
    }
}
