//! Which row a change is about: its key as text, now and before.

use processor::operator::Rejection;
use schemas::error::quoted;

use super::MISSING_KEY;
use super::state::push_part;
use crate::wms::mapping::Table;
use crate::wms::row::{Change, Columns, Operation, Renamed, Value};
use crate::wms::value::{self, Reading};

/// The row of a change.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Subject {
    /// Empty: the row has no key, and nothing of it is remembered.
    pub key: String,
    /// Where this change gave the row another key.
    pub old_key: Option<String>,
}

impl Subject {
    pub(super) fn of(table: &Table, change: &Change<'_>) -> Result<Self, Rejection> {
        let row = match change.operation {
            Operation::Delete => [Some(&change.key), change.before.as_ref()],
            _ => [change.after.as_ref(), Some(&change.key)],
        };
        let Some(key) = key_of(table, row, &change.key) else {
            if table.has_images {
                return Err(keyless(table, change));
            }
            return Ok(Self { key: String::new(), old_key: None });
        };
        let old_key = match &change.renamed {
            Some(Renamed::From(old)) => key_of(table, [Some(old), change.after.as_ref()], old),
            _ => None,
        };
        Ok(Self { old_key: old_key.filter(|old| *old != key), key })
    }

    /// The keys under which its records wait for each other.
    pub(super) fn rows(&self, table: &Table) -> Vec<String> {
        if self.key.is_empty() {
            return Vec::new();
        }
        let row = |key: &String| format!("{}|{key}", table.name);
        [Some(&self.key), self.old_key.as_ref()].into_iter().flatten().map(row).collect()
    }
}

/// `None`: a column of the key is not there, or null.
fn key_of(table: &Table, row: [Option<&Columns<'_>>; 2], record_key: &Columns<'_>) -> Option<String> {
    let mut key = String::new();
    let reading = Reading::default();
    let mut push = |first: bool, column| -> Option<()> {
        let text = value::text(column, &reading).ok().flatten()?;
        push_part(&mut key, first, &text);
        Some(())
    };
    match &table.key {
        Some(columns) => {
            for (i, ix) in columns.iter().enumerate() {
                let name = &table.columns[*ix].name;
                let mut places = row.iter().flatten().filter_map(|columns| columns.get(name));
                push(i == 0, places.find(|column| !matches!(column.value, Value::Null | Value::Unavailable))?)?;
            }
        }
        None => {
            for (i, column) in record_key.0.iter().enumerate() {
                push(i == 0, column)?;
            }
        }
    }
    (!key.is_empty()).then_some(key)
}

#[cold]
fn keyless(table: &Table, change: &Change<'_>) -> Rejection {
    let name = &table.name;
    let message = match &table.key {
        None => format!(
            "table {name}: the record has no key, and rows of this table are remembered; name the columns that identify a row in `key`"
        ),
        Some(key) => {
            let columns: Vec<&str> = key.iter().map(|ix| table.columns[*ix].name.as_str()).collect();
            let hint = match change.operation {
                Operation::Delete => "; with `REPLICA IDENTITY FULL` a delete carries it",
                _ => "",
            };
            format!("table {name}: `key` is {}, which the record does not have{hint}", quoted(&columns.join(", ")))
        }
    };
    Rejection::new(MISSING_KEY, message)
}
