//! JSON in the making. The items of lists are written here, since this crate is built for speed. The platform is built
//! for size, and with it what it instantiates: lists would take half as long again.

use std::io::{self, Write};

use crate::announcement::ReceivedAnnouncement;
use crate::conversation::Conversation;
use crate::identity::Identity;
use crate::message::Message;

/// JSON, as far as it is written. Most of what `serde_json` writes is single characters: built for size, each of them
/// would be a call.
pub struct JsonText(pub Vec<u8>);

impl Write for JsonText {
    #[expect(clippy::inline_always, reason = "without it, the check for one byte costs more than it saves")]
    #[inline(always)]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let [byte] = bytes {
            self.0.push(*byte);
        } else {
            self.0.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An item of a list.
pub trait ToJson {
    /// Adds itself to a text. Error: a map in it has a key that is no text; none of the items has one.
    fn add_to(&self, text: &mut JsonText) -> serde_json::Result<()>;
}

macro_rules! to_json {
    ($($item:ty),*) => {
        $(impl ToJson for $item {
            // Inlined, it would be built as its caller is.
            #[inline(never)]
            fn add_to(&self, text: &mut JsonText) -> serde_json::Result<()> {
                serde_json::to_writer(text, self)
            }
        })*
    };
}

to_json!(Conversation, Message, Option<Identity>, ReceivedAnnouncement, String);
