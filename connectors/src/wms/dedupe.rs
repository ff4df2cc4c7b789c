//! Which changes were read before: connectors deliver again what they were not sure to have delivered.
//!
//! Places in the log do not grow from change to change: PostgreSQL sends a transaction when it commits, with
//! the places at which it wrote. So changes are compared within their unit (a transaction, a file of the
//! binary log), where places do grow, and units by the commit they follow:
//!
//! | unit | read before |
//! |---|---|
//! | known | the place is below the unit's highest, or is it and the row was seen there |
//! | forgotten or new | it follows an earlier commit than a unit that was forgotten, or is the last one forgotten |
//!
//! Above both stands the source's clock: a change newer than every one so far was never read, wherever it
//! stands. Where its place says otherwise, or it belongs to a unit that was left already, the log has begun
//! anew (a restored database, a reset binary log), and what is known of the old one is dropped. When in doubt a change is new: it is never swallowed.
//!
//! Bounded: the newest [`WINDOW`] units in a ring of slots, each a small row of its own, so that a change
//! costs one row and nothing has to be deleted. It must be fed one partition's changes in their order.
//! Where two equal rows of a table without a key stand at one place, the second is taken for the first.

use std::collections::HashMap;

use schemas::Timestamp;
use schemas::row::{RowError, RowReader, RowWriter};

use super::row::{Change, Columns, Mark, Value};

const ROW_VERSION: u8 = 1;
/// Units remembered: an hour of a warehouse that commits twice a second.
pub const WINDOW: u32 = 8192;
/// Rows remembered at one place. PostgreSQL writes several rows at one place only within a page of a table,
/// which holds 291 at most.
const MOST_ROWS: usize = 1024;

/// Where the units are kept: each slot a row of the state.
pub trait Slots {
    /// Stores a unit in a slot below the window, over whatever it held.
    fn put(&mut self, slot: u32, unit: &Unit);
}

/// A unit of the log, as far as it was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Unit {
    name: String,
    /// Units so far, this one included.
    number: u64,
    /// How often the log has begun anew before it.
    epoch: u64,
    /// The highest place read, and the rows read there.
    place: (u64, u64),
    rows: Vec<u64>,
    after_commit: Option<u64>,
    /// As it was when this unit came.
    forgotten: Option<Forgotten>,
    /// As it was when this unit was last changed.
    newest: Option<Timestamp>,
}

/// Of the units pushed out of the window, the one that follows the latest commit.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Forgotten {
    after_commit: u64,
    name: String,
}

/// The memory of one partition.
#[derive(Clone, Debug)]
pub struct Dedupe {
    window: u32,
    /// By slot.
    units: Vec<Unit>,
    /// Slots of the units of this epoch, by name.
    index: HashMap<String, u32>,
    last: u32,
    taken: u64,
    epoch: u64,
    forgotten: Option<Forgotten>,
    newest: Option<Timestamp>,
}

impl Default for Dedupe {
    fn default() -> Self {
        Self::with_window(WINDOW)
    }
}

impl Dedupe {
    #[must_use]
    pub fn with_window(window: u32) -> Self {
        Self {
            window: window.max(1),
            units: Vec::new(),
            index: HashMap::new(),
            last: 0,
            taken: 0,
            epoch: 0,
            forgotten: None,
            newest: None,
        }
    }

    /// After a restart: what the slots hold, in any order.
    #[must_use]
    pub fn restored(window: u32, slots: impl IntoIterator<Item = (u32, Unit)>) -> Self {
        let mut dedupe = Self::with_window(window);
        let mut kept: Vec<(u32, Unit)> = slots.into_iter().filter(|(slot, _)| *slot < dedupe.window).collect();
        kept.sort_by_key(|(slot, _)| *slot);
        dedupe.newest = kept.iter().filter_map(|(_, unit)| unit.newest).max();
        if let Some((slot, latest)) = kept.iter().max_by_key(|(_, unit)| unit.number) {
            (dedupe.last, dedupe.taken, dedupe.epoch) = (*slot, latest.number, latest.epoch);
            dedupe.forgotten.clone_from(&latest.forgotten);
        }
        for (slot, unit) in kept {
            // Slots fill in order: one that is missing was never written.
            if slot as usize == dedupe.units.len() {
                if unit.epoch == dedupe.epoch {
                    dedupe.index.insert(unit.name.clone(), slot);
                }
                dedupe.units.push(unit);
            }
        }
        dedupe
    }

