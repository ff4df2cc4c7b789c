//! Bad input, line by line: it is a dead letter and the run goes on as if the line had not been
//! there; or it is a clear error with its exit code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::Write as _;

use support::{FIXED_RULES, Replayed, SMALLEST_RULES, Scratch, balance, event, quartermaster, run, sold};

const DAILY: &[&str] = &["--positions-every", "1d"];

/// Good lines, and where bad ones can be put between them.
fn good() -> Vec<String> {
    vec![
        balance("b1", "SKU-1", "2026-03-01T08:00:00Z", 50),
        sold("s1", "SKU-1", "2026-03-01T09:00:00Z", 10),
        sold("s2", "SKU-1", "2026-03-02T09:00:00Z", 10),
        sold("s3", "SKU-2", "2026-03-02T10:00:00Z", 1),
        sold("s4", "SKU-1", "2026-03-04T09:00:00Z", 30),
    ]
}

/// Replays the good lines with `bad` after each of them, and insists that nothing but the dead
/// letters differs from the good lines alone.
#[track_caller]
fn bad_lines_change_nothing(bad: &[&[u8]]) -> Replayed {
    let clean = Scratch::new().replayed(FIXED_RULES, good().concat(), DAILY);
    let mut dirty_input = Vec::new();
    for line in good() {
        dirty_input.extend_from_slice(line.as_bytes());
        for bad in bad {
            dirty_input.extend_from_slice(bad);
            dirty_input.push(b'\n');
        }
    }
    let dirty = Scratch::new().replayed(FIXED_RULES, dirty_input, DAILY);
    assert_eq!(clean.classes().len(), 0, "{}", clean.dead_letters);
    assert!(!clean.alerts.is_empty() && !clean.positions.is_empty());
    assert_eq!(dirty.classes().len(), bad.len() * good().len(), "{}", dirty.dead_letters);
    assert_eq!(dirty.alerts, clean.alerts);
    assert_eq!(dirty.positions, clean.positions);
    dirty
}

fn change(change: &str) -> Vec<u8> {
    event("bad", "SKU-1", "2026-03-01T09:30:00Z", change).trim_end().as_bytes().to_vec()
}

fn at(time: &str) -> Vec<u8> {
    sold("bad", "SKU-1", time, 1).trim_end().as_bytes().to_vec()
}

/// Like [`bad_lines_change_nothing`], where every line is of one class.
#[track_caller]
fn all_of_class(class: &str, bad: &[&[u8]]) -> Replayed {
    let replayed = bad_lines_change_nothing(bad);
    for (i, found) in replayed.classes().iter().enumerate() {
        assert_eq!(found, class, "{}", String::from_utf8_lossy(bad[i % bad.len()]));
    }
    let counted = &replayed.ended.summary()["dead_letters"][class];
    assert_eq!(*counted, (bad.len() * good().len()) as u64, "counted on stderr");
    replayed
}

#[test]
fn truncated_and_non_json_lines() {
    let whole = good()[1].clone();
    let cut = &whole.as_bytes()[..whole.len() / 2];
    all_of_class("malformed", &[cut, b"not json", b"[]", b"42", b"\"text\"", b"{}}", b"\x00\x01", b"null"]);
}

#[test]
fn a_last_line_that_is_cut_off() {
    let whole = good().concat();
    let replayed = Scratch::new().replayed(FIXED_RULES, &whole[..whole.len() - 20], DAILY);
    assert_eq!(replayed.classes(), ["malformed"]);
    assert_eq!(replayed.ended.summary()["events"], 4);
}

#[test]
fn missing_fields() {
    all_of_class(
        "missing_field",
        &[
            b"{}",
            &change("{\"type\":\"sold\"}"),
            &change("{\"quantity\":1}"),
            &change("{\"type\":\"reserved\",\"quantity\":1}"),
        ],
    );
}

#[test]
fn wrong_types() {
    bad_lines_change_nothing(&[
        &change("\"sold\""),
        &change("{\"type\":7,\"quantity\":1}"),
        &change("{\"type\":\"sold\",\"quantity\":[1]}"),
        &change("{\"type\":\"sold\",\"quantity\":true}"),
        br#"{"event_id":{},"sku":"SKU-1","location":"L","occurred_at":"2026-03-01T09:30:00Z","change":{"type":"sold","quantity":1}}"#,
        br#"{"event_id":"x","sku":"SKU-1","location":"L","occurred_at":1767225600,"change":{"type":"sold","quantity":1}}"#,
    ]);
}

