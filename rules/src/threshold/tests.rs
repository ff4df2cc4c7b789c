use proptest::prelude::*;
use schemas::Quantity;
use schemas::row::{RowReader, RowWriter};

use super::*;
use crate::item::Item;

fn figures(velocity: f64, velocity_sd: f64, mean_days: f64, sd_days: f64) -> Figures {
    skewed(velocity, velocity_sd, LeadTime { mean_days, sd_days, skew: 0.0 })
}

fn skewed(velocity: f64, velocity_sd: f64, lead_time: LeadTime) -> Figures {
    let lead_time = Some(lead_time);
    Figures { velocity, velocity_sd, observed_days: 100.0, lead_time, weight: 1.0, calibration: 1.0 }
}

fn dynamic_at(service_level: f64) -> Threshold {
    Threshold::Dynamic { service_level }
}

#[test]
fn rule_of_thumb() {
    // 50 sold a week, 5 days of lead time, nothing varies: order at 36, whatever the service level.
    for level in [0.5, 0.95, 0.999] {
        let units = reorder_point(&dynamic_at(level), &figures(50.0 / 7.0, 0.0, 5.0, 0.0)).unwrap();
        assert!((units - 250.0 / 7.0).abs() < 1e-9);
        assert_eq!(units.ceil(), 36.0);
    }
}

#[test]
fn textbook_safety_stock() {
    // Silver, Pyke & Thomas 2017, §6.10: independent daily demand and lead time.
    // μ = 100, σ = 20, L = 9 ± 0.5: √(9·400 + 10000·0.25) = 78.10, a twelfth of the mean: close to normal,
    // 900 + 1.6449·78.10 = 1028.5.
    let f = Figures { observed_days: 1e9, ..figures(100.0, 20.0, 9.0, 0.5) };
    let quantile = |f: &Figures| reorder_point(&Threshold::Forecast { quantile: 0.95 }, f).unwrap();
    let units = quantile(&f);
    assert!((units - 1028.5).abs() < 5.0, "{units}");
    assert!((safety_stock(units, &f).unwrap() - (units - 900.0)).abs() < 1e-9);
    // Lumpy: mean 10, standard deviation 10 is exponential, −10·ln(0.05), where the normal says 26.4.
    let lumpy = quantile(&Figures { observed_days: 1e9, ..figures(1.0, 10_f64.sqrt(), 10.0, 0.0) });
    assert!((lumpy - 29.957_323).abs() < 1e-4, "{lumpy}");
}

#[test]
fn a_service_level_adds_the_undershoot_to_the_forecast() {
    // μ = 2, σ² = 10, L = 10 of 100 days: m = 20 + 1.5·(5 + 2)/2 = 25.25, v = 100 + 10 + 3.5²/2 = 116.125, third moment
    // 2·10·10²/2 = 1000: 2·116.125²/1000 = 26.97 beyond a shift would be more than there is.
    let f = figures(2.0, 10_f64.sqrt(), 10.0, 0.0);
    assert!((f.undershoot() - 3.5).abs() < 1e-12);
    let units = reorder_point(&dynamic_at(0.95), &f).unwrap();
    assert!((units - gamma_quantile(25.25, 116.125_f64.sqrt(), 0.95)).abs() < 1e-9, "{units}");
    assert!(units > reorder_point(&Threshold::Forecast { quantile: 0.95 }, &f).unwrap());
    // σ² = 20: u = 6, m = 29, v = 200 + 20 + 18 = 238, third moment 4000: 28.322 of m lie beyond the shift.
    let units = reorder_point(&dynamic_at(0.95), &figures(2.0, 20_f64.sqrt(), 10.0, 0.0)).unwrap();
    assert!((units - 0.678 - gamma_quantile(28.322, 238_f64.sqrt(), 0.95)).abs() < 1e-9, "{units}");
}

/// Moments of demand over a random lead time, by enumeration: a day sells 0 or 6, a lead time is short or long.
#[test]
fn the_third_moment_of_lead_time_demand_is_that_of_a_random_sum() {
    let (p, size) = (0.25_f64, 6.0);
    let (late, short, long) = (0.2, 2_i32, 12_i32);
    let moments = |of: &[(f64, f64)]| {
        let mean: f64 = of.iter().map(|(p, x)| p * x).sum();
        [2, 3].map(|k| of.iter().map(|(p, x)| p * (x - mean).powi(k)).sum::<f64>())
    };
    let binomial = |n: i32, k: i32| (0..k).fold(1.0, |all, i| all * f64::from(n - i) / f64::from(i + 1));
    let demand = |days: i32, chance: f64| {
        (0..=days)
            .map(move |k| (chance * binomial(days, k) * p.powi(k) * (1.0 - p).powi(days - k), f64::from(k) * size))
    };
    let all: Vec<_> = demand(short, 1.0 - late).chain(demand(long, late)).collect();
    let [day_variance, day_third] = moments(&[(1.0 - p, 0.0), (p, size)]);
    let [lead_variance, lead_third] = moments(&[(1.0 - late, f64::from(short)), (late, f64::from(long))]);
    let mean_days = (1.0 - late) * f64::from(short) + late * f64::from(long);
    let skew = lead_third / lead_variance.powf(1.5);
    let f = skewed(p * size, day_variance.sqrt(), LeadTime { mean_days, sd_days: lead_variance.sqrt(), skew });
    let [variance, third] = moments(&all);
    assert!((f.lead_time_demand_variance().unwrap() - variance).abs() < 1e-9 * variance);
    // These days are not gamma distributed: their own third moment in its place.
    let gamma_day = 2.0 * day_variance * day_variance / (p * size);
    let known = f.lead_time_demand_third_moment().unwrap() + mean_days * (day_third - gamma_day);
    assert!((known - third).abs() < 1e-9 * third, "{known}, not {third}");
}

