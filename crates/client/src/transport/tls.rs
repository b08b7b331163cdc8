//! TLS of an agent, in rustls with the ring provider.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, SupportedProtocolVersion, version};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::verifier::{TakesAny, Verifier};
use super::{ciphers, sessions};
use crate::asker::{Asked, Question};
use crate::failure::{NoReply, RefusedCertificate};
use crate::options::{InvalidOption, TlsOptions, TlsVersion, Unauthorized};

/// The settings of an agent, read.
pub struct Tls {
    verifier: Arc<Verifier>,
    /// Refuses servers that cannot prove their name.
    strict: Arc<ClientConfig>,
    /// Takes any server. It has sessions of its own: one that was not verified must not be resumed as if it were.
    lax: Arc<ClientConfig>,
    unauthorized: Unauthorized,
    /// Whether the caller let such a server pass when it was asked last.
    was_lax: AtomicBool,
    asks_identity: bool,
    asker: Asked,
}

/// Which of the two settings a connection uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The server has to prove its name.
    Strict,
    /// Any server will do.
    Lax,
}

impl Tls {
    /// Reads the settings.
    ///
    /// Roots are Mozilla's, as in Node, unless `ca` names others.
    /// Errors: certificates, keys, ciphers or curves that cannot be used; the text names the option.
    pub fn new(options: &TlsOptions, asker: Asked) -> Result<Self, InvalidOption> {
        let provider = Arc::new(provider(options)?);
        let verifier = Arc::new(Verifier::new(options, Arc::clone(&provider))?);
        let strict = config(options, provider, Arc::clone(&verifier))?;
        let mut lax = strict.clone();
        lax.dangerous().set_certificate_verifier(Arc::new(TakesAny(Arc::clone(&verifier))));
        lax.resumption = sessions::of_at_most(options.max_cached_sessions);
        Ok(Self {
            strict: Arc::new(strict),
            lax: Arc::new(lax),
            verifier,
            unauthorized: options.unauthorized,
            was_lax: AtomicBool::new(options.unauthorized == Unauthorized::Asks { expects: true }),
            asks_identity: options.asks_identity,
            asker,
        })
    }

    /// The settings to begin with, for those who cannot ask.
    pub fn config(&self) -> &ClientConfig {
        let is_lax = self.unauthorized == Unauthorized::Taken || self.was_lax.load(Ordering::Relaxed);
        if is_lax { &self.lax } else { &self.strict }
    }

    /// With which settings to try first.
    pub async fn mode(&self) -> Mode {
        match self.unauthorized {
            Unauthorized::Taken => Mode::Lax,
            // Asked again each time: the environment may have changed.
            Unauthorized::Asks { .. } if self.was_lax.load(Ordering::Relaxed) => self.ask_leave().await,
            _ => Mode::Strict,
        }
    }

    async fn ask_leave(&self) -> Mode {
        let is_lax = matches!(self.asker.ask(Question::Unauthorized).await, Some(Ok(_)));
        self.was_lax.store(is_lax, Ordering::Relaxed);
        if is_lax { Mode::Lax } else { Mode::Strict }
    }

    /// Shakes hands with the server at the other end of `stream`.
    pub async fn connect<S>(&self, mode: Mode, name: &ServerName<'static>, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let config = if mode == Mode::Strict { &self.strict } else { &self.lax };
        TlsConnector::from(Arc::clone(config)).connect(name.clone(), stream).await
    }

    /// What to do about a certificate that was refused: the mode for another attempt, or the failure to report.
    ///
    /// Names are compared by Node's own rules before one is refused: it knows names that are not alternative ones.
    pub async fn appeal(
        &self,
        refused: &RefusedCertificate,
        name: &ServerName<'static>,
        host: &str,
    ) -> Result<Mode, NoReply> {
        let mut failure = NoReply::refused(refused);
        if refused.is_for_another_name() {
            match self.asker.identity(host, &refused.chain).await {
                Some(Ok(_)) => {
                    if let Some(certificate) = refused.chain.first() {
                        self.verifier.approve(name.clone(), certificate.clone());
                    }
                    return Ok(Mode::Strict);
                }
                Some(Err(said)) => failure = said,
                None => {}
            }
        }
        if matches!(self.unauthorized, Unauthorized::Asks { .. }) && self.ask_leave().await == Mode::Lax {
            return Ok(Mode::Lax);
        }
        Err(failure)
    }

    /// Asks the caller about the server's certificate, where it wants to be asked.
    pub async fn check_identity<S>(&self, mode: Mode, host: &str, stream: &TlsStream<S>) -> Result<(), NoReply> {
        if !self.asks_identity || mode == Mode::Lax {
            return Ok(());
        }
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        match self.asker.identity(host, chain).await {
            Some(Ok(_)) => Ok(()),
            Some(Err(failure)) => {
                let may_ask = matches!(self.unauthorized, Unauthorized::Asks { .. });
                if may_ask && self.ask_leave().await == Mode::Lax { Ok(()) } else { Err(failure) }
            }
            // Nobody to ask: the name was not looked at, so it cannot be right.
            None => Err(NoReply::hang_up()),
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("unauthorized", &self.unauthorized).finish_non_exhaustive()
    }
}

/// What may be offered to a server.
fn provider(options: &TlsOptions) -> Result<CryptoProvider, InvalidOption> {
    let mut provider = ring::default_provider();
    if let Some(text) = &options.ciphers {
        provider.cipher_suites = ciphers::suites(text)?;
    }
    if let Some(text) = &options.curves {
        provider.kx_groups = ciphers::curves(text)?;
    }
    Ok(provider)
}

fn config(
    options: &TlsOptions,
    provider: Arc<CryptoProvider>,
    verifier: Arc<Verifier>,
) -> Result<ClientConfig, InvalidOption> {
    let versions: Vec<&SupportedProtocolVersion> =
        [(TlsVersion::V13, &version::TLS13), (TlsVersion::V12, &version::TLS12)]
            .into_iter()
            .filter(|(version, _)| (options.min_version..=options.max_version).contains(version))
            // Node, too, leaves a version out for which `ciphers` has none.
            .filter(|(_, supported)| provider.cipher_suites.iter().any(|suite| suite.version() == *supported))
            .map(|(_, supported)| supported)
            .collect();
    let option = if options.ciphers.is_some() { "ciphers" } else { "maxVersion" };
    if versions.is_empty() {
        return Err(InvalidOption::of_agent(option, "leaves no version of TLS to speak"));
    }
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|error| InvalidOption::of_agent(option, error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match (&options.cert, &options.key) {
        (Some(cert), Some(key)) => {
            let chain = CertificateDer::pem_slice_iter(cert.as_bytes())
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| InvalidOption::of_agent("cert", error))?;
            let key =
                PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| InvalidOption::of_agent("key", error))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| InvalidOption::of_agent("cert", error))
        }
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(_), None) => Err(InvalidOption::of_agent("key", "is missing beside `cert`")),
        (None, Some(_)) => Err(InvalidOption::of_agent("cert", "is missing beside `key`")),
    }?;
    config.alpn_protocols.clone_from(&options.protocols);
    config.enable_sni = options.servername.as_deref() != Some("");
    config.resumption = sessions::of_at_most(options.max_cached_sessions);
    Ok(config)
}
