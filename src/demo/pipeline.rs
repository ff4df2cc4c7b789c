//! Wires the demo: simulated WMS → embedded log → `ingest` → two members of `process` → what the view
//! is told, read from the public topics by a read_committed reader like anybody else's.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use processor::operator::Operator;
use processor::ports::{Isolation, Log, LogReader, TopicPartition};
use processor::runtime::{RuntimeError, WorkerParts, WorkerStats};
use rules::ruleset;
use schemas::stream::RuleDocumentRecord;
use schemas::time::MINUTE_MS;
use schemas::{Timestamp, avro, canonical, topics};

use super::pace::Pace;
use super::wms::{SOURCE_PARTITIONS, START, Wms};
use super::{Clock, DemoEvent};
use crate::clock::{MachineClock, Stopwatch};
use crate::embedded::{Embedded, EmbeddedConfig, Publisher, drive};

const PARTITIONS: i32 = 4;
const MEMBERS: usize = 2;
/// The feed stops while so many records wait: it must not run away from the stages.
const LAG_LIMIT: u64 = 20_000;
/// Time between two looks while there is nothing to feed.
const TICK: Duration = Duration::from_millis(4);

/// Runs the chain until the simulation is over and everything is processed, or the view is gone.
/// Gives the simulation back, with its books.
pub fn run(mut wms: Wms, mut pace: Pace, dump: Option<File>, view: &SyncSender<DemoEvent>) -> Result<Wms> {
    let config = EmbeddedConfig {
        partitions: PARTITIONS,
        source_partitions: SOURCE_PARTITIONS,
        watermark_interval_ms: 5 * MINUTE_MS,
        grace_ms: 10 * MINUTE_MS,
        keep_everything: dump.is_some(),
    };
    let chain = Embedded::new(config, Arc::new(MachineClock::start()))?;
    let mut publisher = chain.publisher("wms")?;
    publish_world(&mut publisher, &wms)?;
    let stages = Stages::start(&chain)?;
    let mut outlet = Outlet::new(&chain, view)?;
    let fed = feed(&mut wms, &mut pace, &chain, &mut publisher, &mut outlet, &stages);
    let transactions = stages.transactions.clone();
    let ended = stages.stop();
    ended?;
    fed?;
    if let Some(file) = dump {
        let mut out = BufWriter::new(file);
        chain.dump(&mut out)?;
        out.flush().context("cannot write the dump")?;
    }
    outlet.finish(transactions.load(Ordering::Relaxed))?;
    Ok(wms)
}

/// The rules of the demo.
const PACK: &str = "retail.yaml";

fn publish_world(publisher: &mut Publisher, wms: &Wms) -> Result<()> {
    publisher.begin()?;
    for (file, body) in ruleset::PACKS.into_iter().filter(|(file, _)| *file == PACK) {
        let document = ruleset::parse(file, body).map_err(|errors| anyhow!("{file}: {} fault(s)", errors.len()))?;
        let (id, version) = (document.id, document.version);
        publisher.rules(&RuleDocumentRecord {
            id,
            version,
            effective_at: Timestamp::EARLIEST,
            body: body.to_owned(),
        })?;
    }
    wms.locations().try_for_each(|location| publisher.location(location))?;
    wms.catalog().try_for_each(|item| publisher.item(item))?;
    Ok(publisher.commit()?)
}

/// Hands the simulation's lines over at the pace of the view, and what comes out to the view.
fn feed(
    wms: &mut Wms,
    pace: &mut Pace,
    chain: &Embedded,
    publisher: &mut Publisher,
    outlet: &mut Outlet<'_>,
    stages: &Stages,
) -> Result<()> {
    let (mut reached, end) = (START, wms.end());
    while outlet.is_watched() && stages.are_alive() {
        let lag = chain.lag()?;
        let until = pace.until(reached, outlet.stopwatch.elapsed()).min(end);
        if until > reached && lag < LAG_LIMIT {
            outlet.events += publish_lines(wms, until, publisher)?;
            reached = until;
        } else if reached >= end && lag == 0 {
            return outlet.pump(reached, 0, stages.transactions());
        } else {
            thread::park_timeout(TICK);
        }
        outlet.pump(reached, lag, stages.transactions())?;
    }
    Ok(())
}

/// The partitions of the source share one partition of its topic, in order of event time: spread over
/// several, the order in which `ingest` reads them, and with it what is decided, would be a race.
fn publish_lines(wms: &mut Wms, until: Timestamp, publisher: &mut Publisher) -> Result<u64> {
    let batch = wms.next_batch(until);
    let mut line = Vec::new();
    publisher.begin()?;
    for event in &batch {
        line.clear();
        canonical::write_event(event, &mut line);
        publisher.line(0, &event.sku, &line)?;
    }
    publisher.commit()?;
    Ok(batch.len() as u64)
}

type Member = JoinHandle<Result<WorkerStats, RuntimeError>>;

