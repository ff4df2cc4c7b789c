use proptest::prelude::*;
use schemas::row::{RowReader, RowWriter};
use schemas::time::DAY_MS;
use schemas::{Mode, Quantity, StockChange, Timestamp};

use super::*;
use crate::site::OutboundLevel;

fn adjusted(units: i64) -> StockChange<'static> {
    StockChange::Adjusted {
        quantity: Quantity::from_units(units),
        reason: Some("theft".into()),
        document: Some("".into()),
    }
}

fn day(day: i64) -> Timestamp {
    Timestamp::from_millis(day * DAY_MS)
}

fn noted(line: Line<'_>, now: Timestamp) -> Noted<'_> {
    Noted { line, at: now, now }
}

/// A key with so many corrections of so many units a day.
fn after(days: &[(usize, i64)]) -> OutboundState {
    let mut state = OutboundState::default();
    for (n, (lines, units)) in days.iter().enumerate() {
        let change = adjusted(-units);
        (0..*lines).for_each(|_| state.note(&Line::of(&change).unwrap(), 2.0));
        state.close_day(day(n as i64 + 1));
    }
    state
}

const RARE: Surprise = Surprise { kind: 0.1, document: Some(1e-3), size: 0.01, hour: 0.5, reason: Some(0.1) };

#[test]
fn only_what_leaves_is_outbound() {
    assert_eq!(Line::of(&adjusted(3)), None);
    let change = adjusted(-3);
    let line = Line::of(&change).unwrap();
    assert_eq!((line.kind, line.quantity, line.reason), (Kind::Correction, Quantity::from_units(3), Some("theft")));
    assert_eq!(line.document, None, "an empty document is none");
    let counted = StockChange::Counted { counted: Quantity::ZERO, book: Some(Quantity::from_units(9)), document: None };
    assert_eq!(Line::of(&counted), None, "a stocktake is a loss, not a line");
}

#[test]
fn a_customers_order_is_explained() {
    let sold = |order: Option<&'static str>, customer: Option<&'static str>| StockChange::Sold {
        quantity: Quantity::from_units(1000),
        order_id: order.map(Into::into),
        customer: customer.map(Into::into),
        unit_price: None,
    };
    let ordered = |change: StockChange<'_>| Line::of(&change).unwrap().is_ordered();
    assert!(ordered(sold(Some("A"), Some("C"))));
    assert!(!ordered(sold(Some("A"), None)) && !ordered(sold(None, Some("C"))) && !ordered(sold(Some("A"), Some(""))));
}

#[test]
fn fishers_method_is_that_of_the_tables() {
    // χ² with 2k degrees of freedom: P(X ≥ 9.488) = 0.05 for k = 2, P(X ≥ 22.458) = 0.001 for k = 3.
    for (chi_squared, k, p) in [(9.488, 2.0, 0.05), (22.458, 3.0, 0.001)] {
        let each = libm::exp(-chi_squared / (2.0 * k)) as f32;
        let surprise =
            Surprise { kind: 0.5, document: None, size: each, hour: each, reason: (k == 3.0).then_some(each) };
        assert!((surprise.p_value() / (8.0 * 0.5 * p) - 1.0).abs() < 1e-3, "{}", surprise.p_value());
        let without = Surprise { document: Some(0.25), ..surprise };
        assert!((without.p_value() / p - 1.0).abs() < 1e-3);
    }
    let usual = Surprise { kind: 1.0, document: None, size: 1.0, hour: 1.0, reason: None };
    assert_eq!(usual.p_value(), 1.0);
}

#[test]
fn a_day_is_learned_when_it_closes_and_a_giant_moves_it_little() {
    let mut state = after(&[(2, 6), (2, 6), (2, 6), (2, 6)]);
    let usual = |state: &OutboundState| state.usual(Kind::Correction).unwrap();
    assert!((usual(&state) - (2.0 * 2.0 + 8.0 * 6.0) / 10.0).abs() < 1e-3, "{}", usual(&state));
    let before = usual(&state);
    state.note(&Line::of(&adjusted(-10_000)).unwrap(), 2.0);
    assert_eq!(usual(&state), before, "not before the day is over");
    state.close_day(day(5));
    assert!(usual(&state) < 1.5 * before, "{}", usual(&state));
    assert_eq!(state.usual(Kind::Scrap), None);
}

#[test]
fn a_key_that_never_names_documents_is_soon_expected_not_to() {
    let site = OutboundLevel::default();
    let share = |days: usize| after(&vec![(1, 1); days]).share_without_document(Kind::Correction, &site);
    assert_eq!(share(0), 0.5);
    assert!(share(100) > 0.8 && share(1000) > 0.8, "{}", share(1000));
}

#[test]
fn further_lines_join_and_the_rarest_is_told() {
    let mut state = OutboundState::default();
    let (small, large) = (adjusted(-5), adjusted(-50));
    let line = |change, surprise, now| Unexplained::new(&noted(Line::of(change).unwrap(), now), 2.0, surprise);
    state.add_unexplained(Mode::Active, line(&small, RARE, day(1)), 3 * DAY_MS);
    state.add_unexplained(Mode::Active, line(&large, Surprise { size: 1e-4, ..RARE }, day(2)), 3 * DAY_MS);
    state.add_unexplained(Mode::Active, line(&small, RARE, day(3)), 3 * DAY_MS);
    let lines = state.unexplained(Mode::Active).unwrap();
    assert_eq!((lines.lines, lines.total, lines.quantity), (3, Quantity::from_units(60), Quantity::from_units(50)));
    assert_eq!((lines.at, lines.last), (day(2), day(3)));
    state.note_back(&adjusted(29));
    assert!(!state.unexplained(Mode::Active).unwrap().is_settled());
    state.note_back(&adjusted(1));
    assert!(state.unexplained(Mode::Active).unwrap().is_settled(), "half has come back");
    state.add_unexplained(Mode::Active, line(&small, RARE, day(4)), 3 * DAY_MS);
    assert_eq!(state.unexplained(Mode::Active).unwrap().lines, 1, "what was settled is over");
    state.add_unexplained(Mode::Active, line(&small, RARE, day(7)), 3 * DAY_MS);
    assert_eq!(state.unexplained(Mode::Active).unwrap().lines, 1, "and so is what is long ago");
    state.close_day(day(7 + REMEMBERED_DAYS + 2));
    assert!(state.is_empty());
}

#[test]
fn a_shadow_rule_keeps_lines_of_its_own() {
    let mut state = OutboundState::default();
    let change = adjusted(-5);
    let line = |now| Unexplained::new(&noted(Line::of(&change).unwrap(), now), 2.0, RARE);
    state.add_unexplained(Mode::Active, line(day(1)), DAY_MS);
    let before = state.unexplained(Mode::Active).cloned();
    state.add_unexplained(Mode::Shadow, line(day(1)), 9 * DAY_MS);
    state.add_unexplained(Mode::Shadow, line(day(2)), 9 * DAY_MS);
    assert_eq!(state.unexplained(Mode::Active).cloned(), before);
    assert_eq!(state.unexplained(Mode::Shadow).unwrap().lines, 2);
    state.note_back(&adjusted(3));
    assert!(state.unexplained(Mode::Active).unwrap().is_settled());
    assert!(!state.unexplained(Mode::Shadow).unwrap().is_settled());
}

#[test]
fn only_its_own_document_brings_a_transfer_back() {
    let quantity = Quantity::from_units(9);
    let out = |document: Option<&'static str>| StockChange::TransferredOut {
        quantity,
        to: None,
        document: document.map(Into::into),
    };
    let back = |document: Option<&'static str>| StockChange::TransferredIn {
        quantity,
        from: None,
        document: document.map(Into::into),
    };
    for (left, came, settled) in [("T-1", Some("T-1"), true), ("T-1", Some("T-2"), false), ("", None, false)] {
        let mut state = OutboundState::default();
        let change = out(Some(left));
        let lines = Unexplained::new(&noted(Line::of(&change).unwrap(), day(1)), 2.0, RARE);
        state.add_unexplained(Mode::Active, lines, DAY_MS);
        state.note_back(&back(came));
        assert_eq!(state.unexplained(Mode::Active).unwrap().is_settled(), settled, "{left} {came:?}");
    }
}

