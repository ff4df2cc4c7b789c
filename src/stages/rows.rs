//! What the rows of the stages' state are, for tools that look at them. It must never change one.

use processor::task::{Meta, SHARED_KEY};
use schemas::row::RowError;

use super::{ingest, notify, process};

/// One row, looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// What it is about: item, position, …
    pub kind: &'static str,
    /// Of its layout; `None` where it has none that one could tell.
    pub version: Option<u8>,
    /// Whether this binary can read all of it.
    pub read: Result<(), RowError>,
}

impl Examined {
    /// `version_at`: where the row has its version.
    pub fn new<T>(kind: &'static str, row: &[u8], version_at: usize, read: Result<T, RowError>) -> Self {
        Self { kind, version: row.get(version_at).copied(), read: read.map(drop) }
    }
}

/// Looks at a row of an application's store or changelog.
pub fn examine(application: &str, key: &[u8], row: &[u8]) -> Examined {
    if key == Meta::KEY {
        return Examined::new("meta", row, 0, Meta::decode(row));
    }
    let shared = key == SHARED_KEY;
    match application {
        process::APPLICATION if shared => process::examine_shared(row),
        process::APPLICATION => process::examine(row),
        notify::ROUTE => notify::route::examine(row),
        notify::DISPATCH => notify::dispatch::examine(row),
        _ if application.starts_with(&ingest::application("")) => {
            if shared {
                ingest::examine_shared(row)
            } else {
                ingest::examine(row)
            }
        }
        _ => Examined { kind: "row", version: None, read: Ok(()) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn every_row_that_was_ever_written_is_recognised_and_read() {
        let led = |letter: u8, name| [&[letter][..], &golden::row(name, 1)].concat();
        let known = [
            (process::APPLICATION, "iSKU-1", "item", led(b'i', "item")),
            (process::APPLICATION, "pSKU-1\0STORE-7", "position", led(b'p', "position_full")),
            (process::APPLICATION, "\0shared", "shared", golden::row("process_shared", 1)),
            (process::APPLICATION, "\0meta", "meta", golden::row("meta_full", 1)),
            (notify::ROUTE, "a0123456789abcdef", "told", golden::row("told", 1)),
            (notify::DISPATCH, "a0123456789abcdef", "open", golden::row("notify_open", 1)),
            (notify::DISPATCH, "a0123456789abcdef", "done", golden::row("notify_done", 1)),
            (notify::DISPATCH, "ehook", "disabled", golden::row("notify_disabled", 1)),
            ("quartermaster-ingest-stock", "action|0", "action", golden::row("ingest_action", 1)),
            ("quartermaster-ingest-stock", "\0shared", "shared", golden::row("ingest_shared", 1)),
        ];
        for (application, key, kind, row) in known {
            let examined = examine(application, key.as_bytes(), &row);
            assert_eq!(examined, Examined { kind, version: Some(1), read: Ok(()) }, "{application} {key:?}");
            let cut = examine(application, key.as_bytes(), &row[..row.len() - 1]);
            assert!(cut.read.is_err(), "{application} {key:?}: half a row was taken for a whole one");
        }
        assert_eq!(examine("somebody-else", b"x", b"y").kind, "row");
    }
}
