//! Runs over a full topic, one engine after the other: A B A B.

use anyhow::Result;
use test_services::child;
use test_services::clock::sleep;

use super::catch_up::{self, CaughtUp};
use super::compare;
use super::engine::Engine;
use crate::kafka::deployment::Deployment;
use crate::kafka::input::Filled;

/// Resident bytes of an engine that has nothing to do.
pub(super) struct Empty {
    pub(super) engine: &'static str,
    pub(super) resident_bytes: u64,
}

/// What every engine takes before it has seen a record.
pub(super) fn empty(deployment: &Deployment, engines: &[Engine]) -> Result<Vec<Empty>> {
    engines.iter().map(|engine| empty_one(deployment, engine)).collect()
}

fn empty_one(deployment: &Deployment, engine: &Engine) -> Result<Empty> {
    engine.forget(deployment)?;
    let mut service = engine.start(deployment)?;
    service.ready()?;
    sleep(catch_up::SETTLE);
    let resident_bytes = child::resident_bytes(service.pid())?;
    service.stop()?;
    Ok(Empty { engine: engine.name, resident_bytes })
}

/// Every engine so many times; each begins anew. Fails when their alerts are not the same.
pub(super) fn in_turns(
    deployment: &Deployment,
    engines: &[Engine],
    filled: &Filled,
    runs: usize,
    tell: &mut dyn FnMut(&Engine, &CaughtUp),
) -> Result<()> {
    for run in 1..=runs {
        for engine in engines {
            engine.forget(deployment)?;
            let figures = catch_up::measure(deployment, engine, filled)?;
            println!("  run {run}, {}: {figures}", engine.name);
            tell(engine, &figures);
        }
        compare::alerts(deployment, engines)?;
    }
    deployment.ensure_nothing_was_refused()
}
