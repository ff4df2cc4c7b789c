//! Whether the file that lists a database's tables is whole.
//!
//! RocksDB takes a last record that is cut short for one its writer died in, and passes it by. So does a
//! length that damage has made too large: every record behind it is gone, the tables they name with them,
//! and what is left looks like a database that was never larger. A process that is killed leaves no such
//! record, its writes are in the page cache; only damage and a power loss do. Then the store is rebuilt.
//!
//! Only framing is looked at: damage within it is found by RocksDB's checksums. The layout is that of
//! RocksDB's log files (`db/log_format.h`): blocks of 32 KiB, records of checksum, length, kind, payload.

use std::fs;
use std::path::Path;

use super::corrupt;
use crate::store::StoreError;

const BLOCK: usize = 32 << 10;
/// Checksum (4 bytes), length (2 bytes, little-endian), kind (1 byte).
const HEADER: usize = 7;

/// Refuses a database whose list of tables ends in the middle of a record.
pub(super) fn check(database: &Path) -> Result<(), StoreError> {
    // What is missing altogether is RocksDB's to say.
    let Ok(current) = fs::read_to_string(database.join("CURRENT")) else { return Ok(()) };
    let name = current.trim_end();
    let Ok(manifest) = fs::read(database.join(name)) else { return Ok(()) };
    if is_whole(&manifest) { Ok(()) } else { Err(corrupt(database, format!("{name} ends in the middle of a record"))) }
}

fn is_whole(file: &[u8]) -> bool {
    let mut at = 0;
    while at < file.len() {
        let left_in_block = BLOCK - at % BLOCK;
        if left_in_block < HEADER {
            at += left_in_block;
            continue;
        }
        let Some(header) = file.get(at..at + HEADER) else { return false };
        let length = HEADER + usize::from(u16::from_le_bytes([header[4], header[5]]));
        if length > left_in_block {
            return false;
        }
        at += length;
    }
    at == file.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(length: u16) -> Vec<u8> {
        let mut bytes = vec![1, 2, 3, 4];
        bytes.extend(length.to_le_bytes());
        bytes.push(1);
        bytes.resize(HEADER + usize::from(length), 9);
        bytes
    }

    #[test]
    fn records_fill_the_file_and_do_not_cross_blocks() {
        let two = [record(5), record(0)].concat();
        assert!(is_whole(&[]) && is_whole(&two));
        assert!(!is_whole(&two[..two.len() - 1]) && !is_whole(&two[..3]));
        // Less than a header is left in the first block, and the next record begins in the second.
        let padded = [record((BLOCK - HEADER - 3) as u16), vec![0; 3], record(4)].concat();
        assert!(is_whole(&padded));
        let mut longer = two;
        longer[5] = 0x80;
        assert!(!is_whole(&longer));
    }
}
