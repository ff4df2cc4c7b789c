//! The JSON Schema of mappings, for editors: built from the lists the parser checks against.
//!
//! It is looser than the parser where a schema would be unreadable: which lookups can work, which
//! columns identify a row. `docs/mapping.schema.json` is this text.

#![allow(clippy::needless_pass_by_value, reason = "small values, made where they are passed")]

use schemas::ChangeKind;
use serde_json::{Map, Value, json};

use super::change_fields::{BASELINES, Field, ITEM_FIELDS, PLACE_FIELDS, Want, takes};
use super::expression::TIME_UNITS;
use super::model::{Connector, On, Park, Routing};
use super::parse::{MOST_PARKED, VERSION};

/// The schema as it is published, with a line feed at its end.
#[must_use]
pub fn text() -> String {
    format!("{:#}\n", schema())
}

fn schema() -> Value {
    let park = Park::default();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Quartermaster mapping",
        "description": "Reference: docs/mapping.md",
        "type": "object",
        "additionalProperties": false,
        "required": ["version", "id", "source", "tables"],
        "properties": {
            "version": { "const": VERSION },
            "id": { "type": ["string", "integer"], "pattern": "^[A-Za-z0-9_.-]{1,64}$" },
            "description": reference("scalar"),
            "source": object(&["connector"], json!({
                "connector": { "enum": names(&Connector::NAMES) },
                "routing": { "enum": names(&Routing::NAMES), "default": "database" },
                "time_zone": { "type": "string", "description": "IANA name; of dates and times without a zone. Default UTC" },
            })),
            "park": object(&[], json!({
                "most": { "type": "integer", "minimum": 0, "maximum": MOST_PARKED, "default": park.most },
                "for": { "type": "string", "pattern": "^[0-9]{1,6} *[smhd]$", "default": "10m" },
            })),
            "tables": {
                "type": "object",
                "minProperties": 1,
                "propertyNames": { "pattern": "^[^.]+\\..+$" },
                "additionalProperties": { "anyOf": [{ "type": "null" }, reference("table")] },
            },
        },
        "$defs": definitions(),
    })
}

fn definitions() -> Value {
    let mut all = json!({
        "scalar": { "type": ["string", "number", "boolean"] },
        "columns": { "anyOf": [{ "type": "string" }, list(json!({ "type": "string" }))] },
        "table": object(&[], json!({
            "description": reference("scalar"),
            "key": { "description": "Columns that identify a row. Default: the columns of the record's key", "anyOf": [reference("columns")] },
            "catalog": reference("catalog"),
            "location": reference("location"),
            "events": list(reference("event")),
        })),
        "catalog": rows(&["sku"], &ITEM_FIELDS.map(|(name, _, want)| (name, want))),
        "location": rows(&["location"], &PLACE_FIELDS.map(|(name, _, want)| (name, want))),
        "event": { "oneOf": ChangeKind::ALL.iter().map(|kind| event(*kind)).collect::<Vec<_>>() },
        "conditions": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": { "anyOf": [reference("wanted"), reference("test"), reference("test_elsewhere")] },
        },
        "wanted": { "anyOf": [reference("scalar"), list(reference("scalar"))] },
        "test": object(&[], tests()),
        "test_elsewhere": object(&["lookup", "column"], with(tests(), json!({
            "lookup": { "type": "string" },
            "column": reference("text"),
        }))),
        "difference": { "oneOf": [
            object(&["increase_of"], with(changed(), json!({ "increase_of": reference("figure") }))),
            object(&["decrease_of"], with(changed(), json!({ "decrease_of": reference("figure") }))),
        ] },
        "figure": figure(),
    });
    for want in [Want::Text, Want::Quantity, Want::Money, Want::Number, Want::Whole, Want::Time, Want::Day, Want::Tags]
    {
        all = with(all, json!({ word(want): expression(want) }));
    }
    all
}

const fn word(want: Want) -> &'static str {
    match want {
        Want::Text => "text",
        Want::Quantity => "quantity",
        Want::Money => "money",
        Want::Number => "number",
        Want::Whole => "whole",
        Want::Time => "time",
        Want::Day => "day",
        Want::Tags => "tags",
    }
}

