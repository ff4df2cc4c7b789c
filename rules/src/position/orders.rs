//! What has been ordered from suppliers and has not come yet.

use schemas::row::{RowError, RowReader, RowWriter};
use schemas::time::DAY_MS;
use schemas::{Quantity, Timestamp};

use super::effect::Receipt;
use crate::codec::{Times, list, push};

/// Open purchase orders kept apart per key. Beyond it the two that were ordered first become one
/// under [`SHARED`]: the sum on order stays right, and a receipt of a purchase order not found
/// takes from it.
pub const ORDERS_MAX: usize = 64;
/// Purchase order of those that were merged.
const SHARED: u64 = 0;

/// The open rest of one purchase order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PurchaseOrder {
    /// Stable hash of the purchase order's id.
    po: u64,
    pub open: Quantity,
    pub ordered_at: Timestamp,
    pub expected_at: Option<Timestamp>,
    /// A part of it has come.
    pub received: bool,
}

impl PurchaseOrder {
    /// When it should have come, and over how long it loses its weight after that: its own lead
    /// time. `None` for an order nobody gave a date, of an item without a lead time.
    fn due(&self, lead_time_days: Option<f64>) -> Option<(Timestamp, i64)> {
        let lead_ms = lead_time_days.filter(|d| d.is_finite() && *d > 0.0).map(|d| (d * DAY_MS as f64) as i64);
        let due = self.expected_at.or_else(|| lead_ms.map(|ms| self.ordered_at.plus_ms(ms)))?;
        let own = due.since(self.ordered_at);
        Some((due, if own > 0 { own } else { lead_ms.unwrap_or(DAY_MS) }))
    }

    /// The part of the open rest that still counts at `at`: all of it until it is due, then ever
    /// less, nothing after one further lead time.
    #[must_use]
    pub fn weighted(&self, at: Timestamp, lead_time_days: Option<f64>) -> Quantity {
        let Some((due, span)) = self.due(lead_time_days) else { return self.open };
        let left = (span - at.since(due).max(0)).max(0).min(span);
        let part = i128::from(self.open.thousandths()) * i128::from(left) / i128::from(span);
        Quantity::from_thousandths(part as i64)
    }

