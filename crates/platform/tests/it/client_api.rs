//! What a user's device reads and does over REST. Client API 3 and 4. Most of the rules are those of the Server API in
//! the view of a user, which have tests of their own; here is that they hold here, too, and what differs.

use serde_json::{Value, json};

use crate::client::{Server, UNKNOWN, start};
use crate::device::{Device, Signer};
use crate::live_client::People;
use crate::receiver::{self, Received, Receiver, activated, usual};

const VERSIONS: [&str; 3] = ["1.0", "2.0", "3.0"];

fn text(body: &str) -> Value {
    json!({ "parts": [{ "body": body, "mime_type": "text/plain" }] })
}

/// How a version names a user among others.
fn name_of(version: &str, user: &Value) -> String {
    let name = if version == "1.0" { user } else { &user["user_id"] };
    name.as_str().unwrap_or_else(|| panic!("{version}: {user}")).to_owned()
}

/// Client API 3: URLs have neither app nor user.
fn assert_urls(server: &Server, value: &Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(url) if name == "url" || name.ends_with("_url") => {
                        let path = url.strip_prefix(server.platform.url()).unwrap_or_else(|| panic!("{name}: {url}"));
                        assert!(
                            path.starts_with('/') && !path.contains("/apps/") && !path.contains("/users/"),
                            "{url}"
                        );
                    }
                    _ => assert_urls(server, member),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| assert_urls(server, item)),
        _ => {}
    }
}

/// Client API 4.2 to 4.3.
#[test]
fn users_talk_to_each_other_in_every_version() {
    let server = start();
    let signer = Signer::of(&server);
    let (maria, leo) = (signer.device(&server, "maria"), signer.device(&server, "leo"));
    for version in VERSIONS {
        let (maria, leo) = (maria.at(version), leo.at(version));
        let participants = if version == "1.0" { json!(["leo"]) } else { json!(["layer:///identities/leo"]) };
        let body = json!({ "participants": participants, "metadata": { "v": version } });
        let created = maria.post("/conversations", &body);
        assert_eq!(created.status, 201, "{created:?}");
        let (id, shown) = (created.uuid(), created.json());
        assert_eq!(shown["url"], format!("{}/conversations/{id}", server.platform.url()));
        let mut names: Vec<_> =
            shown["participants"].as_array().unwrap().iter().map(|user| name_of(version, user)).collect();
        names.sort();
        assert_eq!(names, ["leo", "maria"]);
        assert_urls(&server, &shown);

        let path = format!("/conversations/{id}/messages");
        let sent = maria.post(&path, &text("Hi"));
        assert_eq!(sent.status, 201, "{sent:?}");
        let message = sent.uuid();
        assert_eq!(sent.json()["url"], format!("{}/messages/{message}", server.platform.url()));
        assert_urls(&server, &sent.json());

        let listed = leo.get("/conversations?page_size=1&sort_by=last_message");
        let conversation = &listed.json()[0];
        assert_eq!(
            (&conversation["unread_message_count"], &conversation["metadata"]["v"]),
            (&json!(1), &json!(version))
        );
        assert_eq!(conversation["last_message"]["parts"][0]["body"], "Hi");
        assert_urls(&server, &listed.json());
        let listed = leo.get(&path);
        assert_eq!((listed.header("layer-count"), listed.header("layer-conversation-is-syncing")), (Some("1"), None));
        assert_urls(&server, &listed.json());

        let of_message = format!("/messages/{message}");
        leo.post(&format!("{of_message}/receipts"), &json!({ "type": "read" })).assert_empty(204);
        let status = maria.get(&of_message).json()["recipient_status"].clone();
        let key = if version == "1.0" { "leo" } else { "layer:///identities/leo" };
        assert_eq!(status[key], "read", "{status}");
        leo.delete(&format!("{of_message}?mode=my_devices")).assert_empty(204);
        assert_eq!((leo.get(&of_message).status, maria.get(&of_message).status), (404, 200));

        let operations = json!([{ "operation": "set", "property": "metadata.v", "value": "other" }]);
        maria.patch(&format!("/conversations/{id}"), &operations).assert_empty(204);
        assert_eq!(leo.get(&format!("/conversations/{id}")).json()["metadata"]["v"], "other");
        leo.delete(&format!("/conversations/{id}?mode=my_devices&leave=true")).assert_empty(204);
        leo.post(&path, &text("no")).assert_error(403, "access_denied", None);
        maria.delete(&format!("/conversations/{id}?mode=all_participants")).assert_empty(204);
        maria.get(&format!("/conversations/{id}")).assert_error(410, "object_deleted", None);
    }
}

