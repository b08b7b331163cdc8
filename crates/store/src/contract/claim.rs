//! Webhooks and their outbox, and who works on what of it.

use std::time::Duration;

use layer_wire::webhook::{NewWebhook, Secret, Status};
use layer_wire::{Version, WebhookId};

use super::{Case, Fixture, object, time, uuid};
use crate::claim::{ClaimId, Claimed, Claims};
use crate::delivery::{DeliveryLimits, DeliveryRecord, NewDelivery};
use crate::held::Held;
use crate::webhook::{Receiver, WebhookRecord};

pub const CASES: &[Case] = &[
    ("a webhook is found as it was registered, and deleted", a_webhook_is_found),
    ("active webhooks and the schedule of exports listen", listeners),
    ("a challenge is claimed by one worker", a_challenge_is_claimed_once),
    ("a change of its status ends the claim on a webhook", a_change_ends_the_claim),
    ("a delivery is claimed by one worker, those that wait longest first", a_delivery_is_claimed_once),
    ("a claim that lapsed is free, and the outcome of the first worker is refused", a_claim_lapses),
    ("no more is claimed than the limits allow", limits),
    ("no more bytes are claimed than the limits allow, but one delivery always", limit_of_bytes),
    ("a failed delivery waits for its time", a_failed_delivery_waits),
    ("an inactive webhook has no deliveries", an_inactive_webhook),
];

pub const LEASE: Duration = Duration::from_secs(3600);

const LIMITS: DeliveryLimits = DeliveryLimits { per_webhook: 4, per_failing_webhook: 1, in_all: 5, bytes_in_all: 100 };

pub fn register(fixture: &Fixture, id: u128) -> WebhookRecord {
    fixture.write(move |writes, app| {
        let new = NewWebhook {
            version: Version::V3_0,
            target_url: "https://example.com/hook".into(),
            events: vec!["Message.created".into()],
            secret: Secret::new("secret".into()),
            config: object("n", 1),
        };
        let id = WebhookId::new(uuid(id));
        writes.insert_webhook(app, id, time(5), &new)?;
        Ok(writes.webhook(app, id)?.unwrap())
    })
}

pub fn set_status(fixture: &Fixture, id: u128, status: Status) -> WebhookRecord {
    fixture.write(move |writes, app| {
        let mut webhook = writes.hold_webhook(app, WebhookId::new(uuid(id)))?.unwrap();
        writes.set_webhook_status(&mut webhook, status.clone())?;
        Ok(webhook.into_record())
    })
}

pub fn active(fixture: &Fixture, id: u128) -> WebhookRecord {
    register(fixture, id);
    set_status(fixture, id, Status::Active)
}

pub fn inactive() -> Status {
    Status::Inactive { reason: "on purpose".into() }
}

pub fn deliver(fixture: &Fixture, webhook: &WebhookRecord, event: u128, due_at: i64) {
    deliver_bytes(fixture, webhook, event, due_at, b"{}");
}

fn deliver_bytes(fixture: &Fixture, webhook: &WebhookRecord, event: u128, due_at: i64, body: &'static [u8]) {
    let key = webhook.key;
    fixture.write(move |writes, _| {
        writes.insert_delivery(&NewDelivery {
            webhook: key,
            event: uuid(event),
            request: uuid(event + 1000),
            event_type: "Message.created",
            body: body.into(),
            due_at: time(due_at),
        })
    });
}

pub fn claim(fixture: &Fixture, now: i64, lease: Duration) -> Claims<(WebhookRecord, Claimed<DeliveryRecord>)> {
    fixture.write(move |writes, _| writes.claim_deliveries(time(now), lease, LIMITS))
}

pub fn events(claims: &Claims<(WebhookRecord, Claimed<DeliveryRecord>)>) -> Vec<u128> {
    claims.taken.iter().map(|(_, claimed)| claimed.record.event.as_u128()).collect()
}

