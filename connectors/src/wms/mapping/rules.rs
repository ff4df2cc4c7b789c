//! Reads what the rows of a table become: stock changes, items, locations.

use schemas::ChangeKind;
use schemas::document::{Checker, Fields, Mark, Node, Value};

use super::change_fields::{BASELINES, Field, ITEM_FIELDS, PLACE_FIELDS, Want, takes};
use super::draft::{Draft, tag};
use super::expression::{Spot, unknown_key};
use super::model::{Difference, EventRule, Expr, Figure, ItemRule, On, PlaceRule};
use super::nearest::hint;

pub(super) const EVENT_KEYS: [&str; 7] = ["on", "when", "change", "sku", "location", "occurred_at", "description"];

impl Draft {
    /// A table's `events`.
    pub(super) fn events(&mut self, of: &Fields<'_>, table: usize, check: &mut Checker<'_>) -> Vec<EventRule> {
        let Some(node) = of.get("events") else { return Vec::new() };
        let path = of.path_of("events");
        match &node.value {
            Value::List(items) if !items.is_empty() => {
                let rules = items.iter().enumerate();
                rules.filter_map(|(i, item)| self.event(item, &format!("{path}[{i}]"), table, check)).collect()
            }
            Value::List(_) | Value::Null => {
                check.fail(node.at, &path, "there are no rules; add one, or remove the key");
                Vec::new()
            }
            other => {
                let reason = format!("expected a list of rules, each beginning with `-`, found {}", other.describe());
                check.fail(node.at, &path, reason);
                Vec::new()
            }
        }
    }

    fn event(&mut self, node: &Node, path: &str, table: usize, check: &mut Checker<'_>) -> Option<EventRule> {
        let fields = Fields::open(node, path, check)?;
        let on = on(&fields, check);
        let kind = kind(&fields, check);
        refuse_fields(&fields, kind, check);
        fields.texts("description", check);
        if let Some(kind) = kind {
            refuse_snapshot(&fields, on, kind, check);
        }
        let remember = on.has(On::DELETE);
        let spot = |want| Spot::new(table, want).remembered(remember);
        let when = self.conditions(&fields, "when", spot(Want::Text), check);
        let sku = self.required(&fields, "sku", "sku: sku", spot(Want::Text), check);
        let location = self.required(&fields, "location", "location: warehouse", spot(Want::Text), check);
        let occurred_at = self.optional(&fields, "occurred_at", spot(Want::Time), check);
        let kind = kind?;
        let mut difference = None;
        let mut read = Vec::new();
        for (name, field, want) in Field::ALL {
            let Some(node) = fields.get(name) else { continue };
            if field == Field::Quantity && is_difference(node) {
                difference = self.difference(node, &fields.path_of(name), table, check);
            } else if let Some(expr) = self.expression(node, &fields.path_of(name), spot(want), check) {
                read.push((field, expr));
            }
        }
        Some(EventRule { on, when, kind, sku: sku?, location: location?, occurred_at, difference, fields: read })
    }

    fn required(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        example: &str,
        spot: Spot,
        check: &mut Checker<'_>,
    ) -> Option<Expr> {
        let node = fields.require(key, example, check)?;
        self.expression(node, &fields.path_of(key), spot, check)
    }

    fn optional(&mut self, fields: &Fields<'_>, key: &str, spot: Spot, check: &mut Checker<'_>) -> Option<Expr> {
        let node = fields.get(key)?;
        self.expression(node, &fields.path_of(key), spot, check)
    }

    /// `{ increase_of: FIGURE }` or `{ decrease_of: FIGURE }`.
    fn difference(&mut self, node: &Node, path: &str, table: usize, check: &mut Checker<'_>) -> Option<Difference> {
        let fields = Fields::open(node, path, check)?;
        let allowed = ["increase_of", "decrease_of", "negate", "times"];
        fields.refuse_unknown(&allowed, check, |key| Some(unknown_key(key, &allowed)));
        let (source, rising) = match (fields.get("increase_of"), fields.get("decrease_of")) {
            (Some(node), None) => (node, true),
            (None, Some(node)) => (node, false),
            _ => {
                check.fail(fields.at(), path, "`increase_of` and `decrease_of` are two rules; keep one of them here");
                return None;
            }
        };
        let at = fields.path_of(if rising { "increase_of" } else { "decrease_of" });
        let figure = self.figure(source, &at, table, check);
        let modifiers = self.modifiers(&fields, Spot::new(table, Want::Quantity), check);
        Some(Difference { figure: figure?, rising, modifiers })
    }

