//! The loop of one worker thread: follow, poll, process, commit, flush.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use super::broadcast::Broadcasts;
use super::lane::Lane;
use super::opening::Opening;
use super::standing;
use super::transactions::open_producer;
use super::underway::Underway;
use super::{Clock, FailPoint, Observer, Phase, ProtocolStep, RebalanceKind, RuntimeError, StageConfig};

use crate::operator::Operator;
use crate::ports::{Log, LogConsumer, LogError, LogReader, Polled, TopicPartition, TransactionalLog};
use crate::store::StoreProvider;
use crate::task::Task;

/// How often the input is asked how far it is ahead.
const LAG_INTERVAL_MS: i64 = 1_000;

/// States that a partition reads ahead in one turn: together less than a millisecond.
const READ_AHEAD: usize = 128;

/// What a worker is built from.
pub struct WorkerParts<O: Operator> {
    pub config: StageConfig,
    /// Static member id; also the transactional id's suffix.
    pub instance: String,
    pub log: Arc<dyn Log>,
    pub stores: Box<dyn StoreProvider>,
    pub operator: Box<dyn FnMut(i32) -> O + Send>,
    pub clock: Arc<dyn Clock>,
    pub failpoints: Box<dyn FailPoint>,
    pub observer: Arc<dyn Observer>,
}

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    Busy,
    Idle,
}

/// Counters since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkerStats {
    pub records: u64,
    pub rejected: u64,
    pub transactions: u64,
    pub aborted: u64,
    pub rebalances: u64,
    pub restored_records: u64,
    pub full_restores: u64,
}

/// What a poll said about ownership.
enum Rebalance {
    Assigned(Vec<TopicPartition>),
    Revoking(Vec<TopicPartition>),
    Lost(Vec<TopicPartition>),
}

/// One member of a stage's consumer group, with the partitions it owns.
pub struct Worker<O: Operator> {
    pub(super) config: StageConfig,
    pub(super) instance: String,
    pub(super) log: Arc<dyn Log>,
    pub(super) consumer: Box<dyn LogConsumer>,
    pub(super) producer: Box<dyn TransactionalLog>,
    pub(super) reader: Box<dyn LogReader>,
    pub(super) stores: Box<dyn StoreProvider>,
    pub(super) operator: Box<dyn FnMut(i32) -> O + Send>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) failpoints: Box<dyn FailPoint>,
    pub(super) broadcasts: Broadcasts,
    pub(super) observer: Arc<dyn Observer>,
    /// Assigned, not restored yet.
    pub(super) opening: BTreeMap<i32, Opening>,
    /// The partition whose turn to open was last.
    pub(super) opened_last: i32,
    /// The group has answered, if only with nothing.
    pub(super) joined: bool,
    pub(super) lanes: BTreeMap<i32, Lane<O>>,
    /// Of another member now; they are still told what became of the transaction under way.
    pub(super) leaving: BTreeMap<i32, Lane<O>>,
    /// Transactions in a row that did not commit.
    pub(super) uncommitted: u32,
    /// The transaction that the log has not answered yet. Records that come meanwhile belong to the next one.
    pub(super) underway: Option<Underway<O::Output>>,
    pub(super) last_commit_ms: i64,
    /// How long the last one kept the worker, with what went to the stores after it.
    pub(super) commit_took_ms: i64,
    /// A poll has brought as many records as it may: others wait.
    pub(super) pressed: bool,
    /// And those that come have waited for long.
    pub(super) behind: bool,
    last_lag_ms: i64,
    pub(super) last_tick_ms: i64,
    pub(super) stats: WorkerStats,
}

impl<O: Operator> Worker<O> {
    /// Joins the group. Partitions arrive with the first steps.
    pub fn open(parts: WorkerParts<O>) -> Result<Self, RuntimeError> {
        let config = parts.config;
        let wait = Duration::from_millis(config.call_timeout_ms);
        let mut consumer = parts.log.consumer(&config.application, &parts.instance)?;
        let mut reader = parts.log.reader()?;
        let producer = open_producer(&*parts.log, &config, &parts.instance, &*parts.clock)?;
        consumer.subscribe(&[&config.topics.input])?;
        let partitions = reader.partitions(&config.topics.input, wait)?;
        let now = parts.clock.monotonic_ms();
        Ok(Self {
            broadcasts: Broadcasts::new(&config.topics.broadcast, config.topics.aggregates.as_deref(), partitions),
            config,
            instance: parts.instance,
            log: parts.log,
            consumer,
            producer,
            reader,
            stores: parts.stores,
            operator: parts.operator,
            clock: parts.clock,
            failpoints: parts.failpoints,
            observer: parts.observer,
            opening: BTreeMap::new(),
            opened_last: -1,
            joined: false,
            lanes: BTreeMap::new(),
            leaving: BTreeMap::new(),
            uncommitted: 0,
            underway: None,
            last_commit_ms: now,
            commit_took_ms: 0,
            pressed: false,
            behind: false,
            last_lag_ms: now,
            last_tick_ms: now,
            stats: WorkerStats::default(),
        })
    }

