//! The store in memory: for the demo, replays and simulations.
//!
//! The provider keeps the contents when a store is closed, as a disk would, so that a restart
//! inside one process restores from where it stood. It must never outlive the process.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemas::Timestamp;

use super::wakeups::{entry, instant, split};
use super::{Batch, Checkpoint, Look, LookAhead, StateStore, StoreError, StoreProvider, StoreReader, Visit};

#[derive(Default)]
struct Contents {
    rows: BTreeMap<Box<[u8]>, Box<[u8]>>,
    wakeups: BTreeSet<Box<[u8]>>,
    has_wakeups: bool,
    checkpoint: Option<Checkpoint>,
}

/// The store of one partition.
pub struct MemoryStore {
    contents: Arc<Mutex<Contents>>,
}

impl MemoryStore {
    fn contents(&self) -> MutexGuard<'_, Contents> {
        // Each batch is applied whole under the lock by code that cannot panic half-way.
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateStore for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.contents().rows.get(key).map(|value| value.to_vec()))
    }

    fn apply(&mut self, batch: Batch<'_, '_>) -> Result<(), StoreError> {
        let contents = &mut *self.contents();
        for (key, value) in batch.rows.into_iter().flatten() {
            match value {
                Some(value) => drop(contents.rows.insert(key.into(), value.into())),
                None => drop(contents.rows.remove(key)),
            }
        }
        if let Some(passed) = batch.wakeups.passed {
            contents.wakeups = contents.wakeups.split_off(&instant(passed)[..]);
        }
        contents.wakeups.extend(batch.wakeups.entries.iter().map(|(due, key)| entry(*due, key).into()));
        contents.has_wakeups |= batch.wakeups.complete;
        if let Some(checkpoint) = batch.checkpoint {
            contents.checkpoint = Some(checkpoint.clone());
        }
        Ok(())
    }

    fn has_wakeups(&self) -> Result<bool, StoreError> {
        Ok(self.contents().has_wakeups)
    }

    fn rows_from(&self, from: &[u8], look: &mut Look<'_>) -> Result<(), StoreError> {
        let contents = self.contents();
        let mut rows = contents.rows.range::<[u8], _>((Bound::Included(from), Bound::Unbounded));
        while rows.next().is_some_and(|(key, row)| look(key, row)) {}
        Ok(())
    }

    fn reader(&self) -> Box<dyn StoreReader> {
        Box::new(Self { contents: Arc::clone(&self.contents) })
    }

    fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        Ok(self.contents().checkpoint.clone())
    }

    fn scan(&self, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.contents().rows.iter().try_for_each(|(key, value)| visit(key, value))
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        *self.contents() = Contents::default();
        Ok(())
    }
}

impl StoreReader for MemoryStore {
    fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    fn estimated_rows(&self) -> u64 {
        self.contents().rows.len() as u64
    }

    fn rows_from(&self, from: &[u8], look: &mut Look<'_>) -> Result<(), StoreError> {
        StateStore::rows_from(self, from, look)
    }

    fn wakeups_from(&self, due: Timestamp, key: &[u8], look: &mut LookAhead<'_>) -> Result<(), StoreError> {
        let (contents, from) = (self.contents(), entry(due, key));
        let mut entries = contents.wakeups.range::<[u8], _>((Bound::Included(&from[..]), Bound::Unbounded));
        while entries.next().and_then(|entry| split(entry)).is_some_and(|(due, key)| look(due, key)) {}
        Ok(())
    }
}

/// Opens memory stores, one per partition. Clones share their contents.
#[derive(Clone, Default)]
pub struct MemoryProvider {
    partitions: Arc<Mutex<BTreeMap<i32, Arc<Mutex<Contents>>>>>,
}

impl MemoryProvider {
    fn partitions(&self) -> MutexGuard<'_, BTreeMap<i32, Arc<Mutex<Contents>>>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refuses what an open store still holds.
fn refuse_open(partition: i32, contents: &Arc<Mutex<Contents>>) -> Result<(), StoreError> {
    if Arc::strong_count(contents) > 1 {
        return Err(StoreError::Locked { path: format!("memory:{partition}") });
    }
    Ok(())
}

impl StoreProvider for MemoryProvider {
    fn open(&mut self, partition: i32) -> Result<Box<dyn StateStore>, StoreError> {
        let mut partitions = self.partitions();
        let contents = partitions.entry(partition).or_default();
        refuse_open(partition, contents)?;
        Ok(Box::new(MemoryStore { contents: Arc::clone(contents) }))
    }

    fn quarantine(&mut self, partition: i32) -> Result<Option<String>, StoreError> {
        let mut partitions = self.partitions();
        if let Some(contents) = partitions.get(&partition) {
            refuse_open(partition, contents)?;
            partitions.remove(&partition);
        }
        Ok(None)
    }
}
