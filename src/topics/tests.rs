//! Topics that are right, and every way in which they can be wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use connectors::memory::{MemoryLog, TopicConfig};
use processor::ports::{Log, LogError, ProduceRecord};
use schemas::topics::Cleanup;

use super::wanted::changelog;
use super::{Count, Found, NewTopic, TopicAdmin, Wanted, check, create, dump, wanted};
use crate::config::Config;

const WAIT: Duration = Duration::from_secs(1);

/// The topics of the embedded log, with settings that a test may spoil.
#[derive(Clone)]
pub struct MemoryTopics {
    log: MemoryLog,
    spoilt: Arc<Mutex<Spoilt>>,
}

#[derive(Default)]
struct Spoilt {
    silent: Option<String>,
    hidden: BTreeSet<String>,
    settings: BTreeMap<String, BTreeMap<String, String>>,
}

impl MemoryTopics {
    pub fn new(log: &MemoryLog) -> Self {
        Self { log: log.clone(), spoilt: Arc::default() }
    }

    fn spoilt(&self) -> MutexGuard<'_, Spoilt> {
        self.spoilt.lock().unwrap()
    }

    pub fn silence(&self, reason: &str) {
        self.spoilt().silent = Some(reason.to_owned());
    }

    pub fn hide(&self, topic: &str) {
        self.spoilt().hidden.insert(topic.to_owned());
    }

    pub fn set(&self, topic: &str, setting: &str, value: &str) {
        self.spoilt().settings.entry(topic.to_owned()).or_default().insert(setting.to_owned(), value.to_owned());
    }
}

impl TopicAdmin for MemoryTopics {
    fn reach(&self, _: Duration) -> Result<(), LogError> {
        match &self.spoilt().silent {
            Some(reason) => Err(LogError::Retriable { operation: "connect", reason: reason.clone() }),
            None => Ok(()),
        }
    }

    fn find(&self, name: &str, _: Duration) -> Result<Option<Found>, LogError> {
        let spoilt = self.spoilt();
        let topics = self.log.topics();
        let Some((_, config)) = topics.iter().find(|(topic, _)| topic == name && !spoilt.hidden.contains(name)) else {
            return Ok(None);
        };
        let mut settings = BTreeMap::from([("cleanup.policy".to_owned(), config.cleanup.policy().to_owned())]);
        settings.extend(spoilt.settings.get(name).cloned().unwrap_or_default());
        Ok(Some(Found { partitions: config.partitions, replication_factor: 1, settings }))
    }

    fn create(&self, topics: &[NewTopic], _: Duration) -> Result<BTreeSet<String>, LogError> {
        for topic in topics {
            let cleanup = match topic.settings["cleanup.policy"].as_str() {
                "compact" => Cleanup::Compact,
                "delete" => Cleanup::Delete,
                _ => Cleanup::CompactAndDelete,
            };
            self.log.create_topic(&topic.name, TopicConfig::new(topic.partitions, cleanup))?;
            topic.settings.iter().for_each(|(setting, value)| self.set(&topic.name, setting, value));
        }
        Ok(topics.iter().map(|topic| topic.name.clone()).collect())
    }
}

fn created() -> (MemoryLog, MemoryTopics, Vec<Wanted>) {
    let log = MemoryLog::default();
    let (admin, wanted) = (MemoryTopics::new(&log), wanted(&Config::default()));
    create(&admin, &wanted, 1, WAIT).unwrap();
    (log, admin, wanted)
}

