//! What can go wrong with a request, named as Node names it.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};

use rustls::{CertificateError, OtherError};
use rustls_pki_types::CertificateDer;
use serde::Serialize;

use crate::alert;

/// A request that brought no reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum NoReply {
    /// Nothing moved on the connection for as long as the client's timeout.
    Timeout,
    /// The network, TLS or the HTTP parser gave up.
    Network(NetworkError),
    /// None of several addresses could be connected to.
    Several {
        /// One for each attempt, in their order.
        errors: Vec<NetworkError>,
    },
    /// The caller gave the request up.
    Aborted,
    /// A function of the caller answered with an error.
    Answer {
        /// Number under which the caller keeps it.
        error: u32,
        /// Its code, where it is one of the network: the function carried the request.
        #[serde(skip)]
        code: Option<String>,
    },
}

/// The fields of a Node system error; those that Node leaves out for a case are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkError {
    /// Human readable, as Node words it.
    pub message: String,
    /// Negative operating system error number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno: Option<i32>,
    /// OpenSSL's library that an error comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<&'static str>,
    /// OpenSSL's words for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Name of the error, for instance `ECONNREFUSED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// `bind`, `connect`, `read`, `write` or `getaddrinfo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syscall: Option<&'static str>,
    /// Always null where Node has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<()>,
    /// Host that was to be connected to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Address of the peer, or of this end where that is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Port of the peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Name that could not be resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
}

impl NetworkError {
    /// A failed attempt to connect to `address`.
    pub(crate) fn connect(code: &str, errno: Option<i32>, address: SocketAddr) -> Self {
        // Where the system refuses at once, Node says from where.
        let details = match (code, address) {
            ("ENETUNREACH", SocketAddr::V4(_)) => " - Local (0.0.0.0:0)",
            ("ENETUNREACH", SocketAddr::V6(_)) => " - Local (:::0)",
            _ => "",
        };
        Self {
            // Node puts no brackets around an IPv6 address.
            message: format!("connect {code} {}:{}{details}", address.ip(), address.port()),
            errno,
            code: Some(code.to_owned()),
            syscall: Some("connect"),
            address: Some(address.ip().to_string()),
            port: Some(address.port()),
            ..Self::default()
        }
    }

    /// A failed `connect(2)`.
    pub(crate) fn of_connect(error: &io::Error, address: SocketAddr) -> Self {
        Self::connect(&code_of(error), errno_of(error), address)
    }

    /// A failed `bind(2)` to an address of this machine.
    pub(crate) fn of_bind(error: &io::Error, address: IpAddr) -> Self {
        let code = code_of(error);
        Self {
            message: format!("bind {code} {address}"),
            errno: errno_of(error),
            code: Some(code),
            syscall: Some("bind"),
            address: Some(address.to_string()),
            ..Self::default()
        }
    }

    fn named(code: &str, message: impl Into<String>) -> Self {
        Self { message: message.into(), code: Some(code.to_owned()), ..Self::default() }
    }

    /// An error of OpenSSL's SSL library. `number` and `reason` are those of OpenSSL 3.
    fn openssl(number: u16, reason: &str) -> Self {
        Self {
            message: format!("error:0A{number:06X}:SSL routines::{reason}"),
            library: Some("SSL routines"),
            reason: Some(reason.to_owned()),
            code: Some(format!("ERR_SSL_{}", reason.to_uppercase().replace(' ', "_"))),
            ..Self::default()
        }
    }
}

impl NoReply {
    /// A name that could not be resolved; code and number are libuv's.
    pub(crate) fn lookup((code, errno): (&str, Option<i32>), host: &str) -> Self {
        Self::Network(NetworkError {
            message: format!("getaddrinfo {code} {host}"),
            errno,
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
            errno: errno_of(error),
            code: Some(code),
            syscall: Some(syscall),
            ..NetworkError::default()
        })
    }

    /// The server closed the connection before it answered.
    pub(crate) fn hang_up() -> Self {
        Self::Network(NetworkError::named("ECONNRESET", "socket hang up"))
    }

