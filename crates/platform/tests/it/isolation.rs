//! No app reads or writes anything of another one: every request of every version, with ids of an app where another
//! one asks. The requests are those of the descriptions, so that a new one is asked, too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use layer_platform::{NewApp, Token};
use layer_wire::AppId;
use serde_json::{Value, json};

use crate::admin::{ask, start};
use crate::client::{Answer, Server, UNKNOWN, message, message_of, raw, request, wait_until};
use crate::device::{Signer, admin, shared_public_pem};
use crate::live_client::uuid;

const VERSIONS: [&str; 4] = ["1.0", "1.1", "2.0", "3.0"];

/// What everything of the first app has in it.
const MARK: &str = "mark-of-the-first-app";

/// A user of the first app alone.
const USER: &str = "only-in-the-first-app";

/// The key of an export.
const EXPORT_KEY: &str = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCt0zm3/J+pBkWRbHIRUdXP+U6nYjomWvB9uhNWO+Si4jkP0A7eil1cijn9\
                          BbdMFO35M8DC2aZDrB3qU6GD/LiU8pkJ0xd/lkzLVtCYzpSs2x6+bU5Wd0PXuLJnCkF+nXXpm8Nbq1bQwdl2LIOMbFqF23hr\
                          lfnL0tKZmMYQRi3hkQIDAQAB";

/// The ids that a path can have, by their names in the descriptions.
type Ids = BTreeMap<&'static str, String>;

/// A request of a description, such as `GET /apps/{app}/users/{user}`.
type Request = (String, String);

/// The requests of a description.
fn described(description: &Value) -> BTreeSet<Request> {
    let mut requests = BTreeSet::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        requests.extend(methods.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())));
    }
    requests
}

/// Names in a path, such as `user` in `/users/{user}`.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split(['{', '}']).skip(1).step_by(2)
}

fn filled(path: &str, ids: &Ids) -> String {
    let mut filled = String::new();
    for (index, part) in path.split(['{', '}']).enumerate() {
        let part = if index % 2 == 0 { part } else { ids.get(part).map_or("what-no-test-knows", String::as_str) };
        let _ = write!(filled, "{part}");
    }
    filled
}

/// Ids of things that nobody has.
fn unknown_ids() -> Ids {
    let ids = ["app", "conversation", "message", "part", "content", "announcement", "webhook", "export"];
    let mut unknown: Ids = ids.into_iter().map(|name| (name, UNKNOWN.to_owned())).collect();
    unknown.extend(["user", "blocked", "followed", "identity"].map(|name| (name, "nobody".to_owned())));
    unknown.extend([("session", "no-session".into()), ("device", "no-device".into()), ("event", UNKNOWN.into())]);
    unknown.extend([("provider", UNKNOWN.into()), ("key", UNKNOWN.into()), ("token", UNKNOWN.into())]);
    unknown
}

/// Bodies that a request may have, so that it comes as far as to look at what its path names. What is none of them is
/// refused for its body, whatever the path names.
fn bodies(method: &str, path: &str, ids: &Ids) -> Vec<String> {
    let last = path.rsplit('/').find(|segment| !segment.starts_with('{')).unwrap_or_default();
    let part = json!({ "mime_type": "text/plain", "body": "from the second app" });
    let content = format!("layer:///content/{}", ids["content"]);
    let with_content = json!({ "mime_type": "text/plain", "content": { "id": content, "size": 3 } });
    let users = json!([ids["user"], "b"]);
    let bodies = match (method, last) {
        ("GET" | "DELETE", _) => vec![],
        ("PATCH", _) => vec![
            json!([{ "operation": "set", "property": "metadata.x", "value": "y" }]),
            json!([{ "operation": "set", "property": "display_name", "value": "y" }]),
            json!([{ "operation": "add", "property": "participants", "value": ids["user"] }]),
            json!([{ "operation": "set", "property": "is_suspended", "value": true }]),
        ],
        (_, "conversations") => {
            vec![json!({ "participants": users }), json!({ "participants": users, "distinct": true })]
        }
        (_, "messages") => vec![
            message("x"),
            message_of(&ids["user"], "x"),
            json!({ "parts": [part] }),
            json!({ "parts": [with_content] }),
            json!({ "sender": { "name": "x" }, "parts": [with_content] }),
            json!({ "sender_id": format!("layer:///identities/{}", ids["user"]), "parts": [part] }),
        ],
        ("PUT", "parts") if path.ends_with("parts") => vec![json!([part]), json!([with_content])],
        (_, "parts") => vec![part, with_content],
        (_, "receipts") => vec![json!({ "type": "read" })],
        (_, "mark_all_read") => vec![json!({}), json!({ "position": 1 })],
        (_, "identity") => vec![json!({ "display_name": "from the second app" })],
        (_, "announcements") => {
            vec![json!({ "recipients": users, "sender": { "name": "x" }, "parts": [part] })]
        }
        (_, "blocks") => vec![json!({ "user_id": ids["user"] })],
        (_, "badge") => vec![json!({ "external_unread_count": 7 })],
        (_, "identity_providers" | "keys") => vec![json!({ "public_key": shared_public_pem() })],
        _ => vec![json!({})],
    };
    bodies.into_iter().map(|body| body.to_string()).chain([String::new()]).collect()
}

