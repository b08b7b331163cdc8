//! Sessions: from an identity token to a session token, and from that to the user. Client API 2.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use layer_store::Writes;
use layer_store::changes::Kinds;
use layer_store::session::SessionRecord;
use layer_store::token::{Token, TokenHash};
use layer_wire::client_api::session::{Claims, NewSession, refused};
use layer_wire::identity::Fields;
use layer_wire::{ApiError, Timestamp};
use serde_json::json;

use super::app::AppService;
use super::cached::Cached;
use super::core::Core;
use super::failure::Failure;
use super::identity_token::UnverifiedToken;
use super::nonce;
use crate::ground::ids::Ids;

/// How long a session lasts where the app says nothing, in seconds: 30 days (assumed).
const DEFAULT_TTL: u32 = 30 * 24 * 60 * 60;

/// The most sessions that are remembered. Beyond that, all are looked up anew.
const MAX_REMEMBERED: usize = 10_000;

/// How many expired sessions and nonces are forgotten when a session is opened: more than one can add.
const FORGOTTEN_AT_ONCE: usize = 10;

/// Sessions of users.
pub struct SessionService {
    core: Arc<Core>,
    apps: AppService,
    /// Sessions that were seen, by the hash of their token, so that a request does not have to look its session up.
    /// They end with their app, too.
    seen: Cached<HashMap<[u8; 32], SessionRecord>>,
    /// What nonces are signed with, if that is known. It changes only with all that is stored, and every reader hears
    /// of that who has an interest in something.
    nonce_key: Cached<Option<[u8; 32]>>,
}

impl SessionService {
    /// Knows no session yet.
    pub(super) fn new(core: Arc<Core>, apps: AppService) -> Self {
        let seen = Cached::new(&*core.store, Kinds::SESSIONS | Kinds::APPS);
        let nonce_key = Cached::new(&*core.store, Kinds::APPS);
        Self { core, apps, seen, nonce_key }
    }

    /// A nonce for an identity token: good for ten minutes, and for one session.
    pub async fn nonce(&self) -> Result<String, Failure> {
        let key = nonce::key(&*self.core.store, &self.nonce_key).await?;
        Ok(nonce::make(&key, self.core.clock.now()))
    }

    /// Why a request without a session, or with one that ended, is refused: `authentication_required` with a fresh
    /// nonce, so that the client can begin anew.
    pub async fn unauthenticated(&self) -> Failure {
        match self.nonce().await {
            Ok(nonce) => ApiError::authentication_required().with_data(json!({ "nonce": nonce })).into(),
            Err(failure) => failure,
        }
    }

    /// The session with this token.
    ///
    /// Error: `authentication_required` with a fresh nonce when there is none, also for one that has expired.
    pub async fn find(&self, token: &str) -> Result<SessionRecord, Failure> {
        let hash = TokenHash::of(token);
        let (seen, since) = self.seen.read(|sessions| sessions.get(hash.as_bytes()).cloned());
        let found = if seen.is_some() {
            seen
        } else {
            let found = self.core.store.read(move |reads| reads.session(&hash)).await?;
            if let Some(session) = &found {
                self.seen.update(since, |sessions| {
                    if sessions.len() >= MAX_REMEMBERED {
                        sessions.clear();
                    }
                    sessions.insert(*hash.as_bytes(), session.clone());
                });
            }
            found
        };
        match found {
            Some(session) if self.core.clock.now() < session.expires_at => Ok(session),
            _ => Err(self.unauthenticated().await),
        }
    }

    /// Opens a session for the user that an identity token names. The user is created on the fly, and its identity from
    /// what the token claims, or changed by it.
    ///
    /// Checked in this order (assumed): the app, provider and key, signature, expiry, nonce. A nonce is used up only by
    /// a token whose signature is right. Errors: `invalid_app_id`; `invalid_property` `identity_token`;
    /// `user_suspended`.
    pub async fn open(&self, request: NewSession) -> Result<Token, Failure> {
        let app = self.apps.key(request.app).await?;
        let token = UnverifiedToken::read(&request.identity_token)?;
        let (provider, key) = (token.provider, token.key);
        let public_key = self.core.store.read(move |reads| reads.identity_key(app, provider, key)).await?;
        let public_key = public_key
            .ok_or_else(|| refused("must name a provider of the app and one of its keys as 'iss' and 'kid'"))?;
        let now = self.core.clock.now();
        let Claims { user, nonce, identity } = token.verify(&public_key, now)?;
        let nonce_key = nonce::key(&*self.core.store, &self.nonce_key).await?;
        let nonce = nonce::check(&nonce_key, now, &nonce);
        let nonce = nonce.ok_or_else(|| refused("must have a nonce of the last ten minutes as 'nce'"))?;

        let session = Token::new(URL_SAFE_NO_PAD.encode(Ids::system_secret::<64>()));
        let hash = session.hash();
        let open = move |writes: &mut dyn Writes| {
            if writes.is_suspended(app, &user)? == Some(true) {
                return Err(ApiError::user_suspended().into());
            }
            if !writes.use_nonce(&nonce.hash, nonce.expires_at)? {
                return Err(refused("has a nonce that was used before").into());
            }
            let before = writes.hold_identity(app, &user)?;
            let after = Fields::with_claims(before.as_deref(), &identity);
            let after =
                after.map_err(|error| refused(&format!("brings an identity that is refused: {}", error.message())))?;
            if let Some(after) = after.filter(|after| before.as_deref() != Some(after)) {
                writes.put_identity(app, &user, &after)?;
            }
            let seconds = writes.session_ttl(app)?.unwrap_or(DEFAULT_TTL);
            let expires_at = Timestamp::from_ms(now.as_ms().saturating_add(i64::from(seconds) * 1000));
            writes.insert_session(app, &user, &hash, now, expires_at)?;
            writes.forget_expired(now, FORGOTTEN_AT_ONCE)?;
            Ok::<_, Failure>(())
        };
        self.core.store.write(open).await?;
        Ok(session)
    }

    /// Ends a session of one's own. Another token than `own` ends nothing: whether it exists is not told (assumed).
    pub async fn end(&self, own: &str, named: &str) -> Result<(), Failure> {
        let hash = TokenHash::of(named);
        if TokenHash::of(own).matches(&hash) {
            self.core.store.write(move |writes| writes.end_session(&hash)).await?;
        }
        Ok(())
    }
}
