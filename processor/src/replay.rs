//! Drives the tasks of a stage over recorded input: no log, no store, virtual time.
//!
//! Two ways of keeping time. Over *files* the driver keeps one clock for all partitions, as `ingest`
//! would; every line is then a watermark to every partition. Over a *dumped log* every partition
//! keeps its own from the records it holds, and follows the journal of the live run.

use std::collections::VecDeque;
use std::sync::Arc;

use schemas::Timestamp;
use schemas::stream::JournalEntry;

use crate::epochs::EpochBoard;
use crate::operator::{BroadcastRecord, Incoming, Operator, Origin, Outcome, Rejection, TimeSignal};
use crate::source_clock::SourceClocks;
use crate::table::StateMemory;
use crate::task::{CommitUnit, Progress, Step, Task, TaskConfig};

/// All partitions of one stage in one thread.
pub struct ReplayDriver<O: Operator> {
    tasks: Vec<Task<O>>,
    board: EpochBoard,
    clocks: SourceClocks,
    /// No task has anything to do before this stream time.
    wakeup: Timestamp,
}

impl<O: Operator> ReplayDriver<O> {
    /// `config.partition` is ignored: there are tasks for the partitions `0..partitions`.
    pub fn new(partitions: i32, config: &TaskConfig, mut operator: impl FnMut(i32) -> O) -> Self {
        let task = |partition| Task::new(TaskConfig { partition, ..config.clone() }, operator(partition));
        Self {
            tasks: (0..partitions).map(task).collect(),
            board: EpochBoard::new(partitions),
            clocks: SourceClocks::new(config.grace_ms, config.floor),
            wakeup: Timestamp::MIN,
        }
    }

    /// Names the topic the records come from, by its identity, as its live tasks did.
    #[must_use]
    pub fn reading(mut self, input_id: &str) -> Self {
        self.tasks = self.tasks.into_iter().map(|task| task.reading(input_id)).collect();
        self
    }

    /// Lets the states take no more than `memory`, for a caller that never seals.
    #[must_use]
    pub fn bounded(mut self, memory: &Arc<StateMemory>) -> Self {
        self.tasks = self.tasks.into_iter().map(|task| task.bounded(memory).unsealed()).collect();
        self
    }

    pub fn tasks(&self) -> &[Task<O>] {
        &self.tasks
    }

    pub fn tasks_mut(&mut self) -> &mut [Task<O>] {
        &mut self.tasks
    }

    /// Stream time of all partitions, by the driver's clock.
    pub fn stream_time(&self) -> Timestamp {
        self.clocks.stream_time()
    }

    pub fn grace_ms(&self) -> i64 {
        self.clocks.grace_ms()
    }

    /// Lets a record's source clock move the driver's. A record with an impossible time changes
    /// nothing. Nothing fires yet: see [`advance`](Self::advance).
    pub fn observe(&mut self, signal: TimeSignal<'_>) -> Result<(), Rejection> {
        self.clocks.observe(signal)
    }

    /// Puts a broadcast record into force on every partition: at once, or when stream time gets to
    /// its instant.
    pub fn broadcast(&mut self, record: &BroadcastRecord) -> Result<(), Rejection> {
        for task in &mut self.tasks {
            task.broadcast_now(record)?;
        }
        self.wakeup = Timestamp::MIN;
        Ok(())
    }

    /// Moves every partition to `to`, firing what is due on the way.
    pub fn advance(&mut self, to: Timestamp) {
        if to < self.wakeup || to == Timestamp::MIN {
            return;
        }
        loop {
            let mut waiting = false;
            for task in &mut self.tasks {
                waiting |= task.advance(to, &self.board) != Progress::Done;
            }
            self.collect_partials();
            if !waiting {
                break;
            }
        }
        self.wakeup = self.tasks.iter().map(Task::next_wakeup).min().unwrap_or(Timestamp::MAX);
        let applied = self.tasks.iter().map(Task::applied_through).min().unwrap_or(i64::MIN);
        self.board.prune(applied);
    }

    fn collect_partials(&mut self) {
        for task in &mut self.tasks {
            for partial in task.drain_partials() {
                self.board.add(&partial);
            }
        }
    }

    /// Processes one record of a file on its partition, at the driver's stream time.
    pub fn process(&mut self, partition: i32, record: &O::Record<'_>) -> Result<Outcome, Rejection> {
        let stream_time = self.clocks.stream_time();
        self.advance(stream_time);
        let Some(task) = usize::try_from(partition).ok().and_then(|p| self.tasks.get_mut(p)) else {
            return Err(Rejection::new("unknown_partition", format!("there is no partition {partition}")));
        };
        let offset = task.position();
        let step = task.process_at(stream_time, offset, record, &self.board);
        self.wakeup = self.wakeup.min(task.next_wakeup());
        match step {
            Step::Done(result) => result,
            Step::AwaitEpoch { .. } | Step::Sweeping => unreachable_epoch(),
        }
    }

