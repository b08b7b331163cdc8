//! TLS with a real certificate.

use std::net::TcpStream;
use std::sync::Arc;

use layer_platform::{Config, Platform, Tls};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::client::exchange;

#[test]
fn a_platform_with_a_certificate_speaks_tls() {
    let certified = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
    let tls = Tls { certificate_pem: certified.cert.pem(), key_pem: certified.signing_key.serialize_pem() };
    let platform = Platform::start(Config { tls: Some(tls), ..Config::default() }).unwrap();
    let address = platform.url().strip_prefix("https://").unwrap();

    let mut roots = RootCertStore::empty();
    roots.add(certified.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address).unwrap());

    let app = platform.create_app().unwrap();
    let token = format!("Bearer {}", app.token.reveal());
    let headers = [("Accept", "application/vnd.layer+json; version=1.0"), ("Authorization", token.as_str())];
    let target = format!("/apps/{}/conversations", app.app_id);
    let answer = exchange(&mut stream, "POST", &target, &headers, br#"{"participants":["a"]}"#);
    assert_eq!(answer.status, 201);
    assert!(answer.json()["url"].as_str().unwrap().starts_with("https://127.0.0.1:"));
}
