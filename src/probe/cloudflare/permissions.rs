//! Every part of the zone as data: where it is read, which permission that takes, which fields are kept.
//!
//! Paths, permissions and fields: `facts/cloudflare.md` sections 8.2 and 8.3.

/// One part of the zone's document.
#[derive(Clone, Copy, Debug)]
pub struct PermissionRow {
    /// Place in the document, and key of `not_read`: `dns_records`, `settings.ssl`, `rulesets.http_config_settings`.
    pub key: &'static str,
    /// Path below the base URL; `{zone}`, `{account}` and `{host}` stand for the real ones.
    pub endpoint: &'static str,
    /// The permission as the API spells it (permission groups, Terraform).
    pub permission: &'static str,
    /// The permission as the dashboard's token page spells it: level, product, right.
    pub dashboard: &'static str,
    /// Is the permission documented, or what similar endpoints take?
    pub documented: bool,
    pub(super) query: &'static [(&'static str, &'static str)],
    pub(super) shape: Shape,
    pub(super) when: When,
}

/// The shape of `result`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `{id, value, …}`, of which the value is kept.
    Setting,
    /// One object.
    Object(&'static str),
    /// A list, with this many rows in a page where it has pages.
    List(&'static str, Option<u32>),
    /// A ruleset, of which the rules are kept.
    Rules(&'static str),
}

/// When a part is worth a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Always,
    /// Only paid plans have it; without one it is known to be empty.
    PaidPlan,
    /// Decides only for hosts that Universal SSL covers (the zone's name and one label below it; every host of a
    /// partial zone).
    Shallow,
    /// Decides only for hosts that Universal SSL does not cover.
    Deep,
}

impl PermissionRow {
    /// The same list, of which only the host's own rows are wanted.
    pub(super) fn of_the_host(&self, query: &'static [(&'static str, &'static str)]) -> PermissionRow {
        PermissionRow { query, ..*self }
    }

    /// When it is worth a request, where that is not always, in words.
    pub(crate) fn condition(&self) -> Option<&'static str> {
        match self.when {
            When::Always => None,
            When::PaidPlan => Some("the plan is a paid one"),
            When::Shallow => Some("Universal SSL covers the host"),
            When::Deep => Some("Universal SSL does not cover the host"),
        }
    }

    /// Is the list filtered by the host?
    pub(super) fn asks_for_the_host(&self) -> bool {
        self.query.iter().any(|(_, value)| *value == "{host}")
    }

    /// Is it about one host? Else it is the same for the whole zone.
    pub(super) fn is_of_the_host(&self) -> bool {
        self.endpoint.contains("{host}")
    }
}

/// Zone lookup: without it nothing else can be read.
pub const ZONE: PermissionRow = PermissionRow {
    key: "zone",
    endpoint: "/zones",
    permission: "Zone Read",
    dashboard: "Zone → Zone → Read",
    documented: true,
    query: &[],
    shape: Shape::List(ZONE_FIELDS, None),
    when: When::Always,
};

pub(super) const ZONE_FIELDS: &str = "id,name,status,paused,type,development_mode,name_servers,original_name_servers,\
     vanity_name_servers,cname_suffix,created_on,activated_on,modified_on,plan{id,legacy_id,name},\
     meta{page_rule_quota,cdn_only,dns_only,phishing_detected,foundation_dns}";
const RECORD: &str = "id,type,name,content,proxied,proxiable,ttl,settings{flatten_cname,ipv4_only,ipv6_only}";
const DNS_SETTINGS: &str = "flatten_all_cnames,zone_mode,multi_provider,secondary_overrides,foundation_dns,ns_ttl,\
     nameservers{type,ns_set}";
const PAGE_RULE: &str = "id,status,priority,created_on,modified_on,targets{target,constraint{operator,value}},\
     actions{id,value*}";
const RULE: &str = "id,ref,version,action,action_parameters*,expression,description,enabled,last_updated";
const WORKER_ROUTE: &str = "id,pattern,script";
const WORKER_DOMAIN: &str = "id,hostname,service,environment,zone_id,zone_name,cert_id";
const SNIPPET_RULE: &str = "id,snippet_name,expression,enabled,description,last_updated";
const CONNECTOR_RULE: &str = "id,expression,enabled,description,provider,parameters{host}";
// Of validation the names and states are kept, not the values.
const CERTIFICATE_PACK: &str = "id,type,hosts,status,certificate_authority,validation_method,validity_days,\
     primary_certificate,certificates{id,hosts,issuer,signature,status,expires_on,uploaded_on,bundle_method,priority},\
     validation_errors{message},validation_records{status,txt_name,http_url,cname,cname_target},\
     dcv_delegation_records{cname,cname_target}";
