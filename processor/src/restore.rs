//! Brings a partition's store up to the log, and proves it.
//!
//! ```text
//!  checkpoint ──▶ high watermark (read uncommitted) ──▶ wait: last stable offset ≥ snapshot
//!            ──▶ replay committed rows to the snapshot ──▶ assert meta.position == committed offset
//! ```
//!
//! Never count records and never wait for `offset == end − 1`: transaction markers and compaction
//! leave gaps. Never restore to the last stable offset as found: the markers of a committed
//! transaction may not have arrived yet.

use std::time::Duration;

use schemas::row::RowError;

use crate::ports::{Isolation, LogError, LogReader, TopicPartition};
use crate::store::{Checkpoint, StateStore, StoreError};
use crate::task::Meta;

/// Why a partition cannot be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("partition {partition}: a changelog row cannot be read: {source}")]
    Row { partition: i32, source: RowError },
    #[error("partition {partition}: the changelog stays undecided at offset {stable} of {end}; a transaction is left open")]
    Unstable { partition: i32, stable: i64, end: i64 },
    #[error(
        "partition {partition}: restored state stands at input offset {restored}, the group has committed {committed}; \
         state and group do not belong together: run `quartermaster state reset` for this partition"
    )]
    Unproven { partition: i32, restored: i64, committed: i64 },
}

/// What a restore did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Input offset to go on from.
    pub position: i64,
    pub records: u64,
    /// The store could not be used and was rebuilt from the start of the changelog.
    pub full: bool,
}

/// Rows of the changelog per batch.
const BATCH_RECORDS: usize = 4096;
/// Attempts to see the last stable offset reach the snapshot before giving up.
const STABLE_ATTEMPTS: u32 = 600;

/// Brings `store` up to date. `committed` is the group's stable committed input offset.
pub fn restore(
    reader: &mut dyn LogReader,
    store: &mut dyn StateStore,
    changelog: &TopicPartition,
    committed: Option<i64>,
    wall_ms: i64,
    call_timeout: Duration,
) -> Result<Restored, RestoreError> {
    let end = settled_end(reader, changelog, call_timeout)?;
    let topic_id = reader.topic_id(&changelog.topic, call_timeout)?;
    let from = usable_checkpoint(reader, store, changelog, &topic_id, end, call_timeout)?;
    if from.is_none() {
        store.clear()?;
    }
    let start = reader.extent(changelog, call_timeout)?.start;
    let mut restored = Restored { full: from.is_none() && end > start, ..Restored::default() };
    let mut offset = from.unwrap_or(start);
    while offset < end {
        let (next, records) = replay_batch(reader, store, changelog, offset, end, (&topic_id, wall_ms), call_timeout)?;
        restored.records += records;
        offset = next;
    }
    restored.position = prove(store, changelog.partition, committed)?;
    Ok(restored)
}

/// The high watermark as a read_uncommitted client sees it, once everything before it is decided.
fn settled_end(reader: &mut dyn LogReader, changelog: &TopicPartition, call_timeout: Duration) -> Result<i64, RestoreError> {
    let end = reader.extent(changelog, call_timeout)?.end;
    let mut stable = i64::MIN;
    for _ in 0..STABLE_ATTEMPTS {
        stable = reader.extent(changelog, call_timeout)?.stable;
        if stable >= end {
            return Ok(end);
        }
        // Reading at the stable end waits in the log for something to change.
        reader.read(changelog, stable, Isolation::ReadCommitted, 1, call_timeout, &mut |_| {})?;
    }
    Err(RestoreError::Unstable { partition: changelog.partition, stable, end })
}

/// Where to go on from, if the store belongs to this very log.
fn usable_checkpoint(
    reader: &mut dyn LogReader,
    store: &mut dyn StateStore,
    changelog: &TopicPartition,
    topic_id: &str,
    end: i64,
    call_timeout: Duration,
) -> Result<Option<i64>, RestoreError> {
    let Some(checkpoint) = store.checkpoint()? else {
        return Ok(None);
    };
    let start = reader.extent(changelog, call_timeout)?.start;
    let offset = checkpoint.changelog_offset;
    let usable = checkpoint.topic_id == topic_id && (start..=end).contains(&offset);
    if !usable {
        tracing::warn!(
            partition = changelog.partition,
            offset,
            start,
            end,
            "the store does not belong to this changelog; rebuilding it in full"
        );
    }
    Ok(usable.then_some(offset))
}

fn replay_batch(
    reader: &mut dyn LogReader,
    store: &mut dyn StateStore,
    changelog: &TopicPartition,
    offset: i64,
    end: i64,
    (topic_id, wall_ms): (&str, i64),
    call_timeout: Duration,
) -> Result<(i64, u64), RestoreError> {
    let mut rows: Vec<(Vec<u8>, Option<Vec<u8>>)> = Vec::new();
    let next = reader.read(changelog, offset, Isolation::ReadCommitted, BATCH_RECORDS, call_timeout, &mut |record| {
        if record.offset < end {
            rows.push((record.key.unwrap_or_default().to_vec(), record.value.map(<[u8]>::to_vec)));
        }
    })?;
    let next = next.max(offset).min(end);
    let checkpoint = Checkpoint { changelog_offset: next, topic_id: topic_id.to_owned(), committed_at_ms: wall_ms };
    let mut batch = rows.iter().map(|(key, row)| (key.as_slice(), row.as_deref()));
    store.write(&mut batch, &checkpoint)?;
    Ok((next, rows.len() as u64))
}

/// I4: the store's own account of its input position equals the group's.
fn prove(store: &dyn StateStore, partition: i32, committed: Option<i64>) -> Result<i64, RestoreError> {
    let row = store.get(crate::task::META_KEY)?;
    let meta = row.map(|row| Meta::decode(&row)).transpose().map_err(|source| RestoreError::Row { partition, source })?;
    match (meta.map(|m| m.position), committed) {
        (None, None) => Ok(0),
        // The committed offset has expired, or the partition has never been committed: the state knows.
        (Some(restored), None) => Ok(restored),
        (Some(restored), Some(committed)) if restored == committed => Ok(restored),
        (restored, Some(committed)) => {
            Err(RestoreError::Unproven { partition, restored: restored.unwrap_or(0), committed })
        }
    }
}
