//! TLS settings of an agent, in rustls with the ring provider.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
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
    let builder = if !options.reject_unauthorized {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
    } else if options.ca.is_empty() {
        builder.with_root_certificates(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
    } else {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(OwnAuthorities::new(&options.ca, provider)?))
    };
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

/// `ca`: the certificates to trust, and a server that shows one of them itself.
///
/// `openssl req -x509` marks what it makes as an authority, and OpenSSL, so Node, takes such a certificate for a
/// server's as well when it is trusted. webpki does not, by the letter of the standard.
#[derive(Debug)]
struct OwnAuthorities {
    webpki: Arc<WebPkiServerVerifier>,
    trusted: Vec<CertificateDer<'static>>,
}

impl OwnAuthorities {
    fn new(ca: &[String], provider: Arc<CryptoProvider>) -> Result<Self, InvalidAgent> {
        let mut store = RootCertStore::empty();
        let mut trusted = Vec::new();
        for pem in ca {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let certificate = certificate.map_err(|error| InvalidAgent::new("ca", error))?;
                store.add(certificate.clone()).map_err(|error| InvalidAgent::new("ca", error))?;
                trusted.push(certificate);
            }
        }
        if trusted.is_empty() {
            return Err(InvalidAgent::new("ca", "holds no certificate in PEM form"));
        }
        let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider)
            .build()
            .map_err(|error| InvalidAgent::new("ca", error))?;
        Ok(Self { webpki, trusted })
    }
}

impl ServerCertVerifier for OwnAuthorities {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let result = self.webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match result {
            Err(Error::InvalidCertificate(CertificateError::Other(other)))
                // webpki finds this only in a certificate whose dates it has found right.
                if matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
                    && self.trusted.contains(end_entity) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
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

/// `rejectUnauthorized: false`: any certificate will do, as long as the peer holds its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
