//! What can go wrong with a request, named as Node names it.

use crate::tls::UNTRUSTED;
use serde::Serialize;
use std::error::Error as _;
use std::io;

/// A request that brought no reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Failure {
    /// Nothing moved on the connection for as long as the client's timeout.
    Timeout,
    /// The network, TLS or the HTTP parser gave up.
    Network(NetworkError),
}

/// The fields of a Node system error; those that Node leaves out for a case are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NetworkError {
    /// Human readable, as Node words it.
    pub message: String,
    /// Negative operating system error number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno: Option<i32>,
    /// Name of the error, for instance `ECONNREFUSED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// `connect`, `read`, `write` or `getaddrinfo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syscall: Option<&'static str>,
    /// Address of the peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Port of the peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Name that could not be resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
}

impl Failure {
    /// A failed `connect(2)` to `address`.
    pub(crate) fn connect(error: &io::Error, address: std::net::SocketAddr) -> Self {
        let code = code_of(error);
        Self::Network(NetworkError {
            // Node puts no brackets around an IPv6 address.
            message: format!("connect {code} {}:{}", address.ip(), address.port()),
            errno: error.raw_os_error().map(|number| -number),
            code: Some(code),
            syscall: Some("connect"),
            address: Some(address.ip().to_string()),
            port: Some(address.port()),
            ..NetworkError::default()
        })
    }

    /// A name that could not be resolved.
    pub(crate) fn lookup(error: &io::Error, host: &str) -> Self {
        // The standard library keeps only the text of a failed getaddrinfo.
        let (code, errno) =
            if error.to_string().contains("Temporary failure") { ("EAI_AGAIN", -3001) } else { ("ENOTFOUND", -3008) };
        Self::Network(NetworkError {
            message: format!("getaddrinfo {code} {host}"),
            errno: Some(errno),
            code: Some(code.to_owned()),
            syscall: Some("getaddrinfo"),
            hostname: Some(host.to_owned()),
            ..NetworkError::default()
        })
    }

    /// A connection that broke while it was read from or written to.
    pub(crate) fn broken(error: &io::Error, syscall: &'static str) -> Self {
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::tls(tls);
        }
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Self::hang_up();
        }
        let code = code_of(error);
        Self::Network(NetworkError {
            message: format!("{syscall} {code}"),
            errno: error.raw_os_error().map(|number| -number),
            code: Some(code),
            syscall: Some(syscall),
            ..NetworkError::default()
        })
    }

    /// The server closed the connection before it answered.
    pub(crate) fn hang_up() -> Self {
        Self::named("ECONNRESET", "socket hang up".to_owned())
    }

    /// A handshake that failed.
    pub(crate) fn handshake(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            let message = "Client network socket disconnected before secure TLS connection was established";
            return Self::named("ECONNRESET", message.to_owned());
        }
        Self::broken(error, "read")
    }

    /// The server closed the connection in the middle of a reply.
    pub(crate) fn aborted() -> Self {
        Self::named("ECONNRESET", "aborted".to_owned())
    }

    /// A refused certificate or a failed handshake.
    pub(crate) fn tls(error: &rustls::Error) -> Self {
        use rustls::CertificateError as Certificate;
        let (code, message) = match error {
            rustls::Error::InvalidCertificate(Certificate::Expired | Certificate::ExpiredContext { .. }) => {
                ("CERT_HAS_EXPIRED", "certificate has expired".to_owned())
            }
            rustls::Error::InvalidCertificate(Certificate::NotValidYet | Certificate::NotValidYetContext { .. }) => {
                ("CERT_NOT_YET_VALID", "certificate is not yet valid".to_owned())
            }
            rustls::Error::General(text) => UNTRUSTED
                .iter()
                .find(|(code, _)| code == text)
                .map_or(("EPROTO", text.clone()), |(code, words)| (code, (*words).to_owned())),
            rustls::Error::InvalidMessage(_) => {
                ("ERR_SSL_WRONG_VERSION_NUMBER", format!("the server does not speak TLS: {error}"))
            }
            rustls::Error::InvalidCertificate(
                Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
            ) => {
                ("ERR_TLS_CERT_ALTNAME_INVALID", format!("Hostname/IP does not match certificate's altnames: {error}"))
            }
            other => ("EPROTO", other.to_string()),
        };
        Self::named(code, message)
    }

    /// What hyper says of a connection that failed under a request.
    pub(crate) fn http(error: &hyper::Error) -> Self {
        if let Some(io) = error.source().and_then(|source| source.downcast_ref::<io::Error>()) {
            return Self::broken(io, "read");
        }
        if error.is_parse() {
            return Self::named("HPE_INVALID_CONSTANT", format!("Parse Error: {error}"));
        }
        Self::hang_up()
    }

    fn named(code: &str, message: String) -> Self {
        Self::Network(NetworkError { message, code: Some(code.to_owned()), ..NetworkError::default() })
    }
}

/// Node's name of an operating system error.
fn code_of(error: &io::Error) -> String {
    use io::ErrorKind as Kind;
    let name = match error.kind() {
        Kind::ConnectionRefused => "ECONNREFUSED",
        Kind::ConnectionReset => "ECONNRESET",
        Kind::ConnectionAborted => "ECONNABORTED",
        Kind::BrokenPipe => "EPIPE",
        Kind::TimedOut => "ETIMEDOUT",
        Kind::HostUnreachable => "EHOSTUNREACH",
        Kind::NetworkUnreachable => "ENETUNREACH",
        Kind::AddrNotAvailable => "EADDRNOTAVAIL",
        Kind::PermissionDenied => "EACCES",
        Kind::InvalidInput => "EINVAL",
        _ => match error.raw_os_error() {
            Some(24) => "EMFILE",
            _ => "EIO",
        },
    };
    name.to_owned()
}
