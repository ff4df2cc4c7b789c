//! Ctrl-C: noted here and seen by every wait, so that the run ends by returning, and everything it
//! started with it. It must never end the process itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use test_services::clock;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

static ASKED: AtomicBool = AtomicBool::new(false);
const LOOK: Duration = Duration::from_millis(50);

/// Listens for as long as what it returns lives.
pub(crate) fn listen() -> Result<Runtime> {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.context("no runtime for signals")?;
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let mut signals = runtime.block_on(async { signal(kind) }).context("cannot listen for Ctrl-C")?;
        runtime.spawn(async move {
            while signals.recv().await.is_some() {
                ASKED.store(true, Ordering::Relaxed);
            }
        });
    }
    Ok(runtime)
}

pub(crate) fn check() -> Result<()> {
    if ASKED.load(Ordering::Relaxed) {
        bail!("interrupted");
    }
    Ok(())
}

/// Waits so long, or until somebody asks to end.
pub(crate) fn pause(time: Duration) -> Result<()> {
    let end = clock::now() + time;
    loop {
        check()?;
        let left = end.saturating_duration_since(clock::now());
        if left.is_zero() {
            return Ok(());
        }
        clock::sleep(left.min(LOOK));
    }
}
