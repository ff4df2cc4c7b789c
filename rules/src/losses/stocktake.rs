//! What a stocktake finds missing, against what is usually missing.
//!
//! Losses follow what is handled: the book, and what was sold since the last count. Of so many units the item's share is
//! expected to be missing, its own counts shrunk to the site's; how unevenly losses come is that of
//! the site's stocktakes of that size. The tail is
//! that of a negative binomial with this mean and variance ÷ mean.

use schemas::row::{RowError, RowReader, RowWriter};
use schemas::{Quantity, Timestamp};

use crate::site::WriteOffs;
use crate::special::count_tail;

/// Units handled that the site's share is worth against an item's own counts.
const PRIOR_UNITS: f64 = 200.0;
/// 0.5^(1/4): half-life 4 counts.
const DECAY: f64 = 0.840_896_415_253_714_6;

/// An item's counts so far, the latest weighted most.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counts {
    /// The last of them.
    pub(super) at: Option<Timestamp>,
    handled: f32,
    missing: f32,
}

impl Counts {
    /// Units missing per unit handled.
    pub(super) fn missing_share(&self, site_share: f64) -> f64 {
        (f64::from(self.missing) + PRIOR_UNITS * site_share) / (f64::from(self.handled) + PRIOR_UNITS)
    }

    pub(super) fn learn(&mut self, at: Timestamp, handled: f64, missing: Quantity) {
        self.at = Some(at);
        self.handled = (f64::from(self.handled) * DECAY + handled) as f32;
        self.missing = (f64::from(self.missing) * DECAY + missing.as_f64().max(0.0)) as f32;
    }

    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        w.option(self.at, RowWriter::time);
        w.f32(self.handled);
        w.f32(self.missing);
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        Ok(Self { at: r.option(RowReader::time)?, handled: r.f32()?, missing: r.f32()? })
    }
}

/// A stocktake that found less than the book.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shortfall {
    pub at: Timestamp,
    pub book: Quantity,
    /// Book − counted, above zero.
    pub missing: Quantity,
    /// What has turned up again since.
    pub found: Quantity,
    /// Days since the count before, or since the item was first seen.
    pub days: u16,
    handled: f32,
    usual_share: f32,
    lumpiness: f32,
}

impl Shortfall {
    pub(super) fn new(at: Timestamp, book: Quantity, missing: Quantity, days: i32, handled: f64) -> Self {
        let days = days.clamp(0, i32::from(u16::MAX)) as u16;
        Self {
            at,
            book,
            missing,
            found: Quantity::ZERO,
            days,
            handled: handled as f32,
            usual_share: 0.0,
            lumpiness: 1.0,
        }
    }

    /// Held against what is usual for an item with these counts before.
    pub(super) fn against(self, counts: &Counts, site: &WriteOffs) -> Self {
        let held = Self { usual_share: counts.missing_share(site.missing_share()) as f32, ..self };
        Self { lumpiness: site.lumpiness(held.expected()) as f32, ..held }
    }

    /// Missing still.
    #[must_use]
    pub fn remaining(&self) -> Quantity {
        self.missing - self.found
    }

    /// Units of the book, and sold since the count before.
    #[must_use]
    pub fn handled(&self) -> f64 {
        f64::from(self.handled)
    }

    /// Units usually missing per unit handled.
    #[must_use]
    pub fn usual_share(&self) -> f64 {
        f64::from(self.usual_share)
    }

    /// Variance ÷ mean.
    #[must_use]
    pub fn lumpiness(&self) -> f64 {
        f64::from(self.lumpiness)
    }

    /// Units expected to be missing.
    #[must_use]
    pub fn expected(&self) -> f64 {
        self.handled() * self.usual_share()
    }

    /// P(X ≥ `missing`) of a count with that mean and variance; 1 for what does not exceed the mean.
    #[must_use]
    pub fn p_value(&self, missing: Quantity) -> f64 {
        let (x, mean) = (missing.as_f64(), self.expected());
        if x <= mean || mean <= 0.0 { 1.0 } else { count_tail(x, mean, mean * self.lumpiness()) }
    }

    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        w.time(self.at);
        for quantity in [self.book, self.missing, self.found] {
            w.quantity(quantity);
        }
        w.unsigned(u64::from(self.days));
        for figure in [self.handled, self.usual_share, self.lumpiness] {
            w.f32(figure);
        }
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        Ok(Self {
            at: r.time()?,
            book: r.quantity()?,
            missing: r.quantity()?,
            found: r.quantity()?,
            days: r.unsigned()? as u16,
            handled: r.f32()?,
            usual_share: r.f32()?,
            lumpiness: r.f32()?,
        })
    }
}