    /// A handshake with `host` that failed.
    pub(crate) fn handshake(error: &io::Error, host: &str, port: u16) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            let message = "Client network socket disconnected before secure TLS connection was established";
            return Self::Network(NetworkError {
                path: Some(()),
                host: Some(host.to_owned()),
                port: Some(port),
                ..NetworkError::named("ECONNRESET", message)
            });
        }
        Self::broken(error, "read")
    }

    /// The server closed the connection in the middle of a reply.
    pub(crate) fn aborted() -> Self {
        Self::Network(NetworkError::named("ECONNRESET", "aborted"))
    }

    /// A reply whose status is 0, as in `HTTP/1.1 000 OK`.
    pub(crate) fn no_status() -> Self {
        Self::Network(NetworkError::named("HPE_INVALID_CONSTANT", "Parse Error: Invalid status code"))
    }

    /// A reply whose body is longer than `limit` bytes; `length` is what the server announced, where it did.
    pub(crate) fn too_large(length: Option<u64>, limit: usize) -> Self {
        let size = match length {
            Some(length) => format!("has {length} bytes"),
            None => "goes on after that".to_owned(),
        };
        let message = format!("The response is too large: `maxResponseBytes` is {limit}, and the response {size}");
        Self::Network(NetworkError::named("ERR_RESPONSE_TOO_LARGE", message))
    }

    /// A request that a fault of this program ended.
    pub(crate) fn fault() -> Self {
        let message = "The request was given up: the network thread met a fault of its own, which is told on stderr";
        Self::Network(NetworkError::named("ERR_INTERNAL", message))
    }

    /// A refused certificate.
    pub(crate) fn refused(refused: &RefusedCertificate) -> Self {
        Self::Network(NetworkError::named(refused.code, refused.words))
    }

    /// A refused certificate or a failed handshake.
    pub(crate) fn tls(error: &rustls::Error) -> Self {
        use rustls::{Error, PeerIncompatible as Incompatible};
        if let Some(refused) = RefusedCertificate::of(error) {
            return Self::refused(refused);
        }
        Self::Network(match error {
            Error::AlertReceived(alert) => match alert::reason(u8::from(*alert)) {
                Some(reason) => NetworkError::openssl(1000 + u16::from(u8::from(*alert)), reason),
                None => NetworkError::protocol(error),
            },
            Error::InvalidMessage(_) => NetworkError::openssl(267, "wrong version number"),
            Error::PeerIncompatible(
                Incompatible::ServerDoesNotSupportTls12Or13
                | Incompatible::ServerTlsVersionIsDisabledByOurConfig
                | Incompatible::Tls12NotOffered
                | Incompatible::Tls12NotOfferedOrEnabled,
            ) => NetworkError::openssl(258, "unsupported protocol"),
            Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
                NetworkError::openssl(244, "unexpected message")
            }
            Error::DecryptError => NetworkError::openssl(281, "decryption failed or bad record mac"),
            other => NetworkError::protocol(other),
        })
    }

    /// What hyper says of a connection that failed under a request; `syscall` is what failed last on the socket.
    pub(crate) fn http(error: &hyper::Error, syscall: &'static str) -> Self {
        if let Some(io) = error.source().and_then(|source| source.downcast_ref::<io::Error>()) {
            return Self::broken(io, syscall);
        }
        // More than hyper takes: 100 lines, or some 400 kB.
        if error.is_parse_too_large() {
            return Self::Network(NetworkError::named("HPE_HEADER_OVERFLOW", "Parse Error: Header overflow"));
        }
        if error.is_parse() {
            return Self::Network(NetworkError::named("HPE_INVALID_CONSTANT", format!("Parse Error: {error}")));
        }
        Self::hang_up()
    }
}

/// A certificate that was refused; rustls carries it as an error of the handshake.
#[derive(Debug)]
pub struct RefusedCertificate {
    /// Node's code.
    pub code: &'static str,
    /// Node's words.
    pub words: &'static str,
    /// The certificate, then those that the server sent with it.
    pub chain: Vec<CertificateDer<'static>>,
}

/// The code of a certificate that is trusted, but is not that of the host.
pub const OTHER_NAME: &str = "ERR_TLS_CERT_ALTNAME_INVALID";

impl RefusedCertificate {
    /// What an error says of a certificate, where it does.
    pub fn of(error: &rustls::Error) -> Option<&Self> {
        match error {
            rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) => inner.downcast_ref(),
            _ => None,
        }
    }

    /// Whether the certificate is trusted, but is not that of the host.
    pub fn is_for_another_name(&self) -> bool {
        self.code == OTHER_NAME
    }
}

impl fmt::Display for RefusedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words)
    }
}

impl std::error::Error for RefusedCertificate {}

