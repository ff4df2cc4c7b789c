//! What an open database holds, and what its errors mean; whether it was opened for writing or not.

use std::path::Path;

use rocksdb::{ColumnFamily, DB, DBPinnableSlice, ErrorKind, ReadOptions};
use schemas::Timestamp;
use schemas::row::RowError;

use super::store::{META, WAKEUPS};
use super::{corrupt, io_error};
use crate::store::wakeups::{entry, split};
use crate::store::{Checkpoint, Look, LookAhead, StoreError, Visit};

pub(super) const CHECKPOINT_KEY: &[u8] = b"checkpoint";
/// There when every row has its wake-up in the index.
pub(super) const WAKEUPS_KEY: &[u8] = b"wakeups";
const SCAN_READAHEAD_BYTES: usize = 2 << 20;

/// A database, and the directory of its partition.
#[derive(Clone, Copy)]
pub(super) struct Contents<'a> {
    pub(super) db: &'a DB,
    pub(super) path: &'a Path,
}

impl<'a> Contents<'a> {
    pub(super) fn meta(self) -> Result<&'a ColumnFamily, StoreError> {
        self.family(META)
    }

    pub(super) fn wakeups(self) -> Result<&'a ColumnFamily, StoreError> {
        self.family(WAKEUPS)
    }

    fn family(self, name: &str) -> Result<&'a ColumnFamily, StoreError> {
        let missing = || corrupt(self.path, format!("the column family `{name}` is missing"));
        self.db.cf_handle(name).ok_or_else(missing)
    }

    fn error(self, operation: &'static str, error: &rocksdb::Error) -> StoreError {
        classify(operation, self.path, error)
    }

    pub(super) fn get(self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.db.get(key).map_err(|e| self.error("read", &e))
    }

    pub(super) fn get_many(self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.db.multi_get(keys).into_iter().map(|row| row.map_err(|e| self.error("read", &e))).collect()
    }

    pub(super) fn has_wakeups(self) -> Result<bool, StoreError> {
        let mark = self.db.get_pinned_cf(self.meta()?, WAKEUPS_KEY).map_err(|e| self.error("read", &e))?;
        Ok(mark.is_some())
    }

    pub(super) fn rows_from(self, from: &[u8], look: &mut Look<'_>) -> Result<(), StoreError> {
        let mut cursor = self.db.raw_iterator();
        cursor.seek(from);
        while let Some((key, row)) = cursor.item()
            && look(key, row)
        {
            cursor.next();
        }
        cursor.status().map_err(|e| self.error("read", &e))
    }

    pub(super) fn wakeups_from(self, due: Timestamp, key: &[u8], look: &mut LookAhead<'_>) -> Result<(), StoreError> {
        let mut cursor = self.db.raw_iterator_cf(self.wakeups()?);
        cursor.seek(entry(due, key));
        while let Some((due, key)) = cursor.key().and_then(split)
            && look(due, key)
        {
            cursor.next();
        }
        cursor.status().map_err(|e| self.error("read", &e))
    }

    pub(super) fn checkpoint(self) -> Result<Option<Checkpoint>, StoreError> {
        let row = self.db.get_pinned_cf(self.meta()?, CHECKPOINT_KEY).map_err(|e| self.error("read", &e))?;
        let decode = |row: DBPinnableSlice<'_>| Checkpoint::decode(&row);
        let unreadable = |e| match e {
            RowError::TooNew { found, newest } => StoreError::TooNew {
                path: self.path.display().to_string(),
                found: u32::from(found),
                newest: u32::from(newest),
            },
            e => corrupt(self.path, format!("the checkpoint cannot be read: {e}")),
        };
        row.map(decode).transpose().map_err(unreadable)
    }

    pub(super) fn scan(self, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let mut options = ReadOptions::default();
        // A scan passes once over everything: it must not push hot blocks out of the cache.
        options.fill_cache(false);
        options.set_readahead_size(SCAN_READAHEAD_BYTES);
        let mut cursor = self.db.raw_iterator_opt(options);
        cursor.seek_to_first();
        while let Some((key, value)) = cursor.item() {
            visit(key, value)?;
            cursor.next();
        }
        cursor.status().map_err(|e| self.error("scan", &e))
    }
}

pub(super) fn classify(operation: &'static str, path: &Path, error: &rocksdb::Error) -> StoreError {
    match error.kind() {
        ErrorKind::Corruption => corrupt(path, error.as_ref()),
        _ => io_error(operation, path, error.as_ref()),
    }
}

/// While opening, a file that is missing or makes no sense means that the database is damaged: its
/// directory and identity were found in order just before.
pub(super) fn open_error(path: &Path, error: &rocksdb::Error) -> StoreError {
    let missing_file = || error.as_ref().contains("No such file or directory");
    match error.kind() {
        ErrorKind::InvalidArgument | ErrorKind::NotSupported | ErrorKind::NotFound => corrupt(path, error.as_ref()),
        ErrorKind::IOError if missing_file() => corrupt(path, error.as_ref()),
        _ => classify("open", path, error),
    }
}
