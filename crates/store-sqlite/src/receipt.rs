//! Receipts: they rewrite the status in the row of a message, and count it as settled once it is read.

use layer_store::changes::{Change, Kinds};
use layer_store::conversation::ConversationRecord;
use layer_store::held::Held;
use layer_store::key::AppKey;
use layer_store::log::Entry;
use layer_store::membership::MembershipReads as _;
use layer_store::message::MessageRecord;
use layer_store::receipt::{MarkedRead, ReceiptWrites};
use layer_store::{StoreError, codec};
use layer_wire::UserId;
use layer_wire::message::Status;

use super::sql::Sql;
use super::{Session, membership, message, row, user};

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
        put(self.sql, conversation, message)?;
        if status == Status::Read {
            membership::settle(self.sql, app, user, conversation, message.position)?;
        }
        let position = message.position;
        self.log_in_conversation(app, conversation, || Entry::Receipt { position, user: user.clone(), status })?;
        self.tell_receipt(app, user, message, status);
        Ok(true)
    }

    fn mark_read(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        up_to: u32,
        limit: usize,
    ) -> Result<MarkedRead, StoreError> {
        let sql = self.sql;
        let (Some(key), Some(membership)) = (user::find(sql, app, user)?, self.membership(app, user, conversation)?)
        else {
            return Ok(MarkedRead { messages: vec![], is_done: true });
        };
        let begin = membership.read_position.max(membership.deleted_position);
        let (mut found, is_full) = if membership.unread_count == 0 {
            (vec![], false)
        } else {
            message::list_oldest_first(sql, conversation, key, begin, up_to, limit)?
        };
        // A user who has nothing left to read need not look at the rest.
        let is_done = found.len() < limit && !is_full;
        let looked_up_to = found.last().filter(|_| !is_done).map_or(up_to, |message| message.position);
        found.retain_mut(|message| message.recipient_status.raise(user, Status::Read));
        for message in &found {
            put(sql, conversation, message)?;
        }
        sql.prepare(
            "UPDATE memberships SET settled_count = settled_count + ?3, read_position = MAX(read_position, ?4)
             WHERE user = ?1 AND conversation = ?2",
        )?
        .run((
            key.0,
            conversation.key.number(),
            i64::try_from(found.len()).unwrap_or(i64::MAX),
            looked_up_to,
        ))?;
        if let Some(newest) = found.last() {
            self.log_in_conversation(app, conversation, || Entry::MarkedRead {
                position: looked_up_to.max(newest.position),
                user: user.clone(),
                unread: found.iter().map(|message| message.position).collect(),
            })?;
            self.tell_receipt(app, user, newest, Status::Read);
        }
        Ok(MarkedRead { messages: found, is_done })
    }
}

impl Session<'_> {
    fn tell_receipt(&mut self, app: AppKey, user: &UserId, message: &MessageRecord, status: Status) {
        let MessageRecord { conversation, position, .. } = *message;
        let change = || Change::Receipt { app, conversation, user: user.clone(), position, status };
        self.tell(Kinds::RECEIPTS, change);
    }
}

fn put(sql: Sql<'_>, conversation: &ConversationRecord, message: &MessageRecord) -> Result<(), StoreError> {
    sql.prepare("UPDATE messages SET recipients = ?2 WHERE key = ?1")?
        .run((row::message_key(conversation, message.position), codec::encode_recipients(&message.recipient_status)))?;
    Ok(())
}
