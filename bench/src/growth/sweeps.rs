//! The sweeps, point by point. Every point has a broker, topics and a directory of its own, and leaves none of them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::line::Line;
use super::run::{self, Run};
use super::shops::{Shape, Shops};
use super::{Plan, Sweep, absence, midnight};
use crate::kafka::deployment::{Deployment, PARTITIONS};
use crate::machine;

/// Beyond these a point is run once: it takes too long for more.
const OFTEN: u32 = 1_000_000;
/// Up to these the alerts on the log are compared with a replay of it.
const COMPARED: u32 = 100_000;

/// Where points go.
pub(super) type Tell<'a> = &'a mut dyn FnMut(&Line) -> Result<()>;

pub(super) struct Bench<'a> {
    pub(super) binary: &'a Path,
    pub(super) plan: &'a Plan,
    pub(super) seed: u64,
    pub(super) scratch: &'a Path,
}

impl Bench<'_> {
    pub(super) fn sweep(&self, sweep: Sweep, tell: Tell<'_>) -> Result<()> {
        match sweep {
            Sweep::Positions => self.positions(tell),
            Sweep::Partitions => self.partitions(tell),
            Sweep::Rules => self.rules(tell),
            Sweep::CatchUp => absence::measure(self, tell),
            Sweep::Midnight => midnight::measure(self, tell),
        }
    }

    fn positions(&self, tell: Tell<'_>) -> Result<()> {
        let mut full = vec![10_000, 100_000, 1_000_000, 10_000_000];
        full.retain(|positions| *positions <= self.plan.most_positions);
        for positions in self.plan.points(&self.plan.positions, &full, &[5_000, 50_000]) {
            self.point("positions", Shape { positions, ..self.shape() }, tell)?;
        }
        Ok(())
    }

    fn partitions(&self, tell: Tell<'_>) -> Result<()> {
        for partitions in self.plan.points(&self.plan.partitions, &[1, 4, 16, 64], &[1, 16]) {
            self.point("partitions", Shape { partitions: i32::from(partitions), ..self.shape() }, tell)?;
        }
        Ok(())
    }

    fn rules(&self, tell: Tell<'_>) -> Result<()> {
        for documents in self.plan.points(&self.plan.documents, &[1, 10, 100, 1_000], &[1, 100]) {
            self.point("rules", Shape { documents, ..self.shape() }, tell)?;
        }
        Ok(())
    }

    /// What a point has unless its sweep varies it.
    pub(super) fn shape(&self) -> Shape {
        Shape {
            positions: self.plan.base_positions(),
            partitions: PARTITIONS,
            documents: 1,
            events: self.plan.events(),
            probes: 0,
            seed: self.seed,
        }
    }

    fn point(&self, sweep: &'static str, shape: Shape, tell: Tell<'_>) -> Result<()> {
        println!(
            "\n{sweep}: {} positions, {} partitions, {} rule documents",
            shape.positions, shape.partitions, shape.documents
        );
        let load_before = machine::load_average();
        let (directory, mut shops) = self.shops(shape)?;
        let empty = run::empty(&shops.deployment)?;
        let filled = shops.fill()?;
        let times = if shape.positions > OFTEN { 1 } else { self.plan.pick(self.plan.runs, 3, 1) };
        let mut runs = Vec::new();
        for n in 1..=times {
            let run = run::once(&shops.deployment, &filled)?;
            println!(
                "  run {n}: {:.0} events per CPU-second, {:.0} a second; {:.0} MB; {:.0} s until every position had its balance",
                run.events_per_cpu_s,
                run.events_per_s,
                run.memory.resident / 1e6,
                run.opening_s
            );
            runs.push(run);
        }
        verify(&shops.deployment, shape.positions)?;
        let mut line = Line::of(sweep);
        describe(&mut line, &shops, times);
        line.figure("load_before", load_before, 2);
        let (middle, least, greatest) = run::median(runs)?;
        line.figure("events_per_cpu_s_least", least, 0).figure("events_per_cpu_s_greatest", greatest, 0);
        figures(&mut line, &middle, empty, shape.positions);
        shops.deployment.close()?;
        clear(&directory)?;
        tell(&line)
    }

    /// A broker and topics in a directory of their own, which is there for [`clear`].
    pub(super) fn shops(&self, shape: Shape) -> Result<(PathBuf, Shops)> {
        let directory = self.scratch.join("growth");
        clear(&directory)?;
        let shops = Shops::new(self.binary, shape, &directory)?;
        Ok((directory, shops))
    }
}

/// No figure of a point whose alerts are not those of a replay of its log, where that takes seconds.
pub(super) fn verify(deployment: &Deployment, positions: u32) -> Result<()> {
    if positions <= COMPARED { deployment.compare_with_replay() } else { Ok(()) }
}

pub(super) fn clear(directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory).with_context(|| format!("cannot remove {}", directory.display()))?;
    }
    Ok(())
}

fn describe(line: &mut Line, shops: &Shops, runs: usize) {
    let Shape { positions, partitions, documents, events, .. } = shops.shape;
    line.whole("positions", u64::from(positions)).whole("partitions", u64::from(partitions.unsigned_abs()));
    line.whole("documents", documents as u64).whole("rules", shops.rules as u64);
    line.whole("events", events).whole("runs", runs as u64);
}

fn figures(line: &mut Line, run: &Run, empty: f64, positions: u32) {
    let memory = &run.memory;
    line.figure("counted_events", run.counted, 0);
    line.figure("events_per_cpu_s", run.events_per_cpu_s, 0).figure("events_per_s", run.events_per_s, 0);
    if run.broker_cpu_s_per_million.is_finite() {
        line.figure("broker_cpu_s_per_million", run.broker_cpu_s_per_million, 2);
    }
    line.figure("opening_s", run.opening_s, 1);
    line.figure("opening_cpu_s_per_million", run.opening_cpu_s * 1e6 / f64::from(positions), 1);
    line.figure("rss_mb", memory.resident / 1e6, 1).figure("peak_mb", memory.peak / 1e6, 1);
    line.figure("empty_mb", empty / 1e6, 1);
    line.figure("bytes_per_position", (memory.resident - empty) / f64::from(positions), 0);
    line.figure("hot_mb", memory.hot / 1e6, 1).figure("hot_limit_mb", memory.hot_limit / 1e6, 1);
    line.figure("hot_keys", memory.hot_keys, 0);
    line.figure("rocksdb_mb", memory.rocksdb / 1e6, 1).figure("sst_mb", memory.on_disk / 1e6, 1);
}
