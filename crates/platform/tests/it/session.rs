//! Sessions of users: nonces, identity tokens, providers and their keys. Client API 2.

use std::{fs, thread};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use layer_platform::{Config, DataLocation};
use layer_wire::Timestamp;
use ring::hmac;
use serde_json::{Value, json};

use crate::client::{Answer, Server, UNKNOWN, request, start};
use crate::device::{Device, Signer, admin, read_private, shared_public_pem};

/// A platform whose clock stands.
fn frozen() -> Server {
    let frozen_at = Some(Timestamp::from_ms(1_454_462_029_023));
    Server::start(|data| Config { data, frozen_at, ..Config::default() })
}

fn assert_refused(answer: &Answer) {
    answer.assert_error(422, "invalid_property", Some("identity_token"));
    assert_eq!(answer.json()["url"], "https://developer.layer.com/docs/client/rest#invalid_property");
}

/// The nonce of a `401`, which is good for a new session.
fn nonce_of(answer: &Answer) -> String {
    answer.assert_error(401, "authentication_required", None);
    answer.json()["data"]["nonce"].as_str().expect("a nonce").to_owned()
}

/// Client API 2.1 and 2.2.
#[test]
fn a_token_signed_by_a_key_of_the_app_gives_a_session() {
    let server = start();
    let signer = Signer::of(&server);
    for version in ["1.0", "2.0", "3.0"] {
        let device = Device::anonymous(&server).at(version);
        let answer = device.open_session(&signer.token("maria", &device.nonce()));
        assert_eq!(answer.status, 201, "{answer:?}");
        let session = answer.json()["session_token"].as_str().unwrap().to_owned();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        assert!(session.len() > 80 && session.bytes().all(is_plain), "{session}");
        let device = Device { session, ..device };
        assert_eq!(device.get("/conversations").body, "[]");
    }
}

/// Client API 2.1.
#[test]
fn an_app_id_has_three_spellings_and_an_unknown_one_is_refused() {
    let server = start();
    let (signer, device) = (Signer::of(&server), Device::anonymous(&server));
    let app = server.app.app_id.to_string();
    let open = |app: &str| {
        let token = signer.token("maria", &device.nonce());
        device.post("/sessions", &json!({ "identity_token": token, "app_id": app }))
    };
    for app in [&app, &format!("layer:///apps/staging/{app}"), &format!("layer:///apps/production/{app}")] {
        assert_eq!(open(app).status, 201, "{app}");
    }
    for app in [UNKNOWN, "nonsense"] {
        open(app).assert_error(403, "invalid_app_id", None);
    }
    device.post("/sessions", &json!({ "app_id": app })).assert_error(422, "missing_property", Some("identity_token"));
    device.post("/sessions", &json!({ "identity_token": "x" })).assert_error(422, "missing_property", Some("app_id"));
    assert_refused(&device.open_session("x"));
}

/// Client API 2.1.
#[test]
fn a_nonce_works_once_and_for_ten_minutes() {
    let server = frozen();
    let (signer, device) = (Signer::of(&server), Device::anonymous(&server));
    let nonce = device.nonce();
    assert_eq!(device.open_session(&signer.token("maria", &nonce)).status, 201);
    assert_refused(&device.open_session(&signer.token("maria", &nonce)));
    assert_refused(&device.open_session(&signer.token("maria", "0123456789abcdef0123456789abcdef01234567")));

    let (first, second) = (device.nonce(), device.nonce());
    server.platform.clock().advance(10 * 60 * 1000 - 1);
    assert_eq!(device.open_session(&signer.token("maria", &first)).status, 201);
    server.platform.clock().advance(1);
    assert_refused(&device.open_session(&signer.token("maria", &second)));
}

