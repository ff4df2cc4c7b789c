//! The whole chain under seeded faults, compared with a replay of what it committed.

mod flushing;
mod oracle;
mod scenario;
mod simulation;
mod upgrade;

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::replay::log::LogPipeline;
use scenario::{LONG_MS, PARTITIONS, SHORT_MS};
use simulation::{Faults, Simulation};

/// How many seeds a run takes, and where it begins: `QM_SIM_SEEDS=500 QM_SIM_FROM=1000`.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Most seeds are short, so that many are tried.
fn simulated_ms(seed: u64) -> i64 {
    if seed.is_multiple_of(16) { LONG_MS } else { SHORT_MS }
}

/// Takes seeds until there are none left: alert revisions compared, and what went wrong on purpose.
fn run_seeds(next: &AtomicU64, end: u64) -> (usize, Faults) {
    let (mut compared, mut faults) = (0, Faults::default());
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return (compared, faults);
        }
        let mut simulation = Simulation::new(seed, simulated_ms(seed));
        simulation.run();
        compared += oracle::check(&mut simulation, seed);
        faults.add(&simulation.faults);
    }
}

/// Invariant tests: invariant I1, invariant I2, invariant I3, invariant I4, invariant I9,
/// invariant I13 and invariant I21 after every run.
#[test]
#[allow(clippy::print_stdout, reason = "a run of many seeds says what it did")]
fn whatever_happens_the_committed_alerts_are_those_of_a_replay() {
    let (from, seeds) = (setting("QM_SIM_FROM", 0), setting("QM_SIM_SEEDS", 160));
    let next = AtomicU64::new(from);
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let parts: Vec<(usize, Faults)> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(|| run_seeds(&next, from + seeds))).collect();
        running.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    let (mut compared, mut faults) = (0, Faults::default());
    for (alerts, of_part) in parts {
        compared += alerts;
        faults.add(&of_part);
    }
    println!("{seeds} seeds, {compared} alert revisions equal, {faults:?}");
    let everything = [
        faults.kills,
        faults.failed_calls,
        faults.clock_jumps,
        faults.epochs_passed_over,
        faults.overdue_switches,
        faults.loads,
    ];
    assert!(compared > 0 && !everything.contains(&0), "a simulation in which nothing happens proves nothing");
}

/// Asserts invariant I1 by way of the dump's text, as `replay --format log` reads it.
#[test]
fn a_dump_replays_to_the_alerts_that_were_committed() {
    let mut simulation = Simulation::new(7, LONG_MS);
    simulation.run();
    let mut dump = Vec::new();
    let written = simulation.chain.dump(&mut dump).unwrap();
    let lines: Vec<&[u8]> = dump.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len() as u64, written);
    let mut committed = oracle::committed_alerts(&simulation.chain);
    assert!(!committed.is_empty());
    committed.sort_by_key(|alert| (alert.alert_id, alert.revision));
    for state_bytes in [1, 1 << 30] {
        // The grace is that of the log's watermarks, whatever is asked for.
        let mut pipeline = LogPipeline::new(PARTITIONS, 0, state_bytes);
        for line in &lines {
            pipeline.line(line, &mut |_| {}).unwrap();
        }
        let mut replayed = pipeline.finish().unwrap();
        replayed.sort_by_key(|alert| (alert.alert_id, alert.revision));
        assert_eq!(replayed, committed, "{state_bytes}");
    }
}
