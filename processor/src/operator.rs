//! What a stage is made of: an [`Operator`] is told what happened and answers with effects.
//!
//! An operator is pure: it has no clock, no I/O and no randomness. It changes the decoded state it
//! is lent and pushes effects; the task performs them, and nothing of a record reaches the store
//! or the log unless its whole transaction commits. Two effects are implied rather than pushed
//! (docs/adr/0002): lending a state mutably is its `Put`, and a state's [`StateRow::next_due`] is
//! its `SetTimer`. Neither can then be forgotten, and timers survive a restore by construction.

use schemas::Timestamp;
use schemas::row::RowError;
use schemas::stream::{SourceSilence, Watermark};

use crate::table::{KeyId, StateTable};
use crate::task::Published;

/// Decoded state of one key, and the versioned row it is stored as.
pub trait StateRow: Sized + Send {
    /// What a decoded state takes at least, wherever it is; lists beside it are estimated from the row.
    const DECODED_BYTES: usize = size_of::<Self>();

    fn encode(&self, out: &mut Vec<u8>);
    fn decode(row: &[u8]) -> Result<Self, RowError>;
    /// When this key next wants to be woken, in stream time.
    fn next_due(&self) -> Option<Timestamp>;
}

/// A record as it came in, before anything is known about it.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    pub partition: i32,
    pub offset: i64,
    /// Milliseconds since the epoch, as the producer or broker wrote it.
    pub timestamp_ms: i64,
    pub key: Option<&'a [u8]>,
    /// `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    pub headers: &'a [(String, Vec<u8>)],
}

impl<'a> Incoming<'a> {
    /// The value, empty for a tombstone.
    pub fn payload(&self) -> &'a [u8] {
        self.value.unwrap_or_default()
    }
}

/// Why a record cannot be used. `class` is one of a closed set; the record goes to the dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    pub class: &'static str,
    pub message: String,
}

impl Rejection {
    pub fn new(class: &'static str, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }
}

/// What became of a record that could be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    /// Seen before: nothing changed.
    Duplicate,
    /// Folded into the state, kept out of windows that have closed.
    Late,
    /// Not for this operator: nothing changed.
    Filtered,
}

/// What a record says about time.
#[derive(Clone, Copy, Debug)]
pub enum TimeSignal<'a> {
    None,
    Event { source: &'a str, source_partition: i32, source_time: Timestamp, occurred_at: Timestamp },
    Watermark(&'a Watermark),
    Silence(&'a SourceSilence),
}

/// When and why something was emitted: the order of a replay's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    pub stream_time: Timestamp,
    pub cause: Cause,
}

/// Why something was emitted. Within one stream time: switches, then timers by due time, then the
/// record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A broadcast record that took effect at this stream time.
    Switch(Timestamp),
    /// A timer due at this instant.
    Timer(Timestamp),
    /// The record itself.
    Record,
}

/// The moment an operator acts in.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For a record: stream time. For a timer: its due time plus grace.
    pub stream_time: Timestamp,
    /// Windows that ended before this are closed: `stream_time − grace`.
    pub closed_before: Timestamp,
    pub cause: Cause,
}

/// What an operator is lent while it acts.
pub struct Context<'a, S, O> {
    pub now: Now,
    pub states: &'a mut StateTable<S>,
    pub effects: &'a mut Vec<(Origin, O)>,
}

impl<S, O> Context<'_, S, O> {
    /// Hands an output to the transaction that commits this record.
    pub fn emit(&mut self, output: O) {
        let origin = Origin { stream_time: self.now.stream_time, cause: self.now.cause };
        self.effects.push((origin, output));
    }
}

/// A record of a broadcast topic, read by every partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BroadcastRecord {
    pub topic: String,
    pub offset: i64,
    pub key: Vec<u8>,
    /// `None` is a tombstone.
    pub value: Option<Vec<u8>>,
}

/// A look at the machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct Tick {
    pub wall: Timestamp,
    /// Every record of the partition has been read, as of about a second ago.
    pub caught_up: bool,
}

/// Integer sums of one scope: of one partition while open, of all partitions once complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    pub scope: String,
    pub id: String,
    pub sums: Vec<i64>,
}

/// Where an output goes, once encoded.
pub struct Produced<'a> {
    pub topic: &'a str,
    /// `None`: by the key, murmur2.
    pub partition: Option<i32>,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: &'a [(&'a str, &'a [u8])],
}

/// The pure heart of a stage.
pub trait Operator: Send + 'static {
    type Record<'a>;
    type State: StateRow;
    type Output: Send;

    fn decode<'a>(&self, record: &Incoming<'a>) -> Result<Self::Record<'a>, Rejection>;

    fn time_signal<'r>(&self, record: &'r Self::Record<'_>) -> TimeSignal<'r>;

    fn on_record(
        &mut self,
        ctx: &mut Context<'_, Self::State, Self::Output>,
        record: &Self::Record<'_>,
    ) -> Result<Outcome, Rejection>;

    fn on_timer(&mut self, ctx: &mut Context<'_, Self::State, Self::Output>, key: KeyId, due: Timestamp);

    /// Called about every [`StageConfig::tick_ms`](crate::runtime::StageConfig) where a stage asks for
    /// it. This is how wall time enters the log, as data: never in a stage whose output must be the
    /// same in a replay.
    fn on_tick(&mut self, _ctx: &mut Context<'_, Self::State, Self::Output>, _tick: Tick) {}

    /// The transaction with these outputs has committed: side effects may follow now, once.
    fn committed(&mut self, _outputs: &[Self::Output], _wall: Timestamp) {}

    /// The worker is about to close. True while the operator waits for what it has begun outside: the
    /// worker goes on with ticks and transactions for a while then, and reads nothing more.
    fn winding_up(&mut self) -> bool {
        false
    }

    /// When a broadcast record takes effect: `None` is at once.
    fn effective_at(&self, record: &BroadcastRecord) -> Result<Option<Timestamp>, Rejection>;

    /// Takes a broadcast record into force without deciding anything: it was in force when the
    /// state now restored was decided.
    fn install_broadcast(&mut self, record: &BroadcastRecord);

    /// Takes a broadcast record into force and decides anew whatever it touches.
    fn on_broadcast(&mut self, ctx: &mut Context<'_, Self::State, Self::Output>, record: &BroadcastRecord);

    /// Takes the sums of the epoch that ends, leaving zeros.
    fn close_epoch(&mut self) -> Vec<Sums>;

    /// Folds the totals of one epoch over all partitions into the operator's shared figures and its states. It
    /// decides nothing: how many epochs are applied at a time is not the same in every run. What is to be decided
    /// is left to a wake-up.
    fn apply_epoch(&mut self, ctx: &mut Context<'_, Self::State, Self::Output>, epoch: i64, totals: &[Sums]);

    /// The totals of all epochs up to this one are applied.
    fn epochs_known(&mut self, _through: i64) {}

    /// The operator's figures that belong to the partition and not to a key.
    fn encode_shared(&self, out: &mut Vec<u8>);
    fn decode_shared(&mut self, row: &[u8]) -> Result<(), RowError>;

    /// Called once after a restore, when all states are in place: for what is derived from them and
    /// not stored.
    fn restored(&mut self, _states: &mut StateTable<Self::State>) {}

    /// Called once for every key that a transaction changed: writes its public record, if it has one.
    fn publish(&self, _key: &[u8], _state: &Self::State, _now: Now, _out: &mut Published) {}

    /// Encodes one output and hands it on.
    fn produce(&self, output: &Self::Output, sink: &mut dyn FnMut(Produced<'_>));
}
