//! Both operators on the embedded log, stepped by hand on a virtual clock, with a receiver that answers
//! as it is told. The receiver outlives the processes that send to it.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use connectors::memory::{Cleanup, MemoryLog, TopicConfig};
use processor::operator::Operator;
use processor::ports::{Isolation, Log, ProduceRecord, TopicPartition, TransactionalLog};
use processor::runtime::{
    Activity, Clock, FailPoint, NoFailPoints, ProtocolStep, RuntimeError, StageConfig, Worker, WorkerParts,
};
use processor::store::memory::MemoryProvider;
use rules::escalation::{Limits, Policy, RetryPolicy, Route};
use schemas::notification::SendOutcome;
use schemas::{
    Alert, AlertKind, AlertState, DeliveryAttempt, Evidence, Message, Mode, Notification, RuleRef, Severity, Timestamp,
    avro, topics,
};
use uuid::Uuid;

use crate::stages::notify::dispatch::{DispatchOperator, Dispatching, Endpoint};
use crate::stages::notify::outbox::{Finished, Job, Outbox, Try};
use crate::stages::notify::route::RouteOperator;
use crate::stages::notify::{DISPATCH, ROUTE, Unobserved, dispatch_stage, route_stage};

const PARTITIONS: i32 = 2;
/// 2026-11-22T05:54:00Z.
const START_MS: i64 = 1_795_326_840_000;

/// The machine's clocks, and the log's.
#[derive(Default)]
pub(super) struct VirtualClock(AtomicI64);

impl Clock for VirtualClock {
    fn monotonic_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn wall_ms(&self) -> i64 {
        START_MS + self.monotonic_ms()
    }
}

/// A send as the receiver saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) of: Try,
    pub(super) channel: String,
    pub(super) revision: u32,
    pub(super) at: Timestamp,
}

/// What a receiver does with a send.
pub(super) enum Reply {
    Outcome(SendOutcome),
    /// It takes it, and the sender never hears of it.
    Silence,
}

/// Everything that ever arrived, and the replies to come: without one it accepts.
#[derive(Default)]
pub(super) struct Receiver {
    pub(super) seen: Mutex<Vec<Seen>>,
    pub(super) replies: Mutex<VecDeque<Reply>>,
    /// What was met with silence arrives after all.
    pub(super) talks: AtomicBool,
}

/// The sending side of one process.
struct Process {
    receiver: Arc<Receiver>,
    clock: Arc<VirtualClock>,
    under_way: Mutex<Vec<(i32, Try)>>,
    finished: Mutex<Vec<(i32, Finished)>>,
}

impl Outbox for Process {
    fn submit(&self, job: Job) {
        let (of, at) = (job.of(), Timestamp::from_millis(self.clock.wall_ms()));
        let (channel, revision) = (job.order.channel.clone(), job.order.alert.revision);
        self.receiver.seen.lock().unwrap().push(Seen { of, channel, revision, at });
        match self.receiver.replies.lock().unwrap().pop_front() {
            Some(Reply::Silence) => self.under_way.lock().unwrap().push((job.partition, of)),
            Some(Reply::Outcome(outcome)) => self.finish(job.partition, of, outcome),
            None => self.finish(job.partition, of, SendOutcome::delivered()),
        }
    }

    fn outcomes(&self, partition: i32) -> Vec<Finished> {
        if self.receiver.talks.load(Ordering::Relaxed) {
            self.break_silence();
        }
        let finished = self.finished.lock().unwrap();
        finished.iter().filter(|(at, _)| *at == partition).map(|(_, finished)| finished.clone()).collect()
    }

    fn done_with(&self, _: i32, of: Try) {
        self.finished.lock().unwrap().retain(|(_, finished)| finished.of != of);
    }

    fn knows(&self, _: i32, of: Try) -> bool {
        let finished = self.finished.lock().unwrap().iter().any(|(_, finished)| finished.of == of);
        finished || self.under_way.lock().unwrap().iter().any(|(_, other)| *other == of)
    }
}

impl Process {
    fn break_silence(&self) {
        for (partition, of) in self.under_way.lock().unwrap().drain(..) {
            self.finish(partition, of, SendOutcome::delivered());
        }
    }

    fn finish(&self, partition: i32, of: Try, outcome: SendOutcome) {
        self.finished.lock().unwrap().push((partition, Finished { of, outcome }));
    }
}

/// Dies when a step is reached for the nth time.
pub(super) struct DieAt {
    pub(super) step: ProtocolStep,
    pub(super) nth: u32,
}

