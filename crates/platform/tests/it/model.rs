//! Many clients at once against a model: what each request was answered, and when, must fit into one order of all of
//! them.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use layer_platform::{Config, DataLocation};
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestCaseError, TestRunner};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Answer, Server, differences, message, message_of};

/// How many tags the clients of a case share.
const TAGS: usize = 3;

/// How many sets of participants they share.
const SETS: usize = 2;

#[derive(Debug, Clone)]
enum Deed {
    Send,
    /// Sends with one of the tags.
    SendTagged(usize),
    /// Deletes the message with one of the tags.
    Delete(usize),
    /// Reads the message with one of the tags.
    Read(usize),
    /// The client joins the conversation, or leaves it.
    Toggle,
    /// Creates the distinct conversation among one of the sets.
    CreateDistinct(usize),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => Just(Deed::Send),
        4 => (0..TAGS).prop_map(Deed::SendTagged),
        1 => (0..TAGS).prop_map(Deed::Delete),
        1 => (0..TAGS).prop_map(Deed::Read),
        3 => Just(Deed::Toggle),
        1 => (0..SETS).prop_map(Deed::CreateDistinct),
    ]
}

/// What a client did, what it was answered, and when.
struct Done {
    client: usize,
    deed: Deed,
    answer: Answer,
    began: Instant,
    ended: Instant,
}

/// The names of a case: nothing of another one gets in its way.
struct Case<'a> {
    server: &'a Server,
    number: usize,
    conversation: String,
    tags: Vec<String>,
}

impl<'a> Case<'a> {
    fn new(server: &'a Server, number: usize) -> Self {
        let tags = (0..TAGS).map(|_| Uuid::new_v4().to_string()).collect();
        Self { server, number, conversation: server.conversation(&["a"]), tags }
    }

    fn messages(&self) -> String {
        format!("/conversations/{}/messages", self.conversation)
    }

    fn ask(&self, client: usize, deed: &Deed, is_member: bool) -> Answer {
        match deed {
            Deed::Send => self.server.post(&self.messages(), &message(&format!("{client}"))),
            Deed::SendTagged(tag) => self.server.post_tagged(&self.messages(), &self.tags[*tag], &message("tagged")),
            Deed::Delete(tag) => self.server.delete(&format!("{}/{}", self.messages(), self.tags[*tag])),
            Deed::Read(tag) => {
                let path = format!("/users/a/messages/{}/receipts", self.tags[*tag]);
                self.server.post(&path, &json!({ "type": "read" }))
            }
            Deed::Toggle => {
                let operation = if is_member { "remove" } else { "add" };
                let value = format!("client{client}");
                let operations = json!([{ "operation": operation, "property": "participants", "value": value }]);
                self.server.patch(&format!("/conversations/{}", self.conversation), &operations)
            }
            Deed::CreateDistinct(set) => {
                let participants = [format!("{}/{set}", self.number), "b".to_owned()];
                self.server.post("/conversations", &json!({ "participants": participants, "distinct": true }))
            }
        }
    }

    /// Lets all clients begin at the same time.
    fn run(&self, plans: &[Vec<Deed>]) -> Vec<Done> {
        let barrier = Barrier::new(plans.len());
        let work = |client: usize, plan: &[Deed]| {
            let mut is_member = false;
            barrier.wait();
            let did = |deed: &Deed| {
                let began = Instant::now();
                let answer = self.ask(client, deed, is_member);
                is_member ^= matches!(deed, Deed::Toggle);
                Done { client, deed: deed.clone(), answer, began, ended: Instant::now() }
            };
            plan.iter().map(did).collect::<Vec<_>>()
        };
        std::thread::scope(|scope| {
            let clients = plans.iter().enumerate().map(|(client, plan)| scope.spawn(move || work(client, plan)));
            let clients: Vec<_> = clients.collect();
            clients.into_iter().flat_map(|client| client.join().expect("a client that ends")).collect()
        })
    }

    /// The messages as "a" sees them, oldest first.
    fn list(&self) -> Vec<Value> {
        let (mut found, mut from) = (vec![], String::new());
        loop {
            let path = format!("/users/a/conversations/{}/messages?page_size=100{from}", self.conversation);
            let Value::Array(items) = self.server.get(&path).json() else { panic!("no list") };
            let Some(last) = items.last() else { break };
            from = format!("&from_id={}", last["id"].as_str().unwrap());
            found.extend(items);
        }
        found.reverse();
        found
    }
}

fn uuid(item: &Value) -> &str {
    item["id"].as_str().unwrap().rsplit('/').next().unwrap()
}

/// Whether one of two ended before the other began.
fn is_before(one: &Done, other: &Done) -> bool {
    one.ended < other.began
}

