//! Hosting platforms that put their own Cloudflare in front of their customers.

use crate::evidence::Evidence;
use crate::verdict::Confidence;

/// A platform whose Cloudflare the visitor meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// As people call it.
    pub name: &'static str,
    /// Does its edge cache what has a default extension?
    pub caches: bool,
    /// What can be done about its cache.
    pub way: &'static str,
    /// Where that is written down.
    pub source: &'static str,
    /// By what it was recognised.
    pub seen_by: String,
    /// How sure that is.
    pub confidence: Confidence,
}

struct Known {
    name: &'static str,
    /// Names under this suffix belong to it and are never in the user's own zone.
    suffix: &'static str,
    /// A response header that only its hosting adds.
    header: Option<&'static str>,
    caches: bool,
    way: &'static str,
    source: &'static str,
}

const PLATFORMS: &[Known] = &[
    Known {
        name: "Workers (workers.dev)",
        suffix: "workers.dev",
        header: None,
        // Workers Caching, where the Worker's configuration turns it on, works on workers.dev too.
        caches: true,
        way: "a workers.dev name has no zone, so no Cache Rules: turn on the Worker's own cache, or add a custom domain",
        source: "https://developers.cloudflare.com/workers/cache/",
    },
    Known {
        name: "R2 (r2.dev)",
        suffix: "r2.dev",
        header: None,
        caches: false,
        way: "Cloudflare offers caching for a bucket on a custom domain only, not on r2.dev; connect one to the bucket",
        source: "https://developers.cloudflare.com/r2/buckets/public-buckets/",
    },
    Known {
        name: "Pages (pages.dev)",
        suffix: "pages.dev",
        header: None,
        caches: true,
        way: "a pages.dev name is in Cloudflare's zone, where you cannot set rules; add a custom domain",
        source: "https://developers.cloudflare.com/pages/configuration/custom-domains/",
    },
    Known {
        name: "Render",
        suffix: "onrender.com",
        header: Some("x-render-origin-server"),
        caches: true,
        way: "turn edge caching on in Render's own dashboard, or put a name of your own zone in front",
        source: "https://render.com/docs/web-service-caching",
    },
    Known {
        name: "DigitalOcean App Platform",
        suffix: "ondigitalocean.app",
        header: Some("x-do-app-origin"),
        caches: true,
        way: "its built-in CDN is Cloudflare's and the platform's to configure; put a CDN of your own in front",
        source: "https://docs.digitalocean.com/products/app-platform/how-to/configure-external-cdn/",
    },
    Known {
        name: "Sevalla",
        suffix: "sevalla.app",
        header: None,
        caches: true,
        way: "turn its CDN or edge caching on in its dashboard",
        source: "https://docs.sevalla.com/applications/caching",
    },
];

impl Known {
    fn platform(&self, seen_by: String, confidence: Confidence) -> Platform {
        let &Known { name, caches, way, source, .. } = self;
        Platform { name, caches, way, source, seen_by, confidence }
    }
}

/// The platform that this name belongs to.
pub fn of_host(host: &str) -> Option<Platform> {
    let known = PLATFORMS.iter().find(|known| is_under(host, known.suffix))?;
    Some(known.platform(format!("{host} is one of its names"), Confidence::High))
}

/// The platform whose Cloudflare was met.
///
/// By the host's own name, or by a visible CNAME into the platform's names (a name proxied by the user's own zone shows
/// no CNAME). Where DNS was not looked at, by the header that its hosting adds: a possibility only, because the user's
/// own zone may stand in front of it.
pub fn recognise(evidence: &Evidence) -> Option<Platform> {
    if let Some(platform) = of_host(&evidence.target.host) {
        return Some(platform);
    }
    if let Some(dns) = evidence.dns.found() {
        let hop = dns.host.hops.iter().find(|hop| of_host(&hop.to).is_some())?;
        let seen_by = format!("{} CNAME {}", hop.from, hop.to);
        return of_host(&hop.to).map(|platform| Platform { seen_by, ..platform });
    }
    let headers = &evidence.edge.http.found()?.first()?.headers;
    PLATFORMS.iter().find_map(|known| {
        let line = headers.quote(known.header?).into_iter().next()?;
        Some(known.platform(line, Confidence::Low))
    })
}

fn is_under(host: &str, suffix: &str) -> bool {
    host.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_end_at_a_dot() {
        assert_eq!(of_host("pub-1.r2.dev").unwrap().name, "R2 (r2.dev)");
        assert_eq!(of_host("a.b.workers.dev").unwrap().name, "Workers (workers.dev)");
        assert_eq!(of_host("notr2.dev"), None);
        assert_eq!(of_host("r2.dev"), None);
    }
}
