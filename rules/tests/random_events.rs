//! Whatever happens to a key, in whatever order: figures stay finite, timers move on, alert ids never
//! repeat, and a state read back from its row goes on exactly as the one it was written from.

// A test may stop where it stands.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use proptest::prelude::*;
use rules::decide::{self, Applied, Key};
use rules::environment::{Environment, Moment};
use rules::item::Item;
use rules::place::Place;
use rules::ruleset::{RuleBook, parse};
use rules::site::{EPOCH_MS, SiteLevel, SiteSums};
use rules::state::KeyState;
use schemas::time::MINUTE_MS;
use schemas::{Alert, CatalogItem, EvidenceValue, InventoryEvent, Quantity, StockChange, Timestamp};

const KEY: Key<'static> = Key { sku: "A", location: "S" };

const RULES: &str = "
version: 1
id: all
rules:
  - { id: reorder, kind: low_stock, threshold: { type: dynamic, service_level: 0.95 } }
  - { id: trial, kind: low_stock, mode: shadow, minimum_duration_minutes: 90, threshold: { type: forecast, quantile: 0.9 } }
  - { id: empty, kind: stock_out }
  - { id: slow, kind: slow_mover, no_sale_probability: 0.5, maximum_days_of_cover: 20, minimum_age_days: 3 }
  - { id: losses, kind: shrinkage, false_alarms_per_1000_counts: 200, false_alarms_per_1000_sku_days: 40 }
  - { id: expiry, kind: expiry_risk, warning_days: 30 }
  - { id: outbound, kind: abnormal_outbound, false_alarms_per_1000_lines: 900, minimum_quantity: 0.5, resolve_after_hours: 30 }
  - { id: theft, kind: abnormal_outbound, mode: shadow, false_alarms_per_1000_lines: 300, minimum_quantity: 20 }
  - { id: surge, kind: demand_surge, false_alarms_per_1000_sku_days: 40, cool_down_hours: 6 }
";

fn change(kind: u8, units: i64) -> StockChange<'static> {
    let quantity = Quantity::from_thousandths(units * 500);
    let id = ["1", "2", "3"][units as usize % 3];
    match kind {
        0..=8 => StockChange::Sold { quantity, order_id: Some(id.into()), customer: None, unit_price: None },
        9 => StockChange::Sold { quantity, order_id: None, customer: None, unit_price: None },
        10 => StockChange::SaleCancelled { quantity, order_id: Some(id.into()), customer: None, unit_price: None },
        11 => StockChange::Received { quantity, po_id: Some(id.into()), supplier: None },
        12 => StockChange::Ordered { quantity, po_id: id.into(), supplier: None, expected_at: None },
        13 => StockChange::Reserved { quantity, order_id: id.into() },
        14 => StockChange::BalanceObserved { on_hand: quantity },
        15 => StockChange::Adjusted { quantity: -quantity, reason: None, document: None },
        16 => StockChange::Adjusted { quantity, reason: Some(id.into()), document: Some(id.into()) },
        17 => StockChange::Scrapped { quantity, reason: Some(id.into()), document: None },
        18 => StockChange::TransferredOut { quantity, to: None, document: (units % 2 == 0).then(|| id.into()) },
        19 => StockChange::LotReceived {
            quantity,
            lot: id.into(),
            expires_on: Some(schemas::Day(20_700 + units as i32)),
            po_id: None,
            supplier: None,
        },
        _ => StockChange::Counted {
            counted: quantity,
            book: (units % 2 == 0).then_some(quantity + quantity),
            document: None,
        },
    }
}

#[derive(Clone)]
struct World {
    state: KeyState,
    site: SiteLevel,
    sums: SiteSums,
    epoch: i64,
    out: Vec<Alert>,
}

impl World {
    fn act(&mut self, rules: &RuleBook, item: &Item, now: Timestamp, event: Option<&InventoryEvent<'_>>) -> Applied {
        let place = Place::unknown(KEY.location);
        let Self { state, site, sums, out, .. } = self;
        let moment = |now| Moment { stream_time: now, closed_before: now };
        let mut env = Environment { rules, item, place: &place, site, now: moment(now) };
        while let Some(due) = state.next_due().filter(|due| *due <= now) {
            env.now = moment(due);
            decide::on_timer(&env, KEY, state, due, sums, out);
            assert!(state.next_due() > Some(due), "timers move on");
        }
        env.now = moment(now);
        let applied = event.map_or(Applied::Ok, |event| decide::apply(&env, KEY, state, event, sums, out));
        let epoch = now.millis() / EPOCH_MS;
        if epoch > self.epoch {
            site.apply_epoch(self.epoch, &sums.take());
            self.epoch = epoch;
        }
        applied
    }

    fn read_back(&self) -> Self {
        let mut row = Vec::new();
        self.state.encode(&mut row);
        Self { state: KeyState::decode(&row).unwrap(), ..self.clone() }
    }
}

fn check_figures(world: &World, item: &Item, at: Timestamp) {
    let p = decide::snapshot(KEY, &world.state, item, at);
    let figures = [Some(p.velocity_per_day), p.reorder_point, p.safety_stock, p.order_quantity, p.days_of_cover];
    for figure in figures.into_iter().flatten().chain([p.no_sale_probability_30d]) {
        assert!(figure.is_finite() && figure >= 0.0, "{p:?}");
    }
    for (name, value) in world.out.iter().flat_map(|alert| &alert.evidence.0) {
        assert!(!matches!(value, EvidenceValue::Number(v) if !v.is_finite()), "{name} is {value:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn a_key_keeps_its_promises(
        steps in proptest::collection::vec((0_u8..21, 0_i64..60, -300_i64..2000), 1..250),
        lead_time_days in proptest::option::of(0.0_f64..40.0),
    ) {
        let rules = RuleBook::from_documents(&[parse("all.yaml", RULES).unwrap()]);
        let item = Item::from_catalog(&CatalogItem { sku: KEY.sku.to_owned(), lead_time_days, ..CatalogItem::default() });
        let mut stream_time = Timestamp::from_millis(1_790_000_000_000);
        let state = KeyState::first_seen(stream_time, &schemas::Zone::UTC);
        let epoch = stream_time.millis() / EPOCH_MS;
        let mut world = World { state, site: SiteLevel::default(), sums: SiteSums::default(), epoch, out: Vec::new() };
        let mut twin = world.read_back();
        for (n, (kind, units, minutes)) in steps.into_iter().enumerate() {
            let at = stream_time.plus_ms(minutes * MINUTE_MS);
            let event = InventoryEvent {
                event_id: n.to_string().into(),
                sku: KEY.sku.into(),
                location: KEY.location.into(),
                occurred_at: at,
                source: None,
                change: change(kind, units),
            };
            stream_time = stream_time.max(at);
            let applied = world.act(&rules, &item, stream_time, Some(&event));
            prop_assert_eq!(applied == Applied::Late, at < stream_time);
            prop_assert_eq!(world.act(&rules, &item, stream_time, Some(&event)), Applied::Duplicate);
            twin.act(&rules, &item, stream_time, Some(&event));
            twin = twin.read_back();
            check_figures(&world, &item, stream_time);
        }
        world.act(&rules, &item, stream_time.plus_ms(40 * 24 * 60 * MINUTE_MS), None);
        twin.act(&rules, &item, stream_time.plus_ms(40 * 24 * 60 * MINUTE_MS), None);
        prop_assert_eq!(&world.out, &twin.out);
        let ids: BTreeSet<_> = world.out.iter().map(|a| (a.alert_id, a.revision)).collect();
        prop_assert_eq!(ids.len(), world.out.len());
    }
}
