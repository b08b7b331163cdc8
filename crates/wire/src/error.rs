//! The error table as data, and the error object that answers carry. Contract 1.9.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

/// A row of the error table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A backend cannot be reached, or is too busy.
    ServiceUnavailable,
    /// The app id is malformed or unknown.
    InvalidAppId,
    /// An id that must be a UUID is not one.
    InvalidRequestId,
    /// The token is missing, unknown or of another app.
    AuthenticationRequired,
    /// The app is suspended.
    AppSuspended,
    /// The user is suspended.
    UserSuspended,
    /// Too many requests.
    RateLimitExceeded,
    /// The request took too long.
    RequestTimeout,
    /// The operation makes no sense.
    InvalidOperation,
    /// The request is broken in its structure, for instance its JSON.
    InvalidRequest,
    /// An unexpected failure.
    InternalServerError,
    /// The acting user may not do this.
    AccessDenied,
    /// The resource is unknown.
    NotFound,
    /// The conversation was deleted.
    ObjectDeleted,
    /// A required property is absent.
    MissingProperty,
    /// A property has a bad value.
    InvalidProperty,
    /// There is no such route.
    InvalidEndpoint,
    /// Bad `Accept`, unsupported version, or a patch with a wrong `Content-Type`.
    InvalidHeader,
    /// A distinct conversation exists with other metadata.
    Conflict,
    /// The route exists, but not for this method.
    MethodNotAllowed,
    /// A block exists between participants.
    ParticipantBlocked,
    /// The chosen id is taken.
    IdInUse,
}

/// The columns of the error table: kind, `id`, `code`, HTTP status.
const TABLE: [(ErrorKind, &str, u16, u16); 22] = [
    (ErrorKind::ServiceUnavailable, "service_unavailable", 1, 503),
    (ErrorKind::InvalidAppId, "invalid_app_id", 2, 403),
    (ErrorKind::InvalidRequestId, "invalid_request_id", 3, 400),
    (ErrorKind::AuthenticationRequired, "authentication_required", 4, 401),
    (ErrorKind::AppSuspended, "app_suspended", 5, 403),
    (ErrorKind::UserSuspended, "user_suspended", 6, 403),
    (ErrorKind::RateLimitExceeded, "rate_limit_exceeded", 7, 429),
    (ErrorKind::RequestTimeout, "request_timeout", 8, 408),
    (ErrorKind::InvalidOperation, "invalid_operation", 9, 422),
    (ErrorKind::InvalidRequest, "invalid_request", 10, 400),
    (ErrorKind::InternalServerError, "internal_server_error", 100, 500),
    (ErrorKind::AccessDenied, "access_denied", 101, 403),
    (ErrorKind::NotFound, "not_found", 102, 404),
    (ErrorKind::ObjectDeleted, "object_deleted", 103, 410),
    (ErrorKind::MissingProperty, "missing_property", 104, 422),
    (ErrorKind::InvalidProperty, "invalid_property", 105, 422),
    (ErrorKind::InvalidEndpoint, "invalid_endpoint", 106, 404),
    (ErrorKind::InvalidHeader, "invalid_header", 107, 406),
    (ErrorKind::Conflict, "conflict", 108, 409),
    (ErrorKind::MethodNotAllowed, "method_not_allowed", 109, 405),
    (ErrorKind::ParticipantBlocked, "participant_blocked", 110, 422),
    (ErrorKind::IdInUse, "id_in_use", 111, 409),
];

/// Documentation link of most errors.
const PLATFORM_DOCS: &str = "https://developer.layer.com/docs/platform";

/// Documentation link of errors about webhooks.
const WEBHOOKS_DOCS: &str = "https://developer.layer.com/docs/webhooks";

/// Documentation link of an error in the headers.
const HEADER_DOCS: &str = "https://developer.layer.com/docs/platform#overview";

impl ErrorKind {
    /// The stable name, such as `not_found`.
    pub fn id(self) -> &'static str {
        self.row().1
    }

    /// The stable number, such as 102.
    pub fn code(self) -> u16 {
        self.row().2
    }

    /// The HTTP status that goes with it, such as 404.
    pub fn status(self) -> u16 {
        self.row().3
    }

    /// Every row of the table.
    pub const ALL: [Self; 22] = {
        let mut all = [Self::ServiceUnavailable; TABLE.len()];
        let mut row = 0;
        while row < TABLE.len() {
            all[row] = TABLE[row].0;
            row += 1;
        }
        all
    };

    /// The kind with this stable name.
    pub fn from_id(id: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == id).map(|row| row.0)
    }

    /// The kind that an HTTP status stands for when nothing else is known: the first of the table that has it.
    pub fn of_status(status: u16) -> Option<Self> {
        TABLE.iter().find(|row| row.3 == status).map(|row| row.0)
    }

    fn row(self) -> &'static (Self, &'static str, u16, u16) {
        // The table lists the kinds in the order of their declaration; a test holds the two together.
        &TABLE[self as usize]
    }
}

