//! The value of a record, by its topic.

use super::{read_hex, runtime, stream};
use crate::canonical::{self, json};
use crate::{DecodeError, avro, topics};

/// Writes a value as readable JSON, or as hex where it cannot be decoded.
pub(super) fn write(topic: &str, value: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    if write_typed(topic, value, out).is_err() {
        out.truncate(start);
        json::hex(out, value);
    }
}

fn write_typed(topic: &str, value: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    match topic {
        topics::EVENTS => avro::decode_stream(value).map(|r| stream::write(&r, out)),
        topics::CATALOG => avro::decode_catalog_item(value).map(|r| canonical::write_item_object(&r, out)),
        topics::LOCATIONS => avro::decode_location(value).map(|r| canonical::write_location_object(&r, out)),
        topics::ACTIONS => avro::decode_action(value).map(|r| canonical::write_action_object(&r, out)),
        topics::RULES => avro::decode_rule_document(value).map(|r| runtime::write_rule_document(&r, out)),
        topics::AGGREGATES => avro::decode_aggregate(value).map(|r| runtime::write_aggregate(&r, out)),
        topics::JOURNAL => avro::decode_journal(value).map(|r| runtime::write_journal(&r, out)),
        topics::POSITIONS => avro::decode_position(value).map(|r| canonical::write_position_object(&r, out)),
        topics::DISPATCH => avro::decode_notification(value).map(|r| canonical::write_notification_object(&r, out)),
        topics::DELIVERIES => {
            avro::decode_delivery_attempt(value).map(|r| canonical::write_delivery_attempt_object(&r, out))
        }
        topics::ALERTS | topics::ALERTS_CURRENT => {
            avro::decode_alert(value).map(|r| canonical::write_alert_object(&r, out))
        }
        // Somebody else's topic: text where it is text.
        _ => {
            json::bytes(out, value);
            Ok(())
        }
    }
}

/// Reads and encodes a value again; `None` where the topic is written for people only.
pub(super) fn read(topic: &str, raw: &str) -> Result<Option<Vec<u8>>, DecodeError> {
    if let Some(bytes) = read_hex("value", raw)? {
        return Ok(Some(bytes));
    }
    let mut out = Vec::new();
    match topic {
        topics::EVENTS => avro::encode_stream(&stream::read(raw)?, &mut out),
        topics::CATALOG => avro::encode_catalog_item(&canonical::read_item(raw)?, &mut out),
        topics::LOCATIONS => avro::encode_location(&canonical::read_location(raw)?, &mut out),
        topics::ACTIONS => avro::encode_action(&canonical::read_action(raw)?, &mut out),
        topics::RULES => avro::encode_rule_document(&runtime::read_rule_document(raw)?, &mut out),
        topics::AGGREGATES => avro::encode_aggregate(&runtime::read_aggregate(raw)?, &mut out),
        topics::JOURNAL => avro::encode_journal(&runtime::read_journal(raw)?, &mut out),
        topics::POSITIONS | topics::ALERTS | topics::ALERTS_CURRENT | topics::DISPATCH | topics::DELIVERIES => {
            return Ok(None);
        }
        _ => return super::read_bytes("value", raw).map(|bytes| Some(bytes.into_owned())),
    }
    Ok(Some(out))
}
