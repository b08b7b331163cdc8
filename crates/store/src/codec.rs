//! The two blobs of a message row. Folding parts and status into the row makes a send one row and a list one range
//! scan.
//!
//! Both begin with a format number; what an older version wrote is read for ever. Texts and bytes begin with their
//! length: a varint (7 bits a byte, the lowest first), in format 1 a number of 32 bits. Numbers of several bytes are
//! little-endian.
//!
//! Recipients: status, text of the user id. Parts: flags, text of the MIME type, then the body, which is either bytes
//! or, with `IS_CONTENT`, the UUID of rich content and its size as a varint; then what the flags name, in their order.
//! Format 1 has no flags.

use layer_wire::message::{RecipientStatus, Status};
use layer_wire::part::{Part, PartBody};
use layer_wire::{ContentId, Timestamp, UserId};
use uuid::Uuid;

use crate::StoreError;

/// What is written.
const FORMAT: u8 = 2;

/// What the first release wrote.
const FIRST_FORMAT: u8 = 1;

/// The part refers to rich content instead of holding bytes.
const IS_CONTENT: u8 = 1;
/// The part has an id that does not follow from its message and its place.
const HAS_ID: u8 = 2;
/// The part was changed; the time is 8 bytes of milliseconds.
const IS_UPDATED: u8 = 4;

/// Encodes the parts of a message or an announcement, whose UUID is `owner`.
pub fn encode_parts(owner: Uuid, parts: &[Part]) -> Vec<u8> {
    let mut blob = vec![FORMAT];
    for (index, part) in parts.iter().enumerate() {
        let has_id = part.id != Part::id_at(owner, index);
        let flag = |flag: u8, is_set: bool| if is_set { flag } else { 0 };
        blob.push(
            flag(IS_CONTENT, matches!(part.body, PartBody::Content { .. }))
                | flag(HAS_ID, has_id)
                | flag(IS_UPDATED, part.updated_at.is_some()),
        );
        put_text(&mut blob, part.mime_type.as_bytes());
        match &part.body {
            PartBody::Bytes(bytes) => put_text(&mut blob, bytes),
            PartBody::Content { id, size } => {
                blob.extend_from_slice(id.uuid().as_bytes());
                put_varint(&mut blob, *size);
            }
        }
        if has_id {
            blob.extend_from_slice(part.id.as_bytes());
        }
        if let Some(updated_at) = part.updated_at {
            blob.extend_from_slice(&updated_at.as_ms().to_le_bytes());
        }
    }
    blob
}

/// Decodes the parts of a message or an announcement. Error: `Failed` when the blob is damaged.
pub fn decode_parts(owner: Uuid, blob: &[u8]) -> Result<Vec<Part>, StoreError> {
    let mut reader = Reader::open(blob)?;
    let mut parts = vec![];
    while !reader.is_at_end() {
        let derived_id = Part::id_at(owner, parts.len());
        parts.push(decode_part(&mut reader, derived_id)?);
    }
    Ok(parts)
}

fn decode_part(reader: &mut Reader<'_>, derived_id: Uuid) -> Result<Part, StoreError> {
    let flags = if reader.format == FIRST_FORMAT { 0 } else { reader.byte()? };
    if flags & !(IS_CONTENT | HAS_ID | IS_UPDATED) != 0 {
        return Err(damaged());
    }
    let mime_type = reader.text()?;
    let body = if flags & IS_CONTENT == 0 {
        PartBody::Bytes(reader.bytes()?.to_vec())
    } else {
        let id = ContentId::new(Uuid::from_bytes(reader.array()?));
        PartBody::Content { id, size: reader.varint()? }
    };
    let id = if flags & HAS_ID == 0 { derived_id } else { Uuid::from_bytes(reader.array()?) };
    let updated_at = match flags & IS_UPDATED {
        0 => None,
        _ => Some(Timestamp::from_ms(i64::from_le_bytes(reader.array()?))),
    };
    Ok(Part { id, mime_type, body, updated_at })
}

/// The number of a status.
pub fn encode_status(status: Status) -> u8 {
    match status {
        Status::Sent => 0,
        Status::Delivered => 1,
        Status::Read => 2,
    }
}

/// The status with this number. Error: `Failed` when there is none.
pub fn decode_status(number: u8) -> Result<Status, StoreError> {
    match number {
        0 => Ok(Status::Sent),
        1 => Ok(Status::Delivered),
        2 => Ok(Status::Read),
        _ => Err(damaged()),
    }
}

/// Encodes the status of a message with its recipients.
pub fn encode_recipients(recipients: &RecipientStatus) -> Vec<u8> {
    let mut blob = vec![FORMAT];
    for (user, status) in &recipients.0 {
        blob.push(encode_status(*status));
        put_text(&mut blob, user.as_str().as_bytes());
    }
    blob
}

/// Decodes the status of a message with its recipients. Error: `Failed` when the blob is damaged.
pub fn decode_recipients(blob: &[u8]) -> Result<RecipientStatus, StoreError> {
    let mut reader = Reader::open(blob)?;
    let mut recipients = vec![];
    while !reader.is_at_end() {
        let status = decode_status(reader.byte()?)?;
        recipients.push((UserId::trusted(reader.text()?), status));
    }
    Ok(RecipientStatus(recipients))
}

