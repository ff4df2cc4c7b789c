//! `dynamic`: expected lead-time demand plus safety stock for a cycle service level.
//!
//! Lead-time demand has mean μL and variance Lσ² + μ²σ_L² (Silver, Pyke & Thomas 2017, §6.10); the
//! reorder point is its quantile at the service level, of a gamma distribution (Burgin 1975,
//! Operational Research Quarterly 26, 507–525). Written with a safety factor k it is the textbook's
//! μL + k·√(Lσ² + μ²σ_L²); k is close to the normal z while the spread is small, and larger where
//! demand is lumpy, which is where the textbook itself warns of the normal (§6.7: a coefficient of
//! variation above one half). Without variability it is the rule of thumb: weekly sales ÷ 7 × lead time.

use statrs::distribution::{ContinuousCDF, Gamma};
use statrs::function::erf::erfc_inv;

use super::Figures;

/// Above this shape a gamma is a normal to four digits, and the search for its quantile is costly.
const NORMAL_ABOVE_SHAPE: f64 = 1e6;

/// In units; `None` without a lead time.
#[must_use]
pub fn reorder_point(figures: &Figures, service_level: f64) -> Option<f64> {
    let mean = figures.lead_time_demand()?;
    let variance = figures.lead_time_demand_variance()?;
    Some(gamma_quantile(mean, variance.sqrt(), service_level))
}

/// Quantile of the gamma with this mean and standard deviation; the mean itself without spread.
#[must_use]
pub fn gamma_quantile(mean: f64, sd: f64, quantile: f64) -> f64 {
    if mean <= 0.0 {
        return 0.0;
    }
    let shape = (mean / sd).powi(2);
    if sd <= 0.0 || !shape.is_finite() {
        return mean;
    }
    if shape > NORMAL_ABOVE_SHAPE {
        return mean + z(quantile) * sd;
    }
    // At unit scale; an impossible shape (zero, after underflow) leaves the mean.
    let unit = Gamma::new(shape, 1.0).map(|gamma| gamma.inverse_cdf(inside(quantile)));
    unit.map_or(mean, |unit| unit * (sd * sd / mean))
}

/// Standard normal quantile.
#[must_use]
pub fn z(service_level: f64) -> f64 {
    -std::f64::consts::SQRT_2 * erfc_inv(2.0 * inside(service_level))
}

/// Levels are kept inside (0, 1), so that quantiles are finite.
fn inside(level: f64) -> f64 {
    level.clamp(1e-9, 1.0 - 1e-9)
}
