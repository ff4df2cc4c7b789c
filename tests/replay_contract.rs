//! The contract of `quartermaster replay`: order, determinism, boundaries, time, formats.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;
use support::{ALL_RULES, FIXED_RULES, Replayed, SMALLEST_RULES, Scratch, balance, chain, event, quartermaster, sold};

/// Replays the small chain with its catalogue and locations.
fn chain_replayed(events: &str, flags: &[&str]) -> Replayed {
    let scratch = Scratch::new();
    let catalog = scratch.file("catalog.jsonl", chain::catalog());
    let locations = scratch.file("locations.jsonl", chain::locations());
    let mut all = vec!["--catalog", catalog.to_str().unwrap(), "--locations", locations.to_str().unwrap()];
    all.extend_from_slice(flags);
    scratch.replayed(ALL_RULES, events, &all)
}

fn text<'a>(line: &'a Value, field: &str) -> &'a str {
    line[field].as_str().unwrap_or_else(|| panic!("no {field} in {line}"))
}

fn boundaries(replayed: &Replayed) -> Vec<String> {
    let times: BTreeSet<String> = replayed.position_lines().iter().map(|line| text(line, "at").to_owned()).collect();
    times.into_iter().collect()
}

fn sorted(lines: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = lines.lines().collect();
    lines.sort_unstable();
    lines
}

/// Two days of one item, ending with a jump.
fn short() -> String {
    [
        balance("b", "SKU-1", "2026-03-01T08:00:00Z", 100),
        sold("1", "SKU-1", "2026-03-01T09:00:00Z", 10),
        sold("2", "SKU-1", "2026-03-02T09:00:00Z", 5),
        sold("3", "SKU-1", "2026-03-06T00:00:00Z", 1),
    ]
    .concat()
}

/// Asserts invariant I7.
#[test]
fn two_runs_give_the_same_bytes() {
    let events = chain::events();
    let runs = [(); 2].map(|()| chain_replayed(&events, &["--positions-every", "1d"]));
    assert!(runs[0].alerts.lines().count() > 50 && runs[0].positions.lines().count() > 1000);
    assert!(runs[0].alerts == runs[1].alerts && runs[0].positions == runs[1].positions);
}

/// Asserts invariant I7.
#[test]
fn the_number_of_partitions_does_not_change_the_alerts() {
    let events = chain::events();
    let one = chain_replayed(&events, &["--positions-every", "1d"]);
    let kinds: BTreeSet<String> = one.alert_lines().iter().map(|alert| text(alert, "kind").to_owned()).collect();
    assert!(["low_stock", "stock_out", "demand_surge"].iter().all(|kind| kinds.contains(*kind)), "{kinds:?}");
    for partitions in ["3", "16"] {
        let many = chain_replayed(&events, &["--positions-every", "1d", "--partitions", partitions]);
        assert!(sorted(&many.alerts) == sorted(&one.alerts), "{partitions} partitions give other alerts");
        assert!(many.positions == one.positions, "{partitions} partitions give other positions");
    }
}

/// Asserts invariant I8.
#[test]
fn a_truncated_input_gives_the_same_lines_up_to_the_cut() {
    let events = chain::events();
    let lines: Vec<&str> = events.lines().collect();
    let flags = ["--positions-every", "1d"];
    let whole = chain_replayed(&events, &flags);
    for cut in [lines.len() / 3, lines.len() / 2, lines.len() - 100] {
        let cut_off = chain_replayed(&(lines[..cut].join("\n") + "\n"), &flags);
        assert!(whole.alerts.starts_with(&cut_off.alerts), "alerts differ before line {cut}");
        assert!(whole.positions.starts_with(&cut_off.positions), "positions differ before line {cut}");
        assert!(!cut_off.alerts.is_empty() && !cut_off.positions.is_empty());
    }
}

#[test]
fn alerts_come_in_order_of_time_and_positions_by_time_sku_and_location() {
    let replayed = chain_replayed(&chain::events(), &["--positions-every", "12h"]);
    let alerts = replayed.alert_lines();
    let detected: Vec<&str> = alerts.iter().map(|alert| text(alert, "detected_at")).collect();
    assert!(detected.len() > 50 && detected.is_sorted());
    let positions = replayed.position_lines();
    let keys: Vec<[&str; 3]> = positions.iter().map(|p| [text(p, "at"), text(p, "sku"), text(p, "location")]).collect();
    assert!(keys.len() > 1000 && keys.is_sorted_by(|a, b| a < b), "strictly ascending: one line per key and boundary");
}

