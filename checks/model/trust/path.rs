//! The way from the leaf to an anchor, whatever the dates.

use std::time::Duration;

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use time::OffsetDateTime;
use webpki::{EndEntityCert, Error, KeyUsage};

use super::anchors::{self, Anchor, AnchorKind};
use super::{PathVerdict, Question, issuer_by_name, missing, verified};
use crate::evidence::text;
use crate::evidence::tls::{Certificate, Key};

/// Moments at which a chain is tried: enough for the longest real ones, few enough for a hostile one.
const MAX_MOMENTS: usize = 12;
/// Certificates of a chain that are followed from the leaf: real ones have two to four.
const MAX_LINKS: usize = 8;

/// The verdict, and the certificates whose dates count.
pub(super) fn find(question: &Question<'_>) -> (PathVerdict, Vec<usize>) {
    let Some(leaf) = question.chain.first() else { return (PathVerdict::Absent, Vec::new()) };
    let linked = linked(question.chain);
    if let Some(why) = &leaf.unreadable {
        return (PathVerdict::Unreadable(why.clone()), vec![0]);
    }
    let Some(der) = &leaf.der else {
        return (PathVerdict::Reported(issuer_by_name(&leaf.issuer)), vec![0]);
    };
    let anchors = anchors::of(question.policy, question.roots);
    // A certificate that is itself trusted, as every client with a store has it.
    if let Some(own) = anchors.iter().find(|anchor| anchor.der.as_deref() == Some(&der.0)) {
        return (PathVerdict::Trusted { by: own.kind, used: vec![0], anchor_ends: own.ends }, vec![0]);
    }
    if leaf.self_signed {
        return (PathVerdict::SelfSigned, vec![0]);
    }
    match build(question, leaf, &der.0, &anchors) {
        Ok((used, anchor)) => {
            let looked_at = used.clone();
            (PathVerdict::Trusted { by: anchor.kind, used, anchor_ends: anchor.ends }, looked_at)
        }
        Err(error) => (read(&error, question, &linked, &anchors), linked),
    }
}

