//! Who set a value, so that people recognise it.

use std::fmt;

use crate::evidence::text::shorten;
use crate::evidence::zone::Phase;

/// Longest condition that is shown.
const LONGEST: usize = 200;

/// Who set a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setter {
    /// Nobody: Cloudflare's own behaviour.
    Default,
    /// A zone setting, by the API's id.
    Setting(&'static str),
    /// A Page Rule.
    PageRule {
        /// Its id.
        id: Option<String>,
        /// Higher wins.
        priority: i64,
        /// URL pattern.
        pattern: String,
    },
    /// A modern rule.
    Rule {
        /// Its product.
        phase: Phase,
        /// Its place in the phase, from 1.
        position: usize,
        /// How many rules the phase has.
        of: usize,
        /// Its id.
        id: Option<String>,
        /// Its name in the dashboard.
        description: Option<String>,
        /// Its expression.
        expression: String,
    },
    /// A Worker route.
    WorkerRoute {
        /// URL pattern.
        pattern: String,
        /// The Worker; `None`: no Worker runs.
        script: Option<String>,
    },
    /// A Worker's custom domain.
    WorkerDomain {
        /// Host.
        hostname: String,
        /// The Worker.
        service: Option<String>,
    },
    /// A Snippet rule.
    Snippet {
        /// The snippet.
        name: String,
        /// When it runs.
        expression: String,
    },
    /// A Cloud Connector rule.
    Connector {
        /// Its place, from 1.
        position: usize,
        /// When it applies.
        expression: String,
    },
}

impl Setter {
    /// What the dashboard calls such a thing.
    pub fn product(&self) -> &'static str {
        match self {
            Setter::Default => "Cloudflare's default",
            Setter::Setting(_) => "zone setting",
            Setter::PageRule { .. } => "Page Rule",
            Setter::Rule { phase, .. } => phase.product(),
            Setter::WorkerRoute { .. } => "Worker route",
            Setter::WorkerDomain { .. } => "Worker domain",
            Setter::Snippet { .. } => "Snippet",
            Setter::Connector { .. } => "Cloud Connector rule",
        }
    }

    /// The pattern or expression under which it speaks.
    pub fn condition(&self) -> Option<&str> {
        match self {
            Setter::Default | Setter::Setting(_) => None,
            Setter::PageRule { pattern, .. } | Setter::WorkerRoute { pattern, .. } => Some(pattern),
            Setter::WorkerDomain { hostname, .. } => Some(hostname),
            Setter::Rule { expression, .. }
            | Setter::Snippet { expression, .. }
            | Setter::Connector { expression, .. } => Some(expression),
        }
    }

    /// Its id, for API calls.
    pub fn id(&self) -> Option<&str> {
        match self {
            Setter::PageRule { id, .. } | Setter::Rule { id, .. } => id.as_deref(),
            _ => None,
        }
    }

    /// Is it a rule of the old product?
    pub fn is_page_rule(&self) -> bool {
        matches!(self, Setter::PageRule { .. })
    }

    /// One line of proof: `Configuration Rule "Strict for the APIs" (2 of 3): (http.host eq "a.example.com")`.
    pub fn line(&self) -> String {
        let place = match self {
            Setter::Rule { position, of, .. } => format!(" ({position} of {of})"),
            Setter::PageRule { priority, .. } => format!(" (priority {priority})"),
            _ => String::new(),
        };
        match (self, self.condition()) {
            (Setter::PageRule { .. } | Setter::WorkerRoute { .. } | Setter::WorkerDomain { .. }, _) | (_, None) => {
                format!("{self}{place}")
            }
            (_, Some(condition)) => format!("{self}{place}: {}", shorten(condition, LONGEST)),
        }
    }
}

/// As in the middle of a sentence: `the Configuration Rule "Strict for the APIs"` without the article.
impl fmt::Display for Setter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Setter::Default => f.write_str(self.product()),
            Setter::Setting(id) => write!(f, "zone setting {id}"),
            Setter::PageRule { pattern, .. } => write!(f, "Page Rule {}", shorten(pattern, LONGEST)),
            Setter::Rule { phase, position, id, description, .. } => {
                let name = description.as_deref().filter(|text| !text.is_empty()).or(id.as_deref());
                match name {
                    Some(name) => write!(f, "{} \"{}\"", phase.product(), shorten(name, 80)),
                    None => write!(f, "{} number {position}", phase.product()),
                }
            }
            Setter::WorkerRoute { pattern, script } => match script {
                Some(script) => write!(f, "Worker route {} → {}", shorten(pattern, LONGEST), shorten(script, 80)),
                None => write!(f, "Worker route {} (no Worker)", shorten(pattern, LONGEST)),
            },
            Setter::WorkerDomain { hostname, service } => match service {
                Some(service) => write!(f, "Worker domain {hostname} → {}", shorten(service, 80)),
                None => write!(f, "Worker domain {hostname}"),
            },
            Setter::Snippet { name, .. } => write!(f, "Snippet \"{}\"", shorten(name, 80)),
            Setter::Connector { position, .. } => write!(f, "Cloud Connector rule number {position}"),
        }
    }
}