fn a_webhook_is_found(fixture: &Fixture) {
    let registered = register(fixture, 10);
    assert_eq!((registered.status.clone(), registered.failing_since), (Status::Unverified, None));
    assert_eq!((registered.created_at, registered.registered.config.clone()), (time(5), object("n", 1)));
    let second = register(fixture, 11);
    assert_eq!(fixture.read(|reads, app| reads.webhooks(app)), [registered.clone(), second]);
    assert_eq!(fixture.read(|reads, app| reads.webhook_count(app)), 2);
    let key = registered.key;
    let failing = fixture.write(move |writes, _| {
        let mut webhook = writes.hold_webhook_by_key(key)?.unwrap();
        writes.set_webhook_failing(&mut webhook, Some(time(9)))?;
        Ok(webhook.into_record())
    });
    assert_eq!(failing.failing_since, Some(time(9)));
    let changed = set_status(fixture, 10, inactive());
    assert_eq!((changed.status.clone(), changed.failing_since), (inactive(), None));
    assert_eq!(fixture.read(|reads, app| reads.webhook(app, WebhookId::new(uuid(10)))), Some(changed));
    fixture.write(|writes, app| {
        let webhook = writes.hold_webhook(app, WebhookId::new(uuid(10)))?.unwrap();
        writes.delete_webhook(&webhook)
    });
    let gone = fixture.write(move |writes, _| writes.hold_webhook_by_key(key));
    assert_eq!(gone.map(Held::into_record), None);
}

fn listeners(fixture: &Fixture) {
    let look = || fixture.read(|reads, app| reads.listeners(app));
    register(fixture, 10);
    assert_eq!(look(), []);
    let webhook = set_status(fixture, 10, Status::Active);
    let found = look();
    assert_eq!((found.len(), found[0].receiver), (1, Receiver::Webhook(webhook.key)));
    assert_eq!((found[0].version, found[0].config.clone()), (Version::V3_0, object("n", 1)));
    super::export::set_schedule(fixture, &["message.sent"]);
    let found = look();
    assert_eq!((found.len(), found[1].receiver, found[1].version), (2, Receiver::Export, Version::V1_0));
    assert_eq!(found[1].events, ["message.sent"]);
}

fn a_challenge_is_claimed_once(fixture: &Fixture) {
    let webhook = register(fixture, 10);
    let first = fixture.write(|writes, _| writes.claim_challenges(LEASE));
    assert_eq!(first.taken.iter().map(|claimed| &claimed.record).collect::<Vec<_>>(), [&webhook]);
    assert!(first.lapses_in.is_some_and(|lapses_in| lapses_in <= LEASE));
    assert_eq!(fixture.write(|writes, _| writes.claim_challenges(LEASE)).taken, []);
    let (key, claim) = (webhook.key, first.taken[0].claim);
    let end = move |claim| fixture.write(move |writes, _| writes.end_challenge(key, claim)).map(Held::into_record);
    assert_eq!(end(ClaimId::new(uuid(99))), None);
    assert_eq!(end(claim), Some(webhook.clone()));
    assert_eq!(end(claim), None);
    // Nobody decided, so it waits again.
    assert_eq!(fixture.write(|writes, _| writes.claim_challenges(LEASE)).taken.len(), 1);
}

fn a_change_ends_the_claim(fixture: &Fixture) {
    let webhook = register(fixture, 10);
    let first = fixture.write(|writes, _| writes.claim_challenges(LEASE)).taken.remove(0);
    set_status(fixture, 10, inactive());
    set_status(fixture, 10, Status::Unverified);
    let second = fixture.write(|writes, _| writes.claim_challenges(LEASE)).taken.remove(0);
    assert_ne!(first.claim, second.claim);
    let end = move |claim| fixture.write(move |writes, _| writes.end_challenge(webhook.key, claim)).is_some();
    assert!(!end(first.claim) && end(second.claim));
}

fn a_delivery_is_claimed_once(fixture: &Fixture) {
    let webhook = active(fixture, 10);
    for (event, due_at) in [(1, 30), (2, 10), (3, 10), (4, 99)] {
        deliver(fixture, &webhook, event, due_at);
    }
    let claims = claim(fixture, 30, LEASE);
    assert_eq!((events(&claims), claims.next), (vec![2, 3, 1], Some(time(99))));
    let (of, claimed) = &claims.taken[0];
    assert_eq!((of, claimed.record.request, &claimed.record.body[..]), (&webhook, uuid(1002), &b"{}"[..]));
    assert_eq!((claimed.record.failed_attempts, claimed.record.first_attempt_at), (0, None));
    assert_eq!(events(&claim(fixture, 30, LEASE)), [0; 0]);
    let (key, id) = (claimed.record.key, claimed.claim);
    let delete = move |id| fixture.write(move |writes, _| writes.delete_delivery(key, id));
    assert_eq!((delete(ClaimId::new(uuid(99))), delete(id), delete(id)), (false, true, false));
}

