//! Records that wait, and what they wait for.
//!
//! Each is a row of state under the number of a slot that is used again. A record waits for one row of
//! another table, or behind an earlier record of its own row; records of one row never overtake each
//! other. What waits goes on in the order in which it came.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use processor::table::StateTable;
use schemas::Timestamp;

use super::parked::Parked;
use super::state::{WmsRow, image_key, parked_key};

/// Bytes of records that wait, beside their number.
pub(super) const MOST_BYTES: usize = 64 << 20;

/// Order of arrival: the offset.
pub(super) type Seq = i64;

/// What of the parked records is not in their states: who waits for whom.
#[derive(Debug, Default)]
pub(super) struct Parking {
    slots: BTreeMap<Seq, u32>,
    by_image: HashMap<String, BTreeSet<Seq>>,
    by_row: HashMap<String, BTreeSet<Seq>>,
    by_since: BTreeSet<(Timestamp, Seq)>,
    free: Vec<u32>,
    bytes: usize,
}

impl Parking {
    /// From the states, after a restore.
    pub(super) fn restored(states: &StateTable<WmsRow>) -> Self {
        let mut this = Self::default();
        let mut taken = BTreeSet::new();
        for (_, key, row) in states.iter() {
            let slot = std::str::from_utf8(key).ok().and_then(|key| key.strip_prefix("parked|")?.parse::<u32>().ok());
            if let (Some(slot), WmsRow::Parked(parked)) = (slot, row) {
                taken.insert(slot);
                this.enter(slot, parked);
            }
        }
        let end = taken.last().map_or(0, |last| last + 1);
        this.free = (0..end).filter(|slot| !taken.contains(slot)).rev().collect();
        this
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// An earlier record of this row waits.
    pub(super) fn holds_row(&self, row: &str) -> bool {
        self.by_row.contains_key(row)
    }

    pub(super) fn park(&mut self, parked: Parked, states: &mut StateTable<WmsRow>) {
        let slot = self.free.pop().unwrap_or(self.slots.len() as u32);
        self.enter(slot, &parked);
        let id = states.intern(parked_key(slot).as_bytes());
        states.put(id, WmsRow::Parked(Box::new(parked)));
    }

    /// Takes a record out.
    pub(super) fn take(&mut self, seq: Seq, states: &mut StateTable<WmsRow>) -> Option<Parked> {
        let slot = self.slots.remove(&seq)?;
        self.free.push(slot);
        let id = states.find(parked_key(slot).as_bytes())?;
        let parked = match states.get(id)? {
            WmsRow::Parked(parked) => Parked::clone(parked),
            _ => return None,
        };
        states.delete(id);
        self.leave(seq, &parked);
        Some(parked)
    }

    pub(super) fn get<'s>(&self, seq: Seq, states: &'s StateTable<WmsRow>) -> Option<&'s Parked> {
        match states.get(states.find(parked_key(*self.slots.get(&seq)?).as_bytes())?)? {
            WmsRow::Parked(parked) => Some(parked),
            _ => None,
        }
    }

    /// No earlier record of its rows waits.
    pub(super) fn is_first(&self, seq: Seq, parked: &Parked) -> bool {
        let first = |row: &String| self.by_row.get(row).and_then(BTreeSet::first).is_none_or(|first| *first == seq);
        parked.rows.iter().all(first)
    }

    /// Those that wait for this image.
    pub(super) fn waiting_for(&self, image: &str) -> impl Iterator<Item = Seq> + '_ {
        self.by_image.get(image).into_iter().flatten().copied()
    }

    /// The next in line behind a record of these rows.
    pub(super) fn next_of<'p>(&'p self, rows: &'p [String]) -> impl Iterator<Item = Seq> + 'p {
        rows.iter().filter_map(|row| self.by_row.get(row)?.first().copied())
    }

    /// The one that has waited longest, if it has waited since before this.
    pub(super) fn overdue(&self, before: Timestamp) -> Option<Seq> {
        self.by_since.first().filter(|(since, _)| *since < before).map(|(_, seq)| *seq)
    }

    fn enter(&mut self, slot: u32, parked: &Parked) {
        let seq = parked.record.offset;
        self.slots.insert(seq, slot);
        self.by_since.insert((parked.since, seq));
        self.bytes += parked.record.bytes();
        if let Some(awaited) = &parked.awaits {
            self.by_image.entry(image_key(&awaited.table, &awaited.key)).or_default().insert(seq);
        }
        for row in &parked.rows {
            self.by_row.entry(row.clone()).or_default().insert(seq);
        }
    }

    fn leave(&mut self, seq: Seq, parked: &Parked) {
        self.by_since.remove(&(parked.since, seq));
        self.bytes = self.bytes.saturating_sub(parked.record.bytes());
        if let Some(awaited) = &parked.awaits {
            drop_from(&mut self.by_image, &image_key(&awaited.table, &awaited.key), seq);
        }
        for row in &parked.rows {
            drop_from(&mut self.by_row, row, seq);
        }
    }
}

fn drop_from(index: &mut HashMap<String, BTreeSet<Seq>>, key: &str, seq: Seq) {
    if let Some(seqs) = index.get_mut(key) {
        seqs.remove(&seq);
        if seqs.is_empty() {
            index.remove(key);
        }
    }
}
