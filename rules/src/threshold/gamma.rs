//! The quantile of a gamma distribution, for every key at every day close: Wilson & Hilferty's guess
//! and a step or two of Halley's method instead of a bracketed search (Press et al. 2007, §6.2.1).

use super::dynamic::{inside, z};
use crate::special::{gamma_kernel, gamma_lower, ln_gamma};

/// Above this shape a gamma is a normal to four digits, and its tail is slow to sum.
const NORMAL_ABOVE_SHAPE: f64 = 1e6;
/// Relative step at which the search ends: the next one would be its square.
const CLOSE_ENOUGH: f64 = 1e-7;
const STEPS_MAX: usize = 30;
/// Of what lies beyond a shift. With it nine tenths of a distribution are still below more than its mean.
const SKEW_MAX: f64 = 3.0;

/// Quantile of the gamma with this mean and standard deviation; the mean itself without spread.
#[must_use]
pub fn gamma_quantile(mean: f64, sd: f64, quantile: f64) -> f64 {
    if mean <= 0.0 {
        return 0.0;
    }
    let shape = (mean / sd) * (mean / sd);
    if sd <= 0.0 || !shape.is_finite() || shape <= 0.0 {
        return mean;
    }
    let quantile = inside(quantile);
    if shape > NORMAL_ABOVE_SHAPE {
        return mean + z(quantile) * sd;
    }
    unit_quantile(shape, quantile) * (mean / shape)
}

/// A gamma distribution that begins at `shift` (Pearson's type III): one more moment can be had than with a gamma.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ShiftedGamma {
    /// Never negative.
    pub shift: f64,
    /// Of what lies beyond the shift.
    pub mean: f64,
    pub variance: f64,
}

impl ShiftedGamma {
    /// With these moments. One with less skew than a gamma has would begin below zero: then it is that gamma. One with
    /// more than [`SKEW_MAX`] keeps that: nearly all of it would lie at the shift.
    pub(super) fn new(mean: f64, variance: f64, third_moment: f64) -> Self {
        // The third central moment of a gamma is 2 variance² ÷ mean.
        let beyond = (2.0 * variance * variance / third_moment).max(2.0 * variance.sqrt() / SKEW_MAX);
        if third_moment > 0.0 && beyond < mean {
            return Self { shift: mean - beyond, mean: beyond, variance };
        }
        Self { shift: 0.0, mean, variance }
    }

    pub(super) fn quantile(&self, quantile: f64) -> f64 {
        self.shift + gamma_quantile(self.mean, self.variance.sqrt(), quantile)
    }
}

/// At scale 1.
fn unit_quantile(shape: f64, p: f64) -> f64 {
    let ln_norm = ln_gamma(shape);
    let mut x = first_guess(shape, p);
    for _ in 0..STEPS_MAX {
        if x <= f64::MIN_POSITIVE {
            return 0.0;
        }
        let kernel = gamma_kernel(shape, x, ln_norm);
        let error = gamma_lower(shape, x, kernel) - p;
        let newton = error * x / kernel;
        if !newton.is_finite() {
            break;
        }
        let halley = newton / (1.0 - 0.5 * (newton * ((shape - 1.0) / x - 1.0)).min(1.0));
        // Never below zero: half way there instead.
        let next = if halley < x { x - halley } else { 0.5 * x };
        let step = (next - x).abs();
        x = next;
        if step <= CLOSE_ENOUGH * x {
            break;
        }
    }
    x
}

