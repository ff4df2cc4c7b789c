use std::collections::BTreeMap;

use proptest::prelude::*;
use schemas::row::{RowReader, RowWriter};
use schemas::time::{DAY_MS, HOUR_MS};
use schemas::{Day, InventoryEvent, Quantity, StockChange, Timestamp};

use super::*;

fn units(n: i64) -> Quantity {
    Quantity::from_units(n)
}

fn hour(n: i64) -> Timestamp {
    Timestamp::from_millis(n * HOUR_MS)
}

fn event(at: Timestamp, change: StockChange<'_>) -> InventoryEvent<'_> {
    InventoryEvent {
        event_id: "e".into(),
        sku: "SKU-1".into(),
        location: "STORE-7".into(),
        occurred_at: at,
        source: None,
        change,
    }
}

fn sold(n: i64, order: &str) -> StockChange<'_> {
    StockChange::Sold { quantity: units(n), order_id: Some(order.into()), customer: None, unit_price: None }
}

fn cancelled(n: i64, order: &str) -> StockChange<'_> {
    StockChange::SaleCancelled { quantity: units(n), order_id: Some(order.into()), customer: None, unit_price: None }
}

fn received(n: i64, po: &str) -> StockChange<'_> {
    StockChange::Received { quantity: units(n), po_id: Some(po.into()), supplier: None }
}

fn balance(n: i64) -> StockChange<'static> {
    StockChange::BalanceObserved { on_hand: units(n) }
}

fn counted(n: i64, book: Option<i64>) -> StockChange<'static> {
    StockChange::Counted { counted: units(n), book: book.map(units), document: None }
}

fn fold<'a>(state: &mut PositionState, changes: impl IntoIterator<Item = StockChange<'a>>) -> StockEffect {
    let place = Place::unknown("STORE-7");
    let mut effect = StockEffect::none(hour(0));
    for (i, change) in changes.into_iter().enumerate() {
        effect = state.fold(&event(hour(i as i64), change), &place);
    }
    effect
}

fn after<'a>(changes: impl IntoIterator<Item = StockChange<'a>>) -> PositionState {
    let mut state = PositionState::default();
    fold(&mut state, changes);
    state
}

#[test]
fn on_hand_is_unknown_until_it_is_told_and_unknown_is_not_zero() {
    let state = after([received(5, "po"), sold(9, "a")]);
    assert_eq!((state.on_hand(), state.available(), state.inventory_position(hour(9), None)), (None, None, None));
    assert!(!state.is_out() && !state.suspect());
    assert_eq!(after([sold(9, "a"), balance(3), sold(1, "b")]).on_hand(), Some(units(2)));
}

#[test]
fn a_sale_fulfils_its_reservation() {
    let reserved = |n, order: &'static str| StockChange::Reserved { quantity: units(n), order_id: order.into() };
    let mut state = after([balance(10), reserved(3, "a"), reserved(2, "b")]);
    assert_eq!((state.reserved(), state.available()), (units(5), Some(units(5))));
    fold(&mut state, [sold(2, "a"), sold(2, "c")]);
    assert_eq!((state.reserved(), state.available()), (units(3), Some(units(3))));
    fold(&mut state, [StockChange::Released { quantity: units(2), order_id: "b".into() }]);
    assert_eq!(state.reserved(), units(1));
    let expiry = state.next_expiry().unwrap();
    assert_eq!(expiry, hour(1).plus_ms(RESERVATION_LIFE_MS));
    assert_eq!(state.expire_reservations(expiry.minus_ms(1)), units(0));
    assert_eq!(state.expire_reservations(expiry), units(1));
    assert_eq!((state.reserved(), state.next_expiry()), (units(0), None));
}