#[test]
fn a_skewed_lead_time_asks_for_more() {
    let at = |skew| {
        let lead_time = LeadTime { mean_days: 8.0, sd_days: 6.0, skew };
        reorder_point(&dynamic_at(0.98), &skewed(5.0, 6.0, lead_time)).unwrap()
    };
    assert!(at(3.0) > 1.02 * at(0.5) && at(-1.0) <= at(0.5), "{} {} {}", at(-1.0), at(0.5), at(3.0));
}

#[test]
fn service_is_shared_out_by_weight_within_bounds() {
    let f = figures(2.0, 3.0, 10.0, 1.0);
    let risk = |weight, calibration, level| allocation::risk(&Figures { weight, calibration, ..f }, level);
    assert!((risk(2.0, 0.5, 0.95) - 0.05).abs() < 1e-12 && (risk(2.0, 1.0, 0.95) - 0.1).abs() < 1e-12);
    assert_eq!((risk(100.0, 1.0, 0.95), risk(100.0, 1.0, 0.1)), (0.8, 0.9));
    // An item that turns over more, or whose orders overshoot more, waits longer; a steady one is the measure.
    let weight = |sd, revenue| allocation::weight(&figures(2.0, sd, 10.0, 1.0), revenue);
    assert!((weight(2.0, 0.0) - (1.0 + 2.0 * 2.0 / 28.0)).abs() < 1e-12);
    assert!(weight(2.0, 1.0) > weight(2.0, 0.0) && weight(9.0, 1.0) > weight(2.0, 1.0));
    assert_eq!((weight(0.0, 5.0), weight(1e6, 5.0)), (1.0, 30.0));
}

#[test]
fn a_forecast_of_a_new_item_is_wider() {
    for threshold in [Threshold::Forecast { quantile: 0.95 }, dynamic_at(0.95)] {
        let after = |observed_days| {
            let figures = Figures { observed_days, ..figures(2.0, 3.0, 10.0, 1.0) };
            reorder_point(&threshold, &figures).unwrap()
        };
        assert!(after(0.0) == after(1.0) && after(5.0) > after(50.0) && after(50.0) > after(1e6));
    }
}

#[test]
fn normal_quantiles_are_those_of_the_tables() {
    for (level, z) in [(0.5, 0.0), (0.84134, 1.0), (0.95, 1.644_854), (0.975, 1.959_964), (0.999, 3.090_232)] {
        assert!((dynamic::z(level) - z).abs() < 1e-4, "{level}");
    }
}

#[test]
fn what_needs_a_lead_time_waits_for_one() {
    let f = Figures { lead_time: None, ..figures(3.0, 1.0, 1.0, 0.0) };
    let at = |threshold| reorder_point(&threshold, &f);
    assert_eq!(at(dynamic_at(0.95)), None);
    assert_eq!(at(Threshold::Forecast { quantile: 0.95 }), None);
    assert_eq!(at(Threshold::Fixed { quantity: Quantity::from_units(36) }), Some(36.0));
    assert_eq!(at(Threshold::DaysOfCover { days: 7.0 }), Some(21.0));
    assert_eq!(Plan::new(&dynamic_at(0.95), &f).reorder_point(), None);
}

#[test]
fn lots_are_whole_packs_and_at_least_the_minimum() {
    let mut item = Item::unknown("A");
    let lot = |velocity: f64, item: &Item| order_quantity::lot(velocity, item).to_string();
    assert_eq!(lot(2.5, &item), "35");
    assert_eq!(lot(2.51, &item), "36", "35.14 rounds up to whole units");
    assert_eq!(lot(0.0, &item), "1");
    item.pack_size = Some(Quantity::from_units(12));
    assert_eq!(lot(2.5, &item), "36");
    item.minimum_order_quantity = Some(Quantity::from_units(40));
    assert_eq!(lot(2.5, &item), "48");
    item.pack_size = Some(Quantity::from_thousandths(250));
    item.minimum_order_quantity = None;
    assert_eq!(lot(0.33, &item), "4.75", "4.62 kg in packs of 250 g");
}

