//! Alert lines.

use super::json::{self, Object};
use crate::{Alert, EvidenceValue};

/// Writes one alert line. `sku`, `location` and `scope` are `null` where the alert has none.
pub fn write_alert(alert: &Alert, out: &mut Vec<u8>) {
    write_alert_object(alert, out);
    out.push(b'\n');
}

pub(crate) fn write_alert_object(alert: &Alert, out: &mut Vec<u8>) {
    let mut line = Object::open(out);
    line.value("alert_id", |out| write_uuid(out, alert.alert_id));
    line.integer("revision", i64::from(alert.revision));
    line.value("episode_id", |out| write_uuid(out, alert.episode_id));
    line.text("kind", alert.kind.name());
    line.text("state", alert.state.name());
    line.text("severity", alert.severity.name());
    line.text("mode", alert.mode.name());
    line.text_or_null("sku", alert.sku.as_deref());
    line.text_or_null("location", alert.location.as_deref());
    line.text_or_null("scope", alert.scope.as_deref());
    line.time("occurred_at", alert.occurred_at);
    line.time("detected_at", alert.detected_at);
    line.time("opened_at", alert.opened_at);
    line.object("rule", |rule| {
        rule.text("document", &alert.rule.document);
        rule.integer("version", i64::from(alert.rule.version));
        rule.text("rule", &alert.rule.rule);
    });
    line.object("evidence", |evidence| {
        for (name, value) in &alert.evidence.0 {
            evidence.value(name, |out| write_evidence_value(value, out));
        }
    });
    line.object("message", |message| {
        message.text("en", &alert.message.en);
        message.text("zh-CN", &alert.message.zh_cn);
    });
    line.close();
}

pub(crate) fn write_uuid(out: &mut Vec<u8>, id: uuid::Uuid) {
    let mut buffer = uuid::Uuid::encode_buffer();
    json::text(out, id.hyphenated().encode_lower(&mut buffer));
}

fn write_evidence_value(value: &EvidenceValue, out: &mut Vec<u8>) {
    match value {
        EvidenceValue::Integer(value) => json::integer(out, *value),
        EvidenceValue::Number(value) => json::number(out, *value),
        EvidenceValue::Text(value) => json::text(out, value),
        EvidenceValue::Flag(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
    }
}
