//! The shapes of requests and answers. Where versions differ, a schema has the alternatives of all of them.

use layer_wire::app::SESSION_TTL_SECONDS;
use layer_wire::conversation::MAX_PARTICIPANTS;
use layer_wire::page::MAX_USER_PAGE_SIZE;
use layer_wire::{Version, event};
use serde_json::json;

use super::shape::Shape::{self, Closed, Json, List, ListOf, Made, Named, Object, OneOf};

const NULL: Shape = Json(r#"{ "type": "null" }"#);
const TEXT: Shape = Json(r#"{ "type": "string" }"#);
const NULLABLE_TEXT: Shape = Json(r#"{ "type": ["string", "null"] }"#);
const TIME: Shape = Json(r#"{ "type": "string", "format": "date-time" }"#);
const NULLABLE_TIME: Shape = Json(r#"{ "type": ["string", "null"], "format": "date-time" }"#);
const COUNT: Shape = Json(r#"{ "type": "integer", "minimum": 0 }"#);
const FLAG: Shape = Json(r#"{ "type": "boolean" }"#);
const ANY_OBJECT: Shape = Json(r#"{ "type": "object" }"#);
const NULLABLE_OBJECT: Shape = Json(r#"{ "type": ["object", "null"] }"#);
const TEXTS: Shape = ListOf(&TEXT);
const ENCODING: Shape = Json(r#"{ "enum": ["base64", null] }"#);
const USERS: Shape = List("UserReference");
const NEW_PARTS: Shape =
    Json(r##"{ "type": "array", "minItems": 1, "items": { "$ref": "#/components/schemas/NewPart" } }"##);
const STATUSES: Shape =
    Json(r#"{ "type": ["object", "null"], "additionalProperties": { "enum": ["sent", "delivered", "read"] } }"#);
const KIND_OF_USER: Shape = Json(r#"{ "enum": ["user", "bot"] }"#);
const DELAY: Shape = Json(r#"{ "type": "number", "minimum": 1, "maximum": 300 }"#);

type Group = &'static [(&'static str, Shape)];

const ANNOUNCEMENT: Group =
    &[("id", TEXT), ("url", TEXT), ("sent_at", TIME), ("sender", Named("Sender")), ("parts", List("Part"))];

const OF_READER: Group = &[
    ("receipts_url", NULLABLE_TEXT),
    ("position", Json(r#"{ "type": ["integer", "null"] }"#)),
    ("received_at", NULLABLE_TIME),
    ("is_unread", Json(r#"{ "type": ["boolean", "null"] }"#)),
    ("notification", NULL),
    ("updated_at", NULLABLE_TIME),
    // From 2.0 on: the one in reads, the other in the answer to a send.
    ("reply_to", NULL),
    ("channel", NULL),
];

/// The events that a webhook may ask for, in some version.
fn new_events() -> serde_json::Value {
    let mut names: Vec<&str> =
        [Version::V1_0, Version::V2_0, Version::V3_0].into_iter().flat_map(event::names).collect();
    names.extend(event::OF_CHANNELS);
    names.sort_unstable();
    names.dedup();
    json!({ "type": "array", "minItems": 1, "items": { "enum": names }, "description": "Those that the version has." })
}

/// 1.x has `sender`, later versions `sender_id`.
const SENT_BY: Group = &[
    ("sender", Object(&[], &[&[("user_id", NULLABLE_TEXT), ("name", NULLABLE_TEXT)]])),
    ("sender_id", NULLABLE_TEXT),
    ("notification", ANY_OBJECT),
];

/// What is answered.
pub static ANSWERS: Group = &[
    (
        "BasicIdentity",
        Closed(
            &[&[
                ("id", NULLABLE_TEXT),
                ("url", NULLABLE_TEXT),
                ("user_id", NULLABLE_TEXT),
                ("display_name", NULLABLE_TEXT),
                ("avatar_url", NULLABLE_TEXT),
            ]],
            &[],
        ),
    ),
    ("ShownUser", OneOf(&[TEXT, Named("BasicIdentity")])),
    ("NamedSender", Closed(&[], &[&[("user_id", NULLABLE_TEXT), ("name", NULLABLE_TEXT)]])),
    ("Sender", OneOf(&[Named("NamedSender"), Named("BasicIdentity")])),
    (
        "Part",
        Object(
            &[&[("mime_type", TEXT)]],
            &[&[
                ("id", TEXT),
                ("url", TEXT),
                ("message_url", TEXT),
                ("body", NULLABLE_TEXT),
                ("encoding", ENCODING),
                ("content", OneOf(&[NULL, Named("Content")])),
                ("updated_at", NULLABLE_TIME),
            ]],
        ),
    ),
    (
        "Content",
        Object(
            &[&[("id", TEXT), ("size", COUNT)]],
            &[&[
                ("upload_url", NULLABLE_TEXT),
                ("download_url", NULLABLE_TEXT),
                ("refresh_url", NULLABLE_TEXT),
                ("expiration", NULLABLE_TIME),
            ]],
        ),
    ),
    (
        "Conversation",
        Object(
            &[&[
                ("id", TEXT),
                ("url", TEXT),
                ("messages_url", TEXT),
                ("created_at", TIME),
                ("participants", List("ShownUser")),
                ("distinct", FLAG),
                ("metadata", ANY_OBJECT),
            ]],
            &[&[("last_message", OneOf(&[NULL, Named("Message")])), ("unread_message_count", COUNT)]],
        ),
    ),
    ("Conversations", List("Conversation")),
    (
        "Message",
        Object(
            &[&[
                ("id", TEXT),
                ("url", TEXT),
                ("conversation", Object(&[&[("id", TEXT), ("url", TEXT)]], &[])),
                ("parts", List("Part")),
                ("sent_at", NULLABLE_TIME),
                ("sender", Named("Sender")),
                ("recipient_status", STATUSES),
            ]],
            &[OF_READER],
        ),
    ),
    ("Messages", List("Message")),
    ("Marked", Object(&[&[("position", COUNT)]], &[])),
    ("SentMessages", OneOf(&[Named("Message"), Named("Messages")])),
    ("Announcement", Object(&[ANNOUNCEMENT, &[("recipients", TEXTS)]], &[])),
    ("ReceivedAnnouncement", Object(&[ANNOUNCEMENT], &[OF_READER, &[("recipient_status", STATUSES)]])),
    ("Announcements", List("ReceivedAnnouncement")),
    (
        "Identity",
        Object(
            &[&[
                ("display_name", NULLABLE_TEXT),
                ("avatar_url", NULLABLE_TEXT),
                ("first_name", NULLABLE_TEXT),
                ("last_name", NULLABLE_TEXT),
                ("phone_number", NULLABLE_TEXT),
                ("email_address", NULLABLE_TEXT),
                ("public_key", NULLABLE_TEXT),
                ("user_id", TEXT),
                ("metadata", NULLABLE_OBJECT),
            ]],
            &[&[("id", TEXT), ("url", TEXT), ("identity_type", KIND_OF_USER), ("type", KIND_OF_USER)]],
        ),
    ),
    ("Identities", List("Identity")),
    ("IdentityIds", TEXTS),
    ("User", Object(&[&[("id", TEXT), ("identity", OneOf(&[NULL, Named("Identity")])), ("suspended", FLAG)]], &[])),
    (
        "Badge",
        Object(
            &[&[
                ("external_unread_count", COUNT),
                ("unread_conversation_count", COUNT),
                ("unread_message_count", COUNT),
            ]],
            &[],
        ),
    ),
    ("BlockedUser", Closed(&[&[("user_id", TEXT)]], &[])),
    ("BlockList", ListOf(&OneOf(&[Named("BlockedUser"), Named("BasicIdentity")]))),
    ("Parts", List("Part")),
    ("ExportKey", Object(&[&[("public_key", TEXT)]], &[])),
    ("ExportSchedule", Object(&[&[("interval", TEXT), ("events", TEXTS)]], &[])),
    (
        "Export",
        Object(&[&[("id", TEXT), ("type", TEXT), ("status", TEXT), ("status_url", TEXT), ("created_at", TIME)]], &[]),
    ),
    ("Exports", List("Export")),
    (
        "Webhook",
        Object(
            &[&[
                ("id", TEXT),
                ("url", TEXT),
                ("version", TEXT),
                ("target_url", TEXT),
                ("events", TEXTS),
                ("status", Json(r#"{ "enum": ["unverified", "active", "inactive"] }"#)),
                ("created_at", TIME),
                ("config", ANY_OBJECT),
            ]],
            &[&[("status_reason", TEXT)]],
        ),
    ),
    ("Webhooks", List("Webhook")),
    ("Root", ANY_OBJECT),
    ("Nonce", Object(&[&[("nonce", TEXT)]], &[])),
    ("Session", Object(&[&[("session_token", TEXT)]], &[])),
];

/// What is asked.
pub static REQUESTS: Group = &[
    (
        "UserReference",
        Json(
            r#"{ "type": "string", "minLength": 1, "description": "A user id; from version 2.0 on also an identity id." }"#,
        ),
    ),
    (
        "NewConversation",
        Object(
            &[&[(
                "participants",
                Made(
                    || json!({ "type": "array", "items": Named("UserReference").schema(), "minItems": 1, "maxItems": MAX_PARTICIPANTS }),
                ),
            )]],
            &[&[("distinct", FLAG), ("metadata", NULLABLE_OBJECT)]],
        ),
    ),
    (
        "NewMessage",
        Object(
            &[&[("parts", NEW_PARTS)]],
            &[
                SENT_BY,
                &[(
                    "schedule",
                    Object(&[&[("delay_in_seconds", DELAY)]], &[&[("typing_indicator_in_seconds", DELAY)]]),
                )],
            ],
        ),
    ),
    (
        "NewMessages",
        OneOf(&[
            Named("NewMessage"),
            Json(r##"{ "type": "array", "minItems": 1, "items": { "$ref": "#/components/schemas/NewMessage" } }"##),
        ]),
    ),
    ("NewUserMessage", Object(&[&[("parts", NEW_PARTS)]], &[&[("notification", ANY_OBJECT), ("id", NULLABLE_TEXT)]])),
    ("NewAnnouncement", Object(&[&[("recipients", USERS), ("parts", NEW_PARTS)]], &[SENT_BY])),
    ("NewNotification", Object(&[&[("recipients", USERS), ("notification", ANY_OBJECT)]], &[])),
    (
        "Patch",
        Made(|| {
            let operation = Object(
                &[&[("operation", Json(r#"{ "enum": ["add", "remove", "set", "delete"] }"#)), ("property", TEXT)]],
                &[&[("value", Json("true")), ("id", TEXT)]],
            );
            let (least, most) = (SESSION_TTL_SECONDS.start(), SESSION_TTL_SECONDS.end());
            let description =
                format!("Layer Patch, contract 4. The app: `session_ttl_in_seconds` from {least} to {most}.");
            json!({ "type": "array", "items": operation.schema(), "description": description })
        }),
    ),
    ("Receipt", Object(&[&[("type", Json(r#"{ "enum": ["read", "delivery"] }"#))]], &[])),
    ("MarkAllRead", Object(&[], &[&[("position", Json(r#"{ "type": ["integer", "null"], "minimum": 0 }"#))]])),
    (
        "NewPart",
        Object(
            &[&[("mime_type", Json(r#"{ "type": "string", "minLength": 1 }"#))]],
            &[&[
                ("body", NULLABLE_TEXT),
                ("encoding", ENCODING),
                (
                    "content",
                    Json(
                        r#"{
                            "type": ["object", "null"],
                            "properties": { "id": { "type": "string" }, "size": { "type": "integer", "minimum": 0 } }
                        }"#,
                    ),
                ),
                ("id", NULLABLE_TEXT),
            ]],
        ),
    ),
    ("NewParts", List("NewPart")),
    (
        "NewExportSchedule",
        Object(
            &[&[("interval", Json(r#"{ "enum": ["daily", "disabled"] }"#))]],
            &[&[("events", Json(r#"{ "type": ["array", "null"] }"#))]],
        ),
    ),
    ("NewBlock", Object(&[&[("user_id", Named("UserReference"))]], &[])),
    (
        "NewIdentity",
        Object(
            &[&[("display_name", Json(r#"{ "type": "string", "minLength": 1, "maxLength": 128 }"#))]],
            &[&[
                ("avatar_url", NULLABLE_TEXT),
                ("first_name", NULLABLE_TEXT),
                ("last_name", NULLABLE_TEXT),
                ("phone_number", NULLABLE_TEXT),
                ("email_address", NULLABLE_TEXT),
                ("public_key", NULLABLE_TEXT),
                ("identity_type", NULLABLE_TEXT),
                (
                    "metadata",
                    Json(
                        r#"{ "type": ["object", "null"], "additionalProperties": { "type": "string" }, "maxProperties": 16 }"#,
                    ),
                ),
            ]],
        ),
    ),
    (
        "NewBadge",
        Object(
            &[&[("external_unread_count", Made(|| json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX })))]],
            &[],
        ),
    ),
    (
        "NewWebhook",
        Object(
            &[&[
                ("version", Json(r#"{ "enum": ["1.0", "2.0", "3.0"] }"#)),
                ("target_url", TEXT),
                ("events", Made(new_events)),
                ("secret", TEXT),
            ]],
            &[&[("config", ANY_OBJECT)]],
        ),
    ),
    (
        "NewPushToken",
        Object(
            &[&[
                ("token", Json(r#"{ "type": "string", "minLength": 1, "maxLength": 1000 }"#)),
                ("type", Json(r#"{ "enum": ["apns", "gcm"] }"#)),
                ("device_id", Json(r#"{ "type": "string", "minLength": 1, "maxLength": 1000 }"#)),
            ]],
            &[&[("apns_bundle_id", NULLABLE_TEXT), ("gcm_sender_id", NULLABLE_TEXT), ("ios_version", NULLABLE_TEXT)]],
        ),
    ),
    ("NewSession", Object(&[&[("identity_token", TEXT), ("app_id", TEXT)]], &[])),
    (
        "PageSize",
        Made(|| {
            let description = format!(
                "100 by default and at most; {MAX_USER_PAGE_SIZE} for lists of users. More counts as the most."
            );
            json!({ "type": "integer", "minimum": 1, "description": description })
        }),
    ),
];
