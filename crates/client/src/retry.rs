//! When a request is tried again, and after how long: rules alone, without sockets, so that another sender of the
//! requests of this crate decides by the same ones.
//!
//! An attempt has an [`Ending`]; [`verdict`] says what follows from it.

use std::time::{Duration, SystemTime};

use crate::failure::NoReply;

/// The longest `Retry-After` that is waited for; what asks for more ends the request.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The longest wait before the second attempt; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Where it ends to double.
const LAST_WAIT: Duration = Duration::from_secs(8);

/// How an attempt ended, as far as another one depends on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ending {
    /// Whether another attempt may end better.
    pub is_retryable: bool,
    /// Whether the service surely did not do what was asked.
    pub is_undone: bool,
    /// How long the service asks to wait.
    pub retry_after: Option<Duration>,
}

impl Ending {
    /// A reply. `retry_after` is its header of that name.
    pub fn of_reply(status: u16, retry_after: Option<&str>, now: SystemTime) -> Self {
        let is_retryable = matches!(status, 408 | 429 | 500 | 502 | 503 | 504);
        if !is_retryable {
            return Self::default();
        }
        let retry_after = retry_after.and_then(|value| wait_of(value, now));
        Self { is_retryable, is_undone: status == 429 || status == 503 && retry_after.is_some(), retry_after }
    }

    /// An error of the network, by Node's code of it.
    pub fn of_code(code: &str) -> Self {
        let is_retryable = matches!(code, "ECONNREFUSED" | "ECONNRESET" | "EPIPE" | "ETIMEDOUT" | "EAI_AGAIN");
        Self { is_retryable, is_undone: matches!(code, "ECONNREFUSED" | "EAI_AGAIN"), retry_after: None }
    }

    /// Silence for as long as the timeout.
    pub fn of_timeout() -> Self {
        Self { is_retryable: true, ..Self::default() }
    }

    /// A failure of this crate's own transport.
    pub(crate) fn of_failure(failure: &NoReply) -> Self {
        match failure {
            NoReply::Timeout => Self::of_timeout(),
            // None of the addresses was connected to; the code that callers see is that of the first.
            NoReply::Several { errors } => {
                let first = errors.first().and_then(|error| error.code.as_deref()).map(Self::of_code);
                Self { is_undone: true, ..first.unwrap_or_default() }
            }
            NoReply::Network(error) => error.code.as_deref().map(Self::of_code).unwrap_or_default(),
            NoReply::Answer { code, .. } => code.as_deref().map(Self::of_code).unwrap_or_default(),
            NoReply::Aborted => Self::default(),
        }
    }
}

/// What follows from the ending of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the end of the request.
    End,
    /// Another attempt after so long.
    Again(Duration),
}

/// What follows from `ending` of the attempt with number `attempt`, from 1.
///
/// `is_repeatable` says whether the service does the same once where it is asked twice; what it would do twice is tried
/// again only where it surely was not done. `chance` is from 0 up to 1: the wait is that part of the longest one, which
/// doubles from half a second up to eight.
pub fn verdict(ending: Ending, attempt: u32, max_retries: u32, is_repeatable: bool, chance: f64) -> Verdict {
    let is_worthwhile = ending.is_retryable && (is_repeatable || ending.is_undone);
    let asked = ending.retry_after.unwrap_or_default();
    if attempt > max_retries || !is_worthwhile || asked > LONGEST_WAIT {
        return Verdict::End;
    }
    let longest = FIRST_WAIT.saturating_mul(1 << (attempt - 1).min(8)).min(LAST_WAIT);
    Verdict::Again(longest.mul_f64(chance.clamp(0.0, 1.0)).max(asked))
}

/// How long `Retry-After` asks to wait: seconds, or a date.
fn wait_of(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again_and_nothing_else() {
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(Ending::of_reply(status, None, SystemTime::now()).is_retryable, "{status}");
        }
        for status in [200, 301, 400, 401, 404, 409, 410, 422, 501, 505] {
            assert_eq!(Ending::of_reply(status, Some("1"), SystemTime::now()), Ending::default(), "{status}");
        }
        for code in ["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "EAI_AGAIN"] {
            assert!(Ending::of_code(code).is_retryable, "{code}");
        }
        for code in ["ENOTFOUND", "CERT_HAS_EXPIRED", "ERR_RESPONSE_TOO_LARGE", "HPE_INVALID_CONSTANT"] {
            assert_eq!(Ending::of_code(code), Ending::default(), "{code}");
        }
    }

    #[test]
    fn the_longest_wait_doubles_up_to_eight_seconds() {
        let ending = Ending::of_timeout();
        let longest: Vec<_> = (1..=6).map(|attempt| verdict(ending, attempt, 9, true, 1.0)).collect();
        assert_eq!(longest, [500, 1000, 2000, 4000, 8000, 8000].map(|ms| Verdict::Again(Duration::from_millis(ms))));
        assert_eq!(verdict(ending, 1, 9, true, 0.0), Verdict::Again(Duration::ZERO));
        assert_eq!(verdict(ending, 400, 999, true, 1.0), Verdict::Again(Duration::from_secs(8)));
        assert_eq!(verdict(ending, 10, 9, true, 0.0), Verdict::End);
        assert_eq!(verdict(ending, 1, 0, true, 0.0), Verdict::End);
    }

    #[test]
    fn what_cannot_be_repeated_is_tried_again_only_where_it_was_not_done() {
        let now = SystemTime::now();
        let again = |ending| verdict(ending, 1, 1, false, 0.0) != Verdict::End;
        assert!(again(Ending::of_code("ECONNREFUSED")));
        assert!(again(Ending::of_reply(429, None, now)));
        assert!(again(Ending::of_reply(503, Some("0"), now)));
        for ending in [Ending::of_timeout(), Ending::of_code("ECONNRESET"), Ending::of_code("EPIPE")] {
            assert!(!again(ending), "{ending:?}");
        }
        assert!(!again(Ending::of_reply(503, None, now)));
        assert!(!again(Ending::of_reply(500, Some("0"), now)));
    }

    #[test]
    fn retry_after_is_waited_for_up_to_a_minute() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let verdict = |value: &str| super::verdict(Ending::of_reply(503, Some(value), now), 1, 1, true, 0.0);
        let again = |seconds| Verdict::Again(Duration::from_secs(seconds));
        assert_eq!(verdict("60"), again(60));
        assert_eq!(verdict(" 2 "), again(2));
        assert_eq!(verdict("61"), Verdict::End);
        let date = httpdate::fmt_http_date(now + Duration::from_secs(30));
        assert_eq!(verdict(&date), again(30));
        assert_eq!(verdict(&httpdate::fmt_http_date(now - Duration::from_secs(30))), again(0));
        assert_eq!(verdict(&httpdate::fmt_http_date(now + Duration::from_secs(90))), Verdict::End);
        // What says nothing asks for nothing.
        assert_eq!(verdict("soon"), again(0));
    }
}
