//! Where the state of the stages lives.

use std::sync::Arc;

use processor::runtime::StageConfig;
use processor::store::rocks::{Identity, RocksOptions, RocksStorage};
use processor::store::{StoreError, StoreProvider};

use super::StageSpec;
use super::verdict;
use crate::config::StateSection;
use crate::exit::Outcome;
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
    // cgroup version 2, then version 1.
    let files = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limit = files.iter().find_map(|file| std::fs::read_to_string(file).ok());
    share_of(limit.as_deref().unwrap_or_default())
}

/// `max`, and the huge number by which version 1 says the same, are no limit.
fn share_of(limit: &str) -> u64 {
    match limit.trim().parse::<u64>() {
        Ok(bytes) if bytes < 1 << 50 => (bytes / 100 * MEMORY_SHARE).max(SMALLEST_MEMORY_BYTES),
        _ => DEFAULT_MEMORY_BYTES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_a_share_of_the_containers_limit() {
        assert_eq!(share_of("2147483648\n"), 858_993_440);
        for unlimited in ["max\n", "9223372036854771712", "", "?"] {
            assert_eq!(share_of(unlimited), DEFAULT_MEMORY_BYTES);
        }
        assert_eq!(share_of("1000"), SMALLEST_MEMORY_BYTES);
    }
}
