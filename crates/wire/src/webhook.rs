//! Webhooks: requests and answers of their REST API. Contract 6.1.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use url::Url;

use crate::body::{self, Object};
use crate::error::ApiError;
use crate::event;
use crate::id::{AppId, WebhookId};
use crate::timestamp::Timestamp;
use crate::url::Urls;
use crate::version::Version;

/// The longest target URL, in bytes (assumed; the contract names none).
const MAX_URL_BYTES: usize = 2048;

/// The most events of one webhook, all names counted (assumed).
const MAX_EVENTS: usize = 100;

/// The key that a webhook's deliveries are signed with. It never shows in debug output, and no answer holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps the text of a secret.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself: to sign with and to store, and never for a log.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(hidden)")
    }
}

/// The most webhooks of an app (assumed): each event is rendered and stored for each that asked for it.
pub const MAX_WEBHOOKS: usize = 50;

/// Some stores cannot keep it.
const HOLDS_NUL: &str = "must not hold the character NUL";

/// The longest secret, in bytes (assumed).
pub const MAX_SECRET_BYTES: usize = 1024;

/// The longest `config`, in bytes of JSON (assumed): it is in every payload.
pub const MAX_CONFIG_BYTES: usize = 8192;

/// What a webhook is registered with. None of it can be changed later.
#[derive(Debug, Clone, PartialEq)]
pub struct NewWebhook {
    /// The version of its payloads; 1.1 is none of webhooks.
    pub version: Version,
    /// Where deliveries go, as it was sent.
    pub target_url: String,
    /// The names of the events it wants, each once, in the order sent.
    pub events: Vec<String>,
    /// What its deliveries are signed with.
    pub secret: Secret,
    /// Anything; it comes back in every delivery.
    pub config: Object,
}

impl NewWebhook {
    /// Reads the request body. `allows_http` is the operator's leave for `http` targets, else they must be `https`.
    ///
    /// Errors: `invalid_request`; then `missing_property` and `invalid_property`, looking at `version` (recorded),
    /// `target_url`, `events`, `secret` (assumed) and `config` in this order.
    pub fn parse(body: &[u8], allows_http: bool) -> Result<Self, ApiError> {
        let mut request = body::parse_object(body)?;
        let version = parse_version(&take_required(&mut request, "version")?)?;
        let target_url = parse_target(take_required(&mut request, "target_url")?, allows_http)?;
        let events = parse_events(take_required(&mut request, "events")?, version)?;
        let secret = match take_required(&mut request, "secret")? {
            Value::String(text) if text.len() > MAX_SECRET_BYTES => {
                let rule = format_args!("must not be longer than {MAX_SECRET_BYTES} bytes");
                return Err(ApiError::invalid_property("secret", rule));
            }
            Value::String(text) if text.contains('\0') => {
                return Err(ApiError::invalid_property("secret", HOLDS_NUL));
            }
            Value::String(text) if !text.is_empty() => Secret::new(text),
            _ => return Err(ApiError::invalid_property("secret", "must be a non-empty string")),
        };
        let config = match body::take(&mut request, "config") {
            None => Object::new(),
            Some(Value::Object(config)) if Value::Object(config.clone()).to_string().len() > MAX_CONFIG_BYTES => {
                let rule = format_args!("must not be longer than {MAX_CONFIG_BYTES} bytes as JSON");
                return Err(ApiError::invalid_property("config", rule));
            }
            Some(Value::Object(config)) => config,
            Some(_) => return Err(ApiError::invalid_property("config", "must be an object")),
        };
        Ok(Self { version, target_url, events, secret, config })
    }
}

/// The recorded text of this API is another one than that of the rest.
fn take_required(request: &mut Object, property: &str) -> Result<Value, ApiError> {
    body::take(request, property).ok_or_else(|| ApiError::missing_webhook_property(property))
}

fn parse_version(value: &Value) -> Result<Version, ApiError> {
    let version = value.as_str().and_then(Version::parse).filter(|version| version.is_of_webhooks());
    version.ok_or_else(|| ApiError::invalid_property("version", "must be one of '1.0', '2.0' and '3.0'"))
}

