//! The chain's input as JSON lines, for `replay --format log`: what was committed, and nothing else.
//!
//! First what every partition needs before its first record: locations, rules and the journal. Then
//! the events, a batch of each partition in turn, so that whoever replays them need not hold one
//! partition's while another's are still to come. Aggregates are left out: they follow from the rest.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use processor::ports::{Isolation, Log, LogReader, RecordView, TopicPartition};
use schemas::dump::{self, LogRecord};
use schemas::topics;

use super::Embedded;

/// Records of one partition before the next has its turn.
const BATCH_RECORDS: usize = 1024;

impl Embedded {
    /// Writes every committed record that decides, and returns how many there were. A chain that does
    /// not keep everything has lost the events that were consumed.
    pub fn dump(&self, out: &mut dyn io::Write) -> io::Result<u64> {
        let mut reader = self.log.reader().map_err(io::Error::other)?;
        let partitions = self.config.partitions;
        let mut written = 0;
        for (topic, partitions) in
            [(topics::LOCATIONS, 1), (topics::RULES, 1), (topics::JOURNAL, partitions), (topics::EVENTS, partitions)]
        {
            written += dump_topic(&mut *reader, topic, partitions, out)?;
        }
        Ok(written)
    }
}

fn dump_topic(reader: &mut dyn LogReader, topic: &str, partitions: i32, out: &mut dyn io::Write) -> io::Result<u64> {
    let mut left: Vec<(TopicPartition, i64)> = (0..partitions).map(|p| (TopicPartition::new(topic, p), 0)).collect();
    let mut written = 0;
    let mut lines = Vec::new();
    while !left.is_empty() {
        let mut still = Vec::new();
        for (at, offset) in left {
            let sink = &mut |record: RecordView<'_>| {
                dump::write(&line_of(&record), &mut lines);
                written += 1;
            };
            let next = reader.read(&at, offset, Isolation::ReadCommitted, BATCH_RECORDS, Duration::ZERO, sink);
            let next = next.map_err(io::Error::other)?;
            out.write_all(&lines)?;
            lines.clear();
            if next > offset {
                still.push((at, next));
            }
        }
        left = still;
    }
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
