//! Lots with their expiry dates, first expired first out (FEFO).
//!
//! Stock that came without a lot is not listed; lots go out before it. Where a balance or a count
//! leaves less than the lots hold, the earliest to expire are taken to be the ones that left.

use schemas::row::{RowError, RowReader, RowWriter};
use schemas::{Day, Quantity};

use crate::codec::{insert, list};

/// Lots kept apart per key. Beyond it the two that expire last become one with the earlier of
/// their dates: the quantity stays right, and no risk is hidden.
pub const LOTS_MAX: usize = 64;

/// What is left of one lot.
#[derive(Clone, Debug, PartialEq)]
pub struct Lot {
    pub lot: Box<str>,
    pub quantity: Quantity,
    /// Last local day it can be sold; `None` if nobody said.
    pub expires_on: Option<Day>,
}

impl Lot {
    fn order(&self) -> Day {
        self.expires_on.unwrap_or(Day(i32::MAX))
    }
}

/// Sorted by expiry, undated lots last.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Lots(Vec<Lot>);

impl Lots {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn list(&self) -> &[Lot] {
        &self.0
    }

    pub(super) fn receive(&mut self, lot: &str, quantity: Quantity, expires_on: Option<Day>) {
        if !quantity.is_positive() {
            return;
        }
        if let Some(held) = self.0.iter_mut().find(|l| *l.lot == *lot && l.expires_on == expires_on) {
            held.quantity += quantity;
            return;
        }
        let new = Lot { lot: lot.into(), quantity, expires_on };
        let at = self.0.partition_point(|l| l.order() <= new.order());
        insert(&mut self.0, at, new);
        if self.0.len() > LOTS_MAX {
            let last = self.0.pop();
            if let (Some(last), Some(kept)) = (last, self.0.last_mut()) {
                kept.quantity += last.quantity;
            }
        }
    }

    /// Takes `quantity` out, first expired first; what the lots do not hold left without one.
    pub(super) fn issue(&mut self, mut quantity: Quantity) {
        let mut gone = 0;
        for lot in &mut self.0 {
            if !quantity.is_positive() {
                break;
            }
            let taken = quantity.min(lot.quantity);
            lot.quantity -= taken;
            quantity -= taken;
            gone += usize::from(lot.quantity.is_zero());
        }
        self.0.drain(..gone);
    }

    /// Lots cannot hold more than is on hand.
    pub(super) fn cap(&mut self, on_hand: Quantity) {
        let total = self.0.iter().fold(Quantity::ZERO, |sum, l| sum + l.quantity);
        self.issue(total - on_hand.max(Quantity::ZERO));
    }

    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        w.unsigned(self.0.len() as u64);
        for lot in &self.0 {
            w.text(&lot.lot);
            w.quantity(lot.quantity);
            w.option(lot.expires_on, |w, day| w.signed(i64::from(day.0)));
        }
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        list(r, |r| {
            let (lot, quantity) = (r.text()?.into(), r.quantity()?);
            let expires_on = r.option(|r| r.signed().map(|day| Day(day as i32)))?;
            Ok(Lot { lot, quantity, expires_on })
        })
        .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lots(of: &[(&str, i64, Option<i32>)]) -> Lots {
        let mut lots = Lots::default();
        for (lot, units, day) in of {
            lots.receive(lot, Quantity::from_units(*units), day.map(Day));
        }
        lots
    }

    fn left(lots: &Lots) -> Vec<(&str, i64)> {
        lots.0.iter().map(|l| (&*l.lot, l.quantity.thousandths() / 1000)).collect()
    }

    #[test]
    fn first_expired_is_first_out() {
        let mut lots = lots(&[("none", 5, None), ("late", 5, Some(30)), ("early", 5, Some(10)), ("late", 1, Some(30))]);
        lots.issue(Quantity::from_units(7));
        assert_eq!(left(&lots), [("late", 4), ("none", 5)]);
        lots.cap(Quantity::from_units(3));
        assert_eq!(left(&lots), [("none", 3)]);
        lots.cap(Quantity::from_units(-2));
        assert!(lots.is_empty());
    }

    #[test]
    fn at_the_limit_the_sum_stays_right_and_dates_only_move_earlier() {
        let mut lots = Lots::default();
        for i in 0..LOTS_MAX as i32 + 9 {
            lots.receive(&i.to_string(), Quantity::from_units(1), Some(Day(i)));
        }
        assert_eq!(lots.0.len(), LOTS_MAX);
        assert_eq!(left(&lots).iter().map(|l| l.1).sum::<i64>(), LOTS_MAX as i64 + 9);
        assert_eq!(lots.0.last().unwrap().expires_on, Some(Day(LOTS_MAX as i32 - 1)));
    }
}
