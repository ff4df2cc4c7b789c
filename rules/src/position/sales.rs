//! The sales of the last 24 hours, so that a cancellation finds the window its sale was in.

use schemas::row::{RowError, RowReader, RowWriter};
use schemas::time::DAY_MS;
use schemas::{Quantity, Timestamp};

use crate::codec::{Times, list, push};

/// A sale can be taken back in its own window for this long.
pub const CANCELLATION_MS: i64 = DAY_MS;
/// Sales remembered per key. Beyond it the oldest is forgotten: its cancellation then finds no
/// sale, and takes the demand back at its own instant instead.
pub const SALES_MAX: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Sale {
    /// Low half of the order id's stable hash: enough among [`SALES_MAX`].
    order: u32,
    quantity: Quantity,
    at: Timestamp,
    /// It came too late for its window: its cancellation has nothing to take back.
    late: bool,
}

/// In order of arrival.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RecentSales(Vec<Sale>);

/// What of a cancellation could be matched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cancelled {
    pub quantity: Quantity,
    /// Sales that are gone altogether.
    pub lines: i32,
    /// The instant of the latest of them.
    pub sold_at: Timestamp,
}

impl RecentSales {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn push(&mut self, order: u64, quantity: Quantity, at: Timestamp) {
        self.prune(at);
        if self.0.len() == SALES_MAX {
            self.0.remove(0);
        }
        push(&mut self.0, Sale { order: order as u32, quantity, at, late: false });
    }

    /// The newest sale, if it is of `at`, was kept out of its window.
    pub(super) fn mark_late(&mut self, at: Timestamp) {
        if let Some(sale) = self.0.last_mut().filter(|sale| sale.at == at) {
            sale.late = true;
        }
    }

    /// Forgets the sales that nobody can cancel in their window any more at `now`; one that arrived
    /// behind a later one stays as long as that.
    pub(super) fn prune(&mut self, now: Timestamp) {
        let over = self.0.iter().take_while(|sale| now.since(sale.at) > CANCELLATION_MS).count();
        self.0.drain(..over);
    }

    /// Takes up to `quantity` back from the order's sales, the latest first; an order's lines that
    /// straddle midnight go back into the window of the latest. `None` if there is no such sale.
    pub(super) fn cancel(&mut self, order: u64, quantity: Quantity, at: Timestamp) -> Option<Cancelled> {
        let mut found: Option<Cancelled> = None;
        let mut rest = quantity;
        for i in (0..self.0.len()).rev() {
            let sale = self.0[i];
            if sale.order != order as u32 || at.since(sale.at) > CANCELLATION_MS || !rest.is_positive() {
                continue;
            }
            let taken = rest.min(sale.quantity);
            rest -= taken;
            let found = found.get_or_insert(Cancelled { quantity: Quantity::ZERO, lines: 0, sold_at: sale.at });
            if !sale.late {
                found.quantity += taken;
                found.lines += i32::from(taken == sale.quantity);
            }
            if taken == sale.quantity {
                self.0.remove(i);
            } else {
                self.0[i].quantity -= taken;
            }
        }
        found
    }

    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        w.unsigned(self.0.len() as u64);
        let mut times = Times::default();
        for s in &self.0 {
            w.unsigned(u64::from(s.order) << 1 | u64::from(s.late));
            w.quantity(s.quantity);
            times.write(w, s.at);
        }
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let mut times = Times::default();
        list(r, |r| {
            let order = r.unsigned()?;
            let (quantity, at) = (r.quantity()?, times.read(r)?);
            Ok(Sale { order: (order >> 1) as u32, quantity, at, late: order & 1 != 0 })
        })
        .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(n: i64) -> Quantity {
        Quantity::from_units(n)
    }

    fn hour(n: i64) -> Timestamp {
        Timestamp::from_millis(n * DAY_MS / 24)
    }

    #[test]
    fn a_cancellation_goes_back_to_its_sale_for_24_hours() {
        let mut sales = RecentSales::default();
        sales.push(1, units(5), hour(0));
        sales.push(2, units(3), hour(1));
        assert_eq!(sales.cancel(9, units(1), hour(2)), None);
        let part = Cancelled { quantity: units(2), lines: 0, sold_at: hour(0) };
        assert_eq!(sales.cancel(1, units(2), hour(2)), Some(part));
        let rest = Cancelled { quantity: units(3), lines: 1, sold_at: hour(0) };
        assert_eq!(sales.cancel(1, units(4), hour(24)), Some(rest), "only what was sold comes back");
        assert_eq!(sales.cancel(2, units(3), hour(26)), None, "after 24 h it is another matter");
    }

    #[test]
    fn memory_is_bounded() {
        let mut sales = RecentSales::default();
        for i in 0..1000 {
            sales.push(i, units(1), hour(1));
        }
        assert_eq!(sales.0.len(), SALES_MAX);
        assert!(sales.cancel(999, units(1), hour(2)).is_some() && sales.cancel(0, units(1), hour(2)).is_none());
        sales.prune(hour(26));
        assert!(sales.is_empty());
    }
}
