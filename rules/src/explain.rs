//! Which rules decide about one SKU at one location at an instant, and why: what a planner asks when an alert is missing,
//! or is not the one that was expected.
//!
//! It only tells; nothing depends on it. What it says of classes is what the last day close before the instant decided.

use std::fmt;

use schemas::{AlertKind, Day, Timestamp};

use crate::class::{self, Boundaries, Class};
use crate::environment::Environment;
use crate::item::Item;
use crate::place::Place;
use crate::ruleset::{Candidate, DETECTED, PlannedCandidate};
use crate::state::KeyState;

/// What is in force, and what is not, for a SKU at a location.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    pub sku: String,
    pub location: String,
    pub at: Timestamp,
    /// The local day of `at`.
    pub day: Day,
    /// What scopes ask of the item and the place: dimension and value, where one is known.
    pub known: Vec<(&'static str, String)>,
    pub classes: Classes,
    /// Kinds for which there are rules; the strongest rule first, those out of scope last.
    pub kinds: Vec<(AlertKind, Vec<Candidate>)>,
    pub promotions: Vec<PlannedCandidate>,
    /// What is planned for the day; `None`: nothing.
    pub uplift: Option<f64>,
    /// Mean lead time in days, and the mean over it of what is planned: reorder points contain it.
    pub lead_time_uplift: Option<(f64, f64)>,
}

/// The classes of the key, and what they were made of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Classes {
    pub class: Class,
    /// Days since it was first seen; `None`: it has not been seen.
    pub age_days: Option<i32>,
    /// In the deployment's currency. `None`: there is no price and no cost.
    pub sales_value_per_day: Option<f64>,
    /// Of the whole site; `None` before its first whole day.
    pub boundaries: Option<Boundaries>,
    /// Standard deviation ÷ mean of a week's demand; infinite when nothing sells.
    pub weekly_variation: f64,
}

/// What decides about the key at `at`. `state`: `None` while nothing has happened to it.
#[must_use]
pub fn explain(env: &Environment<'_>, state: Option<&KeyState>, at: Timestamp) -> Explanation {
    let classes = state.map(|state| classes(env, state)).unwrap_or_default();
    let (subject, day) = (env.subject(classes.class), env.place.zone.day_of(at));
    let kinds = DETECTED.into_iter().filter(|kind| *kind != AlertKind::FeedStale);
    let explained = kinds.map(|kind| (kind, env.rules.explain(kind, &subject))).filter(|(_, rules)| !rules.is_empty());
    let lead_time = state.and_then(|state| Some(state.plan.figures().lead_time?.mean_days));
    Explanation {
        sku: env.item.sku.clone(),
        location: env.place.location.clone(),
        at,
        day,
        known: known(env.item, env.place),
        classes,
        kinds: explained.collect(),
        promotions: env.rules.explain_promotions(&subject, day),
        uplift: env.rules.planned_uplift(&subject, day),
        lead_time_uplift: lead_time.map(|days| (days, env.rules.mean_planned_uplift(&subject, day, days))),
    }
}

fn classes(env: &Environment<'_>, state: &KeyState) -> Classes {
    Classes {
        class: state.demand.class,
        age_days: Some(state.demand.age_days()),
        sales_value_per_day: class::sales_value_per_day(&state.demand, env.item),
        boundaries: env.site.class_boundaries().copied(),
        weekly_variation: class::weekly_variation(&state.demand),
    }
}

fn known(item: &Item, place: &Place) -> Vec<(&'static str, String)> {
    let tags = (!item.tags.is_empty()).then(|| item.tags.join(", "));
    let all = [
        ("category", item.category.clone()),
        ("supplier", item.supplier.clone()),
        ("tag", tags),
        ("region", place.region.clone()),
    ];
    all.into_iter().filter_map(|(dimension, value)| Some((dimension, value?))).collect()
}

impl fmt::Display for Explanation {
    /// For people, in lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sku, location, at, day, .. } = self;
        writeln!(f, "{sku} at {location}, {} (local day {day})", at.exact())?;
        for (dimension, value) in &self.known {
            writeln!(f, "  {dimension}: {value}")?;
        }
        writeln!(f, "{}", self.classes)?;
        for (kind, candidates) in &self.kinds {
            writeln!(f, "{}", kind.name())?;
            for candidate in candidates {
                writeln!(f, "  {candidate}")?;
            }
        }
        self.tell_promotions(f)
    }
}

impl Explanation {
    fn tell_promotions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.promotions.is_empty() {
            return Ok(());
        }
        writeln!(f, "promotions")?;
        for promotion in &self.promotions {
            writeln!(f, "  {promotion}")?;
        }
        match self.uplift {
            Some(uplift) => writeln!(f, "  demand of the day is expected to be {uplift} times the usual")?,
            None => writeln!(f, "  nothing is planned for the day")?,
        }
        match self.lead_time_uplift {
            Some((days, mean)) => {
                writeln!(f, "  reorder points expect {mean:.3} times the usual over a lead time of {days:.1} days")
            }
            None => Ok(()),
        }
    }
}

