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

#[test]
fn secrets_are_used_and_never_shown() {
    let scratch = Scratch::new();
    let file = scratch.file("c.toml", "[kafka]\nsasl_password = \"hunter2\"\n[kafka.properties]\n\"ssl.key.password\" = \"hunter3\"\n\"linger.ms\" = 3\n");
    let printed = run(quartermaster(["config", "print", "--config"]).arg(&file));
    printed.expect(0, &[]);
    assert!(
        !printed.stdout.contains("hunter") && printed.stdout.contains("sasl_password = \"<hidden>\""),
        "{}",
        printed.stdout
    );
    assert!(printed.stdout.contains("\"linger.ms\" = \"3\""), "{}", printed.stdout);
    // A password of digits is a text, and a wrong name beside it does not show it.
    let numbers = run(quartermaster(["config", "print"]).env("QM_KAFKA__SASL_PASSWORD", "4711"));
    numbers.expect(0, &[]);
    assert!(!numbers.stdout.contains("4711"));
}

#[test]
fn a_table_of_properties_is_json_in_a_variable_and_quoted_in_toml() {
    let print = |value: &str| run(quartermaster(["config", "print"]).env("QM_KAFKA__PROPERTIES", value));
    let printed = print("{\"socket.keepalive.enable\":true}");
    assert!(printed.stdout.contains("\"socket.keepalive.enable\" = \"true\""), "{}{}", printed.stdout, printed.stderr);
    print("linger.ms=3").expect(2, &["QM_KAFKA__PROPERTIES", "JSON"]);
    check("c.toml", "[kafka.properties]\nssl.ca.location = \"/ca.pem\"\n").expect(2, &["quoted in TOML", "ssl.ca"]);
    check("c.yaml", "kafka:\n  properties:\n    ssl.ca.location: /ca.pem\n").expect(0, &[]);
}

#[test]
fn optional_values_have_a_range_when_they_are_there() {
    let printed = run(&mut quartermaster(["config", "print"]));
    let section = printed.stdout.split("[process]").nth(1).unwrap().split("\n[").next().unwrap();
    assert!(!section.contains("threads ="), "{section}");
    check("c.toml", "[process]\nthreads = 4\n").expect(0, &[]);
    check("c.toml", "[process]\nthreads = 0\n").expect(2, &["process.threads", "1 to 1024"]);
    check("c.toml", "[process]\nthread = 4\n").expect(2, &["c.toml:2", "`process.threads`"]);
    run(quartermaster(["config", "print"]).env("QM_PROCESS__THREADS", "many")).expect(2, &["QM_PROCESS__THREADS"]);
}

#[test]
fn variables_that_an_orchestrator_makes_up_are_left_alone() {
    let mut command = quartermaster(["config", "print"]);
    run(command.env("QM_SERVICE_HOST", "10.0.0.1").env("QM_SERVICE_PORT", "tcp://10.0.0.1:80")).expect(0, &[]);
    run(quartermaster(["config", "print"]).env("QM_SERVICE_INSTANCE", "a")).expect(2, &["QM_SERVICE__INSTANCE"]);
}
