//! Receipts: a batch of them is held, planned and written in two round trips and a commit, with one more where plans
//! want to know more than usual.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use layer_store::StoreError;
use layer_store::conversation::ConversationRecord;
use layer_store::delivery::NewEvent;
use layer_store::key::AppKey;
use layer_store::log::Entry;
use layer_store::membership::Membership;
use layer_store::message::MessageRecord;
use layer_store::receipt::{Receipt, ReceiptJob, Receivable};
use layer_wire::message::Status;

use super::super::facts::Facts;
use super::super::sql::{Row, numbered};
use super::super::{Session, membership, message};
use super::{Fate, Notes, ROUNDS, Slot};

/// What is held, and stays as it is until the end of the batch.
#[derive(Clone)]
struct Held {
    conversations: HashMap<i64, ConversationRecord>,
    /// With the key of its conversation, by conversation and position.
    messages: BTreeMap<(i64, u32), MessageRecord>,
    /// By conversation and user.
    memberships: HashMap<(i64, i64), Membership>,
}

/// What a receipt is about: conversation, position, user.
type About = (i64, u32, i64);

/// A receipt that has a plan.
struct Planned {
    slot: usize,
    about: About,
    receipt: Receipt,
    is_raised: bool,
    events: Vec<NewEvent>,
}

/// Gives the receipts that can be given. Answers with how many that are.
pub fn write(session: &mut Session<'_>, slots: &mut [Slot<dyn ReceiptJob>]) -> Result<usize, StoreError> {
    session.facts = Some(Facts::new());
    let (mut held, about) = hold(session, slots)?;
    let planned = plan(session, slots, &mut held, &about)?;
    if planned.is_empty() {
        return Ok(0);
    }
    for planned in &planned {
        slots[planned.slot].fate = Fate::Kept;
    }
    let count = planned.len();
    put(session, planned, &held)?;
    Ok(count)
}

/// Holds messages, then memberships, each in the order of their keys. With what each receipt is about, if that is
/// there.
fn hold(
    session: &mut Session<'_>,
    slots: &[Slot<dyn ReceiptJob>],
) -> Result<(Held, HashMap<usize, About>), StoreError> {
    let receipts: Vec<_> = slots.iter().map(|slot| slot.job.receipt()).collect();
    let ids: Vec<_> = receipts.iter().map(|receipt| (receipt.app, receipt.message.uuid())).collect();
    let readers: Vec<_> = receipts.iter().map(|receipt| (receipt.app, &receipt.user, receipt.message.uuid())).collect();
    let apps: BTreeSet<_> = receipts.iter().map(|receipt| receipt.app.number()).collect();
    let facts = session.facts.get_or_insert_with(Facts::new);
    for app in &apps {
        facts.listeners(AppKey::from_number(*app));
    }
    let questions = facts.questions();
    let mut queries = vec![
        message::hold_all(&ids),
        // From here on, all that was committed before the messages were held is seen.
        membership::hold_readers(&readers),
        message::conversations_of(&ids),
        Session::of_logged(apps.into_iter().collect()),
    ];
    queries.extend(questions.queries());
    let mut found = session.sql.all(&queries)?;
    drop(queries);
    facts.learn(questions, found.split_off(4))?;
    let Ok([messages, readers, conversations, logged]) = <[Vec<Row>; 4]>::try_from(found) else {
        return Err(StoreError::Failed("an answer is missing".into()));
    };
    session.learn_logged(&logged)?;
    let mut held = Held { conversations: HashMap::new(), messages: BTreeMap::new(), memberships: HashMap::new() };
    for row in &conversations {
        let conversation = super::super::row::read_conversation(row)?;
        held.conversations.insert(conversation.key.number(), conversation);
    }
    let mut places = HashMap::new();
    for row in &messages {
        let (number, key) = message::held_of(row)?;
        let Some(conversation) = held.conversations.get(&key) else { continue };
        let message = message::read(row, conversation.id)?;
        places.insert(number, (key, message.position));
        held.messages.insert((key, message.position), message);
    }
    let mut about = HashMap::new();
    for row in &readers {
        let (number, user) = (numbered(row)?, row.get(1)?);
        let Some((key, position)) = places.get(&number) else { continue };
        let Some(conversation) = held.conversations.get(key) else { continue };
        held.memberships.insert((*key, user), membership::read(row, 2, conversation)?);
        about.insert(number, (*key, *position, user));
    }
    Ok((held, about))
}

