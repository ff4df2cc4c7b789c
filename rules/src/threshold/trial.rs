//! A virtual order: would the one given at a reorder point have come in time?
//!
//! Real orders are rarely to be seen: they are placed elsewhere, later, and in other quantities. So a key carries one that is
//! played: a position that falls by the day's demand, and whole lots whenever it is at or below the reorder point. One order at a
//! time is followed until a lead time of the supplier has passed. Its outcome is a score, from which the site learns
//! what risk a service level really allows (`site::service`).

use schemas::row::{RowError, RowReader, RowWriter};

use super::{Figures, LeadTime, ShiftedGamma, dynamic, order_quantity};
use crate::special::{gamma_kernel, gamma_lower, ln_gamma};

const LEAD_DAYS_MAX: f64 = 400.0;
/// Tails below this are this.
const TAIL_MIN: f64 = 1e-7;
/// The step of a sequence that fills [0, 1) evenly (Weyl 1916): lead times are drawn by it.
const GOLDEN: f64 = 0.618_033_988_749_894_8;

/// The virtual stock of one key.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trial {
    /// Inventory position, units.
    position: f32,
    /// Of the order that is followed: the position when it was given, the reorder point beyond the shift of the
    /// distribution that it is a quantile of, demand since.
    held: f32,
    beyond_shift: f32,
    demand: f32,
    /// Moments of that distribution beyond its shift, and the allocation weight.
    mean: f32,
    variance: f32,
    weight: f32,
    orders: u16,
    /// Until the order comes; 0: none is followed.
    days_left: u16,
}

/// What a key's day close tells its virtual stock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrialDay {
    /// Demand of the day that closed, units.
    pub demand: f64,
    /// The reorder point that was computed at its close.
    pub reorder_point: f64,
    /// Where the key begins in the sequence of lead times, in [0, 1).
    pub phase: f64,
    /// Whether an order given now is to be followed.
    pub follow: bool,
}

impl Trial {
    /// Starts one lot above the reorder point.
    #[must_use]
    pub fn new(figures: &Figures, reorder_point: f64) -> Self {
        Self { position: (reorder_point + lot(figures)) as f32, ..Self::default() }
    }

    #[must_use]
    pub fn is_followed(&self) -> bool {
        self.days_left > 0
    }

    /// A day has closed, and the plan was made anew. The score of the order that has come, if one has:
    /// ln(P(demand > what it met) ÷ weight). If the model were exact, its exponential would be below a risk r as often as r.
    pub fn close_day(&mut self, day: &TrialDay, figures: &Figures) -> Option<f64> {
        let score = self.sell(day.demand as f32);
        let short = day.reorder_point - f64::from(self.position);
        if short >= 0.0 {
            if day.follow && !self.is_followed() {
                self.follow(figures, day);
            }
            let lot = lot(figures);
            self.position = (f64::from(self.position) + lot * ((short / lot).floor() + 1.0)) as f32;
        }
        score
    }

    /// Until the order comes, no more can be sold than was there or on its way when it was given: the rest is lost.
    fn sell(&mut self, demand: f32) -> Option<f64> {
        if !self.is_followed() {
            self.position -= demand;
            return None;
        }
        self.position -= demand.min((self.held - self.demand).max(0.0));
        self.demand += demand;
        self.days_left -= 1;
        (self.days_left == 0).then(|| self.score())
    }

    fn follow(&mut self, figures: &Figures, day: &TrialDay) {
        let (Some(lead_time), Some(expected)) = (figures.lead_time, dynamic::demand(figures)) else { return };
        if expected.mean <= 0.0 || expected.variance <= 0.0 {
            return;
        }
        self.orders = self.orders.wrapping_add(1);
        let quantile = (f64::from(self.orders) * GOLDEN + day.phase).fract();
        self.days_left = lead_days(&lead_time, quantile).round().clamp(1.0, LEAD_DAYS_MAX) as u16;
        (self.held, self.demand) = (self.position, 0.0);
        self.beyond_shift = (day.reorder_point - expected.shift) as f32;
        (self.mean, self.variance) = (expected.mean as f32, expected.variance as f32);
        self.weight = figures.weight as f32;
    }

    fn score(&self) -> f64 {
        let (mean, variance) = (f64::from(self.mean), f64::from(self.variance));
        // The distribution counts the undershoot as demand.
        let demand = f64::from(self.demand) + f64::from(self.beyond_shift) - f64::from(self.held);
        let (shape, x) = (mean * mean / variance, demand * mean / variance);
        let tail = if x > 0.0 { 1.0 - gamma_lower(shape, x, gamma_kernel(shape, x, ln_gamma(shape))) } else { 1.0 };
        libm::log(tail.max(TAIL_MIN) / f64::from(self.weight))
    }

