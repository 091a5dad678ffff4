//! Findings that do not count, with the reason and the day until when.

use cfdoctor_checks::evidence::{Target, redact, text};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use time::{Date, Month, OffsetDateTime};

use super::file::{Config, Fault, fault, said};
use crate::report::{ResultReport, Status};
use crate::values;

/// One `[[ignore]]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ignore {
    /// Id of a check, an area, or a glob.
    pub check: String,
    /// Host (`*` stands for any letters) or URL; without it, every target.
    #[serde(default)]
    pub target: Option<String>,
    /// Why it is accepted. Without a reason nobody will know later.
    pub because: String,
    /// The last day on which it holds (UTC).
    #[serde(default, deserialize_with = "day")]
    #[schemars(with = "Option<String>")]
    pub until: Option<Date>,
}

impl Ignore {
    pub(super) fn check(&self, path: &str, config: &Config) -> Result<(), Fault> {
        config.known(&self.check).map_err(|why| fault(format!("{path}.check"), why))?;
        said(&format!("{path}.target"), self.target.as_deref(), sound_subject)?;
        if self.because.trim().is_empty() {
            return Err(fault(format!("{path}.because"), "give the reason why this is accepted"));
        }
        Ok(())
    }

    /// Is its last day over?
    pub fn has_expired(&self, now: OffsetDateTime) -> bool {
        self.until.is_some_and(|until| now.to_offset(time::UtcOffset::UTC).date() > until)
    }

    /// Is it about this target? `url` as the report shows it.
    pub(super) fn is_about(&self, host: &str, url: &str) -> bool {
        is_about(self.target.as_deref(), host, url)
    }

    /// Is it about this check?
    pub(super) fn names(&self, result: &ResultReport) -> bool {
        self.check == result.area || values::glob(&self.check, &result.check)
    }

    /// Why the finding does not count.
    pub(crate) fn because(&self) -> String {
        let until = self.until.map(|day| format!(" (until {day})")).unwrap_or_default();
        format!("{}{until}", text::shorten(self.because.trim(), 300))
    }

    /// `edge-legacy-tls at lambda.example.com`.
    pub(crate) fn describe(&self) -> String {
        let target = self.target.as_ref().map(|target| format!(" at {target}")).unwrap_or_default();
        text::clean(&format!("{}{target}", self.check))
    }

    /// A finding that it would cover, were its time not over.
    pub(super) fn covers(&self, host: &str, url: &str, result: &ResultReport) -> bool {
        matches!(result.status, Status::Warn | Status::Fail) && self.is_about(host, url) && self.names(result)
    }
}

/// Is `subject` (host, glob of hosts or URL; `None`: everything) this target? `url` as the report shows it.
pub(super) fn is_about(subject: Option<&str>, host: &str, url: &str) -> bool {
    let Some(subject) = subject else { return true };
    if subject.contains('*') {
        return values::glob(&subject.to_ascii_lowercase(), host);
    }
    let Ok(target) = subject.parse::<Target>() else { return false };
    // A host without scheme and path is about everything there.
    let names_host = !subject.contains("://") && !target.path_named;
    if names_host { target.host == host } else { shown(&target) == url }
}

/// The URL as reports show it.
pub(super) fn shown(target: &Target) -> String {
    text::clean(&redact::text(&target.url()))
}

/// What [`is_about`] can read.
pub(super) fn sound_subject(subject: &str) -> Result<(), String> {
    if subject.contains('*') {
        return match subject.contains(['/', ':']) {
            true => Err("`*` can stand in a host only".into()),
            false => Ok(()),
        };
    }
    subject.parse::<Target>().map(drop).map_err(|error| error.to_string())
}

/// A TOML date, or the same as text.
fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
    let wrong = || serde::de::Error::custom("write the last day as 2027-01-31");
    let Some(value) = Option::<toml::Value>::deserialize(deserializer)? else { return Ok(None) };
    let text = match &value {
        toml::Value::Datetime(day) => day.to_string(),
        toml::Value::String(day) => day.clone(),
        _ => return Err(wrong()),
    };
    date(text.get(..10).unwrap_or(&text)).map(Some).ok_or_else(wrong)
}

fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('-').map(|part| part.parse::<u16>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let day = u8::try_from(day).ok()?;
    if parts.next().is_some() { None } else { Date::from_calendar_date(year.into(), month, day).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days() {
        assert_eq!(date("2027-01-31").unwrap().to_string(), "2027-01-31");
        for bad in ["2027-02-30", "2027-01", "31.1.2027", "2027-01-31-1", ""] {
            assert_eq!(date(bad), None, "{bad}");
        }
    }

    #[test]
    fn subjects() {
        let (host, url) = ("lambda.example.com", "https://lambda.example.com/x");
        for (subject, about) in [
            ("lambda.example.com", true),
            ("Lambda.Example.com", true),
            ("https://lambda.example.com/x", true),
            ("lambda.example.com/x", true),
            ("https://lambda.example.com/", false),
            ("https://lambda.example.com/y", false),
            ("other.example.com", false),
            ("*.example.com", true),
            ("*.example.net", false),
        ] {
            assert_eq!(is_about(Some(subject), host, url), about, "{subject}");
            assert!(sound_subject(subject).is_ok(), "{subject}");
        }
        assert!(is_about(None, host, url));
        assert!(sound_subject("file:///x").is_err() && sound_subject("https://*.example.com/").is_err());
    }
}
