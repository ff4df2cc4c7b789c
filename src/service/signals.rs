//! SIGTERM and SIGINT: the first asks the service to stop, the second ends the process at once.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::stop::Stop;
use crate::exit::{Failure, Outcome};

pub(super) fn listen(runtime: &Handle, stop: &Arc<Stop>) -> Outcome {
    // Signals need the runtime's context to be set up.
    let _context = runtime.enter();
    let term = signal(SignalKind::terminate()).map_err(Failure::runtime)?;
    let interrupt = signal(SignalKind::interrupt()).map_err(Failure::runtime)?;
    runtime.spawn(heed(term, interrupt, Arc::clone(stop)));
    Ok(())
}

async fn heed(mut term: Signal, mut interrupt: Signal, stop: Arc<Stop>) {
    loop {
        let kind = tokio::select! {
            _ = term.recv() => SignalKind::terminate(),
            _ = interrupt.recv() => SignalKind::interrupt(),
        };
        if stop.is_requested() {
            tracing::warn!("a second signal: ending at once; what was not committed is read again");
            std::process::exit(128 + kind.as_raw_value());
        }
        tracing::info!("asked to stop: finishing what is in hand, committing, closing");
        stop.request();
    }
}