    pub fn stats(&self) -> WorkerStats {
        self.stats
    }

    /// The partitions owned, with their tasks.
    pub fn tasks(&self) -> impl Iterator<Item = &Task<O>> {
        self.lanes.values().map(|lane| &lane.task)
    }

    /// One turn of the loop; waits at most `max_wait` when there is nothing to do.
    pub fn step(&mut self, max_wait: Duration) -> Result<Activity, RuntimeError> {
        if self.follow_broadcasts()? {
            self.open_assigned()?;
        }
        let resumed = self.drain_backlogs();
        let reads_ahead = self.read_ahead();
        let wait = if resumed || reads_ahead { Duration::ZERO } else { max_wait.min(self.patience()) };
        let polled = self.poll(wait)?;
        self.balance_pauses()?;
        self.sample_lag_if_due()?;
        self.tick_if_due();
        self.commit_if_due()?;
        self.flush_if_due()?;
        Ok(if resumed || polled { Activity::Busy } else { Activity::Idle })
    }

    /// Lets operators finish what they have begun outside, commits, flushes and leaves.
    /// `keep_membership`: a restart follows, nothing need move.
    pub fn close(mut self, keep_membership: bool) -> Result<WorkerStats, RuntimeError> {
        self.wind_up()?;
        self.commit()?;
        self.prove()?;
        self.flush(|_| true)?;
        for lane in self.lanes.values_mut() {
            lane.sync()?;
        }
        self.consumer.close(keep_membership)?;
        Ok(self.stats)
    }

    pub(super) fn call_timeout(&self) -> Duration {
        Duration::from_millis(self.config.call_timeout_ms)
    }

