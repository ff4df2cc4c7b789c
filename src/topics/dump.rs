//! What was committed to topics, as JSON lines; with the right topics, the input of `replay --format log`.
//!
//! A replay needs before its first record what every partition needs: locations, rules and the
//! journal. Then come the events, a batch of each partition in turn, so that whoever replays them need
//! not hold one partition's while another's are still to come. Aggregates are left out: they follow
//! from the rest. What is written is what was committed when the dump began, and for topics other than
//! the last no less. Nothing is missing that decided about an event which `process` had committed by
//! then: dump when it has caught up, to replay all of it.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use processor::ports::{Isolation, LogError, LogReader, RecordView, TopicPartition};
use schemas::dump::{self, LogRecord};
use schemas::topics;

/// Topics of a dump that can be replayed, in the order a replay needs.
pub const REPLAYABLE: [&str; 4] = [topics::LOCATIONS, topics::RULES, topics::JOURNAL, topics::EVENTS];

/// Records of one partition before the next has its turn.
const BATCH_RECORDS: usize = 1024;

/// Why a dump is not whole.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("the dump cannot be written: {0}")]
    Output(#[from] io::Error),
}

/// Where one partition is read on, and to where.
struct Span {
    at: TopicPartition,
    next: i64,
    end: i64,
}

/// Writes every committed record of these topics, and returns how many there were. A log that does not
/// keep everything has lost what it has deleted.
pub fn dump(
    reader: &mut dyn LogReader,
    names: &[&str],
    max_wait: Duration,
    out: &mut dyn io::Write,
) -> Result<u64, DumpError> {
    let Some((last, before)) = names.split_last() else { return Ok(0) };
    // First the end of the last topic, the events: everything that decided about them is there by now.
    let events = spans(reader, last, max_wait)?;
    let mut written = 0;
    for name in before {
        let spans = spans(reader, name, max_wait)?;
        written += dump_topic(reader, spans, max_wait, out)?;
    }
    Ok(written + dump_topic(reader, events, max_wait, out)?)
}

fn spans(reader: &mut dyn LogReader, topic: &str, max_wait: Duration) -> Result<Vec<Span>, LogError> {
    let partitions = reader.partitions(topic, max_wait)?;
    let all: Vec<TopicPartition> = (0..partitions).map(|partition| TopicPartition::new(topic, partition)).collect();
    let extents = reader.extents(&all, max_wait)?;
    Ok(all.into_iter().zip(extents).map(|(at, extent)| Span { at, next: extent.start, end: extent.stable }).collect())
}

fn dump_topic(
    reader: &mut dyn LogReader,
    mut left: Vec<Span>,
    max_wait: Duration,
    out: &mut dyn io::Write,
) -> Result<u64, DumpError> {
    let mut written = 0;
    loop {
        left.retain(|span| span.next < span.end);
        if left.is_empty() {
            return Ok(written);
        }
        for span in &mut left {
            written += dump_batch(reader, span, max_wait, out)?;
        }
    }
}

fn dump_batch(
    reader: &mut dyn LogReader,
    span: &mut Span,
    max_wait: Duration,
    out: &mut dyn io::Write,
) -> Result<u64, DumpError> {
    let (mut lines, mut written) = (Vec::new(), 0);
    let sink = &mut |record: RecordView<'_>| {
        if record.offset < span.end {
            dump::write(&line_of(&record), &mut lines);
            written += 1;
        }
    };
    let next = reader.read(&span.at, span.next, Isolation::ReadCommitted, BATCH_RECORDS, max_wait, sink)?;
    if next <= span.next {
        let TopicPartition { topic, partition } = &span.at;
        let reason = format!("no answer for {topic}-{partition} at {}", span.next);
        return Err(LogError::Retriable { operation: "dump", reason }.into());
    }
    span.next = next;
    out.write_all(&lines)?;
    Ok(written)
}

fn line_of<'a>(record: &RecordView<'a>) -> LogRecord<'a> {
    LogRecord {
        topic: Cow::Borrowed(record.topic),
        partition: record.partition,
        offset: record.offset,
        key: record.key.map(Cow::Borrowed),
        headers: Cow::Borrowed(record.headers),
        value: record.value.map(Cow::Borrowed),
    }
}
