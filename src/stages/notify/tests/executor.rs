//! The executor by itself, and the whole dispatcher against a real receiver.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use connectors::channels::registry::build;
use connectors::channels::{Channel, Outgoing, Sending};
use processor::runtime::Clock as _;
use schemas::notification::{DeliveryError, SendOutcome, Verdict};
use schemas::{AlertState, Notification, NotificationAction, Timestamp};
use uuid::Uuid;

use super::bench::{Bench, alert};
use crate::clock::MachineClock;
use crate::stages::notify::Unobserved;
use crate::stages::notify::executor::Executor;
use crate::stages::notify::outbox::{Job, Outbox};

#[derive(Clone, Copy)]
enum Behaviour {
    Accepts,
    Panics,
    Hangs,
}

struct Odd {
    behaviour: Behaviour,
    sends: Arc<AtomicUsize>,
}

impl Channel for Odd {
    fn kind(&self) -> &'static str {
        "odd"
    }

    fn idempotent(&self) -> bool {
        false
    }

    fn fingerprint(&self) -> String {
        String::new()
    }

    fn timeout_ms(&self) -> u64 {
        1
    }

    fn send<'a>(&'a self, _: &'a Outgoing) -> Sending<'a> {
        self.sends.fetch_add(1, Ordering::Relaxed);
        let behaviour = self.behaviour;
        Box::pin(async move {
            match behaviour {
                Behaviour::Accepts => SendOutcome::delivered(),
                Behaviour::Panics => panic!("a fault of the channel"),
                Behaviour::Hangs => std::future::pending().await,
            }
        })
    }
}

fn job(channel: &str, claimed_at: Timestamp) -> Job {
    let alert = alert(1, 1, AlertState::Opened);
    let order = Notification {
        attempt_id: Uuid::from_u128(5),
        notification_id: Uuid::from_u128(6),
        action: NotificationAction::Send,
        route: "all".to_owned(),
        step: 0,
        round: 0,
        recipient: channel.to_owned(),
        channel: channel.to_owned(),
        alerted_at: alert.detected_at,
        alert,
    };
    Job { partition: 3, number: 1, claimed_at, order: Arc::new(order) }
}

/// What comes of a job claimed `age_ms` ago, and how often the channel was asked.
fn outcome(behaviour: Behaviour, channel: &str, age_ms: i64) -> (SendOutcome, usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(1).build().unwrap();
    let clock = Arc::new(MachineClock::start());
    let sends: Arc<AtomicUsize> = Arc::default();
    let odd: Arc<dyn Channel> = Arc::new(Odd { behaviour, sends: sends.clone() });
    let channels = BTreeMap::from([("odd".to_owned(), odd)]);
    let executor = Executor::new(runtime.handle().clone(), channels, clock.clone(), Arc::new(Unobserved), 10_000);
    let job = job(channel, Timestamp::from_millis(clock.wall_ms() - age_ms));
    let of = job.of();
    executor.submit(job);
    assert!(executor.knows(3, of));
    let finished = loop {
        match executor.outcomes(3).pop() {
            Some(finished) => break finished,
            None => runtime.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await }),
        }
    };
    assert!(finished.of == of && executor.knows(3, of) && executor.outcomes(4).is_empty());
    executor.done_with(3, of);
    assert!(!executor.knows(3, of) && executor.outcomes(3).is_empty());
    (finished.outcome, sends.load(Ordering::Relaxed))
}

#[test]
fn every_job_ends_in_an_outcome() {
    assert_eq!(outcome(Behaviour::Accepts, "odd", 0), (SendOutcome::delivered(), 1));
    let (hung, _) = outcome(Behaviour::Hangs, "odd", 0);
    assert_eq!((hung.verdict, hung.error), (Verdict::Unsure, DeliveryError::Timeout));
    let (broken, _) = outcome(Behaviour::Panics, "odd", 0);
    assert_eq!((broken.verdict, broken.error), (Verdict::Unsure, DeliveryError::Internal));
}

#[test]
fn what_is_past_its_lease_or_has_no_channel_is_not_sent() {
    let (late, sends) = outcome(Behaviour::Accepts, "odd", 60_000);
    assert_eq!((late.verdict, late.error, sends), (Verdict::NotDelivered, DeliveryError::LeaseExpired, 0));
    let (lost, sends) = outcome(Behaviour::Accepts, "even", 0);
    assert_eq!((lost.verdict, lost.error, sends), (Verdict::Refused, DeliveryError::UnknownChannel, 0));
}

/// Takes a request and answers it; without an answer it holds the line until the sender gives up.
/// Returns the `webhook-id`.
fn serve(stream: &mut TcpStream, answer: &str) -> String {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut id, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end().split_once(": ") {
            Some(("webhook-id", value)) => value.clone_into(&mut id),
            Some(("content-length", value)) => length = value.parse().unwrap(),
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
    if answer.is_empty() {
        let _ = stream.read(&mut [0; 1]);
    } else {
        let _ = write!(stream, "HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    }
    id
}

/// The operator, the executor, the channel and HTTP together; only the dispatcher's clock is virtual.
#[test]
fn a_webhook_is_told_through_everything_that_can_go_wrong_with_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let answers = ["500 Oops", "429 Slow\r\nretry-after: 3", "", "204 Fine", "410 Gone"];
    let receiver =
        std::thread::spawn(move || answers.map(|answer| serve(&mut listener.accept().unwrap().0, answer)).to_vec());
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let settings = serde_json::json!({"url": url, "secret_files": [secret], "timeout_ms": 300});
    let channels = BTreeMap::from([("hook".to_owned(), build("webhook", settings.as_object().unwrap()).unwrap())]);

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(1).build().unwrap();
    let mut bench = Bench::idle(true);
    let executor = Executor::new(runtime.handle().clone(), channels, bench.clock.clone(), Arc::new(Unobserved), 10_000);
    bench.start_with(Arc::new(executor.clone()), processor::runtime::NoFailPoints);
    let until = |bench: &mut Bench, number: u128, end: &str| {
        while bench.life(number, 1).last().is_none_or(|state| state != end) {
            bench.turn(20).unwrap();
            runtime.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
        }
    };
    bench.raise(&alert(1, 1, AlertState::Opened));
    until(&mut bench, 1, "delivered");
    let failures: Vec<String> =
        bench.life(1, 1).into_iter().filter(|state| state.starts_with("failed_temporary")).collect();
    let expected = ["failed_temporary/server_error", "failed_temporary/throttled", "failed_temporary/timeout"];
    assert_eq!(failures, expected);
    bench.raise(&alert(2, 1, AlertState::Opened));
    until(&mut bench, 2, "failed_permanent/gone");
    bench.raise(&alert(3, 1, AlertState::Opened));
    until(&mut bench, 3, "failed_permanent/disabled");
    let ids = receiver.join().unwrap();
    assert!(ids[..4].iter().all(|id| *id == ids[0]) && ids[4] != ids[0], "{ids:?}");
    assert!((0..2).all(|partition| executor.outcomes(partition).is_empty()));
}
