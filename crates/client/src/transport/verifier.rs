//! Whom a connection trusts, and what Node, which is OpenSSL here, has to say of a certificate.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};

use super::ciphers;
use crate::failure::{OTHER_NAME, RefusedCertificate};
use crate::options::{InvalidOption, TlsOptions};

/// Trusted authorities.
///
/// A server may show a certificate of `ca` itself, though it is marked as an authority: `openssl req -x509` marks what
/// it makes so. webpki refuses that by the letter of the standard.
#[derive(Debug)]
pub struct Verifier {
    webpki: Arc<WebPkiServerVerifier>,
    /// Those that were given beside that list.
    trusted: Arc<[CertificateDer<'static>]>,
    /// Signatures to ask for; empty for all that there are.
    schemes: Vec<SignatureScheme>,
    /// Whether the name is left to the caller, who looks at the certificate once the connection stands.
    leaves_names: bool,
    /// Certificates that the caller found to be those of a host, though webpki did not. No more than hosts have.
    approved: Mutex<Vec<(ServerName<'static>, CertificateDer<'static>)>>,
}

/// Authorities.
#[derive(Debug, Clone)]
struct Authorities {
    /// With Mozilla's list, if that is wanted.
    store: Arc<RootCertStore>,
    /// Those that were given beside that list; see [`Verifier`].
    given: Arc<[CertificateDer<'static>]>,
}

impl Authorities {
    /// Those of `pems`, beside Mozilla's if so wanted. Error: an entry that is not a certificate; the text names `ca`.
    fn read(pems: &[String], with_mozilla: bool) -> Result<Self, InvalidOption> {
        let mut store = RootCertStore::empty();
        let mut given = Vec::new();
        for pem in pems {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let certificate = certificate.map_err(|error| InvalidOption::of_agent("ca", error))?;
                store.add(certificate.clone()).map_err(|error| InvalidOption::of_agent("ca", error))?;
                given.push(certificate);
            }
        }
        if with_mozilla {
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        Ok(Self { store: Arc::new(store), given: given.into() })
    }

    /// Mozilla's and those that the environment adds: the same for all agents without a `ca` of their own, and read
    /// once, because the file of a system holds some 150.
    fn of_environment(extra: &[String]) -> Result<Self, InvalidOption> {
        static LAST: Mutex<Option<(Vec<String>, Authorities)>> = Mutex::new(None);
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, authorities)) = &*last
            && of == extra
        {
            return Ok(authorities.clone());
        }
        let authorities = Self::read(extra, true)?;
        *last = Some((extra.to_vec(), authorities.clone()));
        Ok(authorities)
    }
}

impl Verifier {
    /// Reads `ca`, or takes Mozilla's list and `extra_ca`.
    ///
    /// Errors: an entry that is not a certificate, or not a list of revoked ones; the text names the option.
    pub fn new(options: &TlsOptions, provider: Arc<CryptoProvider>) -> Result<Self, InvalidOption> {
        let Authorities { store, given: trusted } = match &options.ca {
            Some(pems) => Authorities::read(pems, false)?,
            None => Authorities::of_environment(&options.extra_ca)?,
        };
        if options.ca.is_some() && trusted.is_empty() {
            return Err(InvalidOption::of_agent("ca", "holds no certificate in PEM form"));
        }
        let mut revoked = Vec::new();
        for pem in &options.crl {
            let before = revoked.len();
            for list in CertificateRevocationListDer::pem_slice_iter(pem.as_bytes()) {
                revoked.push(list.map_err(|error| InvalidOption::of_agent("crl", error))?);
            }
            if revoked.len() == before {
                return Err(InvalidOption::of_agent("crl", "holds no list of revoked certificates in PEM form"));
            }
        }
        let name = if options.crl.is_empty() { "ca" } else { "crl" };
        let webpki = WebPkiServerVerifier::builder_with_provider(store, provider)
            .with_crls(revoked)
            .enforce_revocation_expiration()
            .build()
            .map_err(|error| InvalidOption::of_agent(name, error))?;
        Ok(Self {
            webpki,
            trusted,
            schemes: options.sigalgs.as_deref().map_or(Ok(Vec::new()), ciphers::schemes)?,
            leaves_names: options.asks_identity,
            approved: Mutex::default(),
        })
    }

