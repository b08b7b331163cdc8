//! Links that need no token: to upload and download rich content, and to download archives.
//!
//! A link names one thing, what may be done with it, and until when; a signature with the key of the database covers
//! all three. So a link cannot be guessed, and cannot be changed into a link to something else.

use std::fmt::{self, Write as _};

use layer_wire::url::{DownloadLink, DownloadLinks};
use layer_wire::{ApiError, AppId, ContentId, ExportId, Timestamp};
use ring::hmac;
use uuid::Uuid;

use crate::ground::clock::Clock;

/// How long a link to download works, in milliseconds: an hour, as in the samples (contract 2.5).
const DOWNLOAD_MS: i64 = 60 * 60 * 1000;

/// How long one can upload, in milliseconds: a week, as Google has it for its upload sessions (assumed).
pub const UPLOAD_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// What may be done with a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Upload rich content.
    Upload,
    /// Download rich content.
    Download,
    /// Download the archive of an export.
    Archive,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Download => "download",
            Self::Archive => "archive",
        }
    }
}

/// Makes links and checks them.
pub struct Links {
    base: String,
    key: hmac::Key,
    clock: Clock,
}

impl Links {
    /// `base` is scheme and host of the links, `key` that of the database.
    pub fn new(base: String, key: [u8; 32], clock: Clock) -> Self {
        Self { base, key: hmac::Key::new(hmac::HMAC_SHA256, &key), clock }
    }

    /// Where to upload what was announced at `created_at`.
    pub fn upload(&self, app: AppId, content: ContentId, created_at: Timestamp) -> String {
        let expires_at = Timestamp::from_ms(created_at.as_ms().saturating_add(UPLOAD_MS));
        let path = format!("/content/{app}/{}/upload", content.uuid());
        self.signed(&path, Purpose::Upload, app, content.uuid(), expires_at)
    }

    /// Where to download the archive of an export, and until when.
    pub fn archive(&self, app: AppId, export: ExportId) -> DownloadLink {
        let path = format!("/exports/{app}/{export}/export.tar.gz.enc");
        self.link(&path, Purpose::Archive, app, export.uuid())
    }

    fn link(&self, path: &str, purpose: Purpose, app: AppId, id: Uuid) -> DownloadLink {
        // A link names whole seconds.
        let expires_at = Timestamp::from_ms(self.clock.now().as_ms().saturating_add(DOWNLOAD_MS) / 1000 * 1000);
        DownloadLink { url: self.signed(path, purpose, app, id, expires_at), expires_at }
    }

    fn signed(&self, path: &str, purpose: Purpose, app: AppId, id: Uuid, expires_at: Timestamp) -> String {
        let expires = expires_at.as_ms() / 1000;
        let signature = hex(hmac::sign(&self.key, named(purpose, app, id, expires).as_bytes()).as_ref());
        format!("{}{path}?Expires={expires}&Signature={signature}", self.base)
    }

    /// Checks the query of a link. Error: `access_denied` when it was changed or made up, or when its time is over.
    pub fn check(&self, purpose: Purpose, app: AppId, id: Uuid, query: &str) -> Result<(), ApiError> {
        let find = |name: &str| query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
        let expires: Option<i64> = find("Expires").and_then(|(_, value)| value.parse().ok());
        let signature = find("Signature").and_then(|(_, value)| unhex(value));
        let (Some(expires), Some(signature)) = (expires, signature) else { return Err(ApiError::invalid_link()) };
        // Compares in a time that does not depend on where they differ.
        let verified = hmac::verify(&self.key, named(purpose, app, id, expires).as_bytes(), &signature);
        verified.map_err(|_| ApiError::invalid_link())?;
        if self.clock.now().as_ms() / 1000 < expires { Ok(()) } else { Err(ApiError::expired_link()) }
    }
}

/// What a signature covers.
fn named(purpose: Purpose, app: AppId, id: Uuid, expires: i64) -> String {
    format!("{}/{app}/{id}/{expires}", purpose.name())
}

impl DownloadLinks for Links {
    fn download(&self, app: AppId, content: ContentId) -> DownloadLink {
        self.link(&format!("/content/{app}/{}", content.uuid()), Purpose::Download, app, content.uuid())
    }
}

impl fmt::Debug for Links {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Links(hidden)")
    }
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads hex of either case; `None` for anything else.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks_exact(2);
    if !digits.remainder().is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(clock: &Clock) -> Links {
        Links::new("http://h".into(), [7; 32], clock.clone())
    }

    #[test]
    fn a_link_is_good_for_one_thing_one_purpose_and_one_hour() {
        let clock = Clock::default();
        clock.freeze(Some(Timestamp::from_ms(1_462_176_000_000)));
        let links = links(&clock);
        let (app, id) = (AppId::new(Uuid::from_u128(1)), Uuid::from_u128(2));
        let link = links.download(app, ContentId::new(id));
        assert_eq!(link.expires_at, Timestamp::from_ms(1_462_179_600_000));
        let query = link.url.split_once('?').unwrap().1;
        assert_eq!(links.check(Purpose::Download, app, id, query), Ok(()));

        let later = query.replace("1462179600", "1462179601");
        let cut = &query[..query.len() - 1];
        for (purpose, app, id, query) in [
            (Purpose::Upload, app, id, query),
            (Purpose::Archive, app, id, query),
            (Purpose::Download, AppId::new(Uuid::from_u128(3)), id, query),
            (Purpose::Download, app, Uuid::from_u128(3), query),
            (Purpose::Download, app, id, &later),
            (Purpose::Download, app, id, cut),
            (Purpose::Download, app, id, ""),
            (Purpose::Download, app, id, "Expires=1462179600&Signature="),
            (Purpose::Download, app, id, "Expires=1462179600&Signature=é"),
        ] {
            assert_eq!(links.check(purpose, app, id, query), Err(ApiError::invalid_link()), "{query}");
        }
        let other = Links::new("http://h".into(), [8; 32], clock.clone());
        assert!(other.check(Purpose::Download, app, id, query).is_err());
        clock.advance(3_600_000);
        assert_eq!(links.check(Purpose::Download, app, id, query), Err(ApiError::expired_link()));
    }

    #[test]
    fn the_key_does_not_show_in_debug_output() {
        assert_eq!(format!("{:?}", links(&Clock::default())), "Links(hidden)");
    }
}
