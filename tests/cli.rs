//! The command line: what it prints, how it ends, and that its reference is up to date.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::{SMALLEST_RULES, Scratch, quartermaster, run};

/// A document in `docs/` is what the program prints today.
#[track_caller]
fn up_to_date(document: &str) {
    let file = format!("{}/docs/{document}.md", env!("CARGO_MANIFEST_DIR"));
    let printed = run(&mut quartermaster(["reference", document]));
    printed.expect(0, &[]);
    let stored = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        stored == printed.stdout,
        "docs/{document}.md is stale: quartermaster reference {document} > docs/{document}.md"
    );
}

#[test]
fn the_command_reference_is_up_to_date() {
    up_to_date("cli");
}

#[test]
fn the_configuration_reference_is_up_to_date() {
    up_to_date("config");
}

#[test]
fn the_metrics_reference_is_up_to_date() {
    up_to_date("metrics");
}

#[test]
fn usage_errors_end_with_2() {
    for arguments in [
        &["replay"][..],
        &["no-such-command"],
        &["replay", "--no-such-flag", "x"],
        &["replay", "--positions-every", "1", "x"],
        &["replay", "--positions-every", "0d", "x"],
        &["replay", "--until", "soon", "x"],
        &["replay", "--partitions", "0", "x"],
        &["replay", "--format", "xml", "x"],
        &["replay", "--catalog", "-", "-"],
        &["schema", "no-such-schema"],
        &["process", "--threads", "0"],
        &["topics"],
        &["topics", "dump"],
        &["topics", "create", "--replication-factor", "0"],
    ] {
        run(&mut quartermaster(arguments)).expect(2, &[]);
    }
}

#[test]
fn a_mapping_belongs_to_captured_rows_and_they_need_one() {
    let scratch = Scratch::new();
    let input = scratch.file("events.jsonl", "");
    let input = input.to_str().unwrap();
    run(&mut quartermaster(["replay", "--format", "debezium", input])).expect(2, &["needs a --mapping"]);
    run(&mut quartermaster(["replay", "--mapping", input, input])).expect(2, &["--mapping", "--format debezium"]);
}

#[test]
fn version_says_which_program_this_is() {
    let printed = run(&mut quartermaster(["version"]));
    printed.expect(0, &[]);
    assert!(printed.stdout.starts_with(concat!("quartermaster ", env!("CARGO_PKG_VERSION"), "\nrevision ")));
    let short = run(&mut quartermaster(["--version"]));
    assert_eq!((short.code, &*short.stdout), (Some(0), concat!("quartermaster ", env!("CARGO_PKG_VERSION"), "\n")));
}

#[test]
fn a_full_disk_under_stdout_is_a_failure() {
    let Ok(full) = std::fs::File::options().write(true).open("/dev/full") else { return };
    let scratch = Scratch::new();
    let input = scratch.file("events.jsonl", support::balance("b", "SKU-1", "2026-03-01T08:00:00Z", 3));
    let rules = scratch.file("rules.yaml", support::FIXED_RULES);
    let mut replay = quartermaster(["replay", "--alerts", "-", "--rules"]);
    replay.arg(rules).arg(input);
    for command in [&mut quartermaster(["schema"]), &mut replay] {
        run(command.stdout(full.try_clone().unwrap()))
            .expect(1, &["cannot write", "stdout", "No space left on device"]);
    }
}

#[test]
fn schemas_are_listed_and_printed() {
    let names = run(&mut quartermaster(["schema"]));
    names.expect(0, &[]);
    assert!(names.stdout.lines().any(|name| name == "alert"), "{}", names.stdout);
    for name in names.stdout.lines() {
        let schema = run(&mut quartermaster(["schema", name]));
        let schema: serde_json::Value = serde_json::from_str(&schema.stdout).unwrap();
        assert!(schema["type"].is_string() || schema.is_array(), "{name}");
    }
}

#[test]
fn a_good_rules_file_is_ok() {
    let scratch = Scratch::new();
    let file = scratch.file("rules.yaml", SMALLEST_RULES);
    let checked = run(quartermaster(["rules", "check"]).arg(&file));
    checked.expect(0, &[]);
    assert!(checked.stdout.contains("evaluation@1") && checked.stdout.contains("2 rules"), "{}", checked.stdout);
    run(quartermaster(["rules", "check"]).arg(&file).arg(&file)).expect(2, &["evaluation@1", "twice"]);
    let stdin = std::fs::File::open(&file).unwrap();
    run(quartermaster(["rules", "check", "-"]).stdin(stdin)).expect(0, &[]);
}
