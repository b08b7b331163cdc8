//! The two blobs of a message row. Folding parts and status into the row makes a send one row and a list one range scan.
//!
//! Both begin with a format number. Lengths and counts are 32 bits, little-endian.

use layer_wire::UserId;
use layer_wire::message::{RecipientStatus, Status};
use layer_wire::part::Part;

use crate::store::StoreError;

const FORMAT: u8 = 1;

/// Encodes the parts of a message.
pub fn encode_parts(parts: &[Part]) -> Result<Vec<u8>, StoreError> {
    let mut blob = vec![FORMAT];
    for part in parts {
        put(&mut blob, part.mime_type.as_bytes())?;
        put(&mut blob, &part.body)?;
    }
    Ok(blob)
}

/// Decodes the parts of a message. Error: `Failed` when the blob is damaged.
pub fn decode_parts(blob: &[u8]) -> Result<Vec<Part>, StoreError> {
    let mut reader = Reader::open(blob)?;
    let mut parts = vec![];
    while !reader.is_at_end() {
        let mime_type = reader.text()?;
        parts.push(Part { mime_type, body: reader.bytes()?.to_vec() });
    }
    Ok(parts)
}

/// Encodes the status of a message with its recipients.
pub fn encode_recipients(recipients: &RecipientStatus) -> Result<Vec<u8>, StoreError> {
    let mut blob = vec![FORMAT];
    for (user, status) in &recipients.0 {
        blob.push(match status {
            Status::Sent => 0,
            Status::Delivered => 1,
            Status::Read => 2,
        });
        put(&mut blob, user.as_str().as_bytes())?;
    }
    Ok(blob)
}

/// Decodes the status of a message with its recipients. Error: `Failed` when the blob is damaged.
pub fn decode_recipients(blob: &[u8]) -> Result<RecipientStatus, StoreError> {
    let mut reader = Reader::open(blob)?;
    let mut recipients = vec![];
    while !reader.is_at_end() {
        let status = match reader.byte()? {
            0 => Status::Sent,
            1 => Status::Delivered,
            2 => Status::Read,
            _ => return Err(damaged()),
        };
        recipients.push((UserId::trusted(reader.text()?), status));
    }
    Ok(RecipientStatus(recipients))
}

fn put(blob: &mut Vec<u8>, bytes: &[u8]) -> Result<(), StoreError> {
    let length = u32::try_from(bytes.len()).map_err(|_| StoreError::Failed("a value is too long".into()))?;
    blob.extend_from_slice(&length.to_le_bytes());
    blob.extend_from_slice(bytes);
    Ok(())
}

fn damaged() -> StoreError {
    StoreError::Failed("a message row is damaged".into())
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn open(blob: &'a [u8]) -> Result<Self, StoreError> {
        match blob.split_first() {
            Some((&FORMAT, rest)) => Ok(Self(rest)),
            _ => Err(damaged()),
        }
    }

    fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    fn byte(&mut self) -> Result<u8, StoreError> {
        let (byte, rest) = self.0.split_first().ok_or_else(damaged)?;
        self.0 = rest;
        Ok(*byte)
    }

    fn bytes(&mut self) -> Result<&'a [u8], StoreError> {
        let (length, rest) = self.0.split_first_chunk().ok_or_else(damaged)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| damaged())?;
        let (bytes, rest) = rest.split_at_checked(length).ok_or_else(damaged)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn text(&mut self) -> Result<String, StoreError> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| damaged())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_recipients_survive_encoding_and_decoding() {
        let parts = vec![
            Part { mime_type: "text/plain".into(), body: "Hi 🐙".into() },
            Part { mime_type: "a/b; role=root".into(), body: vec![0, 255] },
            Part { mime_type: "a/b".into(), body: vec![] },
        ];
        assert_eq!(decode_parts(&encode_parts(&parts).unwrap()), Ok(parts));

        let recipients = RecipientStatus(vec![
            (UserId::parse("ns/42").unwrap(), Status::Sent),
            (UserId::parse("møller").unwrap(), Status::Delivered),
            (UserId::parse("maria").unwrap(), Status::Read),
        ]);
        assert_eq!(decode_recipients(&encode_recipients(&recipients).unwrap()), Ok(recipients));
        let nobody = RecipientStatus::default();
        assert_eq!(decode_recipients(&encode_recipients(&nobody).unwrap()), Ok(nobody));
    }

    #[test]
    fn a_damaged_blob_is_an_error() {
        let blob = encode_parts(&[Part { mime_type: "text/plain".into(), body: b"Hi".to_vec() }]).unwrap();
        for length in 2..blob.len() {
            assert!(decode_parts(&blob[..length]).is_err(), "{length}");
        }
        for blob in [&[][..], &[9], &[1, 255, 255, 255, 255]] {
            assert!(decode_parts(blob).is_err(), "{blob:?}");
        }
        assert!(decode_recipients(&[1, 7, 0, 0, 0, 0]).is_err());
    }
}
