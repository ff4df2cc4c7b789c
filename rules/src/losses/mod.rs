//! What a key has lost without selling it: corrections, stocktakes, and balances near the book.
//!
//! A loss counts on the local day that is open when it is told; what is found again on that day is taken off. Scrap is
//! no loss here: somebody has said what became of it. Nor is a balance far from the book: that is a contradiction
//! (see `position::Doubt`).

mod bleed;
mod stocktake;

pub use bleed::{Bleed, LOSS_DAYS_MIN};
pub use stocktake::Shortfall;

use schemas::row::{RowError, RowReader, RowWriter};
use schemas::time::DAY_MS;
use schemas::{Day, Quantity, StockChange, Timestamp};

use crate::outbound::OutboundState;
use crate::position::StockEffect;
use crate::site::WriteOffs;
use stocktake::Counts;

/// A shortfall is looked at for this long: what has not turned up by then is written off.
pub const SHORTFALL_DAYS: i64 = 30;

/// A key that has lost something, was counted, or has had outbound lines other than explained sales.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LossState {
    /// Net loss of the open day.
    today: Quantity,
    /// Days with a loss outside of the present run and of earlier bleeds.
    earlier_loss_days: u16,
    bleed: Option<Bleed>,
    shortfall: Option<Shortfall>,
    counts: Counts,
    outbound: Option<Box<OutboundState>>,
}

/// Sales and age of a key at a stocktake.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Handling {
    pub days_known: i32,
    pub velocity_per_day: f64,
}

/// What a stocktake adds to the site's sums.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Counted {
    /// Units of the book, and sold since the count before.
    pub handled: f64,
    pub missing: Quantity,
    /// Units expected to be missing.
    pub expected: f64,
}

/// Units a change says are gone without a sale; below zero: found.
#[must_use]
pub fn lost(change: &StockChange<'_>, effect: &StockEffect) -> Quantity {
    match change {
        StockChange::Adjusted { quantity, .. } => -*quantity,
        StockChange::Counted { .. } => -effect.variance.unwrap_or(effect.unexplained),
        StockChange::BalanceObserved { .. } if !effect.far && effect.book.is_some() => -effect.unexplained,
        _ => Quantity::ZERO,
    }
}

impl LossState {
    /// A loss of the open day, or what was found again.
    pub fn record(&mut self, lost: Quantity) {
        self.today += lost;
        if let Some(shortfall) = self.shortfall.as_mut().filter(|_| lost.is_negative()) {
            shortfall.found = (shortfall.found - lost).min(shortfall.missing);
        }
    }

    /// A stocktake against the `book` frozen at it, or against on hand before it.
    pub fn count(
        &mut self,
        at: Timestamp,
        book: Quantity,
        missing: Quantity,
        key: Handling,
        site: &WriteOffs,
    ) -> Counted {
        let days = self.counts.at.map_or(key.days_known, |last| (at.since(last).max(0) / DAY_MS) as i32);
        let handled = book.as_f64().max(0.0) + key.velocity_per_day.max(0.0) * f64::from(days);
        let shortfall = Shortfall::new(at, book, missing, days, handled).against(&self.counts, site);
        self.shortfall = missing.is_positive().then_some(shortfall);
        self.counts.learn(at, handled, missing);
        Counted { handled, missing, expected: shortfall.expected() }
    }

    /// Losses that come more often than usual.
    #[must_use]
    pub fn bleed(&self) -> Option<&Bleed> {
        self.bleed.as_ref()
    }

    /// What the last stocktake found missing.
    #[must_use]
    pub fn shortfall(&self) -> Option<&Shortfall> {
        self.shortfall.as_ref()
    }

    /// Its outbound lines; `None` while all of them were explained sales.
    #[must_use]
    pub fn outbound(&self) -> Option<&OutboundState> {
        self.outbound.as_deref()
    }

    pub(crate) fn outbound_slot(&mut self) -> &mut Option<Box<OutboundState>> {
        &mut self.outbound
    }

    /// Closes the open day, which ends at `end`; says whether anything was lost on it. `exposed`: there was something to
    /// lose, and somebody who would have told.
    pub fn close_day(&mut self, day: Day, end: Timestamp, exposed: bool, days_known: i32, site: &WriteOffs) -> bool {
        let lost = std::mem::take(&mut self.today);
        match &mut self.bleed {
            Some(bleed) if exposed || !lost.is_zero() => bleed.close_day(day, lost),
            None if lost.is_positive() => {
                let usual = bleed::usual_share(self.earlier_loss_days, days_known, site.loss_day_share());
                self.bleed = Some(Bleed::begin(day, lost, usual));
            }
            _ => {}
        }
        if let Some(bleed) = self.bleed.take_if(|bleed| bleed.is_usual() || bleed.is_over(day))
            && bleed.is_usual()
        {
            self.earlier_loss_days = self.earlier_loss_days.saturating_add(bleed.loss_days);
        }
        // A day longer than it is looked at, so that its end is seen.
        self.shortfall.take_if(|shortfall| end.since(shortfall.at) > (SHORTFALL_DAYS + 1) * DAY_MS);
        self.outbound.iter_mut().for_each(|outbound| outbound.close_day(end));
        self.outbound.take_if(|outbound| outbound.is_empty());
        lost.is_positive()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Layout: presence bits (loss of the open day, earlier loss days, run, shortfall, counts, outbound), then what is there.
    pub(crate) fn encode(&self, w: &mut RowWriter<'_>) {
        let has = [
            !self.today.is_zero(),
            self.earlier_loss_days > 0,
            self.bleed.is_some(),
            self.shortfall.is_some(),
            self.counts != Counts::default(),
            self.outbound.is_some(),
        ];
        w.u8(has.iter().enumerate().fold(0, |bits, (i, bit)| bits | u8::from(*bit) << i));
        if has[0] {
            w.quantity(self.today);
        }
        if has[1] {
            w.unsigned(u64::from(self.earlier_loss_days));
        }
        self.bleed.iter().for_each(|bleed| bleed.encode(w));
        self.shortfall.iter().for_each(|shortfall| shortfall.encode(w));
        if has[4] {
            self.counts.encode(w);
        }
        self.outbound.iter().for_each(|outbound| outbound.encode(w));
    }

    pub(crate) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let bits = r.u8()?;
        let has = |i: u8| bits >> i & 1 == 1;
        Ok(Self {
            today: if has(0) { r.quantity()? } else { Quantity::ZERO },
            earlier_loss_days: if has(1) { r.unsigned()? as u16 } else { 0 },
            bleed: if has(2) { Some(Bleed::decode(r)?) } else { None },
            shortfall: if has(3) { Some(Shortfall::decode(r)?) } else { None },
            counts: if has(4) { Counts::decode(r)? } else { Counts::default() },
            outbound: if has(5) { Some(Box::new(OutboundState::decode(r)?)) } else { None },
        })
    }
}

#[cfg(test)]
mod tests;
