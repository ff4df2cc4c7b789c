//! What `docs/ingest.md` shows is what the stage does.

use std::collections::BTreeSet;

use super::super::rejection;
use super::*;
use crate::config::IngestSection;

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ingest.md")).unwrap()
}

/// The fenced blocks after each marker of this name.
fn examples(name: &str) -> Vec<String> {
    let (page, marker) = (page(), format!("<!-- example: {name} -->\n"));
    let blocks = page.split(&marker).skip(1).map(|after| {
        let body = after.split_once('\n').unwrap().1;
        body.split_once("```").unwrap().0.to_owned()
    });
    blocks.collect()
}

#[test]
fn every_example_record_is_accepted() {
    for (name, content, expected) in [
        ("stock-changes", Content::StockChanges, 2),
        ("catalog", Content::Catalog, 1),
        ("locations", Content::Locations, 1),
        ("actions", Content::Actions, 1),
    ] {
        let blocks = examples(name);
        assert_eq!(blocks.len(), expected, "{name}");
        for block in blocks {
            let mut bench = Bench::new(input(content));
            for line in block.lines() {
                assert!(!bench.line(line).is_empty(), "{line}");
            }
        }
    }
}

#[test]
fn the_example_configuration_is_accepted() {
    #[derive(serde::Deserialize)]
    struct Page {
        ingest: IngestSection,
    }
    let [text] = &examples("config")[..] else { panic!("one example") };
    let page: Page = toml::from_str(text).unwrap();
    assert_eq!(page.ingest.faults(), [""; 0]);
    assert_eq!(page.ingest.inputs.len(), 3);
}

#[test]
fn every_class_of_dead_letter_is_explained() {
    let page = page();
    let table = page.split_once("| `error_class` | when |").unwrap().1;
    let explained: BTreeSet<&str> =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(class, _)| class).collect();
    assert_eq!(explained, rejection::classes().collect());
}
