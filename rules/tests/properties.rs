//! What holds for any sales history, through the entry points alone: a higher service level or a longer lead time
//! never asks for less, the future changes nothing that was said, changes of one instant may come in any order, and
//! counting in other units changes units only.

// A test may stop where it stands.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/trade.rs"]
mod trade;

use std::collections::BTreeSet;

use proptest::prelude::*;
use rules::decide::{self, Key};
use rules::environment::{Environment, Moment};
use rules::item::Item;
use rules::place::Place;
use rules::ruleset::{RuleBook, parse};
use rules::site::{SiteLevel, SiteSums};
use rules::state::KeyState;
use schemas::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use schemas::{Alert, AlertKind, AlertState, CatalogItem, InventoryEvent, Position, Quantity, StockChange, Timestamp};

const KEY: Key<'static> = Key { sku: "A", location: "S" };
const START: Timestamp = Timestamp::from_millis(1_790_035_200_000);

/// Order lines of one instant: minutes after the last instant, and the units of each.
type Instants = Vec<(i64, Vec<i64>)>;

fn instants() -> impl Strategy<Value = Instants> {
    proptest::collection::vec((1_i64..3 * 24 * 60, proptest::collection::vec(1_i64..20, 1..4)), 20..120)
}

/// Lines that leave in one instant: minutes after the last instant, and in what way how many units each.
type Takings = Vec<(i64, Vec<(u8, i64)>)>;

fn takings() -> impl Strategy<Value = Takings> {
    let lines = proptest::collection::vec((0_u8..10, 1_i64..200), 1..4);
    proptest::collection::vec((1_i64..3 * 24 * 60, lines), 1..40)
}

/// A key under one rule, from its first event on.
struct Run {
    rules: RuleBook,
    item: Item,
    place: Place,
    site: SiteLevel,
    state: KeyState,
    sums: SiteSums,
    now: Timestamp,
    alerts: Vec<Alert>,
    events: usize,
}

impl Run {
    fn new(threshold: &str, lead_time_days: f64) -> Self {
        let rule = format!("{{id: reorder, kind: low_stock, threshold: {threshold}}}");
        let others = "{id: empty, kind: stock_out}, {id: surge, kind: demand_surge, false_alarms_per_1000_sku_days: 40}, \
             {id: outbound, kind: abnormal_outbound}";
        let document = parse("d", &format!("version: 1\nid: d\nrules: [{rule}, {others}]")).unwrap();
        let lead_time_days = Some(lead_time_days);
        let item = CatalogItem { sku: KEY.sku.to_owned(), lead_time_days, ..CatalogItem::default() };
        Self {
            rules: RuleBook::from_documents(&[document]),
            item: Item::from_catalog(&item),
            place: Place::unknown(KEY.location),
            site: SiteLevel::default(),
            state: KeyState::first_seen(START, &schemas::Zone::UTC),
            sums: SiteSums::default(),
            now: START,
            alerts: Vec::new(),
            events: 0,
        }
    }

    /// The history with a delivery whenever stock is short, each unit counted as `scale`.
    fn of(threshold: &str, lead_time_days: f64, history: &Instants, scale: i64) -> Self {
        let mut run = Self::new(threshold, lead_time_days);
        let mut at = START;
        run.change(at, StockChange::BalanceObserved { on_hand: Quantity::from_units(400 * scale) });
        for (minutes, units) in history {
            at = at.plus_ms(minutes * MINUTE_MS);
            for units in units {
                run.sell(at, units * scale);
            }
        }
        run
    }

    /// The same at a site of which it is known what leaves it and when: orders, and a few write-offs with a document.
    fn at_a_known_site() -> Self {
        let mut run = Self::new(&dynamic(0.95), 5.0);
        trade::watch(&mut run.site, START, [30, 2].into_iter());
        run.change(START, StockChange::BalanceObserved { on_hand: Quantity::from_units(100_000) });
        run
    }

