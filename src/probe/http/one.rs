//! HTTP/1 over a stream: writes the request, reads head and body within their bounds.

use bytes::{Buf as _, BytesMut};
use cfdoctor_checks::evidence::http::{BodyEnd, Failure};
use futures_util::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::body::Collector;
use super::head::{self, Framing, Head, MAX_HEAD};
use super::request::Prepared;
use super::watch;
use crate::probe::dial::BoxedIo;

/// Octets read at once.
const STEP: usize = 8 * 1024;
/// Interim answers (1xx) before the answer.
const MAX_INTERIM: usize = 16;
/// A chunk's size line; longer ones are extensions without end.
const MAX_CHUNK_LINE: usize = 1024;
/// Octets of chunk framing and trailers for one body.
const MAX_CHUNK_FRAMING: usize = 1024 * 1024;

/// A connection that speaks HTTP/1.
pub(super) struct One {
    io: BoxedIo,
    buffer: BytesMut,
    open: bool,
}

impl One {
    pub(super) fn new(io: BoxedIo) -> Self {
        One { io, buffer: BytesMut::new(), open: true }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    pub(super) fn close(&mut self) {
        self.open = false;
    }

    /// Did the server close, or say something unasked, since the last answer?
    pub(super) fn is_stale(&mut self) -> bool {
        let mut octet = [0_u8; 1];
        if !self.open || !self.buffer.is_empty() || self.io.read(&mut octet).now_or_never().is_some() {
            self.open = false;
        }
        !self.open
    }

    /// Sends the request and reads the head of its answer.
    pub(super) async fn head(&mut self, request: &Prepared) -> Result<Head, Failure> {
        let head = self.try_head(request).await;
        self.open = head.is_ok();
        head
    }

    async fn try_head(&mut self, request: &Prepared) -> Result<Head, Failure> {
        // A server may answer, or send its TLS alert, and close before our octets arrive: reading comes first.
        let written = async {
            self.io.write_all(&request.written()).await?;
            self.io.flush().await
        };
        let unwritten = written.await.err().map(|error| watch::failure(&error));
        let mut looked = 0;
        let mut interim = 0;
        loop {
            while looked == 0 && matches!(self.buffer.first(), Some(b'\r' | b'\n')) {
                self.buffer.advance(1); // an empty line too many after the answer before
            }
            if !head::could_begin(&self.buffer) {
                return Err(head::not_http(&self.buffer));
            }
            if let Some(end) = head::end(&self.buffer, looked) {
                let octets = self.buffer.split_to(end);
                let head = Head::parse(&octets, request.method.as_str())?;
                if !head.is_interim() {
                    return Ok(head);
                }
                interim += 1;
                looked = 0;
                if interim > MAX_INTERIM {
                    return Err(Failure::Protocol { why: format!("more than {MAX_INTERIM} interim answers (1xx)") });
                }
                continue;
            }
            if self.buffer.len() > MAX_HEAD {
                return Err(Failure::TooLarge { why: "more than 64 KiB".into() });
            }
            looked = self.buffer.len();
            match self.fill().await {
                Ok(0) if self.buffer.is_empty() => return Err(unwritten.unwrap_or(Failure::Closed)),
                Ok(0) => {
                    return Err(Failure::Protocol {
                        why: format!("closed in the middle of the head, after {} octets", self.buffer.len()),
                    });
                }
                Ok(_) => {}
                Err(error) => return Err(watch::failure(&error)),
            }
        }
    }

    /// Reads the body that `head` announces.
    pub(super) async fn body(&mut self, head: &Head, into: &mut Collector) -> BodyEnd {
        self.open = false; // until it was read whole; a reader that is dropped half way leaves it so
        let end = match &head.framing {
            Framing::Nothing => BodyEnd::Complete,
            Framing::Length(length) => self.counted(*length, into).await.err().unwrap_or(BodyEnd::Complete),
            Framing::Chunked => self.chunked(into).await.err().unwrap_or(BodyEnd::Complete),
            Framing::UntilClose | Framing::Frames => self.until_close(into).await,
            Framing::Contradictory(why) => match self.until_close(into).await {
                BodyEnd::Complete => BodyEnd::Broken { why: why.clone() },
                other => other,
            },
        };
        self.open = head.persists && end == BodyEnd::Complete && self.buffer.is_empty();
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new(); // an idle connection holds no memory
        }
        end
    }

