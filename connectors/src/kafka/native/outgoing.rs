//! Records on their way out, gathered by partition and handed over many at a time: librdkafka then looks
//! the topic up, locks it and looks at the clock once for all of them, not once for each.
//!
//! The order within a partition is the order in which they came. It must never hold back a record when a
//! transaction ends: whoever owns it hands everything over before.

use std::ptr::{self, NonNull};

use rdkafka::bindings as ffi;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::RDKafkaErrorCode;

use super::{Failure, c_string};

/// A partition's records are handed over when so many are there, or so many bytes.
const MOST_RECORDS: usize = 1_000;
const MOST_BYTES: usize = 64 << 10;
/// Larger ones are not worth gathering.
pub(in crate::kafka) const LARGEST: usize = 8 << 10;

/// A record for a known partition, without headers.
#[derive(Clone, Copy)]
pub(in crate::kafka) struct Plain<'a> {
    pub(in crate::kafka) topic: &'a str,
    pub(in crate::kafka) partition: i32,
    pub(in crate::kafka) key: Option<&'a [u8]>,
    pub(in crate::kafka) value: Option<&'a [u8]>,
}

/// What stopped a hand-over. What was not taken is still there.
pub(in crate::kafka) enum Halt {
    /// The client holds as much as it may: try again a little later.
    Full,
    Refused {
        topic: String,
        failure: Failure,
    },
}

/// The records of one producer. It has to go before its client.
#[derive(Default)]
pub(in crate::kafka) struct Outgoing {
    topics: Vec<Topic>,
    /// The topic that was used last.
    last: usize,
    room: Room,
}

struct Topic {
    name: String,
    handle: Handle,
    /// By partition.
    lanes: Vec<Lane>,
}

#[derive(Default)]
struct Lane {
    bytes: Vec<u8>,
    records: Vec<Lengths>,
    /// Of `records`, those that are librdkafka's already, and their bytes.
    taken: usize,
    taken_bytes: usize,
}

/// Of one record in a lane's bytes: its key, then its value.
#[derive(Clone, Copy)]
struct Lengths {
    key: Option<u32>,
    value: Option<u32>,
}

/// A handle that librdkafka counts.
struct Handle(NonNull<ffi::rd_kafka_topic_t>);

// SAFETY: librdkafka's handles may be used from any thread.
unsafe impl Send for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: owned, and dropped once.
        unsafe { ffi::rd_kafka_topic_destroy(self.0.as_ptr()) };
    }
}

/// Where librdkafka is told of the records of one call. Empty between calls: its pointers are of no use then.
#[derive(Default)]
struct Room(Vec<ffi::rd_kafka_message_t>);

// SAFETY: empty whenever it could be sent.
unsafe impl Send for Room {}

impl Outgoing {
    /// Forgets what was not handed over.
    pub(in crate::kafka) fn clear(&mut self) {
        self.topics.iter_mut().flat_map(|topic| &mut topic.lanes).for_each(Lane::clear);
    }

    /// Whether the partition's records should be handed over before another one is taken in.
    pub(in crate::kafka) fn is_due(&mut self, topic: &str, partition: i32) -> bool {
        let Some(at) = self.find(topic) else { return false };
        let lane = usize::try_from(partition).ok().and_then(|partition| self.topics[at].lanes.get(partition));
        lane.is_some_and(|lane| lane.records.len() >= MOST_RECORDS || lane.bytes.len() >= MOST_BYTES)
    }

    /// Takes a record in, which is [`LARGEST`] at most.
    pub(in crate::kafka) fn add<C: ClientContext>(
        &mut self,
        client: &Client<C>,
        record: &Plain<'_>,
    ) -> Result<(), Failure> {
        let unknown = |_| Failure::new(RDKafkaErrorCode::UnknownPartition, "no partition has a negative number");
        let partition = usize::try_from(record.partition).map_err(unknown)?;
        let at = match self.find(record.topic) {
            Some(at) => at,
            None => self.open(client, record.topic)?,
        };
        let lanes = &mut self.topics[at].lanes;
        if lanes.len() <= partition {
            lanes.resize_with(partition + 1, Lane::default);
        }
        lanes[partition].push(record.key, record.value);
        Ok(())
    }

    fn find(&mut self, topic: &str) -> Option<usize> {
        if self.topics.get(self.last).is_none_or(|last| last.name != topic) {
            self.last = self.topics.iter().position(|known| known.name == topic)?;
        }
        Some(self.last)
    }