#[test]
fn quantities_that_are_no_numbers_or_overflow() {
    let sold = |quantity: &str| change(&format!("{{\"type\":\"sold\",\"quantity\":{quantity}}}"));
    let bad: Vec<Vec<u8>> = [
        "\"NaN\"",
        "\"inf\"",
        "1e999",
        "99999999999999999999999999",
        "\"9223372036854775808\"",
        "0.0001",
        "-1",
        "\"1,5\"",
    ]
    .map(sold)
    .to_vec();
    let bad: Vec<&[u8]> = bad.iter().map(Vec::as_slice).collect();
    all_of_class("invalid_quantity", &bad);
    all_of_class("malformed", &[&sold("NaN"), &sold("Infinity")]);
}

#[test]
fn dates_that_are_none_or_impossible() {
    all_of_class(
        "invalid_time",
        &[&at("0000-00-00T00:00:00Z"), &at("yesterday"), &at("2026-02-30T00:00:00Z"), &at("2026-03-01 09:30")],
    );
    let replayed = all_of_class(
        "time_out_of_range",
        &[&at("1970-01-01T00:00:00Z"), &at("1999-12-31T23:59:59Z"), &at("0001-01-01T00:00:00Z")],
    );
    assert!(replayed.dead_letters.contains("1970-01-01"), "the original line is kept");
}

#[test]
fn a_jump_of_more_than_a_year_is_refused() {
    all_of_class("time_out_of_range", &[&at("2027-04-01T00:00:00Z"), &at("9000-12-31T23:59:59Z")]);
}

#[test]
fn unknown_change_types() {
    let replayed = all_of_class("unknown_change_type", &[&change("{\"type\":\"teleported\",\"quantity\":1}")]);
    assert!(replayed.dead_letters.contains("teleported"));
}

#[test]
fn unknown_fields_are_no_fault() {
    let line = good().concat().replace("\"sku\"", "\"colour\":{\"nested\":[1,null]},\"sku\"");
    let replayed = Scratch::new().replayed(FIXED_RULES, line, DAILY);
    assert!(replayed.classes().is_empty(), "{}", replayed.dead_letters);
}

#[test]
fn skus_without_a_catalogue_line_are_processed_and_reported() {
    let scratch = Scratch::new();
    let catalog =
        scratch.file("catalog.jsonl", "{\"sku\":\"SKU-1\",\"lead_time_days\":3}\nnonsense\n{\"name\":\"no sku\"}\n");
    let replayed = scratch.replayed(
        FIXED_RULES,
        good().concat(),
        &["--catalog", catalog.to_str().unwrap(), "--positions-every", "1d"],
    );
    let summary = replayed.ended.summary();
    assert_eq!(summary["skus_without_catalogue_line"], 1);
    assert_eq!(summary["examples_without_catalogue_line"][0], "SKU-2");
    assert!(replayed.position_lines().iter().any(|p| p["sku"] == "SKU-2"));
    assert_eq!(replayed.classes(), ["malformed", "missing_field"], "bad catalogue lines are dead letters too");
}

#[test]
fn a_location_with_an_unknown_time_zone() {
    let scratch = Scratch::new();
    let lines = "{\"location\":\"STORE-1\",\"time_zone\":\"Mars/Olympus\"}\n{\"location\":\"STORE-2\",\"time_zone\":\"Asia/Shanghai\"}\n";
    let locations = scratch.file("locations.jsonl", lines);
    let replayed = scratch.replayed(FIXED_RULES, good().concat(), &["--locations", locations.to_str().unwrap()]);
    assert_eq!(replayed.classes().len(), 1);
    assert!(replayed.dead_letters.contains("Mars/Olympus"));
    assert_eq!(replayed.ended.summary()["locations"], 1);
}

#[test]
fn events_far_ahead_of_their_source_clock_never_advance_time() {
    let ahead = |occurred_at: &str| {
        let line = sold("bad", "SKU-1", occurred_at, 1);
        let source = "\"source\":{\"partition\":0,\"position\":\"7\",\"time\":\"2026-03-01T08:30:00Z\"},\"change\"";
        line.trim_end().replace("\"change\"", source).into_bytes()
    };
    // After the last good line the clock is at 2026-03-04T09:00.
    all_of_class("time_out_of_range", &[&ahead("2026-03-05T09:00:01Z"), &ahead("2026-09-01T00:00:00Z")]);
}

