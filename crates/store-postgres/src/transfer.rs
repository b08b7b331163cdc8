//! All that an app has, record by record: two statements for each kind. One gives the fields in its
//! order; the other takes many records at once, since each statement is a way to the server and back.

use layer_store::StoreError;
use layer_store::key::AppKey;
use layer_store::transfer::{Field, FieldType, Kind, Record, TransferReads, TransferWrites, not_under_way};
use layer_wire::AppId;
use uuid::Uuid;

use super::Session;
use super::sql::Value;

/// The key of the user that a field names.
macro_rules! user {
    ($field:literal) => {
        concat!("(SELECT key FROM users WHERE users.app = given.app AND users.id = given.\"", $field, "\")")
    };
}

/// The key of the row that a field names.
macro_rules! key {
    ($table:literal, $field:literal) => {
        concat!(
            "(SELECT key FROM ",
            $table,
            " AS named WHERE named.app = given.app AND named.uuid = given.",
            $field,
            ")"
        )
    };
}

/// How a kind is read and put. What is put are the rows of `given`, whose columns are the fields, with the key of the
/// app in `app` and the place in the list in `nth`.
struct Statements {
    kind: &'static str,
    select: &'static str,
    put: &'static str,
}

const STATEMENTS: [Statements; 22] = [
    Statements {
        kind: "app",
        select: "SELECT created_at, session_ttl_in_seconds, name FROM apps WHERE key = $1",
        put: "UPDATE apps SET created_at = given.created_at,
              session_ttl_in_seconds = given.session_ttl_in_seconds, name = given.name FROM given WHERE key = app",
    },
    Statements {
        kind: "user",
        select: "SELECT id, conversation_count, external_unread_count, is_suspended FROM users WHERE app = $1
                 ORDER BY key",
        put: "INSERT INTO users (app, id, conversation_count, external_unread_count, is_suspended)
              SELECT app, id, conversation_count, external_unread_count, is_suspended FROM given ORDER BY nth
              ON CONFLICT DO NOTHING",
    },
    Statements {
        kind: "identity",
        select: "SELECT users.id, fields FROM identities JOIN users ON users.key = user_key WHERE app = $1",
        put: concat!(
            "INSERT INTO identities (user_key, fields) SELECT ",
            user!("user"),
            ", fields FROM given ON CONFLICT DO NOTHING",
        ),
    },
    Statements {
        kind: "block",
        select: "SELECT owners.id, blockeds.id FROM users AS owners JOIN blocks ON owner = owners.key
                 JOIN users AS blockeds ON blockeds.key = blocked WHERE owners.app = $1",
        put: concat!(
            "INSERT INTO blocks (owner, blocked) SELECT ",
            user!("owner"),
            ", ",
            user!("blocked"),
            " FROM given ON CONFLICT DO NOTHING",
        ),
    },
    Statements {
        kind: "follow",
        select: "SELECT followers.id, followeds.id, is_following FROM users AS followers
                 JOIN follows ON follower = followers.key JOIN users AS followeds ON followeds.key = followed
                 WHERE followers.app = $1",
        put: concat!(
            "INSERT INTO follows (follower, followed, is_following) SELECT ",
            user!("follower"),
            ", ",
            user!("followed"),
            ", is_following FROM given ON CONFLICT DO NOTHING",
        ),
    },
    Statements {
        kind: "conversation",
        select: "SELECT uuid, created_at, active_at, participants, metadata, distinct_key, is_deleted, message_count,
                 last_position FROM conversations WHERE app = $1 ORDER BY key",
        put: "WITH used AS (INSERT INTO ids (app, uuid, kind) SELECT app, id, 1 FROM given ON CONFLICT DO NOTHING)
              INSERT INTO conversations (app, uuid, created_at, active_at, participants, metadata, distinct_key,
              is_deleted, message_count, last_position)
              SELECT app, id, created_at, active_at, participants, metadata, distinct_key, is_deleted, message_count,
              last_position FROM given ORDER BY nth ON CONFLICT DO NOTHING",
    },
    Statements {
        kind: "membership",
        select: "SELECT conversations.uuid, users.id, left_position, visible_count, settled_count, read_position,
                 memberships.is_deleted, deleted_position, deleted_count, left_metadata
                 FROM users JOIN memberships ON user_key = users.key JOIN conversations ON conversations.key = conversation
                 WHERE users.app = $1",
        // A log begins with the import; former members see nothing of it.
        put: concat!(
            "INSERT INTO memberships (conversation, user_key, left_position, visible_count, settled_count, read_position,
             is_deleted, deleted_position, deleted_count, left_metadata, log_to) SELECT ",
            key!("conversations", "conversation"),
            ", ",
            user!("user"),
            ", left_position, visible_count, settled_count, read_position, is_deleted, deleted_position, deleted_count,
             left_metadata, CASE WHEN left_position IS NULL THEN NULL ELSE 0 END FROM given ON CONFLICT DO NOTHING",
        ),
    },
    Statements {
        kind: "message",
        select: "SELECT conversations.uuid, messages.position, messages.uuid, sent_at, updated_at, sender_user,
                 sender_name, recipients, parts FROM conversations
                 JOIN messages ON messages.conversation = conversations.key
                 WHERE conversations.app = $1 ORDER BY conversations.key, messages.position",
        put: concat!(
            "WITH placed AS (SELECT given.*, ",
            key!("conversations", "conversation"),
            " AS key FROM given), used AS (
                 INSERT INTO ids (app, uuid, kind, conversation, position) SELECT app, id, 0, key, position FROM placed
                 ON CONFLICT DO NOTHING)
             INSERT INTO messages (conversation, position, uuid, sent_at, updated_at, sender_user, sender_name,
             recipients, parts)
             SELECT key, position, id, sent_at, updated_at, sender_user, sender_name, recipients, parts FROM placed
             ON CONFLICT DO NOTHING",
        ),
    },
    Statements {
        kind: "message_deletion",
        select: "SELECT conversations.uuid, position, users.id FROM conversations
                 JOIN message_deletions ON conversation = conversations.key
                 JOIN users ON users.key = user_key WHERE conversations.app = $1",
        put: concat!(
            "INSERT INTO message_deletions (conversation, position, user_key) SELECT ",
            key!("conversations", "conversation"),
            ", position, ",
            user!("user"),
            " FROM given ON CONFLICT DO NOTHING",
        ),
    },
    Statements {
        kind: "deleted_message",
        select: "SELECT uuid FROM ids WHERE app = $1 AND kind = 4",
        put: "INSERT INTO ids (app, uuid, kind) SELECT app, id, 4 FROM given ON CONFLICT DO NOTHING",
    },
    Statements {
        kind: "announcement",
        select: "SELECT uuid, sent_at, recipients, sender_user, sender_name, parts FROM announcements WHERE app = $1
                 ORDER BY key",
        put: "WITH used AS (INSERT INTO ids (app, uuid, kind) SELECT app, id, 2 FROM given ON CONFLICT DO NOTHING)
              INSERT INTO announcements (app, uuid, sent_at, recipients, sender_user, sender_name, parts)
              SELECT app, id, sent_at, recipients, sender_user, sender_name, parts FROM given ORDER BY nth
              ON CONFLICT DO NOTHING",
    },
    Statements {
        kind: "announcement_copy",
        select: "SELECT announcements.uuid, users.id, status FROM announcements
                 JOIN announcement_copies ON announcement = announcements.key JOIN users ON users.key = user_key
                 WHERE announcements.app = $1",
        put: concat!(
            "INSERT INTO announcement_copies (announcement, user_key, status) SELECT ",
            key!("announcements", "announcement"),
            ", ",
            user!("user"),
            ", status FROM given ON CONFLICT DO NOTHING",
        ),
    },
    Statements {
        kind: "content",
        select: "SELECT contents.uuid, conversations.uuid, users.id, mime_type, size, origin, contents.created_at,
                 uploaded_at, md5, crc32c, reference_count FROM contents
                 LEFT JOIN conversations ON conversations.key = conversation LEFT JOIN users ON users.key = uploader
                 WHERE contents.app = $1 ORDER BY contents.created_at, contents.uuid",
        put: concat!(
            "INSERT INTO contents (app, uuid, conversation, uploader, mime_type, size, origin, created_at, uploaded_at,
             md5, crc32c, reference_count) SELECT app, id, ",
            key!("conversations", "conversation"),
            ", ",
            user!("uploader"),
            ", mime_type, size, origin, created_at, uploaded_at, md5, crc32c, reference_count FROM given
             ON CONFLICT DO NOTHING",
        ),
    },
    Statements {
        kind: "identity_provider",
        select: "SELECT uuid, created_at FROM identity_providers WHERE app = $1 ORDER BY key",
        put: "INSERT INTO identity_providers (app, uuid, created_at) SELECT app, id, created_at FROM given ORDER BY nth
              ON CONFLICT DO NOTHING",
    },
    Statements {
        kind: "identity_key",
        select: "SELECT identity_providers.uuid, identity_keys.uuid, public_key, identity_keys.created_at
                 FROM identity_providers JOIN identity_keys ON provider = key WHERE app = $1",
        put: concat!(
            "INSERT INTO identity_keys (provider, uuid, public_key, created_at) SELECT ",
            key!("identity_providers", "provider"),
            ", id, public_key, created_at FROM given ON CONFLICT DO NOTHING",
        ),
    },
    Statements {
        kind: "push_token",
        select: "SELECT id, device, used, kind, token, apns_bundle_id, gcm_sender_id, ios_version
                 FROM users JOIN push_tokens ON user_key = key WHERE app = $1",
        put: concat!(
            "INSERT INTO push_tokens (user_key, device, used, kind, token, apns_bundle_id, gcm_sender_id, ios_version)
             SELECT ",
            user!("user"),
            ", device, used, kind, token, apns_bundle_id, gcm_sender_id, ios_version FROM given
             ON CONFLICT DO NOTHING",
        ),
    },
    Statements {
        kind: "webhook",
        select: "SELECT uuid, created_at, version, target_url, events, secret, config, status, status_reason,
                 failing_since FROM webhooks WHERE app = $1 ORDER BY key",
        put: "INSERT INTO webhooks (app, uuid, created_at, version, target_url, events, secret, config, status,
              status_reason, failing_since)
              SELECT app, id, created_at, version, target_url, events, secret, config, status, status_reason,
              failing_since FROM given ORDER BY nth ON CONFLICT DO NOTHING",
    },
    Statements {
        kind: "delivery",
        select: "SELECT webhooks.uuid, event, request, event_type, body, failed_attempts, first_attempt_at, due_at
                 FROM webhooks JOIN webhook_deliveries ON webhook = webhooks.key WHERE app = $1
                 ORDER BY webhook_deliveries.key",
        put: concat!(
            "INSERT INTO webhook_deliveries (webhook, event, request, event_type, body, failed_attempts,
             first_attempt_at, due_at) SELECT ",
            key!("webhooks", "webhook"),
            ", event, request, event_type, body, failed_attempts, first_attempt_at, due_at FROM given ORDER BY nth",
        ),
    },
    Statements {
        kind: "scheduled_message",
        select: "SELECT scheduled_messages.uuid, conversations.uuid, due_at, typing_at, sender_user, sender_name, parts
                 FROM scheduled_messages JOIN conversations ON conversations.key = conversation
                 WHERE scheduled_messages.app = $1 ORDER BY scheduled_messages.key",
        put: concat!(
            "WITH used AS (INSERT INTO ids (app, uuid, kind) SELECT app, id, 3 FROM given ON CONFLICT DO NOTHING)
             INSERT INTO scheduled_messages (app, uuid, conversation, due_at, typing_at, sender_user, sender_name,
             parts) SELECT app, id, ",
            key!("conversations", "conversation"),
            ", due_at, typing_at, sender_user, sender_name, parts FROM given ORDER BY nth ON CONFLICT DO NOTHING",
        ),
    },
    Statements {
        kind: "export_settings",
        select: "SELECT public_key, requested_at, every, events, last_export_at, last_export, next_export_at
                 FROM export_settings WHERE app = $1",
        put: "INSERT INTO export_settings (app, public_key, requested_at, every, events, last_export_at, last_export,
              next_export_at)
              SELECT app, public_key, requested_at, \"interval\", events, last_export_at, last_export, next_export_at
              FROM given ON CONFLICT DO NOTHING",
    },
    Statements {
        kind: "export_event",
        select: "SELECT body FROM export_events WHERE app = $1 ORDER BY key",
        put: "INSERT INTO export_events (app, body) SELECT app, body FROM given ORDER BY nth",
    },
    Statements {
        kind: "token",
        select: "SELECT uuid, hash, name, created_at, expires_at FROM app_tokens WHERE app = $1 ORDER BY key",
        put: "INSERT INTO app_tokens (app, uuid, hash, name, created_at, expires_at)
              SELECT app, id, hash, name, created_at, expires_at FROM given ORDER BY nth ON CONFLICT DO NOTHING",
    },
];

