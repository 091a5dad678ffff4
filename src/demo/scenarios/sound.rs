//! Sites that look broken and are well.

use cfdoctor_checks::evidence::target::Expectation;

use super::{SEEN, SOUND, rule, sound_origin};
use crate::demo::{CacheAction, EdgeTtl, Origin, Product, Scenario, Zone};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "healthy-suspicious",
        line: "sound, though it looks broken from outside",
        story: "The origin is closed to everybody but Cloudflare by mutual TLS and shows an Origin CA certificate, `/` \
                answers 403, HEAD reads DYNAMIC, Cloudflare's own cookie is set, and two data centres answer. All of it \
                is as it should be.",
        path: "/",
        wish: Expectation::Any,
        zone: || Zone {
            origin_pull: true,
            bot_cookie: true,
            colos: &["SEA", "PDX"],
            rule: rule(&["GET"], CacheAction::Eligible(EdgeTtl::RespectOrigin)),
            ..Zone::default()
        },
        origin: || Origin { mutual_tls: true, demands_secret: false, product: Product::Rest, ..sound_origin() },
        ..SOUND
    },
    Scenario {
        name: "healthy-client-certificate",
        line: "sound, and the doctor has the client certificate that the origin demands",
        story: "Mutual TLS closes the origin; with --cert and --key the doctor sees it as Cloudflare does.",
        ..SEEN
    },
];
