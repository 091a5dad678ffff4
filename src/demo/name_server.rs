//! Name servers on loopback: zones from text, faults by name. The demo world and the tests of the DNS probe use them.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_net::runtime::Time;
use hickory_net::xfer::Protocol;
use hickory_proto::op::{Edns, Header, HeaderCounts, Message, Metadata, Query, ResponseCode};
use hickory_proto::rr::rdata::NULL;
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use hickory_proto::serialize::txt::Parser;
use hickory_server::Server;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tokio::net::{TcpListener, UdpSocket};

/// How a server misbehaves about a name.
#[derive(Clone)]
pub(crate) enum Fault {
    /// Says only this.
    Code(ResponseCode),
    /// SERVFAIL with an extended error, unless checking is disabled.
    Bogus(&'static str),
    /// Says nothing.
    Silence,
    /// Cuts the answer over UDP.
    Cut,
    /// Answers, but says that it forged the answer (RFC 8914 code 15).
    Blocked,
    /// Does not know EDNS.
    NoEdns,
}

/// What a server knows and how it behaves.
#[derive(Clone, Default)]
pub(crate) struct World {
    apexes: Vec<Name>,
    records: Vec<Record>,
    faults: HashMap<Name, Fault>,
    authority: bool,
    follows: Option<usize>,
    asked: Arc<Mutex<Vec<String>>>,
}

/// A running server; it ends when dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    _server: Server<World>,
}

impl Running {
    /// `NAME TYPE` of each question so far, `/tcp` where it came so.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl World {
    /// Adds a zone, given in the format of zone files.
    #[allow(clippy::expect_used, reason = "zones are our own constants: a wrong one must not start")]
    pub(crate) fn zone(mut self, apex: &str, text: &str) -> Self {
        let apex = Name::from_ascii(apex).expect("a zone of ours has a valid apex");
        let soa = "@ 300 IN SOA ns1 hostmaster 1 3600 600 86400 300\n";
        let text = format!("{soa}{}\n", text.lines().map(str::trim).collect::<Vec<_>>().join("\n"));
        let (_, sets) = Parser::new(text, None, Some(apex.clone())).parse().expect("a zone of ours can be read");
        self.records.extend(sets.values().flat_map(|set| set.records_without_rrsigs().cloned()));
        self.apexes.push(apex);
        self
    }

    /// Says in the parent's name that the zone is signed. The record is octets, as the library that validates signatures
    /// is no part of the program: key tag, algorithm, digest type, digest (RFC 4034 section 5.1).
    #[allow(clippy::expect_used, reason = "zones are our own constants: a wrong one must not start")]
    pub(crate) fn signed(mut self, apex: &str) -> Self {
        let apex = Name::from_ascii(apex).expect("a zone of ours has a valid apex");
        let digest = [0x1f; 32];
        let octets = [2371_u16.to_be_bytes().as_slice(), &[13, 2], &digest].concat();
        let data = RData::Unknown { code: RecordType::DS, rdata: NULL::with(octets) };
        self.records.push(Record::from_rdata(apex, 86_400, data));
        self
    }

    pub(crate) fn fault(mut self, name: &str, fault: Fault) -> Self {
        if let Ok(name) = Name::from_ascii(name) {
            self.faults.insert(name, fault);
        }
        self
    }

    /// Answers as a name server of its zones: AA, refusal of everything else.
    pub(crate) fn authority(mut self) -> Self {
        self.authority = true;
        self
    }

    /// Follows at most so many CNAMEs, and fails beyond.
    pub(crate) fn follows(mut self, hops: usize) -> Self {
        self.follows = Some(hops);
        self
    }

    /// Starts it on UDP and TCP.
    ///
    /// # Errors
    /// Loopback cannot be used.
    pub(crate) async fn serve(self) -> io::Result<Running> {
        self.serve_at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    pub(crate) async fn serve_at(self, address: SocketAddr) -> io::Result<Running> {
        // A port that is free for UDP may be taken for TCP: then another one is tried.
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind(address).await?;
            match TcpListener::bind(udp.local_addr()?).await {
                Ok(tcp) => break (udp, tcp),
                Err(error) if address.port() != 0 => return Err(error),
                Err(_) => {}
            }
        };
        let address = udp.local_addr()?;
        let asked = self.asked.clone();
        let mut server = Server::new(self);
        server.register_socket(udp);
        server.register_listener(tcp, Duration::from_secs(5), 16);
        Ok(Running { address, asked, _server: server })
    }

    /// Starts it behind TLS; with a path as DNS over HTTPS.
    #[cfg(test)]
    pub(crate) async fn serve_tls(self, config: Arc<rustls::ServerConfig>, path: Option<&str>) -> Running {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let asked = self.asked.clone();
        let mut server = Server::new(self);
        let patience = Duration::from_secs(5);
        match path {
            None => server.register_tls_listener_with_tls_config(tcp, patience, config).unwrap(),
            Some(path) => {
                server.register_https_listener_with_tls_config(tcp, patience, config, None, path.into()).unwrap();
            }
        }
        Running { address, asked, _server: server }
    }

    fn zone_of(&self, name: &Name) -> Option<&Name> {
        self.apexes.iter().filter(|apex| apex.zone_of(name)).max_by_key(|apex| apex.num_labels())
    }

