//! Fixed records: what the golden bytes stand for. Never change one; add new ones at the end.

use schemas::canonical::{decode_catalog_item, decode_event, decode_location};
use schemas::catalog::CatalogChange;
use schemas::stream::{
    Action, ActionKind, AggregatePartial, JournalEntry, RuleDocumentRecord, SourceSilence, StreamRecord, Switch,
    Watermark,
};
use schemas::{
    Alert, AlertKind, AlertState, CatalogItem, DeliveryAttempt, DeliveryError, DeliveryStatus, Evidence, EvidenceValue,
    Location, Message, Mode, Notification, NotificationAction, Position, Quantity, RuleRef, Severity, Timestamp,
};

const EVENTS: &[&str] = &[
    r#"{"event_id":"e1","sku":"SKU-1","location":"STORE-7","occurred_at":"2026-11-22T05:54:00.123Z","source":{"name":"wms","partition":3,"position":"0/16B3748","time":"2026-11-22T05:54:01Z"},"change":{"type":"sold","quantity":2,"order_id":"A-1","customer":"C-9","unit_price":"12.50"}}"#,
    r#"{"event_id":"e2","sku":"手机壳","location":"上海","occurred_at":"1969-12-31T23:59:59Z","change":{"type":"sale_cancelled","quantity":0.5,"order_id":"A-1"}}"#,
    r#"{"event_id":"e3","sku":"S","location":"L","occurred_at":"2026-01-01T00:00:00Z","change":{"type":"returned","quantity":1}}"#,
    r#"{"event_id":"e4","sku":"S","location":"L","occurred_at":"2026-01-01T00:00:00Z","change":{"type":"received","quantity":1,"po_id":"P","supplier":"V"}}"#,
    r#"{"event_id":"e5","sku":"S","location":"L","occurred_at":"2026-01-01T00:00:00Z","change":{"type":"transferred_in","quantity":1,"from":"W","document":"D"}}"#,
    r#"{"event_id":"e6","sku":"S","location":"L","occurred_at":"2026-01-01T00:00:00Z","change":{"type":"transferred_out","quantity":1,"to":"W","document":"D"}}"#,
    r#"{"event_id":"e7","sku":"S","location":"L","occurred_at":"2026-01-01T00:00:00Z","change":{"type":"adjusted","quantity":-2.125,"reason":"damaged","document":"D"}}"#,
    r#"{"event_id":"e8","sku":"S","location":"L","occurred_at":"2026-01-01T00:00:00Z","change":{"type":"counted","counted":7,"book":9,"document":"D"}}"#,
    r#"{"event_id":"e9","sku":"S","location":"L","occurred_at":"2026-01-01T00:00:00Z","change":{"type":"scrapped","quantity":1,"reason":"expired"}}"#,
    r#"{"event_id":"e10","sku":"S","location":"L","occurred_at":"2026-01-01T00:00:00Z","change":{"type":"reserved","quantity":1,"order_id":"A"}}"#,
    r#"{"event_id":"e11","sku":"S","location":"L","occurred_at":"2026-01-01T00:00:00Z","change":{"type":"released","quantity":1,"order_id":"A"}}"#,
    r#"{"event_id":"e12","sku":"S","location":"L","occurred_at":"2026-01-01T00:00:00Z","change":{"type":"ordered","quantity":1000000000000,"po_id":"P","supplier":"V","expected_at":"2026-02-01"}}"#,
    r#"{"event_id":"e13","sku":"S","location":"L","occurred_at":"2026-01-01T00:00:00Z","change":{"type":"order_cancelled","po_id":"P"}}"#,
    r#"{"event_id":"e14","sku":"S","location":"L","occurred_at":"2026-01-01T00:00:00Z","change":{"type":"balance_observed","on_hand":0}}"#,
    r#"{"event_id":"e15","sku":"S","location":"L","occurred_at":"2026-01-01T00:00:00Z","change":{"type":"lot_received","quantity":1,"lot":"B-7","expires_on":"2026-03-01","po_id":"P","supplier":"V"}}"#,
];

