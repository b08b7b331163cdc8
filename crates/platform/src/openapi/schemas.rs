//! The shapes of requests and answers. Where versions differ, a schema has the alternatives of all of them.

use layer_wire::app::SESSION_TTL_SECONDS;
use layer_wire::conversation::MAX_PARTICIPANTS;
use layer_wire::page::MAX_USER_PAGE_SIZE;
use serde_json::{Map, Value, json};

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn list_of(name: &str) -> Value {
    json!({ "type": "array", "items": reference(name) })
}

/// An object with required and optional members; any others may be there.
fn object(required: &[(&str, Value)], optional: &[(&str, Value)]) -> Value {
    let properties: Map<String, Value> =
        required.iter().chain(optional).map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    let names: Vec<&str> = required.iter().map(|(name, _)| *name).collect();
    json!({ "type": "object", "required": names, "properties": properties })
}

/// The same, without any others: what tells the alternatives of versions apart.
fn closed(required: &[(&str, Value)], optional: &[(&str, Value)]) -> Value {
    let mut schema = object(required, optional);
    schema["additionalProperties"] = json!(false);
    schema
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn nullable_text() -> Value {
    json!({ "type": ["string", "null"] })
}

fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

fn nullable_time() -> Value {
    json!({ "type": ["string", "null"], "format": "date-time" })
}

fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn any_object() -> Value {
    json!({ "type": "object" })
}

fn users() -> Value {
    json!({ "type": "array", "items": reference("UserReference") })
}

/// All schemas by name, without those of errors.
pub fn all() -> Vec<(&'static str, Value)> {
    let mut all = answers();
    all.extend(requests());
    all
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn answers() -> Vec<(&'static str, Value)> {
    let link = object(&[("id", text()), ("url", text())], &[]);
    let status = json!({ "enum": ["sent", "delivered", "read"] });
    let statuses = json!({ "type": ["object", "null"], "additionalProperties": status });
    let basic = ["id", "url", "user_id", "display_name", "avatar_url"].map(|name| (name, nullable_text()));
    let fields =
        ["display_name", "avatar_url", "first_name", "last_name", "phone_number", "email_address", "public_key"]
            .map(|name| (name, nullable_text()));
    let mut identity = fields.to_vec();
    identity.extend([("user_id", text()), ("metadata", json!({ "type": ["object", "null"] }))]);
    let conversation = [
        ("id", text()),
        ("url", text()),
        ("messages_url", text()),
        ("created_at", time()),
        ("participants", json!({ "type": "array", "items": reference("ShownUser") })),
        ("distinct", json!({ "type": "boolean" })),
        ("metadata", any_object()),
    ];
    let message = [
        ("id", text()),
        ("url", text()),
        ("conversation", link),
        ("parts", list_of("Part")),
        ("sent_at", nullable_time()),
        ("sender", reference("Sender")),
        ("recipient_status", statuses.clone()),
    ];
    let of_reader = [
        ("receipts_url", nullable_text()),
        ("position", json!({ "type": ["integer", "null"] })),
        ("received_at", nullable_time()),
        ("is_unread", json!({ "type": ["boolean", "null"] })),
        ("notification", json!({ "type": "null" })),
        ("updated_at", nullable_time()),
    ];
    let announcement = [
        ("id", text()),
        ("url", text()),
        ("sent_at", time()),
        ("sender", reference("Sender")),
        ("parts", list_of("Part")),
    ];
    let content_urls = ["upload_url", "download_url", "refresh_url"].map(|name| (name, nullable_text()));
    let mut of_content = content_urls.to_vec();
    of_content.push(("expiration", nullable_time()));
    let webhook = [
        ("id", text()),
        ("url", text()),
        ("version", text()),
        ("target_url", text()),
        ("events", json!({ "type": "array", "items": text() })),
        ("status", json!({ "enum": ["unverified", "active", "inactive"] })),
        ("created_at", time()),
        ("config", any_object()),
    ];
    vec![
        ("BasicIdentity", closed(&basic, &[])),
        ("ShownUser", json!({ "oneOf": [text(), reference("BasicIdentity")] })),
        ("NamedSender", closed(&[], &[("user_id", nullable_text()), ("name", nullable_text())])),
        ("Sender", json!({ "oneOf": [reference("NamedSender"), reference("BasicIdentity")] })),
        (
            "Part",
            object(
                &[("mime_type", text())],
                &[
                    ("id", text()),
                    ("url", text()),
                    ("message_url", text()),
                    ("body", nullable_text()),
                    ("encoding", json!({ "enum": ["base64", null] })),
                    ("content", json!({ "oneOf": [{ "type": "null" }, reference("Content")] })),
                    ("updated_at", nullable_time()),
                ],
            ),
        ),
        ("Content", object(&[("id", text()), ("size", count())], &of_content)),
        (
            "Conversation",
            object(
                &conversation,
                &[
                    ("last_message", json!({ "oneOf": [{ "type": "null" }, reference("Message")] })),
                    ("unread_message_count", count()),
                ],
            ),
        ),
        ("Conversations", list_of("Conversation")),
        ("Message", object(&message, &of_reader)),
        ("Messages", list_of("Message")),
        ("SentMessages", json!({ "oneOf": [reference("Message"), reference("Messages")] })),
        (
            "Announcement",
            object(&[&announcement[..], &[("recipients", json!({ "type": "array", "items": text() }))]].concat(), &[]),
        ),
        ("ReceivedAnnouncement", object(&announcement, &[&of_reader[..], &[("recipient_status", statuses)]].concat())),
        ("Announcements", list_of("ReceivedAnnouncement")),
        (
            "Identity",
            object(
                &identity,
                &[("id", text()), ("url", text()), ("identity_type", json!({ "enum": ["user", "bot"] }))],
            ),
        ),
        ("Identities", list_of("Identity")),
        ("IdentityIds", json!({ "type": "array", "items": text() })),
        (
            "User",
            object(
                &[
                    ("id", text()),
                    ("identity", json!({ "oneOf": [{ "type": "null" }, reference("Identity")] })),
                    ("suspended", json!({ "type": "boolean" })),
                ],
                &[],
            ),
        ),
        (
            "Badge",
            object(
                &[
                    ("external_unread_count", count()),
                    ("unread_conversation_count", count()),
                    ("unread_message_count", count()),
                ],
                &[],
            ),
        ),
        ("BlockedUser", closed(&[("user_id", text())], &[])),
        (
            "BlockList",
            json!({ "type": "array", "items": { "oneOf": [reference("BlockedUser"), reference("BasicIdentity")] } }),
        ),
        ("Parts", list_of("Part")),
        ("ExportKey", object(&[("public_key", text())], &[])),
        (
            "ExportSchedule",
            object(&[("interval", text()), ("events", json!({ "type": "array", "items": text() }))], &[]),
        ),
        (
            "Export",
            object(
                &[("id", text()), ("type", text()), ("status", text()), ("status_url", text()), ("created_at", time())],
                &[],
            ),
        ),
        ("Exports", list_of("Export")),
        ("Webhook", object(&webhook, &[("status_reason", text())])),
        ("Webhooks", list_of("Webhook")),
    ]
}

fn requests() -> Vec<(&'static str, Value)> {
    let part = object(
        &[("mime_type", json!({ "type": "string", "minLength": 1 }))],
        &[
            ("body", nullable_text()),
            ("encoding", json!({ "enum": ["base64", null] })),
            ("content", json!({ "type": ["object", "null"], "properties": { "id": text(), "size": count() } })),
            ("id", nullable_text()),
        ],
    );
    let parts = json!({ "type": "array", "minItems": 1, "items": reference("NewPart") });
    let sender = object(&[], &[("user_id", nullable_text()), ("name", nullable_text())]);
    let schedule = object(
        &[("delay_in_seconds", json!({ "type": "number", "minimum": 1, "maximum": 300 }))],
        &[("typing_indicator_in_seconds", json!({ "type": "number", "minimum": 1, "maximum": 300 }))],
    );
    // 1.x has `sender`, later versions `sender_id`.
    let sent_by = [("sender", sender), ("sender_id", nullable_text()), ("notification", any_object())];
    let operation = object(
        &[("operation", json!({ "enum": ["add", "remove", "set", "delete"] })), ("property", text())],
        &[("value", json!(true)), ("id", text())],
    );
    let identity =
        ["avatar_url", "first_name", "last_name", "phone_number", "email_address", "public_key", "identity_type"]
            .map(|name| (name, nullable_text()));
    let mut identity = identity.to_vec();
    identity
        .push(("metadata", json!({ "type": ["object", "null"], "additionalProperties": text(), "maxProperties": 16 })));
    vec![
        (
            "UserReference",
            json!({ "type": "string", "minLength": 1, "description": "A user id; from version 2.0 on also an identity id." }),
        ),
        (
            "NewConversation",
            object(
                &[(
                    "participants",
                    json!({ "type": "array", "items": reference("UserReference"), "minItems": 1, "maxItems": MAX_PARTICIPANTS }),
                )],
                &[("distinct", json!({ "type": "boolean" })), ("metadata", json!({ "type": ["object", "null"] }))],
            ),
        ),
        ("NewMessage", object(&[("parts", parts.clone())], &[&sent_by[..], &[("schedule", schedule)]].concat())),
        (
            "NewMessages",
            json!({ "oneOf": [reference("NewMessage"), { "type": "array", "minItems": 1, "items": reference("NewMessage") }] }),
        ),
        (
            "NewUserMessage",
            object(&[("parts", parts.clone())], &[("notification", any_object()), ("id", nullable_text())]),
        ),
        ("NewAnnouncement", object(&[("recipients", users()), ("parts", parts)], &sent_by)),
        ("NewNotification", object(&[("recipients", users()), ("notification", any_object())], &[])),
        (
            "Patch",
            json!({ "type": "array", "items": operation, "description": format!(
            "Layer Patch, contract 4. The app: `session_ttl_in_seconds` from {} to {}.",
            SESSION_TTL_SECONDS.start(), SESSION_TTL_SECONDS.end()) }),
        ),
        ("Receipt", object(&[("type", json!({ "enum": ["read", "delivery"] }))], &[])),
        ("MarkAllRead", object(&[], &[("position", count())])),
        ("NewPart", part),
        ("NewParts", list_of("NewPart")),
        (
            "NewExportSchedule",
            object(
                &[("interval", json!({ "enum": ["daily", "disabled"] }))],
                &[("events", json!({ "type": ["array", "null"] }))],
            ),
        ),
        ("NewBlock", object(&[("user_id", reference("UserReference"))], &[])),
        (
            "NewIdentity",
            object(&[("display_name", json!({ "type": "string", "minLength": 1, "maxLength": 128 }))], &identity),
        ),
        (
            "NewBadge",
            object(&[("external_unread_count", json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }))], &[]),
        ),
        (
            "NewWebhook",
            object(
                &[
                    ("version", json!({ "enum": ["1.0", "2.0", "3.0"] })),
                    ("target_url", text()),
                    ("events", json!({ "type": "array", "minItems": 1, "items": text() })),
                    ("secret", text()),
                ],
                &[("config", any_object())],
            ),
        ),
        (
            "PageSize",
            json!({ "type": "integer", "minimum": 1, "description": format!(
            "100 by default and at most; {MAX_USER_PAGE_SIZE} for lists of users. More counts as the most.") }),
        ),
    ]
}
