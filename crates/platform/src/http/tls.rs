//! TLS: from PEM text to an acceptor, whose certificate follows its files.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::config::{Tls, TlsFiles};

/// How often the files of a certificate are looked at.
const PAUSE: Duration = Duration::from_secs(2);

/// Why a certificate and its key cannot be used.
#[derive(Debug)]
pub enum TlsError {
    /// The certificate, and why.
    Certificate(String),
    /// The private key, and why.
    Key(String),
}

impl TlsError {
    /// Which of the two, and why.
    fn reason(&self) -> String {
        match self {
            Self::Certificate(reason) => format!("the certificate: {reason}"),
            Self::Key(reason) => format!("the key: {reason}"),
        }
    }
}

/// The certificate that handshakes get: the latest one that could be used.
#[derive(Debug)]
pub struct Certificate(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // Also after a panic elsewhere: it is replaced in one step.
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A certificate with its key.
///
/// Error: `Certificate` or `Key`, when the text is not what it should be or the two do not belong together.
fn certified(certificate_pem: &str, key_pem: &str) -> Result<CertifiedKey, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate_pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| TlsError::Certificate(error.to_string()))?;
    if chain.is_empty() {
        return Err(TlsError::Certificate("the text holds no certificate".into()));
    }
    // The cause is left out: it must not quote the key.
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes())
        .map_err(|_| TlsError::Key("the text holds no private key".into()))?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|error| TlsError::Certificate(error.to_string()))
}

/// Builds the acceptor, and the certificate that it shows from now on.
///
/// Error: as of [`certified`].
pub fn acceptor(tls: &Tls) -> Result<(TlsAcceptor, Arc<Certificate>), TlsError> {
    let certified = certified(&tls.certificate_pem, &tls.key_pem)?;
    let certificate = Arc::new(Certificate(RwLock::new(Arc::new(certified))));
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Certificate(error.to_string()))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(&certificate) as _);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((TlsAcceptor::from(Arc::new(config)), certificate))
}

/// What is in the files, or why they cannot be read.
type Content = Result<(String, String), String>;

async fn read(files: &TlsFiles) -> Content {
    let TlsFiles { certificate, key } = files.clone();
    let read = move || {
        let text = |path: &std::path::Path| {
            std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
        };
        Ok((text(&certificate)?, text(&key)?))
    };
    tokio::task::spawn_blocking(read).await.unwrap_or_else(|_| Err("the files cannot be read".into()))
}

/// Looks at the files until the platform stops, and shows what is new in them from the next handshake on. What cannot
/// be used is said once, and the certificate before stays.
///
/// Whoever renews a certificate writes two files, one after the other: what was found counts once it is found again.
pub async fn follow(certificate: Arc<Certificate>, files: TlsFiles, shown: Tls, mut stop: watch::Receiver<bool>) {
    let mut judged: Content = Ok((shown.certificate_pem, shown.key_pem));
    let mut candidate = judged.clone();
    loop {
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = stop.wait_for(|is_stopping| *is_stopping) => return,
        }
        let found = read(&files).await;
        if found == judged || found != candidate {
            candidate = found;
            continue;
        }
        let outcome = match &found {
            Ok((certificate, key)) => certified(certificate, key).map_err(|error| error.reason()),
            Err(reason) => Err(reason.clone()),
        };
        let file = files.certificate.display();
        match outcome {
            Ok(new) => {
                *certificate.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                tracing::info!(%file, "a new certificate is shown");
            }
            Err(error) => tracing::warn!(%file, error, "the new certificate cannot be used; the one before stays"),
        }
        judged = found;
    }
}
