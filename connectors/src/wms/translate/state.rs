//! The rows of state of a translator, and the keys they are under.
//!
//! Keys are never forgotten by the table they are in: those of rows that come and go are numbers that
//! are used again.

use processor::operator::StateRow;
use schemas::Timestamp;
use schemas::row::{RowError, RowReader, RowWriter};

use super::image::Image;
use super::parked::Parked;
use crate::wms::dedupe::Unit;

const ROW_VERSION: u8 = 1;
const IMAGE: u8 = 1;
const PARKED: u8 = 2;
const GONE: u8 = 3;
const UNIT: u8 = 4;

/// One row of state.
#[derive(Clone, Debug, PartialEq)]
pub enum WmsRow {
    /// What is remembered of a row of a table.
    Image(Image),
    /// A record that waits for a row of another table, or behind one that does.
    Parked(Box<Parked>),
    /// The row of this image key was the `seq`-th to be deleted.
    Gone { seq: u64, image: String },
    /// A unit of the source's log, as far as it was read.
    Unit(Box<Unit>),
}

impl StateRow for WmsRow {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut w = RowWriter::new(out);
        w.u8(ROW_VERSION);
        match self {
            Self::Image(image) => {
                w.u8(IMAGE);
                image.encode(&mut w);
            }
            Self::Parked(parked) => {
                w.u8(PARKED);
                parked.encode(&mut w);
            }
            Self::Gone { seq, image } => {
                w.u8(GONE);
                w.unsigned(*seq);
                w.text(image);
            }
            Self::Unit(unit) => {
                w.u8(UNIT);
                unit.encode(out);
            }
        }
    }

    fn decode(row: &[u8]) -> Result<Self, RowError> {
        let mut r = RowReader::new(row);
        let version = r.u8()?;
        if version > ROW_VERSION {
            return Err(RowError::TooNew { found: version, newest: ROW_VERSION });
        }
        Ok(match r.u8()? {
            IMAGE => Self::Image(Image::decode(&mut r)?),
            PARKED => Self::Parked(Box::new(Parked::decode(&mut r)?)),
            GONE => Self::Gone { seq: r.unsigned()?, image: r.text()?.to_owned() },
            UNIT => Self::Unit(Box::new(Unit::decode(r.rest())?)),
            _ => return Err(r.invalid("kind of row")),
        })
    }

    fn next_due(&self) -> Option<Timestamp> {
        None
    }
}

/// Adds one value to the text of a key. `|` parts values; where it is in one, it is escaped.
pub(super) fn push_part(key: &mut String, first: bool, part: &str) {
    if !first {
        key.push('|');
    }
    if !part.contains(['|', '\\']) {
        key.push_str(part);
        return;
    }
    for c in part.chars() {
        if matches!(c, '|' | '\\') {
            key.push('\\');
        }
        key.push(c);
    }
}

/// The state key of an image.
pub(super) fn image_key(table: &str, key: &str) -> String {
    let mut name = String::with_capacity(24 + table.len() + key.len());
    name.push_str("image|");
    name.push_str(table);
    name.push('|');
    name.push_str(key);
    name
}

pub(super) fn parked_key(slot: u32) -> String {
    format!("parked|{slot}")
}

pub(super) fn gone_key(slot: u64) -> String {
    format!("gone|{slot}")
}
