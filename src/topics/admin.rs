//! The port through which topics are looked at and made.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use connectors::kafka::KafkaLog;
use connectors::kafka::admin::{self, Admin};
use processor::ports::LogError;

/// A topic to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    pub name: String,
    pub partitions: i32,
    pub replication_factor: i32,
    pub settings: BTreeMap<String, String>,
}

/// A topic as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub partitions: i32,
    pub replication_factor: i32,
    /// Every setting with the value in force.
    pub settings: BTreeMap<String, String>,
}

/// Looks at topics and makes them; each call waits at most `max_wait` for each answer.
pub trait TopicAdmin: Send {
    /// Fails as long as nobody answers, with the last trouble.
    fn reach(&self, max_wait: Duration) -> Result<(), LogError>;
    /// `None` when there is no such topic.
    fn find(&self, name: &str, max_wait: Duration) -> Result<Option<Found>, LogError>;
    /// Makes those that are not there; returns the names of those it made.
    fn create(&self, topics: &[NewTopic], max_wait: Duration) -> Result<BTreeSet<String>, LogError>;
}

/// The topics of a Kafka cluster.
pub struct KafkaTopics {
    admin: Admin,
}

impl KafkaTopics {
    pub fn new(log: &KafkaLog) -> Result<Self, LogError> {
        Ok(Self { admin: Admin::new(log)? })
    }
}

impl TopicAdmin for KafkaTopics {
    fn reach(&self, max_wait: Duration) -> Result<(), LogError> {
        self.admin.cluster(max_wait).map(drop)
    }

    fn find(&self, name: &str, max_wait: Duration) -> Result<Option<Found>, LogError> {
        let found = self.admin.describe_topic(name, max_wait)?;
        Ok(found.map(|topic| Found {
            partitions: topic.partitions,
            replication_factor: topic.replication_factor,
            settings: topic.config,
        }))
    }

    fn create(&self, topics: &[NewTopic], max_wait: Duration) -> Result<BTreeSet<String>, LogError> {
        let native = |topic: &NewTopic| admin::NewTopic {
            name: topic.name.clone(),
            partitions: topic.partitions,
            replication_factor: topic.replication_factor,
            config: topic.settings.clone(),
        };
        self.admin.create_topics(&topics.iter().map(native).collect::<Vec<_>>(), max_wait)
    }
}
