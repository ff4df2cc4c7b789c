//! The two transaction calls that `rdkafka` would make slow or impossible: its commit waits for
//! delivery reports in steps of 100 ms, and its group metadata cannot be made from their parts.

use std::time::Duration;

use processor::ports::GroupMetadata;
use rdkafka::TopicPartitionList;
use rdkafka::bindings as ffi;
use rdkafka::client::{Client, ClientContext};

use super::{Failure, c_string, milliseconds};

/// Another thread has to serve delivery reports meanwhile.
pub(in crate::kafka) fn commit<C: ClientContext>(client: &Client<C>, wait: Duration) -> Result<(), Failure> {
    // SAFETY: the client is alive; the error is ours.
    unsafe { Failure::take(ffi::rd_kafka_commit_transaction(client.native_ptr(), milliseconds(wait))) }
}

pub(in crate::kafka) fn send_offsets<C: ClientContext>(
    client: &Client<C>,
    offsets: &TopicPartitionList,
    group: &GroupMetadata,
    wait: Duration,
) -> Result<(), Failure> {
    let (id, member) = (c_string(&group.group)?, c_string(&group.member)?);
    let instance = group.instance.as_deref().map(c_string).transpose()?;
    let instance = instance.as_ref().map_or(std::ptr::null(), |instance| instance.as_ptr());
    // SAFETY: the strings live until after the call, which copies them.
    let metadata = unsafe {
        ffi::rd_kafka_consumer_group_metadata_new_with_genid(id.as_ptr(), group.generation, member.as_ptr(), instance)
    };
    // SAFETY: client, list and metadata are alive; the error is ours.
    let result = unsafe {
        Failure::take(ffi::rd_kafka_send_offsets_to_transaction(
            client.native_ptr(),
            offsets.ptr(),
            metadata,
            milliseconds(wait),
        ))
    };
    // SAFETY: owned, and not used again; librdkafka made a copy.
    unsafe { ffi::rd_kafka_consumer_group_metadata_destroy(metadata) };
    result
}
