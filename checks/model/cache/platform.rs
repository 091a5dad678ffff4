//! Hosting platforms that put their own Cloudflare in front of their customers.

use crate::evidence::Evidence;

/// A platform whose Cloudflare the visitor meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform {
    /// As people call it.
    pub name: &'static str,
    /// Names under this suffix belong to it.
    pub suffix: &'static str,
    /// What can be done about its cache.
    pub way: &'static str,
    /// Where that is written down.
    pub source: &'static str,
}

/// The platforms; a name under the suffix is never in the user's own zone.
const PLATFORMS: &[Platform] = &[
    Platform {
        name: "Workers (workers.dev)",
        suffix: "workers.dev",
        way: "a workers.dev name has no zone, so no Cache Rules and no working Cache API; add a custom domain",
        source: "https://developers.cloudflare.com/workers/reference/how-the-cache-works/",
    },
    Platform {
        name: "R2 (r2.dev)",
        suffix: "r2.dev",
        way: "an r2.dev name is for development and offers no cache; connect a custom domain to the bucket",
        source: "https://developers.cloudflare.com/r2/buckets/public-buckets/",
    },
    Platform {
        name: "Pages (pages.dev)",
        suffix: "pages.dev",
        way: "a pages.dev name is in Cloudflare's zone, where you cannot set rules; add a custom domain",
        source: "https://developers.cloudflare.com/pages/configuration/custom-domains/",
    },
    Platform {
        name: "Render",
        suffix: "onrender.com",
        way: "turn edge caching on in Render's own dashboard, or put a name of your own zone in front",
        source: "https://render.com/docs/web-service-caching",
    },
    Platform {
        name: "DigitalOcean App Platform",
        suffix: "ondigitalocean.app",
        way: "its edge is the platform's; put a name of your own zone in front",
        source: "https://docs.digitalocean.com/products/app-platform/how-to/cache-content/",
    },
    Platform {
        name: "Webflow",
        suffix: "webflow.io",
        way: "its edge is the platform's; use a custom domain",
        source: "https://developers.cloudflare.com/cloudflare-for-platforms/cloudflare-for-saas/",
    },
    Platform {
        name: "Shopify",
        suffix: "myshopify.com",
        way: "its edge is the platform's; rules of your own do not apply there",
        source: "https://developers.cloudflare.com/cloudflare-for-platforms/cloudflare-for-saas/",
    },
];

/// The platform that this name belongs to.
pub fn of_host(host: &str) -> Option<Platform> {
    PLATFORMS.iter().find(|platform| is_under(host, platform.suffix)).copied()
}

/// The platform whose Cloudflare was met: by the host's own name, or by a visible CNAME into its names (a name proxied
/// by the user's own zone shows no CNAME).
pub fn recognise(evidence: &Evidence) -> Option<Platform> {
    of_host(&evidence.target.host).or_else(|| {
        let dns = evidence.dns.found()?;
        dns.host.hops.iter().find_map(|hop| of_host(&hop.to))
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
        assert_eq!(of_host("pub-1.r2.dev").unwrap().suffix, "r2.dev");
        assert_eq!(of_host("a.b.workers.dev").unwrap().suffix, "workers.dev");
        assert_eq!(of_host("notr2.dev"), None);
        assert_eq!(of_host("r2.dev"), None);
    }
}