impl FailPoint for DieAt {
    fn reached(&mut self, step: ProtocolStep) -> ControlFlow<()> {
        self.nth -= u32::from(step == self.step && self.nth > 0);
        if step == self.step && self.nth == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

pub(super) struct Bench {
    pub(super) log: MemoryLog,
    pub(super) clock: Arc<VirtualClock>,
    pub(super) receiver: Arc<Receiver>,
    pub(super) policy: Policy,
    pub(super) retry: RetryPolicy,
    pub(super) endpoints: BTreeMap<String, Endpoint>,
    route: Option<Worker<RouteOperator>>,
    pub(super) dispatch: Option<Worker<DispatchOperator>>,
    disks: [MemoryProvider; 2],
    source: Box<dyn TransactionalLog>,
}

pub(super) fn route(name: &str, states: &[AlertState], channels: &[&str]) -> Route {
    Route {
        name: name.to_owned(),
        kinds: Vec::new(),
        severity_at_least: Severity::Low,
        states: states.to_vec(),
        locations: Vec::new(),
        scopes: Vec::new(),
        rules: Vec::new(),
        channels: channels.iter().map(|channel| (*channel).to_owned()).collect(),
        goes_on: true,
    }
}

pub(super) fn endpoint(idempotent: bool) -> Endpoint {
    let limits = Limits { per_minute: None, burst: 1, concurrent: 8, breaker_failures: 100, breaker_open_ms: 1_000 };
    Endpoint { kind: if idempotent { "webhook" } else { "voice" }, idempotent, fingerprint: "1".to_owned(), limits }
}

pub(super) fn alert(number: u128, revision: u32, state: AlertState) -> Alert {
    let at = Timestamp::from_millis(START_MS);
    Alert {
        alert_id: Uuid::from_u128(number),
        revision,
        episode_id: Uuid::from_u128(number),
        kind: AlertKind::StockOut,
        state,
        severity: Severity::High,
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

impl Bench {
    /// One route for everything to one channel, `hook`, and both workers up.
    pub(super) fn new(idempotent: bool) -> Self {
        let mut bench = Self::idle(idempotent);
        bench.start(NoFailPoints);
        bench
    }

    pub(super) fn idle(idempotent: bool) -> Self {
        let log = MemoryLog::default();
        let clock: Arc<VirtualClock> = Arc::default();
        log.advance_clock(START_MS);
        let kept = |n| TopicConfig::new(n, Cleanup::Delete);
        for topic in [topics::ALERTS, topics::DISPATCH, topics::DELIVERIES] {
            log.create_topic(topic, kept(PARTITIONS)).unwrap();
        }
        log.create_topic(topics::DEAD_LETTERS, kept(1)).unwrap();
        for application in [ROUTE, DISPATCH] {
            let changelog = topics::changelog(application, "state");
            log.create_topic(&changelog, TopicConfig::new(PARTITIONS, Cleanup::Compact).compact_after(50)).unwrap();
        }
        let mut source = log.producer("source").unwrap();
        source.init_transactions(Duration::ZERO).unwrap();
        Self {
            log,
            clock,
            receiver: Arc::default(),
            policy: Policy { routes: vec![route("all", &[], &["hook"])] },
            retry: RetryPolicy { base_ms: 1_000, max_ms: 60_000, tries: 5, expire_ms: 3_600_000 },
            endpoints: BTreeMap::from([("hook".to_owned(), endpoint(idempotent))]),
            route: None,
            dispatch: None,
            disks: Default::default(),
            source,
        }
    }

    /// Starts both workers in a new process: what the former one had under way is gone.
    pub(super) fn start(&mut self, failpoints: impl FailPoint + 'static) {
        let process = Arc::new(Process {
            receiver: self.receiver.clone(),
            clock: self.clock.clone(),
            under_way: Mutex::default(),
            finished: Mutex::default(),
        });
        self.start_with(process, failpoints);
    }

    pub(super) fn start_with(&mut self, outbox: Arc<dyn Outbox>, failpoints: impl FailPoint + 'static) {
        let policy = Arc::new(self.policy.clone());
        let operator = Box::new(move |_| RouteOperator::new(policy.clone()));
        self.route = Some(self.worker(route_stage(), &self.disks[0], operator, Box::new(NoFailPoints)));
        let shared = Arc::new(Dispatching {
            endpoints: self.endpoints.clone(),
            retry: self.retry,
            remember_ms: 7 * 86_400_000,
            outbox,
            observer: Arc::new(Unobserved),
        });
        let operator = Box::new(move |partition| DispatchOperator::new(partition, shared.clone()));
        self.dispatch = Some(self.worker(dispatch_stage(), &self.disks[1], operator, Box::new(failpoints)));
    }

    fn worker<O: Operator>(
        &self,
        config: StageConfig,
        disk: &MemoryProvider,
        operator: Box<dyn FnMut(i32) -> O + Send>,
        failpoints: Box<dyn FailPoint>,
    ) -> Worker<O> {
        Worker::open(WorkerParts {
            config: StageConfig { call_timeout_ms: 1, ..config },
            instance: "0".to_owned(),
            log: Arc::new(self.log.clone()),
            stores: Box::new(disk.clone()),
            operator,
            clock: self.clock.clone(),
            failpoints,
            observer: Arc::new(processor::runtime::Unobserved),
        })
        .unwrap()
    }

    /// Like `kill -9`, and starting again.
    pub(super) fn kill_and_start(&mut self) {
        (self.route, self.dispatch) = (None, None);
        self.start(NoFailPoints);
    }

    pub(super) fn lose_disks(&mut self) {
        self.disks = Default::default();
    }

    pub(super) fn reply(&self, replies: impl IntoIterator<Item = Reply>) {
        self.receiver.replies.lock().unwrap().extend(replies);
    }

    pub(super) fn raise(&mut self, alert: &Alert) {
        let mut value = Vec::new();
        avro::encode_alert(alert, &mut value);
        self.publish(topics::ALERTS, alert.sku.as_deref().unwrap_or_default(), &value);
    }

    pub(super) fn order(&mut self, order: &Notification) {
        let mut value = Vec::new();
        avro::encode_notification(order, &mut value);
        self.publish(topics::DISPATCH, &order.recipient, &value);
    }

    pub(super) fn publish(&mut self, topic: &str, key: &str, value: &[u8]) {
        self.source.begin().unwrap();
        let record = ProduceRecord {
            topic,
            partition: None,
            key: Some(key.as_bytes()),
            value: Some(value),
            headers: &[],
            timestamp_ms: None,
        };
        self.source.produce(record).unwrap();
        self.source.commit(Duration::ZERO).unwrap();
    }

    /// One turn of both workers after `ms`; what the dispatcher died of, if it did.
    pub(super) fn turn(&mut self, ms: i64) -> Result<bool, RuntimeError> {
        self.clock.0.fetch_add(ms, Ordering::Relaxed);
        self.log.advance_clock(ms);
        let route = self.route.as_mut().unwrap().step(Duration::ZERO).unwrap();
        let dispatch = self.dispatch.as_mut().unwrap().step(Duration::ZERO)?;
        Ok(route == Activity::Busy || dispatch == Activity::Busy)
    }

    /// Like SIGTERM, and starting again.
    pub(super) fn stop_and_start(&mut self) {
        self.dispatch.take().unwrap().close(true).unwrap();
        self.start(NoFailPoints);
    }

    /// Lets time pass, in turns short enough for every tick.
    pub(super) fn pass(&mut self, ms: i64) {
        for _ in 0..ms / 20 {
            self.turn(20).unwrap();
        }
    }

    fn committed(&self, topic: &str, mut visit: impl FnMut(&[u8])) {
        for partition in 0..PARTITIONS {
            let at = TopicPartition::new(topic, partition);
            let each = &mut |record: processor::ports::RecordView<'_>| visit(record.value.unwrap_or_default());
            self.log.records(&at, Isolation::ReadCommitted, each).unwrap();
        }
    }

    pub(super) fn orders(&self) -> Vec<Notification> {
        let mut orders = Vec::new();
        self.committed(topics::DISPATCH, |value| orders.push(avro::decode_notification(value).unwrap()));
        orders
    }

    /// Every state that was ever recorded, in order per attempt.
    pub(super) fn deliveries(&self) -> Vec<DeliveryAttempt> {
        let mut deliveries = Vec::new();
        self.committed(topics::DELIVERIES, |value| deliveries.push(avro::decode_delivery_attempt(value).unwrap()));
        deliveries
    }

    /// The states of one revision of one alert, as `status/error`.
    pub(super) fn life(&self, number: u128, revision: u32) -> Vec<String> {
        let about = |d: &DeliveryAttempt| d.alert_id == Uuid::from_u128(number) && d.revision == revision;
        let text = |d: &DeliveryAttempt| match d.error.name() {
            "none" => d.status.name().to_owned(),
            error => format!("{}/{error}", d.status.name()),
        };
        self.deliveries().iter().filter(|d| about(d)).map(text).collect()
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.receiver.seen.lock().unwrap().clone()
    }
}
