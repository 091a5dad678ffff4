//! Names that stand in for values which are known only after apply.
//!
//! A record that points at the target of a domain that does not exist yet points at *that domain*: the value is not
//! known, but its kind, its region and whose it is are. So it gets a name of its kind (`d-….execute-api.…`) with an id
//! that no service gives out; in everything that is told, the reference stands in its place.

use std::collections::HashMap;

/// Every stand-in's id begins with this. No AWS id is longer than 10 characters of this kind.
const MARK: &str = "knownafterapply";

/// What kind of name is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// An id: of an API, an integration, a certificate.
    Id,
    /// Target of a regional custom domain.
    DomainTarget,
    /// Target of an edge-optimised custom domain, or another distribution.
    Distribution,
    /// An API's default endpoint.
    DefaultEndpoint,
    /// A function URL.
    FunctionUrl,
    /// A load balancer.
    LoadBalancer,
}

/// The stand-ins of one plan or template.
#[derive(Clone, Debug, Default)]
pub struct StandIns {
    /// By owner: its number.
    numbers: HashMap<String, usize>,
    /// By number less one: how people write the thing itself.
    owners: Vec<String>,
    /// What is written → the reference that it stands for.
    written: HashMap<String, String>,
}

impl StandIns {
    /// The name of this form for a thing; `reference` is what people write to mean it. One thing has one id, whatever
    /// the form. None where the form needs a region, and it is not known.
    pub fn name(&mut self, owner: &str, form: Form, region: Option<&str>, reference: &str) -> Option<String> {
        let number = match self.numbers.get(owner) {
            Some(number) => *number,
            None => {
                self.owners.push(reference.split('.').take(2).collect::<Vec<_>>().join("."));
                self.numbers.insert(owner.to_owned(), self.owners.len());
                self.owners.len()
            }
        };
        let id = format!("{MARK}{number}");
        let suffix = match region {
            Some(region) if region.starts_with("cn-") => "amazonaws.com.cn",
            _ => "amazonaws.com",
        };
        let name = match form {
            Form::Id => id,
            Form::DomainTarget => format!("d-{id}.execute-api.{}.{suffix}", region?),
            Form::Distribution => format!("d{id}.cloudfront.net"),
            Form::DefaultEndpoint => format!("{id}.execute-api.{}.{suffix}", region?),
            Form::FunctionUrl => format!("{id}.lambda-url.{}.on.aws", region?),
            Form::LoadBalancer => format!("{MARK}-{number}.{}.elb.{suffix}", region?),
        };
        self.written.entry(name.clone()).or_insert_with(|| format!("${{{reference}}}"));
        Some(name)
    }

    /// The text with the references in place of the stand-ins.
    pub fn told(&self, text: &str) -> Option<String> {
        if !is_stand_in(text) {
            return None;
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(MARK) {
            // The whole name around the mark: `d-knownafterapply1.execute-api.…`.
            let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
            let before = rest.get(..at).unwrap_or_default();
            let start = before
                .rfind(|c| !is_part(c))
                .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
            let after = rest.get(start..).unwrap_or_default();
            let end = after.find(|c| !is_part(c)).unwrap_or(after.len());
            let whole = after.get(..end).unwrap_or_default();
            let name = whole.trim_end_matches('.');
            let dots = whole.len() - name.len();
            out.push_str(rest.get(..start).unwrap_or_default());
            out.push_str(&self.reference(name).unwrap_or_else(|| name.to_owned()));
            rest = after.get(end - dots..).unwrap_or_default();
        }
        out.push_str(rest);
        Some(out)
    }

    /// The reference of exactly this name, or of the id inside of a longer one.
    fn reference(&self, name: &str) -> Option<String> {
        if let Some(found) = self.written.get(name) {
            return Some(found.clone());
        }
        let at = name.find(MARK)?;
        let digits = name.get(at + MARK.len()..)?.chars().take_while(char::is_ascii_digit).count();
        let id = name.get(at..at + MARK.len() + digits)?;
        let by_id = self.written.get(id).cloned();
        let owner = || {
            let number: usize = id.get(MARK.len()..)?.parse().ok()?;
            self.owners.get(number.checked_sub(1)?).map(|owner| format!("${{{owner}}}"))
        };
        Some(name.replacen(id, &by_id.or_else(owner)?, 1))
    }
}

/// Is this, or is in it, the name of something that does not exist yet?
pub fn is_stand_in(text: &str) -> bool {
    text.contains(MARK)
}

#[cfg(test)]
mod tests {
    use cfdoctor_checks::model::origin_host::{OriginClass, classify};

    use super::*;

    #[test]
    fn a_name_is_of_its_kind_and_one_thing_has_one_id() {
        let mut names = StandIns::default();
        let region = Some("us-west-2");
        let mut of = |form| names.name("aws_apigatewayv2_api.a", form, region, "aws_apigatewayv2_api.a.x").unwrap();
        for (form, class) in [
            (Form::DomainTarget, OriginClass::GatewayCustomTarget),
            (Form::DefaultEndpoint, OriginClass::GatewayDefault),
            (Form::Distribution, OriginClass::CloudFront),
            (Form::FunctionUrl, OriginClass::FunctionUrl),
            (Form::LoadBalancer, OriginClass::LoadBalancer),
        ] {
            assert_eq!(classify(&of(form)).class, class, "{form:?}");
        }
        let id = of(Form::Id);
        assert_eq!(classify(&of(Form::DefaultEndpoint)).id, Some(id));
        assert_eq!(names.name("x", Form::DomainTarget, None, "x"), None, "no region, no name");
    }

    #[test]
    fn references_are_told_in_their_place() {
        let mut names = StandIns::default();
        let target = names.name("aws_d.main", Form::DomainTarget, Some("eu-west-1"), "aws_d.main.target").unwrap();
        let id = names.name("aws_api.a", Form::Id, None, "aws_api.a.id").unwrap();
        let text = format!("a CNAME {target}. The ARN arn:aws:x::1:api/{id}; é{id}, {id}\u{2026}");
        let told = "a CNAME ${aws_d.main.target}. The ARN arn:aws:x::1:api/${aws_api.a.id}; é${aws_api.a.id}, ${aws_api.a.id}…";
        assert_eq!(names.told(&text).as_deref(), Some(told));
        assert_eq!(names.told("nothing"), None);
        // A form that was never asked for still tells whose it is.
        let other = format!("{id}.execute-api.eu-west-1.amazonaws.com");
        assert_eq!(names.told(&other).unwrap(), "${aws_api.a.id}.execute-api.eu-west-1.amazonaws.com");
        assert_eq!(names.told("knownafterapply99x").unwrap(), "knownafterapply99x");
    }
}
