//! The rows of the stage's table and their keys.
//!
//! Keys: `i` SKU for an item, `p` SKU NUL location for a position, `f` scope for a feed. A row starts with the same
//! letter; its own version follows. Item and place of a position are derived, not stored.

use std::sync::Arc;

use processor::operator::{Rejection, StateRow};
use rules::decide::{self, Key};
use rules::feeds::{FeedIx, FeedState};
use rules::item::Item;
use rules::place::Place;
use rules::state::KeyState;
use schemas::row::RowError;
use schemas::{Position, Timestamp};

use crate::stages::rows::Examined;

const ITEM: u8 = b'i';
/// What the keys of all positions begin with.
pub const POSITIONS: &[u8] = &[POSITION];
const POSITION: u8 = b'p';
const FEED: u8 = b'f';
const SEPARATOR: u8 = 0;

/// One row of the table.
pub enum Row {
    Item(Arc<Item>),
    /// Boxed: a table of items and positions should not pay a position for every item.
    Position(Box<PositionRow>),
    /// Of a location or a source that this partition watches.
    Feed(Box<FeedState>),
}

pub struct PositionRow {
    pub state: KeyState,
    /// Derived: `None` in a row that was just decoded.
    pub(super) around: Option<Surroundings>,
}

/// What a position holds on to, so that a stock change costs one look-up.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) item: Arc<Item>,
    pub(super) place: Arc<Place>,
    /// Where its stock changes are counted.
    pub(super) feed: FeedIx,
}

impl Row {
    /// A position whose item and place are still to be looked up.
    pub(super) fn is_bare(&self) -> bool {
        matches!(self, Self::Position(row) if row.around.is_none())
    }

    /// The state of a position whose surroundings are known, and these.
    pub(super) fn as_position_mut(&mut self) -> Option<(&mut KeyState, &Surroundings)> {
        match self {
            Self::Position(row) => Some((&mut row.state, row.around.as_ref()?)),
            Self::Item(_) | Self::Feed(_) => None,
        }
    }

    pub(super) fn as_feed_mut(&mut self) -> Option<&mut FeedState> {
        match self {
            Self::Feed(feed) => Some(feed),
            Self::Item(_) | Self::Position(_) => None,
        }
    }

    /// The public figures of a position whose surroundings are known; `None` for anything else.
    pub(super) fn snapshot<'k>(&self, key: &'k [u8], at: Timestamp) -> Option<Position<'k>> {
        let Self::Position(row) = self else {
            return None;
        };
        let (sku, location) = split_position_key(key)?;
        Some(decide::snapshot(Key { sku, location }, &row.state, &row.around.as_ref()?.item, at))
    }
}

/// Writes a position's key. A NUL would make two keys one.
pub fn position_key(sku: &str, location: &str, out: &mut Vec<u8>) -> Result<(), Rejection> {
    if sku.as_bytes().contains(&SEPARATOR) || location.as_bytes().contains(&SEPARATOR) {
        return Err(Rejection::new("malformed", "sku or location holds a NUL character; remove it at the source"));
    }
    out.clear();
    out.push(POSITION);
    out.extend_from_slice(sku.as_bytes());
    out.push(SEPARATOR);
    out.extend_from_slice(location.as_bytes());
    Ok(())
}

pub(super) fn item_key(sku: &str, out: &mut Vec<u8>) {
    out.clear();
    out.push(ITEM);
    out.extend_from_slice(sku.as_bytes());
}

pub(super) fn feed_key(scope: &str, out: &mut Vec<u8>) {
    out.clear();
    out.push(FEED);
    out.extend_from_slice(scope.as_bytes());
}

/// The scope in a feed's key; `None` for any other key.
pub(super) fn feed_scope(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.strip_prefix(&[FEED])?).ok()
}

/// What the keys of all positions of a SKU begin with.
pub(super) fn positions_of(sku: &str, out: &mut Vec<u8>) {
    out.clear();
    out.push(POSITION);
    out.extend_from_slice(sku.as_bytes());
    out.push(SEPARATOR);
}

/// SKU and location of a position's key; `None` for any other key.
pub(super) fn split_position_key(key: &[u8]) -> Option<(&str, &str)> {
    let rest = std::str::from_utf8(key.strip_prefix(&[POSITION])?).ok()?;
    rest.split_once(char::from(SEPARATOR))
}

/// What a row of the table is.
pub fn examine(row: &[u8]) -> Examined {
    let kind = match row.first() {
        Some(&ITEM) => "item",
        Some(&POSITION) => "position",
        Some(&FEED) => "feed",
        _ => "unknown",
    };
    Examined::new(kind, row, 1, Row::decode(row))
}

impl StateRow for Row {
    const DECODED_BYTES: usize = size_of::<PositionRow>();

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Item(row) => {
                out.push(ITEM);
                row.encode(out);
            }
            Self::Position(row) => {
                out.push(POSITION);
                row.state.encode(out);
            }
            Self::Feed(feed) => {
                out.push(FEED);
                feed.encode(out);
            }
        }
    }

    fn decode(row: &[u8]) -> Result<Self, RowError> {
        match row.split_first() {
            Some((&ITEM, rest)) => Ok(Self::Item(Arc::new(Item::decode(rest)?))),
            Some((&POSITION, rest)) => {
                Ok(Self::Position(Box::new(PositionRow { state: KeyState::decode(rest)?, around: None })))
            }
            Some((&FEED, rest)) => Ok(Self::Feed(Box::new(FeedState::decode(rest)?))),
            Some((kind, _)) => Err(RowError::UnknownKind { kind: char::from(*kind) }),
            None => Err(RowError::Truncated { at: 0, missing: 1 }),
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        match self {
            Self::Item(_) => None,
            Self::Position(row) => row.state.next_due(),
            Self::Feed(feed) => feed.next_due(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    /// The rows behind the letter have fixtures of their own, next to their encoders.
    #[test]
    fn golden_rows_of_every_version_are_read_behind_their_letter() {
        let names = ["position_fresh", "position_slow", "position_full"];
        for (letter, name, newest) in names.map(|name| (POSITION, name, 2)).into_iter().chain([(ITEM, "item", 1)]) {
            let past = [&[letter][..], &golden::row(name, newest)].concat();
            let mut now = Vec::new();
            Row::decode(&past).unwrap().encode(&mut now);
            assert_eq!(now, past, "{name}");
        }
        assert!(Row::decode(b"z\x01").map(drop).unwrap_err().is_newer());
    }
}