    /// Whether a change was read before. One that was not is remembered. `row` is [`row_identity`]; `time` the
    /// source's clock when the change was committed.
    pub fn seen(&mut self, slots: &mut impl Slots, mark: &Mark<'_>, row: u64, time: Option<Timestamp>) -> bool {
        let newer = time.is_some_and(|time| self.newest.is_none_or(|newest| time > newest));
        let known = self.slot_of(&mark.unit);
        let before = self.is_before(known, mark, row);
        if before && !newer {
            return true;
        }
        if newer {
            self.newest = time;
        }
        // What is new goes on with the unit of the last new change, or with one not known.
        let elsewhere = known.is_some_and(|slot| slot != self.last);
        if newer && (before || elsewhere) {
            self.begin_anew();
            self.add(slots, mark, row);
        } else if let Some((slot, unit)) = known.and_then(|slot| Some((slot, self.units.get_mut(slot as usize)?))) {
            unit.advance(mark.place, row);
            unit.newest = self.newest;
            self.last = slot;
            slots.put(slot, unit);
        } else {
            self.add(slots, mark, row);
        }
        false
    }

    fn slot_of(&self, name: &str) -> Option<u32> {
        let last = self.units.get(self.last as usize).filter(|unit| unit.epoch == self.epoch && unit.name == *name);
        last.map(|_| self.last).or_else(|| self.index.get(name).copied())
    }

    /// Whether its place says that a change was read before.
    fn is_before(&self, known: Option<u32>, mark: &Mark<'_>, row: u64) -> bool {
        if let Some(unit) = known.and_then(|slot| self.units.get(slot as usize)) {
            return mark.place < unit.place || mark.place == unit.place && unit.rows.contains(&row);
        }
        self.forgotten.as_ref().is_some_and(|gone| {
            mark.unit == *gone.name || mark.after_commit.is_some_and(|commit| commit < gone.after_commit)
        })
    }

    fn begin_anew(&mut self) {
        self.epoch += 1;
        self.index.clear();
        self.forgotten = None;
    }

    /// Takes a unit in, over the oldest one where the window is full.
    fn add(&mut self, slots: &mut impl Slots, mark: &Mark<'_>, row: u64) {
        let slot = (self.taken % u64::from(self.window)) as u32;
        self.taken += 1;
        if let Some(oldest) = self.units.get(slot as usize).filter(|unit| unit.epoch == self.epoch) {
            self.index.remove(&oldest.name);
            let later = |commit: &u64| self.forgotten.as_ref().is_none_or(|gone| *commit >= gone.after_commit);
            if let Some(after_commit) = oldest.after_commit.filter(later) {
                self.forgotten = Some(Forgotten { after_commit, name: oldest.name.clone() });
            }
        }
        let unit = Unit {
            name: mark.unit.clone().into_owned(),
            number: self.taken,
            epoch: self.epoch,
            place: mark.place,
            rows: vec![row],
            after_commit: mark.after_commit,
            forgotten: self.forgotten.clone(),
            newest: self.newest,
        };
        self.index.insert(unit.name.clone(), slot);
        self.last = slot;
        slots.put(slot, &unit);
        match self.units.get_mut(slot as usize) {
            Some(old) => *old = unit,
            None => self.units.push(unit),
        }
    }
}

