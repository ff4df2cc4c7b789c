//! The store on disk: RocksDB, one database per partition.
//!
//! Layout, under the configured state directory (which is created if its parent exists):
//! ```text
//! <state directory>/
//!   <application>/
//!     LOCK              locked while a process has claimed it, so that no other one starts on it
//!     identity          whose state this is: format, application, topic (text)
//!     partition-00007/
//!       LOCK            locked while the store is open, so that no other worker opens it
//!       identity        … and the partition
//!       db/             the database: column family `default` holds the rows,
//!                       `wakeups` when each key wants to be woken, derived from the rows,
//!                       `meta` the checkpoint under the key `checkpoint`
//!     partition-00007.quarantined/    the last one that could not be used, kept for inspection
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
pub mod inspect;
mod manifest;
mod options;
mod reading;
mod store;
mod usage;

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use identity::Identity;
pub use options::RocksOptions;
pub use store::RocksStore;
pub use usage::Usage;

use self::directory::OwnedDirectory;
use self::options::Shared;
use super::{StateStore, StoreError, StoreProvider};

/// The state directory of one process. All its applications share memory and limits.
pub struct RocksStorage {
    directory: PathBuf,
    shared: Shared,
}

impl RocksStorage {
    /// Creates the state directory if it is not there yet; its parent must exist.
    pub fn new(directory: impl Into<PathBuf>, options: &RocksOptions) -> Result<Self, StoreError> {
        let directory = directory.into();
        directory::create(&directory)?;
        Ok(Self { directory, shared: Shared::new(options) })
    }

    /// Takes the directory of one application, for this process alone and for as long as a clone of
    /// the provider lives.
    pub fn claim(&self, identity: Identity) -> Result<RocksProvider, StoreError> {
        let claim = OwnedDirectory::application(&self.directory, &identity)?;
        let directory = claim.path().to_owned();
        Ok(RocksProvider { directory, identity, shared: self.shared.clone(), _claim: Some(Arc::new(claim)) })
    }

    /// What the open databases take, as a handle that goes on working.
    pub fn usage(&self) -> impl Fn() -> Usage + Send + Sync + 'static {
        let shared = self.shared.clone();
        move || shared.usage()
    }
}

/// Opens the databases of one application under its directory. Clones share memory and limits.
#[derive(Clone)]
pub struct RocksProvider {
    directory: PathBuf,
    identity: Identity,
    shared: Shared,
    _claim: Option<Arc<OwnedDirectory>>,
}

impl RocksProvider {
    /// Opens partitions right under `directory`, which is created if it is not there yet and is not
    /// claimed: other processes may open other partitions of it.
    pub fn new(directory: impl Into<PathBuf>, identity: Identity, options: &RocksOptions) -> Result<Self, StoreError> {
        let directory = directory.into();
        directory::create(&directory)?;
        Ok(Self { directory, identity, shared: Shared::new(options), _claim: None })
    }

    /// As [`StoreProvider::open`], with the concrete type.
    pub fn open_partition(&self, partition: i32) -> Result<RocksStore, StoreError> {
        let directory = OwnedDirectory::partition(&self.directory, &self.identity, partition)?;
        RocksStore::open(directory, &self.shared)
    }
}

impl StoreProvider for RocksProvider {
    fn open(&mut self, partition: i32) -> Result<Box<dyn StateStore>, StoreError> {
        Ok(Box::new(self.open_partition(partition)?))
    }

    /// Most of it is reading what was not flushed back into memory: one processor each.
    fn open_together(&mut self, partitions: &[i32]) -> Vec<Result<Box<dyn StateStore>, StoreError>> {
        let this = &*self;
        std::thread::scope(|scope| {
            let opening: Vec<_> =
                partitions.iter().map(|partition| scope.spawn(|| this.open_partition(*partition))).collect();
            let opened = opening.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
            opened.map(|store| Ok(Box::new(store?) as Box<dyn StateStore>)).collect()
        })
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
