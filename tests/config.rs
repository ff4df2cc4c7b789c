//! Configuration from files, variables and flags, by the real binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::{Ended, SMALLEST_RULES, Scratch, quartermaster, run};

fn check(name: &str, text: &str) -> Ended {
    let scratch = Scratch::new();
    run(quartermaster(["config", "check"]).arg(scratch.file(name, text)))
}

#[test]
fn both_formats_are_read() {
    check("c.toml", "[replay]\npartitions = 4\n").expect(0, &[]);
    check("c.yaml", "replay:\n  partitions: 4\n").expect(0, &[]);
    check("c.yml", "").expect(0, &[]);
    check("c.json", "{}").expect(2, &["c.json", ".toml, .yaml or .yml"]);
}

#[test]
fn unknown_keys_are_refused_with_their_line_and_the_nearest_key() {
    check("c.toml", "[log]\nlevel = \"info\"\n[replay]\npartitons = 4\n")
        .expect(2, &["c.toml:4", "replay.partitons", "`replay.partitions`"]);
    check("c.yaml", "replay:\n  # how many\n  partitons: 4\n").expect(2, &["c.yaml:3", "`replay.partitions`"]);
    check("c.yaml", "replai:\n  partitions: 4\n").expect(2, &["c.yaml:1", "`replay`"]);
}

#[test]
fn malformed_files_and_wrong_values_are_refused_with_their_place() {
    check("c.toml", "[replay\n").expect(2, &["c.toml", "line 1"]);
    check("c.yaml", "replay: [\n").expect(2, &["c.yaml", "line 1"]);
    check("c.toml", "[replay]\npartitions = \"many\"\n").expect(2, &["c.toml", "replay.partitions"]);
    check("c.toml", "[replay]\npartitions = 0\n").expect(2, &["replay.partitions", "1 to 1024"]);
    check("c.toml", "[log]\nformat = \"xml\"\n").expect(2, &["log.format", "c.toml"]);
    run(&mut quartermaster(["config", "check", "/nowhere.toml"])).expect(2, &["/nowhere.toml"]);
}

#[test]
fn print_shows_what_is_in_force_and_can_be_read_back() {
    let scratch = Scratch::new();
    let file = scratch.file("c.yaml", "replay:\n  partitions: 4\n  grace_ms: 1000\n");
    let printed = run(quartermaster(["config", "print", "--config"]).arg(&file).env("QM_REPLAY__PARTITIONS", "8"));
    printed.expect(0, &[]);
    assert!(printed.stdout.contains("partitions = 8\ngrace_ms = 1000\n"), "{}", printed.stdout);
    let again = run(quartermaster(["config", "print", "--config"]).arg(scratch.file("c.toml", &printed.stdout)));
    assert_eq!(again.stdout, printed.stdout);
}

#[test]
fn a_wrong_configuration_stops_every_working_command() {
    let scratch = Scratch::new();
    let (rules, input) = (scratch.file("rules.yaml", SMALLEST_RULES), scratch.file("events.jsonl", ""));
    let replay = || {
        let mut command = quartermaster(["replay", "--rules"]);
        command.arg(&rules).arg(&input);
        command
    };
    run(&mut replay()).expect(0, &["replay finished"]);
    run(replay().env("QM_REPLAY__GRAZE_MS", "5")).expect(2, &["QM_REPLAY__GRAZE_MS", "QM_REPLAY__GRACE_MS"]);
    run(replay().env("QM_REPLAY_GRACE_MS", "5")).expect(2, &["QM_REPLAY_GRACE_MS", "QM_REPLAY__GRACE_MS"]);
    run(replay().env("QM_LOG__LEVEL", "=!")).expect(2, &["log.level"]);
    run(replay().arg("--config").arg(scratch.path("none.toml"))).expect(2, &["none.toml"]);
}

#[test]
fn the_line_limit_is_configuration() {
    let scratch = Scratch::new();
    let input = scratch.file("events.jsonl", "x".repeat(2000));
    let class = |variables: &[(&str, &str)]| {
        let ended = run(quartermaster(["replay"]).arg(&input).envs(variables.iter().copied()));
        ended.expect(0, &[]);
        ended.summary()["dead_letters"].to_string()
    };
    assert_eq!(class(&[]), "{\"malformed\":1}");
    assert_eq!(class(&[("QM_REPLAY__MAXIMUM_LINE_BYTES", "1024")]), "{\"line_too_long\":1}");
}
