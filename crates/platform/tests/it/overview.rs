//! What an operator looks at over the admin API: searches, users, webhooks, exports, sockets, charts; and the Server
//! API as an app.

use layer_platform::{Config, DataLocation, Token};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::admin::{ask, start};
use crate::client::{Server, UNKNOWN, message_of, raw, wait_until};
use crate::live_client::People;
use crate::receiver::{self, Reaction, Receiver};

fn get(server: &Server, path: &str) -> Value {
    let answer = ask(server, "GET", path, &Value::Null);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

/// The path of something of the app of a server.
fn of_app(server: &Server, path: &str) -> String {
    format!("/apps/{}{path}", server.app.app_id)
}

/// The UUIDs of what a search finds, over all its pages of one size.
fn found(server: &Server, path: &str, page_size: usize) -> Vec<String> {
    let (mut ids, mut from) = (vec![], String::new());
    loop {
        let separator = if path.contains('?') { '&' } else { '?' };
        let page = get(server, &of_app(server, &format!("{path}{separator}page_size={page_size}&from_id={from}")));
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= page_size, "{page}");
        let id = |item: &Value| {
            let id = item["id"].as_str().or(item["user_id"].as_str()).unwrap();
            id.rsplit('/').next().unwrap().to_owned()
        };
        ids.extend(items.iter().map(id));
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut from),
            None => return ids,
        }
    }
}

#[test]
fn conversations_are_found_by_user_text_and_time_page_by_page() {
    let server = start();
    let create = |participants: &[&str], title: &str| {
        let body = json!({ "participants": participants, "metadata": { "tour": { "title": title } } });
        server.post("/conversations", &body).uuid()
    };
    let one = create(&["maria", "jon"], "Harbour tour");
    let two = create(&["maria"], "Island");
    let three = create(&["leo"], "HARBOUR lights");
    let all = [three.clone(), two.clone(), one.clone()];
    for page_size in [1, 2, 3, 100] {
        assert_eq!(found(&server, "/conversations", page_size), all, "{page_size}");
    }
    assert_eq!(found(&server, "/conversations?user=maria", 1), [two.clone(), one.clone()]);
    assert_eq!(found(&server, "/conversations?text=harBOUR", 1), [three.clone(), one.clone()]);
    assert_eq!(found(&server, "/conversations?text=harbour&user=maria", 100), std::slice::from_ref(&one));
    assert_eq!(found(&server, "/conversations?text=JON", 100), std::slice::from_ref(&one));
    assert!(found(&server, "/conversations?text=nowhere", 100).is_empty());
    let created_at = |id: &str| server.get(&format!("/conversations/{id}")).json()["created_at"].clone();
    let second = created_at(&two);
    let second = second.as_str().unwrap();
    let since = found(&server, &format!("/conversations?since={second}"), 100);
    assert!(since.contains(&two) && since.contains(&three), "{since:?}");
    assert!(!found(&server, &format!("/conversations?until={second}"), 100).contains(&two));

    server.text(&one, "Boat leaves at nine");
    let page = get(&server, &of_app(&server, "/conversations?user=jon"));
    let [shown] = &page["items"].as_array().unwrap()[..] else { panic!("{page}") };
    assert_eq!((&shown["message_count"], &shown["participants"][0]["user_id"]), (&json!(1), &json!("maria")));
    assert_eq!((&page["looked_at"], &page["next"]), (&json!(1), &Value::Null));
    server.delete(&format!("/conversations/{three}")).assert_empty(204);
    assert_eq!(found(&server, "/conversations", 1), [two, one]);
}

