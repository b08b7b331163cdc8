//! All that an app has, record by record: two statements for each kind, which take and give the fields in its order.

use layer_store::StoreError;
use layer_store::key::AppKey;
use layer_store::transfer::{Field, Kind, Record, TransferReads, TransferWrites, not_under_way};
use layer_wire::AppId;
use rusqlite::params_from_iter;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::Session;
use super::purge::{BEING_REMOVED, UNFINISHED};

/// The key of a user of the app, whose id is a parameter.
macro_rules! user {
    ($parameter:literal) => {
        concat!("(SELECT key FROM users WHERE app = ?1 AND id = ?", $parameter, ")")
    };
}

/// The key of a row of the app, whose id is a parameter.
macro_rules! key {
    ($table:literal, $parameter:literal) => {
        concat!("(SELECT key FROM ", $table, " WHERE app = ?1 AND uuid = ?", $parameter, ")")
    };
}

/// How a kind is read and put; the first parameter is the app.
struct Statements {
    kind: &'static str,
    select: &'static str,
    put: &'static str,
}

const STATEMENTS: [Statements; 22] = [
    Statements {
        kind: "app",
        select: "SELECT created_at, session_ttl_in_seconds, name FROM apps WHERE key = ?1",
        put: "UPDATE apps SET created_at = ?2, session_ttl_in_seconds = ?3, name = ?4 WHERE key = ?1",
    },
    Statements {
        kind: "user",
        select: "SELECT id, conversation_count, external_unread_count, is_suspended FROM users WHERE app = ?1
                 ORDER BY key",
        put: "INSERT INTO users (app, id, conversation_count, external_unread_count, is_suspended)
              VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
    },
    Statements {
        kind: "identity",
        select: "SELECT users.id, fields FROM identities JOIN users ON users.key = user WHERE app = ?1",
        put: concat!("INSERT INTO identities (user, fields) VALUES (", user!(2), ", ?3) ON CONFLICT DO NOTHING"),
    },
    Statements {
        kind: "block",
        select: "SELECT owners.id, blockeds.id FROM users AS owners JOIN blocks ON owner = owners.key
                 JOIN users AS blockeds ON blockeds.key = blocked WHERE owners.app = ?1",
        put: concat!(
            "INSERT INTO blocks (owner, blocked) VALUES (",
            user!(2),
            ", ",
            user!(3),
            ") ON CONFLICT DO NOTHING"
        ),
    },
    Statements {
        kind: "follow",
        select: "SELECT followers.id, followeds.id, is_following FROM users AS followers
                 JOIN follows ON follower = followers.key JOIN users AS followeds ON followeds.key = followed
                 WHERE followers.app = ?1",
        put: concat!(
            "INSERT INTO follows (follower, followed, is_following) VALUES (",
            user!(2),
            ", ",
            user!(3),
            ", ?4) ON CONFLICT DO NOTHING"
        ),
    },
    Statements {
        kind: "conversation",
        select: "SELECT uuid, created_at, active_at, participants, metadata, distinct_key, is_deleted, message_count,
                 last_position FROM conversations WHERE app = ?1 ORDER BY key",
        put: "INSERT INTO conversations (app, uuid, created_at, active_at, participants, metadata, distinct_key,
              is_deleted, message_count, last_position) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
              ON CONFLICT DO NOTHING",
    },
    Statements {
        kind: "membership",
        select: "SELECT conversations.uuid, users.id, left_position, visible_count, settled_count, read_position,
                 memberships.is_deleted, deleted_position, deleted_count, left_metadata
                 FROM users JOIN memberships ON user = users.key JOIN conversations ON conversations.key = conversation
                 WHERE users.app = ?1",
        // A log begins with the import; former members see nothing of it.
        put: concat!(
            "INSERT INTO memberships (conversation, user, left_position, visible_count, settled_count, read_position,
             is_deleted, deleted_position, deleted_count, left_metadata, log_to) VALUES (",
            key!("conversations", 2),
            ", ",
            user!(3),
            ", ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, CASE WHEN ?4 IS NULL THEN NULL ELSE 0 END) ON CONFLICT DO NOTHING"
        ),
    },
    Statements {
        kind: "message",
        select: "SELECT conversations.uuid, messages.key & 0xFFFFFFFF, messages.uuid, sent_at, updated_at, sender_user,
                 sender_name, recipients, parts FROM conversations
                 JOIN messages ON messages.key > conversations.key << 32 AND messages.key < (conversations.key + 1) << 32
                 WHERE conversations.app = ?1 ORDER BY messages.key",
        // Without a conversation the key would be a new one; this is refused.
        put: concat!(
            "INSERT INTO messages (key, app, uuid, sent_at, updated_at, sender_user, sender_name, recipients, parts)
             VALUES (COALESCE(",
            key!("conversations", 2),
            " << 32 | ?3, 'no conversation'), ?1, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING"
        ),
    },
    Statements {
        kind: "message_deletion",
        select: "SELECT conversations.uuid, message & 0xFFFFFFFF, users.id FROM conversations
                 JOIN message_deletions ON message > conversations.key << 32 AND message < (conversations.key + 1) << 32
                 JOIN users ON users.key = user WHERE conversations.app = ?1",
        put: concat!(
            "INSERT INTO message_deletions (message, user) VALUES (",
            key!("conversations", 2),
            " << 32 | ?3, ",
            user!(4),
            ") ON CONFLICT DO NOTHING"
        ),
    },
    Statements {
        kind: "deleted_message",
        select: "SELECT uuid FROM deleted_messages WHERE app = ?1",
        put: "INSERT INTO deleted_messages (app, uuid) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    },
    Statements {
        kind: "announcement",
        select: "SELECT uuid, sent_at, recipients, sender_user, sender_name, parts FROM announcements WHERE app = ?1
                 ORDER BY key",
        put: "INSERT INTO announcements (app, uuid, sent_at, recipients, sender_user, sender_name, parts)
              VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
    },
    Statements {
        kind: "announcement_copy",
        select: "SELECT announcements.uuid, users.id, status FROM announcements
                 JOIN announcement_copies ON announcement = announcements.key JOIN users ON users.key = user
                 WHERE announcements.app = ?1",
        put: concat!(
            "INSERT INTO announcement_copies (announcement, user, status) VALUES (",
            key!("announcements", 2),
            ", ",
            user!(3),
            ", ?4) ON CONFLICT DO NOTHING"
        ),
    },
    Statements {
        kind: "content",
        select: "SELECT contents.uuid, conversations.uuid, users.id, mime_type, size, origin, contents.created_at,
                 uploaded_at, md5, crc32c, reference_count FROM contents
                 LEFT JOIN conversations ON conversations.key = conversation LEFT JOIN users ON users.key = uploader
                 WHERE contents.app = ?1 ORDER BY contents.key",
        put: concat!(
            "INSERT INTO contents (app, uuid, conversation, uploader, mime_type, size, origin, created_at, uploaded_at,
             md5, crc32c, reference_count) VALUES (?1, ?2, ",
            key!("conversations", 3),
            ", ",
            user!(4),
            ", ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT DO NOTHING"
        ),
    },
    Statements {
        kind: "identity_provider",
        select: "SELECT uuid, created_at FROM identity_providers WHERE app = ?1 ORDER BY key",
        put: "INSERT INTO identity_providers (app, uuid, created_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    },
    Statements {
        kind: "identity_key",
        select: "SELECT identity_providers.uuid, identity_keys.uuid, public_key, identity_keys.created_at
                 FROM identity_providers JOIN identity_keys ON provider = key WHERE app = ?1",
        put: concat!(
            "INSERT INTO identity_keys (provider, uuid, public_key, created_at) VALUES (",
            key!("identity_providers", 2),
            ", ?3, ?4, ?5) ON CONFLICT DO NOTHING"
        ),
    },
    Statements {
        kind: "push_token",
        select: "SELECT id, device, used, kind, token, apns_bundle_id, gcm_sender_id, ios_version
                 FROM users JOIN push_tokens ON user = key WHERE app = ?1",
        put: concat!(
            "INSERT INTO push_tokens (user, device, used, kind, token, apns_bundle_id, gcm_sender_id, ios_version)
             VALUES (",
            user!(2),
            ", ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING"
        ),
    },
    Statements {
        kind: "webhook",
        select: "SELECT uuid, created_at, version, target_url, events, secret, config, status, status_reason,
                 failing_since FROM webhooks WHERE app = ?1 ORDER BY key",
        put: "INSERT INTO webhooks (app, uuid, created_at, version, target_url, events, secret, config, status,
              status_reason, failing_since) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
              ON CONFLICT DO NOTHING",
    },
    Statements {
        kind: "delivery",
        select: "SELECT webhooks.uuid, event, request, event_type, body, failed_attempts, first_attempt_at, due_at
                 FROM webhooks JOIN webhook_deliveries ON webhook = webhooks.key WHERE app = ?1
                 ORDER BY webhook_deliveries.key",
        put: concat!(
            "INSERT INTO webhook_deliveries (webhook, event, request, event_type, body, failed_attempts,
             first_attempt_at, due_at) VALUES (",
            key!("webhooks", 2),
            ", ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
        ),
    },
    Statements {
        kind: "scheduled_message",
        select: "SELECT scheduled_messages.uuid, conversations.uuid, due_at, typing_at, sender_user, sender_name, parts
                 FROM scheduled_messages JOIN conversations ON conversations.key = conversation
                 WHERE scheduled_messages.app = ?1 ORDER BY scheduled_messages.key",
        put: concat!(
            "INSERT INTO scheduled_messages (app, uuid, conversation, due_at, typing_at, sender_user, sender_name,
             parts) VALUES (?1, ?2, ",
            key!("conversations", 3),
            ", ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING"
        ),
    },
    Statements {
        kind: "export_settings",
        select: "SELECT public_key, requested_at, interval, events, last_export_at, last_export, next_export_at
                 FROM export_settings WHERE app = ?1",
        put: "INSERT INTO export_settings (app, public_key, requested_at, interval, events, last_export_at,
              last_export, next_export_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
    },
    Statements {
        kind: "export_event",
        select: "SELECT body FROM export_events WHERE app = ?1 ORDER BY key",
        put: "INSERT INTO export_events (app, body) VALUES (?1, ?2)",
    },
    Statements {
        kind: "token",
        select: "SELECT uuid, hash, name, created_at, expires_at FROM app_tokens WHERE app = ?1 ORDER BY key",
        put: "INSERT INTO app_tokens (app, uuid, hash, name, created_at, expires_at)
              VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
    },
];

fn statements(kind: &'static Kind) -> Result<&'static Statements, StoreError> {
    let found = STATEMENTS.iter().find(|statements| statements.kind == kind.name);
    found.ok_or_else(|| StoreError::Failed(format!("this engine does not know the type {}", kind.name)))
}

impl TransferReads for Session<'_> {
    fn for_each_record(
        &self,
        app: AppKey,
        kind: &'static Kind,
        each: &mut dyn FnMut(Record) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.sql.prepare(statements(kind)?.select)?.each([app.number()], |row| {
            let fields = (0..kind.fields.len()).map(|column| row.field(column)).collect::<Result<_, _>>()?;
            each(Record { kind, fields })
        })
    }

    fn record_count(&self, app: AppKey, kind: &'static Kind) -> Result<u64, StoreError> {
        let count = format!("SELECT count(*) FROM ({})", statements(kind)?.select);
        self.sql.prepare(&count)?.one([app.number()], |row| row.count(0))
    }

    fn unfinished_app(&self, id: AppId) -> Result<Option<AppKey>, StoreError> {
        self.sql
            .prepare("SELECT key FROM apps WHERE uuid = ?1 AND is_deleted = ?2")?
            .first((id.uuid().as_bytes(), UNFINISHED), |row| row.get(0).map(AppKey::from_number))
    }
}

impl TransferWrites for Session<'_> {
    fn begin_app(&mut self, id: AppId) -> Result<Option<AppKey>, StoreError> {
        let uuid = id.uuid();
        // The row that is left of a removed app is there for its key, not for its id.
        self.sql
            .prepare("UPDATE apps SET uuid = randomblob(16) WHERE uuid = ?1 AND is_deleted = 2")?
            .run([uuid.as_bytes()])?;
        let inserted = self
            .sql
            .prepare("INSERT INTO apps (uuid, created_at, is_deleted) VALUES (?1, 0, ?2) ON CONFLICT DO NOTHING")?
            .run((uuid.as_bytes(), BEING_REMOVED))?;
        Ok((inserted > 0).then(|| AppKey::from_number(self.sql.last_key())))
    }

    fn keep_unfinished_app(&mut self, app: AppKey, is_kept: bool) -> Result<(), StoreError> {
        self.set_state(app, if is_kept { UNFINISHED } else { BEING_REMOVED })
    }

    fn put_records(&mut self, app: AppKey, records: &[Record]) -> Result<(), StoreError> {
        for record in records {
            let fields = record.fields.iter().map(|field| match field {
                Field::Null => ValueRef::Null,
                Field::Whole(number) => ValueRef::Integer(*number),
                Field::Text(text) => ValueRef::Text(text.as_bytes()),
                Field::Bytes(bytes) => ValueRef::Blob(bytes),
            });
            let parameters = std::iter::once(ValueRef::Integer(app.number())).chain(fields).map(ToSqlOutput::Borrowed);
            self.sql.prepare(statements(record.kind)?.put)?.run(params_from_iter(parameters))?;
        }
        Ok(())
    }

    fn end_app(&mut self, app: AppKey) -> Result<(), StoreError> {
        self.set_state(app, 0)?;
        self.tell_app(app)
    }
}

impl Session<'_> {
    /// Says what becomes of an app that is being put together.
    fn set_state(&self, app: AppKey, state: i64) -> Result<(), StoreError> {
        let changed = self
            .sql
            .prepare("UPDATE apps SET is_deleted = ?2 WHERE key = ?1 AND is_deleted IN (?3, ?4)")?
            .run([app.number(), state, BEING_REMOVED, UNFINISHED])?;
        if changed == 0 { Err(not_under_way()) } else { Ok(()) }
    }
}
