use proptest::prelude::*;
use schemas::time::{DAY_MS, HOUR_MS};
use schemas::{Mode, StockChange, Timestamp};

use super::*;
use crate::class::{Abc, Class, Xyz};
use crate::decide::{self, Key};
use crate::environment::{Environment, Moment};
use crate::golden;
use crate::item::Item;
use crate::outbound::{Line, Noted, Surprise, Unexplained};
use crate::ruleset::{RuleBook, parse};
use crate::site::SiteSums;
use crate::threshold::{Figures, LeadTime, TrialDay};

fn at(day: i64, minute: i64) -> Timestamp {
    Timestamp::from_millis((20_000 + day) * DAY_MS + minute * 60_000)
}

fn event<'a>(id: &'a str, at: Timestamp, change: StockChange<'a>) -> InventoryEvent<'a> {
    InventoryEvent {
        event_id: id.into(),
        sku: "SKU-1".into(),
        location: "STORE-7".into(),
        occurred_at: at,
        source: None,
        change,
    }
}

fn sold(units: i64, order: &str) -> StockChange<'_> {
    StockChange::Sold {
        quantity: Quantity::from_units(units),
        order_id: Some(order.into()),
        customer: None,
        unit_price: None,
    }
}

fn row(state: &KeyState) -> Vec<u8> {
    let mut row = Vec::new();
    state.encode(&mut row);
    row
}

/// A key with so many lines on every `every`-th day, over 200 days, in the middle of a day.
fn key(lines: i64, every: i64) -> KeyState {
    let (place, site) = (Place::unknown("STORE-7"), SiteLevel::default());
    let mut state = KeyState::first_seen(at(0, 0), &place.zone);
    state.fold(&event("b", at(0, 0), StockChange::BalanceObserved { on_hand: Quantity::from_units(250) }), &place);
    for day in 0..200 {
        for line in 0..if day % every == 0 { lines } else { 0 } {
            let (when, id) = (at(day, 480 + line * 5), format!("{day}/{line}"));
            state.recent.seen_or_insert(&id);
            state.fold(&event(&id, when, sold(1 + line % 3, &id)), &place);
        }
        if day < 199 {
            state.close_day(&place, &site, false);
        }
    }
    state
}

/// A key that has some of everything a row can hold, an open alert and one that waits included.
fn full_key() -> KeyState {
    let text = "{version: 1, id: d, rules: [
        {id: low, kind: low_stock, threshold: {type: fixed, quantity: 900}},
        {id: long, kind: low_stock, mode: shadow, minimum_duration_minutes: 60, threshold: {type: fixed, quantity: 900}}]}";
    let rules = RuleBook::from_documents(&[parse("d", text).unwrap()]);
    let (item, place, site) = (Item::unknown("SKU-1"), Place::unknown("STORE-7"), SiteLevel::default());
    let (mut state, quantity) = (key(2, 3), Quantity::from_units(5));
    let order = |po_id: &'static str| StockChange::Ordered {
        quantity,
        po_id: po_id.into(),
        supplier: None,
        expected_at: Some(at(205, 0)),
    };
    let received =
        StockChange::Received { quantity: Quantity::from_units(2), po_id: Some("po".into()), supplier: None };
    let lot = StockChange::LotReceived {
        quantity,
        lot: "L".into(),
        expires_on: Some(schemas::Day(20_300)),
        po_id: None,
        supplier: None,
    };
    let reserved = StockChange::Reserved { quantity, order_id: "r".into() };
    let changes = [order("po"), order("po-2"), received, lot, reserved, sold(1, "ahead")];
    for (n, change) in changes.into_iter().enumerate() {
        let when = if n == 5 { at(201, 9) } else { at(199, 900 + n as i64) };
        let now = Moment { stream_time: at(199, 910), closed_before: at(199, 900) };
        let env = Environment { rules: &rules, item: &item, place: &place, site: &site, now };
        let key = Key { sku: "SKU-1", location: "STORE-7" };
        decide::apply(
            &env,
            key,
            &mut state,
            &event(&n.to_string(), when, change),
            &mut SiteSums::default(),
            &mut vec![],
        );
    }
    state.surge.set(Some(at(199, 960)));
    let lead_time = Some(LeadTime { mean_days: 9.0, sd_days: 2.0, skew: 1.5 });
    let figures =
        Figures { velocity: 2.0, velocity_sd: 3.0, observed_days: 90.0, lead_time, weight: 1.25, calibration: 0.5 };
    let mut trial = Trial::new(&figures, 20.0);
    trial.close_day(&TrialDay { demand: 40.0, reorder_point: 20.0, phase: 0.25, follow: true }, &figures);
    assert!(trial.is_followed());
    state.trial = Some(Box::new(trial));
    take_stock_out(&mut state);
    state
}

