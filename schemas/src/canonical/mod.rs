//! JSON lines: events, items, locations and actions in; alerts, positions and dead letters out.
//!
//! Reading borrows from the line and builds no document tree; decimals are read as text, never
//! through a floating-point number. Unknown fields are ignored, `null` is absent. Writing has one
//! field order and ends every record with `\n`, so that equal records are equal bytes. This module
//! must never decide what a record means.

mod action;
mod alert;
mod catalog;
mod event;
pub(crate) mod fields;
pub(crate) mod json;
mod letter;
mod position;

pub use action::{decode_action, write_action};
pub(crate) use action::{read_action, write_action_fields, write_action_object};
pub use alert::write_alert;
pub(crate) use alert::write_alert_object;
pub use catalog::{decode_catalog_item, decode_location, write_catalog_item, write_location};
pub(crate) use catalog::{read_item, read_location, write_item_object, write_location_object};
pub use event::{SourceLine, decode_event, decode_source_line, write_event};
pub(crate) use event::{read_event, write_event_fields};
pub use letter::{RefusedLine, write_refused_line};
pub use position::write_position;
pub(crate) use position::write_position_object;
