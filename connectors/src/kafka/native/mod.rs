//! The calls of librdkafka that the `rdkafka` crate does not offer, behind safe types.
//!
//! The only place of this repository with unsafe code. It must never decide anything: it moves
//! bytes, and says what librdkafka said. The rule that makes it sound: whatever was obtained from
//! a client (queues, topic handles, messages) is owned next to that client and dropped before it.

#![allow(unsafe_code, reason = "librdkafka's batch consumption and admin calls have no safe binding")]

mod ask;
mod batch;
mod member;
mod outgoing;
mod simple;
mod transaction;

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr::NonNull;
use std::time::Duration;

use rdkafka::bindings as ffi;
use rdkafka::error::RDKafkaErrorCode;

pub(super) use ask::{ListedOffsets, list_offsets, topic_id};
pub(super) use batch::Item;
pub(super) use member::Member;
pub(super) use outgoing::{Halt, LARGEST, Outgoing, Plain};
pub(super) use simple::Simple;
pub(super) use transaction::{commit, send_offsets};

/// An error of librdkafka with its flags.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) code: RDKafkaErrorCode,
    pub(super) text: String,
    pub(super) fatal: bool,
    pub(super) retriable: bool,
    /// The transaction has to be aborted.
    pub(super) abort: bool,
}

impl Failure {
    pub(super) fn new(code: RDKafkaErrorCode, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), fatal: false, retriable: false, abort: false }
    }

    fn of_code(code: ffi::rd_kafka_resp_err_t) -> Self {
        // SAFETY: returns a static string for every code.
        let text = unsafe { text(ffi::rd_kafka_err2str(code)) };
        Self::new(code.into(), text)
    }

    /// Takes the error over; null is none.
    ///
    /// # Safety
    /// `error` comes from a librdkafka call and is nobody else's.
    unsafe fn take(error: *mut ffi::rd_kafka_error_t) -> Result<(), Self> {
        if error.is_null() {
            return Ok(());
        }
        // SAFETY: not null, and alive until it is destroyed here.
        let failure = unsafe { Self::read(error) };
        // SAFETY: as above; nobody uses it after this.
        unsafe { ffi::rd_kafka_error_destroy(error) };
        Err(failure)
    }

    /// # Safety
    /// `error` is alive.
    unsafe fn read(error: *const ffi::rd_kafka_error_t) -> Self {
        // SAFETY: only reads of an error that is alive; its string lives as long.
        unsafe {
            Self {
                code: ffi::rd_kafka_error_code(error).into(),
                text: text(ffi::rd_kafka_error_string(error)),
                fatal: ffi::rd_kafka_error_is_fatal(error) != 0,
                retriable: ffi::rd_kafka_error_is_retriable(error) != 0,
                abort: ffi::rd_kafka_error_txn_requires_abort(error) != 0,
            }
        }
    }
}

/// Owned text of a C string; empty when there is none.
///
/// # Safety
/// `text` is null or points to a string that ends with a zero.
unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not null, and by contract a C string.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// A name as librdkafka wants it.
fn c_string(name: &str) -> Result<CString, Failure> {
    CString::new(name).map_err(|_| Failure::new(RDKafkaErrorCode::InvalidArgument, format!("{name:?} has a zero byte")))
}

/// Never infinite: that would be -1.
fn milliseconds(wait: Duration) -> c_int {
    c_int::try_from(wait.as_millis()).unwrap_or(c_int::MAX)
}

/// A queue of a client; what it belongs to has to outlive it.
struct Queue(NonNull<ffi::rd_kafka_queue_t>);

// SAFETY: librdkafka's queues are locked inside and may be used from any thread.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

impl Queue {
    /// # Safety
    /// `queue` is owned by the caller, and its client outlives the result.
    unsafe fn own(queue: *mut ffi::rd_kafka_queue_t) -> Result<Self, Failure> {
        NonNull::new(queue).map(Self).ok_or_else(|| Failure::new(RDKafkaErrorCode::UnknownPartition, "no such queue"))
    }

    fn ptr(&self) -> *mut ffi::rd_kafka_queue_t {
        self.0.as_ptr()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: owned, and dropped once.
        unsafe { ffi::rd_kafka_queue_destroy(self.ptr()) };
    }
}