fn parse_target(value: Value, allows_http: bool) -> Result<String, ApiError> {
    let refused = |rule: &str| ApiError::invalid_property("target_url", rule);
    let Value::String(text) = value else { return Err(refused("must be a string")) };
    if text.len() > MAX_URL_BYTES {
        return Err(ApiError::invalid_property(
            "target_url",
            format_args!("must not be longer than {MAX_URL_BYTES} bytes"),
        ));
    }
    if text.contains('\0') {
        return Err(refused(HOLDS_NUL));
    }
    let url =
        Url::parse(&text).map_err(|_| refused("must be an absolute URL, such as https://hooks.example.com/layer"))?;
    match url.scheme() {
        "https" => {}
        "http" if allows_http => {}
        "http" => return Err(refused("must be an https URL; the operator of the platform can allow http")),
        _ => return Err(refused("must be an https URL")),
    }
    // The parser sees to it that a URL of these schemes has a host.
    Ok(text)
}

fn parse_events(value: Value, version: Version) -> Result<Vec<String>, ApiError> {
    let refused = |rule: &str| ApiError::invalid_property("events", rule);
    let Value::Array(values) = value else { return Err(refused("must be an array")) };
    if values.is_empty() {
        return Err(refused("must not be empty"));
    }
    if values.len() > MAX_EVENTS {
        return Err(ApiError::invalid_property("events", format_args!("must not hold more than {MAX_EVENTS} names")));
    }
    let mut events = Vec::with_capacity(values.len());
    for value in values {
        let Value::String(name) = value else { return Err(refused("must hold names, which are strings")) };
        if !event::is_name(&name, version) {
            let known = event::names(version).join(", ");
            let rule = format_args!("holds an event that version {version} does not have; it has {known}");
            return Err(ApiError::invalid_property("events", rule));
        }
        if !events.contains(&name) {
            events.push(name);
        }
    }
    Ok(events)
}

/// Where a webhook is in its life. Contract 6.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// The challenge is under way.
    Unverified,
    /// It gets deliveries.
    Active,
    /// It gets none.
    Inactive {
        /// Why, for people.
        reason: String,
    },
}

impl Status {
    /// Its name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Active => "active",
            Self::Inactive { .. } => "inactive",
        }
    }
}

/// A webhook in an answer; all versions have the same. There is no `secret`, and `status_reason` only while it is
/// inactive (recorded).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Webhook {
    id: String,
    url: String,
    version: Version,
    target_url: String,
    events: Vec<String>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_reason: Option<String>,
    created_at: Timestamp,
    config: Object,
}

