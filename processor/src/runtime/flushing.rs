//! Brings the stores up to what has committed, partition by partition.
//!
//! A partition in use goes through one cycle in a flush interval: before a commit the log is asked how
//! far its changelog goes; the commit proves that this worker was the owner when it asked; with that as
//! the checkpoint the rows are written at once. A crash then leaves no more than about an interval to
//! read again. The partition keeps that time, not the worker: a quiet one is seldom part of a commit,
//! and must not miss its turn. The checkpoint never says more than was proven: a member that was put
//! out and does not know it yet must not claim rows of its successor.

use super::lane::Lane;
use super::{Phase, ProtocolStep, RuntimeError, Worker};
use crate::operator::Operator;

impl<O: Operator> Worker<O> {
    /// Before a commit: asks how far the changelogs go, once a partition in it is an interval behind.
    pub(super) fn sample_changelogs_if_due(&mut self) -> Result<(), RuntimeError> {
        let (now_ms, interval_ms) = (self.clock.monotonic_ms(), self.config.flush_interval_ms);
        let behind = |lane: &Lane<O>, ms: i64| lane.is_dirty() && lane.unproven_for_ms(now_ms) >= ms;
        // A log that did not answer is left alone for a while.
        let due = |lane: &Lane<O>| behind(lane, interval_ms) && now_ms - lane.asked_ms >= interval_ms / 4;
        if self.lanes.values().any(due) {
            // Those that will be due soon come along: one question, one cycle.
            self.sample_changelogs(|lane| behind(lane, interval_ms / 2))?;
        }
        Ok(())
    }

    /// Asks how far these changelogs go: every row before that point is this worker's own and committed, if
    /// the commit that follows succeeds.
    pub(super) fn sample_changelogs(&mut self, of: impl Fn(&Lane<O>) -> bool) -> Result<(), RuntimeError> {
        let now_ms = self.clock.monotonic_ms();
        let mut asked = Vec::new();
        for (partition, lane) in self.lanes.iter_mut().filter(|(_, lane)| of(lane)) {
            lane.asked_ms = now_ms;
            asked.push(*partition);
        }
        let changelog = self.config.topics.changelog.clone();
        for (partition, extent) in self.extents(&changelog, &asked)? {
            if let Some(lane) = self.lanes.get_mut(&partition) {
                lane.sampled_end = Some(extent.end);
            }
        }
        Ok(())
    }

    /// Between commits: rows of partitions that have fallen quiet, or all rows when they are many.
    pub(super) fn flush_if_due(&mut self) -> Result<(), RuntimeError> {
        if self.underway.is_some() {
            return Ok(());
        }
        let (now_ms, interval_ms) = (self.clock.monotonic_ms(), self.config.flush_interval_ms);
        let bytes: usize = self.lanes.values().map(Lane::pending_bytes).sum();
        let full = bytes >= self.config.flush_bytes;
        self.flush(|lane| full || !lane.is_dirty() && lane.pending_for_ms(now_ms) >= interval_ms)
    }

    /// Brings these stores up to the last commit.
    pub(super) fn flush(&mut self, of: impl Fn(&Lane<O>) -> bool) -> Result<(), RuntimeError> {
        // One that could not read its store is about to be opened again, from what is committed.
        let chosen = |lane: &Lane<O>| lane.has_pending() && !lane.task.has_failed() && of(lane);
        if !self.lanes.values().any(chosen) {
            return Ok(());
        }
        self.reached(ProtocolStep::Flushing)?;
        let (wall_ms, began_us) = (self.clock.wall_ms(), self.clock.monotonic_us());
        for lane in self.lanes.values_mut().filter(|lane| chosen(lane)) {
            lane.flush(wall_ms)?;
        }
        self.spent(Phase::Flush, began_us);
        self.reached(ProtocolStep::Flushed)
    }
}
