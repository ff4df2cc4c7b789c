//! Rows of every version there has been, byte for byte: `tests/data/rows`, hexadecimal.
//!
//! The unit tests next to each encoder include this file. `QM_GOLDEN_WRITE=1` writes fixtures that are
//! missing; it never touches one that is there, because rows of that version are in somebody's changelog.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test without its fixtures has failed"
)]

use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

use schemas::row::RowError;

fn file(name: &str, version: u8) -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = if own.join("tests/data/rows").is_dir() { own } else { own.parent().unwrap() };
    root.join(format!("tests/data/rows/{name}_v{version}.hex"))
}

pub fn hex(row: &[u8]) -> String {
    row.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// A row as a past version wrote it.
#[track_caller]
pub fn row(name: &str, version: u8) -> Vec<u8> {
    let path = file(name, version);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; every version of a row keeps its bytes: QM_GOLDEN_WRITE=1 writes those of the newest",
            path.display()
        )
    });
    let digits = text.trim();
    (0..digits.len() / 2).map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap()).collect()
}

/// What is encoded now is the newest version, byte for byte, and rows of every version are read: `decode`
/// is given each and says what it must.
#[track_caller]
pub fn check(name: &str, newest: u8, now: &[u8], mut decode: impl FnMut(u8, &[u8])) {
    let path = file(name, newest);
    if std::env::var_os("QM_GOLDEN_WRITE").is_some() && !path.exists() {
        fs::write(&path, hex(now) + "\n").unwrap();
    }
    assert_eq!(
        hex(now),
        hex(&row(name, newest)),
        "the encoder of {name} does not write version {newest} any more: raise the version, go on reading the old one, and \
         add a fixture (tests/data/rows/README.md)"
    );
    for version in 1..=newest {
        decode(version, &row(name, version));
    }
}

/// A row whose version, at this byte, is the next one must be refused as newer, whatever follows.
#[track_caller]
pub fn refuses_newer<T: Debug>(name: &str, newest: u8, at: usize, decode: impl Fn(&[u8]) -> Result<T, RowError>) {
    let mut row = row(name, newest);
    assert_eq!(row[at], newest, "{name}: the version is not at byte {at}");
    row[at] += 1;
    let refused = decode(&row).map(drop).unwrap_err();
    assert_eq!(refused, RowError::TooNew { found: newest + 1, newest }, "{name}");
    assert!(refused.to_string().contains("run a newer binary"), "{refused}");
}
