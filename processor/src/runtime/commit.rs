//! What goes into a transaction: outputs, partial sums, journal, dead letters, changelog.

use super::lane::Rejected;
use super::underway::{Ending, Means, Sealed};
use super::{ProtocolStep, RuntimeError};
use schemas::headers::of_dead_letter;
use schemas::stream::DeadLetter;

use crate::operator::{Operator, Produced};
use crate::ports::{GroupMetadata, LogError, Offsets, ProduceRecord, TopicPartition};
use crate::task::CommitUnit;

impl Means<'_> {
    /// Begins a transaction and produces everything. What is left is to end it.
    pub(super) fn produce_all<'o, O: Operator + 'o>(
        &mut self,
        sealed: &[Sealed<O::Output>],
        operator: impl Fn(i32) -> Option<&'o O>,
        group: impl FnOnce() -> Result<GroupMetadata, LogError>,
    ) -> Result<Ending, RuntimeError> {
        self.call("begin", |producer, _| producer.begin())?;
        self.reached(ProtocolStep::Begun)?;
        let mut offsets = Offsets::new();
        for share in sealed {
            let Some(operator) = operator(share.partition) else { continue };
            self.produce_share(operator, share)?;
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
        Ok(Ending::new(offsets, group?))
    }

    fn produce_share<O: Operator>(&mut self, operator: &O, share: &Sealed<O::Output>) -> Result<(), RuntimeError> {
        for output in &share.unit.outputs {
            self.produce_output(operator, output)?;
        }
        for record in share.unit.published.records() {
            self.produce_encoded(&record)?;
        }
        self.produce_runtime_records(share.partition, &share.unit)?;
        for rejected in &share.rejected {
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
