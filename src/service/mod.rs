//! Runs stages as a service: worker threads, an admin port, signals, and an end that loses nothing.
//!
//! ```text
//!  main thread ── start ──▶ reach Kafka ──▶ check topics ──▶ supervise ──▶ stop: unready, join, end
//!  one OS thread a worker:  open ─▶ step, step, … ─▶ commit, flush, close     (attend)
//!                            ▲         │ log error: destroy, wait, open again
//!                            └─────────┘ anything else: the service stops, and says why
//!  tokio: HTTP and signals; never a worker
//! ```
//!
//! An outage of Kafka never ends a service that has once reached it. Nothing here knows what a stage
//! does, and nothing here decides.

mod admin;
mod attend;
mod board;
mod instance;
mod kafka;
mod observers;
mod settings;
mod signals;
mod spec;
mod startup;
mod stop;
mod stores;
mod supervise;
#[cfg(test)]
mod tests;
mod verdict;

use std::net::TcpListener;
use std::sync::Arc;

use processor::ports::Log;
use processor::runtime::Clock;
use tokio::runtime::{Builder, Handle};

pub use kafka::open as open_kafka;
pub use settings::Settings;
pub use spec::StageSpec;
pub use stores::{StoreOpener, Stores};

use crate::clock::MachineClock;
use crate::exit::{Failure, Outcome};
use crate::metrics::Metrics;
use crate::topics::TopicAdmin;
use board::Board;
use stop::Stop;

/// What a service is made of.
pub struct Service {
    /// The command: `process`, `ingest`, `notify`.
    pub role: &'static str,
    pub settings: Settings,
    pub log: Arc<dyn Log>,
    pub topics: Box<dyn TopicAdmin>,
    pub stores: Box<dyn Stores>,
    pub stages: Vec<StageSpec>,
    pub metrics: Metrics,
}

/// Runs until a signal, or until it cannot go on.
pub fn run(service: Service) -> Outcome {
    let stop = Arc::new(Stop::default());
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(Failure::runtime)?;
    signals::listen(runtime.handle(), &stop)?;
    let listener = admin::bind(&service.settings.listen)?;
    let outcome = serve(service, listener, &stop, runtime.handle());
    // A request in flight must not keep a process that is done.
    runtime.shutdown_background();
    outcome
}

/// Runs until it is told to stop.
fn serve(service: Service, listener: TcpListener, stop: &Arc<Stop>, runtime: &Handle) -> Outcome {
    let clock: Arc<dyn Clock> = Arc::new(MachineClock::start());
    let board = Arc::new(Board::new(service.role, clock.clone(), service.metrics.service.ready.clone()));
    for stage in &service.stages {
        stage.expect(&service.metrics);
    }
    admin::serve(runtime, listener, &service, &board)?;
    let openers = stores::claim(&*service.stores, &service.stages)?;
    if startup::run(&service, &*clock, stop, &board)?.is_break() {
        return Ok(());
    }
    let crew = supervise::Crew {
        role: service.role,
        settings: &service.settings,
        log: &service.log,
        metrics: &service.metrics,
        clock: &clock,
        board: &board,
        stop,
    };
    let outcome = crew.run(service.stages.into_iter().map(Arc::new).zip(openers));
    tracing::info!(role = service.role, "stopped");
    outcome
}