/// Client API 2.2: a nonce is used up only by a token whose signature is right.
#[test]
fn a_token_that_is_not_right_is_refused_and_leaves_its_nonce_unused() {
    let server = frozen();
    let (signer, device) = (Signer::of(&server), Device::anonymous(&server));
    let nonce = device.nonce();
    let (header, claims) = (signer.header(), signer.claims("maria", &nonce));
    let with = |of: &Value, name: &str, value: Value| {
        let mut changed = of.clone();
        changed[name] = value;
        changed
    };
    for header in [
        with(&header, "alg", json!("none")),
        with(&header, "alg", json!("HS256")),
        with(&header, "alg", json!("RS512")),
        with(&header, "cty", json!("JWT")),
        with(&header, "cty", Value::Null),
        with(&header, "kid", json!(UNKNOWN)),
        with(&header, "kid", Value::Null),
        with(&header, "crit", json!(["b64"])),
    ] {
        assert_refused(&device.open_session(&signer.sign(&header, &claims)));
    }
    let minute_ago = 1_454_462_029 - 61;
    for claims in [
        with(&claims, "exp", json!(minute_ago)),
        with(&claims, "exp", Value::Null),
        with(&claims, "iss", json!(UNKNOWN)),
        with(&claims, "prn", json!("")),
        with(&claims, "prn", Value::Null),
        with(&claims, "nce", json!("")),
        with(&claims, "display_name", json!(5)),
        json!([claims]),
    ] {
        assert_refused(&device.open_session(&signer.sign(&header, &claims)));
    }
    let whole = signer.sign(&header, &claims);
    let (content, signature) = whole.rsplit_once('.').unwrap();
    let unsigned = signer.sign(&with(&header, "alg", json!("none")), &claims);
    let unsigned = format!("{}.", unsigned.rsplit_once('.').unwrap().0);
    let other_claims = signer.sign(&header, &signer.claims("eve", &nonce));
    let mixed = format!("{}.{signature}", other_claims.rsplit_once('.').unwrap().0);
    for text in [content, &unsigned, &mixed, &format!("{whole}.x"), &whole[..whole.len() - 4], ""] {
        let answer = device.open_session(text);
        assert_eq!(answer.status, 422, "{text}: {answer:?}");
    }
    assert_eq!(device.open_session(&whole).status, 201, "the nonce is still good");
}

