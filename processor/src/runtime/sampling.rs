//! What a worker looks at once in a while: how far the input is ahead, in one request for all partitions, and
//! the clock.

use std::time::Duration;

use super::{RuntimeError, Worker};
use crate::operator::{Operator, Tick};
use crate::ports::{Extent, LogError, TopicPartition};
use schemas::Timestamp;

impl<O: Operator> Worker<O> {
    /// Asks how many records of the input are still to come. Where the log does not answer, nobody
    /// knows.
    pub(super) fn sample_lag(&mut self) -> Result<(), RuntimeError> {
        let partitions: Vec<i32> = self.lanes.keys().copied().collect();
        let input = self.config.topics.input.clone();
        let extents = self.extents(&input, &partitions)?;
        for lane in self.lanes.values_mut() {
            lane.lag = None;
        }
        for (partition, extent) in extents {
            let reached = self.consumer.end_reached(&TopicPartition::new(&input, partition)).unwrap_or(0);
            if let Some(lane) = self.lanes.get_mut(&partition) {
                let done =
                    if lane.backlog_len() == 0 { lane.task.position().max(reached) } else { lane.task.position() };
                let lag = (extent.stable - done).max(0);
                lane.lag = Some(lag);
                self.observer.lag(partition, lag);
            }
        }
        Ok(())
    }

    pub(super) fn extents(&mut self, topic: &str, partitions: &[i32]) -> Result<Vec<(i32, Extent)>, RuntimeError> {
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let asked: Vec<TopicPartition> = partitions.iter().map(|p| TopicPartition::new(topic, *p)).collect();
        let wait = self.call_timeout();
        match self.reader.extents(&asked, wait) {
            Ok(extents) => Ok(partitions.iter().copied().zip(extents).collect()),
            Err(LogError::Retriable { .. }) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Lets the operators look at the clock, where the stage asks for it.
    pub(super) fn tick_if_due(&mut self) {
        let now_ms = self.clock.monotonic_ms();
        if self.config.tick_ms.is_none_or(|tick_ms| now_ms - self.last_tick_ms < tick_ms) {
            return;
        }
        self.tick();
    }

    /// No turn waits longer than that, so that a tick comes when it is due.
    pub(super) fn tick_interval(&self) -> Duration {
        self.config.tick_ms.and_then(|ms| u64::try_from(ms).ok()).map_or(Duration::MAX, Duration::from_millis)
    }

    pub(super) fn tick(&mut self) {
        self.last_tick_ms = self.clock.monotonic_ms();
        let wall = Timestamp::from_millis(self.clock.wall_ms());
        for lane in self.lanes.values_mut() {
            lane.task.tick(Tick { wall, caught_up: lane.lag == Some(0) });
        }
    }
}
