//! A mapping while it is read: tables that gather the columns and figures their rules turn out to need.

use std::collections::{BTreeMap, BTreeSet};

use schemas::Zone;
use schemas::document::Mark;
use sha2::{Digest as _, Sha256};

use super::model::{ColumnName, Figure, Tag};

/// What has been found out about a table so far.
#[derive(Debug, Default)]
pub(super) struct TableDraft {
    pub name: String,
    pub at: Mark,
    pub key: Option<Vec<usize>>,
    pub columns: Vec<ColumnName>,
    pub remembered: BTreeSet<usize>,
    pub figures: Vec<Figure>,
    /// Another table's rule reads rows of this one.
    pub looked_up: bool,
    /// Tables that rules of this one look up, and where the first does.
    pub looks_up: BTreeMap<usize, (Mark, String)>,
}

/// Everything the readers of rules share.
#[derive(Debug)]
pub(super) struct Draft {
    pub tables: Vec<TableDraft>,
    pub zone: Zone,
}

impl Draft {
    pub(super) fn table_ix(&self, name: &str) -> Option<usize> {
        self.tables.iter().position(|table| table.name == name)
    }
}

impl TableDraft {
    /// The number of a column, new if need be.
    pub(super) fn column(&mut self, name: &str) -> usize {
        self.columns.iter().position(|column| column.name == name).unwrap_or_else(|| {
            self.columns.push(ColumnName { name: name.to_owned(), tag: tag(name) });
            self.columns.len() - 1
        })
    }

    /// The number of a figure; one definition is remembered once.
    pub(super) fn figure(&mut self, figure: Figure) -> usize {
        self.figures.iter().position(|known| known.tag == figure.tag).unwrap_or_else(|| {
            self.figures.push(figure);
            self.figures.len() - 1
        })
    }
}

/// Stored with images: it must never change.
pub(super) fn tag(text: &str) -> Tag {
    let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(text));
    Tag(u32::from_be_bytes([a, b, c, d]))
}
