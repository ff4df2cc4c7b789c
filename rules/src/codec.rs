//! Shared pieces of the row format, and of the lists it is read into.

use schemas::Timestamp;
use schemas::row::{RowError, RowReader, RowWriter};

/// The version a row starts with: 1 up to `newest`.
pub(crate) fn version(r: &mut RowReader<'_>, newest: u8) -> Result<u8, RowError> {
    match r.u8()? {
        0 => Err(r.invalid("row format version")),
        found if found > newest => Err(RowError::TooNew { found, newest }),
        found => Ok(found),
    }
}

/// A row ends where its last field does.
pub(crate) fn end(r: &RowReader<'_>) -> Result<(), RowError> {
    if r.is_empty() { Ok(()) } else { Err(r.invalid("end of row")) }
}

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

/// Entries of a list. Nothing of ours is longer than this, so a corrupt row cannot ask for much memory.
const LIST_MAX: u64 = 4096;

/// A count and as many entries, in a list that is no larger than they are.
pub(crate) fn list<'r, T>(
    r: &mut RowReader<'r>,
    mut entry: impl FnMut(&mut RowReader<'r>) -> Result<T, RowError>,
) -> Result<Vec<T>, RowError> {
    let count = r.unsigned()?;
    if count > LIST_MAX {
        return Err(r.invalid("list length"));
    }
    let mut list = Vec::with_capacity(count as usize);
    for _ in 0..count {
        list.push(entry(r)?);
    }
    Ok(list)
}

/// `Vec::insert`, with room that doubles from one: most lists hold one entry, and there are millions of them.
pub(crate) fn insert<T>(list: &mut Vec<T>, at: usize, entry: T) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len().max(1));
    }
    list.insert(at, entry);
}

/// `Vec::push`, in the same way.
pub(crate) fn push<T>(list: &mut Vec<T>, entry: T) {
    insert(list, list.len(), entry);
}
