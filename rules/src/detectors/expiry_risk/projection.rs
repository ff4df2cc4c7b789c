//! What is left of each lot when it expires, if it sells at the present velocity, first expired first out.
//!
//! A lot can be sold through its last day. Stock without a lot leaves after the lots, as in the position's fold.

use schemas::{Day, Quantity};

use crate::position::Lot;

/// What of one lot will not sell in time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LotAtRisk<'a> {
    pub lot: &'a str,
    pub quantity: Quantity,
    pub at_risk: Quantity,
    pub expires_on: Day,
    /// Whole days after today on which it can still be sold; negative once it has expired.
    pub days_left: i32,
}

/// The lots at risk, first expired first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Projection<'a>(Vec<LotAtRisk<'a>>);

impl<'a> Projection<'a> {
    /// Of `lots` in order of expiry, those that expire by `today` + `warning_days`. Units a day.
    pub(super) fn new(lots: &'a [Lot], velocity: f64, today: Day, warning_days: i32) -> Self {
        let mut sold = 0.0;
        let mut at_risk = Vec::new();
        for lot in lots {
            let Some(expires_on) = lot.expires_on else { break };
            let days_left = expires_on.0.saturating_sub(today.0);
            if days_left > warning_days {
                break;
            }
            // Today counts whole: what it will still sell is not known better than to a day.
            let days = f64::from(days_left.saturating_add(1).max(0));
            let sells = (velocity * days - sold).clamp(0.0, lot.quantity.as_f64());
            sold += sells;
            let left = Quantity::from_thousandths(((lot.quantity.as_f64() - sells) * 1000.0).round() as i64);
            if left.is_positive() {
                let quantity = lot.quantity;
                at_risk.push(LotAtRisk { lot: &lot.lot, quantity, at_risk: left, expires_on, days_left });
            }
        }
        Self(at_risk)
    }

    pub(super) fn lots(&self) -> &[LotAtRisk<'a>] {
        &self.0
    }

    pub(super) fn at_risk(&self) -> Quantity {
        self.0.iter().fold(Quantity::ZERO, |sum, lot| sum + lot.at_risk)
    }

    /// Of it, what has expired already.
    pub(super) fn expired(&self) -> Quantity {
        self.0.iter().filter(|lot| lot.days_left < 0).fold(Quantity::ZERO, |sum, lot| sum + lot.at_risk)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lots(of: &[(i64, i32)]) -> Vec<Lot> {
        let lot = |(units, day): &(i64, i32)| Lot {
            lot: format!("L{day}").into(),
            quantity: Quantity::from_units(*units),
            expires_on: Some(Day(*day)),
        };
        of.iter().map(lot).collect()
    }

    fn left(projection: &Projection<'_>) -> Vec<i64> {
        projection.lots().iter().map(|lot| lot.at_risk.thousandths() / 1000).collect()
    }

    #[test]
    fn first_expired_sells_first_and_what_is_left_is_at_risk() {
        // Two a day from day 10: six by the end of day 12, twelve by the end of day 15.
        let stock = lots(&[(5, 8), (10, 12), (7, 15), (9, 60)]);
        assert_eq!(left(&Projection::new(&stock, 2.0, Day(10), 14)), [5, 4, 1]);
        assert_eq!(Projection::new(&stock, 2.0, Day(10), 14).expired(), Quantity::from_units(5));
        assert_eq!(left(&Projection::new(&stock, 2.0, Day(10), 2)), [5, 4]);
        assert_eq!(left(&Projection::new(&stock, 0.0, Day(10), 90)), [5, 10, 7, 9]);
    }

    proptest! {
        #[test]
        fn faster_sales_and_fewer_days_of_warning_never_add_to_the_risk(
            mut of in proptest::collection::vec((1_i64..50, 0_i32..60), 0..12),
            velocity in 0.0_f64..20.0, faster in 0.0_f64..20.0, warning in 0_i32..60,
        ) {
            of.sort_by_key(|lot| lot.1);
            let stock = lots(&of);
            let risk = |velocity, warning| Projection::new(&stock, velocity, Day(20), warning).at_risk();
            prop_assert!(risk(velocity + faster, warning) <= risk(velocity, warning));
            prop_assert!(risk(velocity, warning) <= risk(velocity, warning + 7));
            let all = stock.iter().fold(Quantity::ZERO, |sum, lot| sum + lot.quantity);
            prop_assert!(risk(velocity, 90) <= all && risk(0.0, 90) == all);
        }
    }
}