/// Client API 2.1.
#[test]
fn of_many_who_use_the_same_nonce_at_once_one_gets_a_session() {
    let server = start();
    let (signer, device) = (Signer::of(&server), Device::anonymous(&server));
    let nonce = device.nonce();
    let tokens: Vec<_> = (0..16).map(|number| signer.token(&format!("user {number}"), &nonce)).collect();
    let answers: Vec<_> = thread::scope(|scope| {
        let asking: Vec<_> = tokens.iter().map(|token| scope.spawn(|| device.open_session(token))).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let (opened, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(opened.len(), 1);
    refused.into_iter().for_each(assert_refused);
}

/// Client API 2.2: whoever has no private key of the app makes no token.
#[test]
fn a_token_that_is_signed_with_anything_but_the_key_it_names_is_refused() {
    let server = start();
    let (signer, device) = (Signer::of(&server), Device::anonymous(&server));
    let nonce = device.nonce();
    let with = |name: &str, value: Value| {
        let mut header = signer.header();
        header[name] = value;
        header
    };
    // The public key as a secret.
    let pem = shared_public_pem();
    let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(der).unwrap();
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    for algorithm in ["HS256", "RS256"] {
        let header = with("alg", json!(algorithm));
        let content = format!("{}.{}", encode(&header), encode(&signer.claims("maria", &nonce)));
        for secret in [pem.as_bytes(), pem.trim().as_bytes(), &der, b""] {
            let code = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), content.as_bytes());
            assert_refused(&device.open_session(&format!("{content}.{}", URL_SAFE_NO_PAD.encode(code))));
        }
    }
    // The key of another provider, of this app and of another one, which the token brings along or says where to find.
    let elsewhere = server.platform.create_app().unwrap().app_id;
    for app in [&server.app.app_id, &elsewhere] {
        let (_, made) = admin(&server.platform, "POST", &format!("/apps/{app}/identity_providers"), &Value::Null);
        let key = read_private(made["private_key"].as_str().unwrap());
        let other = Signer { provider_id: signer.provider_id.clone(), key_id: signer.key_id.clone(), key: &key };
        let claims = other.claims("maria", &nonce);
        for header in [
            other.header(),
            with("kid", made["key_id"].clone()),
            with("jwk", json!({ "kty": "RSA", "n": STANDARD.encode(&der), "e": "AQAB" })),
            with("jku", json!(format!("{}/keys", server.platform.url()))),
            with("x5u", json!(format!("{}/keys", server.platform.url()))),
            with("x5c", json!([STANDARD.encode(&der)])),
        ] {
            assert_refused(&device.open_session(&other.sign(&header, &claims)));
        }
    }
    assert_eq!(device.open_session(&signer.token("maria", &nonce)).status, 201, "the nonce is still good");
}

/// Client API 2.2: what a token says may be long and odd, and is refused without harm.
#[test]
fn a_token_that_is_huge_or_odd_is_refused_and_the_next_one_is_taken() {
    let server = start();
    let (signer, device) = (Signer::of(&server), Device::anonymous(&server));
    let (nonce, long) = (device.nonce(), "x".repeat(100_000));
    let (header, claims) = (signer.header(), signer.claims("maria", &nonce));
    let with = |of: &Value, name: &str, value: Value| {
        let mut changed = of.clone();
        changed[name] = value;
        changed
    };
    // Without a name, no other field of an identity is looked at.
    let claims = with(&claims, "display_name", json!("Maria"));
    let deep = (0..1000).fold(json!(0), |inside, _| json!([inside]));
    let many = json!(vec![json!({ "": 0 }); 50_000]);
    for (name, value) in [("kid", json!(long)), ("cty", json!(long)), ("x", deep.clone()), ("x", many.clone())] {
        assert_refused(&device.open_session(&signer.sign(&with(&header, name, value), &claims)));
    }
    for (name, value) in [
        ("exp", json!("4000000000")),
        ("exp", json!(-1)),
        ("exp", json!(true)),
        ("exp", json!([4_000_000_000_u64])),
        ("nce", json!([nonce])),
        ("nce", json!(long)),
        ("nce", json!("\u{0}")),
        ("iss", json!(7)),
        ("prn", json!(long)),
        ("prn", json!("a\u{0}b")),
        ("prn", json!({ "id": "maria" })),
        ("display_name", json!(long)),
        ("metadata", json!([])),
        ("metadata", json!({ "a": long })),
        ("x", deep),
        ("x", many),
    ] {
        let answer = device.open_session(&signer.sign(&header, &with(&claims, name, value)));
        assert_eq!(answer.status, 422, "{name}: {answer:?}");
        assert_refused(&answer);
        assert!(answer.body.len() < 1000, "{name}: {} bytes", answer.body.len());
    }
    for token in [".", "..", "...", "a.b.c", &".".repeat(900_000), &"A".repeat(900_000), "\u{1f600}.\u{1f600}.x"] {
        assert_refused(&device.open_session(token));
    }
    assert!(matches!(device.open_session(&"A".repeat(2_000_000)).status, 413 | 422));
    assert_eq!(device.open_session(&signer.token("maria", &nonce)).status, 201, "the nonce is still good");
}

/// Client API 2.2: numbers and `sub` are taken, and clocks may differ by a minute.
#[test]
fn a_token_of_an_older_application_is_taken() {
    let server = frozen();
    let (signer, device) = (Signer::of(&server), Device::anonymous(&server));
    let bare = |id: &str| id.rsplit('/').next().unwrap().to_owned();
    let header = json!({ "typ": "JWS", "alg": "RS256", "cty": "layer-eit;v=1", "kid": bare(&signer.key_id) });
    let claims = json!({
        "iss": bare(&signer.provider_id), "prn": 42, "iat": 1_454_462_029, "exp": 1_454_462_029 - 59, "nce": device.nonce(),
    });
    let answer = device.open_session(&signer.sign(&header, &claims));
    let device = Device { session: answer.json()["session_token"].as_str().unwrap().to_owned(), ..device };
    assert_eq!(device.get("/identities/42").json()["user_id"], "42");
}

/// Client API 2.2: the provider must be one of the app.
#[test]
fn the_provider_of_another_app_vouches_for_nobody() {
    let server = start();
    let signer = Signer::of(&server);
    let other = server.platform.create_app().unwrap();
    let device = Device::anonymous(&server);
    let token = signer.token("maria", &device.nonce());
    let app = other.app_id.to_string();
    assert_refused(&device.post("/sessions", &json!({ "identity_token": token, "app_id": app })));
}

/// Client API 2.2 and 4.5.
#[test]
fn the_claims_become_the_identity_and_a_second_sign_in_changes_it() {
    let server = start();
    let (signer, device) = (Signer::of(&server), Device::anonymous(&server));
    let sign_in = |extra: Value| {
        let mut claims = signer.claims("maria", &device.nonce());
        claims.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let answer = device.open_session(&signer.sign(&signer.header(), &claims));
        Device { session: answer.json()["session_token"].as_str().unwrap().to_owned(), ..device.at("2.0") }
    };
    // Without a name there is no identity, but the user is known, and so are its own fields: all unset.
    let of_maria = sign_in(json!({ "first_name": "Maria" }));
    let own = of_maria.get("/identities/maria").json();
    assert_eq!((&own["display_name"], &own["first_name"], &own["metadata"]), (&Value::Null, &Value::Null, &json!({})));
    assert_eq!(server.get("/users/maria").json()["identity"], Value::Null);

    let of_maria = sign_in(json!({ "display_name": "Maria", "avatar_url": "https://a/m.png", "last_name": null }));
    let own = of_maria.get("/identities/maria").json();
    assert_eq!((&own["display_name"], &own["avatar_url"]), (&json!("Maria"), &json!("https://a/m.png")));
    assert_eq!((&own["type"], &own["identity_type"]), (&json!("user"), &json!("user")));
    assert_eq!(own["url"], format!("{}/identities/maria", server.platform.url()));

    let of_maria = sign_in(json!({ "display_name": "María" }));
    let own = of_maria.get("/identities/maria").json();
    assert_eq!((&own["display_name"], &own["avatar_url"]), (&json!("María"), &json!("https://a/m.png")));
}

/// Client API 2.3.
#[test]
fn a_request_without_a_session_gets_a_nonce_that_works() {
    let server = start();
    let (signer, device) = (Signer::of(&server), Device::anonymous(&server));
    let nonce = nonce_of(&device.get("/conversations"));
    let with_nonsense = Device { session: "nonsense".into(), ..Device::anonymous(&server) };
    assert_ne!(nonce, nonce_of(&with_nonsense.get("/conversations")));
    nonce_of(&with_nonsense.get("/"));
    // The token of an app is none of a session.
    let bearer = format!("Bearer {}", server.app.token.reveal());
    nonce_of(&device.send("GET", "/conversations", &[("Authorization", &bearer)], ""));
    assert_eq!(device.open_session(&signer.token("maria", &nonce)).status, 201);
}

/// Client API 2.3.
#[test]
fn a_device_ends_its_own_session_only() {
    let server = start();
    let signer = Signer::of(&server);
    let (one, other) = (signer.device(&server, "maria"), signer.device(&server, "maria"));
    one.delete(&format!("/sessions/{}", other.session)).assert_empty(204);
    assert_eq!(other.get("/conversations").status, 200);
    one.delete(&format!("/sessions/{}", one.session)).assert_empty(204);
    let nonce = nonce_of(&one.get("/conversations"));
    assert_eq!(other.get("/conversations").status, 200);
    assert_eq!(one.open_session(&signer.token("maria", &nonce)).status, 201);
}

/// Client API 2.3, contract 2.8.
#[test]
fn the_application_ends_all_sessions_of_a_user() {
    let server = start();
    let signer = Signer::of(&server);
    let (one, other) = (signer.device(&server, "maria"), signer.device(&server, "maria"));
    let of_leo = signer.device(&server, "leo");
    server.delete("/users/maria/sessions").assert_empty(204);
    nonce_of(&one.get("/conversations"));
    nonce_of(&other.get("/conversations"));
    assert_eq!(of_leo.get("/conversations").status, 200);
}

/// Client API 2.3, contract 2.8.
#[test]
fn a_suspended_user_loses_its_sessions_and_gets_no_other() {
    let server = start();
    let signer = Signer::of(&server);
    let device = signer.device(&server, "maria");
    let suspend = |value| {
        let operations = json!([{ "operation": "set", "property": "suspended", "value": value }]);
        assert_eq!(server.patch("/users/maria", &operations).status, 202);
    };
    suspend(true);
    let nonce = nonce_of(&device.get("/conversations"));
    device.open_session(&signer.token("maria", &nonce)).assert_error(403, "user_suspended", None);
    suspend(false);
    nonce_of(&device.get("/conversations"));
    assert_eq!(device.open_session(&signer.token("maria", &nonce)).status, 201);
}

/// Client API 2.3: 30 days, or what the app says at the time.
#[test]
fn a_session_ends_after_the_time_that_the_app_says() {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let server = frozen();
    let signer = Signer::of(&server);
    let by_default = signer.device(&server, "maria");
    let operations = json!([{ "operation": "set", "property": "session_ttl_in_seconds", "value": 31 * 24 * 60 * 60 }]);
    assert_eq!(server.patch("", &operations).status, 202);
    let longer = signer.device(&server, "maria");
    server.platform.clock().advance(30 * DAY - 1);
    assert_eq!(by_default.get("/conversations").status, 200);
    server.platform.clock().advance(1);
    nonce_of(&by_default.get("/conversations"));
    assert_eq!(longer.get("/conversations").status, 200);
    server.platform.clock().advance(DAY);
    nonce_of(&longer.get("/conversations"));
}

/// Client API 2.4.
#[test]
fn keys_are_added_and_removed_and_sessions_go_on() {
    let server = start();
    let path = format!("/apps/{}/identity_providers", server.app.app_id);
    let call = |method: &str, path: &str, body: Value| admin(&server.platform, method, path, &body);
    let (status, made) = call("POST", &path, Value::Null);
    assert_eq!(status, 201, "{made}");
    let key = read_private(made["private_key"].as_str().unwrap());
    let text = |made: &Value, name: &str| made[name].as_str().unwrap().to_owned();
    let own = Signer { provider_id: text(&made, "provider_id"), key_id: text(&made, "key_id"), key: &key };
    let device = own.device(&server, "maria");

    let keys = format!("{path}/{}/keys", own.provider_id.rsplit('/').next().unwrap());
    let (status, added) = call("POST", &keys, json!({ "public_key": shared_public_pem() }));
    assert_eq!((status, added.get("private_key")), (201, None), "{added}");
    let rotated =
        Signer { key_id: text(&added, "key_id"), provider_id: own.provider_id.clone(), ..Signer::of(&server) };
    rotated.device(&server, "maria");
    let (_, listed) = call("GET", &path, Value::Null);
    assert_eq!(listed[0], json!({ "provider_id": own.provider_id, "key_ids": [own.key_id, rotated.key_id] }));

    let one_key = format!("{keys}/{}", own.key_id.rsplit('/').next().unwrap());
    assert_eq!(call("DELETE", &one_key, Value::Null).0, 204);
    assert_eq!(call("DELETE", &one_key, Value::Null).0, 404);
    assert_refused(&device.open_session(&own.token("maria", &device.nonce())));
    rotated.device(&server, "maria");
    assert_eq!(device.get("/conversations").status, 200);

    let provider = keys.strip_suffix("/keys").unwrap();
    assert_eq!(call("DELETE", provider, Value::Null).0, 204);
    assert_eq!(call("DELETE", provider, Value::Null).0, 404);
    assert_refused(&device.open_session(&rotated.token("maria", &device.nonce())));
    assert_eq!(call("POST", &keys, json!({ "public_key": shared_public_pem() })).0, 404);
}

/// Client API 2.4.
#[test]
fn a_key_is_an_rsa_key_of_2048_bits_or_a_certificate_of_one() {
    let server = start();
    let path = format!("/apps/{}/identity_providers", server.app.app_id);
    let create = |key: &str| admin(&server.platform, "POST", &path, &json!({ "public_key": key }));
    let of_ec = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
    let short = include_str!("../data/rsa_1024_public.pem");
    for key in ["", "nonsense", &of_ec, short] {
        let (status, error) = create(key);
        assert_eq!((status, &error["data"]["property"]), (422, &json!("public_key")), "{key}: {error}");
    }
    assert_eq!(create(include_str!("../data/rsa_2048_certificate.pem")).0, 201);
    assert_eq!(create(include_str!("../data/rsa_2048_public.pem")).0, 201);
    let unknown = admin(&server.platform, "POST", &format!("/apps/{UNKNOWN}/identity_providers"), &Value::Null);
    assert_eq!(unknown.0, 403);
}

/// Client API 2.4.
#[test]
fn a_reset_ends_sessions_and_nonces_and_keeps_providers() {
    let server = start();
    let signer = Signer::of(&server);
    let device = signer.device(&server, "maria");
    let nonce = device.nonce();
    assert_eq!(admin(&server.platform, "POST", "/reset", &Value::Null).0, 204);
    nonce_of(&device.get("/conversations"));
    assert_refused(&device.open_session(&signer.token("maria", &nonce)));
    assert_eq!(device.open_session(&signer.token("maria", &device.nonce())).status, 201);
}

/// Sessions and nonces outlive a restart; of their tokens, nothing is in the files.
#[test]
fn sessions_outlive_a_restart_and_their_tokens_are_stored_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let data = || DataLocation::File(folder.path().join("layer.db"));
    let server = Server::on(Config { data: data(), ..Config::default() });
    let signer = Signer::of(&server);
    let device = signer.device(&server, "maria");
    let (session, nonce) = (device.session.clone(), device.nonce());
    let app = server.app.clone();
    server.platform.close().unwrap();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = if path.is_file() { fs::read(&path).unwrap() } else { vec![] };
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!holds(&session), "{path:?}");
    }
    let mut server = Server::on(Config { data: data(), ..Config::default() });
    server.app = app;
    let device = Device { session, ..Device::anonymous(&server) };
    assert_eq!(device.get("/conversations").status, 200);
    let open = device.open_session(&signer.token("maria", &nonce));
    assert_eq!(open.status, 201, "{open:?}");
}

/// Client API 1.4 and 4.1: the Server API takes no session, and the Client API no token of an app.
#[test]
fn a_session_is_no_token_of_the_server_api() {
    let server = start();
    let device = Signer::of(&server).device(&server, "maria");
    let header = format!("Layer session-token=\"{}\"", device.session);
    for value in [header.as_str(), &format!("Bearer {}", device.session)] {
        let answer = request(
            &server.platform,
            &server.app,
            "GET",
            "/users/maria/conversations",
            &[("Authorization", value)],
            "",
        );
        answer.assert_error(401, "authentication_required", None);
        assert_eq!(answer.json().get("data"), None);
    }
}
