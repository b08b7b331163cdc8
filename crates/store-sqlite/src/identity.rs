//! Identities: read and written as a whole, so each is one document.

use layer_store::StoreError;
use layer_store::changes::{Change, Kinds, What};
use layer_store::held::{Held, Inserted};
use layer_store::identity::{IdentityReads, IdentityWrites};
use layer_store::key::AppKey;
use layer_store::log::{Entry, changed_fields};
use layer_wire::UserId;
use layer_wire::identity::Fields;

use super::user::UserKey;
use super::{Session, user};

impl IdentityReads for Session<'_> {
    fn identity(&self, app: AppKey, user: &UserId) -> Result<Option<Fields>, StoreError> {
        self.sql
            .prepare(
                "SELECT identities.fields FROM users JOIN identities ON identities.user = users.key
                 WHERE users.app = ?1 AND users.id = ?2",
            )?
            .first((app.number(), user.as_str()), |row| row.json(0).map(Fields::trusted))
    }
}

impl IdentityWrites for Session<'_> {
    fn hold_identity(&mut self, app: AppKey, user: &UserId) -> Result<Option<Held<Fields>>, StoreError> {
        Ok(self.identity(app, user)?.map(Held::by_engine))
    }

    fn insert_identity(
        &mut self,
        app: AppKey,
        user: &UserId,
        fields: &Fields,
    ) -> Result<Inserted<(), Fields>, StoreError> {
        match self.identity(app, user)? {
            Some(existing) => Ok(Inserted::Taken(existing)),
            None => self.put_identity(app, user, fields).map(Inserted::Done),
        }
    }

    fn put_identity(&mut self, app: AppKey, user: &UserId, fields: &Fields) -> Result<(), StoreError> {
        let key = user::find_or_insert(self.sql, app, user)?;
        let before = self.identity(app, user)?;
        self.sql
            .prepare(
                "INSERT INTO identities (user, fields) VALUES (?1, ?2)
                 ON CONFLICT (user) DO UPDATE SET fields = excluded.fields",
            )?
            .run((key.0, serde_json::to_string(fields.as_object())?))?;
        self.log_change(app, key, before.as_ref(), fields)?;
        self.tell(Kinds::IDENTITIES, || Change::Identity { app, user: user.clone() });
        Ok(())
    }

    fn delete_identity(&mut self, app: AppKey, user: &UserId) -> Result<bool, StoreError> {
        let Some(key) = user::find(self.sql, app, user)? else { return Ok(false) };
        let deleted = self.sql.prepare("DELETE FROM identities WHERE user = ?1")?.run([key.0])?;
        if deleted > 0 {
            self.log_identity(app, key, || Entry::Identity { what: What::Deleted, fields: vec![] })?;
            user::forget_unless_named(self.sql, key)?;
            self.tell(Kinds::IDENTITIES, || Change::Identity { app, user: user.clone() });
        }
        Ok(deleted > 0)
    }
}

impl Session<'_> {
    fn log_change(
        &mut self,
        app: AppKey,
        user: UserKey,
        before: Option<&Fields>,
        after: &Fields,
    ) -> Result<(), StoreError> {
        let what = if before.is_some() { What::Changed } else { What::Created };
        let fields = changed_fields(before, after);
        if fields.is_empty() {
            return Ok(());
        }
        self.log_identity(app, user, || Entry::Identity { what, fields })
    }
}
