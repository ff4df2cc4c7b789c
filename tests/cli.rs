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

/// What jemalloc is compiled with decides about a fifth of the throughput (docs/adr/0019): a build that lost it says so here.
#[test]
fn the_allocator_is_set_up() {
    let printed = run(quartermaster(["version"]).env("MALLOC_CONF", "stats_print:true"));
    printed.expect(0, &["config.malloc_conf: \"background_thread:true,thp:always,oversize_threshold:0\""]);
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

#[test]
fn rules_explain_tells_what_decides_about_a_position_and_why() {
    let scratch = Scratch::new();
    let rules = scratch.file(
        "rules.yaml",
        "version: 2
id: shop
rules:
  - { id: usual, kind: stock_out }
  - { id: best, kind: stock_out, scope: { abc: A } }
  - { id: tail, kind: stock_out, scope: { abc: [B, C] } }
promotions:
  - { id: spring, from: 2026-04-10, until: 2026-04-12, uplift: 2.5 }
",
    );
    let later = scratch.file(
        "later.yaml",
        "version: 1\nid: later\neffective_at: 2026-04-11T00:00:00Z\nrules: [{ id: own, kind: stock_out, scope: { sku: MUG } }]\n",
    );
    let catalog = scratch.file(
        "catalog.jsonl",
        r#"{"sku":"MUG","unit_price":"10"}"#.to_owned() + "\n" + r#"{"sku":"CUP","unit_price":"1"}"#,
    );
    let events: String = (1..=31)
        .map(|day| ("2026-03", day))
        .chain((1..=12).map(|day| ("2026-04", day)))
        .map(|(month, day)| {
            let sold =
                |sku| support::sold(&format!("{sku}-{month}-{day}"), sku, &format!("{month}-{day:02}T10:00:00Z"), 3);
            sold("MUG") + &sold("CUP")
        })
        .collect();
    let events = scratch.file("events.jsonl", events);
    let explain = |sku: &str, at: &str, inputs: &[&std::path::Path]| {
        let mut command = quartermaster(["rules", "explain", "--sku", sku, "--location", "STORE-1", "--at", at]);
        command.arg("--rules").arg(&rules).arg("--rules").arg(&later).arg("--catalog").arg(&catalog).args(inputs);
        let told = run(&mut command);
        told.expect(0, &[]);
        told.stdout
    };
    let mug = explain("MUG", "2026-04-10T12:00:00Z", &[&events]);
    for line in [
        "MUG at STORE-1, 2026-04-10T12:00:00Z (local day 2026-04-10)\n  abc: A, sells for ",
        "\nstock_out\n  shop@2#best (active): in force, abc\n  shop@2#usual (active): less specific than shop@2#best, which is narrower by abc\n",
        "\n  shop@2#tail (active): out of scope: abc is A, asked for B or C\n",
        "\n  shop@2#spring (2.5 times the usual, 2026-04-10 to 2026-04-12): in force\n  demand of the day is expected to be 2.5 times",
    ] {
        assert!(mug.contains(line), "{line}\n{mug}");
    }
    assert!(!mug.contains("later@1"), "{mug}");
    let after = explain("MUG", "2026-04-13", &[&events]);
    assert!(after.contains("later@1#own (active): in force, sku") && after.contains("2026-04-12): over"), "{after}");
    let cup = explain("CUP", "2026-04-10T12:00:00Z", &[&events]);
    assert!(cup.contains("shop@2#tail (active): in force, abc"), "{cup}");
    let unseen = explain("MUG", "2026-04-10T12:00:00Z", &[]);
    assert!(unseen.contains("shop@2#usual (active): in force, for everything"), "{unseen}");
    assert!(unseen.contains("out of scope: abc is not known, asked for A"), "{unseen}");
}
