use proptest::prelude::*;
use schemas::row::{RowReader, RowWriter};

use super::*;

impl DemandState {
    pub(crate) fn take_line_rate(&mut self, other: &Self) {
        self.lines = other.lines;
    }
}

/// Variance ÷ mean of daily demand, as the day close is told.
const DISPERSION: f64 = 9.0;

fn units(n: i64) -> Quantity {
    Quantity::from_units(n)
}

fn at(day: i64, hour: i64) -> Timestamp {
    Timestamp::from_millis(day * DAY_MS + hour * HOUR_MS)
}

fn demand(quantity: Quantity, lines: i32, demand_at: Timestamp) -> StockEffect {
    StockEffect { demand: quantity, lines, ..StockEffect::none(demand_at) }
}

fn sell(state: &mut DemandState, n: i64, when: Timestamp) {
    assert!(state.record(&demand(units(n), 1, when), when, &Zone::UTC));
}

fn close(state: &mut DemandState) -> DayClosed {
    state.close_day(&Zone::UTC, DayKind::Trading, DISPERSION)
}

/// A key whose closed days sold so many units each.
fn sold_daily(days: &[i64]) -> DemandState {
    let mut state = DemandState::first_seen(at(0, 9), &Zone::UTC);
    for (day, n) in days.iter().enumerate() {
        if *n > 0 {
            sell(&mut state, *n, at(day as i64, 12));
        }
        close(&mut state);
    }
    state
}

#[test]
fn fifty_a_week_are_fifty_sevenths_a_day() {
    let state = sold_daily(&[10, 10, 10, 10, 10, 0, 0].repeat(30));
    assert_eq!(state.sold_7d(), units(50));
    // The week's last days weigh most: within one percent of it.
    assert!((state.velocity_per_day() / (50.0 / 7.0) - 1.0).abs() < 0.05, "{}", state.velocity_per_day());
    assert!(state.variance_per_day() > 10.0);
}

#[test]
fn the_open_day_moves_nothing_but_todays_figures() {
    let mut state = sold_daily(&[4, 4, 4]);
    let before = state.velocity_per_day();
    sell(&mut state, 400, at(3, 10));
    assert_eq!((state.velocity_per_day(), state.sold_7d(), state.sold_today()), (before, units(12), units(400)));
}

#[test]
fn hours_out_of_stock_are_no_exposure() {
    let mut state = sold_daily(&[8; 40]);
    sell(&mut state, 4, at(40, 11));
    state.note_stock(at(40, 12), true, &Zone::UTC);
    assert_eq!(close(&mut state).exposure_days, 0.5);
    assert_eq!(close(&mut state).exposure_days, 0.0);
    state.note_stock(at(42, 6), false, &Zone::UTC);
    sell(&mut state, 6, at(42, 20));
    assert_eq!(close(&mut state).exposure_days, 0.75);
    assert!((state.velocity_per_day() - 8.0).abs() < 1e-3, "{}", state.velocity_per_day());
}

#[test]
fn a_day_that_sold_what_was_expected_counts_whole_though_it_sold_out() {
    let mut state = sold_daily(&[8; 40]);
    sell(&mut state, 9, at(40, 5));
    state.note_stock(at(40, 6), true, &Zone::UTC);
    assert_eq!(close(&mut state).exposure_days, 1.0);
}

/// A key that sold eight units a day for 40 days, and on the next all it had, at `hour`.
fn sold_out(n: i64, hour: i64) -> DemandState {
    let mut state = sold_daily(&[8; 40]);
    let when = at(40, hour);
    let effect = StockEffect { emptied: true, ..demand(units(n), 1, when) };
    assert!(state.record(&effect, when, &Zone::UTC));
    state.note_stock(when, true, &Zone::UTC);
    state
}

#[test]
fn of_the_order_that_emptied_the_shelf_more_is_counted_than_was_sold() {
    let lost = |mut state: DemandState| {
        close(&mut state);
        (state.lost_per_day() * state.exposure_days(), state.sold_7d())
    };
    // Half of 9 − 1, from geometric mean to mean; three times what was sold at most.
    let (rest, sold) = lost(sold_out(9, 12));
    assert!((rest - 4.0 * 0.5_f64.exp()).abs() < 1e-3 && sold == units(6 * 8 + 9), "{rest} {sold}");
    assert!((lost(sold_out(1, 12)).0 - 3.0).abs() < 1e-3);
    // A later sale finds something there, be it by a book that was wrong: nobody was sent away.
    let mut state = sold_out(9, 12);
    sell(&mut state, 1, at(40, 13));
    assert_eq!(lost(state).0, 0.0);
    // Nobody bought, in the end.
    let mut state = sold_out(9, 12);
    assert!(state.record(&demand(units(-9), -1, at(40, 12)), at(40, 14), &Zone::UTC));
    assert_eq!(lost(state).0, 0.0);
    let mut state = sold_out(9, 12);
    close(&mut state);
    assert!(state.record(&demand(units(-9), -1, at(40, 12)), at(41, 2), &Zone::UTC));
    assert_eq!(state.lost_per_day(), 0.0);
}

