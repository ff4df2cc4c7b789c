//! The site's lines of the last days, epoch by epoch.

use schemas::Timestamp;
use schemas::row::{RowError, RowReader, RowWriter};

use super::EPOCH_MS;

/// Epochs kept: four days.
const EPOCHS: usize = 384;

/// Running totals of lines at the end of each epoch.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RecentLines {
    /// Newest epoch; totals after it are the same.
    through: i64,
    totals: Box<[i64; EPOCHS]>,
}

impl Default for RecentLines {
    fn default() -> Self {
        Self { through: 0, totals: Box::new([0; EPOCHS]) }
    }
}

fn index(epoch: i64) -> usize {
    epoch.rem_euclid(EPOCHS as i64) as usize
}

impl RecentLines {
    /// `epoch` is the one after the newest (or the first).
    pub(super) fn apply(&mut self, epoch: i64, lines: i64) {
        let total = self.totals[index(self.through)];
        self.through = epoch;
        self.totals[index(epoch)] = total + lines;
    }

    /// Lines in the epochs that begin in `[from, until)`; epochs older than are kept count as none.
    pub(super) fn between(&self, from: Timestamp, until: Timestamp) -> i64 {
        let first = |at: Timestamp| at.millis().div_euclid(EPOCH_MS) + i64::from(at.millis().rem_euclid(EPOCH_MS) != 0);
        (self.total_before(first(until)) - self.total_before(first(from))).max(0)
    }

    fn total_before(&self, epoch: i64) -> i64 {
        let oldest = self.through - (EPOCHS as i64 - 1);
        self.totals[index((epoch - 1).clamp(oldest, self.through))]
    }

    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        w.signed(self.through);
        let mut before = 0;
        for back in (0..EPOCHS as i64).rev() {
            let total = self.totals[index(self.through - back)];
            w.signed(total - before);
            before = total;
        }
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let mut recent = Self { through: r.signed()?, ..Self::default() };
        let mut total = 0_i64;
        for back in (0..EPOCHS as i64).rev() {
            total = total.saturating_add(r.signed()?);
            recent.totals[index(recent.through - back)] = total;
        }
        Ok(recent)
    }
}