/// An error as it stands on the wire: a row of the table, a text, a documentation link and, for some, data.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    kind: ErrorKind,
    message: Cow<'static, str>,
    url: Cow<'static, str>,
    data: Option<Box<Value>>,
}

impl ApiError {
    /// Makes an error of a row with its own text. Prefer the constructors below, which fix the texts.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), url: Cow::Borrowed(PLATFORM_DOCS), data: None }
    }

    /// Adds the `data` member.
    #[must_use]
    pub fn with_data(mut self, data: Value) -> Self {
        self.data = Some(Box::new(data));
        self
    }

    /// Points `url` at the client documentation, as message reads and everything under `/users/<id>/` do (contract
    /// 1.9).
    #[must_use]
    pub fn in_client_docs(mut self) -> Self {
        self.url = Cow::Owned(format!("https://developer.layer.com/docs/client/rest#{}", self.kind.id()));
        self
    }

    /// Points `url` at the documentation of webhooks, as everything about them does (recorded, contract 1.9).
    #[must_use]
    pub fn in_webhooks_docs(mut self) -> Self {
        self.url = Cow::Borrowed(WEBHOOKS_DOCS);
        self
    }

    /// The row of the table.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The text for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The extra data, if there is some.
    pub fn data(&self) -> Option<&Value> {
        self.data.as_deref()
    }

    /// `service_unavailable`: the store takes no more work for now.
    pub fn service_unavailable() -> Self {
        Self::new(ErrorKind::ServiceUnavailable, "The service is unavailable for the moment; please try again.")
    }

    /// `internal_server_error`: a fixed text, because the cause is nobody's business outside.
    pub fn internal() -> Self {
        Self::new(ErrorKind::InternalServerError, "An unexpected error occurred.")
    }

    /// `invalid_app_id`.
    pub fn invalid_app_id() -> Self {
        Self::new(ErrorKind::InvalidAppId, "The app id is malformed or unknown.")
    }

    /// `authentication_required`, for a missing and for a wrong token alike (assumed text, contract 8).
    pub fn authentication_required() -> Self {
        Self::new(ErrorKind::AuthenticationRequired, "Authentication is required")
    }

    /// `invalid_request_id`: `what` names the value that must be a UUID.
    pub fn invalid_request_id(what: &str) -> Self {
        Self::new(ErrorKind::InvalidRequestId, format!("The {what} must be an RFC 4122 UUID."))
    }

    /// `invalid_request`: the request is broken in its structure.
    pub fn invalid_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::InvalidRequest, message)
    }

    /// `missing_property` with `data.property`.
    pub fn missing_property(property: &str) -> Self {
        Self::new(ErrorKind::MissingProperty, format!("Object is missing required member '{property}'"))
            .with_data(json!({ "property": property }))
    }

    /// `missing_property` in the words of the Webhooks API (recorded text).
    pub fn missing_webhook_property(property: &str) -> Self {
        Self::new(ErrorKind::MissingProperty, format!("The {property} property cannot be omitted."))
            .with_data(json!({ "property": property }))
    }

    /// `invalid_property` with `data.property`. `rule` completes the sentence "The property '...' ...".
    pub fn invalid_property(property: &str, rule: impl fmt::Display) -> Self {
        Self::new(ErrorKind::InvalidProperty, format!("The property '{property}' {rule}."))
            .with_data(json!({ "property": property }))
    }

    /// `invalid_header` for `Accept`.
    pub fn invalid_accept() -> Self {
        Self::invalid_header("Accept", "application/vnd.layer+json; version=x.y")
    }

    /// `invalid_header` for the `Accept` of a request about webhooks.
    pub fn invalid_webhooks_accept() -> Self {
        Self::invalid_header("Accept", "application/vnd.layer.webhooks+json; version=x.y")
    }

    /// `invalid_header` for the `Content-Type` of a new webhook.
    pub fn invalid_webhook_content_type() -> Self {
        Self::invalid_header("Content-Type", "application/json")
    }

    /// `invalid_header` for the `Content-Type` of a patch, which must be `expected`.
    pub fn invalid_patch_content_type(expected: &str) -> Self {
        Self::invalid_header("Content-Type", expected)
    }

    fn invalid_header(header: &str, form: &str) -> Self {
        let message = format!("Invalid {header} header; must be of form {form}");
        let mut error = Self::new(ErrorKind::InvalidHeader, message).with_data(json!({ "header": header }));
        error.url = Cow::Borrowed(HEADER_DOCS);
        error
    }

    /// `invalid_endpoint`.
    pub fn invalid_endpoint() -> Self {
        Self::new(ErrorKind::InvalidEndpoint, "The requested endpoint does not exist.")
    }

    /// `method_not_allowed`.
    pub fn method_not_allowed() -> Self {
        Self::new(ErrorKind::MethodNotAllowed, "The method is not allowed for this endpoint.")
    }

    /// `access_denied` for a sender who takes no part in the conversation.
    pub fn sender_not_participant() -> Self {
        Self::new(ErrorKind::AccessDenied, "The sender is not a participant of the conversation.")
    }

    /// `access_denied` for a user who no longer takes part in the conversation.
    pub fn not_a_participant() -> Self {
        Self::new(ErrorKind::AccessDenied, "The user is no longer a participant of the conversation.")
    }

    /// `access_denied` for a user who wants to change the message of another one (assumed).
    pub fn not_the_sender() -> Self {
        Self::new(ErrorKind::AccessDenied, "Only the sender of a message can change its parts.")
    }

    /// `invalid_property` `sender_id` for a user who does not exist: it has no identity and nobody named it.
    pub fn unknown_sender() -> Self {
        Self::invalid_property("sender_id", "must be the id of an identity that exists")
    }

    /// `user_suspended`.
    pub fn user_suspended() -> Self {
        Self::new(ErrorKind::UserSuspended, "The user is suspended.")
    }

    /// `not_found` for a user whom nothing ever named.
    pub fn user_not_found() -> Self {
        Self::new(ErrorKind::NotFound, "The referenced user cannot be found.")
    }

    /// `not_found` for a user who is not followed.
    pub fn not_following() -> Self {
        Self::new(ErrorKind::NotFound, "The user does not follow this user.")
    }

    /// `not_found` for a conversation (recorded text).
    pub fn conversation_not_found() -> Self {
        Self::new(ErrorKind::NotFound, "The referenced conversation cannot be found.")
    }

    /// `not_found` for a message (recorded text and link).
    pub fn message_not_found() -> Self {
        Self::new(ErrorKind::NotFound, "A Message with the specified identifier could not be found.").in_client_docs()
    }

    /// `not_found` for a part of a message.
    pub fn part_not_found() -> Self {
        Self::new(ErrorKind::NotFound, "A MessagePart with the specified identifier could not be found.")
    }

    /// `not_found` for an announcement.
    pub fn announcement_not_found() -> Self {
        Self::new(ErrorKind::NotFound, "The referenced announcement cannot be found.").in_client_docs()
    }

    /// `not_found` for an identity.
    pub fn identity_not_found() -> Self {
        Self::new(ErrorKind::NotFound, "The referenced identity cannot be found.")
    }

    /// `invalid_operation` for one webhook more than an app can have (assumed).
    pub fn too_many_webhooks(most: usize) -> Self {
        let message = format!("An app can have {most} webhooks; delete one first.");
        Self::new(ErrorKind::InvalidOperation, message)
    }

    /// `rate_limit_exceeded` for one upload more than a user can have waiting for a message (assumed).
    pub fn too_many_uploads(most: u64) -> Self {
        let message = format!("A user can have {most} uploads that no message carries; send or let go of some first.");
        Self::new(ErrorKind::RateLimitExceeded, message)
    }

    /// `not_found` for a webhook.
    pub fn webhook_not_found() -> Self {
        Self::new(ErrorKind::NotFound, "The referenced webhook cannot be found.")
    }

    /// `not_found` for the item that `from_id` names (assumed, contract 8).
    pub fn from_id_not_found() -> Self {
        Self::new(ErrorKind::NotFound, "The item referenced by 'from_id' cannot be found.")
    }

    /// `invalid_property` `parts` for a part of an announcement with rich content, which belongs to a conversation
    /// (assumed).
    pub fn content_outside_conversation() -> Self {
        Self::invalid_property("parts", "must not refer to rich content, which belongs to a conversation")
    }

    /// `not_found` for rich content, also for such whose bytes were never uploaded (assumed, contract 2.5).
    pub fn content_not_found() -> Self {
        Self::new(ErrorKind::NotFound, "The referenced content cannot be found.")
    }

    /// `access_denied` for a link that was not made here, or not for this.
    pub fn invalid_link() -> Self {
        Self::new(ErrorKind::AccessDenied, "The link is not valid.")
    }

    /// `access_denied` for a link whose time is over.
    pub fn expired_link() -> Self {
        Self::new(ErrorKind::AccessDenied, "The link has expired; ask for a fresh one.")
    }

    /// `not_found` for an export (recorded status).
    pub fn export_not_found() -> Self {
        Self::new(ErrorKind::NotFound, "The referenced export cannot be found.")
    }

    /// `not_found` for the public key of an app that has none (assumed, contract 2.9).
    pub fn export_key_not_found() -> Self {
        Self::new(ErrorKind::NotFound, "The app has no public key for exports.")
    }

    /// `invalid_operation` for an export without a public key (assumed, contract 2.9).
    pub fn export_without_key() -> Self {
        Self::new(
            ErrorKind::InvalidOperation,
            "The app has no public key for exports; set one with PUT /export_security.",
        )
    }

    /// `invalid_operation` for a second export within a day (recorded status).
    pub fn export_too_soon() -> Self {
        Self::new(ErrorKind::InvalidOperation, "An export can be requested once in 24 hours.")
    }

    /// `object_deleted` for a conversation (recorded text).
    pub fn conversation_deleted() -> Self {
        Self::new(ErrorKind::ObjectDeleted, "The referenced conversation has been deleted.")
    }

    /// `conflict`: the distinct conversation exists with other metadata; `data` is that conversation.
    pub fn distinct_conflict(existing: Value) -> Self {
        Self::new(
            ErrorKind::Conflict,
            "The requested Distinct Conversation was found but had metadata that did not match your request.",
        )
        .with_data(existing)
    }

    /// `participant_blocked`.
    pub fn participant_blocked() -> Self {
        Self::new(ErrorKind::ParticipantBlocked, "A block exists between two of the participants.")
    }

    /// `id_in_use`: `what` is the kind of resource; `existing` the object that has the id, if it still exists.
    pub fn id_in_use(what: &str, existing: Option<Value>) -> Self {
        let error = Self::new(ErrorKind::IdInUse, format!("The requested {what} already exists"));
        match existing {
            Some(existing) => error.with_data(existing),
            None => error,
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({}): {}", self.kind.id(), self.kind.code(), self.message)
    }
}