/// An app with something of everything that can be named in a path.
fn furnish(server: &Server) -> Ids {
    server.introduce(USER);
    let fields = json!({ "display_name": MARK });
    server.put(&format!("/users/{USER}/identity"), &fields).assert_empty(204);
    let metadata = json!({ "participants": [USER, "b"], "metadata": { "title": MARK } });
    let conversation = server.post("/conversations", &metadata).uuid();
    let sent = server.at("3.0").post(
        &format!("/conversations/{conversation}/messages"),
        &json!({ "sender_id": format!("layer:///identities/{USER}"), "parts": [{ "mime_type": "text/plain", "body": MARK }] }),
    );
    let part = sent.json()["parts"][0]["id"].as_str().map_or_else(|| panic!("{sent:?}"), |id| uuid(id).to_owned());
    let headers = [("Upload-Content-Type", "text/plain"), ("Upload-Content-Length", "3")];
    let content = server.send("POST", &format!("/conversations/{conversation}/content"), &headers, "").json();
    let upload = content["upload_url"].as_str().unwrap();
    let target = &upload[upload.find("/content/").unwrap()..];
    assert_eq!(raw(&server.platform, "PUT", target, &[], b"abc").status, 200);
    let announcement = server.post(
        "/announcements",
        &json!({ "recipients": [USER], "sender": { "name": MARK }, "parts": [{ "mime_type": "text/plain", "body": MARK }] }),
    );
    let webhook = json!({ "version": "1.0", "target_url": format!("https://127.0.0.1/{MARK}"),
                          "events": ["message.sent"], "secret": MARK });
    let accept = ("Accept", "application/vnd.layer.webhooks+json; version=1.0");
    let webhook = server.send("POST", "/webhooks", &[accept], &webhook.to_string());
    assert_eq!(webhook.status, 201, "{webhook:?}");
    server.put("/export_security", &json!({ "public_key": EXPORT_KEY }));
    let export = server.post("/exports", &json!({}));
    assert_eq!(export.status, 202, "{export:?}");
    server.post(&format!("/users/{USER}/blocks"), &json!({ "user_id": "blocked" })).assert_empty(204);
    server.at("2.0").send("PUT", &format!("/users/{USER}/following/followed"), &[], "");
    let signer = Signer::of(server);
    let device = signer.device(server, USER);
    let push = json!({ "token": MARK, "type": "gcm", "device_id": MARK, "sender_id": "1" });
    let push = device.send("POST", "/push_tokens", &[], &push.to_string());
    let tokens = ask(server, "GET", &format!("/apps/{}/tokens", server.app.app_id), &Value::Null).json();
    let last = |id: &str| uuid(id).to_owned();
    assert!(matches!(push.status, 200..=299), "{push:?}");
    // What workers do to them is over before anything is compared.
    wait_until("the export is made", || {
        server.get(&format!("/exports/{}/status", export.uuid())).json()["status"] == "completed"
    });
    wait_until("the webhook is challenged in vain", || {
        let webhook = server.send("GET", &format!("/webhooks/{}", webhook.uuid()), &[accept], "").json();
        webhook["status"] == "inactive"
    });
    // Links end at another time each time otherwise.
    ask(server, "POST", "/clock/freeze", &Value::Null);
    BTreeMap::from([
        ("app", server.app.app_id.to_string()),
        ("conversation", conversation),
        ("message", sent.uuid()),
        ("part", part),
        ("content", last(content["id"].as_str().unwrap())),
        ("announcement", announcement.uuid()),
        ("webhook", webhook.uuid()),
        ("event", UNKNOWN.into()),
        ("export", export.uuid()),
        ("user", USER.into()),
        ("blocked", "blocked".into()),
        ("followed", "followed".into()),
        ("identity", USER.into()),
        ("session", device.session.clone()),
        ("device", MARK.into()),
        ("provider", last(&signer.provider_id)),
        ("key", last(&signer.key_id)),
        ("token", tokens[0]["token_id"].as_str().unwrap().into()),
    ])
}