#[test]
fn messages_are_found_by_sender_text_and_time() {
    let server = start();
    let (one, two) = (server.conversation(&["maria", "jon"]), server.conversation(&["maria"]));
    let send = |conversation: &str, user: &str, text: &str| {
        server.post(&format!("/conversations/{conversation}/messages"), &message_of(user, text)).uuid()
    };
    let first = send(&one, "maria", "Boat leaves at NINE");
    let second = send(&two, "maria", "Größe 🐙");
    let third = send(&one, "jon", "nine it is");
    // By conversation, the newest first.
    for page_size in [1, 2, 100] {
        assert_eq!(found(&server, "/messages", page_size), [second.clone(), third.clone(), first.clone()]);
    }
    assert_eq!(found(&server, "/messages?text=Nine", 1), [third.clone(), first.clone()]);
    assert_eq!(found(&server, "/messages?text=GR%C3%96SSE", 1), [] as [String; 0]);
    assert_eq!(found(&server, "/messages?text=GR%C3%96%C3%9FE", 1), [second]);
    assert_eq!(found(&server, "/messages?user=jon", 1), std::slice::from_ref(&third));
    assert_eq!(found(&server, "/messages?user=layer%3A%2F%2F%2Fidentities%2Fjon&text=nine", 9), [third]);
    assert!(found(&server, "/messages?until=2016-01-01T00:00:00Z", 100).is_empty());
    let unknown = of_app(&server, &format!("/messages?from_id={UNKNOWN}"));
    ask(&server, "GET", &unknown, &Value::Null).assert_error(404, "not_found", None);
    for (query, status, id, property) in [
        ("since=noon", 422, "invalid_property", Some("since")),
        ("sender=jon", 422, "invalid_property", Some("sender")),
        ("page_size=0", 422, "invalid_property", Some("page_size")),
        ("from_id=x", 400, "invalid_request_id", None),
    ] {
        let path = of_app(&server, &format!("/messages?{query}"));
        ask(&server, "GET", &path, &Value::Null).assert_error(status, id, property);
    }
    let elsewhere = format!("/apps/{UNKNOWN}/messages");
    ask(&server, "GET", &elsewhere, &Value::Null).assert_error(403, "invalid_app_id", None);
}

#[test]
fn a_search_goes_through_pages_that_end_early() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    server.text(&conversation, "needle");
    // Together they are longer than a page may be.
    let parts = json!(vec![json!({ "mime_type": "text/plain", "body": "x".repeat(2000) }); 400]);
    for _ in 0..12 {
        let body = json!({ "sender": { "user_id": "maria" }, "parts": parts });
        assert_eq!(server.post(&format!("/conversations/{conversation}/messages"), &body).status, 201);
    }
    let all = found(&server, "/messages?text=needle", 100);
    assert_eq!(all.len(), 1, "{all:?}");
}

#[test]
fn users_are_listed_and_shown_with_all_that_belongs_to_them() {
    let server = start();
    server.conversation(&["maria", "jon", "leo"]);
    server.introduce("maria");
    server.at("3.0").patch(
        "/users/jon",
        &json!([
            { "operation": "set", "property": "suspended", "value": true },
        ]),
    );
    server.post("/users/maria/blocks", &json!({ "user_id": "eve" }));
    server.put("/users/maria/badge", &json!({ "external_unread_count": 7 }));
    for page_size in [1, 3, 100] {
        assert_eq!(found(&server, "/users", page_size), ["eve", "jon", "leo", "maria"]);
    }
    assert_eq!(found(&server, "/users?suspended=true", 1), ["jon"]);
    assert_eq!(found(&server, "/users?text=AR", 100), ["maria"]);
    let maria = get(&server, &of_app(&server, "/users/maria"));
    let expected = json!({
        "user_id": "maria", "identity": { "display_name": "maria" }, "is_suspended": false, "blocks": ["eve"],
        "badge": { "external_unread_count": 7, "unread_conversation_count": 0, "unread_message_count": 0 },
        "conversation_count": 1, "sockets": 0,
    });
    assert_eq!(maria, expected);
    assert_eq!(get(&server, &of_app(&server, "/users/jon"))["is_suspended"], true);
    ask(&server, "GET", &of_app(&server, "/users/nobody"), &Value::Null).assert_error(404, "not_found", None);
}

#[test]
fn an_id_is_found_in_whatever_app_it_is_of() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    let message = server.text(&conversation, "Hi");
    server.platform.create_app().unwrap();
    let app = server.app.app_id.to_string();
    let place =
        |kind: &str, id: &str| json!([{ "app_id": app, "type": kind, "id": id, "conversation_id": conversation }]);
    assert_eq!(get(&server, &format!("/find/{conversation}")), place("conversation", &conversation));
    assert_eq!(get(&server, &format!("/find/layer:///messages/{message}")), place("message", &message));
    assert_eq!(get(&server, &format!("/find/{UNKNOWN}")), json!([]));
    ask(&server, "GET", "/find/maria", &Value::Null).assert_error(400, "invalid_request_id", None);
    let overview = get(&server, "/overview");
    let expected = json!({ "app_id": app, "conversations": 1, "messages": 1, "users": 1 });
    assert_eq!((overview["apps"].as_array().unwrap().len(), &overview["apps"][0]), (2, &expected));
}

