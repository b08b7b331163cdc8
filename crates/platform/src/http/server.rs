//! The listener: connections in, requests to the router, and a graceful end.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONNECTION, HOST};
use http::{HeaderValue, Method, Request, Version};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use layer_wire::ApiError;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower_service::Service as _;

use crate::ground::memory::{self, Memory};
use crate::ground::task;
use crate::http::answer;
use crate::http::error::HttpError;
use crate::http::intake::{self, Intake};
use crate::http::observe::Observer;
use crate::http::request_id::{self, X_REQUEST_ID};
use crate::http::stream::{Counted, Paced};

/// How long a client may take to send the head of its next request, and so how long a connection may idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the head of a request may be, as in Node.js. Unit: bytes. A longer one is answered with `431`.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// How much of what a client sends and gets is buffered for each connection. Unit: bytes.
const BUFFER_BYTES: usize = 64 * 1024;

/// How many connections are told at the same time that there are too many; beyond, they are just closed.
const MAX_REFUSALS: usize = 64;

/// How long a client that is refused may take to read why.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait before accepting again after the system refused a connection, for instance for want of file
/// handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is needed to answer a connection.
#[derive(Clone)]
pub struct Service {
    /// The certificate, for HTTPS.
    pub tls: Option<TlsAcceptor>,
    /// The routes.
    pub router: Router,
    /// The room for bodies and answers.
    pub memory: Memory,
    /// Counts requests and connections.
    pub observer: Arc<Observer>,
}

/// Accepts connections while there is room for them until `stop` says so; returns once all of them are closed, which
/// requests under way may take the time to `drain` for.
pub async fn serve(listener: TcpListener, service: Service, drain: Duration, stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let mut is_stopping = stop.clone();
    let refusals = Arc::new(Semaphore::new(MAX_REFUSALS));
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => if let Ok(place) = Arc::clone(&service.observer.room).try_acquire_owned() {
                    connections.spawn(task::boxed(serve_stream(stream, service.clone(), stop.clone(), place)));
                } else {
                    service.observer.refused.fetch_add(1, Ordering::Relaxed);
                    // Only who speaks plain HTTP can be told at no cost.
                    if service.tls.is_none() && let Ok(turn) = Arc::clone(&refusals).try_acquire_owned() {
                        connections.spawn(task::boxed(refuse(stream, turn)));
                    }
                },
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
            () = told_to_stop(&mut is_stopping) => break,
        }
    }
    drop(listener);
    let all_closed = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(drain, all_closed).await.is_err() {
        // They are dropped with the set.
        tracing::warn!(connections = connections.len(), "the time to drain is over, and connections are cut");
    }
}

async fn serve_stream(stream: TcpStream, service: Service, stop: watch::Receiver<bool>, place: OwnedSemaphorePermit) {
    // Answers are written whole, so there is nothing to wait for.
    let _ = stream.set_nodelay(true);
    let stream = Paced::new(stream);
    let place = Place { intake: Arc::new(Intake::new(service.memory.clone())), _room: Arc::new(place) };
    let Some(acceptor) = service.tls.clone() else { return serve_connection(stream, service, stop, place).await };
    if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        serve_connection(stream, service, stop, place).await;
    }
}

/// Tells a client that there are too many connections.
async fn refuse(mut stream: TcpStream, _turn: OwnedSemaphorePermit) {
    let body = serde_json::to_string(&ApiError::service_unavailable()).unwrap_or_default();
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json; charset=UTF-8\r\nRetry-After: 1\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let tell = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        // Closed with something unread, the connection would be reset, and the answer might be lost.
        let mut unread = [0; 1024];
        while stream.read(&mut unread).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    let _ = tokio::time::timeout(REFUSAL_TIMEOUT, tell).await;
}

