//! What happens now, for those who watch: `GET /_platform/events`, as Server-Sent Events.
//!
//! Events are hints of a few bytes, as in the feed of changes: they say what to look at. Who reads too slowly hears
//! that something was missed, and is never waited for.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Uri};
use http_body_util::channel::{Channel, Sender};
use layer_store::changes::{Change, Changes, Kinds, What};
use layer_store::key::AppKey;
use layer_wire::{ApiError, AppId, ErrorKind};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, watch};
use tokio::time::MissedTickBehavior;

use super::query::Query;
use super::state::Admin;
use crate::ground::task;
use crate::http::error::Answer;
use crate::service::Services;
use crate::tools::Tools;

/// How often something is said though nothing happens, so that both ends notice when the other is gone.
const PING_INTERVAL: Duration = Duration::from_secs(15);

/// How long events are gathered before they are sent.
const GATHERED_FOR: Duration = Duration::from_millis(50);

/// How many are sent at a time.
const AT_ONCE: usize = 256;

/// The kinds of changes that are told: those of things that an operator sees.
fn kinds() -> Kinds {
    Kinds::CONVERSATIONS
        | Kinds::MESSAGES
        | Kinds::RECEIPTS
        | Kinds::MEMBERSHIPS
        | Kinds::IDENTITIES
        | Kinds::BLOCK_LISTS
        | Kinds::ANNOUNCEMENTS
        | Kinds::SUSPENSIONS
        | Kinds::UNREAD_COUNTS
        | Kinds::APPS
        | Kinds::WEBHOOKS
        | Kinds::DELIVERIES
        | Kinds::SCHEDULED_MESSAGES
        | Kinds::EXPORTS
}

