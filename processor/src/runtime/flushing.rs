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

/// What one commit brings to the stores is about this many bytes, some 20 ms of writing, or this part of all that waits:
/// partitions under load take turns, so that no alert waits for all of them to be written.
const BYTES_AT_ONCE: usize = 4 << 20;
const PART_AT_ONCE: usize = 8;

impl<O: Operator> Worker<O> {
    /// Before a commit: asks how far the changelogs go, once a partition in it is an interval behind.
    pub(super) fn sample_changelogs_if_due(&mut self) -> Result<(), RuntimeError> {
        let (now_ms, interval_ms) = (self.clock.monotonic_ms(), self.config.flush_interval_ms);
        let behind = |lane: &Lane<O>| lane.is_dirty() && lane.unproven_for_ms(now_ms) >= interval_ms;
        // A log that did not answer is left alone for a while.
        let due = |lane: &Lane<O>| behind(lane) && now_ms - lane.unanswered_ms >= interval_ms / 4;
        if !self.lanes.values().any(due) {
            return Ok(());
        }
        // Those that will be due soon come along: one question, one cycle.
        let soon = |lane: &Lane<O>| lane.is_dirty().then(|| lane.unproven_for_ms(now_ms));
        let turn = self.turn(|lane| soon(lane).filter(|since_ms| *since_ms >= interval_ms / 2));
        self.sample_changelogs(|lane| turn.contains(&lane.task.partition()))
    }

    /// The partitions whose turn it is: those that have waited longest, as many as are written in a short time.
    fn turn(&self, waited_ms: impl Fn(&Lane<O>) -> Option<i64>) -> Vec<i32> {
        let waiting: usize = self.lanes.values().map(Lane::pending_bytes).sum();
        let (most, mut bytes) = (BYTES_AT_ONCE.max(waiting / PART_AT_ONCE), 0);
        let mut due: Vec<_> = self.lanes.values().filter_map(|lane| Some((waited_ms(lane)?, lane))).collect();
        due.sort_by_key(|(waited_ms, _)| std::cmp::Reverse(*waited_ms));
        let mut turn = Vec::new();
        for (_, lane) in due {
            if bytes >= most {
                break;
            }
            bytes += lane.pending_bytes();
            turn.push(lane.task.partition());
        }
        turn
    }

    /// Asks how far these changelogs go: every row before that point is this worker's own and committed, if
    /// the commit that follows succeeds.
    pub(super) fn sample_changelogs(&mut self, of: impl Fn(&Lane<O>) -> bool) -> Result<(), RuntimeError> {
        let asked: Vec<i32> = self.lanes.iter().filter(|(_, lane)| of(lane)).map(|(partition, _)| *partition).collect();
        let changelog = self.config.topics.changelog.clone();
        let answers = self.extents(&changelog, &asked)?;
        if answers.len() < asked.len() {
            let now_ms = self.clock.monotonic_ms();
            self.lanes.values_mut().for_each(|lane| lane.unanswered_ms = now_ms);
        }
        for (partition, extent) in answers {
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
        let waited_ms = |lane: &Lane<O>| lane.has_pending().then(|| lane.pending_for_ms(now_ms));
        let is_quiet = |lane: &Lane<O>, waited_ms: i64| !lane.is_dirty() && waited_ms >= interval_ms;
        let turn = self.turn(|lane| waited_ms(lane).filter(|waited_ms| full || is_quiet(lane, *waited_ms)));
        self.flush(|lane| turn.contains(&lane.task.partition()))
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
