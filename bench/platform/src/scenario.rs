//! The kinds of load.

use fastrand::Rng;

use crate::requests::{Operation, Tag};

/// A kind of load: operations, each with its share in percent.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// Its name on the command line and in files.
    pub name: &'static str,
    /// Its name in tables.
    pub title: &'static str,
    mix: &'static [(u8, Operation)],
}

/// All of them.
pub const SCENARIOS: [Scenario; 6] = [
    Scenario { name: "send-v4", title: "send a message, v4 tag", mix: &[(100, Operation::Send(Tag::V4))] },
    Scenario { name: "send-v7", title: "send a message, v7 tag", mix: &[(100, Operation::Send(Tag::V7))] },
    Scenario { name: "send", title: "send a message, no tag", mix: &[(100, Operation::Send(Tag::None))] },
    Scenario { name: "messages", title: "list 100 messages", mix: &[(100, Operation::ListLong)] },
    Scenario {
        name: "conversations",
        title: "list the conversations of a user",
        mix: &[(100, Operation::ListConversations)],
    },
    Scenario {
        name: "mixed",
        title: "80 % reads: lists of messages and conversations, sends with v7 tags",
        mix: &[(60, Operation::ListAny), (20, Operation::ListConversations), (20, Operation::Send(Tag::V7))],
    },
];

impl Scenario {
    /// The one with this name.
    pub fn named(name: &str) -> Option<Self> {
        SCENARIOS.into_iter().find(|scenario| scenario.name == name)
    }

    /// Whether all of it are sends.
    pub fn is_send(&self) -> bool {
        self.operations().all(|operation| matches!(operation, Operation::Send(_)))
    }

    /// The operations that are in it.
    pub fn operations(&self) -> impl Iterator<Item = Operation> {
        self.mix.iter().map(|(_, operation)| *operation)
    }

    /// Draws the next operation.
    pub fn next(&self, rng: &mut Rng) -> Operation {
        let mut drawn = rng.u8(..100);
        for (share, operation) in self.mix {
            if drawn < *share {
                return *operation;
            }
            drawn -= share;
        }
        self.mix[0].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_every_scenario_are_a_whole() {
        for scenario in SCENARIOS {
            assert_eq!(scenario.mix.iter().map(|(share, _)| u32::from(*share)).sum::<u32>(), 100, "{}", scenario.name);
        }
    }
}
