//! Sends: a batch of them is planned, held and written in four round trips and a commit.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use layer_store::StoreError;
use layer_store::append::{Append, AppendJob};
use layer_store::changes::What;
use layer_store::content::referenced;
use layer_store::conversation::ConversationRecord;
use layer_store::key::{AppKey, ConversationKey};
use layer_store::log::Entry;
use layer_store::message::NewMessageRecord;
use layer_wire::ConversationId;

use super::super::facts::Facts;
use super::super::sql::{Row, numbered};
use super::super::{Session, app, conversation, membership, message};
use super::{Fate, Notes, ROUNDS, Slot};

type Conversations = HashMap<(AppKey, ConversationId), ConversationRecord>;

/// A send that has a plan.
struct Planned {
    /// Which one of the batch it is.
    slot: usize,
    app: AppKey,
    conversation: ConversationKey,
    conversation_id: ConversationId,
    append: Append,
}

impl Planned {
    fn message(&self) -> &NewMessageRecord {
        &self.append.new
    }
}

/// A conversation that is held, and what the batch adds to it.
struct Growing {
    key: i64,
    revision: u64,
    /// Whether a batch appends nothing to it: it is deleted, or to be brought back to a member.
    is_left_out: bool,
    last_position: u32,
    /// How many messages more, and when the last of them is sent.
    added: i64,
    active_at: i64,
}

/// The messages of a sender in a conversation: they count as read for it.
struct Settled {
    count: i64,
    first: u32,
}

/// What is held, and stays as it is until the end of the batch.
struct Held {
    conversations: HashMap<i64, Growing>,
    /// The sends whose id is in use.
    used: HashSet<usize>,
    /// The users who send, by send.
    senders: HashMap<usize, i64>,
}

/// Appends what can be appended. Answers with how many that are.
pub fn write(session: &mut Session<'_>, slots: &mut [Slot<dyn AppendJob>]) -> Result<usize, StoreError> {
    session.facts = Some(Facts::new());
    let planned = without_repeated(plan(session, slots)?);
    if planned.is_empty() {
        return Ok(0);
    }
    let mut held = hold(session, &planned)?;
    let (placed, settled) = place(planned, &mut held);
    if placed.is_empty() {
        return Ok(0);
    }
    for (planned, position) in &placed {
        slots[planned.slot].job.appended(*position);
        slots[planned.slot].fate = Fate::Kept;
    }
    let count = placed.len();
    put(session, placed, &held, &settled)?;
    Ok(count)
}

/// Looks up the conversations, and with them what plans want to know most of the time.
fn look_up(session: &Session<'_>, facts: &Facts, slots: &[Slot<dyn AppendJob>]) -> Result<Conversations, StoreError> {
    let wanted: HashSet<_> = slots.iter().map(|slot| slot.job.conversation()).collect();
    for (app, _) in &wanted {
        facts.listeners(*app);
    }
    let questions = facts.questions();
    let mut queries = vec![conversation::of_ids(wanted.into_iter())];
    queries.extend(questions.queries());
    let mut found = session.sql.all(&queries)?.into_iter();
    drop(queries);
    let conversations = found.next().unwrap_or_default();
    facts.learn(questions, found.collect())?;
    conversations
        .iter()
        .map(|row| {
            let (app, conversation) = conversation::read_of_ids(row)?;
            Ok(((app, conversation.id), conversation))
        })
        .collect()
}

/// Asks for the plans of all sends, in their order.
fn plan(session: &Session<'_>, slots: &mut [Slot<dyn AppendJob>]) -> Result<Vec<Planned>, StoreError> {
    let Some(facts) = &session.facts else { return Ok(vec![]) };
    let conversations = look_up(session, facts, slots)?;
    facts.take_guess();
    let mut planned = vec![];
    let mut open: Vec<_> = (0..slots.len()).filter(|index| slots[*index].fate != Fate::Lost).collect();
    for round in 0..ROUNDS {
        if round > 0 {
            facts.answer(session.sql)?;
        }
        open.retain(|index| {
            let slot = &mut slots[*index];
            let (app, id) = slot.job.conversation();
            let Some(conversation) = conversations.get(&(app, id)) else { return false };
            let plan = slot.ask(|job| job.plan(session, conversation));
            if facts.take_guess() {
                return slot.fate != Fate::Lost;
            }
            if let Some(append) = plan.filter(is_simple) {
                let (slot, conversation, conversation_id) = (*index, conversation.key, conversation.id);
                planned.push(Planned { slot, app, conversation, conversation_id, append });
            }
            false
        });
        if open.is_empty() {
            break;
        }
    }
    planned.sort_by_key(|planned| planned.slot);
    Ok(planned)
}

/// Whether a message changes nothing but its conversation and its sender's membership.
fn is_simple(append: &Append) -> bool {
    append.new.hidden_from.is_empty() && referenced(&append.new.parts).is_empty()
}

/// The first one with each id. The others run by themselves, after it.
fn without_repeated(planned: Vec<Planned>) -> Vec<Planned> {
    let mut ids = HashSet::new();
    planned.into_iter().filter(|planned| ids.insert((planned.app, planned.append.new.id))).collect()
}

