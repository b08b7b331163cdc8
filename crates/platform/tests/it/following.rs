//! Whom a user follows. Contract 2.8.

use serde_json::{Value, json};

use crate::client::{Server, start};

fn following(server: &Server, user: &str) -> Vec<String> {
    let answer = server.at("3.0").get(&format!("/users/{user}/following"));
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut ids: Vec<String> = serde_json::from_value(answer.json()).unwrap();
    assert_eq!(answer.header("layer-count"), Some(ids.len().to_string().as_str()));
    ids.sort();
    ids.iter().map(|id| id.strip_prefix("layer:///identities/").unwrap().to_owned()).collect()
}

fn set_participants(server: &Server, conversation: &str, participants: &Value) {
    let operations = json!([{ "operation": "set", "property": "participants", "value": participants }]);
    server.patch(&format!("/conversations/{conversation}"), &operations).assert_empty(204);
}

#[test]
fn a_user_follows_and_unfollows_another_one() {
    let server = start();
    for version in ["2.0", "3.0"] {
        let server = server.at(version);
        server.get("/users/a/following/ns%2F42").assert_error(404, "not_found", None);
        server.put("/users/a/following/ns%2F42", &json!({})).assert_empty(204);
        server.send("PUT", "/users/a/following/ns%2F42", &[], "").assert_empty(204);
        server.get("/users/a/following/ns%2F42").assert_empty(204);
        assert_eq!(server.get("/users/a/following").json(), json!(["layer:///identities/ns%2F42"]));
        // It is not mutual.
        server.get("/users/ns%2F42/following/a").assert_error(404, "not_found", None);
        server.delete("/users/a/following/ns%2F42").assert_empty(204);
        server.delete("/users/a/following/ns%2F42").assert_empty(204);
        server.get("/users/a/following/ns%2F42").assert_error(404, "not_found", None);
        assert_eq!(server.get("/users/a/following").json(), json!([]));
        assert_eq!(server.get("/users/nobody/following").json(), json!([]));
    }
    // Contract 2.8: the followed user is created.
    assert_eq!(server.get("/users/ns%2F42").status, 200);
}

#[test]
fn many_users_are_followed_at_once() {
    let server = start();
    let ids = json!(["layer:///identities/b", "c", "layer:///identities/b"]);
    server.at("2.0").post("/users/a/following", &ids).assert_empty(202);
    assert_eq!(following(&server, "a"), ["b", "c"]);
    server.at("2.0").post("/users/a/following", &json!([])).assert_empty(202);
    server.at("2.0").post("/users/a/following", &json!({})).assert_error(400, "invalid_request", None);
    let refused = server.at("2.0").post("/users/a/following", &json!(["d", 1]));
    refused.assert_error(422, "invalid_property", Some("following"));
    assert_eq!(following(&server, "a"), ["b", "c"]);
}

#[test]
fn before_2_0_nobody_follows() {
    let server = start();
    for version in ["1.0", "1.1"] {
        let server = server.at(version);
        for path in ["/users/a/following", "/users/a/following/b", "/users/a/identities"] {
            server.get(path).assert_error(404, "invalid_endpoint", None);
        }
        server.put("/users/a/following/b", &json!({})).assert_error(404, "invalid_endpoint", None);
    }
}

// Contract 2.8 [P2, S3]: sharing a conversation makes users follow each other, and this survives its deletion.
#[test]
fn users_follow_each_other_for_having_shared_a_conversation() {
    let server = start();
    let conversation = server.conversation(&["a", "b"]);
    assert_eq!((following(&server, "a"), following(&server, "b")), (vec!["b".into()], vec!["a".into()]));
    server.at("3.0").get("/users/a/following/b").assert_empty(204);
    server.at("3.0").get("/users/a/following/a").assert_error(404, "not_found", None);
    set_participants(&server, &conversation, &json!(["b", "c"]));
    // Who left does not meet who came at the same time.
    assert_eq!(following(&server, "a"), ["b"]);
    assert_eq!(following(&server, "b"), ["a", "c"]);
    server.delete(&format!("/conversations/{conversation}")).assert_empty(204);
    assert_eq!(following(&server, "a"), ["b"]);
    assert_eq!(following(&server, "b"), ["a", "c"]);
    assert_eq!(following(&server, "c"), ["b"]);
    server.at("3.0").get("/users/c/following/b").assert_empty(204);
}

