use schemas::time::HOUR_MS;
use schemas::{Quantity, StockChange, Timestamp};

use super::*;
use crate::golden;
use crate::outbound::Line;
use crate::position::StockEffect;

/// Day 4 is a Monday.
fn at(day: i64, hour: i64) -> Timestamp {
    Timestamp::from_millis((day + 4) * DAY_MS + hour * HOUR_MS)
}

fn epoch(at: Timestamp) -> i64 {
    at.millis() / EPOCH_MS
}

fn sale(units: i64, at: Timestamp) -> StockEffect {
    StockEffect { demand: Quantity::from_units(units), lines: 1, ..StockEffect::none(at) }
}

/// Lines in each hour: open from 8 to 18, twice as much on Saturdays, closed on Sundays.
fn lines(day: i64, hour: i64) -> i64 {
    match day % 7 {
        _ if !(8..18).contains(&hour) => 0,
        6 => 0,
        5 => 80,
        _ => 40,
    }
}

fn scrapped() -> StockChange<'static> {
    StockChange::Scrapped { quantity: Quantity::from_units(3), reason: Some("broken".into()), document: None }
}

/// The level in the epoch that begins at `now`, on the given lines an hour.
fn watched(now: Timestamp, lines: impl Fn(i64, i64) -> i64) -> SiteLevel {
    let mut site = SiteLevel::default();
    for e in epoch(at(0, 0))..=epoch(now) - LAG_EPOCHS {
        let (day, hour) = (e / EPOCHS_PER_DAY - 4, e % EPOCHS_PER_DAY / 4);
        let mut sums = SiteSums::default();
        for _ in 0..lines(day, hour) / 4 {
            sums.record_demand(&sale(2, now));
            sums.record_trial(-3.0);
            sums.outbound.record(&Line::of(&scrapped()).unwrap(), 2.0);
        }
        let sums = sums.take();
        // Empty epochs are left out, as partitions do.
        if !sums.is_empty() {
            site.apply_epoch(e, &sums);
        }
    }
    site
}

#[test]
fn until_a_week_is_learned_a_day_is_uniform_and_the_factor_one() {
    let site = watched(at(3, 12), lines);
    assert_eq!(site.expected_share(at(3, 0), at(3, 6)), 0.25);
    assert_eq!(site.factor_today(at(3, 0), at(3, 12)), 1.0);
    assert!(SiteLevel::default().is_trading_day(at(0, 0), at(1, 0)));
}

#[test]
fn the_profile_knows_the_hours_and_the_weekdays() {
    let site = watched(at(21, 0), lines);
    let mean_day = (5.0 * 400.0 + 800.0) / 6.0;
    let share = |day, until| site.expected_share(at(day, 0), at(day, until));
    assert_eq!(share(21, 8), 0.0);
    assert!((share(21, 13) - 200.0 / mean_day).abs() < 1e-9);
    assert!((share(26, 24) - 800.0 / mean_day).abs() < 1e-9, "Saturday");
    assert_eq!(share(27, 24), 0.0, "Sunday");
    // A local day that begins at 16:00 UTC.
    assert!((site.expected_share(at(21, 16), at(22, 16)) - 400.0 / mean_day).abs() < 1e-9);
}

#[test]
fn a_good_day_raises_the_factor_and_a_bad_one_lowers_it() {
    let now = at(22, 14);
    let on = |percent: i64| watched(now, |day, hour| lines(day, hour) * if day == 22 { percent } else { 100 } / 100);
    let factor = |percent| on(percent).factor_today(at(22, 0), now);
    // 230 lines are expected by 13:45; both sides get 30.
    assert!((factor(100) - 1.0).abs() < 1e-9);
    assert!((factor(200) - 490.0 / 260.0).abs() < 1e-9);
    assert!((factor(2000) - 4.0).abs() < 1e-9 && (factor(0) - 0.3).abs() < 1e-9);
    assert_eq!(on(200).factor_today(at(22, 14), now), 1.0, "nothing is known of a day that only began");
}

#[test]
fn closed_days_are_no_trading_days() {
    let site = watched(at(21, 0), lines);
    assert!(site.is_trading_day(at(19, 0), at(20, 0)));
    assert!(!site.is_trading_day(at(20, 0), at(21, 0)));
}

#[test]
fn the_level_ratio_follows_the_site() {
    assert_eq!(watched(at(20, 0), lines).level_ratio(), 1.0);
    let grown = watched(at(120, 0), |day, hour| lines(day, hour) * if day < 90 { 1 } else { 2 });
    assert!(grown.level_ratio() > 1.2 && grown.level_ratio() < 1.8, "{}", grown.level_ratio());
}

#[test]
fn population_dispersion_starts_at_its_prior_and_moves_to_the_data() {
    let mut site = SiteLevel::default();
    assert!((site.population_dispersion() - 1.5).abs() < 1e-9);
    let mut sums = SiteSums::default();
    (0..10_000).for_each(|i| sums.record_sku_day(Some(if i % 2 == 0 { 2.0 } else { 4.5 })));
    site.apply_epoch(0, &sums.take());
    assert!((site.population_dispersion() - 3.0).abs() < 0.05, "{}", site.population_dispersion());
}

