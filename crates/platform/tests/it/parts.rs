//! Contract 2.2.6: parts of messages that were sent, in version 3.0.

use serde_json::{Value, json};

use crate::client::{Answer, Server, UNKNOWN, message, start};

const CHOSEN: &str = "52d1c0de-0000-4000-8000-00000000beef";

/// A message with the parts "one" and "two", and the path of its parts.
struct Sent {
    server: Server,
    conversation: String,
    message: String,
    path: String,
}

fn text(text: &str) -> Value {
    json!({ "mime_type": "text/plain", "body": text })
}

fn sent() -> Sent {
    let server = start();
    let conversation = server.conversation(&["a", "b"]);
    let mut body = message("one");
    body["parts"] = json!([text("one"), text("two")]);
    let message = server.post(&format!("/conversations/{conversation}/messages"), &body).uuid();
    let path = format!("/conversations/{conversation}/messages/{message}/parts");
    Sent { server, conversation, message, path }
}

impl Sent {
    fn id(&self, part: &str) -> String {
        format!("layer:///messages/{}/parts/{part}", self.message)
    }

    fn parts(&self) -> Value {
        self.server.at("3.0").get(&self.path).json()
    }

    /// The message in version 3.0.
    fn read(&self) -> Value {
        self.server.at("3.0").get(self.path.strip_suffix("/parts").unwrap()).json()
    }

    fn texts(&self) -> Vec<String> {
        self.parts().as_array().unwrap().iter().map(|part| part["body"].as_str().unwrap().to_owned()).collect()
    }

