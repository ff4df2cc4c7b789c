//! A deployment of the real binary on a Kafka of its own: `ingest` and any number of `process`, and
//! the oracle for what they must have decided.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use connectors::kafka::admin::{Admin, NewTopic};
use connectors::kafka::{KafkaConfig, KafkaLog};
use schemas::{avro, topics};
use serde_json::Value;
use test_kafka::{Kafka, Options};

use super::service::{Service, comes_to_nothing, eventually};
use super::{Scratch, client, quartermaster, run};

pub const PARTITIONS: i32 = 8;
const WAIT: Duration = Duration::from_secs(20);
pub const STOCK: &str = "wms.stock-changes";
pub const CATALOG: &str = "wms.catalog";
const INGEST_STOCK: &str = "quartermaster-ingest-stock";
const INGEST_CATALOG: &str = "quartermaster-ingest-catalog";
const PROCESS: &str = "quartermaster-process";

/// Alerts by what makes them unique.
pub type Alerts = BTreeMap<(String, i64), Value>;

pub struct Deployment {
    kafka: Kafka,
    scratch: Scratch,
    config: PathBuf,
}

impl Deployment {
    /// A broker, its topics, and the rules in force.
    pub fn new(rules: &str) -> Self {
        Self::reading(INPUTS, rules)
    }

    /// The same with other inputs.
    pub fn reading(inputs: &str, rules: &str) -> Self {
        let deployment = Self::create(inputs);
        deployment.command(&["topics", "create", "--sources"]).expect(0, &[]);
        deployment.command(&["topics", "check"]).expect(0, &[]);
        let rules = deployment.scratch.file("rules.yaml", rules);
        deployment.command(&["rules", "publish", rules.to_str().unwrap()]).expect(0, &[]);
        deployment
    }

    fn create(inputs: &str) -> Self {
        // Source topics belong to others, and may take larger records than ours.
        let properties = vec![("message.max.bytes".to_owned(), (8 << 20).to_string())];
        let kafka = Kafka::start(Options { properties, ..Options::default() });
        let scratch = Scratch::new();
        let config = scratch.file("quartermaster.toml", config(kafka.bootstrap(), inputs));
        Self { kafka, scratch, config }
    }

    pub fn bootstrap(&self) -> &str {
        self.kafka.bootstrap()
    }

    /// Runs a command that ends.
    pub fn command(&self, arguments: &[&str]) -> super::Ended {
        run(quartermaster(["--config", self.config.to_str().unwrap()]).args(arguments))
    }

    /// Starts a long-running command; its state directory goes by its name.
    pub fn start(&self, command: &str, name: &str) -> Service {
        self.start_with(command, name, &[])
    }

    /// The same with further flags.
    pub fn start_with(&self, command: &str, name: &str, flags: &[&str]) -> Service {
        let state = self.state_directory(name);
        let variables =
            [("QM_STATE__DIRECTORY", state.to_str().unwrap().to_owned()), ("QM_SERVICE__INSTANCE", name.to_owned())];
        let log = self.scratch.path(&format!("{name}.log"));
        let config = ["--config", self.config.to_str().unwrap()];
        let arguments: Vec<&str> = [command].into_iter().chain(config).chain(flags.iter().copied()).collect();
        Service::start(name, log, &arguments, &variables)
    }

    pub fn state_directory(&self, name: &str) -> PathBuf {
        self.scratch.path(&format!("state-{name}"))
    }

    /// Feeds lines to the source topics, each under its SKU.
    pub fn feed(&self, topic: &str, lines: &str) -> usize {
        let records: Vec<(&str, &str)> = lines.lines().map(|line| (sku_of(line), line)).collect();
        let fed = records.len();
        client::produce(self.bootstrap(), topic, records);
        fed
    }

    /// Writes records as they are: key, value.
    pub fn feed_records(&self, topic: &str, records: &[(Option<&str>, Option<&[u8]>)]) {
        client::produce_raw(self.bootstrap(), topic, records);
    }

    /// A canonical line as a record of `inventory.events`.
    pub fn encoded(line: &str) -> Vec<u8> {
        let event = schemas::canonical::decode_event(line.as_bytes()).unwrap();
        let mut value = Vec::new();
        avro::encode_stream(&schemas::stream::StreamRecord::Event(event), &mut value);
        value
    }

    /// What an operator may do to the topics.
    pub fn admin(&self) -> Topics {
        Topics::of(self.bootstrap())
    }

    /// The file that says whose a state directory is.
    pub fn identity_file(&self, name: &str) -> PathBuf {
        self.state_directory(name).join(PROCESS).join("identity")
    }

    /// Waits until everything that was fed is through `ingest`.
    #[track_caller]
    pub fn ingested(&self) {
        self.caught_up(INGEST_CATALOG, CATALOG);
        self.caught_up(INGEST_STOCK, STOCK);
    }

    /// Waits until the stock changes that were fed are through `ingest`.
    #[track_caller]
    pub fn ingested_stock(&self) {
        self.caught_up(INGEST_STOCK, STOCK);
    }

    /// Waits until everything that went through `ingest` is through `process`.
    #[track_caller]
    pub fn processed(&self) {
        self.caught_up(PROCESS, topics::EVENTS);
    }

    #[track_caller]
    fn caught_up(&self, group: &str, topic: &str) {
        comes_to_nothing(&format!("{group} reads {topic}"), || client::behind(self.bootstrap(), group, topic));
    }

