//! The fold of one partition's changelog: the newest committed row of every key, and what a store that
//! was brought up to date earlier may hold instead.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use processor::ports::{Extent, Isolation, LogError, LogReader, TopicPartition};

use crate::errand::insist;

const BATCH_RECORDS: usize = 4_096;
/// Calls that bring nothing before the log counts as not answering.
const PATIENCE: u32 = 6;

/// A row, or its deletion.
pub(super) type Row = Option<Box<[u8]>>;

/// What the log has of one key.
#[derive(Debug, Default)]
pub(super) struct Versions {
    /// The last one before the checkpoint, where the log still has it.
    pub(super) before: Option<Row>,
    /// The newest one since.
    pub(super) since: Option<Row>,
    /// Hashes of those in between.
    between: Vec<u64>,
}

impl Versions {
    fn add(&mut self, row: Row, since: bool) {
        if !since {
            self.before = Some(row);
        } else if let Some(passed) = self.since.replace(row) {
            self.between.push(hash(passed.as_deref()));
        }
    }

    pub(super) fn newest(&self) -> Option<&[u8]> {
        self.since.as_ref().or(self.before.as_ref())?.as_deref()
    }

    /// Whether a store that stands at the checkpoint, or anywhere after it, may hold this.
    pub(super) fn may_hold(&self, row: Option<&[u8]>) -> bool {
        let Some(since) = &self.since else { return false };
        match &self.before {
            // New since, or compacted away: nobody can tell any more.
            None => true,
            Some(before) => before.as_deref() == row || since.as_deref() == row || self.between.contains(&hash(row)),
        }
    }
}

fn hash(row: Option<&[u8]>) -> u64 {
    let mut hasher = DefaultHasher::new();
    row.hash(&mut hasher);
    hasher.finish()
}

/// A changelog, folded to its end.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) rows: HashMap<Vec<u8>, Versions>,
    pub(super) start: i64,
    pub(super) end: i64,
}

impl Fold {
    /// Reads everything there is now, and waits for what is not decided yet. `checkpoint`: where the
    /// store stands.
    pub(super) fn read(
        reader: &mut dyn LogReader,
        at: &TopicPartition,
        checkpoint: i64,
        wait: Duration,
    ) -> Result<Self, LogError> {
        let Extent { start, end, .. } = insist(|| reader.extent(at, wait))?;
        let mut fold = Self { rows: HashMap::new(), start, end };
        let (mut offset, mut idle) = (start, 0);
        while offset < end {
            let read = reader.read(at, offset, Isolation::ReadCommitted, BATCH_RECORDS, wait, &mut |record| {
                if record.offset < end {
                    let versions = fold.rows.entry(record.key.unwrap_or_default().to_vec()).or_default();
                    versions.add(record.value.map(Into::into), record.offset >= checkpoint);
                }
            });
            let next = match read {
                Err(LogError::Retriable { .. }) => offset,
                result => result?,
            };
            idle = if next > offset { 0 } else { idle + 1 };
            if idle == PATIENCE {
                let reason = format!(
                    "no answer for {}-{} at {offset} of {end}; a transaction may be left open",
                    at.topic, at.partition
                );
                return Err(LogError::Retriable { operation: "read the changelog", reason });
            }
            offset = next;
        }
        Ok(fold)
    }

    pub(super) fn newest(&self, key: &[u8]) -> Option<&[u8]> {
        self.rows.get(key)?.newest()
    }
}
