//! The keys there are, read from the schema of [`Config`]: what is known, what is in range, and the
//! reference in `docs/config.md`.

use std::fmt::Write;

use figment::value::{Dict, Value};
use serde_json::Value as Json;

use super::Config;

/// One key: its path (`replay.grace_ms`) and what the schema says about it.
struct Key {
    path: String,
    schema: Json,
}

fn schema() -> Json {
    let mut generator =
        schemars::generate::SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true).into_generator();
    generator.root_schema_for::<Config>().to_value()
}

fn properties(schema: &Json) -> impl Iterator<Item = (&String, &Json)> {
    schema["properties"].as_object().into_iter().flatten()
}

fn keys() -> Vec<Key> {
    let root = schema();
    let in_section = |(section, schema): (&String, &Json)| {
        let key = |(name, schema): (&String, &Json)| Key { path: format!("{section}.{name}"), schema: schema.clone() };
        properties(schema).map(key).collect::<Vec<Key>>()
    };
    properties(&root).flat_map(in_section).collect()
}

/// The sections: the first part of every key.
pub(super) fn sections() -> Vec<String> {
    properties(&schema()).map(|(name, _)| name.clone()).collect()
}

/// How the value of a key is written in a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// A number or a flag.
    Scalar,
    /// A list or a table: JSON.
    Structure,
}

/// The kind of a key, if there is such a key.
pub(super) fn kind(path: &str) -> Option<Kind> {
    let key = keys().into_iter().find(|key| key.path == path)?;
    Some(match type_of(&key.schema) {
        "array" | "object" => Kind::Structure,
        "integer" | "number" | "boolean" => Kind::Scalar,
        _ => Kind::Text,
    })
}

/// The JSON type of a key's values; of an optional one, that of its value.
fn type_of(schema: &Json) -> &str {
    match &schema["type"] {
        Json::Array(types) => types.iter().filter_map(Json::as_str).find(|name| *name != "null").unwrap_or_default(),
        other => other.as_str().unwrap_or_default(),
    }
}

/// Keys of a layer that nobody knows.
pub(super) fn unknown(layer: &Dict) -> Vec<String> {
    let (keys, sections) = (keys(), sections());
    let mut unknown = Vec::new();
    for (section, value) in layer {
        match value {
            Value::Dict(_, inner) if sections.contains(section) => {
                let paths = inner.keys().map(|name| format!("{section}.{name}"));
                unknown.extend(paths.filter(|path| keys.iter().all(|key| key.path != *path)));
            }
            // A section that is no table: its type is refused later, under its name.
            _ if sections.contains(section) => {}
            _ => unknown.push(section.clone()),
        }
    }
    unknown
}

/// What to tell about a key nobody knows.
pub(super) fn refusal(path: &str) -> String {
    let known = keys();
    // A variable with one underscore where two belong is nearest to the key it means.
    let nearest = |candidates: &mut dyn Iterator<Item = String>| {
        candidates
            .map(|name| (distance(&name, path), name))
            .min()
            .filter(|(distance, _)| *distance <= 1 + path.len() / 3)
    };
    let mut candidates = known.iter().map(|key| key.path.clone()).chain(sections());
    match nearest(&mut candidates) {
        Some((_, name)) if name.contains('.') => {
            format!("unknown key `{path}`; the nearest is `{name}` (as a variable: {})", variable(&name))
        }
        Some((_, name)) => format!("unknown key `{path}`; the nearest is `{name}`"),
        None => format!("unknown key `{path}`; `quartermaster config print` shows the keys there are"),
    }
}

fn variable(path: &str) -> String {
    format!("QM_{}", path.replace('.', "__").to_uppercase())
}

/// Edit distance (Levenshtein 1966), by characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Numbers outside the range their key allows.
pub(super) fn out_of_range(config: &Config) -> Vec<String> {
    let values = serde_json::to_value(config).unwrap_or_default();
    let fault = |key: Key| {
        let value = values.pointer(&format!("/{}", key.path.replace('.', "/")))?.as_i64()?;
        let (min, max) = (key.schema["minimum"].as_i64()?, key.schema["maximum"].as_i64()?);
        (!(min..=max).contains(&value)).then(|| format!("`{}` is {value}; it must be from {min} to {max}", key.path))
    };
    keys().into_iter().filter_map(fault).collect()
}

/// `docs/config.md`.
pub fn reference() -> String {
    let mut out = "# Configuration\n\nGenerated from the program: `quartermaster reference config > docs/config.md`.\n\n\
        Defaults are overridden by the file given with `--config` (TOML or YAML by its extension), that by environment\n\
        variables, those by flags. Unknown keys are refused. `quartermaster config check FILE` checks a file, `quartermaster\n\
        config print` prints what is in force.\n"
        .to_owned();
    for (section, schema) in properties(&schema()) {
        let _ = write!(out, "\n## `[{section}]`\n\n{}\n\n", text(schema));
        out.push_str("| key | variable | value | default | what |\n|---|---|---|---|---|\n");
        for (name, key) in properties(schema) {
            let variable = variable(&format!("{section}.{name}"));
            let _ = writeln!(out, "| `{name}` | `{variable}` | {} | {} | {} |", values(key), default(key), text(key));
        }
        for (name, key) in properties(schema).filter(|(_, key)| key["items"]["properties"].is_object()) {
            let _ = write!(out, "\n### `[[{section}.{name}]]`\n\n");
            entries(&key["items"], &mut out);
        }
    }
    out
}

/// The keys of one entry of a list of tables.
fn entries(item: &Json, out: &mut String) {
    out.push_str("| key | value | default | what |\n|---|---|---|---|\n");
    let required = |name: &str| item["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    for (name, key) in properties(item) {
        let default = if required(name) { "required".to_owned() } else { default(key) };
        let _ = writeln!(out, "| `{name}` | {} | {default} | {} |", values(key), text(key));
    }
}

/// The default, where there is one.
fn default(key: &Json) -> String {
    match &key["default"] {
        Json::Null => "none".to_owned(),
        some => format!("`{some}`"),
    }
}

/// The description, on one line.
fn text(schema: &Json) -> String {
    schema["description"].as_str().unwrap_or_default().replace('\n', " ")
}

/// What a key may hold.
fn values(schema: &Json) -> String {
    if let Some(choices) = schema["oneOf"].as_array() {
        let choice = |c: &Json| format!("`{}`: {}", c["const"].as_str().unwrap_or_default(), text(c));
        return choices.iter().map(choice).collect::<Vec<_>>().join(" ");
    }
    let kind = match type_of(schema) {
        "integer" => "integer",
        "string" => "text",
        "array" if schema["items"]["properties"].is_object() => "list of tables (a variable: JSON)",
        "array" => "list (a variable: JSON)",
        "object" => "table (a variable: JSON)",
        "" => "any",
        other => other,
    };
    match (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
        (Some(min), Some(max)) => format!("{kind}, {min} to {max}"),
        _ => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("grace", "grace"), 0);
        assert_eq!(distance("graze", "grace"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn every_key_is_documented() {
        for key in keys() {
            let documented = !text(&key.schema).is_empty() || key.schema["oneOf"].is_array();
            assert!(documented, "{} has no comment", key.path);
        }
    }
}
