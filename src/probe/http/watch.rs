//! A stream that is watched: what came first, how much came, and how it broke. Libraries above it tell less.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use cfdoctor_checks::evidence::http::Failure;
use cfdoctor_checks::evidence::text;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Octets kept from the beginning.
const FIRST: usize = 60;

/// What was seen on a stream; clones see the same.
#[derive(Clone, Default)]
pub(super) struct Watch(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    first: Vec<u8>,
    read: u64,
    allowed: u64,
    fault: Option<Failure>,
}

impl Watch {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first octets.
    pub(super) fn first(&self) -> Vec<u8> {
        self.seen().first.clone()
    }

    /// How many octets came so far.
    pub(super) fn read(&self) -> u64 {
        self.seen().read
    }

    /// Lets `more` octets come from here on; beyond that the stream fails.
    pub(super) fn allow(&self, more: u64) {
        let mut seen = self.seen();
        seen.allowed = seen.allowed.max(seen.read + more);
    }

    /// How the stream broke, if it did.
    pub(super) fn fault(&self) -> Option<Failure> {
        self.seen().fault.clone()
    }

    fn note(&self, octets: &[u8]) -> io::Result<()> {
        let mut seen = self.seen();
        let room = FIRST - seen.first.len();
        seen.first.extend_from_slice(&octets[..octets.len().min(room)]);
        seen.read += octets.len() as u64;
        if seen.read > seen.allowed {
            seen.fault.get_or_insert(Failure::TooLarge { why: "far more octets than one answer may have".into() });
            return Err(io::ErrorKind::Other.into());
        }
        Ok(())
    }

    fn note_fault(&self, error: &io::Error) {
        self.seen().fault.get_or_insert_with(|| failure(error));
    }
}

/// A stream with a [`Watch`] on it.
pub(super) struct Watched<S> {
    inner: S,
    watch: Watch,
}

impl<S> Watched<S> {
    pub(super) fn new(inner: S) -> (Self, Watch) {
        let watch = Watch::default();
        (Watched { inner, watch: watch.clone() }, watch)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let done = ready!(Pin::new(&mut this.inner).poll_read(cx, buffer));
        Poll::Ready(match done {
            Ok(()) => this.watch.note(&buffer.filled()[before..]),
            Err(error) => {
                this.watch.note_fault(&error);
                Err(error)
            }
        })
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, octets)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

/// A broken stream, typed.
pub(super) fn failure(error: &io::Error) -> Failure {
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return Failure::Tls { why: text::shorten(&tls.to_string(), 200) };
    }
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Failure::Reset,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::NotConnected => Failure::Closed,
        _ => Failure::Protocol { why: text::shorten(&error.to_string(), 200) },
    }
}
