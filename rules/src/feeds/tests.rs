use schemas::row::{RowReader, RowWriter};
use schemas::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use schemas::{AlertState, EvidenceValue, InventoryEvent, Quantity, Severity, StockChange, Zone};

use super::*;
use crate::golden;
use crate::ruleset::parse;
use crate::site::EPOCH_MS;

/// Monday 2026-10-05, 00:00 UTC.
const MONDAY: Timestamp = Timestamp::from_millis(1_791_158_400_000);
const RULES: &str = "version: 1\nid: d\nrules: [{id: blind, kind: feed_stale}]";

fn hours(from: Timestamp, hours: f64) -> Timestamp {
    from.plus_ms((hours * HOUR_MS as f64) as i64)
}

fn shop() -> Feed<'static> {
    Feed::Location("S7".into())
}

/// A shop that sells every ten minutes from nine to nine, six days a week, for so many weeks.
fn trading(weeks: i64) -> FeedState {
    let mut state = FeedState::first_heard(&shop(), hours(MONDAY, 9.0));
    for day in (0..weeks * 7).filter(|day| day % 7 != 6) {
        for minutes in (9 * 60..21 * 60).step_by(10) {
            state.hear(MONDAY.plus_ms(day * DAY_MS + minutes * MINUTE_MS), &Zone::UTC);
        }
    }
    state
}

fn look(state: &mut FeedState, rules: &str, at: Timestamp) -> Vec<Alert> {
    let rules = RuleBook::from_documents(&[parse("d", rules).unwrap()]);
    let mut out = Vec::new();
    let place = Place::unknown("S7");
    judge(&rules, &place, &shop(), state, Look { at, detected_at: at, known_until: at.minus_ms(EPOCH_MS) }, &mut out);
    out
}

/// Looks at every epoch from `from` until something is said.
fn first_said(state: &mut FeedState, from: Timestamp, until: Timestamp) -> Option<Alert> {
    let epochs = 0..=until.since(from) / EPOCH_MS;
    epochs.map(|n| from.plus_ms(n * EPOCH_MS)).find_map(|at| look(state, RULES, at).pop())
}

