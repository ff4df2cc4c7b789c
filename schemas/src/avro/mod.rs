//! Avro: what the topics carry.
//!
//! Values are in single-object encoding (`C3 01`, the schema's CRC-64-AVRO fingerprint in little
//! endian, the body); [`frame`] translates to and from Confluent's wire format where a registry is
//! configured. The codecs are written by hand because the decoder of events runs once per record
//! and borrows from it; the tests hold every codec against apache-avro, both ways. Bytes come from
//! a network: a decoder must never panic, and never allocate more than a small multiple of what it
//! was given.

pub mod frame;
mod schema;
mod wire;

mod alert;
mod catalog;
mod event;
mod notification;
mod position;
mod runtime;
mod stream;

pub use alert::{decode_alert, encode_alert};
pub use catalog::{decode_catalog_item, decode_location, encode_catalog_item, encode_location};
pub use notification::{decode_delivery_attempt, decode_notification, encode_delivery_attempt, encode_notification};
pub use position::{decode_position, encode_position};
pub use runtime::{
    decode_aggregate, decode_journal, decode_rule_document, encode_aggregate, encode_journal, encode_rule_document,
};
pub use schema::{
    ACTION, AGGREGATE, ALERT, CATALOG_ITEM, DELIVERY_ATTEMPT, EVENTS, JOURNAL, LOCATION, NOTIFICATION, POSITION,
    RULE_DOCUMENT, SCHEMAS, Schema, catalogue_of_schemas,
};
pub use stream::{decode_action, decode_stream, decode_stream_framed, encode_action, encode_event, encode_stream};
