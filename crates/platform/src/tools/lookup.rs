//! Routes of the admin API for who looks: what there is, what is searched for, how it goes.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::{StatusCode, Uri};
use layer_store::app::IdUse;
use layer_store::overview::UserRecord;
use layer_wire::identity::Fields;
use layer_wire::webhook::Webhook;
use layer_wire::{ApiError, ConversationId, ErrorKind, MessageId, UserId, Version, WebhookId, id};
use serde_json::{Value, json};

use super::charts::SLOT;
use super::query::Query;
use super::state::{Admin, app_id};
use crate::ground::blobs::on_disk;
use crate::http::answer;
use crate::http::error::{Answer, HttpError};
use crate::http::gate::{Api, Caller};
use crate::http::render::SystemView;
use crate::http::routes::export;
use crate::service::failure::Failure;
use crate::service::overview::{Found, Wanted};

/// The most sockets that are listed.
const MAX_SOCKETS: usize = 1000;

/// The most deliveries that wait and are listed for one webhook.
const MAX_WAITING: usize = 100;

/// An app in a path, asked about in the shapes of 3.0. Error: `invalid_app_id`, also for one that there is not.
async fn caller(admin: &Admin, app: &str) -> Result<Caller, HttpError> {
    let app = app_id(app)?;
    let key = admin.services.apps.key(app).await?;
    Ok(Caller { app, key, version: Version::V3_0, api: Api::Server })
}

/// What is asked for in the query of a search.
fn wanted<After>(query: &Query, after: Option<After>) -> Result<Wanted<After>, ApiError> {
    Ok(Wanted {
        user: query.user("user")?,
        text: query.get("text").map(str::to_owned),
        since: query.time("since")?,
        until: query.time("until")?,
        after,
        limit: query.limit()?,
    })
}

const OF_SEARCH: [&str; 6] = ["user", "text", "since", "until", "from_id", "page_size"];

/// The item after which a list begins. Error: `invalid_request_id`.
fn from<Id>(query: &Query, parse: impl Fn(&str) -> Option<Id>) -> Result<Option<Id>, ApiError> {
    let read = |text| parse(text).ok_or_else(|| ApiError::invalid_request_id("query parameter 'from_id'"));
    query.get("from_id").map(read).transpose()
}

fn page(items: &[Value], next: Option<&str>, looked_at: usize) -> Response {
    answer::json(StatusCode::OK, &json!({ "items": items, "next": next, "looked_at": looked_at }))
}

/// `GET /_platform/overview`: what runs here, and how much there is.
///
/// - `200`
pub async fn overview(State(admin): State<Admin>) -> Answer {
    let core = &admin.services.core;
    let mut apps = vec![];
    for (id, app) in admin.services.apps.all().await? {
        let counts = admin.services.overview.counts(app.key).await?;
        let mut shown = json!({
            "app_id": id.to_string(),
            "conversations": counts.conversations,
            "messages": counts.messages,
            "users": counts.users,
        });
        if let Some(name) = app.name {
            shown["name"] = name.into();
        }
        apps.push(shown);
    }
    let body = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "url": core.public_url(),
        "now": core.clock().now(),
        "is_clock_frozen": core.clock().is_frozen(),
        "apps": apps,
        "sockets": admin.hub.sockets().len(),
        "requests_under_way": admin.charts.under_way(),
        "is_recording": admin.tools.requests.is_on(),
        "is_shared": core.store_state().is_shared,
    });
    Ok(answer::json(StatusCode::OK, &body))
}

/// `GET /_platform/apps/<app>/conversations`: conversations, newest first, in the shape of 3.0 with the number of their
/// messages and the time of the latest one.
///
/// `user` takes part or did, `text` is in metadata or a user id, `since` and `until` are about their creation.
///
/// - `200` with `{items, next, looked_at}`: `next` is the `from_id` to go on with, where there may be more
/// - `invalid_app_id`; `invalid_property`; `not_found` for an unknown `from_id`
pub async fn conversations(State(admin): State<Admin>, Path(app): Path<String>, uri: Uri) -> Answer {
    let caller = caller(&admin, &app).await?;
    let query = Query::parse(&uri, &OF_SEARCH)?;
    let wanted = wanted(&query, from(&query, ConversationId::parse)?)?;
    let (Found { items, next, looked_at }, identities) = admin.services.overview.conversations(caller, wanted).await?;
    let view = SystemView::new(admin.services.core.urls(caller.app), caller, identities);
    let shown = items.into_iter().map(|record| {
        let (count, active_at) = (record.message_count, record.active_at);
        let mut shown = serde_json::to_value(view.conversation(record)).unwrap_or_default();
        shown["message_count"] = count.into();
        shown["active_at"] = json!(active_at);
        shown
    });
    let next = next.map(|next| next.id.uuid().to_string());
    Ok(page(&shown.collect::<Vec<_>>(), next.as_deref(), looked_at))
}

