//! Jobs as such, and the store as a whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use layer_wire::webhook::{NewWebhook, Secret};
use layer_wire::{AppId, Version, WebhookId};

use super::{Case, Fixture, inserted, new_conversation, time, user, uuid};
use crate::{StoreError, Writes};

pub const CASES: &[Case] = &[
    ("a write sees what it wrote, and a read what was committed", what_jobs_see),
    ("a job that fails or panics changes nothing, and the next one is done", failing_jobs),
    ("a reset leaves apps and tokens", a_reset),
    ("a copy brings everything back, and what goes with it before any job sees it", copies),
    ("what is no copy changes nothing", no_copy),
    ("a closed store takes no work", a_closed_store),
];

fn what_jobs_see(fixture: &Fixture) {
    fixture.write(|writes, app| {
        writes.block(app, &user("a"), &user("b"))?;
        assert_eq!(writes.block_list(app, &user("a"))?, [user("b")]);
        Ok(())
    });
    assert_eq!(fixture.read(|reads, app| reads.block_list(app, &user("a"))), [user("b")]);
}

fn failing_jobs(fixture: &Fixture) {
    let app = fixture.app;
    let try_to = |end: fn() -> Result<(), StoreError>| {
        fixture.store.write_blocking(move |writes: &mut dyn Writes| {
            inserted(writes.insert_conversation(app, new_conversation(10, &["a"]))?)?;
            end()
        })
    };
    assert_eq!(try_to(|| Err(StoreError::Failed("on purpose".into()))), Err(StoreError::Failed("on purpose".into())));
    assert_eq!(try_to(|| panic!("on purpose")), Err(StoreError::Lost));
    assert!(!fixture.read(|reads, app| reads.user_exists(app, &user("a"))));
    assert_eq!(try_to(|| Ok(())), Ok(()));
}

fn a_reset(fixture: &Fixture) {
    fixture.conversation(10, &["a"]);
    let key = fixture.write(|writes, _| writes.link_key([1; 32]));
    fixture.store.reset().unwrap();
    assert_eq!(fixture.read(|reads, app| reads.id_use(app, uuid(10))), None);
    assert_eq!(fixture.read(|reads, _| reads.app(AppId::new(uuid(1)))).unwrap().key, fixture.app);
    assert_eq!(fixture.write(|writes, _| writes.link_key([2; 32])), key);
    fixture.conversation(10, &["a"]);
}

fn copies(fixture: &Fixture) {
    let Some(images) = fixture.store.images() else { return };
    let before = fixture.conversation(10, &["a"]);
    fixture.write(|writes, app| {
        let new = NewWebhook {
            version: Version::V1_0,
            target_url: "https://example.com".into(),
            events: vec![],
            secret: Secret::new("s".into()),
            config: layer_wire::body::Object::new(),
        };
        writes.insert_webhook(app, WebhookId::new(uuid(20)), time(0), &new)
    });
    let lease = Duration::from_secs(3600);
    assert_eq!(fixture.write(move |writes, _| writes.claim_challenges(lease)).taken.len(), 1);
    let copy = images.snapshot().unwrap();
    fixture.conversation(11, &["a"]);
    let is_beside = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&is_beside);
    let beside = move || {
        flag.store(true, Ordering::SeqCst);
        Ok(())
    };
    images.restore(copy, Box::new(beside)).unwrap();
    assert!(is_beside.load(Ordering::SeqCst));
    assert_eq!(fixture.find(10), before);
    assert_eq!(fixture.read(|reads, app| reads.id_use(app, uuid(11))), None);
    // A claim of that time does not hold now.
    assert_eq!(fixture.write(move |writes, _| writes.claim_challenges(lease)).taken.len(), 1);
}

fn no_copy(fixture: &Fixture) {
    let Some(images) = fixture.store.images() else { return };
    let before = fixture.conversation(10, &["a"]);
    let restored = images.restore(b"nothing of the kind".into(), Box::new(|| panic!("nothing goes with it")));
    assert!(matches!(restored, Err(StoreError::BadSnapshot(_))), "{restored:?}");
    assert_eq!(fixture.find(10), before);
}

fn a_closed_store(fixture: &Fixture) {
    fixture.store.close().unwrap();
    let write = fixture.store.write_blocking(|_: &mut dyn Writes| Ok::<_, StoreError>(()));
    assert_eq!(write, Err(StoreError::Closed));
    assert_eq!(fixture.store.reset(), Err(StoreError::Closed));
    assert_eq!(fixture.store.close(), Ok(()));
}
