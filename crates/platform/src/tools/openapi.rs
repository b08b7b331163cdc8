//! The description of the admin API in `OpenAPI` 3.1: `GET /_platform/openapi.json`. A test holds the table to the
//! routes and to docs/testing.md.
//!
//! It is no part of the description of the API that applications see, at `/openapi.json`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::response::Response;
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::http::answer;

/// A request of the admin API.
struct Operation {
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    /// Names of query parameters.
    query: &'static [&'static str],
    /// Members of the body, which is JSON: each may be left out. Empty where there is no body.
    body: &'static [&'static str],
    /// The status of success.
    status: u16,
    /// The media type of the answer; empty where there is none.
    answer: &'static str,
}

const JSON: &str = "application/json";
const TAR: &str = "application/x-tar";
const NOTHING: &str = "";
const SEARCH: &[&str] = &["user", "text", "since", "until", "from_id", "page_size"];

const fn operation(
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    status: u16,
    answer: &'static str,
) -> Operation {
    Operation { method, path, summary, query: &[], body: &[], status, answer }
}

impl Operation {
    const fn with_query(mut self, query: &'static [&'static str]) -> Self {
        self.query = query;
        self
    }

    const fn with_body(mut self, body: &'static [&'static str]) -> Self {
        self.body = body;
        self
    }
}

static OPERATIONS: &[Operation] = &[
    operation("get", "/overview", "What runs here, and how much there is", 200, JSON),
    operation("get", "/find/{id}", "What an id is of, in all apps", 200, JSON),
    operation("get", "/charts", "The last hour in slots of ten seconds, with what waited for the store", 200, JSON),
    operation("get", "/sockets", "Sockets of clients that are open", 200, JSON),
    operation("get", "/events", "What happens from now on, as Server-Sent Events", 200, "text/event-stream")
        .with_query(&["kinds"]),
    operation("get", "/apps", "All apps", 200, JSON),
    operation("post", "/apps", "Creates an app; its token is shown this once", 201, JSON).with_body(&["name"]),
    operation("delete", "/apps/{app}", "Deletes an app with all that it has", 204, NOTHING),
    operation("get", "/apps/{app}/tokens", "The tokens of an app, without the tokens themselves", 200, JSON),
    operation("post", "/apps/{app}/tokens", "Adds a token to an app, which is shown this once", 201, JSON)
        .with_body(&["name"]),
    operation("delete", "/apps/{app}/tokens/{token}", "Revokes a token: it is refused from now on", 204, NOTHING),
    operation(
        "post",
        "/apps/{app}/tokens/{token}/rotate",
        "Adds a token in the place of another one; it is shown this once",
        201,
        JSON,
    )
    .with_body(&["grace_in_seconds"]),
    operation("get", "/apps/{app}/identity_providers", "Whose identity tokens an app trusts", 200, JSON),
    operation("post", "/apps/{app}/identity_providers", "Adds an identity provider with a key", 201, JSON)
        .with_body(&["public_key"]),
    operation(
        "delete",
        "/apps/{app}/identity_providers/{provider}",
        "Removes a provider; sessions go on",
        204,
        NOTHING,
    ),
    operation("post", "/apps/{app}/identity_providers/{provider}/keys", "Adds a key to a provider", 201, JSON)
        .with_body(&["public_key"]),
    operation(
        "delete",
        "/apps/{app}/identity_providers/{provider}/keys/{key}",
        "Removes a key; sessions go on",
        204,
        NOTHING,
    ),
    operation("get", "/apps/{app}/conversations", "Conversations, newest first", 200, JSON).with_query(SEARCH),
    operation("get", "/apps/{app}/messages", "Messages, by conversation, newest first", 200, JSON).with_query(SEARCH),
    operation("get", "/apps/{app}/users", "Users, in the order of their ids", 200, JSON).with_query(&[
        "text",
        "suspended",
        "from_id",
        "page_size",
    ]),
    operation("get", "/apps/{app}/users/{user}", "A user with identity, blocks, badge and sockets", 200, JSON),
    operation("get", "/apps/{app}/users/{user}/push_tokens", "Where pushes to its devices would go", 200, JSON),
    operation("get", "/apps/{app}/webhooks", "Webhooks, each with how many deliveries wait", 200, JSON),
    operation(
        "get",
        "/apps/{app}/webhooks/{webhook}/deliveries",
        "What waits for a webhook, and the latest attempts",
        200,
        JSON,
    ),
    operation(
        "post",
        "/apps/{app}/webhooks/{webhook}/deliveries/{event}/send",
        "Sends an event to a webhook once more, now",
        202,
        NOTHING,
    ),
    operation("get", "/apps/{app}/exports", "Exports, each with how far it is", 200, JSON),
    operation("get", "/apps/{app}/api/{path}", "A request of the Server API, as the app", 200, JSON),
    operation("post", "/apps/{app}/api/{path}", "A request of the Server API, as the app", 201, JSON),
    operation("put", "/apps/{app}/api/{path}", "A request of the Server API, as the app", 204, NOTHING),
    operation("patch", "/apps/{app}/api/{path}", "A request of the Server API, as the app", 204, NOTHING),
    operation("delete", "/apps/{app}/api/{path}", "A request of the Server API, as the app", 204, NOTHING),
    operation("get", "/clock", "The time of the platform", 200, JSON),
    operation("post", "/clock/freeze", "Stops the clock", 200, JSON).with_body(&["at_ms"]),
    operation("post", "/clock/advance", "Moves the clock", 200, JSON).with_body(&["by_ms"]),
    operation("post", "/clock/resume", "Lets the clock run on", 200, JSON),
    operation("post", "/reset", "Empties the platform of all but its apps", 204, NOTHING),
    operation("get", "/snapshot", "Everything that is stored", 200, TAR),
    operation("put", "/snapshot", "Replaces everything by a snapshot", 204, NOTHING),
    operation("get", "/backups", "Backups beside the database, with how far the one is that is made", 200, JSON),
    operation("post", "/backups", "Begins a backup of everything", 202, JSON),
    operation("get", "/requests", "Recorded requests, oldest first", 200, JSON).with_query(&["summary"]),
    operation("delete", "/requests", "Forgets what was recorded", 204, NOTHING),
    operation("get", "/requests/{number}", "A recorded request with its answer", 200, JSON),
    operation("get", "/deliveries", "The latest attempts to deliver events to webhooks", 200, JSON),
    operation("get", "/faults", "The faults that wait, by id", 200, JSON),
    operation("post", "/faults", "Lets something go wrong", 201, JSON).with_body(&[
        "match",
        "status",
        "body",
        "headers",
        "delay",
        "reset",
        "after",
        "truncate",
        "times",
        "probability",
    ]),
    operation("delete", "/faults", "Takes all faults back", 204, NOTHING),
    operation("delete", "/faults/{fault}", "Takes a fault back", 204, NOTHING),
    operation("get", "/openapi.json", "This description", 200, JSON),
];

