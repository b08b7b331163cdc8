//! What an operator looks for: conversations, messages and users of an app, by user, text and time; what an id is of.
//!
//! There is no index of words, which every send would have to pay for: a search walks along, newest first, as far as it
//! comes in a short time, and says where to go on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use layer_store::app::IdUse;
use layer_store::conversation::ConversationRecord;
use layer_store::key::AppKey;
use layer_store::message::MessageRecord;
use layer_store::overview::{AppCounts, OutboxState, UserRecord};
use layer_store::page::Weighed;
use layer_store::user::UnreadCounts;
use layer_store::{Reads, StoreError};
use layer_wire::body::Object;
use layer_wire::identity::Fields;
use layer_wire::page::{MAX_PAGE_BYTES, SortBy};
use layer_wire::part::PartBody;
use layer_wire::{ApiError, AppId, ConversationId, MessageId, Timestamp, UserId};
use serde_json::Value;
use uuid::Uuid;

use super::caller::Caller;
use super::core::Core;
use super::failure::Failure;
use super::named::{Named, NamesUsers};

/// How long a search looks before it answers with what it has.
const PATIENCE: Duration = Duration::from_millis(250);

/// How much it looks at before it does so.
const MOST_LOOKED_AT: usize = 10_000;

/// How much it reads at a time.
const PAGE: usize = 500;

/// From how many conversations and users on a count is remembered.
const LARGE: u64 = 50_000;

/// Up to how many rows of a kind are counted that are not remembered.
const COUNTED: usize = 100_000;

/// How long it is remembered, as a multiple of what it took.
const COUNT_PAUSE: u32 = 50;

/// What to look for; what is not set matches everything.
#[derive(Debug, Clone)]
pub struct Wanted<After> {
    /// Who takes part, or who sent it.
    pub user: Option<UserId>,
    /// What is in it, in whatever case.
    pub text: Option<String>,
    /// Not before this time.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// The list begins after this one.
    pub after: Option<After>,
    /// How many at most, at least 1.
    pub limit: usize,
}

impl<After> Default for Wanted<After> {
    fn default() -> Self {
        Self { user: None, text: None, since: None, until: None, after: None, limit: 1 }
    }
}

impl<After> Wanted<After> {
    fn is_time(&self, time: Timestamp) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }

    /// How much to read at a time: where everything matches, no more than is shown.
    fn page(&self, is_filtered: bool) -> usize {
        if is_filtered || self.text.is_some() || self.since.is_some() || self.until.is_some() {
            PAGE
        } else {
            self.limit + 1
        }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found<Item> {
    /// In the order of the list.
    pub items: Vec<Item>,
    /// Whether there may be more: the search goes on after the item at this place of the list, which need not be among
    /// those found.
    pub next: Option<Item>,
    /// How much was looked at.
    pub looked_at: usize,
}

impl<Item: NamesUsers> NamesUsers for Found<Item> {
    fn for_each_user<'a>(&'a self, name: &mut dyn FnMut(&'a UserId)) {
        self.items.for_each_user(name);
    }
}

/// Walks along a list until there are `limit` items that match, or it has taken long enough.
fn walk<Item: Clone + Weighed>(
    limit: usize,
    page: usize,
    mut after: Option<Item>,
    read: impl Fn(Option<&Item>, usize) -> Result<Vec<Item>, StoreError>,
    matches: impl Fn(&Item) -> bool,
) -> Result<Found<Item>, StoreError> {
    let began = Instant::now();
    let (mut items, mut looked_at, mut weight): (Vec<Item>, _, _) = (vec![], 0, 0);
    while looked_at < MOST_LOOKED_AT && began.elapsed() < PATIENCE && weight < MAX_PAGE_BYTES {
        let read = read(after.as_ref(), page)?;
        let Some(last) = read.last() else { return Ok(Found { items, next: None, looked_at }) };
        after = Some(last.clone());
        for item in read {
            looked_at += 1;
            if !matches(&item) {
                continue;
            }
            // One more than asked for shows that more follow.
            if items.len() == limit {
                let next = items.last().cloned();
                return Ok(Found { items, next, looked_at });
            }
            weight += item.weight();
            items.push(item);
        }
    }
    Ok(Found { items, next: after, looked_at })
}

/// Whether a text contains another one that is in lower case.
fn contains(text: &str, wanted: &str) -> bool {
    text.to_lowercase().contains(wanted)
}

fn object_contains(object: &Object, wanted: &str) -> bool {
    object.iter().any(|(name, value)| {
        contains(name, wanted)
            || match value {
                Value::String(text) => contains(text, wanted),
                Value::Object(object) => object_contains(object, wanted),
                _ => false,
            }
    })
}

fn message_contains(message: &MessageRecord, wanted: &str) -> bool {
    message.parts.iter().any(|part| match &part.body {
        PartBody::Bytes(bytes) => std::str::from_utf8(bytes).is_ok_and(|text| contains(text, wanted)),
        PartBody::Content { .. } => false,
    })
}

/// A user with all that an operator sees of it.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenUser {
    /// The fields of its identity, if it has one.
    pub identity: Option<Fields>,
    /// Whether it is suspended.
    pub is_suspended: bool,
    /// Whom it blocks.
    pub blocks: Vec<UserId>,
    /// What it has not read.
    pub unread: UnreadCounts,
    /// How many conversations it sees.
    pub conversation_count: u64,
}