impl NetworkError {
    /// A peer that breaks the rules of TLS in a way that OpenSSL has no name for.
    fn protocol(error: &rustls::Error) -> Self {
        Self { errno: EPROTO, syscall: Some("read"), ..Self::named("EPROTO", format!("read EPROTO {error}")) }
    }
}

#[cfg(unix)]
const EPROTO: Option<i32> = Some(-libc::EPROTO);
#[cfg(not(unix))]
const EPROTO: Option<i32> = None;

/// The number that Node reports; libuv has its own on Windows.
fn errno_of(error: &io::Error) -> Option<i32> {
    if cfg!(unix) { error.raw_os_error().map(|number| -number) } else { None }
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
        Kind::AddrInUse => "EADDRINUSE",
        Kind::NetworkDown => "ENETDOWN",
        Kind::NotConnected => "ENOTCONN",
        Kind::OutOfMemory => "ENOMEM",
        _ => system_name(error).unwrap_or("EIO"),
    };
    name.to_owned()
}

/// Names that the standard library does not tell apart.
#[cfg(unix)]
fn system_name(error: &io::Error) -> Option<&'static str> {
    Some(match error.raw_os_error()? {
        libc::EMFILE => "EMFILE",
        libc::ENFILE => "ENFILE",
        libc::ENOBUFS => "ENOBUFS",
        libc::EPROTO => "EPROTO",
        libc::EAFNOSUPPORT => "EAFNOSUPPORT",
        _ => return None,
    })
}

#[cfg(not(unix))]
fn system_name(_: &io::Error) -> Option<&'static str> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// Message, code and number of a failure.
    fn portray(failure: NoReply) -> (String, Option<String>, Option<i32>) {
        let NoReply::Network(error) = failure else { panic!("{failure:?}") };
        (error.message, error.code, error.errno)
    }

    #[test]
    fn errors_of_the_system_have_the_names_and_numbers_of_node() {
        let cases = [
            (libc::ECONNREFUSED, "ECONNREFUSED"),
            (libc::ETIMEDOUT, "ETIMEDOUT"),
            (libc::EHOSTUNREACH, "EHOSTUNREACH"),
            (libc::EADDRNOTAVAIL, "EADDRNOTAVAIL"),
            (libc::EADDRINUSE, "EADDRINUSE"),
            (libc::EACCES, "EACCES"),
            (libc::EMFILE, "EMFILE"),
            (libc::ENOBUFS, "ENOBUFS"),
        ];
        for (number, code) in cases {
            let error = NetworkError::of_connect(&io::Error::from_raw_os_error(number), "1.2.3.4:443".parse().unwrap());
            assert_eq!(error.message, format!("connect {code} 1.2.3.4:443"));
            assert_eq!((error.code.as_deref(), error.errno), (Some(code), Some(-number)));
        }
        let unreachable = io::Error::from_raw_os_error(libc::ENETUNREACH);
        let error = NetworkError::of_connect(&unreachable, "[2001:db8::1]:443".parse().unwrap());
        assert_eq!(error.message, "connect ENETUNREACH 2001:db8::1:443 - Local (:::0)");
    }

    #[test]
    fn broken_connections_name_what_failed() {
        for (number, code) in [(libc::EPIPE, "EPIPE"), (libc::ECONNRESET, "ECONNRESET"), (libc::ETIMEDOUT, "ETIMEDOUT")]
        {
            let failure = NoReply::broken(&io::Error::from_raw_os_error(number), "write");
            assert_eq!(portray(failure), (format!("write {code}"), Some(code.to_owned()), Some(-number)));
        }
    }

    #[test]
    fn alerts_have_the_words_and_codes_of_openssl() {
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure);
        let NoReply::Network(error) = NoReply::tls(&alert) else { panic!() };
        assert_eq!(error.message, "error:0A000410:SSL routines::sslv3 alert handshake failure");
        assert_eq!(error.code.as_deref(), Some("ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE"));
        assert_eq!(
            (error.library, error.reason.as_deref()),
            (Some("SSL routines"), Some("sslv3 alert handshake failure"))
        );
    }

    #[test]
    fn what_openssl_has_no_words_for_is_eproto() {
        let (message, code, errno) = portray(NoReply::tls(&rustls::Error::PeerSentOversizedRecord));
        assert!(message.starts_with("read EPROTO "), "{message}");
        assert_eq!((code.as_deref(), errno), (Some("EPROTO"), Some(-libc::EPROTO)));
    }
}