#[test]
fn late_demand_stays_out_of_closed_windows() {
    let mut state = sold_daily(&[1, 2, 3]);
    let before = state.clone();
    let late = at(1, 12);
    assert!(!state.record(&demand(units(9), 1, late), late, &Zone::UTC));
    assert!(!state.record(&demand(units(-9), -1, late), late, &Zone::UTC));
    assert_eq!(state, before);
}

#[test]
fn a_timely_cancellation_reaches_the_last_closed_day_but_not_the_one_before() {
    let mut state = sold_daily(&[5, 5]);
    assert!(state.record(&demand(units(-2), 0, at(1, 12)), at(2, 3), &Zone::UTC));
    assert_eq!(state.sold_7d(), units(8));
    assert!(!state.record(&demand(units(-2), 0, at(0, 12)), at(2, 3), &Zone::UTC));
    assert_eq!(state.sold_7d(), units(8));
}

#[test]
fn an_unmatched_cancellation_takes_no_more_than_the_window_holds() {
    let mut state = sold_daily(&[5]);
    sell(&mut state, 1, at(1, 1));
    assert!(state.record(&demand(units(-3), -1, at(1, 2)), at(1, 2), &Zone::UTC));
    assert_eq!((state.sold_today(), state.lines_in_window(0)), (units(0), 0));
    assert!(state.record(&demand(units(-3), -1, at(1, 2)), at(1, 2), &Zone::UTC));
    assert_eq!((state.sold_today(), state.lines_in_window(0), state.sold_7d()), (units(0), 0, units(5)));
}

#[test]
fn surge_windows_skip_days_without_trade() {
    let mut state = sold_daily(&[1, 1]);
    sell(&mut state, 1, at(2, 1));
    state.close_day(&Zone::UTC, DayKind::Idle, 0.0);
    assert_eq!(state.lines_in_window(2), 2, "a day on which the key sold is a trading day");
    state.close_day(&Zone::UTC, DayKind::Idle, 0.0);
    state.close_day(&Zone::UTC, DayKind::Idle, 0.0);
    assert_eq!([state.lines_in_window(0), state.lines_in_window(1), state.lines_in_window(2)], [0, 1, 2]);
    assert_eq!(state.line_days() as i32, 2);
}

#[test]
fn a_planned_promotion_teaches_nothing_about_usual_days() {
    let mut state = sold_daily(&[2; 40]);
    let figures = |s: &DemandState| (s.velocity_per_day(), s.variance_per_day(), s.line_rate_per_day(0), s.line_days());
    let usual = figures(&state);
    for day in 40..47 {
        (0..9).for_each(|hour| sell(&mut state, 5, at(day, 9 + hour)));
        assert_eq!(state.close_day(&Zone::UTC, DayKind::Promoted, 0.0).exposure_days, 0.0);
    }
    assert_eq!(state.sold_7d(), units(7 * 45), "it was sold all the same");
    assert_eq!(state.lines_in_window(2), 2, "windows reach behind it");
    close(&mut state);
    let (velocity, _, lines, _) = figures(&state);
    assert!((velocity / usual.0 - 1.0).abs() < 0.1 && (lines / usual.2 - 1.0).abs() < 0.2, "{velocity} {lines}");
}

#[test]
fn idle_days_are_whole_local_days() {
    let mut state = sold_daily(&[0, 1]);
    assert_eq!(state.idle_days(at(2, 0)), 0);
    close(&mut state);
    assert_eq!((state.idle_days(at(3, 0)), state.idle_days(at(3, 23)), state.idle_days(at(5, 0))), (1, 1, 3));
    sell(&mut state, 1, at(3, 12));
    assert_eq!((state.idle_days(at(3, 12)), state.last_sale_day()), (0, Some(Day(3))));
    assert_eq!(sold_daily(&[0; 9]).idle_days(at(9, 0)), 9);
    let p = |days: &[i64]| sold_daily(days).no_sale_probability(at(days.len() as i64, 0), 30.0);
    assert!(p(&[1; 60]) < 0.01 && p(&[0; 60]) > p(&[1; 60]));
    let mut gone = vec![1; 60];
    gone.extend([0; 90]);
    assert!(p(&gone) > 0.8);
}