impl fmt::Display for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(age_days) = self.age_days else {
            return f.write_str("  abc, xyz: not known, nothing has happened to it yet");
        };
        if age_days < class::DAYS_MIN && self.class == Class::default() {
            return write!(f, "  abc, xyz: not known for {age_days} days yet, from {} days on", class::DAYS_MIN);
        }
        let Class { abc, xyz } = self.class;
        write!(f, "  abc: {}", abc.map_or("not known", class::Abc::name))?;
        match (self.sales_value_per_day, self.boundaries) {
            (None, _) => f.write_str(", it has no price and no cost")?,
            (Some(value), None) => write!(f, ", sells for {value:.2} a day; the site is not known yet")?,
            (Some(value), Some(Boundaries { a_from, b_from })) => {
                write!(f, ", sells for {value:.2} a day; A from {a_from:.2}, B from {b_from:.2}")?;
            }
        }
        let (x, y) = (class::X_VARIATION_MAX, class::Y_VARIATION_MAX);
        let xyz = xyz.map_or("not known", class::Xyz::name);
        write!(f, "\n  xyz: {xyz}, weekly variation {:.3}; X up to {x}, Y up to {y}", self.weekly_variation)
    }
}

#[cfg(test)]
mod tests {
    use schemas::Zone;

    use super::*;
    use crate::class::{Abc, Xyz};
    use crate::environment::Moment;
    use crate::ruleset::{RuleBook, parse};
    use crate::site::SiteLevel;

    const RULES: &str = "
version: 3
id: shop
rules:
  - { id: usual, kind: stock_out }
  - { id: best, kind: stock_out, scope: { abc: A } }
  - { id: toys, kind: low_stock, scope: { category: toys, xyz: [X, Y] }, threshold: { type: fixed, quantity: 3 } }
promotions:
  - { id: week, scope: { category: toys }, from: 2026-11-23, until: 2026-11-29, uplift: 2.5 }
  - { id: day, from: 2026-11-25, until: 2026-11-25, uplift: 2 }
  - { id: later, from: 2026-12-01, until: 2026-12-02, uplift: 2 }
  - { id: best, scope: { abc: A }, from: 2026-11-25, until: 2026-11-25, uplift: 9 }
  - { id: other, scope: { sku: OTHER }, from: 2026-11-25, until: 2026-11-25, uplift: 9 }
";

    fn told(state: Option<&KeyState>, at: &str) -> String {
        let rules = RuleBook::from_documents(&[parse("shop.yaml", RULES).unwrap()]);
        let item = Item { category: Some("toys/wood".into()), ..Item::unknown("MUG") };
        let place =
            Place { region: Some("north".into()), zone: Zone::named("Asia/Tokyo").unwrap(), ..Place::unknown("S7") };
        let (site, at) = (SiteLevel::default(), Timestamp::parse(at).unwrap());
        let now = Moment { stream_time: at, closed_before: at };
        explain(&Environment { rules: &rules, item: &item, place: &place, site: &site, now }, state, at).to_string()
    }

    #[test]
    fn it_says_which_rules_and_promotions_count_and_why_the_others_do_not() {
        let mut state = KeyState::first_seen(Timestamp::parse("2026-10-01T00:00:00Z").unwrap(), &Zone::UTC);
        state.demand.class = Class { abc: Some(Abc::B), xyz: Some(Xyz::X) };
        // Already the next local day in Tokyo.
        assert_eq!(
            told(Some(&state), "2026-11-24T18:00:00Z"),
            "MUG at S7, 2026-11-24T18:00:00Z (local day 2026-11-25)
  category: toys/wood
  region: north
  abc: B, it has no price and no cost
  xyz: X, weekly variation inf; X up to 0.5, Y up to 1
low_stock
  shop@3#toys (active): in force, category, xyz
stock_out
  shop@3#usual (active): in force, for everything
  shop@3#best (active): out of scope: abc is B, asked for A
promotions
  shop@3#week (2.5 times the usual, 2026-11-23 to 2026-11-29): in force
  shop@3#day (2 times the usual, 2026-11-25 to 2026-11-25): shop@3#week has a greater uplift
  shop@3#later (2 times the usual, 2026-12-01 to 2026-12-02): still ahead
  shop@3#best (9 times the usual, 2026-11-25 to 2026-11-25): out of scope: abc is B, asked for A
  demand of the day is expected to be 2.5 times the usual
"
        );
    }

    #[test]
    fn what_is_not_known_yet_is_said() {
        let nothing = told(None, "2026-11-30T18:00:00Z");
        assert!(nothing.contains("abc, xyz: not known, nothing has happened to it yet"), "{nothing}");
        assert!(nothing.contains("shop@3#best (active): out of scope: abc is not known, asked for A"), "{nothing}");
        assert!(nothing.contains("xyz is not known, asked for X or Y"), "{nothing}");
        assert!(nothing.contains("#week (2.5 times the usual, 2026-11-23 to 2026-11-29): over"), "{nothing}");
        let fresh = KeyState::first_seen(Timestamp::parse("2026-11-29T00:00:00Z").unwrap(), &Zone::UTC);
        let fresh = told(Some(&fresh), "2026-12-02T16:00:00Z");
        assert!(fresh.contains("from 28 days on") && fresh.contains("nothing is planned for the day"), "{fresh}");
    }
}
