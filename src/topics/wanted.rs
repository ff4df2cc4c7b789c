//! The topics there should be, from the contract and the configuration.

use std::collections::BTreeMap;

use schemas::time::DAY_MS;
use schemas::topics::{self, Cleanup};

use crate::config::Config;
use crate::stages::{ingest, notify, process};

/// How many partitions a topic should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Count {
    /// … and the key of the configuration that says so, where there is one.
    Exactly(i32, Option<&'static str>),
    /// As many as this topic has, which is somebody else's.
    SameAs(String),
    /// Somebody else's topic.
    Any,
}

/// A topic as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub name: String,
    pub partitions: Count,
    /// Settings that are made, and of which a check compares those it knows to matter.
    pub settings: BTreeMap<String, String>,
}

/// Tombstones stay for as long as a store may be away and still be brought up to date.
const CHANGELOG_DELETE_RETENTION_MS: i64 = 7 * DAY_MS;
const EVENTS_PARTITIONS: &str = "process.events_partitions";

/// Every topic of the stages, sources excepted.
pub fn wanted(config: &Config) -> Vec<Wanted> {
    let events = config.process.events_partitions;
    let mut all: Vec<Wanted> = topics::TOPICS.iter().map(|topic| of_contract(topic, events)).collect();
    all.extend(config.ingest.all_inputs().iter().map(|input| {
        let partitions = match topics::named(&input.topic) {
            Some(_) => Count::Exactly(events, Some(EVENTS_PARTITIONS)),
            None => Count::SameAs(input.topic.clone()),
        };
        changelog(&ingest::application(&input.name), partitions)
    }));
    for application in [process::APPLICATION, notify::ROUTE, notify::DISPATCH] {
        all.push(changelog(application, Count::Exactly(events, Some(EVENTS_PARTITIONS))));
    }
    let in_sync = config.kafka.min_insync_replicas.to_string();
    for topic in &mut all {
        topic.settings.insert("min.insync.replicas".to_owned(), in_sync.clone());
    }
    all
}

/// The topics that inputs read and that are somebody else's, for trying things: as many partitions as
/// `inventory.events`, or one for the rows of a warehouse system, whose order counts across its tables; the
/// broker's own settings.
pub fn sources(config: &Config) -> Vec<Wanted> {
    let foreign = config.ingest.inputs.iter().filter(|input| topics::named(&input.topic).is_none());
    let wanted = foreign.map(|input| {
        let partitions = input.content.canonical().map_or(1, |_| config.process.events_partitions);
        Wanted { name: input.topic.clone(), partitions: Count::Exactly(partitions, None), settings: BTreeMap::new() }
    });
    wanted.collect()
}

fn of_contract(topic: &topics::Topic, events: i32) -> Wanted {
    let mut settings = policy(topic.cleanup);
    settings.insert("max.message.bytes".to_owned(), topic.max_message_bytes().to_string());
    if let Some(days) = topic.retention_days {
        settings.insert("retention.ms".to_owned(), (i64::from(days) * DAY_MS).to_string());
    }
    let partitions = match topic.partitions {
        topics::Partitions::SameAsEvents => Count::Exactly(events, Some(EVENTS_PARTITIONS)),
        topics::Partitions::Exactly(count) => Count::Exactly(count, None),
    };
    Wanted { name: topic.name.to_owned(), partitions, settings }
}

/// The changelog of an application's state.
pub fn changelog(application: &str, partitions: Count) -> Wanted {
    let mut settings = policy(Cleanup::Compact);
    settings.insert("max.message.bytes".to_owned(), topics::MAX_MESSAGE_BYTES.to_string());
    settings.insert("delete.retention.ms".to_owned(), CHANGELOG_DELETE_RETENTION_MS.to_string());
    // Compacted early: a full restore reads all of it.
    settings.insert("min.cleanable.dirty.ratio".to_owned(), "0.3".to_owned());
    Wanted { name: topics::changelog(application, "state"), partitions, settings }
}

fn policy(cleanup: Cleanup) -> BTreeMap<String, String> {
    BTreeMap::from([("cleanup.policy".to_owned(), cleanup.policy().to_owned())])
}
