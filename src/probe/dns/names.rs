//! Names that are the same for many hosts, looked up once: a zone's name servers and where they are, what the parents
//! of a host say, an origin behind many hosts, and the resolver itself.
//!
//! What is kept is the server's own message with its own TTLs, for no longer than these and than [`LONGEST`]. Only
//! answers are kept (records, or that there are none), never a failure: that may be ours. Who asks while another asks
//! the same waits for that answer, and asks himself when none comes.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cfdoctor_checks::evidence::dns::Lookup;
use cfdoctor_checks::evidence::tls::TrustInputs;
use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RData, RecordType};
use hickory_resolver::TokioResolver;
use tokio::sync::watch;
use tokio::time::Instant;

use super::message::{Question, failure};
use super::server::Server;
use crate::settings::{Family, ResolverChoice, Settings};

/// However long a TTL is: what is mended shows in a run that goes on.
const LONGEST: Duration = Duration::from_secs(60);
/// A denial without SOA has no TTL of its own.
const WITHOUT_SOA: Duration = Duration::from_secs(5);
/// Messages kept; a message has at most a few KiB.
const MOST: usize = 2048;

/// The names of a run.
#[derive(Default)]
pub struct Names {
    slots: Mutex<HashMap<Key, Slot>>,
    resolver: Mutex<Option<(Means, Instant, Vec<Server>)>>,
    system: Mutex<Option<(Instant, TokioResolver)>>,
}

/// What the servers of `--resolver` depend on.
struct Means(ResolverChoice, Family, TrustInputs);

/// Who is asked, what, and how.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    of: Arc<str>,
    name: Name,
    kind: RecordType,
    unchecked: bool,
}

enum Slot {
    Kept(Arc<Message>, Instant),
    /// Somebody is asking; the sender is gone when there is no answer.
    Asked(watch::Receiver<Option<Arc<Message>>>),
}

/// What is known of a question.
enum Known {
    Answer(Arc<Message>),
    Waiting(watch::Receiver<Option<Arc<Message>>>),
    /// Ask, and tell.
    Nothing(Asking),
    /// Ask for yourself: there is no room.
    Full,
}

/// The right to ask; when it is dropped without an answer, whoever waits asks himself.
struct Asking {
    names: Arc<Names>,
    key: Key,
    tell: watch::Sender<Option<Arc<Message>>>,
}

impl Names {
    /// The answer to `question` of the servers called `of`: a kept one, one that another visit is waiting for, or that
    /// of `ask`.
    pub(super) async fn answer(
        self: &Arc<Self>,
        of: &Arc<str>,
        question: &Question,
        ask: impl Future<Output = Result<Message, Lookup>>,
    ) -> Result<Message, Lookup> {
        let key = Key {
            of: of.clone(),
            name: question.name.to_lowercase(),
            kind: question.kind,
            unchecked: question.manner.unchecked,
        };
        match self.known(key) {
            Known::Answer(answer) => Ok((*answer).clone()),
            Known::Waiting(mut answer) => match answer.wait_for(Option::is_some).await.map(|found| found.clone()) {
                Ok(Some(answer)) => Ok((*answer).clone()),
                _ => ask.await,
            },
            Known::Nothing(asking) => {
                let answer = ask.await?;
                asking.tell(&answer);
                Ok(answer)
            }
            Known::Full => ask.await,
        }
    }

    fn known(self: &Arc<Self>, key: Key) -> Known {
        let mut slots = self.slots();
        let now = Instant::now();
        match slots.get(&key) {
            Some(Slot::Kept(answer, until)) if *until > now => return Known::Answer(answer.clone()),
            Some(Slot::Asked(answer)) if answer.has_changed().is_ok() => return Known::Waiting(answer.clone()),
            _ => {}
        }
        if slots.len() >= MOST && !slots.contains_key(&key) {
            slots.retain(|_, slot| match slot {
                Slot::Kept(_, until) => *until > now,
                Slot::Asked(answer) => answer.has_changed().is_ok(),
            });
            if slots.len() >= MOST {
                return Known::Full;
            }
        }
        let (tell, answer) = watch::channel(None);
        slots.insert(key.clone(), Slot::Asked(answer));
        Known::Nothing(Asking { names: self.clone(), key, tell })
    }

