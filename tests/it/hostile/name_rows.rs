//! What hostile name servers say, row by row.

use super::doctor::{Case, all_survive};
use super::names::{A, ASKED, CNAME, CUT, NXDOMAIN, OK, Question, REFUSED, SERVFAIL, Speak, record, serve, soa};
use super::status;

const NS: u16 = 2;
const TXT: u16 = 16;
const OPT: u16 = 41;
const CAA: u16 = 257;

fn cname(target: &[u8]) -> Vec<u8> {
    record(ASKED, CNAME, 60, target)
}

/// A message with its length before it.
fn framed(message: Vec<u8>) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes()[..], &message].concat()
}

fn many_addresses(count: u16) -> Vec<Vec<u8>> {
    (0..count).map(|n| record(ASKED, A, 60, &[127, 1, (n >> 8) as u8, n as u8])).collect()
}

/// The server of `question`, but for this about the zone's name servers.
fn delegated(q: &Question, servers: &[&[u8]]) -> Vec<u8> {
    let records: Vec<Vec<u8>> = servers.iter().map(|name| record(ASKED, NS, 60, name)).collect();
    if q.kind == NS { q.reply(OK, &records, &[]) } else { q.sound() }
}

/// Name, answers over UDP and over TCP, what the evidence then says.
type Row = (&'static str, Speak, Option<Speak>, &'static str);

