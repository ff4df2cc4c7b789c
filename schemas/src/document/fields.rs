//! Typed reading of a mapping: each value is checked where it stands and every error is kept.

use crate::Quantity;

use super::yaml::{Node, Value};
use super::{Checker, Mark};

/// The entries of one mapping.
pub struct Fields<'n> {
    path: String,
    at: Mark,
    entries: Vec<(Mark, &'n str, &'n Node)>,
}

/// The numbers a key accepts.
#[derive(Clone, Copy)]
pub enum Range {
    /// 0 < x < 1.
    Fraction,
    /// 0 ≤ x ≤ max.
    UpTo(f64),
    /// 0 < x ≤ max.
    PositiveUpTo(f64),
}

impl<'n> Fields<'n> {
    /// The mapping at `path`, without repeated keys. `None`, and an error, for anything else.
    pub fn open(node: &'n Node, path: &str, check: &mut Checker<'_>) -> Option<Self> {
        let Value::Map(map) = &node.value else {
            let found = node.value.describe();
            check.fail(node.at, path, format!("expected a mapping of keys to values, found {found}"));
            return None;
        };
        let mut fields = Self { path: path.to_owned(), at: node.at, entries: Vec::new() };
        for (at, key, value) in map {
            if let Some((first, ..)) = fields.entries.iter().find(|(_, k, _)| k == key) {
                let reason = format!("the key appears twice, first in line {}; keep one", first.line);
                check.fail(*at, &fields.path_of(key), reason);
            } else {
                fields.entries.push((*at, key, value));
            }
        }
        Some(fields)
    }

    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    pub const fn at(&self) -> Mark {
        self.at
    }

    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(_, k, _)| *k == key).map(|(.., node)| *node)
    }

    /// The keys in the order of the text.
    pub fn keys(&self) -> impl Iterator<Item = &'n str> {
        self.entries.iter().map(|(_, key, _)| *key)
    }

    /// Refuses every key outside `allowed`. `hint` may know better than the list what to do.
    pub fn refuse_unknown(&self, allowed: &[&str], check: &mut Checker<'_>, hint: impl Fn(&str) -> Option<String>) {
        for (at, key, _) in &self.entries {
            if !allowed.contains(key) {
                let reason =
                    hint(key).unwrap_or_else(|| format!("unknown key; the keys here are {}", allowed.join(", ")));
                check.fail(*at, &self.path_of(key), reason);
            }
        }
    }

    /// Reports a missing key.
    pub fn require(&self, key: &str, example: &str, check: &mut Checker<'_>) -> Option<&'n Node> {
        let node = self.get(key);
        if node.is_none() {
            check.fail(self.at, &self.path, format!("`{key}` is missing; add for example `{example}`"));
        }
        node
    }

    /// The text of a required single value.
    pub fn text(&self, key: &str, example: &str, check: &mut Checker<'_>) -> Option<(&'n Node, &'n str)> {
        let node = self.require(key, example, check)?;
        scalar(node, &self.path_of(key), check).map(|text| (node, text))
    }

    /// A name that other records refer to: letters, digits, `_`, `-`, `.`; at most 64.
    pub fn identifier(&self, key: &str, check: &mut Checker<'_>) -> Option<&'n str> {
        let (node, text) = self.text(key, &format!("{key}: reorder"), check)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if text.is_empty() || text.len() > 64 || !text.chars().all(plain) {
            let reason = format!("`{}` is not an identifier; use 1 to 64 of a-z A-Z 0-9 _ - .", brief(text));
            check.fail(node.at, &self.path_of(key), reason);
            return None;
        }
        Some(text)
    }

    /// A number in `range`; `default` when the key is absent, an error when that is `None`.
    pub fn number(&self, key: &str, range: Range, default: Option<f64>, check: &mut Checker<'_>) -> Option<f64> {
        let node = match (self.get(key), default) {
            (None, Some(_)) => return default,
            _ => self.require(key, &format!("{key}: {}", range.example()), check)?,
        };
        let path = self.path_of(key);
        let text = scalar(node, &path, check)?;
        match node.value {
            Value::Scalar { number: Some(n), .. } if range.contains(n) => Some(n),
            Value::Scalar { number: Some(n), .. } => {
                check.fail(node.at, &path, format!("{} is not {}; {}", brief(text), range.describe(), range.advice(n)));
                None
            }
            _ => {
                let reason = format!("`{}` is not a number; write for example {}", brief(text), range.example());
                check.fail(node.at, &path, reason);
                None
            }
        }
    }

    /// A whole number from `least` to `most`.
    pub fn integer(
        &self,
        key: &str,
        (least, most): (i32, i32),
        default: Option<i32>,
        check: &mut Checker<'_>,
    ) -> Option<i32> {
        let node = match (self.get(key), default) {
            (None, Some(_)) => return default,
            _ => self.require(key, &format!("{key}: {least}"), check)?,
        };
        let path = self.path_of(key);
        let text = scalar(node, &path, check)?;
        let value = text.parse().ok().filter(|v| (least..=most).contains(v));
        if value.is_none() {
            let reason = format!("`{}` is not a whole number from {least} to {most}", brief(text));
            check.fail(node.at, &path, reason);
        }
        value
    }

    /// A quantity of stock: ≥ 0, up to three decimals.
    pub fn quantity(&self, key: &str, check: &mut Checker<'_>) -> Option<Quantity> {
        let (node, text) = self.text(key, &format!("{key}: 36"), check)?;
        let value = Quantity::parse(text).ok().filter(|q| !q.is_negative());
        if value.is_none() {
            let reason = format!(
                "`{}` is not a quantity; write units ≥ 0 with up to three decimals, for example 36 or 0.125",
                brief(text)
            );
            check.fail(node.at, &self.path_of(key), reason);
        }
        value
    }

    /// One value or a list of them; empty when the key is absent.
    pub fn texts(&self, key: &str, check: &mut Checker<'_>) -> Vec<(&'n Node, &'n str)> {
        let path = self.path_of(key);
        let Some(node) = self.get(key) else {
            return Vec::new();
        };
        match &node.value {
            Value::List(items) if items.is_empty() => {
                check.fail(node.at, &path, "an empty list covers nothing; name a value or remove the key");
                Vec::new()
            }
            Value::List(items) => items
                .iter()
                .enumerate()
                .filter_map(|(i, item)| scalar(item, &format!("{path}[{i}]"), check).map(|text| (item, text)))
                .collect(),
            _ => scalar(node, &path, check).map(|text| (node, text)).into_iter().collect(),
        }
    }
}

/// The text of a single value that is not empty.
fn scalar<'n>(node: &'n Node, path: &str, check: &mut Checker<'_>) -> Option<&'n str> {
    let reason = match &node.value {
        Value::Scalar { text, .. } if !text.is_empty() => return Some(text),
        Value::Scalar { .. } | Value::Null => "has no value; write one or remove the key".to_owned(),
        other => format!("expected a single value, found {}", other.describe()),
    };
    check.fail(node.at, path, reason);
    None
}

/// Enough of a value to recognise it in a message.
fn brief(text: &str) -> String {
    let mut shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        shown.push('…');
    }
    shown
}

impl Range {
    fn contains(self, x: f64) -> bool {
        match self {
            Self::Fraction => x > 0.0 && x < 1.0,
            Self::UpTo(max) => (0.0..=max).contains(&x),
            Self::PositiveUpTo(max) => x > 0.0 && x <= max,
        }
    }

    fn describe(self) -> String {
        match self {
            Self::Fraction => "between 0 and 1 (both excluded)".to_owned(),
            Self::UpTo(max) => format!("between 0 and {max}"),
            Self::PositiveUpTo(max) => format!("above 0 and at most {max}"),
        }
    }

    const fn example(self) -> &'static str {
        match self {
            Self::Fraction => "0.95",
            Self::UpTo(_) => "0",
            Self::PositiveUpTo(_) => "5",
        }
    }

    fn advice(self, x: f64) -> String {
        match self {
            Self::Fraction if (1.0..100.0).contains(&x) => {
                let fraction = if x == 1.0 { 0.99 } else { x / 100.0 };
                format!("write a fraction such as {fraction}")
            }
            _ => format!("write for example {}", self.example()),
        }
    }
}
