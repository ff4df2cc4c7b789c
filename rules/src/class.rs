//! ABC and XYZ classes of an item at a location: how much of the site's sales it stands for, and how evenly it sells.
//!
//! A: the best sellers by value that make up 80 % of the site's sales together; B: the next 15 %; C: the rest
//! (Dickie 1951). X, Y, Z: the coefficient of variation of weekly demand is at most 0.5, at most 1, above (Scholz-Reiter,
//! Heger, Meinecke & Bergmann 2012). Both are looked at once a day, at its close. A class changes only once the figure is
//! beyond the boundary by a margin, so that items at a boundary do not change rules from day to day.

use crate::demand::DemandState;
use crate::item::Item;
use crate::site::SiteLevel;

/// Days an item must be known at the location first.
pub(crate) const DAYS_MIN: i32 = 28;
/// A value must be beyond its boundary by this factor, a coefficient of variation by the other.
const VALUE_MARGIN: f64 = 1.25;
const VARIATION_MARGIN: f64 = 1.1;
/// Upper bounds of X and Y.
pub(crate) const X_VARIATION_MAX: f64 = 0.5;
pub(crate) const Y_VARIATION_MAX: f64 = 1.0;
const DAYS_PER_WEEK: f64 = 7.0;

/// By share of the site's sales, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Abc {
    A,
    B,
    C,
}

/// By how evenly it sells, most even first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Xyz {
    X,
    Y,
    Z,
}

/// The classes of an item at a location. `None`: known for too short, or nothing says what it is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Class {
    pub abc: Option<Abc>,
    pub xyz: Option<Xyz>,
}

/// Sales value a day from which an item is A, and from which it is B. In the deployment's currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Boundaries {
    pub a_from: f64,
    pub b_from: f64,
}

impl Abc {
    pub const ALL: [Self; 3] = [Self::A, Self::B, Self::C];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
        }
    }

    fn of(value_per_day: f64, boundaries: &Boundaries) -> Self {
        if value_per_day >= boundaries.a_from {
            Self::A
        } else if value_per_day >= boundaries.b_from {
            Self::B
        } else {
            Self::C
        }
    }
}

impl Xyz {
    pub const ALL: [Self; 3] = [Self::X, Self::Y, Self::Z];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::X => "X",
            Self::Y => "Y",
            Self::Z => "Z",
        }
    }

    fn of(variation: f64) -> Self {
        if variation <= X_VARIATION_MAX {
            Self::X
        } else if variation <= Y_VARIATION_MAX {
            Self::Y
        } else {
            Self::Z
        }
    }
}

impl Class {
    /// The classes of the day that begins, given those of the day that ended.
    #[must_use]
    pub fn next(self, demand: &DemandState, item: &Item, site: &SiteLevel) -> Self {
        if demand.age_days() < DAYS_MIN {
            return Self::default();
        }
        let valued = sales_value_per_day(demand, item).zip(site.class_boundaries());
        let abc = valued.map(|(value, boundaries)| {
            let of = |value| Abc::of(value, boundaries);
            steady(self.abc, of(value), of(value * VALUE_MARGIN), of(value / VALUE_MARGIN))
        });
        let variation = weekly_variation(demand);
        let of = Xyz::of;
        let xyz = steady(self.xyz, of(variation), of(variation / VARIATION_MARGIN), of(variation * VARIATION_MARGIN));
        Self { abc, xyz: Some(xyz) }
    }

    /// One byte: ABC and XYZ in base four, 0 for none.
    pub(crate) fn to_byte(self) -> u8 {
        self.abc.map_or(0, |abc| abc as u8 + 1) * 4 + self.xyz.map_or(0, |xyz| xyz as u8 + 1)
    }

    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        let (abc, xyz) = (usize::from(byte / 4), usize::from(byte % 4));
        let abc = if abc == 0 { None } else { Some(*Abc::ALL.get(abc - 1)?) };
        Some(Self { abc, xyz: (xyz > 0).then(|| Xyz::ALL[xyz - 1]) })
    }
}

/// The class held, unless even with the margin in its favour the figure is of another.
fn steady<T: Ord>(held: Option<T>, of_figure: T, best: T, worst: T) -> T {
    held.map_or(of_figure, |held| held.clamp(best, worst))
}

/// Velocity × price, else × cost. `None` without either.
#[must_use]
pub fn sales_value_per_day(demand: &DemandState, item: &Item) -> Option<f64> {
    let unit = item.unit_price.or(item.unit_cost)?;
    Some(demand.velocity_per_day() * unit.as_f64())
}

/// Standard deviation ÷ mean of a week's demand, of the daily mean and variance: days are taken to be independent.
/// Infinite when nothing sells.
#[must_use]
pub fn weekly_variation(demand: &DemandState) -> f64 {
    let mean = demand.velocity_per_day();
    if mean <= 0.0 {
        return f64::INFINITY;
    }
    (demand.variance_per_day().max(0.0) / DAYS_PER_WEEK).sqrt() / mean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_kept_until_the_figure_is_well_beyond_its_boundary() {
        let boundaries = Boundaries { a_from: 100.0, b_from: 10.0 };
        let next = |held, value: f64| {
            let of = |v: f64| Abc::of(v, &boundaries);
            steady(held, of(value), of(value * VALUE_MARGIN), of(value / VALUE_MARGIN))
        };
        assert_eq!([100.0, 99.0, 9.0].map(|value| next(None, value)), [Abc::A, Abc::B, Abc::C]);
        assert_eq!([81.0, 79.0].map(|value| next(Some(Abc::A), value)), [Abc::A, Abc::B]);
        assert_eq!([124.0, 125.0].map(|value| next(Some(Abc::B), value)), [Abc::B, Abc::A]);
        assert_eq!(next(Some(Abc::A), 1.0), Abc::C);
        assert_eq!(next(Some(Abc::C), 1000.0), Abc::A);
    }

    #[test]
    fn every_class_fits_into_its_byte() {
        for abc in Abc::ALL.map(Some).into_iter().chain([None]) {
            for xyz in Xyz::ALL.map(Some).into_iter().chain([None]) {
                let class = Class { abc, xyz };
                assert_eq!(Class::from_byte(class.to_byte()), Some(class));
            }
        }
        assert_eq!((Class::default().to_byte(), Class::from_byte(16)), (0, None));
    }

    #[test]
    fn even_sellers_are_x() {
        assert_eq!([0.2, 0.5, 0.7, 1.3, f64::INFINITY].map(Xyz::of), [Xyz::X, Xyz::X, Xyz::Y, Xyz::Z, Xyz::Z]);
    }
}
