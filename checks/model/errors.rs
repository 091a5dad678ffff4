//! Cloudflare's error codes: what each means and what usually causes it (`facts/cf-errors.csv`).

use std::sync::LazyLock;

/// A row of `facts/cf-errors.csv`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CfError {
    /// The code: an HTTP status (520 …) or a code on the page (1000 …).
    pub code: u16,
    /// Where it arises.
    pub layer: Layer,
    /// What it means, in a few words.
    pub meaning: &'static str,
    /// Its usual causes, separated by `;`.
    pub likely_causes: &'static str,
}

/// Where an error arises (second column of the table).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The status alone does not tell edge from origin.
    EdgeOrOrigin,
    /// The origin answered, but not in usable HTTP, or not in time.
    OriginHttp,
    /// TCP with the origin.
    OriginTcp,
    /// The way to the origin.
    OriginNetwork,
    /// TLS with the origin.
    OriginTls,
    /// What the record points at.
    EdgeDns,
    /// The request itself.
    EdgeHttp,
    /// The zone's own state.
    EdgeConfig,
    /// Security: rules, limits, bans.
    EdgeSecurity,
    /// A Worker.
    EdgeWorker,
    /// A tunnel.
    EdgeTunnel,
    /// The cache's own limits.
    EdgeCache,
}

impl Layer {
    fn read(text: &str) -> Option<Layer> {
        Some(match text {
            "edge-or-origin" | "origin-or-edge" => Layer::EdgeOrOrigin,
            "origin-http" => Layer::OriginHttp,
            "origin-tcp" => Layer::OriginTcp,
            "origin-network" => Layer::OriginNetwork,
            "origin-tls" => Layer::OriginTls,
            "edge-dns" => Layer::EdgeDns,
            "edge-http" => Layer::EdgeHttp,
            "edge-config" => Layer::EdgeConfig,
            "edge-security" => Layer::EdgeSecurity,
            "edge-worker" => Layer::EdgeWorker,
            "edge-tunnel" => Layer::EdgeTunnel,
            "edge-cache" => Layer::EdgeCache,
            _ => return None,
        })
    }
}

static TABLE: LazyLock<Vec<CfError>> =
    LazyLock::new(|| include_str!("../data/cf-errors.csv").lines().skip(1).filter_map(row).collect());

/// What is known of a code.
pub fn lookup(code: u16) -> Option<&'static CfError> {
    TABLE.iter().find(|error| error.code == code)
}

/// Every code of the table, in its order.
pub fn all() -> impl Iterator<Item = &'static CfError> {
    TABLE.iter()
}

/// A line of the table; only the last column may stand in quotes.
fn row(line: &'static str) -> Option<CfError> {
    let mut fields = line.splitn(4, ',');
    Some(CfError {
        code: fields.next()?.parse().ok()?,
        layer: Layer::read(fields.next()?)?,
        meaning: fields.next()?,
        likely_causes: fields.next()?.trim_matches('"'),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_row() {
        let lines = include_str!("../data/cf-errors.csv").lines().skip(1).filter(|line| !line.is_empty()).count();
        assert_eq!(all().count(), lines);
        assert_eq!(lookup(526).map(|e| e.layer), Some(Layer::OriginTls));
        let dns = lookup(1016).unwrap();
        assert_eq!((dns.layer, dns.meaning), (Layer::EdgeDns, "Origin DNS error (HTTP 530)"));
        assert!(dns.likely_causes.starts_with("CNAME target does not resolve (deleted"), "{}", dns.likely_causes);
        assert_eq!(lookup(418), None);
    }
}
