use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use schemas::row::{RowReader, RowWriter};
use schemas::{Alert, AlertKind, AlertState, Evidence, Message, Mode, RuleRef, Severity, Timestamp};

use super::*;
use crate::decide::Key;
use crate::detectors::Verdict;
use crate::ruleset::{Lifecycle, LowStockParams, Params, Rule, Scope, Threshold};

const KINDS: [AlertKind; 3] = [AlertKind::LowStock, AlertKind::StockOut, AlertKind::DemandSurge];

fn rule(kind: AlertKind, mode: Mode, name: &str, lifecycle: Lifecycle) -> Rule {
    Rule {
        reference: Arc::new(RuleRef { document: "d".to_owned(), version: 1, rule: name.to_owned() }),
        kind,
        mode,
        scope: Scope::default(),
        lifecycle,
        params: Params::LowStock(LowStockParams { threshold: Threshold::default() }),
    }
}

const AT_ONCE: Lifecycle = Lifecycle { hysteresis: 0.1, minimum_duration_ms: 0, cool_down_ms: 0 };
const SLOW: Lifecycle = Lifecycle { hysteresis: 0.1, minimum_duration_ms: 40_000, cool_down_ms: 90_000 };

/// What happens at one instant: a verdict for each kind and mode, under no rule, `a`, or `b`.
type Step = (i64, bool, [(Verdict, u8); 6]);

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        4 => (0_usize..4).prop_map(|s| Verdict::Breach(Severity::ALL[s])),
        3 => Just(Verdict::Clear),
        1 => Just(Verdict::Hold),
        1 => Just(Verdict::Lapsed),
    ]
}

/// Times in seconds and their halves, back and forth.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let judged = proptest::array::uniform6((verdict(), 0_u8..8));
    proptest::collection::vec((-3_i64..40, proptest::bool::weighted(0.1), judged), 1..60)
}

fn settle_all(book: &mut EpisodeBook, at: Timestamp, suspect: bool, judged: [(Verdict, u8); 6]) -> Vec<Alert> {
    let mut out = Vec::new();
    let rules: Vec<Option<Rule>> = (0..6)
        .map(|i| {
            let (kind, mode) = (KINDS[i / 2], if i % 2 == 0 { Mode::Active } else { Mode::Shadow });
            let lifecycle = if kind == AlertKind::DemandSurge { SLOW } else { AT_ONCE };
            match judged[i].1 {
                0 => None,
                1 => Some(rule(kind, mode, "b", lifecycle)),
                _ => Some(rule(kind, mode, "a", lifecycle)),
            }
        })
        .collect();
    let judgements: Vec<Judgement<'_>> = (0..6)
        .map(|i| Judgement {
            kind: KINDS[i / 2],
            mode: if i % 2 == 0 { Mode::Active } else { Mode::Shadow },
            rule: rules[i].as_ref(),
            verdict: if rules[i].is_some() { judged[i].0 } else { Verdict::Clear },
        })
        .collect();
    let key = Key { sku: "A", location: "S" };
    let occurrence = Occurrence { key, scope: None, at, detected_at: at, suspect };
    settle(book, &occurrence, &judgements, &|_, _| (Evidence::default(), Message::default()), &mut out);
    out
}

fn read_back(book: &EpisodeBook) -> EpisodeBook {
    let mut row = Vec::new();
    book.encode(&mut RowWriter::new(&mut row));
    EpisodeBook::decode(&mut RowReader::new(&row)).unwrap()
}

