//! One partition of a stage, sans I/O: records go in, a commit unit comes out.
//!
//! ```text
//!            record, board                         seal
//!  Running ────────────────▶ Running ──────────────────────▶ CommitUnit
//!     │  stream time enters epoch e,
//!     │  totals up to e − 2 incomplete
//!     ▼
//!  Awaiting(e − 2) ── board complete, or `force_epoch` after the wait ──▶ Running
//!
//!  Running ── more timers are due than go into one transaction ──▶ Sweeping ── the same record again ──▶ Running
//! ```
//!
//! A task waits for nobody, reads no clock and writes to no store; of one it reads states that are not in
//! memory, through its table. While it awaits an epoch it accepts no
//! record; the caller offers the same record again. Its hot path is: observe the source clock, see
//! that nothing is due, let the operator fold the record.

mod bounds;
mod commit;
mod meta;
mod switches;
mod timing;
mod unit;

pub use meta::Meta;
pub use unit::{CommitUnit, Published, SHARED_KEY};

use schemas::Timestamp;
use schemas::stream::{AggregatePartial, JournalEntry, Switch};

use crate::epochs::{EPOCH_LAG, EpochBoard, epoch_of};
use crate::operator::{BroadcastRecord, Cause, Context, Now, Operator, Origin, Outcome, Rejection, Sums, Tick};
use crate::source_clock::SourceClocks;
use crate::table::{KeyId, StateTable};
use crate::timers::TimerQueue;
use switches::Switches;
use timing::Firing;
pub(crate) use unit::{META_KEY, belongs_to_runtime};

/// What a task is told once.
#[derive(Clone, Debug)]
pub struct TaskConfig {
    pub partition: i32,
    /// Length of an aggregate epoch; `None`: this stage has no aggregates.
    pub epoch_ms: Option<i64>,
    /// Until a watermark says otherwise.
    pub grace_ms: i64,
    /// Earlier times are impossible.
    pub floor: Timestamp,
}

/// Whether a task could go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Done,
    /// The totals up to this epoch are not complete.
    AwaitEpoch {
        through: i64,
    },
    /// So many timers have fired that a transaction is due; there are more.
    Sweeping,
}

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Done(Result<Outcome, Rejection>),
    /// Not processed: offer it again when the board has grown.
    AwaitEpoch {
        through: i64,
    },
    /// Not processed: timers fire before it, more than go into one transaction. Commit what there is, and
    /// offer it again.
    Sweeping,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct EpochState {
    /// The epoch stream time is in.
    current: Option<i64>,
    applied_through: i64,
    /// The current epoch was entered and its aggregates are not applied yet.
    awaiting: bool,
}

/// One partition of one stage.
pub struct Task<O: Operator> {
    config: TaskConfig,
    operator: O,
    states: StateTable<O::State>,
    clocks: SourceClocks,
    /// How far decisions have come; never behind what has been decided.
    stream_time: Timestamp,
    /// Nothing happens before this stream time: timers, switches, epochs.
    wakeup: Timestamp,
    timers: TimerQueue,
    /// The timers that are being fired, and how many may be in one transaction.
    firing: Option<Firing>,
    most_timers: usize,
    /// The record at `position` is half-way: timers have fired before it, and a transaction was due.
    sweeping: bool,
    switches: Switches,
    epoch: EpochState,
    force_epoch: bool,
    /// Identity of the input topic, for the next owner to compare.
    input_id: String,
    /// Offset of the next input record.
    position: i64,
    effects: Vec<(Origin, O::Output)>,
    partials: Vec<AggregatePartial>,
    journal: Vec<JournalEntry>,
    shared_row: Vec<u8>,
    touched: Vec<KeyId>,
    /// A wake-up was put off once: the rows ask for earlier ones than the queue has.
    put_off: bool,
}

