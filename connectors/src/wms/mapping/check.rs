//! What can only be said once every table is known: who uses whom, and whether that can work.

use std::collections::HashMap;

use schemas::document::Checker;

use super::draft::{Draft, TableDraft};
use super::model::{EventRule, ItemRule, PlaceRule, Routing, Table, Tag};

/// The rules of one table.
pub(super) struct Rules {
    pub catalog: Option<ItemRule>,
    pub location: Option<PlaceRule>,
    pub events: Vec<EventRule>,
    /// The file has some, whether they could be read or not.
    pub has_any: bool,
}

pub(super) struct Checked {
    pub tables: Vec<Table>,
    pub by_name: HashMap<String, usize>,
}

/// The tables as they are executed.
pub(super) fn finish(draft: Draft, rules: Vec<Option<Rules>>, routing: Routing, check: &mut Checker<'_>) -> Checked {
    for (table, rules) in draft.tables.iter().zip(&rules) {
        refuse_unused(table, rules.as_ref(), check);
        refuse_routing(table, routing, check);
        refuse_twins(table, check);
    }
    refuse_circles(&draft, check);
    let by_name = draft.tables.iter().enumerate().map(|(ix, table)| (table.name.clone(), ix)).collect();
    let tables = draft.tables.into_iter().zip(rules).map(|(table, rules)| compiled(table, rules)).collect();
    Checked { tables, by_name }
}

fn compiled(draft: TableDraft, rules: Option<Rules>) -> Table {
    let rules = rules.unwrap_or(Rules { catalog: None, location: None, events: Vec::new(), has_any: false });
    Table {
        has_images: needs_images(&draft),
        looked_up: draft.looked_up,
        looks_up: !draft.looks_up.is_empty(),
        name: draft.name,
        key: draft.key,
        columns: draft.columns,
        remembered: draft.remembered.into_iter().collect(),
        figures: draft.figures,
        catalog: rules.catalog,
        location: rules.location,
        events: rules.events,
    }
}

fn needs_images(table: &TableDraft) -> bool {
    table.looked_up || !table.figures.is_empty() || !table.remembered.is_empty()
}

fn refuse_unused(table: &TableDraft, rules: Option<&Rules>, check: &mut Checker<'_>) {
    if !table.looked_up && !rules.is_some_and(|rules| rules.has_any) {
        let reason = "nothing uses this table; give it `catalog`, `location` or `events`, look it up, or remove it";
        check.fail(table.at, &path(table), reason);
    }
}

fn refuse_routing(table: &TableDraft, routing: Routing, check: &mut Checker<'_>) {
    let order = match routing {
        Routing::Database => return,
        Routing::Table => "`routing: table` gives no order across tables",
        Routing::Sku => "`routing: sku` spreads the rows of a table over partitions",
    };
    if let Some((at, path)) = table.looks_up.values().min_by_key(|(at, _)| *at) {
        let reason = format!(
            "{order}: what is looked up may not have come yet, or never comes; route all tables of the database into one topic and write `routing: database`"
        );
        check.fail(*at, path, reason);
    }
    if routing == Routing::Sku && needs_images(table) && table.key.is_none() {
        let reason =
            "with `routing: sku` the record's key does not identify the row; name the columns that do: `key: [id]`";
        check.fail(table.at, &path(table), reason);
    }
}

/// Tags are hashes; two of one table must differ.
fn refuse_twins(table: &TableDraft, check: &mut Checker<'_>) {
    let columns = table.columns.iter().map(|column| column.tag);
    let mut tags: Vec<Tag> = columns.chain(table.figures.iter().map(|figure| figure.tag)).collect();
    tags.sort_unstable();
    if tags.windows(2).any(|pair| pair[0] == pair[1]) {
        let reason = "two of its columns or figures cannot be told apart; name a column differently in a view";
        check.fail(table.at, &path(table), reason);
    }
}

/// Rows that wait for each other wait for ever. A row may wait for one of its own table: a tree ends.
fn refuse_circles(draft: &Draft, check: &mut Checker<'_>) {
    for from in 0..draft.tables.len() {
        let Some(circle) = circle(draft, from) else { continue };
        let first = circle.iter().skip(1).min().copied().unwrap_or(from);
        if first < from {
            continue; // reported where the circle was met first
        }
        let names: Vec<&str> = circle.iter().map(|ix| draft.tables[*ix].name.as_str()).collect();
        if let Some((at, path)) = circle.get(1).and_then(|next| draft.tables[from].looks_up.get(next)) {
            let reason = format!(
                "tables look each other up in a circle, {}: their rows would wait for each other; drop one of the lookups",
                names.join(" → ")
            );
            check.fail(*at, path, reason);
        }
    }
}

/// The shortest way from a table back to itself through others.
fn circle(draft: &Draft, from: usize) -> Option<Vec<usize>> {
    let mut ways = vec![vec![from]];
    let mut seen = vec![false; draft.tables.len()];
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in &ways {
            let last = *way.last()?;
            for next in draft.tables[last].looks_up.keys().copied().filter(|next| *next != last) {
                let onward: Vec<usize> = way.iter().copied().chain([next]).collect();
                if next == from {
                    return Some(onward);
                }
                if !std::mem::replace(&mut seen[next], true) {
                    longer.push(onward);
                }
            }
        }
        ways = longer;
    }
    None
}

fn path(table: &TableDraft) -> String {
    format!("tables.{}", table.name)
}
