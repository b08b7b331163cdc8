//! One HTTP/1.1 connection: name look-up, TCP, TLS, handshake.

use crate::agent::Origin;
use crate::failure::Failure;
use crate::watched::{Activity, Watched};
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinHandle;
use tokio::time::Duration;

/// Body of a request.
pub type Body = Full<Bytes>;

/// How long a connection may take to come to rest, or to close, before it is given up.
const PATIENCE: Duration = Duration::from_millis(250);

/// An open connection that carries one request at a time.
pub struct Connection {
    pub(crate) sender: SendRequest<Body>,
    pub(crate) activity: Activity,
    /// Ends when the connection is closed on our side.
    task: JoinHandle<()>,
}

impl Connection {
    /// Whether the server (or we) closed it.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Whether the last exchange is over in both directions, so that another can begin.
    ///
    /// A server may answer before it has read the whole request; what is left of that may never go out. `PATIENCE` is
    /// for the rest of it.
    pub async fn settle(&mut self) -> bool {
        matches!(tokio::time::timeout(PATIENCE, self.sender.ready()).await, Ok(Ok(())))
    }

    /// Closes the connection, by force if it does not end by itself.
    pub async fn close(mut self) {
        drop(self.sender);
        if tokio::time::timeout(PATIENCE, &mut self.task).await.is_err() {
            self.task.abort();
            // Ends at once, with the error of a task that was aborted.
            let _ = self.task.await;
        }
    }

    /// Opens a connection; `activity` sees every step.
    pub async fn open(origin: &Origin, activity: Activity) -> Result<Self, Failure> {
        let tcp = connect(origin, &activity).await?;
        let stream = Watched::new(tcp, activity.clone());
        match &origin.tls {
            Some((connector, name)) => {
                let stream =
                    connector.connect(name.clone(), stream).await.map_err(|error| Failure::handshake(&error))?;
                Self::handshake(stream, activity).await
            }
            None => Self::handshake(stream, activity).await,
        }
    }

    async fn handshake<T>(stream: T, activity: Activity) -> Result<Self, Failure>
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) = http1::Builder::new()
            // The original's headers go out as `Content-Type`, not `content-type`.
            .title_case_headers(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Failure::http(&error))?;
        // Runs until either side closes. Its error reaches whoever waits for a reply on this connection.
        let task = tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Self { sender, activity, task })
    }
}

/// Tries the addresses of the host in the order of the resolver and reports the last failure.
async fn connect(origin: &Origin, activity: &Activity) -> Result<TcpStream, Failure> {
    let addresses = lookup_host((origin.host.as_str(), origin.port))
        .await
        .map_err(|error| Failure::lookup(&error, &origin.host))?;
    let mut failure = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                activity.touch();
                stream.set_nodelay(true).map_err(|error| Failure::connect(&error, address))?;
                return Ok(stream);
            }
            Err(error) => failure = Some(Failure::connect(&error, address)),
        }
    }
    Err(failure.unwrap_or_else(|| Failure::lookup(&std::io::Error::other("no address"), &origin.host)))
}
