//! Who owns what: rebalances are answered here, outside of librdkafka's callback. The group waits for
//! a revocation to be completed, and for nothing else.

use std::time::Duration;

use processor::ports::{LogError, Polled, TopicPartition};
use rdkafka::Offset;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::{KafkaConsumer, Owned, list};
use crate::kafka::context::Rebalance;
use crate::kafka::error::{failure, fatal, of_call, unknown_topic};

/// How long to wait until the group has been told of leaving.
const LEAVE_WAIT: Duration = Duration::from_millis(10);
const LEAVE_TRIES: u32 = 300;

pub(super) enum Told {
    Assigned(Vec<TopicPartition>),
    Revoking(Vec<TopicPartition>),
    Lost(Vec<TopicPartition>),
}

impl KafkaConsumer {
    /// Serves rebalances and errors until there is something to be told.
    pub(super) fn serve(&mut self) -> Result<Option<Told>, LogError> {
        const OPERATION: &str = "poll";
        loop {
            let member = self.member(OPERATION)?;
            if let Some(rebalance) = member.client().context().next_rebalance() {
                if let Some(told) = self.answer(rebalance)? {
                    return Ok(Some(told));
                }
            } else if !member.has_events() {
                return Ok(None);
            } else {
                match member.client().poll(Duration::ZERO) {
                    None => {}
                    Some(Ok(_)) => return Err(fatal(OPERATION, "a record came outside of its queue and was lost")),
                    Some(Err(error)) => self.heed(&error)?,
                }
            }
        }
    }

    /// Errors of the client as a whole. Most are noise that passes; the log has them.
    fn heed(&self, error: &KafkaError) -> Result<(), LogError> {
        const OPERATION: &str = "poll";
        let context = self.client(OPERATION)?.context();
        let failure = failure(error);
        match failure.code {
            Code::UnknownTopicOrPartition => Err(unknown_topic(OPERATION, &self.topics.join(", "))),
            Code::TopicAuthorizationFailed => Err(of_call(OPERATION, &self.topics.join(", "), &failure, context)),
            Code::GroupAuthorizationFailed | Code::Authentication | Code::AllBrokersDown => {
                Err(of_call(OPERATION, &self.group, &failure, context))
            }
            Code::PollExceeded => {
                tracing::warn!(instance = self.instance, "polled too late: the group gives the partitions away");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Said once by librdkafka: an answer that fails cannot be given again.
    fn answer(&mut self, rebalance: Rebalance) -> Result<Option<Told>, LogError> {
        self.try_answer(rebalance).map_err(|error| match error {
            LogError::Retriable { operation, reason } => LogError::Fatal { operation, reason },
            error => error,
        })
    }

    fn try_answer(&mut self, rebalance: Rebalance) -> Result<Option<Told>, LogError> {
        match rebalance {
            Rebalance::Assign(partitions) => self.take_in(partitions),
            Rebalance::Revoke(partitions) if partitions.is_empty() => self.give_up(&[]).map(|()| None),
            Rebalance::Revoke(partitions) => {
                for at in &partitions {
                    self.owned.entry(at.clone()).or_default().revoking = true;
                }
                self.incomplete = partitions.iter().cloned().collect();
                self.revoking.clone_from(&partitions);
                Ok(Some(Told::Revoking(partitions)))
            }
            Rebalance::Lost(partitions) => {
                self.revoking.clear();
                self.incomplete.clear();
                self.give_up(&partitions)?;
                Ok((!partitions.is_empty()).then_some(Told::Lost(partitions)))
            }
        }
    }

    /// Assigned at once, so that the group goes on, but paused.
    fn take_in(&mut self, partitions: Vec<TopicPartition>) -> Result<Option<Told>, LogError> {
        const OPERATION: &str = "assign";
        let member = self.member(OPERATION)?;
        let about = self.group.as_str();
        let context = member.client().context();
        for at in &partitions {
            member.take_in(at).map_err(|failure| of_call(OPERATION, &at.topic, &failure, context))?;
        }
        // Paused first: from where to read is said by `seek`, and until then not even a fetch may happen. The
        // offset here is any that librdkafka need not ask for: the late answer would undo the seek.
        let list = list(&partitions, Offset::Offset(0));
        let failed = |error: KafkaError| of_call(OPERATION, about, &failure(&error), context);
        member.client().pause(&list).map_err(failed)?;
        member.client().incremental_assign(&list).map_err(failed)?;
        // Nothing is said once, so that a member for whom there is nothing knows that it has joined.
        if partitions.is_empty() && self.joined {
            return Ok(None);
        }
        self.joined = true;
        self.owned.extend(partitions.iter().map(|at| (at.clone(), Owned::default())));
        Ok(Some(Told::Assigned(partitions)))
    }

    pub(super) fn give_up(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        const OPERATION: &str = "unassign";
        for at in partitions {
            self.owned.remove(at);
        }
        let client = self.client(OPERATION)?;
        client
            .incremental_unassign(&list(partitions, Offset::Invalid))
            .map_err(|error| of_call(OPERATION, &self.group, &failure(&error), client.context()))
    }

    /// From here on rebalances are answered as they come; what waits is answered now.
    pub(super) fn stop_serving(&mut self) {
        let Some(member) = &self.member else { return };
        let client = member.client();
        client.context().close();
        let mut answers = Vec::new();
        if !self.revoking.is_empty() {
            answers.push(client.incremental_unassign(&list(&self.revoking, Offset::Invalid)));
        }
        while let Some(rebalance) = client.context().next_rebalance() {
            answers.push(match rebalance {
                Rebalance::Assign(partitions) => client.incremental_assign(&list(&partitions, Offset::End)),
                Rebalance::Revoke(partitions) | Rebalance::Lost(partitions) => {
                    client.incremental_unassign(&list(&partitions, Offset::Invalid))
                }
            });
        }
        for error in answers.into_iter().filter_map(Result::err) {
            tracing::debug!(instance = self.instance, %error, "while closing");
        }
        self.revoking.clear();
        self.incomplete.clear();
        self.owned.clear();
    }

    /// A static member leaves only when it unsubscribes; closing alone keeps its seat.
    pub(super) fn leave(&self) {
        let Some(member) = &self.member else { return };
        member.client().unsubscribe();
        for _ in 0..LEAVE_TRIES {
            if !matches!(member.proof(), Ok(Some(_))) {
                return;
            }
            if let Some(Err(error)) = member.client().poll(LEAVE_WAIT) {
                tracing::debug!(instance = self.instance, %error, "while leaving");
            }
        }
        tracing::warn!(
            instance = self.instance,
            group = self.group,
            "left without the group knowing; it will time out"
        );
    }
}

impl From<Told> for Polled<'_> {
    fn from(told: Told) -> Self {
        match told {
            Told::Assigned(partitions) => Polled::Assigned(partitions),
            Told::Revoking(partitions) => Polled::Revoking(partitions),
            Told::Lost(partitions) => Polled::Lost(partitions),
        }
    }
}
