//! `notify` as it runs: the real binary, a real Kafka, a real receiver. It is killed while it sends, starts
//! again, and ends when it is told to.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may stop where it stands")]
#![allow(clippy::disallowed_methods, reason = "waits for other processes, with a limit")]

mod support;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use connectors::kafka::{KafkaConfig, KafkaLog};
use processor::ports::{Isolation, Log, ProduceRecord, TopicPartition};
use schemas::{
    Alert, AlertKind, AlertState, DeliveryAttempt, DeliveryStatus, Evidence, Message, Mode, RuleRef, Severity,
    Timestamp, avro, topics,
};
use support::{Scratch, quartermaster, run};
use test_kafka::Kafka;

const PARTITIONS: i32 = 2;
const ALERTS: u128 = 30;
const CALL: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(90);

/// Requests by `webhook-id`: how often it came, how often it was accepted.
type Book = Arc<Mutex<BTreeMap<String, (u32, u32)>>>;

/// Fails the first two requests, takes the third and says nothing, accepts the others.
fn receiver() -> (String, Book) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/alerts", listener.local_addr().unwrap());
    let book = Book::default();
    let told = book.clone();
    thread::spawn(move || {
        for (nth, stream) in listener.incoming().enumerate() {
            let (mut stream, book) = (stream.unwrap(), told.clone());
            thread::spawn(move || {
                let Some(id) = request(&stream) else { return };
                book.lock().unwrap().entry(id.clone()).or_default().0 += 1;
                match nth {
                    0 | 1 => answer(&mut stream, "500 Oops"),
                    2 => drop(stream.read(&mut [0; 1])),
                    _ => {
                        book.lock().unwrap().entry(id).or_default().1 += 1;
                        answer(&mut stream, "204 Fine");
                    }
                }
            });
        }
    });
    (url, book)
}

fn request(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let (mut id, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            Some(("webhook-id", value)) => id = Some(value.to_owned()),
            Some(("content-length", value)) => length = value.parse().ok()?,
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    id
}

fn answer(stream: &mut TcpStream, status: &str) {
    let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
}

/// A process that does not outlive the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(config: &Path, log: &Path) -> Running {
    let log = File::options().append(true).create(true).open(log).unwrap();
    let mut command = quartermaster(["notify", "--instance", "notify-0", "--config"]);
    Running(command.arg(config).stderr(log).spawn().unwrap())
}

fn configuration(scratch: &Scratch, bootstrap: &str, url: &str) -> String {
    let secret = scratch.file("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
    let (state, secret) = (scratch.path("state"), secret.display());
    format!(
        "[kafka]\nbootstrap_servers = \"{bootstrap}\"\nreplication_factor = 1\nmin_insync_replicas = 1\n\
         [state]\ndirectory = \"{}\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[process]\nevents_partitions = {PARTITIONS}\n\
         [notify]\nretry_base_ms = 200\n\
         [[notify.channels]]\nname = \"ops\"\ntype = \"webhook\"\nurl = \"{url}\"\nsecret_files = [\"{secret}\"]\nconcurrency = 2\n\
         [[notify.routes]]\nname = \"urgent\"\nseverity_at_least = \"high\"\nchannels = [\"ops\"]\n",
        state.display()
    )
}

fn alert(number: u128) -> Alert {
    let at = Timestamp::parse("2026-11-22T05:54:00Z").unwrap();
    Alert {
        alert_id: uuid::Uuid::from_u128(number),
        revision: 1,
        episode_id: uuid::Uuid::from_u128(number),
        kind: AlertKind::StockOut,
        state: AlertState::Opened,
        // Every third one is too mild to be told.
        severity: if number.is_multiple_of(3) { Severity::Low } else { Severity::Critical },
        mode: Mode::Active,
        sku: Some(format!("SKU-{number}")),
        location: Some("STORE-7".to_owned()),
        scope: None,
        occurred_at: at,
        detected_at: at,
        opened_at: at,
        rule: RuleRef { document: "pack".to_owned(), version: 1, rule: "empty".to_owned() },
        evidence: Evidence::default(),
        message: Message::default(),
    }
}

fn raise(log: &KafkaLog, numbers: impl Iterator<Item = u128>) {
    let mut producer = log.producer("test-alerts").unwrap();
    producer.init_transactions(CALL).unwrap();
    producer.begin().unwrap();
    for number in numbers {
        let (key, mut value) = (format!("SKU-{number}"), Vec::new());
        avro::encode_alert(&alert(number), &mut value);
        let record = ProduceRecord {
            topic: topics::ALERTS,
            partition: None,
            key: Some(key.as_bytes()),
            value: Some(&value),
            headers: &[],
            timestamp_ms: None,
        };
        producer.produce(record).unwrap();
    }
    producer.commit(CALL).unwrap();
}

/// Every state of every attempt, in order per attempt.
fn deliveries(log: &KafkaLog) -> BTreeMap<String, Vec<DeliveryAttempt>> {
    let mut reader = log.reader().unwrap();
    let mut lives = BTreeMap::<String, Vec<DeliveryAttempt>>::new();
    for partition in 0..PARTITIONS {
        let at = TopicPartition::new(topics::DELIVERIES, partition);
        let extent = reader.extent(&at, CALL).unwrap();
        let mut offset = extent.start;
        while offset < extent.stable {
            let next = reader.read(&at, offset, Isolation::ReadCommitted, 1_000, CALL, &mut |record| {
                let state = avro::decode_delivery_attempt(record.value.unwrap()).unwrap();
                lives.entry(state.attempt_id.to_string()).or_default().push(state);
            });
            offset = next.unwrap();
        }
    }
    lives
}

fn until(what: &str, log: &Path, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        let said = || std::fs::read_to_string(log).unwrap_or_default();
        assert!(began.elapsed() < PATIENCE, "{what} never came; the log ends with {}", tail(&said()));
        thread::sleep(Duration::from_millis(50));
    }
}

