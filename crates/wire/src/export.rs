//! Data exports: keys, exports and their schedule. Contract 2.9 and 3.8.

use serde::Serialize;
use serde_json::Value;

use crate::body;
use crate::error::ApiError;
use crate::event;
use crate::id::ExportId;
use crate::timestamp::Timestamp;
use crate::version::Version;

/// Reads the request to set the public key of an app. Whether it is one is checked elsewhere.
///
/// Errors: `invalid_request`; `missing_property` and `invalid_property` `public_key`.
pub fn parse_security(bytes: &[u8]) -> Result<String, ApiError> {
    let mut request = body::parse_object(bytes)?;
    body::take_string(&mut request, "public_key")?.ok_or_else(|| ApiError::missing_property("public_key"))
}

/// The public key of an app in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Security {
    /// As it was given.
    pub public_key: String,
}

/// What an export holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ExportKind {
    /// All that there is.
    Historical,
    /// What happened since the export before.
    Scheduled,
}

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ExportStatus {
    /// It waits.
    Pending,
    /// It is made.
    Executing,
    /// It can be downloaded.
    Completed,
}

/// An export in an answer: all 13 keys always (recorded, L3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Export {
    /// Its id, a bare UUID.
    pub id: ExportId,
    /// What it holds.
    pub r#type: ExportKind,
    /// How far it is.
    pub status: ExportStatus,
    /// The key that it is for, as it was given.
    pub public_key: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was begun.
    pub started_at: Option<Timestamp>,
    /// When it was ready.
    pub completed_at: Option<Timestamp>,
    /// Always `null`: exports stay until they are deleted (assumed).
    pub expired_at: Option<Timestamp>,
    /// Where the archive is.
    pub download_url: Option<String>,
    /// When that link expires; ask again for a fresh one.
    pub download_url_expires_at: Option<Timestamp>,
    /// The key of the archive, encrypted with the public key, in base64.
    pub encrypted_aes_key: Option<String>,
    /// The initialisation vector of the archive, in base64.
    pub aes_iv: Option<String>,
    /// Where to ask how far it is.
    pub status_url: String,
}

/// How often an app is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Interval {
    /// Every 24 hours.
    Daily,
    /// Not at all.
    Disabled,
}

/// A request to change the schedule of exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSchedule {
    /// How often.
    pub interval: Interval,
    /// Names of events of webhooks 1.0, in every version (recorded, L3).
    pub events: Vec<String>,
}

impl NewSchedule {
    /// Reads the request body. `events` may be left out where nothing is exported.
    ///
    /// Errors: `invalid_request`; `missing_property` and `invalid_property` `interval` and `events` (assumed).
    pub fn parse(bytes: &[u8]) -> Result<Self, ApiError> {
        let mut request = body::parse_object(bytes)?;
        let interval = match body::take_required(&mut request, "interval")?.as_str() {
            Some("daily") => Interval::Daily,
            Some("disabled") => Interval::Disabled,
            _ => return Err(ApiError::invalid_property("interval", "must be 'daily' or 'disabled'")),
        };
        let events = match body::take(&mut request, "events") {
            None if interval == Interval::Disabled => vec![],
            None => return Err(ApiError::missing_property("events")),
            Some(Value::Array(names)) if !names.is_empty() || interval == Interval::Disabled => {
                names.into_iter().map(event_name).collect::<Result<_, _>>()?
            }
            Some(_) => return Err(ApiError::invalid_property("events", "must be a non-empty array")),
        };
        Ok(Self { interval, events })
    }
}

fn event_name(value: Value) -> Result<String, ApiError> {
    match value {
        Value::String(name) if event::is_name(&name, Version::V1_0) => Ok(name),
        _ => Err(ApiError::invalid_property("events", "must hold names of events of webhooks 1.0")),
    }
}

/// The schedule of exports in an answer: five keys (recorded, L3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Schedule {
    /// How often.
    pub interval: Interval,
    /// Which events.
    pub events: Vec<String>,
    /// When the latest scheduled export was made.
    pub last_export_at: Option<Timestamp>,
    /// Its id.
    pub last_export_id: Option<ExportId>,
    /// When the next one is due.
    pub next_export_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schedule_names_interval_and_events() {
        let parse = |body: Value| NewSchedule::parse(body.to_string().as_bytes());
        let daily = parse(json!({ "interval": "daily", "events": ["message.sent"] })).unwrap();
        assert_eq!(daily, NewSchedule { interval: Interval::Daily, events: vec!["message.sent".into()] });
        assert_eq!(parse(json!({ "interval": "disabled" })).unwrap().interval, Interval::Disabled);
        for (body, property) in [
            (json!({}), "interval"),
            (json!({ "interval": "weekly", "events": ["message.sent"] }), "interval"),
            (json!({ "interval": "daily" }), "events"),
            (json!({ "interval": "daily", "events": [] }), "events"),
            (json!({ "interval": "daily", "events": "message.sent" }), "events"),
            (json!({ "interval": "daily", "events": ["Message.created"] }), "events"),
        ] {
            assert_eq!(parse(body.clone()).unwrap_err().data(), Some(&json!({ "property": property })), "{body}");
        }
    }
}
