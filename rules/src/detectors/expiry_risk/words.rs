//! What people are told about lots at risk.

use schemas::{AlertState, Message};

use super::projection::Projection;
use crate::alerts::messages::{chinese_day, expired, iso, of};
use crate::detectors::Sight;

pub(super) fn message(sight: &Sight<'_>, state: AlertState, projection: &Projection<'_>) -> Message {
    let first = match (state, projection.lots().first()) {
        (AlertState::Expired, _) => return expired(sight, "expiry", "临期"),
        (AlertState::Resolved, _) | (_, None) => {
            return of(
                sight,
                "what is left will sell before it expires. Nothing to do.",
                "剩余库存可在到期前售完,无需处理。",
            );
        }
        (_, Some(first)) => first,
    };
    let (gone, at_risk) = (projection.expired(), projection.at_risk());
    if gone.is_positive() {
        return of(
            sight,
            &format!("{gone} expired, first lot {}. Take them off the shelf.", first.lot),
            &format!("已有 {gone} 过期,最早批次 {}。请立即下架。", first.lot),
        );
    }
    let day = iso(first.expires_on);
    of(
        sight,
        &format!("{at_risk} will not sell in time, first lot {} on {day}. Mark them down or move them.", first.lot),
        &format!(
            "预计 {at_risk} 无法在到期前售出,最早批次 {} 于 {} 到期。请降价或调拨。",
            first.lot,
            chinese_day(&day)
        ),
    )
}
