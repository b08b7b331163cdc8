//! Ad-hoc notifications: pushes without a message. Contract 2.4 and 2.2.4.

use serde_json::Value;

use crate::body::{self, Object};
use crate::error::ApiError;
use crate::id::UserId;
use crate::version::Version;

/// A request to push a notification.
#[derive(Debug, Clone, PartialEq)]
pub struct NewNotification {
    /// Who gets it; they need not exist yet. At least one.
    pub recipients: Vec<UserId>,
    /// What is shown to them, as it was sent; its keys are for the push network.
    pub notification: Object,
}

impl NewNotification {
    /// Reads the request body.
    ///
    /// Errors: `invalid_request`; `missing_property` (recorded status) and `invalid_property`, looking at `recipients`
    /// first, as for announcements (assumed).
    pub fn parse(body: &[u8], version: Version) -> Result<Self, ApiError> {
        let mut request = body::parse_object(body)?;
        let recipients = body::user_ids(&body::take_required(&mut request, "recipients")?, "recipients", version)?;
        if recipients.is_empty() {
            return Err(ApiError::invalid_property("recipients", "must not be empty"));
        }
        match body::take_required(&mut request, "notification")? {
            Value::Object(notification) => Ok(Self { recipients, notification }),
            _ => Err(ApiError::invalid_property("notification", "must be an object")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_notification_needs_recipients_and_a_notification() {
        let mut body = json!({});
        let refused = |body: &Value| {
            let error = NewNotification::parse(body.to_string().as_bytes(), Version::V2_0).unwrap_err();
            error.data().map(|data| data["property"].clone())
        };
        assert_eq!(refused(&body), Some(json!("recipients")));
        for recipients in [json!("everyone"), json!([]), json!([1])] {
            body["recipients"] = recipients;
            assert_eq!(refused(&body), Some(json!("recipients")));
        }
        body["recipients"] = json!(["layer:///identities/maria", "jon"]);
        assert_eq!(refused(&body), Some(json!("notification")));
        body["notification"] = json!("Hi");
        assert_eq!(refused(&body), Some(json!("notification")));
        body["notification"] = json!({ "text": "Hi" });
        let parsed = NewNotification::parse(body.to_string().as_bytes(), Version::V2_0).unwrap();
        assert_eq!(parsed.recipients.iter().map(UserId::as_str).collect::<Vec<_>>(), ["maria", "jon"]);
    }
}
