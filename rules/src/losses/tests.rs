use proptest::prelude::*;

use super::*;
use crate::special::count_tail;

fn units(n: i64) -> Quantity {
    Quantity::from_units(n)
}

fn at(day: i64) -> Timestamp {
    Timestamp::from_millis((20_000 + day) * DAY_MS)
}

fn count(state: &mut LossState, day: i64, book: i64, counted: i64) -> Counted {
    let key = Handling { days_known: day as i32, velocity_per_day: 2.0 };
    state.count(at(day), units(book), units(book - counted), key, &WriteOffs::default())
}

/// Closes day after day; on those of `losses` one unit goes missing.
fn days(state: &mut LossState, from: i64, until: i64, losses: impl Fn(i64) -> i64) {
    for day in from..until {
        state.record(units(losses(day)));
        state.close_day(Day(20_000 + day as i32), at(day + 1), true, day as i32, &WriteOffs::default());
    }
}

fn read_back(state: &LossState) -> LossState {
    let mut row = Vec::new();
    state.encode(&mut RowWriter::new(&mut row));
    LossState::decode(&mut RowReader::new(&row)).unwrap()
}

#[test]
fn a_shortfall_is_held_against_what_was_handled() {
    let mut state = LossState::default();
    // Book 60 and two a day over 70 days: 200 handled, of which 1 % is usual; variance ÷ mean 3.
    let counted = count(&mut state, 70, 60, 50);
    assert_eq!((counted.handled, counted.missing), (200.0, units(10)));
    let shortfall = *state.shortfall().unwrap();
    assert!((shortfall.expected() - 2.0).abs() < 1e-6);
    assert!((shortfall.p_value(units(10)) - count_tail(10.0, 2.0, 6.0)).abs() < 1e-6);
    assert!((0.005..0.02).contains(&shortfall.p_value(units(10))), "{}", shortfall.p_value(units(10)));
    assert_eq!(shortfall.p_value(units(1)), 1.0);
    // The next count knows of it: (10 + 200 × 1 %) ÷ (200 + 200).
    count(&mut state, 80, 30, 29);
    let shortfall = state.shortfall().unwrap();
    assert_eq!((shortfall.days, shortfall.handled()), (10, 50.0));
    assert!((shortfall.usual_share() - 12.0 / 400.0).abs() < 1e-4, "{}", shortfall.usual_share());
}

#[test]
fn what_turns_up_again_is_missing_no_more() {
    let mut state = LossState::default();
    count(&mut state, 70, 60, 50);
    state.record(units(-7));
    assert_eq!(state.shortfall().unwrap().remaining(), units(3));
    state.record(units(-7));
    assert_eq!(state.shortfall().unwrap().remaining(), units(0));
    count(&mut state, 71, 60, 61);
    assert_eq!(state.shortfall(), None);
}

#[test]
fn one_a_day_is_a_bleed_and_one_a_year_is_not() {
    let mut state = LossState::default();
    days(&mut state, 0, 400, |day| i64::from(day == 100));
    assert_eq!((state.bleed(), state.earlier_loss_days), (None, 1));
    days(&mut state, 400, 410, |day| i64::from(day >= 405));
    let bleed = *state.bleed().unwrap();
    assert_eq!((bleed.since, bleed.loss_days, bleed.units), (Day(20_405), 5, units(5)));
    assert!((bleed.usual_share() - 1.3 / 465.0).abs() < 1e-6, "{}", bleed.usual_share());
    days(&mut state, 410, 420, |_| 0);
    assert_eq!((state.bleed(), state.earlier_loss_days), (None, 1), "a bleed is not the usual");
}

#[test]
fn corrections_both_ways_are_no_bleed() {
    let mut state = LossState::default();
    days(&mut state, 0, 100, |day| if day % 2 == 0 { 1 } else { -1 });
    assert!(state.bleed().is_none());
}

#[test]
fn days_on_which_nothing_could_be_lost_are_no_quiet_days() {
    let mut state = LossState::default();
    days(&mut state, 0, 2, |_| 1);
    for day in 2..12 {
        state.close_day(Day(20_000 + day), at(i64::from(day) + 1), false, day, &WriteOffs::default());
    }
    assert_eq!(state.bleed().unwrap().quiet_days, 0);
}

proptest! {
    #[test]
    fn a_restored_state_goes_on_as_if_nothing_had_happened(
        steps in proptest::collection::vec((0_u8..4, -3_i64..9), 1..80), cut in 0_usize..80,
    ) {
        let (mut live, mut restored) = (LossState::default(), LossState::default());
        for (day, (kind, n)) in steps.into_iter().enumerate() {
            let day = day as i64;
            for state in [&mut live, &mut restored] {
                match kind {
                    0 => drop(count(state, day, 20, 20 - n)),
                    1 => state.record(units(n)),
                    _ => days(state, day, day + 1, |_| n.max(0)),
                }
            }
            if day as usize == cut {
                restored = read_back(&restored);
            }
        }
        prop_assert_eq!(read_back(&live), restored);
    }

    #[test]
    fn more_missing_is_never_less_surprising(book in 1_i64..5000, missing in 1_i64..300, more in 1_i64..300) {
        let mut state = LossState::default();
        count(&mut state, 90, book, book - missing);
        let shortfall = state.shortfall().unwrap();
        let (p, less) = (shortfall.p_value(units(missing)), shortfall.p_value(units(missing + more)));
        prop_assert!((0.0..=1.0).contains(&p) && less <= p, "{} then {}", p, less);
    }
}
