//! The records of the runtime's own topics.

use super::stream::{required_integer, required_time};
use crate::DecodeError;
use crate::canonical::fields::{field, object, slots};
use crate::canonical::json::{self, Object};
use crate::error::quoted;
use crate::stream::{AggregatePartial, JournalEntry, RuleDocumentRecord, Switch};

pub(super) fn write_rule_document(document: &RuleDocumentRecord, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    object.text("id", &document.id);
    object.integer("version", i64::from(document.version));
    object.exact_time("effective_at", document.effective_at);
    object.text("body", &document.body);
    object.close();
}

slots!(RuleSlots { id, version, effective_at, body });

pub(super) fn read_rule_document(raw: &str) -> Result<RuleDocumentRecord, DecodeError> {
    let slots: RuleSlots<'_> = object(raw, "`value`")?;
    Ok(RuleDocumentRecord {
        id: field("id", slots.id).identifier()?.into_owned(),
        version: required_integer("version", slots.version)?,
        effective_at: required_time("effective_at", slots.effective_at)?,
        body: field("body", slots.body).owned()?.unwrap_or_default(),
    })
}

pub(super) fn write_aggregate(partial: &AggregatePartial, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    object.text("scope", &partial.scope);
    object.text("id", &partial.id);
    object.integer("epoch", partial.epoch);
    object.integer("closed_through", partial.closed_through);
    object.integer("partition", i64::from(partial.partition));
    object.value("sums", |out| json::array(out, &partial.sums, |out, sum| json::integer(out, *sum)));
    object.close();
}

slots!(AggregateSlots { scope, id, epoch, closed_through, partition, sums });

pub(super) fn read_aggregate(raw: &str) -> Result<AggregatePartial, DecodeError> {
    let slots: AggregateSlots<'_> = object(raw, "`value`")?;
    Ok(AggregatePartial {
        scope: field("scope", slots.scope).owned()?.unwrap_or_default(),
        id: field("id", slots.id).owned()?.unwrap_or_default(),
        epoch: required_integer("epoch", slots.epoch)?,
        closed_through: required_integer("closed_through", slots.closed_through)?,
        partition: required_integer("partition", slots.partition)?,
        sums: field("sums", slots.sums).list("a list of whole numbers")?,
    })
}

pub(super) fn write_journal(entry: &JournalEntry, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    object.integer("partition", i64::from(entry.partition));
    object.integer("offset", entry.offset);
    object.object("switch", |switch| match &entry.switch {
        Switch::Epoch { entering, applied_through } => {
            switch.text("type", "epoch");
            switch.integer("entering", *entering);
            switch.integer("applied_through", *applied_through);
        }
        Switch::Broadcast { topic, first_offset, last_offset } => {
            switch.text("type", "broadcast");
            switch.text("topic", topic);
            switch.integer("first_offset", *first_offset);
            switch.integer("last_offset", *last_offset);
        }
    });
    object.close();
}

slots!(JournalSlots { partition, offset, switch });
slots!(SwitchSlots { entering, applied_through, topic, first_offset, last_offset; kind = "type" });

pub(super) fn read_journal(raw: &str) -> Result<JournalEntry, DecodeError> {
    let slots: JournalSlots<'_> = object(raw, "`value`")?;
    Ok(JournalEntry {
        partition: required_integer("partition", slots.partition)?,
        offset: required_integer("offset", slots.offset)?,
        switch: read_switch(field("switch", slots.switch).required()?)?,
    })
}

fn read_switch(raw: &str) -> Result<Switch, DecodeError> {
    let slots: SwitchSlots<'_> = object(raw, "`switch`")?;
    let kind = field("switch.type", slots.kind).identifier()?;
    match &*kind {
        "epoch" => Ok(Switch::Epoch {
            entering: required_integer("switch.entering", slots.entering)?,
            applied_through: required_integer("switch.applied_through", slots.applied_through)?,
        }),
        "broadcast" => Ok(Switch::Broadcast {
            topic: field("switch.topic", slots.topic).owned()?.unwrap_or_default(),
            first_offset: required_integer("switch.first_offset", slots.first_offset)?,
            last_offset: required_integer("switch.last_offset", slots.last_offset)?,
        }),
        other => Err(DecodeError::malformed(format!("`switch.type` is {}: no such switch", quoted(other)))),
    }
}
