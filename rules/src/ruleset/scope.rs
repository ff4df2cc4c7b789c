//! Which items at which places a rule is about, and how specific that is.
//!
//! Dimensions are joined by *and*, the values of one dimension by *or*. An absent dimension
//! matches everything.

use crate::item::Item;
use crate::place::Place;

/// What a rule is looked up for.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub item: &'a Item,
    pub place: &'a Place,
}

/// The scope of one rule. An empty list does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    pub sku: Vec<String>,
    pub location: Vec<String>,
    /// Paths in the category tree: `a` matches `a` and `a/b`.
    pub category: Vec<String>,
    pub supplier: Vec<String>,
    pub tag: Vec<String>,
    pub region: Vec<String>,
}

/// The names of the dimensions, most specific first.
pub const DIMENSIONS: [&str; 6] = ["sku", "location", "category", "supplier", "tag", "region"];

/// How specific a match is, one level per dimension in the order of [`DIMENSIONS`]: 0 where the
/// scope does not restrict, else 1, and for the category the depth of the path that matched.
/// Compared from the first to the last dimension, greater wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Specificity([u8; 6]);

impl Specificity {
    /// The first dimension in which the two differ, if `self` wins there.
    #[must_use]
    pub fn beats_in(self, other: Self) -> Option<&'static str> {
        let differs = (0..DIMENSIONS.len()).find(|&d| self.0[d] != other.0[d]);
        differs.filter(|&d| self.0[d] > other.0[d]).map(|d| DIMENSIONS[d])
    }
}

impl Scope {
    /// How specifically the scope covers the subject, or the first dimension that excludes it.
    pub fn matches(&self, subject: &Subject<'_>) -> Result<Specificity, &'static str> {
        let (item, place) = (subject.item, subject.place);
        Ok(Specificity([
            one_of(&self.sku, Some(&item.sku)).ok_or("sku")?,
            one_of(&self.location, Some(&place.location)).ok_or("location")?,
            deepest(&self.category, item.category.as_deref()).ok_or("category")?,
            one_of(&self.supplier, item.supplier.as_deref()).ok_or("supplier")?,
            any_of(&self.tag, &item.tags).ok_or("tag")?,
            one_of(&self.region, place.region.as_deref()).ok_or("region")?,
        ]))
    }
}

/// The level of a match: 0 for no restriction, 1 for an allowed value; `None` for any other value.
fn one_of(allowed: &[String], value: Option<&str>) -> Option<u8> {
    if allowed.is_empty() {
        return Some(0);
    }
    value.filter(|v| allowed.iter().any(|a| a == v)).map(|_| 1)
}

fn any_of(allowed: &[String], values: &[String]) -> Option<u8> {
    if allowed.is_empty() {
        return Some(0);
    }
    values.iter().any(|v| allowed.contains(v)).then_some(1)
}

/// Depth of the deepest allowed category that contains the item's.
fn deepest(allowed: &[String], category: Option<&str>) -> Option<u8> {
    if allowed.is_empty() {
        return Some(0);
    }
    let category = category?;
    allowed.iter().filter(|a| contains(a, category)).map(|a| depth(a)).max()
}

/// Whether the category path `path` is `ancestor` or below it.
fn contains(ancestor: &str, path: &str) -> bool {
    path.strip_prefix(ancestor).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn depth(path: &str) -> u8 {
    u8::try_from(path.split('/').count()).unwrap_or(u8::MAX)
}