    /// The UUID of the part at a place.
    fn part(&self, index: usize) -> String {
        self.parts()[index]["id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
    }

    fn post(&self, body: &Value) -> Answer {
        self.server.at("3.0").post(&self.path, body)
    }

    fn put(&self, part: &str, body: &Value) -> Answer {
        self.server.at("3.0").put(&format!("{}/{part}", self.path), body)
    }

    fn delete(&self, part: &str) -> Answer {
        self.server.at("3.0").delete(&format!("{}/{part}", self.path))
    }
}

/// Contract 2.2.6 (recorded, R3): without `Layer-Count`, `updated_at` null from sending until a change.
#[test]
fn parts_are_read_as_they_are_in_their_message() {
    let sent = sent();
    let message = sent.read();
    let all = sent.server.at("3.0").get(&sent.path);
    assert_eq!((all.status, all.json(), all.header("layer-count")), (200, message["parts"].clone(), None));
    let one = sent.server.at("3.0").get(&format!("{}/{}", sent.path, sent.part(1)));
    assert_eq!((one.status, one.json()), (200, message["parts"][1].clone()));
    assert_eq!(one.json()["url"], format!("{}{}/{}", sent.server.prefix(), sent.path, sent.part(1)));
    assert_eq!(one.json()["message_url"], message["url"]);
    assert_eq!((&one.json()["updated_at"], &message["updated_at"]), (&Value::Null, &Value::Null));
}

/// Contract 2.2.6 (recorded, R3): 201, in the order in which they were added, with the time in the part and in the
/// message.
#[test]
fn a_part_is_added_at_the_end_and_the_message_says_when() {
    let sent = sent();
    let first = sent.part(0);
    let added = sent.post(&text("three"));
    assert_eq!(added.status, 201);
    let part = added.json();
    assert_eq!((&part["body"], part["updated_at"].is_string()), (&json!("three"), true));
    assert_eq!(sent.parts()[2], part);
    assert_eq!(sent.read()["updated_at"], part["updated_at"]);
    // The others are as they were, and so is what the message is to its recipients.
    assert_eq!((sent.part(0), &sent.parts()[0]["updated_at"]), (first, &Value::Null));
    let seen = sent.server.get(&format!("/users/a/conversations/{}", sent.conversation)).json();
    assert_eq!((&seen["unread_message_count"], &seen["last_message"]["position"]), (&json!(1), &json!(1)));
}

/// Contract 2.2.6 (assumed): 409 `id_in_use`.
#[test]
fn a_part_may_choose_an_id_that_no_other_part_of_the_message_has() {
    let sent = sent();
    let mut body = text("three");
    body["id"] = json!(sent.id(CHOSEN));
    let added = sent.post(&body);
    assert_eq!((added.status, &added.json()["id"]), (201, &json!(sent.id(CHOSEN))));
    let again = sent.post(&body);
    again.assert_error(409, "id_in_use", None);
    assert_eq!(again.json()["data"], added.json());
    body["id"] = json!(format!("layer:///messages/{UNKNOWN}/parts/{CHOSEN}"));
    sent.post(&body).assert_error(422, "invalid_property", Some("parts"));
    body["id"] = json!(CHOSEN);
    sent.post(&body).assert_error(422, "invalid_property", Some("parts"));
    assert_eq!(sent.texts(), ["one", "two", "three"]);

    // A tag in the header is a replay, as for every create request.
    let tagged = || sent.server.at("3.0").post_tagged(&sent.path, UNKNOWN, &text("four"));
    let first = tagged();
    assert_eq!((first.status, &first.json()["id"]), (201, &json!(sent.id(UNKNOWN))));
    assert_eq!((tagged().status, tagged().json()), (201, first.json()));
    assert_eq!(sent.texts(), ["one", "two", "three", "four"]);
}

/// Contract 2.2.6 (recorded, R3): 200 with the part, which keeps its id and its place.
#[test]
fn a_part_is_replaced_in_its_place() {
    let sent = sent();
    let (first, second) = (sent.part(0), sent.part(1));
    let replaced = sent.put(&first, &json!({ "mime_type": "image/png", "body": "iVBORw==", "encoding": "base64" }));
    let parts = sent.parts();
    assert_eq!((replaced.status, replaced.json()), (200, parts[0].clone()));
    assert!(parts[0]["updated_at"].is_string() && parts[0]["message_url"].is_string(), "{replaced:?}");
    assert_eq!((&parts[0]["id"], &parts[0]["mime_type"]), (&json!(sent.id(&first)), &json!("image/png")));
    assert_eq!((&parts[0]["body"], &parts[0]["encoding"]), (&json!("iVBORw=="), &json!("base64")));
    assert_eq!((&parts[1]["id"], &parts[1]["updated_at"]), (&json!(sent.id(&second)), &Value::Null));
    assert_eq!(parts[0]["updated_at"], sent.read()["updated_at"]);
    let mut body = text("x");
    body["id"] = json!(sent.id(&first));
    assert_eq!(sent.put(&first, &body).status, 200);
    sent.put(&second, &body).assert_error(422, "invalid_property", Some("parts"));
    sent.put(UNKNOWN, &text("x")).assert_error(404, "not_found", None);
}

/// Contract 2.2.6 (recorded, R3): 204; that the last one may go, and that a message says when, is (assumed).
#[test]
fn parts_are_removed_down_to_the_last_one() {
    let sent = sent();
    let (first, second) = (sent.part(0), sent.part(1));
    sent.delete(&first).assert_empty(204);
    // The other keeps its id, though it has another place now.
    assert_eq!((sent.texts(), sent.part(0)), (vec!["two".to_owned()], second.clone()));
    sent.delete(&first).assert_error(404, "not_found", None);
    sent.delete(&second).assert_empty(204);
    assert_eq!((sent.parts(), &sent.read()["parts"]), (json!([]), &json!([])));
    assert!(sent.read()["updated_at"].is_string());
    for version in ["1.0", "1.1", "2.0"] {
        let read = sent.server.at(version).get(sent.path.strip_suffix("/parts").unwrap()).json();
        assert_eq!(read["parts"], json!([]), "{version}");
    }
    assert_eq!(sent.post(&text("again")).status, 201);
    assert_ne!(sent.part(0), first);
}

/// Contract 2.2.6 (recorded, R3): 200 with all of them, in the order sent, with new ids and the same time; chosen ids
/// are (documented).
#[test]
fn all_parts_are_replaced_at_once() {
    let sent = sent();
    let (first, second) = (sent.part(0), sent.part(1));
    let mut kept = text("two");
    kept["id"] = json!(sent.id(&second));
    let mut changed = text("new");
    changed["id"] = json!(sent.id(CHOSEN));
    let replaced = sent.server.at("3.0").put(&sent.path, &json!([kept, changed, text("one")]));
    assert_eq!((replaced.status, replaced.json()), (200, sent.parts()));
    assert_eq!(sent.texts(), ["two", "new", "one"]);
    let parts = sent.parts();
    assert_eq!((&parts[0]["id"], &parts[0]["updated_at"]), (&json!(sent.id(&second)), &Value::Null));
    assert_eq!((&parts[1]["id"], &parts[1]["updated_at"]), (&json!(sent.id(CHOSEN)), &sent.read()["updated_at"]));
    // What was not named is new, and its id is not that of another part before.
    assert!(sent.part(2) != first && parts[2]["updated_at"].is_string());

    // Without ids, as recorded: all are new, and of the same time.
    let known: Vec<String> = (0..3).map(|index| sent.part(index)).collect();
    let bare = sent.server.at("3.0").put(&sent.path, &json!([text("two"), text("new"), text("one")])).json();
    assert!((0..3).all(|index| !known.contains(&sent.part(index))), "{bare}");
    assert!((1..3).all(|index| bare[index]["updated_at"] == bare[0]["updated_at"]), "{bare}");

    let twice = sent.server.at("3.0").put(&sent.path, &json!([kept, kept]));
    twice.assert_error(422, "invalid_property", Some("parts"));
    sent.server.at("3.0").put(&sent.path, &json!({})).assert_error(400, "invalid_request", None);
    let broken = sent.server.at("3.0").put(&sent.path, &json!([text("x"), {}]));
    broken.assert_error(422, "missing_property", Some("mime_type"));
    assert_eq!(sent.texts(), ["two", "new", "one"]);
    let emptied = sent.server.at("3.0").put(&sent.path, &json!([]));
    assert_eq!((emptied.status, emptied.json()), (200, json!([])));
}

/// Contract 2.2.3, for parts: validation first, then conversation, message, part.
#[test]
fn bad_requests_about_parts_are_refused_in_order() {
    let sent = sent();
    let server = sent.server.at("3.0");
    let long = json!({ "mime_type": "a/b", "body": "x".repeat(2049) });
    for (body, id, property) in [
        (json!({}), "missing_property", "mime_type"),
        (json!([]), "missing_property", "mime_type"),
        (long, "invalid_property", "parts"),
    ] {
        let unknown = format!("/conversations/{UNKNOWN}/messages/{UNKNOWN}/parts");
        server.post(&unknown, &body).assert_error(422, id, Some(property));
        server.put(&format!("{unknown}/{UNKNOWN}"), &body).assert_error(422, id, Some(property));
    }
    assert_eq!(
        server.get(&format!("/conversations/wrongid/messages/{}/parts", sent.message)).body,
        "The requested resource could not be found."
    );
    server.get(&format!("{}/0", sent.path)).assert_error(400, "invalid_request_id", None);
    server.get(&format!("{}/{UNKNOWN}", sent.path)).assert_error(404, "not_found", None);
    server.get(&format!("/conversations/{}/messages/{UNKNOWN}/parts", sent.conversation)).assert_error(
        404,
        "not_found",
        None,
    );
    let part = sent.part(0);
    server.delete(&format!("/conversations/{}", sent.conversation)).assert_empty(204);
    for answer in [server.get(&sent.path), sent.post(&text("x")), sent.put(&part, &text("x")), sent.delete(&part)] {
        answer.assert_error(410, "object_deleted", None);
    }
}

/// Contract 5: only 3.0 has the endpoints; the others see what they do.
#[test]
fn earlier_versions_number_the_parts_that_are_there() {
    let sent = sent();
    for version in ["1.0", "1.1", "2.0"] {
        sent.server.at(version).get(&sent.path).assert_error(404, "invalid_endpoint", None);
    }
    sent.post(&text("three"));
    sent.delete(&sent.part(0)).assert_empty(204);
    let message = sent.server.at("2.0").get(sent.path.strip_suffix("/parts").unwrap()).json();
    let ids: Vec<&str> = message["parts"].as_array().unwrap().iter().map(|part| part["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [sent.id("0"), sent.id("1")]);
    assert_eq!((&message["parts"][0]["body"], message["updated_at"].is_string()), (&json!("two"), true));
    let first = sent.server.get(&format!("/users/a/messages/{}", sent.message)).json();
    assert_eq!((first["parts"].as_array().unwrap().len(), first.get("updated_at")), (2, None));
}

#[test]
fn parts_added_in_parallel_are_all_there() {
    let sent = sent();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert_eq!(sent.post(&text("x")).status, 201);
                }
            });
        }
        // Receipts rewrite the same row.
        for user in ["a", "b"] {
            let path = format!("/users/{user}/messages/{}/receipts", sent.message);
            let server = &sent.server;
            scope.spawn(move || server.post(&path, &json!({ "type": "read" })).assert_empty(204));
        }
    });
    assert_eq!(sent.texts().len(), 42);
    assert_eq!(
        sent.server.get(sent.path.strip_suffix("/parts").unwrap()).json()["recipient_status"],
        json!({ "a": "read", "b": "read" })
    );
}

#[test]
fn a_message_does_not_grow_without_end() {
    let sent = sent();
    let many: Vec<Value> = (0..1000).map(|_| json!({ "mime_type": "a/b", "body": "" })).collect();
    assert_eq!(sent.server.at("3.0").put(&sent.path, &json!(many)).status, 200);
    sent.post(&text("x")).assert_error(422, "invalid_property", Some("parts"));
}
