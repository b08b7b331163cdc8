//! Contract 4: Layer Patch on conversations.

use serde_json::{Value, json};

use crate::client::{Answer, Server, start};

fn distinct(server: &Server) -> String {
    let body = json!({ "participants": ["a", "b"], "distinct": true, "metadata": { "title": "x" } });
    server.post("/conversations", &body).uuid()
}

fn patch(server: &Server, conversation: &str, operations: &Value) -> Answer {
    server.patch(&format!("/conversations/{conversation}"), operations)
}

fn read(server: &Server, conversation: &str) -> Value {
    server.get(&format!("/conversations/{conversation}")).json()
}

/// Contract 2.1 (recorded: 204, no body).
#[test]
fn participants_are_added_removed_and_replaced() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let operations = json!([
        { "operation": "add", "property": "participants", "value": "b" },
        { "operation": "add", "property": "participants", "value": "b" },
        { "operation": "remove", "property": "participants", "value": "a" },
        { "operation": "remove", "property": "participants", "value": "nobody" }
    ]);
    patch(&server, &conversation, &operations).assert_empty(204);
    assert_eq!(read(&server, &conversation)["participants"], json!(["b"]));
    let operations = json!([{ "operation": "set", "property": "participants", "value": ["x", "y"] }]);
    patch(&server, &conversation, &operations).assert_empty(204);
    assert_eq!(read(&server, &conversation)["participants"], json!(["x", "y"]));
}

/// Contract 4 (recorded, R3: identity ids in `value`, 204, in 3.0); that 2.0 takes them too is (assumed).
#[test]
fn participants_are_added_and_removed_by_identity_ids_in_value() {
    let server = start();
    for version in ["2.0", "3.0"] {
        let conversation = server.conversation(&["a"]);
        for (operation, left) in [("add", json!(["a", "ns/42"])), ("remove", json!(["a"]))] {
            let value = "layer:///identities/ns%2F42";
            let operations = json!([{ "operation": operation, "property": "participants", "value": value }]);
            server.at(version).patch(&format!("/conversations/{conversation}"), &operations).assert_empty(204);
            assert_eq!(read(&server, &conversation)["participants"], left, "{version}");
        }
    }
}

#[test]
fn metadata_is_set_and_deleted_by_path() {
    let server = start();
    let conversation = distinct(&server);
    let operations = json!([
        { "operation": "set", "property": "metadata.color.bg", "value": "#fff" },
        { "operation": "set", "property": r"metadata.dotted\.key", "value": "1" },
        { "operation": "delete", "property": "metadata.title" }
    ]);
    patch(&server, &conversation, &operations).assert_empty(204);
    let metadata = json!({ "color": { "bg": "#fff" }, "dotted.key": "1" });
    assert_eq!(read(&server, &conversation)["metadata"], metadata);
}

/// Contract 2.1.1.
#[test]
fn changing_the_participants_ends_the_distinctness_and_a_change_of_nothing_does_not() {
    let server = start();
    let conversation = distinct(&server);
    for operations in [
        json!([]),
        json!([{ "operation": "add", "property": "participants", "value": "a" }]),
        json!([{ "operation": "set", "property": "participants", "value": ["b", "a"] }]),
        json!([{ "operation": "set", "property": "metadata.title", "value": "y" }]),
    ] {
        patch(&server, &conversation, &operations).assert_empty(204);
        assert_eq!(read(&server, &conversation)["distinct"], true, "{operations}");
    }
    let operations = json!([{ "operation": "add", "property": "participants", "value": "c" }]);
    patch(&server, &conversation, &operations).assert_empty(204);
    assert_eq!(read(&server, &conversation)["distinct"], false);

    // So the next distinct one among the first two is a new one.
    let body = json!({ "participants": ["a", "b"], "distinct": true });
    assert_eq!(server.post("/conversations", &body).status, 201);
}

#[test]
fn all_operations_are_applied_or_none() {
    let server = start();
    let conversation = distinct(&server);
    let before = read(&server, &conversation);
    let operations = json!([
        { "operation": "add", "property": "participants", "value": "c" },
        { "operation": "set", "property": "metadata.title.inner", "value": "1" }
    ]);
    patch(&server, &conversation, &operations).assert_error(422, "invalid_property", Some("metadata.title.inner"));
    assert_eq!(read(&server, &conversation), before);
}

#[test]
fn what_cannot_be_patched_is_named() {
    let server = start();
    let conversation = distinct(&server);
    let many: Vec<String> = (0..26).map(|index| format!("u{index}")).collect();
    for (operation, id, property) in [
        (json!({ "operation": "set", "property": "distinct", "value": true }), "invalid_property", "distinct"),
        (json!({ "operation": "move", "property": "metadata.a", "value": "b" }), "invalid_property", "metadata.a"),
        (json!({ "operation": "delete", "property": "metadata" }), "invalid_property", "metadata"),
        (json!({ "operation": "set", "property": "metadata.a", "value": 5 }), "invalid_property", "metadata"),
        (json!({ "operation": "set", "property": "participants", "value": many }), "invalid_property", "participants"),
        (json!({ "operation": "set", "property": "metadata.a" }), "missing_property", "value"),
        (json!({ "property": "metadata.a", "value": "b" }), "missing_property", "operation"),
        (json!({ "operation": "set", "value": "b" }), "missing_property", "property"),
    ] {
        patch(&server, &conversation, &json!([operation])).assert_error(422, id, Some(property));
    }
}

#[test]
fn a_path_of_absurd_depth_does_no_harm() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let deep = vec!["metadata"; 50_000].join(".");
    let operations = json!([{ "operation": "set", "property": deep, "value": "x" }]);
    assert_eq!(patch(&server, &conversation, &operations).status, 422);
    assert_eq!(read(&server, &conversation)["metadata"], json!({}));
}
