//! Makes families of metrics, registers them and remembers what they are, for the reference.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus::core::Collector;
use prometheus::{
    Counter, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    Result,
};

/// End to end: from the warehouse to a committed record, in seconds.
pub const END_TO_END: [f64; 13] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];
/// What should be quick, in seconds.
pub const FAST: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// One family, as the reference tells of it.
#[derive(Clone, Debug)]
pub(super) struct Described {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) labels: Vec<&'static str>,
    pub(super) help: &'static str,
}

/// The families of one registry. Clones are handles of the same.
#[derive(Clone)]
pub struct Families {
    registry: Registry,
    described: Arc<Mutex<Vec<Described>>>,
}

impl Families {
    pub(super) fn new(registry: Registry) -> Self {
        Self { registry, described: Arc::default() }
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// In order of creation.
    pub(super) fn described(&self) -> Vec<Described> {
        self.described.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn counters(&self, name: &'static str, labels: &[&'static str], help: &'static str) -> Result<IntCounterVec> {
        self.keep("counter", name, labels, help, IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    /// A counter of something that is not whole, as seconds.
    pub fn sum(&self, name: &'static str, help: &'static str) -> Result<Counter> {
        self.keep("counter", name, &[], help, Counter::new(name, help)?)
    }

    pub fn gauge(&self, name: &'static str, help: &'static str) -> Result<IntGauge> {
        self.keep("gauge", name, &[], help, IntGauge::new(name, help)?)
    }

    pub fn gauges(&self, name: &'static str, labels: &[&'static str], help: &'static str) -> Result<IntGaugeVec> {
        self.keep("gauge", name, labels, help, IntGaugeVec::new(Opts::new(name, help), labels)?)
    }

    pub fn levels(&self, name: &'static str, labels: &[&'static str], help: &'static str) -> Result<GaugeVec> {
        self.keep("gauge", name, labels, help, GaugeVec::new(Opts::new(name, help), labels)?)
    }

    pub fn histogram(&self, name: &'static str, buckets: &[f64], help: &'static str) -> Result<Histogram> {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.keep("histogram", name, &[], help, Histogram::with_opts(options)?)
    }

    pub fn histograms(
        &self,
        name: &'static str,
        labels: &[&'static str],
        buckets: &[f64],
        help: &'static str,
    ) -> Result<HistogramVec> {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.keep("histogram", name, labels, help, HistogramVec::new(options, labels)?)
    }

    fn keep<C: Collector + Clone + 'static>(
        &self,
        kind: &'static str,
        name: &'static str,
        labels: &[&'static str],
        help: &'static str,
        family: C,
    ) -> Result<C> {
        self.registry.register(Box::new(family.clone()))?;
        let described = Described { name, kind, labels: labels.to_vec(), help };
        self.described.lock().unwrap_or_else(PoisonError::into_inner).push(described);
        Ok(family)
    }
}
