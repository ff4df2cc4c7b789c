//! The records of `inventory.events`: objects that say which record they are. An event is its
//! canonical line with `"record":"event"` in front.

use crate::canonical::fields::{field, object, slots};
use crate::canonical::json::{self, Object};
use crate::canonical::{
    read_action, read_event, read_item, write_action_fields, write_event_fields, write_item_object,
};
use crate::catalog::CatalogChange;
use crate::error::quoted;
use crate::stream::{SourceSilence, StreamRecord, Watermark};
use crate::{DecodeError, Timestamp};

pub(super) fn write(record: &StreamRecord<'_>, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    match record {
        StreamRecord::Event(event) => {
            object.text("record", "event");
            write_event_fields(event, &mut object);
        }
        StreamRecord::Catalog(change) => {
            object.text("record", "catalog");
            object.text("sku", &change.sku);
            object.value("item", |out| match &change.item {
                Some(item) => write_item_object(item, out),
                None => out.extend_from_slice(b"null"),
            });
        }
        StreamRecord::Action(action) => {
            object.text("record", "action");
            write_action_fields(action, &mut object);
        }
        StreamRecord::Watermark(watermark) => write_watermark(watermark, &mut object),
        StreamRecord::Silence(silence) => write_silence(silence, &mut object),
    }
    object.close();
}

fn write_watermark(watermark: &Watermark, object: &mut Object<'_>) {
    object.text("record", "watermark");
    object.text("source", &watermark.source);
    object.integer("source_partition", i64::from(watermark.source_partition));
    object.exact_time("event_time", watermark.event_time);
    object.integer("grace_ms", watermark.grace_ms);
    object.value("partitions", |out| {
        json::array(out, &watermark.partitions, |out, partition| json::integer(out, i64::from(*partition)));
    });
}

fn write_silence(silence: &SourceSilence, object: &mut Object<'_>) {
    object.text("record", "silence");
    object.text("source", &silence.source);
    object.integer("source_partition", i64::from(silence.source_partition));
    if let Some(at) = silence.last_event_time {
        object.exact_time("last_event_time", at);
    }
    object.exact_time("observed_at", silence.observed_at);
}

slots!(RecordSlots { record });

pub(super) fn read(raw: &str) -> Result<StreamRecord<'_>, DecodeError> {
    let slots: RecordSlots<'_> = object(raw, "`value`")?;
    let record = field("record", slots.record).text()?.ok_or_else(|| DecodeError::missing("value.record"))?;
    match &*record {
        "event" => read_event(raw).map(StreamRecord::Event),
        "catalog" => read_catalog(raw).map(StreamRecord::Catalog),
        "action" => read_action(raw).map(StreamRecord::Action),
        "watermark" => read_watermark(raw).map(StreamRecord::Watermark),
        "silence" => read_silence(raw).map(StreamRecord::Silence),
        other => Err(DecodeError::malformed(format!(
            "`value.record` is {}; expected event, catalog, action, watermark or silence",
            quoted(other)
        ))),
    }
}

slots!(CatalogSlots { sku, item });

fn read_catalog(raw: &str) -> Result<CatalogChange, DecodeError> {
    let slots: CatalogSlots<'_> = object(raw, "`value`")?;
    Ok(CatalogChange {
        sku: field("sku", slots.sku).identifier()?.into_owned(),
        item: slots.item.map(read_item).transpose()?,
    })
}

slots!(WatermarkSlots { source, source_partition, event_time, grace_ms, partitions });

fn read_watermark(raw: &str) -> Result<Watermark, DecodeError> {
    let slots: WatermarkSlots<'_> = object(raw, "`value`")?;
    Ok(Watermark {
        source: field("source", slots.source).owned()?.unwrap_or_default(),
        source_partition: required_integer("source_partition", slots.source_partition)?,
        event_time: required_time("event_time", slots.event_time)?,
        grace_ms: required_integer("grace_ms", slots.grace_ms)?,
        partitions: field("partitions", slots.partitions).list("a list of whole numbers")?,
    })
}

slots!(SilenceSlots { source, source_partition, last_event_time, observed_at });

fn read_silence(raw: &str) -> Result<SourceSilence, DecodeError> {
    let slots: SilenceSlots<'_> = object(raw, "`value`")?;
    Ok(SourceSilence {
        source: field("source", slots.source).owned()?.unwrap_or_default(),
        source_partition: required_integer("source_partition", slots.source_partition)?,
        last_event_time: field("last_event_time", slots.last_event_time).time()?,
        observed_at: required_time("observed_at", slots.observed_at)?,
    })
}

pub(super) fn required_time(name: &'static str, raw: Option<&str>) -> Result<Timestamp, DecodeError> {
    field(name, raw).time()?.ok_or_else(|| DecodeError::missing(name))
}

pub(super) fn required_integer<T: std::str::FromStr>(name: &'static str, raw: Option<&str>) -> Result<T, DecodeError> {
    field(name, raw).integer()?.ok_or_else(|| DecodeError::missing(name))
}
