//! State stores: ordered bytes to bytes, one database per partition, brought up to date behind the
//! commit.
//!
//! A store never holds anything that is not committed in the log, and what it holds is always the
//! state at exactly its checkpoint: rows and checkpoint are written as one atomic batch. A store
//! may be older than the log (the changelog from the checkpoint on brings it up to date), never
//! torn and never newer. It must never decide when to write: that is the commit unit's business.
//!
//! [`memory`] and [`rocks`] pass one contract suite, `tests/store_contract.rs`.

pub mod memory;
pub mod rocks;
pub mod wakeups;

use schemas::Timestamp;
use schemas::row::{RowError, RowReader, RowWriter};

pub use wakeups::Wakeups;

/// What a flush knows about the log: everything before `changelog_offset` is in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Changelog offset to go on restoring from.
    pub changelog_offset: i64,
    /// Identity of the changelog topic: a recreated topic has another.
    pub topic_id: String,
    /// Wall time of the last commit in it, in ms: decides whether tombstones may be gone.
    pub committed_at_ms: i64,
}

impl Checkpoint {
    const FORMAT: u8 = 1;

    /// Row: format, `changelog_offset` signed, `topic_id` text, `committed_at_ms` signed.
    fn encode(&self, out: &mut Vec<u8>) {
        let mut row = RowWriter::new(out);
        row.u8(Self::FORMAT);
        row.signed(self.changelog_offset);
        row.text(&self.topic_id);
        row.signed(self.committed_at_ms);
    }

    fn decode(bytes: &[u8]) -> Result<Self, RowError> {
        let mut row = RowReader::new(bytes);
        match row.u8()? {
            Self::FORMAT => {}
            0 => return Err(row.invalid("format version")),
            found => return Err(RowError::TooNew { found, newest: Self::FORMAT }),
        }
        let changelog_offset = row.signed()?;
        let topic_id = row.text()?.to_owned();
        Ok(Self { changelog_offset, topic_id, committed_at_ms: row.signed()? })
    }
}

/// What a store can say when it does not do what it was asked. After any error from
/// [`StateStore::write`] or [`StateStore::sync`] the store must be closed and opened again: what of
/// the batch reached the disk is only known after recovery.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The machine refused: permissions, a full disk, a missing directory.
    #[error("cannot {operation} the state store {path}: {reason}")]
    Io { operation: &'static str, path: String, reason: String },
    /// What is on disk is not what was written. The changelog can rebuild it:
    /// [`StoreProvider::quarantine`], then open again.
    #[error(
        "the state store {path} is corrupt: {reason}; move it away, or let `quartermaster state reset … --partition …` do it"
    )]
    Corrupt { path: String, reason: String },
    /// The directory holds somebody else's state.
    #[error(
        "the state store {path} belongs to {found}, not to {expected}; point `state.directory` elsewhere or remove it"
    )]
    Foreign { path: String, found: String, expected: String },
    #[error(
        "the state store {path} has format {found}, this binary reads up to {newest}; \
         run a newer binary, or remove the directory to rebuild it from the changelog"
    )]
    TooNew { path: String, found: u32, newest: u32 },
    #[error("the state store {path} is in use by another worker or process; stop that one first")]
    Locked { path: String },
    /// A caller's row could not be read while scanning.
    #[error("a row cannot be read: {0}")]
    Row(#[from] RowError),
}

/// One row of a batch: `None` deletes.
pub type Write<'a> = (&'a [u8], Option<&'a [u8]>);

/// Rows, wake-ups and a checkpoint that go into a store together.
#[derive(Default)]
pub struct Batch<'a, 'r> {
    pub rows: Option<&'a mut dyn Iterator<Item = Write<'r>>>,
    pub wakeups: Wakeups<'a>,
    /// `None`: stays.
    pub checkpoint: Option<&'a Checkpoint>,
}

/// Sees one row: key, value. Says whether to go on.
pub type Look<'a> = dyn FnMut(&[u8], &[u8]) -> bool + 'a;

