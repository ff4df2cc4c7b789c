//! Records of a topic, read with what was learned of their schemas.

use std::cell::RefCell;

use processor::operator::Rejection;

use super::debezium::{self, Defaults, SchemaCache};
use super::mapping::Mapping;
use super::row::{RawRecord, Record};
use super::translate::Reread;

/// The decoder of one topic partition.
#[derive(Default)]
pub struct Reader {
    schemas: RefCell<SchemaCache>,
    table: Option<String>,
}

impl Reader {
    /// Flattened rows that do not name their table are of the mapping's only one.
    pub fn new(mapping: &Mapping) -> Self {
        let mut tables = mapping.tables();
        let only = tables.next().filter(|_| tables.next().is_none());
        Self { schemas: RefCell::default(), table: only.map(str::to_owned) }
    }

    /// Reads one record.
    pub fn read<'a>(&self, raw: &RawRecord<'a>) -> Result<Record<'a>, Rejection> {
        let defaults = Defaults { table: self.table.as_deref() };
        debezium::decode(raw, &mut self.schemas.borrow_mut(), &defaults)
            .map_err(|error| Rejection::new(error.class, error.message))
    }
}

impl Reread for Reader {
    fn reread<'a>(&mut self, raw: &RawRecord<'a>) -> Result<Record<'a>, Rejection> {
        self.read(raw)
    }
}
