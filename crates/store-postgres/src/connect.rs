//! Connections to the server, by the URL of the database.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use layer_store::{DatabaseUrl, OpenError};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::{Client, Config, Socket};
use tokio_rustls::TlsConnector;

use super::sql::Connection;

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// After how long a connection that says nothing is asked whether it is still there, and is given up.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// What each connection begins with. A statement or a lock that takes this long would keep a job for ever.
const BEGINNING: &str = "SET search_path = layer; SET client_min_messages = warning; SET statement_timeout = '60s'; \
     SET lock_timeout = '20s'; SET idle_in_transaction_session_timeout = '60s'";

/// A connection as it is driven.
pub type Driven = tokio_postgres::Connection<Socket, Encrypted>;

/// Why there is no connection.
#[derive(Debug)]
pub struct Unreachable(String);

impl fmt::Display for Unreachable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<std::io::Error> for Unreachable {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<tokio_postgres::Error> for Unreachable {
    fn from(error: tokio_postgres::Error) -> Self {
        // The driver hides the reason behind its error.
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(reason) = source {
            text = format!("{text}: {reason}");
            source = reason.source();
        }
        Self(text)
    }
}

/// Where the database is.
pub struct Server {
    config: Config,
    tls: Encryption,
    /// The URL without its secrets.
    name: String,
}

impl Server {
    /// Reads a URL. Error: `Database` when it cannot be understood.
    pub fn parse(url: &DatabaseUrl) -> Result<Self, OpenError> {
        let refused = |reason: String| OpenError::Database { database: url.to_string(), reason };
        let (text, authorities) = translated(url.reveal());
        // The sentences of the driver can hold a piece of the URL, and with it of the password.
        let mut config: Config = text.parse().map_err(|_| {
            refused("it cannot be understood; write it as postgres://user:password@host:5432/database".into())
        })?;
        config
            .connect_timeout(CONNECT_TIMEOUT)
            .keepalives_idle(KEEPALIVE)
            .tcp_user_timeout(KEEPALIVE)
            .application_name("layer-platform");
        if config.get_hosts().len() > 1 && config.get_target_session_attrs() == TargetSessionAttrs::Any {
            // Of several servers, the one that can be written to.
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        let tls = Encryption::new(authorities.as_deref())
            .map_err(|reason| refused(format!("sslrootcert cannot be used: {reason}")))?;
        Ok(Self { config, tls, name: url.to_string() })
    }

    /// The database, to be shown.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Opens a connection, which its thread drives while it waits for answers. `first` is run on it before anything
    /// else.
    pub fn connect(&self, first: &str) -> Result<Connection, Unreachable> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let client = runtime.block_on(async {
            let (client, connection) = self.open().await?;
            // What goes wrong with it, its client hears with the next statement.
            tokio::spawn(async { drop(connection.await) });
            client.batch_execute(&format!("{BEGINNING}; {first}")).await?;
            Ok::<_, Unreachable>(client)
        })?;
        Ok(Connection::new(client, runtime))
    }

    /// Opens a connection that somebody else drives.
    pub async fn open(&self) -> Result<(Client, Driven), Unreachable> {
        Ok(self.config.connect(self.tls.clone()).await?)
    }
}

/// Takes out of a URL what libpq knows and the driver does not: the file of authorities, and modes whose difference is
/// how much is checked of a certificate. Here everything is, wherever there is one.
fn translated(url: &str) -> (String, Option<String>) {
    let Some((place, query)) = url.split_once('?') else { return (url.to_owned(), None) };
    let mut authorities = None;
    let rest: Vec<&str> = query
        .split('&')
        .filter_map(|option| match option.split_once('=') {
            Some(("sslrootcert", path)) => {
                authorities = Some(path.replace("%2F", "/").replace("%20", " "));
                None
            }
            Some(("sslmode", "verify-full" | "verify-ca")) => Some("sslmode=require"),
            Some(("sslmode", "allow")) => Some("sslmode=prefer"),
            _ => Some(option),
        })
        .collect();
    (format!("{place}?{}", rest.join("&")), authorities)
}

/// TLS by rustls. Certificates are always checked, by Mozilla's list of authorities or by those of a file.
#[derive(Clone)]
struct Encryption(Arc<ClientConfig>);

impl Encryption {
    fn new(authorities: Option<&str>) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        match authorities {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(path) => {
                for certificate in CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())? {
                    let certificate = certificate.map_err(|error| error.to_string())?;
                    roots.add(certificate).map_err(|error| error.to_string())?;
                }
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }
}

impl MakeTlsConnect<Socket> for Encryption {
    type Stream = Encrypted;
    type TlsConnect = Handshake;
    type Error = rustls::pki_types::InvalidDnsNameError;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Handshake, Self::Error> {
        let name = ServerName::try_from(domain)?.to_owned();
        Ok(Handshake { connector: TlsConnector::from(Arc::clone(&self.0)), name })
    }
}

/// A handshake that is about to begin.
pub struct Handshake {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl TlsConnect<Socket> for Handshake {
    type Stream = Encrypted;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = std::io::Result<Encrypted>> + Send>>;

    fn connect(self, stream: Socket) -> Self::Future {
        Box::pin(async move { Ok(Encrypted(self.connector.connect(self.name, stream).await?)) })
    }
}

/// An encrypted stream.
pub struct Encrypted(tokio_rustls::client::TlsStream<Socket>);

impl TlsStream for Encrypted {
    /// Without: it would need a parser of certificates for the sake of servers that ask for it.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
