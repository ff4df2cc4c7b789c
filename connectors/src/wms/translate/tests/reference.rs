//! The examples of the reference, run: a mapping, and behind it the rows that become what it says.

use super::bench::{Bench, mapping};

const REFERENCE: &str = include_str!("../../../../../docs/mapping.md");

#[test]
fn the_rows_of_the_reference_become_what_it_shows() {
    let (mut last, mut played) = (String::new(), 0);
    for block in REFERENCE.split("\n```").skip(1).step_by(2) {
        let (language, body) = block.split_once('\n').unwrap();
        match language {
            "yaml" => body.clone_into(&mut last),
            "rows" => {
                let text = if last.starts_with("version") { last.clone() } else { whole(&last) };
                Bench::of(mapping(&text)).play(body);
                played += 1;
            }
            _ => {}
        }
    }
    assert!(played >= 5, "only {played} examples were found");
}

fn whole(tables: &str) -> String {
    let indented: String = tables.lines().flat_map(|line| ["  ", line, "\n"]).collect();
    format!("version: 1\nid: example\nsource: {{ connector: postgresql }}\ntables:\n{indented}")
}