    /// A column or expression of the row itself, and the conditions under which it counts.
    fn figure(&mut self, node: &Node, path: &str, table: usize, check: &mut Checker<'_>) -> Option<usize> {
        let spot = Spot::new(table, Want::Quantity).of_own_row();
        let (of, only_when) = match &node.value {
            Value::Map(entries) => {
                let fields = Fields::open(node, path, check)?;
                let only_when = self.conditions(&fields, "only_when", spot, check);
                let rest = entries.iter().filter(|(_, key, _)| key != "only_when");
                let rest = rest.map(|(at, key, node)| (*at, key.clone(), super::condition::copy(node))).collect();
                let of = Node { at: node.at, value: Value::Map(rest) };
                (self.expression(&of, path, spot, check)?, only_when)
            }
            _ => (self.expression(node, path, spot, check)?, Vec::new()),
        };
        let tag = tag(&format!("figure {}", definition(node)));
        Some(self.tables[table].figure(Figure { of, only_when, tag }))
    }

    /// A table's `catalog`.
    pub(super) fn catalog(&mut self, of: &Fields<'_>, table: usize, check: &mut Checker<'_>) -> Option<ItemRule> {
        let fields = Fields::open(of.get("catalog")?, &of.path_of("catalog"), check)?;
        let allowed: Vec<&str> = ["sku", "when"].into_iter().chain(ITEM_FIELDS.map(|(name, ..)| name)).collect();
        fields.refuse_unknown(&allowed, check, |key| Some(unknown_key(key, &allowed)));
        // Whether an item was there before, and under which SKU: the image says it.
        let kept = Spot::new(table, Want::Text).remembered(true);
        let when = self.conditions(&fields, "when", kept, check);
        let sku = self.required(&fields, "sku", "sku: sku", kept, check);
        let mut read = Vec::new();
        for (name, field, want) in ITEM_FIELDS {
            read.extend(self.optional(&fields, name, Spot::new(table, want), check).map(|expr| (field, expr)));
        }
        Some(ItemRule { when, sku: sku?, fields: read })
    }

    /// A table's `location`.
    pub(super) fn location(&mut self, of: &Fields<'_>, table: usize, check: &mut Checker<'_>) -> Option<PlaceRule> {
        let fields = Fields::open(of.get("location")?, &of.path_of("location"), check)?;
        let allowed: Vec<&str> = ["location", "when"].into_iter().chain(PLACE_FIELDS.map(|(name, ..)| name)).collect();
        fields.refuse_unknown(&allowed, check, |key| Some(unknown_key(key, &allowed)));
        let kept = Spot::new(table, Want::Text).remembered(true);
        let when = self.conditions(&fields, "when", kept, check);
        let location = self.required(&fields, "location", "location: code", kept, check);
        let mut read = Vec::new();
        for (name, field, want) in PLACE_FIELDS {
            read.extend(self.optional(&fields, name, Spot::new(table, want), check).map(|expr| (field, expr)));
        }
        Some(PlaceRule { when, location: location?, fields: read })
    }
}

fn is_difference(node: &Node) -> bool {
    let Value::Map(entries) = &node.value else { return false };
    entries.iter().any(|(_, key, _)| key == "increase_of" || key == "decrease_of")
}

