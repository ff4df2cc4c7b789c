//! Watermarks, heartbeats and silence: what moves stream time, and what must not hold it.

use processor::operator::TimeSignal;
use processor::source_clock::SourceClocks;
use schemas::time::HOUR_MS;

use super::*;

fn bench() -> Bench {
    Bench::new(input(Content::StockChanges))
}

fn silent(partition: i32, last: Option<&str>) -> (String, i32, Option<Timestamp>) {
    ("stock".to_owned(), partition, last.map(at))
}

#[test]
fn watermarks_come_about_once_a_second_of_the_sources_clock() {
    let mut bench = bench();
    bench.line(&sale("e1", "05:54:00"));
    assert_eq!(watermarks(&bench.line(&sale("e2", "05:54:00.900"))), []);
    assert_eq!(watermarks(&bench.line(&sale("e3", "05:54:01")))[0].2, at("2026-11-22T05:54:01Z"));
    assert_eq!(watermarks(&bench.line(&sale("e4", "05:53:00"))), [], "a late one moves nothing");
}

#[test]
fn while_records_are_many_watermarks_wait_for_some_of_them_and_a_tick_waits_for_none() {
    let mut bench = Bench::new(Input { records_per_watermark: 3, ..input(Content::StockChanges) });
    assert_eq!(watermarks(&bench.line(&sale("e1", "05:00:00"))).len(), 1, "the first one announces the source");
    assert_eq!(watermarks(&bench.line(&sale("e2", "05:10:00"))), []);
    assert_eq!(watermarks(&bench.line(&sale("e3", "05:20:00"))), []);
    assert_eq!(watermarks(&bench.line(&sale("e4", "05:30:00")))[0].2, at("2026-11-22T05:30:00Z"));
    assert_eq!(watermarks(&bench.line(&sale("e5", "05:40:00"))), []);
    assert_eq!(watermarks(&bench.wait(SECOND_MS, false))[0].2, at("2026-11-22T05:40:00Z"));
    assert_eq!(watermarks(&bench.wait(SECOND_MS, false)), [], "and is told once");
}

