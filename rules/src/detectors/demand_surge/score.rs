//! How unlikely so many order lines are: a negative binomial upper tail, on a log scale.
//!
//! Lines, not units: one bulk buyer is no surge. The count of a window with mean m has variance
//! m(1 + 0.3(φ − 1)) + m²/(40·rate + 1): φ is the item's own dispersion of daily lines, the second
//! term what is not known about its rate.

use crate::special::{beta_regularised, gamma_kernel, gamma_lower, ln_gamma};

/// What a window of order lines is expected to hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expectation {
    pub mean: f64,
    pub variance: f64,
}

/// No window is expected to hold fewer lines than this: a rate of zero is ignorance.
const LEAST_MEAN: f64 = 0.01;

/// Beyond this a score says no more.
const HIGHEST: f64 = 300.0;

impl Expectation {
    /// `mean` lines in the window, of an item with `rate` lines a day and `dispersion` φ of daily lines.
    #[must_use]
    pub fn new(mean: f64, rate: f64, dispersion: f64) -> Self {
        let mean = if mean.is_finite() { mean.clamp(LEAST_MEAN, 1e9) } else { LEAST_MEAN };
        let dispersion = if dispersion.is_finite() { dispersion.max(0.0) } else { 1.0 };
        let unknown_rate = mean * mean / (40.0 * rate.max(0.0) + 1.0);
        Self { mean, variance: mean * (1.0 + 0.3 * (dispersion - 1.0)) + unknown_rate }
    }

    /// −log₁₀ P(X ≥ `lines`), 0 … 300; 0 for counts that do not exceed the mean.
    #[must_use]
    pub fn score(&self, lines: u32) -> f64 {
        let x = f64::from(lines);
        if x <= self.mean {
            return 0.0;
        }
        let tail = self.tail(x).clamp(0.0, 1.0);
        if tail <= 0.0 { HIGHEST } else { (-libm::log10(tail)).clamp(0.0, HIGHEST) }
    }

    /// P(X ≥ x) = I_{m/(m+r)}(x, r) with r = m²/(v − m); without overdispersion the Poisson limit P(x, m).
    /// For x above the mean both are computed without cancellation, however small.
    fn tail(&self, x: f64) -> f64 {
        let r = self.mean * self.mean / (self.variance - self.mean);
        let tail = if r > 0.0 && r < 1e7 {
            beta_regularised(x, r, self.mean / (self.mean + r))
        } else {
            gamma_lower(x, self.mean, gamma_kernel(x, self.mean, ln_gamma(x)))
        };
        if tail.is_finite() { tail } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The tail summed term by term from its recurrence, in logs.
    fn naive_score(e: &Expectation, lines: u32) -> f64 {
        let r = e.mean * e.mean / (e.variance - e.mean);
        let q = e.mean / (e.mean + r);
        let mut log_term = -r * (e.mean / r).ln_1p();
        let mut logs = Vec::new();
        for k in 0..lines + 4000 {
            if k >= lines {
                logs.push(log_term);
            }
            log_term += ((f64::from(k) + r) / (f64::from(k) + 1.0) * q).ln();
        }
        let top = logs.iter().copied().fold(f64::MIN, f64::max);
        -(top + logs.iter().map(|l| (l - top).exp()).sum::<f64>().ln()) / std::f64::consts::LN_10
    }

    proptest! {
        #[test]
        fn the_score_is_the_log_of_the_summed_tail(mean in 0.01_f64..60.0, rate in 0.01_f64..60.0, phi in 1.0_f64..6.0, above in 1_u32..80) {
            let e = Expectation::new(mean, rate, phi);
            let lines = e.mean as u32 + above;
            let naive = naive_score(&e, lines);
            prop_assume!(naive < 290.0);
            prop_assert!((e.score(lines) - naive).abs() <= 1e-6 * naive.max(1.0), "{} against {naive}", e.score(lines));
        }

        #[test]
        fn more_lines_are_never_less_surprising(mean in 0.0_f64..1e6, rate in 0.0_f64..1e5, phi in 0.0_f64..50.0, lines in 0_u32..100_000) {
            let e = Expectation::new(mean, rate, phi);
            let (a, b) = (e.score(lines), e.score(lines + 1));
            prop_assert!(a.is_finite() && b.is_finite() && b >= a - 1e-9, "{a} then {b}");
        }
    }

    #[test]
    fn without_overdispersion_it_is_poisson() {
        // P(Poisson(1) ≥ 5) = 0.00365985
        let e = Expectation { mean: 1.0, variance: 1.0 };
        assert!((e.score(5) - 2.436_537).abs() < 1e-5);
    }

    #[test]
    fn impossible_inputs_still_score() {
        let e = Expectation::new(f64::NAN, f64::NAN, f64::NAN);
        assert!(e.score(3).is_finite() && e.score(u32::MAX).is_finite());
    }
}