    /// Takes stock out in one of the ways there are.
    fn take_out(&mut self, at: Timestamp, (way, units): (u8, i64)) {
        let quantity = Quantity::from_units(units);
        let document = (way % 2 == 0).then(|| "D-1".into());
        let reason = (way % 3 == 0).then(|| "damaged".into());
        self.change(
            at,
            match way {
                0..4 => StockChange::Sold { quantity, order_id: document, customer: None, unit_price: None },
                4..6 => StockChange::TransferredOut { quantity, to: None, document },
                6..8 => StockChange::Scrapped { quantity, reason, document },
                _ => StockChange::Adjusted { quantity: -quantity, reason, document },
            },
        );
    }

    /// The outbound alerts there were, and those among them that have opened since `from`.
    fn outbound_alerts(&self, from: Timestamp) -> (BTreeSet<uuid::Uuid>, usize) {
        let of_kind = || self.alerts.iter().filter(|a| a.kind == AlertKind::AbnormalOutbound);
        let opened = of_kind().filter(|a| a.state == AlertState::Opened && a.occurred_at >= from).count();
        (of_kind().map(|a| a.alert_id).collect(), opened)
    }

    fn sell(&mut self, at: Timestamp, units: i64) {
        let quantity = Quantity::from_units(units);
        self.change(at, StockChange::Sold { quantity, order_id: None, customer: None, unit_price: None });
    }

    fn change(&mut self, at: Timestamp, change: StockChange<'static>) {
        self.wait(at);
        self.events += 1;
        let event = InventoryEvent {
            event_id: self.events.to_string().into(),
            sku: KEY.sku.into(),
            location: KEY.location.into(),
            occurred_at: at,
            source: None,
            change,
        };
        let Self { rules, item, place, site, state, sums, alerts, .. } = self;
        let env = Environment { rules, item, place, site, now: moment(at) };
        decide::apply(&env, KEY, state, &event, sums, alerts);
    }

    fn wait(&mut self, until: Timestamp) {
        let Self { rules, item, place, site, state, sums, alerts, now, .. } = self;
        while let Some(due) = state.next_due().filter(|due| *due <= until) {
            let env = Environment { rules, item, place, site, now: moment(due) };
            decide::on_timer(&env, KEY, state, due, sums, alerts);
        }
        *now = until;
    }

    /// The figures after the day has closed: that is when a reorder point is made.
    fn figures(mut self) -> Position<'static> {
        let until = self.now.plus_ms(DAY_MS + HOUR_MS);
        self.wait(until);
        decide::snapshot(KEY, &self.state, &self.item, until)
    }
}

fn moment(now: Timestamp) -> Moment {
    Moment { stream_time: now, closed_before: now }
}

fn dynamic(service_level: f64) -> String {
    format!("{{type: dynamic, service_level: {service_level}}}")
}

