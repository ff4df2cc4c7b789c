//! The plots and tables of "Cost as it grows" are those of the committed points.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn plots(arguments: &[&str]) -> Output {
    let program = format!("{ROOT}/scripts/plots.py");
    Command::new("python3").arg("-B").arg(program).args(arguments).output().expect("python3 is there")
}

#[track_caller]
fn succeeds(output: &Output) {
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

fn files(directory: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    entries
        .map(|file| (file.file_name().into_string().unwrap(), std::fs::read_to_string(file.path()).unwrap()))
        .collect()
}

#[test]
fn plots_and_tables_are_up_to_date() {
    succeeds(&plots(&["--check"]));
}

#[test]
fn the_same_points_give_the_same_bytes() {
    let scratch = tempfile::tempdir().unwrap();
    let data = format!("{ROOT}/tests/data/growth.jsonl");
    let draw = |name: &str| {
        let directory = scratch.path().join(name);
        succeeds(&plots(&["--data", &data, "--plots", directory.to_str().unwrap()]));
        files(&directory)
    };
    let first = draw("first");
    assert_eq!(first, draw("second"));
    let names = ["growth-memory", "growth-midnight", "growth-partitions", "growth-positions", "growth-rules"];
    assert_eq!(first.keys().cloned().collect::<Vec<_>>(), names.map(|name| format!("{name}.svg")));
    for (name, text) in &first {
        assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n") && !text.contains("nan"), "{name}: {text}");
    }
    // A stale one is found, and so is one that nothing draws any more.
    let directory = scratch.path().join("first");
    let check = || plots(&["--check", "--data", &data, "--plots", directory.to_str().unwrap()]);
    succeeds(&check());
    std::fs::write(directory.join("growth-old.svg"), "<svg/>").unwrap();
    assert!(!check().status.success());
    std::fs::remove_file(directory.join("growth-old.svg")).unwrap();
    std::fs::write(directory.join("growth-rules.svg"), "<svg/>").unwrap();
    let output = check();
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stdout).contains("growth-rules.svg"));
}

#[test]
fn a_line_that_is_no_point_is_refused_with_its_place() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("points.jsonl");
    for wrong in ["{\"sweep\":\"positions\"}\n", "no JSON\n", "{\"sweep\":\"others\"}\n"] {
        std::fs::write(&data, wrong).unwrap();
        let directory = scratch.path().join("plots");
        let output = plots(&["--data", data.to_str().unwrap(), "--plots", directory.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("points.jsonl:1:"), "{said}");
    }
}