// Contract 2.8 [P2, S3]: an explicit unfollow is undone by a new shared conversation.
#[test]
fn an_unfollow_lasts_until_a_new_conversation_is_shared() {
    let server = start();
    let old = server.conversation(&["a", "b", "c"]);
    server.at("3.0").delete("/users/a/following/b").assert_empty(204);
    assert_eq!(following(&server, "a"), ["c"]);
    assert_eq!(following(&server, "b"), ["a", "c"]);
    // Neither the old conversation nor its end brings it back.
    server.text(&old, "x");
    set_participants(&server, &old, &json!(["b", "a"]));
    server.delete(&format!("/conversations/{old}")).assert_empty(204);
    assert_eq!(following(&server, "a"), ["c"]);
    // Nor does a conversation with others.
    server.conversation(&["a", "d"]);
    assert_eq!(following(&server, "a"), ["c", "d"]);
    let new = server.conversation(&["b", "c"]);
    assert_eq!(following(&server, "a"), ["c", "d"]);
    // Being added to one is sharing it, whoever of the two comes later.
    set_participants(&server, &new, &json!(["b", "c", "a"]));
    assert_eq!(following(&server, "a"), ["b", "c", "d"]);
    server.at("3.0").delete("/users/b/following/a").assert_empty(204);
    assert_eq!(following(&server, "b"), ["c"]);
    server.conversation(&["b", "a"]);
    assert_eq!(following(&server, "b"), ["a", "c"]);
}

// Contract 1.7 and 2.8: pages of 500 by default; from_id is an identity id or a user id.
#[test]
fn the_list_of_those_who_are_followed_comes_in_pages() {
    let server = start();
    let ids: Vec<String> = (0..501).map(|index| format!("layer:///identities/u%2F{index}")).collect();
    server.at("3.0").post("/users/a/following", &json!(ids)).assert_empty(202);
    let first = server.at("3.0").get("/users/a/following");
    assert_eq!((first.status, first.header("layer-count")), (206, Some("501")));
    assert_eq!(first.json(), json!(ids[..500]));
    let mut seen = vec![];
    let mut from = String::new();
    loop {
        let page = server.at("3.0").get(&format!("/users/a/following?page_size=200{from}"));
        let items: Vec<String> = serde_json::from_value(page.json()).unwrap();
        assert_eq!(page.status, if seen.len() + items.len() < ids.len() { 206 } else { 200 });
        let Some(last) = items.last() else { break };
        // The id holds a `%`, which is escaped once more inside a query.
        from = format!("&from_id={}", last.replace('%', "%25"));
        seen.extend(items);
    }
    assert_eq!(seen, ids);
    let after = server.at("3.0").get("/users/a/following?from_id=u%2F499");
    assert_eq!((after.status, after.json()), (200, json!(ids[500..])));
    server.at("3.0").get("/users/a/following?from_id=nobody").assert_error(404, "not_found", None);
    let refused = server.at("3.0").get("/users/a/following?page_size=0");
    refused.assert_error(422, "invalid_property", Some("page_size"));
}

#[test]
fn the_identities_of_those_who_are_followed_are_listed() {
    let server = start();
    server.put("/users/b/identity", &json!({ "display_name": "B" })).assert_empty(204);
    server.at("3.0").post("/users/a/following", &json!(["b", "c"])).assert_empty(202);
    let list = server.at("3.0").get("/users/a/identities");
    assert_eq!((list.status, list.header("layer-count")), (200, Some("2")));
    assert_eq!(list.json()[0], server.at("3.0").get("/users/b/identity").json());
    assert_eq!((&list.json()[1]["user_id"], &list.json()[1]["display_name"]), (&json!("c"), &json!(null)));
    let page = server.at("3.0").get("/users/a/identities?page_size=1");
    assert_eq!((page.status, page.json()), (206, json!([list.json()[0]])));
    let rest = server.at("3.0").get("/users/a/identities?from_id=layer%3A%2F%2F%2Fidentities%2Fb");
    assert_eq!((rest.status, rest.json()), (200, json!([list.json()[1]])));
}
