//! The handle of a Kafka log and the clients it opens.

use std::sync::Arc;

use processor::ports::{Isolation, Log, LogConsumer, LogError, LogReader, TransactionalLog};
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;

use super::config::{KafkaConfig, Role, check, client_config};
use super::consumer::KafkaConsumer;
use super::context::Context;
use super::error::fatal;
use super::producer::KafkaProducer;
use super::reader::KafkaReader;
use super::statistics::{Collector, Statistics};

/// A log on a Kafka cluster. Clones are handles of the same log. Opening it connects to nothing:
/// its clients do, and say in their errors when they cannot.
#[derive(Clone)]
pub struct KafkaLog {
    config: Arc<KafkaConfig>,
    collector: Arc<Collector>,
}

impl KafkaLog {
    /// Fails when a setting is unknown, has a bad value or would break a promise.
    pub fn new(config: KafkaConfig) -> Result<Self, LogError> {
        check(&config)?;
        Ok(Self { config: Arc::new(config), collector: Arc::default() })
    }

    pub fn config(&self) -> &KafkaConfig {
        &self.config
    }

    /// The latest figures of the clients that are open; empty until the first interval is over.
    pub fn statistics(&self) -> Statistics {
        self.collector.total()
    }

    pub(super) fn settings(&self, role: Role<'_>) -> ClientConfig {
        client_config(&self.config, role)
    }

    /// `name` is for logs; only a group member's lag is worth a figure.
    pub(super) fn context(&self, name: String, group_member: bool) -> Context {
        Context::new(name, group_member, &self.collector)
    }
}

/// A client cannot even be made: settings that do not go together, or no thread.
pub(super) fn not_opened(who: &str, error: &KafkaError) -> LogError {
    let reason = match error {
        KafkaError::ClientCreation(reason) => reason.clone(),
        error => error.to_string(),
    };
    fatal("open", format!("{who} cannot be opened: {reason}"))
}

impl Log for KafkaLog {
    fn consumer(&self, group: &str, instance: &str) -> Result<Box<dyn LogConsumer>, LogError> {
        Ok(Box::new(KafkaConsumer::open(self, group, instance)?))
    }

    fn producer(&self, transactional_id: &str) -> Result<Box<dyn TransactionalLog>, LogError> {
        Ok(Box::new(KafkaProducer::open(self, transactional_id)?))
    }

    fn reader(&self) -> Result<Box<dyn LogReader>, LogError> {
        Ok(Box::new(KafkaReader::open(self)?))
    }
}

pub(super) fn isolation_name(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::ReadCommitted => "committed",
        Isolation::ReadUncommitted => "uncommitted",
    }
}