/// The worker threads.
struct Stages {
    stop: Arc<AtomicBool>,
    transactions: Arc<AtomicU64>,
    members: Vec<Member>,
}

impl Stages {
    fn start(chain: &Embedded) -> Result<Self> {
        let mut stages = Self { stop: Arc::default(), transactions: Arc::default(), members: Vec::new() };
        stages.spawn(chain.ingest("ingest-0"))?;
        for member in 0..MEMBERS {
            stages.spawn(chain.process(&format!("process-{member}")))?;
        }
        Ok(stages)
    }

    fn spawn<O: Operator>(&mut self, parts: WorkerParts<O>) -> Result<()> {
        let (stop, transactions) = (self.stop.clone(), self.transactions.clone());
        let name = parts.instance.clone();
        let member = thread::Builder::new()
            .name(name)
            .spawn(move || drive(parts, &stop, &transactions))
            .context("cannot start a worker thread")?;
        self.members.push(member);
        Ok(())
    }

    /// False once a worker has ended by itself: its error is found by [`stop`](Self::stop).
    fn are_alive(&self) -> bool {
        !self.members.iter().any(JoinHandle::is_finished)
    }

    fn transactions(&self) -> u64 {
        self.transactions.load(Ordering::Relaxed)
    }

    fn stop(self) -> Result<()> {
        self.stop.store(true, Ordering::Release);
        for member in self.members {
            let name = member.thread().name().unwrap_or("worker").to_owned();
            member
                .join()
                .map_err(|_| anyhow!("{name} panicked; its message is above"))?
                .with_context(|| format!("{name} failed"))?;
        }
        Ok(())
    }
}

/// Reads the public topics and tells the view.
struct Outlet<'a> {
    reader: Box<dyn LogReader>,
    next: BTreeMap<TopicPartition, i64>,
    view: &'a SyncSender<DemoEvent>,
    watched: bool,
    stopwatch: Stopwatch,
    events: u64,
    dead_letters: u64,
    reached: Timestamp,
}

impl<'a> Outlet<'a> {
    fn new(chain: &Embedded, view: &'a SyncSender<DemoEvent>) -> Result<Self> {
        let partitions = |topic: &'static str, n: i32| (0..n).map(move |p| (TopicPartition::new(topic, p), 0));
        let next = partitions(topics::ALERTS, PARTITIONS)
            .chain(partitions(topics::POSITIONS, PARTITIONS))
            .chain(partitions(topics::DEAD_LETTERS, 1))
            .collect();
        Ok(Self {
            reader: chain.log().reader()?,
            next,
            view,
            watched: true,
            stopwatch: Stopwatch::start(),
            events: 0,
            dead_letters: 0,
            reached: Timestamp::MIN,
        })
    }

    fn is_watched(&self) -> bool {
        self.watched
    }

    fn tell(&mut self, event: DemoEvent) {
        self.watched &= self.view.send(event).is_ok();
    }

    /// Passes on what was committed since the last call.
    fn pump(&mut self, reached: Timestamp, lag: u64, transactions: u64) -> Result<()> {
        self.reached = reached;
        let mut told = Vec::new();
        for (partition, offset) in &mut self.next {
            let mut failed = None;
            let sink = &mut |record: processor::ports::RecordView<'_>| match decode(
                &partition.topic,
                record.value.unwrap_or_default(),
            ) {
                Ok(event) => told.push(event),
                Err(error) => failed = Some(error),
            };
            // Transaction markers leave gaps: the offset moves past them.
            *offset = self.reader.read(partition, *offset, Isolation::ReadCommitted, 4096, Duration::ZERO, sink)?;
            if let Some(error) = failed {
                return Err(error.context(format!("a record of {} cannot be read", partition.topic)));
            }
        }
        for event in told {
            match event {
                Some(event) => self.tell(event),
                None => self.dead_letters += 1,
            }
        }
        let clock = self.clock(lag, transactions);
        self.tell(DemoEvent::Clock(clock));
        Ok(())
    }

    fn clock(&self, lag: u64, transactions: u64) -> Clock {
        Clock {
            sim_time: self.reached,
            events: self.events,
            transactions,
            lag,
            partitions: PARTITIONS.unsigned_abs(),
            dead_letters: self.dead_letters,
            elapsed: self.stopwatch.elapsed(),
        }
    }

    fn finish(mut self, transactions: u64) -> Result<()> {
        self.pump(self.reached, 0, transactions)?;
        self.tell(DemoEvent::Finished);
        Ok(())
    }
}

/// `None`: a dead letter, which is counted.
fn decode(topic: &str, value: &[u8]) -> Result<Option<DemoEvent>> {
    Ok(match topic {
        topics::ALERTS => Some(DemoEvent::Alert(Box::new(avro::decode_alert(value).map_err(|e| anyhow!("{e}"))?))),
        topics::POSITIONS => {
            Some(DemoEvent::Position(Box::new(avro::decode_position(value).map_err(|e| anyhow!("{e}"))?)))
        }
        _ => None,
    })
}
