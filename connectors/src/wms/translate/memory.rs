//! Remembers rows and forgets them.
//!
//! A deleted row that others look up stays for a while: what is deleted with it (`ON DELETE CASCADE`)
//! comes after it and still has to be understood. A ring of slots says which; nothing grows.

use processor::table::StateTable;

use super::image::Image;
use super::state::{WmsRow, gone_key, image_key};
use crate::wms::mapping::Table;

/// Deleted rows remembered by each partition.
const MOST_GONE: u64 = 10_000;

/// How many looked-up rows have been deleted so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory {
    deleted: u64,
}

impl Memory {
    pub(super) fn restored(states: &StateTable<WmsRow>) -> Self {
        let seqs = states.iter().filter_map(|(_, _, row)| match row {
            WmsRow::Gone { seq, .. } => Some(seq + 1),
            _ => None,
        });
        Self { deleted: seqs.max().unwrap_or(0) }
    }

    /// What is remembered of a row that exists.
    pub(super) fn image<'s>(table: &Table, key: &str, states: &'s StateTable<WmsRow>) -> Option<&'s Image> {
        match states.get(states.find(image_key(&table.name, key).as_bytes())?)? {
            WmsRow::Image(image) => Some(image).filter(|image| image.gone.is_none()),
            _ => None,
        }
    }

    /// Writes nothing where nothing changed.
    pub(super) fn remember(key: &str, image: Image, states: &mut StateTable<WmsRow>) {
        let id = states.intern(key.as_bytes());
        if matches!(states.get(id), Some(WmsRow::Image(known)) if *known == image) {
            return;
        }
        states.put(id, WmsRow::Image(image));
    }

    pub(super) fn forget(&mut self, table: &Table, key: &str, states: &mut StateTable<WmsRow>) {
        let name = image_key(&table.name, key);
        let Some(id) = states.find(name.as_bytes()) else { return };
        match states.get(id) {
            Some(WmsRow::Image(image)) if image.gone.is_none() => {}
            _ => return,
        }
        if !table.looked_up {
            states.delete(id);
            return;
        }
        let seq = self.deleted;
        self.deleted += 1;
        if let Some(WmsRow::Image(image)) = states.get_mut(id) {
            image.gone = Some(seq);
        }
        enter(seq, name, states);
    }
}

/// Takes the slot of the one deleted longest ago, which is forgotten now.
fn enter(seq: u64, image: String, states: &mut StateTable<WmsRow>) {
    let slot = states.intern(gone_key(seq % MOST_GONE).as_bytes());
    let last = match states.get(slot) {
        Some(WmsRow::Gone { seq, image }) => Some((*seq, image.clone())),
        _ => None,
    };
    states.put(slot, WmsRow::Gone { seq, image });
    let Some((seq, image)) = last else { return };
    let Some(id) = states.find(image.as_bytes()) else { return };
    // It may have come back since.
    if matches!(states.get(id), Some(WmsRow::Image(image)) if image.gone == Some(seq)) {
        states.delete(id);
    }
}
