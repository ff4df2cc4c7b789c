//! Whether engines alert alike: by SKU and location, the instants at which `low_stock` opened and resolved, in order.
//!
//! What only `process` has to say (that an open alert became more severe) is left out. Ids differ by design.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use schemas::{AlertKind, AlertState, Mode, avro};

use super::engine::Engine;
use crate::kafka::deployment::Deployment;

type Key = (String, String);
/// What an alert came to, and when, in milliseconds of event time.
type Step = (&'static str, i64);
type Alerts = BTreeMap<Key, Vec<Step>>;

/// How many differences are worth reading.
const SHOWN: usize = 5;

/// Every engine against the first; fails, with the first differences, where one is different.
pub(super) fn alerts(deployment: &Deployment, engines: &[Engine]) -> Result<()> {
    let Some((first, others)) = engines.split_first() else { return Ok(()) };
    let expected = read(deployment, first)?;
    let steps: usize = expected.values().map(Vec::len).sum();
    for engine in others {
        let found = read(deployment, engine)?;
        let differences = differences(&expected, &found);
        if !differences.is_empty() {
            // Who is right? A replay of the log knows what ours should have been.
            deployment.compare_with_replay()?;
            let shown = differences.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n  ");
            bail!(
                "the alerts of {} are not those of {}, which are those of a replay: {} of {} positions differ, such as\n  {shown}",
                engine.name,
                first.name,
                differences.len(),
                expected.len()
            );
        }
        println!("  {}: the same {steps} openings and resolutions at {} positions", engine.name, expected.len());
    }
    Ok(())
}

fn read(deployment: &Deployment, engine: &Engine) -> Result<Alerts> {
    let (mut alerts, mut fault) = (Alerts::new(), None);
    deployment.read(engine.alerts, &mut |record| match avro::decode_alert(record.value.unwrap_or_default()) {
        Ok(alert) => {
            let state = match alert.state {
                AlertState::Opened => "opened",
                AlertState::Resolved => "resolved",
                _ => return,
            };
            if alert.kind == AlertKind::LowStock && alert.mode == Mode::Active {
                let key = (alert.sku.unwrap_or_default(), alert.location.unwrap_or_default());
                alerts.entry(key).or_default().push((state, alert.occurred_at.millis()));
            }
        }
        Err(error) => fault = Some(error),
    })?;
    match fault {
        Some(error) => bail!("an alert of {} cannot be read: {error:?}", engine.name),
        None => Ok(alerts),
    }
}

fn differences(expected: &Alerts, found: &Alerts) -> Vec<String> {
    let mut keys: Vec<&Key> = expected.keys().chain(found.keys().filter(|key| !expected.contains_key(*key))).collect();
    keys.sort();
    keys.into_iter().filter(|key| expected.get(*key) != found.get(*key)).map(|key| show(key, expected, found)).collect()
}

/// From the first step that differs on.
fn show(key: &Key, expected: &Alerts, found: &Alerts) -> String {
    let none = Vec::new();
    let (expected, found) = (expected.get(key).unwrap_or(&none), found.get(key).unwrap_or(&none));
    let same = expected.iter().zip(found).take_while(|(a, b)| a == b).count();
    format!(
        "{} at {}, after {same} alike: expected {:?}, found {:?}",
        key.0,
        key.1,
        expected[same..].iter().take(2).collect::<Vec<_>>(),
        found[same..].iter().take(2).collect::<Vec<_>>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alerts(steps: &[(&str, Step)]) -> Alerts {
        let mut alerts = Alerts::new();
        for (sku, step) in steps {
            alerts.entry(((*sku).to_owned(), "L".to_owned())).or_default().push(*step);
        }
        alerts
    }

    #[test]
    fn a_missing_an_extra_and_a_late_alert_are_found() {
        let expected =
            alerts(&[("a", ("opened", 1)), ("a", ("resolved", 2)), ("b", ("opened", 3)), ("c", ("opened", 4))]);
        let found = alerts(&[("a", ("opened", 1)), ("b", ("opened", 5)), ("c", ("opened", 4)), ("d", ("opened", 6))]);
        assert!(differences(&expected, &expected).is_empty());
        let found = differences(&expected, &found);
        assert_eq!(found.len(), 3);
        assert_eq!(found[0], "a at L, after 1 alike: expected [(\"resolved\", 2)], found []");
    }
}
