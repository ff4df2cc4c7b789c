//! The store on disk: RocksDB, one database per partition.
//!
//! Layout, under the configured state directory (which is created if its parent exists):
//! ```text
//! <state directory>/
//!   partition-00007/
//!     LOCK            locked while the store is open, so that nobody else opens it
//!     identity        whose state this is: format, application, topic, partition (text)
//!     db/             the database: column family `default` holds the rows,
//!                     `meta` the checkpoint under the key `checkpoint`
//!   partition-00007.quarantined/    the last one that could not be used, kept for inspection
//! ```
//! A batch goes through the write-ahead log (WAL) without an fsync: it survives the death of the
//! process at once and a power loss after `sync`. What recovery finds is a prefix of the batches,
//! and each batch carries its checkpoint, so a lost tail only means a longer changelog replay.
//! Both column families flush together for the same reason, and so that the tiny one never keeps
//! old WAL files alive.
//!
//! `rocksdb` is used in this folder and nowhere else. Nothing here may guess: a directory that is
//! not ours, or that is damaged, is refused and never overwritten.

mod directory;
mod identity;
mod options;
mod store;

use std::path::{Path, PathBuf};

pub use identity::Identity;
pub use options::RocksOptions;
pub use store::RocksStore;

use self::directory::PartitionDirectory;
use self::options::Shared;
use super::{StateStore, StoreError, StoreProvider};

/// Opens the databases of one process under one state directory. Clones share memory and limits.
#[derive(Clone)]
pub struct RocksProvider {
    directory: PathBuf,
    identity: Identity,
    shared: Shared,
}

impl RocksProvider {
    /// Creates the state directory if it is not there yet; its parent must exist.
    pub fn new(directory: impl Into<PathBuf>, identity: Identity, options: &RocksOptions) -> Result<Self, StoreError> {
        let directory = directory.into();
        directory::create(&directory)?;
        Ok(Self { directory, identity, shared: Shared::new(options) })
    }

    /// As [`StoreProvider::open`], with the concrete type.
    pub fn open_partition(&self, partition: i32) -> Result<RocksStore, StoreError> {
        let directory = PartitionDirectory::open(&self.directory, &self.identity, partition)?;
        RocksStore::open(directory, &self.shared)
    }
}

impl StoreProvider for RocksProvider {
    fn open(&mut self, partition: i32) -> Result<Box<dyn StateStore>, StoreError> {
        Ok(Box::new(self.open_partition(partition)?))
    }

    fn quarantine(&mut self, partition: i32) -> Result<Option<String>, StoreError> {
        directory::quarantine(&self.directory, partition)
    }
}

fn io_error(operation: &'static str, path: &Path, reason: impl Into<String>) -> StoreError {
    StoreError::Io { operation, path: path.display().to_string(), reason: reason.into() }
}

fn corrupt(path: &Path, reason: impl Into<String>) -> StoreError {
    StoreError::Corrupt { path: path.display().to_string(), reason: reason.into() }
}
