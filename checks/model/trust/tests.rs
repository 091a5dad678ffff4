use proptest::prelude::*;
use rcgen::{BasicConstraints, GeneralSubtree, IsCa, NameConstraints};
use time::Duration;

use super::testing::{Authority, Leaf, NOW};
use super::*;
use crate::evidence::tls::{Der, TrustInputs};

const HOST: &str = "api.example.com";
const TARGET: &str = "origin.example.net";

struct World {
    public: Authority,
    origin_ca: Authority,
    roots: TrustInputs,
}

fn world() -> World {
    let (public, origin_ca) = (Authority::root("Public Root"), Authority::origin_ca());
    let roots = TrustInputs { extra_roots: vec![public.der()], origin_ca: Some(vec![origin_ca.der()]) };
    World { public, origin_ca, roots }
}

impl World {
    fn at(&self, policy: Policy, chain: &[Certificate], at: OffsetDateTime) -> Trust {
        judge(&Question { policy, chain, requested: HOST, target: Some(TARGET), at, roots: &self.roots })
    }

    fn strict(&self, chain: &[Certificate]) -> Trust {
        self.at(Policy::FullStrict, chain, NOW)
    }
}

fn expired(index: usize, days_ago: i64) -> DateFault {
    DateFault { index, kind: DateFaultKind::Expired(NOW - Duration::days(days_ago)) }
}

#[test]
fn sound_chains_are_trusted_by_the_right_policy() {
    let world = world();
    let middle = world.public.intermediate("Public Middle", "Public Root Ltd");
    let leaf = middle.sign(Leaf::of(&[HOST]));
    let unrelated = Authority::root("Unrelated").certificate;
    for chain in [
        vec![leaf.clone(), middle.certificate.clone()],
        vec![leaf.clone(), middle.certificate.clone(), world.public.certificate.clone()],
        vec![leaf.clone(), unrelated, middle.certificate.clone()],
    ] {
        for policy in [Policy::PublicWeb, Policy::FullStrict] {
            let trust = world.at(policy, &chain, NOW);
            assert_eq!(trust.accepted(), Some(true), "{trust:?}");
            assert_eq!(trust.anchor(), Some(AnchorKind::Extra));
        }
    }
    let chain = [world.origin_ca.sign(Leaf::of(&[HOST]))];
    let trust = world.strict(&chain);
    assert_eq!(trust.accepted(), Some(true));
    let PathVerdict::Trusted { by: AnchorKind::OriginCa, anchor_ends: Some(ends), .. } = trust.path else {
        panic!("{:?}", trust.path)
    };
    assert_eq!(ends, ORIGIN_CA_ROOTS_END);
    assert_eq!(world.at(Policy::PublicWeb, &chain, NOW).accepted(), Some(false));
}

#[test]
fn every_fault_is_found_beside_the_others() {
    let world = world();
    let nobody = Authority::root("Nobody Root");
    let trust = world.strict(&[nobody.sign(Leaf::of(&["other.example.org"]).valid(-400, -2))]);
    assert_eq!(trust.path, PathVerdict::UnknownIssuer { issuer: "Nobody Root".into(), name_of: None });
    assert_eq!(trust.dates, [expired(0, 2)]);
    let NameVerdict::NotCovered { presented, wanted } = &trust.name else { panic!("{:?}", trust.name) };
    assert_eq!(
        (presented.as_slice(), wanted.as_slice()),
        (&["other.example.org".into()][..], &[HOST.into(), TARGET.to_owned()][..])
    );
    let trust = world.strict(&[world.public.sign(Leaf::of(&["other.example.org"]).valid(-400, -2))]);
    assert!(matches!(trust.path, PathVerdict::Trusted { .. }), "{:?}", trust.path);
    assert_eq!(trust.dates, [expired(0, 2)]);
    assert_eq!(trust.describe(), "expired on 2026-11-21, for another name");
}

