//! What the stage writes: alerts and positions, in their public encodings.
//!
//! Both go to the partition of their SKU, whatever their key: readers see a SKU's records in order.

use processor::operator::Produced;
use processor::task::Published;
use schemas::{Alert, Position, topics};

/// What is decided. Positions are encoded when a transaction is sealed: [`publish`].
pub type ProcessOutput = Box<Alert>;

pub(super) fn publish(position: &Position<'_>, partition: i32, out: &mut Published) {
    let key = |out: &mut Vec<u8>| {
        out.extend_from_slice(position.sku.as_bytes());
        out.push(b'|');
        out.extend_from_slice(position.location.as_bytes());
    };
    out.record(topics::POSITIONS, partition, key, |out| schemas::avro::encode_position(position, out));
}

/// Every revision goes to the history, the newest one to the compacted view; both carry
/// CloudEvents headers, binary mode. `ce_id` is deterministic: a sink can recognise a duplicate.
pub(super) fn produce(alert: &Alert, partition: i32, sink: &mut dyn FnMut(Produced<'_>)) {
    let key = alert.alert_id.to_string();
    let mut value = Vec::new();
    schemas::avro::encode_alert(alert, &mut value);
    let id = format!("{key}:{}", alert.revision);
    let kind = format!("quartermaster.alert.{}.{}", alert.kind.name(), alert.state.name());
    let time = alert.occurred_at.to_string();
    let headers: &[(&str, &[u8])] = &[
        ("ce_specversion", b"1.0"),
        ("ce_id", id.as_bytes()),
        ("ce_source", b"quartermaster/process"),
        ("ce_type", kind.as_bytes()),
        ("ce_time", time.as_bytes()),
        ("content-type", b"avro/binary"),
    ];
    for topic in [topics::ALERTS, topics::ALERTS_CURRENT] {
        sink(Produced { topic, partition: Some(partition), key: Some(key.as_bytes()), value: Some(&value), headers });
    }
}
