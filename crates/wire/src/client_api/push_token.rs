//! Push tokens: where a push network finds a device. Client API 4.6.

use serde::Serialize;

use crate::body::{self, Object};
use crate::error::ApiError;

/// The longest text in a push token (assumed). Unit: bytes.
const MAX_BYTES: usize = 4096;

/// A push network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PushNetwork {
    /// That of Apple.
    Apns,
    /// That of Google.
    Gcm,
}

impl PushNetwork {
    /// What it is called in requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Apns => "apns",
            Self::Gcm => "gcm",
        }
    }

    /// Reads a name; `None` for one that there is not.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Apns, Self::Gcm].into_iter().find(|network| network.name() == name)
    }
}

/// What a device tells of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PushToken {
    /// The device.
    pub device_id: String,
    /// The push network that the token is of.
    #[serde(rename = "type")]
    pub network: PushNetwork,
    /// The token.
    pub token: String,
    /// The app on the device, for Apple.
    pub apns_bundle_id: Option<String>,
    /// Who pushes, for Google.
    pub gcm_sender_id: Option<String>,
    /// The version of the system.
    pub ios_version: Option<String>,
}

impl PushToken {
    /// Reads the request body.
    ///
    /// Errors: `invalid_request`; `missing_property` and `invalid_property` with the property (assumed).
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let mut request = body::parse_object(body)?;
        let token = required(&mut request, "token")?;
        let network = required(&mut request, "type")?;
        let network = PushNetwork::parse(&network)
            .ok_or_else(|| ApiError::invalid_property("type", "must be 'apns' or 'gcm'"))?;
        Ok(Self {
            token,
            network,
            device_id: required(&mut request, "device_id")?,
            apns_bundle_id: text(&mut request, "apns_bundle_id")?,
            gcm_sender_id: text(&mut request, "gcm_sender_id")?,
            ios_version: text(&mut request, "ios_version")?,
        })
    }
}

fn text(request: &mut Object, property: &str) -> Result<Option<String>, ApiError> {
    let text = body::take_string(request, property)?;
    if text.as_ref().is_some_and(|text| text.len() > MAX_BYTES || text.contains('\0')) {
        let rule = format!("must have at most {MAX_BYTES} bytes, none of which is NUL");
        return Err(ApiError::invalid_property(property, rule));
    }
    Ok(text)
}

fn required(request: &mut Object, property: &str) -> Result<String, ApiError> {
    let text = text(request, property)?.ok_or_else(|| ApiError::missing_property(property))?;
    if text.is_empty() { Err(ApiError::invalid_property(property, "must not be empty")) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_push_token_needs_a_token_a_network_and_a_device() {
        let read = |body: serde_json::Value| PushToken::parse(body.to_string().as_bytes());
        let whole = json!({ "token": "t", "type": "apns", "device_id": "d", "apns_bundle_id": "b" });
        let token = read(whole.clone()).unwrap();
        assert_eq!((token.network, token.apns_bundle_id.as_deref()), (PushNetwork::Apns, Some("b")));
        for (property, wrong) in [("token", json!(1)), ("type", json!("sms")), ("device_id", json!(""))] {
            for value in [json!(null), wrong] {
                let mut body = whole.clone();
                body[property] = value;
                assert_eq!(read(body).unwrap_err().data(), Some(&json!({ "property": property })), "{property}");
            }
        }
        let mut long = whole;
        long["ios_version"] = json!("x".repeat(MAX_BYTES + 1));
        assert_eq!(read(long).unwrap_err().data(), Some(&json!({ "property": "ios_version" })));
    }
}
