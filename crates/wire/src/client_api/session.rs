//! Sessions: how a user's device comes to one. Client API 2.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::body::{self, Object};
use crate::error::ApiError;
use crate::id::{self, AppId, UserId};
use crate::timestamp::Timestamp;

/// What the `cty` of an identity token says.
pub const CONTENT_TYPE: &str = "layer-eit;v=1";

/// How far the clocks of an application and the platform may differ. Unit: milliseconds (assumed).
const SKEW_MS: i64 = 60_000;

/// What a nonce is answered as.
#[derive(Debug, Serialize)]
pub struct NewNonce {
    /// The nonce, opaque to clients.
    pub nonce: String,
}

/// What a new session is answered as.
#[derive(Serialize)]
pub struct SessionToken<'t> {
    /// The token, which is shown this once.
    pub session_token: &'t str,
}

/// A request to open a session.
pub struct NewSession {
    /// The app.
    pub app: AppId,
    /// What the application's server says about the user.
    pub identity_token: String,
}

impl NewSession {
    /// Reads the request body.
    ///
    /// Errors: `invalid_request`; `missing_property` with the property; `invalid_property` `identity_token`;
    /// `invalid_app_id` for an app id that is none.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let mut request = body::parse_object(body)?;
        let identity_token = body::take_required(&mut request, "identity_token")?;
        let app = body::take_required(&mut request, "app_id")?;
        let app = app.as_str().and_then(AppId::parse).ok_or_else(ApiError::invalid_app_id)?;
        match identity_token {
            Value::String(identity_token) => Ok(Self { app, identity_token }),
            _ => Err(refused("must be a text")),
        }
    }
}

/// `invalid_property` `identity_token`. `rule` completes the sentence "The property ...".
pub fn refused(rule: &str) -> ApiError {
    ApiError::invalid_property("identity_token", rule)
}

/// Reads the id of a provider, `layer:///providers/<uuid>`, or the bare UUID.
pub fn parse_provider(text: &str) -> Option<Uuid> {
    id::parse_uuid(text.strip_prefix(PROVIDER_PREFIX).unwrap_or(text))
}

/// Reads the id of a key, `layer:///keys/<uuid>`, or the bare UUID.
pub fn parse_key(text: &str) -> Option<Uuid> {
    id::parse_uuid(text.strip_prefix(KEY_PREFIX).unwrap_or(text))
}

/// The id of a provider as tokens and people write it.
pub fn provider_id(uuid: Uuid) -> String {
    format!("{PROVIDER_PREFIX}{uuid}")
}

/// The id of a key as tokens and people write it.
pub fn key_id(uuid: Uuid) -> String {
    format!("{KEY_PREFIX}{uuid}")
}

const PROVIDER_PREFIX: &str = "layer:///providers/";
const KEY_PREFIX: &str = "layer:///keys/";

/// What an identity token claims.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims {
    /// The user.
    pub user: UserId,
    /// The nonce that the token was made for.
    pub nonce: String,
    /// Fields of the user's identity, to be checked as such.
    pub identity: Object,
}

/// The fields of an identity that a token can bring along (assumed, as far as the documents do not name them).
const IDENTITY_CLAIMS: [&str; 8] = [
    "display_name",
    "avatar_url",
    "first_name",
    "last_name",
    "phone_number",
    "email_address",
    "public_key",
    "metadata",
];

impl Claims {
    /// The id of the provider that a token names, checked or not.
    pub fn provider(claims: &Object) -> Option<Uuid> {
        claims.get("iss").and_then(Value::as_str).and_then(parse_provider)
    }

