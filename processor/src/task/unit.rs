//! What one partition adds to a transaction: the overlay, sealed.

use schemas::Timestamp;
use schemas::row::RowError;
use schemas::stream::{AggregatePartial, JournalEntry};

use crate::operator::Produced;

/// Keys that start with a zero byte belong to the runtime.
pub(crate) const META_KEY: &[u8] = b"\0meta";
/// Of the row that an operator keeps for all keys of a partition.
pub const SHARED_KEY: &[u8] = b"\0shared";

/// Whether a key is one of the runtime's own.
pub(crate) fn belongs_to_runtime(key: &[u8]) -> bool {
    key.first() == Some(&0)
}

/// Refuses a key of the runtime that this one does not know: a newer one wrote it.
pub(super) fn unknown_of_runtime(key: &[u8]) -> Result<(), RowError> {
    match key {
        [0, rest @ ..] => Err(RowError::UnknownKind { kind: rest.first().map_or('\0', |byte| char::from(*byte)) }),
        _ => Ok(()),
    }
}

/// The public records of the keys that a transaction changed, encoded one behind the other.
#[derive(Debug, Default)]
pub struct Published {
    buffer: Vec<u8>,
    records: Vec<PublishedSpan>,
}

#[derive(Debug)]
struct PublishedSpan {
    topic: &'static str,
    partition: i32,
    key_end: usize,
    value_end: usize,
}

impl Published {
    /// `key` and `value` append themselves to what they are given.
    pub fn record(
        &mut self,
        topic: &'static str,
        partition: i32,
        key: impl FnOnce(&mut Vec<u8>),
        value: impl FnOnce(&mut Vec<u8>),
    ) {
        key(&mut self.buffer);
        let key_end = self.buffer.len();
        value(&mut self.buffer);
        self.records.push(PublishedSpan { topic, partition, key_end, value_end: self.buffer.len() });
    }

    /// The records in order.
    pub fn records(&self) -> impl Iterator<Item = Produced<'_>> {
        let mut start = 0;
        self.records.iter().map(move |span| {
            let (key, value) = (&self.buffer[start..span.key_end], &self.buffer[span.key_end..span.value_end]);
            start = span.value_end;
            Produced {
                topic: span.topic,
                partition: Some(span.partition),
                key: Some(key),
                value: Some(value),
                headers: &[],
            }
        })
    }
}

/// Rows and outputs of one partition in one transaction. Rows are encoded into one buffer, one row
/// per dirty key.
#[derive(Debug)]
pub struct CommitUnit<T> {
    pub position: i64,
    pub outputs: Vec<T>,
    pub published: Published,
    pub partials: Vec<AggregatePartial>,
    pub journal: Vec<JournalEntry>,
    /// No row of the partition wants to be woken before this instant; `None`: nobody knows.
    pub passed: Option<Timestamp>,
    buffer: Vec<u8>,
    rows: Vec<RowSpan>,
}

#[derive(Debug)]
struct RowSpan {
    key_end: usize,
    /// `None`: a tombstone.
    row_end: Option<usize>,
    due: Option<Timestamp>,
}

impl<T> CommitUnit<T> {
    pub(crate) fn new(position: i64) -> Self {
        Self {
            position,
            outputs: Vec::new(),
            published: Published::default(),
            partials: Vec::new(),
            journal: Vec::new(),
            passed: None,
            buffer: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Returns the length of the row.
    pub(super) fn row(
        &mut self,
        key: &[u8],
        due: Option<Timestamp>,
        encode: Option<impl FnOnce(&mut Vec<u8>)>,
    ) -> usize {
        self.buffer.extend_from_slice(key);
        let key_end = self.buffer.len();
        let row_end = encode.map(|encode| {
            encode(&mut self.buffer);
            self.buffer.len()
        });
        self.rows.push(RowSpan { key_end, row_end, due });
        self.buffer.len() - key_end
    }

    /// Rows in order: key, and the row or a tombstone.
    pub fn rows(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.rows_due().map(|(key, row, _)| (key, row))
    }

    /// The same, with the instant at which the row wants to be woken, where the store does not know it.
    pub(crate) fn rows_due(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>, Option<Timestamp>)> {
        let mut start = 0;
        self.rows.iter().map(move |span| {
            let key = &self.buffer[start..span.key_end];
            let row = span.row_end.map(|end| &self.buffer[span.key_end..end]);
            start = span.row_end.unwrap_or(span.key_end);
            (key, row, span.due)
        })
    }

    /// Bytes of rows and keys.
    pub fn row_bytes(&self) -> usize {
        self.buffer.len()
    }
}
