//! Identities: read and written as a whole, so each is one document.

use layer_store::StoreError;
use layer_store::changes::{Change, Kinds, What};
use layer_store::held::{Held, Inserted};
use layer_store::identity::{IdentityReads, IdentityWrites};
use layer_store::key::AppKey;
use layer_store::log::{Entry, changed_fields};
use layer_wire::UserId;
use layer_wire::identity::Fields;

use super::sql::Query;
use super::user::UserKey;
use super::{Session, user};

impl IdentityReads for Session<'_> {
    fn identity(&self, app: AppKey, user: &UserId) -> Result<Option<Fields>, StoreError> {
        match &self.facts {
            Some(facts) => Ok(facts.identity(app, user)),
            None => self
                .sql
                .prepare(
                    "SELECT identities.fields FROM users JOIN identities ON identities.user_key = users.key
                     WHERE users.app = $1 AND users.id = $2",
                )
                .first((app.number(), user.as_str()), |row| row.json(0).map(Fields::trusted)),
        }
    }
}

/// The identities of those users who have one, each with the number of its user, counted from one.
pub fn of_users<'v>(users: &[(AppKey, &'v UserId)]) -> Query<'v> {
    let sql = "SELECT asked.number, identities.fields
         FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS asked (app, id, number)
         JOIN users ON users.app = asked.app AND users.id = asked.id JOIN identities ON identities.user_key = users.key";
    let (apps, ids) = users.iter().map(|(app, user)| (app.number(), user.as_str())).collect::<(Vec<_>, Vec<_>)>();
    Query::new(sql, (apps, ids))
}

impl IdentityWrites for Session<'_> {
    fn hold_identity(&mut self, app: AppKey, user: &UserId) -> Result<Option<Held<Fields>>, StoreError> {
        let found = self
            .sql
            .prepare(
                "SELECT identities.fields FROM users JOIN identities ON identities.user_key = users.key
                 WHERE users.app = $1 AND users.id = $2 FOR NO KEY UPDATE OF identities",
            )
            .first((app.number(), user.as_str()), |row| row.json(0).map(Fields::trusted))?;
        Ok(found.map(Held::by_engine))
    }

    fn insert_identity(
        &mut self,
        app: AppKey,
        user: &UserId,
        fields: &Fields,
    ) -> Result<Inserted<(), Fields>, StoreError> {
        let key = user::find_or_insert(self.sql, app, user)?;
        let inserted = self
            .sql
            .prepare("INSERT INTO identities (user_key, fields) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .run((key.0, serde_json::to_string(fields.as_object())?))?;
        if inserted == 0 {
            return self.identity(app, user)?.ok_or_else(|| self.sql.conflict()).map(Inserted::Taken);
        }
        self.log_change(app, key, None, fields)?;
        self.tell(Kinds::IDENTITIES, || Change::Identity { app, user: user.clone() });
        Ok(Inserted::Done(()))
    }

    fn put_identity(&mut self, app: AppKey, user: &UserId, fields: &Fields) -> Result<(), StoreError> {
        let key = user::find_or_insert(self.sql, app, user)?;
        let before = self.hold_identity(app, user)?;
        self.sql
            .prepare(
                "INSERT INTO identities (user_key, fields) VALUES ($1, $2)
                 ON CONFLICT (user_key) DO UPDATE SET fields = excluded.fields",
            )
            .run((key.0, serde_json::to_string(fields.as_object())?))?;
        self.log_change(app, key, before.as_deref(), fields)?;
        self.tell(Kinds::IDENTITIES, || Change::Identity { app, user: user.clone() });
        Ok(())
    }

    fn delete_identity(&mut self, app: AppKey, user: &UserId) -> Result<bool, StoreError> {
        let Some(key) = user::find(self.sql, app, user)? else { return Ok(false) };
        let deleted = self.sql.prepare("DELETE FROM identities WHERE user_key = $1").run([key.0])?;
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
