//! The part of a key's row that holds its position.

use schemas::row::{RowError, RowReader, RowWriter};

use super::lots::Lots;
use super::orders::Orders;
use super::reservations::Reservations;
use super::sales::RecentSales;
use super::{Ledger, PositionState};

impl PositionState {
    /// Layout: presence bits (known, suspect, reservations, orders, lots, sales), then on hand if
    /// known and the lists that are there.
    pub(crate) fn encode(&self, w: &mut RowWriter<'_>) {
        let empty = Ledger::default();
        let ledger = self.ledger.as_deref().unwrap_or(&empty);
        let bits = [
            self.known,
            self.suspect,
            !ledger.reservations.is_empty(),
            !ledger.orders.is_empty(),
            !ledger.lots.is_empty(),
            self.sales.is_some(),
        ];
        w.u8(bits.iter().enumerate().fold(0, |byte, (i, bit)| byte | u8::from(*bit) << i));
        if self.known {
            w.quantity(self.on_hand);
        }
        if bits[2] {
            ledger.reservations.encode(w);
        }
        if bits[3] {
            ledger.orders.encode(w);
        }
        if bits[4] {
            ledger.lots.encode(w);
        }
        if let Some(sales) = &self.sales {
            sales.encode(w);
        }
    }

    pub(crate) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let bits = r.u8()?;
        let bit = |i: u8| bits >> i & 1 == 1;
        let mut state = Self { known: bit(0), suspect: bit(1), ..Self::default() };
        if state.known {
            state.on_hand = r.quantity()?;
        }
        let ledger = Ledger {
            reservations: if bit(2) { Reservations::decode(r)? } else { Reservations::default() },
            orders: if bit(3) { Orders::decode(r)? } else { Orders::default() },
            lots: if bit(4) { Lots::decode(r)? } else { Lots::default() },
        };
        state.ledger = Some(Box::new(ledger));
        if bit(5) {
            state.sales = Some(Box::new(RecentSales::decode(r)?));
        }
        state.tidy();
        Ok(state)
    }
}