/// Holds what the sends change, and looks at what their plans depend on.
fn hold(session: &mut Session<'_>, planned: &[Planned]) -> Result<Held, StoreError> {
    let distinct = |numbers: &mut dyn Iterator<Item = i64>| numbers.collect::<BTreeSet<_>>().into_iter().collect();
    let keys: Vec<i64> = distinct(&mut planned.iter().map(|planned| planned.conversation.number()));
    let apps = distinct(&mut planned.iter().map(|planned| planned.app.number()));
    let ids: Vec<_> = planned.iter().map(|planned| (planned.app, planned.message().id.uuid())).collect();
    let members: Vec<_> = (planned.iter().enumerate())
        .filter_map(|(index, planned)| Some((index, planned, planned.message().sender.user()?)))
        .collect();
    let of_members: Vec<_> =
        members.iter().map(|(_, planned, user)| (planned.app, *user, planned.conversation.number())).collect();
    let found = session.sql.all(&[
        conversation::hold_all(keys.clone()),
        // From here on, all that was committed before the conversations were held is seen.
        membership::of_deleted(keys),
        app::of_used(&ids),
        membership::hold_all(&of_members),
        Session::of_logged(apps),
    ])?;
    let Ok([conversations, deleted, used, senders, logged]) = <[Vec<Row>; 5]>::try_from(found) else {
        return Err(StoreError::Failed("an answer is missing".into()));
    };
    session.learn_logged(&logged)?;
    let deleted = deleted.iter().map(|row| row.get(0)).collect::<Result<HashSet<i64>, _>>()?;
    let growing = |row: &Row| {
        let key = row.get(0)?;
        let is_left_out = row.get(3)? || deleted.contains(&key);
        let (last_position, revision) = (row.get(1)?, row.count(2)?);
        Ok((key, Growing { key, revision, is_left_out, last_position, added: 0, active_at: 0 }))
    };
    let sender = |row: &Row| Ok((members[numbered(row)?].0, row.get(1)?));
    Ok(Held {
        conversations: conversations.iter().map(growing).collect::<Result<_, StoreError>>()?,
        used: used.iter().map(numbered).collect::<Result<_, _>>()?,
        senders: senders.iter().map(sender).collect::<Result<_, StoreError>>()?,
    })
}

type Place = (Vec<(Planned, u32)>, BTreeMap<(i64, i64), Settled>);

/// Gives positions to the sends whose plan still holds, in their order. With the messages that count as read, by
/// conversation and user.
fn place(planned: Vec<Planned>, held: &mut Held) -> Place {
    let (mut placed, mut settled) = (vec![], BTreeMap::new());
    for (index, planned) in planned.into_iter().enumerate() {
        let Some(conversation) = held.conversations.get_mut(&planned.conversation.number()) else { continue };
        let is_as_planned = conversation.revision == planned.append.revision && !conversation.is_left_out;
        let Some(position) = conversation.last_position.checked_add(1) else { continue };
        if !is_as_planned || held.used.contains(&index) {
            continue;
        }
        conversation.last_position = position;
        conversation.added += 1;
        conversation.active_at = planned.message().sent_at.as_ms();
        if let Some(user) = held.senders.get(&index) {
            let of_member = settled.entry((conversation.key, *user)).or_insert(Settled { count: 0, first: position });
            of_member.count += 1;
        }
        placed.push((planned, position));
    }
    (placed, settled)
}

/// Writes what is placed, and notes what to tell of it.
fn put(
    session: &mut Session<'_>,
    placed: Vec<(Planned, u32)>,
    held: &Held,
    settled: &BTreeMap<(i64, i64), Settled>,
) -> Result<(), StoreError> {
    let mut notes = Notes::default();
    let mut sent = vec![];
    for (Planned { app, conversation, conversation_id, append: Append { new, events, .. }, .. }, position) in placed {
        notes.log(session, app, conversation, || Entry::MessageSent { position })?;
        let message = new.at(conversation_id, position);
        session.tell_message(app, &message, What::Created);
        notes.add_events(session, app, events, position);
        sent.push((app, conversation, message));
    }
    let mut ids: Vec<_> = (sent.iter())
        .map(|(app, conversation, message)| (*app, message.id.uuid(), (conversation.number(), message.position)))
        .collect();
    // Two batches with the same two ids wait for each other in one order.
    ids.sort_unstable_by_key(|(app, id, _)| (app.number(), *id));
    let messages: Vec<_> = sent.iter().map(|(_, conversation, message)| (*conversation, message)).collect();
    let growing = held.conversations.values().filter(|conversation| conversation.added > 0);
    let mut queries = vec![
        app::use_ids(app::MESSAGE, &ids),
        message::insert_all(&messages),
        conversation::grow_all(growing.map(|growing| {
            let Growing { key, last_position, added, active_at, .. } = growing;
            (*key, *last_position, *added, *active_at)
        })),
        membership::settle_all(
            settled
                .iter()
                .map(|((conversation, user), of_member)| (*conversation, *user, of_member.count, of_member.first)),
        ),
    ];
    queries.extend(notes.queries(session));
    session.sql.all(&queries)?;
    Ok(())
}
