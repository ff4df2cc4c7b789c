//! How cost grows: the same work with more positions, more partitions, more rules; after an hour's absence; and at
//! midnight, when every position wants to be woken.
//!
//! Everything runs the real binary on a real Kafka. It must never turn a run that failed into a figure: whatever was
//! refused, lost or not reached in time ends it with an error. The method is in docs/benchmarks.md, the figures in
//! docs/performance.md.

mod absence;
mod line;
mod live;
mod midnight;
mod rules;
mod run;
mod shops;
mod summary;
mod sweeps;
mod trading;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::machine;
use line::Line;
use summary::Summary;

/// What is varied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Sweep {
    /// Events with more and more positions
    Positions,
    /// The same positions on more and more partitions
    Partitions,
    /// The same positions under more and more rule documents
    Rules,
    /// After an absence: until nothing waits, and how late alerts are then
    CatchUp,
    /// Stream time passes midnight beside a load
    Midnight,
}

const ALL: [Sweep; 5] = [Sweep::Positions, Sweep::Partitions, Sweep::Rules, Sweep::CatchUp, Sweep::Midnight];
const LOCATIONS: u32 = 20;

/// What to do.
#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    /// A reduced form of everything, in less than five minutes
    #[arg(long)]
    quick: bool,
    /// Sweeps, separated by commas [default: all]
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Sweep>,
    /// A file for the points, one JSON line each; what it held is gone
    #[arg(long)]
    out: Option<PathBuf>,
    /// Points of `positions`, multiples of 20 [default: 10000,100000,1000000,10000000; quick 5000,50000]
    #[arg(long, value_delimiter = ',')]
    positions: Vec<u32>,
    /// Without --positions: leaves out the points beyond this; ten million take half an hour more and 15 GB of disk
    #[arg(long, default_value_t = 1_000_000)]
    most_positions: u32,
    /// Points of `partitions` [default: 1,4,16,64; quick 1,16]
    #[arg(long, value_delimiter = ',')]
    partitions: Vec<u16>,
    /// Points of `rules`, in documents [default: 1,10,100,1000; quick 1,100]
    #[arg(long, value_delimiter = ',')]
    documents: Vec<usize>,
    /// Positions of every sweep but `positions` and `midnight` [default: 100000, quick 20000]
    #[arg(long)]
    base_positions: Option<u32>,
    /// Positions of `midnight` [default: 1000000, quick 20000]
    #[arg(long)]
    midnight_positions: Option<u32>,
    /// Events after the opening balances [default: 2000000, quick 200000]
    #[arg(long)]
    events: Option<u64>,
    /// Runs of every point up to a million positions; the median is reported [default: 3, quick 1]
    #[arg(long)]
    runs: Option<usize>,
    /// Live events a second, and those of the absence
    #[arg(long, default_value_t = 500)]
    load: u32,
    /// Minutes of the absence [default: 60, quick 5]
    #[arg(long)]
    absence_minutes: Option<u32>,
    /// Seconds of load from midnight on [default: 180, quick 25]
    #[arg(long)]
    midnight_seconds: Option<u32>,
}

impl Plan {
    fn pick<T>(&self, given: Option<T>, full: T, quick: T) -> T {
        given.unwrap_or(if self.quick { quick } else { full })
    }

    fn points<T: Copy>(&self, given: &[T], full: &[T], quick: &[T]) -> Vec<T> {
        if !given.is_empty() {
            return given.to_vec();
        }
        if self.quick { quick.to_vec() } else { full.to_vec() }
    }

    fn base_positions(&self) -> u32 {
        self.pick(self.base_positions, 100_000, 20_000)
    }

    fn events(&self) -> u64 {
        self.pick(self.events, 2_000_000, 200_000)
    }

    fn check(&self) -> Result<()> {
        let most = self.pick(self.midnight_positions, 1_000_000, 20_000).max(self.base_positions());
        let positions = [most, self.base_positions()].into_iter().chain(self.positions.iter().copied());
        for positions in positions {
            let whole = positions > 0 && positions.is_multiple_of(LOCATIONS);
            ensure!(whole, "{positions} positions: give a multiple of {LOCATIONS}, the number of locations");
        }
        ensure!(self.load > 0, "--load must be at least 1");
        ensure!(self.events() > 0 && self.pick(self.runs, 3, 1) > 0, "--events and --runs must be at least 1");
        ensure!(self.partitions.iter().all(|n| *n > 0), "--partitions must be at least 1");
        ensure!(self.documents.iter().all(|n| *n > 0), "--documents must be at least 1");
        ensure!(self.absence_minutes != Some(0), "--absence-minutes must be at least 1");
        Ok(())
    }
}

/// Where points go, as soon as they are measured.
struct Journal {
    file: Option<(PathBuf, File)>,
    summary: Summary,
}

impl Journal {
    fn open(path: Option<&Path>) -> Result<Self> {
        let file = path.map(|path| {
            let failed = || format!("cannot write {}", path.display());
            if let Some(directory) = path.parent() {
                fs::create_dir_all(directory).with_context(failed)?;
            }
            Ok::<_, anyhow::Error>((path.to_owned(), File::create(path).with_context(failed)?))
        });
        Ok(Self { file: file.transpose()?, summary: Summary::default() })
    }

    fn tell(&mut self, line: &Line) -> Result<()> {
        let text = line.text()?;
        println!("{text}");
        self.summary.take(line);
        if let Some((path, file)) = &mut self.file {
            writeln!(file, "{text}").with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

/// The summary, as one JSON line.
pub(crate) fn measure(binary: &Path, plan: &Plan, seed: u64, scratch: &Path) -> Result<String> {
    plan.check()?;
    let mut journal = Journal::open(plan.out.as_deref())?;
    journal.tell(&about(plan))?;
    let bench = sweeps::Bench { binary, plan, seed, scratch };
    for sweep in ALL {
        if plan.only.is_empty() || plan.only.contains(&sweep) {
            bench.sweep(sweep, &mut |line| journal.tell(line))?;
            machine::load("  then");
        }
    }
    journal.summary.line().text()
}

/// What it was measured on.
fn about(plan: &Plan) -> Line {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let mut line = Line::of("machine");
    line.text_of("processor", &machine::cpu_model()).whole("cores", cores as u64);
    line.text_of("memory", &machine::memory()).whole("quick", u64::from(plan.quick));
    line
}
