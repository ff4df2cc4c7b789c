//! SIGKILL beside a load, and the same engine again on the same volume: until it says that it is ready, and until an
//! alert comes out of it.

use std::time::Duration;

use anyhow::{Context, Result};
use processor::ports::RecordView;
use test_services::clock::{milliseconds, now, sleep};
use test_services::service::Service;

use super::catch_up;
use super::engine::Engine;
use super::figures::Figures;
use crate::kafka::deployment::Deployment;
use crate::kafka::feed::{Feed, beats};
use crate::kafka::input::Inlet;
use crate::kafka::watch::Watcher;

const BEAT: Duration = Duration::from_millis(20);
/// The load goes on for longer than any restart takes.
const LONGEST: Duration = Duration::from_mins(2);
const UNDER_WAY: Duration = Duration::from_secs(2);
/// Events a second at most: the load has to be there, not to be heavy.
const LOAD: f64 = 2_000.0;

pub(super) struct Restarts {
    pub(super) ready_ms: Figures,
    pub(super) alert_ms: Figures,
}

/// Takes over the running engine and ends it after the last restart.
pub(super) fn measure(
    deployment: &Deployment,
    engine: &Engine,
    inlet: &mut Inlet,
    mut service: Service,
    per_second: f64,
    times: usize,
) -> Result<Restarts> {
    let (mut ready_ms, mut alert_ms) = (Figures::default(), Figures::default());
    for _ in 0..times {
        let load = inlet.prepare(per_second.min(LOAD), BEAT.as_millis() as i64, beats(LONGEST))?;
        let feed = Feed::start(deployment, load)?;
        sleep(UNDER_WAY);
        service.kill()?;
        // Nobody writes alerts now: what comes from here on is the new process.
        let watcher = Watcher::start(&deployment.log, engine.alerts, any)?;
        let spawned = now();
        service = engine.start(deployment)?;
        ready_ms.push(milliseconds(service.ready()?));
        let (_, seen) = watcher.next(LONGEST).context("no alert came after a restart")?;
        alert_ms.push(milliseconds(seen.saturating_duration_since(spawned)));
        watcher.close()?;
        feed.stop()?;
        let ends = inlet.close(deployment)?;
        catch_up::wait(deployment, engine, &mut service, &ends)?;
    }
    service.stop()?;
    Ok(Restarts { ready_ms, alert_ms })
}

#[allow(clippy::unnecessary_wraps, reason = "the watcher asks for a function of this shape")]
fn any(_: &RecordView<'_>) -> Result<Option<String>> {
    Ok(Some(String::new()))
}
