//! Paging of lists: `page_size`, `from_id`, `sort_by`. Contract 1.7.

use crate::error::ApiError;
use crate::id::{AnnouncementId, ConversationId, MessageId, UserId};
use crate::percent;

/// The largest page, and the size of a page when none is asked for.
pub const MAX_PAGE_SIZE: usize = 100;

/// The largest page of a list of users, and its size when none is asked for (the maximum is assumed).
pub const MAX_USER_PAGE_SIZE: usize = 500;

/// Where a page ends though it is not full: once what it is made of, or its JSON, takes up so much (assumed). Unit:
/// bytes. A page holds at least one item all the same.
pub const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Name of the header with the number of all items of a list, on every page.
pub const COUNT_HEADER: &str = "Layer-Count";

/// How a list of conversations is ordered; newest first either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortBy {
    /// By creation.
    #[default]
    CreatedAt,
    /// By the last message; a conversation without messages is ranked by its creation.
    LastMessage,
}

/// A page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page<Id> {
    /// How many items at most, from 1 up.
    pub size: usize,
    /// The page begins after this item.
    pub from: Option<Id>,
}

/// The query parameters that lists know; the others are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListQuery {
    page_size: Option<String>,
    from_id: Option<String>,
    sort_by: Option<String>,
}

impl ListQuery {
    /// Reads a query string. Of a repeated parameter the last one counts; an empty one counts as absent (assumed),
    /// because clients that serialise an unset option send `from_id=`.
    ///
    /// Error: `invalid_request` when a name or a value is not valid percent-encoding.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let mut parsed = Self::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = Some(decode(value)?).filter(|value| !value.is_empty());
            match decode(name)?.as_str() {
                "page_size" => parsed.page_size = value,
                "from_id" => parsed.from_id = value,
                "sort_by" => parsed.sort_by = value,
                _ => {}
            }
        }
        Ok(parsed)
    }

    /// The page of a list of conversations.
    pub fn conversations(&self) -> Result<Page<ConversationId>, ApiError> {
        self.page(MAX_PAGE_SIZE, from_uuid(ConversationId::parse))
    }

    /// The page of a list of messages.
    pub fn messages(&self) -> Result<Page<MessageId>, ApiError> {
        self.page(MAX_PAGE_SIZE, from_uuid(MessageId::parse))
    }

    /// The page of a list of users, where `from_id` is an identity id or a user id (contract 1.7).
    pub fn users(&self) -> Result<Page<UserId>, ApiError> {
        self.page(MAX_USER_PAGE_SIZE, |text| {
            UserId::parse_identity(text).map_err(|reason| ApiError::invalid_property("from_id", reason))
        })
    }

    /// The page of a list of announcements.
    pub fn announcements(&self) -> Result<Page<AnnouncementId>, ApiError> {
        self.page(MAX_PAGE_SIZE, from_uuid(AnnouncementId::parse))
    }

    /// The order of a list of conversations. Error: `invalid_property` `sort_by`.
    pub fn sort_by(&self) -> Result<SortBy, ApiError> {
        match self.sort_by.as_deref() {
            None | Some("created_at") => Ok(SortBy::CreatedAt),
            Some("last_message") => Ok(SortBy::LastMessage),
            Some(_) => Err(ApiError::invalid_property("sort_by", "must be 'created_at' or 'last_message'")),
        }
    }

    fn page<Id>(&self, max_size: usize, from_id: impl Fn(&str) -> Result<Id, ApiError>) -> Result<Page<Id>, ApiError> {
        let size = self.page_size.as_deref().map_or(Ok(max_size), |text| page_size(text, max_size))?;
        let from = self.from_id.as_deref().map(from_id).transpose()?;
        Ok(Page { size, from })
    }
}

/// Reads the `from_id` of a list whose items are named by UUIDs.
fn from_uuid<Id>(parse: impl Fn(&str) -> Option<Id>) -> impl Fn(&str) -> Result<Id, ApiError> {
    move |text| parse(text).ok_or_else(|| ApiError::invalid_request_id("query parameter 'from_id'"))
}

/// Reads a page size; one over the maximum counts as the maximum. Error: `invalid_property` when it is 0 or no number
/// (assumed).
fn page_size(text: &str, max: usize) -> Result<usize, ApiError> {
    let invalid = || ApiError::invalid_property("page_size", "must be a whole number of at least 1");
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid());
    }
    // Digits that overflow are a number all the same, and well over the maximum.
    match text.parse::<usize>().unwrap_or(max) {
        0 => Err(invalid()),
        size => Ok(size.min(max)),
    }
}