    async fn counted(&mut self, length: u64, into: &mut Collector) -> Result<(), BodyEnd> {
        let mut left = length;
        while left > 0 {
            if self.buffer.is_empty() {
                self.more(|| format!("it ended {left} octets before its announced end")).await?;
            }
            let ready = self.buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            if !into.take(&self.buffer.split_to(ready)) {
                return Err(BodyEnd::CutByUs);
            }
            left -= ready as u64;
        }
        Ok(())
    }

    async fn chunked(&mut self, into: &mut Collector) -> Result<(), BodyEnd> {
        let mut framing = 0;
        loop {
            let line = self.line(&mut framing).await?;
            let digits =
                line.as_ref().split(|octet: &u8| matches!(octet, b';' | b' ' | b'\t')).next().unwrap_or_default();
            let size = std::str::from_utf8(digits)
                .ok()
                .filter(|digits| (1..=16).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit()))
                .and_then(|digits| u64::from_str_radix(digits, 16).ok())
                .ok_or_else(|| broken("a chunk does not begin with its size"))?;
            if size == 0 {
                while !self.line(&mut framing).await?.is_empty() {}
                return Ok(());
            }
            self.counted(size, into).await?;
            if !self.line(&mut framing).await?.is_empty() {
                return Err(broken("a chunk is longer than its size"));
            }
        }
    }

    /// One line of chunk framing, without its end.
    async fn line(&mut self, framing: &mut usize) -> Result<BytesMut, BodyEnd> {
        let mut looked = 0;
        loop {
            if let Some(at) = self.buffer.iter().skip(looked).position(|octet| *octet == b'\n') {
                let mut line = self.buffer.split_to(looked + at + 1);
                *framing += line.len();
                if *framing > MAX_CHUNK_FRAMING {
                    return Err(broken("more chunk framing than body"));
                }
                line.truncate(line.len() - 1);
                if line.last() == Some(&b'\r') {
                    line.truncate(line.len() - 1);
                }
                return Ok(line);
            }
            looked = self.buffer.len();
            if looked > MAX_CHUNK_LINE {
                return Err(broken("a chunk's size line is longer than 1 KiB"));
            }
            self.more(|| "it ended between chunks, before the last one".into()).await?;
        }
    }

    async fn until_close(&mut self, into: &mut Collector) -> BodyEnd {
        loop {
            if !into.take(&self.buffer.split()) {
                return BodyEnd::CutByUs;
            }
            match self.fill().await {
                Ok(0) => return BodyEnd::Complete,
                Ok(_) => {}
                // Many servers close TLS without saying so.
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return BodyEnd::Complete,
                Err(error) => return BodyEnd::Broken { why: watch::failure(&error).describe() },
            }
        }
    }

    async fn more(&mut self, ended: impl Fn() -> String) -> Result<(), BodyEnd> {
        match self.fill().await {
            Ok(0) => Err(BodyEnd::Broken { why: ended() }),
            Ok(_) => Ok(()),
            Err(error) => Err(BodyEnd::Broken { why: format!("{}: {}", ended(), watch::failure(&error).describe()) }),
        }
    }

    async fn fill(&mut self) -> std::io::Result<usize> {
        self.buffer.reserve(STEP);
        (&mut self.io).take(STEP as u64).read_buf(&mut self.buffer).await
    }
}

fn broken(why: &str) -> BodyEnd {
    BodyEnd::Broken { why: why.into() }
}
