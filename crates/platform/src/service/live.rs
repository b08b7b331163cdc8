//! What clients hear of: the log of changes, looked at with the eyes of a user. Client API 5.3 and 6.1.
//!
//! The same eyes look at what is new and at what a client catches up with, so that both are the same. They see what is
//! there now: what was deleted since is shown to nobody.

use std::sync::Arc;

use layer_store::announcement::AnnouncementCopy;
use layer_store::changes::What;
use layer_store::conversation::ConversationRecord;
use layer_store::key::AppKey;
use layer_store::log::{ConversationChanges, Entry, LogPage, LogRecord, PartChanges, Place, Scope};
use layer_store::membership::Membership;
use layer_store::message::MessageRecord;
use layer_store::page::{PositionRange, Weighed};
use layer_store::scheduled_message::Typist;
use layer_store::seen::SeenConversation;
use layer_store::{Reads, StoreError};
use layer_wire::client_api::DeletionMode;
use layer_wire::identity::Fields;
use layer_wire::message::Status;
use layer_wire::view::Identities;
use layer_wire::{AnnouncementId, ConversationId, MessageId, Timestamp, UserId};

use super::Core;
use super::block::{blocked_between, is_blocked_between};
use super::named::{NamesUsers, identities_of};

/// How much is looked at in one go, beside the entry with which it becomes too much. Unit: bytes, by the weight of what
/// is told.
const LOOKED_AT_ONCE: usize = 64 * 1024;

/// How many entries are forgotten in one write.
const FORGOTTEN_AT_ONCE: usize = 1000;

/// Unit: milliseconds.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What the deletion of a message means for the newest one of its conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastMessage {
    /// It is the same as before.
    Same,
    /// It was the deleted one, and now it is this.
    Now(MessageId),
    /// There is none any more.
    Gone,
}

/// What a user is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// A conversation is there: it was created, the user came to it, or it came back.
    ConversationCreated(Box<SeenConversation>),
    /// A conversation changed.
    ConversationChanged {
        /// The conversation.
        id: ConversationId,
        /// What changed of it.
        changes: ConversationChanges,
    },
    /// A conversation is gone.
    ConversationDeleted {
        /// The conversation.
        id: ConversationId,
        /// For whom.
        mode: DeletionMode,
    },
    /// A message was sent.
    MessageSent {
        /// The message.
        message: Arc<MessageRecord>,
        /// How many messages of the conversation the user has not read; `None` for the sender.
        unread: Option<u64>,
    },
    /// Parts of a message changed.
    PartsChanged {
        /// The message.
        message: Arc<MessageRecord>,
        /// What became of its parts.
        parts: PartChanges,
    },
    /// A message is gone.
    MessageDeleted {
        /// The message.
        id: MessageId,
        /// For whom.
        mode: DeletionMode,
        /// The conversation it was in.
        conversation: ConversationId,
        /// Which message is the newest one now.
        last_message: LastMessage,
        /// How many messages of the conversation the user has not read.
        unread: u64,
    },
    /// A message reached a participant, or was read by it.
    Receipt {
        /// The messages.
        messages: Vec<MessageId>,
        /// The conversation they are in.
        conversation: ConversationId,
        /// Whose receipt it is.
        user: UserId,
        /// `Delivered` or `Read`.
        status: Status,
        /// Up to where all were marked as read, where they were marked together.
        marked: Option<u32>,
        /// How many messages of the conversation the user has not read, where the receipt is its own.
        unread: Option<u64>,
    },
    /// An announcement was sent to the user.
    AnnouncementSent(Box<AnnouncementCopy>),
    /// The user read an announcement, or it reached the user.
    AnnouncementStatus {
        /// The announcement.
        id: AnnouncementId,
        /// `Delivered` or `Read`.
        status: Status,
    },
    /// The user deleted an announcement.
    AnnouncementDeleted {
        /// The announcement.
        id: AnnouncementId,
    },
    /// An identity came into sight, or changed.
    Identity {
        /// Whose it is.
        user: UserId,
        /// It.
        fields: Fields,
        /// The fields that changed, by name; `None` where it is new to the user.
        changed: Option<Vec<String>>,
    },
    /// An identity is gone, or out of sight.
    IdentityDeleted {
        /// Whose it was.
        user: UserId,
    },
}