#[test]
fn an_event_later_than_the_grace_is_folded_into_stock_and_counted() {
    let mut lines = good();
    lines.insert(4, sold("late", "SKU-1", "2026-03-01T10:00:00Z", 4));
    let replayed = Scratch::new().replayed(FIXED_RULES, lines.concat(), &["--positions-every", "1d", "--grace", "10m"]);
    let summary = replayed.ended.summary();
    assert_eq!((&summary["late"], &summary["events"]), (&1.into(), &6.into()));
    let positions = replayed.position_lines();
    let on_hand =
        |day: &str| positions.iter().find(|p| p["sku"] == "SKU-1" && p["at"] == day).map(|p| p["on_hand"].clone());
    assert_eq!(on_hand("2026-03-02T00:00:00Z"), Some(40.into()), "what was said stays said");
    assert_eq!(on_hand("2026-03-04T00:00:00Z"), Some(26.into()), "50 − 10 − 10 − 4");
    let times: Vec<&str> = positions.iter().filter_map(|p| p["at"].as_str()).collect();
    assert!(times.is_sorted(), "a late event moves no time: {times:?}");
}

#[test]
fn duplicate_event_ids_count_once() {
    let twice: String = good().iter().map(|line| line.repeat(2)).collect();
    let clean = Scratch::new().replayed(FIXED_RULES, good().concat(), DAILY);
    let doubled = Scratch::new().replayed(FIXED_RULES, twice, DAILY);
    assert_eq!(doubled.ended.summary()["duplicates"], 5);
    assert_eq!((doubled.alerts, doubled.positions), (clean.alerts, clean.positions));
}

#[test]
fn identifiers_with_a_nul_character_never_advance_time() {
    let line = |id: &str, sku: &str| sold(id, sku, "2026-03-20T09:30:00Z", 1).trim_end().as_bytes().to_vec();
    let replayed = all_of_class("malformed", &[&line("bad", "SKU\\u0000-1"), &line("\\u0000", "SKU-1")]);
    assert!(replayed.dead_letters.contains("NUL"), "{}", replayed.dead_letters);
}

#[test]
fn a_line_of_ten_megabytes() {
    let mut long = good()[1].trim_end().as_bytes().to_vec();
    long.truncate(long.len() - 1);
    long.extend_from_slice(b",\"padding\":\"");
    long.resize(10 << 20, b'x');
    long.extend_from_slice(b"\"}");
    let replayed = all_of_class("line_too_long", &[&long]);
    assert!(replayed.dead_letters.len() < 5000, "only the head of it is kept");
    assert!(replayed.dead_letters.contains("10485763 bytes"), "{}", replayed.dead_letters);
}

#[test]
fn invalid_utf8() {
    let mut line = good()[1].trim_end().as_bytes().to_vec();
    let sku = line.windows(5).position(|w| w == b"SKU-1").unwrap();
    line[sku] = 0xff;
    let replayed = all_of_class("malformed", &[&line]);
    let letter = &support::json_lines(&replayed.dead_letters)[0];
    assert!(letter["value"]["hex"].as_str().unwrap().contains("ff"), "the original bytes are kept: {letter}");
    assert_eq!((&letter["line"], &letter["class"]), (&2.into(), &"malformed".into()));
}

#[test]
fn rules_files_that_are_empty_malformed_or_missing() {
    for (text, said) in [
        ("", "rules.yaml"),
        ("version: 1\nid: [", "rules.yaml:2"),
        ("version: 1\nid: x\nrules:\n  - id: a\n    kind: low_stok\n", "rules.yaml:5"),
        (
            "version: 1\nid: x\nrules:\n  - id: a\n    kind: low_stock\n    threshold: { type: fixed, quantity: many }\n",
            "rules.yaml:6",
        ),
    ] {
        let scratch = Scratch::new();
        let replayed = scratch.replay(text, good().concat(), DAILY);
        replayed.ended.expect(2, &[said]);
        assert!(!scratch.path("alerts.out").exists(), "nothing is written for {text:?}");
        run(quartermaster(["rules", "check"]).arg(scratch.path("rules.yaml"))).expect(2, &[said]);
    }
    run(&mut quartermaster(["rules", "check", "/nowhere/rules.yaml"])).expect(2, &["/nowhere/rules.yaml"]);
}