/// A figure as its mapping writes it, whatever the order of keys.
fn definition(node: &Node) -> String {
    match &node.value {
        Value::Null => "~".to_owned(),
        Value::Scalar { text, .. } => format!("{text:?}"),
        Value::List(items) => format!("[{}]", items.iter().map(definition).collect::<Vec<_>>().join(",")),
        Value::Map(entries) => {
            let mut entries: Vec<String> =
                entries.iter().map(|(_, key, value)| format!("{key:?}:{}", definition(value))).collect();
            // A plain column is the same as one that is named.
            if let [only] = &entries[..]
                && let Some(column) = only.strip_prefix("\"column\":")
            {
                return column.to_owned();
            }
            entries.sort();
            format!("{{{}}}", entries.join(","))
        }
    }
}

fn on(fields: &Fields<'_>, check: &mut Checker<'_>) -> On {
    if fields.get("on").is_none() {
        return On::CREATE;
    }
    let mut on = On::default();
    for (node, text) in fields.texts("on", check) {
        if let Some((_, one)) = On::NAMES.iter().find(|(name, _)| *name == text) {
            on = on.with(*one);
            continue;
        }
        let names = On::NAMES.map(|(name, _)| name);
        let reason = format!("`{text}` is not one of {}{}", names.join(", "), hint(text, names));
        check.fail(node.at, &fields.path_of("on"), reason);
    }
    on
}

fn kind(fields: &Fields<'_>, check: &mut Checker<'_>) -> Option<ChangeKind> {
    let (node, text) = fields.text("change", "change: sold", check)?;
    let kind = ChangeKind::from_name(text);
    if kind.is_none() {
        let names: Vec<&str> = ChangeKind::ALL.iter().map(|kind| kind.name()).collect();
        let near = hint(text, names.iter().copied());
        let reason = format!("unknown change `{text}`{near}; changes: {}", names.join(", "));
        check.fail(node.at, &fields.path_of("change"), reason);
    }
    kind
}

/// Fields that the change needs and that are not there; fields that are there and mean nothing.
fn refuse_fields(fields: &Fields<'_>, kind: Option<ChangeKind>, check: &mut Checker<'_>) {
    let Some(kind) = kind else {
        let every: Vec<&str> = EVENT_KEYS.into_iter().chain(Field::ALL.map(|(name, ..)| name)).collect();
        fields.refuse_unknown(&every, check, |key| Some(unknown_key(key, &every)));
        return;
    };
    let (required, optional) = takes(kind);
    let taken = required.iter().chain(optional).map(|field| field.name());
    let allowed: Vec<&str> = EVENT_KEYS.into_iter().chain(taken).collect();
    fields.refuse_unknown(&allowed, check, |key| {
        let known = Field::ALL.iter().any(|(name, ..)| *name == key);
        Some(if known {
            format!("`{}` has no `{key}`; it takes {}", kind.name(), allowed[EVENT_KEYS.len()..].join(", "))
        } else {
            unknown_key(key, &allowed)
        })
    });
    for field in required.iter().filter(|field| fields.get(field.name()).is_none()) {
        let name = field.name();
        let reason = format!("`{name}` is missing; `{}` needs it: add for example `{name}: {name}`", kind.name());
        check.fail(fields.at(), fields.path(), reason);
    }
}

/// What was there before capturing began has not happened now, and may be read a second time.
fn refuse_snapshot(fields: &Fields<'_>, on: On, kind: ChangeKind, check: &mut Checker<'_>) {
    if !on.has(On::SNAPSHOT) {
        return;
    }
    if !BASELINES.contains(&kind) {
        let at: Mark = fields.get("on").map_or(fields.at(), |node| node.at);
        let states: Vec<&str> = BASELINES.iter().map(|kind| kind.name()).collect();
        let reason = format!(
            "`{}` is a movement, and a snapshot has none: its rows happened before; take `snapshot` away, or use {}",
            kind.name(),
            states.join(", ")
        );
        check.fail(at, &fields.path_of("on"), reason);
    } else if let Some(node) = fields.get("quantity").filter(|node| !is_difference(node)) {
        let reason = format!(
            "a snapshot may be taken again, and `{}` would count twice; write {{ increase_of: … }}, which counts what is \
             not known yet",
            kind.name()
        );
        check.fail(node.at, &fields.path_of("quantity"), reason);
    }
}
