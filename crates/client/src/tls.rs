//! TLS settings of an agent, in rustls with the ring provider.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
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
    let builder = if options.reject_unauthorized {
        builder.with_root_certificates(roots(options)?)
    } else {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
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

fn roots(options: &TlsOptions) -> Result<RootCertStore, InvalidAgent> {
    if options.ca.is_empty() {
        return Ok(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() });
    }
    let mut store = RootCertStore::empty();
    for pem in &options.ca {
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|error| InvalidAgent::new("ca", error))?;
            store.add(certificate).map_err(|error| InvalidAgent::new("ca", error))?;
        }
    }
    if store.is_empty() {
        return Err(InvalidAgent::new("ca", "holds no certificate in PEM form"));
    }
    Ok(store)
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
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
