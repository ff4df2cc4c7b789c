//! The webhook channel against a receiver on loopback: what is on the wire, and what answers mean.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may stop where it stands")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, LazyLock};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connectors::channels::registry::build;
use connectors::channels::{Channel, Outgoing};
use hmac::{Hmac, Mac};
use schemas::notification::{DeliveryError, SendOutcome, Verdict};
use schemas::{
    Alert, AlertKind, AlertState, Evidence, EvidenceValue, Message, Mode, Notification, NotificationAction, RuleRef,
    Severity, Timestamp,
};
use sha2::Sha256;

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(1).build().unwrap());

const OLD_KEY: [u8; 24] = [1; 24];
const NEW_KEY: [u8; 32] = [2; 32];

struct Request {
    line: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// Answers one request after the other, each on its own connection, and hands over what came. An empty
/// answer is never given: the connection stays open until the sender gives up.
fn receiver(answers: Vec<&'static str>) -> (String, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/alerts?key=t0ken", listener.local_addr().unwrap());
    let (sender, requests) = channel();
    thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            sender.send(request(&stream)).unwrap();
            if answer.is_empty() {
                let _ = stream.read(&mut [0; 1]);
            } else {
                let _ = write!(stream, "HTTP/1.1 {answer}\r\nconnection: close\r\n\r\n");
            }
        }
    });
    (url, requests)
}

fn request(stream: &TcpStream) -> Request {
    let mut reader = BufReader::new(stream);
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let first = line();
    let mut headers = BTreeMap::new();
    while let Some((name, value)) = line().split_once(": ") {
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    Request { line: first, headers, body }
}

fn webhook(url: &str, timeout_ms: u64) -> Arc<dyn Channel> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let text = format!("whsec_{}\nwhsec_{}\n", STANDARD.encode(OLD_KEY), STANDARD.encode(NEW_KEY));
    std::fs::write(&file, text).unwrap();
    let settings = serde_json::json!({"url": url, "secret_files": [file], "timeout_ms": timeout_ms});
    build("webhook", settings.as_object().unwrap()).unwrap()
}

fn outgoing(tries: u32, sent_at: &str) -> Outgoing {
    let at = Timestamp::parse("2026-11-22T05:54:00Z").unwrap();
    let alert = Alert {
        alert_id: "0b7f0000-0000-5000-8000-000000000001".parse().unwrap(),
        revision: 1,
        episode_id: "0b7f0000-0000-5000-8000-000000000002".parse().unwrap(),
        kind: AlertKind::StockOut,
        state: AlertState::Opened,
        severity: Severity::Critical,
        mode: Mode::Active,
        sku: Some("手机壳".to_owned()),
        location: Some("STORE-7".to_owned()),
        scope: None,
        occurred_at: at,
        detected_at: at,
        opened_at: at,
        rule: RuleRef { document: "pack".to_owned(), version: 1, rule: "empty".to_owned() },
        evidence: Evidence(vec![("on_hand".to_owned(), EvidenceValue::Number(0.0))]),
        message: Message { en: "Sold out.".to_owned(), zh_cn: "已售罄。".to_owned() },
    };
    let notification = Notification {
        attempt_id: "0b7f0000-0000-5000-8000-00000000000a".parse().unwrap(),
        notification_id: "0b7f0000-0000-5000-8000-00000000000b".parse().unwrap(),
        action: NotificationAction::Send,
        route: "all".to_owned(),
        step: 0,
        round: 0,
        recipient: "ops".to_owned(),
        channel: "ops".to_owned(),
        alerted_at: at,
        alert,
    };
    Outgoing { notification: Arc::new(notification), tries, sent_at: Timestamp::parse(sent_at).unwrap() }
}

fn send(channel: &dyn Channel, outgoing: &Outgoing) -> SendOutcome {
    RUNTIME.block_on(channel.send(outgoing))
}

