use schemas::{Evidence, Message, RuleRef, Severity, time::HOUR_MS};

use super::*;
use crate::demo::{
    Language,
    wms::truth::{BookEntry, Surging},
};

fn hour(h: i64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 - 1_790_000_000_000 % DAY_MS).plus_ms(h * HOUR_MS)
}

fn alert(kind: AlertKind, sku: &str, at: Timestamp) -> Alert {
    let alert_id =
        Uuid::from_u128(at.millis() as u128 + ((kind as u128) << 100) + (u128::from(sku.as_bytes()[0]) << 64));
    Alert {
        alert_id,
        revision: 1,
        episode_id: alert_id,
        kind,
        state: AlertState::Opened,
        severity: Severity::High,
        mode: Mode::Active,
        sku: Some(sku.to_owned()),
        location: Some("STORE-01".to_owned()),
        scope: None,
        occurred_at: at,
        detected_at: at,
        opened_at: at,
        rule: RuleRef { document: "demo".to_owned(), version: 1, rule: "r".to_owned() },
        evidence: Evidence::default(),
        message: Message::default(),
    }
}

fn problem(kind: AlertKind, sku: &str, from: Option<i64>, due: Option<i64>) -> Planted {
    Planted {
        id: "P01".to_owned(),
        kind,
        sku: sku.to_owned(),
        location: "STORE-01".to_owned(),
        story: ("delivery lost", "送货丢失"),
        begun_at: hour(1),
        from: from.map(hour),
        detect_by: due.map(hour),
    }
}

/// Two items, four units a day, lead time one day: need 4 + 2.33 · 2 = 8.66. `a` is planted.
/// On hand and position: 20 until hour 10, then 12, from hour 20 on 8, empty in hours 30 to 40.
fn truth() -> Truth {
    let books = [(0, 20), (10, 12), (20, 8), (30, 0), (40, 20)];
    let history = books.map(|(h, n)| BookEntry { at: hour(h), on_hand: n, inventory_position: n });
    let key = |surges: Vec<Surging>| KeyTruth {
        history: history.to_vec(),
        units_per_day: 4.0,
        variance_per_day: 4.0,
        lead_days: 1.0,
        surges,
    };
    let surge = Surging { from: hour(50), until: hour(60), factor: 6.0 };
    let place = |sku: &str| (sku.to_owned(), "STORE-01".to_owned());
    Truth {
        keys: [(place("a"), key(Vec::new())), (place("b"), key(vec![surge]))].into(),
        planted_skus: ["a".to_owned()].into(),
        live_from: hour(0),
        end: hour(200),
    }
}

#[test]
fn a_problem_is_caught_in_time_late_or_missed() {
    let stock_out = problem(AlertKind::StockOut, "a", Some(30), Some(32));
    let verdict = |alerts: &[Alert]| score(std::slice::from_ref(&stock_out), alerts, &truth()).outcomes[0].verdict;
    assert_eq!(verdict(&[alert(AlertKind::StockOut, "a", hour(31))]), Verdict::Caught);
    assert_eq!(verdict(&[alert(AlertKind::StockOut, "a", hour(33))]), Verdict::Late);
    assert_eq!(verdict(&[alert(AlertKind::LowStock, "a", hour(31))]), Verdict::Missed);
    assert_eq!(verdict(&[alert(AlertKind::StockOut, "b", hour(31))]), Verdict::Missed);
    let absent = problem(AlertKind::StockOut, "a", None, None);
    assert_eq!(score(&[absent], &[], &truth()).outcomes[0].verdict, Verdict::Absent);
}

#[test]
fn only_opened_active_alerts_of_the_live_weeks_count() {
    let mut updated = alert(AlertKind::StockOut, "b", hour(5));
    updated.state = AlertState::Updated;
    let mut shadow = alert(AlertKind::StockOut, "b", hour(6));
    shadow.mode = Mode::Shadow;
    let before = alert(AlertKind::StockOut, "b", hour(-1));
    assert_eq!(score(&[], &[updated, shadow, before], &truth()).others, Tally::default());
}

#[test]
fn other_alerts_are_judged_by_the_books() {
    use AlertKind::{DemandSurge, LowStock, StockOut};
    let counts = |alert: Alert| score(&[], &[alert], &truth()).others.0.into_values().next().unwrap();
    let unplanned = Counts { unplanned: 1, ..Counts::default() };
    let follow_up = Counts { follow_up: 1, ..Counts::default() };
    let early = Counts { early: 1, ..Counts::default() };
    let wrong = Counts { wrong: 1, ..Counts::default() };
    assert_eq!(counts(alert(StockOut, "b", hour(30))), unplanned);
    assert_eq!(counts(alert(StockOut, "a", hour(30))), follow_up);
    assert_eq!(counts(alert(StockOut, "b", hour(29))), wrong);
    assert_eq!(counts(alert(LowStock, "b", hour(21))), unplanned);
    assert_eq!(counts(alert(LowStock, "b", hour(11))), early);
    assert_eq!(counts(alert(LowStock, "b", hour(9))), wrong);
    assert_eq!(counts(alert(DemandSurge, "b", hour(55))), unplanned);
    assert_eq!(counts(alert(DemandSurge, "b", hour(49))), wrong);
    assert_eq!(counts(alert(DemandSurge, "a", hour(55))), wrong);
}

#[test]
fn stock_outs_without_an_alert_are_counted() {
    let report = score(&[], &[alert(AlertKind::StockOut, "b", hour(35))], &truth());
    assert_eq!(report.stock_outs, (2, 1));
}

#[test]
fn the_table_lines_up_and_says_what_happened() {
    let planted = [
        problem(AlertKind::StockOut, "a", Some(30), Some(32)),
        Planted { id: "P02".to_owned(), ..problem(AlertKind::LowStock, "b", Some(20), Some(30)) },
    ];
    let report = score(&planted, &[alert(AlertKind::LowStock, "b", hour(21))], &truth());
    let print = |language| {
        let mut out = Vec::new();
        report.print(language, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let english = print(Language::En);
    let lines: Vec<&str> = english.lines().collect();
    assert!(lines[2].starts_with("P01  delivery lost    stock-out  a STORE-01"), "{english}");
    assert!(lines[2].ends_with("MISSED"), "{english}");
    assert!(lines[3].contains("9.0 h ahead") && lines[3].ends_with("caught"), "{english}");
    assert!(english.contains("caught 1/2 · late 0 · missed 1"), "{english}");
    assert!(print(Language::ZhCn).contains("漏报"));
}
