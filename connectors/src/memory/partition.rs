//! One partition: records by offset, the transactions open in it, and what readers may see.
//!
//! Offsets are given out once and never move. A transaction marker takes an offset and leaves a
//! gap; so does compaction. The last stable offset is the first offset of the oldest transaction
//! still open here; everything below it is committed or aborted for good.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use processor::ports::{Extent, Isolation, ProduceRecord, RecordView};

/// A record as stored: key and value share one buffer.
pub(super) struct Record {
    pub(super) offset: i64,
    timestamp_ms: i64,
    bytes: Box<[u8]>,
    /// Where the key ends in `bytes`; `None` is no key.
    key_end: Option<u32>,
    tombstone: bool,
    headers: Vec<(String, Vec<u8>)>,
}

impl Record {
    pub(super) fn new(record: &ProduceRecord<'_>, offset: i64, now_ms: i64) -> Self {
        let key = record.key.unwrap_or_default();
        let value = record.value.unwrap_or_default();
        let mut bytes = Vec::with_capacity(key.len() + value.len());
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(value);
        Self {
            offset,
            timestamp_ms: record.timestamp_ms.unwrap_or(now_ms),
            bytes: bytes.into_boxed_slice(),
            key_end: record.key.map(|key| key.len() as u32),
            tombstone: record.value.is_none(),
            headers: record.headers.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect(),
        }
    }

    pub(super) fn key(&self) -> Option<&[u8]> {
        self.key_end.map(|end| &self.bytes[..end as usize])
    }

    pub(super) fn is_tombstone(&self) -> bool {
        self.tombstone
    }

    pub(super) fn view<'a>(&'a self, topic: &'a str, partition: i32) -> RecordView<'a> {
        let value = &self.bytes[self.key_end.unwrap_or(0) as usize..];
        RecordView {
            topic,
            partition,
            offset: self.offset,
            timestamp_ms: self.timestamp_ms,
            key: self.key(),
            value: (!self.tombstone).then_some(value),
            headers: &self.headers,
        }
    }
}

pub(super) struct Entry {
    pub(super) record: Arc<Record>,
    transaction: u64,
    pub(super) aborted: bool,
}

struct OpenSpan {
    transaction: u64,
    first: i64,
}

/// The offset asked for is before the first or past the last.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OutOfRange {
    pub(super) start: i64,
    pub(super) end: i64,
}

#[derive(Default)]
pub(super) struct Partition {
    pub(super) entries: VecDeque<Entry>,
    start: i64,
    end: i64,
    /// Oldest first.
    open: Vec<OpenSpan>,
    /// Records decided since the last compaction.
    pub(super) dirty: usize,
    /// When compaction first met each tombstone that is still here, by offset.
    pub(super) tombstones_met_ms: BTreeMap<i64, i64>,
}

impl Partition {
    /// Appends a record of an open transaction. True when it is the transaction's first here.
    pub(super) fn append(&mut self, transaction: u64, record: &ProduceRecord<'_>, now_ms: i64) -> bool {
        let offset = self.end;
        self.end += 1;
        let record = Arc::new(Record::new(record, offset, now_ms));
        self.entries.push_back(Entry { record, transaction, aborted: false });
        let first = !self.open.iter().any(|span| span.transaction == transaction);
        if first {
            self.open.push(OpenSpan { transaction, first: offset });
        }
        first
    }

    /// Writes the marker that decides a transaction here.
    pub(super) fn decide(&mut self, transaction: u64, commit: bool) {
        let Some(at) = self.open.iter().position(|span| span.transaction == transaction) else { return };
        let first = self.open.remove(at).first;
        let from = self.index_of(first);
        if !commit {
            for entry in self.entries.range_mut(from..).filter(|entry| entry.transaction == transaction) {
                entry.aborted = true;
            }
        }
        self.dirty += (self.end - first) as usize;
        self.end += 1;
    }

    pub(super) fn stable(&self) -> i64 {
        self.open.first().map_or(self.end, |span| span.first)
    }

    pub(super) fn extent(&self) -> Extent {
        Extent { start: self.start, end: self.end, stable: self.stable() }
    }

