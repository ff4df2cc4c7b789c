//! `ingest`, `topics create --sources` and `rules publish`, the real binary on a real Kafka.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods, reason = "a test waits for another process")]

mod support;

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use connectors::kafka::{KafkaConfig, KafkaLog};
use processor::ports::{Isolation, Log, ProduceRecord, TopicPartition};
use schemas::stream::StreamRecord;
use schemas::{avro, headers, topics};
use support::{Ended, Scratch, quartermaster, run};
use test_kafka::{Kafka, Options};

const WAIT: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_mins(1);
const PARTITIONS: i32 = 3;
const RULES: &str = "version: 1\nid: shop\nrules:\n  - { id: out, kind: stock_out }\n";

const INPUTS: &str = r#"
[[ingest.inputs]]
name = "stock"
topic = "wms.stock"
content = "stock-changes"
silence_after_ms = 1000

[[ingest.inputs]]
name = "items"
topic = "wms.items"
content = "catalog"

[[ingest.inputs]]
name = "places"
topic = "wms.places"
content = "locations"
"#;

/// A cluster, a configuration for it, and the commands that are run with it.
struct Site {
    kafka: Kafka,
    scratch: Scratch,
    config: String,
}

impl Site {
    fn new() -> Self {
        let (kafka, scratch) = (Kafka::start(Options::default()), Scratch::new());
        let text = format!(
            "[kafka]\nbootstrap_servers = \"{}\"\nreplication_factor = 1\nmin_insync_replicas = 1\n\
             [process]\nevents_partitions = {PARTITIONS}\n[admin]\nlisten = \"127.0.0.1:0\"\n\
             [state]\ndirectory = \"{}\"\n[service]\ninstance = \"here\"\nleave_on_exit = true\n{INPUTS}",
            kafka.bootstrap(),
            scratch.path("state").display()
        );
        let config = scratch.file("config.toml", text).display().to_string();
        Self { kafka, scratch, config }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        quartermaster(["--config", self.config.as_str()].iter().chain(arguments))
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        run(&mut self.command(arguments))
    }

    fn start(&self, role: &str) -> Service {
        Service(self.command(&[role]).stdout(Stdio::null()).spawn().expect("the binary starts"))
    }

    fn log(&self) -> KafkaLog {
        KafkaLog::new(KafkaConfig::new(self.kafka.bootstrap())).unwrap()
    }

    fn produce(&self, records: &[(&str, &str, Option<&str>)]) {
        let mut producer = self.log().producer("wms").unwrap();
        producer.init_transactions(WAIT).unwrap();
        producer.begin().unwrap();
        for (topic, key, value) in records {
            let (key, value) = (Some(key.as_bytes()), value.map(str::as_bytes));
            let record = ProduceRecord { topic, partition: None, key, value, headers: &[], timestamp_ms: None };
            producer.produce(record).unwrap();
        }
        producer.commit(WAIT).unwrap();
    }

    /// Every committed record of a topic.
    fn committed(&self, topic: &str) -> Vec<Seen> {
        let mut reader = self.log().reader().unwrap();
        let mut seen = Vec::new();
        for partition in 0..reader.partitions(topic, WAIT).unwrap() {
            let at = TopicPartition::new(topic, partition);
            let extent = reader.extent(&at, WAIT).unwrap();
            let mut offset = extent.start;
            while offset < extent.stable {
                let sink = &mut |record: processor::ports::RecordView<'_>| {
                    seen.push(Seen {
                        key: String::from_utf8_lossy(record.key.unwrap_or_default()).into_owned(),
                        value: record.value.map(<[u8]>::to_vec),
                        class: headers::to_dead_letter(record.headers).ok().map(|letter| letter.error_class),
                    });
                };
                offset = reader.read(&at, offset, Isolation::ReadCommitted, 1_000, WAIT, sink).unwrap();
            }
        }
        seen
    }

    /// What `inventory.events` holds: how often each event, and how many of each other record.
    fn events(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for seen in self.committed(topics::EVENTS) {
            let name = match avro::decode_stream(seen.value.as_deref().unwrap()).unwrap() {
                StreamRecord::Event(event) => event.event_id.into_owned(),
                StreamRecord::Catalog(change) if change.item.is_some() => format!("item {}", change.sku),
                StreamRecord::Catalog(change) => format!("no item {}", change.sku),
                StreamRecord::Action(action) => format!("action {}", action.action_id),
                StreamRecord::Watermark(_) => "watermark".to_owned(),
                StreamRecord::Silence(silence) => format!("silence {}", silence.source_partition),
            };
            *counts.entry(name).or_default() += 1;
        }
        counts
    }
}