impl<O: Operator> Task<O> {
    pub fn new(config: TaskConfig, operator: O) -> Self {
        Self {
            clocks: SourceClocks::new(config.grace_ms, config.floor),
            config,
            operator,
            states: StateTable::default(),
            stream_time: Timestamp::MIN,
            wakeup: Timestamp::MIN,
            timers: TimerQueue::default(),
            firing: None,
            most_timers: usize::MAX,
            sweeping: false,
            switches: Switches::default(),
            epoch: EpochState { current: None, applied_through: i64::MIN, awaiting: false },
            force_epoch: false,
            input_id: String::new(),
            position: 0,
            effects: Vec::new(),
            partials: Vec::new(),
            journal: Vec::new(),
            shared_row: Vec::new(),
            touched: Vec::new(),
            put_off: false,
        }
    }

    /// Names the topic the records come from, by its identity.
    #[must_use]
    pub fn reading(mut self, input_id: &str) -> Self {
        input_id.clone_into(&mut self.input_id);
        self
    }

    pub fn partition(&self) -> i32 {
        self.config.partition
    }

    pub fn position(&self) -> i64 {
        self.position
    }

    pub fn stream_time(&self) -> Timestamp {
        self.stream_time
    }

    pub fn operator(&self) -> &O {
        &self.operator
    }

    pub fn states(&self) -> &StateTable<O::State> {
        &self.states
    }

    pub fn applied_through(&self) -> i64 {
        self.epoch.applied_through
    }

    /// The earliest stream time at which something other than a record happens.
    pub fn next_wakeup(&self) -> Timestamp {
        self.wakeup
    }

    /// From now on, an incomplete epoch is passed over and the passing is journalled. The caller has
    /// waited as long as it is willing to.
    pub fn force_epoch(&mut self) {
        self.force_epoch = true;
    }

    /// Processes one record, with this partition's own source clocks as the time.
    pub fn process(&mut self, offset: i64, record: &O::Record<'_>, board: &EpochBoard) -> Step {
        // A record that awaits an epoch is half-way: what has come up meanwhile must not slip in
        // there, where no replay could find the place again. It takes effect before the next one.
        if !self.is_half_way() {
            self.apply_overdue_switches(offset);
        }
        let grace_ms = self.clocks.grace_ms();
        if let Err(rejection) = self.clocks.observe(self.operator.time_signal(record)) {
            self.position = offset + 1;
            return Step::Done(Err(rejection));
        }
        if self.clocks.grace_ms() != grace_ms {
            // Every timer is due at another stream time now.
            self.wakeup = Timestamp::MIN;
        }
        self.process_at(self.clocks.stream_time(), offset, record, board)
    }

    /// Processes one record at a stream time that the caller keeps.
    pub fn process_at(
        &mut self,
        stream_time: Timestamp,
        offset: i64,
        record: &O::Record<'_>,
        board: &EpochBoard,
    ) -> Step {
        self.position = offset;
        let progress = self.advance(stream_time, board);
        // While it awaits an epoch it is half-way for that reason: its meta row says which.
        self.sweeping = progress == Progress::Sweeping;
        match progress {
            Progress::Done => {}
            Progress::AwaitEpoch { through } => return Step::AwaitEpoch { through },
            Progress::Sweeping => return Step::Sweeping,
        }
        let mut ctx = Context {
            now: now_at(self.stream_time, self.clocks.grace_ms(), Cause::Record),
            states: &mut self.states,
            effects: &mut self.effects,
        };
        let result = self.operator.on_record(&mut ctx, record);
        self.register_wakeups(None);
        self.states.relieve();
        self.position = offset + 1;
        Step::Done(result)
    }

    /// Lets the operator look at the clock. A record that is half-way is not disturbed.
    pub fn tick(&mut self, tick: Tick) {
        if self.is_half_way() {
            return;
        }
        let mut ctx = Context {
            now: now_at(self.stream_time, self.clocks.grace_ms(), Cause::Record),
            states: &mut self.states,
            effects: &mut self.effects,
        };
        self.operator.on_tick(&mut ctx, tick);
        self.register_wakeups(None);
    }

    /// Tells the operator that the worker is about to close; true while it waits for something.
    pub fn winding_up(&mut self) -> bool {
        self.operator.winding_up()
    }

    /// Tells the operator that a transaction with these outputs has committed.
    pub fn committed(&mut self, outputs: &[O::Output], wall: Timestamp) {
        self.operator.committed(outputs, wall);
    }

