//! Apps and their tokens.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use layer_store::app::{AppRecord, TokenRecord};
use layer_store::key::AppKey;
use layer_store::token::{Token, TokenHash};
use layer_store::{Reads, StoreError, Writes};
use layer_wire::app::AppChange;
use layer_wire::{ApiError, AppId, ErrorKind, Timestamp};
use uuid::Uuid;

use super::cached::Cached;
use super::core::Core;
use super::failure::Failure;
use crate::ground::ids::Ids;

/// How exactly the last use of a token is noted, so that it costs a write an hour. Unit: milliseconds.
const USE_NOTED_EVERY_MS: i64 = 60 * 60 * 1000;

/// The most tokens that an app can have (assumed): a request is compared with each.
const MAX_TOKENS: usize = 20;

/// The longest name of an app or a token. Unit: characters.
const MAX_NAME: usize = 100;

/// How many rows of deleted apps are removed in one transaction, which other writes wait for.
const PURGED_AT_ONCE: usize = 500;

/// A new app.
#[derive(Debug, Clone)]
pub struct NewApp {
    /// Its id.
    pub app_id: AppId,
    /// Its token. This is the only time it is seen: the platform keeps a hash of it.
    pub token: Token,
}

/// A new token of an app.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What is kept of it.
    pub record: TokenRecord,
    /// The token itself. This is the only time it is seen.
    pub token: Token,
}

/// An app as it was looked up, and when its tokens were used since.
pub struct KnownApp {
    record: AppRecord,
    /// When the use of each token was noted, in the order of the tokens; the smallest number where it was not.
    used_at: Box<[AtomicI64]>,
}

impl KnownApp {
    fn new(record: AppRecord) -> Self {
        let used_at = record.tokens.iter().map(|token| token.used_at.map_or(i64::MIN, Timestamp::as_ms));
        Self { used_at: used_at.map(AtomicI64::new).collect(), record }
    }

    /// The token with this hash, if it has not expired. All are compared: the time must not tell which one matched.
    fn token(&self, given: &TokenHash, now: Timestamp) -> Option<usize> {
        let mut found = None;
        for (index, token) in self.record.tokens.iter().enumerate() {
            let is_good = token.hash.matches(given) & token.expires_at.is_none_or(|at| now < at);
            found = if is_good { Some(index) } else { found };
        }
        found
    }

