//! A class for each resource, with its methods by name: `Messages` has `send`, `sendDedupe` and the others, as the
//! table of `layer_client::methods` has them, which all of this is made from. `src/addon.d.ts` declares them.
//!
//! A method takes the seat of a client (`client.seat`) and what JavaScript made of the caller's arguments: a ticket
//! under which the completion comes back (negative to check the arguments only), up to two arguments of kind tag, id
//! and user, the text of body or query, a third such argument where there is one, and where the caller wants more than
//! the outcome, bits that say what ([`MANNER_CANCELLABLE`], [`MANNER_WATCHED`]). It answers nothing when the request is
//! on its way, and otherwise why it is not ([`Refused`]).
//!
//! The classes are defined by hand, and their methods are static: what napi makes of a method borrows and checks for
//! half a microsecond, and to unwrap an instance takes a twentieth of all that a request costs the main thread. An
//! external is a pointer.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;

use layer_client::call::{Arguments, Manner};
use layer_client::client::Client as Core;
use layer_client::lane::Packet;
use layer_client::methods::{METHODS, Method, Resource};
use layer_client::refusal::Refusal;
use napi::bindgen_prelude::{Object, ToNapiValue, Unknown};
use napi::{Env, Result, sys};
use napi_derive::napi;

use crate::channel::Outbox;
use crate::js_text::JsText;

/// The caller may give the call up.
#[napi]
pub const MANNER_CANCELLABLE: u32 = 1;
/// The caller hears of each attempt.
#[napi]
pub const MANNER_WATCHED: u32 = 2;

/// Why a call sends nothing; one of the two is set.
#[napi(object)]
pub struct Refused {
    /// Text of the error for the callback.
    pub message: Option<String>,
    /// Header whose value cannot be sent: Node throws `ERR_INVALID_CHAR` for it.
    pub header: Option<String>,
}

/// What a client is to the methods of its resources.
pub struct Seat {
    /// The client that requests are made of.
    pub client: Arc<Core>,
    /// Where they are put.
    pub outbox: Rc<Outbox>,
}

impl Seat {
    /// A value of JavaScript that holds a seat.
    pub fn into_external(self, env: Env) -> Result<Unknown<'static>> {
        let data = Box::into_raw(Box::new(self));
        let mut value = ptr::null_mut();
        // SAFETY: `env` is that of the thread we are on. N-API owns the box until it gives it to `finalize`, once.
        let status = unsafe {
            sys::napi_create_external(env.raw(), data.cast(), Some(finalize), ptr::null_mut(), &raw mut value)
        };
        if status != sys::Status::napi_ok {
            // SAFETY: nobody else has it.
            drop(unsafe { Box::from_raw(data) });
        }
        napi::check_status!(status)?;
        // SAFETY: the value was made above; napi hands it on at once.
        Ok(unsafe { Unknown::from_raw_unchecked(env.raw(), value) })
    }
}

/// Puts the class of each resource into the exports of the addon.
#[napi(module_exports)]
pub fn export_resources(mut exports: Object<'_>, env: Env) -> Result<()> {
    for resource in Resource::ALL {
        exports.set(resource.class(), define(env, resource)?)?;
    }
    Ok(())
}

/// As properties of a class that somebody wrote in JavaScript.
const STATIC: sys::napi_property_attributes =
    sys::PropertyAttributes::static_ | sys::PropertyAttributes::writable | sys::PropertyAttributes::configurable;

