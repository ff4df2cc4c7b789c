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

use std::ops::ControlFlow;
use std::time::Duration;

use schemas::row::RowError;
use schemas::time::DAY_MS;

use crate::ports::{Extent, Isolation, LogError, LogReader, TopicPartition};
use crate::store::wakeups::DueOf;
use crate::store::{Batch, Checkpoint, StateStore, StoreError, Wakeups};
use crate::task::{Meta, belongs_to_runtime};

/// Why a partition cannot be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("partition {partition}: a row of its state cannot be read: {source}")]
    Row { partition: i32, source: RowError },
    #[error(
        "partition {partition}: the changelog stays undecided at offset {stable} of {end}; a transaction is left open"
    )]
    Unstable { partition: i32, stable: i64, end: i64 },
    #[error(
        "partition {partition}: restored state stands at input offset {restored}, the group has committed {committed}; \
         state and group do not belong together: `quartermaster state reset` begins the application anew"
    )]
    Unproven { partition: i32, restored: i64, committed: i64, full: bool },
    #[error("partition {partition}: {remaining} rows of the changelog are still to be read")]
    Underway { partition: i32, remaining: i64 },
}

/// How far a restore has come, over all calls it takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows read.
    pub records: u64,
    /// The store could not be used and is rebuilt from the start of the changelog.
    pub full: bool,
}

/// Where a restore has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Input offset to go on from.
    pub position: i64,
    /// Identity of the topic it was in; empty where nothing was restored.
    pub input_id: String,
    /// Everything before it is in the store.
    pub checkpoint: Checkpoint,
}

/// Rows of the changelog per batch.
const BATCH_RECORDS: usize = 4096;
/// A store whose last commit is older may miss deletions: tombstones stay for 7 days in changelogs
/// (`delete.retention.ms`), and half of that is left for a restore to come through.
const MAX_CHECKPOINT_AGE_MS: i64 = 7 * DAY_MS / 2;

/// Why a store is rebuilt from the start of its changelog instead of being brought up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It belongs to another topic: the changelog was deleted and created again.
    Foreign,
    /// The changelog does not have its place: it begins later, or has lost its end.
    OutsideOfLog,
    /// Deletions since may be gone from the changelog.
    TooOld,
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Foreign => "it belongs to another changelog",
            Self::OutsideOfLog => "the changelog does not reach from where it stands",
            Self::TooOld => "it is too old to learn of every deletion",
        })
    }
}

/// Whether a store that stands there can be brought up to date. `start`: what a full restore begins
/// with, now; `end`: of the changelog.
pub fn usable(checkpoint: &Checkpoint, start: &Checkpoint, end: i64) -> Result<(), Unusable> {
    if checkpoint.topic_id != start.topic_id {
        return Err(Unusable::Foreign);
    }
    if !(start.changelog_offset..=end).contains(&checkpoint.changelog_offset) {
        return Err(Unusable::OutsideOfLog);
    }
    let age_ms = start.committed_at_ms - checkpoint.committed_at_ms;
    if age_ms <= MAX_CHECKPOINT_AGE_MS { Ok(()) } else { Err(Unusable::TooOld) }
}

/// Asked after every batch with the number of rows left, and whether to go on now.
pub type Pace<'a> = dyn FnMut(i64) -> ControlFlow<()> + 'a;

/// What is restored, and from when the restore counts.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub changelog: &'a TopicPartition,
    /// The group's stable committed input offset.
    pub committed: Option<i64>,
    pub wall_ms: i64,
    pub call_timeout: Duration,
    /// Says when a row wants to be woken, where the store keeps an index of that.
    pub due_of: Option<&'a DueOf<'a>>,
}

/// Brings `store` up to date. An error that is retriable, [`RestoreError::Unstable`] and
/// [`RestoreError::Underway`] leave the store as far as it came: call again with the same `progress`.
pub fn restore(
    reader: &mut dyn LogReader,
    store: &mut dyn StateStore,
    request: &Request<'_>,
    progress: &mut Progress,
    pace: &mut Pace<'_>,
) -> Result<Restored, RestoreError> {
    let Request { changelog, committed, wall_ms, call_timeout, .. } = *request;
    let end = settled_end(reader, changelog, call_timeout)?;
    let topic_id = reader.topic_id(&changelog.topic, call_timeout)?;
    let start = reader.extent(changelog, call_timeout)?.start;
    let mut checkpoint = Checkpoint { changelog_offset: start, topic_id, committed_at_ms: wall_ms };
    let from = usable_checkpoint(store, changelog, &checkpoint, end)?;
    if let Some(offset) = from {
        checkpoint.changelog_offset = offset;
    } else {
        store.clear()?;
        progress.full = end > start;
    }
    while checkpoint.changelog_offset < end {
        progress.records += replay_batch(reader, store, request, &mut checkpoint, end)?;
        let remaining = end - checkpoint.changelog_offset;
        if pace(remaining).is_break() && remaining > 0 {
            return Err(RestoreError::Underway { partition: changelog.partition, remaining });
        }
    }
    let (position, input_id) = prove(store, changelog.partition, committed, progress.full || from.is_none())?;
    Ok(Restored { position, input_id, checkpoint })
}

