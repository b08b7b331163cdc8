//! Delayed sending: the `schedule` of a message. Contract 2.2.5.

use std::time::Duration;

use serde_json::Value;

use crate::body::{self, Object};
use crate::error::ApiError;

/// The longest delay of a message, in seconds.
pub const MAX_DELAY_SECONDS: f64 = 300.0;

/// The shortest delay of a message that is sent alone, and the shortest typing indicator, in seconds.
pub const MIN_DELAY_SECONDS: f64 = 1.0;

/// Whether a message is sent alone or in a batch, where a delay may be shorter or left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// Alone.
    Alone,
    /// In a batch: the delay counts from the message before.
    InBatch,
}

/// How long a message waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delay {
    /// From the request, or from the message before.
    pub after: Duration,
    /// For how long at the end of that its sender seems to type; zero for not at all.
    pub typing: Duration,
}

/// Takes the delay out of a request to send a message; `None` when it is to be sent at once.
///
/// Error: `invalid_property` `schedule` (assumed) when a number is out of its range.
pub fn take_delay(request: &mut Object, sending: Sending) -> Result<Option<Delay>, ApiError> {
    let Some(schedule) = body::take(request, "schedule") else { return Ok(None) };
    let Value::Object(mut schedule) = schedule else { return Err(refuse("must be an object")) };
    let delay = match (body::take(&mut schedule, "delay_in_seconds"), sending) {
        (Some(delay), Sending::Alone) => seconds(&delay, MIN_DELAY_SECONDS, MAX_DELAY_SECONDS),
        (Some(delay), Sending::InBatch) => seconds(&delay, 0.0, MAX_DELAY_SECONDS),
        (None, Sending::Alone) => None,
        (None, Sending::InBatch) => Some(0.0),
    };
    let delay = delay.ok_or_else(|| match sending {
        Sending::Alone => refuse("must have a 'delay_in_seconds' from 1.0 to 300.0"),
        Sending::InBatch => refuse("must have a 'delay_in_seconds' from 0.0 to 300.0, or none"),
    })?;
    let typing = match body::take(&mut schedule, "typing_indicator_in_seconds") {
        Some(typing) => seconds(&typing, MIN_DELAY_SECONDS, delay)
            .ok_or_else(|| refuse("must have a 'typing_indicator_in_seconds' from 1.0 to its delay, or none"))?,
        None => 0.0,
    };
    Ok(Some(Delay { after: Duration::from_secs_f64(delay), typing: Duration::from_secs_f64(typing) }))
}

fn seconds(value: &Value, min: f64, max: f64) -> Option<f64> {
    value.as_f64().filter(|seconds| (min..=max).contains(seconds))
}

fn refuse(rule: &str) -> ApiError {
    ApiError::invalid_property("schedule", rule)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn take(schedule: &Value, sending: Sending) -> Result<Option<Delay>, ApiError> {
        take_delay(json!({ "schedule": schedule }).as_object_mut().unwrap(), sending)
    }

    /// Contract 2.2.5 [P1 delayed-messaging].
    #[test]
    fn a_delay_alone_is_of_1_to_300_seconds() {
        assert_eq!(take(&Value::Null, Sending::Alone), Ok(None));
        for (schedule, after, typing) in [
            (json!({ "delay_in_seconds": 1 }), 1000, 0),
            (json!({ "delay_in_seconds": 3.4, "typing_indicator_in_seconds": null }), 3400, 0),
            (json!({ "delay_in_seconds": 300.0, "typing_indicator_in_seconds": 300 }), 300_000, 300_000),
            (json!({ "delay_in_seconds": 6, "typing_indicator_in_seconds": 6 }), 6000, 6000),
            (json!({ "delay_in_seconds": 6, "typing_indicator_in_seconds": 1.0 }), 6000, 1000),
        ] {
            let expected = Delay { after: Duration::from_millis(after), typing: Duration::from_millis(typing) };
            assert_eq!(take(&schedule, Sending::Alone), Ok(Some(expected)), "{schedule}");
        }
        for schedule in [
            json!(5),
            json!([]),
            json!({}),
            json!({ "delay_in_seconds": null }),
            json!({ "delay_in_seconds": "5" }),
            json!({ "delay_in_seconds": 0.999 }),
            json!({ "delay_in_seconds": -1 }),
            json!({ "delay_in_seconds": 300.001 }),
            json!({ "delay_in_seconds": 1e300 }),
            json!({ "delay_in_seconds": 5, "typing_indicator_in_seconds": 0.5 }),
            json!({ "delay_in_seconds": 5, "typing_indicator_in_seconds": 5.1 }),
            json!({ "delay_in_seconds": 5, "typing_indicator_in_seconds": "2" }),
        ] {
            let error = take(&schedule, Sending::Alone).unwrap_err();
            assert_eq!(error.data(), Some(&json!({ "property": "schedule" })), "{schedule}");
        }
    }

    #[test]
    fn a_delay_in_a_batch_may_be_of_any_length_up_to_300_seconds_or_left_out() {
        for (schedule, ms) in [
            (json!({}), 0),
            (json!({ "delay_in_seconds": 0 }), 0),
            (json!({ "delay_in_seconds": 0.25 }), 250),
            (json!({ "delay_in_seconds": 300 }), 300_000),
        ] {
            let expected = Delay { after: Duration::from_millis(ms), typing: Duration::ZERO };
            assert_eq!(take(&schedule, Sending::InBatch), Ok(Some(expected)), "{schedule}");
        }
        for schedule in [
            json!({ "delay_in_seconds": -0.1 }),
            json!({ "delay_in_seconds": 301 }),
            json!({ "typing_indicator_in_seconds": 1 }),
        ] {
            assert!(take(&schedule, Sending::InBatch).is_err(), "{schedule}");
        }
    }
}
