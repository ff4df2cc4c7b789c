//! Orders notifications: an alert in, one order per destination out.
//!
//! It remembers who was told about an alert until the alert ends, so that they hear of nothing older
//! afterwards. Time here is the log's: it must never look at a clock.

use std::sync::Arc;

use processor::operator::{
    BroadcastRecord, Context, Incoming, Operator, Outcome, Produced, Rejection, StateRow, Sums, TimeSignal,
};
use processor::table::KeyId;
use rules::escalation::{Policy, Told};
use schemas::row::RowError;
use schemas::{Alert, Notification, Timestamp, avro, topics};

use crate::stages::rows::Examined;

/// One partition of the stage.
pub struct RouteOperator {
    policy: Arc<Policy>,
}

/// An alert, and when it was written to the log.
pub struct Raised {
    alert: Alert,
    at: Timestamp,
}

/// The row of an alert that somebody was told about.
pub struct ToldRow(Told);

impl StateRow for ToldRow {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }

    fn decode(row: &[u8]) -> Result<Self, RowError> {
        Told::decode(row).map(Self)
    }

    fn next_due(&self) -> Option<Timestamp> {
        None
    }
}

/// What a row of the table is.
pub fn examine(row: &[u8]) -> Examined {
    Examined::new("told", row, 0, Told::decode(row))
}

type Ctx<'a> = Context<'a, ToldRow, Notification>;

impl RouteOperator {
    pub fn new(policy: Arc<Policy>) -> Self {
        Self { policy }
    }
}

/// Keys that start with a zero byte belong to the runtime.
fn key(alert: &Alert) -> Vec<u8> {
    [b"a".as_slice(), alert.alert_id.as_bytes()].concat()
}

impl Operator for RouteOperator {
    type Record<'a> = Raised;
    type State = ToldRow;
    type Output = Notification;

    fn decode(&self, incoming: &Incoming<'_>) -> Result<Raised, Rejection> {
        let alert = avro::decode_alert(incoming.payload()).map_err(|e| Rejection::new(e.class, e.message))?;
        let written = Timestamp::from_millis(incoming.timestamp_ms);
        // A record may carry no time: −1.
        let at = if incoming.timestamp_ms >= 0 && written.is_plausible() { written } else { alert.detected_at };
        Ok(Raised { alert, at })
    }

    fn time_signal<'r>(&self, _: &'r Raised) -> TimeSignal<'r> {
        TimeSignal::None
    }

    fn on_record(&mut self, ctx: &mut Ctx<'_>, raised: &Raised) -> Result<Outcome, Rejection> {
        let id = ctx.states.intern(&key(&raised.alert));
        let known = ctx.states.get(id).is_some();
        let mut told = ctx.states.get(id).map(|row| row.0.clone()).unwrap_or_default();
        let Some(orders) = told.order(&self.policy, &raised.alert, raised.at) else {
            return Ok(Outcome::Duplicate);
        };
        // Whoever is not to be told of the end need not be remembered.
        if !told.is_over() {
            ctx.states.put(id, ToldRow(told));
        } else if known {
            ctx.states.delete(id);
        }
        let outcome = if orders.is_empty() { Outcome::Filtered } else { Outcome::Ok };
        for order in orders {
            ctx.emit(order);
        }
        Ok(outcome)
    }

    fn on_timer(&mut self, _: &mut Ctx<'_>, _: KeyId, _: Timestamp) {}

    fn effective_at(&self, _: &BroadcastRecord) -> Result<Option<Timestamp>, Rejection> {
        Ok(None)
    }

    fn install_broadcast(&mut self, _: &BroadcastRecord) {}

    fn on_broadcast(&mut self, _: &mut Ctx<'_>, _: &BroadcastRecord) {}

    fn close_epoch(&mut self) -> Vec<Sums> {
        Vec::new()
    }

    fn apply_epoch(&mut self, _: &mut Ctx<'_>, _: i64, _: &[Sums]) {}

    fn encode_shared(&self, _: &mut Vec<u8>) {}

    fn decode_shared(&mut self, _: &[u8]) -> Result<(), RowError> {
        Ok(())
    }

    /// By its recipient: one dispatcher keeps a recipient's order, rate and endpoint.
    fn produce(&self, order: &Notification, sink: &mut dyn FnMut(Produced<'_>)) {
        let mut value = Vec::new();
        avro::encode_notification(order, &mut value);
        sink(Produced {
            topic: topics::DISPATCH,
            partition: None,
            key: Some(order.recipient.as_bytes()),
            value: Some(&value),
            headers: &[],
        });
    }
}