    fn open<C: ClientContext>(&mut self, client: &Client<C>, topic: &str) -> Result<usize, Failure> {
        let name = c_string(topic)?;
        // SAFETY: the client is alive; no settings means its own.
        let handle = unsafe { ffi::rd_kafka_topic_new(client.native_ptr(), name.as_ptr(), ptr::null_mut()) };
        // SAFETY: reads what the call before left for this thread.
        let last = || Failure::of_code(unsafe { ffi::rd_kafka_last_error() });
        let handle = NonNull::new(handle).map(Handle).ok_or_else(last)?;
        self.topics.push(Topic { name: topic.to_owned(), handle, lanes: Vec::new() });
        Ok(self.topics.len() - 1)
    }

    /// Hands the records of a topic over, of all topics without one.
    pub(in crate::kafka) fn hand_over(&mut self, only: Option<&str>) -> Result<(), Halt> {
        let room = &mut self.room;
        for topic in self.topics.iter_mut().filter(|topic| only.is_none_or(|only| topic.name == only)) {
            for (partition, lane) in topic.lanes.iter_mut().enumerate() {
                lane.hand_over(&topic.handle, partition, room).map_err(|code| halt(&topic.name, code))?;
            }
        }
        Ok(())
    }

    /// The same for one partition.
    pub(in crate::kafka) fn hand_over_partition(&mut self, topic: &str, partition: i32) -> Result<(), Halt> {
        let Some(at) = self.find(topic) else { return Ok(()) };
        let Topic { name, handle, lanes } = &mut self.topics[at];
        let Some(partition) = usize::try_from(partition).ok().filter(|partition| *partition < lanes.len()) else {
            return Ok(());
        };
        lanes[partition].hand_over(handle, partition, &mut self.room).map_err(|code| halt(name, code))
    }
}

#[cold]
fn halt(topic: &str, code: ffi::rd_kafka_resp_err_t) -> Halt {
    match code {
        ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__QUEUE_FULL => Halt::Full,
        code => Halt::Refused { topic: topic.to_owned(), failure: Failure::of_code(code) },
    }
}

impl Lane {
    fn push(&mut self, key: Option<&[u8]>, value: Option<&[u8]>) {
        let mut part = |part: Option<&[u8]>| {
            part.map(|part| {
                self.bytes.extend_from_slice(part);
                u32::try_from(part.len()).unwrap_or(u32::MAX)
            })
        };
        let lengths = Lengths { key: part(key), value: part(value) };
        self.records.push(lengths);
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
        (self.taken, self.taken_bytes) = (0, 0);
    }

    /// On an error the records from the refused one on are still there.
    fn hand_over(&mut self, topic: &Handle, partition: usize, room: &mut Room) -> Result<(), ffi::rd_kafka_resp_err_t> {
        let rest = &self.records[self.taken..];
        if rest.is_empty() {
            return Ok(());
        }
        let mut at = self.taken_bytes;
        let bytes = &self.bytes;
        room.0.extend(rest.iter().map(|lengths| {
            let mut part = |length: Option<u32>| {
                let Some(length) = length else { return (ptr::null(), 0) };
                let part = &bytes[at..at + length as usize];
                at += part.len();
                (part.as_ptr(), part.len())
            };
            message(part(lengths.key), part(lengths.value))
        }));
        // SAFETY: the handle is alive, the messages are as many as said, and what they point to is copied by
        // the call.
        unsafe {
            ffi::rd_kafka_produce_batch(
                topic.0.as_ptr(),
                partition as i32,
                ffi::RD_KAFKA_MSG_F_COPY,
                room.0.as_mut_ptr(),
                room.0.len() as i32,
            );
        }
        let refused = room.0.iter().position(|m| m.err != ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR);
        let code = refused.map(|at| room.0[at].err);
        room.0.clear();
        let Some((refused, code)) = refused.zip(code) else {
            self.clear();
            return Ok(());
        };
        let taken = &rest[..refused];
        self.taken_bytes += taken.iter().map(|l| (l.key.unwrap_or(0) + l.value.unwrap_or(0)) as usize).sum::<usize>();
        self.taken += refused;
        Err(code)
    }
}

fn message(key: (*const u8, usize), value: (*const u8, usize)) -> ffi::rd_kafka_message_t {
    ffi::rd_kafka_message_t {
        err: ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR,
        rkt: ptr::null_mut(),
        partition: 0,
        payload: value.0.cast_mut().cast(),
        len: value.1,
        key: key.0.cast_mut().cast(),
        key_len: key.1,
        offset: 0,
        _private: ptr::null_mut(),
    }
}
