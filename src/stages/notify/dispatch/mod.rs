//! Carries out orders: claims a try, sends when the claim has committed, writes down what came of it.
//!
//! ```text
//!  record ─▶ planned ┐                     ┌─ committed ─▶ outbox ─▶ channel
//!                    ├─ tick ─▶ claimed ───┘                            │
//!      due again ────┘                          tick ◀── outcome ◀──────┘
//! ```
//!
//! Everything that depends on the clock happens in a tick, and is committed before it has any effect
//! outside (invariant I20). What was claimed and has no outcome after a restart is unknown: it is
//! sent again only where the receiver recognises a second one. It must never send by itself.

mod desk;
mod row;
mod shown;

pub use row::{Row, examine};

use std::collections::BTreeMap;
use std::sync::Arc;

use processor::operator::{
    BroadcastRecord, Context, Incoming, Operator, Outcome, Produced, Rejection, Sums, Tick, TimeSignal,
};
use processor::table::{KeyId, StateTable};
use rules::escalation::{Attempt, Channel, Gate, Limits, RetryPolicy};
use schemas::notification::{DeliveryError, DeliveryStatus, SendOutcome, Verdict, ends};
use schemas::row::RowError;
use schemas::{DeliveryAttempt, Notification, NotificationAction, Timestamp, avro, topics};

use super::Observer;
use super::outbox::{Job, Outbox, Try};
use desk::Desk;
use row::{OpenRow, attempt_key, endpoint_channel, endpoint_key};
use shown::Shown;

/// Most attempts that one tick closes or forgets: the others wait for the next.
const MAX_STEPS_PER_TICK: usize = 1_000;

/// What the dispatcher knows about a channel.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its type.
    pub kind: &'static str,
    pub idempotent: bool,
    /// Changes when an endpoint that wanted nothing any more is to be tried again.
    pub fingerprint: String,
    pub limits: Limits,
}

/// What all partitions of the stage share.
pub struct Dispatching {
    /// By name.
    pub endpoints: BTreeMap<String, Endpoint>,
    pub retry: RetryPolicy,
    /// How long an attempt that is over is remembered, so that the same order again is recognised.
    pub remember_ms: i64,
    pub outbox: Arc<dyn Outbox>,
    pub observer: Arc<dyn Observer>,
}

/// One partition of the stage.
pub struct DispatchOperator {
    partition: i32,
    shared: Arc<Dispatching>,
    desk: Desk,
    shown: Shown,
    /// The worker is about to close: nothing new begins.
    winding_up: bool,
}

/// An order, and when it was written to the log.
pub struct Order {
    notification: Notification,
    at: Timestamp,
}

/// Where an attempt stands now; with the job, where it was claimed.
pub struct DispatchOutput {
    record: DeliveryAttempt,
    job: Option<Job>,
}

type Ctx<'a> = Context<'a, Row, DispatchOutput>;

impl DispatchOperator {
    pub fn new(partition: i32, shared: Arc<Dispatching>) -> Self {
        let shown = Shown::to(shared.observer.clone());
        Self { partition, shared, desk: Desk::default(), shown, winding_up: false }
    }