    #[must_use]
    pub fn is_overdue(&self, at: Timestamp, lead_time_days: Option<f64>) -> bool {
        self.due(lead_time_days).is_some_and(|(due, _)| at > due)
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Orders(Vec<PurchaseOrder>);

impl Orders {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn list(&self) -> &[PurchaseOrder] {
        &self.0
    }

    /// A second `ordered` of the same purchase order adds to it and may move its date.
    pub(super) fn order(&mut self, po: u64, quantity: Quantity, at: Timestamp, expected_at: Option<Timestamp>) {
        if !quantity.is_positive() {
            return;
        }
        match self.0.iter_mut().find(|o| o.po == po) {
            Some(order) => {
                order.open += quantity;
                order.expected_at = expected_at.or(order.expected_at);
            }
            None => {
                push(&mut self.0, PurchaseOrder { po, open: quantity, ordered_at: at, expected_at, received: false });
            }
        }
        if self.0.len() > ORDERS_MAX {
            self.merge_oldest();
        }
    }

    /// Over-delivery closes the order; a receipt of an order not known changes nothing here.
    pub(super) fn receive(&mut self, po: Option<u64>, quantity: Quantity, at: Timestamp) -> Receipt {
        let Some(i) = po.and_then(|po| self.find(po)) else { return Receipt { lead_days: None } };
        let order = &mut self.0[i];
        let first = order.po != SHARED && !order.received;
        let lead_ms = at.since(order.ordered_at);
        order.received = true;
        self.take(i, quantity);
        Receipt { lead_days: (first && lead_ms >= 0).then(|| lead_ms as f64 / DAY_MS as f64) }
    }

    /// `None` cancels the whole open rest.
    pub(super) fn cancel(&mut self, po: u64, quantity: Option<Quantity>) {
        match (self.find(po), quantity) {
            (Some(i), Some(quantity)) => self.take(i, quantity),
            // The whole rest of one merged order is not known: the others must not go with it.
            (Some(i), None) if self.0[i].po != SHARED => {
                self.0.remove(i);
            }
            _ => {}
        }
    }

    fn find(&self, po: u64) -> Option<usize> {
        let of = |wanted| self.0.iter().position(|o| o.po == wanted);
        of(po).or_else(|| of(SHARED))
    }

    fn take(&mut self, i: usize, quantity: Quantity) {
        let order = &mut self.0[i];
        order.open -= quantity.min(order.open);
        if !order.open.is_positive() {
            self.0.remove(i);
        }
    }

    fn merge_oldest(&mut self) {
        self.0.sort_by_key(|o| (o.ordered_at, o.po));
        let oldest = self.0.remove(0);
        let i = self.0.iter().position(|o| o.po == SHARED).unwrap_or(0);
        let kept = &mut self.0[i];
        kept.po = SHARED;
        kept.open += oldest.open;
        kept.ordered_at = kept.ordered_at.max(oldest.ordered_at);
        kept.expected_at = kept.expected_at.max(oldest.expected_at);
        kept.received |= oldest.received;
    }

    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        w.unsigned(self.0.len() as u64);
        let mut times = Times::default();
        for o in &self.0 {
            w.fixed64(o.po);
            w.quantity(o.open);
            times.write(w, o.ordered_at);
            w.u8(u8::from(o.received) | u8::from(o.expected_at.is_some()) << 1);
            if let Some(expected) = o.expected_at {
                w.signed(expected.since(o.ordered_at));
            }
        }
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let mut times = Times::default();
        list(r, |r| order(r, &mut times)).map(Self)
    }
}

fn order(r: &mut RowReader<'_>, times: &mut Times) -> Result<PurchaseOrder, RowError> {
    let (po, open, ordered_at) = (r.fixed64()?, r.quantity()?, times.read(r)?);
    let flags = r.u8()?;
    let expected_at = if flags & 2 == 0 { None } else { Some(ordered_at.plus_ms(r.signed()?)) };
    Ok(PurchaseOrder { po, open, ordered_at, expected_at, received: flags & 1 != 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: i64) -> Timestamp {
        Timestamp::from_millis(n * DAY_MS)
    }

    fn units(n: i64) -> Quantity {
        Quantity::from_units(n)
    }

    #[test]
    fn an_overdue_order_loses_its_weight_over_one_further_lead_time() {
        let mut orders = Orders::default();
        orders.order(7, units(100), day(0), Some(day(10)));
        let weight = |d| orders.0[0].weighted(day(d), Some(3.0));
        assert_eq!([weight(0), weight(10), weight(15), weight(20), weight(99)], [100, 100, 50, 0, 0].map(units));
        orders.0[0].expected_at = None;
        let weight = |d, lead| orders.0[0].weighted(day(d), lead);
        assert_eq!([weight(4, Some(4.0)), weight(6, Some(4.0)), weight(99, None)], [100, 50, 100].map(units));
    }

    #[test]
    fn parts_and_over_delivery_close_an_order_and_only_the_first_part_is_a_lead_time() {
        let mut orders = Orders::default();
        orders.order(7, units(10), day(0), None);
        assert_eq!(orders.receive(Some(7), units(4), day(5)).lead_days, Some(5.0));
        assert_eq!(orders.0[0].open, units(6));
        assert_eq!(orders.receive(Some(7), units(8), day(9)).lead_days, None);
        assert!(orders.is_empty());
        assert_eq!(orders.receive(Some(7), units(1), day(9)).lead_days, None);
        assert_eq!(orders.receive(None, units(1), day(9)).lead_days, None);
    }

    #[test]
    fn at_the_limit_the_sum_stays_right() {
        let mut orders = Orders::default();
        let n = ORDERS_MAX as u64 + 5;
        for po in 1..=n {
            orders.order(po, units(2), day(po as i64), None);
        }
        let open = |orders: &Orders| orders.0.iter().fold(Quantity::ZERO, |sum, o| sum + o.open);
        assert_eq!((orders.0.len(), open(&orders)), (ORDERS_MAX, units(2 * n as i64)));
        for po in 1..=n {
            orders.receive(Some(po), units(2), day(100));
        }
        assert!(orders.is_empty());
    }
}
