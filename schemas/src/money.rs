//! Money: integer millionths of the one currency a deployment has.

use std::fmt;

use crate::decimal::{self, DecimalError};

/// An amount in millionths of the currency unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

impl Money {
    pub const ZERO: Self = Self(0);
    /// The largest magnitude accepted from outside: a trillion currency units.
    pub const LIMIT: Self = Self(1_000_000_000_000_000_000);

    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Reads a decimal exactly: `12.50`, `3`, `1e-6`. At most six decimals.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        decimal::parse(text, 6, Self::LIMIT.0).map(Self)
    }

    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// In currency units, for statistics.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

/// The shortest decimal: `12.5`, `0.000001`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write(f, self.0, 6)
    }
}
