//! What an operator does to a Kafka: topics, records, groups. Every call has a limit.
//!
//! It must never decide what a topic should be; it is told. When nothing answers, the error says
//! who was asked, how long, and what the last trouble was.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use processor::ports::{LogError, Offsets};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic as NativeTopic, ResourceSpecifier, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::{Offset, TopicPartitionList};

use super::config::Role;
use super::context::Context;
use super::error::{describe, failure, fatal, is_passing, retriable};
use super::log::{KafkaLog, not_opened};
use super::native::{self, Failure};
use super::reader::{call_failed, topic_shape};

/// How often a new topic is looked for, and how many times.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const MAX_LOOKS: u32 = 200;

/// A topic to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    pub name: String,
    pub partitions: i32,
    pub replication_factor: i32,
    /// Kafka's topic settings, such as `cleanup.policy`.
    pub config: BTreeMap<String, String>,
}

/// A topic as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    pub name: String,
    /// Another one each time a topic of this name is created.
    pub id: String,
    pub partitions: i32,
    /// Of the partition with the fewest replicas.
    pub replication_factor: i32,
    /// Every setting with the value in force, also those by default.
    pub config: BTreeMap<String, String>,
}

/// One line of a list of topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSummary {
    pub name: String,
    pub partitions: i32,
    pub replication_factor: i32,
}

/// The cluster that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    pub id: String,
    pub brokers: usize,
}

/// A client for operators' calls.
pub struct Admin {
    bootstrap_servers: String,
    /// Asks, and hears of troubles.
    asking: BaseConsumer<Context>,
    doing: AdminClient<Context>,
}

impl Admin {
    /// Connects to nothing yet.
    pub fn new(log: &KafkaLog) -> Result<Self, LogError> {
        let settings = log.settings(Role::Admin);
        let failed = |error: KafkaError| not_opened("the admin client", &error);
        Ok(Self {
            bootstrap_servers: log.config().bootstrap_servers.clone(),
            asking: BaseConsumer::from_config_and_context(&settings, log.context("admin".to_owned(), false))
                .map_err(failed)?,
            doing: AdminClient::from_config_and_context(&settings, log.context("admin requests".to_owned(), false))
                .map_err(failed)?,
        })
    }

    /// Who answers. The call to begin with: it tells an unreachable cluster from all other troubles.
    pub fn cluster(&self, wait: Duration) -> Result<Cluster, LogError> {
        const OPERATION: &str = "connect";
        let metadata = self.asking.fetch_metadata(None, wait);
        let metadata = metadata.map_err(|error| self.unanswered(OPERATION, &failure(&error), wait))?;
        let id = self.asking.client().fetch_cluster_id(wait).unwrap_or_default();
        self.asking.context().all_is_well();
        Ok(Cluster { id, brokers: metadata.brokers().len() })
    }

    /// Creates those that do not exist; returns their names. Says the first failure after trying all.
    pub fn create_topics(&self, topics: &[NewTopic], wait: Duration) -> Result<BTreeSet<String>, LogError> {
        const OPERATION: &str = "create topics";
        let mut names = BTreeSet::new();
        if let Some(twice) = topics.iter().find(|topic| !names.insert(&topic.name)) {
            // librdkafka does not survive the broker's answer.
            return Err(fatal(OPERATION, format!("{} is asked for twice", twice.name)));
        }
        self.cluster(wait)?;
        let natives: Vec<NativeTopic<'_>> = topics.iter().map(native_topic).collect();
        let answer = block_on(self.doing.create_topics(&natives, &options(wait)));
        let mut created = BTreeSet::new();
        let mut failed = None;
        for result in answer.map_err(|error| self.unanswered(OPERATION, &failure(&error), wait))? {
            match result {
                Ok(name) => {
                    created.insert(name);
                }
                Err((_, Code::TopicAlreadyExists)) => {}
                Err((name, code)) => {
                    failed.get_or_insert_with(|| refused(OPERATION, &name, code));
                }
            }
        }
        failed.map_or(Ok(()), Err)?;
        for name in &created {
            self.await_topic(name, true, wait)?;
        }
        Ok(created)
    }

    /// The controller has done it; the brokers that are asked next learn of it a little later.
    fn await_topic(&self, name: &str, there: bool, wait: Duration) -> Result<(), LogError> {
        for _ in 0..MAX_LOOKS {
            if self.describe_topic(name, wait)?.is_some() == there {
                return Ok(());
            }
            // Asking nobody for anything is a wait that owns no clock.
            self.asking.poll(LOOK_EVERY);
        }
        let state = if there { "was created and is not there yet" } else { "was deleted and is still there" };
        Err(retriable("topics", format!("{name} {state}")))
    }

    /// `None` when it does not exist.
    pub fn describe_topic(&self, name: &str, wait: Duration) -> Result<Option<Topic>, LogError> {
        const OPERATION: &str = "describe topic";
        self.cluster(wait)?;
        let id = match native::topic_id(self.asking.client(), name, wait) {
            Ok(id) => id,
            Err(Failure { code: Code::UnknownTopicOrPartition, .. }) => return Ok(None),
            Err(failure) => return Err(call_failed(OPERATION, name, &failure, &self.asking)),
        };
        let (partitions, replication_factor) = topic_shape(OPERATION, &self.asking, name, wait)?;
        let config = self.topic_config(name, wait)?;
        Ok(Some(Topic { name: name.to_owned(), id, partitions, replication_factor, config }))
    }

