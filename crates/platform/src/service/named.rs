//! The identities of the users in an answer: versions 2.0 and later show name and picture with every user.

use std::collections::{HashMap, HashSet};

use layer_store::announcement::AnnouncementCopy;
use layer_store::announcement::AnnouncementRecord;
use layer_store::conversation::ConversationRecord;
use layer_store::key::AppKey;
use layer_store::message::MessageRecord;
use layer_store::page::Weighed;
use layer_store::seen::SeenConversation;
use layer_store::{Reads, StoreError};
use layer_wire::UserId;
use layer_wire::message::Sender;
use layer_wire::page::{Listing, MAX_PAGE_BYTES};
use layer_wire::view::{Identities, Profile};

use super::caller::Caller;

/// What was found, and what is known of the users whom an answer shows with it.
pub type Named<Found> = (Found, Identities);

/// Something with users whom answers of 2.0 and later show as identities.
pub trait NamesUsers {
    /// Calls `name` with every user, perhaps more than once.
    fn for_each_user<'a>(&'a self, name: &mut dyn FnMut(&'a UserId));
}

/// Looks up the identities of the users in what was found, each once. Versions before 2.0 show none, so nothing is
/// looked up.
pub fn with_identities<Found: NamesUsers>(
    reads: &dyn Reads,
    caller: Caller,
    found: Found,
) -> Result<Named<Found>, StoreError> {
    let is_asked = caller.version.has_identities();
    let identities = if is_asked { identities_of(reads, caller.key, &found)? } else { Identities::new() };
    Ok((found, identities))
}

/// Looks up the identities of the users in something, each once.
pub fn identities_of(reads: &dyn Reads, app: AppKey, named: &impl NamesUsers) -> Result<Identities, StoreError> {
    let found = profiles_of(reads, app, &users_of(named), usize::MAX)?;
    Ok(found.into_iter().filter_map(|(user, profile)| Some((user.clone(), profile?))).collect())
}

/// Looks up what is shown of users, beginning with the first ones, until it comes to weigh `room`.
fn profiles_of<'a>(
    reads: &dyn Reads,
    app: AppKey,
    users: &[&'a UserId],
    room: usize,
) -> Result<HashMap<&'a UserId, Option<Profile>>, StoreError> {
    let (mut profiles, mut weight, mut rest) = (HashMap::new(), 0, users);
    while !rest.is_empty() && weight < room {
        // Identities are larger than what is shown of them, so they come in portions.
        let found = reads.identities(app, rest)?;
        let (looked_up, others) = rest.split_at(found.len());
        for (user, fields) in looked_up.iter().zip(found) {
            let profile = fields.map(|fields| fields.profile());
            weight += profile.as_ref().map_or(0, Weighed::weight);
            profiles.insert(*user, profile);
        }
        rest = others;
    }
    Ok(profiles)
}

/// Ends a page where it comes to take up too much, with the identities that are to be shown with it, and looks these
/// up.
pub fn page_with_identities<Item: NamesUsers + Weighed>(
    reads: &dyn Reads,
    caller: Caller,
    mut listing: Listing<Item>,
) -> Result<Named<Listing<Item>>, StoreError> {
    let users = if caller.version.has_identities() { users_in_order(&listing) } else { vec![] };
    let profiles = profiles_of(reads, caller.key, &users, MAX_PAGE_BYTES)?;
    let mut identities = Identities::new();
    let (mut count, mut weight) = (0, 0);
    for item in &listing.items {
        if weight >= MAX_PAGE_BYTES {
            break;
        }
        count += 1;
        weight += item.weight();
        let users = if caller.version.has_identities() { users_of(item) } else { vec![] };
        for user in users {
            if identities.contains_key(user) {
                continue;
            }
            let profile = match profiles.get(user) {
                Some(profile) => profile.clone(),
                // The last item of a page may name more users than there was room for.
                None => reads.identity(caller.key, user)?.map(|fields| fields.profile()),
            };
            if let Some(profile) = profile {
                weight += profile.weight() + user.as_str().len();
                identities.insert(user.clone(), profile);
            }
        }
    }
    listing.end_after(count);
    Ok((listing, identities))
}

/// The users in something in the order in which it names them, each once.
fn users_in_order(named: &impl NamesUsers) -> Vec<&UserId> {
    let (mut users, mut seen) = (vec![], HashSet::new());
    named.for_each_user(&mut |user| {
        if seen.insert(user) {
            users.push(user);
        }
    });
    users
}

/// The users in something, each once.
fn users_of(named: &impl NamesUsers) -> Vec<&UserId> {
    let mut users = vec![];
    named.for_each_user(&mut |user| users.push(user));
    users.sort_unstable();
    users.dedup();
    users
}

impl NamesUsers for MessageRecord {
    fn for_each_user<'a>(&'a self, name: &mut dyn FnMut(&'a UserId)) {
        self.sender.for_each_user(name);
    }
}

impl NamesUsers for Sender {
    fn for_each_user<'a>(&'a self, name: &mut dyn FnMut(&'a UserId)) {
        self.user().into_iter().for_each(name);
    }
}

impl NamesUsers for ConversationRecord {
    fn for_each_user<'a>(&'a self, name: &mut dyn FnMut(&'a UserId)) {
        self.participants.iter().for_each(name);
    }
}

impl NamesUsers for SeenConversation {
    fn for_each_user<'a>(&'a self, name: &mut dyn FnMut(&'a UserId)) {
        self.conversation.for_each_user(name);
        if let Some(message) = &self.last_message {
            message.for_each_user(name);
        }
    }
}

impl NamesUsers for AnnouncementRecord {
    fn for_each_user<'a>(&'a self, name: &mut dyn FnMut(&'a UserId)) {
        self.sender.for_each_user(name);
    }
}

impl NamesUsers for UserId {
    fn for_each_user<'a>(&'a self, name: &mut dyn FnMut(&'a UserId)) {
        name(self);
    }
}

impl<Item: NamesUsers> NamesUsers for Vec<Item> {
    fn for_each_user<'a>(&'a self, name: &mut dyn FnMut(&'a UserId)) {
        for item in self {
            item.for_each_user(name);
        }
    }
}

impl<Item: NamesUsers> NamesUsers for Listing<Item> {
    fn for_each_user<'a>(&'a self, name: &mut dyn FnMut(&'a UserId)) {
        self.items.for_each_user(name);
    }
}

impl NamesUsers for AnnouncementCopy {
    fn for_each_user<'a>(&'a self, name: &mut dyn FnMut(&'a UserId)) {
        self.announcement.for_each_user(name);
    }
}

#[cfg(test)]
mod tests {
    use layer_wire::message::RecipientStatus;
    use layer_wire::{ConversationId, MessageId, Timestamp};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_list_of_a_hundred_messages_of_three_users_names_three() {
        let users = ["a", "b", "c"].map(|user| UserId::parse(user).unwrap());
        let message = |position: u32| MessageRecord {
            id: MessageId::new(Uuid::from_u128(position.into())),
            conversation: ConversationId::new(Uuid::nil()),
            position,
            sent_at: Timestamp::from_ms(0),
            updated_at: None,
            sender: Sender::User(users[position as usize % 3].clone()),
            parts: vec![],
            recipient_status: RecipientStatus::default(),
        };
        let listing = Listing::new((0..100).map(message).collect(), 100, 100);
        assert_eq!(users_of(&listing), users.iter().collect::<Vec<_>>());
    }
}
