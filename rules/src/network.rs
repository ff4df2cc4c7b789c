//! The same item at its other locations: who can give some away, and who would sell it.
//!
//! All locations of an item are in one partition. They are looked at only when an alert that asks for it opens or gets
//! worse: one pass over them, nothing is kept.

use schemas::Quantity;

use crate::place::Place;
use crate::state::KeyState;
use crate::threshold::order_quantity::TARGET_DAYS;

/// One other location of the item, as far as it is known: stock that is unknown or in doubt can neither be given
/// away nor topped up.
#[derive(Clone, Debug, PartialEq)]
pub struct Elsewhere {
    pub location: String,
    pub name: Option<String>,
    pub name_zh: Option<String>,
    pub region: Option<String>,
    /// On hand − reserved, units.
    pub available: f64,
    /// Units.
    pub on_order: f64,
    /// Units a day.
    pub velocity: f64,
    /// Units; absent without a lead time.
    pub reorder_point: Option<f64>,
}

/// Some units from one location to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transfer<'e> {
    /// The other end.
    pub elsewhere: &'e Elsewhere,
    /// Whole units, at least one.
    pub quantity: Quantity,
}

impl Elsewhere {
    /// `None` while its stock is unknown or in doubt.
    #[must_use]
    pub fn of(state: &KeyState, place: &Place) -> Option<Self> {
        if state.position.suspect() {
            return None;
        }
        Some(Self {
            location: place.location.clone(),
            name: place.name.clone(),
            name_zh: place.name_zh.clone(),
            region: place.region.clone(),
            available: state.position.available()?.as_f64(),
            on_order: state.position.on_order().as_f64(),
            velocity: state.demand.velocity_per_day(),
            reorder_point: state.plan.reorder_point(),
        })
    }

    #[must_use]
    pub fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.location)
    }

    #[must_use]
    pub fn display_name_zh(&self) -> &str {
        self.name_zh.as_deref().unwrap_or_else(|| self.display_name())
    }

    /// What it keeps for itself: its reorder point, which covers the lead time with its safety stock, and the
    /// demand of one order lot on top, so that giving makes it short of nothing soon.
    #[must_use]
    pub fn keeps(&self) -> f64 {
        self.reorder_point.unwrap_or(0.0) + self.velocity * TARGET_DAYS
    }

    /// Units it can do without.
    #[must_use]
    pub fn spare(&self) -> f64 {
        (self.available - self.keeps()).max(0.0)
    }

    /// Units it would sell in `days` beyond what it has and expects.
    #[must_use]
    pub fn room(&self, days: f64) -> f64 {
        (self.velocity * days - self.available.max(0.0) - self.on_order).max(0.0)
    }
}

/// Who best gives up to `wanted` units: who has all of them before who has some, then of the same region, then who
/// has more to spare, then by name. `None` if nobody can spare one.
#[must_use]
pub fn source<'e>(elsewhere: &'e [Elsewhere], wanted: f64, region: Option<&str>) -> Option<Transfer<'e>> {
    best(elsewhere, wanted.ceil(), region, Elsewhere::spare)
}

/// Where up to `surplus` units best go: to who sells all of them within `days` before who sells some, then to the
/// same region, then where there is more room, then by name. `None` if nobody would sell one.
#[must_use]
pub fn destination<'e>(
    elsewhere: &'e [Elsewhere],
    surplus: f64,
    days: f64,
    region: Option<&str>,
) -> Option<Transfer<'e>> {
    best(elsewhere, surplus.floor(), region, |e| e.room(days))
}

fn best<'e>(
    elsewhere: &'e [Elsewhere],
    wanted: f64,
    region: Option<&str>,
    has: impl Fn(&Elsewhere) -> f64,
) -> Option<Transfer<'e>> {
    let rank = |e: &Elsewhere| (has(e) >= wanted, region.is_some() && e.region.as_deref() == region);
    let better = |a: &&Elsewhere, b: &&Elsewhere| {
        rank(a).cmp(&rank(b)).then(has(a).total_cmp(&has(b))).then_with(|| b.location.cmp(&a.location))
    };
    let elsewhere = elsewhere.iter().max_by(better)?;
    let units = has(elsewhere).min(wanted).floor();
    (units >= 1.0).then(|| Transfer { elsewhere, quantity: Quantity::from_units(units.min(1e12) as i64) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(location: &str, region: &str, available: f64, velocity: f64) -> Elsewhere {
        Elsewhere {
            location: location.to_owned(),
            name: None,
            name_zh: None,
            region: Some(region.to_owned()),
            available,
            on_order: 0.0,
            velocity,
            reorder_point: Some(4.0),
        }
    }

    fn chosen(transfer: Option<Transfer<'_>>) -> Option<(&str, String)> {
        transfer.map(|t| (t.elsewhere.location.as_str(), t.quantity.to_string()))
    }

    #[test]
    fn nobody_gives_what_it_needs_itself() {
        // Keeps 4 + 14 × 0.5 = 11.
        let one = [at("S2", "north", 15.0, 0.5)];
        assert_eq!(chosen(source(&one, 3.2, None)), Some(("S2", "4".to_owned())));
        assert_eq!(chosen(source(&[at("S2", "north", 11.9, 0.5)], 3.0, None)), None);
        assert_eq!(source(&[], 3.0, None), None);
    }

    #[test]
    fn who_has_all_of_it_goes_first_then_the_same_region_then_more_then_the_name() {
        let all = |region| [at("S2", "south", 40.0, 0.0), at("S3", "north", 20.0, 0.0), at("S4", region, 9.0, 0.0)];
        assert_eq!(chosen(source(&all("north"), 5.0, Some("north"))), Some(("S3", "5".to_owned())));
        assert_eq!(chosen(source(&all("north"), 30.0, Some("north"))), Some(("S2", "30".to_owned())));
        assert_eq!(chosen(source(&all("north"), 5.0, None)), Some(("S2", "5".to_owned())));
        let twins = [at("S9", "x", 20.0, 0.0), at("S2", "x", 20.0, 0.0)];
        assert_eq!(chosen(source(&twins, 5.0, None)), Some(("S2", "5".to_owned())));
    }

    #[test]
    fn surplus_goes_where_it_sells() {
        // Room in 30 days: 30 − 4 = 26, and 3 − 1.
        let two = [at("S2", "x", 4.0, 1.0), at("S3", "x", 1.0, 0.1)];
        assert_eq!(chosen(destination(&two, 9.7, 30.0, None)), Some(("S2", "9".to_owned())));
        assert_eq!(chosen(destination(&two[1..], 9.0, 30.0, None)), Some(("S3", "2".to_owned())));
        assert_eq!(chosen(destination(&[at("S4", "x", 9.0, 0.1)], 9.0, 30.0, None)), None);
    }
}
