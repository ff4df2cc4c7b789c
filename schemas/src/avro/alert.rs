//! `Alert`.

use super::frame;
use super::schema::ALERT;
use super::wire::{Reader, Writer};
use crate::{Alert, AlertKind, AlertState, DecodeError, Evidence, EvidenceValue, Message, Mode, RuleRef, Severity};

/// Appends an alert in single-object encoding.
pub fn encode_alert(alert: &Alert, out: &mut Vec<u8>) {
    frame::write_header(&ALERT, out);
    write_alert(alert, &mut Writer { out });
}

pub(super) fn write_alert(alert: &Alert, w: &mut Writer<'_>) {
    write_uuid(alert.alert_id, w);
    w.long(i64::from(alert.revision));
    write_uuid(alert.episode_id, w);
    // Symbol 0 of kinds and states is `unknown`; the others stand in the order of the variants.
    w.int(alert.kind as i32 + 1);
    w.int(alert.state as i32 + 1);
    w.int(alert.severity as i32);
    w.int(alert.mode as i32);
    w.optional_text(alert.sku.as_deref());
    w.optional_text(alert.location.as_deref());
    w.optional_text(alert.scope.as_deref());
    w.time(alert.occurred_at);
    w.time(alert.detected_at);
    w.time(alert.opened_at);
    w.text(&alert.rule.document);
    w.int(alert.rule.version);
    w.text(&alert.rule.rule);
    w.array(&alert.evidence.0, |w, (name, value)| {
        w.text(name);
        write_evidence_value(value, w);
    });
    w.text(&alert.message.en);
    w.text(&alert.message.zh_cn);
}

pub fn decode_alert(value: &[u8]) -> Result<Alert, DecodeError> {
    let mut r = Reader::new(frame::body(&ALERT, value)?);
    let alert = read_alert(&mut r)?;
    r.finish().map(|()| alert)
}

pub(super) fn read_alert(r: &mut Reader<'_>) -> Result<Alert, DecodeError> {
    Ok(Alert {
        alert_id: r.uuid("alert_id")?,
        revision: read_revision(r)?,
        episode_id: r.uuid("episode_id")?,
        kind: r.known_symbol("kind", AlertKind::ALL)?,
        state: r.known_symbol("state", AlertState::ALL)?,
        severity: Severity::ALL[r.symbol("severity", Severity::ALL.len())?],
        mode: Mode::ALL[r.symbol("mode", Mode::ALL.len())?],
        sku: r.optional_owned("sku")?,
        location: r.optional_owned("location")?,
        scope: r.optional_owned("scope")?,
        occurred_at: r.time("occurred_at")?,
        detected_at: r.time("detected_at")?,
        opened_at: r.time("opened_at")?,
        rule: RuleRef {
            document: r.text("rule.document")?.to_owned(),
            version: r.int("rule.version")?,
            rule: r.text("rule.rule")?.to_owned(),
        },
        evidence: Evidence(r.array("evidence", read_evidence)?),
        message: Message { en: r.text("message.en")?.to_owned(), zh_cn: r.text("message.zh_cn")?.to_owned() },
    })
}

pub(super) fn read_revision(r: &mut Reader<'_>) -> Result<u32, DecodeError> {
    let revision = r.long("revision")?;
    u32::try_from(revision).map_err(|_| r.malformed("revision", "not a number of 0 to 2^32 − 1"))
}

pub(super) fn write_uuid(id: uuid::Uuid, w: &mut Writer<'_>) {
    let mut buffer = uuid::Uuid::encode_buffer();
    w.text(id.hyphenated().encode_lower(&mut buffer));
}

fn write_evidence_value(value: &EvidenceValue, w: &mut Writer<'_>) {
    match value {
        EvidenceValue::Integer(value) => {
            w.int(0);
            w.long(*value);
        }
        EvidenceValue::Number(value) => {
            w.int(1);
            w.double(*value);
        }
        EvidenceValue::Text(value) => {
            w.int(2);
            w.text(value);
        }
        EvidenceValue::Flag(value) => {
            w.int(3);
            w.boolean(*value);
        }
    }
}

fn read_evidence(r: &mut Reader<'_>) -> Result<(String, EvidenceValue), DecodeError> {
    let name = r.text("evidence.name")?.to_owned();
    let value = match r.long("evidence.value")? {
        0 => EvidenceValue::Integer(r.long("evidence.value")?),
        1 => EvidenceValue::Number(r.double("evidence.value")?),
        2 => EvidenceValue::Text(r.text("evidence.value")?.to_owned()),
        3 => EvidenceValue::Flag(r.boolean("evidence.value")?),
        _ => return Err(r.malformed("evidence.value", "no such branch of the union")),
    };
    Ok((name, value))
}
