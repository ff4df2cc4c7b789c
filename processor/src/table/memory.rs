//! What the states of one stage may take of a process's memory, over all its partitions.
//!
//! One number bounds it; every open partition has an equal share. It must never decide anything but
//! what stays decoded, and what stays in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Where there is not room for all, decoded states take this part of a share: the rest holds several times as many packed
/// ones.
pub(super) const DECODED_PART: usize = 2;

/// The memory of the states of one stage, shared by its tables.
#[derive(Debug, Default)]
pub struct StateMemory {
    limit_bytes: usize,
    pub(super) tables: AtomicUsize,
    pub(super) bytes: AtomicUsize,
    pub(super) decoded: AtomicUsize,
    pub(super) keys: AtomicUsize,
    pub(super) packed: AtomicU64,
    pub(super) unpacked: AtomicU64,
    pub(super) loaded: AtomicU64,
    pub(super) evicted: AtomicU64,
}

/// What the states take, and what was done so that they do not take more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateUsage {
    pub limit_bytes: usize,
    /// Of slots, keys and states; an estimate.
    pub bytes: usize,
    /// Of decoded states, of these.
    pub decoded_bytes: usize,
    /// Keys in memory.
    pub keys: usize,
    /// Since the start: states packed into their rows, rows decoded again, rows read from the stores
    /// because their keys were not in memory, and keys that left the memory.
    pub packed: u64,
    pub unpacked: u64,
    pub loaded: u64,
    pub evicted: u64,
}

impl StateMemory {
    #[must_use]
    pub fn new(limit_bytes: usize) -> Arc<Self> {
        Arc::new(Self { limit_bytes, ..Self::default() })
    }

    pub fn usage(&self) -> StateUsage {
        StateUsage {
            limit_bytes: self.limit_bytes,
            bytes: self.bytes.load(Ordering::Relaxed),
            decoded_bytes: self.decoded.load(Ordering::Relaxed),
            keys: self.keys.load(Ordering::Relaxed),
            packed: self.packed.load(Ordering::Relaxed),
            unpacked: self.unpacked.load(Ordering::Relaxed),
            loaded: self.loaded.load(Ordering::Relaxed),
            evicted: self.evicted.load(Ordering::Relaxed),
        }
    }

    pub(super) fn share(&self) -> usize {
        self.limit_bytes / self.tables.load(Ordering::Relaxed).max(1)
    }
}