/// `GET /_platform/events`: what happens from now on, until the client hangs up; `kinds=requests,changes` asks for some
/// of it.
///
/// - `200` with `text/event-stream`: `ready`, then `request`, `change` and `missed`, each with JSON
/// - `rate_limit_exceeded` when too many watch already; `invalid_property`
pub async fn events(State(admin): State<Admin>, uri: Uri) -> Answer {
    let query = Query::parse(&uri, &["kinds"])?;
    let (mut wants_requests, mut wants_changes) = (false, false);
    for kind in query.get("kinds").unwrap_or("requests,changes").split(',') {
        match kind {
            "requests" => wants_requests = true,
            "changes" => wants_changes = true,
            _ => return Err(ApiError::invalid_property("kinds", "must be of 'requests' and 'changes'").into()),
        }
    }
    let too_many = || ApiError::new(ErrorKind::RateLimitExceeded, "Too many watch this platform already.");
    let place = Arc::clone(&admin.watchers.places).try_acquire_owned().map_err(|_| too_many())?;
    // Before the answer: from then on nothing is missed.
    let requests = wants_requests.then(|| admin.tools.requests.listen());
    let changes = wants_changes.then(|| admin.services.core.changes(kinds()));
    let (sender, body) = Channel::<Bytes, Infallible>::new(4);
    let stop = admin.watchers.stop.clone();
    let watcher = Watcher { services: admin.services, tools: admin.tools, requests, changes, apps: HashMap::new() };
    tokio::spawn(task::boxed(async move {
        let _place = place;
        watcher.run(sender, stop).await;
    }));
    let mut response = Response::new(Body::new(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

struct Watcher {
    services: Arc<Services>,
    tools: Arc<Tools>,
    requests: Option<broadcast::Receiver<u64>>,
    changes: Option<Changes>,
    /// The ids of apps, which the feed names by their keys.
    apps: HashMap<AppKey, AppId>,
}

/// What woke a watcher.
enum Woken {
    Request(Result<u64, RecvError>),
    Change(Change),
    Ping,
}

impl Watcher {
    async fn run(mut self, mut sender: Sender<Bytes>, mut stop: watch::Receiver<bool>) {
        let mut pings = tokio::time::interval(PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let is_shared = self.services.core.store_state().is_shared;
        let is_recording = self.tools.requests.is_on();
        let mut text = event("ready", &json!({ "is_recording": is_recording, "is_shared": is_shared }));
        loop {
            if !text.is_empty() && sender.send_data(Bytes::from(std::mem::take(&mut text))).await.is_err() {
                return;
            }
            let woken = tokio::select! {
                number = next_request(&mut self.requests) => Woken::Request(number),
                change = next_change(&mut self.changes) => Woken::Change(change),
                _ = pings.tick() => Woken::Ping,
                // The handle of the platform may be gone.
                _ = stop.wait_for(|is_stopping| *is_stopping) => return,
            };
            match woken {
                Woken::Request(number) => self.show_request(&mut text, &number),
                Woken::Change(change) => self.show_change(&mut text, &change).await,
                Woken::Ping => {
                    text.push_str(": still here\n\n");
                    continue;
                }
            }
            tokio::time::sleep(GATHERED_FOR).await;
            self.gather(&mut text).await;
        }
    }

    /// Adds what else has happened.
    async fn gather(&mut self, text: &mut String) {
        for _ in 0..AT_ONCE {
            let number = match self.requests.as_mut().map(broadcast::Receiver::try_recv) {
                Some(Ok(number)) => Ok(number),
                Some(Err(TryRecvError::Lagged(count))) => Err(RecvError::Lagged(count)),
                _ => break,
            };
            self.show_request(text, &number);
        }
        for _ in 0..AT_ONCE {
            let Some(change) = self.changes.as_ref().and_then(Changes::try_next) else { break };
            self.show_change(text, &change).await;
        }
    }

    fn show_request(&self, text: &mut String, number: &Result<u64, RecvError>) {
        match number {
            // One that is not on record any more is missed by all.
            Ok(number) => {
                if let Some(request) = self.tools.requests.summary(*number) {
                    text.push_str(&event("request", &request));
                }
            }
            Err(RecvError::Lagged(count)) => {
                text.push_str(&event("missed", &json!({ "kind": "requests", "count": count })));
            }
            Err(RecvError::Closed) => {}
        }
    }

    async fn show_change(&mut self, text: &mut String, change: &Change) {
        if matches!(change, Change::Unknown | Change::Replaced) {
            let is_replaced = *change == Change::Replaced;
            text.push_str(&event("missed", &json!({ "kind": "changes", "is_replaced": is_replaced })));
            return;
        }
        let Some(mut shown) = shown(change) else { return };
        if let Some(key) = change.app() {
            if !self.apps.contains_key(&key) {
                // A store that is busy or closed says nothing of it.
                self.apps = self.services.overview.apps().await.unwrap_or_default().into_iter().collect();
            }
            shown["app_id"] = self.apps.get(&key).map(ToString::to_string).into();
        }
        text.push_str(&event("change", &shown));
    }
}

async fn next_request(requests: &mut Option<broadcast::Receiver<u64>>) -> Result<u64, RecvError> {
    match requests {
        Some(requests) => requests.recv().await,
        None => std::future::pending().await,
    }
}

async fn next_change(changes: &mut Option<Changes>) -> Change {
    match changes {
        Some(changes) => changes.next().await,
        None => std::future::pending().await,
    }
}

/// An event as the stream has it. JSON has no line breaks.
fn event(name: &str, data: &Value) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write!(text, "event: {name}\ndata: {data}\n\n");
    text
}

fn word(what: What) -> &'static str {
    match what {
        What::Created => "created",
        What::Changed => "changed",
        What::Deleted => "deleted",
    }
}

/// A change as JSON, without its app; `None` for what is no matter of an operator.
fn shown(change: &Change) -> Option<Value> {
    Some(match change {
        Change::Conversation { id, what, .. } => {
            json!({ "type": "conversation", "what": word(*what), "conversation_id": id.uuid().to_string() })
        }
        Change::Message { conversation, id, position, what, .. } => json!({
            "type": "message", "what": word(*what), "conversation_id": conversation.uuid().to_string(), "message_id": id.uuid().to_string(),
            "position": position,
        }),
        Change::Receipt { conversation, user, position, status, .. } => json!({
            "type": "receipt", "what": "changed", "conversation_id": conversation.uuid().to_string(), "user_id": user,
            "position": position, "status": status,
        }),
        Change::Membership { conversation, user, .. } => json!({
            "type": "membership", "what": "changed", "conversation_id": conversation.uuid().to_string(), "user_id": user,
        }),
        Change::Identity { user, .. } => json!({ "type": "identity", "what": "changed", "user_id": user }),
        Change::BlockList { user, .. } => json!({ "type": "block_list", "what": "changed", "user_id": user }),
        Change::Suspension { user, .. } => json!({ "type": "suspension", "what": "changed", "user_id": user }),
        Change::UnreadCount { user, .. } => json!({ "type": "unread_count", "what": "changed", "user_id": user }),
        Change::Announcement { id, user, what, .. } => json!({
            "type": "announcement", "what": word(*what), "announcement_id": id.uuid().to_string(), "user_id": user,
        }),
        Change::App(app) => json!({ "type": "app", "what": "changed", "app_id": app.to_string() }),
        Change::Webhook(_) => json!({ "type": "webhook", "what": "changed" }),
        Change::Deliveries => json!({ "type": "deliveries", "what": "changed" }),
        Change::ScheduledMessages => json!({ "type": "scheduled_messages", "what": "changed" }),
        Change::Exports => json!({ "type": "exports", "what": "changed" }),
        _ => return None,
    })
}