#[test]
fn a_correction_counts_until_the_next_sale_and_not_on_its_day() {
    let p = |state: &DemandState| state.no_sale_probability(at(21, 0), 30.0);
    let mut days = vec![1; 10];
    days.extend([0; 11]);
    let silent = sold_daily(&days);
    let mut corrected = silent.clone();
    corrected.note_correction(at(20, 9), &Zone::UTC);
    assert_eq!(p(&corrected), p(&silent), "late: that day is closed");
    corrected.note_correction(at(21, 9), &Zone::UTC);
    assert!(corrected.corrected_since_sale() && p(&corrected) > p(&silent));
    sell(&mut corrected, 1, at(21, 8));
    assert!(!corrected.corrected_since_sale(), "of one day, whatever came first");
    close(&mut corrected);
    close(&mut corrected);
    assert!(!corrected.corrected_since_sale());
}

#[test]
fn days_are_the_locations_own() {
    let zone = Zone::named("America/New_York").unwrap();
    // 2026-03-08 has 23 hours there.
    let noon = Timestamp::from_millis(20_520 * DAY_MS + 17 * HOUR_MS);
    let mut state = DemandState::first_seen(noon, &zone);
    assert_eq!(state.day(), Day(20_520));
    assert_eq!(state.day_close().since(state.day_start()), 23 * HOUR_MS);
    let close = state.day_close();
    assert!(state.is_open_day(close.minus_ms(1)) && !state.is_open_day(close));
    state.close_day(&zone, DayKind::Trading, 0.0);
    assert_eq!((state.day_start(), state.day_close().since(close)), (close, DAY_MS));
}

#[test]
fn a_new_zone_moves_the_end_of_the_open_day() {
    let mut state = sold_daily(&[3, 3]);
    state.set_zone(&Zone::named("Asia/Shanghai").unwrap());
    assert_eq!(state.day_close(), at(2, 16));
    let closed = state.close_day(&Zone::named("Asia/Shanghai").unwrap(), DayKind::Trading, 0.0);
    assert_eq!((closed.day, state.day_close()), (Day(2), at(3, 16)));
}

/// Rates recomputed from the whole list of days.
fn naive_velocity(days: &[(f64, f64)]) -> f64 {
    let sums = |half_life: f64| {
        let weighted = days.iter().rev().enumerate().map(|(age, day)| (0.5_f64.powf(age as f64 / half_life), day));
        weighted.fold((0.0, 0.0), |(demand, exposure), (w, (d, e))| (demand + w * d, exposure + w * e))
    };
    let ((fast_demand, fast_exposure), (slow_demand, slow_exposure)) = (sums(21.0), sums(120.0));
    let slow = if slow_exposure > 0.0 { slow_demand / slow_exposure } else { 0.0 };
    0.6 * (fast_demand + 10.0 * slow) / (fast_exposure + 10.0) + 0.4 * slow
}

fn row(state: &DemandState) -> Vec<u8> {
    let mut row = Vec::new();
    state.encode(&mut RowWriter::new(&mut row));
    row
}

