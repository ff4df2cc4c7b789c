//! Where what was read before is kept: the slots of [`Dedupe`], each a row of state.

use processor::table::{KeyId, StateTable};

use super::state::WmsRow;
use crate::wms::dedupe::{Dedupe, Slots, Unit, WINDOW, row_identity};
use crate::wms::row::Change;

const PREFIX: &str = "unit|";

/// What one partition has read.
#[derive(Debug, Default)]
pub(super) struct Units {
    dedupe: Dedupe,
    /// Of the slots written so far: every record writes one.
    keys: Vec<Option<KeyId>>,
}

impl Units {
    pub(super) fn restored(states: &StateTable<WmsRow>) -> Self {
        let slots = states.iter().filter_map(|(_, key, row)| {
            let slot = std::str::from_utf8(key).ok()?.strip_prefix(PREFIX)?.parse().ok()?;
            match row {
                WmsRow::Unit(unit) => Some((slot, Unit::clone(unit))),
                _ => None,
            }
        });
        Self { dedupe: Dedupe::restored(WINDOW, slots), keys: Vec::new() }
    }

    /// Whether the change was read before. Where the record does not say where it stands, it never was.
    pub(super) fn seen(&mut self, change: &Change<'_>, states: &mut StateTable<WmsRow>) -> bool {
        let Some(mark) = &change.source.mark else { return false };
        let row = row_identity(change);
        self.dedupe.seen(&mut InState { keys: &mut self.keys, states }, mark, row, change.source.time)
    }
}

struct InState<'s> {
    keys: &'s mut Vec<Option<KeyId>>,
    states: &'s mut StateTable<WmsRow>,
}

impl Slots for InState<'_> {
    fn put(&mut self, slot: u32, unit: &Unit) {
        let at = slot as usize;
        if self.keys.len() <= at {
            self.keys.resize(at + 1, None);
        }
        let states = &mut *self.states;
        let id = *self.keys[at].get_or_insert_with(|| states.intern(format!("{PREFIX}{slot}").as_bytes()));
        let row = states.get_or_insert_with(id, || WmsRow::Unit(Box::new(unit.clone())));
        match row {
            WmsRow::Unit(known) => Unit::clone_from(known, unit),
            other => *other = WmsRow::Unit(Box::new(unit.clone())),
        }
    }
}
