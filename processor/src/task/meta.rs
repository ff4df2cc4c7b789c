//! The `__meta` row: what a partition must know to go on where its last transaction ended.
//!
//! It travels in the changelog in the same transaction as the rows it describes. Restore compares
//! its position with the group's committed offset, and so *proves* that it has everything.

use schemas::Timestamp;
use schemas::row::{RowError, RowReader, RowWriter};

use super::switches::{Applied, Run};
use crate::source_clock::SourceClock;

const VERSION: u8 = 3;

/// One partition's position in its inputs and in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Identity of the input topic, empty where nobody told: one that was deleted and created again
    /// has another.
    pub input_id: String,
    /// Next input offset.
    pub position: i64,
    /// Stream time up to which decisions were made.
    pub stream_time: Timestamp,
    /// Stream time by the source clocks; ahead of `stream_time` while an epoch is awaited.
    pub clock_time: Timestamp,
    pub grace_ms: i64,
    pub(crate) clocks: Vec<SourceClock>,
    pub epoch: Option<i64>,
    /// Aggregates are applied through this epoch.
    pub applied_through: i64,
    /// Present when the record at `position` is half-way. Then these broadcast records, (topic, offset),
    /// take effect on the way; others that have come since do not.
    pub(crate) underway: Option<Vec<(String, i64)>>,
    /// Half-way means that timers have fired before the record, and more are to; otherwise, that its epoch
    /// was entered, the sums published, the aggregates not applied yet.
    pub(crate) sweeping: bool,
    /// The broadcast records that have taken effect, in order.
    pub(crate) applied: Applied,
}

impl Meta {
    /// The row's key in the changelog.
    pub const KEY: &[u8] = super::META_KEY;

    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut w = RowWriter::new(out);
        w.u8(VERSION);
        w.text(&self.input_id);
        w.signed(self.position);
        w.time(self.stream_time);
        w.time(self.clock_time);
        w.signed(self.grace_ms);
        w.unsigned(self.clocks.len() as u64);
        for clock in &self.clocks {
            w.text(&clock.source);
            w.signed(i64::from(clock.source_partition));
            w.option(clock.time, RowWriter::time);
            w.u8(u8::from(clock.silent));
            w.signed(clock.grace_ms);
        }
        w.option(self.epoch, RowWriter::signed);
        w.signed(self.applied_through);
        w.option(self.underway.as_ref(), |w, records| {
            w.unsigned(records.len() as u64);
            for (topic, offset) in records {
                w.text(topic);
                w.signed(*offset);
            }
        });
        w.unsigned(self.applied.len() as u64);
        for (topic, runs) in &self.applied {
            w.text(topic);
            w.unsigned(runs.len() as u64);
            for run in runs {
                w.signed(run.first);
                w.signed(run.last - run.first);
            }
        }
        w.u8(u8::from(self.sweeping));
    }

    pub fn decode(row: &[u8]) -> Result<Self, RowError> {
        let mut r = RowReader::new(row);
        let version = r.u8()?;
        if version > VERSION {
            return Err(RowError::TooNew { found: version, newest: VERSION });
        }
        Ok(Self {
            input_id: if version >= 2 { r.text()?.to_owned() } else { String::new() },
            position: r.signed()?,
            stream_time: r.time()?,
            clock_time: r.time()?,
            grace_ms: r.signed()?,
            clocks: read_clocks(&mut r)?,
            epoch: r.option(RowReader::signed)?,
            applied_through: r.signed()?,
            underway: r.option(read_underway)?,
            applied: read_applied(&mut r)?,
            sweeping: version >= 3 && r.u8()? != 0,
        })
    }
}

fn read_clocks(r: &mut RowReader<'_>) -> Result<Vec<SourceClock>, RowError> {
    let mut clocks = Vec::new();
    for _ in 0..r.unsigned()? {
        clocks.push(SourceClock {
            source: r.text()?.to_owned(),
            source_partition: i32::try_from(r.signed()?).map_err(|_| r.invalid("source partition"))?,
            time: r.option(RowReader::time)?,
            silent: r.u8()? != 0,
            grace_ms: r.signed()?,
        });
    }
    Ok(clocks)
}

fn read_underway(r: &mut RowReader<'_>) -> Result<Vec<(String, i64)>, RowError> {
    let mut records = Vec::new();
    for _ in 0..r.unsigned()? {
        let topic = r.text()?.to_owned();
        records.push((topic, r.signed()?));
    }
    Ok(records)
}

fn read_applied(r: &mut RowReader<'_>) -> Result<Applied, RowError> {
    let mut applied = Applied::new();
    for _ in 0..r.unsigned()? {
        let topic = r.text()?.to_owned();
        let mut runs = Vec::new();
        for _ in 0..r.unsigned()? {
            let (first, length) = (r.signed()?, r.signed()?);
            runs.push(Run { first, last: first.checked_add(length).ok_or_else(|| r.invalid("broadcast offset"))? });
        }
        applied.insert(topic, runs);
    }
    Ok(applied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    fn meta() -> Meta {
        Meta {
            input_id: "AAECAwQ".into(),
            position: 42,
            stream_time: Timestamp::from_millis(1_700_000_000_000),
            clock_time: Timestamp::from_millis(1_700_000_060_000),
            grace_ms: 600_000,
            clocks: vec![SourceClock {
                source: "wms".into(),
                source_partition: 1,
                time: Some(Timestamp::from_millis(1_700_000_060_000)),
                silent: true,
                grace_ms: 600_000,
            }],
            epoch: Some(1_888_888),
            applied_through: i64::MIN,
            underway: Some(vec![("inventory.rules".to_owned(), 9)]),
            sweeping: true,
            applied: Applied::from([(
                "inventory.rules".to_owned(),
                vec![Run { first: 0, last: 3 }, Run { first: 7, last: 7 }],
            )]),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut row = Vec::new();
        meta().encode(&mut row);
        assert_eq!(Meta::decode(&row), Ok(meta()));
    }

    /// Version 1 did not know the identity of its input, version 2 no sweep in more than one transaction.
    #[test]
    fn golden_rows_of_every_version_are_read() {
        let quiet = Meta {
            clocks: Vec::new(),
            epoch: None,
            underway: None,
            sweeping: false,
            applied: Applied::new(),
            ..meta()
        };
        for (name, meta) in [("meta_full", meta()), ("meta_quiet", quiet)] {
            let mut row = Vec::new();
            meta.encode(&mut row);
            golden::check(name, VERSION, &row, |version, row| {
                let input_id = if version == 1 { String::new() } else { meta.input_id.clone() };
                let sweeping = version >= 3 && meta.sweeping;
                assert_eq!(
                    Meta::decode(row),
                    Ok(Meta { input_id, sweeping, ..meta.clone() }),
                    "{name} of version {version}"
                );
            });
            golden::refuses_newer(name, VERSION, 0, Meta::decode);
        }
    }

    #[test]
    fn every_truncation_is_an_error() {
        let mut row = Vec::new();
        meta().encode(&mut row);
        for len in 0..row.len() {
            assert!(Meta::decode(&row[..len]).is_err(), "{len} bytes");
        }
        row[0] = 9;
        assert_eq!(Meta::decode(&row), Err(RowError::TooNew { found: 9, newest: 3 }));
    }
}
