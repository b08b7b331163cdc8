//! Contract 2.6: block lists.

use serde_json::json;

use crate::client::start;

/// Contract 2.6 (recorded, R1 and N1: 204 for repeating, for oneself, for one who is not blocked; no `Layer-Count`).
#[test]
fn users_are_blocked_and_unblocked() {
    let server = start();
    let empty = server.get("/users/a/blocks");
    assert_eq!((empty.status, empty.body.as_str(), empty.header("layer-count")), (200, "[]", None));
    for blocked in ["b", "b", "a"] {
        server.post("/users/a/blocks", &json!({ "user_id": blocked })).assert_empty(204);
    }
    let mut list = server.get("/users/a/blocks").json();
    list.as_array_mut().unwrap().sort_by_key(ToString::to_string);
    assert_eq!(list, json!([{ "user_id": "a" }, { "user_id": "b" }]));
    assert_eq!(server.get("/users/b/blocks").json(), json!([]));
    for _ in 0..2 {
        server.delete("/users/a/blocks/b").assert_empty(204);
    }
    server.delete("/users/nobody/blocks/b").assert_empty(204);
    assert_eq!(server.get("/users/a/blocks").json(), json!([{ "user_id": "a" }]));
}

/// Contract 2.6 (recorded).
#[test]
fn a_block_needs_a_user_id() {
    let server = start();
    server.post("/users/a/blocks", &json!({})).assert_error(422, "missing_property", Some("user_id"));
    for value in [json!(7), json!(""), json!(["b"])] {
        server.post("/users/a/blocks", &json!({ "user_id": value })).assert_error(
            422,
            "invalid_property",
            Some("user_id"),
        );
    }
}

/// Contract 1.9, code 110.
#[test]
fn a_block_between_participants_refuses_the_conversation_either_way_round() {
    let server = start();
    server.post("/users/a/blocks", &json!({ "user_id": "b" })).assert_empty(204);
    for participants in [json!(["a", "b"]), json!(["c", "b", "a"])] {
        for distinct in [false, true] {
            let body = json!({ "participants": participants, "distinct": distinct });
            let answer = server.post("/conversations", &body);
            answer.assert_error(422, "participant_blocked", None);
            assert_eq!(answer.json()["code"], 110);
        }
    }
    server.conversation(&["a", "c"]);
    server.delete("/users/a/blocks/b").assert_empty(204);
    server.conversation(&["a", "b"]);
}

#[test]
fn blocking_oneself_does_not_refuse_a_conversation() {
    let server = start();
    server.post("/users/a/blocks", &json!({ "user_id": "a" })).assert_empty(204);
    server.conversation(&["a", "b"]);
}

#[test]
fn a_blocked_user_cannot_be_added_but_others_can() {
    let server = start();
    let conversation = server.conversation(&["a", "c"]);
    let path = format!("/conversations/{conversation}");
    server.post("/users/b/blocks", &json!({ "user_id": "a" })).assert_empty(204);
    let add = |user: &str| json!([{ "operation": "add", "property": "participants", "value": user }]);
    server.patch(&path, &add("b")).assert_error(422, "participant_blocked", None);
    let set = json!([{ "operation": "set", "property": "participants", "value": ["a", "b"] }]);
    server.patch(&path, &set).assert_error(422, "participant_blocked", None);
    assert_eq!(server.get(&path).json()["participants"], json!(["a", "c"]));
    server.patch(&path, &add("d")).assert_empty(204);

    // A block that comes later does not stop other changes.
    server.post("/users/a/blocks", &json!({ "user_id": "c" })).assert_empty(204);
    server.patch(&path, &add("e")).assert_empty(204);
    server.patch(&path, &add("a")).assert_empty(204);
}

/// Contract 2.6 (assumed): 2.0 withdraws the requests that block and unblock one user.
#[test]
fn from_2_0_on_a_block_list_is_not_posted_to() {
    let server = start();
    for version in ["2.0", "3.0"] {
        let speaker = server.at(version);
        for method in ["POST", "PUT"] {
            let answer = speaker.send(method, "/users/a/blocks", &[], r#"{"user_id":"b"}"#);
            answer.assert_error(405, "method_not_allowed", None);
            assert_eq!(answer.header("allow"), Some("GET,HEAD"));
        }
        for method in ["DELETE", "GET"] {
            speaker.send(method, "/users/a/blocks/b", &[], "").assert_error(404, "invalid_endpoint", None);
        }
    }
    let answer = server.put("/users/a/blocks", &json!({}));
    assert_eq!(answer.header("allow"), Some("GET,HEAD,POST"));
}

/// Contract 2.6 (recorded, L3: 202, any number of operations) and 3.1: the list from 2.0 on.
#[test]
fn a_patch_of_the_user_blocks_and_unblocks_in_every_version() {
    let server = start();
    server.put("/users/b/identity", &json!({ "display_name": "B", "avatar_url": "https://b" })).assert_empty(204);
    for version in ["1.0", "1.1", "2.0", "3.0"] {
        let speaker = server.at(version);
        let has_identities = version >= "2.0";
        let name = |user: &str| if has_identities { format!("layer:///identities/{user}") } else { user.to_owned() };
        let element = if has_identities { "id" } else { "value" };
        let ids = || {
            let mut ids: Vec<String> = server
                .get("/users/a/blocks")
                .json()
                .as_array()
                .unwrap()
                .iter()
                .map(|blocked| blocked["user_id"].as_str().unwrap().to_owned())
                .collect();
            ids.sort();
            ids
        };
        let patch = |operations: serde_json::Value| speaker.patch("/users/a", &operations).assert_empty(202);
        patch(json!([
            { "operation": "add", "property": "blocks", element: name("b") },
            { "operation": "add", "property": "blocks", element: name("b") },
            { "operation": "add", "property": "blocks", element: name("c") },
            { "operation": "add", "property": "blocks", "value": name("a") },
            { "operation": "remove", "property": "blocks", element: name("c") },
            { "operation": "remove", "property": "blocks", element: name("nobody") }
        ]));
        assert_eq!(ids(), ["a", "b"], "{version}");
        let refused = speaker.post("/conversations", &json!({ "participants": ["b", "a"] }));
        refused.assert_error(422, "participant_blocked", None);
        // All operations are applied, or none.
        let half = json!([
            { "operation": "set", "property": "blocks", "value": [] },
            { "operation": "set", "property": "nope", "value": 1 }
        ]);
        speaker.patch("/users/a", &half).assert_error(422, "invalid_property", Some("nope"));
        assert_eq!(ids(), ["a", "b"], "{version}");

        patch(json!([{ "operation": "set", "property": "blocks", "value": [name("b"), name("d")] }]));
        assert_eq!(ids(), ["b", "d"], "{version}");
        patch(json!([{ "operation": "set", "property": "blocks", "value": [name("b")] }]));
        let shown = speaker.get("/users/a/blocks");
        assert_eq!((shown.status, shown.header("layer-count")), (200, None));
        let expected = if has_identities {
            json!([{
                "id": "layer:///identities/b",
                "url": format!("{}/users/b/identity", server.prefix()),
                "user_id": "b", "display_name": "B", "avatar_url": "https://b"
            }])
        } else {
            json!([{ "user_id": "b" }])
        };
        assert_eq!(shown.json(), expected, "{version}");
        patch(json!([{ "operation": "set", "property": "blocks", "value": [] }]));
        assert_eq!(speaker.get("/users/a/blocks").body, "[]", "{version}");
        patch(json!([]));
    }
}