proptest! {
    #[test]
    fn velocity_equals_the_naive_model(days in proptest::collection::vec(0_i64..50, 1..200)) {
        let state = sold_daily(&days);
        let naive = naive_velocity(&days.iter().map(|n| (*n as f64, 1.0)).collect::<Vec<_>>());
        prop_assert!((state.velocity_per_day() - naive).abs() <= 1e-4 * naive.max(0.01));
        prop_assert_eq!(state.sold_7d(), units(days.iter().rev().take(7).sum()));
    }

    #[test]
    fn the_unit_of_measure_does_not_matter(days in proptest::collection::vec(0_i64..50, 1..100)) {
        let grams = sold_daily(&days.iter().map(|n| n * 1000).collect::<Vec<_>>());
        let kilos = sold_daily(&days);
        let near = |a: f64, b: f64, scale: f64| (a - b).abs() <= 1e-3 * b.max(1e-3 * scale.max(1.0));
        let velocity = kilos.velocity_per_day();
        prop_assert!(near(grams.velocity_per_day() / 1e3, velocity, velocity));
        // A difference of squares that are kept in single precision.
        prop_assert!(near(grams.variance_per_day() / 1e6, kilos.variance_per_day(), velocity * velocity));
        prop_assert_eq!(grams.line_rate_per_day(0), kilos.line_rate_per_day(0));
    }

    #[test]
    fn more_that_was_lost_never_lowers_the_rate(
        days in proptest::collection::vec((0_i64..50, proptest::bool::ANY), 1..100), phi in 0.0_f64..40.0, more in 0.0_f64..40.0,
    ) {
        let known = |phi: Option<f64>| {
            let mut state = DemandState::first_seen(at(0, 0), &Zone::UTC);
            for (day, (n, emptied)) in days.iter().enumerate() {
                let when = at(day as i64, 12);
                let effect = StockEffect { emptied: *emptied && phi.is_some(), ..demand(units(*n), 1, when) };
                state.record(&effect, when, &Zone::UTC);
                state.close_day(&Zone::UTC, DayKind::Trading, phi.unwrap_or(40.0));
            }
            state
        };
        let (seen, some, most) = (known(None), known(Some(phi)), known(Some(phi + more)));
        let rates = [&seen, &some, &most].map(DemandState::velocity_per_day);
        prop_assert!(rates[0] <= rates[1] && rates[1] <= rates[2], "{rates:?}");
        prop_assert_eq!(seen.lost_per_day(), 0.0);
        prop_assert_eq!((seen.sold_7d(), seen.exposure_days()), (most.sold_7d(), most.exposure_days()));
        prop_assert_eq!(DemandState::decode(&mut RowReader::new(&row(&most)), 2), Ok(most));
        let single = known(Some(1.0));
        prop_assert_eq!(single.velocity_per_day(), seen.velocity_per_day(), "orders of one unit are not cut");
    }

    #[test]
    fn a_cancelled_sale_leaves_no_trace(
        days in proptest::collection::vec(0_i64..5, 1..20), n in 1_i64..9, hour in 0_i64..24, after in 0_i64..25,
    ) {
        let day = days.len() as i64;
        let (sale, back) = (at(day, hour), at(day, hour + after));
        let (mut touched, mut untouched) = (sold_daily(&days), sold_daily(&days));
        sell(&mut touched, n, sale);
        while back >= untouched.day_close() {
            close(&mut touched);
            close(&mut untouched);
        }
        prop_assert!(touched.record(&demand(units(-n), -1, sale), back, &Zone::UTC));
        prop_assert_eq!(&touched, &untouched);
        prop_assert_eq!(row(&touched), row(&untouched));
    }

    #[test]
    fn windows_do_not_depend_on_how_far_events_run_ahead(
        events in proptest::collection::vec((0_i64..6, 0_i64..24, 1_i64..9), 0..40),
        outage in (0_i64..100, 0_i64..40),
    ) {
        let mut events = events;
        events.sort_unstable();
        let (mut daily, mut ahead) = (DemandState::first_seen(at(0, 0), &Zone::UTC), DemandState::first_seen(at(0, 0), &Zone::UTC));
        let mut stock: Vec<_> = events.iter().map(|(d, h, n)| (at(*d, *h), Some(*n))).collect();
        stock.push((at(0, outage.0), None));
        stock.push((at(0, outage.0 + outage.1), None));
        stock.sort_by_key(|(when, n)| (*when, n.is_some()));
        let mut out = false;
        for (when, n) in &stock {
            while *when >= daily.day_close() {
                close(&mut daily);
            }
            out ^= n.is_none();
            for state in [&mut daily, &mut ahead] {
                match n {
                    Some(n) => sell(state, *n, *when),
                    None => state.note_stock(*when, out, &Zone::UTC),
                }
            }
        }
        while daily.day() < Day(7) {
            close(&mut daily);
        }
        while ahead.day() < Day(7) {
            close(&mut ahead);
        }
        prop_assert_eq!(daily, ahead);
    }

    #[test]
    fn rows_are_read_back(
        days in proptest::collection::vec(0_i64..5, 0..40), ahead in proptest::collection::vec(0_i64..9, 0..4), out in 0_i64..30,
    ) {
        let mut state = sold_daily(&days);
        let today = days.len() as i64;
        for d in &ahead {
            sell(&mut state, 2, at(today + d, 3));
        }
        state.note_surge_score(out as f64 / 10.0);
        if out % 2 == 0 {
            state.note_stock(at(today, out), true, &Zone::UTC);
        }
        let row = row(&state);
        let mut reader = RowReader::new(&row);
        let read = DemandState::decode(&mut reader, 2);
        prop_assert_eq!(read.as_ref(), Ok(&state));
        prop_assert!(reader.is_empty());
    }
}
