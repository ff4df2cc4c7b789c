//! What the open databases take of the machine: memory, disk, work that waits, writers that waited.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rocksdb::DB;
use rocksdb::properties;
use rocksdb::statistics::Ticker;

use super::options::Shared;

/// Figures over all open databases of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Blocks, indexes and filters in the cache.
    pub block_cache_bytes: u64,
    /// Rows that are in no table file yet.
    pub memtable_bytes: u64,
    /// What open table files keep outside of the cache.
    pub table_reader_bytes: u64,
    pub sst_bytes: u64,
    /// Estimated bytes that compaction has still to rewrite.
    pub pending_compaction_bytes: u64,
    /// Time for which writers were held back, since the start.
    pub write_stall: Duration,
}

/// The databases that are open now. A database leaves before it closes, so that nobody who looks at
/// the figures keeps it open.
#[derive(Default)]
pub(super) struct OpenDatabases {
    databases: Mutex<Numbered>,
}

#[derive(Default)]
struct Numbered {
    next: u64,
    open: BTreeMap<u64, Arc<DB>>,
}

impl OpenDatabases {
    pub(super) fn enter(&self, db: &Arc<DB>) -> u64 {
        let mut databases = self.lock();
        databases.next += 1;
        let number = databases.next;
        databases.open.insert(number, Arc::clone(db));
        number
    }

    pub(super) fn leave(&self, number: u64) {
        self.lock().open.remove(&number);
    }

    /// The sum of one property. A database that does not tell counts nothing.
    fn sum(databases: &Numbered, property: &properties::PropName) -> u64 {
        let value = |db: &Arc<DB>| db.property_int_value(property).ok().flatten().unwrap_or(0);
        databases.open.values().map(value).sum()
    }

    fn lock(&self) -> MutexGuard<'_, Numbered> {
        self.databases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    pub(super) fn usage(&self) -> Usage {
        let databases = self.open.lock();
        let sum = |property| OpenDatabases::sum(&databases, property);
        // Unflushed rows are charged to the cache: one number bounds both.
        let (cached, unflushed) = (self.cache.get_usage() as u64, self.unflushed.get_usage() as u64);
        Usage {
            block_cache_bytes: cached.saturating_sub(unflushed),
            memtable_bytes: unflushed,
            table_reader_bytes: sum(properties::ESTIMATE_TABLE_READERS_MEM),
            sst_bytes: sum(properties::TOTAL_SST_FILES_SIZE),
            pending_compaction_bytes: sum(properties::ESTIMATE_PENDING_COMPACTION_BYTES),
            write_stall: Duration::from_micros(self.counting.get_ticker_count(Ticker::StallMicros)),
        }
    }
}
