//! Keys: names that an engine gives to what it keeps, and that it alone can read.

/// Defines a key.
///
/// Two keys are the same or they are not: neither their order nor their size says anything, least of all about time. An
/// engine puts a number or a UUID into it.
macro_rules! keys {
    ($($(#[$doc:meta])* $Key:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $Key(u128);

        impl $Key {
            /// Wraps a number of the engine.
            pub const fn from_number(number: i64) -> Self {
                Self(number.cast_unsigned() as u128)
            }

            /// The number that the engine put in.
            pub const fn number(self) -> i64 {
                let [.., a, b, c, d, e, f, g, h] = self.0.to_be_bytes();
                i64::from_be_bytes([a, b, c, d, e, f, g, h])
            }

            /// Wraps a UUID of the engine.
            pub const fn from_uuid(uuid: uuid::Uuid) -> Self {
                Self(uuid.as_u128())
            }

            /// The UUID that the engine put in.
            pub const fn uuid(self) -> uuid::Uuid {
                uuid::Uuid::from_u128(self.0)
            }
        }
    )*};
}

keys! {
    /// Names an app inside the store.
    AppKey,
    /// Names a conversation inside the store.
    ConversationKey,
    /// Names an announcement inside the store.
    AnnouncementKey,
    /// Names a webhook inside the store. It is not used again after the webhook is deleted.
    WebhookKey,
    /// Names an event that waits for an export, or is in one.
    ExportEventKey,
    /// Names a delivery inside the store. It is not used again.
    DeliveryKey,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_gives_back_what_the_engine_put_in() {
        for number in [0, 1, -1, i64::MIN, i64::MAX] {
            assert_eq!(AppKey::from_number(number).number(), number);
        }
        let uuid = uuid::Uuid::from_u128(u128::MAX - 5);
        assert_eq!(ConversationKey::from_uuid(uuid).uuid(), uuid);
    }
}