#[test]
fn dates_count_to_the_second_and_only_on_the_path() {
    let world = world();
    let chain = [world.public.sign(Leaf::of(&[HOST]).valid(-10, 0))];
    assert_eq!(world.strict(&chain).dates, []);
    let later = world.at(Policy::FullStrict, &chain, NOW + Duration::seconds(1));
    assert_eq!(later.dates, [DateFault { index: 0, kind: DateFaultKind::Expired(NOW) }]);
    let early = world.at(Policy::FullStrict, &chain, NOW - Duration::days(11));
    assert_eq!(early.dates, [DateFault { index: 0, kind: DateFaultKind::NotYetValid(NOW - Duration::days(10)) }]);
    assert!(matches!(early.path, PathVerdict::Trusted { .. }));

    let mut old = rcgen::CertificateParams::default();
    old.distinguished_name.push(rcgen::DnType::CommonName, "Old Middle");
    old.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (old.not_before, old.not_after) = (NOW - Duration::days(900), NOW - Duration::days(3));
    let middle = world.public.intermediate_with(old);
    let chain = [middle.sign(Leaf::of(&[HOST])), middle.certificate.clone()];
    let trust = world.strict(&chain);
    assert!(matches!(trust.path, PathVerdict::Trusted { .. }), "{:?}", trust.path);
    assert_eq!(trust.dates, [expired(1, 3)], "the intermediate is the expired one");
    // The same one sent beside a chain that does not need it harms nobody.
    let chain = [world.public.sign(Leaf::of(&[HOST])), middle.certificate.clone()];
    assert_eq!(world.strict(&chain).accepted(), Some(true));
}

#[test]
fn an_issuer_that_is_not_there_is_weighed() {
    let world = world();
    let path = |leaf: Certificate| world.strict(&[leaf]).path;
    let confidence = |path: &PathVerdict| match path {
        PathVerdict::Incomplete { likely, .. } => Some(*likely),
        PathVerdict::UnknownIssuer { name_of: None, .. } => None,
        other => panic!("{other:?}"),
    };
    let elsewhere = Authority::root("Elsewhere");
    let plain = elsewhere.intermediate("Example Services Y2", "Elsewhere Ltd");
    assert_eq!(confidence(&path(plain.sign(Leaf::of(&[HOST])))), None);
    assert_eq!(confidence(&path(plain.sign(Leaf::of(&[HOST]).public_policy()))), Some(Confidence::High));
    assert_eq!(confidence(&path(plain.sign(Leaf::of(&[HOST]).issuer_url()))), Some(Confidence::Medium));
    let ours = world.public.intermediate("Example Services Y3", "Public Root Ltd");
    assert_eq!(confidence(&path(ours.sign(Leaf::of(&[HOST])))), Some(Confidence::Medium));
    let named = elsewhere.intermediate("Example Intermediate 1", "Elsewhere Ltd");
    assert_eq!(confidence(&path(named.sign(Leaf::of(&[HOST])))), Some(Confidence::Medium));
    // A root that signs leaves itself, and a private root that was sent.
    assert_eq!(confidence(&path(Authority::root("Lonely Root").sign(Leaf::of(&[HOST])))), None);
    let chain = [elsewhere.sign(Leaf::of(&[HOST]).issuer_url()), elsewhere.certificate.clone()];
    assert_eq!(confidence(&world.strict(&chain).path), None);
    let chain = [named.sign(Leaf::of(&[HOST])), named.certificate.clone(), elsewhere.certificate.clone()];
    assert_eq!(confidence(&world.strict(&chain).path), None);
}

#[test]
fn a_known_name_with_another_key_is_no_anchor() {
    let world = world();
    let trust = world.strict(&[Authority::origin_ca().sign(Leaf::of(&[HOST]))]);
    let PathVerdict::UnknownIssuer { name_of: Some(AnchorKind::OriginCa), issuer } = &trust.path else {
        panic!("{:?}", trust.path)
    };
    assert_eq!(issuer, "CloudFlare Origin SSL ECC Certificate Authority");
}

#[test]
fn leaves_that_are_no_server_certificates() {
    let world = world();
    for leaf in [Leaf::of(&[HOST]).self_signed(), Leaf::of(&[HOST]).ca().self_signed()] {
        assert_eq!(world.strict(std::slice::from_ref(&leaf)).path, PathVerdict::SelfSigned);
        let trusting = TrustInputs { extra_roots: vec![leaf.der.clone().unwrap()], origin_ca: None };
        let question = Question {
            policy: Policy::FullStrict,
            chain: std::slice::from_ref(&leaf),
            requested: HOST,
            target: None,
            at: NOW,
            roots: &trusting,
        };
        assert_eq!(judge(&question).accepted(), Some(true), "given as a root");
    }
    let path = |leaf| world.strict(&[world.public.sign(leaf)]).path;
    assert_eq!(path(Leaf::of(&[HOST]).for_clients()), PathVerdict::NotAServerCertificate);
    assert_eq!(path(Leaf::of(&[HOST]).ca()), PathVerdict::CaUsedAsLeaf);
}

