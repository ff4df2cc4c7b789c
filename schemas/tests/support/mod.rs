//! Arbitrary records for the property tests of the codecs.

#![allow(dead_code, reason = "every test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "samples that cannot be built fail their test")]

pub(crate) mod samples;

use std::borrow::Cow;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use schemas::catalog::CatalogChange;
use schemas::stream::{
    Action, ActionKind, AggregatePartial, JournalEntry, RuleDocumentRecord, SourceSilence, StreamRecord, Switch,
    Watermark,
};
use schemas::{
    Alert, AlertKind, AlertState, CatalogItem, ChangeFields, ChangeKind, Day, DeliveryAttempt, DeliveryError,
    DeliveryStatus, Evidence, EvidenceValue, InventoryEvent, Location, Message, Mode, Money, Notification,
    NotificationAction, Position, Quantity, RuleRef, Severity, SourcePosition, StockChange, Timestamp,
};

/// Texts with everything that needs care in JSON and in UTF-8.
pub(crate) fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 _/|#\"\\\\\n\t\u{1}手机壳é😀.-]{1,24}"
}

pub(crate) fn cow() -> impl Strategy<Value = Cow<'static, str>> {
    text().prop_map(Cow::Owned)
}

pub(crate) fn time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        (Timestamp::EARLIEST.millis()..=Timestamp::LATEST.millis()),
        (1_700_000_000_i64..1_900_000_000).prop_map(|seconds| seconds * 1000),
    ]
    .prop_map(Timestamp::from_millis)
}

pub(crate) fn day() -> impl Strategy<Value = Day> {
    (-719_162..=2_932_896_i32).prop_map(Day)
}

/// A quantity of zero or more, as accepted from outside.
pub(crate) fn quantity() -> impl Strategy<Value = Quantity> {
    prop_oneof![(0..=Quantity::LIMIT.thousandths()), (0..1_000_000_i64), (0..1000_i64).prop_map(|n| n * 1000)]
        .prop_map(Quantity::from_thousandths)
}

pub(crate) fn money() -> impl Strategy<Value = Money> {
    prop_oneof![-Money::LIMIT.micros()..=Money::LIMIT.micros(), 0..100_000_000_i64].prop_map(Money::from_micros)
}

/// Any finite number.
pub(crate) fn number() -> impl Strategy<Value = f64> {
    prop_oneof![proptest::num::f64::NORMAL | proptest::num::f64::ZERO, (0..100_000_i32).prop_map(f64::from)]
}

fn change_fields() -> impl Strategy<Value = ChangeFields<'static>> {
    let required = (quantity(), cow(), cow(), cow(), quantity(), quantity());
    let optional = (option::of(cow()), option::of(cow()), option::of(cow()), option::of(cow()), option::of(cow()));
    let figures = (option::of(money()), option::of(time()), option::of(quantity()), option::of(day()));
    (required, optional, figures).prop_map(|(required, optional, figures)| {
        let (quantity, order_id, po_id, lot, counted, on_hand) = required;
        let (customer, supplier, reason, document, place) = optional;
        let (unit_price, expected_at, book, expires_on) = figures;
        ChangeFields {
            quantity: Some(quantity),
            order_id: Some(order_id),
            customer,
            unit_price,
            po_id: Some(po_id),
            supplier,
            expected_at,
            reason,
            document,
            book,
            counted: Some(counted),
            on_hand: Some(on_hand),
            lot: Some(lot),
            expires_on,
            from: place.clone(),
            to: place,
        }
    })
}

pub(crate) fn change() -> impl Strategy<Value = StockChange<'static>> {
    (change_fields(), 0..ChangeKind::ALL.len(), any::<bool>()).prop_map(|(mut fields, kind, thin)| {
        let kind = ChangeKind::ALL[kind];
        if thin {
            thin_out(&mut fields, kind);
        }
        if kind == ChangeKind::Adjusted && thin {
            fields.quantity = fields.quantity.map(|q| -q);
        }
        fields.build(kind).unwrap()
    })
}

/// Leaves only what the type cannot do without.
fn thin_out(fields: &mut ChangeFields<'_>, kind: ChangeKind) {
    use ChangeKind::{OrderCancelled, Ordered, Released, Reserved};
    fields.order_id = fields.order_id.take().filter(|_| matches!(kind, Reserved | Released));
    fields.po_id = fields.po_id.take().filter(|_| matches!(kind, Ordered | OrderCancelled));
    fields.quantity = fields.quantity.filter(|_| kind != OrderCancelled);
    (fields.book, fields.unit_price, fields.expires_on) = (None, None, None);
}

pub(crate) fn source() -> impl Strategy<Value = SourcePosition<'static>> {
    (cow(), any::<i32>(), cow(), time()).prop_map(|(source, partition, position, time)| SourcePosition {
        source,
        partition,
        position,
        time,
    })
}