    /// Everything the partitions hold, as the rows of one transaction each: to compare a store with.
    pub fn seal(&mut self) -> impl Iterator<Item = (i32, CommitUnit<O::Output>)> {
        self.tasks.iter_mut().map(|task| (task.partition(), task.seal()))
    }

    /// Hands over what was emitted since the last call, partition by partition.
    pub fn drain(&mut self, into: &mut Vec<(Origin, O::Output)>) {
        for task in &mut self.tasks {
            if task.has_effects() {
                into.extend(task.drain_effects());
            }
        }
    }
}

/// [`ReplayDriver::advance`] has just brought every partition to this very stream time, so all
/// epochs before it are closed and the record cannot have to wait.
fn unreachable_epoch() -> Result<Outcome, Rejection> {
    debug_assert!(false, "a record waited for an epoch after every partition had advanced");
    Err(Rejection::new("internal", "a record waited for an epoch that every partition has closed"))
}

/// Is told what became of every record of a dumped log: its partition, the record, the result.
pub type Done<'a> = dyn FnMut(i32, &LoggedRecord, Result<Outcome, Rejection>) + 'a;

/// One record of a dumped log.
#[derive(Clone, Debug)]
pub struct LoggedRecord {
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
}

impl LoggedRecord {
    fn incoming(&self, partition: i32) -> Incoming<'_> {
        // A dump has no timestamps: nothing that decides may look at them.
        Incoming {
            partition,
            offset: self.offset,
            timestamp_ms: 0,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: &[],
        }
    }
}

/// Replays a dumped log: every partition with its own clocks, following the journal.
pub struct LogReplay<O: Operator> {
    driver: ReplayDriver<O>,
    queues: Vec<VecDeque<LoggedRecord>>,
}

impl<O: Operator> LogReplay<O> {
    pub fn new(driver: ReplayDriver<O>) -> Self {
        let queues = driver.tasks.iter().map(|_| VecDeque::new()).collect();
        Self { driver, queues }
    }

    /// Takes the journal and the broadcast records, before the first input record. A broadcast record
    /// that cannot be used is passed by, as every task of the live run did.
    pub fn prepare(&mut self, journal: &[JournalEntry], broadcasts: &[BroadcastRecord]) {
        for task in &mut self.driver.tasks {
            let partition = task.partition();
            task.follow_journal(journal.iter().filter(|e| e.partition == partition).cloned());
            for record in broadcasts {
                if let Err(rejection) = task.offer_broadcast(record) {
                    let BroadcastRecord { topic, offset, .. } = record;
                    tracing::warn!(%topic, offset, reason = %rejection.message, "broadcast record ignored");
                }
            }
        }
    }

    /// Queues one record and processes whatever can be. Calls `done` for every record processed.
    pub fn offer(&mut self, partition: i32, record: LoggedRecord, done: &mut Done<'_>) -> Result<(), Rejection> {
        let Some(queue) = usize::try_from(partition).ok().and_then(|p| self.queues.get_mut(p)) else {
            return Err(Rejection::new(
                "unknown_partition",
                format!("there is no partition {partition}; check --partitions"),
            ));
        };
        queue.push_back(record);
        while self.run(done) {}
        Ok(())
    }

    /// One pass over all partitions; true if any got on and another may profit.
    fn run(&mut self, done: &mut Done<'_>) -> bool {
        let mut moved = false;
        for (task, queue) in self.driver.tasks.iter_mut().zip(&mut self.queues) {
            while let Some(record) = queue.front() {
                let result = match task.operator().decode(&record.incoming(task.partition())) {
                    Ok(decoded) => match task.process(record.offset, &decoded, &self.driver.board) {
                        Step::Done(result) => result,
                        Step::AwaitEpoch { .. } | Step::Sweeping => break,
                    },
                    Err(rejection) => {
                        task.skip(record.offset);
                        Err(rejection)
                    }
                };
                done(task.partition(), record, result);
                queue.pop_front();
                moved = true;
            }
        }
        let before = self.driver.board.complete_through();
        self.driver.collect_partials();
        moved || self.driver.board.complete_through() > before
    }

    /// Records that still wait for an epoch that the log does not complete.
    pub fn waiting(&self) -> usize {
        self.queues.iter().map(VecDeque::len).sum()
    }

    pub fn driver(&mut self) -> &mut ReplayDriver<O> {
        &mut self.driver
    }
}
