//! What the program counts about itself, in the Prometheus text format.
//!
//! The families of `docs/metrics.md`, which is made from them. They must never carry a SKU, location,
//! order, address, person or error text as a label; partitions only as long as they are owned.

mod alerts;
mod clients;
mod families;
mod http;
mod ingest;
mod memory;
mod notify;
mod reference;
mod service;
mod stage;
mod state;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use prometheus::{Registry, TextEncoder};

pub use alerts::AlertMetrics;
pub use clients::ClientMetrics;
pub use families::Families;
pub use http::HttpMetrics;
pub use ingest::{IngestMetrics, UnmappedTables};
pub use notify::NotifyMetrics;
pub use reference::reference;
pub use service::ServiceMetrics;
pub use stage::StageMetrics;
pub use state::{HotMetrics, StateMetrics};

use self::memory::MemoryMetrics;
use crate::exit::Failure;

/// Brings figures up to date that are only looked at when somebody asks.
type Refresh = Box<dyn Fn() + Send + Sync>;

/// The metrics of one process.
#[derive(Clone)]
pub struct Metrics {
    families: Families,
    refresh: Arc<Mutex<Vec<Refresh>>>,
    pub service: ServiceMetrics,
    pub stage: StageMetrics,
    pub http: HttpMetrics,
}

impl Metrics {
    /// The families every service has. A role adds its own with [`Metrics::families`].
    pub fn new() -> Result<Self, Failure> {
        Self::registered().map_err(not_registered)
    }

    fn registered() -> prometheus::Result<Self> {
        let families = Families::new(Registry::new_custom(Some("quartermaster".to_owned()), None)?);
        let metrics = Self {
            service: ServiceMetrics::new(&families)?,
            stage: StageMetrics::new(&families)?,
            http: HttpMetrics::new(&families)?,
            refresh: Arc::default(),
            families,
        };
        let memory = MemoryMetrics::new(&metrics.families)?;
        metrics.refresh_with(move || memory.refresh());
        Ok(metrics)
    }

    /// Registers further families.
    pub fn add<T>(&self, new: impl FnOnce(&Families) -> prometheus::Result<T>) -> Result<T, Failure> {
        new(&self.families).map_err(not_registered)
    }

    /// Calls this before every look at the figures.
    pub fn refresh_with(&self, refresh: impl Fn() + Send + Sync + 'static) {
        self.refresh.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(refresh));
    }

    /// All figures as text.
    pub fn render(&self) -> Result<String, Failure> {
        for refresh in self.refresh.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            refresh();
        }
        let gathered = self.families.registry().gather();
        TextEncoder::new().encode_to_string(&gathered).map_err(Failure::runtime)
    }
}

fn not_registered(error: prometheus::Error) -> Failure {
    Failure::Runtime(anyhow::Error::new(error).context("cannot register a metric"))
}