    /// The type of a channel, and whether it recognises a second send. Of one that the configuration
    /// no longer knows, nothing is assumed.
    fn channel(&self, name: &str) -> Channel<'static> {
        let known = self.shared.endpoints.get(name);
        Channel { kind: known.map_or("", |e| e.kind), idempotent: known.is_some_and(|e| e.idempotent) }
    }

    fn gate(&mut self, channel: &str) -> Option<&mut Gate> {
        let endpoint = self.shared.endpoints.get(channel)?;
        Some(self.desk.gates.entry(channel.to_owned()).or_insert_with(|| Gate::new(endpoint.limits)))
    }

    fn plan(&mut self, ctx: &mut Ctx<'_>, id: KeyId, order: &Order) {
        let row = OpenRow { attempt: Attempt::planned(order.at), order: Arc::new(order.notification.clone()) };
        self.desk.open(id, &row);
        self.tell(ctx, &row, None);
        ctx.states.put(id, Row::Open(Box::new(row)));
    }

    fn tell(&self, ctx: &mut Ctx<'_>, row: &OpenRow, job: Option<Job>) {
        let kind = self.channel(&row.order.channel).kind;
        ctx.emit(DispatchOutput { record: row.attempt.record(&row.order, kind), job });
    }

    /// The alert has ended: what waits to tell of its earlier revisions over this channel is closed.
    fn withdraw(&mut self, ctx: &mut Ctx<'_>, order: &Order) {
        let ended = &order.notification;
        for id in self.desk.of_alert(ended.alert.alert_id) {
            let Some(row) = ctx.states.get(id).and_then(Row::open) else { continue };
            let older = row.order.alert.revision < ended.alert.revision;
            if older && row.order.channel == ended.channel {
                self.change(ctx, id, |attempt| attempt.withdraw(order.at));
            }
        }
    }

    /// Changes an attempt, tells where it stands if `change` says that it stands elsewhere now, and
    /// keeps the desk in step.
    fn change(&mut self, ctx: &mut Ctx<'_>, id: KeyId, change: impl FnOnce(&mut Attempt) -> bool) {
        let Some(row) = ctx.states.get_mut(id).and_then(Row::open_mut) else { return };
        let before = row.attempt.waiting();
        let moved = change(&mut row.attempt);
        let row = OpenRow { attempt: row.attempt.clone(), order: row.order.clone() };
        self.desk.leave(id, &row.order.channel, before);
        self.desk.queue(id, &row.order.channel, &row.attempt);
        if moved {
            self.tell(ctx, &row, None);
        }
        if row.attempt.is_over() {
            let at = row.attempt.changed_at();
            self.desk.close(id, row.order.alert.alert_id, at);
            if let Some(state) = ctx.states.get_mut(id) {
                *state = Row::Done { at };
            }
        }
    }

    /// Takes in what came back since the last tick.
    fn take_outcomes(&mut self, ctx: &mut Ctx<'_>, now: Timestamp) {
        for finished in self.shared.outbox.outcomes(self.partition) {
            let of = finished.of;
            if self.desk.settled.contains(&of) {
                continue;
            }
            let id = ctx.states.find(&attempt_key(of.attempt));
            let claimed = id
                .and_then(|id| ctx.states.get(id))
                .and_then(Row::open)
                .filter(|row| row.attempt.is_claimed() && row.attempt.tries() == of.number);
            let (Some(id), Some(row)) = (id, claimed) else {
                // Its partition was elsewhere meanwhile, and is past this try.
                self.shared.outbox.done_with(self.partition, of);
                continue;
            };
            let name = row.order.channel.clone();
            self.desk.settled.insert(of);
            self.settle(ctx, id, of, &name, finished.outcome, now);
        }
    }

    fn settle(&mut self, ctx: &mut Ctx<'_>, id: KeyId, of: Try, name: &str, outcome: SendOutcome, now: Timestamp) {
        if let Some(gate) = self.gate(name) {
            gate.ended(&outcome, now);
        }
        if outcome.verdict == Verdict::Gone {
            self.disable(ctx, name, now);
        }
        let (channel, retry) = (self.channel(name), self.shared.retry);
        self.change(ctx, id, |attempt| {
            attempt.settle(of.attempt, outcome, channel, &retry, now);
            true
        });
    }

    fn disable(&mut self, ctx: &mut Ctx<'_>, name: &str, at: Timestamp) {
        let Some(endpoint) = self.shared.endpoints.get(name) else { return };
        let fingerprint = endpoint.fingerprint.clone();
        tracing::error!(
            channel = name,
            "the receiver answered 410 Gone: nothing is sent there any more; change its address, or raise `generation`"
        );
        self.desk.disabled.insert(name.to_owned(), fingerprint.clone());
        let id = ctx.states.intern(&endpoint_key(name));
        ctx.states.put(id, Row::Disabled { fingerprint, at });
    }

    /// Endpoints that are configured otherwise than when they were disabled are enabled again.
    fn enable_changed(&mut self, ctx: &mut Ctx<'_>) {
        let endpoints = &self.shared.endpoints;
        let changed = |(name, fingerprint): (&String, &String)| {
            endpoints.get(name).is_some_and(|e| e.fingerprint != *fingerprint).then(|| name.clone())
        };
        let names: Vec<String> = self.desk.disabled.iter().filter_map(changed).collect();
        for name in names {
            tracing::info!(channel = name, "configured anew: sending there again");
            self.desk.disabled.remove(&name);
            let id = ctx.states.intern(&endpoint_key(&name));
            ctx.states.delete(id);
        }
    }

    /// What was claimed by somebody who is gone.
    fn lose_orphans(&mut self, ctx: &mut Ctx<'_>, now: Timestamp) {
        for id in std::mem::take(&mut self.desk.orphans) {
            let claimed = ctx.states.get(id).and_then(Row::open).filter(|row| row.attempt.is_claimed());
            let Some(row) = claimed else { continue };
            let (of, channel, retry) = (row.order.attempt_id, self.channel(&row.order.channel), self.shared.retry);
            self.change(ctx, id, |attempt| {
                attempt.lose(of, channel, &retry, now);
                true
            });
        }
    }

    /// Claims what is due, as far as the channels' gates let it.
    fn claim_due(&mut self, ctx: &mut Ctx<'_>, now: Timestamp) {
        let mut steps = MAX_STEPS_PER_TICK;
        for name in self.desk.channels() {
            while steps > 0 {
                let Some(id) = self.desk.first_due(&name, now) else { break };
                steps -= 1;
                let alerted_at = ctx.states.get(id).and_then(Row::open).map(|row| row.order.alerted_at);
                let expired = alerted_at.is_none_or(|at| self.shared.retry.has_expired(at, now));
                if let Some(error) = self.closed_to(&name) {
                    self.change(ctx, id, |attempt| {
                        attempt.refuse(error, now);
                        true
                    });
                } else if expired {
                    self.change(ctx, id, |attempt| {
                        attempt.expire(now);
                        true
                    });
                } else if !self.winding_up && self.gate(&name).is_some_and(|gate| gate.admit(now)) {
                    self.claim(ctx, id, now);
                } else {
                    break;
                }
            }
        }
    }

    /// Why nothing can be sent over this channel, if nothing can.
    fn closed_to(&self, channel: &str) -> Option<DeliveryError> {
        if !self.shared.endpoints.contains_key(channel) {
            Some(DeliveryError::UnknownChannel)
        } else if self.desk.disabled.contains_key(channel) {
            Some(DeliveryError::Disabled)
        } else {
            None
        }
    }

    fn claim(&mut self, ctx: &mut Ctx<'_>, id: KeyId, now: Timestamp) {
        let Some(row) = ctx.states.get_mut(id).and_then(Row::open_mut) else { return };
        let before = row.attempt.waiting();
        row.attempt.claim(now);
        let row = OpenRow { attempt: row.attempt.clone(), order: row.order.clone() };
        self.desk.leave(id, &row.order.channel, before);
        let number = row.attempt.tries();
        let job = Job { partition: self.partition, number, claimed_at: now, order: row.order.clone() };
        self.tell(ctx, &row, Some(job));
    }

    fn forget_old(&mut self, ctx: &mut Ctx<'_>, now: Timestamp) {
        let before = now.minus_ms(self.shared.remember_ms);
        for _ in 0..MAX_STEPS_PER_TICK {
            let Some(id) = self.desk.forget_one(before) else { break };
            ctx.states.delete(id);
        }
    }

    fn show(&mut self) {
        for name in self.shared.endpoints.keys() {
            let open = self.desk.gates.get(name).is_some_and(Gate::is_open);
            self.shown.channel(name, self.desk.waiting_of(name) as i64, i64::from(open));
        }
    }
}

