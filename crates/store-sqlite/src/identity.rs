//! Identities: read and written as a whole, so each is one document.

use layer_store::StoreError;
use layer_store::model::AppKey;
use layer_wire::UserId;
use layer_wire::identity::Fields;

use super::sql::Sql;
use super::user;

pub fn get(sql: Sql<'_>, app: AppKey, user: &UserId) -> Result<Option<Fields>, StoreError> {
    let fields: Option<String> = sql
        .prepare(
            "SELECT identities.fields FROM users JOIN identities ON identities.user = users.key
             WHERE users.app = ?1 AND users.id = ?2",
        )?
        .first((app.0, user.as_str()), |row| row.get(0))?;
    let fields = fields.map(|fields| serde_json::from_str(&fields)).transpose()?;
    Ok(fields.map(Fields::trusted))
}

pub fn put(sql: Sql<'_>, app: AppKey, user: &UserId, fields: &Fields) -> Result<(), StoreError> {
    let user = user::find_or_insert(sql, app, user)?;
    sql.prepare(
        "INSERT INTO identities (user, fields) VALUES (?1, ?2)
             ON CONFLICT (user) DO UPDATE SET fields = excluded.fields",
    )?
    .run((user.0, serde_json::to_string(fields.as_object())?))?;
    Ok(())
}

pub fn delete(sql: Sql<'_>, app: AppKey, user: &UserId) -> Result<bool, StoreError> {
    let Some(user) = user::find(sql, app, user)? else { return Ok(false) };
    let deleted = sql.prepare("DELETE FROM identities WHERE user = ?1")?.run([user.0])?;
    if deleted > 0 {
        user::forget_unless_named(sql, user)?;
    }
    Ok(deleted > 0)
}
