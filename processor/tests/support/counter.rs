//! A stage small enough to see through: counts per key, one timer a key, one sum over all partitions,
//! one label broadcast to all. A record is text: `e KEY SECOND` counts, `w SECOND` moves time, and
//! anything else is refused.

use processor::operator::{
    BroadcastRecord, Context, Incoming, Operator, Outcome, Produced, Rejection, StateRow, Sums, TimeSignal,
};
use processor::table::{KeyId, StateTable};
use schemas::Timestamp;
use schemas::row::{RowError, RowReader, RowWriter};
use schemas::stream::Watermark;

/// 2026-01-01T00:00:00Z, where second 0 is: the beginning of an epoch.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);
/// From a key's first count to its timer.
pub(crate) const TIMER_MS: i64 = 60_000;

pub(crate) fn second(n: i64) -> Timestamp {
    START.plus_ms(n * 1000)
}

pub(crate) enum Record {
    Event { key: String, at: Timestamp },
    Watermark(Watermark),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Count {
    count: u64,
    due: Option<Timestamp>,
}

impl StateRow for Count {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut row = RowWriter::new(out);
        row.unsigned(self.count);
        row.option(self.due, RowWriter::time);
    }

    fn decode(row: &[u8]) -> Result<Self, RowError> {
        let mut row = RowReader::new(row);
        Ok(Self { count: row.unsigned()?, due: row.option(RowReader::time)? })
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.due
    }
}

#[derive(Default)]
pub(crate) struct Counter {
    open: i64,
    site: i64,
    label: String,
}

impl Counter {
    fn say(&self, ctx: &mut Context<'_, Count, String>, id: KeyId, what: &str) {
        let key = String::from_utf8_lossy(ctx.states.key(id)).into_owned();
        let count = ctx.states.get(id).map_or(0, |state| state.count);
        ctx.emit(format!("{key}:{what}:count={count}:site={}:label={}", self.site, self.label));
    }
}

impl Operator for Counter {
    type Record<'a> = Record;
    type State = Count;
    type Output = String;

    fn decode(&self, incoming: &Incoming<'_>) -> Result<Record, Rejection> {
        let payload = incoming.payload();
        let text = String::from_utf8_lossy(payload);
        let refused = || Rejection::new("malformed", format!("not a record: {text}"));
        let time = |text: &str| text.parse().map(second).map_err(|_| refused());
        match text.split(' ').collect::<Vec<_>>()[..] {
            ["e", key, at] => Ok(Record::Event { key: key.to_owned(), at: time(at)? }),
            ["w", at] => Ok(Record::Watermark(Watermark {
                source: "test".to_owned(),
                source_partition: 0,
                event_time: time(at)?,
                grace_ms: 0,
                partitions: vec![0],
            })),
            _ => Err(refused()),
        }
    }

    fn time_signal<'r>(&self, record: &'r Record) -> TimeSignal<'r> {
        match record {
            Record::Watermark(watermark) => TimeSignal::Watermark(watermark),
            Record::Event { at, .. } => {
                TimeSignal::Event { source: "test", source_partition: 0, source_time: *at, occurred_at: *at }
            }
        }
    }

    fn on_record(&mut self, ctx: &mut Context<'_, Count, String>, record: &Record) -> Result<Outcome, Rejection> {
        let Record::Event { key, at } = record else { return Ok(Outcome::Filtered) };
        let id = ctx.states.intern(key.as_bytes());
        let mut state = ctx.states.get(id).cloned().unwrap_or(Count { count: 0, due: None });
        state.count += 1;
        state.due.get_or_insert(at.plus_ms(TIMER_MS));
        ctx.states.put(id, state);
        self.open += 1;
        self.say(ctx, id, "counted");
        Ok(Outcome::Ok)
    }

    fn on_timer(&mut self, ctx: &mut Context<'_, Count, String>, id: KeyId, due: Timestamp) {
        if let Some(state) = ctx.states.get_mut(id) {
            state.due = None;
        }
        self.say(ctx, id, &format!("timer@{}", due.since(START) / 1000));
    }

    /// A key that is a number is the second at which the record takes effect.
    fn effective_at(&self, record: &BroadcastRecord) -> Result<Option<Timestamp>, Rejection> {
        let key = String::from_utf8_lossy(&record.key).into_owned();
        if key == "broken" { Err(Rejection::new("malformed", key)) } else { Ok(key.parse().ok().map(second)) }
    }

    fn install_broadcast(&mut self, record: &BroadcastRecord) {
        self.label = String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).into_owned();
    }

    fn on_broadcast(&mut self, ctx: &mut Context<'_, Count, String>, record: &BroadcastRecord) {
        self.install_broadcast(record);
        ctx.emit(format!("label={}@{}", self.label, ctx.now.stream_time.since(START) / 1000));
    }

    fn close_epoch(&mut self) -> Vec<Sums> {
        let open = std::mem::take(&mut self.open);
        let sums = |id: &str, sum| Sums { scope: "site".to_owned(), id: id.to_owned(), sums: vec![sum] };
        vec![sums("first", open / 2), sums("second", open - open / 2)]
    }

    fn apply_epoch(&mut self, _: &mut Context<'_, Count, String>, _: i64, totals: &[Sums]) {
        self.site += totals.iter().map(|total| total.sums[0]).sum::<i64>();
    }

    fn encode_shared(&self, out: &mut Vec<u8>) {
        let mut row = RowWriter::new(out);
        row.signed(self.open);
        row.signed(self.site);
    }

    fn decode_shared(&mut self, row: &[u8]) -> Result<(), RowError> {
        let mut row = RowReader::new(row);
        (self.open, self.site) = (row.signed()?, row.signed()?);
        Ok(())
    }

    fn restored(&mut self, _: &mut StateTable<Count>) {}

    fn produce(&self, output: &String, sink: &mut dyn FnMut(Produced<'_>)) {
        sink(Produced {
            topic: "out",
            partition: Some(0),
            key: Some(output.as_bytes()),
            value: Some(output.as_bytes()),
            headers: &[],
        });
    }
}
