//! Contract 2.7 and 3.7: identities.

use serde_json::{Value, json};

use crate::client::start;

fn full() -> Value {
    json!({
        "display_name": "John Doe",
        "avatar_url": "https://example.com/avatar.png",
        "first_name": "John",
        "last_name": "Doe",
        "phone_number": "415-555-0202",
        "email_address": "user@domain.com",
        "public_key": "<RSA Key>",
        "metadata": { "key": "value" }
    })
}

/// Contract 1.1 (recorded, R1 and R3: an answer without a body) and 2.7 (recorded, N1 and L3: 201).
#[test]
fn an_identity_is_created_without_a_body_and_read_back() {
    let server = start();
    let created = server.post("/users/john/identity", &full());
    created.assert_empty(201);
    assert_eq!(created.header("content-length"), Some("0"));
    let mut expected = full();
    expected["user_id"] = json!("john");
    let read = server.get("/users/john/identity");
    assert_eq!((read.status, read.json()), (200, expected));
}

#[test]
fn unset_fields_are_null_and_unknown_ones_ignored() {
    let server = start();
    server.post("/users/john/identity", &json!({ "display_name": "J", "shoe_size": 44 })).assert_empty(201);
    let expected = json!({
        "user_id": "john", "display_name": "J", "avatar_url": null, "first_name": null, "last_name": null,
        "phone_number": null, "email_address": null, "public_key": null, "metadata": null
    });
    assert_eq!(server.get("/users/john/identity").json(), expected);
}

/// Contract 2.7 (recorded, R3: its own `user_id` in the body, 201); that another one is ignored is (assumed).
#[test]
fn an_identity_may_be_created_with_its_own_user_id_in_the_body() {
    let server = start();
    for version in ["1.0", "1.1", "2.0", "3.0"] {
        for (user, given) in [("own", "own"), ("other", "somebody")] {
            let path = format!("/users/{user}-{version}/identity");
            let body = json!({ "user_id": format!("{given}-{version}"), "display_name": "J" });
            server.at(version).post(&path, &body).assert_empty(201);
            assert_eq!(server.at(version).get(&path).json()["user_id"], format!("{user}-{version}"));
        }
        server.get(&format!("/users/somebody-{version}/identity")).assert_error(404, "not_found", None);
    }
}

/// Contract 2.7 (recorded, N1, status only).
#[test]
fn creating_an_identity_twice_is_refused() {
    let server = start();
    server.post("/users/john/identity", &full()).assert_empty(201);
    let again = server.post("/users/john/identity", &json!({ "display_name": "X" }));
    again.assert_error(409, "id_in_use", None);
    assert_eq!(again.json()["data"], server.get("/users/john/identity").json());
}

/// Contract 2.7 (recorded, L3): also over an existing identity.
#[test]
fn a_display_name_is_required_before_anything_else() {
    let server = start();
    server.post("/users/john/identity", &full()).assert_empty(201);
    for body in [json!({}), json!([]), json!({ "first_name": "x" })] {
        server.post("/users/john/identity", &body).assert_error(422, "missing_property", Some("display_name"));
        server.put("/users/john/identity", &body).assert_error(422, "missing_property", Some("display_name"));
    }
}

/// Contract 3.7.
#[test]
fn bad_fields_are_named() {
    let server = start();
    let keys: Value = (0..17).map(|key| (key.to_string(), json!("x"))).collect::<serde_json::Map<_, _>>().into();
    for (key, value) in [
        ("display_name", json!("x".repeat(129))),
        ("avatar_url", json!("x".repeat(1025))),
        ("first_name", json!("x".repeat(129))),
        ("last_name", json!("x".repeat(129))),
        ("phone_number", json!("x".repeat(33))),
        ("email_address", json!("x".repeat(256))),
        ("first_name", json!(1)),
        ("metadata", keys),
        ("metadata", json!({ "a": 1 })),
        ("metadata", json!({ "a": { "b": "c" } })),
        ("metadata", json!("x")),
    ] {
        let mut body = full();
        body[key] = value;
        server.post("/users/john/identity", &body).assert_error(422, "invalid_property", Some(key));
    }
}

