//! The checks of the area `origin`, in the order shown to people.

mod fixes;
mod suites;
mod view;

mod bypass_open;
mod ca_exposed;
mod ca_unmanaged;
mod certificate_expired;
mod certificate_expiring;
mod certificate_name_mismatch;
mod certificate_not_yet_valid;
mod certificate_untrusted;
mod certificate_weak;
mod chain_incomplete;
mod client_certificate_required;
mod default_certificate;
mod handshake_failing;
mod tls_outdated;
mod unreachable;

#[cfg(test)]
pub(crate) mod testing;

use crate::check::Area;
use crate::evidence::Evidence;
use crate::model::trust::{AnchorKind, Trust, at_origin};

/// The area.
pub(crate) const AREA: Area = Area {
    id: "origin",
    title: "Origin",
    summary,
    checks: &[
        unreachable::CHECK,
        handshake_failing::CHECK,
        default_certificate::CHECK,
        certificate_expired::CHECK,
        certificate_not_yet_valid::CHECK,
        certificate_expiring::CHECK,
        certificate_name_mismatch::CHECK,
        certificate_untrusted::CHECK,
        chain_incomplete::CHECK,
        certificate_weak::CHECK,
        tls_outdated::CHECK,
        client_certificate_required::CHECK,
        ca_exposed::CHECK,
        ca_unmanaged::CHECK,
        bypass_open::CHECK,
    ],
};

/// `origin.example.net: Cloudflare Origin CA, 4712 days left; TLS 1.3`.
fn summary(evidence: &Evidence) -> Option<String> {
    let handshake = evidence.origin.tls.found()?;
    let name = view::origin_name(evidence);
    let Some(trust) = at_origin(evidence) else {
        // All well and nothing to be seen: the door is closed to everyone but Cloudflare.
        return match *view::edge(evidence) {
            view::Edge::Serves(_) => Some(format!("{name}: closed to everyone but Cloudflare")),
            _ => None,
        };
    };
    let leaf = crate::model::trust::served_chain(handshake).first()?;
    let left = leaf.not_after.map(|end| format!(", {} days left", (end - evidence.gathered_at).whole_days()));
    let version = handshake.session.as_ref().map(|session| format!("; {}", session.version.name()));
    Some(format!("{name}: {}{}{}", issuer(&trust, &leaf.issuer), left.unwrap_or_default(), version.unwrap_or_default()))
}

/// Whose certificate it is, as people say it.
fn issuer(trust: &Trust, name: &str) -> String {
    if trust.anchor() == Some(AnchorKind::OriginCa) {
        return "Cloudflare Origin CA".into();
    }
    if name.is_empty() {
        return trust.path.describe();
    }
    let common_name = name.split(',').find_map(|part| part.trim().strip_prefix("CN="));
    common_name.unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::testing::*;
    use super::*;
    use crate::evidence::Gathered;
    use crate::evidence::tls::{Connect, Limit, TlsOutcome};
    use crate::{NotRun, Verdict};

    #[test]
    fn one_line_for_an_area_that_is_well() {
        let pki = pki();
        let origin_ca = pki.site(vec![pki.origin_ca.sign(Leaf::of(&[HOST]).valid(-10, 4712))]);
        assert_eq!(
            summary(&origin_ca).as_deref(),
            Some("d-abc123.execute-api.us-west-2.amazonaws.com: Cloudflare Origin CA, 4712 days left; TLS 1.3")
        );
        assert!(summary(&pki.healthy()).unwrap().contains("Public Root, 98 days left"));
        let mut closed = served(evidence());
        closed.origin.tls = Gathered::Found(failed(Connect::TimedOut(waited(Limit::Step)), TlsOutcome::NotReached));
        assert!(summary(&closed).unwrap().contains("closed to everyone but Cloudflare"));
        assert_eq!(summary(&evidence()), None);
    }

    #[test]
    fn a_healthy_site_has_no_finding() {
        let pki = pki();
        for chain in
            [vec![pki.public.sign(Leaf::of(&[HOST]))], vec![pki.origin_ca.sign(Leaf::of(&[HOST]).valid(-9, 5000))]]
        {
            let site = origin_answers(on_port_80(served(pki.site(chain)), refused()), answered(403, [], "{}"));
            for check in AREA.checks {
                if let Some(finding) = check.run(&site).ok().as_ref().and_then(Verdict::finding) {
                    panic!("{}: {finding:?}", check.id);
                }
            }
        }
    }

    #[test]
    fn no_evidence_is_never_a_finding_and_every_fix_can_be_shown() {
        let example: crate::evidence::Target = "https://www.example.com/".parse().unwrap();
        let nothing = Evidence::nothing(example, NOW);
        for check in AREA.checks {
            assert!(matches!(check.run(&nothing), Err(why) if !matches!(why, NotRun::Bug(_))), "{}", check.id);
            let fix = (check.fix)(&nothing, &crate::Finding::seen(""));
            assert!(!fix.summary.is_empty() && !fix.steps.is_empty(), "{}", check.id);
        }
    }

    #[test]
    fn full_or_flexible_is_never_the_cure() {
        let pki = pki();
        let evidence = edge_error(pki.site(vec![Leaf::of(&["other.example.org"]).self_signed()]), 526);
        for check in AREA.checks {
            let fix = (check.fix)(&evidence, &crate::Finding::seen(""));
            for text in fix.steps.iter().map(|step| &step.text) {
                assert!(!text.contains("\"full\"") && !text.contains("\"flexible\""), "{}: {text}", check.id);
            }
        }
    }
}