const ITEM: &str = r#"{"sku":"SKU-1","name":"Phone case","name_zh":"手机壳","category":"phones/cases","supplier":"V","unit_cost":"3.2","unit_price":"12.5","lead_time_days":7.5,"pack_size":12,"minimum_order_quantity":24,"shelf_life_days":365,"tags":["scored","new"],"superseded_by":"SKU-2"}"#;
const PLACE: &str = r#"{"location":"STORE-7","name":"Nanjing Road","name_zh":"南京路","time_zone":"Asia/Shanghai","region":"east","kind":"store"}"#;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub(crate) fn stream_records() -> Vec<StreamRecord<'static>> {
    let mut records: Vec<_> =
        EVENTS.iter().map(|line| StreamRecord::Event(decode_event(line.as_bytes()).unwrap())).collect();
    let sku = "SKU-1".to_owned();
    records.push(StreamRecord::Catalog(CatalogChange { sku: sku.clone(), item: items().pop() }));
    records.push(StreamRecord::Catalog(CatalogChange { sku, item: None }));
    records.extend(actions().into_iter().map(StreamRecord::Action));
    records.push(StreamRecord::Watermark(Watermark {
        source: "wms".to_owned(),
        source_partition: 3,
        event_time: at("2026-11-22T06:00:00Z"),
        grace_ms: 600_000,
        partitions: vec![0, 1, 2, 3],
    }));
    records.push(StreamRecord::Silence(SourceSilence {
        source: "wms".to_owned(),
        source_partition: 2,
        last_event_time: None,
        observed_at: at("2026-11-22T06:00:00Z"),
    }));
    records
}

pub(crate) fn actions() -> Vec<Action> {
    vec![Action {
        action_id: "a1".to_owned(),
        alert_id: "0b7f".to_owned(),
        kind: ActionKind::Acknowledge,
        actor: "wang".to_owned(),
        occurred_at: at("2026-11-22T06:00:00Z"),
        sku: Some("SKU-1".to_owned()),
        location: Some("STORE-7".to_owned()),
        scope: None,
        note: Some("已下单".to_owned()),
    }]
}