#[test]
fn orders_count_until_they_come_or_are_cancelled() {
    let ordered = |n, po: &'static str| StockChange::Ordered {
        quantity: units(n),
        po_id: po.into(),
        supplier: None,
        expected_at: Some(hour(48)),
    };
    let order_cancelled =
        |n: Option<i64>, po: &'static str| StockChange::OrderCancelled { quantity: n.map(units), po_id: po.into() };
    let mut state = after([balance(1), ordered(10, "a"), ordered(20, "b"), received(4, "a"), received(7, "other")]);
    assert_eq!((state.on_order(), state.on_hand()), (units(26), Some(units(12))));
    assert_eq!(state.inventory_position(hour(40), None), Some(units(38)));
    assert_eq!((state.overdue(hour(48), None), state.overdue(hour(49), None)), (units(0), units(26)));
    fold(&mut state, [order_cancelled(Some(5), "b"), order_cancelled(None, "a")]);
    assert_eq!(state.on_order(), units(15));
}

#[test]
fn a_balance_sets_on_hand_and_the_difference_is_unexplained() {
    let mut state = after([balance(10), sold(2, "a")]);
    let effect = fold(&mut state, [balance(5)]);
    assert_eq!((state.on_hand(), effect.unexplained, effect.demand), (Some(units(5)), units(-3), units(0)));
    assert_eq!(fold(&mut PositionState::default(), [balance(5)]).unexplained, units(0), "there was no book");
}

#[test]
fn a_count_keeps_the_movements_since_its_book_was_frozen() {
    // Book frozen at 10, then 2 sold, then the count of 9 is entered: one was missing.
    let mut state = after([balance(10), sold(2, "a")]);
    let effect = fold(&mut state, [counted(9, Some(10))]);
    assert_eq!((state.on_hand(), effect.variance), (Some(units(7)), Some(units(-1))));
    assert_eq!((effect.unexplained, effect.demand), (units(0), units(0)));
    let effect = fold(&mut state, [counted(3, None)]);
    assert_eq!((state.on_hand(), effect.variance, effect.unexplained), (Some(units(3)), None, units(-4)));
    assert_eq!(after([counted(4, Some(9))]).on_hand(), Some(units(4)), "nothing was known before");
}

#[test]
fn a_negative_book_is_suspect_until_somebody_looks() {
    let mut state = after([balance(1), sold(3, "a")]);
    assert!(state.suspect() && state.is_out());
    fold(&mut state, [received(5, "po")]);
    assert!(state.suspect(), "a receipt explains nothing");
    fold(&mut state, [balance(3)]);
    assert!(!state.suspect());
}

#[test]
fn only_sales_are_demand_but_a_warehouse_supplies_its_stores() {
    let place = |warehouse| Place { warehouse, ..Place::unknown("X") };
    let out = StockChange::TransferredOut { quantity: units(4), to: None, document: None };
    let effect = |change, warehouse| PositionState::default().fold(&event(hour(0), change), &place(warehouse));
    assert_eq!(effect(out.clone(), false).demand, units(0));
    let dependent = effect(out, true);
    assert_eq!((dependent.demand, dependent.lines, dependent.dependent), (units(4), 0, true));
    for change in [
        StockChange::Returned { quantity: units(1), order_id: None, customer: None, unit_price: None },
        StockChange::Adjusted { quantity: units(-1), reason: None, document: None },
        StockChange::Scrapped { quantity: units(1), reason: None, document: None },
        StockChange::TransferredIn { quantity: units(1), from: None, document: None },
        balance(7),
    ] {
        assert_eq!((effect(change.clone(), true).demand, effect(change, false).lines), (units(0), 0));
    }
}

#[test]
fn a_cancellation_carries_the_instant_of_its_sale() {
    let mut state = after([balance(10), sold(4, "a")]);
    let effect = state.fold(&event(hour(20), cancelled(1, "a")), &Place::unknown("X"));
    assert_eq!((effect.demand, effect.lines, effect.demand_at), (units(-1), 0, hour(1)));
    let effect = state.fold(&event(hour(22), cancelled(3, "a")), &Place::unknown("X"));
    assert_eq!((effect.demand, effect.lines, effect.demand_at), (units(-3), -1, hour(1)));
    let unknown = state.fold(&event(hour(23), cancelled(2, "z")), &Place::unknown("X"));
    assert_eq!((unknown.demand, unknown.lines, unknown.demand_at), (units(-2), -1, hour(23)));
    assert_eq!(state.on_hand(), Some(units(12)), "the units are there again in each case");
}