impl NamesUsers for Told {
    fn for_each_user<'a>(&'a self, name: &mut dyn FnMut(&'a UserId)) {
        match self {
            Self::ConversationCreated(seen) => seen.for_each_user(name),
            Self::ConversationChanged { changes, .. } => changes.joined.iter().for_each(name),
            Self::MessageSent { message, .. } | Self::PartsChanged { message, .. } => message.for_each_user(name),
            Self::Receipt { user, marked: Some(_), .. } => name(user),
            Self::AnnouncementSent(copy) => copy.for_each_user(name),
            _ => {}
        }
    }
}

impl Weighed for Told {
    fn weight(&self) -> usize {
        match self {
            Self::ConversationCreated(seen) => seen.weight(),
            Self::MessageSent { message, .. } | Self::PartsChanged { message, .. } => message.weight(),
            Self::AnnouncementSent(copy) => copy.weight(),
            _ => 0,
        }
    }
}

/// An entry of the log, while it is looked at: what several users see of it is looked up once.
struct Sight<'a> {
    reads: &'a dyn Reads,
    record: &'a LogRecord,
    /// `None` for one that was deleted.
    conversation: Option<ConversationRecord>,
    message: Option<Arc<MessageRecord>>,
    /// Of the messages that were marked as read together.
    marked: Vec<MessageId>,
}

impl<'a> Sight<'a> {
    fn new(reads: &'a dyn Reads, record: &'a LogRecord) -> Result<Self, StoreError> {
        let id = match (&record.scope, &record.entry) {
            (Scope::Conversation(id), _)
            | (_, Entry::ConversationRevived { id } | Entry::MessageDeletedForUser { conversation: id, .. }) => {
                Some(*id)
            }
            _ => None,
        };
        let conversation = match id {
            Some(id) => reads.conversation(record.app, id)?.filter(|conversation| !conversation.is_deleted),
            None => None,
        };
        let mut sight = Self { reads, record, conversation, message: None, marked: vec![] };
        match &record.entry {
            Entry::MessageSent { position }
            | Entry::PartsChanged { position, .. }
            | Entry::Receipt { position, .. } => sight.message = sight.message_at(*position)?.map(Arc::new),
            Entry::MarkedRead { unread, .. } => {
                for position in unread {
                    sight.marked.extend(sight.message_at(*position)?.map(|message| message.id));
                }
            }
            _ => {}
        }
        Ok(sight)
    }

    fn message_at(&self, position: u32) -> Result<Option<MessageRecord>, StoreError> {
        let Some(conversation) = &self.conversation else { return Ok(None) };
        let range = PositionRange { after: None, up_to: Some(position), above: position.saturating_sub(1) };
        Ok(self.reads.messages(conversation, range, 1)?.pop())
    }

    /// What a user sees of it.
    fn of(&self, user: &UserId) -> Result<Option<Told>, StoreError> {
        let app = self.record.app;
        match &self.record.entry {
            Entry::ConversationDeleted { id } => {
                Ok(Some(Told::ConversationDeleted { id: *id, mode: DeletionMode::AllParticipants }))
            }
            Entry::ConversationDeletedForUser { id } => {
                Ok(Some(Told::ConversationDeleted { id: *id, mode: DeletionMode::MyDevices }))
            }
            Entry::Announcement { id, what: What::Deleted } => Ok(Some(Told::AnnouncementDeleted { id: *id })),
            Entry::Announcement { id, what } => {
                let copy = self.reads.announcement_of(app, user, *id)?;
                Ok(copy.map(|copy| match what {
                    What::Created => Told::AnnouncementSent(Box::new(copy)),
                    _ => Told::AnnouncementStatus { id: *id, status: copy.status },
                }))
            }
            Entry::Following { user: followed, is_following: true } => {
                let fields = self.reads.identity(app, followed)?.unwrap_or_else(Fields::unset);
                Ok(Some(Told::Identity { user: followed.clone(), fields, changed: None }))
            }
            Entry::Following { user: followed, is_following: false } => {
                Ok(Some(Told::IdentityDeleted { user: followed.clone() }))
            }
            Entry::Identity { what, fields: changed } => {
                let Scope::Identity(subject) = &self.record.scope else { return Ok(None) };
                if *what == What::Deleted {
                    return Ok(Some(Told::IdentityDeleted { user: subject.clone() }));
                }
                let fields = self.reads.identity(app, subject)?;
                Ok(fields.map(|fields| {
                    let changed = (*what == What::Changed).then(|| changed.clone());
                    Told::Identity { user: subject.clone(), fields, changed }
                }))
            }
            _ => self.in_conversation(user),
        }
    }

