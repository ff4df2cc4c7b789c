//! `forecast`: a quantile of forecast lead-time demand.
//!
//! Of the predictive distribution of every single item: nothing is shared out among items and nothing is added for
//! what an order comes too late by. For a new item most of the variance is that its mean is not known yet.

use super::{Figures, ShiftedGamma};

/// In units; `None` without a lead time.
#[must_use]
pub fn reorder_point(figures: &Figures, quantile: f64) -> Option<f64> {
    let (mean, variance) = (figures.lead_time_demand()?, figures.predictive_variance()?);
    Some(ShiftedGamma::new(mean, variance, figures.lead_time_demand_third_moment()?).quantile(quantile))
}
