//! Alerts by what makes them unique: those on the log, and those that `replay` finds in its dump.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use processor::ports::LogReader;
use schemas::{avro, topics};

use crate::feed::text_after;
use crate::log;

/// An alert and its revision.
pub type Identity = (String, String);

/// Every alert that committed readers see, and how many records say it: as many, when none is there twice.
pub fn on_log(reader: &mut dyn LogReader) -> Result<(BTreeSet<Identity>, usize)> {
    let (mut seen, mut count, mut fault) = (BTreeSet::new(), 0, None);
    log::read(reader, topics::ALERTS, &mut |record| match avro::decode_alert(record.value.unwrap_or_default()) {
        Ok(alert) => {
            count += 1;
            seen.insert((alert.alert_id.to_string(), alert.revision.to_string()));
        }
        Err(error) => fault = Some(error),
    })?;
    ensure!(fault.is_none(), "an alert on the log cannot be read: {fault:?}");
    Ok((seen, count))
}

/// The alerts of a replay's output.
pub fn identities(path: &Path) -> Result<BTreeSet<Identity>> {
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
