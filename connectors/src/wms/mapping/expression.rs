//! Reads expressions: where a value comes from and what is done with it.

use schemas::document::{Checker, Fields, Mark, Node, Value};
use schemas::{Day, Timestamp, Zone};

use super::change_fields::Want;
use super::draft::Draft;
use super::model::{Expr, Factor, From, Lookup, Modifiers};
use super::nearest::hint;
use crate::wms::decimal::Decimal;
use crate::wms::value::{Reading, TimeUnit};

/// What says where a value comes from. `column` is one too, where there is no `lookup`.
pub(super) const SOURCES: [&str; 9] =
    ["value", "column", "lookup", "first_of", "join", "split", "sum", "increase_of", "decrease_of"];
pub(super) const TEXT_MODIFIERS: [&str; 3] = ["map", "default", "trim"];
pub(super) const NUMBER_MODIFIERS: [&str; 5] = ["negate", "absolute", "times", "scale", "round"];
pub(super) const TIME_MODIFIERS: [&str; 2] = ["time", "time_zone"];
pub(super) const TIME_UNITS: [(&str, TimeUnit); 7] = [
    ("auto", TimeUnit::Auto),
    ("days", TimeUnit::Days),
    ("seconds", TimeUnit::Seconds),
    ("millis", TimeUnit::Millis),
    ("micros", TimeUnit::Micros),
    ("nanos", TimeUnit::Nanos),
    ("iso", TimeUnit::Iso),
];
/// A lookup may read a lookup of the row it found, and no more.
const DEEPEST_LOOKUP: u8 = 2;

/// What an expression is read for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    /// The table whose columns are named.
    pub table: usize,
    /// The table whose rule this is.
    origin: usize,
    pub want: Want,
    /// The columns are read from images too: they have to be remembered.
    pub remember: bool,
    /// A figure of the row itself: it must not wait for other rows.
    pub own_row: bool,
    /// Lookups around this one.
    depth: u8,
}

impl Spot {
    pub(super) const fn new(table: usize, want: Want) -> Self {
        Self { table, origin: table, want, remember: false, own_row: false, depth: 0 }
    }

    pub(super) const fn remembered(self, remember: bool) -> Self {
        Self { remember, ..self }
    }

    pub(super) const fn of_own_row(self) -> Self {
        Self { own_row: true, ..self }
    }

    const fn wanting(self, want: Want) -> Self {
        Self { want, ..self }
    }
}

impl Draft {
    /// Reads one expression; every error is with `check`.
    pub(super) fn expression(&mut self, node: &Node, path: &str, spot: Spot, check: &mut Checker<'_>) -> Option<Expr> {
        match &node.value {
            Value::Scalar { text, .. } if !text.is_empty() => {
                let from = From::Column(self.column(text, spot));
                Some(Expr { from, modifiers: self.unmodified() })
            }
            Value::Map(_) => self.composed(&Fields::open(node, path, check)?, path, spot, check),
            Value::Scalar { .. } | Value::Null => {
                check.fail(node.at, path, "has no value; write the name of a column or remove the key");
                None
            }
            Value::List(_) => {
                let reason =
                    "expected a column or an expression, found a list; several candidates are `{ first_of: […] }`";
                check.fail(node.at, path, reason);
                None
            }
        }
    }

    pub(super) fn column(&mut self, name: &str, spot: Spot) -> usize {
        let table = &mut self.tables[spot.table];
        let column = table.column(name);
        if spot.remember {
            table.remembered.insert(column);
        }
        column
    }

    fn unmodified(&self) -> Modifiers {
        Modifiers { reading: Reading { zone: self.zone.clone(), ..Reading::default() }, ..Modifiers::default() }
    }