const VERIFICATION: &str = "certificate_status,brand_check,cert_pack_uuid,signature,hostname,validation_method,\
     verification_type,verification_status,verification_info{record_name}";
const TOTAL_TLS: &str = "enabled,certificate_authority,validity_period";
// The only certificates kept whole: public roots that replace the usual ones.
const TRUSTED: &str = "id,certificate,issuer,signature,status,expires_on,uploaded_on,updated_at";
const CLIENT_CERTIFICATE: &str = "id,status,issuer,signature,expires_on,uploaded_on,enabled";
const HOST_PULL: &str = "hostname,enabled,status,cert_id,cert_status,issuer,serial_number,signature,expires_on,\
     cert_uploaded_on,cert_updated_at,created_at,updated_at";
const HOST_SETTING: &str = "hostname,value,status,created_at,updated_at";
const CLOUD_REGION: &str = "origin_ip,vendor,region,modified_on";
const CUSTOM_HOSTNAME: &str = "id,hostname,status,custom_origin_server,custom_origin_sni,verification_errors,created_at,\
     ssl{status,method,type,wildcard,certificate_authority,expires_on,validation_errors{message},\
     settings{min_tls_version,http2,tls_1_3}}";

const DNS: (&str, &str) = ("DNS Read", "Zone → DNS → Read");
const SETTINGS: (&str, &str) = ("Zone Settings Read", "Zone → Zone Settings → Read");
const CERTIFICATES: (&str, &str) = ("SSL and Certificates Read", "Zone → SSL and Certificates → Read");
const TRANSFORM: (&str, &str) = ("Zone Transform Rules Read", "Zone → Transform Rules → Read");
const CACHE_RULES: (&str, &str) = ("Cache Settings Read", "Zone → Cache Rules → Read");

const fn row(
    key: &'static str,
    endpoint: &'static str,
    permission: (&'static str, &'static str),
    shape: Shape,
) -> PermissionRow {
    let (permission, dashboard) = permission;
    PermissionRow { key, endpoint, permission, dashboard, documented: true, query: &[], shape, when: When::Always }
}

impl PermissionRow {
    const fn asking(self, query: &'static [(&'static str, &'static str)]) -> Self {
        PermissionRow { query, ..self }
    }

    const fn when(self, when: When) -> Self {
        PermissionRow { when, ..self }
    }

    const fn undocumented(self) -> Self {
        PermissionRow { documented: false, ..self }
    }
}

macro_rules! setting {
    ($id:literal) => {
        row(concat!("settings.", $id), concat!("/zones/{zone}/settings/", $id), SETTINGS, Shape::Setting)
    };
}

macro_rules! phase {
    ($phase:literal, $permission:expr) => {
        row(
            concat!("rulesets.", $phase),
            concat!("/zones/{zone}/rulesets/phases/", $phase, "/entrypoint"),
            $permission,
            Shape::Rules(RULE),
        )
    };
}

