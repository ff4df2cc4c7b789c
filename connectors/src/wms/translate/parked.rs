//! A record that waits: its bytes as they came, what it waits for, and since when.

use processor::operator::Incoming;
use schemas::Timestamp;
use schemas::row::{RowError, RowReader, RowWriter};

use crate::wms::row::RawRecord;

/// A record as it came in, kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParkedRecord {
    pub partition: i32,
    pub offset: i64,
    pub timestamp_ms: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
}

impl ParkedRecord {
    pub(super) fn of(raw: &Incoming<'_>) -> Self {
        Self {
            partition: raw.partition,
            offset: raw.offset,
            timestamp_ms: raw.timestamp_ms,
            key: raw.key.map(<[u8]>::to_vec),
            value: raw.value.map(<[u8]>::to_vec),
            headers: raw.headers.to_vec(),
        }
    }

    /// The record as it came.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming {
            partition: self.partition,
            offset: self.offset,
            timestamp_ms: self.timestamp_ms,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: &self.headers,
        }
    }

    pub(super) fn raw(&self) -> RawRecord<'_> {
        RawRecord { key: self.key.as_deref(), value: self.value.as_deref(), headers: &self.headers }
    }

    /// What it takes of memory.
    pub(super) fn bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.key.as_ref().map_or(0, Vec::len) + self.value.as_ref().map_or(0, Vec::len) + headers
    }
}

/// A row that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Awaited {
    pub table: String,
    pub key: String,
    /// The row is known, and this column of it is not remembered.
    pub column: Option<String>,
}

/// One record that waits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parked {
    /// By the source's clock.
    pub(super) since: Timestamp,
    /// `None`: it only waits for the records of its row before it.
    pub(super) awaits: Option<Awaited>,
    /// The row it is about, by the key it has now and the one it had before.
    pub(super) rows: Vec<String>,
    pub(super) record: ParkedRecord,
}

impl Parked {
    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        w.time(self.since);
        w.option(self.awaits.as_ref(), |w, awaited| {
            w.text(&awaited.table);
            w.text(&awaited.key);
            w.option(awaited.column.as_deref(), RowWriter::text);
        });
        w.unsigned(self.rows.len() as u64);
        self.rows.iter().for_each(|row| w.text(row));
        let record = &self.record;
        w.signed(i64::from(record.partition));
        w.signed(record.offset);
        w.signed(record.timestamp_ms);
        w.option(record.key.as_deref(), RowWriter::bytes);
        w.option(record.value.as_deref(), RowWriter::bytes);
        w.unsigned(record.headers.len() as u64);
        for (name, value) in &record.headers {
            w.text(name);
            w.bytes(value);
        }
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let text = |r: &mut RowReader<'_>| r.text().map(str::to_owned);
        let bytes = |r: &mut RowReader<'_>| r.bytes().map(<[u8]>::to_vec);
        let since = r.time()?;
        let awaits = r.option(|r| Ok(Awaited { table: text(r)?, key: text(r)?, column: r.option(text)? }))?;
        let rows = (0..r.unsigned()?).map(|_| text(r)).collect::<Result<_, _>>()?;
        let mut record = ParkedRecord {
            partition: i32::try_from(r.signed()?).map_err(|_| r.invalid("partition"))?,
            offset: r.signed()?,
            timestamp_ms: r.signed()?,
            key: r.option(bytes)?,
            value: r.option(bytes)?,
            headers: Vec::new(),
        };
        for _ in 0..r.unsigned()? {
            record.headers.push((text(r)?, bytes(r)?));
        }
        Ok(Self { since, awaits, rows, record })
    }
}
