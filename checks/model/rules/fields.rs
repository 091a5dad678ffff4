//! The fields of the Rules language: names, types and what of the request they are (docs: `src/content/fields/index.yaml`
//! of cloudflare-docs, which the reference pages are made from; legacy names from the same entries).

use super::types::{TEXTS, Type};

/// One field.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Type,
    pub(super) of: Of,
}

/// What of the request a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Host,
    Zone,
    Method,
    Version,
    Secure,
    Port,
    ClientAddress,
    /// Parts of the URL, as rules see it.
    Url(Part),
    /// The same as received.
    RawUrl(Part),
    /// All header lines: a map by name in lower case.
    Headers,
    HeaderNames,
    HeaderValues,
    HeadersTruncated,
    Cookies,
    /// The value of one header.
    Header(&'static str),
    Languages,
    /// "Now, the threat score is always `0` (zero)" (docs, entry `cf.threat_score`).
    Zero,
    /// What a request from outside does not tell: who asks from where, scores, bodies, answers, clocks.
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    FullUri,
    Uri,
    Path,
    Extension,
    Query,
    Arguments,
    ArgumentNames,
    ArgumentValues,
}

const fn field(name: &'static str, kind: Type, of: Of) -> Field {
    Field { name, kind, of }
}

const fn text(name: &'static str) -> Field {
    field(name, Type::Text, Of::Nothing)
}

const fn number(name: &'static str) -> Field {
    field(name, Type::Integer, Of::Nothing)
}

const fn truth(name: &'static str) -> Field {
    field(name, Type::Boolean, Of::Nothing)
}

const fn texts(name: &'static str) -> Field {
    field(name, TEXTS, Of::Nothing)
}

const fn map(name: &'static str) -> Field {
    field(name, MAP, Of::Nothing)
}

const MAP: Type = Type::Map(&TEXTS);
const NUMBERS: Type = Type::List(&Type::Integer);

