//! From the changes of rows to what happened to stock: carries a mapping out, one record at a time.
//!
//! Pure: no clock, no I/O. What it has to remember (rows that others look up, figures whose differences
//! are movements, records that wait) is in the states it is lent, so that a restart goes on where it
//! stopped. The same records in the same order give the same output.

mod emit;
mod evaluate;
mod image;
mod memory;
mod parked;
mod parking;
mod row_view;
mod state;
mod subject;
#[cfg(test)]
mod tests;
mod units;
mod work;

use std::sync::Arc;

use processor::operator::{Incoming, Outcome, Rejection};
use processor::table::StateTable;
use schemas::{CatalogChange, InventoryEvent, Location, Timestamp};

use super::mapping::Mapping;
use super::row::{Change, RawRecord, Record};
use emit::Origin;
pub use image::Image;
use memory::Memory;
pub use parked::{Parked, ParkedRecord};
use parking::Parking;
pub use state::WmsRow;
use units::Units;

/// A lookup found nothing for too long, or too many wait already.
pub const UNRESOLVED_LOOKUP: &str = "unresolved_lookup";
/// A table was emptied whose rows are remembered.
pub const TABLE_TRUNCATED: &str = "table_truncated";
/// A value that was not sent and is not remembered.
pub const UNAVAILABLE_VALUE: &str = "unavailable_value";
/// A column the mapping names and the record does not have.
pub const MISSING_COLUMN: &str = "missing_column";
/// A code that a `map` does not name.
pub const UNMAPPED_VALUE: &str = "unmapped_value";
/// A row that nothing identifies.
pub const MISSING_KEY: &str = "missing_key";
/// An unknown time zone.
pub const INVALID_LOCATION: &str = "invalid_location";

/// The classes of rejections, beside those of [`schemas::DecodeError`].
pub const CLASSES: [&str; 7] = [
    UNRESOLVED_LOOKUP,
    TABLE_TRUNCATED,
    UNAVAILABLE_VALUE,
    MISSING_COLUMN,
    UNMAPPED_VALUE,
    MISSING_KEY,
    INVALID_LOCATION,
];

/// What a record became.
#[derive(Clone, Debug, PartialEq)]
pub enum Translated {
    Event(InventoryEvent<'static>),
    Item(CatalogChange),
    /// `None`: the location is gone.
    Place {
        location: String,
        description: Option<Location>,
    },
    /// An earlier record that waited and cannot be used after all.
    DeadLetter {
        record: ParkedRecord,
        rejection: Rejection,
    },
}

/// Reads a record again that has waited.
pub trait Reread: Send {
    fn reread<'a>(&mut self, raw: &RawRecord<'a>) -> Result<Record<'a>, Rejection>;
}

/// Carries a mapping out for one topic partition.
pub struct Translator {
    mapping: Arc<Mapping>,
    source: String,
    source_partition: i32,
    reread: Box<dyn Reread>,
    /// Where the columns of each table stood in its last record.
    hints: Vec<Vec<std::cell::Cell<usize>>>,
    units: Units,
    parking: Parking,
    memory: Memory,
}

impl Translator {
    /// `source`, `source_partition`: what the events say they came from.
    pub fn new(mapping: Arc<Mapping>, source: &str, source_partition: i32, reread: Box<dyn Reread>) -> Self {
        let hints = mapping.tables.iter().map(|table| vec![std::cell::Cell::default(); table.columns.len()]).collect();
        Self {
            mapping,
            source: source.to_owned(),
            source_partition,
            reread,
            hints,
            units: Units::default(),
            parking: Parking::default(),
            memory: Memory::default(),
        }
    }

    /// Translates one change. What stands in `out` counts even where the record itself is rejected:
    /// earlier ones may have waited for it, or for too long.
    pub fn apply(
        &mut self,
        raw: &Incoming<'_>,
        change: &Change<'_>,
        states: &mut StateTable<WmsRow>,
        out: &mut Vec<Translated>,
    ) -> Result<Outcome, Rejection> {
        let now = time_of(raw, change);
        self.expire(now, states, out);
        let Some(ix) = self.mapping.table_ix(&change.table) else { return Ok(Outcome::Filtered) };
        if self.units.seen(change, states) {
            return Ok(Outcome::Duplicate);
        }
        self.take(raw, change, ix, states, out)
    }

    /// Gives up on what has waited for too long by the source's clock.
    pub fn expire(&mut self, source_time: Timestamp, states: &mut StateTable<WmsRow>, out: &mut Vec<Translated>) {
        if !self.parking.is_empty() {
            self.give_up(source_time, states, out);
        }
    }

    /// Who waits for whom, from states just restored.
    pub fn restored(&mut self, states: &StateTable<WmsRow>) {
        self.units = Units::restored(states);
        self.parking = Parking::restored(states);
        self.memory = Memory::restored(states);
    }

    /// Records that wait.
    pub fn parked(&self) -> usize {
        self.parking.len()
    }
}

/// The source's clock when the change was committed, or the record's own time.
fn time_of(raw: &Incoming<'_>, change: &Change<'_>) -> Timestamp {
    change.source.time.unwrap_or(Timestamp::from_millis(raw.timestamp_ms))
}

/// The place of a change for people. Never a bare number: those are compared, and these cannot be.
fn position_of(raw: &Incoming<'_>, change: &Change<'_>) -> String {
    match &change.source.mark {
        Some(mark) if mark.text.parse::<i64>().is_err() => mark.text.clone().into_owned(),
        Some(mark) => ["at:", &mark.text].concat(),
        None => format!("offset:{}", raw.offset),
    }
}

/// The same for the same row at the same place, however often it is read.
fn event_id(origin: &Origin<'_>, table: &str, rule: usize) -> String {
    use sha2::{Digest as _, Sha256};
    let Origin { source, position, key, .. } = origin;
    // Once an event: put together without the machinery of `format!`.
    let mut id = [source, ":", position, ":", table, ":", key, ":"].concat();
    match u8::try_from(rule) {
        Ok(rule) if rule < 10 => id.push(char::from(b'0' + rule)),
        _ => id.push_str(&rule.to_string()),
    }
    if id.len() <= schemas::change::MAX_IDENTIFIER_BYTES && !id.contains('\0') {
        return id;
    }
    let digest = Sha256::digest(format!("{table}:{key}"));
    let short = digest.iter().take(16).fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    format!("{source}:{position}:{short:032x}:{rule}")
}
