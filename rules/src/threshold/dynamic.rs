//! `dynamic`: expected lead-time demand plus safety stock for a cycle service level.
//!
//! Lead-time demand has mean μL and variance Lσ² + μ²σ_L² (Silver, Pyke & Thomas 2017, §6.10), and L²σ²/n more
//! because the mean is known from n days only. The position is below the reorder point by the undershoot u when
//! the order is given, which adds 3/2 u to the mean and u²/2 to the variance. The third central moment is that of
//! lead-time demand, which knows how skewed the lead time is: what the mean is not known by, and the undershoot, are
//! taken for symmetric. The reorder point is the quantile of a shifted gamma distribution with these moments (Burgin 1975,
//! Operational Research Quarterly 26, 507–525, without the shift) that is exceeded with the risk the item is allowed
//! ([`super::allocation`]). Without variability it is the rule of thumb: weekly sales ÷ 7 × lead time.

use statrs::function::erf::erfc_inv;

use super::{Figures, ShiftedGamma, allocation};

/// Undershoots counted, and their variance: of a uniform distribution from 0 to twice the mean it is u²/3.
const UNDERSHOOTS: f64 = 1.5;
const UNDERSHOOT_VARIANCE: f64 = 1.0 / 3.0;

/// In units; `None` without a lead time.
#[must_use]
pub fn reorder_point(figures: &Figures, service_level: f64) -> Option<f64> {
    Some(demand(figures)?.quantile(1.0 - allocation::risk(figures, service_level)))
}

/// The demand that the reorder point is a quantile of, in units.
pub(super) fn demand(figures: &Figures) -> Option<ShiftedGamma> {
    let undershoot = figures.undershoot();
    let mean = figures.lead_time_demand()? + UNDERSHOOTS * undershoot;
    let variance = figures.predictive_variance()? + UNDERSHOOTS * UNDERSHOOT_VARIANCE * undershoot * undershoot;
    Some(ShiftedGamma::new(mean, variance, figures.lead_time_demand_third_moment()?))
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