    /// The same for an entry that needs the conversation.
    fn in_conversation(&self, user: &UserId) -> Result<Option<Told>, StoreError> {
        let app = self.record.app;
        let Some(conversation) = &self.conversation else { return Ok(None) };
        let Some(membership) = self.reads.membership(app, user, conversation)? else { return Ok(None) };
        let unread = membership.unread_count;
        Ok(match &self.record.entry {
            Entry::ConversationCreated | Entry::ConversationRevived { .. } => {
                self.seen(user, conversation, membership)?
            }
            Entry::ConversationChanged(changes) if changes.joined.contains(user) => {
                self.seen(user, conversation, membership)?
            }
            Entry::ConversationChanged(changes) => {
                Some(Told::ConversationChanged { id: conversation.id, changes: changes.clone() })
            }
            Entry::MessageSent { .. } => {
                let message = self.message_for(user, conversation, membership)?;
                message.map(|message| {
                    let is_own = message.sender.user() == Some(user);
                    Told::MessageSent { message, unread: (!is_own).then_some(unread) }
                })
            }
            Entry::PartsChanged { parts, .. } => {
                let message = self.message_for(user, conversation, membership)?;
                message.map(|message| Told::PartsChanged { message, parts: parts.clone() })
            }
            Entry::Receipt { user: by, status, .. } => {
                let message = self.message_for(user, conversation, membership)?;
                message.map(|message| Told::Receipt {
                    messages: vec![message.id],
                    conversation: conversation.id,
                    user: by.clone(),
                    status: *status,
                    marked: None,
                    unread: (by == user && *status == Status::Read).then_some(unread),
                })
            }
            Entry::MarkedRead { position, user: by, .. } => Some(Told::Receipt {
                messages: self.marked.clone(),
                conversation: conversation.id,
                user: by.clone(),
                status: Status::Read,
                marked: Some(*position),
                unread: (by == user).then_some(unread),
            }),
            Entry::MessageDeleted { position, id, sender } => {
                let is_hidden = match sender {
                    Some(sender) => is_blocked_between(self.reads, app, user, sender)?,
                    None => false,
                };
                if membership.can_see(*position) && !is_hidden {
                    let mode = DeletionMode::AllParticipants;
                    Some(self.deleted(user, conversation, membership, *id, *position, mode)?)
                } else {
                    None
                }
            }
            Entry::MessageDeletedForUser { position, id, .. } => {
                Some(self.deleted(user, conversation, membership, *id, *position, DeletionMode::MyDevices)?)
            }
            _ => None,
        })
    }

    fn seen(
        &self,
        user: &UserId,
        conversation: &ConversationRecord,
        membership: Membership,
    ) -> Result<Option<Told>, StoreError> {
        if membership.is_deleted {
            return Ok(None);
        }
        let seen = self.reads.seen(self.record.app, user, conversation.clone(), membership)?;
        Ok(Some(Told::ConversationCreated(Box::new(seen))))
    }

