//! Reorder points: what inventory position calls for an order.
//!
//! One file per threshold type, all from the same [`Figures`]. A [`Plan`] is the last computation
//! for one key; it is kept until the next day close, receipt, or rule or catalogue change, so that
//! the threshold does not move with every sale. Never reads a clock, never yields NaN.

pub mod allocation;
pub mod days_of_cover;
pub mod dynamic;
pub mod fixed;
pub mod forecast;
mod gamma;
pub mod order_quantity;
mod plan;
mod trial;

use gamma::ShiftedGamma;
pub use gamma::gamma_quantile;
pub use plan::{Method, Plan};
pub use trial::{Trial, TrialDay};

use crate::ruleset::Threshold;

/// What a reorder point is made of. Rates are per day, times are days.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// Mean demand, units a day, site level included.
    pub velocity: f64,
    /// Standard deviation of daily demand, units.
    pub velocity_sd: f64,
    /// Days in stock behind both, after weighting.
    pub observed_days: f64,
    /// `None`: no lead time is configured or learned.
    pub lead_time: Option<LeadTime>,
    /// Its share in the stock-outs a service level allows; the mean over orders is 1. See [`allocation`].
    pub weight: f64,
    /// What the allowed risk is multiplied by, so that a promised service level is kept: 1 if the
    /// distribution were exact.
    pub calibration: f64,
}

/// Days from order to receipt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeadTime {
    pub mean_days: f64,
    pub sd_days: f64,
    /// Third central moment ÷ cube of the standard deviation.
    pub skew: f64,
}

impl Figures {
    /// Mean demand over the lead time, units.
    #[must_use]
    pub fn lead_time_demand(&self) -> Option<f64> {
        self.lead_time.map(|l| self.velocity * l.mean_days)
    }

    /// Variance of demand over a random lead time, units²: L σ² + μ² σ_L²
    /// (Silver, Pyke & Thomas 2017, §6.10).
    #[must_use]
    pub fn lead_time_demand_variance(&self) -> Option<f64> {
        let l = self.lead_time?;
        let spread = self.velocity * l.sd_days;
        Some(l.mean_days * self.velocity_sd * self.velocity_sd + spread * spread)
    }

    /// The same of the predictive distribution: the mean rate itself is known only from so many days, which adds
    /// L²σ² ÷ n.
    #[must_use]
    pub fn predictive_variance(&self) -> Option<f64> {
        let spread = self.lead_time?.mean_days * self.velocity_sd;
        Some(self.lead_time_demand_variance()? + spread * spread / self.observed_days.max(1.0))
    }

    /// Third central moment of demand over a random lead time, units³: 2Lσ⁴/μ + 3μσ²σ_L² + μ³γ_Lσ_L³, the third cumulant of
    /// a sum of so many days as the lead time has (its generating function is that of the lead time at that of a day).
    /// A day is gamma distributed, 2σ⁴/μ.
    #[must_use]
    pub fn lead_time_demand_third_moment(&self) -> Option<f64> {
        let l = self.lead_time?;
        if self.velocity <= 0.0 {
            return Some(0.0);
        }
        let (variance, spread) = (self.velocity_sd * self.velocity_sd, self.velocity * l.sd_days);
        let days = 2.0 * l.mean_days * variance * variance / self.velocity;
        Some(days + 3.0 * variance * spread * l.sd_days + l.skew * spread * spread * spread)
    }

    /// Third central moment ÷ cube of the standard deviation; 0 without spread.
    #[must_use]
    pub fn lead_time_demand_skew(&self) -> Option<f64> {
        let variance = self.lead_time_demand_variance()?;
        let third = self.lead_time_demand_third_moment()?;
        Some(if variance > 0.0 { third / (variance * variance.sqrt()) } else { 0.0 })
    }

    /// How far the position is below the reorder point when the order is given, units: (σ²/μ + μ) ÷ 2, the mean
    /// excess of compound demand over a level, looked at once a day (Silver, Pyke & Thomas 2017, §7.3.4). None
    /// without variability.
    #[must_use]
    pub fn undershoot(&self) -> f64 {
        if self.velocity <= 0.0 || self.velocity_sd <= 0.0 {
            return 0.0;
        }
        f64::midpoint(self.variance_to_mean(), self.velocity)
    }

    /// Of daily demand; 0 where nothing is expected.
    #[must_use]
    pub fn variance_to_mean(&self) -> f64 {
        if self.velocity > 0.0 { self.velocity_sd * self.velocity_sd / self.velocity } else { 0.0 }
    }
}

/// The reorder point in units, ≥ 0 and finite. `None` where the type needs a lead time and there is none.
#[must_use]
pub fn reorder_point(threshold: &Threshold, figures: &Figures) -> Option<f64> {
    let units = match *threshold {
        Threshold::Fixed { quantity } => Some(fixed::reorder_point(quantity)),
        Threshold::DaysOfCover { days } => Some(days_of_cover::reorder_point(figures, days)),
        Threshold::Dynamic { service_level } => dynamic::reorder_point(figures, service_level),
        Threshold::Forecast { quantile } => forecast::reorder_point(figures, quantile),
    };
    units.filter(|u| u.is_finite()).map(|u| u.max(0.0))
}

/// Safety stock in units: what the reorder point holds beyond expected lead-time demand, ≥ 0.
#[must_use]
pub fn safety_stock(reorder_point: f64, figures: &Figures) -> Option<f64> {
    figures.lead_time_demand().map(|expected| (reorder_point - expected).max(0.0))
}

#[cfg(test)]
mod tests;
