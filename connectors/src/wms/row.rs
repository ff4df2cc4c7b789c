//! The change of a row, whatever connector captured it. Borrowed from the record it came in.

use std::borrow::Cow;

use schemas::Timestamp;

/// A record of a change-capture topic, before anything is known about it.
#[derive(Clone, Copy, Debug)]
pub struct RawRecord<'a> {
    pub key: Option<&'a [u8]>,
    /// `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    pub headers: &'a [(String, Vec<u8>)],
}

/// What a record says.
#[allow(clippy::large_enum_variant, reason = "nearly every record is a change; a box would cost each an allocation")]
#[derive(Clone, Debug, PartialEq)]
pub enum Record<'a> {
    Change(Change<'a>),
    /// The source is alive, and its clock says so: a heartbeat, the boundary of a transaction, a message.
    Heartbeat(Timestamp),
    /// A tombstone after a delete, a change of the schema: nothing about stock.
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    Create,
    Update,
    Delete,
    /// The row as it was when capturing began; never a movement.
    Snapshot,
    /// Every row of the table is gone.
    Truncate,
}

/// What happened to one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Change<'a> {
    pub operation: Operation,
    /// `schema.table` or `database.table`, as mappings name it.
    pub table: Cow<'a, str>,
    /// Columns of the record's key; empty where it has none.
    pub key: Columns<'a>,
    pub before: Option<Columns<'a>>,
    pub after: Option<Columns<'a>>,
    pub renamed: Option<Renamed<'a>>,
    pub source: Source<'a>,
}

/// One half of a change of the primary key.
#[derive(Clone, Debug, PartialEq)]
pub enum Renamed<'a> {
    /// This is the create; the row had this key before.
    From(Columns<'a>),
    /// This is the delete; the row goes on under this key.
    To(Columns<'a>),
}

/// Where and when the connector read the change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source<'a> {
    /// Name of the captured system, where the record says it.
    pub name: Option<Cow<'a, str>>,
    /// The source's clock when the change was committed.
    pub time: Option<Timestamp>,
    pub snapshot: Snapshot,
    /// `None` where the record does not say: nothing can be recognised as read before.
    pub mark: Option<Mark<'a>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Snapshot {
    #[default]
    No,
    Yes,
    /// The first row of all.
    First,
    /// The last row of all.
    Last,
    /// Read again while changes go on.
    Incremental,
}

/// The place of a change in the log of its database. Within one `unit` places only grow; units come
/// in the order in which they were committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark<'a> {
    /// What places are compared within: a transaction (PostgreSQL), a file of the binary log (MySQL).
    pub unit: Cow<'a, str>,
    /// LSN and 0; position in the file and row in the event.
    pub place: (u64, u64),
    /// Grows with every commit: LSN of the last commit before this change; number of the file.
    pub after_commit: Option<u64>,
    /// The place for people and for event ids.
    pub text: Cow<'a, str>,
}

/// Named values in the order of the record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns<'a>(pub Vec<Column<'a>>);

#[derive(Clone, Debug, PartialEq)]
pub struct Column<'a> {
    pub name: Cow<'a, str>,
    pub value: Value<'a>,
    /// `None`: the record came without a schema.
    pub kind: Option<Kind>,
}

/// A value as the connector wrote it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    Null,
    /// Too large to be sent again: unchanged.
    Unavailable,
    Bool(bool),
    /// Digits as they stand in the record.
    Number(Cow<'a, str>),
    Text(Cow<'a, str>),
    /// A decimal that carries its scale: base64 of the unscaled two's complement.
    ScaledDecimal {
        scale: i32,
        unscaled: Cow<'a, str>,
    },
    /// Anything else, as JSON.
    Json(Cow<'a, str>),
}

/// What a schema says about a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Days since 1970-01-01.
    Days,
    /// Milliseconds, microseconds or nanoseconds since 1970-01-01T00:00 of a datetime without a zone.
    LocalMillis,
    LocalMicros,
    LocalNanos,
    /// RFC 3339 with an offset.
    Zoned,
    /// Text of a datetime or date without a zone.
    IsoLocal,
    /// Base64 of the unscaled two's complement.
    Decimal {
        scale: i32,
    },
    /// A binary floating-point number: to be rounded to what its field can hold.
    Float,
    /// Whatever the value itself says.
    Plain,
}

impl<'a> Columns<'a> {
    pub fn get(&self, name: &str) -> Option<&Column<'a>> {
        self.0.iter().find(|column| column.name == name)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