/// Tries the chain now, then at other moments at which its certificates are valid: so the dates hide no other fault.
fn build<'a>(
    question: &Question<'_>,
    leaf: &Certificate,
    der: &[u8],
    anchors: &'a [Anchor],
) -> Result<(Vec<usize>, &'a Anchor), Error> {
    let der = CertificateDer::from(der);
    let end_entity = EndEntityCert::try_from(&der)?;
    let rest: Vec<(usize, CertificateDer<'_>)> = question
        .chain
        .iter()
        .enumerate()
        .skip(1)
        .filter_map(|(index, certificate)| Some((index, CertificateDer::from(certificate.der.as_ref()?.0.as_slice()))))
        .collect();
    let intermediates: Vec<CertificateDer<'_>> = rest.iter().map(|(_, der)| der.clone()).collect();
    let trusted: Vec<TrustAnchor<'_>> = anchors.iter().map(|anchor| anchor.anchor.clone()).collect();
    let mut told = Error::UnknownIssuer;
    for (turn, moment) in moments(question, leaf).into_iter().enumerate() {
        let found = end_entity.verify_for_usage(
            &verified::ALGORITHMS,
            &trusted,
            &intermediates,
            moment,
            KeyUsage::server_auth(),
            None,
            None,
        );
        match found {
            Ok(path) => {
                let used = path
                    .intermediate_certificates()
                    .filter_map(|used| rest.iter().find(|(_, der)| *der == used.der()).map(|(index, _)| *index));
                let used: Vec<usize> = std::iter::once(0).chain(used).collect();
                let same = |anchor: &&Anchor| {
                    anchor.anchor.subject == path.anchor().subject
                        && anchor.anchor.subject_public_key_info == path.anchor().subject_public_key_info
                };
                return anchors.iter().find(same).map(|anchor| (used, anchor)).ok_or(Error::UnknownIssuer);
            }
            Err(error) if turn == 0 || is_about_dates(&told) => told = error,
            Err(_) => {}
        }
    }
    Err(told)
}

fn is_about_dates(error: &Error) -> bool {
    matches!(error, Error::CertExpired { .. } | Error::CertNotValidYet { .. })
}

fn moments(question: &Question<'_>, leaf: &Certificate) -> Vec<UnixTime> {
    let within = |moment: &OffsetDateTime| {
        leaf.not_before.is_none_or(|start| *moment >= start) && leaf.not_after.is_none_or(|end| *moment <= end)
    };
    let ends = question.chain.iter().take(MAX_LINKS).flat_map(|c| [c.not_after, c.not_before]).flatten();
    let moments = std::iter::once(question.at).chain(ends.filter(within)).take(MAX_MOMENTS);
    let unix = |moment: OffsetDateTime| u64::try_from(moment.unix_timestamp()).unwrap_or(0);
    moments.map(|moment| UnixTime::since_unix_epoch(Duration::from_secs(unix(moment)))).collect()
}

/// The places that hang together from the leaf by issuer and subject; a root that was sent is not among them.
fn linked(chain: &[Certificate]) -> Vec<usize> {
    let mut places = vec![0];
    while let Some(last) = places.last().and_then(|at| chain.get(*at)) {
        let next = chain.iter().enumerate().position(|(index, candidate)| {
            !places.contains(&index)
                && !candidate.self_signed
                && !candidate.subject.is_empty()
                && candidate.subject == last.issuer
        });
        match next {
            Some(next) if places.len() < MAX_LINKS => places.push(next),
            _ => break,
        }
    }
    places
}

/// webpki's error as what it means here.
pub(super) fn read(error: &Error, question: &Question<'_>, linked: &[usize], anchors: &[Anchor]) -> PathVerdict {
    #[allow(deprecated)]
    match error {
        Error::UnknownIssuer => unknown(question, linked, anchors),
        Error::InvalidSignatureForPublicKey => match unverifiable(question, linked) {
            Some(why) => PathVerdict::CannotVerify(why),
            None => unknown(question, linked, anchors),
        },
        Error::CaUsedAsEndEntity => PathVerdict::CaUsedAsLeaf,
        Error::RequiredEkuNotFound | Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => {
            PathVerdict::NotAServerCertificate
        }
        Error::NameConstraintViolation => {
            PathVerdict::ConstraintViolated("a CA in the chain may not issue for this name (name constraints)".into())
        }
        Error::PathLenConstraintViolated => {
            PathVerdict::ConstraintViolated("a CA in the chain may not have a CA below it (path length)".into())
        }
        Error::EndEntityUsedAsCa => {
            PathVerdict::ConstraintViolated("the issuer's certificate is not that of a CA".into())
        }
        Error::CertExpired { .. } | Error::CertNotValidYet { .. } => {
            PathVerdict::CannotVerify("its certificates were never valid at one time".into())
        }
        Error::BadDer | Error::BadDerTime | Error::MalformedExtensions | Error::TrailingData(_) => {
            PathVerdict::Unreadable(format!("{error:?}"))
        }
        Error::UnsupportedSignatureAlgorithm
        | Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKey
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => PathVerdict::CannotVerify(
            unverifiable(question, linked)
                .unwrap_or_else(|| format!("signature algorithm {}", signatures(question, linked))),
        ),
        other => PathVerdict::CannotVerify(text::shorten(&format!("{other:?}"), 120)),
    }
}

/// Keys whose signatures ring cannot check: what it says of them means nothing (`stack.md` 1.2, 1.3).
fn unverifiable(question: &Question<'_>, linked: &[usize]) -> Option<String> {
    linked.iter().skip(1).filter_map(|at| question.chain.get(*at)?.key.as_ref()).find_map(|key| match key {
        Key::Rsa { bits } if !(2048..=8192).contains(bits) => Some(format!("an issuer's key is RSA with {bits} bits")),
        Key::Ec { curve } if !matches!(curve.as_str(), "P-256" | "P-384") => {
            Some(format!("an issuer's key is on the curve {curve}"))
        }
        Key::Other { algorithm } if algorithm != "Ed25519" => Some(format!("an issuer's key is {algorithm}")),
        _ => None,
    })
}

fn signatures(question: &Question<'_>, linked: &[usize]) -> String {
    let names: Vec<&str> = linked.iter().filter_map(|at| Some(question.chain.get(*at)?.signature.as_str())).collect();
    names.join(", ")
}

/// No anchor at the end: a private CA, a stranger under a known name, or an intermediate that was not sent.
fn unknown(question: &Question<'_>, linked: &[usize], anchors: &[Anchor]) -> PathVerdict {
    let (Some(leaf), Some(last)) = (question.chain.first(), linked.last().and_then(|at| question.chain.get(*at)))
    else {
        return PathVerdict::Absent;
    };
    let issuer = tidy(&last.issuer);
    let root_sent = question.chain.iter().any(|sent| sent.self_signed && sent.subject == last.issuer);
    let name_of = name_of(last, anchors);
    if name_of.is_none()
        && !root_sent
        && let Some((likely, because)) = missing::likely(leaf, last, anchors)
    {
        return PathVerdict::Incomplete { missing: issuer, likely, because };
    }
    PathVerdict::UnknownIssuer { issuer, name_of }
}

/// The anchor whose name the issuer bears; its key did not sign, or the path would have been found.
fn name_of(last: &Certificate, anchors: &[Anchor]) -> Option<AnchorKind> {
    let der = CertificateDer::from(last.der.as_ref()?.0.as_slice());
    let end_entity = EndEntityCert::try_from(&der).ok()?;
    let bears = |anchor: &&Anchor| anchor.anchor.subject.as_ref() == end_entity.issuer();
    anchors.iter().find(bears).map(|anchor| anchor.kind)
}

/// A distinguished name short enough to be read: its common name, else its unit, else all of it.
pub(super) fn tidy(name: &str) -> String {
    let part = |key: &str| {
        let at = name.split(',').position(|part| part.trim_start().starts_with(key))?;
        Some(name.split(',').nth(at)?.trim_start().trim_start_matches(key).trim_end_matches('\\').to_owned())
    };
    let short = part("CN=").or_else(|| part("OU=")).unwrap_or_else(|| name.to_owned());
    text::shorten(&short, 120)
}