fn statements(kind: &'static Kind) -> Result<&'static Statements, StoreError> {
    let found = STATEMENTS.iter().find(|statements| statements.kind == kind.name);
    found.ok_or_else(|| StoreError::Failed(format!("this engine does not know the type {}", kind.name)))
}

/// The statement that puts records of a kind, with a list for each field.
fn put_of(kind: &'static Kind) -> Result<String, StoreError> {
    let put = statements(kind)?.put;
    let (lists, names): (Vec<_>, Vec<_>) = (2..)
        .zip(kind.fields)
        .map(|(parameter, (name, field_type))| {
            let column = match field_type {
                FieldType::Whole => "bigint",
                FieldType::Truth => "boolean",
                FieldType::Text | FieldType::Json => "text",
                FieldType::Uuid => "uuid",
                FieldType::Bytes | FieldType::Parts | FieldType::Recipients => "bytea",
            };
            (format!("${parameter}::{column}[]"), format!("\"{name}\""))
        })
        .unzip();
    let (lists, names) = (lists.join(", "), names.join(", "));
    let given = format!(
        "WITH given AS (SELECT $1::bigint AS app, listed.* FROM unnest({lists}) WITH ORDINALITY AS listed ({names}, nth))"
    );
    Ok(match put.strip_prefix("WITH ") {
        Some(rest) => format!("{given}, {rest}"),
        None => format!("{given} {put}"),
    })
}

/// A field as a value for a column of its type.
fn value(field_type: FieldType, field: &Field) -> Result<Value<'_>, StoreError> {
    Ok(match (field_type, field) {
        (_, Field::Null) => Value::Null,
        (FieldType::Truth, Field::Whole(number)) => (*number != 0).into(),
        (FieldType::Uuid, Field::Bytes(bytes)) => {
            Uuid::from_slice(bytes).map_err(|error| StoreError::Failed(error.to_string()))?.into()
        }
        (_, Field::Whole(number)) => (*number).into(),
        (_, Field::Text(text)) => text.into(),
        (_, Field::Bytes(bytes)) => bytes.into(),
    })
}

