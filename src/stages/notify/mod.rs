//! `notify`: tells people and systems about alerts.
//!
//! Two operators, two groups. [`route`] reads `inventory.alerts` and orders: whom to tell, over which
//! channel. [`dispatch`] reads those orders and carries them out: it writes down that it is going to
//! send, and sends only when that has committed ([`executor`]). Whom to tell and when to try again is
//! decided in `rules::escalation`, how to send in `connectors::channels`.

pub mod dispatch;
pub mod executor;
pub mod outbox;
pub mod route;
pub mod setup;
#[cfg(test)]
mod tests;

use std::time::Duration;

use processor::runtime::{StageConfig, Topics};
use processor::source_clock::DEFAULT_FLOOR;
use processor::task::TaskConfig;
use schemas::notification::DeliveryStatus;
use schemas::time::SECOND_MS;
use schemas::topics;

/// Application ids: consumer groups, and names of changelogs.
pub const ROUTE: &str = "quartermaster-notify-route";
pub const DISPATCH: &str = "quartermaster-notify-dispatch";

/// How often the dispatcher looks at the clock and at what came back.
const TICK_MS: i64 = 20;

/// Somebody who watches, for metrics. Channels go by their names.
pub trait Observer: Send + Sync {
    /// An attempt came to stand there, committed.
    fn stands(&self, _channel: &str, _status: DeliveryStatus) {}
    /// A send took this long, whatever came of it.
    fn sent(&self, _channel: &str, _took: Duration) {}
    /// From the alert's record on the log to the receiver's word that it has it.
    fn told(&self, _channel: &str, _after: Duration) {}
    /// Attempts of a channel that wait for a try in this partition, and whether its circuit is open.
    fn waiting(&self, _partition: i32, _channel: &str, _attempts: usize, _circuit_open: bool) {}
}

/// Nobody watches.
#[derive(Clone, Copy, Debug)]
pub struct Unobserved;

impl Observer for Unobserved {}

/// The stage that orders.
pub fn route_stage() -> StageConfig {
    stage(ROUTE, "notify-route", topics::ALERTS, None)
}

/// The stage that carries out.
pub fn dispatch_stage() -> StageConfig {
    stage(DISPATCH, "notify-dispatch", topics::DISPATCH, Some(TICK_MS))
}

fn stage(application: &str, stage: &str, input: &str, tick_ms: Option<i64>) -> StageConfig {
    StageConfig {
        application: application.to_owned(),
        stage: stage.to_owned(),
        topics: Topics {
            input: input.to_owned(),
            changelog: topics::changelog(application, "state"),
            dead_letters: topics::DEAD_LETTERS.to_owned(),
            broadcast: Vec::new(),
            aggregates: None,
            journal: None,
        },
        task: TaskConfig { partition: 0, epoch_ms: None, grace_ms: 0, floor: DEFAULT_FLOOR },
        max_poll_records: 500,
        commit_interval_ms: 100,
        minimum_commit_gap_ms: 10,
        commit_records: 500,
        flush_interval_ms: SECOND_MS,
        flush_bytes: 16 << 20,
        epoch_wait_ms: 0,
        backlog_records: 1_000,
        call_timeout_ms: 10_000,
        tick_ms,
    }
}
