//! Reads conditions: which rows a rule is about, or in which rows a figure counts.

use schemas::document::{Checker, Fields, Mark, Node, Value};

use super::draft::Draft;
use super::expression::{Spot, flag, unknown_key};
use super::model::{Condition, Scalar, Test};
use crate::wms::decimal::Decimal;

pub(super) const TEST_KEYS: [&str; 8] = ["is", "not", "above", "below", "is_null", "scale", "lookup", "column"];

impl Draft {
    /// The conditions under `key`, all of which must hold. Absent: none.
    pub(super) fn conditions(
        &mut self,
        of: &Fields<'_>,
        key: &str,
        spot: Spot,
        check: &mut Checker<'_>,
    ) -> Vec<Condition> {
        let Some(node) = of.get(key) else { return Vec::new() };
        let path = of.path_of(key);
        if matches!(&node.value, Value::Null) || matches!(&node.value, Value::Map(entries) if entries.is_empty()) {
            check.fail(
                node.at,
                &path,
                "a condition on nothing; write for example { status: [OPEN] } or remove the key",
            );
            return Vec::new();
        }
        let Some(fields) = Fields::open(node, &path, check) else { return Vec::new() };
        let columns: Vec<&str> = fields.keys().collect();
        let read = columns.into_iter().filter_map(|column| {
            let node = fields.get(column)?;
            self.condition(column, node, &fields.path_of(column), spot, check)
        });
        read.collect()
    }

    fn condition(
        &mut self,
        column: &str,
        node: &Node,
        path: &str,
        spot: Spot,
        check: &mut Checker<'_>,
    ) -> Option<Condition> {
        let Value::Map(_) = &node.value else {
            let of = self.expression(&plain(node.at, column), path, spot, check)?;
            return Some(Condition { of, test: test(node, path, check)? });
        };
        let fields = Fields::open(node, path, check)?;
        fields.refuse_unknown(&TEST_KEYS, check, |key| Some(unknown_key(key, &TEST_KEYS)));
        let of = self.expression(&subject(column, &fields, node.at), path, spot, check);
        let test = tests(&fields, check);
        Some(Condition { of: of?, test: test? })
    }
}

/// The column, or what it leads to in another table, as an expression of its own.
fn subject(column: &str, fields: &Fields<'_>, at: Mark) -> Node {
    let entry = |key: &str, node: Node| (at, key.to_owned(), node);
    let copied = |key: &str| fields.get(key).map(|node| entry(key, copy(node)));
    let mut entries: Vec<_> = ["lookup", "column", "scale"].into_iter().filter_map(copied).collect();
    if fields.get("lookup").is_some() {
        entries.push(entry("by", plain(at, column)));
    } else {
        entries.retain(|(_, key, _)| key != "column");
        entries.push(entry("column", plain(at, column)));
    }
    Node { at, value: Value::Map(entries) }
}

fn plain(at: Mark, column: &str) -> Node {
    Node { at, value: Value::Scalar { text: column.to_owned(), number: None } }
}

pub(super) fn copy(node: &Node) -> Node {
    let value = match &node.value {
        Value::Null => Value::Null,
        Value::Scalar { text, number } => Value::Scalar { text: text.clone(), number: *number },
        Value::List(items) => Value::List(items.iter().map(copy).collect()),
        Value::Map(entries) => {
            Value::Map(entries.iter().map(|(at, key, node)| (*at, key.clone(), copy(node))).collect())
        }
    };
    Node { at: node.at, value }
}

/// All tests of one column.
fn tests(fields: &Fields<'_>, check: &mut Checker<'_>) -> Option<Test> {
    let mut all = Vec::new();
    if let Some(node) = fields.get("is") {
        all.push(test(node, &fields.path_of("is"), check));
    }
    if let Some(node) = fields.get("not") {
        all.push(test(node, &fields.path_of("not"), check).map(|test| Test::Not(Box::new(test))));
    }
    if fields.get("above").is_some() {
        all.push(bound(fields, "above", check).map(Test::Above));
    }
    if fields.get("below").is_some() {
        all.push(bound(fields, "below", check).map(Test::Below));
    }
    if fields.get("is_null").is_some() {
        all.push(Some(Test::IsNull(flag(fields, "is_null", check))));
    }
    if all.is_empty() {
        let reason = "a condition on nothing; write a value, a list, or one of is, not, above, below, is_null";
        check.fail(fields.at(), fields.path(), reason);
        return None;
    }
    let all: Option<Vec<Test>> = all.into_iter().collect();
    let mut all = all?;
    Some(if all.len() == 1 { all.remove(0) } else { Test::All(all) })
}

fn bound(fields: &Fields<'_>, key: &str, check: &mut Checker<'_>) -> Option<Decimal> {
    let (node, text) = fields.text(key, &format!("{key}: 0"), check)?;
    let parsed = Decimal::parse(text).ok();
    if parsed.is_none() {
        check.fail(node.at, &fields.path_of(key), format!("`{text}` is not a decimal; write for example 0"));
    }
    parsed
}

/// One value, any of a list, or tests by name.
fn test(node: &Node, path: &str, check: &mut Checker<'_>) -> Option<Test> {
    match &node.value {
        Value::Scalar { text, .. } => Some(Test::AnyOf(vec![scalar(text)])),
        Value::List(items) if !items.is_empty() => {
            let texts: Vec<Option<Scalar>> = items.iter().map(|item| item_of(item, path, check)).collect();
            texts.into_iter().collect::<Option<Vec<Scalar>>>().map(Test::AnyOf)
        }
        Value::List(_) => {
            check.fail(node.at, path, "an empty list matches nothing; name a value");
            None
        }
        Value::Null => {
            check.fail(node.at, path, "has no value; for rows where the column is null write { is_null: true }");
            None
        }
        Value::Map(_) => {
            let fields = Fields::open(node, path, check)?;
            fields.refuse_unknown(&TEST_KEYS[..5], check, |key| Some(unknown_key(key, &TEST_KEYS[..5])));
            tests(&fields, check)
        }
    }
}

fn item_of(node: &Node, path: &str, check: &mut Checker<'_>) -> Option<Scalar> {
    match &node.value {
        Value::Scalar { text, .. } => Some(scalar(text)),
        other => {
            let found = other.describe();
            check.fail(node.at, path, format!("expected a value, found {found}; null is {{ is_null: true }}"));
            None
        }
    }
}

fn scalar(text: &str) -> Scalar {
    Scalar { text: text.to_owned(), number: Decimal::parse(text).ok() }
}