    /// The first offset a reader may not see.
    pub(super) fn bound(&self, isolation: Isolation) -> i64 {
        match isolation {
            Isolation::ReadCommitted => self.stable(),
            Isolation::ReadUncommitted => self.end,
        }
    }

    /// Hands out at most `max_records` from `offset` on; returns the offset to go on from.
    pub(super) fn fetch(
        &self,
        offset: i64,
        isolation: Isolation,
        max_records: usize,
        mut sink: impl FnMut(&Arc<Record>),
    ) -> Result<i64, OutOfRange> {
        if offset < self.start || offset > self.end {
            return Err(OutOfRange { start: self.start, end: self.end });
        }
        let bound = self.bound(isolation);
        if offset >= bound || max_records == 0 {
            return Ok(offset);
        }
        let mut taken = 0;
        for entry in self.entries.range(self.index_of(offset)..) {
            if entry.record.offset >= bound {
                break;
            }
            if entry.aborted && isolation == Isolation::ReadCommitted {
                continue;
            }
            sink(&entry.record);
            taken += 1;
            if taken == max_records {
                return Ok(entry.record.offset + 1);
            }
        }
        Ok(bound)
    }

    /// Drops what lies before `offset`, never what an open transaction may still need.
    pub(super) fn delete_before(&mut self, offset: i64) {
        let start = offset.min(self.stable());
        if start <= self.start {
            return;
        }
        self.start = start;
        while self.entries.front().is_some_and(|entry| entry.record.offset < start) {
            self.entries.pop_front();
        }
        self.tombstones_met_ms = self.tombstones_met_ms.split_off(&start);
    }

    /// Drops the oldest decided records until `records` are left.
    pub(super) fn keep_last(&mut self, records: usize) {
        if let Some(over) = self.entries.len().checked_sub(records).filter(|over| *over > 0) {
            let before = self.entries[over - 1].record.offset + 1;
            self.delete_before(before);
        }
    }

    fn index_of(&self, offset: i64) -> usize {
        self.entries.partition_point(|entry| entry.record.offset < offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(partition: &mut Partition, transaction: u64, value: &[u8]) {
        let record = ProduceRecord {
            topic: "t",
            partition: None,
            key: Some(b"k"),
            value: Some(value),
            headers: &[],
            timestamp_ms: None,
        };
        partition.append(transaction, &record, 0);
    }

    fn read(partition: &Partition, isolation: Isolation) -> (Vec<i64>, i64) {
        let mut offsets = Vec::new();
        let next = partition.fetch(0, isolation, 100, |record| offsets.push(record.offset)).unwrap();
        (offsets, next)
    }

    #[test]
    fn an_open_transaction_holds_back_a_later_one_that_committed() {
        let mut partition = Partition::default();
        put(&mut partition, 1, b"a");
        put(&mut partition, 2, b"b");
        partition.decide(2, true);
        assert_eq!(read(&partition, Isolation::ReadCommitted), (vec![], 0));
        assert_eq!(read(&partition, Isolation::ReadUncommitted), (vec![0, 1], 3));
        partition.decide(1, false);
        assert_eq!(read(&partition, Isolation::ReadCommitted), (vec![1], 4));
        assert_eq!(read(&partition, Isolation::ReadUncommitted), (vec![0, 1], 4));
    }

    #[test]
    fn deleting_stops_at_the_last_stable_offset() {
        let mut partition = Partition::default();
        put(&mut partition, 1, b"a");
        partition.decide(1, true);
        put(&mut partition, 2, b"b");
        partition.delete_before(100);
        assert_eq!(partition.extent(), Extent { start: 2, end: 3, stable: 2 });
        assert_eq!(partition.fetch(0, Isolation::ReadCommitted, 1, |_| {}), Err(OutOfRange { start: 2, end: 3 }));
    }

    #[test]
    fn a_key_and_an_empty_value_are_told_from_a_tombstone() {
        let mut partition = Partition::default();
        put(&mut partition, 1, b"");
        let view = partition.entries[0].record.view("t", 0);
        assert_eq!((view.key, view.value), (Some(&b"k"[..]), Some(&b""[..])));
    }
}
