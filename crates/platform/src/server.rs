//! The listener: connections in, requests to the router, and a graceful end.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Method, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower_service::Service as _;

use crate::task;

/// How long requests in flight may take to finish once the server is told to stop.
pub const GRACE: Duration = Duration::from_secs(5);

/// How long a client may take to send the head of its next request, and so how long a connection may idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait before accepting again after the system refused a connection, for instance for want of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until `stop` says so; returns once all of them are closed, after [`GRACE`] at the latest.
pub async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, router: Router, stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let mut is_stopping = stop.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(task::boxed(serve_stream(stream, tls.clone(), router.clone(), stop.clone())));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
            () = told_to_stop(&mut is_stopping) => break,
        }
    }
    drop(listener);
    let all_closed = async { while connections.join_next().await.is_some() {} };
    // What is left after that is dropped with the set.
    let _ = tokio::time::timeout(GRACE, all_closed).await;
}

async fn serve_stream(stream: TcpStream, tls: Option<TlsAcceptor>, router: Router, stop: watch::Receiver<bool>) {
    // Answers are written whole, so there is nothing to wait for.
    let _ = stream.set_nodelay(true);
    let Some(acceptor) = tls else { return serve_connection(stream, router, stop).await };
    if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        serve_connection(stream, router, stop).await;
    }
}

async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Socket + Unpin,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    let cut = Cut::default();
    let answer = service_fn(|request: Request<Incoming>| {
        let (mut router, cut) = (router.clone(), cut.clone());
        async move {
            let mut request = overridden(request);
            request.extensions_mut().insert(cut.clone());
            let response = router.call(request).await.unwrap_or_else(|never: Infallible| match never {});
            if cut.is_requested() { Err(io::Error::from(io::ErrorKind::ConnectionReset)) } else { Ok(response) }
        }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), answer);
    // An error here is the client's: it hung up, or spoke no HTTP. There is nobody left to tell.
    tokio::select! {
        _ = &mut connection => {}
        () = told_to_stop(&mut stop) => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            let _ = (&mut connection).await;
        }
    }
    if cut.is_requested() {
        // The client is to see a reset, and not the end of a conversation.
        let _ = connection.into_parts().io.into_inner().tcp().set_zero_linger();
    }
}

/// Asks a connection to end without an answer. It travels with every request, for the faults that tests inject.
#[derive(Debug, Clone, Default)]
pub struct Cut(Arc<AtomicBool>);

impl Cut {
    /// Ends the connection once the handler of the request at hand returns.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A stream over TCP.
trait Socket {
    fn tcp(&self) -> &TcpStream;
}

impl Socket for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Socket for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Returns once the server is told to stop, or its handle is gone.
async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|is_stopping| *is_stopping).await;
}

/// Makes a `POST` with `X-HTTP-Method-Override: PATCH` a `PATCH`, before it is routed. Contract 1.3.
fn overridden(request: Request<Incoming>) -> Request<Body> {
    let (mut parts, body) = request.into_parts();
    let wanted = parts.headers.get("x-http-method-override");
    if parts.method == Method::POST && wanted.is_some_and(|method| method.as_bytes().eq_ignore_ascii_case(b"PATCH")) {
        parts.method = Method::PATCH;
    }
    Request::from_parts(parts, Body::new(body))
}