    /// Layout: orders, days left, position; while an order is followed the other figures, each four bytes.
    pub fn encode(&self, w: &mut RowWriter<'_>) {
        w.unsigned(u64::from(self.orders));
        w.unsigned(u64::from(self.days_left));
        w.f32(self.position);
        if self.is_followed() {
            let order = [self.held, self.beyond_shift, self.demand, self.mean, self.variance, self.weight];
            for figure in order {
                w.f32(figure);
            }
        }
    }

    pub fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let (orders, days_left) = (r.unsigned()? as u16, r.unsigned()? as u16);
        let mut trial = Self { orders, days_left, position: r.f32()?, ..Self::default() };
        if trial.is_followed() {
            (trial.held, trial.beyond_shift, trial.demand) = (r.f32()?, r.f32()?, r.f32()?);
            (trial.mean, trial.variance, trial.weight) = (r.f32()?, r.f32()?, r.f32()?);
        }
        Ok(trial)
    }
}

/// A lead time with these moments.
fn lead_days(of: &LeadTime, quantile: f64) -> f64 {
    let third_moment = of.skew * of.sd_days * of.sd_days * of.sd_days;
    ShiftedGamma::new(of.mean_days, of.sd_days * of.sd_days, third_moment).quantile(quantile)
}

fn lot(figures: &Figures) -> f64 {
    (figures.velocity * order_quantity::TARGET_DAYS).round().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::threshold::LeadTime;

    fn figures() -> Figures {
        let lead_time = Some(LeadTime { mean_days: 5.0, sd_days: 0.0, skew: 0.0 });
        Figures { velocity: 2.0, velocity_sd: 2.0, observed_days: 1e9, lead_time, weight: 1.0, calibration: 1.0 }
    }

    fn day(demand: f64) -> TrialDay {
        TrialDay { demand, reorder_point: 20.0, phase: 0.25, follow: true }
    }

    /// Scores of so many days.
    fn scores(trial: &mut Trial, demand: &[f64]) -> Vec<Option<f64>> {
        demand.iter().map(|units| trial.close_day(&day(*units), &figures())).collect()
    }

    #[test]
    fn an_order_is_scored_when_its_lead_time_has_passed() {
        let mut trial = Trial::new(&figures(), 20.0);
        assert_eq!(scores(&mut trial, &[2.0; 13]), vec![None; 13]);
        assert!(!trial.is_followed());
        // 48 − 28 = 20: at the reorder point. Five days later it has met ten units.
        let after = scores(&mut trial, &[2.0; 6]);
        assert_eq!(after[..5], [None; 5]);
        let score = after[5].unwrap();
        let expected = dynamic::demand(&figures()).unwrap();
        let (mean, variance) = (expected.mean, expected.variance);
        assert!(expected.shift > 0.0 && expected.shift < 10.0);
        let (shape, x) = (mean * mean / variance, (10.0 - expected.shift) * mean / variance);
        let exactly = 1.0 - gamma_lower(shape, x, gamma_kernel(shape, x, ln_gamma(shape)));
        assert!((score - libm::log(exactly)).abs() < 1e-5, "{score}");
    }

    #[test]
    fn more_demand_scores_lower_and_what_finds_nothing_is_lost() {
        let score = |demand: f64| {
            let mut trial = Trial::new(&figures(), 20.0);
            scores(&mut trial, &[28.0]);
            let score = scores(&mut trial, &[demand / 5.0; 5])[4].unwrap();
            (score, trial.position)
        };
        let all: Vec<(f64, f32)> = [0.0, 5.0, 20.0, 30.0, 300.0].map(score).to_vec();
        assert!(all.windows(2).all(|pair| pair[0].0 > pair[1].0), "{all:?}");
        assert!(
            all.iter().all(|(score, position)| score.is_finite() && *position >= 20.0 && *position <= 48.0),
            "{all:?}"
        );
    }

    #[test]
    fn nothing_is_followed_that_is_not_asked_for() {
        let mut trial = Trial::new(&figures(), 20.0);
        for _ in 0..100 {
            assert_eq!(trial.close_day(&TrialDay { follow: false, ..day(3.0) }, &figures()), None);
        }
        assert!(f64::from(trial.position) > 20.0);
    }

    #[test]
    fn rows_are_read_back() {
        let mut trial = Trial::new(&figures(), 20.0);
        for _ in 0..60 {
            trial.close_day(&day(2.0), &figures());
            let mut row = Vec::new();
            trial.encode(&mut RowWriter::new(&mut row));
            let read = Trial::decode(&mut RowReader::new(&row)).unwrap();
            if trial.is_followed() {
                assert_eq!(read, trial);
            } else {
                assert_eq!((read.position, read.orders), (trial.position, trial.orders));
            }
        }
    }
}