pub(crate) fn items() -> Vec<CatalogItem> {
    vec![decode_catalog_item(br#"{"sku":"S"}"#).unwrap(), decode_catalog_item(ITEM.as_bytes()).unwrap()]
}

pub(crate) fn locations() -> Vec<Location> {
    vec![decode_location(br#"{"location":"L"}"#).unwrap(), decode_location(PLACE.as_bytes()).unwrap()]
}

pub(crate) fn alerts() -> Vec<Alert> {
    vec![Alert {
        alert_id: uuid::Uuid::from_u128(0x0123_4567_89ab_5def_8123_4567_89ab_cdef),
        revision: 2,
        episode_id: uuid::Uuid::from_u128(1),
        kind: AlertKind::StockOut,
        state: AlertState::Updated,
        severity: Severity::Critical,
        mode: Mode::Active,
        sku: Some("SKU-1".to_owned()),
        location: Some("STORE-7".to_owned()),
        scope: None,
        occurred_at: at("2026-11-22T05:54:00Z"),
        detected_at: at("2026-11-22T05:55:00Z"),
        opened_at: at("2026-11-22T05:50:00Z"),
        rule: RuleRef { document: "evaluation".to_owned(), version: 1, rule: "empty".to_owned() },
        evidence: Evidence(vec![
            ("on_hand".to_owned(), EvidenceValue::Number(0.0)),
            ("velocity_per_day".to_owned(), EvidenceValue::Number(3.25)),
            ("open_orders".to_owned(), EvidenceValue::Integer(2)),
            ("method".to_owned(), EvidenceValue::Text("dynamic".to_owned())),
            ("suspect".to_owned(), EvidenceValue::Flag(false)),
        ]),
        message: Message { en: "Phone case is sold out.".to_owned(), zh_cn: "手机壳已售罄。".to_owned() },
    }]
}

pub(crate) fn positions() -> Vec<Position<'static>> {
    let known = Position {
        sku: "SKU-1".into(),
        location: "STORE-7".into(),
        at: at("2026-11-22T00:00:00Z"),
        on_hand: Some(Quantity::from_thousandths(12_500)),
        reserved: Quantity::from_units(2),
        available: Some(Quantity::from_thousandths(10_500)),
        on_order: Quantity::from_units(24),
        velocity_per_day: 3.25,
        sold_7d: Quantity::from_units(22),
        reorder_point: Some(36.0),
        safety_stock: Some(9.5),
        order_quantity: Some(48.0),
        days_of_cover: Some(12.5 / 3.25),
        idle_days: 0,
        no_sale_probability_30d: 1e-9,
        threshold_method: Some("dynamic".into()),
        suspect: false,
        open_alerts: vec![uuid::Uuid::from_u128(7)],
        abc: None,
        xyz: None,
    };
    let unknown = Position {
        on_hand: None,
        available: None,
        reorder_point: None,
        safety_stock: None,
        order_quantity: None,
        days_of_cover: None,
        threshold_method: None,
        suspect: true,
        open_alerts: Vec::new(),
        ..known.clone()
    };
    // Version 1 has the first two.
    let classed = Position { abc: Some("A".into()), xyz: Some("Z".into()), ..known.clone() };
    vec![known, unknown, classed]
}

pub(crate) fn aggregates() -> Vec<AggregatePartial> {
    vec![AggregatePartial {
        scope: "site".to_owned(),
        id: "all".to_owned(),
        epoch: 1_994_806,
        closed_through: 1_994_809,
        partition: 5,
        sums: vec![17, 0, -3, i64::MAX],
    }]
}

pub(crate) fn journal_entries() -> Vec<JournalEntry> {
    let epoch = Switch::Epoch { entering: 1_994_808, applied_through: 1_994_803 };
    let broadcast = Switch::Broadcast { topic: "inventory.rules".to_owned(), first_offset: 3, last_offset: 70 };
    [epoch, broadcast].into_iter().map(|switch| JournalEntry { partition: 5, offset: 77, switch }).collect()
}

pub(crate) fn rule_documents() -> Vec<RuleDocumentRecord> {
    vec![RuleDocumentRecord {
        id: "evaluation".to_owned(),
        version: 1,
        effective_at: at("2026-11-22T00:00:00Z"),
        body: "version: 1\nid: evaluation\nrules: []\n".to_owned(),
    }]
}

pub(crate) fn notifications() -> Vec<Notification> {
    let send = Notification {
        attempt_id: uuid::Uuid::from_u128(11),
        notification_id: uuid::Uuid::from_u128(12),
        action: NotificationAction::Send,
        route: "urgent".to_owned(),
        step: 0,
        round: 0,
        recipient: "ops".to_owned(),
        channel: "ops".to_owned(),
        alerted_at: at("2026-11-22T05:55:00.250Z"),
        alert: alerts().remove(0),
    };
    let withdraw = Notification { action: NotificationAction::Withdraw, route: String::new(), ..send.clone() };
    vec![send, withdraw]
}

pub(crate) fn delivery_attempts() -> Vec<DeliveryAttempt> {
    let waiting = DeliveryAttempt {
        attempt_id: uuid::Uuid::from_u128(11),
        notification_id: uuid::Uuid::from_u128(12),
        alert_id: uuid::Uuid::from_u128(13),
        revision: 2,
        route: "urgent".to_owned(),
        step: 0,
        round: 0,
        recipient: "ops".to_owned(),
        channel: "ops".to_owned(),
        channel_type: "webhook".to_owned(),
        status: DeliveryStatus::FailedTemporary,
        tries: 3,
        changed_at: at("2026-11-22T05:55:02Z"),
        planned_at: at("2026-11-22T05:55:00Z"),
        claimed_at: Some(at("2026-11-22T05:55:01Z")),
        next_attempt_at: Some(at("2026-11-22T05:56:00Z")),
        error: DeliveryError::Throttled,
        http_status: Some(429),
        provider_ref: Some("r-1".to_owned()),
        detail: Some("慢一点".to_owned()),
    };
    let planned = DeliveryAttempt {
        status: DeliveryStatus::Planned,
        tries: 0,
        claimed_at: None,
        next_attempt_at: None,
        error: DeliveryError::None,
        http_status: None,
        provider_ref: None,
        detail: None,
        ..waiting.clone()
    };
    vec![waiting, planned]
}
