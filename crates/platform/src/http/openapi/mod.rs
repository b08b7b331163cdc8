//! The description of the API in `OpenAPI` 3.1: `GET /openapi.json`, without a token.
//!
//! One description covers all versions, because they share their paths; `OpenAPI` leaves the `Accept` header to media
//! types, so the version is told in prose. Errors come from the error table. Requests and answers are read and shown by
//! hand, in shapes that depend on the version, so that types to derive their schemas from do not exist; schemathesis
//! holds the running platform to them.

mod operations;
mod schemas;
mod shape;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use axum::response::Response;
use http::StatusCode;
use layer_wire::ErrorKind;
use layer_wire::version::PATCH_MEDIA_TYPE;
use operations::{Access, Operation};
use serde_json::{Map, Value, json};
use shape::Shape::{self, Json, Named};

use crate::http::answer;

/// The paths of the Server API and of the Client API, once for each of their methods.
pub fn paths() -> Vec<String> {
    operations::all().iter().map(full_path).collect()
}

fn full_path(operation: &Operation) -> String {
    match operation.access {
        Access::App => format!("/apps/{{app}}{}", operation.path),
        Access::Session | Access::Open => operation.path.to_owned(),
    }
}

static DESCRIPTION: LazyLock<Value> = LazyLock::new(describe);

/// `GET /openapi.json`: the description.
pub async fn get() -> Response {
    answer::json(StatusCode::OK, &*DESCRIPTION)
}

fn describe() -> Value {
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for operation in operations::all() {
        let path = full_path(&operation);
        let methods = paths.entry(path.clone()).or_default();
        methods.insert(operation.method.into(), shown(&path, &operation));
    }
    let kinds: Vec<ErrorKind> = ErrorKind::ALL.to_vec();
    let shapes = schemas::ANSWERS.iter().chain(schemas::REQUESTS);
    let mut all: Map<String, Value> = shapes.map(|(name, shape)| ((*name).to_owned(), shape.schema())).collect();
    all.extend(kinds.iter().map(|kind| (error_name(*kind), error_schema(*kind))));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Layer Server API, Client API and Webhooks API",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "A request names its version in `Accept: application/vnd.layer+json; version=3.0` (1.0, 1.1, 2.0 or 3.0), below \
                `/webhooks` in `Accept: application/vnd.layer.webhooks+json; version=3.0` (no 1.1). All versions show the same data. \
                The links in answers to `/content/...` (upload and download of rich content) and `/exports/...` (archives of exports) \
                are no part of this: they are opaque, carry their own signature, need no token, and are followed as they are."
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }],
        "tags": tags(),
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "The token of the app." },
                "session": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "The session of a user: `Layer session-token=\"...\"`.",
                },
            },
            "parameters": parameters(),
            "schemas": all,
        },
    })
}

fn tags() -> Value {
    let names = operations::all().iter().map(tag).collect::<BTreeSet<_>>();
    names.into_iter().map(|name| json!({ "name": name })).collect()
}

/// The noun that a path begins with; the view of a user is one of its own.
fn tag(operation: &Operation) -> &'static str {
    if operation.access != Access::App {
        return "Client API";
    }
    match operation.path.split('/').nth(1) {
        Some("conversations") => "conversations",
        Some("users") if operation.errors.contains(&ErrorKind::UserSuspended) => "view of a user",
        Some("users") => "users",
        Some("webhooks") => "webhooks",
        _ => "app",
    }
}

