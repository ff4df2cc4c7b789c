//! What a key is expected to sell, and what it tells of its population.

use crate::demand::{LeadTimes, Prior};
use crate::environment::Environment;
use crate::ruleset::Threshold;
use crate::site::ItemDay;
use crate::state::KeyState;
use crate::threshold::{Figures, LeadTime, allocation};

/// How much of a change in the site's level an item is taken to share, as an exponent.
const LEVEL_SHARE: f64 = 0.5;
/// Squared coefficient of variation of rates around what category and price say.
const PRIOR_CV2: f64 = 0.5;
/// Days of exposure that prior is worth at least and at most; and before the spread is known.
const PRIOR_DAYS: (f64, f64) = (2.0, 60.0);
const PRIOR_DAYS_UNKNOWN: f64 = 10.0;
/// Days of exposure the population's power law of dispersion is worth against an item's own.
const DISPERSION_PRIOR_DAYS: f64 = 500.0;
/// Rates below this have the dispersion of this one.
const RATE_MIN: f64 = 0.002;

/// What a reorder point is made of.
pub(super) fn figures(env: &Environment<'_>, state: &KeyState, threshold: &Threshold) -> Figures {
    let expected = expect(env, state);
    let configured = env.item.lead_time_days.map(LeadTimes::configured);
    let supplier = env.item.supplier.as_deref().and_then(|name| env.site.supplier_lead_times(name));
    let prior = match (supplier, configured) {
        (Some(supplier), Some(configured)) => Some(supplier.joined(configured)),
        (one, other) => one.or(other),
    };
    let lead_time = state.lead_time.with_prior(prior);
    // A promotion scales mean and variance alike, and so does the season.
    let days_ahead = lead_time.map_or(1.0, |l| l.mean_days);
    let season = env.season(&state.demand, days_ahead).map_or(1.0, |season| season.factor());
    let velocity = expected.per_day * season * env.mean_planned_uplift(&state.demand, days_ahead);
    let mut figures = Figures {
        velocity,
        velocity_sd: (velocity * expected.variance_to_mean).sqrt(),
        observed_days: expected.days,
        lead_time: lead_time.map(|l| LeadTime { mean_days: l.mean_days, sd_days: l.variance.sqrt(), skew: l.skew() }),
        weight: 1.0,
        calibration: match threshold {
            Threshold::Dynamic { service_level } => env.site.service_factor(*service_level),
            _ => 1.0,
        },
    };
    figures.weight = env.site.mean_weight().map_or(1.0, |mean| weight(env, &figures) / mean);
    figures
}

fn weight(env: &Environment<'_>, figures: &Figures) -> f64 {
    let revenue = figures.velocity * libm::exp(env.site.ln_price(env.item));
    allocation::weight(figures, env.site.revenue_per_day().map_or(0.0, |mean| revenue / mean))
}

/// Daily demand to expect.
struct Expected {
    per_day: f64,
    variance_to_mean: f64,
    /// Days behind it, the prior's included.
    days: f64,
}

/// The prior counts for as many days as it takes an item's own demand to tell it from others of its category:
/// φ ÷ (c²·prior), the credibility of Bühlmann (1967, ASTIN Bulletin 4, 199–207).
fn expect(env: &Environment<'_>, state: &KeyState) -> Expected {
    let level = libm::pow(env.site.level_ratio(), LEVEL_SHARE);
    let per_day = |prior| state.demand.expected_per_day(prior) * level;
    let prior = env.site.rate_of(env.item).map(|rate| {
        let roughly = per_day(Some(Prior { per_day: rate, days: PRIOR_DAYS_UNKNOWN }));
        let days = variance_to_mean(env, state, roughly) / (PRIOR_CV2 * rate);
        Prior { per_day: rate, days: days.clamp(PRIOR_DAYS.0, PRIOR_DAYS.1) }
    });
    let mean = per_day(prior);
    Expected {
        per_day: mean,
        variance_to_mean: variance_to_mean(env, state, mean),
        days: state.demand.exposure_days() + prior.map_or(0.0, |prior| prior.days),
    }
}

/// The item's own dispersion, shrunk in logs to what the population has at this mean; at least that of a Poisson
/// process.
fn variance_to_mean(env: &Environment<'_>, state: &KeyState, mean: f64) -> f64 {
    let own = state.demand.variance_to_mean();
    let ln_mean = libm::log(mean.max(RATE_MIN));
    let Some(law) = env.site.ln_variance_to_mean(ln_mean, env.site.ln_price(env.item)) else {
        return own.unwrap_or(0.0);
    };
    let days = if own.is_some() { state.demand.exposure_days() } else { 0.0 };
    let own = libm::log(own.unwrap_or(1.0).max(1.0));
    libm::exp((days * own + DISPERSION_PRIOR_DAYS * law) / (days + DISPERSION_PRIOR_DAYS)).max(1.0)
}

/// What the day that closed tells of the population.
pub(super) fn item_day<'a>(env: &Environment<'a>, state: &KeyState) -> ItemDay<'a> {
    let figures = state.plan.figures();
    ItemDay {
        category: env.item.category.as_deref(),
        ln_price: env.site.ln_price(env.item),
        per_day: state.demand.slow_per_day(),
        exposure_days: state.demand.exposure_days(),
        variance_to_mean: state.demand.variance_to_mean().unwrap_or(1.0),
        orders_per_day: allocation::orders_per_day(figures.velocity),
        weight: weight(env, &figures),
    }
}
