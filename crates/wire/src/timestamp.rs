//! Points in time as they stand on the wire: `2016-02-03T01:13:49.023Z`. Contract 1.5.

use std::fmt;

/// A point in time: milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

const MS_PER_DAY: i64 = 86_400_000;

impl Timestamp {
    /// Makes a timestamp of milliseconds since 1970-01-01 UTC.
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Reads the form in which timestamps are shown, with or without a fraction of the second, which counts down to the
    /// millisecond; with `Z`, or an offset such as `+01:00`.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |range: std::ops::Range<usize>, most: i64| {
            let digits = text.get(range).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
            digits.parse::<i64>().ok().filter(|number| *number <= most)
        };
        let has = |at: usize, byte: u8| text.as_bytes().get(at) == Some(&byte);
        let is_shaped =
            has(4, b'-') && has(7, b'-') && (has(10, b'T') || has(10, b't')) && has(13, b':') && has(16, b':');
        if !is_shaped {
            return None;
        }
        let (year, month, day) = (number(0..4, 9999)?, number(5..7, 12)?, number(8..10, 31)?);
        let (hour, minute, second) = (number(11..13, 23)?, number(14..16, 59)?, number(17..19, 59)?);
        let rest = text.get(19..)?;
        let fraction = rest.strip_prefix('.').map_or("", |rest| {
            let end = rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
            &rest[..end]
        });
        let zone = if rest.starts_with('.') { &rest[1 + fraction.len()..] } else { rest };
        if month == 0 || day == 0 || (rest.starts_with('.') && fraction.is_empty()) {
            return None;
        }
        let ms = fraction.bytes().chain(*b"000").take(3).fold(0, |ms, digit| ms * 10 + i64::from(digit - b'0'));
        let offset = match zone.as_bytes() {
            b"Z" | b"z" => 0,
            [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
                let at = text.len() - 5;
                let minutes = number(at..at + 2, 23)? * 60 + number(at + 3..at + 5, 59)?;
                if *sign == b'+' { minutes } else { -minutes }
            }
            _ => return None,
        };
        let seconds = (days(year, month, day) * 24 + hour) * 3600 + (minute - offset) * 60 + second;
        Some(Self(seconds * 1000 + ms))
    }

    /// Milliseconds since 1970-01-01 UTC.
    pub const fn as_ms(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_date(self.0.div_euclid(MS_PER_DAY));
        let ms = self.0.rem_euclid(MS_PER_DAY);
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        write!(formatter, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1000)
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Year, month and day of a number of days since 1970-01-01, in the Gregorian calendar.
///
/// Counts in eras of 400 years (146,097 days) that begin on 1 March, so that the leap day is the last day of a year.
fn civil_date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// The number of days since 1970-01-01 of a date: [`civil_date`] the other way round.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_print_as_utc_with_milliseconds() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_454_462_029_023, "2016-02-03T01:13:49.023Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_483_228_799_999, "2016-12-31T23:59:59.999Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::from_ms(ms).to_string(), text);
            assert_eq!(Timestamp::parse(text), Some(Timestamp::from_ms(ms)));
        }
    }

    #[test]
    fn other_ways_to_write_a_time_are_read_and_nothing_else_is() {
        for (text, ms) in [
            ("1970-01-01T00:00:01Z", 1000),
            ("1970-01-01t00:00:00.5z", 500),
            ("1970-01-01T00:00:00.123456Z", 123),
            ("1970-01-01T01:00:00.000+01:00", 0),
            ("1969-12-31T22:30:00-01:30", 0),
        ] {
            assert_eq!(Timestamp::parse(text), Some(Timestamp::from_ms(ms)), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "0",
            "1970-01-01",
            "1970-01-01T00:00:00",
            "1970-13-01T00:00:00Z",
            "1970-00-01T00:00:00Z",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:00:00.Z",
            "1970-01-01T00:00:00+1:00",
            "1970-01-01T00:00:00Zx",
            "197\u{e9}-01-01T00:00:00Z",
            "1970-01-01T00:00:00\u{e9}",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }
}
