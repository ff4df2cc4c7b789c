//! The other records of `inventory.events`, and those of the runtime's own topics.

use crate::{InventoryEvent, Timestamp, catalog::CatalogChange};

/// One record of `inventory.events`.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamRecord<'a> {
    Event(InventoryEvent<'a>),
    Catalog(CatalogChange),
    Action(Action),
    Watermark(Watermark),
    Silence(SourceSilence),
}

/// "Nothing of this source partition older than `event_time` will follow, but for late records."
/// Written by `ingest` to every partition, from source clocks only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watermark {
    pub source: String,
    pub source_partition: i32,
    pub event_time: Timestamp,
    /// How long after their due time timers wait for stragglers, in milliseconds.
    pub grace_ms: i64,
    /// Every partition this source has: stream time waits for all of them.
    pub partitions: Vec<i32>,
}

/// A source partition that has been silent longer than it should: taken out of the minimum until
/// its next record. This is how wall time enters the log, as data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSilence {
    pub source: String,
    pub source_partition: i32,
    pub last_event_time: Option<Timestamp>,
    pub observed_at: Timestamp,
}

/// What people and services answer to an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    pub action_id: String,
    pub alert_id: String,
    pub kind: ActionKind,
    pub actor: String,
    pub occurred_at: Timestamp,
    pub sku: Option<String>,
    pub location: Option<String>,
    pub scope: Option<String>,
    pub note: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionKind {
    Acknowledge,
    Snooze,
    Escalate,
    Outcome,
}

names!(ActionKind { Acknowledge => "acknowledge", Snooze => "snooze", Escalate => "escalate", Outcome => "outcome" });

/// One partition's integer sums of one epoch: key `scope|id|epoch|partition`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AggregatePartial {
    pub scope: String,
    pub id: String,
    pub epoch: i64,
    /// The partition has nothing in the epochs `(epoch, closed_through]`.
    pub closed_through: i64,
    pub partition: i32,
    pub sums: Vec<i64>,
}

/// A switch that the data alone does not determine; replay reads it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    pub partition: i32,
    /// Offset of the `inventory.events` record before which the switch took effect.
    pub offset: i64,
    pub switch: Switch,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Switch {
    /// On entering this epoch, aggregates were applied through `applied_through` although the epoch
    /// rule asked for another.
    Epoch { entering: i64, applied_through: i64 },
    /// The broadcast records at these offsets of this topic, all that are there, took effect after
    /// their effective time had passed, or had none.
    Broadcast { topic: String, first_offset: i64, last_offset: i64 },
}

/// A rule document as published: key `id@version`. `body` is the YAML text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleDocumentRecord {
    pub id: String,
    pub version: i32,
    pub effective_at: Timestamp,
    pub body: String,
}

/// A record that could not be used: its original bytes are the value, these are the headers
/// ([`crate::headers`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub stage: String,
    /// A closed set: [`crate::DecodeError::CLASSES`], and those of the stage that refused it
    /// (`time_out_of_range`, …).
    pub error_class: String,
    pub message: String,
}