/// A second app on the same server.
fn second_app(server: &Server) -> NewApp {
    let (status, made) = admin(&server.platform, "POST", "/apps", &Value::Null);
    assert_eq!(status, 201);
    NewApp {
        app_id: AppId::parse(made["app_id"].as_str().unwrap()).unwrap(),
        token: Token::new(made["token"].as_str().unwrap().into()),
    }
}

fn accept(path: &str, version: &str) -> String {
    let kind = if path.contains("/webhooks") { "vnd.layer.webhooks+json" } else { "vnd.layer+json" };
    format!("application/{kind}; version={version}")
}

fn content_type(method: &str) -> &'static str {
    if method == "PATCH" { "application/vnd.layer-patch+json" } else { "application/json" }
}

/// Asks with the headers that any of the requests needs.
fn answer(
    server: &Server,
    (method, path): &Request,
    version: &str,
    ids: &Ids,
    authorization: &str,
    body: &str,
) -> Answer {
    let headers = [
        ("Accept", &*accept(path, version)),
        ("Authorization", authorization),
        ("Content-Type", content_type(method)),
        ("Upload-Content-Type", "text/plain"),
        ("Upload-Content-Length", "3"),
    ];
    raw(&server.platform, method, &filled(path, ids), &headers, body.as_bytes())
}

/// Everything that an app shows of itself, in every version.
fn shown(server: &Server, requests: &BTreeSet<Request>, ids: &Ids) -> Vec<(String, u16, String)> {
    let mut shown = vec![];
    for (_, path) in requests.iter().filter(|(method, path)| method == "GET" && path.starts_with("/apps/")) {
        for version in VERSIONS {
            let path = filled(path.strip_prefix("/apps/{app}").unwrap(), ids);
            let answer =
                request(&server.platform, &server.app, "GET", &path, &[("Accept", &accept(&path, version))], "");
            shown.push((format!("{version} {path}"), answer.status, answer.body));
        }
    }
    shown
}

fn assert_untouched(before: &[(String, u16, String)], after: &[(String, u16, String)]) {
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(after) {
        assert_eq!(before, after);
    }
}

/// Both answers are the same but for the ids that were asked with.
#[track_caller]
fn assert_as_unknown(what: &str, known: &Answer, unknown: &Answer) {
    assert!(!known.body.contains(MARK), "{what} shows something of the other app: {known:?}");
    assert_eq!(
        known.status, unknown.status,
        "{what} tells that there is such a thing in the other app: {known:?} {unknown:?}"
    );
    if known.status >= 400 {
        let of = |answer: &Answer| answer.json()["id"].clone();
        assert_eq!(of(known), of(unknown), "{what}: {known:?} {unknown:?}");
    }
}

#[test]
fn no_request_of_the_apis_reaches_into_another_app() {
    let server = start();
    let requests = described(&raw(&server.platform, "GET", "/openapi.json", &[], b"").json());
    assert!(requests.len() > 90, "{}", requests.len());
    let ids = furnish(&server);
    for (_, path) in &requests {
        for name in names(path) {
            assert!(ids.contains_key(name), "the first app has no {{{name}}} of {path}: give it one in `furnish`");
        }
    }
    let before = shown(&server, &requests, &ids);
    assert!(before.iter().filter(|(_, status, body)| *status == 200 && body.contains(MARK)).count() > 20);
    let unknown = unknown_ids();
    // One for what is asked with the ids of the other app, and one for what is asked with ids that nobody has.
    let (second, third) = (second_app(&server), second_app(&server));

    let ask = |app: &NewApp, request: &Request, version: &str, ids: &Ids, body: &str| {
        let ids = ids.iter().map(|(name, id)| (*name, id.clone())).chain([("app", app.app_id.to_string())]).collect();
        answer(&server, request, version, &ids, &format!("Bearer {}", app.token.reveal()), body)
    };
    for asked in requests.iter().filter(|(_, path)| path.starts_with("/apps/")) {
        for version in VERSIONS {
            let what = format!("{} {} in {version}", asked.0, asked.1);
            // The path of the first app with the token of the second one.
            let thief = NewApp { app_id: server.app.app_id, token: second.token.clone() };
            for body in bodies(&asked.0, &asked.1, &ids) {
                let answer = ask(&thief, asked, version, &ids, &body);
                // A version that the Webhooks API does not have is refused before.
                assert!(matches!(answer.status, 401 | 406), "{what}: {answer:?}");
                assert!(!answer.body.contains(MARK), "{what}: {answer:?}");
            }
            // Its own path with the ids of the first app.
            let pairs = bodies(&asked.0, &asked.1, &ids).into_iter().zip(bodies(&asked.0, &asked.1, &unknown));
            for (body, body_of_unknown) in pairs {
                let known = ask(&second, asked, version, &ids, &body);
                let unknown = ask(&third, asked, version, &unknown, &body_of_unknown);
                assert_as_unknown(&format!("{what} with {body}"), &known, &unknown);
            }
        }
    }
    assert_untouched(&before, &shown(&server, &requests, &ids));
}