    /// Reads the claims of a token whose signature is right.
    ///
    /// Error: `invalid_property` `identity_token`.
    pub fn read(mut claims: Object, now: Timestamp) -> Result<Self, ApiError> {
        let expires = claims.get("exp").and_then(Value::as_f64).ok_or_else(|| refused("must have an 'exp'"))?;
        // A number that is no time at all compares as it should, too.
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of this age are exact")]
        if expires * 1000.0 + SKEW_MS as f64 <= now.as_ms() as f64 {
            return Err(refused("has expired"));
        }
        let user = match claims.remove("prn").or_else(|| claims.remove("sub")) {
            Some(Value::String(user)) => user,
            Some(Value::Number(user)) => user.to_string(),
            _ => return Err(refused("must name the user as 'prn'")),
        };
        let user = UserId::parse(user).map_err(|reason| refused(&format!("has a 'prn' that {reason}")))?;
        let Some(Value::String(nonce)) = claims.remove("nce") else {
            return Err(refused("must have the nonce as 'nce'"));
        };
        claims.retain(|name, value| IDENTITY_CLAIMS.contains(&name.as_str()) && !value.is_null());
        Ok(Self { user, nonce, identity: claims })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::ErrorKind;

    const UUID: &str = "f3cc7b32-3c92-11e4-baad-164230d1df67";
    const NOW: Timestamp = Timestamp::from_ms(1_000_000_000);

    fn read(claims: Value) -> Result<Claims, ApiError> {
        let Value::Object(claims) = claims else { panic!("{claims}") };
        Claims::read(claims, NOW)
    }

    #[test]
    fn a_request_for_a_session_names_app_and_token() {
        for app in
            [UUID.to_owned(), format!("layer:///apps/staging/{UUID}"), format!("layer:///apps/production/{UUID}")]
        {
            let body = json!({ "identity_token": "a.b.c", "app_id": app }).to_string();
            let request = NewSession::parse(body.as_bytes()).ok().unwrap();
            assert_eq!((request.app.to_string().as_str(), request.identity_token.as_str()), (UUID, "a.b.c"));
        }
        for (body, kind, property) in [
            (json!({ "app_id": UUID }), ErrorKind::MissingProperty, Some("identity_token")),
            (json!({ "identity_token": "x" }), ErrorKind::MissingProperty, Some("app_id")),
            (json!({ "identity_token": 1, "app_id": UUID }), ErrorKind::InvalidProperty, Some("identity_token")),
            (json!({ "identity_token": "x", "app_id": "x" }), ErrorKind::InvalidAppId, None),
        ] {
            let error = NewSession::parse(body.to_string().as_bytes()).err().unwrap();
            assert_eq!(error.kind(), kind, "{body}");
            assert_eq!(error.data().and_then(|data| data["property"].as_str()), property, "{body}");
        }
    }

    #[test]
    fn ids_of_providers_and_keys_are_read_in_both_forms() {
        let uuid = id::parse_uuid(UUID).unwrap();
        assert_eq!(parse_provider(&provider_id(uuid)), Some(uuid));
        assert_eq!(parse_provider(UUID), Some(uuid));
        assert_eq!(parse_key(&key_id(uuid)), Some(uuid));
        assert_eq!(parse_key(&provider_id(uuid)), None);
    }

    #[test]
    fn claims_name_the_user_and_the_nonce_and_bring_an_identity() {
        let claims = read(json!({
            "iss": UUID, "prn": "maria", "nce": "n", "exp": 1_000_001, "iat": 0, "display_name": "Maria", "avatar_url": null,
        }));
        let claims = claims.unwrap();
        assert_eq!((claims.user.as_str(), claims.nonce.as_str()), ("maria", "n"));
        assert_eq!(Value::Object(claims.identity), json!({ "display_name": "Maria" }));
        let number = read(json!({ "prn": 42, "nce": "n", "exp": 1_000_001 })).unwrap();
        assert_eq!(number.user.as_str(), "42");
        let subject = read(json!({ "sub": "maria", "nce": "n", "exp": 1_000_001 })).unwrap();
        assert_eq!(subject.user.as_str(), "maria");
    }

    #[test]
    fn an_expired_token_and_one_without_its_claims_are_refused() {
        let whole = json!({ "prn": "maria", "nce": "n", "exp": 999_941 });
        assert!(read(whole.clone()).is_ok(), "within a minute");
        for (name, value) in [("exp", json!(999_940)), ("exp", json!("never")), ("prn", json!("")), ("nce", json!(1))] {
            let mut claims = whole.clone();
            claims[name] = value;
            assert_eq!(
                read(claims.clone()).unwrap_err().data(),
                Some(&json!({ "property": "identity_token" })),
                "{claims}"
            );
        }
        for name in ["exp", "prn", "nce"] {
            let mut claims = whole.clone();
            claims.as_object_mut().unwrap().remove(name);
            assert!(read(claims).is_err(), "{name}");
        }
    }
}