pub(crate) fn event() -> impl Strategy<Value = InventoryEvent<'static>> {
    (cow(), cow(), cow(), time(), option::of(source()), change()).prop_map(
        |(event_id, sku, location, occurred_at, source, change)| InventoryEvent {
            event_id,
            sku,
            location,
            occurred_at,
            source,
            change,
        },
    )
}

fn optional_text() -> impl Strategy<Value = Option<String>> {
    option::of(text())
}

pub(crate) fn item() -> impl Strategy<Value = CatalogItem> {
    let texts = (optional_text(), optional_text(), optional_text(), optional_text(), optional_text());
    let prices = (option::of(money()), option::of(money()), option::of(number().prop_map(f64::abs)));
    let sizes = (option::of(quantity()), option::of(quantity()), option::of(0..65_536_i32));
    (text(), texts, prices, sizes, vec(text(), 0..4)).prop_map(|(sku, texts, prices, sizes, tags)| CatalogItem {
        sku,
        name: texts.0,
        name_zh: texts.1,
        category: texts.2,
        supplier: texts.3,
        superseded_by: texts.4,
        unit_cost: prices.0,
        unit_price: prices.1,
        lead_time_days: prices.2,
        pack_size: sizes.0,
        minimum_order_quantity: sizes.1,
        shelf_life_days: sizes.2,
        tags,
    })
}

pub(crate) fn location() -> impl Strategy<Value = Location> {
    (text(), optional_text(), optional_text(), optional_text(), optional_text(), optional_text()).prop_map(
        |(location, name, name_zh, time_zone, region, kind)| Location {
            location,
            name,
            name_zh,
            time_zone,
            region,
            kind,
        },
    )
}

pub(crate) fn action() -> impl Strategy<Value = Action> {
    let answer = (text(), text(), 0..ActionKind::ALL.len(), text(), time());
    (answer, optional_text(), optional_text(), optional_text(), optional_text()).prop_map(
        |((action_id, alert_id, kind, actor, occurred_at), sku, location, scope, note)| Action {
            action_id,
            alert_id,
            kind: ActionKind::ALL[kind],
            actor,
            occurred_at,
            sku,
            location,
            scope,
            note,
        },
    )
}

pub(crate) fn stream_record() -> impl Strategy<Value = StreamRecord<'static>> {
    let watermark = (text(), any::<i32>(), time(), any::<i64>(), vec(any::<i32>(), 0..5));
    let silence = (text(), any::<i32>(), option::of(time()), time());
    prop_oneof![
        4 => event().prop_map(StreamRecord::Event),
        1 => (text(), option::of(item()))
            .prop_map(|(sku, item)| StreamRecord::Catalog(CatalogChange { sku, item })),
        1 => action().prop_map(StreamRecord::Action),
        1 => watermark.prop_map(|(source, source_partition, event_time, grace_ms, partitions)| {
            StreamRecord::Watermark(Watermark { source, source_partition, event_time, grace_ms, partitions })
        }),
        1 => silence.prop_map(|(source, source_partition, last_event_time, observed_at)| {
            StreamRecord::Silence(SourceSilence { source, source_partition, last_event_time, observed_at })
        }),
    ]
}

fn uuid() -> impl Strategy<Value = uuid::Uuid> {
    any::<u128>().prop_map(uuid::Uuid::from_u128)
}

fn evidence() -> impl Strategy<Value = Evidence> {
    let value = prop_oneof![
        any::<i64>().prop_map(EvidenceValue::Integer),
        number().prop_map(EvidenceValue::Number),
        text().prop_map(EvidenceValue::Text),
        any::<bool>().prop_map(EvidenceValue::Flag),
    ];
    vec((text(), value), 0..6).prop_map(Evidence)
}

pub(crate) fn alert() -> impl Strategy<Value = Alert> {
    let ids = (uuid(), any::<u32>(), uuid());
    let names = (0..AlertKind::ALL.len(), 0..AlertState::ALL.len(), 0..Severity::ALL.len(), any::<bool>());
    let about = (optional_text(), optional_text(), optional_text());
    let rule = (text(), any::<i32>(), text());
    (ids, names, about, (time(), time(), time()), rule, evidence(), (text(), text())).prop_map(
        |(ids, names, about, times, rule, evidence, message)| Alert {
            alert_id: ids.0,
            revision: ids.1,
            episode_id: ids.2,
            kind: AlertKind::ALL[names.0],
            state: AlertState::ALL[names.1],
            severity: Severity::ALL[names.2],
            mode: if names.3 { Mode::Shadow } else { Mode::Active },
            sku: about.0,
            location: about.1,
            scope: about.2,
            occurred_at: times.0,
            detected_at: times.1,
            opened_at: times.2,
            rule: RuleRef { document: rule.0, version: rule.1, rule: rule.2 },
            evidence,
            message: Message { en: message.0, zh_cn: message.1 },
        },
    )
}

