//! JSON that JavaScript writes as it stands: `JSON.stringify(JSON.parse(text))` is the same text. Contract 6.3.
//!
//! Receivers parse a delivery and check its signature over what they write again; the vendor's own listener does. So
//! everything that is signed is written here, as V8 would write it: keys that look like array indices come first, in
//! ascending order, numbers are doubles in their shortest form. Escapes of texts are those of `serde_json`, which are
//! V8's for every text that Rust can hold.

use std::io::{self, Write};

use serde_json::{Number, Value};

/// The largest array index of JavaScript.
const MAX_INDEX: u32 = u32::MAX - 1;

/// The largest integer up to which every integer is a double. Such integers print as they are.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Writes a value. Error: none that is known, since a vector takes everything.
pub fn to_vec(value: &Value) -> serde_json::Result<Vec<u8>> {
    let mut text = Vec::with_capacity(1024);
    write_value(&mut text, value).map_err(serde_json::Error::io)?;
    Ok(text)
}

fn write_value(text: &mut Vec<u8>, value: &Value) -> io::Result<()> {
    match value {
        Value::Number(number) => write_number(text, number),
        Value::Array(items) => write_items(text, *b"[]", items, write_value),
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().map(|(key, value)| (array_index(key), key, value)).collect();
            // Stable: keys that are no index keep their order, after all that are one.
            members.sort_by_key(|(index, ..)| index.map_or(u64::MAX, u64::from));
            write_items(text, *b"{}", &members, |text, (_, key, value)| {
                serde_json::to_writer(&mut *text, key)?;
                text.push(b':');
                write_value(text, value)
            })
        }
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(serde_json::to_writer(text, value)?),
    }
}

fn write_items<Item>(
    text: &mut Vec<u8>,
    [open, close]: [u8; 2],
    items: &[Item],
    write: impl Fn(&mut Vec<u8>, &Item) -> io::Result<()>,
) -> io::Result<()> {
    text.push(open);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        write(text, item)?;
    }
    text.push(close);
    Ok(())
}

/// The array index that a key is, if it is one: a decimal number without leading zeros, at most [`MAX_INDEX`].
fn array_index(key: &str) -> Option<u32> {
    let is_canonical = key == "0" || (!key.starts_with('0') && key.bytes().all(|byte| byte.is_ascii_digit()));
    key.parse().ok().filter(|index| is_canonical && *index <= MAX_INDEX)
}

/// Writes a number as `Number.prototype.toString` does.
fn write_number(text: &mut Vec<u8>, number: &Number) -> io::Result<()> {
    if let Some(integer) = number.as_i64().filter(|integer| integer.unsigned_abs() <= MAX_SAFE_INTEGER) {
        return write!(text, "{integer}");
    }
    // A number of JSON is never infinite or no number at all, and the text of a larger integer rounds to a double as
    // its value does.
    let double = number.as_f64().unwrap_or_default();
    if double == 0.0 {
        // Also -0.
        text.push(b'0');
        return Ok(());
    }
    if double < 0.0 {
        text.push(b'-');
    }
    // `serde_json` finds the shortest digits that read back as the same double, and of several such the ones that V8
    // does; the formatter of the standard library rounds `33494174778986.0625` the other way. Where it puts point and
    // exponent differs from V8.
    let shortest = serde_json::to_string(&double.abs())?;
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = [integer, fraction].concat();
    let significant = all.trim_start_matches('0');
    let digits = significant.trim_end_matches('0');
    // How many digits stand before the decimal point.
    let shift = i32::try_from(integer.len() + significant.len()).unwrap_or_default()
        - i32::try_from(all.len()).unwrap_or_default();
    let whole = exponent.parse::<i32>().unwrap_or_default() + shift;
    let before = usize::try_from(whole).unwrap_or_default();
    match whole {
        1..=21 if before >= digits.len() => write!(text, "{digits:0<before$}"),
        1..=21 => write!(text, "{}.{}", &digits[..before], &digits[before..]),
        -5..=0 => {
            let zeros = usize::try_from(-whole).unwrap_or_default();
            write!(text, "0.{:0<zeros$}{digits}", "")
        }
        _ => {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            write!(text, "{first}{point}{rest}e{:+}", whole - 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(json: &str) -> String {
        String::from_utf8(to_vec(&serde_json::from_str::<Value>(json).unwrap()).unwrap()).unwrap()
    }

    /// Contract 6.3. `__test__/platform/signed.test.js` compares far more with Node.js itself.
    #[test]
    fn numbers_are_written_as_javascript_writes_them() {
        for (json, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("1.0", "1"),
            ("-7", "-7"),
            ("1e2", "100"),
            ("9007199254740991", "9007199254740991"),
            ("9007199254740993", "9007199254740992"),
            ("18446744073709551615", "18446744073709552000"),
            ("-9223372036854775808", "-9223372036854776000"),
            ("123456789012345678901234567890", "1.2345678901234568e+29"),
            ("1e20", "100000000000000000000"),
            ("1e21", "1e+21"),
            ("-1.5e300", "-1.5e+300"),
            ("0.1", "0.1"),
            ("12.50", "12.5"),
            ("0.000001", "0.000001"),
            ("0.0000012", "0.0000012"),
            ("0.0000001", "1e-7"),
            ("1.25e-7", "1.25e-7"),
            ("5e-324", "5e-324"),
            // Half-way between two texts of 17 digits.
            ("33494174778986.0625", "33494174778986.062"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ] {
            assert_eq!(written(json), expected, "{json}");
        }
    }

    /// Contract 6.3.
    #[test]
    fn keys_that_look_like_array_indices_come_first_and_ascending_at_every_depth() {
        let json = r#"{"b":1,"10":2,"9":{"z":[{"x":1,"0":2}],"4294967294":3,"4294967295":4,"01":5,"1":6},"a":7,"-1":8,"1.5":9,"":0}"#;
        let expected = r#"{"9":{"1":6,"4294967294":3,"z":[{"0":2,"x":1}],"4294967295":4,"01":5},"10":2,"b":1,"a":7,"-1":8,"1.5":9,"":0}"#;
        assert_eq!(written(json), expected);
        assert_eq!(written(expected), expected);
    }

    #[test]
    fn texts_are_escaped_as_little_as_can_be() {
        let json = r#""\u0000\u001f\b\t\n\f\r\"\\\/\u007f\u2028 é 🐙""#;
        assert_eq!(written(json), "\"\\u0000\\u001f\\b\\t\\n\\f\\r\\\"\\\\/\u{7f}\u{2028} é 🐙\"");
    }
}
