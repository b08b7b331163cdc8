//! Contract 3 and 5: four versions over one store. What one version writes, every version reads in its own shape.

use serde_json::{Value, json};

use crate::client::{Answer, Server, Speaker, start};

const VERSIONS: [&str; 4] = ["1.0", "1.1", "2.0", "3.0"];

fn has_identities(version: &str) -> bool {
    version >= "2.0"
}

/// The id of a user in requests, and where answers show nothing but an id.
fn reference(version: &str, user: &str) -> String {
    if has_identities(version) { format!("layer:///identities/{user}") } else { user.to_owned() }
}

/// A user in an answer. Maria has an identity, so has the bot; nobody else has.
fn shown_user(server: &Server, version: &str, user: &str) -> Value {
    if !has_identities(version) {
        return json!(user);
    }
    let (display_name, avatar_url) = match user {
        "maria" => (json!("Maria P."), json!("https://img.example.com/maria.png")),
        "bot" => (json!("Concierge bot"), Value::Null),
        _ => (Value::Null, Value::Null),
    };
    json!({
        "id": format!("layer:///identities/{user}"),
        "url": format!("{}/users/{user}/identity", server.prefix()),
        "user_id": user, "display_name": display_name, "avatar_url": avatar_url
    })
}

/// Who sends: a user, a bot (which only 2.0 and later can make send), or a free text (which only 1.x has).
#[derive(Clone, Copy, PartialEq)]
enum Sender {
    User(&'static str),
    Name(&'static str),
}

fn sender_request(version: &str, sender: Sender) -> (&'static str, Value) {
    match sender {
        Sender::User(user) if has_identities(version) => ("sender_id", json!(reference(version, user))),
        Sender::User(user) => ("sender", json!({ "user_id": user })),
        Sender::Name(name) => ("sender", json!({ "name": name })),
    }
}

fn shown_sender(server: &Server, version: &str, sender: Sender, has_nulls: bool) -> Value {
    match sender {
        Sender::User(user) if has_identities(version) => shown_user(server, version, user),
        Sender::Name(name) if has_identities(version) => {
            json!({ "id": null, "url": null, "user_id": null, "display_name": name, "avatar_url": null })
        }
        Sender::User(user) if has_nulls => json!({ "user_id": user, "name": null }),
        Sender::Name(name) if has_nulls => json!({ "user_id": null, "name": name }),
        Sender::User(user) => json!({ "user_id": user }),
        Sender::Name(name) => json!({ "name": name }),
    }
}

/// A message that was sent, as the test knows it.
struct Sent {
    id: String,
    conversation: String,
    time: Value,
    position: u32,
    sender: Sender,
    status: Vec<(&'static str, &'static str)>,
    part_ids: Value,
}

const TEXT: &str = "Boat leaves at nine";

/// The two parts that every message of this test has: a text, and bytes that are none.
fn request_parts() -> Value {
    json!([
        { "mime_type": "text/plain", "body": TEXT },
        { "mime_type": "image/png", "body": "iVBORw==", "encoding": "base64" }
    ])
}

fn shown_parts(version: &str, message: &str, message_url: &str, part_ids: &Value) -> Value {
    let part = |index: usize, mut part: Value| {
        part["content"] = Value::Null;
        if version < "3.0" {
            part["id"] = json!(format!("layer:///messages/{message}/parts/{index}"));
        } else {
            let id = part_ids[index].as_str().unwrap();
            part["id"] = json!(format!("layer:///messages/{message}/parts/{id}"));
            part["url"] = json!(format!("{message_url}/parts/{id}"));
            part["message_url"] = json!(message_url);
            part["updated_at"] = Value::Null;
        }
        part
    };
    json!([
        part(0, json!({ "mime_type": "text/plain", "body": TEXT, "encoding": null })),
        part(1, json!({ "mime_type": "image/png", "body": "iVBORw==", "encoding": "base64" }))
    ])
}

/// A message as a read shows it, in system view or in that of a user.
fn shown_message(server: &Server, version: &str, sent: &Sent, of_user: Option<&str>) -> Value {
    let view = of_user.map_or_else(|| server.prefix(), |user| format!("{}/users/{user}", server.prefix()));
    let conversation_url = format!("{view}/conversations/{}", sent.conversation);
    let url = match of_user {
        None => format!("{conversation_url}/messages/{}", sent.id),
        Some(_) => format!("{view}/messages/{}", sent.id),
    };
    let status: serde_json::Map<_, _> =
        sent.status.iter().map(|(user, status)| (reference(version, user), json!(status))).collect();
    let mut message = json!({
        "id": format!("layer:///messages/{}", sent.id),
        "url": url,
        "receipts_url": null,
        "position": null,
        "conversation": { "id": format!("layer:///conversations/{}", sent.conversation), "url": conversation_url },
        "parts": shown_parts(version, &sent.id, &url, &sent.part_ids),
        "sent_at": sent.time,
        "received_at": null,
        "sender": shown_sender(server, version, sent.sender, true),
        "is_unread": null,
        "recipient_status": status,
        "notification": null
    });
    if has_identities(version) {
        message["updated_at"] = Value::Null;
        message["reply_to"] = Value::Null;
        message["position"] = json!(sent.position);
    }
    if let Some(user) = of_user {
        message["receipts_url"] = json!(format!("{url}/receipts"));
        message["position"] = json!(sent.position);
        message["received_at"] = sent.time.clone();
        message["is_unread"] = json!(sent.status.contains(&(user, "sent")));
    }
    message
}

/// The answer to a send. Contract 2.2.3 (recorded, R1) for 1.0, (recorded, R3) for 3.0; that 2.0 is as 3.0 is
/// (assumed).
fn assert_sent(server: &Server, version: &str, sent: &Sent, answer: &Answer) {
    let short = format!("{}/messages/{}", server.prefix(), sent.id);
    let mut expected = shown_message(server, version, sent, None);
    if version < "2.0" {
        expected["url"] = json!(short);
    }
    if version == "1.0" {
        expected = json!({
            "id": expected["id"],
            "url": short,
            "conversation": expected["conversation"],
            "sent_at": expected["sent_at"],
            "recipient_status": expected["recipient_status"],
            "sender": shown_sender(server, version, sent.sender, false),
            "parts": request_parts()
        });
    }
    if has_identities(version) {
        let part = |index: usize| {
            let shown = &expected["parts"][index];
            json!({
                "body": shown["body"], "encoding": shown["encoding"], "id": shown["id"], "mime_type": shown["mime_type"],
                "content": null
            })
        };
        expected = json!({
            "channel": null,
            "conversation": expected["conversation"],
            "url": expected["url"],
            "sent_at": expected["sent_at"],
            "id": expected["id"],
            "recipient_status": expected["recipient_status"],
            "sender": expected["sender"],
            "parts": [part(0), part(1)]
        });
    }
    assert_eq!(answer.json(), expected, "sent with {version}");
}

/// Sends a message in a version, and checks its answer.
fn send(server: &Server, version: &str, conversation: &str, position: u32, sender: Sender) -> Sent {
    let (key, value) = sender_request(version, sender);
    let mut body = json!({ "parts": request_parts() });
    body[key] = value;
    let answer = server.at(version).post(&format!("/conversations/{conversation}/messages"), &body);
    assert_eq!(answer.status, 201, "{version}: {answer:?}");
    let id = answer.uuid();
    // Only 3.0 tells the ids of parts.
    let read = server.at("3.0").get(&format!("/conversations/{conversation}/messages/{id}")).json();
    let part_id = |part: &Value| json!(part["id"].as_str().unwrap().rsplit('/').next().unwrap());
    let status = |user: &'static str| (user, if sender == Sender::User(user) { "read" } else { "sent" });
    let sent = Sent {
        conversation: conversation.to_owned(),
        time: answer.json()["sent_at"].clone(),
        position,
        sender,
        status: ["maria", "jon", "paul"].map(status).into(),
        part_ids: read["parts"].as_array().unwrap().iter().map(part_id).collect(),
        id,
    };
    assert_sent(server, version, &sent, &answer);
    sent
}

/// Creates a conversation in a version and adds a participant and metadata, in the form of that version.
fn conversation(server: &Server, version: &str) -> String {
    let speaker = server.at(version);
    let participants = ["maria", "jon"].map(|user| reference(version, user));
    let answer = speaker.post("/conversations", &json!({ "participants": participants, "distinct": true }));
    // The participants are the same in every round, so that the distinct one of the round before must be gone.
    assert_eq!(answer.status, 201, "{version}: {answer:?}");
    let shown = ["maria", "jon"].map(|user| shown_user(server, version, user));
    assert_eq!(answer.json()["participants"], json!(shown), "{version}");
    let id = answer.uuid();
    let element = if has_identities(version) { "id" } else { "value" };
    let operations = json!([
        { "operation": "add", "property": "participants", element: reference(version, "paul") },
        { "operation": "add", "property": "participants", element: reference(version, "ines") },
        { "operation": "remove", "property": "participants", element: reference(version, "ines") },
        { "operation": "set", "property": "metadata.made_with", "value": version }
    ]);
    speaker.patch(&format!("/conversations/{id}"), &operations).assert_empty(204);
    id
}

fn shown_conversation(server: &Server, version: &str, id: &str, writer: &str, of_user: Option<&str>) -> Value {
    let view = of_user.map_or_else(|| server.prefix(), |user| format!("{}/users/{user}", server.prefix()));
    let url = format!("{view}/conversations/{id}");
    json!({
        "id": format!("layer:///conversations/{id}"),
        "url": url,
        "messages_url": format!("{url}/messages"),
        "created_at": null,
        "participants": (["maria", "jon", "paul"].map(|user| shown_user(server, version, user))),
        "distinct": false,
        "metadata": { "made_with": writer }
    })
}

fn without_time(mut conversation: Value) -> Value {
    assert!(conversation["created_at"].is_string(), "{conversation}");
    conversation["created_at"] = Value::Null;
    conversation
}

fn assert_conversation(server: &Server, speaker: &Speaker<'_>, version: &str, id: &str, writer: &str, last: &Sent) {
    let read = speaker.get(&format!("/conversations/{id}")).json();
    assert_eq!(without_time(read), shown_conversation(server, version, id, writer, None), "{writer} as {version}");

    let read = speaker.get(&format!("/users/jon/conversations/{id}")).json();
    let mut expected = shown_conversation(server, version, id, writer, Some("jon"));
    expected["unread_message_count"] = json!(1);
    expected["last_message"] = shown_message(server, version, last, Some("jon"));
    assert_eq!(without_time(read.clone()), expected, "{writer} as {version}");
    let all = speaker.get("/users/jon/conversations").json();
    assert!(all.as_array().unwrap().contains(&read), "{all}");
}

/// Contract 1.4 (recorded, R1 and R3: URLs of messages and identities, `receipts_url`), 2.2.3 (recorded, R1: nulls and
/// absent keys of
/// 1.0, entries of `recipient_status`; R3: the answer to a send of 3.0), 3.2 (recorded, L3 and R3: keys of 3.0, an
/// integer `position`
/// and `reply_to` in system view, the URL on create; 2.0 as 3.0 is assumed), 3.3 and 5.
#[test]
fn what_one_version_writes_every_version_reads_in_its_own_shape() {
    let server = start();
    let maria = json!({ "display_name": "Maria P.", "avatar_url": "https://img.example.com/maria.png" });
    server.post("/users/maria/identity", &maria).assert_empty(201);
    let bot = json!({ "display_name": "Concierge bot", "identity_type": "bot" });
    server.at("3.0").post("/users/bot/identity", &bot).assert_empty(201);

    for writer in VERSIONS {
        let id = conversation(&server, writer);
        let other = if has_identities(writer) { Sender::User("bot") } else { Sender::Name("Concierge") };
        let sent = [send(&server, writer, &id, 1, Sender::User("jon")), send(&server, writer, &id, 2, other)];
        for reader in VERSIONS {
            let speaker = server.at(reader);
            for (path, of_user) in [
                (format!("/conversations/{id}/messages"), None),
                (format!("/users/jon/conversations/{id}/messages"), Some("jon")),
            ] {
                let list: Vec<Value> =
                    sent.iter().rev().map(|sent| shown_message(&server, reader, sent, of_user)).collect();
                assert_eq!(speaker.get(&path).json(), json!(list), "{writer} as {reader}");
            }
            for sent in &sent {
                let read = speaker.get(&format!("/conversations/{id}/messages/{}", sent.id)).json();
                assert_eq!(read, shown_message(&server, reader, sent, None), "{writer} as {reader}");
                let read = speaker.get(&format!("/users/jon/messages/{}", sent.id)).json();
                assert_eq!(read, shown_message(&server, reader, sent, Some("jon")), "{writer} as {reader}");
            }
            assert_conversation(&server, &speaker, reader, &id, writer, &sent[1]);
        }
        // What one version deletes is gone in all.
        server.at(writer).delete(&format!("/conversations/{id}/messages/{}", sent[0].id)).assert_empty(204);
        server.at(writer).delete(&format!("/conversations/{id}")).assert_empty(204);
        for reader in VERSIONS {
            server.at(reader).get(&format!("/conversations/{id}")).assert_error(410, "object_deleted", None);
            let answer = server.at(reader).get(&format!("/users/jon/messages/{}", sent[0].id));
            answer.assert_error(404, "not_found", None);
        }
    }
}

/// Contract 3.4 (recorded, R1) for 1.0; contract 5 for the others.
#[test]
fn an_announcement_names_recipients_and_sender_as_its_version_does() {
    let server = start();
    let bot = json!({ "display_name": "Concierge bot", "identity_type": "bot" });
    server.at("2.0").post("/users/bot/identity", &bot).assert_empty(201);
    for writer in VERSIONS {
        let sender = if has_identities(writer) { Sender::User("bot") } else { Sender::Name("Concierge") };
        let (key, value) = sender_request(writer, sender);
        let mut body = json!({
            "recipients": (["jon", "new"].map(|user| reference(writer, user))), "parts": request_parts()
        });
        body[key] = value;
        let tag = uuid::Uuid::new_v4().to_string();
        let first = server.at(writer).post_tagged("/announcements", &tag, &body);
        assert_eq!(first.status, 202, "{writer}: {first:?}");
        // A replay shows the same announcement to another version: the body is ignored then, but must be one of that
        // version.
        for reader in VERSIONS {
            let (key, value) = sender_request(
                reader,
                if has_identities(reader) { Sender::User("bot") } else { Sender::Name("ignored") },
            );
            let mut body = json!({ "recipients": ["ignored"], "parts": request_parts() });
            body[key] = value;
            let replay = server.at(reader).post_tagged("/announcements", &tag, &body);
            let has_nulls = reader > "1.0";
            let mut parts = request_parts();
            if has_nulls {
                parts[0]["encoding"] = Value::Null;
                parts[0]["content"] = Value::Null;
                parts[1]["content"] = Value::Null;
            }
            let expected = json!({
                "id": format!("layer:///announcements/{tag}"),
                "url": format!("{}/announcements/{tag}", server.prefix()),
                "sent_at": first.json()["sent_at"],
                "recipients": (["jon", "new"].map(|user| reference(reader, user))),
                "sender": shown_sender(&server, reader, sender, has_nulls),
                "parts": parts
            });
            assert_eq!((replay.status, replay.json()), (202, expected), "{writer} as {reader}");
        }
    }
}

/// Contract 1.4 (recorded, R3: the URL) and 3.7: `identity_type` in lower case and the twelve keys of 3.0 (recorded, L3
/// and G3); 1.x shows `user_id` and no `identity_type`.
#[test]
fn an_identity_has_twelve_keys_from_2_0_on() {
    let server = start();
    let body = json!({ "display_name": "Maria P.", "metadata": { "desk": "4" }, "identity_type": "bot" });
    server.at("3.0").post("/users/ns%2F42/identity", &body).assert_empty(201);
    for version in VERSIONS {
        let mut expected = json!({
            "user_id": "ns/42", "display_name": "Maria P.", "avatar_url": null, "first_name": null, "last_name": null,
            "phone_number": null, "email_address": null, "public_key": null, "metadata": { "desk": "4" }
        });
        if has_identities(version) {
            expected["id"] = json!("layer:///identities/ns%2F42");
            expected["url"] = json!(format!("{}/users/ns%2F42/identity", server.prefix()));
            expected["identity_type"] = json!("bot");
            assert_eq!(expected.as_object().unwrap().len(), 12);
        }
        let read = server.at(version).get("/users/ns%2F42/identity");
        assert_eq!((read.status, read.json()), (200, expected), "{version}");
        // An identity that exists is the data of the refusal, in the same shape.
        let again = server.at(version).post("/users/ns%2F42/identity", &json!({ "display_name": "X" }));
        again.assert_error(409, "id_in_use", None);
        assert_eq!(again.json()["data"], read.json(), "{version}");
    }
}

/// Contract 2.1 (recorded, L3 and R1: naming a user creates it), 2.7: a user who was only named has no identity in 1.x,
/// and one without a name from 2.0 on (assumed).
#[test]
fn a_user_who_was_only_named_has_an_empty_identity_from_2_0_on() {
    let server = start();
    server.conversation(&["named"]);
    server.put("/users/deleted/identity", &json!({ "display_name": "X" })).assert_empty(204);
    server.delete("/users/deleted/identity").assert_empty(204);
    for version in VERSIONS {
        for user in ["nobody", "deleted"] {
            server.at(version).get(&format!("/users/{user}/identity")).assert_error(404, "not_found", None);
        }
        let read = server.at(version).get("/users/named/identity");
        if has_identities(version) {
            let body = read.json();
            assert_eq!((read.status, body.as_object().unwrap().len()), (200, 12));
            assert_eq!((&body["user_id"], &body["identity_type"]), (&json!("named"), &json!("user")));
            assert_eq!(body["display_name"], Value::Null);
        } else {
            read.assert_error(404, "not_found", None);
        }
        server.at(version).delete("/users/named/identity").assert_error(404, "not_found", None);
    }
}

/// Contract 5: identities have a type from 2.0 on, and a version that does not know it leaves it alone.
#[test]
fn a_bot_stays_a_bot_when_1_x_changes_it() {
    let server = start();
    let bot = json!({ "display_name": "B", "identity_type": "bot" });
    server.at("2.0").put("/users/bot/identity", &bot).assert_empty(204);
    let kind = || server.at("3.0").get("/users/bot/identity").json()["identity_type"].clone();
    server.put("/users/bot/identity", &json!({ "display_name": "C", "identity_type": "user" })).assert_empty(204);
    assert_eq!(kind(), "bot");
    let set = |property: &str, value: &str| json!([{ "operation": "set", "property": property, "value": value }]);
    server.at("1.1").patch("/users/bot/identity", &set("display_name", "D")).assert_empty(204);
    assert_eq!(kind(), "bot");
    let refused = server.at("1.1").patch("/users/bot/identity", &set("identity_type", "user"));
    refused.assert_error(422, "invalid_property", Some("identity_type"));
    let refused = server.at("3.0").patch("/users/bot/identity", &set("identity_type", "robot"));
    refused.assert_error(422, "invalid_property", Some("identity_type"));
    server.at("3.0").patch("/users/bot/identity", &set("identity_type", "user")).assert_empty(204);
    assert_eq!(kind(), "user");
    server.at("3.0").patch("/users/bot/identity", &set("identity_type", "bot")).assert_empty(204);
    server.at("2.0").put("/users/bot/identity", &json!({ "display_name": "C" })).assert_empty(204);
    assert_eq!(kind(), "user");
}

/// Contract 2.2.1 (assumed): a bot needs no membership, a user does.
#[test]
fn a_bot_sends_without_being_a_participant() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    let path = format!("/conversations/{conversation}/messages");
    let bot = json!({ "display_name": "B", "identity_type": "bot" });
    server.at("2.0").put("/users/bot/identity", &bot).assert_empty(204);
    server.put("/users/jon/identity", &json!({ "display_name": "Jon" })).assert_empty(204);
    for version in ["2.0", "3.0"] {
        let speaker = server.at(version);
        let from = |sender: &str| json!({ "sender_id": sender, "parts": request_parts() });
        for sender in ["layer:///identities/bot", "bot", "layer:///identities/maria", "maria"] {
            assert_eq!(speaker.post(&path, &from(sender)).status, 201, "{version} {sender}");
        }
        speaker.post(&path, &from("layer:///identities/jon")).assert_error(403, "access_denied", None);
        let nobody = speaker.post(&path, &from("layer:///identities/nobody"));
        nobody.assert_error(422, "invalid_property", Some("sender_id"));
        let named = json!({ "sender": { "name": "Concierge" }, "parts": request_parts() });
        speaker.post(&path, &named).assert_error(422, "missing_property", Some("sender_id"));
        let mut announcement = from("layer:///identities/nobody");
        announcement["recipients"] = json!(["maria"]);
        let refused = speaker.post("/announcements", &announcement);
        refused.assert_error(422, "invalid_property", Some("sender_id"));
    }
    // To 1.x the bot is a user like any other (contract 5, assumed).
    let message = server.get(&path).json()[0].clone();
    assert_eq!(message["recipient_status"], json!({ "maria": "read" }));
    assert_eq!(server.get(&path).json()[2]["sender"], json!({ "user_id": "bot", "name": null }));
}

/// Contract 1.6, 2.1.1: the object in an error has the shape of the version that asks.
#[test]
fn the_object_in_an_error_is_in_the_shape_of_the_asker() {
    let server = start();
    let tag = uuid::Uuid::new_v4().to_string();
    let body = json!({ "participants": ["maria", "jon"], "distinct": true, "metadata": { "a": "1" } });
    assert_eq!(server.post_tagged("/conversations", &tag, &body).status, 201);
    for version in VERSIONS {
        let speaker = server.at(version);
        let read = speaker.get(&format!("/conversations/{tag}")).json();
        let mut other = body.clone();
        other["metadata"] = json!({ "a": "2" });
        let conflict = speaker.post("/conversations", &other);
        conflict.assert_error(409, "conflict", None);
        assert_eq!(conflict.json()["data"], read, "{version}");
        let existing = speaker.post("/conversations", &body);
        assert_eq!((existing.status, existing.json()), (200, read.clone()), "{version}");

        let (key, value) = sender_request(version, Sender::User("maria"));
        let mut message = json!({ "parts": request_parts() });
        message[key] = value;
        let in_use = speaker.post_tagged(&format!("/conversations/{tag}/messages"), &tag, &message);
        in_use.assert_error(409, "id_in_use", None);
        assert_eq!(in_use.json()["data"], read, "{version}");
    }
}

/// Contract 2.1, 4 and 5 (recorded, L3): 3.0 takes bare user ids where identity ids are documented. 1.x takes every
/// text word by word.
#[test]
fn from_2_0_on_a_user_is_named_by_identity_id_or_user_id() {
    let server = start();
    let participants = json!(["layer:///identities/ns%2F42", "ns/42", "layer:///identities/m%C3%B8ller"]);
    for version in ["2.0", "3.0"] {
        let answer = server.at(version).post("/conversations", &json!({ "participants": participants }));
        let shown = server.get(&format!("/conversations/{}", answer.uuid())).json();
        assert_eq!(shown["participants"], json!(["ns/42", "møller"]), "{version}");
        let set =
            json!([{ "operation": "set", "property": "participants", "value": ["tu2", "layer:///identities/tu1"] }]);
        server.at(version).patch(&format!("/conversations/{}", answer.uuid()), &set).assert_empty(204);
        let shown = server.at(version).get(&format!("/conversations/{}", answer.uuid())).json();
        let ids: Vec<&Value> = shown["participants"].as_array().unwrap().iter().map(|user| &user["id"]).collect();
        assert_eq!(ids, ["layer:///identities/tu2", "layer:///identities/tu1"]);
        for participant in [json!("layer:///identities/%zz"), json!("layer:///identities/"), json!({ "id": "x" })] {
            let answer = server.at(version).post("/conversations", &json!({ "participants": [participant] }));
            answer.assert_error(422, "invalid_property", Some("participants"));
        }
    }
    let answer = server.post("/conversations", &json!({ "participants": participants }));
    assert_eq!(answer.json()["participants"], participants);
}

/// Contract 2.2.1: only 3.0 has part ids to choose; they must be unique and belong to the message.
#[test]
fn a_sender_may_choose_part_ids_in_3_0() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    let path = format!("/conversations/{conversation}/messages");
    let (message, part) = (uuid::Uuid::new_v4().to_string(), uuid::Uuid::new_v4());
    let body = |parts: Value| json!({ "sender_id": "maria", "parts": parts });
    let named = |message: &str| json!({ "id": format!("layer:///messages/{message}/parts/{part}"), "mime_type": "a/b", "body": "x" });
    for parts in [json!([named(&message), named(&message)]), json!([named(&part.to_string())])] {
        let answer = server.at("3.0").post_tagged(&path, &message, &body(parts));
        answer.assert_error(422, "invalid_property", Some("parts"));
    }
    let plain = json!({ "mime_type": "a/b", "body": "y" });
    let answer = server.at("3.0").post_tagged(&path, &message, &body(json!([plain, named(&message)])));
    assert_eq!((answer.status, answer.uuid()), (201, message.clone()));
    let parts = answer.json()["parts"].clone();
    assert_eq!(parts[1]["id"], format!("layer:///messages/{message}/parts/{part}"));
    let read = server.at("3.0").get(&format!("{path}/{message}")).json();
    assert_eq!((&read["parts"][0]["id"], &read["parts"][1]["id"]), (&parts[0]["id"], &parts[1]["id"]));
    assert_ne!(parts[0]["id"], parts[1]["id"]);
    let numbered = server.at("2.0").get(&format!("{path}/{message}")).json();
    assert_eq!(numbered["parts"][1]["id"], format!("layer:///messages/{message}/parts/1"));
    // Before 3.0 the key is unknown, and unknown keys are ignored.
    let answer = server.at("2.0").post(&path, &body(json!([{ "id": 7, "mime_type": "a/b", "body": "x" }])));
    assert_eq!(answer.status, 201);
}

/// Contract 2.2.4 (assumed): the shapes of every version are taken in every version, and nothing is kept.
#[test]
fn a_notification_is_taken_in_all_shapes_and_not_kept() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    for version in VERSIONS {
        for recipients in [
            json!({ "maria": { "text": "Hi", "sound": "x.aiff" } }),
            json!([{ "user_id": "maria", "title": "T", "text": "Hi" }]),
            json!([{ "recipient": "layer:///identities/maria", "text": "Hi" }]),
        ] {
            let (key, value) = sender_request(version, Sender::User("maria"));
            let mut body = json!({
                "parts": request_parts(),
                "notification": { "text": "Hi", "category": "c", "unknown": 1, "recipients": recipients }
            });
            body[key] = value;
            let path = format!("/conversations/{conversation}/messages");
            let answer = server.at(version).post(&path, &body);
            assert_eq!(answer.status, 201, "{version} {answer:?}");
            let read = server.at(version).get(&format!("{path}/{}", answer.uuid())).json();
            assert_eq!(read.get("notification"), Some(&Value::Null));
        }
    }
}