impl std::error::Error for ApiError {}

impl Serialize for ApiError {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            id: &'a str,
            code: u16,
            message: &'a str,
            url: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            data: Option<&'a Value>,
        }
        let body = Body {
            id: self.kind.id(),
            code: self.kind.code(),
            message: &self.message,
            url: &self.url,
            data: self.data(),
        };
        body.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lists_every_kind_in_the_order_of_declaration() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.0 as usize, index);
            assert_eq!(ErrorKind::from_id(row.1), Some(row.0));
        }
        assert_eq!(TABLE.len(), ErrorKind::IdInUse as usize + 1);
    }

    #[test]
    fn codes_and_names_are_unique() {
        for (index, row) in TABLE.iter().enumerate() {
            assert!(TABLE[..index].iter().all(|other| other.1 != row.1 && other.2 != row.2));
        }
    }

    #[test]
    fn the_invalid_accept_error_prints_as_documented() {
        assert_eq!(
            serde_json::to_value(ApiError::invalid_accept()).unwrap(),
            json!({
                "id": "invalid_header",
                "code": 107,
                "message": "Invalid Accept header; must be of form application/vnd.layer+json; version=x.y",
                "url": "https://developer.layer.com/docs/platform#overview",
                "data": { "header": "Accept" }
            })
        );
    }

    #[test]
    fn an_error_without_data_omits_the_key() {
        let body = serde_json::to_value(ApiError::conversation_deleted()).unwrap();
        assert_eq!(body.get("data"), None);
        assert_eq!(body["message"], "The referenced conversation has been deleted.");
    }

    #[test]
    fn a_message_lookup_points_at_the_client_docs() {
        let body = serde_json::to_value(ApiError::message_not_found()).unwrap();
        assert_eq!(body["url"], "https://developer.layer.com/docs/client/rest#not_found");
    }

    #[test]
    fn a_missing_property_is_named_in_text_and_data() {
        let body = serde_json::to_value(ApiError::missing_property("participants")).unwrap();
        assert_eq!(body["message"], "Object is missing required member 'participants'");
        assert_eq!(body["data"], json!({ "property": "participants" }));
    }
}