/// `GET /_platform/apps/<app>/messages`: messages in the shape of 3.0, by conversation, the newest first of those as of
/// the messages in each.
///
/// `user` sent it, `text` is in a part of it, `since` and `until` are about when it was sent.
///
/// - as for conversations
pub async fn messages(State(admin): State<Admin>, Path(app): Path<String>, uri: Uri) -> Answer {
    let caller = caller(&admin, &app).await?;
    let query = Query::parse(&uri, &OF_SEARCH)?;
    let wanted = wanted(&query, from(&query, MessageId::parse)?)?;
    let (Found { items, next, looked_at }, identities) = admin.services.overview.messages(caller, wanted).await?;
    let view = SystemView::new(admin.services.core.urls(caller.app), caller, identities);
    let shown = items.into_iter().map(|record| serde_json::to_value(view.message(record)).unwrap_or_default());
    let next = next.map(|next| next.id.uuid().to_string());
    Ok(page(&shown.collect::<Vec<_>>(), next.as_deref(), looked_at))
}

fn fields(identity: Option<&Fields>) -> Value {
    identity.map_or(Value::Null, |fields| Value::Object(fields.as_object().clone()))
}

/// `GET /_platform/apps/<app>/users`: users in the order of their ids. `text` is in the id or the identity; `suspended`
/// asks for those who are, or are not.
///
/// - as for conversations
pub async fn users(State(admin): State<Admin>, Path(app): Path<String>, uri: Uri) -> Answer {
    let caller = caller(&admin, &app).await?;
    let query = Query::parse(&uri, &["text", "suspended", "from_id", "page_size"])?;
    let wanted = Wanted {
        text: query.get("text").map(str::to_owned),
        after: query.user("from_id")?,
        limit: query.limit()?,
        ..Wanted::default()
    };
    let Found { items, next, looked_at } =
        admin.services.overview.users(caller.key, wanted, query.truth("suspended")?).await?;
    let show = |user: &UserRecord| {
        json!({
            "user_id": user.id,
            "identity": fields(user.identity.as_ref()),
            "is_suspended": user.is_suspended,
            "conversation_count": user.conversation_count,
        })
    };
    let next = next.as_ref().map(|next| next.id.as_str());
    Ok(page(&items.iter().map(show).collect::<Vec<_>>(), next, looked_at))
}

/// `GET /_platform/apps/<app>/users/<user>`: a user with identity, blocks, badge, and open sockets.
///
/// - `200`; `invalid_app_id`; `not_found` for one that nothing ever named
pub async fn user(State(admin): State<Admin>, Path((app, user)): Path<(String, String)>) -> Answer {
    let caller = caller(&admin, &app).await?;
    let user = UserId::parse(user).map_err(|_| ApiError::user_not_found())?;
    let seen = admin.services.overview.user(caller.key, user.clone()).await?;
    let body = json!({
        "user_id": user,
        "identity": fields(seen.identity.as_ref()),
        "is_suspended": seen.is_suspended,
        "blocks": seen.blocks,
        "badge": {
            "external_unread_count": seen.unread.external,
            "unread_conversation_count": seen.unread.conversations,
            "unread_message_count": seen.unread.messages,
        },
        "conversation_count": seen.conversation_count,
        "sockets": admin.hub.sockets_of(caller.key, &user).len(),
    });
    Ok(answer::json(StatusCode::OK, &body))
}