    fn topic_config(&self, name: &str, wait: Duration) -> Result<BTreeMap<String, String>, LogError> {
        const OPERATION: &str = "describe topic";
        let answer = block_on(self.doing.describe_configs(&[ResourceSpecifier::Topic(name)], &options(wait)));
        let mut config = BTreeMap::new();
        for resource in answer.map_err(|error| self.unanswered(OPERATION, &failure(&error), wait))? {
            let resource = resource.map_err(|code| refused(OPERATION, name, code))?;
            config.extend(resource.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))));
        }
        Ok(config)
    }

    /// All topics but Kafka's own, by name.
    pub fn list_topics(&self, wait: Duration) -> Result<Vec<TopicSummary>, LogError> {
        let metadata = self.asking.fetch_metadata(None, wait);
        let metadata = metadata.map_err(|error| self.unanswered("list topics", &failure(&error), wait))?;
        let mut topics: Vec<TopicSummary> = metadata
            .topics()
            .iter()
            .filter(|topic| !topic.name().starts_with("__"))
            .map(|topic| TopicSummary {
                name: topic.name().to_owned(),
                partitions: topic.partitions().len() as i32,
                replication_factor: topic.partitions().iter().map(|p| p.replicas().len()).min().unwrap_or(0) as i32,
            })
            .collect();
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(topics)
    }

    /// Deletes the records before these offsets.
    pub fn delete_records(&self, before: &Offsets, wait: Duration) -> Result<(), LogError> {
        const OPERATION: &str = "delete records";
        self.cluster(wait)?;
        let mut list = TopicPartitionList::with_capacity(before.len());
        for (at, offset) in before {
            list.add_partition_offset(&at.topic, at.partition, Offset::Offset(*offset))
                .map_err(|error| fatal(OPERATION, format!("{}-{}: {error}", at.topic, at.partition)))?;
        }
        let answer = block_on(self.doing.delete_records(&list, &options(wait)));
        for element in answer.map_err(|error| self.unanswered(OPERATION, &failure(&error), wait))?.elements() {
            element.error().map_err(|error| {
                fatal(OPERATION, format!("{}-{}: {}", element.topic(), element.partition(), failure(&error).text))
            })?;
        }
        Ok(())
    }

    /// Those that do not exist are passed over.
    pub fn delete_topics(&self, names: &[&str], wait: Duration) -> Result<(), LogError> {
        const OPERATION: &str = "delete topics";
        self.cluster(wait)?;
        let answer = block_on(self.doing.delete_topics(names, &options(wait)));
        for result in answer.map_err(|error| self.unanswered(OPERATION, &failure(&error), wait))? {
            passed_over(OPERATION, Code::UnknownTopicOrPartition, result)?;
        }
        for name in names {
            self.await_topic(name, false, wait)?;
        }
        Ok(())
    }

    /// Deletes a group with its committed offsets. It must have no members; one that does not exist is
    /// passed over.
    pub fn delete_group(&self, group: &str, wait: Duration) -> Result<(), LogError> {
        const OPERATION: &str = "delete group";
        self.cluster(wait)?;
        let answer = block_on(self.doing.delete_groups(&[group], &options(wait)));
        for result in answer.map_err(|error| self.unanswered(OPERATION, &failure(&error), wait))? {
            passed_over(OPERATION, Code::GroupIdNotFound, result)?;
        }
        Ok(())
    }

    /// The whole request got no answer, or a refusal.
    fn unanswered(&self, operation: &'static str, failure: &Failure, wait: Duration) -> LogError {
        let about = match failure.code {
            Code::OperationTimedOut | Code::BrokerTransportFailure | Code::AllBrokersDown | Code::TimedOutQueue => {
                format!("no broker of {} answered within {} s", self.bootstrap_servers, wait.as_secs_f64())
            }
            _ => format!("brokers {}", self.bootstrap_servers),
        };
        call_failed(operation, &about, failure, &self.asking)
    }
}

fn passed_over(
    operation: &'static str,
    harmless: Code,
    result: Result<String, (String, Code)>,
) -> Result<(), LogError> {
    match result {
        Err((name, code)) if code != harmless => Err(refused(operation, &name, code)),
        _ => Ok(()),
    }
}

/// One of several was not done.
fn refused(operation: &'static str, name: &str, code: Code) -> LogError {
    let reason = format!("{name}: {}", describe(code));
    if is_passing(code) { retriable(operation, reason) } else { fatal(operation, reason) }
}

fn native_topic(topic: &NewTopic) -> NativeTopic<'_> {
    let replication = TopicReplication::Fixed(topic.replication_factor);
    let native = NativeTopic::new(&topic.name, topic.partitions, replication);
    topic.config.iter().fold(native, |native, (name, value)| native.set(name, value))
}

fn options(wait: Duration) -> AdminOptions {
    AdminOptions::new().request_timeout(Some(wait)).operation_timeout(Some(wait))
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Requests end by themselves at their timeout.
fn block_on<T>(request: impl Future<Output = KafkaResult<T>>) -> KafkaResult<T> {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut request = pin!(request);
    loop {
        match request.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => std::thread::park(),
        }
    }
}