    /// The message of the entry, if the user can see it.
    fn message_for(
        &self,
        user: &UserId,
        conversation: &ConversationRecord,
        membership: Membership,
    ) -> Result<Option<Arc<MessageRecord>>, StoreError> {
        let Some(message) = self.message.as_ref().filter(|message| membership.can_see(message.position)) else {
            return Ok(None);
        };
        let has_deleted = membership.deleted_count > 0
            && self.reads.has_deleted_message(self.record.app, user, conversation, message.position)?;
        Ok((!has_deleted).then(|| Arc::clone(message)))
    }

    fn deleted(
        &self,
        user: &UserId,
        conversation: &ConversationRecord,
        membership: Membership,
        id: MessageId,
        position: u32,
        mode: DeletionMode,
    ) -> Result<Told, StoreError> {
        let last = self.reads.last_message_of(self.record.app, user, conversation, membership)?;
        Ok(Told::MessageDeleted {
            id,
            mode,
            conversation: conversation.id,
            last_message: match last {
                Some(last) if last.position < position => LastMessage::Now(last.id),
                Some(_) => LastMessage::Same,
                None => LastMessage::Gone,
            },
            unread: membership.unread_count,
        })
    }
}

/// An entry, and what users are told of it.
#[derive(Debug)]
pub struct News<Reader> {
    /// Its place.
    pub place: Place,
    /// Who is told what.
    pub told: Vec<(Reader, Told)>,
    /// What is known of the users in it.
    pub identities: Identities,
}

/// A part of the log, as its readers see it.
#[derive(Debug)]
pub struct Sights<Reader> {
    /// What they are told, in order.
    pub news: Vec<News<Reader>>,
    /// Up to where this goes.
    pub up_to: Place,
    /// Whether that was all when it was read.
    pub is_all: bool,
}

impl<Reader> Sights<Reader> {
    /// Looks at a part of the log, as far as there is room for what is seen.
    fn of(
        page: LogPage,
        mut look: impl FnMut(&LogRecord) -> Result<News<Reader>, StoreError>,
    ) -> Result<Self, StoreError> {
        let LogPage { records, up_to, is_all } = page;
        let mut sights = Self { news: Vec::with_capacity(records.len()), up_to, is_all };
        let mut weight = 0;
        for record in &records {
            let news = look(record)?;
            weight += news.told.iter().map(|(_, told)| told.weight()).sum::<usize>();
            sights.news.push(news);
            if weight >= LOOKED_AT_ONCE {
                return Ok(Self { up_to: record.place, is_all: false, ..sights });
            }
        }
        Ok(sights)
    }
}

fn look<Reader>(
    reads: &dyn Reads,
    record: &LogRecord,
    readers: impl IntoIterator<Item = (UserId, Reader)>,
) -> Result<News<Reader>, StoreError> {
    let mut told = vec![];
    let mut readers = readers.into_iter().peekable();
    if readers.peek().is_some() {
        let sight = Sight::new(reads, record)?;
        for (user, reader) in readers {
            told.extend(sight.of(&user)?.map(|is_told| (reader, is_told)));
        }
    }
    let mut named = Identities::new();
    for (_, told) in &told {
        // Most are about the same users; who is known is not looked up again.
        let mut is_known = true;
        told.for_each_user(&mut |user| is_known = is_known && named.contains_key(user));
        if !is_known {
            named.extend(identities_of(reads, record.app, told)?);
        }
    }
    Ok(News { place: record.place, told, identities: named })
}

/// What clients hear of.
pub struct LiveService {
    pub(super) core: Arc<Core>,
    /// How long the log is kept. Unit: milliseconds.
    pub(super) kept_for_ms: i64,
}

impl LiveService {
    /// Begins to listen for a user, or goes on with it. Answers with the place from which on everything is new.
    pub async fn listen(&self, app: AppKey, user: UserId) -> Result<Place, StoreError> {
        // For as long as the log goes back, and until the end of the next day: said once more on the same day, it
        // changes nothing, and costs no write to the disk.
        let until = self.core.clock.now().as_ms().saturating_add(self.kept_for_ms).div_euclid(DAY_MS).saturating_add(2);
        let until = Timestamp::from_ms(until.saturating_mul(DAY_MS));
        self.core.store.write(move |writes| writes.keep_log(app, &user, until)).await
    }

