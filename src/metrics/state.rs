//! What the state stores take of the machine.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use processor::store::rocks::Usage;
use processor::table::StateUsage;
use prometheus::{Counter, IntCounterVec, IntGauge, IntGaugeVec, Result};

use super::Families;

/// What the states in memory take, and what comes and goes.
pub struct HotMetrics {
    memory: IntGaugeVec,
    limit: IntGauge,
    keys: IntGauge,
    moved: IntCounterVec,
    told: Mutex<StateUsage>,
}

impl HotMetrics {
    pub fn new(families: &Families) -> Result<Self> {
        Ok(Self {
            memory: families.gauges(
                "hot_state_bytes",
                &["component"],
                "Estimated memory of the states at hand: decoded ones, and all the rest (slots, keys, packed rows).",
            )?,
            limit: families.gauge("hot_state_limit_bytes", "What they may take: `state.hot_bytes`.")?,
            keys: families
                .gauge("hot_state_keys", "Positions and items at hand; the others are in the stores only.")?,
            moved: families.counters(
                "hot_state_moves_total",
                &["move"],
                "States packed, unpacked, loaded from the stores because they were not at hand, and let go.",
            )?,
            told: Mutex::default(),
        })
    }

    pub fn set(&self, usage: &StateUsage) {
        self.memory.with_label_values(&["decoded"]).set(usage.decoded_bytes as i64);
        self.memory.with_label_values(&["other"]).set(usage.bytes.saturating_sub(usage.decoded_bytes) as i64);
        self.limit.set(usage.limit_bytes as i64);
        self.keys.set(usage.keys as i64);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, now, before) in [
            ("pack", usage.packed, told.packed),
            ("unpack", usage.unpacked, told.unpacked),
            ("load", usage.loaded, told.loaded),
            ("let_go", usage.evicted, told.evicted),
        ] {
            self.moved.with_label_values(&[name]).inc_by(now.saturating_sub(before));
        }
        *told = *usage;
    }
}

pub struct StateMetrics {
    memory: IntGaugeVec,
    sst: IntGauge,
    pending_compaction: IntGauge,
    write_stall: Counter,
    stalled: Mutex<Duration>,
}

impl StateMetrics {
    pub fn new(families: &Families) -> Result<Self> {
        Ok(Self {
            memory: families.gauges(
                "rocksdb_memory_bytes",
                &["component"],
                "Memory of the state stores: cached blocks, unflushed rows, open table files outside of the cache.",
            )?,
            sst: families.gauge("rocksdb_sst_bytes", "Table files of the state stores on disk.")?,
            pending_compaction: families
                .gauge("rocksdb_pending_compaction_bytes", "Estimated bytes that compaction has still to rewrite.")?,
            write_stall: families.sum(
                "rocksdb_write_stall_seconds_total",
                "Time for which writes to the state stores were held back.",
            )?,
            stalled: Mutex::default(),
        })
    }

    pub fn set(&self, usage: &Usage) {
        for (component, bytes) in [
            ("block_cache", usage.block_cache_bytes),
            ("memtable", usage.memtable_bytes),
            ("table_reader", usage.table_reader_bytes),
        ] {
            self.memory.with_label_values(&[component]).set(bytes as i64);
        }
        self.sst.set(usage.sst_bytes as i64);
        self.pending_compaction.set(usage.pending_compaction_bytes as i64);
        let mut stalled = self.stalled.lock().unwrap_or_else(PoisonError::into_inner);
        self.write_stall.inc_by(usage.write_stall.saturating_sub(*stalled).as_secs_f64());
        *stalled = usage.write_stall;
    }
}
