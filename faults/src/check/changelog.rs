//! The committed changelog of `process`, read on from check to check: what a store must hold, and what
//! it may ever have held.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use anyhow::{Result, ensure};
use processor::ports::Isolation;
use test_services::log::patiently;

use crate::cluster::{self, Cluster};

pub(super) type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

#[derive(Default)]
pub(super) struct Changelog {
    next: BTreeMap<i32, i64>,
    /// Records of each partition: offset, and when it was written.
    records: BTreeMap<i32, Vec<(i64, i64)>>,
    latest: BTreeMap<i32, Rows>,
    ever: HashSet<u64>,
}

impl Changelog {
    /// Reads on to the end.
    pub(super) fn follow(&mut self, cluster: &Cluster) -> Result<()> {
        let (extents, mut reader) = (cluster.extents(&cluster::changelog())?, cluster.reader());
        for (at, extent) in extents {
            let partition = at.partition;
            let mut next = self.next.get(&partition).copied().unwrap_or(extent.start);
            while next < extent.stable {
                let mut fetched = Vec::new();
                let after = patiently(|wait| {
                    fetched.clear();
                    reader.read(&at, next, Isolation::ReadCommitted, 10_000, wait, &mut |record| {
                        let key = record.key.unwrap_or_default().to_vec();
                        fetched.push(((record.offset, record.timestamp_ms), key, record.value.map(<[u8]>::to_vec)));
                    })
                })?;
                ensure!(after > next, "the changelog's partition {partition} ends at {next}, before {}", extent.stable);
                for (place, key, row) in fetched {
                    self.take(partition, place, key, row);
                }
                next = after;
            }
            self.next.insert(partition, next);
        }
        Ok(())
    }

    fn take(&mut self, partition: i32, place: (i64, i64), key: Vec<u8>, row: Option<Vec<u8>>) {
        self.records.entry(partition).or_default().push(place);
        let rows = self.latest.entry(partition).or_default();
        match row {
            Some(row) => {
                self.ever.insert(fingerprint(partition, &key, &row));
                rows.insert(key, row);
            }
            None => drop(rows.remove(&key)),
        }
    }

    pub(super) fn latest(&self, partition: i32) -> Rows {
        self.latest.get(&partition).cloned().unwrap_or_default()
    }

    /// Whether a committed record ever said this.
    pub(super) fn ever_said(&self, partition: i32, key: &[u8], row: &[u8]) -> bool {
        self.ever.contains(&fingerprint(partition, key, row))
    }

    /// Records at or after an offset.
    pub(super) fn records_from(&self, partition: i32, offset: i64) -> usize {
        self.after(partition, offset).len()
    }

    /// How much time lies between the first record at or after an offset and the last one written by `until_ms`.
    pub(super) fn stretch(&self, partition: i32, offset: i64, until_ms: i64) -> Duration {
        let records = self.after(partition, offset);
        let written = records.iter().map(|(_, at_ms)| *at_ms).filter(|at_ms| *at_ms <= until_ms);
        let span = written.clone().max().unwrap_or_default() - written.min().unwrap_or_default();
        Duration::from_millis(u64::try_from(span).unwrap_or_default())
    }

    fn after(&self, partition: i32, offset: i64) -> &[(i64, i64)] {
        let all = self.records.get(&partition).map_or(&[][..], Vec::as_slice);
        &all[all.partition_point(|(at, _)| *at < offset)..]
    }
}

fn fingerprint(partition: i32, key: &[u8], row: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (partition, key, row).hash(&mut hasher);
    hasher.finish()
}