    /// A record that cannot even be decoded: the partition goes on after it.
    pub fn skip(&mut self, offset: i64) {
        self.position = offset + 1;
    }

    /// Moves stream time forward, firing what is due on the way, in order of time.
    pub fn advance(&mut self, to: Timestamp, board: &EpochBoard) -> Progress {
        if to < self.wakeup {
            self.stream_time = self.stream_time.max(to);
            return Progress::Done;
        }
        if to == Timestamp::MIN {
            return Progress::Done;
        }
        self.advance_slowly(to, board)
    }

    /// A record was begun and is not processed yet: nothing may slip in.
    fn is_half_way(&self) -> bool {
        self.epoch.awaiting || self.sweeping
    }

    fn advance_slowly(&mut self, to: Timestamp, board: &EpochBoard) -> Progress {
        let mut budget = self.most_timers;
        loop {
            if !self.fire_timers(&mut budget) {
                return self.pause();
            }
            let switch = self.switches.next_effective();
            let due = self.next_due(to);
            let timer = due.map(|due| due.plus_ms(self.clocks.grace_ms()));
            let stop = switch.into_iter().chain(timer).min().filter(|stop| *stop <= to);
            let at = stop.unwrap_or(to).max(self.stream_time);
            let known = self.epoch.applied_through;
            if let Progress::AwaitEpoch { through } = self.enter_epoch(at, board) {
                return Progress::AwaitEpoch { through };
            }
            self.stream_time = at;
            if self.epoch.applied_through > known {
                // With the totals, wake-ups may have come that are earlier.
                continue;
            }
            if stop.is_none() {
                break;
            }
            match due {
                Some(due) if switch.is_none() || switch > timer => self.begin_firing(due),
                _ => self.apply_due_switch(),
            }
        }
        self.recompute_wakeup();
        Progress::Done
    }

    fn enter_epoch(&mut self, at: Timestamp, board: &EpochBoard) -> Progress {
        let Some(epoch_ms) = self.config.epoch_ms else {
            return Progress::Done;
        };
        let entering = epoch_of(at, epoch_ms);
        if self.epoch.current.is_none_or(|current| current < entering) {
            self.close_epoch(entering);
        } else if !self.epoch.awaiting {
            return Progress::Done;
        }
        let through = entering - EPOCH_LAG;
        let complete = board.complete_through();
        let apply = match self.switches.journalled_epoch(self.position, entering) {
            Some(journalled) if complete >= journalled => journalled,
            Some(journalled) => return Progress::AwaitEpoch { through: journalled },
            None if complete >= through => through,
            None if self.force_epoch => self.pass_over(entering, complete),
            None => return Progress::AwaitEpoch { through },
        };
        self.apply_epochs(at, apply, board);
        Progress::Done
    }

    /// Publishes the sums of the epoch that ends; the epochs up to the one entered had nothing.
    fn close_epoch(&mut self, entering: i64) {
        let closing = self.epoch.current.unwrap_or(entering - 1);
        let mut sums = self.operator.close_epoch();
        if sums.is_empty() {
            // The others wait for this partition's word, not only for its figures.
            sums.push(Sums { scope: String::new(), id: String::new(), sums: Vec::new() });
        }
        let last = sums.len() - 1;
        self.partials.extend(sums.into_iter().enumerate().map(|(n, s)| AggregatePartial {
            scope: s.scope,
            id: s.id,
            epoch: closing,
            // Whoever has read the last has read them all, and nobody goes on with a part of them.
            closed_through: if n == last { entering } else { closing } - 1,
            partition: self.config.partition,
            sums: s.sums,
        }));
        self.epoch.current = Some(entering);
        self.epoch.awaiting = true;
    }

    fn pass_over(&mut self, entering: i64, complete: i64) -> i64 {
        let applied_through = complete.max(self.epoch.applied_through);
        self.journal.push(JournalEntry {
            partition: self.config.partition,
            offset: self.position,
            switch: Switch::Epoch { entering, applied_through },
        });
        applied_through
    }

