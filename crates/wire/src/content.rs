//! Rich content: requests to upload and answers. Contract 2.5 and 3.6.

use serde::Serialize;

use crate::error::ApiError;
use crate::id::ContentId;
use crate::member::Member;
use crate::part::MAX_MIME_TYPE_BYTES;
use crate::timestamp::Timestamp;
use crate::url::DownloadLink;
use crate::version::Version;

/// The largest rich content, in bytes: 2 GB.
pub const MAX_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// The header with the MIME type of what will be uploaded.
pub const TYPE_HEADER: &str = "upload-content-type";

/// The header with the size of what will be uploaded, in bytes.
pub const LENGTH_HEADER: &str = "upload-content-length";

/// The header with the origin of the web page that will upload.
pub const ORIGIN_HEADER: &str = "upload-origin";

/// A request to upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewContent {
    /// Any MIME string.
    pub mime_type: String,
    /// In bytes.
    pub size: u64,
    /// The origin that may upload from a web page, if one may.
    pub origin: Option<String>,
}

impl NewContent {
    /// Reads the request out of the values of its headers.
    ///
    /// Errors: `missing_property` and `invalid_property` with the name of the header (assumed).
    pub fn parse(mime_type: Option<&str>, length: Option<&str>, origin: Option<&str>) -> Result<Self, ApiError> {
        let mime_type = mime_type.map(str::trim).ok_or_else(|| ApiError::missing_property("Upload-Content-Type"))?;
        if !is_mime_type(mime_type) {
            return Err(ApiError::invalid_property("Upload-Content-Type", "must be a MIME type, such as image/png"));
        }
        let length = length.map(str::trim).ok_or_else(|| ApiError::missing_property("Upload-Content-Length"))?;
        let size = decimal(length).filter(|size| *size <= MAX_BYTES).ok_or_else(|| {
            let rule = format!("must be a number of bytes up to {MAX_BYTES}");
            ApiError::invalid_property("Upload-Content-Length", rule)
        })?;
        let origin = origin.map(|origin| origin.trim().trim_end_matches('/').to_owned());
        Ok(Self { mime_type: mime_type.to_owned(), size, origin: origin.filter(|origin| !origin.is_empty()) })
    }
}

/// Whether a text is a type and a subtype, perhaps with parameters behind a semicolon. It comes back as a
/// `Content-Type`.
fn is_mime_type(text: &str) -> bool {
    let is_token = |token: &str| {
        !token.is_empty()
            && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
    };
    let (essence, _) = text.split_once(';').unwrap_or((text, ""));
    text.len() <= MAX_MIME_TYPE_BYTES
        && essence.trim_end().split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

/// Digits and nothing else: no sign, no space.
fn decimal(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

/// Rich content in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Content {
    id: ContentId,
    size: u64,
    #[serde(skip_serializing_if = "Member::is_absent")]
    upload_url: Member<Option<String>>,
    #[serde(skip_serializing_if = "Member::is_absent")]
    download_url: Member<Option<String>>,
    #[serde(skip_serializing_if = "Member::is_absent")]
    refresh_url: Member<Option<String>>,
    #[serde(skip_serializing_if = "Member::is_absent")]
    expiration: Member<Option<Timestamp>>,
}

impl Content {
    /// Shows the answer to a request to upload: in 1.0 nothing but `id`, `size` and `upload_url` (recorded, R1), later
    /// all six keys (recorded, L3).
    pub fn created(id: ContentId, size: u64, upload_url: String, version: Version) -> Self {
        let has_nulls = version > Version::V1_0;
        Self {
            id,
            size,
            upload_url: Member::Present(Some(upload_url)),
            download_url: Member::nullable(None, has_nulls),
            refresh_url: Member::nullable(None, has_nulls),
            expiration: Member::nullable(None, has_nulls),
        }
    }

    /// Shows rich content that can be downloaded: all six keys (recorded, L3).
    pub fn uploaded(id: ContentId, size: u64, refresh_url: String, link: DownloadLink) -> Self {
        Self {
            id,
            size,
            upload_url: Member::Present(None),
            download_url: Member::Present(Some(link.url)),
            refresh_url: Member::Present(Some(refresh_url)),
            expiration: Member::Present(Some(link.expires_at)),
        }
    }
}

/// Which bytes a request to upload carries, by its `Content-Range`. The protocol is that of resumable uploads to Google
/// Cloud Storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadRange {
    /// All of them: there is no such header.
    Whole,
    /// Those from `first` to `last`, of which the latter is included.
    Chunk {
        /// Counted from 0.
        first: u64,
        /// Included.
        last: u64,
    },
    /// None: it asks how far the upload is.
    Status,
}

