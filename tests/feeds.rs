//! Silent locations through the whole pipeline: whose feed it is never shows, and every pack sees it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fmt::Write as _;

use serde_json::Value;
use support::Scratch;

/// Four weeks in June 2026, whose first is a Monday: sales every quarter of an hour from nine to nine at three shops, of
/// which the second falls silent on the 25th at noon, is heard again on the 27th, and everything ends on the 28th.
fn sales() -> String {
    let mut lines = String::new();
    for day in 1..=28 {
        for quarter in 36..84 {
            for shop in 1..=3 {
                if shop == 2 && (day == 26 || day == 25 && quarter >= 48) {
                    continue;
                }
                let at = format!("2026-06-{day:02}T{:02}:{:02}:{shop:02}Z", quarter / 4, quarter % 4 * 15);
                let (sku, id) = (format!("SKU-{}", quarter % 7), format!("{day}-{quarter}-{shop}"));
                let change = format!("{{\"type\":\"sold\",\"quantity\":1,\"order_id\":\"{id}\"}}");
                writeln!(
                    lines,
                    "{{\"event_id\":\"{id}\",\"sku\":\"{sku}\",\"location\":\"SHOP-{shop}\",\"occurred_at\":\"{at}\",\"change\":{change}}}"
                )
                .unwrap();
            }
        }
    }
    lines
}

fn feeds(alerts: &str) -> Vec<Value> {
    let lines = alerts.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.filter(|alert: &Value| alert["kind"] == "feed_stale").collect()
}

#[test]
fn a_silent_shop_is_found_on_any_number_of_partitions_and_by_every_pack() {
    let events = sales();
    let packs = ["retail", "fresh-food", "fashion"]
        .map(|pack| format!("{}/rules/src/packs/{pack}.yaml", env!("CARGO_MANIFEST_DIR")));
    for pack in packs {
        let rules = std::fs::read_to_string(&pack).unwrap();
        let scratch = Scratch::new();
        let one = scratch.replayed(&rules, &events, &[]).alerts;
        let found = feeds(&one);
        let said: Vec<(&str, &str)> =
            found.iter().map(|a| (a["scope"].as_str().unwrap(), a["state"].as_str().unwrap())).collect();
        assert_eq!(said.first(), Some(&("location|SHOP-2", "opened")), "{pack}: {said:?}");
        assert_eq!(said.last(), Some(&("location|SHOP-2", "resolved")), "{pack}: {said:?}");
        assert!(said.iter().all(|(scope, _)| *scope == "location|SHOP-2"), "{pack}: {said:?}");
        assert_eq!(found[0]["evidence"]["last_event_at"], "2026-06-25T11:45:00Z", "{pack}");
        assert_eq!((&found[0]["sku"], &found[0]["location"]), (&Value::Null, &Value::from("SHOP-2")));
        let mut sorted: Vec<&str> = one.lines().collect();
        sorted.sort_unstable();
        for partitions in ["3", "16"] {
            let many = scratch.replayed(&rules, &events, &["--partitions", partitions]).alerts;
            let mut other: Vec<&str> = many.lines().collect();
            other.sort_unstable();
            assert!(sorted == other, "{pack}: {partitions} partitions give other alerts");
        }
    }
}