/// Every request that an application makes with the token of its app, its operator makes with the admin token.
#[test]
fn an_operator_asks_as_the_app() {
    let server = start();
    let as_app =
        |method: &str, path: &str, body: &Value| ask(&server, method, &of_app(&server, &format!("/api{path}")), body);
    let created = as_app("POST", "/conversations", &json!({ "participants": ["maria", "ns/42"] }));
    assert_eq!(created.status, 201, "{created:?}");
    let conversation = created.uuid();
    let messages = format!("/conversations/{conversation}/messages");
    let body =
        json!({ "sender_id": "layer:///identities/maria", "parts": [{ "mime_type": "text/plain", "body": "Hi" }] });
    assert_eq!(as_app("POST", &messages, &body).status, 201);
    let listed = as_app("GET", &format!("{messages}?page_size=1"), &Value::Null);
    assert_eq!((listed.status, listed.header("layer-count")), (200, Some("1")));
    assert_eq!(listed.json()[0]["sender"]["user_id"], "maria");
    // A segment stays one.
    let named = as_app("PUT", "/users/ns%2F42/identity", &json!({ "display_name": "Forty-two" }));
    named.assert_empty(204);
    assert_eq!(as_app("GET", "/users/ns%2F42/identity", &Value::Null).json()["display_name"], "Forty-two");
    as_app("POST", &messages, &json!({})).assert_error(422, "missing_property", Some("sender_id"));
    as_app("GET", "/nowhere", &Value::Null).assert_error(404, "invalid_endpoint", None);

    // In another version, by its name; by name there only.
    let headers = [("Authorization", "Bearer admin"), ("Accept", "application/vnd.layer+json; version=1.0")];
    let path = format!("/_platform{}", of_app(&server, &format!("/api{messages}")));
    let by_name = crate::client::message("Hi").to_string();
    assert_eq!(raw(&server.platform, "POST", &path, &headers, by_name.as_bytes()).status, 201);
    let headers = [("Authorization", "Bearer admin"), ("Accept", "application/vnd.layer+json; version=9.0")];
    raw(&server.platform, "GET", &path, &headers, b"").assert_error(406, "invalid_header", None);
    let elsewhere = format!("/apps/{UNKNOWN}/api/conversations");
    ask(&server, "GET", &elsewhere, &Value::Null).assert_error(403, "invalid_app_id", None);
    // What the operator does is no traffic.
    assert_eq!(get(&server, "/requests"), json!([]));
}

#[test]
fn deliveries_are_shown_and_sent_again() {
    let admin_token = Some(Token::new("admin".into()));
    let webhooks = receiver::allowed_in_time();
    let server = Server::start(|data| Config { data, admin_token, webhooks, ..Config::default() });
    let refuses = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let refusing = std::sync::Arc::clone(&refuses);
    let receiver = Receiver::start(receiver::verified_but(move |_| {
        let is_refused = refusing.load(std::sync::atomic::Ordering::SeqCst);
        Reaction::Status(if is_refused { "503 Service Unavailable" } else { "200 OK" })
    }));
    let webhook = receiver::activated(&server, &receiver.url);
    server.platform.clock().freeze(None);
    server.conversation(&["maria"]);
    let deliveries = of_app(&server, &format!("/webhooks/{webhook}/deliveries"));
    wait_until("an attempt fails", || !get(&server, &deliveries)["attempts"].as_array().unwrap().is_empty());
    let shown = get(&server, &deliveries);
    assert_eq!((&shown["waiting_count"], &shown["waiting"][0]["failed_attempts"]), (&json!(1), &json!(1)));
    let event = shown["waiting"][0]["event"].as_str().unwrap().to_owned();
    let listed = get(&server, &of_app(&server, "/webhooks"));
    assert_eq!((&listed[0]["waiting"], &listed[0]["webhook_id"]), (&json!(1), &json!(webhook)));
    assert!(listed[0]["failing_since"].is_string() && listed[0].get("secret").is_none(), "{listed}");

    // The clock stands: without this it would never be tried again.
    refuses.store(false, std::sync::atomic::Ordering::SeqCst);
    let again = format!("{deliveries}/{event}/send");
    ask(&server, "POST", &again, &Value::Null).assert_empty(202);
    wait_until("it is delivered", || get(&server, &deliveries)["waiting_count"] == 0);
    // And once more, of what is remembered.
    ask(&server, "POST", &again, &Value::Null).assert_empty(202);
    let is_event = |request: &&receiver::Received| request.method == "POST";
    receiver.wait_until("three attempts", |all| all.iter().filter(is_event).count() == 3);
    let deliveries_made = receiver.deliveries();
    assert!(deliveries_made.iter().all(|delivery| delivery.event_id() == event), "{deliveries_made:?}");
    assert_eq!(deliveries_made[1].body, deliveries_made[2].body);
    let unknown = format!("{deliveries}/{UNKNOWN}/send");
    ask(&server, "POST", &unknown, &Value::Null).assert_error(404, "not_found", None);
    receiver::ask(&server, "POST", &format!("/{webhook}/deactivate"), "");
    ask(&server, "POST", &again, &Value::Null).assert_error(422, "invalid_operation", None);
    let elsewhere = of_app(&server, &format!("/webhooks/{UNKNOWN}/deliveries"));
    ask(&server, "GET", &elsewhere, &Value::Null).assert_error(404, "not_found", None);
}

