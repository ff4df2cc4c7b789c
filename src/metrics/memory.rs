//! What the process takes of the memory it may take.

use prometheus::{IntGauge, Result};

use super::Families;
use crate::memory;

#[derive(Clone)]
pub(super) struct MemoryMetrics {
    resident: IntGauge,
    limit: IntGauge,
}

impl MemoryMetrics {
    pub(super) fn new(families: &Families) -> Result<Self> {
        Ok(Self {
            resident: families.gauge("memory_resident_bytes", "Memory of the process that is in RAM.")?,
            limit: families
                .gauge("memory_limit_bytes", "Memory limit of the container (cgroup); 0 where there is none.")?,
        })
    }

    pub(super) fn refresh(&self) {
        let gauge = |bytes: Option<u64>| i64::try_from(bytes.unwrap_or(0)).unwrap_or(i64::MAX);
        self.resident.set(gauge(memory::resident_bytes()));
        self.limit.set(gauge(memory::limit_bytes()));
    }
}
