//! A static member of a consumer group.
//!
//! ```text
//!  librdkafka says assign ─▶ taken in, paused ─▶ Assigned ─▶ seek ─▶ resumed: records
//!                  revoke ─▶ Revoking ─▶ complete_revoke ─▶ given up
//!                    lost ─▶ given up ─▶ Lost
//! ```
//!
//! Rebalances are answered here and never inside of librdkafka's callback; the group waits for a
//! revocation to be completed, and for nothing else. Dropped without `close` it is gone silently:
//! a static member's seat stays taken until its session times out.

mod rebalance;
mod seek;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use processor::ports::{GroupMetadata, LogConsumer, LogError, Offsets, Polled, RecordView, TopicPartition};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::config::Role;
use super::context::Context;
use super::error::{failure, fatal, fenced, is_fencing, of_call, partition_error};
use super::log::{KafkaLog, not_opened};
use super::native::{Item, Member};
use rebalance::Told;

/// librdkafka takes no wait for an answer as no answer.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// A partition that is this member's.
#[derive(Clone, Copy, Debug, Default)]
struct Owned {
    /// Nothing is delivered before.
    sought: bool,
    paused: bool,
    revoking: bool,
}

impl Owned {
    fn delivers(self) -> bool {
        self.sought && !self.revoking
    }
}

pub(super) struct KafkaConsumer {
    group: String,
    instance: String,
    topics: Vec<String>,
    /// None once it is closed.
    member: Option<Member>,
    owned: BTreeMap<TopicPartition, Owned>,
    /// What the group waits for, and what of it the caller has not completed yet.
    revoking: Vec<TopicPartition>,
    incomplete: BTreeSet<TopicPartition>,
    /// Found behind records; the next poll says it.
    failed: Option<LogError>,
}

impl KafkaConsumer {
    pub(super) fn open(log: &KafkaLog, group: &str, instance: &str) -> Result<Self, LogError> {
        let settings = log.settings(Role::Consumer { group, instance });
        let context = log.context(format!("consumer {instance}"), true);
        let member = Member::open(&settings, context)
            .map_err(|error| not_opened(&format!("the member {instance} of group {group}"), &error))?;
        Ok(Self {
            group: group.to_owned(),
            instance: instance.to_owned(),
            topics: Vec::new(),
            member: Some(member),
            owned: BTreeMap::new(),
            revoking: Vec::new(),
            incomplete: BTreeSet::new(),
            failed: None,
        })
    }

    fn member(&self, operation: &'static str) -> Result<&Member, LogError> {
        let Some(member) = &self.member else {
            return Err(fatal(operation, format!("{} of group {} is closed", self.instance, self.group)));
        };
        match member.client().client().fatal_error() {
            None => Ok(member),
            Some((code, text)) if is_fencing(code) => Err(fenced(
                operation,
                format!("another client took the instance {} of group {}: {text}", self.instance, self.group),
            )),
            Some((_, text)) => Err(fatal(operation, text)),
        }
    }

    fn client(&self, operation: &'static str) -> Result<&BaseConsumer<Context>, LogError> {
        Ok(self.member(operation)?.client())
    }

    /// Takes note of the errors in a batch.
    fn inspect(&mut self) -> Result<(), LogError> {
        const OPERATION: &str = "poll";
        let Some(member) = &self.member else { return Ok(()) };
        for item in member.batch().items() {
            match item {
                Item::Record(_) | Item::End { .. } => {}
                Item::Failed { topic, partition, offset, code, text } => {
                    let at = TopicPartition::new(topic, partition);
                    let error = partition_error(OPERATION, &at, offset, code, text, member.client().context());
                    if self.owned.get(&at).is_some_and(|owned| owned.delivers()) {
                        self.failed.get_or_insert(error);
                    } else {
                        tracing::debug!(%error, "from a partition that is not read");
                    }
                }
            }
        }
        let nothing_else = member.batch().records().next().is_none();
        if nothing_else { self.failed.take().map_or(Ok(()), Err) } else { Ok(()) }
    }

    /// The last batch, without what nobody may see yet.
    fn delivered(&self) -> Option<Box<dyn Iterator<Item = RecordView<'_>> + '_>> {
        let batch = self.member.as_ref()?.batch();
        if self.owned.values().all(|owned| owned.delivers()) {
            return (!batch.is_empty() && batch.records().next().is_some()).then(|| Box::new(batch.records()) as _);
        }
        let hidden: Vec<(&str, i32)> = self
            .owned
            .iter()
            .filter(|(_, owned)| !owned.delivers())
            .map(|(at, _)| (at.topic.as_str(), at.partition))
            .collect();
        let mut records =
            batch.records().filter(move |record| !hidden.contains(&(record.topic, record.partition))).peekable();
        records.peek().is_some().then(|| Box::new(records) as _)
    }

    /// Refuses partitions that are not this member's.
    fn require(&self, operation: &'static str, partitions: &[TopicPartition]) -> Result<(), LogError> {
        match partitions.iter().find(|at| !self.owned.contains_key(at)) {
            None => Ok(()),
            Some(at) => {
                Err(fatal(operation, format!("{}-{} is not assigned to {}", at.topic, at.partition, self.instance)))
            }
        }
    }
}

