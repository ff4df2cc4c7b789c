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
mod stage;
#[cfg(test)]
mod tests;

use std::time::Duration;

use schemas::notification::DeliveryStatus;

pub use stage::{DISPATCH, ROUTE, specs};
#[cfg(test)]
use stage::{dispatch_stage, route_stage};

/// Somebody who watches, for metrics. Channels go by their names.
pub trait Observer: Send + Sync {
    /// An attempt came to stand there, committed.
    fn stands(&self, _channel: &str, _status: DeliveryStatus) {}
    /// A send took this long, whatever came of it.
    fn sent(&self, _channel: &str, _took: Duration) {}
    /// From the alert's record on the log to the receiver's word that it has it.
    fn told(&self, _channel: &str, _after: Duration) {}
    /// So many more (or fewer) attempts wait for a try.
    fn waiting(&self, _channel: &str, _change: i64) {}
    /// So many more (or fewer) of its circuits are open.
    fn circuits_open(&self, _channel: &str, _change: i64) {}
}

/// Nobody watches.
#[cfg(test)]
pub struct Unobserved;

#[cfg(test)]
impl Observer for Unobserved {}
