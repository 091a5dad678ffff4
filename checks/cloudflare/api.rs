//! Ready-made calls of Cloudflare's API for fixes.

use crate::evidence::text::shell_quote;

/// A call for this zone, to paste; the zone's own id takes the place of `$ZONE_ID` where it is known.
pub(super) fn call(method: &str, path: &str, body: Option<&str>) -> String {
    let body = body.map(|body| format!(" --json {}", shell_quote(body))).unwrap_or_default();
    format!(
        "curl -sS -X {method} -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\"{body} \
         \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID{path}\""
    )
}