fn expression(want: Want) -> Value {
    let own = word(want);
    let mut forms = vec![
        json!({ "type": "string", "description": "A column" }),
        object(&["value"], json!({ "value": reference("scalar") })),
        object(&["column"], with(reads(want), json!({ "column": { "type": "string" } }))),
        object(
            &["lookup", "by", "column"],
            with(
                reads(want),
                json!({
                    "lookup": { "type": "string" },
                    "by": { "anyOf": [reference("text"), list(reference("text"))] },
                    "column": reference(own),
                }),
            ),
        ),
        object(&["first_of"], with(modifiers(want), json!({ "first_of": list(reference(own)) }))),
    ];
    match want {
        Want::Text => forms.push(object(
            &["join"],
            with(
                modifiers(want),
                json!({
                    "join": list(reference("text")),
                    "with": reference("scalar"),
                }),
            ),
        )),
        Want::Tags => forms.push(object(
            &["split", "at"],
            with(
                modifiers(want),
                json!({
                    "split": reference("text"),
                    "at": reference("scalar"),
                }),
            ),
        )),
        Want::Quantity | Want::Money | Want::Number => {
            forms.push(object(&["sum"], with(modifiers(want), json!({ "sum": list(reference(own)) }))));
        }
        _ => {}
    }
    json!({ "anyOf": forms })
}

/// What may be done with a value.
fn modifiers(want: Want) -> Value {
    let mut all = json!({
        "map": { "type": "object", "additionalProperties": reference("scalar") },
        "default": reference("scalar"),
        "trim": { "type": "boolean" },
    });
    if want.is_number() {
        all = with(all, changed());
        all = with(all, json!({ "absolute": { "type": "boolean" }, "round": { "type": "boolean" } }));
    }
    all
}

/// What may be said beside a column: what is done with its value, and how it is read.
fn reads(want: Want) -> Value {
    let units: Vec<&str> = TIME_UNITS.iter().map(|(name, _)| *name).collect();
    let how = if want.is_time() {
        json!({ "time": { "enum": units }, "time_zone": { "type": "string" } })
    } else {
        json!({ "scale": { "type": "integer", "minimum": 0, "maximum": 38 } })
    };
    with(modifiers(want), how)
}

fn changed() -> Value {
    json!({
        "negate": { "type": "boolean" },
        "times": { "anyOf": [{ "type": ["string", "number"] }, reference("number")] },
    })
}

fn figure() -> Value {
    let only_when = json!({ "only_when": reference("conditions") });
    json!({ "anyOf": [
        { "type": "string", "description": "A column" },
        object(&["column"], with(with(reads(Want::Quantity), json!({ "column": { "type": "string" } })), only_when.clone())),
        object(&["sum"], with(with(modifiers(Want::Quantity), json!({ "sum": list(reference("quantity")) })), only_when.clone())),
        object(&["first_of"], with(with(modifiers(Want::Quantity), json!({ "first_of": list(reference("quantity")) })), only_when)),
    ] })
}

fn tests() -> Value {
    json!({
        "is": { "anyOf": [reference("wanted"), reference("test")] },
        "not": { "anyOf": [reference("wanted"), reference("test")] },
        "above": { "type": ["number", "string"] },
        "below": { "type": ["number", "string"] },
        "is_null": { "type": "boolean" },
        "scale": { "type": "integer", "minimum": 0, "maximum": 38 },
    })
}

fn rows(required: &[&str], fields: &[(&str, Want)]) -> Value {
    let mut all = json!({ "when": reference("conditions") });
    for name in required {
        all = with(all, json!({ *name: reference("text") }));
    }
    for (name, want) in fields {
        all = with(all, json!({ *name: reference(word(*want)) }));
    }
    object(required, all)
}

fn event(kind: ChangeKind) -> Value {
    let (required, optional) = takes(kind);
    let on: Vec<&str> = On::NAMES
        .iter()
        .filter(|(_, on)| *on != On::SNAPSHOT || BASELINES.contains(&kind))
        .map(|(name, _)| *name)
        .collect();
    let on = json!({ "enum": on });
    let mut all = json!({
        "on": { "anyOf": [on, list(on.clone())], "default": ["create"] },
        "when": reference("conditions"),
        "change": { "const": kind.name() },
        "sku": reference("text"),
        "location": reference("text"),
        "occurred_at": { "description": "Default: when the source committed the change", "anyOf": [reference("time")] },
        "description": reference("scalar"),
    });
    for field in required.iter().chain(optional) {
        let want = Field::ALL.iter().find(|(_, known, _)| known == field).map_or(Want::Text, |(.., want)| *want);
        let shape = match field {
            Field::Quantity => json!({ "anyOf": [reference("quantity"), reference("difference")] }),
            _ => reference(word(want)),
        };
        all = with(all, json!({ field.name(): shape }));
    }
    let needed: Vec<&str> =
        ["change", "sku", "location"].into_iter().chain(required.iter().map(|f| f.name())).collect();
    object(&needed, all)
}

fn names<T>(names: &[(&'static str, T)]) -> Vec<&'static str> {
    names.iter().map(|(name, _)| *name).collect()
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn list(items: Value) -> Value {
    json!({ "type": "array", "minItems": 1, "items": items })
}

fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties })
}

fn with(one: Value, other: Value) -> Value {
    let mut all = Map::new();
    for part in [one, other] {
        if let Value::Object(part) = part {
            all.extend(part);
        }
    }
    Value::Object(all)
}