impl Clone for Unit {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), rows: self.rows.clone(), forgotten: self.forgotten.clone(), ..*self }
    }

    /// Into the room that is there: every change of a row copies a unit over an earlier one.
    fn clone_from(&mut self, other: &Self) {
        let mut name = std::mem::take(&mut self.name);
        let mut rows = std::mem::take(&mut self.rows);
        let mut forgotten = self.forgotten.take();
        name.clone_from(&other.name);
        rows.clone_from(&other.rows);
        match (&mut forgotten, &other.forgotten) {
            (Some(mine), Some(others)) => {
                mine.after_commit = others.after_commit;
                mine.name.clone_from(&others.name);
            }
            (mine, others) => mine.clone_from(others),
        }
        *self = Self { name, rows, forgotten, ..*other };
    }
}

impl Unit {
    fn advance(&mut self, place: (u64, u64), row: u64) {
        if place > self.place {
            self.place = place;
            self.rows.clear();
        } else if self.rows.len() >= MOST_ROWS {
            self.rows.remove(0);
        }
        self.rows.push(row);
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut w = RowWriter::new(out);
        w.u8(ROW_VERSION);
        w.text(&self.name);
        w.unsigned(self.number);
        w.unsigned(self.epoch);
        w.unsigned(self.place.0);
        w.unsigned(self.place.1);
        w.option(self.after_commit, RowWriter::unsigned);
        w.option(self.forgotten.as_ref(), |w, forgotten| {
            w.unsigned(forgotten.after_commit);
            w.text(&forgotten.name);
        });
        w.option(self.newest, RowWriter::time);
        w.unsigned(self.rows.len() as u64);
        for row in &self.rows {
            w.fixed64(*row);
        }
    }

    pub fn decode(row: &[u8]) -> Result<Self, RowError> {
        let mut r = RowReader::new(row);
        let version = r.u8()?;
        if version > ROW_VERSION {
            return Err(RowError::TooNew { found: version, newest: ROW_VERSION });
        }
        let (name, number, epoch) = (r.text()?.to_owned(), r.unsigned()?, r.unsigned()?);
        let place = (r.unsigned()?, r.unsigned()?);
        let after_commit = r.option(RowReader::unsigned)?;
        let forgotten = r.option(|r| Ok(Forgotten { after_commit: r.unsigned()?, name: r.text()?.to_owned() }))?;
        let newest = r.option(RowReader::time)?;
        let rows = (0..r.unsigned()?).map(|_| r.fixed64()).collect::<Result<_, _>>()?;
        Ok(Self { name, number, epoch, place, rows, after_commit, forgotten, newest })
    }
}

/// What tells the rows apart that stand at one place: the table, what happened, and the key; all columns
/// where there is no key. The same in every process and version (FNV-1a, 64 bits; Fowler, Noll & Vo).
#[must_use]
pub fn row_identity(change: &Change<'_>) -> u64 {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    hash.part(change.table.as_bytes());
    hash.part(&[change.operation as u8]);
    if change.key.is_empty() {
        for image in [&change.before, &change.after] {
            hash.part(&[u8::from(image.is_some())]);
            if let Some(columns) = image {
                hash.columns(columns);
            }
        }
    } else {
        hash.columns(&change.key);
    }
    hash.0
}

struct Fnv(u64);

impl Fnv {
    /// With its length, so that parts do not run into each other.
    fn part(&mut self, bytes: &[u8]) {
        for byte in (bytes.len() as u32).to_le_bytes().iter().chain(bytes) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn columns(&mut self, columns: &Columns<'_>) {
        for column in &columns.0 {
            self.part(column.name.as_bytes());
            let (sort, text): (u8, &str) = match &column.value {
                Value::Null => (0, ""),
                Value::Unavailable => (1, ""),
                Value::Bool(false) => (2, ""),
                Value::Bool(true) => (3, ""),
                Value::Number(text) => (4, text),
                Value::Text(text) => (5, text),
                Value::ScaledDecimal { unscaled, .. } => (6, unscaled),
                Value::Json(text) => (7, text),
            };
            self.part(&[sort]);
            self.part(text.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
