//! Where to read a partition: librdkafka says that it will only once the partition is being read.

use std::time::Duration;

use processor::ports::{LogError, TopicPartition};
use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::topic_partition_list::TopicPartitionListElem;

use super::list;
use crate::kafka::context::Context;
use crate::kafka::error::{describe, failure, retriable};
use crate::kafka::native::Failure;

/// A seek is answered by librdkafka's own thread, not by a broker.
const SEEK_WAIT: Duration = Duration::from_secs(1);
const SEEK_TRIES: u32 = 200;
const SEEK_PAUSE: Duration = Duration::from_millis(1);
/// A partition that was assigned just now takes a moment until it can be sought.
pub(super) fn seek(client: &BaseConsumer<Context>, at: &TopicPartition, offset: i64) -> Result<(), LogError> {
    const OPERATION: &str = "seek";
    let about = format!("{}-{}", at.topic, at.partition);
    let mut last = Failure::new(Code::State, "the partition is not ready");
    for _ in 0..SEEK_TRIES {
        let sought = client.seek_partitions(list(std::slice::from_ref(at), Offset::Offset(offset)), SEEK_WAIT);
        let sought = sought.map_err(|error| retriable(OPERATION, format!("{about}: {error}")))?;
        match sought.elements().first().map_or(Ok(()), TopicPartitionListElem::error) {
            Ok(()) => return Ok(()),
            Err(error) => last = failure(&error),
        }
        if !matches!(last.code, Code::State | Code::PreviousInProgress | Code::UnknownPartition) {
            break;
        }
        std::thread::park_timeout(SEEK_PAUSE);
    }
    Err(retriable(OPERATION, format!("{about}: {}", describe(last.code))))
}
