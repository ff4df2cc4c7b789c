use schemas::{StockChange, Timestamp, Zone};

use super::*;
use crate::environment::Moment;
use crate::place::Place;
use crate::ruleset::{RuleBook, parse};
use crate::site::SiteLevel;

const KEY: Key<'static> = Key { sku: "A", location: "S" };

/// A source has yet to be heard of, so that stream time has not begun, when a rule arrives for a key that has.
#[test]
fn before_stream_time_begins_alerts_still_have_a_time() {
    let text = "{version: 1, id: d, rules: [{id: r, kind: low_stock, threshold: {type: fixed, quantity: 9}}]}";
    let (none, rules) = (RuleBook::empty(), RuleBook::from_documents(&[parse("d", text).unwrap()]));
    let (item, place, site) = (Item::unknown("A"), Place::unknown("S"), SiteLevel::default());
    let now = Moment { stream_time: Timestamp::MIN, closed_before: Timestamp::MIN };
    let env = |rules| Environment { rules, item: &item, place: &place, site: &site, now };
    let at = Timestamp::parse("2026-11-02T10:00:00Z").unwrap();
    let event = InventoryEvent {
        event_id: "1".into(),
        sku: "A".into(),
        location: "S".into(),
        occurred_at: at,
        source: None,
        change: StockChange::BalanceObserved { on_hand: schemas::Quantity::from_units(3) },
    };
    let mut state = KeyState::first_seen(at, &Zone::UTC);
    let mut out = Vec::new();
    apply(&env(&none), KEY, &mut state, &event, &mut SiteSums::default(), &mut out);
    on_environment_change(&env(&rules), KEY, &mut state, Timestamp::MIN, &mut out);
    on_environment_change(&env(&none), KEY, &mut state, Timestamp::MIN, &mut out);
    let lines: Vec<_> = out.iter().map(|a| (a.state.name(), a.occurred_at.to_string())).collect();
    assert_eq!(lines, [("opened", "2026-11-02T00:00:00Z".into()), ("expired", "2026-11-02T00:00:00Z".into())]);
    assert!(out.iter().all(|a| a.detected_at == a.occurred_at && a.opened_at == a.occurred_at));
}
