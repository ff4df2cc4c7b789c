//! Whether anything was lost: the alerts on the log against those that `replay` finds in its dump.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use schemas::{avro, topics};

use super::deployment::{Deployment, PARTITIONS};
use super::feed::text_after;

/// An alert and its revision.
type Identity = (String, String);

pub(crate) fn compare(deployment: &Deployment) -> Result<()> {
    let mut on_log = BTreeSet::new();
    let (mut count, mut fault) = (0, None);
    deployment.read(topics::ALERTS, &mut |record| match avro::decode_alert(record.value.unwrap_or_default()) {
        Ok(alert) => {
            count += 1;
            on_log.insert((alert.alert_id.to_string(), alert.revision.to_string()));
        }
        Err(error) => fault = Some(error),
    })?;
    ensure!(fault.is_none(), "an alert on the log cannot be read: {fault:?}");
    ensure!(count == on_log.len(), "{} alerts are on the log twice", count - on_log.len());
    let (dump, alerts) = (deployment.path("dump.jsonl"), deployment.path("replayed.jsonl"));
    deployment.command(&["topics", "dump", "--to", &dump])?;
    let partitions = PARTITIONS.to_string();
    deployment.command(&["replay", "--format", "log", "--partitions", &partitions, "--alerts", &alerts, &dump])?;
    let replayed = identities(&deployment.file("replayed.jsonl"))?;
    let (lost, extra) = (replayed.difference(&on_log).count(), on_log.difference(&replayed).count());
    ensure!(lost == 0 && extra == 0, "of {} alerts {lost} were lost, and {extra} should not be there", replayed.len());
    println!("  {count} alert records, the same as a replay of the log finds; no dead letters");
    Ok(())
}

fn identities(path: &Path) -> Result<BTreeSet<Identity>> {
    let failed = || format!("cannot read {}", path.display());
    let mut all = BTreeSet::new();
    for line in BufReader::new(File::open(path).with_context(failed)?).split(b'\n') {
        all.insert(identity(&line.with_context(failed)?));
    }
    Ok(all)
}

fn identity(line: &[u8]) -> Identity {
    let id = text_after(line, "\"alert_id\":\"");
    let revision: Vec<u8> = text_after(line, "\"revision\":").iter().copied().take_while(u8::is_ascii_digit).collect();
    (String::from_utf8_lossy(id).into_owned(), String::from_utf8_lossy(&revision).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_line_gives_its_identity() {
        let line = br#"{"alert_id":"7c","revision":12,"kind":"low_stock"}"#;
        assert_eq!(identity(line), ("7c".to_owned(), "12".to_owned()));
    }
}
