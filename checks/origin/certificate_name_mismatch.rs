use super::fixes::new_certificate;
use super::view::{self, certificate_line, edge, origin_name, weigh};
use crate::check::{Check, Probe, Severity};
use crate::evidence::{Evidence, Gathered};
use crate::model::tls_report::ReportedFault;
use crate::model::trust::{
    Field, NameVerdict, at_origin, is_cloudflare_client_certificate, name_matches, service_certificate,
};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "origin-certificate-name-mismatch",
    title: "The origin's certificate is for this name",
    severity: Severity::Critical,
    needs: &[Probe::OriginTls, Probe::EdgeHttp, Probe::Dns],
    why: "Full (strict) wants the visitor's name or the name that the record points at in the certificate, as \
          alternative name or common name. Neither of them there is a 526 for every visitor.",
    fix,
    sources: &["https://developers.cloudflare.com/ssl/origin-configuration/ssl-modes/full-strict/"],
    judge,
};

/// Names shown of a certificate that has many.
const SHOWN: usize = 5;

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let edge = edge(evidence);
    if view::reported(evidence).contains(&ReportedFault::NameMismatch) {
        let finding =
            Finding::seen(format!("the certificate of {} was reported to be for another name", origin_name(evidence)));
        let finding = finding.proofs(view::report_line(evidence)).confidence(Confidence::Medium);
        return Ok(weigh(evidence, &edge, true, finding));
    }
    let chain = view::certificate_chain(evidence, &edge)?;
    let (Some(leaf), Some(trust)) = (chain.first(), at_origin(evidence)) else {
        return Err(NotRun::inconclusive("no certificate of the origin was seen"));
    };
    let (presented, wanted) = match &trust.name {
        NameVerdict::Covered { by, field, name } => {
            let field = if *field == Field::CommonName { " (common name only)" } else { "" };
            return Ok(Verdict::pass(format!("{by}{field} covers {name}")));
        }
        NameVerdict::Unknown(why) => return Err(NotRun::inconclusive(why)),
        NameVerdict::NotCovered { presented, wanted } => (presented, wanted),
    };
    if service_certificate(leaf).is_some() {
        return Err(NotRun::not_applicable("it is the service's own certificate (origin-default-certificate)"));
    }
    if is_cloudflare_client_certificate(leaf) {
        return Err(NotRun::not_applicable("it is a client certificate, without names (origin-certificate-untrusted)"));
    }
    let finding = Finding::seen(format!(
        "the certificate of {} is for {}, not for {}",
        origin_name(evidence),
        list(presented),
        wanted.join(" or ")
    ))
    .proof(certificate_line(0, leaf));
    Ok(weigh(evidence, &edge, true, doubts(evidence, edge.code() == Some(526), finding, leaf)))
}

/// What the target's name is decides, and may not be known: without it, or where it is an alias itself, for it is
/// not documented which hop's name counts (`facts/cloudflare.md` section 10).
fn doubts(evidence: &Evidence, refused: bool, finding: Finding, leaf: &crate::evidence::tls::Certificate) -> Finding {
    if evidence.target.origin.is_none() {
        let confidence = if refused { Confidence::Medium } else { Confidence::Low };
        return finding
            .proof("the name that the record points at would do as well, and is not known: give --origin HOST")
            .confidence(confidence);
    }
    let chain = evidence.dns.found().map(|dns| &dns.origin);
    let hops = chain.and_then(Gathered::found).map(|chain| chain.hops.as_slice()).unwrap_or_default();
    let covers = |name: &str| leaf.names.iter().any(|pattern| name_matches(pattern, name));
    match hops.iter().find(|hop| covers(&hop.to)) {
        Some(hop) => finding
            .proof(format!(
                "it covers {}, where {} leads by CNAME; whether that counts is not documented",
                hop.to, hop.from
            ))
            .confidence(Confidence::Low),
        None => finding,
    }
}

fn list(names: &[String]) -> String {
    match names.len() {
        0 => "no name at all".into(),
        n if n > SHOWN => format!("{} and {} more", names[..SHOWN].join(", "), n - SHOWN),
        _ => names.join(", "),
    }
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    new_certificate(evidence, &format!("Serve a certificate for {} at the origin.", evidence.target.host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::dns::{Chain, Dns, Hop, Lookup};
    use crate::origin::testing::*;

    fn for_names(names: &[&str]) -> Evidence {
        let pki = pki();
        pki.site(vec![pki.public.sign(Leaf::of(names))])
    }

    #[test]
    fn neither_the_name_nor_the_target() {
        let other = for_names(&["other.example.org"]);
        assert_eq!(word(&CHECK, &edge_error(other.clone(), 526)), "fail/high");
        assert_eq!(word(&CHECK, &served(other.clone())), "warn/high");
        assert_eq!(word(&CHECK, &other), "fail/medium");
        assert!(seen(&CHECK, &other).contains("other.example.org"));
        let many: Vec<String> = (0..9).map(|n| format!("n{n}.example.org")).collect();
        let many = for_names(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(seen(&CHECK, &many).contains("and 4 more"));
    }

    #[test]
    fn what_covers() {
        for names in [&[HOST][..], &["*.example.com"], &["other.example.org", HOST]] {
            assert_eq!(word(&CHECK, &served(for_names(names))), "pass");
        }
        let mut target = for_names(&["origin.example.net"]);
        target.target.origin = Some("origin.example.net".parse().unwrap());
        assert_eq!(word(&CHECK, &target), "pass");
    }

    #[test]
    fn others_speak_of_what_is_theirs() {
        assert_eq!(word(&CHECK, &for_names(&["*.execute-api.eu-west-1.amazonaws.com"])), "not-applicable");
        let pki = pki();
        let client =
            pki.site(vec![Authority::root("Cloudflare Managed CA").sign(Leaf::of(&[]).common_name("Cloudflare"))]);
        assert_eq!(word(&CHECK, &client), "not-applicable");
    }

    #[test]
    fn doubt_lowers_the_confidence() {
        let mut unknown = for_names(&["other.example.org"]);
        unknown.target.origin = None;
        assert_eq!(word(&CHECK, &served(unknown.clone())), "warn/low");
        assert_eq!(word(&CHECK, &edge_error(unknown, 526)), "fail/medium");

        let mut alias = served(for_names(&["lb.example.org"]));
        let no_data =
            || Chain { name: HOST.into(), hops: Vec::new(), ipv4: Lookup::NoData, ipv6: Lookup::NoData, fault: None };
        let hop = Hop { from: ORIGIN.into(), to: "lb.example.org".into(), ttl: 60 };
        alias.dns = Gathered::Found(Dns {
            resolver: "192.0.2.53".into(),
            host: no_data(),
            host_unchecked: None,
            impossible: None,
            zone: Gathered::Missing(NotRun::Disabled(Probe::Dns)),
            views: Vec::new(),
            caa: Gathered::Missing(NotRun::Disabled(Probe::Dns)),
            validation: Vec::new(),
            origin: Gathered::Found(Chain { hops: vec![hop], ..no_data() }),
            host_ms: None,
            origin_ms: None,
        });
        assert_eq!(word(&CHECK, &alias), "warn/low");
        assert_eq!(word(&CHECK, &alias.without(Probe::Dns)), "warn/high");
    }
}