#[test]
fn asking_for_positions_changes_no_alert() {
    let events = chain::events();
    let alerts = [&[][..], &["--positions-every", "7h", "--positions-from", "2026-04-01"]]
        .map(|flags| chain_replayed(&events, flags).alerts);
    assert!(alerts[0] == alerts[1] && !alerts[0].is_empty());
}

#[test]
fn revisions_of_an_alert_are_unique_and_ascend() {
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    for alert in chain_replayed(&chain::events(), &[]).alert_lines() {
        let revision = alert["revision"].as_u64().unwrap();
        let before = last.insert(text(&alert, "alert_id").to_owned(), revision);
        assert!(before.is_none_or(|before| revision > before), "{alert}");
    }
    assert!(last.len() > 50);
}

#[test]
fn lines_carry_what_the_contract_names() {
    let replayed = chain_replayed(&chain::events(), &["--positions-every", "1d"]);
    let time = |value: &Value| {
        let text = value.as_str().unwrap();
        assert!(text.len() == 20 && text.ends_with('Z') && !text.contains('.'), "{text}");
    };
    for alert in replayed.alert_lines() {
        let fields = [
            "alert_id",
            "revision",
            "episode_id",
            "kind",
            "state",
            "severity",
            "sku",
            "location",
            "occurred_at",
            "detected_at",
            "rule",
            "evidence",
            "message",
        ];
        assert!(fields.iter().all(|field| !alert[field].is_null()), "{alert}");
        time(&alert["occurred_at"]);
        time(&alert["detected_at"]);
        assert!(text(&alert, "detected_at") >= text(&alert, "occurred_at"), "{alert}");
        assert!(alert["evidence"].as_object().is_some_and(|evidence| !evidence.is_empty()), "{alert}");
        assert!(!text(&alert["message"], "en").is_empty() && !text(&alert["message"], "zh-CN").is_empty(), "{alert}");
    }
    for position in replayed.position_lines() {
        let fields = [
            "sku",
            "location",
            "at",
            "on_hand",
            "available",
            "on_order",
            "velocity_per_day",
            "reorder_point",
            "safety_stock",
            "order_quantity",
            "days_of_cover",
            "idle_days",
            "no_sale_probability_30d",
            "abc",
            "xyz",
        ];
        assert!(fields.iter().all(|field| position.get(field).is_some()), "{position}");
        time(&position["at"]);
    }
}

#[test]
fn a_jump_emits_every_crossed_boundary_and_the_end_of_input_none() {
    let replayed = Scratch::new().replayed(FIXED_RULES, short(), &["--positions-every", "1d"]);
    let days: Vec<String> = (2..=6).map(|day| format!("2026-03-0{day}T00:00:00Z")).collect();
    assert_eq!(boundaries(&replayed), days);
    let on_hand: Vec<Value> = replayed.position_lines().iter().map(|p| p["on_hand"].clone()).collect();
    assert_eq!(on_hand, [90, 85, 85, 85, 85], "an event at the boundary comes after it");
}

#[test]
fn boundaries_are_multiples_of_the_period_in_utc() {
    let replayed =
        Scratch::new().replayed(FIXED_RULES, short(), &["--positions-every", "6h", "--until", "2026-03-01T19:00:00Z"]);
    assert_eq!(boundaries(&replayed), ["2026-03-01T12:00:00Z", "2026-03-01T18:00:00Z", "2026-03-01T19:00:00Z"]);
}

#[test]
fn boundaries_wait_for_the_grace() {
    let late = sold("late", "SKU-1", "2026-03-01T23:59:00Z", 7);
    let lines = [
        balance("b", "SKU-1", "2026-03-01T08:00:00Z", 100),
        sold("1", "SKU-1", "2026-03-02T00:05:00Z", 1),
        late,
        sold("2", "SKU-1", "2026-03-02T00:10:00Z", 1),
    ];
    let replayed = Scratch::new().replayed(FIXED_RULES, lines.concat(), &["--positions-every", "1d", "--grace", "10m"]);
    assert_eq!(boundaries(&replayed), ["2026-03-02T00:00:00Z"]);
    assert_eq!(replayed.ended.summary()["late"], 0);
    let strict =
        Scratch::new().replayed(FIXED_RULES, lines[..3].concat(), &["--positions-every", "1d", "--grace", "10m"]);
    assert_eq!(strict.positions, "", "stream time has not passed the boundary and the grace");
}

