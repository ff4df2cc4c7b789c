//! `forecast`: a quantile of forecast lead-time demand.
//!
//! As `dynamic`, but of the predictive distribution: the mean rate itself is known only from so many
//! days, which adds L²σ² ÷ n to the variance. For a new item that is most of it; for one with years of
//! history the two types agree.

use super::Figures;
use super::gamma::gamma_quantile;

/// In units; `None` without a lead time.
#[must_use]
pub fn reorder_point(figures: &Figures, quantile: f64) -> Option<f64> {
    let mean = figures.lead_time_demand()?;
    let days = figures.lead_time?.mean_days;
    let spread = days * figures.velocity_sd;
    let unknown_mean = spread * spread / figures.observed_days.max(1.0);
    let variance = figures.lead_time_demand_variance()? + unknown_mean;
    Some(gamma_quantile(mean, variance.sqrt(), quantile))
}