proptest! {
    /// Whatever detectors say, in whatever order of time, with whatever rules.
    #[test]
    fn lines_of_an_alert_are_a_life(steps in steps()) {
        let mut book = EpisodeBook::default();
        let mut seconds = 1_000_000;
        let mut lines = BTreeSet::new();
        let mut open: BTreeSet<(AlertKind, Mode)> = BTreeSet::new();
        for (step, suspect, judged) in steps {
            seconds += step;
            let at = Timestamp::from_millis(seconds * 500);
            for alert in settle_all(&mut book, at, suspect, judged) {
                prop_assert!(lines.insert((alert.alert_id, alert.revision)), "{alert:?} came twice");
                prop_assert!(alert.revision == 1 || lines.contains(&(alert.alert_id, alert.revision - 1)));
                prop_assert!(alert.opened_at <= alert.occurred_at && alert.occurred_at <= alert.detected_at);
                let slot = (alert.kind, alert.mode);
                match alert.state {
                    AlertState::Opened => prop_assert!(open.insert(slot)),
                    AlertState::Updated => prop_assert!(open.contains(&slot)),
                    _ => prop_assert!(open.remove(&slot)),
                }
                prop_assert!(!(suspect && alert.state == AlertState::Resolved));
            }
            for mode in [Mode::Active, Mode::Shadow] {
                prop_assert!(!(open.contains(&(AlertKind::LowStock, mode)) && open.contains(&(AlertKind::StockOut, mode))));
            }
            if step % 7 == 0 {
                book.forget(at);
            }
            prop_assert!(book.next_due().is_none_or(|due| due > at), "no wait is over and still waiting");
            prop_assert_eq!(open.len(), book.open_alerts().len());
            prop_assert_eq!(&read_back(&book), &book);
        }
    }

    /// Closed alerts are forgotten in the end, and ids still never repeat.
    #[test]
    fn forgetting_repeats_nothing(gaps in proptest::collection::vec(-100_i64..200, 1..40)) {
        let mut book = EpisodeBook::default();
        let mut hours = 500_000;
        let mut lines = BTreeSet::new();
        for gap in gaps {
            hours += gap;
            let at = Timestamp::from_millis(hours * schemas::time::HOUR_MS);
            for verdict in [Verdict::Breach(Severity::Low), Verdict::Clear] {
                for alert in settle_all(&mut book, at, false, [(verdict, 2); 6]) {
                    prop_assert!(lines.insert((alert.alert_id, alert.revision)));
                }
            }
            book.forget(at);
        }
    }
}

#[test]
fn a_key_without_alerts_costs_a_pointer_and_a_byte() {
    assert!(size_of::<EpisodeBook>() <= 8);
    let mut row = Vec::new();
    EpisodeBook::default().encode(&mut RowWriter::new(&mut row));
    assert_eq!(row, [0]);
}

#[test]
fn identities_are_part_of_the_contract() {
    // UUIDv5 of "low_stock|d#a|active|A|S|2026-11-01T10:00:00Z", the instant cut to whole seconds.
    let mut book = EpisodeBook::default();
    let at = Timestamp::from_millis(1_793_527_200_999);
    let mut judged = [(Verdict::Clear, 2); 6];
    judged[0].0 = Verdict::Breach(Severity::High);
    let alert = settle_all(&mut book, at, false, judged).remove(0);
    assert_eq!(alert.alert_id.to_string(), "03dc8b53-e83a-5abf-b473-655853096087");
    assert_eq!(alert.episode_id.to_string(), "25592b24-7b81-5f1f-bab3-0feec644aeb2");
}

#[test]
fn a_cool_down_keeps_an_alert_from_coming_back() {
    let mut book = EpisodeBook::default();
    let mut at_second = |seconds: i64, verdict| {
        let mut judged = [(Verdict::Clear, 2); 6];
        judged[4].0 = verdict;
        settle_all(&mut book, Timestamp::from_millis(seconds * 1000), false, judged).len()
    };
    let breach = Verdict::Breach(Severity::Low);
    assert_eq!(at_second(0, breach), 0, "it has to last 40 s");
    assert_eq!(at_second(40, breach), 1);
    assert_eq!(at_second(50, Verdict::Clear), 1);
    assert_eq!(at_second(60, breach), 0, "90 s of cool-down since it opened");
    assert_eq!(at_second(129, Verdict::Hold), 0);
    assert_eq!(at_second(130, breach), 1, "over, and it has lasted");
}