/// A usual transfer, and scrap that nothing explains.
fn take_stock_out(state: &mut KeyState) {
    let quantity = Quantity::from_units(40);
    let transfer = StockChange::TransferredOut { quantity, to: None, document: Some("T-1".into()) };
    let scrap = StockChange::Scrapped { quantity, reason: Some("lost".into()), document: None };
    let (transfer, scrap) = (Line::of(&transfer).unwrap(), Line::of(&scrap).unwrap());
    let surprise = Surprise { kind: 0.02, document: Some(0.01), size: 0.05, hour: 0.5, reason: Some(0.1) };
    let outbound = state.outbound_mut();
    outbound.note(&transfer, 12.0);
    outbound.close_day(at(199, 0));
    outbound.note(&scrap, 2.5);
    let noted = Noted { line: scrap, at: at(199, 925), now: at(199, 930) };
    outbound.add_unexplained(Mode::Active, Unexplained::new(&noted, 2.5, surprise), DAY_MS);
}

/// What a row may take, in bytes, by kind of key. Memory, changelog and store follow from it: a detector
/// that needs more of every key needs a decision first (docs/adr/0015).
const ROW_BUDGETS: [(&str, usize); 4] = [("fresh", 24), ("idle", 64), ("slow", 80), ("busy", 900)];
/// What a decoded key may take beside its lists.
const STATE_BUDGET: usize = 368;

#[test]
#[allow(clippy::print_stdout, reason = "`--nocapture` shows the sizes")]
fn rows_and_states_keep_their_budgets() {
    // Never moved; no sale in 200 days; one line every 17 days; 60 lines a day.
    let keys = [KeyState::first_seen(at(0, 540), &Zone::UTC), key(0, 1), key(1, 17), key(60, 1)];
    for ((name, budget), key) in ROW_BUDGETS.into_iter().zip(&keys) {
        let bytes = row(key).len();
        println!("row of a {name} key: {bytes} bytes");
        assert!(bytes <= budget, "the row of a {name} key takes {bytes} bytes, its budget is {budget}");
    }
    println!("KeyState: {} bytes", size_of::<KeyState>());
    assert!(size_of::<KeyState>() <= STATE_BUDGET);
}

#[test]
fn golden_rows_of_every_version_are_read() {
    let fresh = KeyState::first_seen(at(0, 0), &Zone::UTC);
    let full = full_key();
    assert_eq!(full.episodes.slots().len(), 2);
    for (name, state) in [("position_fresh", fresh), ("position_slow", key(2, 3)), ("position_full", full)] {
        let now = row(&state);
        golden::check(name, ROW_VERSION, &now, |version, past| {
            let mut read = KeyState::decode(past).unwrap();
            if version == 1 {
                read.demand.take_line_rate(&state.demand); // It had one half-life.
                // Version 1 expected other velocities, and shared nothing out.
                let figures = read.plan.figures();
                assert!(!read.plan.is_made() || (figures.weight, figures.calibration) == (1.0, 1.0));
                read.plan = state.plan;
                read.losses.clone_from(&state.losses); // It knew of none,
                read.trial.clone_from(&state.trial); // nor of virtual orders,
                let mean_days = |key: &KeyState| key.lead_time.with_prior(None).map(|l| l.mean_days);
                assert_eq!(mean_days(&read), mean_days(&state));
                read.lead_time = state.lead_time; // nor of the skew of lead times.
            }
            assert_eq!(row(&read), now, "{name} of version {version}");
        });
        golden::refuses_newer(name, ROW_VERSION, 0, KeyState::decode);
    }
}

#[test]
fn classes_are_kept_in_the_row() {
    let mut state = key(1, 3);
    state.demand.class = Class { abc: Some(Abc::B), xyz: Some(Xyz::Z) };
    assert_eq!(KeyState::decode(&row(&state)).unwrap().demand.class, state.demand.class);
}

#[test]
fn a_newer_or_longer_row_is_refused() {
    let mut bytes = row(&key(1, 3));
    bytes.push(0);
    assert!(matches!(KeyState::decode(&bytes), Err(RowError::Invalid { what: "end of row", .. })));
    bytes[0] = ROW_VERSION + 1;
    assert_eq!(KeyState::decode(&bytes).unwrap_err(), RowError::TooNew { found: ROW_VERSION + 1, newest: ROW_VERSION });
    bytes[0] = 0;
    assert!(matches!(KeyState::decode(&bytes), Err(RowError::Invalid { what: "row format version", .. })));
}

#[test]
fn the_next_wake_up_is_the_earliest() {
    let place = Place::unknown("STORE-7");
    let mut state = KeyState::first_seen(at(0, 540), &place.zone);
    assert_eq!(state.next_due(), Some(at(1, 0)));
    let reserved = StockChange::Reserved { quantity: Quantity::from_units(1), order_id: "a".into() };
    state.fold(&event("r", at(-30, 60), reserved), &place);
    assert_eq!(state.next_due(), Some(at(0, 60)));
    assert_eq!(state.expire_reservations(at(0, 60)), Quantity::from_units(1));
    assert_eq!(state.next_due(), Some(at(1, 0)));
}

