//! TLS with a real certificate.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use layer_platform::{Config, Platform, StartError, Tls, TlsFiles};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::client::{exchange, wait_until};

/// A connection to a platform whose certificate is trusted if it is this one.
fn connect(address: &str, trusted: &CertificateDer<'_>) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone().into_owned()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    StreamOwned::new(connection, TcpStream::connect(address).unwrap())
}

#[test]
fn a_platform_with_a_certificate_speaks_tls() {
    let certified = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
    let tls =
        Tls { certificate_pem: certified.cert.pem(), key_pem: certified.signing_key.serialize_pem(), files: None };
    let platform = Platform::start(Config { tls: Some(tls), ..Config::default() }).unwrap();
    let address = platform.url().strip_prefix("https://").unwrap();

    let mut stream = connect(address, certified.cert.der());

    let app = platform.create_app().unwrap();
    let token = format!("Bearer {}", app.token.reveal());
    let headers = [("Accept", "application/vnd.layer+json; version=1.0"), ("Authorization", token.as_str())];
    let target = format!("/apps/{}/conversations", app.app_id);
    let answer = exchange(&mut stream, "POST", &target, &headers, br#"{"participants":["a"]}"#);
    assert_eq!(answer.status, 201);
    assert!(answer.json()["url"].as_str().unwrap().starts_with("https://127.0.0.1:"));
}

#[test]
fn a_certificate_follows_its_files_and_one_that_cannot_be_used_does_not_count() {
    let [first, second] = [1, 2].map(|_| rcgen::generate_simple_self_signed(["localhost".into()]).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let files = TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
    let write = |certificate: &str, key: &str| {
        std::fs::write(&files.certificate, certificate).unwrap();
        std::fs::write(&files.key, key).unwrap();
    };
    let pems = |of: &rcgen::CertifiedKey<rcgen::KeyPair>| (of.cert.pem(), of.signing_key.serialize_pem());
    let (certificate_pem, key_pem) = pems(&first);
    write(&certificate_pem, &key_pem);
    let tls = Tls { certificate_pem, key_pem, files: Some(files.clone()) };
    let platform = Platform::start(Config { tls: Some(tls), ..Config::default() }).unwrap();
    let address = platform.url().strip_prefix("https://").unwrap();
    let shows = |of: &rcgen::CertifiedKey<rcgen::KeyPair>| {
        let mut stream = connect(address, of.cert.der());
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").is_ok()
    };
    // One connection goes on over the change.
    let mut open = connect(address, first.cert.der());
    open.write_all(b"GET /health HTTP/1.1\r\n").unwrap();
    assert!(shows(&first) && !shows(&second));

    write("no certificate", "no key");
    // What cannot be used was looked at once it has been there for two rounds; three pass until the next is shown.
    let (certificate, key) = pems(&second);
    std::fs::write(&files.certificate, certificate).unwrap();
    assert!(shows(&first));
    std::fs::write(&files.key, key).unwrap();
    wait_until("the new certificate is shown", || shows(&second));
    assert!(!shows(&first));
    open.write_all(b"Host: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    open.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn other_machines_are_let_in_without_a_certificate_only_when_that_is_said() {
    for host in ["0.0.0.0", "::", "192.0.2.1"] {
        let host = host.parse().unwrap();
        let error = Platform::start(Config { host, ..Config::default() }).unwrap_err();
        assert!(matches!(error, StartError::PlainHttp(_)), "{error}");
        let text = error.to_string();
        for word in ["host: ", "`allowPlainHttp`", "--allow-plain-http", "--tls-cert"] {
            assert!(text.contains(word), "{text}");
        }
    }
    let host = "0.0.0.0".parse().unwrap();
    let platform = Platform::start(Config { host, allow_plain_http: true, ..Config::default() }).unwrap();
    assert!(platform.url().starts_with("http://127.0.0.1:"));
    for host in ["127.0.0.2", "::ffff:127.0.0.1"] {
        let outcome = Platform::start(Config { host: host.parse().unwrap(), ..Config::default() });
        assert!(!matches!(outcome, Err(StartError::PlainHttp(_))), "{outcome:?}");
    }
}