struct Seen {
    key: String,
    value: Option<Vec<u8>>,
    class: Option<String>,
}

/// A running service; killed where a test fails before it is stopped.
struct Service(Child);

impl Service {
    /// SIGTERM; it must end cleanly.
    fn stop(mut self) {
        let told = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().unwrap();
        assert!(told.success());
        assert_eq!(self.0.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[track_caller]
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn sale(id: &str, minute: u32) -> String {
    format!(
        r#"{{"event_id":"{id}","sku":"SKU-{}","location":"STORE-7","occurred_at":"2026-11-22T05:{minute:02}:00Z","change":{{"type":"sold","quantity":1}}}}"#,
        minute % 5
    )
}

const ITEM: &str = r#"{"sku":"SKU-1","name":"Phone case"}"#;
const PLACE: &str = r#"{"location":"STORE-7","time_zone":"Asia/Shanghai"}"#;
const ACTION: &str =
    r#"{"action_id":"a-1","alert_id":"b","kind":"snooze","occurred_at":"2026-11-22T06:00:00Z","sku":"SKU-1"}"#;

#[test]
fn inputs_are_relayed_exactly_once_and_rules_are_published() {
    let site = Site::new();
    nothing_starts_without_its_topics(&site);
    let created = site.run(&["topics", "create", "--sources"]);
    created.expect(0, &[]);
    for topic in ["wms.stock", "quartermaster-ingest-stock-state-changelog", "inventory.actions"] {
        assert!(created.stdout.contains(&format!("{topic}: created, {PARTITIONS} partitions")), "{}", created.stdout);
    }
    site.run(&["topics", "check"]).expect(0, &[]);
    everything_is_relayed(&site);
    a_restart_repeats_nothing(&site);
    rules_are_published(&site);
}

fn nothing_starts_without_its_topics(site: &Site) {
    let ended = site.run(&["ingest"]);
    ended.expect(2, &["wms.stock: does not exist; let its owner create it", "inventory.events: does not exist"]);
    site.run(&["topics", "create"]).expect(1, &["wms.stock", "--sources"]);
}

fn everything_is_relayed(site: &Site) {
    let sales: Vec<String> = (0..30).map(|n| sale(&format!("e-{n}"), n)).collect();
    let mut records: Vec<(&str, &str, Option<&str>)> = vec![
        ("wms.items", "SKU-1", Some(ITEM)),
        ("wms.items", "SKU-2", None),
        ("wms.places", "STORE-7", Some(PLACE)),
        ("wms.places", "X", Some(r#"{"location":"X","time_zone":"Mars/Olympus"}"#)),
        (topics::ACTIONS, "b", Some(ACTION)),
        (topics::ACTIONS, "b", Some(ACTION)),
        ("wms.stock", "k", Some("not json")),
        ("wms.stock", "k", None),
    ];
    records.extend(sales.iter().map(|line| ("wms.stock", "one-partition", Some(line.as_str()))));
    site.produce(&records);
    let ingest = site.start("ingest");
    eventually("everything is relayed, and the partitions without records are silent", || {
        let events = site.events();
        let relayed = (0..30).all(|n| events.contains_key(&format!("e-{n}")));
        let silent = events.keys().filter(|name| name.starts_with("silence")).count();
        // Each input is a worker of its own: none is done because another is.
        let others = !site.committed(topics::LOCATIONS).is_empty() && site.committed(topics::DEAD_LETTERS).len() == 3;
        let known = events.contains_key("no item SKU-2") && events.contains_key("action a-1");
        relayed && silent == 3 && known && others
    });
    ingest.stop();
    let events = site.events();
    assert!((0..30).all(|n| events[&format!("e-{n}")] == 1), "{events:?}");
    assert_eq!((events["item SKU-1"], events["no item SKU-2"], events["action a-1"]), (1, 1, 1));
    let twins: Vec<(String, bool)> =
        site.committed(topics::CATALOG).into_iter().map(|seen| (seen.key, seen.value.is_some())).collect();
    assert!(twins.contains(&("SKU-1".to_owned(), true)) && twins.contains(&("SKU-2".to_owned(), false)), "{twins:?}");
    let places = site.committed(topics::LOCATIONS);
    assert_eq!(places.iter().map(|seen| &*seen.key).collect::<Vec<_>>(), ["STORE-7"]);
    let mut classes: Vec<String> =
        site.committed(topics::DEAD_LETTERS).into_iter().filter_map(|seen| seen.class).collect();
    classes.sort_unstable();
    assert_eq!(classes, ["invalid_location", "malformed", "null_value"]);
}

fn a_restart_repeats_nothing(site: &Site) {
    let ingest = site.start("ingest");
    let line = sale("late", 45);
    site.produce(&[("wms.stock", "one-partition", Some(&line)), (topics::ACTIONS, "b", Some(ACTION))]);
    eventually("the new record is relayed", || site.events().contains_key("late"));
    ingest.stop();
    let events = site.events();
    assert!((0..30).all(|n| events[&format!("e-{n}")] == 1), "{events:?}");
    assert_eq!((events["late"], events["action a-1"], events["item SKU-1"]), (1, 1, 1));
}

fn rules_are_published(site: &Site) {
    let publish = |text: &str, flags: &[&str]| {
        let file = site.scratch.file("rules.yaml", text).display().to_string();
        site.run(&[&["rules", "publish", file.as_str()], flags].concat())
    };
    let dry = publish(RULES, &["--dry-run"]);
    assert_eq!(dry.stdout, "shop@1: would be published; in force at once\n", "{}", dry.stderr);
    assert_eq!(publish(RULES, &[]).stdout, "shop@1: published; in force at once\n");
    assert_eq!(publish(RULES, &[]).stdout, "shop@1: published already, nothing to do; in force at once\n");
    publish(&RULES.replace("out,", "empty,"), &[]).expect(2, &["shop@1", "raise the version"]);

    let process = site.start("process");
    let next = RULES.replace("version: 1", "version: 2");
    eventually("process has come to the newest record", || publish(&next, &["--dry-run"]).stdout.contains("05:46:00Z"));
    process.stop();
    let early = publish(&next, &["--effective-at", "2026-11-22"]);
    early.expect(
        2,
        &["shop@2", "cannot take effect at 2026-11-22T00:00:00Z", "the earliest possible is 2026-11-22T05:46:00Z"],
    );
    let published = publish(&next, &[]);
    assert_eq!(published.stdout, "shop@2: published; in force from 2026-11-22T05:46:00Z of stream time\n");
    assert_eq!(site.committed(topics::RULES).len(), 2);
}

#[test]
fn a_configuration_that_cannot_work_is_refused_with_its_place() {
    let scratch = Scratch::new();
    let file = scratch.file("config.toml", INPUTS.replace("wms.items", "wms.stock"));
    run(&mut quartermaster(["config", "check", file.to_str().unwrap()]))
        .expect(2, &["`ingest.inputs[1].topic` is \"wms.stock\", which input \"stock\" reads"]);
    let file = scratch.file("config.toml", INPUTS.replace("\"catalog\"", "\"articles\""));
    run(&mut quartermaster(["config", "check", file.to_str().unwrap()]))
        .expect(2, &["articles", "stock-changes", "locations"]);
}
