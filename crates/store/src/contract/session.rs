//! Sessions, nonces, and the identity providers that vouch for them.

use std::sync::Arc;

use layer_wire::client_api::push_token::{PushNetwork, PushToken};

use super::{Case, Fixture, insert_app, time, user, uuid};
use crate::changes::{Change, Kinds};
use crate::identity_provider::IdentityProviderRecord;
use crate::token::TokenHash;

pub const CASES: &[Case] = &[
    ("a session is found by its token until it ends", sessions),
    ("all sessions of a user end, and those of others go on", sessions_of_a_user),
    ("a session that ends is told", ends_are_told),
    ("a user with a session is known", a_user_with_a_session_is_known),
    ("sessions and nonces that expired are forgotten, a few at a time", expired_ones_are_forgotten),
    ("a nonce is used once", nonces),
    ("the time of sessions is that of their app", the_time_of_sessions),
    ("identity providers have keys, which are those of one app", identity_providers),
    ("a reset ends sessions and nonces and keeps providers", a_reset),
    ("push tokens are those of a user and a device, and the oldest go first", push_tokens),
];

fn push_tokens(fixture: &Fixture) {
    let put = |name: &'static str, device: &'static str, token: &'static str| {
        fixture.write(move |writes, app| {
            let token = PushToken {
                device_id: device.into(),
                network: PushNetwork::Gcm,
                token: token.into(),
                apns_bundle_id: None,
                gcm_sender_id: Some("g".into()),
                ios_version: None,
            };
            writes.put_push_token(app, &user(name), &token, 2)
        });
    };
    let of = |name: &'static str| {
        let tokens = fixture.read(move |reads, app| reads.push_tokens(app, &user(name)));
        tokens.into_iter().map(|token| (token.device_id, token.token)).collect::<Vec<_>>()
    };
    put("a", "one", "1");
    put("a", "two", "2");
    put("b", "one", "3");
    let pair = |device: &str, token: &str| (device.to_owned(), token.to_owned());
    assert_eq!(of("a"), [pair("two", "2"), pair("one", "1")]);
    put("a", "one", "4");
    put("a", "three", "5");
    assert_eq!(of("a"), [pair("three", "5"), pair("one", "4")]);
    assert_eq!((of("b"), of("unknown")), (vec![pair("one", "3")], vec![]));
    let found = fixture.read(|reads, app| reads.push_tokens(app, &user("b"))).remove(0);
    assert_eq!((found.network, found.gcm_sender_id.as_deref()), (PushNetwork::Gcm, Some("g")));
    let delete =
        |device: &'static str| fixture.write(move |writes, app| writes.delete_push_token(app, &user("a"), device));
    assert_eq!((delete("three"), delete("three")), (true, false));
    assert_eq!(of("a"), [pair("one", "4")]);
}

fn open(fixture: &Fixture, name: &'static str, token: &'static str, expires_at: i64) {
    fixture.write(move |writes, app| {
        writes.insert_session(app, &user(name), &TokenHash::of(token), time(0), time(expires_at))
    });
}

fn is_open(fixture: &Fixture, token: &'static str) -> bool {
    fixture.read(move |reads, _| reads.session(&TokenHash::of(token))).is_some()
}

fn sessions(fixture: &Fixture) {
    open(fixture, "a", "one", 100);
    open(fixture, "a", "two", 200);
    let found = fixture.read(|reads, _| reads.session(&TokenHash::of("one"))).unwrap();
    assert_eq!((found.app.uuid(), found.key, found.expires_at), (uuid(1), fixture.app, time(100)));
    assert_eq!(found.user, user("a"));
    let end = || fixture.write(|writes, _| writes.end_session(&TokenHash::of("one")));
    assert_eq!((end(), end()), (true, false));
    assert!(!is_open(fixture, "one") && is_open(fixture, "two"));
}

fn sessions_of_a_user(fixture: &Fixture) {
    let other = Fixture { store: Arc::clone(&fixture.store), app: insert_app(&*fixture.store, 2) };
    open(fixture, "a", "one", 100);
    open(fixture, "a", "two", 100);
    open(fixture, "b", "three", 100);
    open(&other, "a", "four", 100);
    fixture.write(|writes, app| writes.end_sessions_of(app, &user("a")));
    fixture.write(|writes, app| writes.end_sessions_of(app, &user("unknown")));
    let open: Vec<_> = ["one", "two", "three", "four"].into_iter().filter(|token| is_open(fixture, token)).collect();
    assert_eq!(open, ["three", "four"]);
}

fn ends_are_told(fixture: &Fixture) {
    let changes = fixture.store.changes(Kinds::SESSIONS);
    open(fixture, "a", "one", 100);
    open(fixture, "b", "two", 100);
    fixture.write(|writes, app| {
        writes.end_session(&TokenHash::of("one"))?;
        writes.end_session(&TokenHash::of("one"))?;
        writes.end_sessions_of(app, &user("b"))?;
        writes.end_sessions_of(app, &user("b"))
    });
    let told: Vec<_> = std::iter::from_fn(|| changes.try_next()).collect();
    let of = |name| Change::SessionEnded { app: fixture.app, user: user(name) };
    assert_eq!(told, [of("a"), of("b")]);
}

