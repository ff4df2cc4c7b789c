//! Warehouse systems: from what their change capture writes to what happened to stock.
//!
//! ```text
//!  record ──debezium──▶ change of a row ──dedupe──▶ translate ──▶ stock changes, items, locations
//!                                                    │    ▲
//!                                     mapping (YAML) ┘    └ images of rows, in the state
//! ```
//! A new system is a mapping file; a new connector is a decoder beside `debezium`.

pub mod debezium;
pub mod decimal;
pub mod dedupe;
pub mod mapping;
pub mod reader;
pub mod row;
pub mod translate;
pub mod value;
