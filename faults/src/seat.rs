//! An instance of the product over all its lives: its name, its state directory and its log outlive
//! every process of it. What it restored is read in its log, which survives its end.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;
use test_services::service::Service;

/// One partition was brought up to date.
pub(crate) struct Restored {
    /// As the log writes it: later is greater.
    pub(crate) at: String,
    pub(crate) partition: i32,
    /// Where its input stood. At zero there may be no store yet: its first flush is still to come.
    position: i64,
    pub(crate) records: u64,
    pub(crate) full: bool,
}

pub(crate) struct Seat {
    pub(crate) command: &'static str,
    pub(crate) service: Option<Service>,
    log: PathBuf,
    read: u64,
    /// Stores it has.
    stores: BTreeSet<i32>,
    /// Stores that were broken on purpose: they may be rebuilt.
    excused: BTreeSet<i32>,
}

impl Seat {
    pub(crate) fn new(command: &'static str, service: Service) -> Self {
        let log = service.log().to_owned();
        Self { command, service: Some(service), log, read: 0, stores: BTreeSet::new(), excused: BTreeSet::new() }
    }

    pub(crate) fn is_process(&self) -> bool {
        self.command == "process"
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.service.as_mut().is_some_and(Service::is_running)
    }

    /// The store of this partition was taken away or damaged.
    pub(crate) fn excuse(&mut self, partition: i32) {
        self.excused.insert(partition);
    }

    pub(crate) fn forgive_no_more(&mut self) {
        self.excused.clear();
    }

    /// Restores since this was asked last; and those that were full although there was a store (invariant I6).
    pub(crate) fn restores(&mut self) -> Result<(Vec<Restored>, Vec<i32>)> {
        let restored: Vec<Restored> = self.news()?.lines().filter_map(of_line).collect();
        let mut unasked = Vec::new();
        for Restored { partition, position, full, .. } in &restored {
            let kept = match self.command {
                // One instance that never moves: its stores are there from the beginning.
                "ingest" => true,
                _ => self.stores.contains(partition),
            };
            if *full && kept && !self.excused.remove(partition) {
                unasked.push(*partition);
            }
            if *position > 0 {
                self.stores.insert(*partition);
            }
        }
        Ok((restored, unasked))
    }

    fn news(&mut self) -> Result<String> {
        let failed = || format!("cannot read {}", self.log.display());
        let mut file = File::open(&self.log).with_context(failed)?;
        file.seek(SeekFrom::Start(self.read)).with_context(failed)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).with_context(failed)?;
        // The last line may still be being written.
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.read += whole as u64;
        Ok(String::from_utf8_lossy(&text[..whole]).into_owned())
    }
}

fn of_line(line: &str) -> Option<Restored> {
    let line: Value = serde_json::from_str(line).ok().filter(|line: &Value| line["message"] == "restored")?;
    Some(Restored {
        at: line["timestamp"].as_str()?.to_owned(),
        partition: i32::try_from(line["partition"].as_i64()?).ok()?,
        position: line["position"].as_i64()?,
        records: line["records"].as_u64()?,
        full: line["full"].as_bool()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restore_is_read_from_its_log_line() {
        let line = r#"{"timestamp":"2026-01-01T00:00:00Z","level":"INFO","message":"restored","partition":3,"position":9,"records":12,"full":true}"#;
        let restored = of_line(line).unwrap();
        assert_eq!((restored.partition, restored.position, restored.records, restored.full), (3, 9, 12, true));
        assert!(of_line(r#"{"message":"running"}"#).is_none());
    }
}
