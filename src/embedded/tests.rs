//! The whole chain under seeded faults, compared with a replay of what it committed.

mod oracle;
mod scenario;
mod simulation;
mod upgrade;

use crate::replay::log::LogPipeline;
use scenario::PARTITIONS;
use simulation::{Faults, Simulation};

/// How many seeds a run takes, and where it begins: `QM_SIM_SEEDS=500 QM_SIM_FROM=1000`.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Invariant tests: invariant I1, invariant I2, invariant I3, invariant I4, invariant I9,
/// invariant I13 and invariant I21 after every run.
#[test]
#[allow(clippy::print_stdout, reason = "a run of many seeds says what it did")]
fn whatever_happens_the_committed_alerts_are_those_of_a_replay() {
    let (from, seeds) = (setting("QM_SIM_FROM", 0), setting("QM_SIM_SEEDS", 24));
    let (mut compared, mut faults) = (0, Faults::default());
    for seed in from..from + seeds {
        let mut simulation = Simulation::new(seed);
        simulation.run();
        compared += oracle::check(&mut simulation, seed);
        faults.add(&simulation.faults);
    }
    println!("{seeds} seeds, {compared} alert revisions equal, {faults:?}");
    let everything =
        [faults.kills, faults.failed_calls, faults.epochs_passed_over, faults.overdue_switches, faults.loads];
    assert!(compared > 0 && !everything.contains(&0), "a simulation in which nothing happens proves nothing");
}

/// Asserts invariant I1 by way of the dump's text, as `replay --format log` reads it.
#[test]
fn a_dump_replays_to_the_alerts_that_were_committed() {
    let mut simulation = Simulation::new(7);
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
