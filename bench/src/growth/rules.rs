//! Rule documents: the pack that ships, and as many more as are asked for, each with one rule and a scope of its own.

use crate::kafka::latency;
use crate::throughput::RULES;

/// Of the synthetic catalogue.
const GROUPS: usize = 120;
const DEPARTMENTS: usize = 12;
const SUPPLIERS: usize = 200;
const REGIONS: usize = 4;

/// So many documents; the first one is the pack, with the rule for probes.
pub(super) fn documents(count: usize) -> Vec<String> {
    (0..count).map(|n| if n == 0 { format!("{RULES}{}", latency::RULE) } else { document(n) }).collect()
}

/// Rules in them.
pub(super) fn count(documents: &[String]) -> usize {
    documents.iter().flat_map(|text| text.lines()).filter(|line| line.trim_start().starts_with("kind: ")).count()
}

/// The decision is that of the pack, so that more documents mean more to choose from, and not other alerts.
fn document(n: usize) -> String {
    let what = match n % 3 {
        0 => "kind: demand_surge\n    false_alarms_per_1000_sku_days: 0.5",
        1 => "kind: low_stock\n    threshold: { type: dynamic, service_level: 0.95 }",
        _ => "kind: stock_out",
    };
    format!("version: 1\nid: growth-{n:05}\nrules:\n  - id: rule\n    {what}\n    scope: {}\n", scope(n / 3))
}

/// Some of each kind, as chains write them: a group of items in a region, a supplier at a shop, a department at a few
/// shops, a tag at a shop.
fn scope(n: usize) -> String {
    let shop = |n: usize| crate::catalog::place_name((n % super::LOCATIONS as usize) as u32);
    match n % 4 {
        0 => format!(
            "{{ category: department-{}/group-{}, region: region-{} }}",
            n % GROUPS % DEPARTMENTS,
            n % GROUPS,
            n / 4 % REGIONS
        ),
        1 => format!("{{ supplier: SUPPLIER-{:03}, location: {} }}", n % SUPPLIERS, shop(n / 4)),
        2 => format!("{{ category: department-{}, location: [{}, {}] }}", n % DEPARTMENTS, shop(n), shop(n + 7)),
        _ => format!("{{ tag: core, location: {} }}", shop(n / 4)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_can_be_taken_into_force() {
        let documents = documents(1000);
        for text in &documents {
            ::rules::ruleset::parse("document", text).unwrap();
        }
        assert_eq!(count(&documents[1..]), 999);
        assert_eq!(count(&documents), 999 + count(&documents[..1]));
    }
}
