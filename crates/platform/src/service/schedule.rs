//! Messages whose delay is over. Contract 2.2.5.

use layer_store::Writes;
use layer_store::held::Held;
use layer_store::key::AppKey;
use layer_store::scheduled_message::ScheduledMessageRecord;
use layer_wire::Timestamp;
use layer_wire::message::RecipientStatus;

use super::conversation::hold;
use super::event::{Event, Events};
use super::failure::Failure;
use super::message::{MessageService, hidden_from};

/// How many messages are sent in one transaction.
const SENT_AT_ONCE: usize = 100;

impl MessageService {
    /// Sends the messages that are due, each exactly once: the write that sends one takes it out of the queue. Answers
    /// when the next one is due.
    pub async fn send_due(&self) -> Result<Option<Timestamp>, Failure> {
        loop {
            let now = self.core.clock.now();
            let events = self.core.events();
            let send = move |writes: &mut dyn Writes| {
                let due = writes.hold_due_messages(now, SENT_AT_ONCE)?;
                // Fewer than asked for may be those that there was room for.
                let is_done = due.is_empty();
                for (app, message) in &due {
                    send_due(writes, *app, message, now, &events)?;
                }
                Ok::<_, Failure>(if is_done { Some(writes.next_scheduled_message()?) } else { None })
            };
            if let Some(next) = self.core.store.write(send).await? {
                return Ok(next);
            }
        }
    }
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
    let hidden_from = hidden_from(writes, app, &message.sender, &conversation.participants)?;
    let sent = writes.send_scheduled_message(app, &mut conversation, message, now, recipient_status, hidden_from)?;
    Ok(events.record(writes, app, &Event::MessageSent(&sent))?)
}
