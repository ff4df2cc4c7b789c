//! Action lines: what people and services answer to an alert.

use super::fields::{field, object, slots, utf8};
use super::json::Object;
use crate::DecodeError;
use crate::error::quoted;
use crate::stream::{Action, ActionKind};

/// Reads one action line. `action_id`, `alert_id`, `kind` and `occurred_at` are needed.
pub fn decode_action(line: &[u8]) -> Result<Action, DecodeError> {
    read_action(utf8(line)?)
}

slots!(ActionSlots { action_id, alert_id, kind, actor, occurred_at, sku, location, scope, note });

pub(crate) fn read_action(text: &str) -> Result<Action, DecodeError> {
    let slots: ActionSlots<'_> = object(text, "the action")?;
    let kind = field("kind", slots.kind).identifier()?;
    let occurred_at = field("occurred_at", slots.occurred_at);
    Ok(Action {
        action_id: field("action_id", slots.action_id).identifier()?.into_owned(),
        alert_id: field("alert_id", slots.alert_id).identifier()?.into_owned(),
        kind: ActionKind::from_name(&kind).ok_or_else(|| unknown_kind(&kind))?,
        actor: field("actor", slots.actor).owned()?.unwrap_or_default(),
        occurred_at: occurred_at.time()?.ok_or_else(|| DecodeError::missing("occurred_at"))?,
        sku: field("sku", slots.sku).owned()?,
        location: field("location", slots.location).owned()?,
        scope: field("scope", slots.scope).owned()?,
        note: field("note", slots.note).owned()?,
    })
}

#[cold]
fn unknown_kind(name: &str) -> DecodeError {
    let known: Vec<&str> = ActionKind::ALL.iter().map(|kind| kind.name()).collect();
    DecodeError::malformed(format!("`kind` is {}; expected one of {}", quoted(name), known.join(", ")))
}

/// Writes one action line; [`decode_action`] of it gives the action back.
pub fn write_action(action: &Action, out: &mut Vec<u8>) {
    write_action_object(action, out);
    out.push(b'\n');
}

pub(crate) fn write_action_object(action: &Action, out: &mut Vec<u8>) {
    let mut line = Object::open(out);
    write_action_fields(action, &mut line);
    line.close();
}

pub(crate) fn write_action_fields(action: &Action, line: &mut Object<'_>) {
    line.text("action_id", &action.action_id);
    line.text("alert_id", &action.alert_id);
    line.text("kind", action.kind.name());
    line.text("actor", &action.actor);
    line.exact_time("occurred_at", action.occurred_at);
    line.text_if("sku", action.sku.as_deref());
    line.text_if("location", action.location.as_deref());
    line.text_if("scope", action.scope.as_deref());
    line.text_if("note", action.note.as_deref());
}