/// The signature as a receiver computes it.
fn expected(key: &[u8], request: &Request) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    let (id, timestamp) = (&request.headers["webhook-id"], &request.headers["webhook-timestamp"]);
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(&request.body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[test]
fn a_receiver_can_verify_recognise_and_read_what_it_gets() {
    let (url, requests) = receiver(vec!["500 Oops\r\ncontent-length: 0", "204 No Content"]);
    let channel = webhook(&url, 5_000);
    assert!(channel.idempotent());
    assert_eq!(send(&*channel, &outgoing(1, "2026-11-22T05:54:01.900Z")).error, DeliveryError::ServerError);
    assert_eq!(send(&*channel, &outgoing(2, "2026-11-22T05:55:00Z")).verdict, Verdict::Delivered);
    let (first, second) = (requests.recv().unwrap(), requests.recv().unwrap());

    assert_eq!(first.line, "POST /alerts?key=t0ken HTTP/1.1");
    assert_eq!(first.headers["content-type"], "application/json");
    for (request, seconds) in [(&first, "1795326841"), (&second, "1795326900")] {
        assert_eq!(request.headers["webhook-id"], "0b7f0000-0000-5000-8000-00000000000a");
        assert_eq!(request.headers["webhook-timestamp"], seconds);
        let both = format!("{} {}", expected(&OLD_KEY, request), expected(&NEW_KEY, request));
        assert_eq!(request.headers["webhook-signature"], both);
    }
    assert_eq!(first.body, second.body);
    let payload: serde_json::Value = serde_json::from_slice(&first.body).unwrap();
    assert_eq!(payload["type"], "quartermaster.alert.stock_out.opened");
    assert_eq!(payload["timestamp"], "2026-11-22T05:54:00Z");
    assert_eq!((&payload["data"]["sku"], &payload["data"]["revision"]), (&"手机壳".into(), &1.into()));
}

#[test]
fn answers_decide_what_comes_next() {
    let answers = vec![
        "429 Slow\r\nretry-after: 7\r\ncontent-length: 0",
        "503 Away\r\nretry-after: Sun, 22 Nov 2026 05:54:30 GMT\r\ncontent-length: 0",
        "410 Gone\r\ncontent-length: 0",
        "404 What\r\ncontent-length: 4\r\n\r\nwhat",
        "302 There\r\nlocation: http://127.0.0.1:1/other\r\ncontent-length: 0",
    ];
    let (url, _requests) = receiver(answers);
    let channel = webhook(&url, 5_000);
    let outcomes: Vec<SendOutcome> = (0..5).map(|_| send(&*channel, &outgoing(1, "2026-11-22T05:54:00Z"))).collect();
    let told: Vec<_> = outcomes.iter().map(|o| (o.verdict, o.error, o.retry_after_ms)).collect();
    let expected = [
        (Verdict::NotDelivered, DeliveryError::Throttled, Some(7_000)),
        (Verdict::NotDelivered, DeliveryError::Throttled, Some(30_000)),
        (Verdict::Gone, DeliveryError::Gone, None),
        (Verdict::Refused, DeliveryError::Rejected, None),
        (Verdict::Refused, DeliveryError::Rejected, None),
    ];
    assert_eq!(told, expected);
    assert_eq!(outcomes[3].detail.as_deref(), Some("what"));
}

#[test]
fn silence_is_told_apart_from_absence() {
    let (url, requests) = receiver(vec![""]);
    let outcome = send(&*webhook(&url, 200), &outgoing(1, "2026-11-22T05:54:00Z"));
    assert_eq!((outcome.verdict, outcome.error), (Verdict::Unsure, DeliveryError::Timeout));
    assert!(!outcome.detail.unwrap().contains("t0ken"));
    drop(requests);

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = send(&*webhook(&format!("http://{free}/t0ken"), 5_000), &outgoing(1, "2026-11-22T05:54:00Z"));
    assert_eq!((outcome.verdict, outcome.error), (Verdict::NotDelivered, DeliveryError::Connect));
    assert!(!outcome.detail.unwrap().contains("t0ken"));
}

#[test]
fn an_endless_answer_is_not_read_to_its_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let flood = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        request(&stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let much = vec![b'x'; 65_536];
        while stream.write_all(&much).is_ok() {}
    });
    let outcome = send(&*webhook(&url, 60_000), &outgoing(1, "2026-11-22T05:54:00Z"));
    assert_eq!((outcome.verdict, outcome.detail), (Verdict::Delivered, None));
    flood.join().unwrap();
}
