//! Delayed and batch sending. Contract 2.2.5.

use std::time::Duration;

use layer_store::app::IdUse;
use layer_store::conversation::ConversationRecord;
use layer_store::held::{Held, Inserted};
use layer_store::key::AppKey;
use layer_store::message::{MessageRecord, NewMessageRecord};
use layer_store::page::Weighed;
use layer_store::scheduled_message::ScheduledMessageRecord;
use layer_store::{Reads, Writes};
use layer_wire::message::{NewMessage, RecipientStatus};
use layer_wire::page::MAX_PAGE_BYTES;
use layer_wire::part::Part;
use layer_wire::{ApiError, ConversationId, MessageId, Timestamp};
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use super::Services;
use super::caller::Caller;
use super::conversation::hold;
use super::dedupe::{self, Creation, Tagged};
use super::event::{Event, Events};
use super::failure::Failure;
use super::message;
use super::named::Named;

/// How many messages are sent in one transaction.
const SENT_AT_ONCE: usize = 100;

/// What became of a message of a batch, or of one with a delay.
#[derive(Debug, Clone, PartialEq)]
pub enum Accepted {
    /// It was sent at once, or it was sent before and this is a replay.
    Sent(MessageRecord),
    /// It waits.
    Scheduled(Scheduled),
}

/// A message that waits, and the conversation that it will be in.
#[derive(Debug, Clone, PartialEq)]
pub struct Scheduled {
    /// The message.
    pub message: ScheduledMessageRecord,
    /// What the status with its recipients would be, were it sent now.
    pub recipient_status: RecipientStatus,
}

impl Scheduled {
    /// Looks at the conversation, whose participants get the message.
    pub fn new(message: ScheduledMessageRecord, conversation: &ConversationRecord) -> Self {
        let recipient_status = RecipientStatus::new(&conversation.participants, &message.sender);
        Self { message, recipient_status }
    }
}

impl From<Scheduled> for layer_wire::message::Shown {
    fn from(scheduled: Scheduled) -> Self {
        let Scheduled { message, recipient_status } = scheduled;
        Self {
            id: message.id,
            conversation: message.conversation,
            // It has none before it is sent; the answers that show it show no position.
            position: 0,
            sent_at: message.due_at,
            updated_at: None,
            sender: message.sender,
            parts: message.parts,
            recipient_status,
        }
    }
}

