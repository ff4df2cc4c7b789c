//! The part of a key's row that holds its position.

use schemas::row::{RowError, RowReader, RowWriter};

use super::lots::Lots;
use super::majority::Majority;
use super::orders::Orders;
use super::quality::{AGREEMENTS_MIN, Quality};
use super::reservations::Reservations;
use super::sales::RecentSales;
use super::{Ledger, PositionState};

impl PositionState {
    /// Layout: presence bits (known, quality, reservations, orders, lots, sales, agreements, majority), then on
    /// hand if known and what else is there. In version 1 bit 1 says that the book went below zero, and nothing follows it.
    pub(crate) fn encode(&self, w: &mut RowWriter<'_>) {
        let empty = Ledger::default();
        let ledger = self.ledger.as_deref().unwrap_or(&empty);
        let bits = [
            self.known,
            !ledger.quality.is_empty(),
            !ledger.reservations.is_empty(),
            !ledger.orders.is_empty(),
            !ledger.lots.is_empty(),
            self.sales.is_some(),
            self.agreements > 0,
            !self.majority.is_empty(),
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
        if bits[6] {
            w.u8(self.agreements);
        }
        if bits[7] {
            w.unsigned(self.majority.bits());
        }
        if bits[1] {
            ledger.quality.encode(w);
        }
    }

    pub(crate) fn decode(r: &mut RowReader<'_>, version: u8) -> Result<Self, RowError> {
        let bits = r.u8()?;
        let bit = |i: u8| bits >> i & 1 == 1;
        let mut state = Self { known: bit(0), ..Self::default() };
        if state.known {
            state.on_hand = r.quantity()?;
        }
        let mut ledger = Ledger {
            reservations: if bit(2) { Reservations::decode(r)? } else { Reservations::default() },
            orders: if bit(3) { Orders::decode(r)? } else { Orders::default() },
            lots: if bit(4) { Lots::decode(r)? } else { Lots::default() },
            quality: Quality::default(),
        };
        if bit(5) {
            state.sales = Some(Box::new(RecentSales::decode(r, version)?));
        }
        if bit(6) {
            state.agreements = r.u8()?.min(AGREEMENTS_MIN);
        }
        if bit(7) {
            state.majority = Majority::from_bits(r.unsigned()?);
        }
        ledger.quality = match (bit(1), version) {
            (false, _) => Quality::default(),
            (true, 1) => Quality::of_version_1(state.on_hand),
            (true, _) => Quality::decode(r)?,
        };
        state.ledger = Some(Box::new(ledger));
        state.tidy();
        Ok(state)
    }
}