    fn composed(&mut self, fields: &Fields<'_>, path: &str, spot: Spot, check: &mut Checker<'_>) -> Option<Expr> {
        let source = one_source(fields, path, check)?;
        let beside: &[&str] = match source {
            "lookup" => &["by", "column"],
            "join" => &["with"],
            "split" => &["at"],
            _ => &[],
        };
        let composed = fields.get("column").is_some_and(|node| matches!(node.value, Value::Map(_)));
        let own = if source == "lookup" && composed { "column of lookup" } else { source };
        refuse_keys(fields, own, beside, spot.want, check);
        let node = fields.get(source)?;
        let at = fields.path_of(source);
        let from = match source {
            "value" => constant(fields, spot.want, check).map(From::Constant),
            "column" => {
                fields.text("column", "column: sku", check).map(|(_, name)| From::Column(self.column(name, spot)))
            }
            "lookup" => self.lookup(fields, spot, check).map(|lookup| From::Lookup(Box::new(lookup))),
            "first_of" => self.several(node, &at, spot, check).map(From::FirstOf),
            "join" => {
                let with = optional_text(fields, "with", check).unwrap_or_default();
                check_want(node.at, path, "join", spot.want, &[Want::Text], check);
                let parts = self.several(node, &at, spot, check)?;
                Some(From::Join { parts, with })
            }
            "split" => {
                check_want(node.at, path, "split", spot.want, &[Want::Tags], check);
                let with = fields.text("at", "at: \",\"", check);
                let of = self.expression(node, &at, spot.wanting(Want::Text), check)?;
                Some(From::Split { of: Box::new(of), at: with?.1.to_owned() })
            }
            "sum" => {
                check_want(node.at, path, "sum", spot.want, &[Want::Quantity, Want::Money, Want::Number], check);
                self.several(node, &at, spot, check).map(From::Sum)
            }
            _ => {
                let reason = format!(
                    "`{source}` is only for `quantity` of an event; a difference cannot stand inside another expression"
                );
                check.fail(node.at, path, reason);
                None
            }
        };
        let modifiers = self.modifiers(fields, spot, check);
        Some(hand_down(Expr { from: from?, modifiers }))
    }

    fn several(&mut self, node: &Node, path: &str, spot: Spot, check: &mut Checker<'_>) -> Option<Vec<Expr>> {
        let Value::List(items) = &node.value else {
            let found = node.value.describe();
            check.fail(node.at, path, format!("expected a list of columns or expressions, found {found}"));
            return None;
        };
        if items.is_empty() {
            check.fail(node.at, path, "an empty list gives nothing; name a column");
            return None;
        }
        let read: Vec<Option<Expr>> = items
            .iter()
            .enumerate()
            .map(|(i, item)| self.expression(item, &format!("{path}[{i}]"), spot, check))
            .collect();
        read.into_iter().collect()
    }

    fn lookup(&mut self, fields: &Fields<'_>, spot: Spot, check: &mut Checker<'_>) -> Option<Lookup> {
        let (node, name) = fields.text("lookup", "lookup: public.products", check)?;
        let path = fields.path_of("lookup");
        let by = self.by(fields, spot, check);
        let column = fields.require("column", "column: sku", check);
        if spot.own_row {
            let reason = "a figure is a figure of the row itself, and cannot look up; remove the lookup";
            check.fail(node.at, &path, reason);
            return None;
        }
        if spot.depth >= DEEPEST_LOOKUP {
            let reason = "lookups nest two deep at most; look the value up with `by: { lookup: … }` instead";
            check.fail(node.at, &path, reason);
            return None;
        }
        let Some(table) = self.table_ix(name) else {
            let near = hint(name, self.tables.iter().map(|table| table.name.as_str()));
            let reason = format!("`{name}` is not among `tables`{near}; add it there, if only as `{name}: {{}}`");
            check.fail(node.at, &path, reason);
            return None;
        };
        self.tables[table].looked_up = true;
        let place = (node.at, path);
        self.tables[spot.origin].looks_up.entry(table).or_insert(place);
        let there = Spot { table, remember: true, depth: spot.depth + 1, ..spot };
        let column = self.expression(column?, &fields.path_of("column"), there, check);
        let by = by?;
        self.check_key_length(table, by.len(), node.at, &fields.path_of("by"), check);
        Some(Lookup { table, by, column: column? })
    }

    /// The values that identify the row looked for, in the order of its table's key.
    fn by(&mut self, fields: &Fields<'_>, spot: Spot, check: &mut Checker<'_>) -> Option<Vec<Expr>> {
        let node = fields.require("by", "by: product_id", check)?;
        let (path, spot) = (fields.path_of("by"), spot.wanting(Want::Text));
        match &node.value {
            Value::List(_) => self.several(node, &path, spot, check),
            _ => self.expression(node, &path, spot, check).map(|expr| vec![expr]),
        }
    }

    fn check_key_length(&self, table: usize, given: usize, at: Mark, path: &str, check: &mut Checker<'_>) {
        let target = &self.tables[table];
        let name = &target.name;
        match &target.key {
            Some(key) if key.len() != given => {
                let names: Vec<&str> = key.iter().map(|ix| target.columns[*ix].name.as_str()).collect();
                let reason =
                    format!("`by` has {given} of the {} columns of `{name}`'s key: {}", key.len(), names.join(", "));
                check.fail(at, path, reason);
            }
            None if given > 1 => {
                let reason =
                    format!("several columns identify a row of `{name}`: give it `key: [a, b]`, in this order");
                check.fail(at, path, reason);
            }
            _ => {}
        }
    }

