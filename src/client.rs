//! The client, and the one function by which all methods of all clients cross.
//!
//! The function takes what JavaScript made of the caller's arguments: a ticket under which the completion comes back
//! (negative to check the arguments only), up to two arguments of kind tag, id and user, and the text of body or query.
//! It answers nothing when the request is on its way, and otherwise why it is not.
//!
//! It is written by hand: a method of a class costs napi half a microsecond for what it borrows and checks, which is
//! as much as all that the call itself does.

use crate::agent::Agent;
use crate::channel::{Channel, Outbox};
use crate::js_text::JsText;
use layer_client::base_url::BaseUrl;
use layer_client::call::Arguments;
use layer_client::client::{Client as Core, ClientOptions as CoreOptions};
use layer_client::id::uuid_of;
use layer_client::lane::Packet;
use layer_client::methods::METHODS;
use layer_client::options::RequestOptions;
use layer_client::refusal::Refusal;
use napi::bindgen_prelude::{ToNapiValue, Unknown};
use napi::{Env, Error, Result, sys};
use napi_derive::napi;
use std::ffi::c_void;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Settings of a client; `index.js` has filled in the defaults.
#[napi(object)]
pub struct ClientOptions {
    /// UUID of the app.
    pub app_id: String,
    /// Bearer token.
    pub token: String,
    /// Version of the Server API.
    pub version: String,
    /// `http(s)://host[:port][/prefix]`
    pub base_url: String,
    /// URL of an HTTP proxy.
    pub proxy: Option<String>,
    /// Milliseconds.
    pub timeout: f64,
    /// Bytes that the body of a reply may have.
    pub max_response_bytes: u32,
}

/// Why a call sends nothing; one of the two is set.
#[napi(object)]
pub struct Refused {
    /// Text of the error for the callback.
    pub message: Option<String>,
    /// Header whose value cannot be sent: Node throws `ERR_INVALID_CHAR` for it.
    pub header: Option<String>,
}

/// What a client is to JavaScript: a value that holds one of these.
struct Caller {
    client: Arc<Core>,
    outbox: Rc<Outbox>,
}

/// Makes a client of one app. Throws when `baseUrl` cannot be used.
#[napi]
pub fn client(env: Env, channel: &Channel, agent: &Agent, options: ClientOptions) -> Result<Unknown<'static>> {
    let base_url = BaseUrl::parse(&options.base_url).map_err(|error| Error::from_reason(error.to_string()))?;
    let options = CoreOptions {
        app_id: options.app_id,
        token: options.token,
        version: options.version,
        base_url,
        proxy: options.proxy,
        request: RequestOptions {
            timeout: Duration::from_secs_f64(options.timeout.clamp(0.0, f64::from(i32::MAX)) / 1000.0),
            max_response_bytes: options.max_response_bytes as usize,
        },
    };
    let client = Core::new(&agent.0, &options).map_err(|error| Error::from_reason(error.to_string()))?;
    let caller = Box::new(Caller { client: Arc::new(client), outbox: channel.outbox() });
    let data = Box::into_raw(caller);
    let mut value = ptr::null_mut();
    // SAFETY: `env` is that of the thread we are on. N-API owns the box until it gives it to `finalize`, once.
    let status =
        unsafe { sys::napi_create_external(env.raw(), data.cast(), Some(finalize), ptr::null_mut(), &raw mut value) };
    if status != sys::Status::napi_ok {
        // SAFETY: nobody else has it.
        drop(unsafe { Box::from_raw(data) });
    }
    napi::check_status!(status)?;
    // SAFETY: the value was made above; napi hands it on at once.
    Ok(unsafe { Unknown::from_raw_unchecked(env.raw(), value) })
}

/// # Safety
/// For N-API to call, with the box that `client` gave it.
unsafe extern "C" fn finalize(_: sys::napi_env, data: *mut c_void, _: *mut c_void) {
    // SAFETY: `client` made it of such a box.
    drop(unsafe { Box::from_raw(data.cast::<Caller>()) });
}

/// The function `(client, method, ticket, first, second, text)`: a client, the number of a row of the table, a ticket, and
/// three texts, which may be undefined.
#[napi]
pub fn caller(env: Env) -> Result<Unknown<'static>> {
    let mut function = ptr::null_mut();
    // SAFETY: `env` is that of the thread we are on, and N-API gives `call` what it takes.
    let status =
        unsafe { sys::napi_create_function(env.raw(), ptr::null(), 0, Some(call), ptr::null_mut(), &raw mut function) };
    napi::check_status!(status)?;
    // SAFETY: the value was made above; napi hands it on at once.
    Ok(unsafe { Unknown::from_raw_unchecked(env.raw(), function) })
}

/// # Safety
/// For N-API to call.
unsafe extern "C" fn call(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let mut values = [ptr::null_mut(); 6];
    let mut count = values.len();
    // SAFETY: N-API fills in what was not given with `undefined`.
    unsafe {
        sys::napi_get_cb_info(env, info, &raw mut count, values.as_mut_ptr(), ptr::null_mut(), ptr::null_mut());
    }
    let number = |index: usize| {
        let mut number = -1;
        // SAFETY: the value is an argument of this call. What is no number stays -1.
        unsafe { sys::napi_get_value_int32(env, values[index], &raw mut number) };
        usize::try_from(number)
    };
    let mut data = ptr::null_mut();
    // SAFETY: as above. There are no other values of this kind than those of `client`.
    unsafe { sys::napi_get_value_external(env, values[0], &raw mut data) };
    // SAFETY: the argument keeps its box alive during this call, and nobody has it for writing.
    let caller = unsafe { data.cast::<Caller>().as_ref() };
    let (Some(caller), Some(method)) = (caller, number(1).ok().and_then(|row| METHODS.get(row))) else {
        // SAFETY: the text ends in a zero.
        unsafe { sys::napi_throw_type_error(env, ptr::null(), c"A client and a method are needed".as_ptr()) };
        return ptr::null_mut();
    };
    // SAFETY: the value is an argument of this call.
    let text = |index: usize| unsafe { JsText::new(env, values[index]) };
    let refused = caller.outbox.with_path([text(3), text(4)], |path| {
        let body = text(5);
        let arguments = Arguments { path, text: body.source() };
        match number(2) {
            Ok(ticket) => caller.outbox.put(Env::from_raw(env), |packet| {
                packet.put(&caller.client, method, &arguments, u32::try_from(ticket).unwrap_or_default())
            }),
            Err(_) => Packet::default().put(&caller.client, method, &arguments, 0),
        }
    });
    let refused = match refused {
        Ok(()) => return ptr::null_mut(),
        Err(Refusal::Header(name)) => Refused { message: None, header: Some(name.to_owned()) },
        Err(refusal) => Refused { message: Some(refusal.to_string()), header: None },
    };
    // SAFETY: `env` is that of this call.
    unsafe { Refused::to_napi_value(env, refused) }.unwrap_or(ptr::null_mut())
}

/// The table of methods as JSON.
#[napi]
pub fn methods() -> Result<String> {
    serde_json::to_string(&METHODS).map_err(|error| Error::from_reason(error.to_string()))
}

/// The UUID at the end of an id, if there is one.
#[napi(js_name = "uuidOf")]
pub fn uuid(id: JsText) -> Option<String> {
    uuid_of(&id.read()?).map(str::to_owned)
}
