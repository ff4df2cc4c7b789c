//! Stock promised to orders that have not been sold yet.

use schemas::row::{RowError, RowReader, RowWriter};
use schemas::time::DAY_MS;
use schemas::{Quantity, Timestamp};

use crate::codec::{Times, list, push};

/// A reservation nobody touched for this long is forgotten: 30 days.
pub const RESERVATION_LIFE_MS: i64 = 30 * DAY_MS;
/// Reservations kept apart per key. Beyond it the oldest two become one under [`SHARED`], which
/// expires with the younger: the reserved sum stays right, and an order not found takes from it.
pub const RESERVATIONS_MAX: usize = 256;
/// Order of the reservations that were merged.
const SHARED: u64 = 0;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Reservation {
    /// Stable hash of the order id.
    order: u64,
    quantity: Quantity,
    /// When it was last added to.
    at: Timestamp,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reservations(Vec<Reservation>);

impl Reservations {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn total(&self) -> Quantity {
        self.0.iter().fold(Quantity::ZERO, |sum, r| sum + r.quantity)
    }

    pub(super) fn reserve(&mut self, order: u64, quantity: Quantity, at: Timestamp) {
        if !quantity.is_positive() {
            return;
        }
        match self.0.iter_mut().find(|r| r.order == order) {
            Some(held) => {
                held.quantity += quantity;
                held.at = held.at.max(at);
            }
            None => push(&mut self.0, Reservation { order, quantity, at }),
        }
        if self.0.len() > RESERVATIONS_MAX {
            self.merge_oldest();
        }
    }

    /// Takes up to `quantity` off the order's reservation.
    pub(super) fn release(&mut self, order: u64, quantity: Quantity) {
        let of = |wanted| self.0.iter().position(|r| r.order == wanted);
        let Some(i) = of(order).or_else(|| of(SHARED)) else { return };
        let held = &mut self.0[i];
        held.quantity -= quantity.min(held.quantity);
        if !held.quantity.is_positive() {
            self.0.remove(i);
        }
    }

    pub(super) fn next_expiry(&self) -> Option<Timestamp> {
        self.0.iter().map(|r| r.at.plus_ms(RESERVATION_LIFE_MS)).min()
    }

    /// Forgets what has expired by `now`, and says how much that was.
    pub(super) fn expire(&mut self, now: Timestamp) -> Quantity {
        let before = self.total();
        self.0.retain(|r| r.at.plus_ms(RESERVATION_LIFE_MS) > now);
        before - self.total()
    }

    fn merge_oldest(&mut self) {
        self.0.sort_by_key(|r| (r.at, r.order));
        let oldest = self.0.remove(0);
        let i = self.0.iter().position(|r| r.order == SHARED).unwrap_or(0);
        self.0[i].order = SHARED;
        self.0[i].quantity += oldest.quantity;
        self.0[i].at = self.0[i].at.max(oldest.at);
    }

    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        w.unsigned(self.0.len() as u64);
        let mut times = Times::default();
        for r in &self.0 {
            w.fixed64(r.order);
            w.quantity(r.quantity);
            times.write(w, r.at);
        }
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let mut times = Times::default();
        list(r, |r| Ok(Reservation { order: r.fixed64()?, quantity: r.quantity()?, at: times.read(r)? })).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_limit_the_sum_stays_right_and_merged_orders_can_still_be_released() {
        let mut reservations = Reservations::default();
        let n = RESERVATIONS_MAX as u64 + 10;
        for i in 1..=n {
            reservations.reserve(i, Quantity::from_units(1), Timestamp::from_millis(i as i64));
        }
        assert_eq!(reservations.0.len(), RESERVATIONS_MAX);
        assert_eq!(reservations.total(), Quantity::from_units(n as i64));
        for i in 1..=n {
            reservations.release(i, Quantity::from_units(1));
        }
        assert!(reservations.is_empty());
    }
}
