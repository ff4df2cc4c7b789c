//! Compaction: the newest committed record of each key stays, below the last stable offset only.
//!
//! Offsets never change and the start offset does not move. A tombstone stays until
//! `delete_retention_ms` have passed since compaction first met it, so that a reader that began
//! before has the time to see the deletion.

use std::collections::HashSet;

use super::partition::Partition;

/// Compacts one partition as of `now_ms`.
pub(super) fn compact(partition: &mut Partition, now_ms: i64, delete_retention_ms: i64) {
    let keep = survivors(partition, now_ms, delete_retention_ms);
    let mut keep = keep.into_iter();
    partition.entries.retain(|_| keep.next().unwrap_or(true));
    partition.dirty = 0;
}

/// For each entry below the last stable offset, whether it stays.
fn survivors(partition: &mut Partition, now_ms: i64, delete_retention_ms: i64) -> Vec<bool> {
    let stable = partition.stable();
    let decided = partition.entries.partition_point(|entry| entry.record.offset < stable);
    let met_before = std::mem::take(&mut partition.tombstones_met_ms);
    let mut newer: HashSet<Option<&[u8]>> = HashSet::with_capacity(decided.min(1 << 16));
    let mut keep = vec![false; decided];
    for (entry, keep) in partition.entries.range(..decided).zip(&mut keep).rev() {
        let record = &entry.record;
        if entry.aborted || !newer.insert(record.key()) {
            continue;
        }
        *keep = true;
        if record.is_tombstone() {
            let met = met_before.get(&record.offset).copied().unwrap_or(now_ms);
            *keep = now_ms - met < delete_retention_ms;
            if *keep {
                partition.tombstones_met_ms.insert(record.offset, met);
            }
        }
    }
    keep
}

#[cfg(test)]
mod tests {
    use super::*;
    use processor::ports::{Isolation, ProduceRecord};

    fn put(partition: &mut Partition, transaction: u64, key: &str, value: Option<&str>) {
        let record = ProduceRecord {
            topic: "t",
            partition: None,
            key: Some(key.as_bytes()),
            value: value.map(str::as_bytes),
            headers: &[],
            timestamp_ms: None,
        };
        partition.append(transaction, &record, 0);
    }

    fn offsets(partition: &Partition) -> Vec<i64> {
        let mut offsets = Vec::new();
        partition.fetch(0, Isolation::ReadUncommitted, 100, |record| offsets.push(record.offset)).unwrap();
        offsets
    }

    #[test]
    fn the_newest_committed_record_of_a_key_stays_where_it_is() {
        let mut partition = Partition::default();
        put(&mut partition, 1, "a", Some("1"));
        put(&mut partition, 1, "b", Some("1"));
        put(&mut partition, 1, "a", Some("2"));
        partition.decide(1, true);
        put(&mut partition, 2, "b", Some("aborted"));
        partition.decide(2, false);
        put(&mut partition, 3, "a", Some("open"));
        compact(&mut partition, 0, 1000);
        assert_eq!(offsets(&partition), [1, 2, 6]);
        assert_eq!(partition.extent().start, 0);
    }

    #[test]
    fn a_tombstone_stays_for_the_delete_retention() {
        let mut partition = Partition::default();
        put(&mut partition, 1, "a", Some("1"));
        put(&mut partition, 1, "a", None);
        partition.decide(1, true);
        compact(&mut partition, 500, 1000);
        assert_eq!(offsets(&partition), [1]);
        compact(&mut partition, 1499, 1000);
        assert_eq!(offsets(&partition), [1]);
        compact(&mut partition, 1500, 1000);
        assert_eq!(offsets(&partition), [] as [i64; 0]);
        assert!(partition.tombstones_met_ms.is_empty());
    }
}
