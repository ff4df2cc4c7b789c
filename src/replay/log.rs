//! The stage `process` over a dumped log: what `--format log` reads.
//!
//! Every partition keeps its own time from the records it holds, and follows the journal where the
//! live run switched otherwise than its records say. A dump has its locations, rules and journal
//! before its events; a line out of place, damaged or of a partition there is not ends the run: a
//! replay of part of a log would prove nothing.

use std::borrow::Cow;
use std::collections::BTreeSet;

use processor::operator::{BroadcastRecord, Outcome, Rejection};
use processor::replay::{LogReplay, LoggedRecord, ReplayDriver};
use processor::source_clock::DEFAULT_FLOOR;
use processor::table::StateMemory;
use processor::task::TaskConfig;
use schemas::dump::{self, LogRecord};
use schemas::stream::JournalEntry;
use schemas::{Alert, avro, topics};

use crate::stages::process::{ProcessOperator, ProcessOutput};

/// What became of one record of `inventory.events`.
pub struct Done<'a> {
    pub partition: i32,
    pub offset: i64,
    pub payload: &'a [u8],
    pub result: Result<Outcome, Rejection>,
}

/// A dump that cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("not a line of a dump: {0}")]
    Line(String),
    #[error(
        "a record of {topic} stands behind the first of {events}; dump locations, rules and the journal first",
        events = topics::EVENTS
    )]
    Order { topic: String },
    #[error("{topic} has a record in partition {partition}: --partitions {partitions} is too few for this dump")]
    Partition { topic: String, partition: i32, partitions: i32 },
    #[error(
        "{waiting} records wait for aggregates of the partitions {missing:?}, which have no record: --partitions is \
         {partitions}, the dumped topic seems to have fewer, or the dump is not whole"
    )]
    Waiting { waiting: usize, missing: Vec<i32>, partitions: i32 },
}

pub struct LogPipeline {
    partitions: i32,
    replay: LogReplay<ProcessOperator>,
    /// Until the first event.
    journal: Vec<JournalEntry>,
    broadcasts: Vec<BroadcastRecord>,
    seen: BTreeSet<i32>,
}

impl LogPipeline {
    /// States beyond `state_bytes` are kept packed.
    pub fn new(partitions: i32, grace_ms: i64, state_bytes: usize) -> Self {
        let epoch_ms = Some(rules::site::EPOCH_MS);
        // The grace of a log comes with its watermarks.
        let config = TaskConfig { partition: 0, epoch_ms, grace_ms, floor: DEFAULT_FLOOR };
        let driver = ReplayDriver::new(partitions, &config, |partition| ProcessOperator::new(partition, partitions))
            .bounded(&StateMemory::new(state_bytes));
        Self {
            partitions,
            replay: LogReplay::new(driver),
            journal: Vec::new(),
            broadcasts: Vec::new(),
            seen: BTreeSet::new(),
        }
    }

    /// Takes one line; `done` is told of every event that could be processed with it.
    pub fn line(&mut self, line: &[u8], done: &mut dyn FnMut(&Done<'_>)) -> Result<(), LogError> {
        let Some(record) = dump::read(line).map_err(|e| LogError::Line(e.message))? else {
            return Ok(());
        };
        match &*record.topic {
            topics::EVENTS => self.event(record, done),
            topics::JOURNAL | topics::RULES | topics::LOCATIONS if !self.seen.is_empty() => {
                Err(LogError::Order { topic: record.topic.into_owned() })
            }
            topics::JOURNAL => {
                let entry = avro::decode_journal(record.value.as_deref().unwrap_or_default());
                self.journal.push(entry.map_err(|e| LogError::Line(e.message))?);
                Ok(())
            }
            topics::RULES | topics::LOCATIONS => {
                self.broadcasts.push(BroadcastRecord {
                    topic: record.topic.into_owned(),
                    offset: record.offset,
                    key: record.key.unwrap_or_default().into_owned(),
                    value: record.value.map(Cow::into_owned),
                });
                Ok(())
            }
            // Outputs, aggregates, public twins: they follow from the rest.
            _ => Ok(()),
        }
    }

    fn event(&mut self, record: LogRecord<'_>, done: &mut dyn FnMut(&Done<'_>)) -> Result<(), LogError> {
        let LogRecord { topic, partition, offset, key, value, .. } = record;
        if !(0..self.partitions).contains(&partition) {
            let partitions = self.partitions;
            return Err(LogError::Partition { topic: topic.into_owned(), partition, partitions });
        }
        if self.seen.is_empty() {
            self.replay.prepare(&std::mem::take(&mut self.journal), &std::mem::take(&mut self.broadcasts));
        }
        self.seen.insert(partition);
        let record = LoggedRecord { offset, key: key.map(Cow::into_owned), value: value.map(Cow::into_owned) };
        let offered = self.replay.offer(partition, record, &mut |partition, record, result| {
            done(&Done {
                partition,
                offset: record.offset,
                payload: record.value.as_deref().unwrap_or_default(),
                result,
            });
        });
        offered.map_err(|rejection| LogError::Line(rejection.message))
    }

    /// The alerts, in order of (detected at, SKU, location, kind, id, revision): partitions have no
    /// order among each other, so this one is made. Fails where partitions are missing.
    pub fn finish(mut self) -> Result<Vec<Alert>, LogError> {
        let waiting = self.replay.waiting();
        let missing: Vec<i32> = (0..self.partitions).filter(|p| !self.seen.contains(p)).collect();
        if waiting > 0 && !missing.is_empty() {
            return Err(LogError::Waiting { waiting, missing, partitions: self.partitions });
        }
        if waiting > 0 {
            tracing::warn!(waiting, "records wait for aggregates that the log does not complete, as they did live");
        }
        let mut effects = Vec::new();
        self.replay.driver().drain(&mut effects);
        let mut alerts: Vec<Alert> = effects.into_iter().map(|(_, alert): (_, ProcessOutput)| *alert).collect();
        alerts.sort_by(|a, b| order_of(a).cmp(&order_of(b)));
        Ok(alerts)
    }
}

fn order_of(alert: &Alert) -> impl Ord + '_ {
    (alert.detected_at, &alert.sku, &alert.location, alert.kind.name(), alert.alert_id, alert.revision)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(topic: &str, partition: i32) -> Vec<u8> {
        let mut out = Vec::new();
        let record = LogRecord { topic: topic.into(), partition, value: Some(b"\0".into()), ..LogRecord::default() };
        dump::write(&record, &mut out);
        out
    }

    fn replay(lines: &[Vec<u8>]) -> Result<Vec<Alert>, LogError> {
        let mut pipeline = LogPipeline::new(2, 0, 1 << 20);
        lines.iter().try_for_each(|line| pipeline.line(line, &mut |_| {}))?;
        pipeline.finish()
    }

    #[test]
    fn what_is_no_whole_dump_is_refused() {
        let message = |lines: &[Vec<u8>]| replay(lines).unwrap_err().to_string();
        assert!(message(&[b"{}".to_vec()]).starts_with("not a line of a dump"));
        assert!(message(&[line(topics::JOURNAL, 0)]).starts_with("not a line of a dump"));
        let late = [line(topics::EVENTS, 0), line(topics::RULES, 0)];
        assert!(message(&late).contains("inventory.rules stands behind"));
        assert!(message(&[line(topics::EVENTS, 2)]).contains("--partitions 2 is too few"));
        assert_eq!(replay(&[line(topics::ALERTS, 0), line(topics::EVENTS, 1)]).unwrap(), []);
    }
}
