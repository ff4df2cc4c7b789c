//! A chain whose workers are stepped one at a time in an order drawn from a seed, while what can go
//! wrong does. One thread, virtual clocks: a seed is a whole run, and gives it again exactly.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use connectors::memory::{Doubt, Fault, FaultPlan, Operation};
use processor::ports::LogError;
use processor::runtime::{Activity, Clock, FailPoint, ProtocolStep, RuntimeError, Worker};
use processor::store::memory::MemoryProvider;
use processor::table::StateMemory;
use schemas::time::MINUTE_MS;

use super::scenario::{GRACE_MS, PARTITIONS, Scenario};
use crate::demo::wms::SOURCE_PARTITIONS;
use crate::demo::wms::random::Random;
use crate::embedded::{Embedded, EmbeddedConfig, Publisher};
use crate::stages::ingest::IngestOperator;
use crate::stages::process::ProcessOperator;

/// The machine's clocks, moved by the simulation.
#[derive(Default)]
pub(super) struct VirtualClock {
    monotonic_ms: AtomicI64,
    /// How wrong the wall clock is.
    skew_ms: AtomicI64,
}

impl Clock for VirtualClock {
    fn monotonic_ms(&self) -> i64 {
        self.monotonic_ms.load(Ordering::Relaxed)
    }

    fn wall_ms(&self) -> i64 {
        1_800_000_000_000 + self.monotonic_ms() + self.skew_ms.load(Ordering::Relaxed)
    }
}

impl VirtualClock {
    pub(super) fn pass(&self, ms: i64) {
        self.monotonic_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// Somebody sets the wall clock, or it is set back.
    fn jump(&self, skew_ms: i64) {
        self.skew_ms.store(skew_ms, Ordering::Relaxed);
    }
}

/// What went wrong on purpose.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    pub(super) kills: u64,
    pub(super) failed_calls: u64,
    pub(super) lost_disks: u64,
    pub(super) fenced: u64,
    pub(super) clock_jumps: u64,
    /// Switches that the journal has to tell the replay: epochs passed over, overdue broadcast runs.
    pub(super) epochs_passed_over: u64,
    pub(super) overdue_switches: u64,
    /// States that were read from a store because they were not in memory.
    pub(super) loads: u64,
}

impl Faults {
    pub(super) fn add(&mut self, other: &Self) {
        self.kills += other.kills;
        self.failed_calls += other.failed_calls;
        self.lost_disks += other.lost_disks;
        self.fenced += other.fenced;
        self.clock_jumps += other.clock_jumps;
        self.epochs_passed_over += other.epochs_passed_over;
        self.overdue_switches += other.overdue_switches;
        self.loads += other.loads;
    }
}

/// Dies at one protocol step out of `1 / rate`, until all is calm.
struct SeededFailPoint {
    random: Random,
    rate: f64,
    calm: Arc<AtomicBool>,
}

