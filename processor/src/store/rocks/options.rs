//! How the databases are tuned, and what they share.
//!
//! Every column family is opened with the options made here: `DB::open_cf` would silently give all
//! of them defaults, without bloom filters and without the shared cache.

use std::sync::Arc;

use rocksdb::statistics::StatsLevel;
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType, DBRecoveryMode, LogLevel, Options,
    WriteBufferManager,
};

use super::store::{META, ROWS, WAKEUPS};
use super::usage::OpenDatabases;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Limits of the databases of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RocksOptions {
    /// Bytes for cached blocks, filters, indexes and unflushed rows of all partitions together.
    /// Half of it may hold unflushed rows.
    pub memory_bytes: usize,
    /// Files one partition may keep open.
    pub open_files: u16,
    /// Threads that flush and compact, for all partitions together.
    pub background_jobs: u8,
}

impl Default for RocksOptions {
    fn default() -> Self {
        Self { memory_bytes: 256 * MIB, open_files: 128, background_jobs: 2 }
    }
}

/// What the partitions of one process have in common.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) cache: Cache,
    pub(super) unflushed: WriteBufferManager,
    /// Options of every database are made from these, so that all count into one set of statistics.
    pub(super) counting: Options,
    pub(super) open: Arc<OpenDatabases>,
    limits: RocksOptions,
}

impl Shared {
    pub(super) fn new(limits: &RocksOptions) -> Self {
        let cache = Cache::new_lru_cache(limits.memory_bytes);
        // Charged to the cache, so that one number bounds both. Writers never stall: the commit
        // loop must not wait for a flush.
        let half = limits.memory_bytes / 2;
        let unflushed = WriteBufferManager::new_write_buffer_manager_with_cache(half, false, cache.clone());
        let mut counting = Options::default();
        counting.enable_statistics();
        // Counters only: histograms and timers would cost on every read and write.
        counting.set_statistics_level(StatsLevel::ExceptHistogramOrTimers);
        Self { cache, unflushed, counting, open: Arc::default(), limits: limits.clone() }
    }

    pub(super) fn database(&self) -> Options {
        let mut options = self.counting.clone();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_paranoid_checks(true);
        // Recover to the last batch that is whole and stop there: a consistent prefix.
        options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
        options.set_atomic_flush(true);
        options.set_max_open_files(i32::from(self.limits.open_files));
        options.set_max_background_jobs(i32::from(self.limits.background_jobs));
        options.set_write_buffer_manager(&self.unflushed);
        // Hand dirty pages to the disk steadily instead of all at the end of a file.
        options.set_bytes_per_sync(MIB as u64);
        options.set_wal_bytes_per_sync(MIB as u64);
        // RocksDB's own log: warnings only, at most two files of 4 MiB.
        options.set_log_level(LogLevel::Warn);
        options.set_keep_log_file_num(2);
        options.set_max_log_file_size(4 * MIB);
        options.set_stats_dump_period_sec(0);
        options.set_stats_persist_period_sec(0);
        options
    }

    pub(super) fn column_families(&self) -> [ColumnFamilyDescriptor; 3] {
        let [rows, meta] = self.looked_at();
        [rows, meta, ColumnFamilyDescriptor::new(WAKEUPS, self.wakeups())]
    }

    /// What there is in every database, whichever version has made it.
    pub(super) fn looked_at(&self) -> [ColumnFamilyDescriptor; 2] {
        [ColumnFamilyDescriptor::new(ROWS, self.rows()), ColumnFamilyDescriptor::new(META, self.meta())]
    }

    fn rows(&self) -> Options {
        let mut table = self.table();
        table.set_bloom_filter(10.0, false);
        table.set_block_size(16 * KIB);
        let mut options = Options::default();
        options.set_block_based_table_factory(&table);
        // The manager flushes when all partitions together reach their share; this bounds one.
        options.set_write_buffer_size((self.limits.memory_bytes / 4).clamp(MIB, 64 * MIB));
        // A partition that is rarely written must not hold a megabyte for it.
        options.set_arena_block_size(64 * KIB);
        options.set_compression_type(DBCompressionType::Lz4);
        options.set_bottommost_compression_type(DBCompressionType::Zstd);
        options
    }

    /// Keys without values, read in order only: nothing to filter.
    fn wakeups(&self) -> Options {
        let mut options = self.rows();
        let mut table = self.table();
        table.set_block_size(16 * KIB);
        options.set_block_based_table_factory(&table);
        options
    }

    /// One tiny row: nothing to filter, nothing to compress.
    fn meta(&self) -> Options {
        let mut options = Options::default();
        options.set_block_based_table_factory(&self.table());
        options.set_write_buffer_size(64 * KIB);
        options.set_arena_block_size(4 * KIB);
        options.set_compression_type(DBCompressionType::None);
        options
    }

    fn table(&self) -> BlockBasedOptions {
        let mut table = BlockBasedOptions::default();
        table.set_block_cache(&self.cache);
        // Filters and indexes count against the same limit, but stay in longest.
        table.set_cache_index_and_filter_blocks(true);
        table.set_cache_index_and_filter_blocks_with_high_priority(true);
        table.set_pin_l0_filter_and_index_blocks_in_cache(true);
        table
    }
}

#[cfg(test)]
mod tests {
    use crate::store::rocks::{Identity, RocksProvider};

    use super::*;

    /// The section of one column family in the OPTIONS file that RocksDB writes on opening.
    fn section<'a>(options: &'a str, heading: &str) -> &'a str {
        let start = options.find(heading).expect("the section") + heading.len();
        let rest = &options[start..];
        &rest[..rest.find("\n[CFOptions").unwrap_or(rest.len())]
    }

    #[test]
    fn the_rows_are_opened_with_their_own_options_and_not_with_defaults() {
        let state = tempfile::tempdir().expect("a directory");
        let identity = Identity::new("process", "inventory.events");
        let provider = RocksProvider::new(state.path(), identity, &RocksOptions::default()).expect("a provider");
        drop(provider.open_partition(0).expect("a store"));
        let files = std::fs::read_dir(state.path().join("partition-00000/db")).expect("a listing");
        let mut named: Vec<_> = files.map(|file| file.expect("an entry").path()).collect();
        named.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("OPTIONS-")));
        let options = std::fs::read_to_string(named.iter().max().expect("an OPTIONS file")).expect("its text");
        let rows = section(&options, "[CFOptions \"default\"]");
        for wanted in [
            "filter_policy=bloomfilter",
            "cache_index_and_filter_blocks=true",
            "compression=kLZ4Compression",
            "bottommost_compression=kZSTD",
        ] {
            assert!(rows.contains(wanted), "{wanted} is missing in:\n{rows}");
        }
    }
}