    /// Waits until `process` has done this share of what is there.
    #[track_caller]
    pub fn processed_at_least(&self, share: f64) {
        let total = client::read(self.bootstrap(), topics::EVENTS, &BTreeMap::new()).len();
        let may_wait = (total as f64 * (1.0 - share)) as usize;
        comes_to_nothing(&format!("process does {share} of {total} events"), || {
            client::behind(self.bootstrap(), PROCESS, topics::EVENTS).saturating_sub(may_wait)
        });
    }

    /// The alerts that committed readers see.
    pub fn alerts(&self) -> Alerts {
        let seen = client::read(self.bootstrap(), topics::ALERTS, &BTreeMap::new());
        let count = seen.len();
        let line = |record: client::Seen| {
            let alert = avro::decode_alert(record.value.as_deref().unwrap()).unwrap();
            let mut text = Vec::new();
            schemas::canonical::write_alert(&alert, &mut text);
            serde_json::from_slice(&text).unwrap()
        };
        let alerts = by_identity(seen.into_iter().map(line));
        assert_eq!(alerts.len(), count, "(alert_id, revision) is unique");
        alerts
    }

    /// The newest record of every position that committed readers see.
    pub fn positions(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let seen = client::read(self.bootstrap(), topics::POSITIONS, &BTreeMap::new());
        seen.into_iter().filter_map(|record| Some((record.key?, record.value?))).collect()
    }

    /// The alerts that a replay of the committed log and its journal leads to.
    pub fn oracle(&self) -> Alerts {
        let (dump, alerts) = (self.scratch.path("dump.jsonl"), self.scratch.path("oracle.jsonl"));
        self.command(&["topics", "dump", "--to", path(&dump)]).expect(0, &[]);
        let partitions = PARTITIONS.to_string();
        let replay = ["replay", "--format", "log", "--partitions", &partitions, "--alerts", path(&alerts), path(&dump)];
        run(&mut quartermaster(replay)).expect(0, &[]);
        let text = std::fs::read_to_string(alerts).unwrap();
        by_identity(super::json_lines(&text))
    }

    /// Compares what was seen with what must have been; returns the number of alerts.
    #[track_caller]
    pub fn agrees_with_its_oracle(&self) -> usize {
        let (alerts, oracle) = (self.alerts(), self.oracle());
        let missing: Vec<_> = oracle.keys().filter(|key| !alerts.contains_key(*key)).take(5).collect();
        let extra: Vec<_> = alerts.keys().filter(|key| !oracle.contains_key(*key)).take(5).collect();
        assert!(missing.is_empty() && extra.is_empty(), "missing: {missing:?}, extra: {extra:?}");
        let other: Vec<_> = alerts
            .iter()
            .flat_map(|(key, alert)| differences(&format!("{key:?}"), alert, &oracle[key]))
            .take(20)
            .collect();
        assert!(other.is_empty(), "the same alerts say something else: {other:?}");
        alerts.len()
    }
}

pub struct Topics(Admin);

impl Topics {
    pub fn of(bootstrap: &str) -> Self {
        Self(Admin::new(&KafkaLog::new(KafkaConfig::new(bootstrap)).unwrap()).unwrap())
    }

    /// Deletes a topic and waits until it is gone.
    #[track_caller]
    pub fn delete(&self, topic: &str) {
        self.0.delete_topics(&[topic], WAIT).unwrap();
        eventually("the topic is gone", || self.0.describe_topic(topic, WAIT).unwrap().is_none().then_some(()));
    }

    #[track_caller]
    pub fn create(&self, topic: &str, partitions: i32, cleanup_policy: &str) {
        let topic = NewTopic {
            name: topic.to_owned(),
            partitions,
            replication_factor: 1,
            config: BTreeMap::from([("cleanup.policy".to_owned(), cleanup_policy.to_owned())]),
        };
        assert_eq!(self.0.create_topics(&[topic], WAIT).unwrap().len(), 1);
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn by_identity(alerts: impl IntoIterator<Item = Value>) -> Alerts {
    let identity =
        |alert: &Value| (alert["alert_id"].as_str().unwrap().to_owned(), alert["revision"].as_i64().unwrap());
    alerts.into_iter().map(|alert| (identity(&alert), alert)).collect()
}

/// The SKU of a canonical line, without parsing all of it.
fn sku_of(line: &str) -> &str {
    line.split_once("\"sku\":\"").and_then(|(_, rest)| rest.split_once('"')).map_or("", |(sku, _)| sku)
}

/// Stock changes and items as canonical lines.
const INPUTS: &str = r#"
[[ingest.inputs]]
name = "stock"
topic = "wms.stock-changes"
content = "stock-changes"
format = "json"

[[ingest.inputs]]
name = "catalog"
topic = "wms.catalog"
content = "catalog"
format = "json"
"#;

fn config(bootstrap: &str, inputs: &str) -> String {
    format!(
        r#"
[kafka]
bootstrap_servers = "{bootstrap}"
replication_factor = 1
min_insync_replicas = 1
session_timeout_ms = 6000

[process]
threads = 1
events_partitions = {PARTITIONS}

[ingest]
grace_ms = 600000
{inputs}"#
    )
}

/// Where two values differ: the path, what is there, and what should be.
fn differences(path: &str, seen: &Value, expected: &Value) -> Vec<String> {
    match (seen, expected) {
        _ if seen == expected => Vec::new(),
        (Value::Object(seen), Value::Object(expected)) => {
            let keys: BTreeSet<&String> = seen.keys().chain(expected.keys()).collect();
            let of = |object: &serde_json::Map<String, Value>, key| object.get(key).cloned().unwrap_or(Value::Null);
            keys.into_iter()
                .flat_map(|key| differences(&format!("{path}.{key}"), &of(seen, key), &of(expected, key)))
                .collect()
        }
        _ => vec![format!("{path}: {seen}, expected {expected}")],
    }
}
