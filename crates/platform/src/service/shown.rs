//! Records as answers, events and exports show them alike.

use layer_store::conversation::ConversationRecord;
use layer_wire::View;
use layer_wire::conversation::{Conversation, UserPart};

/// A conversation; `of_user` is what the view of a user adds.
pub fn conversation(record: ConversationRecord, view: &View, of_user: Option<UserPart>) -> Conversation {
    Conversation {
        id: record.id,
        url: view.urls.conversation(record.id),
        messages_url: view.urls.messages(record.id),
        created_at: record.created_at,
        participants: record.participants.into_iter().map(|user| view.user(user)).collect(),
        distinct: record.is_distinct,
        metadata: record.metadata,
        of_user,
    }
}
