//! The packs that ship, the schema and the reference: all of them say what the parser does.

use crate::ruleset::{DETECTED, DIMENSIONS, KINDS, PACKS, Threshold, parse};

const REFERENCE: &str = include_str!("../../../../docs/rules.md");
const SCHEMA: &str = include_str!("../../../../docs/rules.schema.json");

#[test]
fn every_pack_parses() {
    let mut kinds = Vec::new();
    for (file, text) in PACKS {
        let document = parse(file, text).unwrap_or_else(|errors| panic!("{errors:#?}"));
        assert_eq!(format!("{}.yaml", document.id), file);
        kinds.extend(document.rules.iter().map(|rule| rule.kind));
    }
    // Each is a start of its own: it says what is blind and when a shelf is low or empty.
    for (file, text) in PACKS {
        let of: Vec<_> = parse(file, text).unwrap().rules.iter().map(|rule| rule.kind.name()).collect();
        assert!(["low_stock", "stock_out", "feed_stale"].iter().all(|kind| of.contains(kind)), "{file}: {of:?}");
    }
    assert!(DETECTED.iter().all(|kind| kinds.contains(kind)), "the packs use every kind");
}

#[test]
fn the_example_of_every_kind_builds() {
    for spec in &KINDS {
        let text = format!("version: 1\nid: d\nrules: [{}]\n", spec.example);
        let document = parse("example", &text).unwrap_or_else(|errors| panic!("{errors:#?}"));
        assert_eq!(document.rules[0].kind, spec.kind);
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

#[test]
fn every_example_of_the_reference_is_true() {
    let examples = blocks("yaml");
    assert!(examples.iter().any(|(info, _)| info.is_empty()) && examples.iter().any(|(info, _)| info == "wrong"));
    for (info, text) in examples {
        match (parse("rules.yaml", &text), info.as_str()) {
            (Ok(_), "") => {}
            (Err(errors), "wrong") => {
                // The reference shows what the tool prints, in a block of its own.
                for error in errors {
                    assert!(REFERENCE.contains(&error.to_string()), "docs/rules.md does not show:\n{error}");
                }
            }
            (result, info) => panic!("an example marked {info:?} gives {result:#?}:\n{text}"),
        }
    }
}

#[test]
fn the_reference_and_the_schema_name_every_key() {
    let mut names: Vec<&str> = DIMENSIONS.into_iter().chain(Threshold::TYPES).collect();
    for spec in &KINDS {
        names.push(spec.kind.name());
        names.extend(spec.keys);
    }
    names.extend(["version", "id", "description", "effective_at", "rules", "kind", "mode", "scope"]);
    names.extend(["promotions", "from", "until", "uplift"]);
    for name in names {
        assert!(REFERENCE.contains(&format!("`{name}`")), "docs/rules.md does not explain `{name}`");
        assert!(SCHEMA.contains(&format!("\"{name}\"")), "docs/rules.schema.json does not know \"{name}\"");
    }
}
