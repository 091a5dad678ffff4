//! Connections: bounded in number, head and life; and the end of them all.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::answer::answer;
use super::{Exporter, Running};

/// Connections at the same time; further ones wait in the system's queue.
const MAX_CONNECTIONS: usize = 512;
/// Octets of a request's head.
const MAX_HEAD: usize = 16 * 1024;
/// Fields of it.
const MAX_FIELDS: usize = 64;
/// From the first octet of a head, or the end of the answer before, to the end of the head.
const HEAD_LIMIT: Duration = Duration::from_secs(30);
/// A connection that is older ends after its answer, and once more so old at once: who reads nothing holds no place.
const LIFETIME: Duration = Duration::from_secs(600);
/// After the interruption of the running probes, for their answers.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Serves until the first word of `stop`: then nothing new is taken, and what runs may go on for [`Exporter::grace`], or
/// until the second word.
pub async fn run(listener: TcpListener, exporter: Exporter, mut stop: mpsc::Receiver<()>) {
    let grace = exporter.grace;
    let running = Arc::new(Running::new(exporter));
    let (closing, closed) = watch::channel(false);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = stop.recv() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&running), closed.clone()));
                }
                // The peer is gone already, or the system is out of descriptors for now.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
        }
    }
    drop(listener);
    // Nobody is listening where no connection is.
    let _ = closing.send(true);
    tracing::info!(connections = connections.len(), "stopping");
    let patience = async {
        tokio::select! {
            () = tokio::time::sleep(grace) => {}
            Some(()) = stop.recv() => {}
        }
    };
    tokio::select! {
        () = ended(&mut connections) => return,
        () = patience => {}
    }
    running.interrupt.send_replace(true);
    let _ = tokio::time::timeout(LAST_WORDS, ended(&mut connections)).await;
    connections.shutdown().await;
}

async fn ended(connections: &mut JoinSet<()>) {
    while connections.join_next().await.is_some() {}
}

/// One connection. A client that goes away ends what it has asked for.
async fn connection(stream: TcpStream, running: Arc<Running>, mut closing: watch::Receiver<bool>) {
    // A system that refuses is just slower.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let running = Arc::clone(&running);
        async move { Ok::<_, Infallible>(answer(&running, &request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_FIELDS)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = closing.wait_for(|closing| *closing) => {}
        () = tokio::time::sleep(LIFETIME) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(LIFETIME, connection).await;
}
