//! What a worker still does before it closes.

use std::time::Duration;

use super::{RuntimeError, Worker};
use crate::operator::Operator;
use crate::ports::TopicPartition;

const ROUND: Duration = Duration::from_millis(20);
/// Ten seconds at most: less than what orchestrators grant a process that is to end.
const MOST_ROUNDS: u32 = 500;

impl<O: Operator> Worker<O> {
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