fn shown(path: &str, operation: &Operation) -> Value {
    let in_path = path.split(['{', '}']).skip(1).step_by(2).map(parameter);
    let others = operation.parameters.iter().map(|name| parameter(name));
    let description = operation.versions.map_or_else(|| "All versions.".into(), |some| format!("Versions {some}."));
    let api = if operation.access == Access::App { "" } else { "-client" };
    let words = operation.path.replace(['{', '}'], "").replace(['/', '_'], "-");
    let mut shown = json!({
        "operationId": format!("{}{api}{words}", operation.method),
        "summary": operation.summary,
        "description": description,
        "tags": [tag(operation)],
        "parameters": in_path.chain(others).collect::<Vec<_>>(),
        "responses": responses(operation),
    });
    match operation.access {
        Access::App => {}
        Access::Session => shown["security"] = json!([{ "session": [] }]),
        Access::Open => shown["security"] = json!([]),
    }
    if let Some(schema) = operation.body {
        let media_type = if operation.method == "patch" { PATCH_MEDIA_TYPE } else { "application/json" };
        shown["requestBody"] = json!({
            "required": !operation.is_body_optional,
            "content": { media_type: { "schema": { "$ref": format!("#/components/schemas/{schema}") } } },
        });
    }
    shown
}

fn parameter(name: &str) -> Value {
    json!({ "$ref": format!("#/components/parameters/{name}") })
}

/// What any request may be answered with.
const COMMON: [ErrorKind; 7] = [
    ErrorKind::InvalidRequest,
    ErrorKind::AuthenticationRequired,
    ErrorKind::InvalidAppId,
    ErrorKind::InvalidHeader,
    ErrorKind::RateLimitExceeded,
    ErrorKind::InternalServerError,
    ErrorKind::ServiceUnavailable,
];

fn responses(operation: &Operation) -> Value {
    let mut responses = Map::new();
    for (status, schema) in &operation.answers {
        let mut response = json!({ "description": "Done." });
        if let Some(schema) = schema {
            response["content"] =
                json!({ "application/json": { "schema": { "$ref": format!("#/components/schemas/{schema}") } } });
        }
        let headers = headers(operation, *status);
        if headers.as_object().is_some_and(|headers| !headers.is_empty()) {
            response["headers"] = headers;
        }
        responses.insert(status.to_string(), response);
    }
    let mut by_status: BTreeMap<u16, BTreeSet<&str>> = BTreeMap::new();
    let of_body: &[ErrorKind] = if operation.body.is_some() { &[ErrorKind::RequestTimeout] } else { &[] };
    for kind in COMMON.iter().chain(of_body).chain(&operation.errors) {
        by_status.entry(kind.status()).or_default().insert(kind.id());
    }
    if operation.body.is_some() {
        // The error table has no row for a body that is too large.
        by_status.entry(413).or_default().insert(ErrorKind::InvalidRequest.id());
    }
    for (status, ids) in by_status {
        let names: Vec<String> = ids.iter().map(|id| format!("Error_{id}")).collect();
        let schema: Vec<Value> =
            names.iter().map(|name| json!({ "$ref": format!("#/components/schemas/{name}") })).collect();
        let mut content = json!({ "application/json": { "schema": { "oneOf": schema } } });
        if status == 404 && operation.path.contains("{conversation}") {
            // A conversation id that is not a UUID (recorded).
            content["text/plain"] = json!({ "schema": { "type": "string" } });
        }
        let mut response = json!({ "description": ids.into_iter().collect::<Vec<_>>().join(", "), "content": content });
        if status == 405 {
            let schema = json!({ "type": "string" });
            response["headers"] = json!({ "Allow": { "required": true, "description": "The methods that there are.", "schema": schema } });
        }
        responses.insert(status.to_string(), response);
    }
    Value::Object(responses)
}

fn headers(operation: &Operation, status: u16) -> Value {
    let is_list = operation.parameters.contains(&"page_size");
    let is_found = operation.method == "post" && status == 200 && operation.path.ends_with("/conversations");
    let is_upload = operation.path.ends_with("/content") && status == 201;
    let mut headers = json!({});
    if is_list {
        headers["Layer-Count"] = json!({ "required": true, "description": "The number of all items.", "schema": { "type": "integer", "minimum": 0 } });
    }
    if is_found || is_upload {
        headers["Location"] = json!({ "required": true, "description": "The path of what was found or made.", "schema": { "type": "string" } });
    }
    headers
}

fn error_name(kind: ErrorKind) -> String {
    format!("Error_{}", kind.id())
}

