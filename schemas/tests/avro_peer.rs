//! The hand-written Avro codecs against apache-avro's generic ones, and against hostile bytes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail their test")]

mod support;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use proptest::prelude::*;
use schemas::avro;
use schemas::catalog::CatalogChange;
use schemas::stream::{Action, AggregatePartial, JournalEntry, RuleDocumentRecord, StreamRecord, Switch};
use schemas::{
    Alert, CatalogItem, DecodeError, DeliveryAttempt, EvidenceValue, InventoryEvent, Location, Money, Notification,
    Position, Quantity, Timestamp,
};

const HEADER: usize = 10;

fn record(fields: Vec<(&str, Value)>) -> Value {
    Value::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn text(value: impl Into<String>) -> Value {
    Value::String(value.into())
}

fn optional(value: Option<Value>) -> Value {
    value.map_or_else(|| Value::Union(0, Box::new(Value::Null)), |v| Value::Union(1, Box::new(v)))
}

fn optional_text(value: Option<impl AsRef<str>>) -> Value {
    optional(value.map(|v| text(v.as_ref())))
}

fn quantity(value: Quantity) -> Value {
    Value::Long(value.thousandths())
}

fn optional_quantity(value: Option<Quantity>) -> Value {
    optional(value.map(quantity))
}

fn optional_money(value: Option<Money>) -> Value {
    optional(value.map(|v| Value::Long(v.micros())))
}

fn time(value: Timestamp) -> Value {
    Value::TimestampMillis(value.millis())
}

fn symbol(index: usize, name: &str) -> Value {
    Value::Enum(index as u32, name.to_owned())
}

fn event_value(event: &InventoryEvent<'_>) -> Value {
    let f = event.change.fields();
    let kind = event.change.kind();
    let source = event.source.as_ref().map(|s| {
        record(vec![
            ("source", text(&*s.source)),
            ("partition", Value::Int(s.partition)),
            ("position", text(&*s.position)),
            ("time", time(s.time)),
        ])
    });
    let change = record(vec![
        ("type", symbol(kind as usize + 1, kind.name())),
        ("quantity_thousandths", optional_quantity(f.quantity)),
        ("order_id", optional_text(f.order_id)),
        ("customer", optional_text(f.customer)),
        ("unit_price_micros", optional_money(f.unit_price)),
        ("po_id", optional_text(f.po_id)),
        ("supplier", optional_text(f.supplier)),
        ("expected_at", optional(f.expected_at.map(time))),
        ("reason", optional_text(f.reason)),
        ("document", optional_text(f.document)),
        ("book_thousandths", optional_quantity(f.book)),
        ("counted_thousandths", optional_quantity(f.counted)),
        ("on_hand_thousandths", optional_quantity(f.on_hand)),
        ("lot", optional_text(f.lot)),
        ("expires_on", optional(f.expires_on.map(|day| Value::Date(day.0)))),
        ("from", optional_text(f.from)),
        ("to", optional_text(f.to)),
    ]);
    record(vec![
        ("event_id", text(&*event.event_id)),
        ("sku", text(&*event.sku)),
        ("location", text(&*event.location)),
        ("occurred_at", time(event.occurred_at)),
        ("source", optional(source)),
        ("change", change),
    ])
}

fn item_value(item: &CatalogItem) -> Value {
    record(vec![
        ("sku", text(&item.sku)),
        ("name", optional_text(item.name.as_ref())),
        ("name_zh", optional_text(item.name_zh.as_ref())),
        ("category", optional_text(item.category.as_ref())),
        ("supplier", optional_text(item.supplier.as_ref())),
        ("unit_cost_micros", optional_money(item.unit_cost)),
        ("unit_price_micros", optional_money(item.unit_price)),
        ("lead_time_days", optional(item.lead_time_days.map(Value::Double))),
        ("pack_size_thousandths", optional_quantity(item.pack_size)),
        ("minimum_order_quantity_thousandths", optional_quantity(item.minimum_order_quantity)),
        ("shelf_life_days", optional(item.shelf_life_days.map(Value::Int))),
        ("tags", Value::Array(item.tags.iter().map(text).collect())),
        ("superseded_by", optional_text(item.superseded_by.as_ref())),
    ])
}

fn action_value(action: &Action) -> Value {
    record(vec![
        ("action_id", text(&action.action_id)),
        ("alert_id", text(&action.alert_id)),
        ("kind", symbol(action.kind as usize + 1, action.kind.name())),
        ("actor", text(&action.actor)),
        ("occurred_at", time(action.occurred_at)),
        ("sku", optional_text(action.sku.as_ref())),
        ("location", optional_text(action.location.as_ref())),
        ("scope", optional_text(action.scope.as_ref())),
        ("note", optional_text(action.note.as_ref())),
    ])
}

fn stream_value(value: &StreamRecord<'_>) -> Value {
    let (branch, value) = match value {
        StreamRecord::Event(event) => (0, event_value(event)),
        StreamRecord::Catalog(CatalogChange { sku, item }) => {
            (1, record(vec![("sku", text(sku)), ("item", optional(item.as_ref().map(item_value)))]))
        }
        StreamRecord::Action(action) => (2, action_value(action)),
        StreamRecord::Watermark(w) => (
            3,
            record(vec![
                ("source", text(&w.source)),
                ("source_partition", Value::Int(w.source_partition)),
                ("event_time", time(w.event_time)),
                ("grace_ms", Value::Long(w.grace_ms)),
                ("partitions", Value::Array(w.partitions.iter().map(|p| Value::Int(*p)).collect())),
            ]),
        ),
        StreamRecord::Silence(s) => (
            4,
            record(vec![
                ("source", text(&s.source)),
                ("source_partition", Value::Int(s.source_partition)),
                ("last_event_time", optional(s.last_event_time.map(time))),
                ("observed_at", time(s.observed_at)),
            ]),
        ),
    };
    Value::Union(branch, Box::new(value))
}

fn alert_value(alert: &Alert) -> Value {
    let evidence = alert.evidence.0.iter().map(|(name, value)| {
        let (branch, value) = match value {
            EvidenceValue::Integer(v) => (0, Value::Long(*v)),
            EvidenceValue::Number(v) => (1, Value::Double(*v)),
            EvidenceValue::Text(v) => (2, text(v)),
            EvidenceValue::Flag(v) => (3, Value::Boolean(*v)),
        };
        record(vec![("name", text(name)), ("value", Value::Union(branch, Box::new(value)))])
    });
    let rule = record(vec![
        ("document", text(&alert.rule.document)),
        ("version", Value::Int(alert.rule.version)),
        ("rule", text(&alert.rule.rule)),
    ]);
    let message = record(vec![("en", text(&alert.message.en)), ("zh_cn", text(&alert.message.zh_cn))]);
    record(vec![
        ("alert_id", Value::Uuid(alert.alert_id)),
        ("revision", Value::Long(i64::from(alert.revision))),
        ("episode_id", Value::Uuid(alert.episode_id)),
        ("kind", symbol(alert.kind as usize + 1, alert.kind.name())),
        ("state", symbol(alert.state as usize + 1, alert.state.name())),
        ("severity", symbol(alert.severity as usize, alert.severity.name())),
        ("mode", symbol(alert.mode as usize, alert.mode.name())),
        ("sku", optional_text(alert.sku.as_ref())),
        ("location", optional_text(alert.location.as_ref())),
        ("scope", optional_text(alert.scope.as_ref())),
        ("occurred_at", time(alert.occurred_at)),
        ("detected_at", time(alert.detected_at)),
        ("opened_at", time(alert.opened_at)),
        ("rule", rule),
        ("evidence", Value::Array(evidence.collect())),
        ("message", message),
    ])
}

fn notification_value(n: &Notification) -> Value {
    record(vec![
        ("attempt_id", Value::Uuid(n.attempt_id)),
        ("notification_id", Value::Uuid(n.notification_id)),
        ("action", symbol(n.action as usize + 1, n.action.name())),
        ("route", text(&n.route)),
        ("step", Value::Int(n.step)),
        ("round", Value::Int(n.round)),
        ("recipient", text(&n.recipient)),
        ("channel", text(&n.channel)),
        ("alerted_at", time(n.alerted_at)),
        ("alert", alert_value(&n.alert)),
    ])
}

fn delivery_attempt_value(a: &DeliveryAttempt) -> Value {
    record(vec![
        ("attempt_id", Value::Uuid(a.attempt_id)),
        ("notification_id", Value::Uuid(a.notification_id)),
        ("alert_id", Value::Uuid(a.alert_id)),
        ("revision", Value::Long(i64::from(a.revision))),
        ("route", text(&a.route)),
        ("step", Value::Int(a.step)),
        ("round", Value::Int(a.round)),
        ("recipient", text(&a.recipient)),
        ("channel", text(&a.channel)),
        ("channel_type", text(&a.channel_type)),
        ("status", symbol(a.status as usize + 1, a.status.name())),
        ("tries", Value::Int(a.tries)),
        ("changed_at", time(a.changed_at)),
        ("planned_at", time(a.planned_at)),
        ("claimed_at", optional(a.claimed_at.map(time))),
        ("next_attempt_at", optional(a.next_attempt_at.map(time))),
        ("error_class", symbol(a.error as usize + 1, a.error.name())),
        ("http_status", optional(a.http_status.map(Value::Int))),
        ("provider_ref", optional_text(a.provider_ref.as_ref())),
        ("detail", optional_text(a.detail.as_ref())),
    ])
}

fn position_value(p: &Position<'_>) -> Value {
    record(vec![
        ("sku", text(&*p.sku)),
        ("location", text(&*p.location)),
        ("at", time(p.at)),
        ("on_hand_thousandths", optional_quantity(p.on_hand)),
        ("reserved_thousandths", quantity(p.reserved)),
        ("available_thousandths", optional_quantity(p.available)),
        ("on_order_thousandths", quantity(p.on_order)),
        ("velocity_per_day", Value::Double(p.velocity_per_day)),
        ("sold_7d_thousandths", quantity(p.sold_7d)),
        ("reorder_point", optional(p.reorder_point.map(Value::Double))),
        ("safety_stock", optional(p.safety_stock.map(Value::Double))),
        ("order_quantity", optional(p.order_quantity.map(Value::Double))),
        ("days_of_cover", optional(p.days_of_cover.map(Value::Double))),
        ("idle_days", Value::Int(p.idle_days)),
        ("no_sale_probability_30d", Value::Double(p.no_sale_probability_30d)),
        ("threshold_method", optional_text(p.threshold_method.as_deref().map(str::to_owned).as_ref())),
        ("suspect", Value::Boolean(p.suspect)),
        ("open_alerts", Value::Array(p.open_alerts.iter().map(|id| Value::Uuid(*id)).collect())),
        ("abc", optional_text(p.abc.as_deref())),
        ("xyz", optional_text(p.xyz.as_deref())),
    ])
}

fn aggregate_value(a: &AggregatePartial) -> Value {
    record(vec![
        ("scope", text(&a.scope)),
        ("id", text(&a.id)),
        ("epoch", Value::Long(a.epoch)),
        ("closed_through", Value::Long(a.closed_through)),
        ("partition", Value::Int(a.partition)),
        ("sums", Value::Array(a.sums.iter().map(|sum| Value::Long(*sum)).collect())),
    ])
}

fn journal_value(entry: &JournalEntry) -> Value {
    let (branch, switch) = match &entry.switch {
        Switch::Epoch { entering, applied_through } => {
            (0, record(vec![("entering", Value::Long(*entering)), ("applied_through", Value::Long(*applied_through))]))
        }
        Switch::Broadcast { topic, first_offset, last_offset } => {
            let offsets = [("first_offset", Value::Long(*first_offset)), ("last_offset", Value::Long(*last_offset))];
            (1, record([("topic", text(topic))].into_iter().chain(offsets).collect()))
        }
    };
    record(vec![
        ("partition", Value::Int(entry.partition)),
        ("offset", Value::Long(entry.offset)),
        ("switch", Value::Union(branch, Box::new(switch))),
    ])
}

fn rule_value(document: &RuleDocumentRecord) -> Value {
    record(vec![
        ("id", text(&document.id)),
        ("version", Value::Int(document.version)),
        ("effective_at", time(document.effective_at)),
        ("body", text(&document.body)),
    ])
}

fn location_value(location: &Location) -> Value {
    record(vec![
        ("location", text(&location.location)),
        ("name", optional_text(location.name.as_ref())),
        ("name_zh", optional_text(location.name_zh.as_ref())),
        ("time_zone", optional_text(location.time_zone.as_ref())),
        ("region", optional_text(location.region.as_ref())),
        ("kind", optional_text(location.kind.as_ref())),
    ])
}

/// Our bytes are apache-avro's, its generic reader gives the value back, and so does our decoder.
fn agrees<'a, T: PartialEq + std::fmt::Debug>(
    schema: &avro::Schema,
    ours: &'a [u8],
    expected: &T,
    value: Value,
    decode: impl Fn(&'a [u8]) -> Result<T, DecodeError>,
) -> Result<(), TestCaseError> {
    let parsed = Schema::parse_str(schema.text).unwrap();
    let body = &ours[HEADER..];
    let reader = GenericDatumReader::builder(&parsed).build().unwrap();
    prop_assert_eq!(&reader.read_value(&mut &body[..]).unwrap(), &value);
    let writer = GenericDatumWriter::builder(&parsed).build().unwrap();
    prop_assert_eq!(writer.write_value_to_vec(value).unwrap(), body);
    let decoded = decode(ours);
    prop_assert_eq!(decoded.as_ref(), Ok(expected));
    for cut in 0..ours.len() {
        prop_assert!(decode(&ours[..cut]).is_err(), "cut at {}", cut);
    }
    Ok(())
}

fn encoded<T>(record: &T, encode: fn(&T, &mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode(record, &mut out);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn stream_records_agree(record in support::stream_record()) {
        let ours = encoded(&record, avro::encode_stream);
        agrees(&avro::EVENTS, &ours, &record, stream_value(&record), avro::decode_stream)?;
    }

    #[test]
    fn items_and_locations_agree(item in support::item(), location in support::location()) {
        let ours = encoded(&item, avro::encode_catalog_item);
        agrees(&avro::CATALOG_ITEM, &ours, &item, item_value(&item), avro::decode_catalog_item)?;
        let ours = encoded(&location, avro::encode_location);
        agrees(&avro::LOCATION, &ours, &location, location_value(&location), avro::decode_location)?;
    }

    #[test]
    fn actions_agree(action in support::action()) {
        let ours = encoded(&action, avro::encode_action);
        agrees(&avro::ACTION, &ours, &action, action_value(&action), avro::decode_action)?;
    }

    #[test]
    fn alerts_agree(alert in support::alert()) {
        let ours = encoded(&alert, avro::encode_alert);
        agrees(&avro::ALERT, &ours, &alert, alert_value(&alert), avro::decode_alert)?;
    }

    #[test]
    fn positions_agree(position in support::position()) {
        let ours = encoded(&position, avro::encode_position);
        agrees(&avro::POSITION, &ours, &position, position_value(&position), avro::decode_position)?;
    }

    #[test]
    fn notifications_agree(notification in support::notification(), attempt in support::delivery_attempt()) {
        let ours = encoded(&notification, avro::encode_notification);
        agrees(&avro::NOTIFICATION, &ours, &notification, notification_value(&notification), avro::decode_notification)?;
        let ours = encoded(&attempt, avro::encode_delivery_attempt);
        let value = delivery_attempt_value(&attempt);
        agrees(&avro::DELIVERY_ATTEMPT, &ours, &attempt, value, avro::decode_delivery_attempt)?;
    }

    #[test]
    fn runtime_records_agree(
        partial in support::aggregate(), entry in support::journal(), document in support::rule_document(),
    ) {
        let ours = encoded(&partial, avro::encode_aggregate);
        agrees(&avro::AGGREGATE, &ours, &partial, aggregate_value(&partial), avro::decode_aggregate)?;
        let ours = encoded(&entry, avro::encode_journal);
        agrees(&avro::JOURNAL, &ours, &entry, journal_value(&entry), avro::decode_journal)?;
        let ours = encoded(&document, avro::encode_rule_document);
        agrees(&avro::RULE_DOCUMENT, &ours, &document, rule_value(&document), avro::decode_rule_document)?;
    }
}

/// Every decoder, over the same body under its own schema.
fn decode_all(body: &[u8]) {
    let under = |schema: &avro::Schema| {
        let mut value = vec![0xc3, 1];
        value.extend_from_slice(&schema.fingerprint.to_le_bytes());
        value.extend_from_slice(body);
        value
    };
    let _ = avro::decode_stream(&under(&avro::EVENTS));
    let _ = avro::decode_catalog_item(&under(&avro::CATALOG_ITEM));
    let _ = avro::decode_location(&under(&avro::LOCATION));
    let _ = avro::decode_action(&under(&avro::ACTION));
    let _ = avro::decode_alert(&under(&avro::ALERT));
    let _ = avro::decode_position(&under(&avro::POSITION));
    let _ = avro::decode_aggregate(&under(&avro::AGGREGATE));
    let _ = avro::decode_journal(&under(&avro::JOURNAL));
    let _ = avro::decode_notification(&under(&avro::NOTIFICATION));
    let _ = avro::decode_delivery_attempt(&under(&avro::DELIVERY_ATTEMPT));
    let _ = avro::decode_rule_document(&under(&avro::RULE_DOCUMENT));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = (avro::decode_stream(&bytes), avro::decode_alert(&bytes));
        decode_all(&bytes);
    }

    #[test]
    fn no_damaged_value_panics(
        record in support::stream_record(), alert in support::alert(), at: prop::sample::Index, byte: u8,
    ) {
        for mut value in [encoded(&record, avro::encode_stream), encoded(&alert, avro::encode_alert)] {
            let at = at.index(value.len() - HEADER);
            value[HEADER + at] = byte;
            decode_all(&value[HEADER..]);
        }
    }
}

#[test]
fn values_from_outside_are_held_to_the_same_rules_as_lines() {
    let mut records = support::samples::stream_records();
    let StreamRecord::Event(event) = &mut records[0] else { panic!() };
    let refused = |event: &InventoryEvent<'_>| {
        let value = encoded(&StreamRecord::Event(event.clone()), avro::encode_stream);
        avro::decode_stream(&value).unwrap_err().class
    };
    let good = event.clone();
    event.sku = "".into();
    assert_eq!(refused(event), DecodeError::MISSING_FIELD);
    event.sku = "x".repeat(600).into();
    assert_eq!(refused(event), DecodeError::TOO_LONG);
    *event = good.clone();
    event.occurred_at = Timestamp::MAX;
    assert_eq!(refused(event), DecodeError::INVALID_TIME);
    *event = good.clone();
    for quantity in [Quantity::from_units(-1), Quantity::from_thousandths(i64::MIN)] {
        event.change = schemas::StockChange::BalanceObserved { on_hand: quantity };
        assert_eq!(refused(event), DecodeError::INVALID_QUANTITY);
    }
}
