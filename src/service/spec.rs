//! One stage of a service, whatever its operator is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use processor::operator::Operator;
use processor::ports::Log;
use processor::runtime::{
    Activity, Clock, NoFailPoints, Observer, RuntimeError, StageConfig, Standing, Worker, WorkerParts,
};
use processor::store::StoreProvider;
use processor::table::StateMemory;

use super::observers::Both;
use crate::metrics::Metrics;

/// A worker, whatever its operator is.
pub(super) trait Member {
    fn step(&mut self, max_wait: Duration) -> Result<Activity, RuntimeError>;
    fn standing(&self) -> Standing;
    fn displaced(&mut self, max_wait: Duration) -> Option<RuntimeError>;
    fn close(self: Box<Self>, keep_membership: bool) -> Result<(), RuntimeError>;
}

impl<O: Operator> Member for Worker<O> {
    fn step(&mut self, max_wait: Duration) -> Result<Activity, RuntimeError> {
        Self::step(self, max_wait)
    }

    fn standing(&self) -> Standing {
        Self::standing(self)
    }

    fn displaced(&mut self, max_wait: Duration) -> Option<RuntimeError> {
        Self::displaced(self, max_wait)
    }

    fn close(self: Box<Self>, keep_membership: bool) -> Result<(), RuntimeError> {
        Self::close(*self, keep_membership).map(drop)
    }
}

/// What a worker is opened with.
pub(super) struct MemberParts {
    pub(super) instance: String,
    pub(super) log: Arc<dyn Log>,
    pub(super) stores: Box<dyn StoreProvider>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) observer: Arc<dyn Observer>,
}

type OpenMember = dyn Fn(StageConfig, MemberParts) -> Result<Box<dyn Member>, RuntimeError> + Send + Sync;

/// A stage: what it reads, how many workers it has, what operator they run.
pub struct StageSpec {
    pub(super) config: StageConfig,
    pub(super) threads: usize,
    writes: Vec<String>,
    classes: Vec<&'static str>,
    observer: Option<Arc<dyn Observer>>,
    input_partitions: Option<Arc<AtomicI32>>,
    needs_one_partition: Option<String>,
    open: Box<OpenMember>,
}

impl StageSpec {
    /// `operator`: makes the operator of one partition.
    pub fn new<O: Operator>(
        config: StageConfig,
        threads: usize,
        operator: impl Fn(i32) -> O + Send + Sync + Clone + 'static,
    ) -> Self {
        let open = move |config, parts: MemberParts| {
            let worker = Worker::open(WorkerParts {
                config,
                instance: parts.instance,
                log: parts.log,
                stores: parts.stores,
                operator: Box::new(operator.clone()),
                clock: parts.clock,
                failpoints: Box::new(NoFailPoints),
                observer: parts.observer,
            })?;
            Ok(Box::new(worker) as Box<dyn Member>)
        };
        Self {
            config,
            threads: threads.max(1),
            writes: Vec::new(),
            classes: Vec::new(),
            observer: None,
            input_partitions: None,
            needs_one_partition: None,
            open: Box::new(open),
        }
    }

    /// What the states of the stage may take of the memory, where that is bounded.
    pub fn states(&self) -> Option<Arc<StateMemory>> {
        self.config.states.clone()
    }

    /// Topics the operator writes to: the service does not start without them.
    #[must_use]
    pub fn writes(mut self, topics: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.writes.extend(topics.into_iter().map(Into::into));
        self
    }

    /// Reasons for which the operator refuses records: their figures begin at zero.
    #[must_use]
    pub fn rejects(mut self, classes: &[&'static str]) -> Self {
        self.classes.extend(classes);
        self
    }

    /// Somebody of the role's own who watches all workers of the stage.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Told how many partitions the input has, before the first operator is made.
    #[must_use]
    pub fn counting(mut self, partitions: Arc<AtomicI32>) -> Self {
        self.input_partitions = Some(partitions);
        self
    }

    /// The input must have one partition, and why.
    #[must_use]
    pub fn needs_one_partition(mut self, reason: String) -> Self {
        self.needs_one_partition = Some(reason);
        self
    }

    /// What is wrong with an input of so many partitions.
    pub(super) fn too_many(&self, topic: &str, partitions: i32) -> Option<String> {
        let reason =
            self.needs_one_partition.as_ref().filter(|_| self.config.topics.input == topic && partitions != 1)?;
        Some(format!("{topic}: has {partitions} partitions instead of 1; {reason}"))
    }

    /// The topics were looked at: so many partitions has this one.
    pub(super) fn topic_has(&self, topic: &str, partitions: i32) {
        if let Some(count) = self.input_partitions.as_ref().filter(|_| self.config.topics.input == topic) {
            count.store(partitions, Ordering::Release);
        }
    }

    /// The service's watcher of one worker, and the role's where there is one.
    pub(super) fn watched(&self, own: Arc<dyn Observer>) -> Arc<dyn Observer> {
        match &self.observer {
            None => own,
            Some(second) => Arc::new(Both { first: own, second: second.clone() }),
        }
    }

    /// Every topic the stage needs, without repetition.
    pub(super) fn topics(&self) -> Vec<&str> {
        let topics = &self.config.topics;
        let own = [&topics.input, &topics.changelog, &topics.dead_letters];
        let optional = topics.aggregates.iter().chain(&topics.journal);
        let mut all: Vec<&str> =
            own.into_iter().chain(&topics.broadcast).chain(optional).chain(&self.writes).map(String::as_str).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Makes the stage's figures, at zero.
    pub(super) fn expect(&self, metrics: &Metrics) {
        metrics.service.expect(&self.config.stage);
        metrics.stage.expect(&self.config.stage, &self.config.topics.input, &self.classes);
    }

    pub(super) fn open(&self, parts: MemberParts) -> Result<Box<dyn Member>, RuntimeError> {
        (self.open)(self.config.clone(), parts)
    }
}