fn tail(text: &str) -> String {
    text.lines().rev().take(20).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_killed_while_it_sends_goes_on_where_it_was() {
    let (scratch, kafka, (url, book)) = (Scratch::new(), Kafka::shared(), receiver());
    let config = scratch.file("config.toml", configuration(&scratch, kafka.bootstrap(), &url));
    let said = scratch.path("notify.log");
    run(quartermaster(["topics", "create", "--config"]).arg(&config)).expect(0, &[]);
    let log = KafkaLog::new(KafkaConfig::new(kafka.bootstrap())).unwrap();

    let mut notify = start(&config, &said);
    raise(&log, 1..=10);
    until("the third request", &said, || book.lock().unwrap().values().map(|(came, _)| came).sum::<u32>() >= 3);
    notify.0.kill().unwrap();
    notify.0.wait().unwrap();
    raise(&log, 11..=ALERTS);
    let mut notify = start(&config, &said);
    let told = ALERTS as usize * 2 / 3;
    until("every delivery", &said, || {
        let lives = deliveries(&log);
        let delivered = lives.values().filter(|life| life.last().unwrap().status == DeliveryStatus::Delivered);
        delivered.count() == told
    });

    let (book, lives) = (book.lock().unwrap().clone(), deliveries(&log));
    assert_eq!(book.keys().collect::<Vec<_>>(), lives.keys().collect::<Vec<_>>(), "only urgent alerts are told");
    for (id, life) in &lives {
        let statuses: Vec<DeliveryStatus> = life.iter().map(|state| state.status).collect();
        let lost = statuses.iter().filter(|status| **status == DeliveryStatus::Unknown).count();
        let (came, accepted) = book[id];
        assert!(accepted >= 1 && accepted as usize <= 1 + lost, "{id} was accepted {accepted} times: {statuses:?}");
        let claims = statuses.iter().filter(|status| **status == DeliveryStatus::Claimed).count();
        assert!(came as usize <= claims, "{id} came {came} times: {statuses:?}");
        assert_eq!((life[0].status, &*life[0].route), (DeliveryStatus::Planned, "urgent"));
    }
    let lost = lives.values().flatten().filter(|state| state.status == DeliveryStatus::Unknown).count();
    assert!(lost >= 1, "the request that was never answered");

    let pid = notify.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let mut code = None;
    until("the end", &said, || {
        code = notify.0.try_wait().unwrap().map(|status| status.code());
        code.is_some()
    });
    assert_eq!(code, Some(Some(0)), "{}", tail(&std::fs::read_to_string(&said).unwrap()));
}

#[test]
fn a_channel_that_cannot_be_built_is_refused_before_anything_starts() {
    let scratch = Scratch::new();
    let config = "[notify]\n[[notify.channels]]\nname = \"ops\"\ntype = \"webhook\"\nurl = \"http://ops.example.com/t0ken\"\n\
                  [[notify.routes]]\nname = \"all\"\nchannels = [\"ops\"]\n";
    let config = scratch.file("config.toml", config);
    let ended = run(quartermaster(["notify", "--config"]).arg(config));
    ended.expect(2, &["\\\"ops\\\"", "allow_insecure"]);
    assert!(!ended.stderr.contains("t0ken"), "{}", ended.stderr);
}