/// Sees one entry of the index of wake-ups: instant, key. Says whether to go on.
pub type LookAhead<'a> = dyn FnMut(Timestamp, &[u8]) -> bool + 'a;

/// Sees one row of a scan: key, value.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), StoreError> + 'a;

/// The store of one partition. Keys and values are any bytes, empty ones included.
pub trait StateStore: Send {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
    /// Applies everything as one atomic batch, rows in order. It survives the death of the process at
    /// once, a power loss only after [`StateStore::sync`].
    fn apply(&mut self, batch: Batch<'_, '_>) -> Result<(), StoreError>;
    /// Rows and their checkpoint, in a store that keeps no wake-ups.
    fn write(&mut self, rows: &mut dyn Iterator<Item = Write<'_>>, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        self.apply(Batch { rows: Some(rows), checkpoint: Some(checkpoint), ..Batch::default() })
    }
    /// Every row has its entry in the index of wake-ups.
    fn has_wakeups(&self) -> Result<bool, StoreError>;
    /// Rows in key order, from the first that is not before `from`.
    fn rows_from(&self, from: &[u8], look: &mut Look<'_>) -> Result<(), StoreError>;
    /// Somebody else who reads it, as long as it is open.
    fn reader(&self) -> Box<dyn StoreReader>;
    /// The checkpoint of the last batch; `None` in a new or cleared store.
    fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError>;
    /// Every row, in key order (bytewise). Ends early with the visitor's error.
    fn scan(&self, visit: &mut Visit<'_>) -> Result<(), StoreError>;
    /// Makes what was written survive power loss.
    fn sync(&mut self) -> Result<(), StoreError>;
    /// Drops every row, every wake-up and the checkpoint, as one atomic batch that survives power loss.
    fn clear(&mut self) -> Result<(), StoreError>;
}

/// Reads the store of one partition beside its owner, and sees what that one has written.
pub trait StoreReader: Send {
    /// The rows of these keys, in their order.
    fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, StoreError>;
    /// About how many rows there are.
    fn estimated_rows(&self) -> u64;
    /// As [`StateStore::rows_from`].
    fn rows_from(&self, from: &[u8], look: &mut Look<'_>) -> Result<(), StoreError>;
    /// Entries of the index of wake-ups in order of time, then of key, from the first that is not before
    /// this instant and key.
    fn wakeups_from(&self, due: Timestamp, key: &[u8], look: &mut LookAhead<'_>) -> Result<(), StoreError>;
}

/// Opens the stores of one worker's partitions. A partition's store is open at most once at a time.
pub trait StoreProvider: Send {
    fn open(&mut self, partition: i32) -> Result<Box<dyn StateStore>, StoreError>;
    /// Opens several, in their order; at the same time, if that is faster.
    fn open_together(&mut self, partitions: &[i32]) -> Vec<Result<Box<dyn StateStore>, StoreError>> {
        partitions.iter().map(|partition| self.open(*partition)).collect()
    }
    /// Takes the closed store of a partition out of the way, so that the next
    /// [`StoreProvider::open`] starts empty. Returns where it went, if it was kept for inspection;
    /// a store quarantined earlier is removed.
    fn quarantine(&mut self, partition: i32) -> Result<Option<String>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn golden_checkpoints_are_read_and_a_newer_one_is_refused() {
        let checkpoint =
            Checkpoint { changelog_offset: 42, topic_id: "AAECAwQ".into(), committed_at_ms: 1_700_000_000_000 };
        let mut row = Vec::new();
        checkpoint.encode(&mut row);
        golden::check("checkpoint", Checkpoint::FORMAT, &row, |_, row| {
            assert_eq!(Checkpoint::decode(row), Ok(checkpoint.clone()));
        });
        golden::refuses_newer("checkpoint", Checkpoint::FORMAT, 0, Checkpoint::decode);
        assert!(Checkpoint::decode(&row[..0]).is_err());
    }
}
