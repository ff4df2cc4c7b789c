//! Records kept past their batch, in order, in one buffer.

use std::collections::VecDeque;

use crate::operator::Incoming;

/// The records of one partition that wait.
#[derive(Default)]
pub(super) struct Backlog {
    records: VecDeque<Kept>,
    /// Keys and values of `records`, one behind the other, from `start` on.
    bytes: Vec<u8>,
    start: usize,
}

struct Kept {
    offset: i64,
    timestamp_ms: i64,
    key_len: Option<usize>,
    value_len: Option<usize>,
    headers: Vec<(String, Vec<u8>)>,
}

impl Backlog {
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn last_offset(&self) -> Option<i64> {
        self.records.back().map(|last| last.offset)
    }

    pub(super) fn push(&mut self, record: &Incoming<'_>) {
        self.bytes.extend_from_slice(record.key.unwrap_or_default());
        self.bytes.extend_from_slice(record.value.unwrap_or_default());
        self.records.push_back(Kept {
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key_len: record.key.map(<[u8]>::len),
            value_len: record.value.map(<[u8]>::len),
            headers: record.headers.to_vec(),
        });
    }

    /// The one that has waited longest.
    pub(super) fn first(&self, partition: i32) -> Option<Incoming<'_>> {
        let kept = self.records.front()?;
        let value_start = self.start + kept.key_len.unwrap_or(0);
        Some(Incoming {
            partition,
            offset: kept.offset,
            timestamp_ms: kept.timestamp_ms,
            key: kept.key_len.map(|len| &self.bytes[self.start..self.start + len]),
            value: kept.value_len.map(|len| &self.bytes[value_start..value_start + len]),
            headers: &kept.headers,
        })
    }

    pub(super) fn pop(&mut self) {
        let Some(kept) = self.records.pop_front() else { return };
        self.start += kept.key_len.unwrap_or(0) + kept.value_len.unwrap_or(0);
        if self.records.is_empty() {
            self.bytes.clear();
            self.start = 0;
        } else if self.start >= self.bytes.len() / 2 {
            // Each byte is moved once at most for each that went.
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_out_as_they_went_in() {
        let mut backlog = Backlog::default();
        let headers = [("name".to_owned(), b"value".to_vec())];
        let text = |n: i64| "x".repeat((n % 23) as usize) + &n.to_string();
        let (mut next, mut expected) = (0, 0);
        for round in 0..200 {
            for _ in 0..=round % 7 {
                let value = text(next);
                let (key, value) = ((next % 3 > 0).then_some(b"key".as_slice()), value.as_bytes());
                backlog.push(&Incoming {
                    partition: 4,
                    offset: next,
                    timestamp_ms: next * 2,
                    key,
                    value: (next % 5 > 0).then_some(value),
                    headers: if next % 4 == 0 { &headers } else { &[] },
                });
                next += 1;
            }
            for _ in 0..(round % 5) + 2 {
                let Some(first) = backlog.first(4) else { break };
                assert_eq!((first.partition, first.offset, first.timestamp_ms), (4, expected, expected * 2));
                assert_eq!(first.key.is_some(), expected % 3 > 0);
                assert_eq!(first.value, (expected % 5 > 0).then_some(text(expected).as_bytes()));
                assert_eq!(first.headers.len(), usize::from(expected % 4 == 0));
                backlog.pop();
                expected += 1;
            }
            assert_eq!(backlog.len() as i64, next - expected);
            assert_eq!(backlog.last_offset(), (next > expected).then_some(next - 1));
        }
    }
}