/// Client API 4.2.
#[test]
fn a_distinct_conversation_is_found_and_an_id_is_used_once() {
    let server = start();
    let maria = Signer::of(&server).device(&server, "maria");
    let body = |metadata: Value| json!({ "participants": ["leo"], "distinct": true, "metadata": metadata });
    let first = maria.post("/conversations", &body(json!({ "a": "1" })));
    assert_eq!(first.status, 201);
    let found = maria.post("/conversations", &body(json!({ "a": "1" })));
    assert_eq!((found.status, found.uuid()), (200, first.uuid()));
    assert_eq!(found.header("location"), Some(format!("/conversations/{}", first.uuid()).as_str()));
    let other = maria.post("/conversations", &body(json!({ "a": "2" })));
    other.assert_error(409, "conflict", None);
    assert_eq!(other.json()["data"]["id"], first.json()["id"]);
    assert_urls(&server, &other.json()["data"]);

    let id = format!("layer:///messages/{UNKNOWN}");
    let path = format!("/conversations/{}/messages", first.uuid());
    let mut message = text("Hi");
    message["id"] = json!(id);
    assert_eq!(maria.post(&path, &message).json()["id"], id);
    let again = maria.post(&path, &message);
    again.assert_error(409, "id_in_use", None);
    assert_eq!(
        (again.json()["data"]["id"].as_str(), &again.json()["url"]),
        (Some(id.as_str()), &json!("https://developer.layer.com/docs/client/rest#id_in_use"),)
    );
}

/// Client API 3: the SDK computes the id of its own user, and compares texts.
#[test]
fn identity_ids_are_escaped_as_the_sdks_do() {
    let server = start();
    let signer = Signer::of(&server);
    let user = "o'neil.(a)~!*@x/é";
    let device = signer.device(&server, user);
    let encoded = "o%27neil.%28a%29%7E%21*%40x%2F%C3%A9";
    let own = device.get(&format!("/identities/{encoded}")).json();
    assert_eq!((&own["user_id"], &own["id"]), (&json!(user), &json!(format!("layer:///identities/{encoded}"))));
    assert_eq!(own["url"], format!("{}/identities/{encoded}", server.platform.url()));
    // Read in any spelling.
    let body = json!({ "participants": ["layer:///identities/o'neil.(a)~!*%40x%2F%C3%A9"] });
    let created = device.post("/conversations", &body).json();
    assert_eq!(created["participants"].as_array().unwrap().len(), 1);
    assert_eq!(created["participants"][0]["id"], own["id"]);
}

/// Client API 4.5.
#[test]
fn a_user_reads_identities_and_follows() {
    let server = start();
    let signer = Signer::of(&server);
    let maria = signer.device(&server, "maria");
    server.introduce("leo");
    server.introduce("ana");
    let leo = maria.get("/identities/leo").json();
    assert_eq!((&leo["display_name"], &leo["metadata"], &leo["type"]), (&json!("leo"), &json!({}), &json!("user")));
    maria.get("/identities/nobody").assert_error(404, "not_found", None);
    assert_eq!(maria.get("/identities/maria").json()["display_name"], Value::Null);

    let puts = |path: &str| maria.send("PUT", path, &[], "");
    puts("/following/users/leo").assert_empty(204);
    maria.get("/following/users/leo").assert_empty(204);
    maria.get("/following/users/ana").assert_error(404, "not_found", None);
    assert_eq!(maria.post("/following/users", &json!(["ana", "layer:///identities/leo"])).status, 202);
    assert_eq!(maria.get("/following").json(), json!(["layer:///identities/leo", "layer:///identities/ana"]));
    let listed = maria.get("/identities?page_size=500");
    assert_eq!(listed.header("layer-count"), Some("2"));
    assert_eq!(listed.json()[0], leo);
    assert_urls(&server, &listed.json()[0]["url"]);
    maria.delete("/following/users/leo").assert_empty(204);
    maria.delete("/following/ana").assert_empty(204);
    assert_eq!(maria.get("/following").json(), json!([]));
    assert_eq!(maria.at("1.0").get("/identities").status, 404);
}

/// Client API 4.4.
#[test]
fn a_user_reads_and_deletes_announcements() {
    let server = start();
    let maria = Signer::of(&server).device(&server, "maria");
    let mut announcement = text("News");
    announcement["recipients"] = json!(["maria"]);
    announcement["sender"] = json!({ "name": "Shop" });
    let id = server.post("/announcements", &announcement).uuid();
    let listed = maria.get("/announcements").json();
    assert_eq!(
        (&listed[0]["url"], listed.as_array().unwrap().len()),
        (&json!(format!("{}/announcements/{id}", server.platform.url())), 1)
    );
    let path = format!("/announcements/{id}");
    maria.post(&format!("{path}/receipts"), &json!({ "type": "read" })).assert_empty(204);
    assert_eq!(maria.get(&path).json()["recipient_status"], json!({ "layer:///identities/maria": "read" }));
    maria.delete(&path).assert_empty(204);
    assert_eq!(maria.get(&path).status, 404);
}

