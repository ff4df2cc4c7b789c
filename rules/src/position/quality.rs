//! Whether what a key is told about its stock fits together.
//!
//! A balance or a count *states* a figure. Once the movements have accounted for [`AGREEMENTS_MIN`] statements in a
//! row, one that is far from the book is a contradiction; before that the source may simply not send all of its
//! movements. Two statements of one instant that are far apart, and a book below zero, are contradictions at once.
//! The next statement near the book clears them. A book below zero is cleared by any statement, or by the end of
//! its instant: the order of changes of one instant says nothing.

use schemas::row::{RowError, RowReader, RowWriter};
use schemas::{Quantity, Timestamp};

/// Statements in a row that the movements must have accounted for before one can contradict them.
pub const AGREEMENTS_MIN: u8 = 3;
/// A statement this near the book, as a share of it, is accounted for.
const AGREES_SHARE: i64 = 50;
/// A statement is far from the book beyond the greater of these: units, and a share of the book.
const FAR_UNITS: Quantity = Quantity::from_units(2);
const FAR_SHARE: i64 = 20;

/// What contradicts what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The book went below zero.
    BelowZero,
    /// A statement is far from what the movements account for.
    Movements,
    /// Two statements of one instant are far apart.
    Statements,
}

/// The standing contradiction of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    pub fault: Fault,
    /// When it came up.
    pub since: Timestamp,
    /// What was stated, and the book against it. Of a book below zero: the lowest it went.
    pub stated: Quantity,
    pub book: Quantity,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Quality {
    doubt: Option<Doubt>,
    /// The last impossible date, until the day after it ends.
    pub(super) impossible_date: Option<Timestamp>,
    /// The instant of the last statement, until its day ends.
    stated_at: Option<Timestamp>,
}

/// How a statement compares with the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Agrees,
    /// Too far to be exact, too near to be another matter.
    Near,
    Far,
}

impl Fit {
    pub(super) fn of(stated: Quantity, book: Quantity) -> Self {
        let off = (stated - book).abs();
        let share = |part: i64| Quantity::from_thousandths(book.abs().thousandths() / part);
        if off <= share(AGREES_SHARE) {
            Self::Agrees
        } else if off <= FAR_UNITS.max(share(FAR_SHARE)) {
            Self::Near
        } else {
            Self::Far
        }
    }
}

impl Quality {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn doubt(&self) -> Option<&Doubt> {
        self.doubt.as_ref()
    }

    /// A statement about the stock, against the `book` before it. `agreements`: how many in a row the movements
    /// have accounted for.
    pub(super) fn state(&mut self, stated: Quantity, book: Quantity, at: Timestamp, agreements: &mut u8) -> Fit {
        let fit = Fit::of(stated, book);
        let same_instant = self.stated_at.replace(at) == Some(at);
        match (fit, self.doubt.map(|d| d.fault)) {
            (Fit::Far, _) if same_instant => self.raise(Fault::Statements, stated, book, at),
            (Fit::Far, None) if *agreements >= AGREEMENTS_MIN => self.raise(Fault::Movements, stated, book, at),
            // Of two statements of one instant no third one says which was right.
            (Fit::Agrees | Fit::Near, Some(Fault::Statements)) if same_instant => {}
            (Fit::Agrees | Fit::Near, _) | (Fit::Far, Some(Fault::BelowZero)) => self.doubt = None,
            (Fit::Far, _) => {}
        }
        *agreements = match fit {
            Fit::Agrees => agreements.saturating_add(1).min(AGREEMENTS_MIN),
            Fit::Near => *agreements,
            Fit::Far => 0,
        };
        fit
    }

    /// The book is below zero from `at` on.
    pub(super) fn below_zero(&mut self, book: Quantity, at: Timestamp) {
        match &mut self.doubt {
            None => self.raise(Fault::BelowZero, Quantity::ZERO, book, at),
            Some(doubt) if doubt.fault == Fault::BelowZero => doubt.book = doubt.book.min(book),
            Some(_) => {}
        }
    }

    /// The book is zero or more again, at `at`.
    pub(super) fn above_zero(&mut self, at: Timestamp) {
        if self.doubt.is_some_and(|d| d.fault == Fault::BelowZero && d.since == at) {
            self.doubt = None;
        }
    }

    /// People have counted: that is what there is.
    pub(super) fn clear(&mut self) {
        self.doubt = None;
    }

    fn raise(&mut self, fault: Fault, stated: Quantity, book: Quantity, since: Timestamp) {
        self.doubt = Some(Doubt { fault, since, stated, book });
    }