    fn at<'a>(&'a self, name: &'a Name, kind: RecordType) -> impl Iterator<Item = &'a Record> {
        self.records.iter().filter(move |r| r.name == *name && r.record_type() == kind)
    }

    /// Code, answers, SOA beside a denial.
    fn answer(&self, name: &Name, kind: RecordType) -> (ResponseCode, Vec<Record>, Vec<Record>) {
        let mut at = name.clone();
        let mut answers = Vec::new();
        let home = self.zone_of(name).cloned();
        loop {
            let Some(zone) = self.zone_of(&at).cloned() else {
                let code =
                    if self.authority && answers.is_empty() { ResponseCode::Refused } else { ResponseCode::NXDomain };
                return if self.authority && !answers.is_empty() {
                    (ResponseCode::NoError, answers, Vec::new())
                } else {
                    (code, answers, Vec::new())
                };
            };
            if self.authority && home.as_ref() != Some(&zone) {
                return (ResponseCode::NoError, answers, Vec::new());
            }
            let here: Vec<Record> = self.at(&at, kind).cloned().collect();
            if !here.is_empty() {
                answers.extend(here);
                return (ResponseCode::NoError, answers, Vec::new());
            }
            let alias = self.at(&at, RecordType::CNAME).next().cloned();
            if let Some(alias) = alias {
                if answers.len() >= self.follows.unwrap_or(usize::MAX) || answers.contains(&alias) {
                    return (ResponseCode::ServFail, Vec::new(), Vec::new());
                }
                answers.push(alias.clone());
                if let RData::CNAME(target) = &alias.data {
                    at = target.0.clone();
                }
                continue;
            }
            let exists = self.records.iter().any(|record| at.zone_of(&record.name));
            let code = if exists { ResponseCode::NoError } else { ResponseCode::NXDomain };
            return (code, answers, self.at(&zone, RecordType::SOA).cloned().collect());
        }
    }
}

/// The IPv4 addresses of a name, as a client of the resolver at `resolver` gets them; none after a failure.
pub(crate) async fn look_up(resolver: SocketAddr, name: &str) -> Vec<IpAddr> {
    let work = async {
        let mut question = Message::query();
        question.add_query(Query::query(Name::from_ascii(format!("{name}.")).ok()?, RecordType::A));
        question.metadata.recursion_desired = true;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.ok()?;
        socket.connect(resolver).await.ok()?;
        socket.send(&question.to_vec().ok()?).await.ok()?;
        let mut octets = [0; 4096];
        let length = socket.recv(&mut octets).await.ok()?;
        let answer = Message::from_vec(octets.get(..length)?).ok()?;
        let addresses = answer.answers.iter().filter_map(|record| match &record.data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            _ => None,
        });
        Some(addresses.collect())
    };
    tokio::time::timeout(Duration::from_secs(2), work).await.ok().flatten().unwrap_or_default()
}

#[async_trait::async_trait]
impl RequestHandler for World {
    async fn handle_request<R: ResponseHandler, T: Time>(&self, request: &Request, mut handle: R) -> ResponseInfo {
        let Ok(info) = request.request_info() else {
            return ResponseInfo::from(Header {
                metadata: Metadata::response_from_request(&request.metadata),
                counts: HeaderCounts::default(),
            });
        };
        let (name, kind) = (Name::from(info.query.name().clone()), info.query.query_type());
        let stream = if request.protocol() == Protocol::Udp { "" } else { "/tcp" };
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(format!("{} {kind}{stream}", name.to_ascii().trim_end_matches('.')));
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.recursion_available = !self.authority;
        metadata.authoritative = self.authority;
        let (mut code, mut answers, mut authorities) = self.answer(&name, kind);
        let mut edns = Edns::new();
        edns.set_max_payload(1232);
        // A fault bites wherever the chain passes the name.
        let passed = std::iter::once(&name).chain(answers.iter().filter_map(|record| match &record.data {
            RData::CNAME(target) => Some(&target.0),
            _ => None,
        }));
        let fault = passed.filter_map(|name| self.faults.get(name)).next().cloned();
        match fault {
            Some(Fault::Silence) => {
                return ResponseInfo::from(Header { metadata, counts: HeaderCounts::default() });
            }
            Some(Fault::Code(said)) => {
                code = said;
                answers.clear();
                authorities.clear();
            }
            Some(Fault::Bogus(why)) if !request.metadata.checking_disabled => {
                code = ResponseCode::ServFail;
                answers.clear();
                edns.options_mut().insert(EdnsOption::Unknown(15, [&[0, 7], why.as_bytes()].concat()));
            }
            Some(Fault::Blocked) => edns.options_mut().insert(EdnsOption::Unknown(15, vec![0, 15])),
            Some(Fault::Cut) if request.protocol() == Protocol::Udp => {
                metadata.truncation = true;
                answers.clear();
            }
            Some(Fault::NoEdns) if request.edns.is_some() => {
                code = ResponseCode::FormErr;
                answers.clear();
            }
            _ => {}
        }
        metadata.response_code = code;
        let mut builder = MessageResponseBuilder::from_message_request(request);
        if request.edns.is_some() {
            builder.edns(&edns);
        }
        let response = builder.build(metadata, &answers, &authorities, [], []);
        let silent = Header { metadata, counts: HeaderCounts::default() };
        handle.send_response(response).await.unwrap_or_else(|_| ResponseInfo::from(silent))
    }
}
