//! `make decisions`: which parts of which splits are scored, and that a missing scorer is seen.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Says what it was asked for, as its last line.
const SCORER: &str = "import json, sys\nprint('at work')\nprint(json.dumps(sys.argv[1:]))\n";

fn decisions(shared: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = Command::new("bash");
    command.arg(format!("{ROOT}/scripts/decisions.sh")).arg("a-binary").args(arguments);
    command.env_remove("ONLY").env_remove("SPLITS").env("QM_SHARED", shared).env("XDG_CACHE_HOME", shared);
    command.envs(environment.iter().copied()).output().expect("bash is there")
}

/// A folder with a scorer, its environment, and the data of two splits.
fn shared() -> tempfile::TempDir {
    let shared = tempfile::tempdir().unwrap();
    let at = |path: &str| {
        let path = shared.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    fs::write(at("eval/evaluate.py"), SCORER).unwrap();
    fs::write(at("data/retail/README.md"), "").unwrap();
    fs::write(at("data/retail/dev/skus.csv"), "").unwrap();
    fs::write(at("data/retail/later/skus.csv"), "").unwrap();
    fs::write(at("quartermaster/venv-decisions/requirements"), "numpy pandas numba scipy\n").unwrap();
    let python = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().unwrap();
    let python = String::from_utf8(python.stdout).unwrap();
    symlink(python.trim(), at("quartermaster/venv-decisions/bin/python3")).unwrap();
    shared
}

#[track_caller]
fn lines(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn without_the_scorer_it_is_skipped_and_says_so() {
    let nothing = tempfile::tempdir().unwrap();
    let said = lines(&decisions(nothing.path(), &[], &[]));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("skipped: no scorer at ") && said[0].contains("QM_SHARED"), "{said:?}");
}

#[test]
fn every_part_of_every_split_is_scored_and_a_json_line_ends_it() {
    let shared = shared();
    let output = decisions(shared.path(), &[], &["--seed", "2"]);
    let said = lines(&output);
    let data = shared.path().join("data/retail");
    let asked = |split: &str| {
        let data = data.display();
        format!(
            r#"["--binary", "a-binary", "--data", "{data}", "--split", "{split}", "--only", "prefix,rop,censored,surge,slow", "--seed", "2"]"#
        )
    };
    assert_eq!(said, ["at work", &asked("dev"), "at work", &asked("later")]);
    let progress = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(progress.contains("split dev: prefix,rop,censored,surge,slow"), "{progress}");
}

#[test]
fn parts_and_splits_can_be_chosen() {
    let shared = shared();
    let said = lines(&decisions(shared.path(), &[("ONLY", "rop"), ("SPLITS", "later")], &[]));
    assert_eq!(said.len(), 2);
    assert!(said[1].contains(r#""--split", "later", "--only", "rop""#), "{said:?}");
}

#[test]
fn a_failing_scorer_fails_the_run() {
    let shared = shared();
    fs::write(shared.path().join("eval/evaluate.py"), "import sys\nsys.exit('look-ahead')\n").unwrap();
    let output = decisions(shared.path(), &[], &[]);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("look-ahead"));
}