#[test]
fn lots_leave_first_expired_first_and_never_exceed_on_hand() {
    let lot = |n, lot: &'static str, day| StockChange::LotReceived {
        quantity: units(n),
        lot: lot.into(),
        expires_on: Some(Day(day)),
        po_id: None,
        supplier: None,
    };
    let left = |state: &PositionState| -> Vec<(String, Quantity)> {
        state.lots().iter().map(|l| (l.lot.to_string(), l.quantity)).collect()
    };
    let mut state = after([balance(0), lot(5, "late", 30), lot(5, "early", 10), sold(6, "a")]);
    assert_eq!((left(&state), state.on_hand()), (vec![("late".into(), units(4))], Some(units(4))));
    fold(&mut state, [counted(1, None)]);
    assert_eq!(left(&state), [("late".into(), units(1))]);
}

/// Everything recomputed from all changes, the slow way.
#[derive(Default)]
struct Naive {
    on_hand: Option<i64>,
    suspect: bool,
    reserved: BTreeMap<String, i64>,
    on_order: BTreeMap<String, i64>,
}

fn take(from: &mut BTreeMap<String, i64>, key: &str, n: i64) {
    if let Some(held) = from.get_mut(key) {
        *held -= n.min(*held);
    }
}

impl Naive {
    fn of(changes: &[StockChange<'_>]) -> Self {
        let mut naive = Self::default();
        for change in changes {
            naive.fold(change);
        }
        naive
    }

    fn move_by(&mut self, n: i64) {
        self.on_hand = self.on_hand.map(|on_hand| on_hand + n);
        self.suspect |= self.on_hand.is_some_and(|on_hand| on_hand < 0);
    }

    fn set(&mut self, n: i64) {
        self.on_hand = Some(n);
        self.suspect = n < 0;
    }

    fn fold(&mut self, change: &StockChange<'_>) {
        match change {
            StockChange::Sold { quantity: q, order_id, .. } => {
                self.move_by(-q.thousandths());
                take(&mut self.reserved, order_id.as_deref().unwrap_or(""), q.thousandths());
            }
            StockChange::SaleCancelled { quantity: q, .. }
            | StockChange::Returned { quantity: q, .. }
            | StockChange::TransferredIn { quantity: q, .. }
            | StockChange::Adjusted { quantity: q, .. } => self.move_by(q.thousandths()),
            StockChange::TransferredOut { quantity: q, .. } | StockChange::Scrapped { quantity: q, .. } => {
                self.move_by(-q.thousandths());
            }
            StockChange::Received { quantity: q, po_id, .. } | StockChange::LotReceived { quantity: q, po_id, .. } => {
                self.move_by(q.thousandths());
                take(&mut self.on_order, po_id.as_deref().unwrap_or(""), q.thousandths());
            }
            StockChange::Counted { counted, book: Some(book), .. } => {
                let variance = counted.thousandths() - book.thousandths();
                self.set(self.on_hand.map_or(counted.thousandths(), |on_hand| on_hand + variance));
            }
            StockChange::Counted { counted: q, book: None, .. } | StockChange::BalanceObserved { on_hand: q } => {
                self.set(q.thousandths());
            }
            StockChange::Reserved { quantity: q, order_id } => {
                *self.reserved.entry(order_id.to_string()).or_default() += q.thousandths();
            }
            StockChange::Released { quantity: q, order_id } => take(&mut self.reserved, order_id, q.thousandths()),
            StockChange::Ordered { quantity: q, po_id, .. } => {
                *self.on_order.entry(po_id.to_string()).or_default() += q.thousandths();
            }
            StockChange::OrderCancelled { quantity, po_id } => {
                take(&mut self.on_order, po_id, quantity.map_or(i64::MAX, Quantity::thousandths));
            }
        }
    }
}

fn any_change() -> impl Strategy<Value = StockChange<'static>> {
    let quantity = (0_i64..20_000).prop_map(Quantity::from_thousandths);
    (0..15_u8, quantity, 0..4_usize, proptest::option::of(0_i64..9000)).prop_map(|(kind, quantity, id, other)| {
        let name = ["a", "b", "c", "d"][id];
        let (order_id, po_id, lot) = (name.into(), name.into(), name.into());
        let other = other.map(Quantity::from_thousandths);
        let (customer, unit_price, document, supplier) = (None, None, None, None);
        match kind {
            0 | 1 => StockChange::Sold { quantity, order_id: Some(order_id), customer, unit_price },
            2 => StockChange::SaleCancelled { quantity, order_id: Some(order_id), customer, unit_price },
            3 => StockChange::Returned { quantity, order_id: None, customer, unit_price },
            4 => StockChange::Received { quantity, po_id: Some(po_id), supplier },
            5 => StockChange::TransferredIn { quantity, from: None, document },
            6 => StockChange::TransferredOut { quantity, to: None, document },
            7 => StockChange::Adjusted { quantity: -quantity, reason: None, document },
            8 => StockChange::Counted { counted: quantity, book: other, document },
            9 => StockChange::Scrapped { quantity, reason: None, document },
            10 => StockChange::Reserved { quantity, order_id },
            11 => StockChange::Released { quantity, order_id },
            12 => StockChange::Ordered { quantity, po_id, supplier, expected_at: None },
            13 => StockChange::OrderCancelled { quantity: other, po_id },
            _ => StockChange::LotReceived { quantity, lot, expires_on: Some(Day(id as i32)), po_id: None, supplier },
        }
    })
}

