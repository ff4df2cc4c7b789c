//! What the stage writes: alerts and positions, in their public encodings.
//!
//! Both go to the partition of their SKU, whatever their key: readers see a SKU's records in order.

use processor::operator::Produced;
use schemas::{Alert, Position, topics};

pub enum ProcessOutput {
    Alert(Box<Alert>),
    Position(Box<Position>),
}

pub(super) fn produce(output: &ProcessOutput, partition: i32, sink: &mut dyn FnMut(Produced<'_>)) {
    match output {
        ProcessOutput::Alert(alert) => produce_alert(alert, partition, sink),
        ProcessOutput::Position(position) => {
            let key = format!("{}|{}", position.sku, position.location);
            let mut value = Vec::new();
            schemas::avro::encode_position(position, &mut value);
            sink(Produced {
                topic: topics::POSITIONS,
                partition: Some(partition),
                key: Some(key.as_bytes()),
                value: Some(&value),
                headers: &[],
            });
        }
    }
}

/// Every revision goes to the history, the newest one to the compacted view; both carry
/// CloudEvents headers, binary mode. `ce_id` is deterministic: a sink can recognise a duplicate.
fn produce_alert(alert: &Alert, partition: i32, sink: &mut dyn FnMut(Produced<'_>)) {
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
