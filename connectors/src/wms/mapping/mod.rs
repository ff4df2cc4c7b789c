//! Mappings: which rows of which tables are which changes of stock, items and locations.
//!
//! A mapping is YAML text; [`Mapping::parse`] turns it into what the translator executes, or into every
//! error it has, each with its line and what to do. The language is in `docs/mapping.md`. Nothing here
//! reads files, sees a record or keeps state.

mod change_fields;
mod check;
mod condition;
mod draft;
mod expression;
mod model;
mod nearest;
mod parse;
mod rules;
pub mod schema;

#[cfg(test)]
mod tests;

use std::fmt;

pub(crate) use change_fields::Field;
pub(crate) use model::{
    Condition, Difference, EventRule, Expr, Factor, Figure, From, ItemField, ItemRule, Lookup, Modifiers, On,
    PlaceField, PlaceRule, Scalar, Table, Tag, Test,
};
pub use model::{Connector, Mapping, Park, Routing};
use schemas::document::DocumentError;

/// Everything that is wrong with a mapping, in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingErrors(pub Vec<DocumentError>);

/// One line for each error: `wms.yaml:7:34: tables.public.ledger.events[0].sku: …`
impl fmt::Display for MappingErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for MappingErrors {}

impl Mapping {
    /// Parses and checks one mapping. `file_name` is for messages only.
    pub fn parse(text: &str, file_name: &str) -> Result<Self, MappingErrors> {
        parse::parse(text, file_name)
    }
}