proptest! {
    #[test]
    fn the_fold_equals_the_naive_model_and_survives_its_row(
        changes in proptest::collection::vec(any_change(), 0..60),
        told_at in 0_usize..60,
    ) {
        let place = Place::unknown("STORE-7");
        let mut changes = changes;
        changes.insert(told_at.min(changes.len()), balance(50));
        let mut state = PositionState::default();
        for (i, change) in changes.iter().enumerate() {
            state.fold(&event(hour(i as i64), change.clone()), &place);
            let naive = Naive::of(&changes[..=i]);
            prop_assert_eq!(state.on_hand().map(Quantity::thousandths), naive.on_hand);
            let doubt = state.doubt().map(|d| d.fault);
            prop_assert!(!naive.suspect || doubt.is_some());
            prop_assert!(naive.suspect || doubt != Some(Fault::BelowZero));
            prop_assert_eq!(state.reserved().thousandths(), naive.reserved.values().sum::<i64>());
            prop_assert_eq!(state.on_order().thousandths(), naive.on_order.values().sum::<i64>());
            let mut row = Vec::new();
            state.encode(&mut RowWriter::new(&mut row));
            let read = PositionState::decode(&mut RowReader::new(&row), 2);
            prop_assert_eq!(read.as_ref(), Ok(&state));
        }
    }

    #[test]
    fn what_a_sale_does_its_cancellation_undoes(before in 0_i64..9, quantity in 1_i64..9, parts in 1_i64..4) {
        let mut state = after([balance(before)]);
        let untouched = state.on_hand();
        let place = Place::unknown("STORE-7");
        let sale = state.fold(&event(hour(5), sold(quantity * parts, "a")), &place);
        let mut sum = (sale.demand, sale.lines);
        for part in 0..parts {
            let back = state.fold(&event(hour(6 + part), cancelled(quantity, "a")), &place);
            prop_assert_eq!(back.demand_at, hour(5));
            sum = (sum.0 + back.demand, sum.1 + back.lines);
        }
        prop_assert_eq!(sum, (Quantity::ZERO, 0));
        prop_assert_eq!(state.on_hand(), untouched);
        state.close_day(Timestamp::from_millis(9 * DAY_MS));
        prop_assert!((state.suspect() || state.ledger.is_none()) && state.sales.is_none());
    }
}