fn figure(alert: &Alert, name: &str) -> f64 {
    let found = alert.evidence.0.iter().find(|(n, _)| n == name).map(|(_, value)| value);
    match found {
        Some(EvidenceValue::Number(value)) => *value,
        Some(EvidenceValue::Integer(value)) => *value as f64,
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn nights_and_sundays_are_no_silence() {
    let mut state = trading(4);
    let saturday_night = hours(MONDAY, 27.0 * 24.0 - 3.0);
    assert_eq!(
        first_said(&mut state, saturday_night, hours(MONDAY, 28.0 * 24.0 + 10.5)),
        None,
        "until Monday, half past ten"
    );
    let alert = first_said(&mut state, hours(MONDAY, 28.0 * 24.0 + 10.5), hours(MONDAY, 29.0 * 24.0)).unwrap();
    assert_eq!((alert.kind, alert.state, alert.severity), (AlertKind::FeedStale, AlertState::Opened, Severity::High));
    assert!(alert.occurred_at <= hours(MONDAY, 28.0 * 24.0 + 12.0), "{}", alert.occurred_at);
    assert!(state.is_blind());
}

#[test]
fn the_evidence_is_enough_to_work_it_out() {
    let mut state = trading(4);
    for quarter in 0..12 {
        state.hear(hours(MONDAY, 28.0 * 24.0 + 9.0 + f64::from(quarter) / 4.0), &Zone::UTC);
    }
    let noon = hours(MONDAY, 28.0 * 24.0 + 12.0);
    let alert = first_said(&mut state, noon, hours(noon, 9.0)).unwrap();
    assert_eq!((alert.sku.as_deref(), alert.location.as_deref()), (None, Some("S7")));
    assert_eq!(alert.scope.as_deref(), Some("location|S7"));
    assert_eq!(alert.severity, Severity::Medium);
    let (gaps, open) = (figure(&alert, "gaps_passed"), figure(&alert, "usually_open_minutes"));
    assert!((gaps - open / figure(&alert, "usual_gap_minutes")).abs() < 1e-3);
    let allowed = figure(&alert, "usual_gaps").min((2.0 * figure(&alert, "longest_usual_silence_gaps")).max(2.0));
    assert!((figure(&alert, "gaps_allowed") - allowed).abs() < 1e-6);
    assert!(gaps > allowed && open >= 120.0);
    assert!(
        alert.message.en.starts_with("S7: no data for 2 hours, where they usually come every "),
        "{}",
        alert.message.en
    );
    assert!(alert.message.zh_cn.contains("2小时"), "{}", alert.message.zh_cn);
}

#[test]
fn only_data_end_it() {
    let mut state = trading(4);
    let opened = first_said(&mut state, hours(MONDAY, 28.0 * 24.0), hours(MONDAY, 29.0 * 24.0)).unwrap();
    let allows_more = "version: 2\nid: d\nrules: [{id: blind, kind: feed_stale, minimum_silence_minutes: 20000}]";
    assert_eq!(look(&mut state, allows_more, hours(opened.occurred_at, 1.0)), []);
    assert!(state.is_blind(), "a rule that allows more is no data");
    state.hear(hours(opened.occurred_at, 30.0), &Zone::UTC);
    let resolved = look(&mut state, RULES, hours(opened.occurred_at, 30.5)).remove(0);
    assert_eq!((resolved.alert_id, resolved.state, resolved.revision), (opened.alert_id, AlertState::Resolved, 2));
    assert!(!state.is_blind());
}

#[test]
fn an_alert_whose_rule_is_gone_expires() {
    let mut state = trading(4);
    let opened = first_said(&mut state, hours(MONDAY, 28.0 * 24.0), hours(MONDAY, 29.0 * 24.0)).unwrap();
    let elsewhere = "version: 2\nid: d\nrules: [{id: blind, kind: feed_stale, scope: {location: S8}}]";
    assert_eq!(look(&mut state, elsewhere, hours(opened.occurred_at, 1.0))[0].state, AlertState::Expired);
}

#[test]
fn before_anything_is_usual_two_days_are_too_long() {
    let mut state = trading(1);
    let last = state.heard();
    let alert = first_said(&mut state, last, hours(last, 72.0)).unwrap();
    assert_eq!(alert.occurred_at.since(last) / HOUR_MS, 48);
    assert_eq!(figure(&alert, "stale_after_minutes"), 2880.0);
}

#[test]
fn what_comes_once_a_day_is_missed_on_the_third() {
    let mut state = FeedState::first_heard(&shop(), hours(MONDAY, 2.0));
    for day in 0..42 {
        state.hear(hours(MONDAY, f64::from(day) * 24.0 + 2.0), &Zone::UTC);
    }
    let last = state.heard();
    let alert = first_said(&mut state, last, hours(last, 240.0)).unwrap();
    let days = alert.occurred_at.since(last) as f64 / DAY_MS as f64;
    assert!((2.0..3.1).contains(&days), "{days}");
}

#[test]
fn a_shadow_rule_blinds_nobody() {
    let shadow = "version: 1\nid: d\nrules: [{id: blind, kind: feed_stale, mode: shadow}]";
    let mut state = trading(4);
    assert_eq!(look(&mut state, shadow, hours(MONDAY, 29.0 * 24.0)).len(), 1);
    assert!(!state.is_blind());
}

#[test]
fn scopes_are_read_back() {
    let feeds = [shop(), Feed::Location("a|b".into()), Feed::Source { name: "wms|x".into(), partition: 3 }];
    for feed in feeds {
        assert_eq!(Feed::from_scope(&feed.scope()), Some(feed));
    }
    assert_eq!(Feed::from_scope("supplier|x"), None);
}

fn sale(at: Timestamp) -> InventoryEvent<'static> {
    let quantity = Quantity::from_units(1);
    let change = StockChange::Sold { quantity, order_id: None, customer: None, unit_price: None };
    InventoryEvent {
        event_id: "e".into(),
        sku: "A".into(),
        location: "S7".into(),
        occurred_at: at,
        source: None,
        change,
    }
}

#[test]
fn the_newest_minute_of_all_partitions_counts() {
    let now = hours(MONDAY, 10.1);
    let epoch = now.millis() / EPOCH_MS;
    let mut records = Vec::new();
    for (partition, minutes) in [-10, -2, -40].into_iter().enumerate() {
        let mut sums = FeedSums::default();
        for (location, behind) in [("S7", 0), ("S8", 1), ("S9", 60)] {
            let ix = sums.index(location);
            sums.hear(ix, &sale(now.plus_ms((minutes - behind) * MINUTE_MS)), now);
        }
        records.extend(sums.take(partition as i32));
        assert_eq!(sums.take(partition as i32), []);
    }
    assert_eq!(records.len(), 2, "what is older than an epoch is not fresh");
    let newest = newest_heard(epoch, records.iter().map(|(_, id, sums)| (id.as_str(), sums.as_slice())));
    let expected = [("S7", now.minus_ms(2 * MINUTE_MS)), ("S8", now.minus_ms(3 * MINUTE_MS))];
    assert_eq!(newest, expected.into());
}

#[test]
fn a_location_told_of_twice_in_an_epoch_is_told_of_once() {
    let mut sums = FeedSums::default();
    for (location, blind) in [("S8", true), ("S7", true), ("S8", false)] {
        sums.tell(location, blind);
    }
    assert_eq!(sums.take(0), [(BLIND_SCOPE, "S7".to_owned(), vec![1]), (BLIND_SCOPE, "S8".to_owned(), vec![0])]);
}

#[test]
fn open_sums_are_written_in_order_of_name() {
    let now = hours(MONDAY, 10.1);
    let mut sums = FeedSums::default();
    for location in ["S9", "S7", "S8"] {
        let ix = sums.index(location);
        sums.hear(ix, &sale(now), now);
    }
    sums.tell("S1", true);
    let encoded = |sums: &FeedSums| {
        let mut row = Vec::new();
        sums.encode(&mut RowWriter::new(&mut row));
        row
    };
    let row = encoded(&sums);
    let mut again = FeedSums::decode(&mut RowReader::new(&row)).unwrap();
    assert_eq!(encoded(&again), row);
    assert_eq!(again.take(0), sums.take(0));
}

#[test]
fn golden_rows_of_every_version_are_read() {
    let mut state = trading(3);
    first_said(&mut state, hours(MONDAY, 21.0 * 24.0), hours(MONDAY, 22.0 * 24.0)).unwrap();
    state.fall_silent(hours(MONDAY, 22.0 * 24.0));
    let mut row = Vec::new();
    state.encode(&mut row);
    assert!(row.len() < 700, "{}", row.len());
    golden::check("feed", 1, &row, |_, past| assert_eq!(FeedState::decode(past).unwrap(), state));
    golden::refuses_newer("feed", 1, 0, FeedState::decode);
}