/// The high watermark as a read_uncommitted client sees it, once everything before it is decided.
fn settled_end(
    reader: &mut dyn LogReader,
    changelog: &TopicPartition,
    call_timeout: Duration,
) -> Result<i64, RestoreError> {
    let Extent { end, stable, .. } = reader.extent(changelog, call_timeout)?;
    if stable >= end {
        return Ok(end);
    }
    #[cfg(feature = "planted-bugs")]
    if crate::planted::is(crate::planted::Bug::RestoreToStable) {
        return Ok(stable);
    }
    // Reading at the stable end waits in the log for something to change.
    reader.read(changelog, stable, Isolation::ReadCommitted, 1, call_timeout, &mut |_| {})?;
    let stable = reader.extent(changelog, call_timeout)?.stable;
    if stable >= end { Ok(end) } else { Err(RestoreError::Unstable { partition: changelog.partition, stable, end }) }
}

/// Where to go on from, if the store belongs to this very log and is not too old. `start` is what a
/// full restore begins with.
fn usable_checkpoint(
    store: &dyn StateStore,
    changelog: &TopicPartition,
    start: &Checkpoint,
    end: i64,
) -> Result<Option<i64>, RestoreError> {
    let Some(checkpoint) = store.checkpoint()? else {
        return Ok(None);
    };
    let (partition, offset) = (changelog.partition, checkpoint.changelog_offset);
    if let Err(reason) = usable(&checkpoint, start, end) {
        let age_ms = start.committed_at_ms - checkpoint.committed_at_ms;
        tracing::warn!(partition, offset, end, age_ms, %reason, "rebuilding the store in full");
        return Ok(None);
    }
    Ok(Some(offset))
}

/// Replays one batch and moves the checkpoint past it. Returns the number of rows.
fn replay_batch(
    reader: &mut dyn LogReader,
    store: &mut dyn StateStore,
    request: &Request<'_>,
    checkpoint: &mut Checkpoint,
    end: i64,
) -> Result<u64, RestoreError> {
    let Request { changelog, call_timeout, due_of, .. } = *request;
    let offset = checkpoint.changelog_offset;
    let mut rows: Vec<(Vec<u8>, Option<Vec<u8>>)> = Vec::new();
    let next =
        reader.read(changelog, offset, Isolation::ReadCommitted, BATCH_RECORDS, call_timeout, &mut |record| {
            if record.offset < end {
                rows.push((record.key.unwrap_or_default().to_vec(), record.value.map(<[u8]>::to_vec)));
            }
        })?;
    if next <= offset {
        let reason = format!("no answer for {}-{} at {offset}", changelog.topic, changelog.partition);
        return Err(LogError::Retriable { operation: "restore", reason }.into());
    }
    checkpoint.changelog_offset = next.min(end);
    let mut entries = Vec::new();
    for (key, row) in rows.iter().filter(|(key, _)| !belongs_to_runtime(key)) {
        let (Some(due_of), Some(row)) = (due_of, row) else { continue };
        let due = due_of(row).map_err(|source| RestoreError::Row { partition: changelog.partition, source })?;
        entries.extend(due.map(|due| (due, key.as_slice())));
    }
    let mut batch = rows.iter().map(|(key, row)| (key.as_slice(), row.as_deref()));
    let wakeups = Wakeups { entries: &entries, ..Wakeups::default() };
    store.apply(Batch { rows: Some(&mut batch), wakeups, checkpoint: Some(checkpoint) })?;
    Ok(rows.len() as u64)
}

/// Asserts invariant I4: the store's own account of its input position equals the group's. Returns it,
/// and the identity of the input topic.
fn prove(
    store: &dyn StateStore,
    partition: i32,
    committed: Option<i64>,
    full: bool,
) -> Result<(i64, String), RestoreError> {
    let row = store.get(crate::task::META_KEY)?;
    let meta =
        row.map(|row| Meta::decode(&row)).transpose().map_err(|source| RestoreError::Row { partition, source })?;
    match (meta, committed) {
        (None, None) => Ok((0, String::new())),
        // The committed offset has expired, or the partition has never been committed: the state knows.
        (Some(meta), None) => Ok((meta.position, meta.input_id)),
        (Some(meta), Some(committed)) if meta.position == committed => Ok((committed, meta.input_id)),
        #[cfg(feature = "planted-bugs")]
        (meta, Some(committed)) if crate::planted::is(crate::planted::Bug::RestoreToStable) => {
            Ok((committed, meta.map(|meta| meta.input_id).unwrap_or_default()))
        }
        (meta, Some(committed)) => {
            let restored = meta.map_or(0, |meta| meta.position);
            Err(RestoreError::Unproven { partition, restored, committed, full })
        }
    }
}
