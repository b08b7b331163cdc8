//! The query of a request to the admin API. What is not understood is refused, and not ignored.

use http::Uri;
use layer_wire::{ApiError, Timestamp, UserId};

/// How many items a page has when nothing is said, and the most that can be asked for.
const MAX_LIMIT: usize = 100;

/// Names and values.
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query that may have these names. One without a value counts as absent.
    ///
    /// Error: `invalid_property` for any other.
    pub fn parse(uri: &Uri, names: &[&str]) -> Result<Self, ApiError> {
        let text = uri.query().unwrap_or_default();
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        if let Some((name, _)) = pairs.iter().find(|(name, _)| !names.contains(&name.as_str())) {
            let rule = format!("is not understood here; there are {}", names.join(", "));
            return Err(ApiError::invalid_property(name, rule));
        }
        Ok(Self(pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect()))
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// A user id, or an identity id. Error: `invalid_property`.
    pub fn user(&self, name: &str) -> Result<Option<UserId>, ApiError> {
        let read = |text: &str| UserId::parse_identity(text).map_err(|rule| ApiError::invalid_property(name, rule));
        self.get(name).map(read).transpose()
    }

    /// A time: ISO 8601, or milliseconds since 1970. Error: `invalid_property`.
    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let read = |text: &str| {
            let ms = text.parse().ok().map(Timestamp::from_ms);
            ms.or_else(|| Timestamp::parse(text)).ok_or_else(|| {
                ApiError::invalid_property(name, "must be a time such as 2016-05-02T08:00:00.000Z, or milliseconds")
            })
        };
        self.get(name).map(read).transpose()
    }

    /// A truth. Error: `invalid_property`.
    pub fn truth(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(ApiError::invalid_property(name, "must be 'true' or 'false'")),
        }
    }

    /// How many items to show, by `page_size`. Error: `invalid_property`.
    pub fn limit(&self) -> Result<usize, ApiError> {
        let Some(text) = self.get("page_size") else { return Ok(MAX_LIMIT) };
        let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
        limit.ok_or_else(|| {
            ApiError::invalid_property("page_size", format!("must be a whole number from 1 to {MAX_LIMIT}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Result<Query, ApiError> {
        Query::parse(&format!("/x?{text}").parse().unwrap(), &["user", "since", "page_size", "on"])
    }

    #[test]
    fn what_is_given_is_read_and_what_is_not_understood_refused() {
        let given = query("user=layer%3A%2F%2F%2Fidentities%2Fa&since=5&page_size=7&on=true").unwrap();
        assert_eq!(given.user("user").unwrap(), UserId::parse("a").ok());
        assert_eq!(given.time("since").unwrap(), Some(Timestamp::from_ms(5)));
        assert_eq!((given.limit().unwrap(), given.truth("on").unwrap()), (7, Some(true)));
        let absent = query("user=&since=").unwrap();
        assert_eq!((absent.user("user").unwrap(), absent.limit().unwrap()), (None, MAX_LIMIT));
        for text in ["other=1", "page_size=0", "page_size=101", "since=noon", "on=yes"] {
            let refused = query(text).and_then(|query| {
                query.time("since")?;
                query.truth("on")?;
                query.limit()
            });
            let error = refused.unwrap_err();
            assert_eq!(error.data().unwrap()["property"], text.split('=').next().unwrap(), "{text}");
        }
    }
}
