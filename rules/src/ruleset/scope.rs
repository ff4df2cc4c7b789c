//! Which items at which places a rule is about, and how specific that is.
//!
//! Dimensions are joined by *and*, the values of one dimension by *or*. An absent dimension
//! matches everything.

use std::fmt;

use crate::class::{Abc, Class, Xyz};
use crate::item::Item;
use crate::place::Place;

/// What a rule is looked up for.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub item: &'a Item,
    pub place: &'a Place,
    pub class: Class,
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
    pub abc: Vec<Abc>,
    pub xyz: Vec<Xyz>,
}

/// The names of the dimensions, most specific first.
pub const DIMENSIONS: [&str; 8] = ["sku", "location", "category", "supplier", "tag", "region", "abc", "xyz"];

/// How specific a match is, one level per dimension in the order of [`DIMENSIONS`]: 0 where the
/// scope does not restrict, else 1, and for the category the depth of the path that matched.
/// Compared from the first to the last dimension, greater wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Specificity([u8; 8]);

impl Specificity {
    /// The first dimension in which the two differ, if `self` wins there.
    #[must_use]
    pub fn beats_in(self, other: Self) -> Option<&'static str> {
        let differs = (0..DIMENSIONS.len()).find(|&d| self.0[d] != other.0[d]);
        differs.filter(|&d| self.0[d] > other.0[d]).map(|d| DIMENSIONS[d])
    }

    /// The dimensions that the scope restricts, most specific first.
    pub fn dimensions(self) -> impl Iterator<Item = &'static str> {
        DIMENSIONS.into_iter().zip(self.0).filter(|(_, level)| *level > 0).map(|(dimension, _)| dimension)
    }
}

/// Why a scope does not cover a subject: the first dimension that excludes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    pub dimension: &'static str,
    /// What the subject has there; nothing: it is not known.
    pub has: Vec<String>,
    pub asked: Vec<String>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has = match (self.has.as_slice(), self.dimension) {
            ([], "tag") => "none".to_owned(),
            ([], _) => "not known".to_owned(),
            (has, _) => has.join(", "),
        };
        write!(f, "{} is {has}, asked for {}", self.dimension, self.asked.join(" or "))
    }
}

impl Scope {
    /// Whether it asks for a class.
    #[must_use]
    pub fn names_class(&self) -> bool {
        !self.abc.is_empty() || !self.xyz.is_empty()
    }

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
            class_of(&self.abc, subject.class.abc).ok_or("abc")?,
            class_of(&self.xyz, subject.class.xyz).ok_or("xyz")?,
        ]))
    }
}

impl Scope {
    /// What the subject has in the dimension that excludes it, and what the scope asks for there.
    #[must_use]
    pub fn mismatch(&self, dimension: &'static str, subject: &Subject<'_>) -> Mismatch {
        let (item, place, class) = (subject.item, subject.place, subject.class);
        let (has, asked) = match dimension {
            "sku" => (vec![item.sku.clone()], self.sku.clone()),
            "location" => (vec![place.location.clone()], self.location.clone()),
            "category" => (item.category.clone().into_iter().collect(), self.category.clone()),
            "supplier" => (item.supplier.clone().into_iter().collect(), self.supplier.clone()),
            "tag" => (item.tags.clone(), self.tag.clone()),
            "region" => (place.region.clone().into_iter().collect(), self.region.clone()),
            "abc" => (names(class.abc.as_slice(), Abc::name), names(&self.abc, Abc::name)),
            _ => (names(class.xyz.as_slice(), Xyz::name), names(&self.xyz, Xyz::name)),
        };
        Mismatch { dimension, has, asked }
    }
}

fn names<T: Copy>(classes: &[T], name: fn(T) -> &'static str) -> Vec<String> {
    classes.iter().map(|class| name(*class).to_owned()).collect()
}

/// The level of a match: 0 for no restriction, 1 for an allowed value; `None` for any other value.
fn one_of(allowed: &[String], value: Option<&str>) -> Option<u8> {
    if allowed.is_empty() {
        return Some(0);
    }
    value.filter(|v| allowed.iter().any(|a| a == v)).map(|_| 1)
}

fn class_of<T: PartialEq>(allowed: &[T], class: Option<T>) -> Option<u8> {
    if allowed.is_empty() {
        return Some(0);
    }
    class.filter(|c| allowed.contains(c)).map(|_| 1)
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
