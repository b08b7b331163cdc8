//! Identities: read and written as a whole, so each is one document.

use layer_wire::UserId;
use layer_wire::identity::Fields;
use rusqlite::{Connection, OptionalExtension as _};

use super::user;
use crate::store::StoreError;
use crate::store::model::AppKey;

pub fn get(connection: &Connection, app: AppKey, user: &UserId) -> Result<Option<Fields>, StoreError> {
    let fields: Option<String> = connection
        .prepare_cached(
            "SELECT identities.fields FROM users JOIN identities ON identities.user = users.key
             WHERE users.app = ?1 AND users.id = ?2",
        )?
        .query_row((app.0, user.as_str()), |row| row.get(0))
        .optional()?;
    let fields = fields.map(|fields| serde_json::from_str(&fields)).transpose()?;
    Ok(fields.map(Fields::trusted))
}

pub fn put(connection: &Connection, app: AppKey, user: &UserId, fields: &Fields) -> Result<(), StoreError> {
    let user = user::find_or_insert(connection, app, user)?;
    connection
        .prepare_cached(
            "INSERT INTO identities (user, fields) VALUES (?1, ?2)
             ON CONFLICT (user) DO UPDATE SET fields = excluded.fields",
        )?
        .execute((user.0, serde_json::to_string(fields.as_object())?))?;
    Ok(())
}

pub fn delete(connection: &Connection, app: AppKey, user: &UserId) -> Result<bool, StoreError> {
    let Some(user) = user::find(connection, app, user)? else { return Ok(false) };
    let deleted = connection.prepare_cached("DELETE FROM identities WHERE user = ?1")?.execute([user.0])?;
    if deleted > 0 {
        user::forget_unless_named(connection, user)?;
    }
    Ok(deleted > 0)
}
