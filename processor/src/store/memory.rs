//! The store in memory: for the demo, replays and simulations.
//!
//! The provider keeps the contents when a store is closed, as a disk would, so that a restart
//! inside one process restores from where it stood. It must never outlive the process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Checkpoint, StateStore, StoreError, StoreProvider, Visit, Write};

#[derive(Default)]
struct Contents {
    rows: BTreeMap<Box<[u8]>, Box<[u8]>>,
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

    fn write(&mut self, rows: &mut dyn Iterator<Item = Write<'_>>, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let mut contents = self.contents();
        for (key, value) in rows {
            match value {
                Some(value) => drop(contents.rows.insert(key.into(), value.into())),
                None => drop(contents.rows.remove(key)),
            }
        }
        contents.checkpoint = Some(checkpoint.clone());
        Ok(())
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
