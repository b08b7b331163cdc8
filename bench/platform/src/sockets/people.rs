//! The users who listen: an app whose identity tokens are signed here, and a session for each user.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::AnyError;
use crate::http::{self, Connection};
use crate::load::refused;
use crate::target::App;
use crate::world::user;

/// Connections that sign users in, and open their sockets.
pub const LANES: usize = 32;

/// Users of each conversation.
pub const PER_CONVERSATION: usize = 25;

/// When the identity tokens end: long after the run. Unit: seconds since 1970.
const EXPIRES_AT: u64 = 4_000_000_000;

/// Who signs identity tokens for an app.
struct Signer {
    provider: String,
    key_id: String,
    key: RsaKeyPair,
}

impl Signer {
    async fn of(connection: &mut Connection, app: &App, admin_token: &str) -> Result<Self, AnyError> {
        let path = format!("/_platform/apps/{}/identity_providers", app.id);
        let made = post(connection, &path, &format!("Authorization: Bearer {admin_token}\r\n"), "{}").await?;
        let text = |name: &str| made[name].as_str().map(str::to_owned).ok_or("A new identity provider has no key");
        let pem = text("private_key")?;
        let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let key = RsaKeyPair::from_pkcs8(&STANDARD.decode(base64)?)
            .map_err(|error| format!("The key of a new identity provider cannot be read: {error}"))?;
        Ok(Self { provider: text("provider_id")?, key_id: text("key_id")?, key })
    }

    fn token(&self, user: &str, nonce: &str) -> Result<String, AnyError> {
        let header = json!({ "typ": "JWT", "alg": "RS256", "cty": "layer-eit;v=1", "kid": self.key_id });
        let claims = json!({ "iss": self.provider, "prn": user, "iat": 0, "exp": EXPIRES_AT, "nce": nonce });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        let sign = self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature);
        sign.map_err(|_| "An identity token cannot be signed")?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// Signs so many users in; their session tokens, by number.
pub async fn sign_in(address: SocketAddr, app: &App, admin_token: &str, users: usize) -> Result<Vec<String>, AnyError> {
    let signer = Rc::new(Signer::of(&mut Connection::open(address).await?, app, admin_token).await?);
    let next = Rc::new(Cell::new(0));
    let mut lanes = JoinSet::new();
    for _ in 0..LANES.min(users) {
        let (signer, next, app) = (Rc::clone(&signer), Rc::clone(&next), app.id.clone());
        let mut connection = Connection::open(address).await?;
        lanes.spawn_local(async move {
            let mut sessions = vec![];
            loop {
                let number = next.get();
                if number >= users {
                    return Ok::<_, AnyError>(sessions);
                }
                next.set(number + 1);
                let nonce = post(&mut connection, "/nonces", "", "").await?;
                let nonce = nonce["nonce"].as_str().ok_or("An answer has no nonce")?.to_owned();
                let body = json!({ "identity_token": signer.token(&user(number), &nonce)?, "app_id": app });
                let opened = post(&mut connection, "/sessions", "", &body.to_string()).await?;
                let token = opened["session_token"].as_str().ok_or("An answer has no session")?;
                sessions.push((number, token.to_owned()));
            }
        });
    }
    let mut sessions = vec![];
    while let Some(lane) = lanes.join_next().await {
        sessions.extend(lane??);
    }
    sessions.sort_unstable();
    Ok(sessions.into_iter().map(|(_, token)| token).collect())
}

/// Puts users into conversations of [`PER_CONVERSATION`]; the ids of the conversations, in the order of their users.
pub async fn gather(address: SocketAddr, app: &App, users: usize) -> Result<Vec<Uuid>, AnyError> {
    let mut connection = Connection::open(address).await?;
    let authorization = format!("Authorization: Bearer {}\r\n", app.token);
    let path = format!("/apps/{}/conversations", app.id);
    let mut conversations = vec![];
    for first in (0..users).step_by(PER_CONVERSATION) {
        let participants: Vec<_> = (first..users.min(first + PER_CONVERSATION)).map(user).collect();
        let body = json!({ "participants": participants, "distinct": false }).to_string();
        let made = post(&mut connection, &path, &authorization, &body).await?;
        let id = made["id"].as_str().and_then(|id| id.rsplit('/').next()?.parse().ok());
        conversations.push(id.ok_or("A new conversation has no id")?);
    }
    Ok(conversations)
}

/// Posts JSON, and reads JSON from an answer of success.
async fn post(connection: &mut Connection, path: &str, headers: &str, body: &str) -> Result<Value, AnyError> {
    let mut request = vec![];
    let headers = format_args!("Accept: application/vnd.layer+json; version=2.0\r\n{headers}");
    http::write("POST", path, headers, body, &mut request);
    let answer = connection.exchange(&request).await?;
    if !(200..300).contains(&answer.status) {
        return Err(refused(answer.status, answer.body));
    }
    Ok(serde_json::from_slice(answer.body)?)
}
