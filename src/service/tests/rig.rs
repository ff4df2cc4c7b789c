//! A log with the topics of `process`, services on it, and questions to their admin port.
#![allow(clippy::disallowed_methods, reason = "a test waits for other threads")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use connectors::memory::{MemoryLog, TopicConfig};
use processor::ports::{Isolation, Log, ProduceRecord, TopicPartition};
use schemas::stream::{RuleDocumentRecord, StreamRecord};
use schemas::{Timestamp, avro, canonical, topics};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::config::Config;
use crate::exit::{Failure, Outcome};
use crate::metrics::{AlertMetrics, Metrics};
use crate::service::stop::Stop;
use crate::service::stores::DiskStores;
use crate::service::{self, Service, Settings, StageSpec};
use crate::stages::process;
use crate::topics::tests::MemoryTopics;

pub const PARTITIONS: i32 = 4;
const PATIENCE: Duration = Duration::from_mins(1);
const RULES: &str = "version: 1\nid: fixed\nrules:\n  - id: reorder\n    kind: low_stock\n    threshold: { type: fixed, quantity: 36 }\n";

/// Waits until there is an answer; the panic says what was waited for.
#[track_caller]
pub fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = attempt() {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub struct Rig {
    pub log: MemoryLog,
    pub topics: MemoryTopics,
    pub scratch: TempDir,
}

impl Rig {
    /// All topics, and a rule that alerts below 36 pieces.
    pub fn new() -> Self {
        let log = MemoryLog::default();
        let rig = Self { topics: MemoryTopics::new(&log), log, scratch: tempfile::tempdir().unwrap() };
        for topic in crate::topics::wanted(&rig.config("a")) {
            let crate::topics::Count::Exactly(partitions, _) = topic.partitions else { continue };
            let cleanup = match topic.settings["cleanup.policy"].as_str() {
                "compact" => topics::Cleanup::Compact,
                "delete" => topics::Cleanup::Delete,
                _ => topics::Cleanup::CompactAndDelete,
            };
            rig.log.create_topic(&topic.name, TopicConfig::new(partitions, cleanup)).unwrap();
        }
        let mut value = Vec::new();
        let document = RuleDocumentRecord {
            id: "fixed".into(),
            version: 1,
            effective_at: Timestamp::EARLIEST,
            body: RULES.into(),
        };
        avro::encode_rule_document(&document, &mut value);
        rig.produce(topics::RULES, 0, "fixed@1", &value);
        rig
    }

    /// Of an instance with a state directory of its own.
    pub fn config(&self, instance: &str) -> Config {
        let mut config = Config::default();
        config.process.events_partitions = PARTITIONS;
        config.process.threads = Some(1);
        // No watermarks here: partitions without events would be waited for.
        config.process.epoch_wait_ms = 0;
        config.service.instance = Some(instance.to_owned());
        config.state.directory = self.scratch.path().join(format!("state-{instance}"));
        config.state.memory_bytes = Some(8 << 20);
        config
    }

    pub fn service(&self, config: &Config) -> Service {
        let metrics = Metrics::new().unwrap();
        let watcher = Arc::new(metrics.add(AlertMetrics::new).unwrap());
        self.service_of(config, metrics, process::spec(config, watcher))
    }

    pub fn service_of(&self, config: &Config, metrics: Metrics, stage: StageSpec) -> Service {
        Service {
            role: "process",
            settings: Settings::new(config),
            log: Arc::new(self.log.clone()),
            topics: Box::new(self.topics.clone()),
            stores: Box::new(DiskStores::open(&config.state, &metrics).unwrap()),
            stages: vec![stage],
            metrics,
        }
    }

    pub fn start(&self, instance: &str) -> Running {
        Running::start(self.service(&self.config(instance)))
    }

    /// A stock count of one SKU, at a minute of the day.
    pub fn count(&self, sku: &str, minute: u32, on_hand: u32) {
        let line = format!(
            "{{\"event_id\":\"{sku}-{minute}\",\"sku\":\"{sku}\",\"location\":\"STORE-1\",\"occurred_at\":\
             \"2026-11-22T08:{minute:02}:00Z\",\"change\":{{\"type\":\"balance_observed\",\"on_hand\":{on_hand}}}}}"
        );
        let event = canonical::decode_event(line.as_bytes()).unwrap();
        let mut value = Vec::new();
        avro::encode_stream(&StreamRecord::Event(event), &mut value);
        let partition = schemas::partitioner::partition_for(sku.as_bytes(), PARTITIONS);
        self.produce(topics::EVENTS, partition, sku, &value);
    }

    fn produce(&self, topic: &str, partition: i32, key: &str, value: &[u8]) {
        let limit = Duration::from_secs(5);
        let mut producer = self.log.producer("test").unwrap();
        producer.init_transactions(limit).unwrap();
        producer.begin().unwrap();
        let record = ProduceRecord {
            topic,
            partition: Some(partition),
            key: Some(key.as_bytes()),
            value: Some(value),
            headers: &[],
            timestamp_ms: None,
        };
        producer.produce(record).unwrap();
        producer.commit(limit).unwrap();
    }

    /// Committed alerts as `sku state`, sorted.
    pub fn alerts(&self) -> Vec<String> {
        let mut alerts = Vec::new();
        for partition in 0..PARTITIONS {
            let at = TopicPartition::new(topics::ALERTS, partition);
            let visit = &mut |record: processor::ports::RecordView<'_>| {
                let alert = avro::decode_alert(record.value.unwrap()).unwrap();
                alerts.push(format!("{} {}", alert.sku.as_deref().unwrap(), alert.state.name()));
            };
            self.log.records(&at, Isolation::ReadCommitted, visit).unwrap();
        }
        alerts.sort();
        alerts
    }

    #[track_caller]
    pub fn alerts_become(&self, expected: &[&str]) {
        eventually(&format!("alerts {expected:?}"), || (self.alerts() == expected).then_some(()));
    }
}