impl LogConsumer for KafkaConsumer {
    fn subscribe(&mut self, topics: &[&str]) -> Result<(), LogError> {
        const OPERATION: &str = "subscribe";
        let client = self.client(OPERATION)?;
        if !self.topics.is_empty() {
            return Err(fatal(OPERATION, format!("{} subscribed already; open another consumer", self.instance)));
        }
        client.subscribe(topics).map_err(|error| fatal(OPERATION, format!("{}: {error}", topics.join(", "))))?;
        self.topics = topics.iter().map(|&topic| topic.to_owned()).collect();
        Ok(())
    }

    fn poll(&mut self, max_records: usize, max_wait: Duration) -> Result<Polled<'_>, LogError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if let Some(told) = self.serve()? {
            return Ok(told.into());
        }
        let Some(member) = &mut self.member else { return Ok(Polled::Idle) };
        member.receive(max_records, max_wait);
        if !member.batch().only_records() {
            self.inspect()?;
        }
        if self.delivered().is_none() {
            return Ok(self.serve()?.map_or(Polled::Idle, Told::into));
        }
        Ok(self.delivered().map_or(Polled::Idle, Polled::Records))
    }

    fn complete_revoke(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        const OPERATION: &str = "complete revoke";
        self.member(OPERATION)?;
        if let Some(at) = partitions.iter().find(|at| !self.incomplete.contains(at)) {
            let TopicPartition { topic, partition } = at;
            return Err(fatal(OPERATION, format!("{topic}-{partition} is not being revoked from {}", self.instance)));
        }
        for at in partitions {
            self.incomplete.remove(at);
        }
        if !self.incomplete.is_empty() {
            return Ok(());
        }
        let revoked = std::mem::take(&mut self.revoking);
        self.give_up(&revoked)
    }

    fn seek(&mut self, partition: &TopicPartition, offset: i64) -> Result<(), LogError> {
        const OPERATION: &str = "seek";
        self.require(OPERATION, std::slice::from_ref(partition))?;
        let client = self.client(OPERATION)?;
        seek::seek(client, partition, offset)?;
        let paused = self.owned.get(partition).is_some_and(|owned| owned.paused);
        if !paused {
            let resumed = client.resume(&list(std::slice::from_ref(partition), Offset::Invalid));
            resumed.map_err(|error| fatal(OPERATION, error.to_string()))?;
        }
        if let Some(owned) = self.owned.get_mut(partition) {
            owned.sought = true;
        }
        Ok(())
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        const OPERATION: &str = "pause";
        self.require(OPERATION, partitions)?;
        let paused = self.client(OPERATION)?.pause(&list(partitions, Offset::Invalid));
        paused.map_err(|error| fatal(OPERATION, error.to_string()))?;
        for at in partitions {
            self.owned.entry(at.clone()).or_default().paused = true;
        }
        Ok(())
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        const OPERATION: &str = "resume";
        self.require(OPERATION, partitions)?;
        let sought: Vec<TopicPartition> =
            partitions.iter().filter(|at| self.owned.get(at).is_some_and(|owned| owned.sought)).cloned().collect();
        let resumed = self.client(OPERATION)?.resume(&list(&sought, Offset::Invalid));
        resumed.map_err(|error| fatal(OPERATION, error.to_string()))?;
        for at in partitions {
            self.owned.entry(at.clone()).or_default().paused = false;
        }
        Ok(())
    }

    fn end_reached(&self, partition: &TopicPartition) -> Option<i64> {
        let sought = self.owned.get(partition).is_some_and(|owned| owned.sought);
        self.member.as_ref().filter(|_| sought)?.position(partition)
    }

    fn committed(&mut self, partitions: &[TopicPartition], max_wait: Duration) -> Result<Offsets, LogError> {
        const OPERATION: &str = "committed";
        let client = self.client(OPERATION)?;
        let answer = client.committed_offsets(list(partitions, Offset::Invalid), max_wait.max(SHORTEST_WAIT));
        let failed = |error: KafkaError| {
            let about = format!("the committed offsets of group {}", self.group);
            of_call(OPERATION, &about, &failure(&error), client.context())
        };
        let mut offsets = Offsets::new();
        for element in answer.map_err(failed)?.elements() {
            element.error().map_err(failed)?;
            if let Offset::Offset(offset) = element.offset() {
                offsets.insert(TopicPartition::new(element.topic(), element.partition()), offset);
            }
        }
        Ok(offsets)
    }

    fn group_metadata(&self) -> Result<GroupMetadata, LogError> {
        const OPERATION: &str = "group metadata";
        let member = self.member(OPERATION)?;
        let proof = member.proof().map_err(|failure| fatal(OPERATION, failure.text))?;
        let Some(proof) = proof else {
            return Err(fenced(OPERATION, format!("{} is not in group {} any more", self.instance, self.group)));
        };
        Ok(GroupMetadata {
            group: self.group.clone(),
            member: proof.member,
            generation: proof.generation,
            instance: Some(self.instance.clone()),
        })
    }

    fn close(&mut self, keep_membership: bool) -> Result<(), LogError> {
        self.stop_serving();
        if !keep_membership {
            self.leave();
        }
        self.member = None;
        Ok(())
    }
}

impl Drop for KafkaConsumer {
    fn drop(&mut self) {
        self.stop_serving();
    }
}

fn list(partitions: &[TopicPartition], offset: Offset) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for at in partitions {
        let mut element = list.add_partition(&at.topic, at.partition);
        // Fails only for offsets that librdkafka has no number for; these have one.
        let _ = element.set_offset(offset);
    }
    list
}