#[test]
fn open_sockets_are_shown_while_they_are_open() {
    let server = start();
    let people = People::of(&server);
    assert_eq!(get(&server, "/sockets"), json!({ "count": 0, "items": [] }));
    let (_, live) = people.join("maria", "3.0");
    let sockets = get(&server, "/sockets");
    assert_eq!((&sockets["count"], &sockets["items"][0]["user_id"]), (&json!(1), &json!("maria")));
    assert_eq!((&sockets["items"][0]["version"], &sockets["items"][0]["waiting_packets"]), (&json!("3.0"), &json!(0)));
    assert!(!sockets.to_string().contains("token"), "{sockets}");
    drop(live);
    wait_until("the socket is gone", || get(&server, "/sockets")["count"] == 0);
}

#[test]
fn charts_count_what_was_asked() {
    let server = start();
    server.conversation(&["maria"]);
    server.get(&format!("/conversations/{UNKNOWN}")).assert_error(404, "not_found", None);
    let charts = get(&server, "/charts");
    let slots = charts["slots"].as_array().unwrap();
    let sum = |name: &str| slots.iter().map(|slot| slot[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("requests"), sum("client_errors"), sum("server_errors")), (2, 1, 0));
    assert!(slots[0]["p99_ms"].as_f64() >= slots[0]["p50_ms"].as_f64() && slots[0]["most_under_way"] == 1, "{charts}");
}

#[test]
fn charts_show_what_waits_for_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("layer.db");
    let admin_token = Some(Token::new("admin".into()));
    let server = Server::on(Config { data: DataLocation::File(data.clone()), admin_token, ..Config::default() });
    let other = Connection::open(&data).unwrap();
    let create = || server.post("/conversations", &json!({ "participants": ["maria"] }));
    let have_waited = || {
        let charts = get(&server, "/charts");
        charts["slots"].as_array().unwrap().iter().any(|slot| slot["most_waiting_writes"].as_u64() >= Some(1))
    };
    create();
    assert!(!have_waited());
    let mut rounds = 0;
    while !have_waited() {
        rounds += 1;
        assert!(rounds < 20, "nothing was seen to wait");
        // Another process holds up the first write; after five seconds all are refused.
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        std::thread::scope(|scope| {
            let writes: Vec<_> = (0..5).map(|_| scope.spawn(create)).collect();
            while !have_waited() && !writes.iter().all(std::thread::ScopedJoinHandle::is_finished) {}
            other.execute_batch("ROLLBACK").unwrap();
        });
    }
}

#[test]
fn an_export_is_shown_with_its_size() {
    let server = start();
    let key = include_str!("../data/rsa_2048_public.pem");
    assert_eq!(server.put("/export_security", &json!({ "public_key": key })).status, 200);
    let id = server.send("POST", "/exports", &[], "").uuid();
    let path = of_app(&server, "/exports");
    wait_until("the export is made", || get(&server, &path)[0]["status"] == "completed");
    let exports = get(&server, &path);
    assert_eq!((exports[0]["id"].as_str(), &exports[0]["progress"]), (Some(id.as_str()), &Value::Null));
    assert!(exports[0]["size"].as_u64().unwrap() > 0, "{exports}");
}
