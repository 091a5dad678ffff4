//! A slow link at the server's side: it costs one timer for each flight, where a relay would cost two more connections.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// A connection whose server hears everything one round trip late; what follows within that time comes with it.
///
/// The client's first octets are two round trips late, as it would have waited one for its connection.
pub struct Slow {
    stream: TcpStream,
    round_trip: Duration,
    state: State,
}

enum State {
    /// Nothing is under way.
    Quiet,
    UnderWay(Pin<Box<Sleep>>),
    /// What came may be read, to the last octet.
    Arrived,
}

impl Slow {
    pub fn new(stream: TcpStream, round_trip: Duration) -> Slow {
        let state = match round_trip {
            Duration::ZERO => State::Quiet,
            _ => State::UnderWay(Box::pin(sleep(2 * round_trip))),
        };
        Slow { stream, round_trip, state }
    }
}

impl AsyncRead for Slow {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.round_trip.is_zero() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        loop {
            match &mut self.state {
                State::Quiet => {
                    ready!(self.stream.poll_read_ready(cx))?;
                    self.state = State::UnderWay(Box::pin(sleep(self.round_trip)));
                }
                State::UnderWay(arrival) => {
                    ready!(arrival.as_mut().poll(cx));
                    self.state = State::Arrived;
                }
                State::Arrived => match Pin::new(&mut self.stream).poll_read(cx, buffer) {
                    Poll::Pending => self.state = State::Quiet,
                    read => return read,
                },
            }
        }
    }
}

impl AsyncWrite for Slow {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, octets)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
