//! A message of a name server, as the library reads it and as we understand it.

use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;

use super::follow::{MAX_HOPS, Way};
use super::message::{Manner, Question, addresses, caa_records, failure, name_of, rcode, text_of};
use crate::fuzzing::harmless;

/// A whole message.
pub(crate) fn message(octets: &[u8]) {
    if let Ok(text) = std::str::from_utf8(octets)
        && let Ok(name) = name_of(text)
    {
        harmless(&text_of(&name));
    }
    let Ok(answer) = Message::from_vec(octets) else { return };
    let shown = |what: &dyn std::fmt::Debug| assert!(format!("{what:?}").len() < 64 * 1024);
    rcode(&answer);
    if let Some(lookup) = failure(&answer) {
        harmless(&lookup.describe());
        shown(&lookup);
    }
    let lookup = addresses(&answer.answers, answer.metadata.authentic_data);
    harmless(&lookup.describe());
    shown(&lookup);
    for record in caa_records(&answer.answers) {
        harmless(&record.tag);
        harmless(&record.value);
        shown(&record);
    }
    for query in answer.queries.iter().take(4) {
        let name = text_of(query.name());
        harmless(&name);
        assert!(name.chars().count() <= 256, "{name}");
        let question = Question { name: query.name().clone(), kind: RecordType::A, manner: Manner::PLAIN };
        question.matches(&answer);
        let mut way = Way::new(query.name());
        way.take(&answer, None);
        assert!(way.hops.len() <= MAX_HOPS + 1);
        for hop in &way.hops {
            harmless(&hop.from);
            harmless(&hop.to);
        }
    }
}
