//! Where the state of the stages lives.

use std::sync::Arc;

use processor::runtime::StageConfig;
use processor::store::rocks::{Identity, RocksOptions, RocksStorage};
use processor::store::{StoreError, StoreProvider};

use super::StageSpec;
use super::verdict;
use crate::config::StateSection;
use crate::exit::Outcome;
use crate::memory;
use crate::metrics::{Metrics, StateMetrics};

/// Opens the stores of one worker.
pub type StoreOpener = Arc<dyn Fn() -> Box<dyn StoreProvider> + Send + Sync>;

/// Gives each stage its place.
pub trait Stores: Send + Sync {
    /// Takes the stage's place for this process alone, for as long as the opener lives.
    fn claim(&self, stage: &StageConfig) -> Result<StoreOpener, StoreError>;
}

/// Claims the places of all stages.
pub(super) fn claim(stores: &dyn Stores, stages: &[StageSpec]) -> Outcome<Vec<StoreOpener>> {
    let claimed: Result<Vec<StoreOpener>, StoreError> =
        stages.iter().map(|stage| stores.claim(&stage.config)).collect();
    claimed.map_err(verdict::of_claim)
}

/// Stores on disk, below one state directory.
pub(super) struct DiskStores {
    storage: RocksStorage,
}

/// Where there is no limit to take a share of.
const DEFAULT_MEMORY_BYTES: u64 = 512 << 20;
/// Of the container's memory, in percent: the rest is for decoded state, client queues and headroom.
const MEMORY_SHARE: u64 = 40;
const SMALLEST_MEMORY_BYTES: u64 = 8 << 20;

impl DiskStores {
    pub(super) fn open(section: &StateSection, metrics: &Metrics) -> Outcome<Self> {
        let memory_bytes = section.memory_bytes.unwrap_or_else(default_memory);
        let limits = RocksOptions {
            memory_bytes: usize::try_from(memory_bytes).unwrap_or(usize::MAX),
            ..RocksOptions::default()
        };
        let storage = RocksStorage::new(&section.directory, &limits).map_err(verdict::of_claim)?;
        let (figures, usage) = (metrics.add(StateMetrics::new)?, storage.usage());
        metrics.refresh_with(move || figures.set(&usage()));
        tracing::info!(directory = %section.directory.display(), memory_bytes, "state");
        Ok(Self { storage })
    }
}

impl Stores for DiskStores {
    fn claim(&self, stage: &StageConfig) -> Result<StoreOpener, StoreError> {
        let provider = self.storage.claim(Identity::new(&stage.application, &stage.topics.input))?;
        Ok(Arc::new(move || Box::new(provider.clone())))
    }
}

/// A share of the container's memory limit, never of the host's memory.
fn default_memory() -> u64 {
    share_of(memory::limit_bytes())
}

fn share_of(limit_bytes: Option<u64>) -> u64 {
    limit_bytes.map_or(DEFAULT_MEMORY_BYTES, |bytes| (bytes / 100 * MEMORY_SHARE).max(SMALLEST_MEMORY_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_a_share_of_the_containers_limit() {
        assert_eq!(share_of(Some(2 << 30)), 858_993_440);
        assert_eq!(share_of(None), DEFAULT_MEMORY_BYTES);
        assert_eq!(share_of(Some(1000)), SMALLEST_MEMORY_BYTES);
    }
}