fn check(case: &Case<'_>, done: &[Done]) -> Result<(), TestCaseError> {
    let list = case.list();
    let deleted = check_tags(case, done, &list)?;
    let sent: Vec<&Done> = done.iter().filter(|done| matches!(done.deed, Deed::Send)).collect();
    for done in &sent {
        prop_assert_eq!(done.answer.status, 201);
        prop_assert_eq!(list.iter().filter(|item| uuid(item) == done.answer.uuid()).count(), 1);
    }
    let tagged = case.tags.iter().filter(|tag| was_sent(case, done, tag)).count();
    prop_assert_eq!(list.len(), sent.len() + tagged - deleted);

    // No position is given twice, and none is left out.
    let positions: Vec<u64> = list.iter().map(|item| item["position"].as_u64().unwrap()).collect();
    prop_assert!(positions.is_sorted_by(|one, next| one < next), "{:?}", positions);
    let probe = case.server.text(&case.conversation, "probe");
    let next = case.server.get(&format!("/users/a/messages/{probe}")).json()["position"].as_u64().unwrap();
    prop_assert_eq!(usize::try_from(next), Ok(sent.len() + tagged + 1));

    // What was answered before another was asked for comes before it.
    let place = |done: &Done| list.iter().position(|item| uuid(item) == done.answer.uuid()).unwrap();
    for one in &sent {
        for other in sent.iter().filter(|other| is_before(one, other)) {
            prop_assert!(place(one) < place(other));
        }
    }
    check_recipients(done, &sent, &list)?;
    check_distinct(case, done)
}

fn was_sent(case: &Case<'_>, done: &[Done], tag: &str) -> bool {
    done.iter().any(|done| {
        matches!(&done.deed, Deed::SendTagged(index) if case.tags[*index] == tag) && done.answer.status == 201
    })
}

/// Whatever races for a tag, there is one message or none. Answers with how many were deleted.
fn check_tags(case: &Case<'_>, done: &[Done], list: &[Value]) -> Result<usize, TestCaseError> {
    let mut deleted = 0;
    for (index, tag) in case.tags.iter().enumerate() {
        let of = |wanted: fn(&Deed) -> Option<usize>| {
            done.iter().filter(move |done| wanted(&done.deed) == Some(index)).collect::<Vec<_>>()
        };
        let sends = of(|deed| if let Deed::SendTagged(index) = deed { Some(*index) } else { None });
        let deletions = of(|deed| if let Deed::Delete(index) = deed { Some(*index) } else { None });
        let receipts = of(|deed| if let Deed::Read(index) = deed { Some(*index) } else { None });
        let first_sent = sends.iter().filter(|send| send.answer.status == 201).map(|send| send.began).min();
        let winners: Vec<_> = deletions.iter().filter(|deletion| deletion.answer.status == 204).collect();
        prop_assert!(winners.len() <= 1, "{} was deleted twice", tag);
        deleted += winners.len();
        for send in &sends {
            if send.answer.status == 201 {
                prop_assert_eq!(&send.answer.uuid(), tag);
                // Not after its deletion was answered.
                prop_assert!(winners.iter().all(|winner| !is_before(winner, send)));
            } else {
                send.answer.assert_error(409, "id_in_use", None);
                prop_assert!(winners.iter().any(|winner| winner.began < send.ended), "in use by what?");
            }
        }
        for done in deletions.iter().chain(&receipts).filter(|done| done.answer.status != 204) {
            prop_assert_eq!(done.answer.status, 404);
            // It was not there yet, or no more.
            let was_there = sends.iter().any(|send| send.answer.status == 201 && is_before(send, done));
            prop_assert!(!was_there || winners.iter().any(|winner| winner.began < done.ended));
        }
        for done in winners.iter().copied().chain(receipts.iter().filter(|done| done.answer.status == 204)) {
            prop_assert!(first_sent.is_some_and(|began| began < done.ended), "nothing was there");
        }
        let found: Vec<_> = list.iter().filter(|item| uuid(item) == tag).collect();
        prop_assert_eq!(found.len(), usize::from(first_sent.is_some()) - winners.len());
        if let [message] = found[..] {
            let is_read = receipts.iter().any(|receipt| receipt.answer.status == 204);
            prop_assert_eq!(message["recipient_status"]["a"].as_str(), Some(if is_read { "read" } else { "sent" }));
        }
    }
    Ok(deleted)
}

/// Each message went to those who took part at one moment between its request and its answer; and of two messages the
/// later one saw nothing older than the earlier one.
fn check_recipients(done: &[Done], sent: &[&Done], list: &[Value]) -> Result<(), TestCaseError> {
    let mut toggles = BTreeMap::<usize, Vec<&Done>>::new();
    for toggle in done.iter().filter(|done| matches!(done.deed, Deed::Toggle)) {
        prop_assert_eq!(toggle.answer.status, 204);
        toggles.entry(toggle.client).or_default().push(toggle);
    }
    for (client, toggles) in toggles {
        // How many of its changes were seen so far.
        let mut seen = 0;
        for item in list {
            let Some(request) = sent.iter().find(|done| done.answer.uuid() == uuid(item)) else { continue };
            let certain = toggles.iter().filter(|toggle| is_before(toggle, request)).count();
            let possible = toggles.iter().filter(|toggle| toggle.began < request.ended).count();
            let is_recipient = item["recipient_status"].get(format!("client{client}")).is_some();
            seen = seen.max(certain);
            seen += usize::from((seen % 2 == 1) != is_recipient);
            prop_assert!(seen <= possible, "client{} and {}: {} of {} changes", client, uuid(item), seen, possible);
        }
    }
    Ok(())
}