fn define(env: Env, resource: Resource) -> Result<Unknown<'static>> {
    let text = |text: &str| -> Result<sys::napi_value> {
        let mut value = ptr::null_mut();
        // SAFETY: `env` is that of the thread we are on; N-API copies the text.
        let status = unsafe {
            sys::napi_create_string_utf8(env.raw(), text.as_ptr().cast(), text.len().cast_signed(), &raw mut value)
        };
        napi::check_status!(status)?;
        Ok(value)
    };
    let property = |method: &'static Method| -> Result<sys::napi_property_descriptor> {
        Ok(sys::napi_property_descriptor {
            utf8name: ptr::null(),
            name: text(method.name)?,
            method: Some(call),
            getter: None,
            setter: None,
            value: ptr::null_mut(),
            attributes: STATIC,
            data: ptr::from_ref(method).cast_mut().cast(),
        })
    };
    let properties =
        METHODS.iter().filter(|method| method.resource == resource).map(property).collect::<Result<Vec<_>>>()?;
    let name = resource.class();
    let mut class = ptr::null_mut();
    // SAFETY: as above; N-API copies name and properties. The rows that methods are given live as long as the program.
    let status = unsafe {
        sys::napi_define_class(
            env.raw(),
            name.as_ptr().cast(),
            name.len().cast_signed(),
            Some(construct),
            ptr::null_mut(),
            properties.len(),
            properties.as_ptr(),
            &raw mut class,
        )
    };
    napi::check_status!(status)?;
    // SAFETY: the value was made above; napi hands it on at once.
    Ok(unsafe { Unknown::from_raw_unchecked(env.raw(), class) })
}

/// Nobody makes an instance.
///
/// # Safety
/// For N-API to call.
unsafe extern "C" fn construct(env: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    throw(env, c"The methods of a resource are static");
    ptr::null_mut()
}

/// # Safety
/// For N-API to call, with the box that it was given.
unsafe extern "C" fn finalize(_: sys::napi_env, data: *mut c_void, _: *mut c_void) {
    // SAFETY: it was made of such a box.
    drop(unsafe { Box::from_raw(data.cast::<Seat>()) });
}

/// Any method of any resource: its row comes with the call.
///
/// # Safety
/// For N-API to call, as a method that `define` made.
unsafe extern "C" fn call(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // What panics in here must not get out: there is nothing that could catch it.
    catch_unwind(AssertUnwindSafe(|| answer(env, info))).unwrap_or_else(|_| {
        throw(env, c"The addon met a fault of its own, which is told on stderr");
        ptr::null_mut()
    })
}

fn answer(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let mut values = [ptr::null_mut(); 7];
    let mut count = values.len();
    let mut row = ptr::null_mut();
    let mut seat = ptr::null_mut();
    // SAFETY: N-API fills missing arguments with `undefined`; anything but an external leaves `seat` null. There are no
    // other externals than seats. This one is kept by its argument during the call, and nobody has it for writing;
    // `define` gave each method its row.
    let (seat, method) = unsafe {
        sys::napi_get_cb_info(env, info, &raw mut count, values.as_mut_ptr(), ptr::null_mut(), &raw mut row);
        sys::napi_get_value_external(env, values[0], &raw mut seat);
        (seat.cast::<Seat>().as_ref(), row.cast::<Method>().as_ref())
    };
    let (Some(seat), Some(method)) = (seat, method) else {
        throw(env, c"The seat of a client is needed");
        return ptr::null_mut();
    };
    let mut ticket = -1;
    // SAFETY: the value is an argument of this call. It stays -1 unless that is a number.
    unsafe { sys::napi_get_value_int32(env, values[1], &raw mut ticket) };
    // SAFETY: as above.
    let text = |index: usize| unsafe { JsText::new(env, values[index]) };
    let third = if method.has_third() { text(5) } else { JsText::none(env) };
    let manner = if count < values.len() {
        Manner::default()
    } else {
        let mut bits = 0;
        // SAFETY: as above. It stays 0 unless that is a number.
        unsafe { sys::napi_get_value_uint32(env, values[6], &raw mut bits) };
        Manner { is_cancellable: bits & MANNER_CANCELLABLE != 0, is_watched: bits & MANNER_WATCHED != 0 }
    };
    let refused = seat.outbox.with_path([text(2), text(3), third], |path| {
        let body = text(4);
        let arguments = Arguments { path, text: body.source(), manner };
        match u32::try_from(ticket) {
            Ok(ticket) => {
                seat.outbox.put(Env::from_raw(env), |packet| packet.put(&seat.client, method, &arguments, ticket))
            }
            Err(_) => Packet::default().put(&seat.client, method, &arguments, 0),
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

fn throw(env: sys::napi_env, text: &std::ffi::CStr) {
    // SAFETY: `env` is that of a call that we are in.
    unsafe { sys::napi_throw_type_error(env, ptr::null(), text.as_ptr()) };
}