    /// The servers that `--resolver` means, found not long ago.
    pub(super) fn resolver(&self, settings: &Settings) -> Option<Vec<Server>> {
        let kept = self.resolver.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, at, servers) = kept.as_ref()?;
        let Means(resolver, family, trust) = of;
        let same = *resolver == settings.resolver && *family == settings.family && *trust == settings.trust;
        (same && at.elapsed() < LONGEST).then(|| servers.clone())
    }

    /// Keeps the servers that `--resolver` means.
    pub(super) fn keep_resolver(&self, settings: &Settings, servers: &[Server]) {
        let mut kept = self.resolver.lock().unwrap_or_else(PoisonError::into_inner);
        let means = Means(settings.resolver.clone(), settings.family, settings.trust.clone());
        *kept = Some((means, Instant::now(), servers.to_vec()));
    }

    /// The system's own resolver, which keeps no answers.
    ///
    /// # Errors
    /// The system has none.
    pub(super) fn system(&self) -> Result<TokioResolver, hickory_net::NetError> {
        let mut kept = self.system.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, resolver)) = kept.as_ref()
            && at.elapsed() < LONGEST
        {
            return Ok(resolver.clone());
        }
        let mut builder = TokioResolver::builder_tokio()?;
        builder.options_mut().cache_size = 0;
        let resolver = builder.build()?;
        *kept = Some((Instant::now(), resolver.clone()));
        Ok(resolver)
    }

    /// Forgets everything.
    pub(crate) fn forget(&self) {
        self.slots().clear();
        *self.resolver.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *self.system.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<Key, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asking {
    fn tell(self, answer: &Message) {
        let Some(time) = lifetime(answer) else { return };
        let answer = Arc::new(answer.clone());
        self.names.slots().insert(self.key.clone(), Slot::Kept(answer.clone(), Instant::now() + time));
        self.tell.send_replace(Some(answer));
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut slots = self.names.slots();
        if matches!(slots.get(&self.key), Some(Slot::Asked(answer)) if answer.same_channel(&self.tell.subscribe())) {
            slots.remove(&self.key);
        }
    }
}

/// How long an answer may be told to others; `None`: it is no answer.
fn lifetime(answer: &Message) -> Option<Duration> {
    if failure(answer).is_some() || answer.metadata.truncation {
        return None;
    }
    let records = answer.answers.iter().map(|record| record.ttl);
    // RFC 2308 §5: a denial lives as long as the SOA beside it and its last field say.
    let denials = answer.authorities.iter().filter_map(|record| match &record.data {
        RData::SOA(soa) => Some(record.ttl.min(soa.minimum)),
        _ => None,
    });
    let seconds = if answer.answers.is_empty() { denials.min() } else { records.min() };
    Some(seconds.map_or(WITHOUT_SOA, |seconds| Duration::from_secs(seconds.into())).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use cfdoctor_checks::evidence::Gathered;
    use futures_util::future::join_all;
    use hickory_proto::op::ResponseCode;
    use hickory_proto::rr::Record;
    use hickory_proto::rr::rdata::A;

    use super::super::Asker;
    use super::super::message::Manner;
    use super::*;
    use crate::demo::name_server::World;
    use crate::probe::budget::Budget;

    fn question(name: &str) -> Question {
        Question { name: Name::from_ascii(name).unwrap(), kind: RecordType::A, manner: Manner::PLAIN.shared() }
    }

    fn message(ttl: u32) -> Message {
        let mut message = Message::query();
        message.answers.push(Record::from_rdata(
            Name::from_ascii("a.test.").unwrap(),
            ttl,
            RData::A(A::new(192, 0, 2, 1)),
        ));
        message
    }

    /// An answer after a while, counted.
    async fn slowly(asked: &AtomicUsize, answer: Result<Message, Lookup>) -> Result<Message, Lookup> {
        asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(100)).await;
        answer
    }

    impl Names {
        /// As if so much time had passed.
        fn age(&self, by: Duration) {
            for slot in self.slots().values_mut() {
                if let Slot::Kept(_, until) = slot {
                    *until = until.checked_sub(by).unwrap();
                }
            }
        }
    }

    #[tokio::test]
    async fn many_ask_once_and_get_the_ttl_as_sent() {
        let (names, of, asked) = (Arc::new(Names::default()), Arc::from("192.0.2.53"), AtomicUsize::new(0));
        let question = question("A.test.");
        let answers = join_all((0..20).map(|_| names.answer(&of, &question, slowly(&asked, Ok(message(50)))))).await;
        assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|answer| answer.answers[0].ttl == 50)));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        names.age(Duration::from_secs(20));
        let again = names.answer(&of, &question, slowly(&asked, Err(Lookup::TimedOut))).await.unwrap();
        assert_eq!((again.answers[0].ttl, asked.load(Ordering::SeqCst)), (50, 1));
        let other = names.answer(&Arc::from("192.0.2.54"), &question, slowly(&asked, Ok(message(1)))).await.unwrap();
        assert_eq!(other.answers[0].ttl, 1, "another resolver, another answer");
        names.age(Duration::from_secs(31));
        let fresh = names.answer(&of, &question, slowly(&asked, Ok(message(7)))).await.unwrap();
        assert_eq!(fresh.answers[0].ttl, 7, "its time was over");
        names.forget();
        assert!(names.answer(&of, &question, slowly(&asked, Err(Lookup::TimedOut))).await.is_err());
    }

    #[tokio::test]
    async fn what_may_be_our_failure_is_nobody_elses() {
        let (names, of, asked) = (Arc::new(Names::default()), Arc::from("192.0.2.53"), AtomicUsize::new(0));
        let question = question("a.test.");
        let mut servfail = message(60);
        servfail.metadata.response_code = ResponseCode::ServFail;
        for bad in [Err(Lookup::TimedOut), Ok(servfail)] {
            let first = names.answer(&of, &question, slowly(&asked, bad));
            // Nobody gets past the barrier before all three ask.
            let barrier = tokio::sync::Barrier::new(3);
            let at_once = || async {
                barrier.wait().await;
                Ok(message(0))
            };
            let others = join_all((0..3).map(|_| names.answer(&of, &question, at_once())));
            let others = tokio::time::timeout(Duration::from_secs(30), others);
            let (_, others) = tokio::join!(first, others);
            assert!(others.unwrap().iter().all(Result::is_ok), "they ask themselves, and at once");
        }
        // Who asks may be interrupted.
        let first = names.answer(&of, &question, std::future::pending());
        let first = tokio::time::timeout(Duration::from_millis(50), first);
        let (first, second) = tokio::join!(first, names.answer(&of, &question, slowly(&asked, Ok(message(60)))));
        assert!(first.is_err() && second.is_ok());
        assert!(names.slots().values().all(|slot| matches!(slot, Slot::Kept(..))));
    }

    #[tokio::test]
    async fn it_is_bounded_in_size_and_time() {
        let (names, of, asked) = (Arc::new(Names::default()), Arc::from("192.0.2.53"), AtomicUsize::new(0));
        for n in 0..MOST + 10 {
            let question = question(&format!("h{n}.test."));
            names.answer(&of, &question, async { Ok(message(86_400)) }).await.unwrap();
        }
        assert_eq!(names.slots().len(), MOST);
        names.age(LONGEST);
        names.answer(&of, &question("h0.test."), slowly(&asked, Ok(message(300)))).await.unwrap();
        names.answer(&of, &question("new.test."), slowly(&asked, Ok(message(300)))).await.unwrap();
        assert_eq!((asked.load(Ordering::SeqCst), names.slots().len()), (2, 2));
    }

    #[tokio::test]
    async fn a_second_host_of_the_zone_costs_its_own_questions_only() {
        const HOUSE: &str = "@ 3600 IN NS ns1\n ns1 3600 IN A 127.0.0.1\n a 300 IN A 192.0.2.1\n b 300 IN A 192.0.2.2";
        let server = World::default().zone("example.test.", HOUSE).serve().await.unwrap();
        let authority = World::default().zone("example.test.", HOUSE).authority().serve().await.unwrap();
        let settings = Settings {
            resolver: ResolverChoice::Udp(server.address),
            authority_port: authority.address.port(),
            ..Settings::default()
        };
        let mut zones = Vec::new();
        for host in ["a.example.test", "b.example.test"] {
            let asker = Asker::new(&settings, &Budget::quiet(Duration::from_secs(20))).await;
            asker.chain(host).await;
            let around = asker.surroundings(host).await;
            assert_eq!(around.views.len(), 1);
            assert!(matches!(&around.caa, Gathered::Found(search) if search.steps.len() == 2));
            zones.push(around.zone);
        }
        assert_eq!(zones[0], zones[1]);
        let asked = server.asked();
        let about = |part: &str| asked.iter().filter(|line| line.contains(part)).count();
        assert_eq!((about("a.example.test A"), about("b.example.test A")), (2, 2), "A and AAAA: {asked:?}");
        assert_eq!((about("a.example.test SOA"), about("b.example.test SOA")), (1, 1));
        assert_eq!((about("a.example.test CAA"), about("b.example.test CAA")), (1, 1));
        assert_eq!(asked.len() - 8, 4, "NS, DS, CAA of the zone, and its server, once: {asked:?}");
        let views = authority.asked().iter().filter(|line| line.starts_with("b.example.test")).count();
        assert_eq!(views, 2, "the zone's server is asked about each host");
    }
}