#[test]
fn the_number_of_partitions_does_not_matter() {
    let level = |partitions: usize| {
        let mut site = SiteLevel::default();
        for e in 0..3000_i64 {
            let mut sums = vec![SiteSums::default(); partitions];
            for i in 0..e % 7 {
                let key = ((e * 31 + i * 17) % 64) as usize;
                let mine = &mut sums[key % partitions];
                mine.record_demand(&sale(i + 1, at(0, 0)));
                mine.record_sku_day(Some(0.3 + i as f64));
                mine.record_surge_score(i as f64 * 0.37);
            }
            let totals = sums.iter_mut().map(SiteSums::take).fold(Vec::new(), |mut totals: Vec<i64>, part| {
                totals.resize(totals.len().max(part.len()), 0);
                part.iter().zip(&mut totals).for_each(|(one, total)| *total += one);
                totals
            });
            if !totals.is_empty() {
                site.apply_epoch(e, &totals);
            }
        }
        site
    };
    assert_eq!(level(1), level(16));
}

#[test]
fn sums_are_read_in_the_order_they_are_written() {
    let totals: Vec<i64> = (1..=10_000).collect();
    let taken = SiteSums::from_totals(&totals).take();
    assert!(taken.len() > 100 && taken.len() < totals.len(), "{}", taken.len());
    assert_eq!(taken, totals[..taken.len()]);
}

#[test]
fn a_row_is_read_back() {
    for until in [None, Some(at(3, 9)), Some(at(30, 15))] {
        let site = until.map_or_else(SiteLevel::default, |until| watched(until, lines));
        let mut row = Vec::new();
        site.encode(&mut row);
        assert!(row.len() < 3500, "{} bytes", row.len());
        assert_eq!(SiteLevel::decode(&row), Ok(site));
    }
    assert!(matches!(SiteLevel::decode(&[9]), Err(RowError::TooNew { .. })));
}

/// Whatever is derived must be what a row of the same moment gives: a restart would decide otherwise.
#[test]
fn a_restart_changes_nothing_however_much_has_faded_since_the_last_figures() {
    let (mut site, item) = (SiteLevel::default(), |n: i64| ItemDay {
        category: Some("tea"),
        ln_price: libm::log(2.0 + n as f64),
        per_day: 0.1 * n as f64,
        exposure_days: 31.0,
        variance_to_mean: 1.0 + 0.05 * n as f64,
        orders_per_day: 0.1,
        weight: 1.0,
    });
    let mut laws = std::collections::BTreeSet::new();
    for e in epoch(at(0, 0))..epoch(at(25, 0)) {
        let (day, of_day) = (e / EPOCHS_PER_DAY - 4, e % EPOCHS_PER_DAY);
        let mut sums = SiteSums::default();
        // Days close at midnight; after the second week nothing more is told of the population.
        if of_day == 0 && day < 14 {
            for n in 1..100 {
                sums.record_item(&item(n));
                sums.record_sku_day(Some(0.5 + n as f64));
                sums.record_surge_score(n as f64 * 0.1);
                sums.record_sales_value(n as f64);
                sums.record_trial(-0.1 * n as f64);
            }
        }
        if of_day % 3 == 0 {
            sums.record_demand(&sale(1 + day, at(day, 0)));
            sums.outbound.record(&Line::of(&scrapped()).unwrap(), 2.0);
            sums.write_offs.record_day(day % 5 == 0);
        }
        site.apply_epoch(e, &sums.take());
        let mut row = Vec::new();
        site.encode(&mut row);
        assert_eq!(SiteLevel::decode(&row).as_ref(), Ok(&site), "day {day}, epoch {of_day}");
        laws.extend(site.ln_variance_to_mean(0.5, 0.0).map(f64::to_bits));
    }
    assert!(laws.len() > 1000, "{} laws: nothing has faded", laws.len());
}

#[test]
fn golden_rows_of_every_version_are_read() {
    let site = watched(at(30, 15), lines);
    let mut row = Vec::new();
    site.encode(&mut row);
    golden::check("site", ROW_VERSION, &row, |version, row| {
        let mut expected = site.clone();
        if version == 1 {
            // Its scores were logarithms of p-values; the others it did not have.
            expected.surge = SurgeBudget::default();
            expected.weeks = Weeks::default();
            expected.outbound = OutboundLevel::default();
            expected.service = ServiceRecord::default();
        }
        assert_eq!(SiteLevel::decode(row), Ok(expected));
    });
    golden::refuses_newer("site", ROW_VERSION, 0, SiteLevel::decode);
}

#[test]
fn a_location_is_blind_until_its_owner_says_otherwise() {
    let mut site = SiteLevel::default();
    site.apply_blind("S7", 1);
    let mut row = Vec::new();
    site.encode(&mut row);
    let mut site = SiteLevel::decode(&row).unwrap();
    assert!(site.is_blind("S7") && !site.is_blind("S8"));
    site.apply_blind("S7", -1);
    assert_eq!(site, SiteLevel::default());
}

#[test]
fn an_epoch_is_applied_once() {
    let mut site = watched(at(9, 9), lines);
    let before = site.clone();
    let mut sums = SiteSums::default();
    sums.record_demand(&sale(1, at(9, 9)));
    site.apply_epoch(epoch(at(9, 9)) - LAG_EPOCHS, &sums.take());
    assert_eq!(site, before);
}

#[test]
fn sums_take_what_there_is_and_leave_nothing() {
    let mut sums = SiteSums::default();
    assert!(sums.take().is_empty());
    sums.record_demand(&sale(1000, at(0, 0)));
    sums.record_demand(&StockEffect { dependent: true, ..sale(5, at(0, 0)) });
    sums.record_surge_score(f64::NAN);
    sums.record_surge_score(1e9);
    let taken = sums.take();
    assert_eq!((taken[0], taken[1], taken.len()), (1, 200_000, 5 + 64));
    assert_eq!((taken[5], taken[5 + 63], sums), (1, 1, SiteSums::default()));
}
