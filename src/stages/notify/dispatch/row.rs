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

use crate::stages::rows::Examined;

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

/// What a row of the table is.
pub fn examine(row: &[u8]) -> Examined {
    let kind = match row.first() {
        Some(&OPEN) => "open",
        Some(&DONE) => "done",
        Some(&DISABLED) => "disabled",
        _ => "unknown",
    };
    Examined::new(kind, row, 1, Row::decode(row))
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

#[cfg(test)]
mod tests {
    use schemas::{Alert, AlertKind, AlertState, Evidence, Message, Mode, NotificationAction, RuleRef, Severity};

    use super::*;
    use crate::golden;

    fn order() -> Notification {
        let at = Timestamp::from_millis(1_763_790_840_000);
        let alert = Alert {
            alert_id: Uuid::from_u128(7),
            revision: 2,
            episode_id: Uuid::from_u128(8),
            kind: AlertKind::StockOut,
            state: AlertState::Opened,
            severity: Severity::High,
            mode: Mode::Active,
            sku: Some("SKU-1".to_owned()),
            location: Some("STORE-7".to_owned()),
            scope: None,
            occurred_at: at,
            detected_at: at,
            opened_at: at,
            rule: RuleRef { document: "pack".to_owned(), version: 1, rule: "empty".to_owned() },
            evidence: Evidence::default(),
            message: Message::default(),
        };
        Notification {
            attempt_id: Uuid::from_u128(5),
            notification_id: Uuid::from_u128(6),
            action: NotificationAction::Send,
            route: "all".to_owned(),
            step: 0,
            round: 0,
            recipient: "hook".to_owned(),
            channel: "hook".to_owned(),
            alerted_at: at,
            alert,
        }
    }

    /// A new schema of the order is a new version of the row: its fingerprint stands in it.
    #[test]
    fn golden_rows_of_every_version_are_read() {
        let at = Timestamp::from_millis(1_763_790_900_000);
        let open = OpenRow { attempt: Attempt::planned(at), order: Arc::new(order()) };
        let rows = [
            ("notify_open", Row::Open(Box::new(open))),
            ("notify_done", Row::Done { at }),
            ("notify_disabled", Row::Disabled { fingerprint: "f1".to_owned(), at }),
        ];
        for (name, row) in rows {
            let mut now = Vec::new();
            row.encode(&mut now);
            golden::check(name, ROW_VERSION, &now, |_, past| {
                let mut again = Vec::new();
                Row::decode(past).unwrap().encode(&mut again);
                assert_eq!(again, now, "{name}");
            });
            golden::refuses_newer(name, ROW_VERSION, 1, |row| Row::decode(row).map(drop));
        }
        assert!(Row::decode(b"z\x01").map(drop).unwrap_err().is_newer());
    }
}
