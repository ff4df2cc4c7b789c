//! One transaction: outputs, partial sums, journal, dead letters, changelog, offsets; then commit.

use std::ops::ControlFlow;
use std::time::Duration;

use super::lane::Rejected;
use super::{Clock, FailPoint, ProtocolStep, RuntimeError, StageConfig};
use schemas::headers::of_dead_letter;
use schemas::stream::DeadLetter;

use crate::operator::{Operator, Produced};
use crate::ports::{GroupMetadata, LogError, Offsets, ProduceRecord, TopicPartition, TransactionalLog};
use crate::task::CommitUnit;

/// One partition's part of a transaction.
pub(super) struct Share<'a, O: Operator> {
    pub(super) partition: i32,
    pub(super) operator: &'a O,
    pub(super) unit: &'a CommitUnit<O::Output>,
    pub(super) rejected: &'a [Rejected],
}

/// What the transaction needs of its worker.
pub(super) struct Transaction<'a> {
    pub(super) config: &'a StageConfig,
    pub(super) producer: &'a mut dyn TransactionalLog,
    pub(super) clock: &'a dyn Clock,
    pub(super) failpoints: &'a mut dyn FailPoint,
}

impl Transaction<'_> {
    /// Returns once the log says that everything is committed.
    pub(super) fn run<O: Operator>(
        &mut self,
        shares: &[Share<'_, O>],
        group: &dyn Fn() -> Result<GroupMetadata, LogError>,
    ) -> Result<(), RuntimeError> {
        self.call("begin", |producer, _| producer.begin())?;
        self.reached(ProtocolStep::Begun)?;
        let mut offsets = Offsets::new();
        for share in shares {
            self.produce_share(share)?;
            offsets.insert(TopicPartition::new(&self.config.topics.input, share.partition), share.unit.position);
        }
        self.reached(ProtocolStep::Produced)?;
        // A member that was put out of its group cannot commit; it is told so by its next poll.
        let group = group().map_err(|error| match error {
            LogError::Fenced { operation, reason } => LogError::Abortable { operation, reason },
            other => other,
        });
        #[cfg(feature = "planted-bugs")]
        let group = match group {
            _ if crate::planted::is(crate::planted::Bug::NoGeneration) => {
                Ok(crate::planted::nobody(&self.config.application))
            }
            group => group,
        };
        let group = group?;
        self.call("send_offsets", |producer, wait| producer.send_offsets(&offsets, &group, wait))?;
        self.reached(ProtocolStep::OffsetsSent)?;
        self.call("commit", |producer, wait| producer.commit(wait))?;
        self.reached(ProtocolStep::Committed)
    }

    fn reached(&mut self, step: ProtocolStep) -> Result<(), RuntimeError> {
        match self.failpoints.reached(step) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(RuntimeError::Killed(step)),
        }
    }

    fn produce_share<O: Operator>(&mut self, share: &Share<'_, O>) -> Result<(), RuntimeError> {
        for output in &share.unit.outputs {
            self.produce_output(share.operator, output)?;
        }
        for record in share.unit.published.records() {
            self.produce_encoded(&record)?;
        }
        self.produce_runtime_records(share.partition, share.unit)?;
        for rejected in share.rejected {
            self.produce_dead_letter(share.partition, rejected)?;
        }
        for (key, row) in share.unit.rows() {
            self.produce(ProduceRecord {
                topic: &self.config.topics.changelog,
                partition: Some(share.partition),
                key: Some(key),
                value: row,
                headers: &[],
                timestamp_ms: None,
            })?;
        }
        Ok(())
    }

    fn produce_output<O: Operator>(&mut self, operator: &O, output: &O::Output) -> Result<(), RuntimeError> {
        let mut result = Ok(());
        operator.produce(output, &mut |record| {
            if result.is_ok() {
                result = self.produce_encoded(&record);
            }
        });
        result
    }

    fn produce_encoded(&mut self, record: &Produced<'_>) -> Result<(), RuntimeError> {
        self.produce(ProduceRecord {
            topic: record.topic,
            partition: record.partition,
            key: record.key,
            value: record.value,
            headers: record.headers,
            timestamp_ms: None,
        })
    }

    fn produce_runtime_records<T>(&mut self, partition: i32, unit: &CommitUnit<T>) -> Result<(), RuntimeError> {
        let config = self.config;
        let mut value = Vec::new();
        if let Some(topic) = &config.topics.aggregates {
            for partial in &unit.partials {
                let key = format!("{}|{}|{}|{}", partial.scope, partial.id, partial.epoch, partial.partition);
                value.clear();
                schemas::avro::encode_aggregate(partial, &mut value);
                self.produce(keyed(topic, 0, &key, &value))?;
            }
        }
        if let Some(topic) = &config.topics.journal {
            for entry in &unit.journal {
                let key = format!("{}|{}", entry.partition, entry.offset);
                value.clear();
                schemas::avro::encode_journal(entry, &mut value);
                self.produce(keyed(topic, partition, &key, &value))?;
            }
        }
        Ok(())
    }

    fn produce_dead_letter(&mut self, partition: i32, rejected: &Rejected) -> Result<(), RuntimeError> {
        let (config, record) = (self.config, &rejected.record);
        let letter = DeadLetter {
            topic: config.topics.input.clone(),
            partition,
            offset: record.offset,
            stage: config.stage.clone(),
            error_class: rejected.rejection.class.to_owned(),
            message: rejected.rejection.message.clone(),
        };
        let (headers, value) = of_dead_letter(&letter, &record.headers, record.value.as_deref());
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        self.produce(ProduceRecord {
            topic: &config.topics.dead_letters,
            partition: None,
            key: record.key.as_deref(),
            value,
            headers: &headers,
            timestamp_ms: None,
        })
    }

    fn produce(&mut self, record: ProduceRecord<'_>) -> Result<(), RuntimeError> {
        self.call("produce", |producer, _| producer.gather(record))
    }

    /// Calls again while the log says so, within one call timeout; past it the transaction is in
    /// doubt, whatever it was that did not get through.
    fn call(
        &mut self,
        operation: &'static str,
        mut call: impl FnMut(&mut dyn TransactionalLog, Duration) -> Result<(), LogError>,
    ) -> Result<(), RuntimeError> {
        let wait = Duration::from_millis(self.config.call_timeout_ms);
        // Nearly every call succeeds at once, and needs no clock. One that fails has waited by itself, too.
        let mut deadline = None;
        loop {
            let reason = match call(self.producer, wait) {
                Err(LogError::Retriable { reason, .. }) => reason,
                result => return Ok(result?),
            };
            let now_ms = self.clock.monotonic_ms();
            if now_ms >= *deadline.get_or_insert(now_ms + self.config.call_timeout_ms as i64) {
                return Err(LogError::InDoubt { operation, reason }.into());
            }
        }
    }
}

fn keyed<'a>(topic: &'a str, partition: i32, key: &'a str, value: &'a [u8]) -> ProduceRecord<'a> {
    ProduceRecord {
        topic,
        partition: Some(partition),
        key: Some(key.as_bytes()),
        value: Some(value),
        headers: &[],
        timestamp_ms: None,
    }
}