    /// What is done with the value, as far as its field knows it.
    pub(super) fn modifiers(&mut self, fields: &Fields<'_>, spot: Spot, check: &mut Checker<'_>) -> Modifiers {
        let mut modifiers = self.unmodified();
        modifiers.map = map(fields, spot.want, check);
        if let Some(node) = fields.get("default") {
            modifiers.default = optional_text(fields, "default", check);
            let (path, text) = (fields.path_of("default"), modifiers.default.as_deref().unwrap_or_default());
            check_constant(node.at, &path, text, spot.want, check);
        }
        modifiers.trim = flag(fields, "trim", check);
        modifiers.negate = flag(fields, "negate", check);
        modifiers.absolute = flag(fields, "absolute", check);
        modifiers.times = self.factor(fields, spot, check);
        modifiers.reading.round = flag(fields, "round", check);
        if fields.get("scale").is_some() {
            modifiers.reading.scale = fields.integer("scale", (0, 38), None, check);
        }
        if let Some(unit) = named(fields, "time", &TIME_UNITS, check) {
            modifiers.reading.time = unit;
        }
        if let Some(zone) = zone(fields, "time_zone", check) {
            modifiers.reading.zone = zone;
        }
        modifiers
    }

    fn factor(&mut self, fields: &Fields<'_>, spot: Spot, check: &mut Checker<'_>) -> Option<Factor> {
        let node = fields.get("times")?;
        let path = fields.path_of("times");
        let Value::Scalar { text, .. } = &node.value else {
            let factor = self.expression(node, &path, spot.wanting(Want::Number), check)?;
            return Some(Factor::Of(Box::new(factor)));
        };
        let parsed = Decimal::parse(text).ok();
        if parsed.is_none() {
            let reason = format!(
                "`{text}` is not a decimal; write for example \"0.001\", or `{{ column: {text} }}` if it is a column"
            );
            check.fail(node.at, &path, reason);
        }
        parsed.map(Factor::Constant)
    }
}

/// How a column of a lookup is read is for the row that was found; what is done with the value, for the
/// row that looks up.
fn hand_down(mut expr: Expr) -> Expr {
    if let From::Lookup(lookup) = &mut expr.from
        && let From::Column(_) = lookup.column.from
    {
        let outer = &mut expr.modifiers;
        let inner = &mut lookup.column.modifiers;
        (inner.map, inner.trim) = (outer.map.take(), std::mem::take(&mut outer.trim));
        inner.reading = outer.reading.clone();
    }
    expr
}

/// The key that says where the value comes from.
fn one_source(fields: &Fields<'_>, path: &str, check: &mut Checker<'_>) -> Option<&'static str> {
    let looks_up = fields.get("lookup").is_some();
    let mut found = SOURCES.into_iter().filter(|key| fields.get(key).is_some() && !(looks_up && *key == "column"));
    let reason = match (found.next(), found.next()) {
        (Some(source), None) => return Some(source),
        (Some(one), Some(other)) => format!("`{one}` and `{other}` both say where the value comes from; keep one"),
        _ => {
            let near = fields.keys().find_map(|key| super::nearest::nearest(key, SOURCES));
            let near = near.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
            format!(
                "nothing says where the value comes from{near}; write for example `column: …` ({})",
                SOURCES.join(", ")
            )
        }
    };
    check.fail(fields.at(), path, reason);
    None
}

fn refuse_keys(fields: &Fields<'_>, source: &str, beside: &[&str], want: Want, check: &mut Checker<'_>) {
    let reads = matches!(source, "column" | "lookup");
    let mut allowed = beside.to_vec();
    match source {
        "column of lookup" => allowed.extend(["lookup", "default"]),
        "value" => allowed.push("value"),
        "increase_of" | "decrease_of" => allowed.extend([source, "negate", "times", "round"]),
        _ => {
            allowed.push(source);
            allowed.extend(TEXT_MODIFIERS);
            let mine = |key: &&str| match *key {
                // An id may have come as bytes.
                "scale" => reads && !want.is_time(),
                "time" | "time_zone" => reads && want.is_time(),
                _ => want.is_number(),
            };
            allowed.extend(NUMBER_MODIFIERS.into_iter().chain(TIME_MODIFIERS).filter(mine));
        }
    }
    fields.refuse_unknown(&allowed, check, |key| {
        let known = NUMBER_MODIFIERS.iter().chain(&TIME_MODIFIERS).chain(&TEXT_MODIFIERS).any(|known| *known == key);
        if !known {
            return Some(unknown_key(key, &allowed));
        }
        let want = want.describe();
        Some(format!("does not apply to {want} here; remove it, or write it where the column is named"))
    });
}