/// The id of a message of a batch. The tag is that of the first one; those of the others follow from it, so that a
/// replay of the batch finds them all.
fn id_in_batch(tag: Uuid, index: usize) -> Uuid {
    if index == 0 {
        return tag;
    }
    let mut hash = Sha256::new();
    hash.update(tag.as_bytes());
    hash.update((index as u64).to_be_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// What a message of a request that is sent again has become.
pub fn find_accepted(
    reads: &dyn Reads,
    app: AppKey,
    conversation: &ConversationRecord,
    tag: Option<Uuid>,
) -> Result<Option<Creation<Accepted>>, Failure> {
    let tagged = dedupe::find(reads, app, tag)?;
    Ok(tagged.map(|tagged| accepted_before(conversation, tagged)))
}

fn accepted_before(conversation: &ConversationRecord, tagged: Tagged) -> Creation<Accepted> {
    match tagged {
        Tagged::Message(first) if first.conversation == conversation.id => Creation::Done(Accepted::Sent(first)),
        Tagged::Scheduled(first) if first.message.conversation == conversation.id => {
            Creation::Done(Accepted::Scheduled(first))
        }
        other => Creation::IdInUse(other),
    }
}

/// Sends a message, or puts it into the queue when it is to wait. Its id is the tag, if there is one.
pub fn accept(
    writes: &mut dyn Writes,
    app: AppKey,
    conversation: &mut Held<ConversationRecord>,
    tag: Option<Uuid>,
    new: NewMessageRecord,
    delay: Duration,
    events: &Events,
) -> Result<Creation<Accepted>, Failure> {
    let accepted = if delay.is_zero() {
        send(writes, app, conversation, new, events)?.map(Accepted::Sent)
    } else {
        schedule(writes, app, conversation, new, delay)?.map(Accepted::Scheduled)
    };
    Ok(match accepted {
        Inserted::Done(accepted) => Creation::Done(accepted),
        // Another process was faster.
        Inserted::Taken(id_use) => accepted_before(conversation, dedupe::taken(writes, app, tag, id_use)?),
    })
}

impl Weighed for Accepted {
    fn weight(&self) -> usize {
        match self {
            Self::Sent(message) => message.weight(),
            Self::Scheduled(scheduled) => scheduled.message.parts.iter().map(Part::length).sum(),
        }
    }
}

/// Sends a message at once.
pub fn send(
    writes: &mut dyn Writes,
    app: AppKey,
    conversation: &mut Held<ConversationRecord>,
    new: NewMessageRecord,
    events: &Events,
) -> Result<Inserted<MessageRecord, IdUse>, Failure> {
    let sent = writes.append_message(app, conversation, new)?;
    if let Inserted::Done(sent) = &sent {
        events.record(writes, app, &Event::MessageSent(sent))?;
    }
    Ok(sent)
}

impl Services {
    /// Sends messages one after the other, each after its delay, which counts from the one before. The first one has
    /// the id `tag`, if there is one. All of them are accepted or none.
    ///
    /// Errors: those of [`Self::send_message`].
    pub async fn send_batch(
        &self,
        caller: Caller,
        conversation: ConversationId,
        tag: Option<Uuid>,
        requests: Vec<NewMessage>,
    ) -> Result<Named<Creation<Vec<Accepted>>>, Failure> {
        let (app, events) = (caller.key, self.events());
        let now = self.clock.now();
        let tags: Vec<Option<Uuid>> = (0..requests.len()).map(|index| tag.map(|tag| id_in_batch(tag, index))).collect();
        let ids: Vec<Uuid> = tags.iter().map(|tag| tag.unwrap_or_else(|| self.ids.resource(now))).collect();
        let send = move |writes: &mut dyn Writes| {
            let mut conversation = hold(writes, app, conversation)?;
            let mut replayed = Vec::with_capacity(requests.len());
            let mut replayed_bytes = 0;
            for tag in &tags {
                // What messages came to hold since may be more than an answer can.
                if replayed_bytes > MAX_PAGE_BYTES {
                    let message =
                        "The messages of this batch were sent, but have grown too large to be shown in one answer.";
                    return Err(ApiError::invalid_request(message).into());
                }
                match find_accepted(writes, app, &conversation, *tag)? {
                    Some(Creation::IdInUse(other)) => return Ok(Creation::IdInUse(other)),
                    Some(Creation::Done(accepted)) => {
                        replayed_bytes += accepted.weight();
                        replayed.push(Some(accepted));
                    }
                    None => replayed.push(None),
                }
            }
            let mut accepted = Vec::with_capacity(requests.len());
            let mut delay = Duration::ZERO;
            for (((request, id), tag), replayed) in requests.iter().zip(&ids).zip(&tags).zip(replayed) {
                delay += request.delay.unwrap_or_default();
                if let Some(replayed) = replayed {
                    accepted.push(replayed);
                    continue;
                }
                let new = message::check(writes, caller, &conversation, MessageId::new(*id), now, request.clone())?;
                match accept(writes, app, &mut conversation, *tag, new, delay, &events)? {
                    Creation::Done(one) => accepted.push(one),
                    Creation::IdInUse(other) => return Ok(Creation::IdInUse(other)),
                }
            }
            Ok(Creation::Done(accepted))
        };
        self.write_named(caller, send).await
    }

    /// Sends the messages that are due, each exactly once: the write that sends one takes it out of the queue. Answers
    /// when the next one is due.
    pub async fn send_due_messages(&self) -> Result<Option<Timestamp>, Failure> {
        loop {
            let now = self.clock.now();
            let events = self.events();
            let send = move |writes: &mut dyn Writes| {
                let due = writes.hold_due_messages(now, SENT_AT_ONCE)?;
                // Fewer than asked for may be those that there was room for.
                let is_done = due.is_empty();
                for (app, message) in &due {
                    send_due(writes, *app, message, now, &events)?;
                }
                Ok::<_, Failure>(if is_done { Some(writes.next_scheduled_message()?) } else { None })
            };
            if let Some(next) = self.store.write(send).await? {
                return Ok(next);
            }
        }
    }
}

fn schedule(
    writes: &mut dyn Writes,
    app: AppKey,
    conversation: &Held<ConversationRecord>,
    new: NewMessageRecord,
    after: Duration,
) -> Result<Inserted<Scheduled, IdUse>, Failure> {
    let delay_ms = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
    let message = ScheduledMessageRecord {
        id: new.id,
        conversation: conversation.id,
        due_at: Timestamp::from_ms(new.sent_at.as_ms().saturating_add(delay_ms)),
        sender: new.sender,
        parts: new.parts,
    };
    let inserted = writes.insert_scheduled_message(app, conversation, &message)?;
    Ok(inserted.map(|()| Scheduled::new(message, conversation)))
}

/// Sends a message that is due. What must not be sent any more is no longer in the queue: it went when the sender left,
/// or with the conversation.
fn send_due(
    writes: &mut dyn Writes,
    app: AppKey,
    message: &Held<ScheduledMessageRecord>,
    now: Timestamp,
    events: &Events,
) -> Result<(), Failure> {
    let mut conversation = hold(writes, app, message.conversation)?;
    let recipient_status = RecipientStatus::new(&conversation.participants, &message.sender);
    let sent = writes.send_scheduled_message(app, &mut conversation, message, now, recipient_status)?;
    Ok(events.record(writes, app, &Event::MessageSent(&sent))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ids_of_a_batch_follow_from_its_tag() {
        let tag = Uuid::from_u128(7);
        let ids: Vec<Uuid> = (0..3).map(|index| id_in_batch(tag, index)).collect();
        assert_eq!(ids[0], tag);
        assert_eq!(ids, (0..3).map(|index| id_in_batch(tag, index)).collect::<Vec<_>>());
        assert!(ids[1] != ids[2] && ids[1].get_version_num() == 8);
        assert_ne!(ids[1], id_in_batch(Uuid::from_u128(8), 1));
    }
}