    fn apply_epochs(&mut self, at: Timestamp, through: i64, board: &EpochBoard) {
        let mut ctx = Context {
            now: now_at(at, self.clocks.grace_ms(), Cause::Switch(at)),
            states: &mut self.states,
            effects: &mut self.effects,
        };
        for (epoch, totals) in board.totals(self.epoch.applied_through, through) {
            self.operator.apply_epoch(&mut ctx, epoch, &totals);
        }
        self.epoch.applied_through = self.epoch.applied_through.max(through);
        self.operator.epochs_known(self.epoch.applied_through);
        self.register_wakeups(None);
        self.epoch.awaiting = false;
        self.force_epoch = false;
    }

    /// Takes in a record of a broadcast topic. It takes effect when stream time passes its instant,
    /// or, where that has passed already or there is none, before the next record, journalled.
    pub fn offer_broadcast(&mut self, record: &BroadcastRecord) -> Result<(), Rejection> {
        // While a record is half-way, the time it goes to counts: its epochs are entered already.
        let decided = if self.is_half_way() { self.clocks.stream_time() } else { self.stream_time };
        self.offer_after(decided, record)
    }

    fn offer_after(&mut self, decided: Timestamp, record: &BroadcastRecord) -> Result<(), Rejection> {
        let effective_at = match self.operator.effective_at(record) {
            Ok(effective_at) => effective_at,
            Err(rejection) => {
                self.switches.pass_by(record);
                return Err(rejection);
            }
        };
        self.switches.offer(record, effective_at.filter(|at| *at > decided));
        if let Some(at) = self.switches.next_effective() {
            self.wakeup = self.wakeup.min(at);
        }
        Ok(())
    }

    /// Takes in a broadcast record where there is no log to journal in: at once, unless its instant
    /// is still ahead.
    pub fn broadcast_now(&mut self, record: &BroadcastRecord) -> Result<(), Rejection> {
        match self.operator.effective_at(record)? {
            Some(at) if at > self.stream_time => self.offer_broadcast(record)?,
            _ => self.apply_switch(Cause::Switch(self.stream_time), record),
        }
        Ok(())
    }

    fn apply_due_switch(&mut self) {
        if let Some((at, record)) = self.switches.take_due() {
            self.apply_switch(Cause::Switch(at), &record);
        }
    }

    fn apply_overdue_switches(&mut self, offset: i64) {
        let (records, switches) = self.switches.take_overdue(offset);
        let partition = self.config.partition;
        self.journal.extend(switches.into_iter().map(|switch| JournalEntry { partition, offset, switch }));
        for record in records {
            self.apply_switch(Cause::Switch(self.stream_time), &record);
        }
    }

    fn apply_switch(&mut self, cause: Cause, record: &BroadcastRecord) {
        let mut ctx = Context {
            now: now_at(self.stream_time, self.clocks.grace_ms(), cause),
            states: &mut self.states,
            effects: &mut self.effects,
        };
        self.operator.on_broadcast(&mut ctx, record);
        self.register_wakeups(None);
    }

    /// Follows a journal instead of waiting and deciding: for replaying a log.
    pub fn follow_journal(&mut self, entries: impl IntoIterator<Item = JournalEntry>) {
        self.switches.follow(entries);
    }

    /// Hands over what has been emitted since the last call, for a caller that keeps no log.
    pub fn drain_effects(&mut self) -> std::vec::Drain<'_, (Origin, O::Output)> {
        self.effects.drain(..)
    }

    /// Whether anything has been emitted since the last call.
    pub fn has_effects(&self) -> bool {
        !self.effects.is_empty()
    }

    /// Hands over the partial sums that were closed since the last call.
    pub fn drain_partials(&mut self) -> std::vec::Drain<'_, AggregatePartial> {
        self.partials.drain(..)
    }

    /// The partial sums closed and not sealed yet: other partitions may be waiting for them.
    pub fn partials(&self) -> &[AggregatePartial] {
        &self.partials
    }
}

fn now_at(stream_time: Timestamp, grace_ms: i64, cause: Cause) -> Now {
    Now { stream_time, closed_before: stream_time.minus_ms(grace_ms), cause }
}