    /// Lets this certificate pass as that of `name` from now on.
    pub fn approve(&self, name: ServerName<'static>, certificate: CertificateDer<'static>) {
        self.approved.lock().unwrap_or_else(PoisonError::into_inner).push((name, certificate));
    }

    fn is_approved(&self, name: &ServerName<'_>, certificate: &CertificateDer<'_>) -> bool {
        let approved = self.approved.lock().unwrap_or_else(PoisonError::into_inner);
        approved.iter().any(|(host, known)| host == name && known == certificate)
    }
}

/// Code and words of Node for what webpki says of a certificate; `None` for what it says of the name.
fn named(
    error: &CertificateError,
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
) -> (&'static str, &'static str) {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            ("CERT_HAS_EXPIRED", "certificate has expired")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ("CERT_NOT_YET_VALID", "certificate is not yet valid")
        }
        CertificateError::UnknownIssuer => unknown_issuer(end_entity, intermediates),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            (OTHER_NAME, "Hostname/IP does not match certificate's altnames")
        }
        CertificateError::Revoked => ("CERT_REVOKED", "certificate revoked"),
        CertificateError::UnknownRevocationStatus => ("UNABLE_TO_GET_CRL", "unable to get certificate CRL"),
        CertificateError::ExpiredRevocationList | CertificateError::ExpiredRevocationListContext { .. } => {
            ("CRL_HAS_EXPIRED", "CRL has expired")
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            ("INVALID_PURPOSE", "unsupported certificate purpose")
        }
        CertificateError::BadSignature => ("CERT_SIGNATURE_FAILURE", "certificate signature failure"),
        _ => ("CERT_REJECTED", "certificate rejected"),
    }
}

/// OpenSSL tells apart where a chain ends whose end is not trusted.
fn unknown_issuer(
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
) -> (&'static str, &'static str) {
    let names = |certificate| {
        let parsed = webpki::EndEntityCert::try_from(certificate).ok()?;
        Some((parsed.subject().to_vec(), parsed.issuer().to_vec()))
    };
    let sent: Vec<_> = intermediates.iter().filter_map(names).collect();
    let mut links = 0;
    let mut last = names(end_entity);
    // Follows the issuers among what the server sent; more links than certificates would be a circle.
    while let Some((subject, issuer)) = &last {
        if subject == issuer {
            return match links {
                0 => ("DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate"),
                _ => ("SELF_SIGNED_CERT_IN_CHAIN", "self-signed certificate in certificate chain"),
            };
        }
        let next = sent.iter().find(|(subject, _)| subject == issuer).cloned();
        if next.is_none() || links == sent.len() {
            break;
        }
        links += 1;
        last = next;
    }
    match links {
        0 => ("UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unable to verify the first certificate"),
        _ => ("UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "unable to get local issuer certificate"),
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let result = self.webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let error = match result {
            // webpki finds this only in a certificate whose dates it has found right.
            Err(Error::InvalidCertificate(CertificateError::Other(other)))
                if matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity)) =>
            {
                if self.trusted.contains(end_entity) {
                    match verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name) {
                        Ok(()) => return Ok(ServerCertVerified::assertion()),
                        Err(Error::InvalidCertificate(error)) => error,
                        Err(error) => return Err(error),
                    }
                } else {
                    CertificateError::UnknownIssuer
                }
            }
            Err(Error::InvalidCertificate(error)) => error,
            other => return other,
        };
        let (code, words) = named(&error, end_entity, intermediates);
        // webpki comes to the name last: all else about this certificate is right.
        if code == OTHER_NAME && (self.leaves_names || self.is_approved(server_name, end_entity)) {
            return Ok(ServerCertVerified::assertion());
        }
        let chain = std::iter::once(end_entity).chain(intermediates).map(|one| one.clone().into_owned()).collect();
        let refused = RefusedCertificate { code, words, chain };
        Err(Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refused)))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        if self.schemes.is_empty() { self.webpki.supported_verify_schemes() } else { self.schemes.clone() }
    }
}

/// Takes any certificate, as long as the peer holds its key: `rejectUnauthorized: false`.
#[derive(Debug)]
pub struct TakesAny(pub Arc<Verifier>);

impl ServerCertVerifier for TakesAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
