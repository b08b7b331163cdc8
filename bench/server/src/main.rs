//! The HTTPS server that the client benchmarks talk to.
//!
//! It answers every request with a fixed body, on its main thread, so that its own cost per request is small, steady
//! and known: `/proc/PID/schedstat` has it. Once it listens, it prints one line of JSON, `{"port": …, "ca": "…PEM…"}`.
//! It exits when its standard input is closed, so it never outlives the benchmark that started it.
//!
//! ```text
//! layer-bench-server [--delay-ms N]
//! ```
#![forbid(unsafe_code)]

#[cfg(feature = "http2")]
mod http2;
mod replies;

use std::error::Error;
use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use lexopt::{Arg, Parser, ValueExt};
use rcgen::CertifiedKey;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::LocalSet;
use tokio_rustls::TlsAcceptor;

use crate::replies::Replies;

/// Names that the certificate is good for: ours is sent to the first, the original believes it talks to the second.
const NAMES: [&str; 2] = ["localhost", "api.layer.com"];

/// Its name in ALPN.
const HTTP2: &[u8] = b"h2";

type AnyError = Box<dyn Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), AnyError> {
    let delay = delay_from_args()?;
    let (tls, ca) = certified()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    let line = serde_json::json!({ "port": port, "ca": ca });
    writeln!(std::io::stdout(), "{line}")?;

    let server = LocalSet::new();
    tokio::select! {
        result = server.run_until(serve(listener, tls, delay)) => result,
        () = stdin_closed() => Ok(()),
    }
}

/// `--delay-ms N`: how long every reply is held back. Default: not at all.
fn delay_from_args() -> Result<Duration, lexopt::Error> {
    let mut delay = Duration::ZERO;
    let mut args = Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("delay-ms") => delay = Duration::from_millis(args.value()?.parse()?),
            _ => return Err(arg.unexpected()),
        }
    }
    Ok(delay)
}

/// TLS with a certificate made now, which signs itself, and that certificate as PEM text.
fn certified() -> Result<(TlsAcceptor, String), AnyError> {
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(NAMES.map(String::from))?;
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)?;
    if cfg!(feature = "http2") {
        config.alpn_protocols = vec![HTTP2.to_vec(), b"http/1.1".to_vec()];
    }
    Ok((TlsAcceptor::from(Arc::new(config)), cert.pem()))
}

/// Completes when the parent process closes our standard input, or ends.
async fn stdin_closed() {
    let (open, closed) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _open = open;
        let mut ignored = [0; 64];
        while matches!(std::io::stdin().read(&mut ignored), Ok(1..)) {}
    });
    // The sender is dropped, never used: "closed" arrives as an error.
    let _ = closed.await;
}

/// Accepts connections for ever.
async fn serve(listener: TcpListener, tls: TlsAcceptor, delay: Duration) -> Result<(), AnyError> {
    let replies = Rc::new(Replies::new());
    loop {
        let (stream, _) = listener.accept().await?;
        let (tls, replies) = (tls.clone(), Rc::clone(&replies));
        tokio::task::spawn_local(async move {
            // Clients come and go as they like: how a connection ends is nothing to report.
            let _ = converse(stream, tls, replies, delay).await;
        });
    }
}

/// Answers the requests of one connection.
async fn converse(stream: TcpStream, tls: TlsAcceptor, replies: Rc<Replies>, delay: Duration) -> Result<(), AnyError> {
    stream.set_nodelay(true)?;
    let stream = tls.accept(stream).await?;
    let service = service_fn(|request| answer(request, &replies, delay));
    #[cfg(feature = "http2")]
    if stream.get_ref().1.alpn_protocol() == Some(HTTP2) {
        return http2::converse(stream, &replies, delay).await;
    }
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await?;
    Ok(())
}

/// Reads the request to its end, waits if told to, and replies.
async fn answer(
    mut request: Request<Incoming>,
    replies: &Replies,
    delay: Duration,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    while let Some(frame) = request.body_mut().frame().await {
        frame?;
    }
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    Ok(replies.to(request.method(), request.uri()))
}
