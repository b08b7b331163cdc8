//! TLS settings of an agent, in rustls with the ring provider.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use std::sync::Arc;

use crate::agent::{InvalidAgent, TlsOptions};

/// Builds the TLS settings.
///
/// Roots are Mozilla's, as in Node, unless `ca` names others.
/// Errors: a `ca`, `cert` or `key` that is not PEM or does not fit; the text names the option.
pub fn client_config(options: &TlsOptions) -> Result<ClientConfig, InvalidAgent> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| InvalidAgent::new("minVersion", error))?;
    let authorities = Authorities::new(options, provider)?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(authorities));
    match (&options.cert, &options.key) {
        (Some(cert), Some(key)) => {
            let chain = CertificateDer::pem_slice_iter(cert.as_bytes())
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| InvalidAgent::new("cert", error))?;
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| InvalidAgent::new("key", error))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| InvalidAgent::new("cert", error))
        }
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(_), None) => Err(InvalidAgent::new("key", "is missing beside `cert`")),
        (None, Some(_)) => Err(InvalidAgent::new("cert", "is missing beside `key`")),
    }
}

/// Trusted authorities, and what else Node, which is OpenSSL here, has to say of a certificate.
///
/// - A server may show a certificate of `ca` itself, though it is marked as an authority: `openssl req -x509` marks what
///   it makes so. webpki refuses that by the letter of the standard.
/// - Certificates of unknown origin are told apart by the codes that Node has for them.
#[derive(Debug)]
struct Authorities {
    webpki: Arc<WebPkiServerVerifier>,
    /// Those of `ca`; empty for Mozilla's.
    trusted: Vec<CertificateDer<'static>>,
    /// Whether any certificate will do, as long as the peer holds its key: `rejectUnauthorized: false`.
    takes_any: bool,
}

/// Codes of Node for a certificate whose issuer is not trusted, with Node's words. rustls carries the code as a text.
pub const UNTRUSTED: [(&str, &str); 4] = [
    ("DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate"),
    ("SELF_SIGNED_CERT_IN_CHAIN", "self-signed certificate in certificate chain"),
    ("UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unable to verify the first certificate"),
    ("UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "unable to get local issuer certificate"),
];

impl Authorities {
    fn new(options: &TlsOptions, provider: Arc<CryptoProvider>) -> Result<Self, InvalidAgent> {
        let mut store = RootCertStore::empty();
        let mut trusted = Vec::new();
        for pem in &options.ca {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let certificate = certificate.map_err(|error| InvalidAgent::new("ca", error))?;
                store.add(certificate.clone()).map_err(|error| InvalidAgent::new("ca", error))?;
                trusted.push(certificate);
            }
        }
        if options.ca.is_empty() {
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        } else if trusted.is_empty() {
            return Err(InvalidAgent::new("ca", "holds no certificate in PEM form"));
        }
        let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider)
            .build()
            .map_err(|error| InvalidAgent::new("ca", error))?;
        Ok(Self { webpki, trusted, takes_any: !options.reject_unauthorized })
    }
}

/// Which of [`UNTRUSTED`] a chain is.
fn untrusted(end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Error {
    let is_self_signed = |certificate: &CertificateDer<'_>| {
        webpki::EndEntityCert::try_from(certificate).is_ok_and(|parsed| parsed.issuer() == parsed.subject())
    };
    let index = if is_self_signed(end_entity) {
        0
    } else if intermediates.iter().any(is_self_signed) {
        1
    } else if intermediates.is_empty() {
        2
    } else {
        3
    };
    Error::General(UNTRUSTED[index].0.to_owned())
}

impl ServerCertVerifier for Authorities {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.takes_any {
            return Ok(ServerCertVerified::assertion());
        }
        let result = self.webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match result {
            // webpki finds this only in a certificate whose dates it has found right.
            Err(Error::InvalidCertificate(CertificateError::Other(other)))
                if matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity)) =>
            {
                if !self.trusted.contains(end_entity) {
                    return Err(untrusted(end_entity, intermediates));
                }
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                Err(untrusted(end_entity, intermediates))
            }
            other => other,
        }
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
        self.webpki.supported_verify_schemes()
    }
}
