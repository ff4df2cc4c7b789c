//! From YAML text to a checked [`Mapping`], or to everything that is wrong with it.

use schemas::Zone;
use schemas::document::{Checker, Fields, Node, Value, yaml};
use schemas::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS};

use super::MappingErrors;
use super::check::{self, Checked};
use super::draft::{Draft, TableDraft};
use super::expression::{named, unknown_key, zone};
use super::model::{Connector, Mapping, Park, Routing};

pub(super) const DOCUMENT_KEYS: [&str; 6] = ["version", "id", "description", "source", "park", "tables"];
pub(super) const SOURCE_KEYS: [&str; 3] = ["connector", "routing", "time_zone"];
pub(super) const PARK_KEYS: [&str; 2] = ["most", "for"];
pub(super) const TABLE_KEYS: [&str; 5] = ["key", "catalog", "location", "events", "description"];
/// The version of the language.
pub(super) const VERSION: i32 = 1;
/// Rows that wait are in memory.
pub(super) const MOST_PARKED: i32 = 1_000_000;

pub(super) fn parse(text: &str, file_name: &str) -> Result<Mapping, MappingErrors> {
    let mut check = Checker::new(file_name);
    let mapping = match yaml::read(text) {
        Ok(Node { value: Value::Null, .. }) => {
            let reason = "the mapping is empty; it needs at least `version`, `id`, `source` and `tables`";
            check.fail(yaml::START, "", reason);
            None
        }
        Ok(root) => document(&root, &mut check),
        Err((at, reason)) => {
            check.fail(at, "", reason);
            None
        }
    };
    let errors = check.into_errors();
    match mapping {
        Some(mapping) if errors.is_empty() => Ok(mapping),
        _ => Err(MappingErrors(errors)),
    }
}

fn document(root: &Node, check: &mut Checker<'_>) -> Option<Mapping> {
    let fields = Fields::open(root, "", check)?;
    fields.refuse_unknown(&DOCUMENT_KEYS, check, |key| Some(unknown_key(key, &DOCUMENT_KEYS)));
    let version = fields.integer("version", (VERSION, VERSION), None, check);
    let id = fields.identifier("id", check);
    fields.texts("description", check);
    let source = source(&fields, check);
    let park = park(&fields, check);
    let (connector, routing, zone) = source.unwrap_or((None, Routing::Database, Zone::UTC));
    let tables = tables(&fields, routing, zone.clone(), check);
    let (id, connector, Checked { tables, by_name }) = (id?, connector?, tables?);
    version?;
    Some(Mapping { id: id.to_owned(), connector, routing, zone, park, tables, by_name })
}

type Source = (Option<Connector>, Routing, Zone);

fn source(of: &Fields<'_>, check: &mut Checker<'_>) -> Option<Source> {
    let node = of.require("source", "source: { connector: postgresql }", check)?;
    let fields = Fields::open(node, "source", check)?;
    fields.refuse_unknown(&SOURCE_KEYS, check, |key| Some(unknown_key(key, &SOURCE_KEYS)));
    fields.require("connector", "connector: postgresql", check);
    let connector = named(&fields, "connector", &Connector::NAMES, check);
    let routing = named(&fields, "routing", &Routing::NAMES, check).unwrap_or(Routing::Database);
    Some((connector, routing, zone(&fields, "time_zone", check).unwrap_or(Zone::UTC)))
}

fn park(of: &Fields<'_>, check: &mut Checker<'_>) -> Park {
    let default = Park::default();
    let Some(node) = of.get("park") else { return default };
    let Some(fields) = Fields::open(node, "park", check) else { return default };
    fields.refuse_unknown(&PARK_KEYS, check, |key| Some(unknown_key(key, &PARK_KEYS)));
    let most = fields.integer("most", (0, MOST_PARKED), i32::try_from(default.most).ok(), check);
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(default.most);
    Park { most, for_ms: duration(&fields, "for", check).unwrap_or(default.for_ms) }
}

/// `90s`, `10m`, `2h`, `1d`.
fn duration(fields: &Fields<'_>, key: &str, check: &mut Checker<'_>) -> Option<i64> {
    const UNITS: [(char, i64); 4] = [('s', SECOND_MS), ('m', MINUTE_MS), ('h', HOUR_MS), ('d', DAY_MS)];
    fields.get(key)?;
    let (node, text) = fields.text(key, &format!("{key}: 10m"), check)?;
    let unit = UNITS.iter().find(|(letter, _)| text.ends_with(*letter));
    let length = unit.and_then(|(letter, unit)| {
        let number: u32 = text.strip_suffix(*letter)?.trim().parse().ok().filter(|n| *n <= 100_000)?;
        Some(i64::from(number) * unit)
    });
    if length.is_none() {
        check.fail(
            node.at,
            &fields.path_of(key),
            format!("`{text}` is not a duration; write for example 90s, 10m or 2h"),
        );
    }
    length
}

fn tables(of: &Fields<'_>, routing: Routing, zone: Zone, check: &mut Checker<'_>) -> Option<Checked> {
    let node = of.require("tables", "tables: { public.products: { catalog: { sku: sku } } }", check)?;
    let tables = match &node.value {
        Value::Map(entries) if !entries.is_empty() => Fields::open(node, "tables", check)?,
        Value::Map(_) | Value::Null => {
            check.fail(node.at, "tables", "there are no tables; nothing would come of anything: add one");
            return None;
        }
        other => {
            let reason = format!("expected tables by name, found {}", other.describe());
            check.fail(node.at, "tables", reason);
            return None;
        }
    };
    let mut draft = Draft { tables: Vec::new(), zone };
    let mut opened = Vec::new();
    // Every table and its key first: rules may look up tables that stand further down.
    for name in tables.keys() {
        let path = tables.path_of(name);
        let node = tables.get(name)?;
        let fields = table(node, &path, check);
        let mut table = TableDraft { name: name.to_owned(), at: node.at, ..TableDraft::default() };
        if !name.split_once('.').is_some_and(|(schema, table)| !schema.is_empty() && !table.is_empty()) {
            let reason = format!(
                "`{name}` is not a table's full name; write public.{name} (PostgreSQL) or database.{name} (MySQL)"
            );
            check.fail(node.at, &path, reason);
        }
        table.key = fields.as_ref().and_then(|fields| key(fields, &mut table, check));
        draft.tables.push(table);
        opened.push(fields);
    }
    let mut rules = Vec::new();
    for (ix, fields) in opened.iter().enumerate() {
        rules.push(fields.as_ref().map(|fields| check::Rules {
            catalog: draft.catalog(fields, ix, check),
            location: draft.location(fields, ix, check),
            events: draft.events(fields, ix, check),
            has_any: ["catalog", "location", "events"].iter().any(|key| fields.get(key).is_some()),
        }));
    }
    Some(check::finish(draft, rules, routing, check))
}

/// The keys of a table; nothing at all is a table that is only looked up.
fn table<'n>(node: &'n Node, path: &str, check: &mut Checker<'_>) -> Option<Fields<'n>> {
    if matches!(node.value, Value::Null) {
        return None;
    }
    let fields = Fields::open(node, path, check)?;
    fields.refuse_unknown(&TABLE_KEYS, check, |key| Some(unknown_key(key, &TABLE_KEYS)));
    fields.texts("description", check);
    Some(fields)
}

fn key(fields: &Fields<'_>, table: &mut TableDraft, check: &mut Checker<'_>) -> Option<Vec<usize>> {
    fields.get("key")?;
    let names = fields.texts("key", check);
    (!names.is_empty()).then(|| names.into_iter().map(|(_, name)| table.column(name)).collect())
}
