//! A store that plans commands, as an engine does that is far away: the plan first, with a conversation that it
//! remembers, then a write that checks it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use layer_wire::ConversationId;

use crate::append::{Append, AppendJob};
use crate::changes::{Changes, Kinds};
use crate::conversation::ConversationRecord;
use crate::held::Inserted;
use crate::key::AppKey;
use crate::receipt::{Receipt, ReceiptJob, Receivable};
use crate::{Images, ReadJob, Store, StoreError, WriteJob, Writes};

/// Conversations as they were when they were looked at first.
type Remembered = Arc<Mutex<HashMap<(AppKey, ConversationId), ConversationRecord>>>;

/// A store that carries out commands by plans, in the words of the verbs. What it remembers of a conversation, it keeps
/// until the revision proves it wrong.
pub struct Planned {
    store: Arc<dyn Store>,
    remembered: Remembered,
}

impl Planned {
    /// Puts it in front of a store.
    pub fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { store, remembered: Remembered::default() })
    }
}

impl Store for Planned {
    fn enqueue_read(&self, job: Box<dyn ReadJob>) -> Result<(), StoreError> {
        self.store.enqueue_read(job)
    }

    fn enqueue_write(&self, job: Box<dyn WriteJob>) -> Result<(), StoreError> {
        self.store.enqueue_write(job)
    }

    fn enqueue_append(&self, job: Box<dyn AppendJob>) -> Result<(), StoreError> {
        self.store.enqueue_write(Box::new(ByPlan { job, remembered: Arc::clone(&self.remembered) }))
    }

    fn enqueue_receipt(&self, job: Box<dyn ReceiptJob>) -> Result<(), StoreError> {
        self.store.enqueue_write(Box::new(ByReceipt(job)))
    }

    fn changes(&self, kinds: Kinds) -> Changes {
        self.store.changes(kinds)
    }

    fn reset(&self) -> Result<(), StoreError> {
        self.remembered.lock().unwrap().clear();
        self.store.reset()
    }

    fn check_alone(&self) -> Result<(), StoreError> {
        self.store.check_alone()
    }

    fn images(&self) -> Option<&dyn Images> {
        self.store.images()
    }

    fn close(&self) -> Result<(), StoreError> {
        self.store.close()
    }
}

struct ByPlan {
    job: Box<dyn AppendJob>,
    remembered: Remembered,
}

impl ByPlan {
    /// Plans, and appends what was planned. `None` when the job is to be run.
    fn append(&mut self, writes: &mut dyn Writes) -> Result<Option<u32>, StoreError> {
        let (app, id) = self.job.conversation();
        let remembered = self.remembered.lock().unwrap().get(&(app, id)).cloned();
        let Some(conversation) = remembered.map_or_else(|| writes.conversation(app, id), |known| Ok(Some(known)))?
        else {
            return Ok(None);
        };
        let plan = self.job.plan(writes, &conversation);
        self.remembered.lock().unwrap().insert((app, id), conversation);
        let Some(Append { revision, new, events }) = plan else { return Ok(None) };
        assert!(new.hidden_from.is_empty(), "a plan hides a message");
        let Some(mut conversation) = writes.hold_conversation(app, id)? else { return Ok(None) };
        if conversation.revision != revision || conversation.is_deleted {
            self.remembered.lock().unwrap().remove(&(app, id));
            return Ok(None);
        }
        let Inserted::Done(message) = writes.append_message(app, &mut conversation, new)? else { return Ok(None) };
        for event in events {
            event.insert(writes, app, message.position)?;
        }
        Ok(Some(message.position))
    }
}

impl WriteJob for ByPlan {
    fn run(&mut self, writes: &mut dyn Writes) -> bool {
        match self.append(writes) {
            Ok(Some(position)) => {
                self.job.appended(position);
                true
            }
            Ok(None) => self.job.run(writes),
            Err(error) => panic!("a plan fails: {error:?}"),
        }
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        self.job.finish(committed);
    }
}

struct ByReceipt(Box<dyn ReceiptJob>);

impl ByReceipt {
    /// Holds what the receipt is about, plans, and gives it. `false` when the job is to be run.
    fn give(&mut self, writes: &mut dyn Writes) -> Result<bool, StoreError> {
        let Receipt { app, user, message, status } = self.0.receipt().clone();
        let Some(mut message) = writes.hold_message(app, message)? else { return Ok(false) };
        let Some(conversation) = writes.conversation(app, message.conversation)? else { return Ok(false) };
        let Some(membership) = writes.membership(app, &user, &conversation)? else { return Ok(false) };
        let mut raised = (*message).clone();
        let is_raised = raised.recipient_status.raise(&user, status);
        let of = Receivable { conversation: &conversation, membership, message: &raised, is_raised };
        let Some(events) = self.0.plan(writes, of) else { return Ok(false) };
        assert_eq!(writes.raise_status(app, &user, &conversation, &mut message, status)?, is_raised);
        for event in events {
            event.insert(writes, app, message.position)?;
        }
        Ok(true)
    }
}

impl WriteJob for ByReceipt {
    fn run(&mut self, writes: &mut dyn Writes) -> bool {
        match self.give(writes) {
            Ok(true) => true,
            Ok(false) => self.0.run(writes),
            Err(error) => panic!("a plan fails: {error:?}"),
        }
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        self.0.finish(committed);
    }
}
