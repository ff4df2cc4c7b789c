//! One partition's database behind the [`StateStore`] port.

use std::path::PathBuf;
use std::sync::Arc;

use rocksdb::{ColumnFamily, DB, WriteBatch, WriteOptions, properties};
use schemas::Timestamp;

use super::directory::{self, OwnedDirectory};
use super::manifest;
use super::options::Shared;
use super::reading::{CHECKPOINT_KEY, Contents, WAKEUPS_KEY, classify, open_error};
use super::usage::OpenDatabases;
use crate::store::wakeups::{entry, instant};
use crate::store::{Batch, Checkpoint, Look, LookAhead, StateStore, StoreError, StoreReader, Visit};

/// Column family of the rows.
pub(super) const ROWS: &str = "default";
/// Column family of the index of wake-ups: entries are keys, without a value.
pub(super) const WAKEUPS: &str = "wakeups";
/// Column family of the checkpoint.
pub(super) const META: &str = "meta";

/// The database of one partition, open.
pub struct RocksStore {
    // Closed before the directory's lock is let go: fields drop in order.
    db: Arc<DB>,
    directory: OwnedDirectory,
    counted: Arc<OpenDatabases>,
    number: u64,
}

impl Drop for RocksStore {
    fn drop(&mut self) {
        self.counted.leave(self.number);
    }
}

impl RocksStore {
    pub(super) fn open(directory: OwnedDirectory, shared: &Shared) -> Result<Self, StoreError> {
        let database = directory.database();
        directory::check_remains(&database)?;
        manifest::check(&database)?;
        let db = DB::open_cf_descriptors(&shared.database(), &database, shared.column_families());
        let db = Arc::new(db.map_err(|e| open_error(directory.path(), &e))?);
        let counted = Arc::clone(&shared.open);
        Ok(Self { number: counted.enter(&db), db, directory, counted })
    }

    fn contents(&self) -> Contents<'_> {
        Contents { db: &self.db, path: self.directory.path() }
    }

    fn meta(&self) -> Result<&ColumnFamily, StoreError> {
        self.contents().meta()
    }

    fn wakeups(&self) -> Result<&ColumnFamily, StoreError> {
        self.contents().wakeups()
    }

    fn error(&self, operation: &'static str, error: &rocksdb::Error) -> StoreError {
        classify(operation, self.directory.path(), error)
    }

    fn last_key(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let mut cursor = self.db.raw_iterator();
        cursor.seek_to_last();
        cursor.status().map_err(|e| self.error("read", &e))?;
        Ok(cursor.key().map(<[u8]>::to_vec))
    }
}

/// The database of one partition, for somebody who only reads it.
struct RocksReader {
    db: Arc<DB>,
    path: PathBuf,
}

impl RocksReader {
    fn contents(&self) -> Contents<'_> {
        Contents { db: &self.db, path: &self.path }
    }
}

impl StoreReader for RocksReader {
    fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.contents().get_many(keys)
    }

    fn estimated_rows(&self) -> u64 {
        self.db.property_int_value(properties::ESTIMATE_NUM_KEYS).ok().flatten().unwrap_or_default()
    }

    fn rows_from(&self, from: &[u8], look: &mut Look<'_>) -> Result<(), StoreError> {
        self.contents().rows_from(from, look)
    }

    fn wakeups_from(&self, due: Timestamp, key: &[u8], look: &mut LookAhead<'_>) -> Result<(), StoreError> {
        self.contents().wakeups_from(due, key, look)
    }
}

impl StateStore for RocksStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.contents().get(key)
    }

    fn apply(&mut self, of: Batch<'_, '_>) -> Result<(), StoreError> {
        let (mut batch, wakeups) = (WriteBatch::default(), self.wakeups()?);
        for (key, value) in of.rows.into_iter().flatten() {
            match value {
                Some(value) => batch.put(key, value),
                None => batch.delete(key),
            }
        }
        if let Some(passed) = of.wakeups.passed {
            batch.delete_range_cf(wakeups, &[][..], &instant(passed)[..]);
        }
        for (due, key) in of.wakeups.entries {
            batch.put_cf(wakeups, entry(*due, key), []);
        }
        if of.wakeups.complete {
            batch.put_cf(self.meta()?, WAKEUPS_KEY, []);
        }
        if let Some(checkpoint) = of.checkpoint {
            let mut row = Vec::new();
            checkpoint.encode(&mut row);
            batch.put_cf(self.meta()?, CHECKPOINT_KEY, &row);
        }
        self.db.write(batch).map_err(|e| self.error("write", &e))
    }

    fn has_wakeups(&self) -> Result<bool, StoreError> {
        self.contents().has_wakeups()
    }

    fn rows_from(&self, from: &[u8], look: &mut Look<'_>) -> Result<(), StoreError> {
        self.contents().rows_from(from, look)
    }

    fn reader(&self) -> Box<dyn StoreReader> {
        Box::new(RocksReader { db: Arc::clone(&self.db), path: self.directory.path().to_owned() })
    }

    fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        self.contents().checkpoint()
    }

    fn scan(&self, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.contents().scan(visit)
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.db.flush_wal(true).map_err(|e| self.error("sync", &e))
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        if let Some(last) = self.last_key()? {
            // The end of a range is exclusive, and no key is greater than every other.
            batch.delete_range(&[][..], &last[..]);
            batch.delete(&last);
        }
        let wakeups = self.wakeups()?;
        batch.delete_range_cf(wakeups, &[][..], &instant(Timestamp::MAX)[..]);
        batch.delete_cf(self.meta()?, WAKEUPS_KEY);
        batch.delete_cf(self.meta()?, CHECKPOINT_KEY);
        let mut options = WriteOptions::default();
        options.set_sync(true);
        self.db.write_opt(batch, &options).map_err(|e| self.error("clear", &e))?;
        // The rows are gone; now give their space back.
        self.db.compact_range(None::<&[u8]>, None::<&[u8]>);
        Ok(())
    }
}
