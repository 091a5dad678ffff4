//! The encrypted stream, and what is learnt on it after the handshake.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use cfdoctor_checks::evidence::tls::{ClientCertificate, Handshake, TlsOutcome, alert_name};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

use super::outcome;
use super::recorder::{Answered, lock};
use super::tap::{Tap, Traces, is_reset};

/// A completed TLS connection.
pub struct TlsIo {
    inner: TlsStream<Tap>,
    traces: Traces,
    notes: Notes,
}

/// What went wrong on a [`TlsIo`] after the handshake; clones share it and outlive the stream.
#[derive(Clone, Debug, Default)]
pub struct Notes(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    /// The server went on after our part of the handshake: it sent data, or a ticket for the next visit.
    went_on: bool,
    fault: Option<Fault>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    Alert(u8),
    /// Closed or reset.
    Gone,
    Other,
}

impl Notes {
    /// The fatal alert that came after the handshake, if one did.
    pub fn alert(&self) -> Option<u8> {
        match lock(&self.0).fault {
            Some(Fault::Alert(code)) => Some(code),
            _ => None,
        }
    }

    /// An alert says more than the end that follows it; otherwise what came first is the cause.
    fn note(&self, fault: Fault) {
        let mut noted = lock(&self.0);
        if noted.fault.is_none() || matches!(fault, Fault::Alert(_)) {
            noted.fault = Some(fault);
        }
    }
}

/// Corrects a completed handshake by what came when the connection was used.
///
/// In TLS 1.3 the server looks at the client's certificate after the client is done, so its refusal meets the first
/// read: an alert, or just the end. What happens once the server has sent data is no longer a matter of the
/// handshake, unless it speaks of the client's certificate.
pub fn apply_late_fault(handshake: &mut Handshake, notes: &Notes) {
    let (went_on, fault) = {
        let noted = lock(&notes.0);
        (noted.went_on, noted.fault.clone())
    };
    let answered = match handshake.client_certificate {
        ClientCertificate::Asked => Some(Answered::Empty),
        ClientCertificate::Sent => Some(Answered::Sent),
        _ => None,
    };
    if handshake.outcome != TlsOutcome::Completed {
        return;
    }
    match fault {
        Some(Fault::Alert(code)) => {
            let about_certificate = answered.is_some() && outcome::speaks_of_client_certificate(code);
            if went_on && !about_certificate {
                return;
            }
            handshake.outcome = TlsOutcome::Alert { code, name: alert_name(code).into(), after_handshake: true };
            handshake.client_certificate = outcome::client_certificate(answered, &handshake.outcome);
        }
        Some(Fault::Gone) if !went_on && answered.is_some() => {
            handshake.client_certificate = outcome::client_certificate(answered, &TlsOutcome::Closed);
        }
        _ => {}
    }
}

impl TlsIo {
    pub(super) fn new(inner: TlsStream<Tap>, traces: Traces) -> Self {
        TlsIo { inner, traces, notes: Notes::default() }
    }

    /// What [`apply_late_fault`] needs, also after the stream is gone.
    pub fn notes(&self) -> Notes {
        self.notes.clone()
    }

    fn note_error(&self, error: &io::Error) {
        self.note_tickets();
        self.notes.note(match outcome::inner(error) {
            Some(inner) => outcome::alert(inner).map_or(Fault::Other, Fault::Alert),
            None if is_reset(error) || error.kind() == io::ErrorKind::UnexpectedEof || self.traces.write_refused() => {
                Fault::Gone
            }
            None => Fault::Other,
        });
    }

    /// A server gives tickets to clients that it has accepted.
    fn note_tickets(&self) {
        if self.inner.get_ref().1.tls13_tickets_received() > 0 {
            lock(&self.notes.0).went_on = true;
        }
    }
}

impl AsyncRead for TlsIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let (before, room) = (buf.filled().len(), buf.remaining());
        let result = Pin::new(&mut this.inner).poll_read(cx, buf);
        match &result {
            Poll::Ready(Ok(())) if buf.filled().len() > before => lock(&this.notes.0).went_on = true,
            Poll::Ready(Ok(())) if room > 0 => {
                this.note_tickets();
                this.notes.note(Fault::Gone);
            }
            Poll::Ready(Err(error)) => this.note_error(error),
            _ => {}
        }
        result
    }
}

impl AsyncWrite for TlsIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.inner).poll_write(cx, buf);
        if let Poll::Ready(Err(error)) = &result {
            this.note_error(error);
        }
        result
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.inner).poll_write_vectored(cx, bufs);
        if let Poll::Ready(Err(error)) = &result {
            this.note_error(error);
        }
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}