impl FailPoint for SeededFailPoint {
    fn reached(&mut self, _: ProtocolStep) -> ControlFlow<()> {
        let dies = self.random.chance(self.rate) && !self.calm.load(Ordering::Relaxed);
        if dies { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Boxed: a worker is large, and most of a seat's life is empty.
enum Member {
    Ingest(Box<Worker<IngestOperator>>),
    Process(Box<Worker<ProcessOperator>>),
}

/// A pod: its name and its disk outlive the worker in it.
struct Seat {
    name: &'static str,
    disk: MemoryProvider,
    member: Option<Member>,
    restarts: u64,
}

pub(super) struct Simulation {
    seed: u64,
    pub(super) chain: Embedded,
    clock: Arc<VirtualClock>,
    random: Random,
    calm: Arc<AtomicBool>,
    seats: Vec<Seat>,
    scenario: Scenario,
    publisher: Publisher,
    /// Of every life of `process`.
    memories: Vec<Arc<StateMemory>>,
    pub(super) faults: Faults,
}

const GROUP: &str = "quartermaster-process";

impl Simulation {
    pub(super) fn new(seed: u64, simulated_ms: i64) -> Self {
        let clock = Arc::new(VirtualClock::default());
        let config = EmbeddedConfig {
            partitions: PARTITIONS,
            source_partitions: SOURCE_PARTITIONS,
            watermark_interval_ms: 5 * MINUTE_MS,
            grace_ms: GRACE_MS,
            keep_everything: true,
        };
        let chain = Embedded::new(config, clock.clone()).unwrap();
        let mut publisher = chain.publisher("wms").unwrap();
        let mut scenario = Scenario::new(seed, simulated_ms);
        scenario.open(&mut publisher);
        let seat = |name| Seat { name, disk: MemoryProvider::default(), member: None, restarts: 0 };
        let seats = ["ingest-0", "process-0", "process-1", "process-2"].map(seat).into();
        chain.log().inject(plan(seed)).unwrap();
        Self {
            seed,
            chain,
            clock,
            random: Random::seeded(seed),
            calm: Arc::default(),
            seats,
            scenario,
            publisher,
            memories: Vec::new(),
            faults: Faults::default(),
        }
    }

    /// Runs until the source is empty, then calmly until nothing is left to do, and closes.
    pub(super) fn run(&mut self) {
        while !self.scenario.is_over() {
            self.turn();
        }
        self.faults.failed_calls = self.chain.log().injected().len() as u64;
        self.rest();
        self.faults.loads = self.memories.iter().map(|memory| memory.usage().loaded).sum();
    }

    /// Goes on until the source has come so far, then calmly until nothing is left to do, and closes.
    pub(super) fn run_until(&mut self, published: u64) {
        while self.scenario.published < published {
            self.turn();
        }
        self.rest();
        self.calm.store(false, Ordering::Relaxed);
    }

    fn rest(&mut self) {
        self.calm.store(true, Ordering::Relaxed);
        self.chain.log().inject(FaultPlan::default()).unwrap();
        self.settle();
        self.scenario.end(&mut self.publisher);
        self.settle();
        for seat in &mut self.seats {
            match seat.member.take() {
                Some(Member::Ingest(worker)) => drop(worker.close(false).unwrap()),
                Some(Member::Process(worker)) => drop(worker.close(false).unwrap()),
                None => {}
            }
        }
    }

    /// The disks of `process`.
    pub(super) fn disks(&self) -> impl Iterator<Item = MemoryProvider> {
        self.seats.iter().filter(|seat| seat.name != "ingest-0").map(|seat| seat.disk.clone())
    }

    fn turn(&mut self) {
        let ms = self.random.whole(0, 30);
        self.pass(ms);
        match self.random.below(1000) {
            0..=119 => self.scenario.publish(&mut self.publisher, &mut self.random),
            250..=253 => {
                let ms = self.random.whole(1, 70) * 1000;
                self.pass(ms);
            }
            120..=121 => self.expel(),
            254 => {
                let skew_ms = self.random.whole(-60, 60) * MINUTE_MS;
                self.clock.jump(skew_ms);
                self.faults.clock_jumps += 1;
            }
            122..=124 => self.leave(),
            125..=126 => drop(self.any_seat().member.take()),
            _ => {
                let seat = self.random.below(self.seats.len());
                self.step(seat);
            }
        }
    }

    pub(super) fn pass(&mut self, ms: i64) {
        self.clock.pass(ms);
        self.chain.log().advance_clock(ms);
    }

    fn any_seat(&mut self) -> &mut Seat {
        let seat = self.random.below(self.seats.len());
        &mut self.seats[seat]
    }

    fn expel(&mut self) {
        let name = self.any_seat().name;
        self.chain.log().expire_member(GROUP, name);
    }

    /// A clean departure: a rolling update, or scaling down for a while.
    fn leave(&mut self) {
        let keep = self.random.chance(0.5);
        let closed = match self.any_seat().member.take() {
            Some(Member::Ingest(worker)) => worker.close(keep),
            Some(Member::Process(worker)) => worker.close(keep),
            None => return,
        };
        if let Err(error) = closed {
            self.check_death(&error);
        }
    }

    /// One turn of a seat's worker. An empty seat gets one now and then.
    fn step(&mut self, index: usize) -> Activity {
        if self.seats[index].member.is_none() {
            if self.calm.load(Ordering::Relaxed) || self.random.chance(0.05) {
                self.start(index);
            }
            return Activity::Busy;
        }
        let stepped = match &mut self.seats[index].member {
            Some(Member::Ingest(worker)) => worker.step(Duration::ZERO),
            Some(Member::Process(worker)) => worker.step(Duration::ZERO),
            None => return Activity::Idle,
        };
        stepped.unwrap_or_else(|error| {
            self.check_death(&error);
            self.seats[index].member = None;
            Activity::Busy
        })
    }

    fn start(&mut self, index: usize) {
        if !self.calm.load(Ordering::Relaxed) && self.random.chance(0.2) {
            self.seats[index].disk = MemoryProvider::default();
            self.faults.lost_disks += 1;
        }
        let seat = &mut self.seats[index];
        seat.restarts += 1;
        let seed = self.seed ^ (index as u64) << 32 ^ seat.restarts << 40;
        let failpoint = SeededFailPoint { random: Random::seeded(seed), rate: 0.002, calm: self.calm.clone() };
        let opened = if seat.name == "ingest-0" {
            let mut parts = self.chain.ingest(seat.name);
            (parts.stores, parts.failpoints) = (Box::new(seat.disk.clone()), Box::new(failpoint));
            parts.config.call_timeout_ms = 1;
            Worker::open(parts).map(|worker| Member::Ingest(Box::new(worker)))
        } else {
            let mut parts = self.chain.process(seat.name);
            (parts.stores, parts.failpoints) = (Box::new(seat.disk.clone()), Box::new(failpoint));
            parts.config.call_timeout_ms = 1;
            parts.config.states = bound(self.seed);
            self.memories.extend(parts.config.states.clone());
            if self.seed % 2 == 1 {
                // Polls are full, and records go on while the log commits.
                parts.config.max_poll_records = 4;
            }
            if self.seed % 3 == 1 {
                // Records of a transaction, and timers.
                parts.config.commit_records = 3;
            }
            Worker::open(parts).map(|worker| Member::Process(Box::new(worker)))
        };
        match opened {
            Ok(member) => self.seats[index].member = Some(member),
            Err(error) => self.check_death(&error),
        }
    }

    /// A worker may die only of what was done to it.
    fn check_death(&mut self, error: &RuntimeError) {
        match error {
            RuntimeError::Killed(_) => self.faults.kills += 1,
            RuntimeError::Log(LogError::Fenced { .. }) | RuntimeError::Displaced { .. } => self.faults.fenced += 1,
            RuntimeError::Log(LogError::Retriable { operation: "init transactions", .. }) => {}
            error => panic!("seed {}: a worker died of: {error}", self.seed),
        }
    }

    fn settle(&mut self) {
        let mut quiet = 0;
        for _ in 0..200_000 {
            self.pass(30);
            let busy = (0..self.seats.len()).filter(|i| self.step(*i) == Activity::Busy).count();
            quiet = if busy == 0 { quiet + 1 } else { 0 };
            // Longer than any session, transaction or epoch is waited for.
            if quiet == 100 {
                self.pass(70_000);
            }
            if quiet > 200 {
                assert_eq!(self.chain.lag().unwrap(), 0, "seed {}: idle with records left", self.seed);
                return;
            }
        }
        panic!("seed {}: never at rest", self.seed);
    }
}

/// What is in memory must not matter: all of it, next to nothing, or a few keys.
fn bound(seed: u64) -> Option<Arc<StateMemory>> {
    match seed % 3 {
        0 => None,
        1 => Some(StateMemory::new(1)),
        _ => Some(StateMemory::new(16 << 10)),
    }
}

/// Faults for the calls of every client of the stages; the source and the oracle are spared.
fn plan(seed: u64) -> FaultPlan {
    let mut random = Random::seeded(seed ^ 0xfa17);
    let mut plan = FaultPlan::seeded(seed).slow_looks(if seed % 2 == 1 { 6 } else { 0 });
    let mut meet = |client: &str, operation, fault, mean: i64, until: i64| {
        let mut call = random.whole(1, 2 * mean);
        while call < until {
            plan = plan.clone().at_client(client, operation, call as u64, fault);
            call += random.whole(1, 2 * mean);
        }
    };
    for seat in ["ingest-0", "process-0", "process-1", "process-2"] {
        let stage = if seat == "ingest-0" { "ingest-stock-changes" } else { "process" };
        let (producer, member) = (format!("quartermaster-{stage}-{seat}"), format!("quartermaster-{stage}/{seat}"));
        for fault in [
            Fault::Retriable,
            Fault::Abortable,
            Fault::DelayedVisibility,
            Fault::InDoubt(Doubt::Committed),
            Fault::InDoubt(Doubt::NotCommitted),
            Fault::InDoubt(Doubt::Late),
        ] {
            meet(&producer, Operation::Commit, fault, 120, 1500);
        }
        meet(&producer, Operation::Commit, Fault::Fenced, 500, 1500);
        meet(&producer, Operation::Produce, Fault::Abortable, 3000, 30_000);
        meet(&producer, Operation::Produce, Fault::Retriable, 1000, 30_000);
        meet(&producer, Operation::SendOffsets, Fault::Abortable, 150, 1500);
        meet(&producer, Operation::InitTransactions, Fault::Retriable, 5, 60);
        meet(&member, Operation::Poll, Fault::Retriable, 200, 4000);
        meet(&member, Operation::Poll, Fault::Lost, 600, 4000);
        meet(&member, Operation::Poll, Fault::Fenced, 1500, 4000);
        meet(&member, Operation::Committed, Fault::Retriable, 10, 200);
    }
    meet("reader", Operation::Read, Fault::Retriable, 100, 20_000);
    meet("reader", Operation::Extent, Fault::Retriable, 50, 3000);
    plan
}
