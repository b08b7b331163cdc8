//! Apps and their tokens.

use std::collections::HashMap;
use std::sync::Arc;

use layer_store::app::AppRecord;
use layer_store::key::AppKey;
use layer_store::token::{Token, TokenHash};
use layer_store::{StoreError, Writes};
use layer_wire::app::AppChange;
use layer_wire::{ApiError, AppId};

use super::cached::Cached;
use super::core::Core;
use super::failure::Failure;

/// A new app.
#[derive(Debug, Clone)]
pub struct NewApp {
    /// Its id.
    pub app_id: AppId,
    /// Its token. This is the only time it is seen: the platform keeps a hash of it.
    pub token: Token,
}

/// Apps and their tokens.
#[derive(Clone)]
pub struct AppService {
    pub(super) core: Arc<Core>,
    /// Apps that were looked up before: most requests need no lookup.
    pub(super) seen: Arc<Cached<HashMap<AppId, AppRecord>>>,
}

impl AppService {
    /// Checks a token against an app.
    ///
    /// Errors: `invalid_app_id` for an unknown app, `authentication_required` for a token of another app.
    pub async fn authenticate(&self, app: AppId, token: &str) -> Result<AppKey, Failure> {
        let record = self.find(app).await?.ok_or_else(ApiError::invalid_app_id)?;
        let given = TokenHash::of(token);
        // All are compared: the time must not tell which one matched.
        let is_known = record.tokens.iter().fold(false, |is_known, known| is_known | known.matches(&given));
        if is_known { Ok(record.key) } else { Err(ApiError::authentication_required().into()) }
    }

    /// An app.
    pub async fn find(&self, id: AppId) -> Result<Option<AppRecord>, StoreError> {
        let (seen, since) = self.seen.read(|apps| apps.get(&id).cloned());
        if seen.is_some() {
            return Ok(seen);
        }
        let found = self.core.store.read(move |reads| reads.app(id)).await?;
        if let Some(record) = &found {
            self.seen.update(since, |apps| drop(apps.insert(id, record.clone())));
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

    /// Creates an app with a token. Waits for the store: not for the threads that serve requests.
    pub fn create(&self) -> Result<NewApp, StoreError> {
        let app_id = AppId::new(self.core.ids.app());
        let token = self.core.ids.token();
        let (hash, now) = (token.hash(), self.core.clock.now());
        self.core.store.write_blocking(move |writes| writes.insert_app(app_id, &hash, now))?;
        Ok(NewApp { app_id, token })
    }
}
