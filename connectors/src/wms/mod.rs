//! Warehouse systems: from what their change capture writes to what happened to stock.
//!
//! ```text
//!  record ──debezium──▶ change of a row ──dedupe──▶ translate ──▶ stock changes, items, locations
//!                                                    │    ▲
//!                                     mapping (YAML) ┘    └ images of rows, in the state
//! ```
//! A new system is a mapping file; a new connector is a decoder beside `debezium`.
//!
//! - `row`: the change of a row, whatever connector captured it, borrowed from its record.
//! - `debezium`: [`debezium::decode`] reads a record in every form Debezium gives it. It decides what happened
//!   to which row and where that stands in the log, and leaves values as they came.
//! - `value`: what a value means (a decimal, an instant, a date), once a mapping says what is wanted of it.
//! - `decimal`: exact decimals, for what is computed before it becomes a quantity or an amount of money.
//! - `dedupe`: which changes were read before, in bounded memory that is kept as rows.

pub mod debezium;
pub mod decimal;
pub mod dedupe;
pub mod mapping;
pub mod reader;
pub mod row;
pub mod translate;
pub mod value;