fn check_distinct(case: &Case<'_>, done: &[Done]) -> Result<(), TestCaseError> {
    for set in 0..SETS {
        let answers: Vec<&Answer> = done
            .iter()
            .filter(|done| matches!(done.deed, Deed::CreateDistinct(wanted) if wanted == set))
            .map(|done| &done.answer)
            .collect();
        let Some(first) = answers.first() else { continue };
        prop_assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        prop_assert!(answers.iter().all(|answer| answer.status <= 201 && answer.uuid() == first.uuid()));
        let count = case.server.get(&format!("/users/{}%2F{set}/conversations", case.number));
        prop_assert_eq!(count.header("layer-count"), Some("1"));
    }
    Ok(())
}

/// A server on a file, whose counters can be looked at.
fn on_file(folder: &std::path::Path) -> (Server, impl Fn() -> Vec<String>) {
    let path = folder.join("layer.db");
    let server = Server::on(Config { data: DataLocation::File(path.clone()), ..Config::default() });
    (server, move || differences(&path))
}

#[test]
fn what_many_clients_do_at_once_fits_into_one_order() {
    let folder = tempfile::tempdir().unwrap();
    let (server, differences) = on_file(folder.path());
    let number = AtomicUsize::new(0);
    let plans = prop::collection::vec(prop::collection::vec(deed(), 1..12), 2..8);
    let mut runner = TestRunner::new(Cases { cases: 32, failure_persistence: None, ..Cases::default() });
    let outcome = runner.run(&plans, |plans| {
        let case = Case::new(&server, number.fetch_add(1, Ordering::Relaxed));
        let done = case.run(&plans);
        check(&case, &done)?;
        prop_assert_eq!(differences(), Vec::<String>::new());
        Ok(())
    });
    outcome.unwrap();
}

/// Contract 2.1.1: the same participants in another order are the same conversation.
#[test]
fn of_a_hundred_that_want_a_distinct_conversation_one_creates_it() {
    let folder = tempfile::tempdir().unwrap();
    let (server, differences) = on_file(folder.path());
    let barrier = Barrier::new(100);
    let create = |number: usize| {
        let participants = if number.is_multiple_of(2) { ["a", "b"] } else { ["b", "a"] };
        barrier.wait();
        server.post("/conversations", &json!({ "participants": participants, "distinct": true }))
    };
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let create = &create;
        let threads: Vec<_> = (0..100).map(|number| scope.spawn(move || create(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(answers.iter().all(|answer| answer.uuid() == answers[0].uuid()));
    assert_eq!(server.get("/users/a/conversations").header("layer-count"), Some("1"));
    assert_eq!(differences(), [""; 0]);
}

/// A conversation is deleted for everyone while others send to it: each message came before that, or was refused after
/// it, and nothing of those that came is left.
#[test]
fn what_is_sent_while_the_conversation_is_deleted_is_refused_or_goes_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (server, differences) = on_file(folder.path());
    for _ in 0..10 {
        let conversation = server.conversation(&["a", "b"]);
        let path = format!("/conversations/{conversation}/messages");
        let barrier = Barrier::new(9);
        let send = || {
            barrier.wait();
            let send_one = || (Instant::now(), server.post(&path, &message_of("a", "x")), Instant::now());
            (0..6).map(|_| send_one()).collect::<Vec<_>>()
        };
        let (sends, deletion) = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(send)).collect();
            barrier.wait();
            let began = Instant::now();
            server.delete(&format!("/conversations/{conversation}")).assert_empty(204);
            let deletion = (began, Instant::now());
            (threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>(), deletion)
        });
        for (began, answer, ended) in &sends {
            if answer.status == 201 {
                assert!(*began < deletion.1, "sent after the deletion");
            } else {
                answer.assert_error(410, "object_deleted", None);
                assert!(*ended > deletion.0, "refused before the deletion");
            }
        }
        server.get(&path).assert_error(410, "object_deleted", None);
        for (_, answer, _) in sends.iter().filter(|(_, answer, _)| answer.status == 201) {
            assert_eq!(server.get(&format!("/users/a/messages/{}", answer.uuid())).status, 404);
            // Its id stays in use.
            let tagged = server.post_tagged("/conversations", &answer.uuid(), &json!({ "participants": ["a"] }));
            tagged.assert_error(409, "id_in_use", None);
        }
        assert_eq!(differences(), [""; 0]);
    }
}