/// Client API 4.2.
#[test]
fn a_user_marks_all_messages_as_read() {
    let server = start();
    let signer = Signer::of(&server);
    let (maria, leo) = (signer.device(&server, "maria"), signer.device(&server, "leo"));
    let id = maria.post("/conversations", &json!({ "participants": ["leo"] })).uuid();
    for _ in 0..3 {
        assert_eq!(maria.post(&format!("/conversations/{id}/messages"), &text("Hi")).status, 201);
    }
    let unread = || leo.get(&format!("/conversations/{id}")).json()["unread_message_count"].clone();
    assert_eq!(unread(), 3);
    let answer = leo.post(&format!("/conversations/{id}/mark_all_read"), &json!({ "position": null }));
    assert!((200..300).contains(&answer.status), "{answer:?}");
    assert_eq!(unread(), 0);
}

/// Client API 9: a user sees what it takes part in, in its own app.
#[test]
fn a_user_sees_nothing_of_others() {
    let mut server = start();
    let signer = Signer::of(&server);
    let (maria, eve) = (signer.device(&server, "maria"), signer.device(&server, "eve"));
    let id = maria.post("/conversations", &json!({ "participants": ["leo"] })).uuid();
    let message = maria.post(&format!("/conversations/{id}/messages"), &text("secret")).uuid();
    assert_eq!(eve.get("/conversations").body, "[]");
    for path in
        [format!("/conversations/{id}"), format!("/conversations/{id}/messages"), format!("/messages/{message}")]
    {
        assert_eq!(eve.get(&path).status, 404, "{path}");
    }
    assert_eq!(eve.delete(&format!("/conversations/{id}?mode=all_participants")).status, 404);
    assert_eq!(eve.post(&format!("/messages/{message}/receipts"), &json!({ "type": "read" })).status, 404);

    // The user of the same name in another app is another user.
    server.app = server.platform.create_app().unwrap();
    let elsewhere = Signer::of(&server).device(&server, "maria");
    assert_eq!(elsewhere.get("/conversations").body, "[]");
    assert_eq!(elsewhere.get(&format!("/messages/{message}")).status, 404);
}

/// Client API 1.2.
#[test]
fn a_version_that_there_is_not_is_refused() {
    let server = start();
    let maria = Signer::of(&server).device(&server, "maria");
    for accept in ["", "application/json", "application/vnd.layer+json; version=9.0"] {
        for (method, path) in [("GET", "/conversations"), ("POST", "/nonces"), ("POST", "/sessions")] {
            let answer = maria.send(method, path, &[("Accept", accept)], "{}");
            answer.assert_error(406, "invalid_header", None);
            assert_eq!(answer.json()["url"], "https://developer.layer.com/docs/client/rest#invalid_header");
        }
        assert_eq!(maria.send("GET", "/", &[("Accept", accept)], "").status, 200);
        assert_eq!(maria.send("HEAD", "/ping", &[("Accept", accept)], "").status, 200);
    }
}

/// Client API 4.1.
#[test]
fn the_root_tells_where_to_go_on() {
    let server = start();
    let answer = Device::anonymous(&server).get("/");
    let url = server.platform.url();
    let link = answer.header("link").unwrap();
    for name in ["nonces", "sessions", "conversations", "content"] {
        assert!(link.contains(&format!("<{url}/{name}>; rel={name}")), "{link}");
    }
    assert!(link.contains(&format!("<{}>; rel=websocket", server.platform.websocket_url())), "{link}");
}

/// Client API 10.63.
#[test]
fn what_users_do_makes_webhooks_fire() {
    let (server, receiver) = (receiver::start(), Receiver::start(usual));
    let signer = Signer::of(&server);
    activated(&server, &receiver.url);
    let (maria, leo) = (signer.device(&server, "maria"), signer.device(&server, "leo"));
    let id = maria.post("/conversations", &json!({ "participants": ["leo"] })).uuid();
    let message = maria.post(&format!("/conversations/{id}/messages"), &text("Hi")).uuid();
    leo.post(&format!("/messages/{message}/receipts"), &json!({ "type": "read" })).assert_empty(204);
    let mut events: Vec<_> = receiver.wait_for_events(3).iter().map(Received::event_type).collect();
    events.sort();
    assert_eq!(events, ["conversation.created", "message.read", "message.sent"]);
}

/// Client API 10.63: over the socket, too.
#[test]
fn what_users_do_over_sockets_makes_webhooks_fire() {
    let (server, receiver) = (receiver::start(), Receiver::start(usual));
    let people = People::of(&server);
    activated(&server, &receiver.url);
    let (_, mut maria) = people.join("maria", "2.0");
    let created = maria.ask("Conversation.create", None, &json!({ "participants": ["leo"], "metadata": { "a": "b" } }));
    let id = created["id"].as_str().unwrap();
    let sent = maria.ask("Message.create", Some(id), &text("Hi"));
    let events = receiver.wait_for_events(2);
    let of = |name: &str| {
        let found = events.iter().find(|event| event.event_type() == name);
        found.unwrap_or_else(|| panic!("{name}")).json()
    };
    assert_eq!(of("conversation.created")["conversation"]["id"], id);
    let told = of("message.sent");
    assert_eq!((&told["message"]["id"], &told["message"]["sender"]["user_id"]), (&sent["id"], &json!("maria")));
}
