//! The virtual order of a key, from day close to day close.

use super::Key;
use crate::demand::DayClosed;
use crate::environment::Environment;
use crate::stable_hash::stable_hash;
use crate::state::KeyState;
use crate::threshold::{Method, Trial, TrialDay};

/// Only of items that are known well enough is an order followed: so many days in stock, and so many days with a
/// sale, weighted at half-lives 120 and 60 days. What others sell says more about them than about the model.
const EXPOSURE_DAYS_MIN: f64 = 50.0;
const SALE_DAYS_MIN: f64 = 3.5;

/// The score of the order that came on the day that closed, if one did.
pub(super) fn close_day(env: &Environment<'_>, key: Key<'_>, state: &mut KeyState, closed: &DayClosed) -> Option<f64> {
    let follow = state.demand.exposure_days() >= EXPOSURE_DAYS_MIN
        && state.demand.recent_sale_days() >= SALE_DAYS_MIN
        && env.item.is_replenished();
    let dynamic = state.plan.method() == Method::Dynamic;
    let open = state.trial.as_ref().is_some_and(|trial| trial.is_followed());
    let Some(reorder_point) = state.plan.reorder_point().filter(|_| dynamic && (follow || open)) else {
        state.trial = None;
        return None;
    };
    let figures = state.plan.figures();
    // What was asked for while the shelf was empty is not known: as much as usual, unless that was sold before.
    let hidden = closed.lost_units + closed.out_days.min(1.0 - closed.exposure_days) * figures.velocity;
    let day = TrialDay { demand: closed.units.as_f64() + hidden, reorder_point, phase: phase(key), follow };
    state.trial.get_or_insert_with(|| Box::new(Trial::new(&figures, reorder_point))).close_day(&day, &figures)
}

/// Keys draw their lead times at different points of the same sequence.
fn phase(key: Key<'_>) -> f64 {
    let hash = stable_hash(key.sku) ^ stable_hash(key.location).rotate_left(32);
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}
