//! Is the token valid, and until when? For `cfdoctor access`.

use std::time::Duration;

use cfdoctor_checks::evidence::text;
use serde_json::Value;

use super::access::CloudflareAccess;
use super::answer::Trouble;
use crate::probe::budget::Budget;

/// What the API says of the token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// `active`, `disabled` or `expired`.
    pub status: String,
    /// RFC 3339; `None`: it does not expire.
    pub expires_on: Option<String>,
    /// RFC 3339; `None`: at once.
    pub not_before: Option<String>,
}

impl Verified {
    /// May it be used?
    pub fn is_active(&self) -> bool {
        self.status == "active"
    }
}

/// Asks what the API says of the token. One that an account owns is asked for at its account, which a visible zone
/// names (`facts/cloudflare.md` section 8.3).
///
/// # Errors
/// The trouble met.
pub async fn verify(access: &CloudflareAccess, budget: &Budget) -> Result<Verified, Trouble> {
    const LIMIT: Duration = Duration::from_secs(10);
    let asker = access.asker(budget, LIMIT);
    let client = &access.run.client;
    let work = async {
        let page = if access.is_of_an_account() {
            let zones = client.get(&asker, &["zones"], &[("per_page", "5")]).await?.result;
            let account = zones.pointer("/0/account/id").and_then(Value::as_str).ok_or(Trouble::NotFound)?;
            client.get(&asker, &["accounts", account, "tokens", "verify"], &[]).await?
        } else {
            client.get(&asker, &["user", "tokens", "verify"], &[]).await?
        };
        let field = |name: &str| page.result.get(name).and_then(Value::as_str).map(|value| text::shorten(value, 40));
        let status = field("status").ok_or_else(|| Trouble::Shape("a token without a status".into()))?;
        Ok(Verified { status, expires_on: field("expires_on"), not_before: field("not_before") })
    };
    budget.limit(LIMIT, work).await.unwrap_or(Err(Trouble::TimedOut(LIMIT)))
}
