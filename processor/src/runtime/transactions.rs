//! The transactions of a worker: at most one is on its way, and records go on while it is.
//!
//! ```text
//!   lanes ──seal──▶ Sealed ──produce──▶ Underway ──the log has committed──▶ settled ──▶ flush
//!     ▲                                    │
//!     └── reopened from what is proven ◀───┴── it has not, or nobody knows
//! ```
//!
//! What comes while a transaction is under way is folded on top of what it holds, and commits after it or not
//! at all: where it does not commit, everything since the last that did is dropped. Nothing goes to a store
//! meanwhile: "the store has everything that was sealed" stays one fact about all keys. Whatever asks who owns what
//! (a rebalance, a partition to be opened again, the end) waits for it first.

use std::time::Duration;

use schemas::Timestamp;

use super::lane::Lane;
use super::underway::{Means, Sealed, Underway};
use super::{Clock, Phase, Progress, RuntimeError, StageConfig, TransactionResult, Worker};
use crate::operator::Operator;
use crate::ports::{Log, LogError, TransactionalLog};

/// After so many transactions in a row that did not commit a worker gives up.
const MAX_UNCOMMITTED: u32 = 8;

impl<O: Operator> Worker<O> {
    /// Commits everything there is, and waits for it.
    pub(super) fn commit(&mut self) -> Result<(), RuntimeError> {
        self.finish()?;
        self.hand_over(false)
    }

    /// Seals what there is into a transaction and hands it to the log. None may be under way. `goes_on`: records come
    /// first, the answer later.
    pub(super) fn hand_over(&mut self, goes_on: bool) -> Result<(), RuntimeError> {
        self.reopen_failed()?;
        self.last_commit_ms = self.clock.monotonic_ms();
        self.sample_changelogs_if_due()?;
        let dirty = self.lanes.values_mut().filter(|lane| lane.is_dirty());
        let sealed: Vec<Sealed<O::Output>> = dirty.map(Lane::seal).collect();
        if sealed.is_empty() {
            return Ok(());
        }
        #[cfg(feature = "planted-bugs")]
        super::lane::write_early(&mut self.lanes, &sealed)?;
        for share in &sealed {
            // What rests on these sums commits after them, or not at all.
            self.broadcasts.take_in(&share.unit.partials);
        }
        let began_us = self.clock.monotonic_us();
        match self.begin(sealed, goes_on) {
            Ok(mut underway) => {
                underway.spent = self.since(began_us);
                if goes_on {
                    self.underway = Some(underway);
                    return Ok(());
                }
                self.settle(underway)
            }
            Err(RuntimeError::Log(error)) => self.recover(error),
            Err(other) => Err(other),
        }
    }

    /// Waits until no transaction is under way.
    pub(super) fn finish(&mut self) -> Result<(), RuntimeError> {
        while self.underway.is_some() {
            self.proceed(self.call_timeout())?;
        }
        Ok(())
    }

    /// Goes on with the transaction under way as far as the log answers, waiting for it at most so long.
    pub(super) fn proceed(&mut self, max_wait: Duration) -> Result<(), RuntimeError> {
        let Some(mut underway) = self.underway.take() else { return Ok(()) };
        let began_us = self.clock.monotonic_us();
        let proceeded = underway.ending.is_answered(&mut self.means(), max_wait);
        underway.spent += self.since(began_us);
        match proceeded {
            Ok(false) => {
                self.underway = Some(underway);
                Ok(())
            }
            Ok(true) => self.settle(underway),
            Err(RuntimeError::Log(error)) => self.recover(error),
            Err(other) => Err(other),
        }
    }

    /// A transaction of these, from its beginning to its end.
    pub(super) fn transact(&mut self, sealed: Vec<Sealed<O::Output>>) -> Result<(), RuntimeError> {
        self.begin(sealed, false).map(drop)
    }

    fn begin(&mut self, sealed: Vec<Sealed<O::Output>>, goes_on: bool) -> Result<Underway<O::Output>, RuntimeError> {
        let (lanes, consumer) = (&self.lanes, &self.consumer);
        let mut means = Means {
            config: &self.config,
            producer: &mut *self.producer,
            clock: &*self.clock,
            failpoints: &mut *self.failpoints,
        };
        let operator = |partition| lanes.get(&partition).map(|lane| lane.task.operator());
        let ending = means.produce_all(&sealed, operator, || consumer.group_metadata())?;
        if goes_on {
            ending.begin(&mut means)?;
        } else {
            ending.run(&mut means)?;
        }
        Ok(Underway { sealed, ending, began_ms: self.last_commit_ms, spent: Duration::ZERO })
    }

