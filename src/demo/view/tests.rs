//! The board is shown to people: what they must be able to read from it.

use std::{sync::mpsc, time::Duration};

use ratatui::{Terminal, backend::TestBackend};
use schemas::{
    Alert, AlertKind, AlertState, Evidence, Message, Mode, Position, Quantity, RuleRef, Severity, Timestamp,
    time::{DAY_MS, HOUR_MS},
};

use super::*;
use crate::demo::{
    Clock, Language,
    wms::{LIVE_FROM, Planted, START, Scenario, Wms},
};

const ITEM: &str = "TEA-001";
const STORE: &str = "STORE-01";

fn board(language: Language) -> Board {
    let wms = Wms::new(Scenario { items: 100, ..Scenario::default() });
    let planted = Planted {
        id: "P01".to_owned(),
        kind: AlertKind::StockOut,
        sku: ITEM.to_owned(),
        location: STORE.to_owned(),
        story: ("", ""),
        begun_at: LIVE_FROM,
        from: None,
        detect_by: None,
    };
    Board::new(Directory::of(&wms), language, vec![planted], START..wms.end())
}

fn live() -> Timestamp {
    LIVE_FROM.plus_ms(HOUR_MS)
}

fn stock_out(at: Timestamp) -> DemoEvent {
    DemoEvent::Alert(Box::new(Alert {
        alert_id: uuid::Uuid::from_u128(1),
        revision: 1,
        episode_id: uuid::Uuid::from_u128(1),
        kind: AlertKind::StockOut,
        state: AlertState::Opened,
        severity: Severity::Critical,
        mode: Mode::Active,
        sku: Some(ITEM.to_owned()),
        location: Some(STORE.to_owned()),
        scope: None,
        occurred_at: at,
        detected_at: at,
        opened_at: at,
        rule: RuleRef { document: "demo".to_owned(), version: 1, rule: "r".to_owned() },
        evidence: Evidence::default(),
        message: Message { en: "The tea is gone".to_owned(), zh_cn: "茶叶断货".to_owned() },
    }))
}

fn position(sku: &str, cover: f64, open: bool) -> DemoEvent {
    DemoEvent::Position(Box::new(Position {
        sku: sku.to_owned().into(),
        location: STORE.into(),
        at: live(),
        on_hand: Some(Quantity::from_units(7)),
        reserved: Quantity::ZERO,
        available: None,
        on_order: Quantity::ZERO,
        velocity_per_day: 3.5,
        sold_7d: Quantity::ZERO,
        reorder_point: Some(9.0),
        safety_stock: None,
        order_quantity: None,
        days_of_cover: Some(cover),
        idle_days: 0,
        no_sale_probability_30d: 0.0,
        threshold_method: None,
        suspect: false,
        open_alerts: if open { vec![uuid::Uuid::from_u128(1)] } else { Vec::new() },
        abc: None,
        xyz: None,
    }))
}

fn clock(at: Timestamp, events: u64, seconds: u64) -> DemoEvent {
    let elapsed = Duration::from_secs(seconds);
    DemoEvent::Clock(Clock { sim_time: at, events, transactions: 12, lag: 3, partitions: 16, dead_letters: 0, elapsed })
}

#[test]
fn keys_with_open_alerts_come_first_then_those_that_run_out_first() {
    let mut board = board(Language::En);
    for event in [position("a", 5.0, false), position("b", 9.0, true), position("c", 1.0, false)] {
        board.apply(event);
    }
    let order: Vec<_> = board.hottest(10).into_iter().map(|p| &*p.sku).collect();
    assert_eq!(order, ["b", "c", "a"]);
    assert_eq!(board.hottest(1).len(), 1);
}

#[test]
fn a_planted_problem_is_caught_once_and_history_is_not_shown() {
    let mut board = board(Language::En);
    assert!(board.apply(stock_out(live().minus_ms(2 * DAY_MS))).is_none());
    assert_eq!(board.opened_in_history, 1);
    assert_eq!(board.apply(stock_out(live())).unwrap().caught.as_deref(), Some("P01"));
    assert_eq!(board.apply(stock_out(live().plus_ms(1))).unwrap().caught, None);
    board.apply(clock(live(), 10, 1));
    assert_eq!(board.planted(), (1, 1, 1));
    assert_eq!(board.into_opened().len(), 3);
}

#[test]
fn the_screen_shows_flow_positions_and_alerts_in_the_chosen_language() {
    let picture = |language| {
        let mut board = board(language);
        for event in [clock(live(), 1000, 1), clock(live(), 2_001_000, 2), position(ITEM, 2.0, true), stock_out(live())]
        {
            board.apply(event);
        }
        let mut terminal = Terminal::new(TestBackend::new(120, 30)).unwrap();
        terminal.draw(|frame| screen::draw(frame, &board)).unwrap();
        // A wide character is followed by an empty cell.
        terminal.backend().to_string().replace(' ', "")
    };
    let english = picture(Language::En);
    for text in
        ["2,001,000(2,000,000/s)", "lag3", "partitions16", "ShanghaiNanjingRoad", "Theteaisgone", "✔P01", "Longjingtea"]
    {
        assert!(english.contains(text), "{text} in {english}");
    }
    let chinese = picture(Language::ZhCn);
    for text in ["茶叶断货", "上海南京路店", "再订货点", "龙井茶"] {
        assert!(chinese.contains(text), "{text} in {chinese}");
    }
}

#[test]
fn a_tiny_terminal_does_no_harm() {
    let mut board = board(Language::En);
    board.apply(stock_out(live()));
    Terminal::new(TestBackend::new(10, 3)).unwrap().draw(|frame| screen::draw(frame, &board)).unwrap();
}

#[test]
fn without_a_terminal_there_is_a_line_per_alert_and_one_every_five_days() {
    let (sender, receiver) = mpsc::channel();
    let start = board(Language::En).now();
    for event in
        [clock(start.plus_ms(5 * DAY_MS), 1234, 1), clock(start.plus_ms(6 * DAY_MS), 1300, 2), stock_out(live())]
    {
        sender.send(event).unwrap();
    }
    sender.send(DemoEvent::Finished).unwrap();
    let mut out = Vec::new();
    let ended = plain::run(board(Language::En), &receiver, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("── 09-12 00:00 (history) · 1,234 events"), "{text}");
    assert_eq!(lines[1], "10-05 01:00  critical  stock-out  The tea is gone  ✔ P01");
    assert!(lines[2].contains("1 caught, 0 of 1 begun"), "{text}");
    assert!(matches!(ended, Ended::Finished(alerts) if alerts.len() == 1));
}