impl UploadRange {
    /// Reads `bytes 0-99/1000`, `bytes 0-99/*`, `bytes */1000` or `bytes */*` for content of `size` bytes.
    ///
    /// Error: `invalid_request` for anything else, and for a total other than the one announced.
    pub fn parse(header: Option<&str>, size: u64) -> Result<Self, ApiError> {
        let Some(header) = header else { return Ok(Self::Whole) };
        let malformed = || {
            ApiError::invalid_request(
                "The header Content-Range must be of form bytes first-last/total or bytes */total.",
            )
        };
        let (range, total) =
            header.trim().strip_prefix("bytes ").and_then(|rest| rest.split_once('/')).ok_or_else(malformed)?;
        if total != "*" {
            let total = decimal(total).ok_or_else(malformed)?;
            check_size(total, size)?;
        }
        if range == "*" {
            return Ok(Self::Status);
        }
        let (first, last) = range.split_once('-').ok_or_else(malformed)?;
        let (first, last) = (decimal(first).ok_or_else(malformed)?, decimal(last).ok_or_else(malformed)?);
        if first > last || last >= size {
            return Err(ApiError::invalid_request(format!(
                "The header Content-Range names bytes {first} to {last} of {size}."
            )));
        }
        Ok(Self::Chunk { first, last })
    }
}

/// Checks that as many bytes come as were announced. Error: `invalid_request`.
pub fn check_size(found: u64, announced: u64) -> Result<(), ApiError> {
    if found == announced { Ok(()) } else { Err(wrong_size(found, announced)) }
}

/// `invalid_request`: other than the announced number of bytes.
pub fn wrong_size(found: u64, announced: u64) -> ApiError {
    ApiError::invalid_request(format!("The upload has {found} bytes, but {announced} were announced."))
}

/// The answer to a finished upload: the keys of an object of Google Cloud Storage (recorded, R1 and L3). Clients ignore
/// it, but for `size`, which one of them takes for its message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageObject {
    /// Always `storage#object`.
    pub kind: &'static str,
    /// Bucket, name and generation.
    pub id: String,
    /// Where the content can be looked up.
    pub self_link: String,
    /// App, conversation and content.
    pub name: String,
    /// The same for all.
    pub bucket: &'static str,
    /// Microseconds since 1970.
    pub generation: String,
    /// Always `1`: what was uploaded does not change.
    pub metageneration: &'static str,
    /// The MIME type that was announced.
    pub content_type: String,
    /// When it was uploaded.
    pub time_created: Timestamp,
    /// The same.
    pub updated: Timestamp,
    /// Always `STANDARD`.
    pub storage_class: &'static str,
    /// The same.
    pub time_storage_class_updated: Timestamp,
    /// In bytes, as a text.
    pub size: String,
    /// In base64.
    pub md5_hash: String,
    /// Where it can be downloaded.
    pub media_link: String,
    /// In base64, of four bytes of which the highest comes first.
    pub crc32c: String,
    /// Changes with the bytes.
    pub etag: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn an_upload_is_announced_with_its_type_and_size() {
        let new = NewContent::parse(Some("image/png; q=1"), Some("6486"), Some("https://a.example/")).unwrap();
        assert_eq!(
            new,
            NewContent { mime_type: "image/png; q=1".into(), size: 6486, origin: Some("https://a.example".into()) }
        );
        assert_eq!(NewContent::parse(Some("a/b"), Some("2147483648"), None).unwrap().origin, None);
        for (mime_type, length, kind, property) in [
            (None, Some("1"), ErrorKind::MissingProperty, "Upload-Content-Type"),
            (Some(" "), Some("1"), ErrorKind::InvalidProperty, "Upload-Content-Type"),
            (Some("a/b"), None, ErrorKind::MissingProperty, "Upload-Content-Length"),
            (Some("a/b"), Some("2147483649"), ErrorKind::InvalidProperty, "Upload-Content-Length"),
            (Some("a/b"), Some("99999999999999999999999"), ErrorKind::InvalidProperty, "Upload-Content-Length"),
            (Some("a/b"), Some("-1"), ErrorKind::InvalidProperty, "Upload-Content-Length"),
            (Some("a/b"), Some("+1"), ErrorKind::InvalidProperty, "Upload-Content-Length"),
            (Some("a/b"), Some(""), ErrorKind::InvalidProperty, "Upload-Content-Length"),
        ] {
            let error = NewContent::parse(mime_type, length, None).unwrap_err();
            assert_eq!((error.kind(), error.data()), (kind, Some(&json!({ "property": property }))), "{length:?}");
        }
    }

    #[test]
    fn the_range_of_a_chunk_is_read() {
        let parse = |header| UploadRange::parse(Some(header), 1000);
        assert_eq!(UploadRange::parse(None, 1000), Ok(UploadRange::Whole));
        assert_eq!(parse("bytes 0-99/1000"), Ok(UploadRange::Chunk { first: 0, last: 99 }));
        assert_eq!(parse("bytes 900-999/*"), Ok(UploadRange::Chunk { first: 900, last: 999 }));
        assert_eq!(parse("bytes */1000"), Ok(UploadRange::Status));
        assert_eq!(parse("bytes */*"), Ok(UploadRange::Status));
        for header in
            ["", "0-99/1000", "bytes 0-99", "bytes 0-99/1001", "bytes 9-8/1000", "bytes 0-1000/1000", "bytes a-b/1000"]
        {
            assert_eq!(parse(header).unwrap_err().kind(), ErrorKind::InvalidRequest, "{header}");
        }
    }
}