const ROWS: &[Row] = &[
    ("silence", |_| vec![], None, "timed-out"),
    ("octets of chance", |_| vec![(0..=255).collect()], None, "\"resolver\""),
    ("an empty message", |_| vec![vec![]], None, "\"resolver\""),
    ("a head and no more", |q| vec![[&q.id[..], &[0x81, 0x80], &[0; 8]].concat()], None, "\"resolver\""),
    ("half a head", |q| vec![q.id.to_vec()], None, "\"resolver\""),
    (
        "another's id",
        |q| vec![Question { id: [q.id[0], !q.id[1]], body: q.body.clone(), kind: q.kind }.sound()],
        None,
        "timed-out",
    ),
    (
        "another question",
        |q| {
            let body = b"\x04evil\x07example\0\0\x01\0\x01".to_vec();
            vec![Question { body, ..Question { id: q.id, body: vec![], kind: q.kind } }.sound()]
        },
        None,
        "\"resolver\"",
    ),
    ("a question as an answer", |q| vec![q.reply(0x0100, &[], &[])], None, "\"resolver\""),
    (
        "a thousand wrong answers first",
        |q| {
            let wrong = Question { id: [!q.id[0], q.id[1]], body: q.body.clone(), kind: q.kind }.sound();
            let mut all = vec![wrong; 1000];
            all.push(q.sound());
            all
        },
        None,
        "\"resolver\"",
    ),
    ("a thousand right answers", |q| vec![q.sound(); 1000], None, "127.0.0.1"),
    ("a thousand denials", |q| vec![q.reply(NXDOMAIN, &[], &[soa()]); 1000], None, "nx-domain"),
    (
        "a pointer to itself",
        |q| vec![q.reply(OK, &[cname(&[0xc0, q.body.len() as u8 + 24])], &[])],
        None,
        "\"resolver\"",
    ),
    ("a pointer beyond the end", |q| vec![q.reply(OK, &[cname(&[0xff, 0xff])], &[])], None, "\"resolver\""),
    ("a name without end", |q| vec![q.reply(OK, &[cname(&[63; 4000])], &[])], None, "\"resolver\""),
    ("65,535 records announced", |q| vec![q.counted(OK, u16::MAX, u16::MAX, &cname(ASKED))], None, "\"resolver\""),
    ("500 addresses", |q| vec![q.reply(OK, &many_addresses(500), &[])], None, "\"resolver\""),
    (
        "a text of 60,000 octets",
        |q| vec![q.reply(OK, &[record(ASKED, TXT, 60, &[255; 60_000])], &[])],
        None,
        "\"resolver\"",
    ),
    (
        "pointers that lead to each other",
        |q| {
            let at = q.body.len() as u8 + 24;
            vec![q.reply(OK, &[cname(&[0xc0, at + 2, 0xc0, at])], &[])]
        },
        None,
        "\"resolver\"",
    ),
    (
        "NXDOMAIN with an address",
        |q| vec![q.reply(NXDOMAIN, &[record(ASKED, A, 60, &[127, 0, 0, 1])], &[])],
        None,
        "nx-domain",
    ),
    (
        "two OPT records of another version",
        |q| {
            let opt = record(b"\0", OPT, 0x00ff_0000, &[0; 40]);
            vec![q.reply(OK, &[record(ASKED, A, 60, &[127, 0, 0, 1]), opt.clone(), opt], &[])]
        },
        None,
        "\"resolver\"",
    ),
    (
        "texts beside the address",
        |q| match q.kind {
            A => {
                vec![q.reply(OK, &[record(ASKED, TXT, 60, &[255; 30_000]), record(ASKED, A, 60, &[127, 0, 0, 1])], &[])]
            }
            _ => vec![q.sound()],
        },
        None,
        "\"resolver\"",
    ),
    (
        "cut, and a text of 65,000 octets over TCP",
        |q| vec![q.reply(CUT, &[], &[])],
        Some(|q| vec![framed(q.reply(OK, &[record(ASKED, TXT, 60, &[255; 65_000])], &[]))]),
        "\"resolver\"",
    ),
    (
        "cut, and one octet a second over TCP",
        |q| vec![q.reply(CUT, &[], &[])],
        Some(|q| framed(q.sound()).into_iter().map(|octet| vec![octet]).collect()),
        "timed-out",
    ),
    (
        "cut, and 200 answers over TCP",
        |q| vec![q.reply(CUT, &[], &[])],
        Some(|q| vec![framed(q.sound()); 200]),
        "127.0.0.1",
    ),
    (
        "a delegation to nobody",
        |q| match q.kind {
            A if q.name().starts_with("ns") => vec![q.reply(NXDOMAIN, &[], &[soa()])],
            _ => vec![delegated(q, &[b"\x03ns1\x07example\x03com\0", b"\x03ns2\x07example\x03com\0"])],
        },
        None,
        "127.0.0.1",
    ),
    (
        "a delegation to where nobody listens",
        |q| match q.kind {
            A if q.name().starts_with("ns") => vec![q.reply(OK, &[record(ASKED, A, 60, &[127, 9, 9, 9])], &[])],
            _ => vec![delegated(q, &[b"\x03ns1\x07example\x03com\0"])],
        },
        None,
        "127.0.0.1",
    ),
    ("a delegation to itself and to the root", |q| vec![delegated(q, &[ASKED, b"\0"])], None, "127.0.0.1"),
    (
        "a delegation to 1,000 servers",
        |q| {
            let names: Vec<Vec<u8>> = (0..1000_u16).map(|n| [&[2], &n.to_be_bytes()[..], ASKED].concat()).collect();
            vec![delegated(q, &names.iter().map(Vec::as_slice).collect::<Vec<_>>())]
        },
        None,
        "127.0.0.1",
    ),
    (
        "a referral to the root",
        |q| vec![q.reply(0x8100, &[], &[record(b"\0", NS, 60, b"\x01a\x04root\0")])],
        None,
        "\"resolver\"",
    ),
    ("cut, and TCP is dead", |q| vec![q.reply(CUT, &[], &[])], None, "the answer was cut, and over TCP"),
    ("cut, and TCP is silent", |q| vec![q.reply(CUT, &[], &[])], Some(|_| vec![]), "timed-out"),
    (
        "cut, and 4,000 addresses over TCP",
        |q| vec![q.reply(CUT, &[], &[])],
        Some(|q| vec![framed(q.reply(OK, &many_addresses(4000), &[]))]),
        "127.1.0.63",
    ),
    (
        "cut, and half an answer over TCP",
        |q| vec![q.reply(CUT, &[], &[])],
        Some(|_| vec![vec![0xff, 0xff, 1]]),
        "timed-out",
    ),
    (
        "cut, and nonsense over TCP",
        |q| vec![q.reply(CUT, &[], &[])],
        Some(|_| vec![vec![0xaa; 2_000_000]]),
        "\"resolver\"",
    ),
    (
        "cut over TCP too",
        |q| vec![q.reply(CUT, &[], &[])],
        Some(|q| vec![framed(q.reply(CUT, &[], &[]))]),
        "over TCP too",
    ),
    ("SERVFAIL", |q| vec![q.reply(SERVFAIL, &[], &[])], None, "serv-fail"),
    ("REFUSED", |q| vec![q.reply(REFUSED, &[], &[])], None, "refused"),
    ("a code of no meaning", |q| vec![q.reply(OK | 15, &[], &[])], None, "\"rcode\": 15"),
    ("NXDOMAIN", |q| vec![q.reply(NXDOMAIN, &[], &[soa()])], None, "nx-domain"),
    ("an alias of itself", |q| vec![q.reply(OK, &[cname(ASKED)], &[])], None, "comes back to lambda.example.com"),
    ("aliases without end", |q| vec![q.reply(OK, &[cname(&[&[1, b'a'], ASKED].concat())], &[])], None, "too-long"),
    (
        "200 aliases at once",
        |q| {
            let aliases =
                (0..200_u8).map(|n| record(&[&[1, n], ASKED].concat(), CNAME, 60, &[&[1, n + 1], ASKED].concat()));
            vec![q.reply(
                OK,
                &std::iter::once(cname(&[&[1, 0], ASKED].concat())).chain(aliases).collect::<Vec<_>>(),
                &[],
            )]
        },
        None,
        "too-long",
    ),
    ("escapes in a name", |q| vec![q.reply(OK, &[cname(b"\x0a\x1b[31mevil\x07\x03com\0")], &[])], None, "[31mevil"),
    (
        "octets that are not UTF-8 in a name",
        |q| vec![q.reply(OK, &[cname(b"\x04\xff\xfe\x80\x00\x03com\0")], &[])],
        None,
        ".com",
    ),
    (
        "escapes in CAA",
        |q| match q.kind {
            CAA => vec![q.reply(OK, &[record(ASKED, CAA, 60, b"\x80\x05issue\x1b[31mca.example\x07\xff")], &[])],
            _ => vec![q.sound()],
        },
        None,
        "[31mca.example",
    ),
    (
        "a tag of escapes in CAA",
        |q| match q.kind {
            CAA => vec![q.reply(OK, &[record(ASKED, CAA, 60, b"\0\x04\x1b[2Jx")], &[])],
            _ => vec![q.sound()],
        },
        None,
        "127.0.0.1",
    ),
    (
        "a time to live of 136 years",
        |q| vec![q.reply(OK, &[record(ASKED, A, u32::MAX, &[127, 0, 0, 1])], &[])],
        None,
        "127.0.0.1",
    ),
    ("an address of 3 octets", |q| vec![q.reply(OK, &[record(ASKED, A, 60, &[127, 0, 0])], &[])], None, "\"resolver\""),
    ("an address that is none", |q| vec![q.reply(OK, &[record(ASKED, A, 60, &[0, 0, 0, 0])], &[])], None, "0.0.0.0"),
    (
        "an address of everybody",
        |q| vec![q.reply(OK, &[record(ASKED, A, 60, &[255; 4])], &[])],
        None,
        "255.255.255.255",
    ),
];

/// Checks that have to speak, by the row's name; in every other row nothing about DNS fails.
const SPEAKS: &[(&str, &[&str])] = &[
    ("NXDOMAIN", &["dns-name-unresolvable"]),
    ("a thousand denials", &["dns-name-unresolvable"]),
    ("an alias of itself", &["dns-cname-loop"]),
    ("aliases without end", &["dns-cname-loop"]),
    ("200 aliases at once", &["dns-cname-loop"]),
    // The alias of every name is itself an alias of that name.
    ("escapes in a name", &["dns-cname-loop"]),
    ("octets that are not UTF-8 in a name", &["dns-cname-loop"]),
];

#[test]
fn name_servers() {
    let cases = ROWS.iter().map(|(name, speak, stream, says)| Case {
        resolver: Some(serve(*speak, *stream)),
        judge: Box::new(move |told| {
            let speaks = SPEAKS.iter().find(|(of, _)| *of == *name).map(|(_, ids)| *ids);
            status::spoken(told, "dns-", speaks.unwrap_or_default())
        }),
        ..Case::new(format!("{name} (DNS)"), Vec::new(), ("dns", says))
    });
    all_survive(cases.collect());
}