async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Socket + Unpin + Send + 'static,
    service: Service,
    mut stop: watch::Receiver<bool>,
    place: Place,
) {
    let cut = Cut::default();
    let Service { router, memory, observer, tls: _ } = service;
    let answer = service_fn(|request: Request<Incoming>| {
        let (router, cut, memory, place) = (router.clone(), cut.clone(), memory.clone(), place.clone());
        let id = request_id::of(request.headers());
        let observed = observer.begin(&request, &id);
        async move {
            if !has_its_host(&request) {
                let response = without_host();
                observed.answered(response.status().as_u16());
                return Ok(response);
            }
            let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
            let mut request = overridden(request);
            request.extensions_mut().insert(cut.clone());
            request.extensions_mut().insert(place);
            let response = respond(router, request).await?;
            if cut.is_requested() {
                return Err(io::Error::from(io::ErrorKind::ConnectionReset));
            }
            let mut response = counted(response, &memory, is_read);
            observed.answered(response.status().as_u16());
            response.headers_mut().insert(X_REQUEST_ID, id);
            Ok(response)
        }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(intake::Counted::new(stream, Arc::clone(&place.intake))), answer)
        .with_upgrades();
    // An error here is the client's: it hung up, or spoke no HTTP. There is nobody left to tell.
    tokio::select! {
        _ = &mut connection => {}
        () = told_to_stop(&mut stop) => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            let _ = (&mut connection).await;
        }
    }
    if cut.is_requested()
        && let Some(parts) = connection.into_parts()
    {
        // The client is to see a reset, and not the end of a conversation.
        let _ = parts.io.into_inner().tcp().set_zero_linger();
    }
}

/// Passes a request through the routes.
///
/// One with a body goes on when its client hangs up: what was made of the body may wait in the queue of the writer, and
/// is counted as long as this has not ended.
async fn respond(mut router: Router, request: Request<Body>) -> io::Result<Response> {
    let never = |never: Infallible| match never {};
    if request.body().is_end_stream() {
        return Ok(router.call(request).await.unwrap_or_else(never));
    }
    let (sender, receiver) = tokio::sync::oneshot::channel();
    tokio::spawn(task::boxed(async move {
        // Nobody waits for it when the client has hung up.
        let _ = sender.send(router.call(request).await.unwrap_or_else(never));
    }));
    // Nothing comes after a panic, and the connection ends, as it does after a panic here.
    receiver.await.map_err(|_| io::ErrorKind::ConnectionAborted.into())
}

/// Counts an answer that is in memory as a whole until its client has it. Without room for it, a read is answered with
/// `503`; a write is done, so that its answer goes out all the same: the room of its request bounds it.
fn counted(response: Response, memory: &Memory, is_read: bool) -> Response {
    let length = response.body().size_hint().exact().unwrap_or_default();
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length <= memory::SMALL {
        return response;
    }
    match memory.for_answer(length) {
        Err(error) if is_read => HttpError::from(error).into_response(),
        share => response.map(|body| Counted::body(body, share.ok())),
    }
}

/// Whether a request names its host once, as HTTP/1.1 wants it (RFC 9112, 3.2): servers that take others differ in whom
/// they mean.
fn has_its_host(request: &Request<Incoming>) -> bool {
    let count = request.headers().get_all(HOST).iter().count();
    count == 1 || (count == 0 && request.version() < Version::HTTP_11)
}

fn without_host() -> Response {
    let error = ApiError::invalid_request("The request must have exactly one Host header.");
    let mut response = answer::json(http::StatusCode::BAD_REQUEST, &error);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The place that a connection takes among those that there may be. A socket that the connection becomes keeps it.
#[derive(Clone)]
pub struct Place {
    /// Counts what the socket reads.
    pub intake: Arc<Intake>,
    _room: Arc<OwnedSemaphorePermit>,
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

impl Socket for Paced<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref()
    }
}

impl Socket for TlsStream<Paced<TcpStream>> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0.get_ref()
    }
}

impl<Stream: Socket> Socket for intake::Counted<Stream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().tcp()
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