/// What an id is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The app.
    pub app: AppId,
    /// What has the id.
    pub kind: IdUse,
    /// The conversation that it is or is in.
    pub conversation: Option<ConversationId>,
}

/// What an app has, as it was counted.
struct Counted {
    counts: AppCounts,
    at: Instant,
    took: Duration,
}

impl Counted {
    /// Whether it is to be counted again later only.
    fn is_fresh(&self) -> bool {
        self.counts.conversations + self.counts.users >= LARGE && self.at.elapsed() < self.took * COUNT_PAUSE
    }
}

/// Lists and searches for operators.
pub struct OverviewService {
    core: Arc<Core>,
    /// One for each app that was counted.
    counted: Mutex<HashMap<AppKey, Counted>>,
}

impl OverviewService {
    /// Over a core.
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core, counted: Mutex::default() }
    }
}

impl OverviewService {
    /// All apps, the oldest first.
    pub async fn apps(&self) -> Result<Vec<(AppKey, AppId)>, StoreError> {
        self.core.store.read(|reads: &dyn Reads| reads.app_ids()).await
    }

    /// What waits for webhooks, and for how long the oldest of it does. What there are very many of is counted up to
    /// [`COUNTED`]: it is asked for every few seconds.
    pub async fn outbox(&self) -> Result<(OutboxState, Duration), StoreError> {
        let now = self.core.clock.now();
        let state = self.core.store.read(|reads: &dyn Reads| reads.outbox_state(COUNTED)).await?;
        let age = state.oldest.map_or(0, |since| now.as_ms().saturating_sub(since.as_ms()));
        Ok((state, Duration::from_millis(u64::try_from(age).unwrap_or_default())))
    }

    /// How much an app has. What a large one has is remembered for a while, so that counting takes a small part of the
    /// time at most.
    pub async fn counts(&self, app: AppKey) -> Result<AppCounts, StoreError> {
        if let Some(counted) = self.counted().get(&app).filter(|counted| counted.is_fresh()) {
            return Ok(counted.counts);
        }
        let began = Instant::now();
        let counts = self.core.store.read(move |reads: &dyn Reads| reads.app_counts(app)).await?;
        let at = Instant::now();
        self.counted().insert(app, Counted { counts, at, took: at - began });
        Ok(counts)
    }

    fn counted(&self) -> MutexGuard<'_, HashMap<AppKey, Counted>> {
        // Also after a panic: at worst something is counted again.
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Conversations: by their participants of now or then, by a participant's id, metadata, and creation.
    ///
    /// Error: `not_found` for an unknown `after`.
    pub async fn conversations(
        &self,
        caller: Caller,
        wanted: Wanted<ConversationId>,
    ) -> Result<Named<Found<ConversationRecord>>, Failure> {
        let app = caller.key;
        let read = move |reads: &dyn Reads| {
            let after = match wanted.after {
                Some(id) => Some(reads.conversation(app, id)?.ok_or_else(ApiError::from_id_not_found)?),
                None => None,
            };
            let text = wanted.text.as_deref().map(str::to_lowercase);
            let matches = |conversation: &ConversationRecord| {
                wanted.is_time(conversation.created_at)
                    && text.as_deref().is_none_or(|text| {
                        object_contains(&conversation.metadata, text)
                            || conversation.participants.iter().any(|user| contains(user.as_str(), text))
                    })
            };
            let page = |after: Option<&ConversationRecord>, limit| match &wanted.user {
                None => reads.newest_conversations(app, after, limit),
                Some(user) => {
                    let found = reads.conversations_of(app, user, SortBy::CreatedAt, after, limit)?;
                    Ok(found.into_iter().map(|(conversation, _)| conversation).collect())
                }
            };
            Ok::<_, Failure>(walk(wanted.limit, wanted.page(false), after, page, matches)?)
        };
        self.core.read_named(caller, read).await
    }

    /// Messages: by their sender, the text in their parts, and when they were sent.
    ///
    /// Error: `not_found` for an `after` that is unknown, or was deleted meanwhile.
    pub async fn messages(
        &self,
        caller: Caller,
        wanted: Wanted<MessageId>,
    ) -> Result<Named<Found<MessageRecord>>, Failure> {
        let app = caller.key;
        let read = move |reads: &dyn Reads| {
            let after = match wanted.after {
                Some(id) => Some(reads.message(app, id)?.ok_or_else(ApiError::from_id_not_found)?),
                None => None,
            };
            let text = wanted.text.as_deref().map(str::to_lowercase);
            let matches = |message: &MessageRecord| {
                wanted.is_time(message.sent_at)
                    && wanted.user.as_ref().is_none_or(|user| message.sender.user() == Some(user))
                    && text.as_deref().is_none_or(|text| message_contains(message, text))
            };
            let page = |after: Option<&MessageRecord>, limit| reads.newest_messages(app, after, limit);
            Ok::<_, Failure>(walk(wanted.limit, wanted.page(wanted.user.is_some()), after, page, matches)?)
        };
        self.core.read_named(caller, read).await
    }