fn decode(text: &str) -> Result<String, ApiError> {
    percent::decode_query(text)
        .map_err(|_| ApiError::invalid_request("The query string is not valid percent-encoded UTF-8."))
}

/// A page that was read: its items, the number of all items, and whether more follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<Item> {
    /// The items of the page, newest first.
    pub items: Vec<Item>,
    /// The number of all items, for the header [`COUNT_HEADER`].
    pub total: u64,
    /// Whether items follow after the page; from 2.0 on the answer is then `206` instead of `200`.
    pub has_more: bool,
}

impl<Item> Listing<Item> {
    /// Makes a listing of up to `size + 1` items: the one over the size only shows that more follow.
    pub fn new(mut items: Vec<Item>, size: usize, total: u64) -> Self {
        let has_more = items.len() > size;
        items.truncate(size);
        Self { items, total, has_more }
    }

    /// Ends the page after so many items, if it has more.
    pub fn end_after(&mut self, count: usize) {
        self.has_more |= self.items.len() > count;
        self.items.truncate(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn size(query: &str) -> Result<usize, ErrorKind> {
        let query = ListQuery::parse(query).unwrap();
        query.messages().map(|page| page.size).map_err(|error| error.kind())
    }

    #[test]
    fn the_page_size_defaults_to_the_maximum_and_is_clamped_to_it() {
        for query in ["", "page_size=", "page_size=100", "page_size=101", "page_size=99999999999999999999999"] {
            assert_eq!(size(query), Ok(100), "{query}");
        }
        assert_eq!(size("page_size=1"), Ok(1));
        assert_eq!(size("page_size=7&page_size=8"), Ok(8));
    }

    #[test]
    fn a_page_size_of_zero_or_no_number_is_refused() {
        for query in ["page_size=0", "page_size=-1", "page_size=ten", "page_size=1.5", "page_size=%2B5"] {
            assert_eq!(size(query), Err(ErrorKind::InvalidProperty), "{query}");
        }
    }

    #[test]
    fn from_id_takes_both_forms_of_an_id() {
        let uuid = "f3cc7b32-3c92-11e4-baad-164230d1df67";
        let expected = MessageId::parse(uuid);
        for query in [format!("from_id={uuid}"), format!("from_id=layer%3A%2F%2F%2Fmessages%2F{uuid}")] {
            assert_eq!(ListQuery::parse(&query).unwrap().messages().unwrap().from, expected);
        }
        assert_eq!(ListQuery::parse("from_id=").unwrap().messages().unwrap().from, None);
        let error = ListQuery::parse("from_id=wrongid").unwrap().messages().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequestId);
    }

    #[test]
    fn a_page_of_users_has_up_to_500_and_begins_after_an_identity_id_or_a_user_id() {
        let users = |query| ListQuery::parse(query).unwrap().users();
        assert_eq!(users("").unwrap(), Page { size: 500, from: None });
        assert_eq!(users("page_size=501").unwrap().size, 500);
        for query in ["from_id=ns%2F42", "from_id=layer%3A%2F%2F%2Fidentities%2Fns%252F42"] {
            assert_eq!(users(query).unwrap().from, Some(UserId::parse("ns/42").unwrap()), "{query}");
        }
        assert_eq!(users("from_id=a%00").unwrap_err().kind(), ErrorKind::InvalidProperty);
    }

    #[test]
    fn sort_by_knows_two_orders() {
        let sort = |query| ListQuery::parse(query).unwrap().sort_by();
        assert_eq!(sort(""), Ok(SortBy::CreatedAt));
        assert_eq!(sort("sort_by=last_message"), Ok(SortBy::LastMessage));
        assert!(sort("sort_by=name").is_err());
    }

    #[test]
    fn a_listing_knows_whether_more_follow() {
        assert!(Listing::new(vec![1, 2, 3], 2, 9).has_more);
        assert!(!Listing::new(vec![1, 2], 2, 2).has_more);
        let mut listing = Listing::new(vec![1, 2, 3], 3, 3);
        listing.end_after(3);
        assert!(!listing.has_more);
        listing.end_after(2);
        assert_eq!((listing.items, listing.has_more), (vec![1, 2], true));
    }
}
