//! Push tokens of the devices of users.

use layer_store::StoreError;
use layer_store::key::AppKey;
use layer_store::push_token::{PushTokenReads, PushTokenWrites};
use layer_wire::UserId;
use layer_wire::client_api::push_token::{PushNetwork, PushToken};

use super::sql::limit as sql_limit;
use super::{Session, user};

impl PushTokenReads for Session<'_> {
    fn push_tokens(&self, app: AppKey, user: &UserId) -> Result<Vec<PushToken>, StoreError> {
        let Some(user) = user::find(self.sql, app, user)? else { return Ok(vec![]) };
        self.sql
            .prepare(
                "SELECT device, kind, token, apns_bundle_id, gcm_sender_id, ios_version FROM push_tokens
                 WHERE user_key = $1 ORDER BY used DESC",
            )
            .all([user.0], |row| {
                let network = PushNetwork::parse(row.text(1)?);
                Ok(PushToken {
                    device_id: row.get(0)?,
                    network: network.ok_or_else(|| StoreError::Failed("a push token has no known network".into()))?,
                    token: row.get(2)?,
                    apns_bundle_id: row.get(3)?,
                    gcm_sender_id: row.get(4)?,
                    ios_version: row.get(5)?,
                })
            })
    }
}

impl PushTokenWrites for Session<'_> {
    fn put_push_token(
        &mut self,
        app: AppKey,
        user: &UserId,
        token: &PushToken,
        limit: usize,
    ) -> Result<(), StoreError> {
        let user = user::find_or_insert(self.sql, app, user)?;
        self.sql
            .prepare(
                "INSERT INTO push_tokens (user_key, device, used, kind, token, apns_bundle_id, gcm_sender_id, ios_version)
                 VALUES ($1, $2, (SELECT COALESCE(max(used), 0) + 1 FROM push_tokens WHERE user_key = $1),
                     $3, $4, $5, $6, $7)
                 ON CONFLICT (user_key, device) DO UPDATE SET (used, kind, token, apns_bundle_id, gcm_sender_id, ios_version)
                     = (excluded.used, excluded.kind, excluded.token, excluded.apns_bundle_id, excluded.gcm_sender_id,
                        excluded.ios_version)",
            )
            .run((
                user.0,
                &token.device_id,
                token.network.name(),
                &token.token,
                &token.apns_bundle_id,
                &token.gcm_sender_id,
                &token.ios_version,
            ))?;
        self.sql
            .prepare(
                "DELETE FROM push_tokens WHERE user_key = $1 AND device NOT IN
                 (SELECT device FROM push_tokens WHERE user_key = $1 ORDER BY used DESC LIMIT $2)",
            )
            .run((user.0, sql_limit(limit)))?;
        Ok(())
    }

    fn delete_push_token(&mut self, app: AppKey, user: &UserId, device_id: &str) -> Result<bool, StoreError> {
        let Some(user) = user::find(self.sql, app, user)? else { return Ok(false) };
        let deleted =
            self.sql.prepare("DELETE FROM push_tokens WHERE user_key = $1 AND device = $2").run((user.0, device_id))?;
        Ok(deleted > 0)
    }
}
