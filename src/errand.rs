//! A log for commands that end: reads to the end there is, writes in one transaction, and repeats what
//! may be repeated a few times.

use std::time::Duration;

use processor::ports::{
    Isolation, Log, LogError, LogReader, ProduceRecord, RecordView, TopicPartition, TransactionalLog,
};

const BATCH_RECORDS: usize = 4_096;
/// Calls that bring nothing before the log counts as not answering.
const PATIENCE: u32 = 6;

/// Calls again while the log says so, a few times.
pub fn insist<T>(mut call: impl FnMut() -> Result<T, LogError>) -> Result<T, LogError> {
    for _ in 1..PATIENCE {
        match call() {
            Err(LogError::Retriable { .. }) => {}
            result => return result,
        }
    }
    call()
}

/// Visits every committed record from `offset` to the end there is now.
pub fn read_to_end(
    reader: &mut dyn LogReader,
    at: &TopicPartition,
    mut offset: i64,
    wait: Duration,
    visit: &mut dyn FnMut(RecordView<'_>),
) -> Result<(), LogError> {
    let end = insist(|| reader.extent(at, wait))?.stable;
    let mut idle = 0;
    while offset < end {
        let next = match reader.read(at, offset, Isolation::ReadCommitted, BATCH_RECORDS, wait, visit) {
            Err(LogError::Retriable { .. }) => offset,
            result => result?,
        };
        idle = if next > offset { 0 } else { idle + 1 };
        if idle == PATIENCE {
            let reason = format!("no answer for {}-{} at {offset}", at.topic, at.partition);
            return Err(LogError::Retriable { operation: "read", reason });
        }
        offset = next;
    }
    Ok(())
}

/// A producer of its own.
pub fn producer(log: &dyn Log, id: &str, wait: Duration) -> Result<Box<dyn TransactionalLog>, LogError> {
    let mut producer = log.producer(id)?;
    insist(|| producer.init_transactions(wait))?;
    Ok(producer)
}

/// Writes all of these, or none.
pub fn write<'a>(
    producer: &mut dyn TransactionalLog,
    records: impl IntoIterator<Item = ProduceRecord<'a>>,
    wait: Duration,
) -> Result<(), LogError> {
    producer.begin()?;
    for record in records {
        insist(|| producer.produce(record))?;
    }
    match insist(|| producer.commit(wait)) {
        Err(LogError::Retriable { operation, reason }) => Err(LogError::InDoubt { operation, reason }),
        result => result,
    }
}