fn reorder_point(threshold: &str, lead_time_days: f64, history: &Instants) -> f64 {
    Run::of(threshold, lead_time_days, history, 1).figures().reorder_point.unwrap()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 2e-3 * a.abs().max(b.abs()).max(1.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_higher_service_level_never_asks_for_less(history in instants(), level in 0.5_f64..0.99, more in 0.0_f64..1.0) {
        let higher = level + (0.999 - level) * more;
        prop_assert!(reorder_point(&dynamic(higher), 9.0, &history) >= reorder_point(&dynamic(level), 9.0, &history) - 1e-6);
        let quantile = |q: f64| format!("{{type: forecast, quantile: {q}}}");
        prop_assert!(reorder_point(&quantile(higher), 9.0, &history) >= reorder_point(&quantile(level), 9.0, &history) - 1e-6);
    }

    #[test]
    fn a_longer_lead_time_never_asks_for_less(history in instants(), days in 1.0_f64..30.0, more in 0.0_f64..30.0) {
        let level = dynamic(0.95);
        prop_assert!(reorder_point(&level, days + more, &history) >= reorder_point(&level, days, &history) - 1e-6);
    }

    #[test]
    fn what_was_said_does_not_change_with_what_comes(history in instants(), cut in 0.1_f64..0.9) {
        let (early, _) = history.split_at((history.len() as f64 * cut) as usize);
        let part = Run::of(&dynamic(0.95), 5.0, &early.to_vec(), 1);
        let whole = Run::of(&dynamic(0.95), 5.0, &history, 1);
        prop_assert_eq!(&whole.alerts[..part.alerts.len()], &part.alerts[..]);
        prop_assert!(whole.alerts[part.alerts.len()..].iter().all(|alert| alert.detected_at >= part.now));
    }

    #[test]
    fn lines_of_one_instant_may_come_in_any_order(history in instants()) {
        let mut turned = history.clone();
        for (_, units) in &mut turned {
            units.reverse();
        }
        let (one, other) = (Run::of(&dynamic(0.95), 5.0, &history, 1), Run::of(&dynamic(0.95), 5.0, &turned, 1));
        // Which of the lines is one too many differs; what is open after them does not.
        let alerts = |run: &Run| run.alerts.iter().map(|a| (a.kind, a.alert_id)).collect::<BTreeSet<_>>();
        prop_assert_eq!(alerts(&one), alerts(&other));
        prop_assert_eq!(one.figures(), other.figures());
    }

    #[test]
    fn a_larger_line_is_never_better_explained(history in takings(), way in 0_u8..10, hour in 0_i64..24, units in 1_i64..2000, more in 1_i64..2000) {
        let opens = |units: i64| {
            let mut run = Run::at_a_known_site();
            let mut at = START;
            for (minutes, lines) in &history {
                at = at.plus_ms(minutes * MINUTE_MS);
                for line in lines {
                    run.take_out(at, *line);
                }
            }
            // Long after what may be open.
            let at = Timestamp::from_millis(at.millis().div_euclid(DAY_MS) * DAY_MS + 5 * DAY_MS + hour * HOUR_MS);
            run.take_out(at, (way, units));
            run.outbound_alerts(at).1
        };
        prop_assert!(opens(units + more) >= opens(units));
    }

    #[test]
    fn lines_that_leave_in_one_instant_may_come_in_any_order(history in takings(), cut in 0.1_f64..0.9) {
        let run = |turned: bool, until: usize| {
            let (mut run, mut at) = (Run::at_a_known_site(), START);
            for (minutes, lines) in &history[..until] {
                at = at.plus_ms(minutes * MINUTE_MS);
                let mut lines = lines.clone();
                if turned {
                    lines.reverse();
                }
                for line in lines {
                    run.take_out(at, line);
                }
            }
            run
        };
        let whole = run(false, history.len());
        prop_assert_eq!(whole.outbound_alerts(START), run(true, history.len()).outbound_alerts(START));
        let part = run(false, (history.len() as f64 * cut) as usize);
        prop_assert_eq!(&whole.alerts[..part.alerts.len()], &part.alerts[..], "what comes changes nothing that was said");
    }

    #[test]
    fn counting_in_other_units_changes_units_only(history in instants(), scale in 2_i64..12) {
        // A variance is never taken for less than the mean, whatever the unit: with small units that says nothing.
        let small = 20;
        let one = Run::of("{type: days_of_cover, days: 9}", 5.0, &history, small).figures();
        let many = Run::of("{type: days_of_cover, days: 9}", 5.0, &history, small * scale).figures();
        let scale = scale as f64;
        prop_assert!(close(many.velocity_per_day, scale * one.velocity_per_day), "{many:?} {one:?}");
        prop_assert!(close(many.reorder_point.unwrap(), scale * one.reorder_point.unwrap()), "{many:?} {one:?}");
        prop_assert!(close(many.days_of_cover.unwrap_or(0.0), one.days_of_cover.unwrap_or(0.0)), "{many:?} {one:?}");
        prop_assert_eq!(many.idle_days, one.idle_days);
        prop_assert!(close(many.no_sale_probability_30d, one.no_sale_probability_30d));
    }
}
