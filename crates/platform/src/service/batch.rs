//! Batches of messages. Contract 2.2.5.

use std::time::Duration;

use layer_store::Writes;
use layer_store::page::Weighed as _;
use layer_wire::message::NewMessage;
use layer_wire::page::MAX_PAGE_BYTES;
use layer_wire::schedule::Delay;
use layer_wire::{ApiError, ConversationId, MessageId};
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use super::caller::Caller;
use super::conversation::hold;
use super::dedupe::Creation;
use super::failure::Failure;
use super::message::{Accepted, MessageService, accept, check, find_accepted};
use super::named::Named;

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

impl MessageService {
    /// Sends messages one after the other, each after its delay, which counts from the one before. The first one has
    /// the id `tag`, if there is one. All of them are accepted or none.
    ///
    /// Errors: those of [`Self::send`].
    pub async fn send_batch(
        &self,
        caller: Caller,
        conversation: ConversationId,
        tag: Option<Uuid>,
        requests: Vec<NewMessage>,
    ) -> Result<Named<Creation<Vec<Accepted>>>, Failure> {
        let (app, events) = (caller.key, self.core.events());
        let now = self.core.clock.now();
        let tags: Vec<Option<Uuid>> = (0..requests.len()).map(|index| tag.map(|tag| id_in_batch(tag, index))).collect();
        let ids: Vec<Uuid> = tags.iter().map(|tag| tag.unwrap_or_else(|| self.core.ids.resource(now))).collect();
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
            let mut after = Duration::ZERO;
            for (((request, id), tag), replayed) in requests.iter().zip(&ids).zip(&tags).zip(replayed) {
                let asked = request.delay.unwrap_or_default();
                after += asked.after;
                if let Some(replayed) = replayed {
                    accepted.push(replayed);
                    continue;
                }
                let new = check(writes, caller, &conversation, MessageId::new(*id), now, request.clone())?;
                match accept(writes, app, &mut conversation, *tag, new, Delay { after, ..asked }, &events)? {
                    Creation::Done(one) => accepted.push(one),
                    Creation::IdInUse(other) => return Ok(Creation::IdInUse(other)),
                }
            }
            Ok(Creation::Done(accepted))
        };
        self.core.write_named(caller, send).await
    }
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