/// Sorted by name.
pub(super) const FIELDS: &[Field] = &[
    truth("cf.api_gateway.auth_id_present"),
    truth("cf.api_gateway.fallthrough_detected"),
    truth("cf.api_gateway.request_violates_schema"),
    truth("cf.bot_management.corporate_proxy"),
    field("cf.bot_management.detection_ids", NUMBERS, Of::Nothing),
    text("cf.bot_management.ja3_hash"),
    text("cf.bot_management.ja4"),
    truth("cf.bot_management.js_detection.passed"),
    number("cf.bot_management.score"),
    truth("cf.bot_management.signed_agent"),
    truth("cf.bot_management.static_resource"),
    truth("cf.bot_management.verified_bot"),
    truth("cf.client.bot"),
    truth("cf.edge.client_tcp"),
    number("cf.edge.l4.delivery_rate"),
    field("cf.edge.server_ip", Type::Address, Of::Nothing),
    field("cf.edge.server_port", Type::Integer, Of::Port),
    text("cf.hostname.metadata"),
    field("cf.llm.prompt.custom_topic_categories", Type::Map(&Type::Integer), Of::Nothing),
    truth("cf.llm.prompt.detected"),
    number("cf.llm.prompt.injection_score"),
    texts("cf.llm.prompt.pii_categories"),
    truth("cf.llm.prompt.pii_detected"),
    number("cf.llm.prompt.token_count"),
    texts("cf.llm.prompt.unsafe_topic_categories"),
    truth("cf.llm.prompt.unsafe_topic_detected"),
    text("cf.random_seed"),
    text("cf.ray_id"),
    number("cf.response.1xxx_code"),
    text("cf.response.error_type"),
    truth("cf.schema_validation.learned.violated"),
    truth("cf.schema_validation.uploaded.violated"),
    field("cf.threat_score", Type::Integer, Of::Zero),
    number("cf.timings.client_quic_rtt_msec"),
    number("cf.timings.client_tcp_rtt_msec"),
    number("cf.timings.edge_msec"),
    number("cf.timings.origin_ttfb_msec"),
    number("cf.timings.worker_msec"),
    text("cf.tls_cipher"),
    text("cf.tls_ciphers_sha1"),
    text("cf.tls_client_auth.cert_chain_rfc9440"),
    truth("cf.tls_client_auth.cert_chain_rfc9440_too_large"),
    text("cf.tls_client_auth.cert_fingerprint_sha1"),
    text("cf.tls_client_auth.cert_fingerprint_sha256"),
    text("cf.tls_client_auth.cert_issuer_dn"),
    text("cf.tls_client_auth.cert_issuer_dn_legacy"),
    text("cf.tls_client_auth.cert_issuer_dn_rfc2253"),
    text("cf.tls_client_auth.cert_issuer_serial"),
    text("cf.tls_client_auth.cert_issuer_ski"),
    text("cf.tls_client_auth.cert_not_after"),
    text("cf.tls_client_auth.cert_not_before"),
    truth("cf.tls_client_auth.cert_presented"),
    truth("cf.tls_client_auth.cert_revoked"),
    text("cf.tls_client_auth.cert_rfc9440"),
    truth("cf.tls_client_auth.cert_rfc9440_too_large"),
    text("cf.tls_client_auth.cert_serial"),
    text("cf.tls_client_auth.cert_ski"),
    text("cf.tls_client_auth.cert_subject_dn"),
    text("cf.tls_client_auth.cert_subject_dn_legacy"),
    text("cf.tls_client_auth.cert_subject_dn_rfc2253"),
    truth("cf.tls_client_auth.cert_verified"),
    text("cf.tls_client_extensions_sha1"),
    text("cf.tls_client_extensions_sha1_le"),
    number("cf.tls_client_hello_length"),
    text("cf.tls_client_random"),
    text("cf.tls_version"),
    text("cf.verified_bot_category"),
    truth("cf.waf.auth_detected"),
    truth("cf.waf.content_scan.has_failed"),
    truth("cf.waf.content_scan.has_malicious_obj"),
    truth("cf.waf.content_scan.has_obj"),
    number("cf.waf.content_scan.num_malicious_obj"),
    number("cf.waf.content_scan.num_obj"),
    texts("cf.waf.content_scan.obj_results"),
    field("cf.waf.content_scan.obj_sizes", NUMBERS, Of::Nothing),
    texts("cf.waf.content_scan.obj_types"),
    truth("cf.waf.credential_check.password_leaked"),
    truth("cf.waf.credential_check.username_and_password_leaked"),
    truth("cf.waf.credential_check.username_leaked"),
    truth("cf.waf.credential_check.username_password_similar"),
    number("cf.waf.score"),
    text("cf.waf.score.class"),
    number("cf.waf.score.rce"),
    number("cf.waf.score.sqli"),
    number("cf.waf.score.xss"),
    text("cf.worker.upstream_zone"),
    field("cf.zone.name", Type::Text, Of::Zone),
    field("http.cookie", Type::Text, Of::Header("cookie")),
    field("http.host", Type::Text, Of::Host),
    field("http.referer", Type::Text, Of::Header("referer")),
    field("http.request.accepted_languages", TEXTS, Of::Languages),
    map("http.request.body.form"),
    texts("http.request.body.form.names"),
    texts("http.request.body.form.values"),
    text("http.request.body.mime"),
    map("http.request.body.multipart"),
    field("http.request.body.multipart.content_dispositions", Type::List(&TEXTS), Of::Nothing),
    field("http.request.body.multipart.content_transfer_encodings", Type::List(&TEXTS), Of::Nothing),
    field("http.request.body.multipart.content_types", Type::List(&TEXTS), Of::Nothing),
    field("http.request.body.multipart.filenames", Type::List(&TEXTS), Of::Nothing),
    field("http.request.body.multipart.names", Type::List(&TEXTS), Of::Nothing),
    texts("http.request.body.multipart.values"),
    text("http.request.body.raw"),
    number("http.request.body.size"),
    truth("http.request.body.truncated"),
    field("http.request.cookies", MAP, Of::Cookies),
    field("http.request.full_uri", Type::Text, Of::Url(Part::FullUri)),
    field("http.request.headers", MAP, Of::Headers),
    field("http.request.headers.names", TEXTS, Of::HeaderNames),
    field("http.request.headers.truncated", Type::Boolean, Of::HeadersTruncated),
    field("http.request.headers.values", TEXTS, Of::HeaderValues),
    map("http.request.jwt.claims.aud"),
    texts("http.request.jwt.claims.aud.names"),
    texts("http.request.jwt.claims.aud.values"),
    field("http.request.jwt.claims.iat.sec", Type::Map(&NUMBERS), Of::Nothing),
    texts("http.request.jwt.claims.iat.sec.names"),
    field("http.request.jwt.claims.iat.sec.values", NUMBERS, Of::Nothing),
    map("http.request.jwt.claims.iss"),
    texts("http.request.jwt.claims.iss.names"),
    texts("http.request.jwt.claims.iss.values"),
    map("http.request.jwt.claims.jti"),
    texts("http.request.jwt.claims.jti.names"),
    texts("http.request.jwt.claims.jti.values"),
    field("http.request.jwt.claims.nbf.sec", Type::Map(&NUMBERS), Of::Nothing),
    texts("http.request.jwt.claims.nbf.sec.names"),
    field("http.request.jwt.claims.nbf.sec.values", NUMBERS, Of::Nothing),
    map("http.request.jwt.claims.sub"),
    texts("http.request.jwt.claims.sub.names"),
    texts("http.request.jwt.claims.sub.values"),
    field("http.request.method", Type::Text, Of::Method),
    number("http.request.timestamp.msec"),
    number("http.request.timestamp.sec"),
    field("http.request.uri", Type::Text, Of::Url(Part::Uri)),
    field("http.request.uri.args", MAP, Of::Url(Part::Arguments)),
    field("http.request.uri.args.names", TEXTS, Of::Url(Part::ArgumentNames)),
    field("http.request.uri.args.values", TEXTS, Of::Url(Part::ArgumentValues)),
    field("http.request.uri.path", Type::Text, Of::Url(Part::Path)),
    field("http.request.uri.path.extension", Type::Text, Of::Url(Part::Extension)),
    field("http.request.uri.query", Type::Text, Of::Url(Part::Query)),
    field("http.request.version", Type::Text, Of::Version),
    number("http.response.code"),
    text("http.response.content_type.media_type"),
    map("http.response.headers"),
    texts("http.response.headers.names"),
    texts("http.response.headers.values"),
    field("http.user_agent", Type::Text, Of::Header("user-agent")),
    field("http.x_forwarded_for", Type::Text, Of::Header("x-forwarded-for")),
    number("ip.geoip.asnum"),
    text("ip.geoip.continent"),
    text("ip.geoip.country"),
    truth("ip.geoip.is_in_european_union"),
    text("ip.geoip.subdivision_1_iso_code"),
    text("ip.geoip.subdivision_2_iso_code"),
    field("ip.src", Type::Address, Of::ClientAddress),
    number("ip.src.asnum"),
    text("ip.src.city"),
    text("ip.src.continent"),
    text("ip.src.country"),
    truth("ip.src.is_in_european_union"),
    text("ip.src.lat"),
    text("ip.src.lon"),
    text("ip.src.metro_code"),
    text("ip.src.postal_code"),
    text("ip.src.region"),
    text("ip.src.region_code"),
    text("ip.src.subdivision_1_iso_code"),
    text("ip.src.subdivision_2_iso_code"),
    text("ip.src.timezone.name"),
    field("raw.http.request.full_uri", Type::Text, Of::RawUrl(Part::FullUri)),
    field("raw.http.request.uri", Type::Text, Of::RawUrl(Part::Uri)),
    field("raw.http.request.uri.args", MAP, Of::RawUrl(Part::Arguments)),
    field("raw.http.request.uri.args.names", TEXTS, Of::RawUrl(Part::ArgumentNames)),
    field("raw.http.request.uri.args.values", TEXTS, Of::RawUrl(Part::ArgumentValues)),
    field("raw.http.request.uri.path", Type::Text, Of::RawUrl(Part::Path)),
    field("raw.http.request.uri.path.extension", Type::Text, Of::RawUrl(Part::Extension)),
    field("raw.http.request.uri.query", Type::Text, Of::RawUrl(Part::Query)),
    map("raw.http.response.headers"),
    texts("raw.http.response.headers.names"),
    texts("raw.http.response.headers.values"),
    field("ssl", Type::Boolean, Of::Secure),
];

/// The field of that name.
pub(super) fn find(name: &str) -> Option<&'static Field> {
    FIELDS.binary_search_by_key(&name, |field| field.name).ok().and_then(|at| FIELDS.get(at))
}

impl Field {
    /// Does it hold a host name: alone, or in a URL?
    pub(super) fn host_in(&self) -> Option<HostIn> {
        match self.of {
            Of::Host => Some(HostIn::Alone),
            Of::Url(Part::FullUri) | Of::RawUrl(Part::FullUri) => Some(HostIn::Url),
            Of::Zone => Some(HostIn::Zone),
            _ => None,
        }
    }
}

/// Where a field has the host name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostIn {
    /// The value is the host.
    Alone,
    /// The value is `scheme://host/path?query`.
    Url,
    /// The value is the name of the zone that the host is in.
    Zone,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(FIELDS.is_sorted_by_key(|field| field.name));
        assert!(FIELDS.iter().all(|field| find(field.name) == Some(field)));
    }
}
