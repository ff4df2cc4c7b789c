//! Planned promotions: when what is expected to sell more, and how much.
//!
//! A promotion raises what is expected on its local days, and its sales teach nothing about usual demand. Of
//! several on one day the greatest uplift counts: they are plans for the same customers.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemas::{Day, RuleRef};

use super::scope::{Scope, Subject};

/// Plans are looked at no further ahead.
const DAYS_AHEAD_MAX: f64 = 366.0;

/// One planned promotion.
#[derive(Clone, Debug, PartialEq)]
pub struct Promotion {
    /// `document@version#promotion`.
    pub reference: Arc<RuleRef>,
    pub scope: Scope,
    /// First and last local day.
    pub from: Day,
    pub until: Day,
    /// What demand is expected to be multiplied by while it lasts.
    pub uplift: f64,
}

impl Promotion {
    pub(super) fn covers(&self, subject: &Subject<'_>, day: Day) -> bool {
        self.from <= day && day <= self.until && self.scope.matches(subject).is_ok()
    }
}

/// Those of the documents in force.
#[derive(Clone, Debug, Default)]
pub(super) struct Promotions {
    /// Those that name their SKUs, by SKU.
    by_sku: BTreeMap<String, Vec<Promotion>>,
    others: Vec<Promotion>,
}

impl<'d> FromIterator<&'d Promotion> for Promotions {
    fn from_iter<I: IntoIterator<Item = &'d Promotion>>(planned: I) -> Self {
        let mut promotions = Self::default();
        for promotion in planned {
            if promotion.scope.sku.is_empty() {
                promotions.others.push(promotion.clone());
            }
            for sku in &promotion.scope.sku {
                promotions.by_sku.entry(sku.clone()).or_default().push(promotion.clone());
            }
        }
        promotions
    }
}

impl Promotions {
    /// The greatest uplift planned for a local day of the subject; `None`: nothing is planned.
    pub(super) fn uplift(&self, subject: &Subject<'_>, day: Day) -> Option<f64> {
        self.candidates(subject).filter(|p| p.covers(subject, day)).map(|p| p.uplift).max_by(f64::total_cmp)
    }

    pub(super) fn candidates(&self, subject: &Subject<'_>) -> impl Iterator<Item = &Promotion> {
        let named = self.by_sku.get(&subject.item.sku).map_or(&[][..], Vec::as_slice);
        named.iter().chain(&self.others)
    }

    /// Mean uplift of the subject's `days` days from `first` on; the last of them may be a part of one.
    pub(super) fn mean_uplift(&self, subject: &Subject<'_>, first: Day, days: f64) -> f64 {
        let whole = days.clamp(1.0, DAYS_AHEAD_MAX);
        let last = Day(first.0.saturating_add(libm::ceil(whole) as i32 - 1));
        let ahead = |p: &Promotion| p.from <= last && first <= p.until && p.scope.matches(subject).is_ok();
        if !self.candidates(subject).any(ahead) {
            return 1.0;
        }
        let of_day = |offset: i32| {
            let part = (whole - f64::from(offset)).min(1.0);
            part * self.uplift(subject, Day(first.0.saturating_add(offset))).unwrap_or(1.0)
        };
        (0..=last.0 - first.0).map(of_day).sum::<f64>() / whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Class;
    use crate::item::Item;
    use crate::place::Place;

    fn promotion(id: &str, sku: &[&str], days: (i32, i32), uplift: f64) -> Promotion {
        let scope = Scope { sku: sku.iter().map(|s| (*s).to_owned()).collect(), ..Scope::default() };
        let reference = RuleRef { document: "plan".into(), version: 1, rule: id.into() }.into();
        Promotion { reference, scope, from: Day(days.0), until: Day(days.1), uplift }
    }

    #[test]
    fn the_greatest_uplift_of_the_day_counts() {
        let planned = [promotion("all", &[], (10, 19), 2.0), promotion("some", &["A", "B"], (15, 15), 4.0)];
        let promotions: Promotions = planned.iter().collect();
        let (item, other, place) = (Item::unknown("A"), Item::unknown("C"), Place::unknown("S"));
        let of = |item, day| promotions.uplift(&Subject { item, place: &place, class: Class::default() }, Day(day));
        assert_eq!([9, 10, 15, 19, 20].map(|day| of(&item, day)), [None, Some(2.0), Some(4.0), Some(2.0), None]);
        assert_eq!(of(&other, 15), Some(2.0));
        let mean = |first, days| {
            promotions.mean_uplift(&Subject { item: &item, place: &place, class: Class::default() }, Day(first), days)
        };
        assert_eq!(mean(0, 10.0), 1.0);
        assert_eq!(mean(14, 3.0), (2.0 + 4.0 + 2.0) / 3.0);
        assert_eq!(mean(8, 2.5), (1.0 + 1.0 + 0.5 * 2.0) / 2.5);
        assert_eq!(mean(10, 0.2), 2.0, "never less than the first day");
    }
}
