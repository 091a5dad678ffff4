//! Amazon resource names, with the account replaced by a token.

use std::fmt;

/// `arn:partition:service:region:account:resource`; the account is a token (equal ones are equal) or redacted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Arn(String);

impl Arn {
    /// Reads an ARN out of the redacted document.
    pub fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        let mut parts = text.splitn(6, ':');
        (parts.next() == Some("arn") && parts.count() == 5).then(|| Arn(text.to_owned()))
    }

    fn part(&self, at: usize) -> Option<&str> {
        self.0.splitn(6, ':').nth(at).filter(|part| !part.is_empty())
    }

    /// As it stands in the evidence.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `aws`, `aws-cn`, …
    pub fn partition(&self) -> Option<&str> {
        self.part(1)
    }

    /// `acm`, `lambda`, …
    pub fn service(&self) -> Option<&str> {
        self.part(2)
    }

    /// The region, if the resource has one.
    pub fn region(&self) -> Option<&str> {
        self.part(3)
    }

    /// The token that stands for the account; none where the account is not told or was blanked.
    pub fn account(&self) -> Option<&str> {
        self.part(4).filter(|account| account.starts_with("account-"))
    }

    /// `certificate/…`, `function:f:live`, …
    pub fn resource(&self) -> &str {
        self.part(5).unwrap_or_default()
    }

    /// The id at the end of `certificate/{id}`.
    pub fn id(&self) -> &str {
        self.resource().rsplit('/').next().unwrap_or_default()
    }

    /// Name and qualifier of `function:{name}[:{qualifier}]`.
    pub fn function(&self) -> Option<(&str, Option<&str>)> {
        let mut parts = self.resource().strip_prefix("function:")?.split(':');
        let name = parts.next().filter(|name| !name.is_empty())?;
        Some((name, parts.next().filter(|qualifier| !qualifier.is_empty())))
    }

    /// Are the two of one account? `None` where one of them does not tell.
    pub fn same_account(&self, other: &Arn) -> Option<bool> {
        Some(self.account()? == other.account()?)
    }

    /// The same resource, as far as the account can be compared?
    pub fn is(&self, other: &Arn) -> bool {
        self.0 == other.0
            || (self.same_account(other).is_none()
                && (0..6).filter(|at| *at != 4).all(|at| self.part(at) == other.part(at)))
    }

    /// For a shell line: the account comes from the user's own session, `"$(aws sts get-caller-identity …)"`. Quoted as
    /// a whole word.
    pub fn for_shell(&self) -> String {
        match (self.part(4), self.0.splitn(6, ':').collect::<Vec<_>>().as_slice()) {
            (Some(_), [arn, partition, service, region, _, resource]) => format!(
                "{}\"$(aws sts get-caller-identity --query Account --output text)\"{}",
                crate::evidence::text::shell_quote(&format!("{arn}:{partition}:{service}:{region}:")),
                crate::evidence::text::shell_quote(&format!(":{resource}")),
            ),
            _ => crate::evidence::text::shell_quote(&self.0),
        }
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let certificate = Arn::of("arn:aws-cn:acm:cn-north-1:account-12ab:certificate/7a-b").unwrap();
        assert_eq!((certificate.partition(), certificate.region()), (Some("aws-cn"), Some("cn-north-1")));
        assert_eq!((certificate.account(), certificate.id()), (Some("account-12ab"), "7a-b"));
        let function = Arn::of("arn:aws:lambda:us-west-2:account-12ab:function:f:live").unwrap();
        assert_eq!(function.function(), Some(("f", Some("live"))));
        let domain = Arn::of("arn:aws:apigateway:us-west-2::/domainnames/a.example.com").unwrap();
        assert_eq!((domain.region(), domain.account()), (Some("us-west-2"), None));
        for nonsense in ["", "arn:aws:acm", "urn:a:b:c:d:e"] {
            assert_eq!(Arn::of(nonsense), None);
        }
    }

    #[test]
    fn accounts_are_compared_by_their_tokens() {
        let of = |account: &str| Arn::of(&format!("arn:aws:acm:us-west-2:{account}:certificate/1")).unwrap();
        assert_eq!(of("account-0001").same_account(&of("account-0001")), Some(true));
        assert_eq!(of("account-0001").same_account(&of("account-0002")), Some(false));
        assert_eq!(of("************").same_account(&of("account-0002")), None);
        assert!(of("************").is(&of("account-0002")));
        assert!(!of("account-0001").is(&of("account-0002")));
    }

    #[test]
    fn a_shell_line_asks_the_session_for_the_account() {
        let shell = Arn::of("arn:aws:acm:us-west-2:account-0001:certificate/it's").unwrap().for_shell();
        assert!(shell.starts_with("'arn:aws:acm:us-west-2:'\"$(aws sts "), "{shell}");
        assert!(shell.ends_with(r"':certificate/it'\''s'"), "{shell}");
    }
}
