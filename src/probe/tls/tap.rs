//! The stream below TLS: keeps the first octets that came, and does not let a failed write hide what is left to read.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::recorder::lock;
use crate::probe::dial::BoxedIo;

/// Octets kept of what came first: enough to tell what speaks there.
const MAX_HEAD: usize = 512;

/// What the tap saw; clones share it.
#[derive(Clone, Default)]
pub(super) struct Traces(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    head: Vec<u8>,
    write_refused: bool,
}

impl Traces {
    /// The first octets that came.
    pub(super) fn head(&self) -> Vec<u8> {
        lock(&self.0).head.clone()
    }

    /// Did the peer's system refuse what we wrote? That is a reset, whatever reading says afterwards.
    pub(super) fn write_refused(&self) -> bool {
        lock(&self.0).write_refused
    }
}

/// A stream that keeps [`Traces`].
pub(super) struct Tap {
    io: BoxedIo,
    traces: Traces,
    head_is_full: bool,
    deaf: bool,
}

impl Tap {
    pub(super) fn new(io: BoxedIo, traces: Traces) -> Self {
        Tap { io, traces, head_is_full: false, deaf: false }
    }

    /// A peer that sends an alert and goes makes our next write fail; the alert is still there to be read. So the
    /// write is taken as done, and reading brings the alert, or the end.
    fn forgive(&mut self, length: usize, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match result {
            Poll::Ready(Err(error)) if is_reset(&error) => {
                self.deaf = true;
                lock(&self.traces.0).write_refused = true;
                Poll::Ready(Ok(length))
            }
            other => other,
        }
    }
}

/// The other side is gone, or its system says that it knows of no such connection.
pub(super) fn is_reset(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe
    )
}

impl AsyncRead for Tap {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let result = Pin::new(&mut this.io).poll_read(cx, buf);
        if !this.head_is_full {
            let came = buf.filled().get(before..).unwrap_or_default();
            let mut seen = lock(&this.traces.0);
            let room = MAX_HEAD.saturating_sub(seen.head.len());
            seen.head.extend(came.iter().take(room));
            this.head_is_full = seen.head.len() >= MAX_HEAD;
        }
        result
    }
}

impl AsyncWrite for Tap {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.deaf {
            return Poll::Ready(Ok(buf.len()));
        }
        let result = Pin::new(&mut this.io).poll_write(cx, buf);
        this.forgive(buf.len(), result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let length = bufs.iter().map(|buf| buf.len()).sum();
        if this.deaf {
            return Poll::Ready(Ok(length));
        }
        let result = Pin::new(&mut this.io).poll_write_vectored(cx, bufs);
        this.forgive(length, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.deaf { Poll::Ready(Ok(())) } else { Pin::new(&mut this.io).poll_flush(cx) }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.deaf { Poll::Ready(Ok(())) } else { Pin::new(&mut this.io).poll_shutdown(cx) }
    }
}
