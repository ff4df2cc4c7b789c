//! When a worker commits, and how long it may wait for records. Never what is decided.

use std::time::Duration;

use super::lane::Lane;
use super::{RuntimeError, Worker};
use crate::operator::Operator;

/// How often a worker looks for what does not wake it: an epoch, the answer to a transaction.
const LOOK: Duration = Duration::from_millis(1);
/// While records wait to be read, a transaction takes so many times what the last commit took: one part for committing,
/// the others for records. Without it a worker under load would commit after every poll, and never catch up.
const COMMIT_SHARE: i64 = 3;
/// A record that has waited so long for its worker waits a little longer without harm.
const BEHIND_MS: i64 = 1_000;
/// With so small a part of the records that fit into a transaction more will come before the log has answered: they are
/// not kept waiting for it.
const BUSY_PART: usize = 10;
/// Transactions of a worker that is behind are so much longer and larger: fewer rows for the same records.
const BEHIND_FACTOR: i64 = 4;

impl<O: Operator> Worker<O> {
    /// Takes note of a batch: so many records, the last of them written then.
    pub(super) fn polled(&mut self, records: usize, timestamp_ms: i64) {
        self.pressed = records >= self.config.max_poll_records;
        self.behind = self.pressed && self.clock.wall_ms() - timestamp_ms >= BEHIND_MS;
    }

    /// A worker that has much to do goes on with records while the log commits, as far as they have room: then the log
    /// is waited for.
    pub(super) fn commit_if_due(&mut self) -> Result<(), RuntimeError> {
        self.reopen_failed()?;
        self.proceed(Duration::ZERO)?;
        let taken: usize = self.lanes.values().map(|lane| lane.taken).sum();
        let full =
            taken >= self.config.commit_records.saturating_mul(if self.pressed { BEHIND_FACTOR as usize } else { 1 });
        let due = full || self.until_commit_ms() <= 0;
        if self.underway.is_some() && (full || self.is_stuck()) {
            self.finish()?;
        }
        if due && self.underway.is_none() {
            // While partitions open, a turn may take longer than a transaction should.
            let busy = self.pressed || taken >= (self.config.commit_records / BUSY_PART).max(1);
            self.hand_over(busy && self.opening.is_empty())?;
        }
        Ok(())
    }

    /// Nothing more can be taken before a commit.
    fn is_stuck(&self) -> bool {
        let all_wait =
            !self.is_alone() && self.lanes.values().any(Lane::has_sums) && self.lanes.values().all(Lane::is_waiting);
        all_wait || self.lanes.values().any(Lane::is_sweeping)
    }

    /// How long what is there may still wait to be committed.
    fn until_commit_ms(&self) -> i64 {
        let since = self.clock.monotonic_ms() - self.last_commit_ms;
        let alone = self.is_alone();
        // Other workers wait for these sums, however far behind all of them are.
        let awaited = !alone && self.lanes.values().any(Lane::has_sums);
        let urgent = self.lanes.values().any(Lane::is_urgent);
        // Where every partition waits for others, nothing is gained by waiting for more.
        let stuck = self.is_stuck();
        let gap = match (stuck, self.behind && !awaited, urgent || awaited) {
            (true, ..) => 0,
            (false, true, _) => self.config.commit_interval_ms * BEHIND_FACTOR,
            (false, false, true) => self.config.minimum_commit_gap_ms,
            (false, false, false) => self.config.commit_interval_ms,
        };
        let longest = self.config.commit_interval_ms * BEHIND_FACTOR;
        let share = if self.pressed && !stuck && !awaited { self.commit_took_ms * COMMIT_SHARE } else { 0 };
        gap.max(share.min(longest)) - since
    }

    /// How long a poll may wait for records: there may be other things to do.
    pub(super) fn patience(&self) -> Duration {
        let mut wait = self.tick_interval();
        if self.underway.is_some() {
            return wait.min(LOOK);
        }
        if self.lanes.values().any(Lane::is_waiting) {
            wait = wait.min(LOOK);
        }
        if self.lanes.values().any(Lane::is_dirty) {
            wait = wait.min(Duration::from_millis(u64::try_from(self.until_commit_ms()).unwrap_or(0)));
        }
        wait
    }

    /// Whether every partition of the input is here and open. Then no sums have to go through the log before
    /// they are used: what rests on them commits with them, or not at all.
    pub(super) fn is_alone(&self) -> bool {
        self.opening.is_empty() && self.broadcasts.are_all(self.lanes.len())
    }
}
