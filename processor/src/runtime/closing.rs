//! What a worker still does before it closes.

use std::time::Duration;

use super::lane::Lane;
use super::underway::Sealed;
use super::{RuntimeError, TransactionResult, Worker};
use crate::operator::Operator;
use crate::ports::TopicPartition;

const ROUND: Duration = Duration::from_millis(20);
/// Ten seconds at most: less than what orchestrators grant a process that is to end.
const MOST_ROUNDS: u32 = 500;

impl<O: Operator> Worker<O> {
    /// Commits the offsets once more after asking how far the changelogs go, and nothing else: whoever opens
    /// these stores next has nothing to read again. None may be under way.
    pub(super) fn prove(&mut self) -> Result<(), RuntimeError> {
        self.sample_changelogs(Lane::is_unproven)?;
        let unproven = |lane: &&Lane<O>| lane.is_unproven() && lane.sampled_end.is_some();
        let positions: Vec<Sealed<O::Output>> = self.lanes.values().filter(unproven).map(Lane::position_only).collect();
        if positions.is_empty() {
            return Ok(());
        }
        let partitions: Vec<i32> = positions.iter().map(|position| position.partition).collect();
        match self.transact(positions) {
            Ok(()) => {
                self.stats.transactions += 1;
                self.observer.transaction(TransactionResult::Committed);
                for partition in partitions {
                    if let Some(lane) = self.lanes.get_mut(&partition) {
                        lane.proven();
                    }
                }
                Ok(())
            }
            Err(RuntimeError::Log(error)) => self.recover(error),
            Err(other) => Err(other),
        }
    }

    /// Gives operators the time to write down what comes of things they have begun outside. Reads no
    /// more records; stays a member of its group meanwhile.
    pub(super) fn wind_up(&mut self) -> Result<(), RuntimeError> {
        for _ in 0..MOST_ROUNDS {
            // Every operator is told, whatever the others answer.
            let waiting = self.lanes.values_mut().filter_map(|lane| lane.task.winding_up().then_some(())).count();
            if waiting == 0 {
                break;
            }
            let input = self.config.topics.input.clone();
            let owned: Vec<_> = self.lanes.keys().map(|partition| TopicPartition::new(&input, *partition)).collect();
            self.consumer.pause(&owned)?;
            self.poll(ROUND)?;
            self.tick();
            self.commit_if_due()?;
        }
        Ok(())
    }
}
