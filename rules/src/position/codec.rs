//! Shared pieces of the row format.

use schemas::Timestamp;
use schemas::row::{RowError, RowReader, RowWriter};

/// Times of a list: the first whole, the others as differences to the one before.
#[derive(Default)]
pub(crate) struct Times(i64);

impl Times {
    pub(crate) fn write(&mut self, w: &mut RowWriter<'_>, at: Timestamp) {
        w.signed(at.millis().wrapping_sub(self.0));
        self.0 = at.millis();
    }

    pub(crate) fn read(&mut self, r: &mut RowReader<'_>) -> Result<Timestamp, RowError> {
        self.0 = self.0.wrapping_add(r.signed()?);
        Ok(Timestamp::from_millis(self.0))
    }
}

/// Entries of a list. Nothing of ours is longer than this, so a corrupt row cannot ask for more memory.
const LIST_MAX: u64 = 4096;

pub(crate) fn count(r: &mut RowReader<'_>) -> Result<u64, RowError> {
    let count = r.unsigned()?;
    if count > LIST_MAX { Err(r.invalid("list length")) } else { Ok(count) }
}