fn differences(admin: &MemoryTopics, wanted: &[Wanted]) -> Vec<String> {
    check(admin, wanted, WAIT).unwrap().differences.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_created_is_as_it_should_be_and_creating_again_changes_nothing() {
    let (log, admin, wanted) = created();
    assert_eq!(differences(&admin, &wanted), [""; 0]);
    assert_eq!(log.topics().len(), wanted.len());
    let again = create(&admin, &wanted, 1, WAIT).unwrap();
    assert!(again.iter().all(|topic| topic.partitions.is_none()));
    let changelog = admin.find("quartermaster-process-state-changelog", WAIT).unwrap().unwrap();
    assert_eq!(changelog.partitions, 64);
    for (setting, value) in
        [("cleanup.policy", "compact"), ("delete.retention.ms", "604800000"), ("min.cleanable.dirty.ratio", "0.3")]
    {
        assert_eq!(changelog.settings[setting], value);
    }
    // One replica cannot be two in-sync ones.
    assert_eq!(changelog.settings["min.insync.replicas"], "1");
}

#[test]
fn every_difference_is_found_with_what_to_do() {
    let (_, admin, wanted) = created();
    let spoil = |topic: &str, setting: &str, value: &str| {
        let (_, fresh, _) = created();
        fresh.set(topic, setting, value);
        differences(&fresh, &wanted)
    };
    assert!(matches!(&spoil("inventory.rules", "cleanup.policy", "delete")[..],
        [one] if one.contains("inventory.rules: cleanup.policy is delete instead of compact") && one.contains("kafka-configs")));
    assert!(matches!(&spoil("inventory.events", "retention.ms", "604800000")[..],
        [one] if one.contains("retention.ms is 604800000, less than 34560000000") && one.contains("kafka-configs")));
    assert!(matches!(&spoil("quartermaster-process-state-changelog", "delete.retention.ms", "1000")[..],
        [one] if one.contains("restored in full")));
    assert_eq!(spoil("inventory.events", "min.insync.replicas", "0").len(), 1);
    // More than asked for, for ever, another order, what nobody asked for.
    assert_eq!(spoil("inventory.events", "retention.ms", "-1"), [""; 0]);
    assert_eq!(spoil("inventory.events", "retention.ms", "99999999999"), [""; 0]);
    assert_eq!(spoil("inventory.aggregates", "cleanup.policy", "delete,compact"), [""; 0]);
    assert_eq!(spoil("inventory.events", "segment.bytes", "1"), [""; 0]);
    admin.hide("inventory.alerts");
    assert!(matches!(&differences(&admin, &wanted)[..],
        [one] if one.contains("inventory.alerts: does not exist") && one.contains("topics create")));
}

#[test]
fn partitions_are_compared_with_the_configuration_or_with_another_topic() {
    let (log, admin, wanted_64) = created();
    let mut config = Config::default();
    config.process.events_partitions = 8;
    let told = differences(&admin, &wanted(&config));
    assert_eq!(told.len(), wanted_64.iter().filter(|t| matches!(t.partitions, Count::Exactly(64, _))).count());
    assert!(
        told[0].contains("has 64 partitions instead of 8") && told[0].contains("`process.events_partitions` to 64")
    );

    log.create_topic("source", TopicConfig::new(3, Cleanup::Delete)).unwrap();
    log.create_topic("x-state-changelog", TopicConfig::new(2, Cleanup::Compact)).unwrap();
    let of = |model: &str| changelog("x", Count::SameAs(model.to_owned()));
    assert!(differences(&admin, &[of("source")])[0].contains("has 2 partitions instead of 3"));
    assert!(differences(&admin, &[of("nobody")])[0].contains("nobody, which does not exist; create nobody first"));
    let made = create(&admin, &[changelog("y", Count::SameAs("source".to_owned()))], 3, WAIT).unwrap();
    assert_eq!(made[0].partitions, Some(3));
    let error = create(&admin, &[changelog("z", Count::SameAs("nobody".to_owned()))], 3, WAIT).unwrap_err();
    assert!(error.to_string().contains("create that first"), "{error}");
    let elsewhere = Wanted { name: "source".to_owned(), partitions: Count::Any, settings: BTreeMap::new() };
    assert_eq!(differences(&admin, &[elsewhere]), [""; 0]);
}

#[test]
fn only_what_makes_results_wrong_keeps_a_stage_from_starting() {
    let (_, admin, wanted) = created();
    admin.set("inventory.events", "retention.ms", "1");
    admin.set("inventory.alerts", "cleanup.policy", "compact");
    let found = check(&admin, &wanted, WAIT).unwrap().differences;
    assert_eq!(found.iter().map(super::Difference::forbids_start).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn a_dump_has_what_was_committed_when_it_began_and_ends() {
    let log = MemoryLog::default();
    log.create_topic("t", TopicConfig::new(2, Cleanup::Delete)).unwrap();
    let mut producer = log.producer("p").unwrap();
    producer.init_transactions(WAIT).unwrap();
    for (nth, key) in ["a", "b", "c", "never"].iter().enumerate() {
        producer.begin().unwrap();
        let partition = Some(nth as i32 % 2);
        let (key, value) = (Some(key.as_bytes()), Some(&b"v"[..]));
        producer
            .produce(ProduceRecord { topic: "t", partition, key, value, headers: &[], timestamp_ms: None })
            .unwrap();
        if nth == 3 { producer.abort(WAIT).unwrap() } else { producer.commit(WAIT).unwrap() }
    }
    let mut out = Vec::new();
    let written = dump::dump(&mut *log.reader().unwrap(), &["t"], WAIT, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!(written, 3);
    assert_eq!(text.lines().count(), 3);
    assert!(text.lines().all(|line| line.starts_with("{\"topic\":\"t\"")) && !text.contains("never"), "{text}");
}
