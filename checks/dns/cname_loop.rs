//! The chain of CNAMEs never ends.

use super::records;
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::dns::{Chain, ChainFault};
use crate::verdict::{Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "dns-cname-loop",
    title: "The CNAME chain ends",
    severity: Severity::Critical,
    needs: &[Probe::Dns],
    why: "Resolvers give up on a chain that comes back to itself or goes on and on, and each at another length, so \
          that the \
          name works for some visitors and not for others.",
    fix,
    sources: &["https://www.rfc-editor.org/rfc/rfc1034#section-3.6.2"],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let dns = evidence.dns.get()?;
    let chains = [Some(&dns.host), dns.origin.found()];
    if let Some((chain, fault)) = chains.into_iter().flatten().find_map(|chain| Some((chain, chain.fault.as_ref()?))) {
        let seen = match fault {
            ChainFault::Loop { at } => format!("the CNAME chain of {} comes back to {at}", chain.name),
            ChainFault::TooLong => format!("the CNAME chain of {} has more than 16 links", chain.name),
        };
        return Ok(Verdict::Fail(Finding::seen(seen).proofs(records(chain))));
    }
    let known = |chain: &Chain| chain.ipv4.is_definite() || chain.ipv6.is_definite();
    if !known(&dns.host) {
        return Err(NotRun::inconclusive(format!("{}: {}", dns.host.name, dns.host.ipv4.describe())));
    }
    Ok(Verdict::Pass(match dns.host.hops.len() {
        0 => None,
        1 => Some("1 CNAME".into()),
        n => Some(format!("{n} CNAMEs")),
    }))
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let broken = evidence.dns.found().and_then(|dns| {
        [Some(&dns.host), dns.origin.found()].into_iter().flatten().find(|chain| chain.fault.is_some())
    });
    let name = broken.map_or(evidence.target.host.as_str(), |chain| chain.name.as_str());
    Fix::new(format!("Point {name} straight at the name that has the addresses, in one CNAME."))
        .shell("See the chain", format!("dig +noall +answer {name} CNAME"))
        .dashboard(format!("DNS → Records → {name} → Edit → Target"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::evidence::dns::Lookup;

    #[test]
    fn finds_loops_in_either_chain() {
        let mut turning = chain(&[HOST, "b.example.com", HOST], &["192.0.2.1"]);
        turning.ipv4 = Lookup::NotAsked { why: "the chain comes back".into() };
        turning.fault = Some(ChainFault::Loop { at: HOST.into() });
        let verdict = judge(&with(host(turning.clone()))).unwrap();
        assert_eq!(verdict.finding().unwrap().proof.len(), 2);
        turning.name = "origin.example.net".into();
        turning.fault = Some(ChainFault::TooLong);
        let evidence = declared(turning);
        let verdict = judge(&evidence).unwrap();
        assert!(verdict.finding().unwrap().seen.contains("origin.example.net has more than 16"));
        assert!(fix(&evidence, verdict.finding().unwrap()).summary.contains("origin.example.net"));
    }

    #[test]
    fn an_ended_chain_passes_whatever_its_end() {
        assert_eq!(word(&judge(&with(proxied()))), "pass");
        assert_eq!(word(&judge(&with(host(chain(&[HOST, TARGET], &[]))))), "pass");
        assert_eq!(word(&judge(&with(host(lookups(Lookup::TimedOut, Lookup::TimedOut))))), "inconclusive");
    }
}