#[test]
fn receipts_teach_the_lead_time() {
    let place = Place::unknown("STORE-7");
    let mut state = KeyState::first_seen(at(0, 0), &place.zone);
    let quantity = Quantity::from_units(5);
    let ordered = StockChange::Ordered { quantity, po_id: "po".into(), supplier: None, expected_at: None };
    let received = StockChange::Received { quantity, po_id: Some("po".into()), supplier: None };
    state.fold(&event("1", at(0, 0), ordered), &place);
    assert!(state.fold(&event("2", at(6, 720), received), &place).reconsider);
    assert_eq!(state.lead_time.with_prior(None).map(|l| l.mean_days), Some(6.5));
}

#[test]
fn a_late_sale_and_its_cancellation_leave_closed_windows_alone() {
    let (place, site) = (Place::unknown("STORE-7"), SiteLevel::default());
    let mut state = KeyState::first_seen(at(0, 0), &place.zone);
    state.fold(&event("a", at(0, 60), sold(5, "a")), &place);
    state.close_day(&place, &site, false);
    let figures = |state: &KeyState| {
        let d = &state.demand;
        (d.sold_7d(), d.sold_today(), d.velocity_per_day(), d.lines_in_window(2), d.line_rate_per_day(0))
    };
    let before = figures(&state);
    state.fold(&event("late", at(0, 1400), sold(3, "late")), &place);
    let cancelled = StockChange::SaleCancelled {
        quantity: Quantity::from_units(3),
        order_id: Some("late".into()),
        customer: None,
        unit_price: None,
    };
    state.fold(&event("back", at(1, 60), cancelled), &place);
    assert_eq!(figures(&state), before);
    assert_eq!(state.position.on_hand(), None);
}

#[test]
fn ids_are_remembered_a_few_deep_and_a_day_long() {
    let mut recent = RecentIds::default();
    assert!(!recent.seen_or_insert("a") && recent.seen_or_insert("a"));
    (0..RECENT_IDS).for_each(|i| assert!(!recent.seen_or_insert(&i.to_string())));
    assert!(!recent.seen_or_insert("a"), "pushed out");
    recent.close_day();
    assert!(recent.seen_or_insert("a"));
    recent.close_day();
    recent.close_day();
    assert!(recent.is_empty() && !recent.seen_or_insert("a"));
}

proptest! {
    #[test]
    fn a_restored_key_goes_on_as_if_nothing_had_happened(
        changes in proptest::collection::vec((0_u8..6, 1_i64..9, 0_i64..2000), 1..60), cut in 0_usize..60,
    ) {
        let (place, site) = (Place::unknown("STORE-7"), SiteLevel::default());
        let mut live = KeyState::first_seen(at(0, 0), &place.zone);
        let mut restored = live.clone();
        let mut now = at(0, 0);
        for (i, (kind, n, minutes)) in changes.iter().enumerate() {
            now = now.plus_ms(minutes * 60_000);
            let quantity = Quantity::from_units(*n);
            let (id, order) = (i.to_string(), (i % 5).to_string());
            let change = match kind {
                0 => StockChange::BalanceObserved { on_hand: quantity },
                1 => StockChange::SaleCancelled { quantity, order_id: Some(order.into()), customer: None, unit_price: None },
                2 => StockChange::Ordered { quantity, po_id: order.into(), supplier: None, expected_at: Some(now.plus_ms(HOUR_MS)) },
                3 => StockChange::Received { quantity, po_id: Some(order.into()), supplier: None },
                4 => StockChange::Reserved { quantity, order_id: order.into() },
                _ => StockChange::Sold { quantity, order_id: Some(order.into()), customer: None, unit_price: None },
            };
            for state in [&mut live, &mut restored] {
                while state.demand.day_close() <= now {
                    state.close_day(&place, &site, false);
                }
                state.recent.seen_or_insert(&id);
                state.fold(&event(&id, now, change.clone()), &place);
            }
            if i == cut {
                restored = KeyState::decode(&row(&restored)).unwrap();
            }
        }
        prop_assert_eq!(row(&live), row(&restored));
        prop_assert_eq!(live.next_due(), restored.next_due());
    }

    #[test]
    fn a_corrupt_row_is_an_error_and_never_a_crash(cut in 0_usize..440, flip in 0_usize..440, bits in 1_u8..) {
        let mut bytes = row(&full_key());
        prop_assert!(KeyState::decode(&bytes[..cut.min(bytes.len() - 1)]).is_err());
        let flip = flip % bytes.len();
        bytes[flip] ^= bits;
        let _ = KeyState::decode(&bytes);
    }
}