    pub(super) fn reached(&mut self, step: ProtocolStep) -> Result<(), RuntimeError> {
        match self.failpoints.reached(step) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(RuntimeError::Killed(step)),
        }
    }

    /// Reads what every partition reads, to its end. False when the log could not answer: the next
    /// turn tries again.
    fn follow_broadcasts(&mut self) -> Result<bool, RuntimeError> {
        let wait = self.call_timeout();
        let followed = self.broadcasts.follow(&mut *self.reader, !self.opening.is_empty(), wait);
        for record in self.broadcasts.take_new() {
            for lane in self.lanes.values_mut() {
                // A document that cannot be read must not stop the partition; the publisher checks it.
                if let Err(rejection) = lane.task.offer_broadcast(record) {
                    super::broadcast::ignored(record, &rejection);
                }
            }
        }
        match followed {
            Err(LogError::Retriable { .. }) => Ok(false),
            result => Ok(result.map(|()| true)?),
        }
    }

    /// A little of what partitions have in their stores only: soon somebody will ask for it.
    fn read_ahead(&mut self) -> bool {
        let mut any = false;
        for lane in self.lanes.values_mut() {
            any |= lane.task.read_ahead(READ_AHEAD);
        }
        any
    }

    fn drain_backlogs(&mut self) -> bool {
        let (now, wait, alone) = (self.clock.monotonic_ms(), self.config.epoch_wait_ms, self.is_alone());
        let mut any = false;
        for lane in self.lanes.values_mut() {
            any |= lane.drain_backlog(self.broadcasts.board(), now, wait);
            self.broadcasts.take_in(lane.new_sums(alone));
        }
        any
    }

    pub(super) fn poll(&mut self, max_wait: Duration) -> Result<bool, RuntimeError> {
        let (now, alone) = (self.clock.monotonic_ms(), self.is_alone());
        let (mut began_us, mut records, mut newest_ms) = (0, 0, 0);
        let rebalance = match self.consumer.poll(self.config.max_poll_records, max_wait) {
            Ok(Polled::Idle) => {
                (self.pressed, self.behind) = (false, false);
                return Ok(false);
            }
            Err(LogError::Retriable { .. }) => return Ok(false),
            Err(error) => return Err(standing::poll_error(&self.config, &self.instance, error)),
            Ok(Polled::Records(batch)) => {
                began_us = self.clock.monotonic_us();
                for record in batch {
                    records += 1;
                    newest_ms = record.timestamp_ms;
                    // Without a lane the partition is still opening: it seeks before it begins.
                    if let Some(lane) = self.lanes.get_mut(&record.partition) {
                        lane.offer(&record, self.broadcasts.board(), now);
                        self.broadcasts.take_in(lane.new_sums(alone));
                    }
                }
                None
            }
            Ok(Polled::Assigned(partitions)) => Some(Rebalance::Assigned(partitions)),
            Ok(Polled::Revoking(partitions)) => Some(Rebalance::Revoking(partitions)),
            Ok(Polled::Lost(partitions)) => Some(Rebalance::Lost(partitions)),
        };
        match rebalance {
            None => {
                self.polled(records, newest_ms);
                self.spent(Phase::Apply, began_us);
                self.reached(ProtocolStep::Processed)?;
            }
            Some(rebalance) => self.rebalance(&rebalance)?,
        }
        Ok(true)
    }

    fn rebalance(&mut self, rebalance: &Rebalance) -> Result<(), RuntimeError> {
        self.stats.rebalances += 1;
        let (kind, partitions) = match rebalance {
            Rebalance::Assigned(partitions) => (RebalanceKind::Assigned, partitions),
            Rebalance::Revoking(partitions) => (RebalanceKind::Revoked, partitions),
            Rebalance::Lost(partitions) => (RebalanceKind::Lost, partitions),
        };
        let numbers: Vec<i32> = partitions.iter().map(|at| at.partition).collect();
        tracing::info!(?kind, partitions = ?numbers, "rebalance");
        match rebalance {
            Rebalance::Assigned(partitions) => self.assigned(partitions)?,
            Rebalance::Revoking(partitions) => self.revoking(partitions)?,
            Rebalance::Lost(partitions) => {
                for lost in partitions {
                    self.opening.remove(&lost.partition);
                    self.leaving.extend(self.lanes.remove_entry(&lost.partition));
                }
                self.finish()?;
                self.leaving.clear();
                if !self.lanes.is_empty() {
                    // Those that stay may rest on sums that went with them.
                    self.reopen_lanes()?;
                }
            }
        }
        self.observer.rebalanced(kind, &numbers);
        Ok(())
    }

    fn assigned(&mut self, partitions: &[TopicPartition]) -> Result<(), RuntimeError> {
        self.finish()?;
        self.reached(ProtocolStep::Assigned)?;
        self.joined = true;
        self.broadcasts.rewind_board();
        self.opening.extend(partitions.iter().map(|assigned| (assigned.partition, Opening::default())));
        Ok(())
    }

    fn revoking(&mut self, partitions: &[TopicPartition]) -> Result<(), RuntimeError> {
        self.commit()?;
        self.prove()?;
        self.flush(|_| true)?;
        self.reached(ProtocolStep::Revoking)?;
        for partition in partitions {
            self.opening.remove(&partition.partition);
            if let Some(mut lane) = self.lanes.remove(&partition.partition) {
                lane.sync()?;
            }
        }
        Ok(self.consumer.complete_revoke(partitions)?)
    }

    /// Bounded memory: a partition whose records wait is paused until they are done.
    fn balance_pauses(&mut self) -> Result<(), RuntimeError> {
        for (partition, lane) in &mut self.lanes {
            let (full, empty) = (lane.backlog_len() >= self.config.backlog_records, lane.backlog_len() == 0);
            let input = [TopicPartition::new(&self.config.topics.input, *partition)];
            if full && !lane.paused {
                self.consumer.pause(&input)?;
                lane.paused = true;
            } else if empty && lane.paused {
                self.consumer.resume(&input)?;
                lane.paused = false;
            }
        }
        Ok(())
    }

    pub(super) fn spent(&self, phase: Phase, began_us: i64) {
        self.observer.spent(phase, self.since(began_us));
    }

    pub(super) fn since(&self, began_us: i64) -> Duration {
        Duration::from_micros(u64::try_from(self.clock.monotonic_us() - began_us).unwrap_or_default())
    }

    fn sample_lag_if_due(&mut self) -> Result<(), RuntimeError> {
        let now_ms = self.clock.monotonic_ms();
        if now_ms - self.last_lag_ms < LAG_INTERVAL_MS {
            return Ok(());
        }
        self.last_lag_ms = now_ms;
        self.sample_lag()
    }
}
