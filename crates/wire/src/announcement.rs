//! Announcements: requests and answers. Contract 2.3 and 3.4.

use serde::Serialize;

use crate::body;
use crate::error::ApiError;
use crate::id::{AnnouncementId, UserId};
use crate::message::{Sender, ShownSender, ShownStatus, Status, check_notification};
use crate::part::{self, NewPart, Part, ShownPart};
use crate::timestamp::Timestamp;
use crate::version::Version;
use crate::view::View;

/// A request to send an announcement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAnnouncement {
    /// Who gets it; they need not exist yet. At least one.
    pub recipients: Vec<UserId>,
    /// Who sends it: a name in 1.x, never a user; an identity from 2.0 on.
    pub sender: Sender,
    /// Its parts, at least one.
    pub parts: Vec<NewPart>,
}

impl NewAnnouncement {
    /// Reads the request body. `notification` is checked to be an object and dropped.
    ///
    /// Errors: `invalid_request`; `missing_property` and `invalid_property`, looking at `recipients` (recorded), the
    /// sender and `parts` (assumed) in this order.
    pub fn parse(body: &[u8], version: Version) -> Result<Self, ApiError> {
        let mut request = body::parse_object(body)?;
        let recipients = body::user_ids(&body::take_required(&mut request, "recipients")?, "recipients", version)?;
        if recipients.is_empty() {
            return Err(ApiError::invalid_property("recipients", "must not be empty"));
        }
        let sender = Sender::take(&mut request, version)?;
        if sender.user().is_some() && !version.has_identities() {
            return Err(ApiError::invalid_property("sender", "of an announcement must have a name, not a user_id"));
        }
        let parts = part::take_parts(&mut request, version)?;
        check_notification(&mut request)?;
        Ok(Self { recipients, sender, parts })
    }
}

/// An announcement, as it is kept; every view of it is made from this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnouncementRecord {
    /// Its id.
    pub id: AnnouncementId,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// Who gets it.
    pub recipients: Vec<UserId>,
    /// Who sent it.
    pub sender: Sender,
    /// Its parts.
    pub parts: Vec<Part>,
}

/// An announcement in an answer. Its parts have no ids (recorded, R1).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Announcement {
    id: AnnouncementId,
    url: String,
    sent_at: Timestamp,
    recipients: Vec<String>,
    sender: ShownSender,
    parts: Vec<ShownPart>,
}

impl Announcement {
    /// Shows an announcement; without nulls in 1.0 (recorded, R1), with nulls in 1.1 (contract 3.4).
    pub fn new(shown: AnnouncementRecord, view: &View) -> Self {
        let has_nulls = view.version > Version::V1_0;
        Self {
            id: shown.id,
            url: view.urls.announcement(shown.id),
            sent_at: shown.sent_at,
            recipients: shown.recipients.iter().map(|user| view.user_reference(user)).collect(),
            sender: ShownSender::new(shown.sender, view, has_nulls),
            parts: ShownPart::all_unnamed(shown.parts, has_nulls),
        }
    }
}

/// An announcement in the view of a recipient. It has no conversation, and of the recipients it shows the reader alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReceivedAnnouncement {
    id: AnnouncementId,
    url: String,
    receipts_url: String,
    position: u64,
    parts: Vec<ShownPart>,
    sent_at: Timestamp,
    received_at: Timestamp,
    sender: ShownSender,
    is_unread: bool,
    recipient_status: ShownStatus,
}

impl ReceivedAnnouncement {
    /// Shows an announcement to the user whose URLs `view` has, with explicit nulls, as the Client API does.
    ///
    /// `position` is its place among all announcements (assumed); `received_at` the time of sending, as for messages
    /// (assumed).
    pub fn new(shown: AnnouncementRecord, position: u64, status: Status, user: &UserId, view: &View) -> Self {
        let url = view.urls.announcement(shown.id);
        Self {
            id: shown.id,
            receipts_url: format!("{url}/receipts"),
            url,
            position,
            parts: ShownPart::all_numbered(shown.parts, shown.id),
            sent_at: shown.sent_at,
            received_at: shown.sent_at,
            sender: ShownSender::new(shown.sender, view, true),
            is_unread: status < Status::Read,
            recipient_status: ShownStatus::of(user, status, view),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refused_property(body: &Value) -> Option<Value> {
        NewAnnouncement::parse(body.to_string().as_bytes(), Version::V1_0)
            .unwrap_err()
            .data()
            .map(|data| data["property"].clone())
    }

    #[test]
    fn properties_are_looked_at_in_order() {
        let mut body = json!({});
        assert_eq!(refused_property(&body), Some(json!("recipients")));
        body["recipients"] = json!(["maria"]);
        assert_eq!(refused_property(&body), Some(json!("sender")));
        body["sender"] = json!({ "user_id": "maria" });
        assert_eq!(refused_property(&body), Some(json!("sender")));
        body["sender"] = json!({ "name": "Concierge" });
        assert_eq!(refused_property(&body), Some(json!("parts")));
        body["parts"] = json!([{ "mime_type": "text/plain", "body": "Pier closed today" }]);
        assert!(NewAnnouncement::parse(body.to_string().as_bytes(), Version::V1_0).is_ok());
        body["recipients"] = json!("everyone");
        assert_eq!(refused_property(&body), Some(json!("recipients")));
    }
}