/// A session of a user of another app, who has the same id.
#[test]
fn no_request_of_the_client_api_reaches_into_another_app() {
    let mut server = start();
    let requests = described(&raw(&server.platform, "GET", "/openapi.json", &[], b"").json());
    let ids = furnish(&server);
    let before = shown(&server, &requests, &ids);
    let unknown = unknown_ids();
    let first = server.app.clone();
    let [second, third] = [(); 2].map(|()| {
        server.app = second_app(&server);
        Signer::of(&server).device(&server, USER).session
    });
    server.app = first;
    let ask = |session: &str, request: &Request, version: &str, ids: &Ids, body: &str| {
        answer(&server, request, version, ids, &format!("Layer session-token=\"{session}\""), body)
    };
    for asked in requests.iter().filter(|(_, path)| !path.starts_with("/apps/") && path.contains('{')) {
        for version in VERSIONS {
            let pairs = bodies(&asked.0, &asked.1, &ids).into_iter().zip(bodies(&asked.0, &asked.1, &unknown));
            for (body, body_of_unknown) in pairs {
                let known = ask(&second, asked, version, &ids, &body);
                let unknown = ask(&third, asked, version, &unknown, &body_of_unknown);
                assert_as_unknown(&format!("{} {} in {version} with {body}", asked.0, asked.1), &known, &unknown);
            }
        }
    }
    assert_untouched(&before, &shown(&server, &requests, &ids));
}

/// The operator may see everything, but not by the path of another app, where it is not meant.
#[test]
fn no_request_of_the_admin_api_reaches_into_another_app_than_that_of_its_path() {
    let server = start();
    let description = ask(&server, "GET", "/openapi.json", &Value::Null).json();
    let requests = described(&raw(&server.platform, "GET", "/openapi.json", &[], b"").json());
    let ids = furnish(&server);
    let before = shown(&server, &requests, &ids);
    let unknown = unknown_ids();
    let (second, third) = (second_app(&server), second_app(&server));
    for (method, path) in described(&description) {
        let is_inside = path.starts_with("/_platform/apps/{app}/") && !path.ends_with("/api/{path}");
        if !is_inside {
            continue;
        }
        let ask = |app: &NewApp, ids: &Ids, body: &str| {
            let ids =
                ids.iter().map(|(name, id)| (*name, id.clone())).chain([("app", app.app_id.to_string())]).collect();
            let headers = [("Authorization", "Bearer admin"), ("Content-Type", "application/json")];
            raw(&server.platform, &method, &filled(&path, &ids), &headers, body.as_bytes())
        };
        for body in bodies(&method, &path, &ids) {
            let (known, unknown) = (ask(&second, &ids, &body), ask(&third, &unknown, &body));
            assert_as_unknown(&format!("{method} {path}"), &known, &unknown);
        }
    }
    assert_untouched(&before, &shown(&server, &requests, &ids));
}

#[test]
fn a_link_is_that_of_one_app() {
    let server = start();
    let ids = furnish(&server);
    let path = format!("/conversations/{}/content/{}", ids["conversation"], ids["content"]);
    let shown = server.get(&path).json();
    let url = shown["download_url"].as_str().unwrap_or_else(|| panic!("{shown}"));
    let target = &url[url.find("/content/").unwrap()..];
    assert_eq!(raw(&server.platform, "GET", target, &[], b"").body, "abc");
    let other = target.replace(&ids["app"], &second_app(&server).app_id.to_string());
    assert_ne!(raw(&server.platform, "GET", &other, &[], b"").status, 200);
}
