//! The bell by which the engine's thread calls JavaScript.
//!
//! napi's own threadsafe functions hold what they call for good, and with it the module that it belongs to and that
//! module's realm: whatever a cleared `require` cache or a finished Jest file leaves behind would stay in memory. This
//! one holds it while requests are in flight.

use std::ffi::c_void;
use std::ptr;
use std::sync::{Arc, Weak};

use napi::bindgen_prelude::{Function, JsValue, Unknown};
use napi::threadsafe_function::ThreadsafeFunctionHandle;
use napi::{Env, Error, Result, Status, sys};

/// A JavaScript function that other threads can have called. It belongs to the JavaScript thread.
pub struct Bell {
    handle: Arc<ThreadsafeFunctionHandle>,
    /// Valid as long as `handle` and the environment, whichever ends first.
    callee: sys::napi_ref,
}

impl Bell {
    /// A bell that calls `callee`, without arguments; it keeps neither that nor the process alive.
    pub fn new(env: Env, callee: &Function<'_, (), Unknown<'static>>) -> Result<Self> {
        const NAME: &str = "LAYERCLIENT";
        let handle = ThreadsafeFunctionHandle::null();
        let mut name = ptr::null_mut();
        let mut reference = ptr::null_mut();
        let mut raw = ptr::null_mut();
        // SAFETY: `env` is that of the thread we are on. N-API owns the weak pointer from the last call on, and gives
        // it to `finalize` once, together with the reference.
        unsafe {
            let length = NAME.len().cast_signed();
            check(sys::napi_create_string_utf8(env.raw(), NAME.as_ptr().cast(), length, &raw mut name))?;
            check(sys::napi_create_reference(env.raw(), callee.raw(), 0, &raw mut reference))?;
            check(sys::napi_create_threadsafe_function(
                env.raw(),
                ptr::null_mut(),
                ptr::null_mut(),
                name,
                0,
                1,
                Arc::downgrade(&handle).into_raw().cast_mut().cast(),
                Some(finalize),
                reference.cast(),
                Some(call),
                &raw mut raw,
            ))?;
            handle.set_raw(raw);
            check(sys::napi_unref_threadsafe_function(env.raw(), raw))?;
        }
        Ok(Self { handle, callee: reference })
    }

    /// What rings the bell, from any thread. It does nothing once the JavaScript thread is gone: nobody waits then.
    pub fn rope(&self) -> impl Fn() + Send + Sync + 'static {
        let handle = Arc::clone(&self.handle);
        move || {
            handle.with_read_aborted(|is_gone| {
                if !is_gone {
                    // SAFETY: `finalize` waits for this lock before the function is gone.
                    unsafe {
                        sys::napi_call_threadsafe_function(
                            handle.get_raw(),
                            ptr::null_mut(),
                            sys::ThreadsafeFunctionCallMode::nonblocking,
                        )
                    };
                }
            });
        }
    }

    /// Keeps the process and the callee alive, until `rest`.
    pub fn hold(&self, env: Env) {
        // SAFETY: `env` is that of the thread we are on, and both live as long as `self`.
        unsafe {
            sys::napi_ref_threadsafe_function(env.raw(), self.handle.get_raw());
            sys::napi_reference_ref(env.raw(), self.callee, ptr::null_mut());
        }
    }

    /// Ends `hold`.
    pub fn rest(&self, env: Env) {
        // SAFETY: as in `hold`.
        unsafe {
            sys::napi_unref_threadsafe_function(env.raw(), self.handle.get_raw());
            sys::napi_reference_unref(env.raw(), self.callee, ptr::null_mut());
        }
    }
}

/// Calls the callee on the JavaScript thread. What it throws is an uncaught exception, as from any event.
///
/// # Safety
/// For N-API to call, with the reference to the callee as `context`.
unsafe extern "C" fn call(env: sys::napi_env, _: sys::napi_value, context: *mut c_void, _: *mut c_void) {
    // The environment is null while it is torn down.
    if env.is_null() {
        return;
    }
    let mut callee = ptr::null_mut();
    let mut this = ptr::null_mut();
    // SAFETY: N-API opened a scope for handles; the reference lives until `finalize`.
    unsafe {
        sys::napi_get_reference_value(env, context.cast(), &raw mut callee);
        // It was collected: it waited for nothing.
        if callee.is_null() {
            return;
        }
        sys::napi_get_undefined(env, &raw mut this);
        let status = sys::napi_call_function(env, this, callee, 0, ptr::null(), ptr::null_mut());
        if status == sys::Status::napi_pending_exception {
            let mut exception = ptr::null_mut();
            if sys::napi_get_and_clear_last_exception(env, &raw mut exception) == sys::Status::napi_ok {
                sys::napi_fatal_exception(env, exception);
            }
        }
    }
}

/// Tells the ropes that the function is gone.
///
/// # Safety
/// For N-API to call, with the weak pointer and the reference that `Bell::new` gave it.
unsafe extern "C" fn finalize(env: sys::napi_env, data: *mut c_void, context: *mut c_void) {
    // SAFETY: `Bell::new` made it of such a pointer.
    let handle: Weak<ThreadsafeFunctionHandle> = unsafe { Weak::from_raw(data.cast()) };
    if let Some(handle) = handle.upgrade() {
        handle.with_write_aborted(|mut is_gone| *is_gone = true);
    }
    // SAFETY: nothing uses the reference from here on.
    unsafe { sys::napi_delete_reference(env, context.cast()) };
}

fn check(status: sys::napi_status) -> Result<()> {
    match Status::from(status) {
        Status::Ok => Ok(()),
        status => Err(Error::new(status, "the callback of the network thread cannot be made")),
    }
}