/// Contract 2.7 (recorded).
#[test]
fn a_patch_changes_fields_and_a_put_replaces_everything() {
    let server = start();
    server.post("/users/john/identity", &full()).assert_empty(201);
    let operations = json!([
        { "operation": "set", "property": "email_address", "value": "john@doe.com" },
        { "operation": "set", "property": "metadata.other", "value": "1" },
        { "operation": "delete", "property": "metadata.key" }
    ]);
    server.patch("/users/john/identity", &operations).assert_empty(204);
    let read = server.get("/users/john/identity").json();
    assert_eq!(read["email_address"], "john@doe.com");
    assert_eq!(read["first_name"], "John");
    assert_eq!(read["metadata"], json!({ "other": "1" }));

    server.put("/users/john/identity", &json!({ "display_name": "J", "first_name": "Johnny" })).assert_empty(204);
    let read = server.get("/users/john/identity").json();
    assert_eq!((read["first_name"].as_str(), read["email_address"].as_str()), (Some("Johnny"), None));
}

#[test]
fn a_bad_patch_changes_nothing() {
    let server = start();
    server.post("/users/john/identity", &full()).assert_empty(201);
    let before = server.get("/users/john/identity").json();
    for (operation, property) in [
        (json!({ "operation": "set", "property": "user_id", "value": "x" }), "user_id"),
        (json!({ "operation": "delete", "property": "first_name" }), "first_name"),
        (json!({ "operation": "set", "property": "phone_number", "value": "x".repeat(33) }), "phone_number"),
        (json!({ "operation": "set", "property": "display_name", "value": null }), "display_name"),
    ] {
        let operations = json!([{ "operation": "set", "property": "last_name", "value": "X" }, operation]);
        let answer = server.patch("/users/john/identity", &operations);
        answer.assert_error(422, "invalid_property", Some(property));
        assert_eq!(server.get("/users/john/identity").json(), before);
    }
}

/// Contract 2.7 (recorded).
#[test]
fn an_unknown_identity_is_not_found() {
    let server = start();
    server.conversation(&["named-only"]);
    for user in ["nobody", "named-only"] {
        let path = format!("/users/{user}/identity");
        server.get(&path).assert_error(404, "not_found", None);
        server.delete(&path).assert_error(404, "not_found", None);
        let operations = json!([{ "operation": "set", "property": "last_name", "value": "X" }]);
        server.patch(&path, &operations).assert_error(404, "not_found", None);
    }
}

#[test]
fn a_put_creates_a_missing_identity() {
    let server = start();
    server.put("/users/john/identity", &full()).assert_empty(204);
    assert_eq!(server.get("/users/john/identity").json()["display_name"], "John Doe");
}

/// Contract 2.7 (recorded, L3).
#[test]
fn a_deleted_identity_can_be_created_again() {
    let server = start();
    server.post("/users/john/identity", &full()).assert_empty(201);
    server.delete("/users/john/identity").assert_empty(204);
    server.get("/users/john/identity").assert_error(404, "not_found", None);
    server.post("/users/john/identity", &json!({ "display_name": "J" })).assert_empty(201);
    assert_eq!(server.get("/users/john/identity").json()["first_name"], json!(null));
}

/// Whoever something else names, or of whom the application said something else, outlives its identity.
#[test]
fn a_user_exists_as_long_as_anything_names_it() {
    let server = start();
    for user in ["alone", "member", "blocked", "suspended", "counted"] {
        server.put(&format!("/users/{user}/identity"), &json!({ "display_name": "X" })).assert_empty(204);
    }
    server.conversation(&["member"]);
    server.post("/users/owner/blocks", &json!({ "user_id": "blocked" })).assert_empty(204);
    let suspend = json!([{ "operation": "set", "property": "suspended", "value": true }]);
    server.patch("/users/suspended", &suspend).assert_empty(202);
    server.put("/users/counted/badge", &json!({ "external_unread_count": 1 })).assert_empty(204);
    for (user, status) in [("alone", 404), ("member", 200), ("blocked", 200), ("suspended", 200), ("counted", 200)] {
        server.delete(&format!("/users/{user}/identity")).assert_empty(204);
        assert_eq!(server.get(&format!("/users/{user}")).status, status, "{user}");
        assert_eq!(server.at("3.0").get(&format!("/users/{user}/identity")).status, status, "{user}");
    }
    assert_eq!(server.get("/users/suspended").json()["suspended"], true);
    assert_eq!(server.get("/users/owner/blocks").json(), json!([{ "user_id": "blocked" }]));
}
