//! The actions seen lately, so that none is relayed twice.
//!
//! A ring of slots, each a row of its own: an action costs one small row, nothing has to be deleted,
//! and the memory is bounded.

use std::collections::HashSet;

use processor::operator::StateRow;
use processor::table::StateTable;
use schemas::Timestamp;
use schemas::row::{RowError, RowReader, RowWriter};

const ROW_VERSION: u8 = 1;
/// Actions remembered by each partition: weeks of answers, where a partition sees hundreds a day.
const WINDOW: u64 = 8_192;

/// One slot of the ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    action_id: String,
}

impl StateRow for Slot {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut w = RowWriter::new(out);
        w.u8(ROW_VERSION);
        w.text(&self.action_id);
    }

    fn decode(row: &[u8]) -> Result<Self, RowError> {
        let mut r = RowReader::new(row);
        let version = r.u8()?;
        if version > ROW_VERSION {
            return Err(RowError::TooNew { found: version, newest: ROW_VERSION });
        }
        Ok(Self { action_id: r.text()?.to_owned() })
    }

    fn next_due(&self) -> Option<Timestamp> {
        None
    }
}

/// The newest [`WINDOW`] actions.
#[derive(Clone, Debug, Default)]
pub struct RecentActions {
    /// Actions so far.
    pub(super) taken: u64,
    known: HashSet<String>,
}

impl RecentActions {
    /// Remembers an action. False where it is known already.
    pub fn take(&mut self, states: &mut StateTable<Slot>, action_id: &str) -> bool {
        if !self.known.insert(action_id.to_owned()) {
            return false;
        }
        let key = states.intern(format!("action|{}", self.taken % WINDOW).as_bytes());
        self.taken += 1;
        if let Some(forgotten) = states.get(key) {
            self.known.remove(&forgotten.action_id);
        }
        states.put(key, Slot { action_id: action_id.to_owned() });
        true
    }

    /// After a restore: who is known follows from the slots.
    pub fn restored(&mut self, states: &StateTable<Slot>) {
        self.known = states.iter().map(|(_, _, slot)| slot.action_id.clone()).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn golden_rows_of_every_version_are_read() {
        let slot = Slot { action_id: "a-1".to_owned() };
        let mut row = Vec::new();
        slot.encode(&mut row);
        golden::check("ingest_action", ROW_VERSION, &row, |_, row| assert_eq!(Slot::decode(row).as_ref(), Ok(&slot)));
        golden::refuses_newer("ingest_action", ROW_VERSION, 0, Slot::decode);
    }

    #[test]
    fn the_oldest_is_forgotten_when_the_window_is_full() {
        let (mut recent, mut states) = (RecentActions::default(), StateTable::default());
        for n in 0..=WINDOW {
            assert!(recent.take(&mut states, &format!("a{n}")));
        }
        assert!(!recent.take(&mut states, "a1"), "still in the window");
        assert!(recent.take(&mut states, "a0"), "pushed out by the last one");
        assert_eq!((states.len() as u64, recent.known.len() as u64), (WINDOW, WINDOW));
    }

    #[test]
    fn what_is_known_survives_a_restore() {
        let (mut recent, mut states) = (RecentActions::default(), StateTable::default());
        recent.take(&mut states, "a");
        let mut after = RecentActions { taken: recent.taken, ..RecentActions::default() };
        after.restored(&states);
        assert!(!after.take(&mut states, "a"));
        assert!(after.take(&mut states, "b"));
        assert_eq!(states.len(), 2);
    }
}
