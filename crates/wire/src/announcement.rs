//! Announcements: requests and answers. Contract 2.3 and 3.4.

use serde::Serialize;

use crate::body;
use crate::error::ApiError;
use crate::id::{AnnouncementId, UserId};
use crate::message::{CompactSender, Sender, check_notification};
use crate::part::{self, CompactPart, Part};
use crate::timestamp::Timestamp;
use crate::url::Urls;

/// A request to send an announcement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAnnouncement {
    /// Who gets it; they need not exist yet. At least one.
    pub recipients: Vec<UserId>,
    /// The name it is sent under; in version 1.x it is never a user.
    pub sender_name: String,
    /// Its parts, at least one.
    pub parts: Vec<Part>,
}

impl NewAnnouncement {
    /// Reads the request body. `notification` is checked to be an object and dropped.
    ///
    /// Errors: `invalid_request`; `missing_property` and `invalid_property`, looking at `recipients` (recorded), `sender` and
    /// `parts` (assumed) in this order.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let mut request = body::parse_object(body)?;
        let recipients = body::user_ids(&body::take_required(&mut request, "recipients")?, "recipients")?;
        if recipients.is_empty() {
            return Err(ApiError::invalid_property("recipients", "must not be empty"));
        }
        let Sender::Name(sender_name) = Sender::take(&mut request)? else {
            return Err(ApiError::invalid_property("sender", "of an announcement must have a name, not a user_id"));
        };
        let parts = part::take_parts(&mut request)?;
        check_notification(&mut request)?;
        Ok(Self { recipients, sender_name, parts })
    }
}

/// An announcement in an answer of version 1.0.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Announcement {
    id: AnnouncementId,
    url: String,
    sent_at: Timestamp,
    recipients: Vec<UserId>,
    sender: CompactSender,
    parts: Vec<CompactPart>,
}

impl Announcement {
    /// Shows an announcement.
    pub fn new(id: AnnouncementId, sent_at: Timestamp, content: NewAnnouncement, urls: &Urls) -> Self {
        Self {
            id,
            url: urls.announcement(id),
            sent_at,
            recipients: content.recipients,
            sender: CompactSender::Name(content.sender_name),
            parts: CompactPart::all(&content.parts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn refused_property(body: &Value) -> Option<Value> {
        NewAnnouncement::parse(body.to_string().as_bytes()).unwrap_err().data().map(|data| data["property"].clone())
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
        assert!(NewAnnouncement::parse(body.to_string().as_bytes()).is_ok());
        body["recipients"] = json!("everyone");
        assert_eq!(refused_property(&body), Some(json!("recipients")));
    }
}
