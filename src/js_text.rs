//! Strings on their way in.

use std::ptr;

use layer_client::call::Source;
use napi::bindgen_prelude::{FromNapiValue, TypeName, ValidateNapiValue};
use napi::{Result, ValueType, sys};

/// A string argument that is there or not; it is read where it is needed, and so copied once.
///
/// Valid during the call that it is an argument of.
#[derive(Clone, Copy)]
pub struct JsText {
    env: sys::napi_env,
    /// `None` unless it is a string.
    value: Option<sys::napi_value>,
}

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
        // SAFETY: the caller vouches for both.
        Ok(unsafe { Self::new(env, value) })
    }
}

impl JsText {
    /// No text.
    pub const fn none(env: sys::napi_env) -> Self {
        Self { env, value: None }
    }

    /// The text of `value`; none unless it is a string.
    ///
    /// # Safety
    /// `value` is an argument of the call that `env` is of.
    pub unsafe fn new(env: sys::napi_env, value: sys::napi_value) -> Self {
        let mut kind = sys::ValueType::napi_undefined;
        // SAFETY: the caller vouches for both.
        unsafe { sys::napi_typeof(env, value, &raw mut kind) };
        Self { env, value: (kind == sys::ValueType::napi_string).then_some(value) }
    }

    /// The text as the source of a copy, where there is one.
    pub fn source(&self) -> Option<&dyn Source> {
        self.value.is_some().then_some(self as &dyn Source)
    }

    /// The text, where there is one.
    pub fn read(&self) -> Option<String> {
        let mut bytes = Vec::new();
        self.source()?.append_to(&mut bytes);
        // N-API writes UTF-8, with U+FFFD for halves of surrogate pairs: nothing is ever replaced here.
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Bytes that are tried before the string is measured; more than most ids and message bodies have.
const GUESS: usize = 1024;

impl Source for JsText {
    /// Reads a short string with one call: measuring first, as napi's own `String` does, costs as much as reading.
    fn append_to(&self, bytes: &mut Vec<u8>) {
        let Some(value) = self.value else { return };
        let read = |bytes: &mut Vec<u8>, capacity: usize| {
            bytes.reserve(capacity);
            let start = bytes.len();
            let mut written = 0;
            // SAFETY: `value` is a string of the call that we are in, and there is room for `capacity` bytes, the
            // closing zero included.
            unsafe {
                let room = bytes.as_mut_ptr().add(start).cast();
                sys::napi_get_value_string_utf8(self.env, value, room, capacity, &raw mut written);
            }
            // SAFETY: N-API wrote `written` bytes, which is less than `capacity`; nothing, where it could not read.
            unsafe { bytes.set_len(start + written) };
            written
        };
        let start = bytes.len();
        // A string that fills the room may go on, and UTF-8 is cut between characters: up to three bytes short.
        if read(bytes, GUESS) + 4 >= GUESS {
            let mut length = 0;
            // SAFETY: as above; no buffer means that N-API only measures.
            unsafe { sys::napi_get_value_string_utf8(self.env, value, ptr::null_mut(), 0, &raw mut length) };
            bytes.truncate(start);
            read(bytes, length + 1);
        }
    }
}
