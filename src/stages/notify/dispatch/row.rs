//! The rows of the dispatcher's table and their keys.
//!
//! Keys: `a` and the 16 bytes of the id for an attempt, `e` and its name for a channel whose endpoint
//! wants nothing any more. A row starts with a letter of its own; its version follows.

use std::sync::Arc;

use processor::operator::StateRow;
use rules::escalation::Attempt;
use schemas::row::{RowError, RowReader, RowWriter};
use schemas::{Notification, Timestamp, avro};
use uuid::Uuid;

const OPEN: u8 = b'o';
const DONE: u8 = b'd';
const DISABLED: u8 = b'e';
const ROW_VERSION: u8 = 1;

/// One row of the table.
pub enum Row {
    /// Something may still happen to it. Boxed: most rows are done.
    Open(Box<OpenRow>),
    /// It is over since then: kept so that the same order again is recognised.
    Done { at: Timestamp },
    /// The endpoint of a channel has said that it wants nothing any more.
    Disabled { fingerprint: String, at: Timestamp },
}

pub struct OpenRow {
    pub(super) attempt: Attempt,
    pub(super) order: Arc<Notification>,
}

pub(super) fn attempt_key(id: Uuid) -> Vec<u8> {
    [b"a".as_slice(), id.as_bytes()].concat()
}

pub(super) fn endpoint_key(channel: &str) -> Vec<u8> {
    [b"e".as_slice(), channel.as_bytes()].concat()
}

/// The channel of an endpoint's key.
pub(super) fn endpoint_channel(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.strip_prefix(b"e")?).ok()
}

impl Row {
    pub(super) fn open(&self) -> Option<&OpenRow> {
        if let Self::Open(row) = self { Some(row) } else { None }
    }

    pub(super) fn open_mut(&mut self) -> Option<&mut OpenRow> {
        if let Self::Open(row) = self { Some(row) } else { None }
    }
}

impl StateRow for Row {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut w = RowWriter::new(out);
        match self {
            Self::Open(row) => {
                w.u8(OPEN);
                w.u8(ROW_VERSION);
                row.attempt.encode(&mut w);
                avro::encode_notification(&row.order, out);
            }
            Self::Done { at } => {
                w.u8(DONE);
                w.u8(ROW_VERSION);
                w.time(*at);
            }
            Self::Disabled { fingerprint, at } => {
                w.u8(DISABLED);
                w.u8(ROW_VERSION);
                w.text(fingerprint);
                w.time(*at);
            }
        }
    }

    fn decode(row: &[u8]) -> Result<Self, RowError> {
        let mut r = RowReader::new(row);
        let (kind, version) = (r.u8()?, r.u8()?);
        if version > ROW_VERSION {
            return Err(RowError::TooNew { found: version, newest: ROW_VERSION });
        }
        match kind {
            OPEN => {
                let attempt = Attempt::decode(&mut r)?;
                let order = avro::decode_notification(r.rest()).map_err(|_| r.invalid("notification"))?;
                Ok(Self::Open(Box::new(OpenRow { attempt, order: Arc::new(order) })))
            }
            DONE => Ok(Self::Done { at: r.time()? }),
            DISABLED => Ok(Self::Disabled { fingerprint: r.text()?.to_owned(), at: r.time()? }),
            _ => Err(RowError::UnknownKind { kind: char::from(kind) }),
        }
    }

    /// The dispatcher lives by the machine's clock, not by stream time.
    fn next_due(&self) -> Option<Timestamp> {
        None
    }
}