    /// Whether the use of a token is to be noted now. Says so to one caller.
    fn is_use_to_be_noted(&self, token: usize, now: Timestamp) -> bool {
        let (used_at, now) = (&self.used_at[token], now.as_ms());
        let before = used_at.load(Ordering::Relaxed);
        let is_due = before == i64::MIN || now.saturating_sub(before) >= USE_NOTED_EVERY_MS;
        is_due && used_at.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl Deref for KnownApp {
    type Target = AppRecord;

    fn deref(&self) -> &AppRecord {
        &self.record
    }
}

/// Apps that were looked up.
pub type KnownApps = HashMap<AppId, Arc<KnownApp>>;

/// Apps and their tokens.
#[derive(Clone)]
pub struct AppService {
    pub(super) core: Arc<Core>,
    /// Apps that were looked up before: most requests need no lookup.
    pub(super) seen: Arc<Cached<KnownApps>>,
}

impl AppService {
    /// Checks a token against an app.
    ///
    /// Errors: `invalid_app_id` for an unknown app, `authentication_required` for a token of another app, for one that
    /// was revoked and for one that has expired.
    pub async fn authenticate(&self, app: AppId, token: &str) -> Result<AppKey, Failure> {
        let known = self.find(app).await?.ok_or_else(ApiError::invalid_app_id)?;
        let now = self.core.clock.now();
        let token = known.token(&TokenHash::of(token), now).ok_or_else(ApiError::authentication_required)?;
        if known.is_use_to_be_noted(token, now) {
            let (key, id) = (known.key, known.tokens[token].id);
            let note = move |writes: &mut dyn Writes| writes.note_token_use(key, id, now);
            // Nobody waits for it. A store that is too busy for it hears of the next use in an hour.
            let _ = self.core.store.submit_write(note, |_: Result<(), StoreError>| {});
        }
        Ok(known.key)
    }

    /// An app.
    pub async fn find(&self, id: AppId) -> Result<Option<Arc<KnownApp>>, StoreError> {
        let (seen, since) = self.seen.read(|apps| apps.get(&id).cloned());
        if seen.is_some() {
            return Ok(seen);
        }
        let found = self.core.store.read(move |reads| reads.app(id)).await?;
        let found = found.map(|record| Arc::new(KnownApp::new(record)));
        if let Some(known) = &found {
            self.seen.update(since, |apps| drop(apps.insert(id, Arc::clone(known))));
        }
        Ok(found)
    }

    /// The key of an app. Error: `invalid_app_id`.
    pub async fn key(&self, id: AppId) -> Result<AppKey, Failure> {
        Ok(self.find(id).await?.ok_or_else(ApiError::invalid_app_id)?.key)
    }

    /// Changes an app: all changes in order, or none.
    pub async fn edit(&self, app: AppKey, changes: Vec<AppChange>) -> Result<(), Failure> {
        let edit = move |writes: &mut dyn Writes| {
            for change in &changes {
                match change {
                    AppChange::SetSessionTtl(seconds) => writes.set_session_ttl(app, *seconds)?,
                }
            }
            Ok(())
        };
        self.core.store.write(edit).await
    }

    /// All apps, the oldest first.
    pub async fn all(&self) -> Result<Vec<(AppId, AppRecord)>, StoreError> {
        let read = |reads: &dyn Reads| {
            let ids = reads.app_ids()?.into_iter();
            let apps = ids.filter_map(|(_, id)| reads.app(id).transpose().map(|app| Ok((id, app?))));
            apps.collect::<Result<Vec<_>, StoreError>>()
        };
        self.core.store.read(read).await
    }

    /// Whether there is any app. Waits for the store: not for the threads that serve requests.
    pub fn is_there_any(&self) -> Result<bool, StoreError> {
        self.core.store.write_blocking(|writes: &mut dyn Writes| Ok(!writes.app_ids()?.is_empty()))
    }

    /// Creates an app with a token. Waits for the store: not for the threads that serve requests.
    ///
    /// Error: `invalid_property` `name`.
    pub fn create(&self, name: Option<&str>) -> Result<NewApp, Failure> {
        let name = checked_name(name)?;
        let app_id = AppId::new(self.core.ids.app());
        let NewToken { record, token } = self.new_token(None);
        let create = move |writes: &mut dyn Writes| {
            let app = writes.insert_app(app_id, name.as_deref(), record.created_at)?;
            writes.insert_token(app, &record)
        };
        self.core.store.write_blocking::<_, StoreError>(create)?;
        Ok(NewApp { app_id, token })
    }

    /// Deletes an app with all that it has: from now on nothing of it is found, and [`Self::purge`] removes the rest.
    ///
    /// Error: `invalid_app_id`.
    pub async fn delete(&self, app: AppId) -> Result<(), Failure> {
        let is_deleted = self.core.store.write::<_, StoreError>(move |writes| writes.delete_app(app)).await?;
        if is_deleted { Ok(()) } else { Err(ApiError::invalid_app_id().into()) }
    }

    /// Removes what deleted apps had, in steps that others get in between.
    pub async fn purge(&self) -> Result<(), StoreError> {
        while !self.core.store.write(|writes| writes.purge_deleted_apps(PURGED_AT_ONCE)).await? {}
        Ok(())
    }

    /// The tokens of an app, the oldest first. Error: `invalid_app_id`.
    pub async fn tokens(&self, app: AppId) -> Result<Vec<TokenRecord>, Failure> {
        // Not what was seen before: that a token was used is told to nobody.
        let found = self.core.store.read(move |reads| reads.app(app)).await?;
        Ok(found.ok_or_else(ApiError::invalid_app_id)?.tokens)
    }

    /// Adds a token to an app.
    ///
    /// Errors: `invalid_app_id`; `invalid_property` `name`; `invalid_operation` when it has too many.
    pub async fn create_token(&self, app: AppId, name: Option<&str>) -> Result<NewToken, Failure> {
        let new = self.new_token(checked_name(name)?);
        let record = new.record.clone();
        self.core.store.write(move |writes| insert_token(writes, app, &record)).await?;
        Ok(new)
    }

    /// Adds a token in the place of another one, which is refused from `grace_ms` on, or, without that, once it is
    /// revoked. The new one has the name of the old one.
    ///
    /// Errors: `invalid_app_id`; `not_found`; `invalid_operation` when the app has too many.
    pub async fn rotate_token(&self, app: AppId, old: Uuid, grace_ms: Option<i64>) -> Result<NewToken, Failure> {
        let new = self.new_token(None);
        let record = new.record.clone();
        let rotate = move |writes: &mut dyn Writes| {
            let found = writes.app(app)?.ok_or_else(ApiError::invalid_app_id)?;
            let old = found.tokens.into_iter().find(|token| token.id == old).ok_or_else(token_not_found)?;
            match grace_ms {
                Some(0) => drop(writes.delete_token(found.key, old.id)?),
                Some(grace_ms) => {
                    // It never comes to work for longer than before.
                    let at = Timestamp::from_ms(record.created_at.as_ms().saturating_add(grace_ms));
                    let at = old.expires_at.map_or(at, |before| before.min(at));
                    writes.expire_token(found.key, old.id, at)?;
                }
                None => {}
            }
            let record = TokenRecord { name: old.name, ..record.clone() };
            insert_token(writes, app, &record)?;
            Ok::<_, Failure>(record)
        };
        let record = self.core.store.write(rotate).await?;
        Ok(NewToken { record, ..new })
    }

    /// Deletes a token: it is refused from now on. Errors: `invalid_app_id`; `not_found`.
    pub async fn revoke_token(&self, app: AppId, token: Uuid) -> Result<(), Failure> {
        let revoke = move |writes: &mut dyn Writes| {
            let app = writes.app(app)?.ok_or_else(ApiError::invalid_app_id)?.key;
            if writes.delete_token(app, token)? { Ok(()) } else { Err(token_not_found().into()) }
        };
        self.core.store.write(revoke).await
    }

    fn new_token(&self, name: Option<String>) -> NewToken {
        let token = self.core.ids.token();
        let record = TokenRecord {
            // Not one of the ids that tests foretell.
            id: uuid::Builder::from_random_bytes(Ids::system_secret()).into_uuid(),
            hash: token.hash(),
            name,
            created_at: self.core.clock.now(),
            expires_at: None,
            used_at: None,
        };
        NewToken { record, token }
    }
}

/// Adds a token, and removes those that have expired.
fn insert_token(writes: &mut dyn Writes, app: AppId, token: &TokenRecord) -> Result<(), Failure> {
    let found = writes.app(app)?.ok_or_else(ApiError::invalid_app_id)?;
    let mut count = found.tokens.len();
    for old in found.tokens.iter().filter(|old| old.expires_at.is_some_and(|at| at <= token.created_at)) {
        writes.delete_token(found.key, old.id)?;
        count -= 1;
    }
    if count >= MAX_TOKENS {
        let message = format!("An app can have {MAX_TOKENS} tokens; revoke one first.");
        return Err(ApiError::new(ErrorKind::InvalidOperation, message).into());
    }
    writes.insert_token(found.key, token)?;
    Ok(())
}

fn token_not_found() -> ApiError {
    ApiError::new(ErrorKind::NotFound, "The app has no token with this id.")
}

/// A name as it is kept: without spaces around it, and none where nothing is left. Error: `invalid_property` `name`.
fn checked_name(name: Option<&str>) -> Result<Option<String>, ApiError> {
    let name = name.map(str::trim).filter(|name| !name.is_empty());
    if name.is_some_and(|name| name.chars().count() > MAX_NAME || name.chars().any(char::is_control)) {
        let rule = format_args!("must be a text of at most {MAX_NAME} characters without control characters");
        return Err(ApiError::invalid_property("name", rule));
    }
    Ok(name.map(str::to_owned))
}