#[test]
fn only_its_own_order_brings_a_sale_back() {
    let sold = StockChange::Sold {
        quantity: Quantity::from_units(9),
        order_id: Some("A".into()),
        customer: None,
        unit_price: None,
    };
    let returned = |order: Option<&'static str>| StockChange::Returned {
        quantity: Quantity::from_units(9),
        order_id: order.map(Into::into),
        customer: None,
        unit_price: None,
    };
    let mut state = OutboundState::default();
    state.add_unexplained(Mode::Active, Unexplained::new(&noted(Line::of(&sold).unwrap(), day(1)), 2.0, RARE), DAY_MS);
    state.note_back(&returned(Some("B")));
    state.note_back(&returned(None));
    assert_eq!(state.unexplained(Mode::Active).unwrap().back, Quantity::ZERO);
    state.note_back(&returned(Some("A")));
    assert!(state.unexplained(Mode::Active).unwrap().is_settled());
}

proptest! {
    #[test]
    fn a_state_is_read_back(days in proptest::collection::vec((0_usize..4, 1_i64..500), 0..20), open in 0_usize..3) {
        let mut state = after(&days);
        let change = adjusted(-7);
        let line = Line::of(&change).unwrap();
        for n in 0..open {
            state.note(&line, 3.0);
            for mode in [Mode::Active, Mode::Shadow].into_iter().take(n + 1) {
                state.add_unexplained(mode, Unexplained::new(&noted(line, day(n as i64)), 3.0, RARE), DAY_MS);
            }
        }
        let mut row = Vec::new();
        state.encode(&mut RowWriter::new(&mut row));
        prop_assert_eq!(OutboundState::decode(&mut RowReader::new(&row)), Ok(state));
    }

    #[test]
    fn rarer_in_any_way_is_never_more_usual(shares in proptest::array::uniform5(1e-7_f32..1.0), by in 0.01_f32..1.0, which in 0_usize..5) {
        let of = |s: [f32; 5]| {
            Surprise { kind: s[0], document: Some(s[1]), size: s[2], hour: s[3], reason: Some(s[4]) }.p_value()
        };
        let mut rarer = shares;
        rarer[which] *= by;
        prop_assert!((0.0..=1.0).contains(&of(shares)) && of(rarer) <= of(shares) * (1.0 + 1e-9));
    }
}