fn put_text(blob: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(blob, bytes.len() as u64);
    blob.extend_from_slice(bytes);
}

fn put_varint(blob: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        // The lowest seven bits, with the mark that more follow.
        blob.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    blob.push(number.to_le_bytes()[0]);
}

fn damaged() -> StoreError {
    StoreError::Failed("a message row is damaged".into())
}

struct Reader<'a> {
    format: u8,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of what follows the format number.
    fn open(blob: &'a [u8]) -> Result<Self, StoreError> {
        match blob.split_first() {
            Some((&format @ (FIRST_FORMAT | FORMAT), rest)) => Ok(Self { format, rest }),
            _ => Err(damaged()),
        }
    }

    fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn byte(&mut self) -> Result<u8, StoreError> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(damaged)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn varint(&mut self) -> Result<u64, StoreError> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(damaged())
    }

    fn bytes(&mut self) -> Result<&'a [u8], StoreError> {
        let length = match self.format {
            FIRST_FORMAT => u64::from(u32::from_le_bytes(self.array()?)),
            _ => self.varint()?,
        };
        let length = usize::try_from(length).map_err(|_| damaged())?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(damaged)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn text(&mut self) -> Result<String, StoreError> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| damaged())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);

    fn part(index: usize, mime_type: &str, body: &[u8]) -> Part {
        let body = PartBody::Bytes(body.into());
        Part { id: Part::id_at(OWNER, index), mime_type: mime_type.into(), body, updated_at: None }
    }

    #[test]
    fn parts_and_recipients_survive_encoding_and_decoding() {
        let content = PartBody::Content { id: ContentId::new(Uuid::from_u128(9)), size: u64::MAX };
        let parts = vec![
            part(0, "text/plain", "Hi 🐙".as_bytes()),
            part(1, "a/b; role=root", &[0, 255]),
            part(2, "a/b", &[]),
            part(3, &"m".repeat(200), &[7; 2048]),
            Part { id: Uuid::from_u128(7), updated_at: Some(Timestamp::from_ms(-1)), ..part(4, "a/b", b"x") },
            Part { body: content.clone(), ..part(5, "a/b", b"") },
            Part { id: Uuid::from_u128(8), body: content, updated_at: Some(Timestamp::from_ms(5)), ..part(6, "", b"") },
        ];
        assert_eq!(decode_parts(OWNER, &encode_parts(OWNER, &parts)), Ok(parts));

        let recipients = RecipientStatus(vec![
            (UserId::parse("ns/42").unwrap(), Status::Sent),
            (UserId::parse("møller").unwrap(), Status::Delivered),
            (UserId::parse("maria").unwrap(), Status::Read),
        ]);
        assert_eq!(decode_recipients(&encode_recipients(&recipients)), Ok(recipients));
        let nobody = RecipientStatus::default();
        assert_eq!(decode_recipients(&encode_recipients(&nobody)), Ok(nobody));
    }

    #[test]
    fn a_text_costs_three_bytes_more_than_its_mime_type_and_body_and_a_recipient_two() {
        assert_eq!(encode_parts(OWNER, &[part(0, "text/plain", b"Hi")]).len(), 1 + 3 + 10 + 2);
        let recipients = RecipientStatus(vec![(UserId::parse("maria").unwrap(), Status::Sent)]);
        assert_eq!(encode_recipients(&recipients).len(), 1 + 2 + 5);
    }

    #[test]
    fn the_first_format_is_still_read() {
        let blob = b"\x01\x0a\0\0\0text/plain\x02\0\0\0Hi\x03\0\0\0a/b\0\0\0\0";
        assert_eq!(decode_parts(OWNER, blob), Ok(vec![part(0, "text/plain", b"Hi"), part(1, "a/b", b"")]));
        let recipients = RecipientStatus(vec![(UserId::parse("jon").unwrap(), Status::Read)]);
        assert_eq!(decode_recipients(b"\x01\x02\x03\0\0\0jon"), Ok(recipients));
    }

    #[test]
    fn a_damaged_blob_is_an_error() {
        let changed = Part { id: Uuid::from_u128(7), updated_at: Some(Timestamp::from_ms(1)), ..part(0, "a/b", b"Hi") };
        let blob = encode_parts(OWNER, &[changed]);
        for length in 2..blob.len() {
            assert!(decode_parts(OWNER, &blob[..length]).is_err(), "{length}");
        }
        for blob in [&[][..], &[9, 0], &[1, 255, 255, 255, 255], &[2, 8, 0, 0], &[2, 0, 255, 255], &[2; 30]] {
            assert!(decode_parts(OWNER, blob).is_err(), "{blob:?}");
        }
        assert!(decode_recipients(&[1, 7, 0, 0, 0, 0]).is_err());
        assert!(decode_recipients(&[2, 7, 0]).is_err());
        assert!(decode_recipients(&[3, 0, 0]).is_err());
    }
}