/// What to say about a key nobody knows here.
pub(super) fn unknown_key(key: &str, allowed: &[&str]) -> String {
    format!("unknown key{}; the keys here are {}", hint(key, allowed.iter().copied()), allowed.join(", "))
}

fn check_want(at: Mark, path: &str, what: &str, want: Want, good: &[Want], check: &mut Checker<'_>) {
    if !good.contains(&want) {
        check.fail(at, path, format!("`{what}` does not give {}; use another expression", want.describe()));
    }
}

fn constant(fields: &Fields<'_>, want: Want, check: &mut Checker<'_>) -> Option<String> {
    let (node, text) = fields.text("value", "value: X", check)?;
    check_constant(node.at, &fields.path_of("value"), text, want, check).then(|| text.to_owned())
}

/// Whether a text of the mapping is what its field can hold.
fn check_constant(at: Mark, path: &str, text: &str, want: Want, check: &mut Checker<'_>) -> bool {
    let number = || Decimal::parse(text).map_err(|error| error.to_string());
    let wrong = match want {
        Want::Text | Want::Tags => None,
        Want::Quantity => number().and_then(|n| n.quantity(false).map_err(|e| e.to_string())).err(),
        Want::Money => number().and_then(|n| n.money(false).map_err(|e| e.to_string())).err(),
        Want::Number => number().err(),
        Want::Whole => number().and_then(|n| n.integer(false).map_err(|e| e.to_string())).err(),
        Want::Time => Timestamp::parse(text).err().map(|e| e.to_string()),
        Want::Day => Day::parse(text).err().map(|e| e.to_string()),
    };
    if let Some(wrong) = &wrong {
        check.fail(at, path, format!("`{text}` is not {}: {wrong}", want.describe()));
    }
    wrong.is_none()
}

fn map(fields: &Fields<'_>, want: Want, check: &mut Checker<'_>) -> Option<Vec<(String, String)>> {
    let node = fields.get("map")?;
    let path = fields.path_of("map");
    let Value::Map(entries) = &node.value else {
        check.fail(node.at, &path, "expected codes and what they mean, for example { S: store, W: warehouse }");
        return None;
    };
    let codes = Fields::open(node, &path, check)?;
    let mut map = Vec::new();
    for (_, code, _) in entries {
        let Some((node, meaning)) = codes.text(code, "S: store", check) else { continue };
        if check_constant(node.at, &codes.path_of(code), meaning, want, check) {
            map.push((code.clone(), meaning.to_owned()));
        }
    }
    Some(map)
}

pub(super) fn flag(fields: &Fields<'_>, key: &str, check: &mut Checker<'_>) -> bool {
    named(fields, key, &[("true", true), ("false", false)], check).unwrap_or(false)
}

/// One of a few words.
pub(super) fn named<T: Copy>(
    fields: &Fields<'_>,
    key: &str,
    names: &[(&str, T)],
    check: &mut Checker<'_>,
) -> Option<T> {
    fields.get(key)?;
    let words: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    let (node, text) = fields.text(key, &format!("{key}: {}", words[0]), check)?;
    let found = names.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    if found.is_none() {
        let near = hint(text, words.iter().copied());
        check.fail(node.at, &fields.path_of(key), format!("`{text}` is not one of {}{near}", words.join(", ")));
    }
    found
}

pub(super) fn zone(fields: &Fields<'_>, key: &str, check: &mut Checker<'_>) -> Option<Zone> {
    fields.get(key)?;
    let (node, name) = fields.text(key, &format!("{key}: Europe/Berlin"), check)?;
    let zone = Zone::named(name);
    if zone.is_none() {
        let reason = format!("unknown time zone `{name}`; use an IANA name such as Europe/London");
        check.fail(node.at, &fields.path_of(key), reason);
    }
    zone
}

/// A text that may be empty, as a separator or a default may.
fn optional_text(fields: &Fields<'_>, key: &str, check: &mut Checker<'_>) -> Option<String> {
    match &fields.get(key)?.value {
        Value::Scalar { text, .. } => Some(text.clone()),
        _ => fields.text(key, &format!("{key}: X"), check).map(|(_, text)| text.to_owned()),
    }
}
