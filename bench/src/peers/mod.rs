//! The same job in other stream processors, on the same broker, in turns: whether their alerts are ours, what an
//! event costs, how late alerts are, how long a restart takes.
//!
//! `bench/peers/` has the others. It must never time an engine whose alerts differ from those of `process` on the
//! same input; a difference fails the run. The method, and what the job leaves out, is in docs/performance.md.

mod catch_up;
mod compare;
mod engine;
mod figures;
mod latency;
mod movements;
mod report;
mod restart;
mod session;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::kafka::deployment::Deployment;
use crate::kafka::input::{self, Filled, Inlet};
use crate::machine;
use crate::stream::{Stream, Workload};
use crate::throughput::real_movements;
use engine::{Engine, Settings};
use movements::Movements;
use report::Report;

/// Parts of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// Every engine once over a small input
    Check,
    /// The real movements at many locations
    Real,
    /// The synthetic load
    Synthetic,
    /// Latency and restarts with the state of the synthetic load, which comes before it
    Load,
}

/// What to do.
pub(crate) struct Plan {
    /// Empty: all; but for the real movements, where it is to be quick.
    pub(crate) only: Vec<Part>,
    /// The jars of the job in Kafka Streams.
    pub(crate) kafka_streams: PathBuf,
    /// The Python that has Quix Streams.
    pub(crate) quix: Option<PathBuf>,
    /// A few minutes instead of an hour.
    pub(crate) quick: bool,
    /// Of the synthetic load; a multiple of [`LOCATIONS`].
    pub(crate) positions: Option<u32>,
    /// Events after the opening balances.
    pub(crate) events: Option<u64>,
    pub(crate) runs: Option<usize>,
    pub(crate) workers: Option<u32>,
    pub(crate) threads: u32,
    pub(crate) commit_ms: u32,
    /// Heap and collector of the JVM.
    pub(crate) java_options: String,
    pub(crate) seed: u64,
}

/// The rule that every engine follows.
pub(super) const REORDER_POINT_THOUSANDTHS: i64 = 10_000;
pub(super) const HYSTERESIS: f64 = 0.1;
const RULES: &str = "version: 1\nid: peers\nrules:\n  - id: low-stock\n    kind: low_stock\n    threshold: { type: fixed, quantity: 10 }\n    \
                     hysteresis: 0.1\n";
const LOCATIONS: u32 = 20;
/// Days of the synthetic stream, of which half a one is used before the loads.
const DAYS: u32 = 50;
/// Movements of the check, and of what the slowest engine is timed on.
const CHECKED: usize = 40_000;
/// Copies of the real movements, each a location.
const COPIES: u32 = 20;

/// How large everything is.
struct Sizes {
    positions: u32,
    events: u64,
    runs: usize,
    restarts: usize,
    /// Loads tried to find out what is sustained.
    attempts: usize,
    /// Of the first load of all: what a JVM gets to see besides everything it has caught up with.
    first_load: Duration,
    /// Of a load: before it counts, and as long as it does.
    warm_up: Duration,
    measured: Duration,
}

impl Plan {
    fn wants(&self, part: Part) -> bool {
        if self.only.is_empty() { part != Part::Real || !self.quick } else { self.only.contains(&part) }
    }

    fn sizes(&self) -> Sizes {
        let quick = self.quick;
        let seconds = |quickly, fully| Duration::from_secs(if quick { quickly } else { fully });
        Sizes {
            // Fewer would each sell so much that hardly any comes to its reorder point.
            positions: self.positions.unwrap_or(if quick { 200_000 } else { 1_000_000 }),
            events: self.events.unwrap_or(if quick { 1_200_000 } else { 2_000_000 }),
            runs: self.runs.unwrap_or(if quick { 2 } else { 3 }),
            restarts: if quick { 1 } else { 3 },
            attempts: if quick { 2 } else { 5 },
            // A second of a load is a second of the shops' time, too: long ones would put weeks of sales into one day.
            first_load: seconds(3, 6),
            warm_up: seconds(1, 3),
            measured: seconds(4, 9),
        }
    }
}

pub(crate) fn measure(binary: &Path, plan: &Plan, scratch: &Path) -> Result<String> {
    let sizes = plan.sizes();
    ensure!(
        sizes.positions > 0 && sizes.positions.is_multiple_of(LOCATIONS),
        "--positions is a multiple of {LOCATIONS}"
    );
    ensure!(sizes.runs > 0, "--runs must be at least 1");
    let bench = Bench { binary, plan, scratch, sizes };
    let mut report = Report::default();
    if plan.wants(Part::Check) {
        bench.check()?;
    }
    if plan.wants(Part::Real) {
        bench.real(&mut report)?;
    }
    if plan.wants(Part::Synthetic) || plan.wants(Part::Load) {
        bench.synthetic(&mut report)?;
    }
    machine::load("\nat the end");
    Ok(report.line())
}

