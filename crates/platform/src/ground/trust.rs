//! The platform where it is the client: of receivers of webhooks, of collectors of spans, and of buckets.

use std::sync::Arc;

use reqwest::{ClientBuilder, redirect, retry};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// A client that trusts Mozilla's authorities and those of the operator. It goes through no proxy, follows nowhere and
/// repeats nothing by itself. Error: why the authorities of the operator cannot be used.
pub fn client(ca_pem: Option<&str>) -> Result<ClientBuilder, String> {
    let client = ClientBuilder::new().tls_backend_preconfigured(authorities(ca_pem)?).no_proxy().http1_only();
    Ok(client.redirect(redirect::Policy::none()).retry(retry::never()))
}

fn authorities(ca_pem: Option<&str>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(pem) = ca_pem {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())?;
        if certificates.is_empty() {
            return Err("the text holds no certificate".into());
        }
        for certificate in certificates {
            roots.add(certificate).map_err(|error| error.to_string())?;
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