#[test]
fn a_boundary_before_the_first_event_is_emitted_while_its_grace_runs() {
    let lines = [
        sold("1", "SKU-1", "2026-03-02T00:05:00Z", 1),
        sold("2", "SKU-1", "2026-03-01T23:59:00Z", 1),
        sold("3", "SKU-2", "2026-03-02T00:10:00Z", 1),
    ];
    let flags = ["--positions-every", "1d", "--grace", "10m"];
    let replayed = Scratch::new().replayed(FIXED_RULES, lines.concat(), &flags);
    assert_eq!(boundaries(&replayed), ["2026-03-02T00:00:00Z"]);
    assert_eq!(replayed.position_lines().len(), 1, "before the event that moved time");
}

#[test]
fn until_ignores_what_comes_at_or_after_it_and_emits_its_boundary() {
    let scratch = Scratch::new();
    let flags = ["--positions-every", "1d", "--until", "2026-03-02T09:00:00Z"];
    let replayed = scratch.replayed(FIXED_RULES, short(), &flags);
    assert_eq!(boundaries(&replayed), ["2026-03-02T00:00:00Z", "2026-03-02T09:00:00Z"]);
    assert_eq!(replayed.position_lines()[1]["on_hand"], 90, "the event at the very time is ignored");
    let summary = replayed.ended.summary();
    assert_eq!((&summary["events"], &summary["ignored"]), (&2.into(), &2.into()));
    // Also beyond the last event, and without a period.
    let alone = scratch.replayed(FIXED_RULES, short(), &["--until", "2026-03-08"]);
    assert_eq!(boundaries(&alone), ["2026-03-08T00:00:00Z"]);
}

#[test]
fn until_at_a_boundary_emits_it_once() {
    let replayed = Scratch::new().replayed(FIXED_RULES, short(), &["--positions-every", "1d", "--until", "2026-03-02"]);
    assert_eq!(boundaries(&replayed), ["2026-03-02T00:00:00Z"]);
    assert_eq!(replayed.position_lines().len(), 1);
}

#[test]
fn a_source_clock_beyond_until_emits_no_later_boundary() {
    let ahead = sold("2", "SKU-1", "2026-03-01T10:00:00Z", 1)
        .replace("\"change\"", "\"source\":{\"time\":\"2026-03-05T00:00:00Z\"},\"change\"");
    let lines = sold("1", "SKU-1", "2026-03-01T09:00:00Z", 1) + &ahead;
    let replayed = Scratch::new().replayed(FIXED_RULES, lines, &["--positions-every", "1d", "--until", "2026-03-03"]);
    assert_eq!(boundaries(&replayed), ["2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z"]);
}

#[test]
fn positions_from_is_inclusive_and_filters_output_only() {
    let scratch = Scratch::new();
    let whole = scratch.replayed(FIXED_RULES, short(), &["--positions-every", "1d"]);
    let part = scratch.replayed(FIXED_RULES, short(), &["--positions-every", "1d", "--positions-from", "2026-03-04"]);
    let expected: Vec<&str> = whole.positions.lines().skip(2).collect();
    assert_eq!(part.positions.lines().collect::<Vec<_>>(), expected);
    assert_eq!(boundaries(&part)[0], "2026-03-04T00:00:00Z");
    assert_eq!(part.alerts, whole.alerts);
}

#[test]
fn low_stock_becomes_a_stock_out_and_both_resolve() {
    let lines = [
        balance("b", "SKU-1", "2026-03-01T08:00:00Z", 50),
        sold("1", "SKU-1", "2026-03-01T09:00:00Z", 10),
        sold("2", "SKU-1", "2026-03-01T10:00:00Z", 4),
        sold("3", "SKU-1", "2026-03-02T10:00:00Z", 36),
        event("4", "SKU-1", "2026-03-03T10:00:00Z", "{\"type\":\"received\",\"quantity\":200}"),
        sold("5", "SKU-1", "2026-03-06T10:00:00Z", 1),
    ];
    let replayed = Scratch::new().replayed(FIXED_RULES, lines.concat(), &[]);
    let alerts = replayed.alerts_in_short();
    assert_eq!(alerts[0], "low_stock opened SKU-1 STORE-1 2026-03-01T10:00:00Z");
    assert!(alerts.contains(&"low_stock superseded SKU-1 STORE-1 2026-03-02T10:00:00Z".to_owned()), "{alerts:?}");
    assert!(alerts.contains(&"stock_out opened SKU-1 STORE-1 2026-03-02T10:00:00Z".to_owned()), "{alerts:?}");
    assert!(alerts.iter().any(|alert| alert.starts_with("stock_out resolved")), "{alerts:?}");
    let episodes: BTreeSet<String> =
        replayed.alert_lines().iter().map(|alert| text(alert, "episode_id").to_owned()).collect();
    assert_eq!(episodes.len(), 1, "one problem, one episode");
}

