//! Dates that cannot be. They are left out: an expiry in another century would hide a risk for ever, a delivery in
//! ten years would count as on order for ten.

use schemas::time::DAY_MS;
use schemas::{Day, Timestamp};

/// No expiry lies further from the lot's receipt than this: 30 years.
const EXPIRY_DAYS_MAX: i64 = 10_957;
/// An order is due within this long of being placed: 2 years.
const DELIVERY_DAYS_MAX: i64 = 731;
/// Clocks and time zones may put a delivery this long before its order.
const DELIVERY_EARLY_MS: i64 = DAY_MS;

/// Of a lot received at `at`.
pub(super) fn expiry_is_possible(expires_on: Day, at: Timestamp) -> bool {
    let received = at.millis().div_euclid(DAY_MS);
    (i64::from(expires_on.0) - received).abs() <= EXPIRY_DAYS_MAX
}

/// Of an order placed at `at`.
pub(super) fn delivery_is_possible(expected_at: Timestamp, at: Timestamp) -> bool {
    let wait_ms = expected_at.since(at);
    (-DELIVERY_EARLY_MS..=DELIVERY_DAYS_MAX * DAY_MS).contains(&wait_ms)
}