#[test]
fn inputs_that_cannot_be_read() {
    let scratch = Scratch::new();
    let (missing, folder) = (scratch.path("missing.jsonl"), scratch.path(""));
    for path in [&missing, &folder] {
        let replayed = scratch.replay_files(SMALLEST_RULES, &[path], DAILY);
        replayed.ended.expect(2, &[path.to_str().unwrap()]);
        assert!(!scratch.path("alerts.out").exists(), "nothing is written");
    }
    for flag in ["--catalog", "--locations"] {
        scratch
            .replay(SMALLEST_RULES, good().concat(), &[flag, missing.to_str().unwrap()])
            .ended
            .expect(2, &["missing.jsonl"]);
    }
}

#[test]
fn a_compressed_input_that_is_cut_off_is_processed_as_far_as_it_goes() {
    let lines: String =
        (0..2000).map(|n| sold(&format!("s{n}"), &format!("SKU-{}", n % 50), "2026-03-01T09:00:00Z", 1)).collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all((good().concat() + &lines).as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let scratch = Scratch::new();
    let input = scratch.file("events.jsonl.gz", &gzip[..gzip.len() - gzip.len() / 4]);
    let replayed = scratch.replay_files(FIXED_RULES, &[&input], DAILY);
    replayed.ended.expect(2, &["events.jsonl.gz", "beyond line"]);
    let clean = scratch.replayed(FIXED_RULES, good().concat(), DAILY);
    assert!(replayed.positions.starts_with(&clean.positions), "what came before is written");
    assert!(replayed.alerts.starts_with(&clean.alerts) && !clean.alerts.is_empty());
}

#[test]
fn outputs_that_cannot_be_written() {
    let scratch = Scratch::new();
    if std::path::Path::new("/dev/full").exists() {
        for flag in ["--alerts", "--positions"] {
            let replayed =
                scratch.replay(FIXED_RULES, good().concat(), &[flag, "/dev/full", "--positions-every", "1d"]);
            replayed.ended.expect(1, &["/dev/full", "No space left on device", "replay stopped before the end"]);
            assert_eq!(replayed.ended.stderr.matches("No space left").count(), 1, "the cause is said once");
        }
        let replayed = scratch.replay(FIXED_RULES, "nonsense\n", &["--dead-letters", "/dev/full"]);
        replayed.ended.expect(1, &["/dev/full"]);
    }
    let nowhere = scratch.path("no/such/folder/alerts.jsonl");
    scratch
        .replay(FIXED_RULES, good().concat(), &["--alerts", nowhere.to_str().unwrap()])
        .ended
        .expect(1, &["no/such/folder"]);
}

#[test]
fn a_full_disk_stops_a_long_run_at_once() {
    if !std::path::Path::new("/dev/full").exists() {
        return;
    }
    let scratch = Scratch::new();
    let input = scratch.file("events.jsonl", support::chain::events());
    let replayed =
        scratch.replay_files(FIXED_RULES, &[&input], &["--positions", "/dev/full", "--positions-every", "1h"]);
    replayed.ended.expect(1, &["/dev/full"]);
    let lines = replayed.ended.summary()["lines"].as_u64().unwrap();
    assert!(lines < support::chain::events().lines().count() as u64, "it went on to the end: {lines}");
}

#[test]
fn an_output_never_overwrites_an_input() {
    let scratch = Scratch::new();
    let input = scratch.path("events.jsonl");
    let replayed = scratch.replay(FIXED_RULES, good().concat(), &["--alerts", input.to_str().unwrap()]);
    replayed.ended.expect(2, &["events.jsonl"]);
    assert_eq!(std::fs::read_to_string(input).unwrap(), good().concat());
}

#[test]
fn a_broken_export_does_not_flood_the_log() {
    let replayed = Scratch::new().replayed(FIXED_RULES, "nonsense\n".repeat(10_000), DAILY);
    assert_eq!(replayed.classes().len(), 10_000);
    assert_eq!(replayed.ended.summary()["dead_letters"]["malformed"], 10_000);
    assert!(replayed.ended.stderr.lines().count() < 10, "{}", replayed.ended.stderr);
}
