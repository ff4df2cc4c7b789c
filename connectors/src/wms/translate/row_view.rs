//! The row a rule is about, wherever its columns are: in the record, or remembered.

use std::cell::Cell as StdCell;

use processor::operator::Rejection;
use processor::table::StateTable;

use super::image::Image;
use super::parked::Awaited;
use super::state::WmsRow;
use super::{MISSING_COLUMN, UNAVAILABLE_VALUE};
use crate::wms::mapping::{Mapping, Table};
use crate::wms::row::{Column, Columns, Value};

/// Why a rule cannot be carried out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Never.
    Reject(Rejection),
    /// Not before this row has come.
    Wait(Awaited),
}

impl Stop {
    #[cold]
    pub(super) fn reject(class: &'static str, message: String) -> Self {
        Self::Reject(Rejection::new(class, message))
    }
}

/// Where the columns of a table stood in the last record: records of a table look alike.
pub(super) type Hints = [StdCell<usize>];

/// Where the columns of a row are.
#[derive(Clone, Copy)]
pub(super) enum Place<'v> {
    /// In the record; what was too large to be sent is remembered.
    After { after: &'v Columns<'v>, hints: &'v Hints, image: Option<&'v Image> },
    /// The row is gone. What is remembered of it is what it was; a `before` may hold no more than its key,
    /// with defaults for everything else (`REPLICA IDENTITY DEFAULT`).
    Deleted { image: Option<&'v Image>, before: Option<&'v Columns<'v>>, key: &'v Columns<'v> },
    /// Another row, or this one as it was.
    Image { image: &'v Image, key: &'v str },
}

/// One row of one table.
#[derive(Clone, Copy)]
pub(super) struct Row<'v> {
    pub mapping: &'v Mapping,
    pub table: &'v Table,
    pub place: Place<'v>,
    pub states: &'v StateTable<WmsRow>,
}

impl<'v> Row<'v> {
    /// Another place of the same or another table.
    pub(super) fn at(&self, table: &'v Table, place: Place<'v>) -> Self {
        Self { table, place, ..*self }
    }

    /// Reads a column. `read` gets `None` where the record has no such column and `lenient` allows it.
    pub(super) fn column<T>(
        &self,
        ix: usize,
        lenient: bool,
        read: impl FnOnce(Option<&Column<'_>>) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let name = &self.table.columns[ix];
        let remembered = |image: Option<&'v Image>| image.and_then(|image| image.cell(name.tag));
        match self.place {
            Place::After { after, hints, image } => match found(after, &name.name, hints.get(ix)) {
                Some(column) if column.value == Value::Unavailable => match remembered(image) {
                    Some(cell) => read(Some(&cell.column(&name.name))),
                    None => Err(self.unavailable(&name.name)),
                },
                Some(column) => read(Some(column)),
                None if lenient => read(None),
                None => Err(self.missing(
                    &name.name,
                    "the record has no such column; correct the mapping, or let the connector capture it",
                )),
            },
            Place::Deleted { image, before, key } => {
                if let Some(cell) = remembered(image) {
                    return read(Some(&cell.column(&name.name)));
                }
                let known = |column: &&Column<'_>| column.value != Value::Unavailable;
                let column = before.and_then(|before| before.get(&name.name)).filter(known);
                match column.or_else(|| key.get(&name.name)) {
                    Some(column) => read(Some(column)),
                    None if lenient => read(None),
                    None => Err(self.missing(
                        &name.name,
                        "a delete without it, of a row that is not remembered; `REPLICA IDENTITY FULL` sends it",
                    )),
                }
            }
            Place::Image { image, key } => match image.cell(name.tag) {
                Some(cell) => read(Some(&cell.column(&name.name))),
                None if lenient => read(None),
                None => Err(Stop::Wait(Awaited {
                    table: self.table.name.clone(),
                    key: key.to_owned(),
                    column: Some(name.name.clone()),
                })),
            },
        }
    }

    #[cold]
    fn missing(&self, column: &str, reason: &str) -> Stop {
        Stop::reject(MISSING_COLUMN, format!("table {}, column `{column}`: {reason}", self.table.name))
    }

    #[cold]
    fn unavailable(&self, column: &str) -> Stop {
        let reason = "not sent, being large and unchanged, and not remembered; `REPLICA IDENTITY FULL` sends it";
        Stop::reject(UNAVAILABLE_VALUE, format!("table {}, column `{column}`: {reason}", self.table.name))
    }
}

/// A column by name, first where it stood the last time.
fn found<'c>(columns: &'c Columns<'c>, name: &str, hint: Option<&StdCell<usize>>) -> Option<&'c Column<'c>> {
    if let Some(hint) = hint
        && let Some(column) = columns.0.get(hint.get()).filter(|column| column.name == name)
    {
        return Some(column);
    }
    let at = columns.0.iter().position(|column| column.name == name)?;
    if let Some(hint) = hint {
        hint.set(at);
    }
    columns.0.get(at)
}