/// `GET /_platform/find/<id>`: what a UUID, or an id with its prefix, is the id of.
///
/// - `200` with an array, since each app has ids of its own; `invalid_request_id`
pub async fn find(State(admin): State<Admin>, Path(text): Path<String>) -> Answer {
    let uuid = id::parse_uuid(text.rsplit('/').next().unwrap_or_default());
    let uuid = uuid.ok_or_else(|| ApiError::invalid_request_id("id in the path"))?;
    let shown = admin.services.overview.find(uuid).await?.into_iter().map(|place| {
        json!({
            "app_id": place.app.to_string(),
            "type": match place.kind {
                IdUse::Conversation => "conversation",
                IdUse::Message => "message",
                IdUse::Announcement => "announcement",
                IdUse::ScheduledMessage => "scheduled_message",
                IdUse::DeletedMessage => "deleted_message",
            },
            "id": uuid.to_string(),
            "conversation_id": place.conversation.map(|id| id.uuid().to_string()),
        })
    });
    Ok(answer::json(StatusCode::OK, &shown.collect::<Vec<_>>()))
}

/// `GET /_platform/apps/<app>/webhooks`: the webhooks of an app as the Webhooks API shows them, each with how many
/// deliveries wait and since when they fail.
///
/// - `200` with an array, the oldest first; `invalid_app_id`
pub async fn webhooks(State(admin): State<Admin>, Path(app): Path<String>) -> Answer {
    let caller = caller(&admin, &app).await?;
    let urls = admin.services.core.urls(caller.app);
    let mut shown = vec![];
    for record in admin.services.webhooks.list(caller.key).await? {
        let (_, waiting) = admin.services.deliveries.waiting(record.key, 0).await?;
        let (id, failing_since) = (record.id, record.failing_since);
        let webhook = Webhook::new(caller.app, id, record.created_at, record.registered, record.status, &urls);
        let mut webhook = serde_json::to_value(webhook).unwrap_or_default();
        webhook["webhook_id"] = id.uuid().to_string().into();
        webhook["waiting"] = waiting.into();
        webhook["failing_since"] = json!(failing_since);
        shown.push(webhook);
    }
    Ok(answer::json(StatusCode::OK, &shown))
}

fn webhook_id(text: &str) -> Result<WebhookId, ApiError> {
    WebhookId::parse_bare(text).ok_or_else(|| ApiError::invalid_request_id("webhook id"))
}

/// `GET /_platform/apps/<app>/webhooks/<webhook>/deliveries`: what waits for a webhook, and the latest attempts.
///
/// - `200` with `{waiting, waiting_count, attempts}`: the next deliveries first, at most 100; the latest attempts last
/// - `invalid_app_id`; `invalid_request_id`; `not_found`
pub async fn deliveries(State(admin): State<Admin>, Path((app, webhook)): Path<(String, String)>) -> Answer {
    let caller = caller(&admin, &app).await?;
    let id = webhook_id(&webhook)?;
    let webhook = admin.services.webhooks.find(caller.key, id).await?;
    let (waiting, count) = admin.services.deliveries.waiting(webhook.key, MAX_WAITING).await?;
    let shown = waiting.iter().map(|delivery| {
        json!({
            "event": delivery.event.to_string(),
            "event_type": delivery.event_type,
            "failed_attempts": delivery.failed_attempts,
            "first_attempt_at": delivery.first_attempt_at,
            "due_at": delivery.due_at,
        })
    });
    let mut attempts = admin.services.deliveries.latest();
    attempts.retain(|attempt| attempt.app == caller.app && attempt.webhook == id);
    let body = json!({ "waiting": shown.collect::<Vec<_>>(), "waiting_count": count, "attempts": attempts });
    Ok(answer::json(StatusCode::OK, &body))
}

/// `POST /_platform/apps/<app>/webhooks/<webhook>/deliveries/<event>/send`: sends an event to a webhook once more, now.
///
/// - `202`; `invalid_operation` unless the webhook is active; `not_found`, also for an event that is not remembered
/// - `invalid_app_id`; `invalid_request_id`
pub async fn send_again(
    State(admin): State<Admin>,
    Path((app, webhook, event)): Path<(String, String, String)>,
) -> Answer {
    let caller = caller(&admin, &app).await?;
    let event = id::parse_uuid(&event).ok_or_else(|| ApiError::invalid_request_id("event id"))?;
    admin.services.deliveries.send_again(caller.key, webhook_id(&webhook)?, event).await?;
    Ok(answer::empty(StatusCode::ACCEPTED))
}