/// What a parameter means.
fn meaning(name: &str) -> &'static str {
    match name {
        "app" | "webhook" | "event" => "A bare UUID.",
        "token" => "The id of a token, which is no secret.",
        "provider" | "key" => "Its id, percent-encoded.",
        "user" => "A user id, percent-encoded.",
        "id" => "A UUID, or an id with its prefix.",
        "path" => "What is below `/apps/<app>` in the Server API; `Accept` names its version, 3.0 where it does not.",
        "number" => "The number of a recorded request.",
        "fault" => "The id of a fault.",
        "text" => "What is looked for, in whatever case.",
        "since" => "ISO 8601 or milliseconds since 1970: not before this time.",
        "until" => "ISO 8601 or milliseconds since 1970: before this time.",
        "from_id" => "What the page before gave as `next`.",
        "page_size" => "From 1 to 100.",
        "suspended" => "`true` or `false`: those who are suspended, or are not.",
        "summary" => "`true`: without headers and bodies.",
        "kinds" => "`requests`, `changes` or both, with a comma.",
        _ => "",
    }
}

static DESCRIPTION: LazyLock<Value> = LazyLock::new(describe);

/// `GET /_platform/openapi.json`: the description.
pub async fn get() -> Response {
    answer::json(StatusCode::OK, &*DESCRIPTION)
}

fn parameter(name: &str, place: &str) -> Value {
    let schema = json!({ "type": "string" });
    json!({ "name": name, "in": place, "required": place == "path", "description": meaning(name), "schema": schema })
}

fn describe() -> Value {
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for operation in OPERATIONS {
        let in_path = operation.path.split(['{', '}']).skip(1).step_by(2).map(|name| parameter(name, "path"));
        let in_query = operation.query.iter().map(|name| parameter(name, "query"));
        let mut success = json!({ "description": "Done." });
        if !operation.answer.is_empty() {
            success["content"] = json!({ operation.answer: {} });
        }
        let refused = json!({
            "description": "An error, as the Server API has them.",
            "content": { JSON: { "schema": { "$ref": "#/components/schemas/Error" } } },
        });
        let words = operation.path.replace(['{', '}'], "").replace(['/', '_', '.'], "-");
        let mut shown = json!({
            "operationId": format!("{}{words}", operation.method),
            "summary": operation.summary,
            "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
            "responses": { operation.status.to_string(): success, "default": refused },
        });
        if !operation.body.is_empty() {
            let members: Map<String, Value> =
                operation.body.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
            let schema = json!({ "type": "object", "properties": members, "additionalProperties": false });
            shown["requestBody"] = json!({ "content": { JSON: { "schema": schema } } });
        }
        paths.entry(format!("/_platform{}", operation.path)).or_default().insert(operation.method.into(), shown);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Admin API of the Layer platform",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "For operators and tests. docs/testing.md says more of each request.",
        },
        "servers": [{ "url": "/" }],
        "security": [{ "admin": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "admin": { "type": "http", "scheme": "bearer", "description": "The admin token." },
            },
            "schemas": {
                "Error": {
                    "type": "object",
                    "required": ["id", "code", "message", "url"],
                    "properties": {
                        "id": { "type": "string" },
                        "code": { "type": "integer" },
                        "message": { "type": "string" },
                        "url": { "type": "string" },
                        "data": { "type": "object" },
                    },
                },
            },
        },
    })
}