/// A service in threads of this process.
pub struct Running {
    stop: Arc<Stop>,
    pub address: SocketAddr,
    thread: Option<JoinHandle<Outcome>>,
    _runtime: Runtime,
}

impl Running {
    pub fn start(service: Service) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, runtime) = (Arc::new(Stop::default()), Builder::new_multi_thread().enable_all().build().unwrap());
        let (asked, handle) = (stop.clone(), runtime.handle().clone());
        let thread = std::thread::spawn(move || service::serve(service, listener, &asked, &handle));
        Self { stop, address, thread: Some(thread), _runtime: runtime }
    }

    /// Status, headers and body of a request.
    pub fn ask(&self, method: &str, path: &str) -> Option<(u16, String, String)> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, head.to_lowercase(), body.to_owned()))
    }

    pub fn get(&self, path: &str) -> (u16, String) {
        let (status, _, body) = self.ask("GET", path).expect("an answer");
        (status, body)
    }

    #[track_caller]
    pub fn ready(&self) {
        eventually("ready", || (self.get("/readyz").0 == 200).then_some(()));
    }

    /// What `/readyz` says, once it says this somewhere.
    #[track_caller]
    pub fn unready_because(&self, text: &str) -> Value {
        eventually(&format!("unready because {text}"), || {
            let (status, body) = self.get("/readyz");
            (status == 503 && body.contains(text)).then(|| serde_json::from_str(&body).unwrap())
        })
    }

    /// The sum over the series of a metric whose labels hold this text.
    pub fn metric(&self, name: &str, labels: &str) -> f64 {
        let (status, text) = self.get("/metrics");
        assert_eq!(status, 200);
        let series = |line: &&str| line.split(['{', ' ']).next() == Some(name) && line.contains(labels);
        text.lines().filter(series).map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    pub fn ask_to_stop(&self) {
        self.stop.request();
    }

    pub fn stop(mut self) -> Outcome {
        self.stop.request();
        self.thread.take().unwrap().join().unwrap()
    }

    /// Its failure, once it ends by itself.
    #[track_caller]
    pub fn fails(mut self) -> (bool, String) {
        let thread = self.thread.take().unwrap();
        eventually("the end of the service", || thread.is_finished().then_some(()));
        described(thread.join().unwrap())
    }
}

/// Whether it was the request's fault, and the message.
#[track_caller]
pub fn described(outcome: Outcome) -> (bool, String) {
    match outcome {
        Err(Failure::Request(error)) => (true, format!("{error:#}")),
        Err(Failure::Runtime(error)) => (false, format!("{error:#}")),
        Ok(()) => panic!("it ended well"),
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.request();
    }
}