/// `GET /_platform/apps/<app>/exports`: the exports of an app as the Server API shows them, newest first, each with how
/// far it is while it is made.
///
/// - `200` with an array; `invalid_app_id`
pub async fn exports(State(admin): State<Admin>, Path(app): Path<String>) -> Answer {
    let caller = caller(&admin, &app).await?;
    let shown = admin.services.exports.list(caller.key).await?.into_iter().map(|record| {
        let progress = admin.services.exports.progress_of(record.id);
        let size = record.archive.as_ref().map(|archive| archive.size);
        let mut shown = serde_json::to_value(export::shown(&admin.services, record)).unwrap_or_default();
        shown["size"] = size.into();
        shown["progress"] =
            progress.map_or(Value::Null, |progress| json!({ "done": progress.done, "total": progress.total }));
        shown
    });
    Ok(answer::json(StatusCode::OK, &shown.collect::<Vec<_>>()))
}

/// `GET /_platform/sockets`: the sockets of clients that are open, those that opened last first.
///
/// - `200` with `{count, items}`, at most 1000 items
pub async fn sockets(State(admin): State<Admin>) -> Answer {
    let mut sockets = admin.hub.sockets();
    let count = sockets.len();
    sockets.sort_by_key(|socket| socket.open_for());
    let shown = sockets.iter().take(MAX_SOCKETS).map(|socket| {
        let (packets, bytes) = socket.waiting();
        json!({
            "app_id": socket.listener.app.to_string(),
            "user_id": socket.listener.user,
            "version": socket.listener.version,
            "open_for_ms": u64::try_from(socket.open_for().as_millis()).unwrap_or(u64::MAX),
            "session_expires_at": socket.listener.expires_at,
            "waiting_packets": packets,
            "waiting_bytes": bytes,
        })
    });
    let items: Vec<_> = shown.collect();
    Ok(answer::json(StatusCode::OK, &json!({ "count": count, "items": items })))
}

/// `GET /_platform/charts`: the last hour in slots of ten seconds.
///
/// - `200` with `{seconds_per_slot, requests_under_way, slots, is_shared}`: of this platform alone, only the slots in
///   which a request ended, or something waited for the store, the oldest first
pub async fn charts(State(admin): State<Admin>) -> Answer {
    let body = json!({
        "seconds_per_slot": SLOT.as_secs(),
        "requests_under_way": admin.charts.under_way(),
        "slots": admin.charts.shown(),
        "is_shared": admin.services.core.store_state().is_shared,
    });
    Ok(answer::json(StatusCode::OK, &body))
}

/// `GET /_platform/requests/<number>`: a recorded request with its answer.
///
/// - `200`; `not_found` for one that is not on record, or not any more
pub async fn request(State(admin): State<Admin>, Path(number): Path<String>) -> Answer {
    let found = number.parse().ok().and_then(|number| admin.tools.requests.find(number));
    let found = found.ok_or_else(|| ApiError::new(ErrorKind::NotFound, "No request is on record by this number."))?;
    Ok(answer::json(StatusCode::OK, &found))
}

/// `POST /_platform/backups`: begins a backup of everything, in a folder beside the database that is named after the
/// time.
///
/// - `202` with its `name`; `invalid_operation` for a database in memory; `conflict` while one is made
pub async fn begin_backup(State(admin): State<Admin>) -> Answer {
    let name = admin.services.core.clock().now().to_string().replace(':', "-");
    admin.backups.begin(name.clone())?;
    Ok(answer::json(StatusCode::ACCEPTED, &json!({ "name": name })))
}

/// `GET /_platform/backups`: the backups beside the database, newest first, with how far the one is that is made.
///
/// - `200` with `{folder, items}`; `folder` is null for a database in memory
pub async fn backups(State(admin): State<Admin>) -> Answer {
    let backups = Arc::clone(&admin.backups);
    let folder = backups.folder().map(|folder| folder.display().to_string());
    let items = on_disk(move || backups.shown()).await.map_err(Failure::from)?;
    Ok(answer::json(StatusCode::OK, &json!({ "folder": folder, "items": items })))
}
