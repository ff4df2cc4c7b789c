//! Questions to the brokers that are answered on a queue: offsets of many partitions at once, and
//! the identity of a topic.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::time::Duration;

use processor::ports::{Isolation, TopicPartition};
use rdkafka::bindings as ffi;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use super::{Failure, Queue, c_string, milliseconds, text};

/// librdkafka answers a request that timed out itself, a little later.
const GRACE: Duration = Duration::from_secs(1);

pub(in crate::kafka) type ListedOffsets = BTreeMap<TopicPartition, Result<i64, Failure>>;

struct Options(NonNull<ffi::rd_kafka_AdminOptions_t>);

impl Options {
    fn new<C: ClientContext>(
        client: &Client<C>,
        operation: ffi::rd_kafka_admin_op_t,
        wait: Duration,
    ) -> Result<Self, Failure> {
        // SAFETY: the client is alive.
        let options = unsafe { ffi::rd_kafka_AdminOptions_new(client.native_ptr(), operation) };
        let options = NonNull::new(options)
            .map(Self)
            .ok_or_else(|| Failure::new(RDKafkaErrorCode::InvalidArgument, "librdkafka knows no such request"))?;
        // SAFETY: the options are alive; no text is asked for.
        unsafe {
            let wait_ms = milliseconds(wait).max(1);
            ffi::rd_kafka_AdminOptions_set_request_timeout(options.0.as_ptr(), wait_ms, ptr::null_mut(), 0);
        }
        Ok(options)
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: owned, and dropped once.
        unsafe { ffi::rd_kafka_AdminOptions_destroy(self.0.as_ptr()) };
    }
}

struct Event(NonNull<ffi::rd_kafka_event_t>);

impl Event {
    fn next(queue: &Queue, wait: Duration) -> Result<Self, Failure> {
        // SAFETY: the queue is alive; the event is ours.
        let event = unsafe { ffi::rd_kafka_queue_poll(queue.ptr(), milliseconds(wait + GRACE)) };
        NonNull::new(event).map(Self).ok_or_else(|| Failure::new(RDKafkaErrorCode::OperationTimedOut, "no answer"))
    }

    fn ptr(&self) -> *mut ffi::rd_kafka_event_t {
        self.0.as_ptr()
    }

    fn check(&self) -> Result<(), Failure> {
        // SAFETY: the event is alive.
        let code = unsafe { ffi::rd_kafka_event_error(self.ptr()) };
        if code == ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Ok(());
        }
        // SAFETY: the text lives as long as the event.
        Err(Failure::new(code.into(), unsafe { text(ffi::rd_kafka_event_error_string(self.ptr())) }))
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: owned, and dropped once.
        unsafe { ffi::rd_kafka_event_destroy(self.ptr()) };
    }
}

/// # Safety
/// The result is dropped before the client.
unsafe fn answers<C: ClientContext>(client: &Client<C>) -> Result<Queue, Failure> {
    // SAFETY: the client is alive, and outlives the queue by contract.
    unsafe { Queue::own(ffi::rd_kafka_queue_new(client.native_ptr())) }
}

/// Asks all questions at once; the answers are in their order. A question is [`Offset::Beginning`]
/// or [`Offset::End`], the latter as a reader of that isolation sees it.
pub(in crate::kafka) fn list_offsets<C: ClientContext>(
    client: &Client<C>,
    partitions: &[TopicPartition],
    questions: &[(Offset, Isolation)],
    wait: Duration,
) -> Result<Vec<ListedOffsets>, Failure> {
    // SAFETY: dropped at the end of this function; the client is borrowed for longer.
    let queue = unsafe { answers(client) }?;
    for (index, (offset, isolation)) in questions.iter().enumerate() {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for at in partitions {
            let failed = |error| Failure::new(RDKafkaErrorCode::InvalidArgument, format!("{error}"));
            list.add_partition_offset(&at.topic, at.partition, *offset).map_err(failed)?;
        }
        let operation = ffi::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS;
        let options = Options::new(client, operation, wait)?;
        let level = match isolation {
            Isolation::ReadCommitted => ffi::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED,
            Isolation::ReadUncommitted => ffi::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED,
        };
        // SAFETY: options, list and queue are alive; librdkafka copies the list.
        unsafe {
            Failure::take(ffi::rd_kafka_AdminOptions_set_isolation_level(options.0.as_ptr(), level))?;
            ffi::rd_kafka_AdminOptions_set_opaque(options.0.as_ptr(), ptr::without_provenance_mut::<c_void>(index));
            ffi::rd_kafka_ListOffsets(client.native_ptr(), list.ptr(), options.0.as_ptr(), queue.ptr());
        }
    }
    let mut answers = vec![ListedOffsets::new(); questions.len()];
    for _ in questions {
        let event = Event::next(&queue, wait)?;
        event.check()?;
        // SAFETY: the event is alive; its opaque is the index given above.
        let index = unsafe { ffi::rd_kafka_event_opaque(event.ptr()) }.addr();
        if let Some(answer) = answers.get_mut(index) {
            // SAFETY: the event is the answer to such a request.
            unsafe { read_offsets(&event, answer) };
        }
    }
    Ok(answers)
}

/// # Safety
/// The event answers a request for offsets.
unsafe fn read_offsets(event: &Event, answer: &mut ListedOffsets) {
    let mut count = 0;
    // SAFETY: the result and its list live as long as the event.
    let infos = unsafe {
        let result = ffi::rd_kafka_event_ListOffsets_result(event.ptr());
        ffi::rd_kafka_ListOffsets_result_infos(result, &raw mut count)
    };
    for index in 0..count {
        // SAFETY: the list has `count` entries, each of them with a partition.
        let at = unsafe { &*ffi::rd_kafka_ListOffsetsResultInfo_topic_partition(*infos.add(index)) };
        // SAFETY: a partition has a topic.
        let partition = TopicPartition::new(unsafe { text(at.topic) }, at.partition);
        let offset = match at.err {
            ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(at.offset),
            code => Err(Failure::of_code(code)),
        };
        answer.insert(partition, offset);
    }
}

/// The topic's identifier, as Kafka's own tools print it.
pub(in crate::kafka) fn topic_id<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    wait: Duration,
) -> Result<String, Failure> {
    let name = c_string(topic)?;
    let mut names = [name.as_ptr()];
    // SAFETY: dropped at the end of this function; the client is borrowed for longer.
    let queue = unsafe { answers(client) }?;
    let options = Options::new(client, ffi::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, wait)?;
    // SAFETY: all are alive; librdkafka copies the names.
    unsafe {
        let topics = ffi::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
        ffi::rd_kafka_DescribeTopics(client.native_ptr(), topics, options.0.as_ptr(), queue.ptr());
        ffi::rd_kafka_TopicCollection_destroy(topics);
    }
    let event = Event::next(&queue, wait)?;
    event.check()?;
    let mut count = 0;
    // SAFETY: the event is the answer to the request above; what is read lives as long as it.
    unsafe {
        let result = ffi::rd_kafka_event_DescribeTopics_result(event.ptr());
        let topics = ffi::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        if count == 0 {
            return Err(Failure::new(RDKafkaErrorCode::UnknownTopicOrPartition, "the answer names no topic"));
        }
        let error = ffi::rd_kafka_TopicDescription_error(*topics);
        if !error.is_null() && ffi::rd_kafka_error_code(error) != ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(Failure::read(error));
        }
        Ok(text(ffi::rd_kafka_Uuid_base64str(ffi::rd_kafka_TopicDescription_topic_id(*topics))))
    }
}
