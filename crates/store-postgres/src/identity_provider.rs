//! Identity providers and their keys.

use layer_store::StoreError;
use layer_store::identity_provider::{IdentityProviderReads, IdentityProviderRecord, IdentityProviderWrites};
use layer_store::key::AppKey;
use layer_wire::Timestamp;
use uuid::Uuid;

use super::Session;

impl Session<'_> {
    fn provider_key(&self, app: AppKey, provider: Uuid) -> Result<Option<i64>, StoreError> {
        self.sql
            .prepare("SELECT key FROM identity_providers WHERE app = $1 AND uuid = $2")
            .first((app.number(), provider), |row| row.get(0))
    }
}

impl IdentityProviderReads for Session<'_> {
    fn identity_providers(&self, app: AppKey) -> Result<Vec<IdentityProviderRecord>, StoreError> {
        let providers = self
            .sql
            .prepare("SELECT key, uuid FROM identity_providers WHERE app = $1 ORDER BY key")
            .all([app.number()], |row| Ok((row.get::<i64>(0)?, row.uuid(1)?)))?;
        let with_keys = |(key, id)| {
            let keys = self
                .sql
                .prepare("SELECT uuid FROM identity_keys WHERE provider = $1 ORDER BY created_at, uuid")
                .all([key], |row| row.uuid(0))?;
            Ok(IdentityProviderRecord { id, keys })
        };
        providers.into_iter().map(with_keys).collect()
    }

    fn identity_key(&self, app: AppKey, provider: Uuid, key: Uuid) -> Result<Option<Vec<u8>>, StoreError> {
        self.sql
            .prepare(
                "SELECT identity_keys.public_key FROM identity_providers
                 JOIN identity_keys ON identity_keys.provider = identity_providers.key
                 WHERE identity_providers.app = $1 AND identity_providers.uuid = $2 AND identity_keys.uuid = $3",
            )
            .first((app.number(), provider, key), |row| row.get(0))
    }
}

impl IdentityProviderWrites for Session<'_> {
    fn insert_identity_provider(&mut self, app: AppKey, id: Uuid, created_at: Timestamp) -> Result<(), StoreError> {
        self.sql.prepare("INSERT INTO identity_providers (app, uuid, created_at) VALUES ($1, $2, $3)").run((
            app.number(),
            id,
            created_at.as_ms(),
        ))?;
        Ok(())
    }

    fn insert_identity_key(
        &mut self,
        app: AppKey,
        provider: Uuid,
        id: Uuid,
        public_key: &[u8],
        created_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(provider) = self.provider_key(app, provider)? else { return Ok(false) };
        self.sql
            .prepare("INSERT INTO identity_keys (provider, uuid, public_key, created_at) VALUES ($1, $2, $3, $4)")
            .run((provider, id, public_key, created_at.as_ms()))?;
        Ok(true)
    }

    fn delete_identity_key(&mut self, app: AppKey, provider: Uuid, key: Uuid) -> Result<bool, StoreError> {
        let Some(provider) = self.provider_key(app, provider)? else { return Ok(false) };
        let deleted =
            self.sql.prepare("DELETE FROM identity_keys WHERE provider = $1 AND uuid = $2").run((provider, key))?;
        Ok(deleted > 0)
    }

    fn delete_identity_provider(&mut self, app: AppKey, provider: Uuid) -> Result<bool, StoreError> {
        let Some(provider) = self.provider_key(app, provider)? else { return Ok(false) };
        self.sql.prepare("DELETE FROM identity_keys WHERE provider = $1").run([provider])?;
        self.sql.prepare("DELETE FROM identity_providers WHERE key = $1").run([provider])?;
        Ok(true)
    }
}