/// Asks for the plans of all receipts, in their order, and raises what they raise. A receipt sees what those before it
/// did.
fn plan(
    session: &Session<'_>,
    slots: &mut [Slot<dyn ReceiptJob>],
    held: &mut Held,
    about: &HashMap<usize, About>,
) -> Result<Vec<Planned>, StoreError> {
    let Some(facts) = &session.facts else { return Ok(vec![]) };
    facts.take_guess();
    let before = held.clone();
    let mut planned = vec![];
    for round in 1..=ROUNDS {
        planned.clear();
        held.clone_from(&before);
        let mut has_guesses = false;
        for (index, slot) in slots.iter_mut().enumerate() {
            let Some(about) = about.get(&index).filter(|_| slot.fate != Fate::Lost) else { continue };
            let plan = plan_one(session, slot, held, *about);
            if facts.take_guess() {
                has_guesses = true;
                continue;
            }
            let Some((message, is_raised, events)) = plan else { continue };
            let receipt = slot.job.receipt().clone();
            held.keep(*about, message, is_raised && receipt.status == Status::Read);
            planned.push(Planned { slot: index, about: *about, receipt, is_raised, events });
        }
        if !has_guesses || round == ROUNDS {
            break;
        }
        facts.answer(session.sql)?;
    }
    Ok(planned)
}

/// Asks for one plan: with the message as it is then, and whether that is another status.
fn plan_one(
    session: &Session<'_>,
    slot: &mut Slot<dyn ReceiptJob>,
    held: &Held,
    (key, position, user): About,
) -> Option<(MessageRecord, bool, Vec<NewEvent>)> {
    let conversation = held.conversations.get(&key)?;
    let membership = *held.memberships.get(&(key, user))?;
    let mut message = held.messages.get(&(key, position))?.clone();
    let Receipt { user, status, .. } = slot.job.receipt();
    let is_raised = message.recipient_status.raise(user, *status);
    let of = Receivable { conversation, membership, message: &message, is_raised };
    let events = slot.ask(|job| job.plan(session, of))?;
    Some((message, is_raised, events))
}

impl Held {
    /// Keeps what a receipt changes.
    fn keep(&mut self, (key, position, user): About, message: MessageRecord, is_settled: bool) {
        self.messages.insert((key, position), message);
        if let Some(membership) = self.memberships.get_mut(&(key, user)).filter(|_| is_settled) {
            membership.unread_count = membership.unread_count.saturating_sub(1);
        }
    }
}

/// Writes what is planned, and notes what to tell of it.
fn put(session: &mut Session<'_>, planned: Vec<Planned>, held: &Held) -> Result<(), StoreError> {
    let mut notes = Notes::default();
    let (mut raised, mut settled) = (BTreeSet::new(), BTreeMap::<(i64, i64), (i64, u32)>::new());
    for Planned {
        about: (key, position, user_key),
        receipt: Receipt { app, user, status, .. },
        is_raised,
        events,
        ..
    } in planned
    {
        let of = (held.conversations.get(&key), held.messages.get(&(key, position)));
        let (Some(conversation), Some(message)) = of else { continue };
        if is_raised {
            raised.insert((key, position));
            let membership = held.memberships.get(&(key, user_key));
            if status == Status::Read && membership.is_some_and(|membership| membership.can_see(position)) {
                settled.entry((key, user_key)).or_insert((0, position)).0 += 1;
            }
            let entry = || Entry::Receipt { position, user: user.clone(), status };
            notes.log(session, app, conversation.key, entry)?;
            session.tell_receipt(app, &user, message, status);
        }
        notes.add_events(session, app, events, position);
    }
    let of_raised = raised.iter().filter_map(|place| {
        let conversation = held.conversations.get(&place.0)?;
        Some(message::put_status(conversation.key, held.messages.get(place)?))
    });
    let mut queries: Vec<_> = of_raised.collect();
    let settled = settled.iter().map(|((key, user), (count, first))| (*key, *user, *count, *first));
    queries.push(membership::settle_all(settled));
    queries.extend(notes.queries(session));
    session.sql.all(&queries)?;
    Ok(())
}
