//! The whole chain under seeded faults, compared with a replay of what it committed.

mod oracle;
mod scenario;
mod simulation;

use simulation::{Faults, Simulation};

/// How many seeds a run takes, and where it begins: `QM_SIM_SEEDS=500 QM_SIM_FROM=1000`.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Invariant tests: invariant I1, invariant I2, invariant I3, invariant I4, invariant I9 and
/// invariant I13 after every run.
#[test]
fn whatever_happens_the_committed_alerts_are_those_of_a_replay() {
    let (from, seeds) = (setting("QM_SIM_FROM", 0), setting("QM_SIM_SEEDS", 24));
    let (mut compared, mut faults) = (0, Faults::default());
    for seed in from..from + seeds {
        let mut simulation = Simulation::new(seed);
        simulation.run();
        compared += oracle::check(&simulation, seed);
        faults.add(&simulation.faults);
    }
    println!("{seeds} seeds, {compared} alert revisions equal, {faults:?}");
    assert!(compared > 0 && faults.kills > 0, "a simulation in which nothing happens proves nothing");
}
