//! What the README shows is what the program does: its example command, its alert, its rules file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::Value;
use support::{Scratch, quartermaster, run};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The first fenced block of this language in the README after `marker`.
fn block(language: &str, marker: &str) -> String {
    let readme = std::fs::read_to_string(format!("{ROOT}/README.md")).unwrap();
    let after = readme.split_once(marker).unwrap_or_else(|| panic!("README.md: no {marker}")).1;
    let fence = format!("```{language}\n");
    let body = after.split_once(&fence).unwrap_or_else(|| panic!("README.md: no {language} block after {marker}")).1;
    body.split_once("```").expect("README.md: a block that never ends").0.to_owned()
}

#[test]
fn the_alert_in_the_readme_is_what_its_command_prints() {
    let command = block("sh", "<!-- example: command -->").replace("\\\n", " ");
    let mut words = command.split_whitespace();
    assert_eq!(words.next(), Some("quartermaster"));
    let ended = run(quartermaster(words).current_dir(ROOT));
    ended.expect(0, &[]);
    let lines: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let shown: Value = serde_json::from_str(&block("json", "<!-- example: alert -->")).unwrap();
    assert_eq!(lines[0], shown, "README.md shows another alert than the first line of\n{}", ended.stdout);
    let states: Vec<&str> = lines.iter().filter_map(|line| line["state"].as_str()).collect();
    assert_eq!(states, ["opened", "updated", "resolved"], "README.md says that the order resolves the alert");
}

#[test]
fn the_smallest_rules_file_in_the_readme_is_accepted() {
    let scratch = Scratch::new();
    let file = scratch.file("rules.yaml", block("yaml", "<!-- example: rules -->"));
    run(&mut quartermaster(["rules", "check", file.to_str().unwrap()])).expect(0, &[]);
}