#[test]
fn who_else_has_the_item_is_named_on_any_number_of_partitions() {
    let at = |location: &str, line: String| line.replace("STORE-1", location);
    let lines = [
        at("STORE-2", balance("a", "SKU-1", "2026-03-01T07:00:00Z", 500)),
        at("STORE-3", balance("b", "SKU-1", "2026-03-01T07:00:00Z", 38)),
        at("STORE-2", balance("c", "SKU-2", "2026-03-01T07:00:00Z", 900)),
        balance("d", "SKU-1", "2026-03-01T08:00:00Z", 50),
        sold("1", "SKU-1", "2026-03-01T09:00:00Z", 20),
    ];
    let runs = ["1", "5"].map(|n| Scratch::new().replayed(FIXED_RULES, lines.concat(), &["--partitions", n]));
    let alerts = runs[0].alert_lines();
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    // STORE-2 keeps its reorder point of 36; what is missing to that of STORE-1 is six, STORE-3 could spare two.
    let evidence = &alerts[0]["evidence"];
    assert_eq!((text(evidence, "transfer_from"), evidence["transfer_quantity"].as_f64()), ("STORE-2", Some(6.0)));
    assert_eq!(evidence["transfer_spare"].as_f64(), Some(464.0));
    assert!(runs[0].alerts == runs[1].alerts);
}

#[test]
fn without_rules_nothing_is_raised_and_positions_carry_their_figures() {
    let scratch = Scratch::new();
    let catalog = scratch.file("catalog.jsonl", "{\"sku\":\"SKU-1\",\"lead_time_days\":3}\n");
    let events = scratch.file(
        "events.jsonl",
        short() + &sold("x", "SKU-2", "2026-03-07T10:00:00Z", 1) + &sold("y", "SKU-2", "2026-03-09T10:00:00Z", 1),
    );
    let positions = scratch.path("positions.jsonl");
    let mut command = quartermaster(["replay", "--alerts", "-", "--positions-every", "1d", "--positions"]);
    let ended = support::run(command.arg(&positions).arg("--catalog").arg(catalog).arg(events));
    ended.expect(0, &[]);
    assert_eq!(ended.stdout, "");
    let lines = support::json_lines(&std::fs::read_to_string(positions).unwrap());
    let last = |sku: &str| lines.iter().rfind(|p| p["sku"] == sku).unwrap().clone();
    assert!(last("SKU-1")["reorder_point"].is_number(), "dynamic at 0.95 without a rule");
    assert!(last("SKU-2")["reorder_point"].is_null(), "no lead time at all");
    assert!(last("SKU-2")["on_hand"].is_null(), "unknown is not zero");
}

#[test]
fn the_smallest_rules_file_works() {
    let replayed = Scratch::new().replayed(SMALLEST_RULES, chain::events(), &["--positions-every", "1d"]);
    assert!(!replayed.positions.is_empty());
}

