//! One HTTP/1.1 connection: TCP, TLS, handshake.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::Duration;

use super::marks::{Marks, Step, mark};
use super::tcp::connect;
use super::tls::Tls;
use super::watched::{Activity, Watched};
use crate::failure::{NoReply, RefusedCertificate};
use crate::options::AgentOptions;

/// Body of a request.
pub type Body = Full<Bytes>;

/// How long a connection may take to come to rest, or to close, before it is given up.
const PATIENCE: Duration = Duration::from_millis(250);

/// Where connections lead.
pub struct Target {
    /// Name or address to connect to.
    pub host: String,
    /// Port to connect to.
    pub port: u16,
    /// `None` for plain HTTP.
    pub tls: Option<Security>,
    /// Settings of the agent.
    pub options: Arc<AgentOptions>,
}

/// TLS with one host.
pub struct Security {
    /// Settings of the agent.
    pub tls: Arc<Tls>,
    /// Name to ask for and check.
    pub name: ServerName<'static>,
    /// The same as text.
    pub host: String,
}

/// An open connection that carries one request at a time.
pub struct Connection {
    pub(crate) sender: SendRequest<Body>,
    pub(crate) activity: Activity,
    /// Ends when the connection is closed on our side.
    task: Task,
}

/// The task of a connection. Dropped in the middle of an exchange, it closes the connection at once: hyper would read
/// on.
struct Task {
    handle: JoinHandle<()>,
    is_exchanging: bool,
}

impl Drop for Task {
    fn drop(&mut self) {
        if self.is_exchanging {
            self.handle.abort();
        }
    }
}

impl Connection {
    /// Whether the server (or we) closed it.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Whether the last exchange is over in both directions, so that another can begin.
    ///
    /// A server may answer before it has read the whole request; the rest may never go out. `PATIENCE` bounds the wait
    /// for it.
    pub async fn settle(&mut self) -> bool {
        matches!(tokio::time::timeout(PATIENCE, self.sender.ready()).await, Ok(Ok(())))
    }

    /// An exchange begins. Dropped before it ends, the connection is closed at once.
    pub fn begin(&mut self) {
        self.task.is_exchanging = true;
    }

    /// The exchange is over.
    pub fn end(&mut self) {
        self.task.is_exchanging = false;
    }

    /// Closes the connection at once.
    pub fn abort(self) {
        self.task.handle.abort();
    }

    /// Closes the connection, by force if it does not end by itself.
    pub async fn close(mut self) {
        drop(self.sender);
        let task = &mut self.task.handle;
        if tokio::time::timeout(PATIENCE, &mut *task).await.is_err() {
            task.abort();
            // Ends at once, with the error of a task that was aborted.
            let _ = task.await;
        }
    }

    /// Opens a connection; `activity` sees every step, and so do `marks`.
    pub async fn open(target: &Target, activity: Activity, marks: Option<&Marks>) -> Result<Self, NoReply> {
        let Some(Security { tls, name, host }) = &target.tls else {
            return Self::handshake(stream(target, &activity, marks).await?, activity).await;
        };
        let mut mode = tls.mode().await;
        let mut appeals = 0;
        loop {
            let stream = stream(target, &activity, marks).await?;
            let error = match tls.connect(mode, name, stream).await {
                Ok(stream) => {
                    tls.check_identity(mode, host, &stream).await?;
                    activity.touch();
                    mark(marks, Step::Secured);
                    return Self::handshake(stream, activity).await;
                }
                Err(error) => error,
            };
            match refused(&error) {
                // Once for the name and once for the rest.
                Some(refused) if appeals < 2 => mode = tls.appeal(refused, name, host).await?,
                _ => return Err(NoReply::handshake(&error, &target.host, target.port)),
            }
            appeals += 1;
        }
    }

    async fn handshake<T>(stream: T, activity: Activity) -> Result<Self, NoReply>
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) = http1::Builder::new()
            // The original's headers go out as `Content-Type`, not `content-type`.
            .title_case_headers(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| NoReply::http(&error, "read"))?;
        // Runs until either side closes. Its error reaches the request that waits for a reply on this connection.
        let handle = tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Self { sender, activity, task: Task { handle, is_exchanging: false } })
    }
}

async fn stream(target: &Target, activity: &Activity, marks: Option<&Marks>) -> Result<Watched<TcpStream>, NoReply> {
    let tcp = connect(&target.options, &target.host, target.port, activity, marks).await?;
    Ok(Watched::new(tcp, activity.clone()))
}

/// What a failed handshake says of the server's certificate, where it does.
fn refused(error: &io::Error) -> Option<&RefusedCertificate> {
    RefusedCertificate::of(error.get_ref()?.downcast_ref()?)
}