fn a_claim_lapses(fixture: &Fixture) {
    let webhook = active(fixture, 10);
    deliver(fixture, &webhook, 1, 10);
    let first = claim(fixture, 10, Duration::ZERO).taken.remove(0).1;
    let second = claim(fixture, 10, LEASE).taken.remove(0).1;
    assert_eq!(first.record, second.record);
    let key = first.record.key;
    let postponed = fixture.write(move |writes, _| writes.postpone_delivery(key, first.claim, time(1), time(2)));
    assert!(!postponed);
    assert!(!fixture.write(move |writes, _| writes.delete_delivery(key, first.claim)));
    assert!(fixture.write(move |writes, _| writes.delete_delivery(key, second.claim)));
}

fn limits(fixture: &Fixture) {
    let [one, two] = [10, 11].map(|id| active(fixture, id));
    for event in 1..10 {
        deliver(fixture, &one, event, 10);
        deliver(fixture, &two, 100 + event, 10);
    }
    let first = claim(fixture, 10, LEASE);
    assert_eq!(first.taken.len(), LIMITS.in_all);
    assert_eq!(events(&claim(fixture, 10, LEASE)), [0; 0]);
    // The one with fewer under way comes first, and one that fails has one at a time.
    let of_two: Vec<_> = first.taken.iter().filter(|(webhook, _)| webhook.key == two.key).collect();
    assert_eq!(of_two.len(), 1);
    let one_key = one.key;
    fixture.write(move |writes, _| {
        let mut webhook = writes.hold_webhook_by_key(one_key)?.unwrap();
        writes.set_webhook_failing(&mut webhook, Some(time(1)))
    });
    for (_, claimed) in first.taken.iter().filter(|(webhook, _)| webhook.key == one_key) {
        let (key, id) = (claimed.record.key, claimed.claim);
        assert!(fixture.write(move |writes, _| writes.delete_delivery(key, id)));
    }
    let next = claim(fixture, 10, LEASE);
    let of = |key| next.taken.iter().filter(|(webhook, _)| webhook.key == key).count();
    assert_eq!((of(one.key), of(two.key)), (1, 3));
}

fn limit_of_bytes(fixture: &Fixture) {
    let webhook = active(fixture, 10);
    for event in 1..4 {
        deliver_bytes(fixture, &webhook, event, 10, &[b'x'; 101]);
    }
    for event in 1..4 {
        let claims = claim(fixture, 10, LEASE);
        assert_eq!((events(&claims), events(&claim(fixture, 10, LEASE))), (vec![event], vec![]));
        let (key, id) = (claims.taken[0].1.record.key, claims.taken[0].1.claim);
        assert!(fixture.write(move |writes, _| writes.delete_delivery(key, id)));
    }
}

fn a_failed_delivery_waits(fixture: &Fixture) {
    let webhook = active(fixture, 10);
    deliver(fixture, &webhook, 1, 10);
    let claimed = claim(fixture, 10, LEASE).taken.remove(0).1;
    let (key, id) = (claimed.record.key, claimed.claim);
    assert!(fixture.write(move |writes, _| writes.postpone_delivery(key, id, time(10), time(50))));
    let early = claim(fixture, 49, LEASE);
    assert_eq!((events(&early), early.next), (vec![], Some(time(50))));
    let again = claim(fixture, 50, LEASE).taken.remove(0).1.record;
    assert_eq!((again.failed_attempts, again.first_attempt_at), (1, Some(time(10))));
}

fn an_inactive_webhook(fixture: &Fixture) {
    let webhook = active(fixture, 10);
    deliver(fixture, &webhook, 1, 10);
    let claimed = claim(fixture, 10, LEASE).taken.remove(0).1;
    set_status(fixture, 10, inactive());
    let key = claimed.record.key;
    assert!(!fixture.write(move |writes, _| writes.delete_delivery(key, claimed.claim)));
    set_status(fixture, 10, Status::Active);
    assert_eq!(events(&claim(fixture, 10, LEASE)), [0; 0]);
}