pub(crate) fn position() -> impl Strategy<Value = Position<'static>> {
    let any_quantity = || any::<i64>().prop_map(Quantity::from_thousandths);
    let stock =
        (option::of(any_quantity()), any_quantity(), option::of(any_quantity()), any_quantity(), any_quantity());
    let figures = (option::of(number()), option::of(number()), option::of(number()), option::of(number()));
    let sales = (number(), any::<i32>(), number());
    let rest = (optional_text(), any::<bool>(), vec(uuid(), 0..3), optional_text(), optional_text());
    ((text(), text(), time()), stock, figures, sales, rest).prop_map(|(key, stock, figures, sales, rest)| Position {
        sku: key.0.into(),
        location: key.1.into(),
        at: key.2,
        on_hand: stock.0,
        reserved: stock.1,
        available: stock.2,
        on_order: stock.3,
        sold_7d: stock.4,
        reorder_point: figures.0,
        safety_stock: figures.1,
        order_quantity: figures.2,
        days_of_cover: figures.3,
        velocity_per_day: sales.0,
        idle_days: sales.1,
        no_sale_probability_30d: sales.2,
        threshold_method: rest.0.map(Into::into),
        suspect: rest.1,
        open_alerts: rest.2,
        abc: rest.3.map(Into::into),
        xyz: rest.4.map(Into::into),
    })
}

pub(crate) fn aggregate() -> impl Strategy<Value = AggregatePartial> {
    (text(), text(), any::<i64>(), any::<i64>(), any::<i32>(), vec(any::<i64>(), 0..20)).prop_map(
        |(scope, id, epoch, closed_through, partition, sums)| AggregatePartial {
            scope,
            id,
            epoch,
            closed_through,
            partition,
            sums,
        },
    )
}

pub(crate) fn journal() -> impl Strategy<Value = JournalEntry> {
    let switch = prop_oneof![
        any::<(i64, i64)>().prop_map(|(entering, applied_through)| Switch::Epoch { entering, applied_through }),
        (text(), any::<(i64, i64)>()).prop_map(|(topic, (first_offset, last_offset))| Switch::Broadcast {
            topic,
            first_offset,
            last_offset,
        }),
    ];
    (any::<i32>(), any::<i64>(), switch).prop_map(|(partition, offset, switch)| JournalEntry {
        partition,
        offset,
        switch,
    })
}

pub(crate) fn rule_document() -> impl Strategy<Value = RuleDocumentRecord> {
    (text(), any::<i32>(), time(), text()).prop_map(|(id, version, effective_at, body)| RuleDocumentRecord {
        id,
        version,
        effective_at,
        body,
    })
}

pub(crate) fn notification() -> impl Strategy<Value = Notification> {
    let numbers = (any::<bool>(), any::<i32>(), any::<i32>());
    ((uuid(), uuid()), numbers, (text(), text(), text()), time(), alert()).prop_map(
        |(ids, (send, step, round), (route, recipient, channel), alerted_at, alert)| Notification {
            attempt_id: ids.0,
            notification_id: ids.1,
            action: if send { NotificationAction::Send } else { NotificationAction::Withdraw },
            route,
            step,
            round,
            recipient,
            channel,
            alerted_at,
            alert,
        },
    )
}

pub(crate) fn delivery_attempt() -> impl Strategy<Value = DeliveryAttempt> {
    let numbers = (any::<u32>(), any::<i32>(), any::<i32>(), any::<i32>());
    let texts = (text(), text(), text(), text());
    let times = (time(), time(), option::of(time()), option::of(time()));
    let names = (0..DeliveryStatus::ALL.len(), 0..DeliveryError::ALL.len());
    let rest = (option::of(any::<i32>()), optional_text(), optional_text());
    ((uuid(), uuid(), uuid()), numbers, texts, times, names, rest).prop_map(
        |(ids, (revision, step, round, tries), texts, times, names, rest)| DeliveryAttempt {
            attempt_id: ids.0,
            notification_id: ids.1,
            alert_id: ids.2,
            revision,
            route: texts.0,
            step,
            round,
            recipient: texts.1,
            channel: texts.2,
            channel_type: texts.3,
            status: DeliveryStatus::ALL[names.0],
            tries,
            changed_at: times.0,
            planned_at: times.1,
            claimed_at: times.2,
            next_attempt_at: times.3,
            error: DeliveryError::ALL[names.1],
            http_status: rest.0,
            provider_ref: rest.1,
            detail: rest.2,
        },
    )
}
