//! What was seen from outside of the way to the custom domain: the origin's handshake and the edge's answers.

use crate::evidence::Evidence;
use crate::evidence::tls::Certificate;
use crate::model::attribution::attribute;
use crate::model::cloudflare;
use crate::model::gateway_error::GatewayErrorKind;
use crate::model::origin_host::OriginClass;
use crate::model::trust::{name_matches, served_chain, service_certificate};

/// The first certificate that the origin showed.
fn leaf(evidence: &Evidence) -> Option<&Certificate> {
    served_chain(evidence.origin.tls.found()?).first()
}

/// The origin's certificate, where it is the visitor's name's own: whoever has the custom domain, somebody has it.
pub(super) fn own_certificate(evidence: &Evidence) -> Option<String> {
    let leaf = leaf(evidence)?;
    let is_own = leaf.names.iter().any(|name| name_matches(name, &evidence.target.host));
    (is_own && service_certificate(leaf).is_none())
        .then(|| format!("the target shows a certificate of the name's own ({})", leaf.names.join(", ")))
}

/// The region's own certificate: nobody has the custom domain there.
pub(super) fn service(evidence: &Evidence) -> Option<String> {
    let service = service_certificate(leaf(evidence)?)?;
    matches!(service.class, OriginClass::GatewayCustomTarget | OriginClass::GatewayDefault)
        .then(|| format!("the target answers with the service's own certificate, {}", service.pattern))
}

/// What the edge shows of it.
pub(super) enum AtEdge {
    /// 526, or API Gateway's refusal of the name.
    Refused(String),
    /// An answer that the origin made for this name.
    Served(String),
    /// Neither.
    Unknown,
}

/// Reads the edge's answer for what it tells of the custom domain.
pub(super) fn at_edge(evidence: &Evidence) -> AtEdge {
    if evidence.target.origin.as_ref().is_some_and(|origin| origin.assumed) {
        return AtEdge::Unknown; // today's edge does not use it
    }
    let Ok(answer) = evidence.edge_answer() else { return AtEdge::Unknown };
    if cloudflare::error_code(answer) == Some(526) {
        return AtEdge::Refused("the edge answers 526: it refuses the certificate that the target shows".into());
    }
    let said = attribute(answer).product_error;
    if answer.status == 403 && said.is_some_and(|error| error.kind == GatewayErrorKind::Forbidden) {
        return AtEdge::Refused("the edge passes on API Gateway's 403 Forbidden".into());
    }
    match evidence.edge_serves_fresh() {
        Some(fresh) => AtEdge::Served(format!("the edge serves an answer of the origin, {}", fresh.status)),
        None => AtEdge::Unknown,
    }
}
