//! The locations from which nothing is heard although something should be.

use std::collections::BTreeMap;

use schemas::row::{RowError, RowReader, RowWriter};

/// By location, how many more owners have said "blind" than "heard again": usually nobody, else 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Blind(BTreeMap<String, i64>);

impl Blind {
    pub(super) fn apply(&mut self, location: &str, by: i64) {
        let said = self.0.entry(location.to_owned()).or_default();
        *said = said.saturating_add(by);
        if *said == 0 {
            self.0.remove(location);
        }
    }

    pub(super) fn has(&self, location: &str) -> bool {
        !self.0.is_empty() && self.0.get(location).is_some_and(|said| *said > 0)
    }

    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        w.unsigned(self.0.len() as u64);
        for (location, said) in &self.0 {
            w.text(location);
            w.signed(*said);
        }
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let mut blind = Self::default();
        for _ in 0..r.unsigned()? {
            let location = r.text()?.to_owned();
            blind.0.insert(location, r.signed()?);
        }
        Ok(blind)
    }
}