/// Every part beside the zone itself, the most telling first: where a visit has no request left, the last ones are
/// left out.
pub const PERMISSIONS: &[PermissionRow] = &[
    row("dns_records", "/zones/{zone}/dns_records", DNS, Shape::List(RECORD, Some(5_000))),
    row(
        "page_rules",
        "/zones/{zone}/pagerules",
        ("Page Rules Read", "Zone → Page Rules → Read"),
        Shape::List(PAGE_RULE, None),
    )
    .asking(&[("order", "priority"), ("direction", "desc")]),
    phase!("http_request_origin", ("Origin Read", "Zone → Origin Rules → Read")),
    setting!("ssl"),
    phase!("http_config_settings", ("Config Settings Read", "Zone → Config Rules → Read")),
    phase!("http_request_cache_settings", CACHE_RULES),
    phase!("http_response_cache_settings", CACHE_RULES),
    phase!("http_request_dynamic_redirect", ("Dynamic URL Redirects Read", "Zone → Single Redirect → Read")),
    phase!("http_request_transform", TRANSFORM),
    phase!("http_request_late_transform", TRANSFORM),
    row(
        "worker_routes",
        "/zones/{zone}/workers/routes",
        ("Workers Routes Read", "Zone → Workers Routes → Read"),
        Shape::List(WORKER_ROUTE, None),
    ),
    row(
        "certificate_packs",
        "/zones/{zone}/ssl/certificate_packs",
        CERTIFICATES,
        Shape::List(CERTIFICATE_PACK, Some(50)),
    )
    .asking(&[("status", "all")]),
    setting!("always_use_https"),
    setting!("cache_level"),
    setting!("browser_cache_ttl"),
    setting!("min_tls_version"),
    setting!("tls_client_auth"),
    setting!("always_online"),
    row("dns_settings", "/zones/{zone}/dns_settings", DNS, Shape::Object(DNS_SETTINGS)),
    row(
        "worker_domains",
        "/accounts/{account}/workers/domains",
        ("Workers Scripts Read", "Account → Workers Scripts → Read"),
        Shape::List(WORKER_DOMAIN, None),
    )
    .asking(&[("zone_id", "{zone}")]),
    row(
        "snippets",
        "/zones/{zone}/snippets/snippet_rules",
        ("Snippets Read", "Zone → Snippets → Read"),
        Shape::List(SNIPPET_RULE, None),
    )
    .when(When::PaidPlan),
    row(
        "cloud_connector",
        "/zones/{zone}/cloud_connector/rules",
        ("Cloud Connector Read", "Zone → Cloud Connector → Read"),
        Shape::List(CONNECTOR_RULE, None),
    ),
    row("custom_trust_store", "/zones/{zone}/acm/custom_trust_store", CERTIFICATES, Shape::List(TRUSTED, None)),
    row(
        "origin_tls_client_auth_settings",
        "/zones/{zone}/origin_tls_client_auth/settings",
        CERTIFICATES,
        Shape::Object("enabled"),
    ),
    row(
        "origin_tls_client_auth_hostname",
        "/zones/{zone}/origin_tls_client_auth/hostnames/{host}",
        CERTIFICATES,
        Shape::Object(HOST_PULL),
    ),
    row(
        "hostname_settings.min_tls_version",
        "/zones/{zone}/hostnames/settings/min_tls_version",
        CERTIFICATES,
        Shape::List(HOST_SETTING, None),
    ),
    row("universal_ssl", "/zones/{zone}/ssl/universal/settings", CERTIFICATES, Shape::Object("enabled"))
        .when(When::Shallow),
    row("total_tls", "/zones/{zone}/acm/total_tls", CERTIFICATES, Shape::Object(TOTAL_TLS)).when(When::Deep),
    row("settings.tiered_caching", "/zones/{zone}/argo/tiered_caching", SETTINGS, Shape::Setting),
    row(
        "settings.tiered_cache_smart_topology_enable",
        "/zones/{zone}/cache/tiered_cache_smart_topology_enable",
        SETTINGS,
        Shape::Setting,
    ),
    row("cloud_regions", "/zones/{zone}/origin/cloud_regions", SETTINGS, Shape::List(CLOUD_REGION, None))
        .undocumented(),
    row("ssl_verification", "/zones/{zone}/ssl/verification", CERTIFICATES, Shape::List(VERIFICATION, None)),
    row(
        "origin_tls_client_auth",
        "/zones/{zone}/origin_tls_client_auth",
        CERTIFICATES,
        Shape::List(CLIENT_CERTIFICATE, None),
    ),
    row("custom_hostnames", "/zones/{zone}/custom_hostnames", CERTIFICATES, Shape::List(CUSTOM_HOSTNAME, Some(50))),
    setting!("ssl_automatic_mode").undocumented(),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_is_sound() {
        let keys: BTreeSet<_> = PERMISSIONS.iter().map(|row| row.key).collect();
        assert_eq!(keys.len(), PERMISSIONS.len(), "a key names one part");
        for row in PERMISSIONS {
            assert!(row.endpoint.starts_with("/zones/{zone}/") || row.endpoint.starts_with("/accounts/{account}/"));
            assert!(row.permission.ends_with(" Read") && row.dashboard.ends_with(" → Read"), "{}", row.key);
            let level = if row.endpoint.contains("{account}") { "Account → " } else { "Zone → " };
            assert!(row.dashboard.starts_with(level), "{}", row.key);
        }
    }
}