struct Bench<'a> {
    binary: &'a Path,
    plan: &'a Plan,
    scratch: &'a Path,
    sizes: Sizes,
}

impl Bench<'_> {
    fn deployment(&self, name: &str) -> Result<Deployment> {
        Deployment::new(self.binary, RULES, &self.scratch.join(name), Vec::new())
    }

    fn engines(&self, with_quix: bool) -> Vec<Engine> {
        let settings =
            Settings { workers: self.plan.workers, threads: self.plan.threads, commit_ms: self.plan.commit_ms };
        let mut engines = vec![
            Engine::ours(settings),
            Engine::kafka_streams(settings, &self.plan.kafka_streams, &self.plan.java_options),
        ];
        engines.extend(self.plan.quix.as_deref().filter(|_| with_quix).map(|python| Engine::quix(settings, python)));
        engines
    }

    /// Every engine once over a small input: the alerts have to be the same. Too small for figures that last.
    fn check(&self) -> Result<()> {
        let deployment = self.deployment("check")?;
        deployment.describe()?;
        let filled = if let Some(mut movements) = self.movements(CHECKED, 1)? {
            println!("\ncheck: {movements}");
            input::fill(&deployment, &mut |line| movements.next(line), 0)?
        } else {
            let workload = self.workload(LOCATIONS * 500, CHECKED as u64);
            println!("\ncheck, without the real movements: {workload}");
            input::fill_some(&deployment, &mut Stream::new(&workload), CHECKED as u64, 0)?
        };
        session::in_turns(&deployment, &self.engines(true), &filled, 1, &mut |_, _| ())?;
        deployment.close()
    }

    /// The real movements at many locations.
    fn real(&self, report: &mut Report) -> Result<()> {
        let Some(mut movements) = self.movements(usize::MAX, COPIES)? else { return Ok(()) };
        println!("\nreal movements: {movements}");
        let deployment = self.deployment("real-log")?;
        let warm_up = movements.lines() / 2;
        let filled = input::fill(&deployment, &mut |line| movements.next(line), warm_up)?;
        let (engines, runs) = (self.engines(false), self.sizes.runs);
        session::in_turns(&deployment, &engines, &filled, runs, &mut |engine, run| report.real(engine, run))?;
        report.compare_real();
        machine::load("  then");
        deployment.close()
    }

    fn movements(&self, limit: usize, copies: u32) -> Result<Option<Movements>> {
        let directory = real_movements(self.scratch);
        directory.map(|directory| Movements::read(&directory.join("events.jsonl"), limit, copies)).transpose()
    }

    /// Shops that would sell twice as much in a day: none ends in what is measured, since nothing of the job happens
    /// then. There are more days to it, for the loads: those go as slowly as our clock.
    fn workload(&self, positions: u32, events: u64) -> Workload {
        let (days, skus) = (DAYS, positions / LOCATIONS);
        let events = u64::from(positions) + 2 * events * u64::from(days);
        Workload { seed: self.plan.seed, events, skus, locations: LOCATIONS, days }
    }

    fn synthetic(&self, report: &mut Report) -> Result<()> {
        let Sizes { positions, events, .. } = self.sizes;
        let workload = self.workload(positions, events);
        println!("\nsynthetic: {positions} opening balances and {events} events of: {workload}");
        let deployment = self.deployment("synthetic")?;
        let engines = self.engines(false);
        let empty = session::empty(&deployment, &engines)?;
        let mut stream = Stream::new(&workload);
        let all = u64::from(positions) + events;
        let filled = input::fill_some(&deployment, &mut stream, all, u64::from(positions) + events / 2)?;
        let runs = self.sizes.runs;
        session::in_turns(&deployment, &engines, &filled, runs, &mut |engine, run| report.synthetic(engine, run))?;
        report.compare_synthetic(positions, &empty);
        machine::load("  then");
        if self.plan.wants(Part::Load) {
            self.under_load(&deployment, &engines, stream, &filled, report)?;
        }
        deployment.ensure_nothing_was_refused()?;
        deployment.close()
    }

    /// Latency and restarts, with the state that the last runs have left.
    fn under_load(
        &self,
        deployment: &Deployment,
        engines: &[Engine],
        stream: Stream,
        filled: &Filled,
        report: &mut Report,
    ) -> Result<()> {
        let mut inlet = Inlet::new(deployment, stream, filled)?;
        for engine in engines {
            let Some(throughput) = report.throughput(engine) else { continue };
            let sustained = latency::sustained(deployment, engine, &mut inlet, &self.sizes, throughput)?;
            report.sustains(engine, sustained);
        }
        report.compare_sustained();
        for engine in engines {
            latency::measure(deployment, engine, &mut inlet, &self.sizes, report)?;
            machine::load("  then");
        }
        println!("\nall of it once more, to the same end:");
        for engine in engines {
            catch_up::to_the_end(deployment, engine)?;
        }
        compare::alerts(deployment, engines)
    }
}
