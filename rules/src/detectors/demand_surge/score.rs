//! How much better a surge explains a window's order lines than the usual demand does: a Bayes factor.
//!
//! Lines, not units: one bulk buyer is no surge. The count x of a window with mean m is negative binomial with
//! variance v = m(1 + 0.3(φ − 1)) + m²/(40·rate + 1), at least 1.0001 m: φ is the item's dispersion of daily lines,
//! the second term what is not known about its rate. A surge multiplies mean and variance by k, one of 2, 3, 5 and
//! 10, each as likely as the others (Neyman & Pearson 1933; Kass & Raftery 1995):
//!
//! ```text
//! B = ¼ Σₖ NB(x; km, kr) ÷ NB(x; m, r)        r = m²/(v − m)
//! ln NB(x; km, kr) ÷ NB(x; m, r) = lnΓ(x + kr) − lnΓ(kr) − lnΓ(x + r) + lnΓ(r) − (k − 1) r ln(1 + m/r)
//! ```

use crate::special::{count_tail, ln_gamma};

/// What a window of order lines is expected to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Expectation {
    pub mean: f64,
    pub variance: f64,
}

/// No window is expected to hold fewer lines than this: a rate of zero is ignorance.
const LEAST_MEAN: f64 = 0.01;
const LEAST_OVERDISPERSION: f64 = 1.0001;
/// What a surge multiplies demand by.
const SURGES: [f64; 4] = [2.0, 3.0, 5.0, 10.0];
/// From this shape on the negative binomial is Poisson to the digits that matter.
const POISSON_SHAPE: f64 = 1e7;
/// Keeps a Bayes factor finite.
const LN_HIGHEST: f64 = 690.0;

impl Expectation {
    /// `mean` lines in the window, of an item with `rate` lines a day and `dispersion` φ of daily lines.
    #[must_use]
    pub fn new(mean: f64, rate: f64, dispersion: f64) -> Self {
        let mean = if mean.is_finite() { mean.clamp(LEAST_MEAN, 1e9) } else { LEAST_MEAN };
        let dispersion = if dispersion.is_finite() { dispersion.max(0.0) } else { 1.0 };
        let unknown_rate = mean * mean / (40.0 * rate.max(0.0) + 1.0);
        let variance = mean * (1.0 + 0.3 * (dispersion - 1.0)) + unknown_rate;
        Self { mean, variance: variance.max(LEAST_OVERDISPERSION * mean) }
    }

    /// B of so many lines, up to 10³⁰⁰; 0 for counts that do not exceed the mean.
    #[must_use]
    pub fn bayes_factor(&self, lines: u32) -> f64 {
        let x = f64::from(lines);
        if x <= self.mean {
            return 0.0;
        }
        let ratios = SURGES.map(|k| libm::exp(self.ln_ratio(x, k).min(LN_HIGHEST)));
        ratios.iter().sum::<f64>() / SURGES.len() as f64
    }

    /// log₁₀ P(X ≥ `lines`) without a surge, −300 … 0.
    #[must_use]
    pub fn p_value_log10(&self, lines: u32) -> f64 {
        let x = f64::from(lines);
        if x <= self.mean { 0.0 } else { libm::log10(count_tail(x, self.mean, self.variance)).clamp(-300.0, 0.0) }
    }

    fn ln_ratio(&self, x: f64, k: f64) -> f64 {
        let m = self.mean;
        let r = m * m / (self.variance - m);
        if r.is_finite() && r < POISSON_SHAPE {
            let (usual, surge) = (ln_gamma(x + r) - ln_gamma(r), ln_gamma(x + k * r) - ln_gamma(k * r));
            surge - usual - (k - 1.0) * r * libm::log1p(m / r)
        } else {
            x * libm::log(k) - (k - 1.0) * m
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// ln NB(x; m, r) from its product.
    fn ln_pmf(x: u32, m: f64, r: f64) -> f64 {
        let rising: f64 = (0..x).map(|i| ((r + f64::from(i)) / f64::from(i + 1)).ln()).sum();
        rising - r * (m / r).ln_1p() + f64::from(x) * (m / (m + r)).ln()
    }

    proptest! {
        #[test]
        fn it_is_the_mean_ratio_of_the_probabilities(mean in 0.01_f64..60.0, rate in 0.01_f64..60.0, phi in 0.5_f64..6.0, above in 1_u32..80) {
            let e = Expectation::new(mean, rate, phi);
            let lines = e.mean as u32 + above;
            let r = e.mean * e.mean / (e.variance - e.mean);
            let ratio = |k: f64| (ln_pmf(lines, k * e.mean, k * r) - ln_pmf(lines, e.mean, r)).exp();
            let naive = [2.0, 3.0, 5.0, 10.0].map(ratio).iter().sum::<f64>() / 4.0;
            let found = e.bayes_factor(lines);
            prop_assert!((found - naive).abs() <= 1e-5 * naive, "{found} against {naive}");
        }

        #[test]
        fn more_lines_never_speak_less_for_a_surge(mean in 0.0_f64..1e6, rate in 0.0_f64..1e5, phi in 0.0_f64..50.0, lines in 0_u32..100_000) {
            let e = Expectation::new(mean, rate, phi);
            let (a, b) = (e.bayes_factor(lines), e.bayes_factor(lines + 1));
            prop_assert!(a.is_finite() && b.is_finite() && b >= a * (1.0 - 1e-6), "{a} then {b}");
        }
    }

    #[test]
    fn the_formula_computed_by_hand() {
        // Poisson, x = 5, m = 1: ¼ (2⁵e⁻¹ + 3⁵e⁻² + 5⁵e⁻⁴ + 10⁵e⁻⁹).
        let e = Expectation { mean: 1.0, variance: 1.0 };
        assert!((e.bayes_factor(5) - 28.558_992).abs() < 1e-6, "{}", e.bayes_factor(5));
        // r = 1: NB(3; 2, 2) ÷ NB(3; 1, 1) = 4·(1/2)² ÷ (1/2)… = Γ(5)Γ(1) ÷ (Γ(2)Γ(4)) ÷ 2 = 2.
        let e = Expectation { mean: 1.0, variance: 2.0 };
        assert!((e.ln_ratio(3.0, 2.0).exp() - 2.0).abs() < 1e-9);
    }

    #[test]
    fn impossible_inputs_still_score() {
        let e = Expectation::new(f64::NAN, f64::NAN, f64::NAN);
        assert!(e.bayes_factor(3).is_finite() && e.bayes_factor(u32::MAX).is_finite());
        assert!(e.p_value_log10(u32::MAX).is_finite());
    }

    #[test]
    fn the_p_value_is_that_of_the_count() {
        // P(Poisson(1) ≥ 5) = 0.00365985
        let e = Expectation { mean: 1.0, variance: 1.0 };
        assert!((e.p_value_log10(5) + 2.436_537).abs() < 1e-5);
        assert_eq!(e.p_value_log10(1), 0.0);
    }
}
