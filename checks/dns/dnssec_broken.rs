//! Signatures or keys of the zone do not add up.

use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::dns::{Lookup, Viewer};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "dns-dnssec-broken",
    title: "DNSSEC validates, or is not in use",
    severity: Severity::Critical,
    needs: &[Probe::Dns],
    why: "Resolvers that validate answer SERVFAIL for the whole zone, others go on as if nothing were wrong: the \
          site is down \
          for a part of its visitors. Usually the DS record at the registrar belongs to an earlier DNS provider.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/dns/dnssec/troubleshooting/",
        "https://www.rfc-editor.org/rfc/rfc4035#section-5.5",
        "https://www.rfc-editor.org/rfc/rfc8914",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let dns = evidence.dns.get()?;
    let host = &dns.host;
    let failed = [&host.ipv4, &host.ipv6].into_iter().find(|lookup| matches!(lookup, Lookup::ServFail { .. }));
    let Some(failed) = failed.filter(|_| host.addresses().is_empty()) else {
        if !host.ipv4.is_definite() && !host.ipv6.is_definite() {
            return Err(NotRun::inconclusive(format!("{}: {}", host.name, host.ipv4.describe())));
        }
        let vouched = matches!(host.ipv4, Lookup::Answer { authenticated: true, .. });
        return Ok(Verdict::Pass(vouched.then(|| "the resolver validated the answer".into())));
    };
    let unchecked = dns.host_unchecked.as_ref().ok_or_else(|| {
        NotRun::inconclusive("SERVFAIL, and the question was not asked again with checking disabled (dig +cd)")
    })?;
    if unchecked.addresses().is_empty() {
        return Err(NotRun::not_applicable(format!(
            "with checking disabled the answer is {} too, so DNSSEC is not the reason",
            unchecked.describe()
        )));
    }
    // Public resolvers validate: where one answers, the fault is with ours.
    let public = dns.views.iter().find(|view| view.who == Viewer::Public).map(|view| &view.chain);
    if public.is_some_and(|chain| !chain.addresses().is_empty()) {
        return Err(NotRun::inconclusive("a public resolver that validates does answer: the trouble is with ours"));
    }
    if dns.zone.found().is_some_and(|zone| zone.signed == Some(false)) {
        return Err(NotRun::inconclusive("the zone is not signed, so its own signatures cannot be the reason"));
    }
    let explained = matches!(failed, Lookup::ServFail { extended: Some(said) } if is_about_dnssec(said));
    let confirmed = public.is_some_and(|chain| matches!(chain.ipv4, Lookup::ServFail { .. }));
    let finding = Finding::seen(format!(
        "{} answers {} and, with DNSSEC checking disabled, {}",
        host.name,
        failed.describe(),
        unchecked.describe()
    ))
    .proof(format!("{}: {}", dns.resolver, failed.describe()))
    .proof(format!("{} with CD=1: {}", dns.resolver, unchecked.describe()));
    let confidence = if explained || confirmed { Confidence::High } else { Confidence::Medium };
    Ok(Verdict::Fail(finding.confidence(confidence)))
}

/// Codes 1, 2 and 5–12 of RFC 8914 §4 speak of validation.
fn is_about_dnssec(extended: &str) -> bool {
    let code = extended.split(' ').next().and_then(|code| code.parse::<u16>().ok());
    matches!(code, Some(1 | 2 | 5..=12))
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let zone = evidence.dns.found().and_then(|dns| dns.zone.found());
    let apex = zone.map_or(evidence.target.host.as_str(), |zone| zone.apex.as_str());
    Fix::new(format!(
        "Make the DS record of {apex} at the registrar the one that the zone's DNS provider shows, or remove it \
         there."
    ))
    .shell("DS at the parent, keys in the zone", format!("dig +short DS {apex}; dig +short +cd DNSKEY {apex}"))
    .dashboard("DNS → Settings → DNSSEC → DS record (copy it to the registrar)")
    .api(
        "The DS record that Cloudflare expects",
        "curl -s -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" \
         https://api.cloudflare.com/client/v4/zones/$ZONE_ID/dnssec",
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::evidence::Gathered;
    use crate::evidence::dns::{Dns, ZoneCut};

    fn broken(extended: Option<&str>, signed: Option<bool>, unchecked: Option<Lookup>) -> Dns {
        let failed = || Lookup::ServFail { extended: extended.map(Into::into) };
        let zone = ZoneCut { apex: "example.com".into(), name_servers: Vec::new(), signed };
        Dns { zone: Gathered::Found(zone), host_unchecked: unchecked, ..host(lookups(failed(), failed())) }
    }

    #[test]
    fn a_servfail_that_checking_makes() {
        let answered = || Some(answer(&["192.0.2.1"]));
        let verdict = judge(&with(broken(None, Some(true), answered()))).unwrap();
        assert_eq!(verdict.finding().unwrap().confidence, Confidence::Medium);
        let verdict = judge(&with(broken(Some("7 Signature Expired"), None, answered()))).unwrap();
        assert_eq!(verdict.finding().unwrap().confidence, Confidence::High);
        let public = |lookup| vec![view(Viewer::Public, lookups(lookup, Lookup::NoData))];
        let seen = Dns { views: public(servfail()), ..broken(Some("22 No Reachable Authority"), None, answered()) };
        assert_eq!(judge(&with(seen)).unwrap().finding().unwrap().confidence, Confidence::High);
        let ours = Dns { views: public(answer(&["192.0.2.1"])), ..broken(None, Some(true), answered()) };
        assert_eq!(word(&judge(&with(ours))), "inconclusive");
    }

    #[test]
    fn what_is_not_dnssec() {
        assert_eq!(word(&judge(&with(proxied()))), "pass");
        assert_eq!(word(&judge(&with(host(lookups(Lookup::NxDomain, Lookup::NxDomain))))), "pass");
        assert_eq!(word(&judge(&with(host(lookups(Lookup::TimedOut, Lookup::TimedOut))))), "inconclusive");
        assert_eq!(word(&judge(&with(broken(None, Some(true), None)))), "inconclusive");
        assert_eq!(word(&judge(&with(broken(None, Some(true), Some(servfail()))))), "not-applicable");
        assert_eq!(word(&judge(&with(broken(None, Some(false), Some(answer(&["192.0.2.1"])))))), "inconclusive");
    }
}