#[test]
fn plain_gzip_zstd_and_stdin_are_the_same_input() {
    let events = chain::events();
    let scratch = Scratch::new();
    let expected = scratch.replayed(FIXED_RULES, &events, &["--positions-every", "1d"]);
    assert!(!expected.positions.is_empty() && !expected.alerts.is_empty());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(events.as_bytes()).unwrap();
    let zstd = ruzstd::encoding::compress_to_vec(events.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
    for (name, bytes) in [("e.jsonl.gz", gzip.finish().unwrap()), ("e.jsonl.zst", zstd)] {
        let input = scratch.file(name, bytes);
        let replayed = scratch.replay_files(FIXED_RULES, &[&input], &["--positions-every", "1d"]);
        replayed.ended.expect(0, &[]);
        assert!(replayed.positions == expected.positions && replayed.alerts == expected.alerts, "{name}");
    }
    let mut command = quartermaster(["replay", "--positions-every", "1d", "--positions", "-", "--rules"]);
    command
        .arg(scratch.path("rules.yaml"))
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(events.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success() && output.stdout == expected.positions.as_bytes());
}

#[test]
fn several_inputs_are_one_source() {
    let events = chain::events();
    let cut = events.len() / 2 + events[events.len() / 2..].find('\n').unwrap() + 1;
    let scratch = Scratch::new();
    let whole = scratch.replayed(FIXED_RULES, &events, &["--positions-every", "1d"]);
    assert!(!whole.positions.is_empty() && !whole.alerts.is_empty());
    let (first, second) = (scratch.file("1.jsonl", &events[..cut]), scratch.file("2.jsonl", &events[cut..]));
    let parts = scratch.replay_files(FIXED_RULES, &[&first, &second], &["--positions-every", "1d"]);
    assert!(parts.positions == whole.positions && parts.alerts == whole.alerts);
}

#[test]
fn a_position_in_its_source_may_be_given_and_its_clock_counts() {
    let line = |id: &str, occurred_at: &str, clock: &str| {
        let source = format!(
            "\"source\":{{\"name\":\"wms\",\"partition\":0,\"position\":\"{id}\",\"time\":\"{clock}\"}},\"change\""
        );
        sold(id, "SKU-1", occurred_at, 1).replace("\"change\"", &source)
    };
    let lines = line("1", "2026-03-01T09:00:00Z", "2026-03-01T09:00:01Z")
        + &line("2", "2026-03-01T10:00:00Z", "2026-03-02T00:00:01Z");
    let replayed = Scratch::new().replayed(FIXED_RULES, lines, &["--positions-every", "1d"]);
    assert_eq!(boundaries(&replayed), ["2026-03-02T00:00:00Z"], "the source's clock has passed midnight");
}

/// A sale that names its source partition, whose clock is the sale's own time.
fn sold_from(partition: u32, id: &str, occurred_at: &str) -> String {
    let source = format!("\"source\":{{\"partition\":{partition},\"position\":\"{id}\"}},\"change\"");
    sold(id, "SKU-1", occurred_at, 1).replace("\"change\"", &source)
}

#[test]
fn stream_time_is_that_of_the_source_partition_furthest_behind() {
    let lines = [
        sold_from(0, "1", "2026-03-01T10:00:00Z"),
        sold_from(1, "2", "2026-03-01T11:00:00Z"),
        sold_from(0, "3", "2026-03-04T10:00:00Z"),
        sold_from(1, "4", "2026-03-02T10:00:00Z"),
        sold_from(1, "5", "2026-03-05T10:00:00Z"),
    ];
    let read =
        |n: usize| boundaries(&Scratch::new().replayed(FIXED_RULES, lines[..n].concat(), &["--positions-every", "1d"]));
    assert!(read(3).is_empty(), "partition 1 is still on the first of March");
    assert_eq!(read(4), ["2026-03-02T00:00:00Z"]);
    let days = ["2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z"];
    assert_eq!(read(5), days, "now partition 0 is behind");
}

#[test]
fn until_is_emitted_although_the_clock_began_beyond_it() {
    let ahead = sold("1", "SKU-1", "2026-03-01T10:00:00Z", 1)
        .replace("\"change\"", "\"source\":{\"time\":\"2026-03-05T00:00:00Z\"},\"change\"");
    let replayed = Scratch::new().replayed(FIXED_RULES, ahead, &["--positions-every", "1d", "--until", "2026-03-03"]);
    assert_eq!(boundaries(&replayed), ["2026-03-03T00:00:00Z"]);
}

/// The retail data, or `None` (said on stderr) where it is not at hand.
fn retail_replayed(events: &str, flags: &[&str]) -> Option<Replayed> {
    let split = support::retail::split()?;
    let scratch = Scratch::new();
    let catalog = scratch.file("catalog.jsonl", support::retail::catalog(&split));
    let mut all =
        vec!["--catalog", catalog.to_str().unwrap(), "--positions-every", "1d", "--positions-from", "2010-09-01"];
    all.extend_from_slice(flags);
    Some(scratch.replayed(ALL_RULES, events, &all))
}

#[test]
fn real_movements_give_the_same_bytes_and_a_prefix_when_cut() {
    let Some(split) = support::retail::split() else { return };
    let events = support::retail::movements(&split);
    let whole = retail_replayed(&events, &[]).unwrap();
    let again = retail_replayed(&events, &[]).unwrap();
    assert!(whole.alerts == again.alerts && whole.positions == again.positions);
    assert_eq!(whole.dead_letters, "");
    assert!(whole.positions.lines().count() > 100_000);
    let cut = events.len() * 7 / 8;
    let cut_off = retail_replayed(&events[..=cut + events[cut..].find('\n').unwrap()], &[]).unwrap();
    assert!(whole.alerts.starts_with(&cut_off.alerts) && whole.positions.starts_with(&cut_off.positions));
    assert!(!cut_off.positions.is_empty());
}

#[test]
fn real_movements_with_shortages_give_the_same_alerts_on_any_number_of_partitions() {
    let Some(split) = support::retail::split() else { return };
    for events in [support::retail::movements(&split), support::retail::censored(&split)] {
        let one = retail_replayed(&events, &[]).unwrap();
        let many = retail_replayed(&events, &["--partitions", "16"]).unwrap();
        assert!(!one.alerts.is_empty());
        assert!(sorted(&one.alerts) == sorted(&many.alerts) && one.positions == many.positions);
    }
}
