//! HTTP/2 against HTTP/1.1: the same requests with hyper alone, so that nothing but the protocol differs.

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::settings::{Limit, Protocol, Settings};
use crate::{AnyError, Measured};

type Body = Full<Bytes>;

/// Warms up, and measures. Everything runs on the main thread.
pub fn measure(settings: &Settings, protocol: Protocol) -> Result<Measured, AnyError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    let load = Rc::new(local.block_on(&runtime, Load::connect(settings, protocol))?);
    local.block_on(&runtime, run(&load, settings, settings.warm_up))?;
    Measured::of(settings.server_pid, || local.block_on(&runtime, run(&load, settings, settings.measured)))
}

struct Load {
    senders: Senders,
    request: Request<Body>,
    status: u16,
}

enum Senders {
    /// Connections at rest, and turns for them.
    Http1(RefCell<Vec<http1::SendRequest<Body>>>, Semaphore),
    Http2(Vec<http2::SendRequest<Body>>),
}

impl Load {
    async fn connect(settings: &Settings, protocol: Protocol) -> Result<Self, AnyError> {
        let tls = tls(settings, protocol)?;
        let senders = match protocol {
            Protocol::Http1 => {
                let mut idle = Vec::new();
                for _ in 0..settings.connections {
                    let stream = stream(settings.port, &tls).await?;
                    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
                    tokio::task::spawn_local(connection);
                    idle.push(sender);
                }
                Senders::Http1(RefCell::new(idle), Semaphore::new(settings.connections))
            }
            Protocol::Http2 => {
                let mut senders = Vec::new();
                for _ in 0..settings.connections {
                    let stream = stream(settings.port, &tls).await?;
                    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
                    tokio::task::spawn_local(connection);
                    senders.push(sender);
                }
                Senders::Http2(senders)
            }
        };
        Ok(Self { senders, request: request(settings, protocol)?, status: settings.status })
    }

    /// One request of a lane.
    async fn exchange(&self, lane: usize) -> Result<(), AnyError> {
        let request = self.request.clone();
        match &self.senders {
            Senders::Http2(senders) => {
                self.read(senders[lane % senders.len()].clone().send_request(request).await?).await
            }
            Senders::Http1(idle, turns) => {
                let _turn = turns.acquire().await?;
                let mut sender = idle.borrow_mut().pop().ok_or("More turns than connections")?;
                sender.ready().await?;
                self.read(sender.send_request(request).await?).await?;
                idle.borrow_mut().push(sender);
                Ok(())
            }
        }
    }

    async fn read(&self, response: Response<Incoming>) -> Result<(), AnyError> {
        if response.status() != self.status {
            return Err(format!("Status {}", response.status()).into());
        }
        response.into_body().collect().await?;
        Ok(())
    }
}

/// Keeps requests in flight until the limit is reached; gives the latencies.
async fn run(load: &Rc<Load>, settings: &Settings, limit: Limit) -> Result<Vec<Duration>, AnyError> {
    let may_send = Rc::new(RefCell::new(limit.begin()));
    let mut lanes = JoinSet::new();
    for lane in 0..usize::try_from(settings.concurrency)? {
        let (load, may_send) = (Rc::clone(load), Rc::clone(&may_send));
        lanes.spawn_local(async move {
            let mut latencies = Vec::new();
            while (may_send.borrow_mut())() {
                let begun = Instant::now();
                load.exchange(lane).await?;
                latencies.push(begun.elapsed());
            }
            Ok::<_, AnyError>(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(lane) = lanes.join_next().await {
        latencies.extend(lane??);
    }
    Ok(latencies)
}

fn tls(settings: &Settings, protocol: Protocol) -> Result<TlsConnector, AnyError> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(settings.ca.as_bytes())?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    if protocol == Protocol::Http2 {
        config.alpn_protocols = vec![b"h2".to_vec()];
    }
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn stream(port: u16, tls: &TlsConnector) -> Result<TlsStream<TcpStream>, AnyError> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    stream.set_nodelay(true)?;
    Ok(tls.connect(ServerName::try_from("localhost")?, stream).await?)
}

/// The request of `messages.send`, the only one that is compared.
fn request(settings: &Settings, protocol: Protocol) -> Result<Request<Body>, AnyError> {
    let text = settings.text.clone().ok_or("Protocols are compared with `send`")?;
    let id = settings.id.rsplit('/').next().unwrap_or_default();
    let path = format!("/apps/24f43c32-4d95-11e4-b3a2-0fd00000020d/conversations/{id}/messages");
    let mut request = Request::post(match protocol {
        Protocol::Http1 => path,
        Protocol::Http2 => format!("https://localhost:{}{path}", settings.port),
    });
    if protocol == Protocol::Http1 {
        request = request.header(HOST, format!("localhost:{}", settings.port));
    } else {
        request = request.version(Version::HTTP_2);
    }
    Ok(request
        .header(ACCEPT, "application/vnd.layer+json; version=1.0")
        .header(AUTHORIZATION, "Bearer benchmark")
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(text)))?)
}