    fn means(&mut self) -> Means<'_> {
        Means {
            config: &self.config,
            producer: &mut *self.producer,
            clock: &*self.clock,
            failpoints: &mut *self.failpoints,
        }
    }

    /// The log has committed it: the tasks are told, the rows may go to the stores.
    fn settle(&mut self, underway: Underway<O::Output>) -> Result<(), RuntimeError> {
        let Underway { sealed, began_ms, spent, .. } = underway;
        self.observer.spent(Phase::Commit, spent);
        self.observer.transaction(TransactionResult::Committed);
        self.stats.transactions += 1;
        self.uncommitted = 0;
        let (wall, began_us) = (Timestamp::from_millis(self.clock.wall_ms()), self.clock.monotonic_us());
        for share in &sealed {
            self.settle_share(share, began_ms, wall);
        }
        // Partitions still opening may have applied less.
        if self.opening.is_empty() {
            let applied = self.lanes.values().map(|lane| lane.task.applied_through()).min();
            self.broadcasts.prune_board(applied.unwrap_or(i64::MIN));
        }
        self.flush(Lane::is_proven)?;
        self.flush_if_due()?;
        self.commit_took_ms = i64::try_from((spent + self.since(began_us)).as_millis()).unwrap_or(i64::MAX);
        Ok(())
    }

    fn settle_share(&mut self, share: &Sealed<O::Output>, began_ms: i64, wall: Timestamp) {
        let Self { lanes, leaving, .. } = self;
        let Some(lane) = lanes.get_mut(&share.partition).or_else(|| leaving.get_mut(&share.partition)) else { return };
        self.stats.records += share.taken as u64;
        self.stats.rejected += share.rejected.len() as u64;
        for rejected in &share.rejected {
            self.observer.rejected(rejected.rejection.class);
        }
        lane.task.committed(&share.unit.outputs, wall);
        self.observer.committed(&Progress {
            partition: share.partition,
            position: share.unit.position,
            timestamp_ms: share.timestamp_ms,
            stream_time: share.stream_time,
            outcomes: share.outcomes,
            rejected: share.rejected.len() as u64,
        });
        lane.committed(&share.unit, began_ms);
    }

    /// The transaction did not commit, or nobody knows: drop the overlay, go back to what is proven.
    pub(super) fn recover(&mut self, error: LogError) -> Result<(), RuntimeError> {
        self.stats.aborted += 1;
        self.observer.transaction(match error {
            LogError::InDoubt { .. } => TransactionResult::InDoubt,
            LogError::Fenced { .. } => TransactionResult::Fenced,
            _ => TransactionResult::Aborted,
        });
        tracing::warn!(%error, "transaction not committed; going back to the committed offsets");
        self.uncommitted += 1;
        if self.uncommitted >= MAX_UNCOMMITTED {
            // What fails every time is no accident: whoever runs this worker says so, and waits.
            return Err(error.into());
        }
        match error {
            LogError::Abortable { .. } | LogError::Retriable { .. } => {
                if self.producer.abort(self.call_timeout()).is_err() {
                    self.producer = self.open_producer()?;
                }
            }
            // A new producer with the same id fences the old one and so decides its transaction.
            LogError::InDoubt { .. } => self.producer = self.open_producer()?,
            LogError::Fenced { .. } | LogError::Fatal { .. } => return Err(error.into()),
        }
        self.reopen_lanes()
    }

    fn open_producer(&self) -> Result<Box<dyn TransactionalLog>, LogError> {
        open_producer(&*self.log, &self.config, &self.instance, &*self.clock)
    }
}

pub(super) fn open_producer(
    log: &dyn Log,
    config: &StageConfig,
    instance: &str,
    clock: &dyn Clock,
) -> Result<Box<dyn TransactionalLog>, LogError> {
    let mut producer = log.producer(&format!("{}-{instance}", config.application))?;
    let wait = Duration::from_millis(config.call_timeout_ms);
    let deadline = clock.monotonic_ms() + config.call_timeout_ms as i64;
    loop {
        match producer.init_transactions(wait) {
            Err(LogError::Retriable { .. }) if clock.monotonic_ms() < deadline => {}
            result => return result.map(|()| producer),
        }
    }
}