impl TransferReads for Session<'_> {
    fn for_each_record(
        &self,
        app: AppKey,
        kind: &'static Kind,
        each: &mut dyn FnMut(Record) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.lift_limits()?;
        self.sql.prepare(statements(kind)?.select).each([app.number()], |row| {
            let fields = (0..kind.fields.len()).map(|column| row.field(column)).collect::<Result<_, _>>()?;
            each(Record { kind, fields })
        })
    }

    fn record_count(&self, app: AppKey, kind: &'static Kind) -> Result<u64, StoreError> {
        self.lift_limits()?;
        let count = format!("SELECT count(*) FROM ({}) AS records", statements(kind)?.select);
        self.sql.prepare(count).one([app.number()], |row| row.count(0))
    }

    fn unfinished_app(&self, id: AppId) -> Result<Option<AppKey>, StoreError> {
        self.sql
            .prepare("SELECT key FROM apps WHERE uuid = $1 AND is_unfinished")
            .first([id.uuid()], |row| row.get(0).map(AppKey::from_number))
    }
}

impl TransferWrites for Session<'_> {
    fn begin_app(&mut self, id: AppId) -> Result<Option<AppKey>, StoreError> {
        self.sql
            .prepare(
                "INSERT INTO apps (uuid, created_at, is_deleted) VALUES ($1, 0, true) ON CONFLICT DO NOTHING
                 RETURNING key",
            )
            .first([id.uuid()], |row| row.get(0).map(AppKey::from_number))
    }

    fn keep_unfinished_app(&mut self, app: AppKey, is_kept: bool) -> Result<(), StoreError> {
        let keep = "UPDATE apps SET is_unfinished = $2 WHERE key = $1 AND is_deleted";
        let changed = self.sql.prepare(keep).run((app.number(), is_kept))?;
        if changed == 0 { Err(not_under_way()) } else { Ok(()) }
    }

    fn put_records(&mut self, app: AppKey, records: &[Record]) -> Result<(), StoreError> {
        for records in records.chunk_by(|one, next| one.kind == next.kind) {
            let Some(Record { kind, .. }) = records.first() else { continue };
            let mut parameters = vec![Value::from(app.number())];
            for (place, (_, field_type)) in kind.fields.iter().enumerate() {
                let fields = records.iter().map(|record| record.fields.get(place).unwrap_or(&Field::Null));
                let list = fields.map(|field| value(*field_type, field)).collect::<Result<_, _>>()?;
                parameters.push(Value::List(list));
            }
            self.sql.prepare(put_of(kind)?).run(parameters)?;
        }
        Ok(())
    }

    fn end_app(&mut self, app: AppKey) -> Result<(), StoreError> {
        let end = "UPDATE apps SET is_deleted = false, is_unfinished = false WHERE key = $1 AND is_deleted";
        if self.sql.prepare(end).run([app.number()])? == 0 {
            return Err(not_under_way());
        }
        self.tell_app(app)
    }
}

impl Session<'_> {
    /// Lets the transaction take its time: what is read goes to a file or to another database, which can take long.
    fn lift_limits(&self) -> Result<(), StoreError> {
        let lift = "SELECT set_config('statement_timeout', '0', true),
                    set_config('idle_in_transaction_session_timeout', '0', true)";
        self.sql.prepare(lift).exists(())?;
        Ok(())
    }
}
