//! Receipts: they rewrite the status in the row of a message, and count it as settled once it is read.

use layer_store::StoreError;
use layer_store::changes::{Change, Kinds};
use layer_store::conversation::ConversationRecord;
use layer_store::held::Held;
use layer_store::key::AppKey;
use layer_store::log::Entry;
use layer_store::message::MessageRecord;
use layer_store::page::Gathered;
use layer_store::receipt::ReceiptWrites;
use layer_wire::UserId;
use layer_wire::message::Status;

use super::{Session, membership, message, user};

impl ReceiptWrites for Session<'_> {
    fn raise_status(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        message: &mut Held<MessageRecord>,
        status: Status,
    ) -> Result<bool, StoreError> {
        if !message.in_engine().recipient_status.raise(user, status) {
            return Ok(false);
        }
        self.sql.rows(message::put_status(conversation.key, message))?;
        if status == Status::Read {
            membership::settle(self.sql, app, user, conversation, message.position)?;
        }
        let position = message.position;
        self.log_in_conversation(app, conversation, || Entry::Receipt { position, user: user.clone(), status })?;
        self.tell_receipt(app, user, message, status);
        Ok(true)
    }

    fn hold_messages_of(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        above: u32,
        up_to: u32,
        limit: usize,
    ) -> Result<Gathered<MessageRecord>, StoreError> {
        let Some(reader) = user::find(self.sql, app, user)? else { return Ok(Gathered::default()) };
        message::list_oldest_first(self.sql, conversation, reader, above, up_to, limit)
    }

    fn put_read(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        messages: &[MessageRecord],
        up_to: u32,
    ) -> Result<(), StoreError> {
        let put = messages.iter().map(|message| message::put_status(conversation.key, message));
        self.sql.all(&put.collect::<Vec<_>>())?;
        self.sql
            .prepare(
                "UPDATE memberships SET settled_count = settled_count + $4, read_position = GREATEST(read_position, $5)
                 WHERE user_key = (SELECT key FROM users WHERE app = $1 AND id = $2) AND conversation = $3",
            )
            .run((
                app.number(),
                user.as_str(),
                conversation.key.number(),
                i64::try_from(messages.len()).unwrap_or(i64::MAX),
                up_to,
            ))?;
        if let Some(newest) = messages.last() {
            self.log_in_conversation(app, conversation, || Entry::MarkedRead {
                position: up_to.max(newest.position),
                user: user.clone(),
                unread: messages.iter().map(|message| message.position).collect(),
            })?;
            self.tell_receipt(app, user, newest, Status::Read);
        }
        Ok(())
    }
}

impl Session<'_> {
    /// Tells of a receipt of a user.
    pub fn tell_receipt(&mut self, app: AppKey, user: &UserId, message: &MessageRecord, status: Status) {
        let MessageRecord { conversation, position, .. } = *message;
        let change = || Change::Receipt { app, conversation, user: user.clone(), position, status };
        self.tell(Kinds::RECEIPTS, change);
    }
}