fn a_user_with_a_session_is_known(fixture: &Fixture) {
    open(fixture, "a", "one", 100);
    fixture.write(|writes, app| {
        writes.put_identity(app, &user("a"), &layer_wire::identity::Fields::unset())?;
        writes.delete_identity(app, &user("a"))
    });
    assert!(fixture.read(|reads, app| reads.user_exists(app, &user("a"))));
    assert!(is_open(fixture, "one"));
}

fn expired_ones_are_forgotten(fixture: &Fixture) {
    for token in ["one", "two", "three"] {
        open(fixture, "a", token, 100);
    }
    open(fixture, "a", "four", 101);
    fixture.write(|writes, _| writes.use_nonce(&TokenHash::of("n"), time(100)));
    let forget = |limit| fixture.write(move |writes, _| writes.forget_expired(time(101), limit));
    let left = || ["one", "two", "three", "four"].into_iter().filter(|token| is_open(fixture, token)).count();
    forget(2);
    assert_eq!(left(), 2);
    forget(2);
    assert_eq!(left(), 1);
    assert!(fixture.write(|writes, _| writes.use_nonce(&TokenHash::of("n"), time(200))), "it was forgotten");
}

fn nonces(fixture: &Fixture) {
    let use_up = |nonce: &'static str| fixture.write(move |writes, _| writes.use_nonce(&TokenHash::of(nonce), time(9)));
    assert_eq!([use_up("n"), use_up("n"), use_up("m")], [true, false, true]);
    let key = |fresh| fixture.write(move |writes, _| writes.nonce_key([fresh; 32]));
    assert_eq!([key(1), key(2)], [[1; 32]; 2]);
}

fn the_time_of_sessions(fixture: &Fixture) {
    let ttl = || fixture.read(|reads, app| reads.session_ttl(app));
    assert_eq!(ttl(), None);
    fixture.write(|writes, app| writes.set_session_ttl(app, 60));
    assert_eq!(ttl(), Some(60));
}

fn identity_providers(fixture: &Fixture) {
    let other = insert_app(&*fixture.store, 2);
    fixture.write(|writes, app| {
        writes.insert_identity_provider(app, uuid(20), time(0))?;
        writes.insert_identity_provider(app, uuid(21), time(1))?;
        assert!(writes.insert_identity_key(app, uuid(20), uuid(31), b"second", time(2))?);
        assert!(writes.insert_identity_key(app, uuid(20), uuid(30), b"first", time(1))?);
        assert!(!writes.insert_identity_key(app, uuid(22), uuid(30), b"x", time(1))?);
        Ok(())
    });
    let all = || fixture.read(|reads, app| reads.identity_providers(app));
    let record =
        |id, keys: &[u128]| IdentityProviderRecord { id: uuid(id), keys: keys.iter().map(|key| uuid(*key)).collect() };
    assert_eq!(all(), [record(20, &[30, 31]), record(21, &[])]);
    let key = |provider, key| fixture.read(move |reads, app| reads.identity_key(app, uuid(provider), uuid(key)));
    assert_eq!((key(20, 30), key(21, 30)), (Some(b"first".to_vec()), None));
    assert_eq!(fixture.read(move |reads, _| reads.identity_key(other, uuid(20), uuid(30))), None);
    fixture.write(move |writes, app| {
        assert!(!writes.delete_identity_provider(other, uuid(20))?);
        assert!(!writes.delete_identity_key(other, uuid(20), uuid(30))?);
        assert!(writes.delete_identity_key(app, uuid(20), uuid(30))?);
        assert!(!writes.delete_identity_key(app, uuid(20), uuid(30))?);
        Ok(())
    });
    assert_eq!((key(20, 30), key(20, 31)), (None, Some(b"second".to_vec())));
    let delete = || fixture.write(|writes, app| writes.delete_identity_provider(app, uuid(20)));
    assert_eq!((delete(), delete(), all()), (true, false, vec![record(21, &[])]));
}

fn a_reset(fixture: &Fixture) {
    open(fixture, "a", "one", 100);
    fixture.write(|writes, app| {
        writes.insert_identity_provider(app, uuid(20), time(0))?;
        writes.insert_identity_key(app, uuid(20), uuid(30), b"key", time(0))?;
        writes.nonce_key([1; 32])?;
        writes.use_nonce(&TokenHash::of("n"), time(9))
    });
    fixture.store.reset().unwrap();
    assert!(!is_open(fixture, "one"));
    assert_eq!(fixture.read(|reads, app| reads.identity_providers(app))[0].keys, [uuid(30)]);
    assert_eq!(fixture.write(|writes, _| writes.nonce_key([2; 32])), [2; 32]);
}
