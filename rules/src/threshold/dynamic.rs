//! `dynamic`: expected lead-time demand plus safety stock for a cycle service level.
//!
//! Lead-time demand has mean μL and variance Lσ² + μ²σ_L² (Silver, Pyke & Thomas 2017, §6.10); the
//! reorder point is its quantile at the service level, of a gamma distribution (Burgin 1975,
//! Operational Research Quarterly 26, 507–525). Written with a safety factor k it is the textbook's
//! μL + k·√(Lσ² + μ²σ_L²); k is close to the normal z while the spread is small, and larger where
//! demand is lumpy, which is where the textbook itself warns of the normal (§6.7: a coefficient of
//! variation above one half). Without variability it is the rule of thumb: weekly sales ÷ 7 × lead time.

use statrs::function::erf::erfc_inv;

use super::Figures;
use super::gamma::gamma_quantile;

/// In units; `None` without a lead time.
#[must_use]
pub fn reorder_point(figures: &Figures, service_level: f64) -> Option<f64> {
    let mean = figures.lead_time_demand()?;
    let variance = figures.lead_time_demand_variance()?;
    Some(gamma_quantile(mean, variance.sqrt(), service_level))
}

/// Standard normal quantile, to nine decimals: what lies beyond depends on the platform's logarithm.
#[must_use]
pub fn z(service_level: f64) -> f64 {
    let z = -std::f64::consts::SQRT_2 * erfc_inv(2.0 * inside(service_level));
    (z * 1e9).round() / 1e9
}

/// Levels are kept inside (0, 1), so that quantiles are finite.
pub(super) fn inside(level: f64) -> f64 {
    level.clamp(1e-9, 1.0 - 1e-9)
}
