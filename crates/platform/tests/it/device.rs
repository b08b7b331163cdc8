//! A user's device: it signs in with an identity token and speaks the Client API.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use layer_platform::Platform;
use ring::rand::SystemRandom;
use ring::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use crate::client::{Answer, Server, raw};

/// Calls the admin API, which answers with JSON or with nothing.
pub fn admin(platform: &Platform, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let body = if body.is_null() { vec![] } else { body.to_string().into_bytes() };
    let answer = platform.call_admin(method.parse().unwrap(), &format!("/_platform{path}"), body).unwrap();
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

/// Reads a private key, PEM of PKCS#8.
pub fn read_private(pem: &str) -> RsaKeyPair {
    let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    RsaKeyPair::from_pkcs8(&STANDARD.decode(base64).unwrap()).unwrap()
}

/// A key that the tests of a process share, since it takes a while to make one.
fn shared_key() -> &'static RsaKeyPair {
    static KEY: OnceLock<RsaKeyPair> = OnceLock::new();
    KEY.get_or_init(|| {
        let platform = Platform::start(layer_platform::Config::default()).unwrap();
        let app = platform.create_app().unwrap().app_id;
        let (_, made) = admin(&platform, "POST", &format!("/apps/{app}/identity_providers"), &Value::Null);
        read_private(made["private_key"].as_str().unwrap())
    })
}

/// The public half of the shared key, as PEM.
pub fn shared_public_pem() -> String {
    let base64 = STANDARD.encode(shared_key().public_key().as_ref());
    format!("-----BEGIN RSA PUBLIC KEY-----\n{base64}\n-----END RSA PUBLIC KEY-----\n")
}

/// The server of an application, which signs identity tokens.
pub struct Signer<'k> {
    pub provider_id: String,
    pub key_id: String,
    pub key: &'k RsaKeyPair,
}

impl Signer<'static> {
    /// Registers the shared key with the app of a server.
    pub fn of(server: &Server) -> Self {
        let path = format!("/apps/{}/identity_providers", server.app.app_id);
        let (status, made) = admin(&server.platform, "POST", &path, &json!({ "public_key": shared_public_pem() }));
        assert_eq!(status, 201, "{made}");
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        Self { provider_id: text("provider_id"), key_id: text("key_id"), key: shared_key() }
    }
}

impl Signer<'_> {
    /// The header of a token.
    pub fn header(&self) -> Value {
        json!({ "typ": "JWT", "alg": "RS256", "cty": "layer-eit;v=1", "kid": self.key_id })
    }

    /// The claims of a token that is good for a year of the platform's time, at any time that tests set.
    pub fn claims(&self, user: &str, nonce: &str) -> Value {
        json!({ "iss": self.provider_id, "prn": user, "iat": 0, "exp": 4_000_000_000_u64, "nce": nonce })
    }

    /// Signs a token.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A token for a user.
    pub fn token(&self, user: &str, nonce: &str) -> String {
        self.sign(&self.header(), &self.claims(user, nonce))
    }

    /// Signs a user in, in version 3.0.
    pub fn device<'s>(&self, server: &'s Server, user: &str) -> Device<'s> {
        let anonymous = Device::anonymous(server);
        let answer = anonymous.open_session(&self.token(user, &anonymous.nonce()));
        assert_eq!(answer.status, 201, "{answer:?}");
        Device { session: answer.json()["session_token"].as_str().unwrap().to_owned(), ..anonymous }
    }
}

/// A device, with a session or before it has one.
pub struct Device<'s> {
    pub server: &'s Server,
    /// The session token, or nothing.
    pub session: String,
    pub version: &'static str,
}

impl<'s> Device<'s> {
    /// A device without a session, in version 3.0.
    pub fn anonymous(server: &'s Server) -> Self {
        Self { server, session: String::new(), version: "3.0" }
    }

    /// The same device with an older SDK.
    pub fn at(&self, version: &'static str) -> Self {
        Self { server: self.server, session: self.session.clone(), version }
    }

    /// A fresh nonce.
    pub fn nonce(&self) -> String {
        let answer = self.send("POST", "/nonces", &[], "");
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["nonce"].as_str().unwrap().to_owned()
    }

    /// Asks for a session.
    pub fn open_session(&self, identity_token: &str) -> Answer {
        let app = self.server.app.app_id.to_string();
        self.post("/sessions", &json!({ "identity_token": identity_token, "app_id": app }))
    }

    /// Sends a request with the headers of the SDKs; given headers replace those, and empty ones are left out.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let accept = format!("application/vnd.layer+json; version={}", self.version);
        let authorization = format!("Layer session-token=\"{}\"", self.session);
        let mut all = vec![("Accept", accept.as_str()), ("Content-Type", "application/json")];
        if !self.session.is_empty() {
            all.push(("Authorization", &authorization));
        }
        all.retain(|(name, _)| !headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)));
        all.extend(headers.iter().filter(|(_, value)| !value.is_empty()));
        raw(&self.server.platform, method, path, &all, body.as_bytes())
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], "")
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[], &body.to_string())
    }

    pub fn patch(&self, path: &str, operations: &Value) -> Answer {
        self.send("PATCH", path, &[("Content-Type", "application/vnd.layer-patch+json")], &operations.to_string())
    }
}