fn first_guess(shape: f64, p: f64) -> f64 {
    if shape > 1.0 {
        let ninth = 1.0 / (9.0 * shape);
        let root = 1.0 - ninth + z(p) * ninth.sqrt();
        return (shape * root * root * root).max(1e-3);
    }
    let below_one = 1.0 - shape * (0.253 + shape * 0.12);
    if p < below_one {
        libm::pow(p / below_one, 1.0 / shape)
    } else {
        1.0 - libm::log(1.0 - (p - below_one) / (1.0 - below_one))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use statrs::distribution::{ContinuousCDF, Gamma};

    use super::*;

    #[test]
    fn one_delivery_that_was_forgotten_does_not_bring_a_quantile_below_the_mean() {
        // Demand over 5.3 days, one lead time in a hundred of which was 300.
        let demand = ShiftedGamma::new(53.0, 8_600.0, 2.4e7);
        assert!((demand.quantile(0.95) - 53.0) > 1.5 * 8_600_f64.sqrt());
        for skew in [-30.0, 0.0, 1.0, 3.0, 8.0, 30.0] {
            for spread in [0.1, 0.5, 1.0, 3.0] {
                let (mean, sd) = (10.0, 10.0 * spread);
                let demand = ShiftedGamma::new(mean, sd * sd, skew * sd.powi(3));
                assert!(demand.quantile(0.95) > mean, "skew {skew}, spread {spread}: {demand:?}");
            }
        }
    }

    #[test]
    fn quantiles_have_the_moments_asked_for() {
        // Mean 10, sd 10 is exponential: quantile −10·ln(1 − p).
        assert!((gamma_quantile(10.0, 10.0, 0.95) - 29.957_323).abs() < 1e-4);
        // Hardly any spread: the mean. Much: still finite. None at all: the mean.
        assert!((gamma_quantile(10.0, 1e-4, 0.95) - 10.0).abs() < 1e-3);
        assert!(gamma_quantile(1e-3, 1e3, 0.95).is_finite());
        assert_eq!(gamma_quantile(10.0, 0.0, 0.95), 10.0);
        assert_eq!(gamma_quantile(0.0, 1.0, 0.95), 0.0);
    }

    #[test]
    fn a_shift_is_what_more_skew_than_a_gamma_s_takes() {
        // As a gamma, mean 10 and variance 100 have the third moment 2000; a longer tail is an exponential one of mean 5
        // beyond 5.
        assert_eq!(ShiftedGamma::new(10.0, 100.0, 2000.0), ShiftedGamma { shift: 0.0, mean: 10.0, variance: 100.0 });
        assert_eq!(ShiftedGamma::new(10.0, 100.0, -9.0), ShiftedGamma { shift: 0.0, mean: 10.0, variance: 100.0 });
        let shifted = ShiftedGamma::new(10.0, 25.0, 250.0);
        assert_eq!(shifted, ShiftedGamma { shift: 5.0, mean: 5.0, variance: 25.0 });
        assert!((shifted.quantile(0.95) - (5.0 + 5.0 * 2.995_732_3)).abs() < 1e-4);
    }

    proptest! {
        #[test]
        fn its_moments_are_those_asked_for(mean in 0.1_f64..100.0, cv in 0.05_f64..3.0, more in 1.0_f64..20.0) {
            let variance = (cv * mean).powi(2);
            let third = more * 2.0 * variance * variance / mean;
            let of = ShiftedGamma::new(mean, variance, third);
            prop_assert!(of.shift >= 0.0);
            prop_assert!((of.shift + of.mean - mean).abs() <= 1e-9 * mean);
            // The third moment of a gamma, whatever it is shifted by; a skew of 3 at most, or that of the gamma.
            let most = (SKEW_MAX * libm::pow(variance, 1.5)).max(2.0 * variance * variance / mean);
            prop_assert!((2.0 * variance * variance / of.mean / third.min(most) - 1.0).abs() < 1e-9);
        }

        #[test]
        fn it_is_the_inverse_of_the_distribution(log_shape in -1.5_f64..5.0, p in 0.02_f64..0.9999) {
            let shape = libm::pow(10.0, log_shape);
            let x = unit_quantile(shape, p);
            prop_assume!(x > 1e-200);
            let back = Gamma::new(shape, 1.0).unwrap().cdf(x);
            prop_assert!((back - p).abs() <= 1e-6 * (1.0 - p).min(p), "{x} is at {back}, not {p}");
        }
    }
}
