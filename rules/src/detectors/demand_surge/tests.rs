//! What closed days add to the site's histogram of scores.

use schemas::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use schemas::{InventoryEvent, Quantity, StockChange, Timestamp};

use super::windows::{Start, Windows};
use crate::decide::{self, Key};
use crate::environment::{Environment, Moment};
use crate::item::Item;
use crate::place::Place;
use crate::ruleset::{RuleBook, parse};
use crate::site::{EPOCH_MS, SiteLevel, SiteSums};
use crate::state::KeyState;

const KEY: Key<'static> = Key { sku: "A", location: "S" };
/// Bins of a quarter of a decade from the fifth sum on.
const BINS_FROM: usize = 5;
const BINS: usize = 64;

/// The histogram after days of so many lines from eight o'clock on, an hour apart.
fn histogram(days: &[i64]) -> Vec<i64> {
    let text = "{version: 1, id: d, rules: [{id: s, kind: demand_surge, false_alarms_per_1000_sku_days: 1}]}";
    let rules = RuleBook::from_documents(&[parse("d", text).unwrap()]);
    let (item, place, site) = (Item::unknown("A"), Place::unknown("S"), SiteLevel::default());
    let mut state = KeyState::first_seen(Timestamp::from_millis(0), &place.zone);
    let (mut sums, mut out) = (SiteSums::default(), Vec::new());
    let env = |now| {
        let now = Moment { stream_time: now, closed_before: now };
        Environment { rules: &rules, item: &item, place: &place, site: &site, now }
    };
    for (day, lines) in days.iter().enumerate() {
        let start = Timestamp::from_millis(day as i64 * DAY_MS);
        for line in 0..*lines {
            let at = start.plus_ms((8 + line) * DAY_MS / 24);
            let quantity = Quantity::from_units(1);
            let event = InventoryEvent {
                event_id: format!("{day}/{line}").into(),
                sku: KEY.sku.into(),
                location: KEY.location.into(),
                occurred_at: at,
                source: None,
                change: StockChange::Sold { quantity, order_id: None, customer: None, unit_price: None },
            };
            decide::apply(&env(at), KEY, &mut state, &event, &mut sums, &mut out);
        }
        let close = start.plus_ms(DAY_MS);
        while let Some(due) = state.next_due().filter(|due| *due <= close) {
            decide::on_timer(&env(due), KEY, &mut state, due, &mut sums, &mut out);
        }
    }
    sums.take().into_iter().skip(BINS_FROM).take(BINS).collect()
}

/// SKU-days that scored one and a half decades or more.
fn high(then: &[i64]) -> i64 {
    histogram(&[&[3; 40], then].concat()).iter().skip(6).sum()
}

#[test]
fn a_high_score_that_did_not_last_is_a_false_alarm() {
    assert_eq!(high(&[3, 3, 3]), 0);
    assert_eq!(high(&[11, 3, 3]), 1);
    assert_eq!(high(&[11]), 0, "not before the next day has shown it");
}

#[test]
fn a_surge_that_lasted_is_left_out() {
    assert_eq!(high(&[12, 12, 12, 3, 3, 3, 3]), 0);
}

#[test]
fn every_day_counts_once() {
    assert_eq!(histogram(&[3; 30]).iter().sum::<i64>(), 30);
}

/// A site that sells ten lines every quarter of an hour from eight to six, on so many days.
fn busy_site(days: i64) -> SiteLevel {
    let mut site = SiteLevel::default();
    let per_hour = HOUR_MS / EPOCH_MS;
    for epoch in 0..days * DAY_MS / EPOCH_MS {
        let open = (8..18).contains(&(epoch / per_hour % 24));
        site.apply_epoch(epoch, &[if open { 10 } else { 0 }]);
    }
    site
}

/// Score, and how many windows since a line, after 40 days of three lines and the day's lines at these minutes.
fn after(site: &SiteLevel, minutes: &[i64]) -> (f64, usize) {
    let text = "{version: 1, id: d, rules: [{id: s, kind: demand_surge, false_alarms_per_1000_sku_days: 1}]}";
    let rules = RuleBook::from_documents(&[parse("d", text).unwrap()]);
    let (item, place) = (Item::unknown("A"), Place::unknown("S"));
    let mut state = KeyState::first_seen(Timestamp::from_millis(0), &place.zone);
    let (mut sums, mut out) = (SiteSums::default(), Vec::new());
    let usual = (0..40).flat_map(|day| [9, 12, 15].map(|hour| day * DAY_MS + hour * HOUR_MS));
    let today = minutes.iter().map(|minute| 40 * DAY_MS + minute * MINUTE_MS);
    let mut last = Timestamp::from_millis(0);
    for at in usual.chain(today).map(Timestamp::from_millis) {
        let env = Environment {
            rules: &rules,
            item: &item,
            place: &place,
            site,
            now: Moment { stream_time: at, closed_before: at },
        };
        while let Some(due) = state.next_due().filter(|due| *due <= at) {
            decide::on_timer(&env, KEY, &mut state, due, &mut sums, &mut out);
        }
        let change =
            StockChange::Sold { quantity: Quantity::from_units(1), order_id: None, customer: None, unit_price: None };
        let id = format!("{}", at.millis());
        let event = InventoryEvent {
            event_id: id.into(),
            sku: KEY.sku.into(),
            location: KEY.location.into(),
            occurred_at: at,
            source: None,
            change,
        };
        decide::apply(&env, KEY, &mut state, &event, &mut sums, &mut out);
        last = at;
    }
    let env = Environment {
        rules: &rules,
        item: &item,
        place: &place,
        site,
        now: Moment { stream_time: last, closed_before: last },
    };
    let Some(windows) = Windows::look(&env, &state, last, 3) else { return (0.0, 0) };
    let since = windows.as_slice().iter().filter(|w| matches!(w.start, Start::Line { .. })).count();
    (windows.score(), since)
}

#[test]
fn lines_of_an_hour_say_more_than_those_of_a_day() {
    let site = busy_site(41);
    let (spread, together) = ([490, 600, 720, 840, 930], [890, 900, 910, 920, 930]);
    let ((spread, _), (together, since)) = (after(&site, &spread), after(&site, &together));
    assert_eq!(since, 3, "windows of three, four and five lines");
    assert!(together > spread + 0.5, "{together} against {spread}");
    assert_eq!(after(&SiteLevel::default(), &[890, 900, 910, 920, 930]).1, 0, "the site's hours are not known");
}
