//! Strings on their way in.

use napi::bindgen_prelude::{FromNapiValue, TypeName, ValidateNapiValue};
use napi::{Result, Status, ValueType, sys};
use std::ptr;

/// A string argument, read with one call where it is short.
///
/// napi's own `String` measures first and copies then, which costs about twice as much for what most calls pass.
pub struct JsText(pub String);

/// Bytes that are tried before the string is measured; more than most ids and message bodies have.
const GUESS: usize = 1024;

impl TypeName for JsText {
    fn type_name() -> &'static str {
        "String"
    }

    fn value_type() -> ValueType {
        ValueType::String
    }
}

impl ValidateNapiValue for JsText {}

impl FromNapiValue for JsText {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> Result<Self> {
        // SAFETY: the caller vouches for `env` and `value`.
        let mut bytes = unsafe { read(env, value, GUESS) }?;
        // A string that fills the room may go on, and UTF-8 is cut between characters: up to three bytes short.
        if bytes.len() + 4 >= GUESS {
            let mut length = 0;
            // SAFETY: as above; no buffer means that N-API only measures.
            let status = unsafe { sys::napi_get_value_string_utf8(env, value, ptr::null_mut(), 0, &raw mut length) };
            check(status)?;
            // SAFETY: as above.
            bytes = unsafe { read(env, value, length + 1) }?;
        }
        String::from_utf8(bytes).map(Self).map_err(|error| napi::Error::from_reason(error.to_string()))
    }
}

/// Reads at most `capacity - 1` bytes of a string.
///
/// # Safety
/// `env` and `value` must be alive.
unsafe fn read(env: sys::napi_env, value: sys::napi_value, capacity: usize) -> Result<Vec<u8>> {
    let mut bytes: Vec<u8> = Vec::with_capacity(capacity);
    let mut written = 0;
    // SAFETY: the buffer has room for `capacity` bytes, the closing zero included.
    let status =
        unsafe { sys::napi_get_value_string_utf8(env, value, bytes.as_mut_ptr().cast(), capacity, &raw mut written) };
    check(status)?;
    // SAFETY: N-API wrote `written` bytes, which is less than `capacity`.
    unsafe { bytes.set_len(written) };
    Ok(bytes)
}

fn check(status: sys::napi_status) -> Result<()> {
    match Status::from(status) {
        Status::Ok => Ok(()),
        status => Err(napi::Error::new(status, "expected a string")),
    }
}
