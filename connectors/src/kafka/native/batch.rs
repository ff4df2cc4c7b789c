//! A batch of messages as librdkafka hands them out: borrowed while it is read, freed with it.

use std::ffi::{CStr, c_int, c_void};
use std::time::Duration;
use std::{ptr, slice};

use processor::ports::RecordView;
use rdkafka::bindings as ffi;
use rdkafka::error::RDKafkaErrorCode;

use super::{milliseconds, text};

type Headers = Vec<(String, Vec<u8>)>;

/// Messages of one call. The buffer is used again and again.
#[derive(Default)]
pub(in crate::kafka) struct Batch {
    messages: Vec<*mut ffi::rd_kafka_message_t>,
    /// Of those messages that have any, in their order.
    headers: Vec<(usize, Headers)>,
    only_records: bool,
}

// SAFETY: the messages are owned by the batch; librdkafka does not tie them to a thread.
unsafe impl Send for Batch {}

/// What a batch holds.
pub(in crate::kafka) enum Item<'a> {
    Record(RecordView<'a>),
    /// The end of a partition, at this offset, when its broker was asked.
    End {
        offset: i64,
    },
    Failed {
        topic: &'a str,
        partition: i32,
        offset: i64,
        code: RDKafkaErrorCode,
        text: String,
    },
}

impl Batch {
    pub(super) fn clear(&mut self) {
        self.headers.clear();
        for message in self.messages.drain(..) {
            // SAFETY: owned, and gone from the list.
            unsafe { ffi::rd_kafka_message_destroy(message) };
        }
    }

    pub(in crate::kafka) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Whether nothing but records is inside.
    pub(in crate::kafka) fn only_records(&self) -> bool {
        self.only_records
    }

    /// Replaces the content. `receive(room, count, wait_ms)` writes at most `count` messages and
    /// returns how many, or less than 0. librdkafka waits until it has all that it was asked for:
    /// only the first is worth waiting for.
    ///
    /// # Safety
    /// `receive` writes only messages that it gives away, and not more than asked for.
    pub(super) unsafe fn fill(
        &mut self,
        max: usize,
        wait: Duration,
        receive: impl Fn(*mut *mut ffi::rd_kafka_message_t, usize, c_int) -> isize,
    ) {
        self.clear();
        self.messages.reserve(max);
        let room = self.messages.as_mut_ptr();
        let written = |count: isize| usize::try_from(count).unwrap_or(0);
        let mut count = written(receive(room, max, 0));
        if count == 0 && !wait.is_zero() && max > 0 {
            count = written(receive(room, 1, milliseconds(wait)));
            if count == 1 {
                // SAFETY: one of the `max` places is taken.
                count += written(receive(unsafe { room.add(1) }, max - 1, 0));
            }
        }
        // SAFETY: that many were written, within what is reserved.
        unsafe { self.messages.set_len(count) };
        self.only_records = true;
        for (index, message) in self.messages.iter().enumerate() {
            // SAFETY: the batch owns its messages: they are alive.
            let failed = unsafe { (**message).err } != ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
            if failed {
                self.only_records = false;
            // SAFETY: as above.
            } else if let Some(headers) = unsafe { headers(*message) } {
                self.headers.push((index, headers));
            }
        }
    }

    pub(in crate::kafka) fn items(&self) -> impl Iterator<Item = Item<'_>> {
        let mut headers = self.headers.iter().peekable();
        let (mut topic, mut name) = (ptr::null_mut(), "");
        self.messages.iter().enumerate().map(move |(index, message)| {
            // SAFETY: the batch is borrowed for as long as the items, and frees no message meanwhile.
            let message = unsafe { &**message };
            if message.rkt != topic {
                topic = message.rkt;
                // SAFETY: a message keeps its topic alive, and a topic its name.
                name = unsafe { topic_name(topic) };
            }
            let own = headers.next_if(|(at, _)| *at == index).map_or(&[][..], |(_, headers)| headers.as_slice());
            // SAFETY: as for the message itself.
            unsafe { item(message, name, own) }
        })
    }

    pub(in crate::kafka) fn records(&self) -> impl Iterator<Item = RecordView<'_>> {
        self.items().filter_map(|item| match item {
            Item::Record(record) => Some(record),
            Item::End { .. } | Item::Failed { .. } => None,
        })
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.clear();
    }
}

/// # Safety
/// `topic` is null or alive for `'a`.
unsafe fn topic_name<'a>(topic: *const ffi::rd_kafka_topic_t) -> &'a str {
    if topic.is_null() {
        return "";
    }
    // SAFETY: a topic that is alive has a name, which lives as long.
    unsafe { CStr::from_ptr(ffi::rd_kafka_topic_name(topic)) }.to_str().unwrap_or("")
}

/// # Safety
/// `message` and what it points to live for `'a`.
unsafe fn item<'a>(message: &'a ffi::rd_kafka_message_t, topic: &'a str, headers: &'a [(String, Vec<u8>)]) -> Item<'a> {
    let (partition, offset) = (message.partition, message.offset);
    match message.err {
        ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => {
            let mut kind = ffi::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
            Item::Record(RecordView {
                topic,
                partition,
                offset,
                // SAFETY: reads a message that is alive.
                timestamp_ms: unsafe { ffi::rd_kafka_message_timestamp(message, &raw mut kind) },
                // SAFETY: pointer and length belong together; null is none.
                key: unsafe { bytes(message.key, message.key_len) },
                // SAFETY: as above.
                value: unsafe { bytes(message.payload, message.len) },
                headers,
            })
        }
        ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF => Item::End { offset },
        code => {
            // SAFETY: a message that is alive has a text for its error.
            let text = unsafe { text(ffi::rd_kafka_message_errstr(message)) };
            Item::Failed { topic, partition, offset, code: code.into(), text }
        }
    }
}

/// # Safety
/// `data` is null, or `len` bytes that live for `'a`.
unsafe fn bytes<'a>(data: *const c_void, len: usize) -> Option<&'a [u8]> {
    // SAFETY: not null, and by contract that long.
    (!data.is_null()).then(|| unsafe { slice::from_raw_parts(data.cast::<u8>(), len) })
}

/// # Safety
/// `message` is alive.
unsafe fn headers(message: *const ffi::rd_kafka_message_t) -> Option<Headers> {
    const NO_ERROR: ffi::rd_kafka_resp_err_t = ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
    let mut list = ptr::null_mut();
    // SAFETY: the list stays with the message, which is alive.
    if unsafe { ffi::rd_kafka_message_headers(message, &raw mut list) } != NO_ERROR {
        return None;
    }
    let mut headers = Vec::new();
    let (mut name, mut value, mut len) = (ptr::null(), ptr::null(), 0);
    // SAFETY: the list is alive; past its end the call says so.
    while unsafe {
        ffi::rd_kafka_header_get_all(list, headers.len(), &raw mut name, &raw mut value, &raw mut len) == NO_ERROR
    } {
        // SAFETY: name and value belong to the list, which is alive.
        let (name, value) = unsafe { (text(name), bytes(value, len)) };
        headers.push((name, value.unwrap_or_default().to_vec()));
    }
    Some(headers)
}