    /// Users by id and by what their identity says, in the order of their ids; perhaps only those who are suspended.
    pub async fn users(
        &self,
        app: AppKey,
        wanted: Wanted<UserId>,
        is_suspended: Option<bool>,
    ) -> Result<Found<UserRecord>, StoreError> {
        let read = move |reads: &dyn Reads| {
            let after = wanted.after.clone().map(|id| UserRecord {
                id,
                identity: None,
                is_suspended: false,
                conversation_count: 0,
            });
            let text = wanted.text.as_deref().map(str::to_lowercase);
            let matches = |user: &UserRecord| {
                let fields = user.identity.as_ref().map(Fields::as_object);
                is_suspended.is_none_or(|wanted| user.is_suspended == wanted)
                    && text.as_deref().is_none_or(|text| {
                        contains(user.id.as_str(), text) || fields.is_some_and(|fields| object_contains(fields, text))
                    })
            };
            let page = |after: Option<&UserRecord>, limit| reads.users(app, after.map(|user| &user.id), limit);
            walk(wanted.limit, wanted.page(is_suspended.is_some()), after, page, matches)
        };
        self.core.store.read(read).await
    }

    /// A user. Error: `not_found` for one that nothing ever named.
    pub async fn user(&self, app: AppKey, user: UserId) -> Result<SeenUser, Failure> {
        let read = move |reads: &dyn Reads| {
            let is_suspended = reads.is_suspended(app, &user)?.ok_or_else(ApiError::user_not_found)?;
            Ok::<_, Failure>(SeenUser {
                identity: reads.identity(app, &user)?,
                is_suspended,
                blocks: reads.block_list(app, &user)?,
                unread: reads.unread_counts(app, &user)?,
                conversation_count: reads.conversation_count_of(app, &user)?,
            })
        };
        self.core.store.read(read).await
    }

    /// What a UUID is the id of, in all apps.
    pub async fn find(&self, id: Uuid) -> Result<Vec<Place>, StoreError> {
        let read = move |reads: &dyn Reads| {
            let mut places = vec![];
            for (key, app) in reads.app_ids()? {
                let Some(kind) = reads.id_use(key, id)? else { continue };
                let conversation = match kind {
                    IdUse::Conversation => Some(ConversationId::new(id)),
                    IdUse::Message => reads.message(key, MessageId::new(id))?.map(|message| message.conversation),
                    _ => None,
                };
                places.push(Place { app, kind, conversation });
            }
            Ok(places)
        };
        self.core.store.read(read).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Item(usize, usize);

    impl Weighed for Item {
        fn weight(&self) -> usize {
            self.1
        }
    }

    fn walked(count: usize, weight: usize, limit: usize, after: Option<usize>, step: usize) -> Found<Item> {
        let read = |after: Option<&Item>, limit: usize| {
            let from = after.map_or(0, |after| after.0 + 1);
            Ok((from..count).take(limit).map(|number| Item(number, weight)).collect())
        };
        let after = after.map(|number| Item(number, weight));
        walk(limit, PAGE, after, read, |item| item.0 % step == 0).unwrap()
    }

    #[test]
    fn a_walk_ends_with_its_limit_and_says_whether_more_follow() {
        let found = walked(10, 1, 3, None, 3);
        assert_eq!(found.items, [Item(0, 1), Item(3, 1), Item(6, 1)]);
        assert_eq!(found.next, Some(Item(6, 1)));
        let rest = walked(10, 1, 3, Some(6), 3);
        assert_eq!((rest.items, rest.next), (vec![Item(9, 1)], None));
        assert_eq!(walked(7, 1, 3, None, 3).next, None);
    }

    #[test]
    fn a_walk_that_finds_nothing_for_long_says_where_to_go_on() {
        let mut after = None;
        let mut looked_at = 0;
        let mut walks = 0;
        loop {
            let found = walked(3 * MOST_LOOKED_AT, 1, 5, after, usize::MAX);
            (looked_at, walks) = (looked_at + found.looked_at, walks + 1);
            assert!(found.looked_at <= MOST_LOOKED_AT + PAGE && found.items.len() <= 1);
            match found.next {
                Some(Item(number, _)) => after = Some(number),
                None => break,
            }
        }
        assert_eq!(looked_at, 3 * MOST_LOOKED_AT);
        assert!(walks > 3);
    }

    #[test]
    fn a_page_takes_up_no_more_than_pages_do() {
        let found = walked(10_000, MAX_PAGE_BYTES / 100, 10_000, None, 1);
        assert!(found.items.len() <= PAGE && found.next.is_some(), "{}", found.items.len());
    }
}
