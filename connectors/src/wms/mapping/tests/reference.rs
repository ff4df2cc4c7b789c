//! The reference, the published schema and the parser say the same.

use schemas::ChangeKind;
use serde_json::Value;

use super::validator::{document, fits};
use crate::wms::mapping::change_fields::{Field, ITEM_FIELDS, PLACE_FIELDS};
use crate::wms::mapping::condition::TEST_KEYS;
use crate::wms::mapping::expression::{NUMBER_MODIFIERS, SOURCES, TEXT_MODIFIERS, TIME_MODIFIERS, TIME_UNITS};
use crate::wms::mapping::model::{Connector, On, Routing};
use crate::wms::mapping::parse::{DOCUMENT_KEYS, PARK_KEYS, SOURCE_KEYS, TABLE_KEYS};
use crate::wms::mapping::rules::EVENT_KEYS;
use crate::wms::mapping::{Mapping, schema};

const REFERENCE: &str = include_str!("../../../../../docs/mapping.md");
const PUBLISHED: &str = include_str!("../../../../../docs/mapping.schema.json");

fn fits_schema(text: &str) -> bool {
    let root: Value = serde_json::from_str(&schema::text()).unwrap();
    fits(&document(text), &root, &root)
}

#[test]
fn the_published_schema_is_the_parsers() {
    assert!(
        PUBLISHED == schema::text(),
        "docs/mapping.schema.json is stale: write into it what `quartermaster schema mapping` prints"
    );
}

#[test]
fn the_reference_names_every_key() {
    let mut names: Vec<&str> =
        [&DOCUMENT_KEYS[..], &SOURCE_KEYS, &PARK_KEYS, &TABLE_KEYS, &EVENT_KEYS, &SOURCES].concat();
    names.extend(
        [&TEXT_MODIFIERS[..], &NUMBER_MODIFIERS, &TIME_MODIFIERS, &TEST_KEYS, &["only_when", "by", "with", "at"]]
            .concat(),
    );
    names.extend(Field::ALL.map(|(name, ..)| name));
    names.extend(ITEM_FIELDS.map(|(name, ..)| name));
    names.extend(PLACE_FIELDS.map(|(name, ..)| name));
    names.extend(TIME_UNITS.map(|(name, _)| name));
    names.extend(Connector::NAMES.map(|(name, _)| name));
    names.extend(Routing::NAMES.map(|(name, _)| name));
    names.extend(On::NAMES.map(|(name, _)| name));
    names.extend(ChangeKind::ALL.iter().map(|kind| kind.name()));
    for name in names {
        let shown = [format!("`{name}`"), format!("{{ {name}: ")].iter().any(|way| REFERENCE.contains(way));
        assert!(shown, "docs/mapping.md does not explain `{name}`");
    }
}

/// The fenced blocks of a language, each with what follows the language in its opening fence.
fn blocks(language: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in REFERENCE.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some((_, body)), None) => body.extend([line, "\n"]),
            (None, Some(info)) => {
                let rest = info.strip_prefix(language).map(str::trim);
                open = Some((rest.unwrap_or("other").to_owned(), String::new()));
            }
            (None, None) => {}
        }
    }
    found.retain(|(info, _)| info != "other");
    found
}

/// A block is a whole mapping, or what stands under `tables`.
fn whole(block: &str) -> String {
    if block.starts_with("version") {
        return block.to_owned();
    }
    let indented: String = block.lines().flat_map(|line| ["  ", line, "\n"]).collect();
    format!("version: 1\nid: example\nsource: {{ connector: postgresql }}\ntables:\n{indented}")
}

#[test]
fn every_example_of_the_reference_is_true() {
    let examples = blocks("yaml");
    assert!(examples.iter().any(|(info, _)| info.is_empty()) && examples.iter().any(|(info, _)| info == "wrong"));
    for (info, block) in examples {
        let text = whole(&block);
        match (Mapping::parse(&text, "wms.yaml"), info.as_str()) {
            (Ok(_), "") => assert!(fits_schema(&text), "docs/mapping.schema.json refuses:\n{text}"),
            (Err(errors), "wrong") => {
                for error in errors.0 {
                    assert!(REFERENCE.contains(&error.to_string()), "docs/mapping.md does not show:\n{error}");
                }
            }
            (result, info) => panic!("an example marked {info:?} gives {result:?}:\n{text}"),
        }
    }
}

#[test]
fn the_schema_refuses_what_is_plainly_wrong() {
    let text = |rule: &str| {
        format!("version: 1\nid: m\nsource: {{ connector: mysql }}\ntables:\n  s.t: {{ events: [{rule}] }}\n")
    };
    let good = "{ change: sold, sku: s, location: l, quantity: { column: q, times: 0.001 } }";
    assert!(fits_schema(&text(good)));
    for wrong in [
        "{ change: soled, sku: s, location: l, quantity: q }",
        "{ change: sold, sku: s, location: l }",
        "{ change: sold, sku: s, location: l, quantity: q, po_id: p }",
        "{ change: sold, sku: s, location: l, quantity: { colum: q } }",
        "{ change: sold, sku: { increase_of: q }, location: l, quantity: q }",
        "{ on: [snapshot], change: sold, sku: s, location: l, quantity: q }",
        "{ when: {}, change: sold, sku: s, location: l, quantity: q }",
    ] {
        assert!(!fits_schema(&text(wrong)), "{wrong}");
        assert!(Mapping::parse(&text(wrong), "m").is_err(), "{wrong}");
    }
}