#[test]
fn a_ca_that_may_not_issue_for_the_name() {
    let world = world();
    let mut bound = rcgen::CertificateParams::default();
    bound.distinguished_name.push(rcgen::DnType::CommonName, "Bound");
    bound.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    bound.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("example.org".into())],
        excluded_subtrees: Vec::new(),
    });
    let bound = world.public.intermediate_with(bound);
    let trust = world.strict(&[bound.sign(Leaf::of(&[HOST])), bound.certificate.clone()]);
    assert!(matches!(trust.path, PathVerdict::ConstraintViolated(_)), "{:?}", trust.path);
    assert_eq!(trust.accepted(), Some(false));
}

#[test]
fn the_common_name_and_the_target_count_for_cloudflare_only() {
    let world = world();
    let only_common_name = [world.public.sign(Leaf::of(&[]).common_name("*.example.com"))];
    let strict = world.strict(&only_common_name);
    assert!(
        matches!(&strict.name, NameVerdict::Covered { field: Field::CommonName, by, .. } if by == "*.example.com"),
        "{:?}",
        strict.name
    );
    assert_eq!(strict.accepted(), Some(true));
    assert_eq!(world.at(Policy::PublicWeb, &only_common_name, NOW).accepted(), Some(false));
    let target = [world.public.sign(Leaf::of(&["*.example.net"]))];
    assert!(matches!(&world.strict(&target).name, NameVerdict::Covered { name, .. } if name == TARGET));
    assert_eq!(world.at(Policy::PublicWeb, &target, NOW).accepted(), Some(false));
}

#[test]
fn what_ring_cannot_verify_is_not_called_bad() {
    let world = world();
    let fixtures = [
        include_bytes!("../../evidence/certificate/fixtures/p521.pem").as_slice(),
        include_bytes!("../../evidence/certificate/fixtures/rsa1024.pem"),
        include_bytes!("../../evidence/certificate/fixtures/ed448.pem"),
        include_bytes!("../../evidence/certificate/fixtures/pss.pem"),
    ];
    for pem in fixtures {
        // Such a CA, trusted, above a leaf of ours that names it as issuer.
        let ca = Certificate::parse_pem_chain(pem).unwrap().remove(0);
        assert_eq!(world.strict(std::slice::from_ref(&ca)).path, PathVerdict::SelfSigned);
        let linked = [0, 1];
        let chain = [Leaf::of(&[HOST]).self_signed(), ca];
        let question = Question {
            policy: Policy::FullStrict,
            chain: &chain,
            requested: HOST,
            target: None,
            at: NOW,
            roots: &world.roots,
        };
        let verdict = super::path::read(&webpki::Error::InvalidSignatureForPublicKey, &question, &linked, &[]);
        assert!(matches!(verdict, PathVerdict::CannotVerify(_)), "{verdict:?}");
    }
}

#[test]
fn reports_are_judged_by_the_issuers_name_and_junk_by_nothing() {
    let world = world();
    let reported = Certificate { issuer: "Cloudflare Origin CA".into(), ..Certificate::default() };
    let trust = world.strict(&[reported]);
    assert_eq!((trust.accepted(), trust.anchor()), (None, Some(AnchorKind::OriginCa)));
    assert!(matches!(trust.name, NameVerdict::Unknown(_)));
    let late = Certificate { not_after: Some(NOW - Duration::days(1)), ..Certificate::default() };
    assert_eq!(world.strict(&[late]).dates, [expired(0, 1)]);
    let junk = world.strict(&[Certificate::parse(b"junk")]);
    assert!(matches!(junk.path, PathVerdict::Unreadable(_)));
    assert_eq!(junk.accepted(), None);
    assert_eq!(world.strict(&[]).path, PathVerdict::Absent);
    let half =
        [world.public.sign(Leaf::of(&[HOST])), Certificate { der: Some(Der(vec![0x30])), ..Certificate::default() }];
    assert_eq!(world.strict(&half).accepted(), Some(true), "junk behind a sound leaf");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_certificates_are_never_trusted_and_never_panic(at in 0_usize..400, with in 1_u8..=255) {
        let world = world();
        let mut der = world.public.sign(Leaf::of(&[HOST])).der.unwrap().0;
        let place = at % der.len();
        der[place] ^= with;
        let trust = world.strict(&[Certificate::parse(&der), world.public.certificate.clone()]);
        prop_assert_ne!(trust.accepted(), Some(true));
    }
}