#[test]
fn as_many_lots_as_lift_the_position_above_the_reorder_point() {
    let item = Item::unknown("A");
    let order = |position, reorder_point| {
        order_quantity::recommended(1.0, &item, Quantity::from_units(position), reorder_point).to_string()
    };
    assert_eq!(order(36, 36.0), "14");
    assert_eq!(order(23, 36.0), "14", "23 + 14 = 37");
    assert_eq!(order(22, 36.0), "28", "22 + 14 = 36 would not do");
    assert_eq!(order(-50, 36.0), "98");
}

fn row_of(plan: &Plan) -> Vec<u8> {
    let mut row = Vec::new();
    plan.encode(&mut RowWriter::new(&mut row));
    row
}

fn any_threshold() -> impl Strategy<Value = Threshold> {
    prop_oneof![
        (0_i64..1_000_000_000_000_000).prop_map(|q| Threshold::Fixed { quantity: Quantity::from_thousandths(q) }),
        (0.0_f64..3650.0).prop_map(|days| Threshold::DaysOfCover { days }),
        (1e-6_f64..0.999_999).prop_map(|service_level| Threshold::Dynamic { service_level }),
        (1e-6_f64..0.999_999).prop_map(|quantile| Threshold::Forecast { quantile }),
    ]
}

fn wild() -> impl Strategy<Value = f64> {
    prop_oneof![0.0_f64..1e6, Just(0.0), Just(f64::NAN), Just(f64::INFINITY), Just(f64::MAX), Just(-1.0), Just(1e-300)]
}

proptest! {
    #[test]
    fn plans_are_never_nan_and_survive_their_row(threshold in any_threshold(), mu in wild(), sd in wild(), days in wild(), lead in proptest::option::of((wild(), wild(), wild())), weight in wild(), calibration in wild()) {
        let lead_time = lead.map(|(mean_days, sd_days, skew)| LeadTime { mean_days, sd_days, skew });
        let figures = Figures { velocity: mu, velocity_sd: sd, observed_days: days, lead_time, weight, calibration };
        let plan = Plan::new(&threshold, &figures);
        for figure in [plan.reorder_point(), plan.safety_stock()].into_iter().flatten() {
            prop_assert!(figure.is_finite() && figure >= 0.0, "{plan:?}");
        }
        prop_assert_eq!(Plan::decode(&mut RowReader::new(&row_of(&plan)), 2), Ok(plan));
    }

    #[test]
    fn more_service_or_a_longer_lead_time_never_lowers_it(
        mu in 0.0_f64..500.0, lumpiness in 0.0_f64..5.0, lead in 0.5_f64..60.0, spread in 0.0_f64..0.7,
        level in 0.8_f64..0.99, better in 0.0_f64..0.0099, longer in 0.0_f64..30.0, skew in -2.0_f64..4.0,
    ) {
        let figures = |mu, sd, mean_days, sd_days| skewed(mu, sd, LeadTime { mean_days, sd_days, skew });
        let (sd, lead_sd) = (lumpiness * mu, spread * lead);
        for threshold in [|l| Threshold::Dynamic { service_level: l }, |l| Threshold::Forecast { quantile: l }] {
            let at = |level, lead| reorder_point(&threshold(level), &figures(mu, sd, lead, lead_sd)).unwrap();
            let base = at(level, lead);
            prop_assert!(at(level + better, lead) >= base - 1e-6 * base);
        }
        let at = |lead| reorder_point(&dynamic_at(level), &figures(mu, sd, lead, lead_sd)).unwrap();
        prop_assert!(at(lead + longer) >= at(lead) * (1.0 - 1e-6), "{} then {}", at(lead), at(lead + longer));
    }

    #[test]
    fn units_do_not_matter(mu in 0.01_f64..100.0, sd in 0.0_f64..100.0, lead in 0.5_f64..60.0, lead_sd in 0.0_f64..20.0, level in 0.5_f64..0.999, scale in 0.01_f64..1000.0, skew in -2.0_f64..4.0) {
        let figures = |mu, sd, mean_days, sd_days| skewed(mu, sd, LeadTime { mean_days, sd_days, skew });
        for threshold in [Threshold::Dynamic { service_level: level }, Threshold::Forecast { quantile: level }] {
            let one = reorder_point(&threshold, &figures(mu, sd, lead, lead_sd)).unwrap();
            let many = reorder_point(&threshold, &figures(mu * scale, sd * scale, lead, lead_sd)).unwrap();
            prop_assert!((many - one * scale).abs() <= 1e-5 * many.max(1e-9), "{many} against {one} × {scale}");
        }
    }

    #[test]
    fn orders_lift_the_position(velocity in 0.0_f64..1000.0, position in -100_000_i64..100_000, reorder_point in 0.0_f64..10_000.0) {
        let item = Item::unknown("A");
        let position = Quantity::from_thousandths(position);
        let order = order_quantity::recommended(velocity, &item, position, reorder_point);
        prop_assert!(order.is_positive() && (position + order).as_f64() > reorder_point - 1e-3);
    }
}