    /// Forgets what says no more after the day that ends at `now`.
    pub(super) fn close_day(&mut self, now: Timestamp) {
        self.stated_at = self.stated_at.filter(|at| *at >= now);
        self.impossible_date = self.impossible_date.filter(|at| now.since(*at) < schemas::time::DAY_MS);
    }

    /// Layout: presence bits (doubt, impossible date, statement), then what they announce.
    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        let has = [self.doubt.is_some(), self.impossible_date.is_some(), self.stated_at.is_some()];
        w.u8(has.iter().enumerate().fold(0, |byte, (i, bit)| byte | u8::from(*bit) << i));
        if let Some(doubt) = &self.doubt {
            w.u8(doubt.fault as u8);
            w.time(doubt.since);
            w.quantity(doubt.stated);
            w.quantity(doubt.book);
        }
        [self.impossible_date, self.stated_at].into_iter().flatten().for_each(|at| w.time(at));
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let has = r.u8()?;
        Ok(Self {
            doubt: if has & 1 != 0 { Some(doubt(r)?) } else { None },
            impossible_date: if has & 2 != 0 { Some(r.time()?) } else { None },
            stated_at: if has & 4 != 0 { Some(r.time()?) } else { None },
        })
    }

    /// What a row of version 1 says of a suspect key: its book went below zero, some time.
    pub(super) fn of_version_1(on_hand: Quantity) -> Self {
        let mut quality = Self::default();
        quality.below_zero(on_hand.min(Quantity::ZERO), Timestamp::from_millis(0));
        quality
    }
}

const FAULTS: [Fault; 3] = [Fault::BelowZero, Fault::Movements, Fault::Statements];

fn doubt(r: &mut RowReader<'_>) -> Result<Doubt, RowError> {
    let fault = *FAULTS.get(usize::from(r.u8()?)).ok_or_else(|| r.invalid("fault"))?;
    Ok(Doubt { fault, since: r.time()?, stated: r.quantity()?, book: r.quantity()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(n: i64) -> Quantity {
        Quantity::from_units(n)
    }

    fn at(n: i64) -> Timestamp {
        Timestamp::from_millis(n * 1000)
    }

    /// After so many statements that agree.
    fn trusted(statements: i64) -> (Quality, u8) {
        let (mut quality, mut agreements) = (Quality::default(), 0);
        for i in 0..statements {
            assert_eq!(quality.state(units(50), units(50), at(i), &mut agreements), Fit::Agrees);
        }
        (quality, agreements)
    }

    fn fault(quality: &Quality) -> Option<Fault> {
        quality.doubt().map(|d| d.fault)
    }

    #[test]
    fn movements_that_never_accounted_for_a_statement_are_contradicted_by_none() {
        for (statements, expected) in [(0, None), (2, None), (3, Some(Fault::Movements)), (9, Some(Fault::Movements))] {
            let (mut quality, mut agreements) = trusted(statements);
            quality.state(units(80), units(50), at(10), &mut agreements);
            assert_eq!((fault(&quality), agreements), (expected, 0));
        }
    }

    #[test]
    fn the_next_statement_near_the_book_clears_and_one_far_from_it_does_not() {
        let (mut quality, mut agreements) = trusted(3);
        quality.state(units(80), units(50), at(10), &mut agreements);
        quality.state(units(20), units(79), at(11), &mut agreements);
        assert_eq!(fault(&quality), Some(Fault::Movements));
        quality.state(units(19), units(20), at(12), &mut agreements);
        assert_eq!(fault(&quality), None);
    }

    #[test]
    fn two_statements_of_one_instant_conflict_in_any_order() {
        for (first, second) in [(5, 50), (50, 5)] {
            let (mut quality, mut agreements) = trusted(3);
            quality.state(units(first), units(50), at(10), &mut agreements);
            quality.state(units(second), units(first), at(10), &mut agreements);
            quality.state(units(second), units(second), at(10), &mut agreements);
            assert_eq!(fault(&quality), Some(Fault::Statements));
        }
    }

    #[test]
    fn below_zero_within_one_instant_is_only_the_order_of_its_changes() {
        let mut quality = Quality::default();
        quality.below_zero(units(-2), at(1));
        quality.above_zero(at(1));
        assert_eq!(fault(&quality), None);
        quality.below_zero(units(-2), at(1));
        quality.above_zero(at(2));
        assert_eq!(fault(&quality), Some(Fault::BelowZero));
    }
}
