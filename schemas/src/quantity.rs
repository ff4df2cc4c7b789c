//! Quantities of stock: integer thousandths of a unit, so that sums never drift.

use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use crate::decimal::{self, DecimalError};

/// A signed quantity in thousandths of a unit. Arithmetic saturates: a position must never wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(i64);

impl Quantity {
    pub const ZERO: Self = Self(0);
    /// The largest magnitude accepted from outside: a trillion units. Millions of such movements
    /// still fit into the saturating sum.
    pub const LIMIT: Self = Self(1_000_000_000_000_000);

    #[must_use]
    pub const fn from_thousandths(thousandths: i64) -> Self {
        Self(thousandths)
    }

    #[must_use]
    pub const fn from_units(units: i64) -> Self {
        Self(units.saturating_mul(1000))
    }

    /// Reads a decimal exactly: `2`, `"12.50"`'s text, `-0.125`, `1e3`. At most three decimals.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        decimal::parse(text, 3, Self::LIMIT.0).map(Self)
    }

    #[must_use]
    pub const fn thousandths(self) -> i64 {
        self.0
    }

    /// In units, for statistics. Exact up to 2^53 thousandths.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    #[must_use]
    pub fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }
}

impl Add for Quantity {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Quantity {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Quantity {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl AddAssign for Quantity {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Quantity {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

/// The shortest decimal: `2`, `2.5`, `-0.125`.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write(f, self.0, 3)
    }
}