/// What counts of a record: an attempt whose outcome is unknown and that is tried again has failed for now.
fn outcome(record: &DeliveryAttempt) -> DeliveryStatus {
    match record.status {
        DeliveryStatus::Unknown if record.next_attempt_at.is_some() => DeliveryStatus::FailedTemporary,
        status => status,
    }
}

impl Operator for DispatchOperator {
    type Record<'a> = Order;
    type State = Row;
    type Output = DispatchOutput;

    fn decode(&self, incoming: &Incoming<'_>) -> Result<Order, Rejection> {
        let decoded = avro::decode_notification(incoming.payload());
        let notification = decoded.map_err(|e| Rejection::new(e.class, e.message))?;
        let written = Timestamp::from_millis(incoming.timestamp_ms);
        let at = if written.is_plausible() { written } else { notification.alerted_at };
        Ok(Order { notification, at })
    }

    fn time_signal<'r>(&self, _: &'r Order) -> TimeSignal<'r> {
        TimeSignal::None
    }

    fn on_record(&mut self, ctx: &mut Ctx<'_>, order: &Order) -> Result<Outcome, Rejection> {
        let id = ctx.states.intern(&attempt_key(order.notification.attempt_id));
        if ctx.states.get(id).is_some() {
            return Ok(Outcome::Duplicate);
        }
        if ends(&order.notification.alert) {
            self.withdraw(ctx, order);
        }
        if order.notification.action == NotificationAction::Send {
            self.plan(ctx, id, order);
        }
        Ok(Outcome::Ok)
    }

    fn on_tick(&mut self, ctx: &mut Ctx<'_>, tick: Tick) {
        self.take_outcomes(ctx, tick.wall);
        self.lose_orphans(ctx, tick.wall);
        self.enable_changed(ctx);
        self.claim_due(ctx, tick.wall);
        self.forget_old(ctx, tick.wall);
        self.show();
    }

    /// Asserts invariant I20: what is sent was claimed, and the claim has committed.
    fn committed(&mut self, outputs: &[DispatchOutput], _: Timestamp) {
        for DispatchOutput { record, job } in outputs {
            if let Some(job) = job {
                self.shared.outbox.submit(job.clone());
                continue;
            }
            let number = u32::try_from(record.tries).unwrap_or_default();
            let of = Try { attempt: record.attempt_id, number };
            if self.desk.settled.remove(&of) {
                self.shared.outbox.done_with(self.partition, of);
            }
            self.shared.observer.stands(&record.channel, outcome(record));
        }
    }

    /// Waits for what is under way.
    fn winding_up(&mut self) -> bool {
        self.winding_up = true;
        self.desk.gates.values().any(|gate| gate.under_way() > 0)
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

    fn restored(&mut self, states: &mut StateTable<Row>) {
        let mut under_way = Vec::new();
        for (id, key, row) in states.iter() {
            match row {
                Row::Open(row) => {
                    self.desk.open(id, row);
                    let of = Try { attempt: row.order.attempt_id, number: row.attempt.tries() };
                    if row.attempt.is_claimed() && self.shared.outbox.knows(self.partition, of) {
                        under_way.push(row.order.channel.clone());
                    } else if row.attempt.is_claimed() {
                        self.desk.orphans.push(id);
                    }
                }
                Row::Done { at } => self.desk.done(id, *at),
                Row::Disabled { fingerprint, .. } => {
                    let channel = endpoint_channel(key).unwrap_or_default();
                    self.desk.disabled.insert(channel.to_owned(), fingerprint.clone());
                }
            }
        }
        for channel in under_way {
            if let Some(gate) = self.gate(&channel) {
                gate.adopt();
            }
        }
    }

    fn produce(&self, output: &DispatchOutput, sink: &mut dyn FnMut(Produced<'_>)) {
        let key = output.record.attempt_id.to_string();
        let mut value = Vec::new();
        avro::encode_delivery_attempt(&output.record, &mut value);
        sink(Produced {
            topic: topics::DELIVERIES,
            partition: None,
            key: Some(key.as_bytes()),
            value: Some(&value),
            headers: &[],
        });
    }
}