fn error_schema(kind: ErrorKind) -> Value {
    json!({
        "type": "object",
        "required": ["id", "code", "message", "url"],
        "properties": {
            "id": { "const": kind.id() },
            "code": { "const": kind.code() },
            "message": { "type": "string" },
            "url": { "type": "string" },
            "data": { "type": "object" },
        },
    })
}

const UUID: Shape = Json(r#"{ "type": "string", "format": "uuid" }"#);
const USER_ID: Shape = Json(r#"{ "type": "string", "minLength": 1, "maxLength": 256 }"#);
const TEXT: Shape = Json(r#"{ "type": "string" }"#);
const FOR_WHOM: Shape = Json(r#"{ "enum": ["all_participants", "my_devices"] }"#);
const BARE_UUID: &str = "A bare UUID.";
const ENCODED: &str = "A user id, percent-encoded.";
const NO_TWICE: &str = "The UUID of what is created, without quotes: a repeated request is not done twice.";

/// Parameters: name, place, whether it is required, description, schema.
static PARAMETERS: &[(&str, &str, bool, &str, Shape)] = &[
    ("app", "path", true, BARE_UUID, UUID),
    ("conversation", "path", true, BARE_UUID, UUID),
    ("message", "path", true, BARE_UUID, UUID),
    ("content", "path", true, BARE_UUID, UUID),
    ("announcement", "path", true, BARE_UUID, UUID),
    ("webhook", "path", true, BARE_UUID, UUID),
    ("part", "path", true, BARE_UUID, UUID),
    ("export", "path", true, BARE_UUID, UUID),
    ("user", "path", true, ENCODED, USER_ID),
    ("blocked", "path", true, ENCODED, USER_ID),
    ("followed", "path", true, ENCODED, USER_ID),
    ("identity", "path", true, ENCODED, USER_ID),
    ("session", "path", true, "The token of the session.", TEXT),
    ("device", "path", true, "The id of the device.", TEXT),
    ("page_size", "query", false, "How many items at most.", Named("PageSize")),
    ("from_id", "query", false, "The list begins after this item.", TEXT),
    (
        "sort_by",
        "query",
        false,
        "The order, newest first either way.",
        Json(r#"{ "enum": ["created_at", "last_message"] }"#),
    ),
    ("mode", "query", true, "For whom it is deleted.", FOR_WHOM),
    ("leave", "query", false, "Whether the user leaves with it.", Json(r#"{ "type": "boolean" }"#)),
    ("If-None-Match", "header", false, NO_TWICE, UUID),
    ("Upload-Content-Type", "header", true, "The MIME type of what is uploaded.", TEXT),
    (
        "Upload-Content-Length",
        "header",
        true,
        "Its length. Unit: bytes.",
        Json(r#"{ "type": "integer", "minimum": 0 }"#),
    ),
    ("Upload-Origin", "header", false, "The origin of a browser that uploads.", TEXT),
];

fn parameters() -> Value {
    let shown = PARAMETERS.iter().map(|(name, place, is_required, description, shape)| {
        let schema = shape.schema();
        let shown =
            json!({ "name": name, "in": place, "required": is_required, "description": description, "schema": schema });
        ((*name).to_owned(), shown)
    });
    Value::Object(shown.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_to_a_component_and_every_component_is_used() {
        let text = DESCRIPTION.to_string();
        let used: BTreeSet<&str> =
            text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        for pointer in &used {
            assert!(DESCRIPTION.pointer(pointer).is_some(), "{pointer}");
        }
        for kind in ["schemas", "parameters"] {
            for name in DESCRIPTION["components"][kind].as_object().unwrap().keys() {
                let pointer = format!("/components/{kind}/{name}");
                let is_error_of_no_answer = name.starts_with("Error_");
                assert!(used.contains(pointer.as_str()) || is_error_of_no_answer, "{pointer} is not used");
            }
        }
    }

    #[test]
    fn operation_ids_are_unique() {
        let all = operations::all();
        let ids: BTreeSet<String> =
            all.iter().map(|operation| shown(operation.path, operation)["operationId"].to_string()).collect();
        assert_eq!(ids.len(), all.len());
    }
}