    /// The end of the log.
    pub async fn end(&self) -> Result<Place, StoreError> {
        self.core.store.read(|reads| reads.log_end()).await
    }

    /// What comes next in the log, at most `limit` entries, for those whom `find` finds among their readers.
    pub async fn news<Reader: Send + 'static>(
        &self,
        after: Place,
        limit: usize,
        mut find: impl FnMut(AppKey, Vec<UserId>) -> Vec<(UserId, Reader)> + Send + 'static,
    ) -> Result<Sights<Reader>, StoreError> {
        let read = move |reads: &dyn Reads| {
            let page = reads.log_after(after, limit)?;
            Sights::of(page, |record| look(reads, record, find(record.app, reads.log_readers(record)?)))
        };
        self.core.store.read(read).await
    }

    /// A part of the log behind a place, as a user sees it: at most `limit` entries. What the user cannot see any more
    /// is left out.
    pub async fn replay(
        &self,
        app: AppKey,
        user: UserId,
        after: Place,
        limit: usize,
    ) -> Result<Sights<()>, StoreError> {
        let read = move |reads: &dyn Reads| {
            let page = reads.log_of(app, &user, after, limit)?;
            let sights = Sights::of(page, |record| look(reads, record, [(user.clone(), ())]))?;
            // What concerns others lies behind the last one, too.
            let up_to = if sights.is_all { reads.log_end()?.max(after) } else { sights.up_to };
            Ok(Sights { up_to, ..sights })
        };
        self.core.store.read(read).await
    }

    /// The time from which on the log is kept.
    pub fn kept_since(&self) -> Timestamp {
        Timestamp::from_ms(self.core.clock.now().as_ms().saturating_sub(self.kept_for_ms))
    }

    /// Forgets what is older than the log is kept for.
    pub async fn forget(&self) -> Result<(), StoreError> {
        let before = self.kept_since();
        while !self.core.store.write(move |writes| writes.forget_log(before, FORGOTTEN_AT_ONCE)).await? {}
        Ok(())
    }

    /// Who follows a user.
    pub async fn followers(&self, app: AppKey, user: UserId) -> Result<Vec<UserId>, StoreError> {
        self.core.store.read(move |reads| reads.followers(app, &user)).await
    }

    /// Those of some users whom a user follows, itself included.
    pub async fn followed_among(
        &self,
        app: AppKey,
        user: UserId,
        users: Vec<UserId>,
    ) -> Result<Vec<UserId>, StoreError> {
        let read = move |reads: &dyn Reads| {
            let mut followed = vec![];
            for other in &users {
                if *other == user || reads.is_following(app, &user, other)? {
                    followed.push(other.clone());
                }
            }
            Ok(followed)
        };
        self.core.store.read(read).await
    }

    /// Those who seem to type at a time, because a message of theirs is due soon, at most `limit`, and when the next
    /// one begins.
    pub async fn typists(&self, now: Timestamp, limit: usize) -> Result<(Vec<Typist>, Option<Timestamp>), StoreError> {
        self.core.store.read(move |reads| Ok((reads.typists(now, limit)?, reads.next_typist(now)?))).await
    }

    /// The other participants of a conversation in which a user takes part, without those who block it or are blocked;
    /// nobody where it takes no part.
    pub async fn others_in(
        &self,
        app: AppKey,
        user: UserId,
        id: ConversationId,
    ) -> Result<(Vec<UserId>, Identities), StoreError> {
        let read = move |reads: &dyn Reads| {
            let found = reads.conversation(app, id)?.filter(|conversation| conversation.participants.contains(&user));
            let mut others = found.map(|conversation| conversation.participants).unwrap_or_default();
            others.retain(|other| *other != user);
            for hidden in blocked_between(reads, app, &user, &others)? {
                others.retain(|other| *other != hidden);
            }
            let identities = identities_of(reads, app, &user)?;
            Ok((others, identities))
        };
        self.core.store.read(read).await
    }
}
