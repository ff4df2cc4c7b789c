//! Enough of JSON Schema to say whether a document fits the published one.

use schemas::document::{Node, Value as Yaml, yaml};
use serde_json::{Map, Value, json};

/// A YAML document as JSON, with numbers and booleans as YAML reads them.
pub(super) fn document(text: &str) -> Value {
    json_of(&yaml::read(text).unwrap_or_else(|(at, reason)| panic!("{at:?}: {reason}")))
}

fn json_of(node: &Node) -> Value {
    match &node.value {
        Yaml::Null => Value::Null,
        Yaml::Scalar { number: Some(number), .. } if number.fract() == 0.0 => json!(*number as i64),
        Yaml::Scalar { number: Some(number), .. } => json!(number),
        Yaml::Scalar { text, .. } if text == "true" || text == "false" => json!(text == "true"),
        Yaml::Scalar { text, .. } => json!(text),
        Yaml::List(items) => items.iter().map(json_of).collect(),
        Yaml::Map(entries) => {
            Value::Object(entries.iter().map(|(_, key, value)| (key.clone(), json_of(value))).collect::<Map<_, _>>())
        }
    }
}

/// Whether `value` fits `schema`, whose references are into `root`.
pub(super) fn fits(value: &Value, schema: &Value, root: &Value) -> bool {
    let Some(schema) = schema.as_object() else { return true };
    schema.iter().all(|(keyword, wanted)| holds(value, keyword, wanted, schema, root))
}

fn holds(value: &Value, keyword: &str, wanted: &Value, schema: &Map<String, Value>, root: &Value) -> bool {
    let each = |wanted: &Value| wanted.as_array().unwrap().iter().filter(|schema| fits(value, schema, root)).count();
    match keyword {
        "$ref" => fits(value, root.pointer(wanted.as_str().unwrap().strip_prefix('#').unwrap()).unwrap(), root),
        "anyOf" => each(wanted) > 0,
        "oneOf" => each(wanted) == 1,
        "const" => value == wanted,
        "enum" => wanted.as_array().unwrap().contains(value),
        "type" => match wanted {
            Value::Array(types) => types.iter().any(|one| is(value, one)),
            one => is(value, one),
        },
        "required" => value
            .as_object()
            .is_none_or(|o| wanted.as_array().unwrap().iter().all(|key| o.contains_key(key.as_str().unwrap()))),
        "properties" => value.as_object().is_none_or(|o| {
            o.iter().all(|(key, value)| wanted.get(key).is_none_or(|schema| fits(value, schema, root)))
        }),
        "additionalProperties" => value.as_object().is_none_or(|o| {
            let known = schema.get("properties").and_then(Value::as_object);
            let others = o.iter().filter(|(key, _)| !known.is_some_and(|known| known.contains_key(*key)));
            others.into_iter().all(|(_, value)| wanted != &json!(false) && fits(value, wanted, root))
        }),
        "items" => value.as_array().is_none_or(|items| items.iter().all(|item| fits(item, wanted, root))),
        "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= wanted.as_u64().unwrap()),
        "minProperties" => value.as_object().is_none_or(|o| o.len() as u64 >= wanted.as_u64().unwrap()),
        "minimum" => value.as_i64().is_none_or(|n| n >= wanted.as_i64().unwrap()),
        "maximum" => value.as_i64().is_none_or(|n| n <= wanted.as_i64().unwrap()),
        // Annotations, and patterns, which the parser checks.
        "$schema" | "$defs" | "title" | "description" | "default" | "pattern" | "propertyNames" => true,
        other => panic!("the published schema uses `{other}`, which this validator does not know"),
    }
}

fn is(value: &Value, name: &Value) -> bool {
    match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64(),
        "number" => value.is_number(),
        other => panic!("no type {other}"),
    }
}