impl Webhook {
    /// Shows a webhook of `app`.
    pub fn new(
        app: AppId,
        id: WebhookId,
        created_at: Timestamp,
        registered: NewWebhook,
        status: Status,
        urls: &Urls,
    ) -> Self {
        let name = status.name();
        Self {
            id: id.of_app(app),
            url: urls.webhook(id),
            version: registered.version,
            target_url: registered.target_url,
            events: registered.events,
            status: name,
            status_reason: match status {
                Status::Inactive { reason } => Some(reason),
                Status::Unverified | Status::Active => None,
            },
            created_at,
            config: registered.config,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn request() -> Value {
        json!({
            "version": "1.0",
            "target_url": "https://hooks.example.com/layer?x=1",
            "events": ["message.sent", "conversation.created", "message.sent"],
            "secret": "1697f925ec7b1697f925ec7b",
            "config": { "k": "v", "n": { "a": [1] } },
        })
    }

    fn parse(change: &Value) -> Result<NewWebhook, ApiError> {
        let mut request = request();
        for (key, value) in change.as_object().unwrap() {
            request[key] = value.clone();
        }
        NewWebhook::parse(request.to_string().as_bytes(), false)
    }

    #[test]
    fn a_request_is_read_and_repeated_events_collapse() {
        let webhook = parse(&json!({})).unwrap();
        assert_eq!(webhook.version, Version::V1_0);
        assert_eq!(webhook.target_url, "https://hooks.example.com/layer?x=1");
        assert_eq!(webhook.events, ["message.sent", "conversation.created"]);
        assert_eq!(webhook.secret.reveal(), "1697f925ec7b1697f925ec7b");
        assert_eq!(Value::Object(webhook.config), json!({ "k": "v", "n": { "a": [1] } }));
        assert_eq!(parse(&json!({ "config": null })).unwrap().config, Object::new());
    }

    /// Contract 6.1 (`version` recorded, the rest assumed).
    #[test]
    fn what_is_missing_is_named_in_the_recorded_words_and_in_order() {
        let mut body = json!({});
        for (property, value) in [
            ("version", json!("1.0")),
            ("target_url", json!("https://a.example")),
            ("events", json!(["message.sent"])),
            ("secret", json!("s")),
        ] {
            let error = NewWebhook::parse(body.to_string().as_bytes(), false).unwrap_err();
            assert_eq!(error.message(), format!("The {property} property cannot be omitted."));
            assert_eq!(error.data(), Some(&json!({ "property": property })));
            body[property] = value;
        }
        assert!(NewWebhook::parse(body.to_string().as_bytes(), false).is_ok());
    }

    #[test]
    fn bad_values_are_refused_with_the_property() {
        for (property, value) in [
            ("version", json!("1.1")),
            ("version", json!("4.0")),
            ("version", json!(1.0)),
            ("target_url", json!("http://hooks.example.com")),
            ("target_url", json!("ftp://hooks.example.com")),
            ("target_url", json!("/layer")),
            ("target_url", json!("https://")),
            ("target_url", json!(7)),
            ("target_url", json!(format!("https://a.example/{}", "x".repeat(2048)))),
            ("events", json!([])),
            ("events", json!("message.sent")),
            ("events", json!([1])),
            ("events", json!(["message.forwarded"])),
            ("events", json!(["Message.created"])),
            ("target_url", json!("https://a.example/\u{0}")),
            ("secret", json!("")),
            ("secret", json!("a\u{0}b")),
            ("secret", json!(1)),
            ("config", json!([])),
        ] {
            let error = parse(&json!({ property: value })).unwrap_err();
            assert_eq!(error.data(), Some(&json!({ "property": property })), "{property}: {value}");
        }
    }

    #[test]
    fn http_is_taken_where_the_operator_allows_it() {
        let mut body = request();
        body["target_url"] = json!("http://127.0.0.1:8000/");
        assert!(NewWebhook::parse(body.to_string().as_bytes(), true).is_ok());
    }

    /// Contract 6.5.
    #[test]
    fn later_versions_take_the_events_that_they_have() {
        let events = json!(["Message.created", "Participation.created", "Channel.created", "MessagePart.created"]);
        assert!(parse(&json!({ "version": "3.0", "events": events })).is_ok());
        for name in
            ["message.sent", "Message", "Message.read", "MessagePart.created", "Conversation.updated.metadata", ""]
        {
            assert!(parse(&json!({ "version": "2.0", "events": [name] })).is_err(), "{name}");
        }
    }

    #[test]
    fn an_answer_has_the_recorded_keys_and_no_secret() {
        let app = AppId::new(Uuid::nil());
        let id = WebhookId::new(Uuid::max());
        let urls = Urls::system("https://api.layer.com", app);
        let show = |status| {
            let webhook =
                Webhook::new(app, id, Timestamp::from_ms(1_457_044_335_828), parse(&json!({})).unwrap(), status, &urls);
            serde_json::to_value(webhook).unwrap()
        };
        let inactive = show(Status::Inactive { reason: "Deactivated by User".into() });
        assert_eq!(
            inactive,
            json!({
                "id": format!("layer:///apps/{app}/webhooks/{id}"),
                "url": format!("https://api.layer.com/apps/{app}/webhooks/{id}"),
                "version": "1.0",
                "target_url": "https://hooks.example.com/layer?x=1",
                "events": ["message.sent", "conversation.created"],
                "status": "inactive",
                "status_reason": "Deactivated by User",
                "created_at": "2016-03-03T22:32:15.828Z",
                "config": { "k": "v", "n": { "a": [1] } },
            })
        );
        assert_eq!(show(Status::Unverified).get("status_reason"), None);
        assert_eq!(show(Status::Active)["status"], "active");
    }

    #[test]
    fn a_secret_does_not_show_in_debug_output() {
        assert!(!format!("{:?}", parse(&json!({})).unwrap()).contains("1697f925ec7b"));
    }
}