#[test]
fn a_heartbeat_moves_the_sources_clock_without_an_event() {
    let mut bench = bench();
    bench.line(&sale("e1", "05:54:00"));
    let written = bench.line(r#"{"heartbeat":{"time":"2026-11-22T06:00:00Z"}}"#);
    assert_eq!(watermarks(&written), [("stock".to_owned(), 0, at("2026-11-22T06:00:00Z"), vec![0, 1])]);
    assert_eq!(written.len(), 3);
    bench.wait(SILENCE_MS - SECOND_MS, true);
    bench.line(r#"{"heartbeat":{"time":"2026-11-22T06:00:00Z"}}"#);
    assert_eq!(silences(&bench.wait(SILENCE_MS - SECOND_MS, true)), [], "who beats is not silent");
}

#[test]
fn a_source_quiet_for_long_enough_is_silent_and_said_to_be_so_once_an_hour() {
    let mut bench = bench();
    bench.line(&sale("e1", "05:54:00"));
    bench.wait(SECOND_MS, true);
    assert_eq!(silences(&bench.wait(SILENCE_MS - SECOND_MS, true)), []);
    assert_eq!(silences(&bench.wait(SECOND_MS, true)), [silent(0, Some("2026-11-22T05:54:00Z"))]);
    assert_eq!(bench.wait(HOUR_MS - SECOND_MS, true), []);
    assert_eq!(silences(&bench.wait(SECOND_MS, true)), [silent(0, Some("2026-11-22T05:54:00Z"))]);
    bench.restart();
    assert_eq!(bench.wait(HOUR_MS - SECOND_MS, true), [], "nor any sooner after a restart");
}

#[test]
fn what_waits_to_be_read_is_not_silence() {
    let mut bench = bench();
    bench.line(&sale("e1", "05:54:00"));
    assert_eq!(bench.wait(HOUR_MS, false), []);
    assert_eq!(silences(&bench.wait(SILENCE_MS - SECOND_MS, true)), []);
    assert_eq!(silences(&bench.wait(2 * SECOND_MS, true)).len(), 1);
}

#[test]
fn after_a_restart_silence_is_measured_anew() {
    let mut bench = bench();
    bench.line(&sale("e1", "05:54:00"));
    bench.wait(SILENCE_MS - SECOND_MS, true);
    bench.restart();
    assert_eq!(silences(&bench.wait(SILENCE_MS - SECOND_MS, true)), []);
    assert_eq!(silences(&bench.wait(2 * SECOND_MS, true)).len(), 1);
}

#[test]
fn a_clock_that_jumps_or_a_process_that_slept_makes_nobody_silent() {
    let mut bench = bench();
    bench.line(&sale("e1", "05:54:00"));
    bench.wait(SECOND_MS, true);
    for jump in [HOUR_MS, -HOUR_MS, HOUR_MS] {
        bench.wall = bench.wall.plus_ms(jump);
        assert_eq!(bench.wait(2 * SECOND_MS, true), []);
    }
}

#[test]
fn the_next_record_revives_a_silent_source_in_every_partition() {
    let mut bench = bench();
    bench.line(&sale("e1", "05:54:00"));
    bench.wait(SILENCE_MS + SECOND_MS, true);
    bench.restart();
    // The clock has not moved: without a watermark only the SKU's own partition would know.
    let written = bench.line(&sale("e2", "05:54:00"));
    assert_eq!(watermarks(&written)[0].2, at("2026-11-22T05:54:00Z"));
    assert_eq!(silences(&bench.wait(SILENCE_MS + SECOND_MS, true)).len(), 1, "and it can fall silent again");
}

#[test]
fn a_topic_partition_that_never_spoke_does_not_hold_time_for_ever() {
    let mut clocks = SourceClocks::new(0, DEFAULT_FLOOR);
    let mut observe = |written: &[Written]| {
        for written in written.iter().filter(|w| w.partition == Some(0)) {
            match written.record() {
                StreamRecord::Watermark(w) => clocks.observe(TimeSignal::Watermark(&w)).unwrap(),
                StreamRecord::Silence(s) => clocks.observe(TimeSignal::Silence(&s)).unwrap(),
                _ => {}
            }
        }
        clocks.stream_time()
    };
    let (mut spoken, mut empty) = (bench(), Bench::on(input(Content::StockChanges), 1));
    assert_eq!(observe(&spoken.line(&sale("e1", "05:54:00"))), Timestamp::MIN, "all partitions are waited for");
    assert_eq!(observe(&empty.wait(SILENCE_MS, true)), Timestamp::MIN);
    let written = empty.wait(2 * SECOND_MS, true);
    assert_eq!(silences(&written), [silent(1, None)]);
    assert_eq!(observe(&written), at("2026-11-22T05:54:00Z"));
    assert_eq!(observe(&spoken.line(&sale("e2", "05:55:00"))), at("2026-11-22T05:55:00Z"));
    empty.restart();
    assert_eq!(empty.wait(HOUR_MS / 2, true), []);
    // Its first record takes its place in the minimum again.
    assert_eq!(observe(&empty.line(&sale("e3", "05:56:00"))), at("2026-11-22T05:55:00Z"));
    assert_eq!(observe(&spoken.line(&sale("e4", "05:59:00"))), at("2026-11-22T05:56:00Z"));
}

#[test]
fn a_configured_source_partition_that_never_spoke_falls_silent_where_the_topic_is_read_whole() {
    let whole = Input { topic_partitions: 1, source_partitions: Some(vec![0, 1]), ..input(Content::StockChanges) };
    let parted = Input { topic_partitions: 2, ..whole.clone() };
    for (input, unheard) in [(whole, 1), (parted, 0)] {
        let mut bench = Bench::new(input);
        let written = bench.line(&sourced_sale("e1", "05:54:00", r#"{"name":"wms","partition":1}"#));
        assert_eq!(watermarks(&written)[0].3, [0, 1]);
        // Elsewhere it may be in the part of the topic that somebody else reads.
        let fell = silences(&bench.wait(SILENCE_MS + SECOND_MS, true));
        assert_eq!(fell.iter().filter(|(_, partition, last)| *partition == 0 && last.is_none()).count(), unheard);
        assert_eq!(fell.len(), 1 + unheard);
    }
}
