//! What past versions have left in changelogs.

use schemas::SourcePosition;

use super::*;
use crate::golden;
use crate::stages::ingest::sources::Sources;
use crate::stages::ingest::{decode_shared, encode_shared, examine_shared};

#[test]
fn golden_rows_of_every_version_are_read() {
    let mut sources = Sources::new(1);
    let input = input(Content::StockChanges);
    for (partition, position) in [(1, "42"), (3, "page-7")] {
        let (source, time) = ("wms".into(), at("2026-11-22T08:00:00Z"));
        sources.hear(&input, &SourcePosition { source, partition, position: position.into(), time });
    }
    let mut row = Vec::new();
    encode_shared(&sources, 300, &mut row);
    let version = examine_shared(&row).version.unwrap();
    golden::check("ingest_shared", version, &row, |_, past| {
        let (read, taken) = decode_shared(1, past).unwrap();
        let mut again = Vec::new();
        encode_shared(&read, taken, &mut again);
        assert_eq!((again, taken), (row.clone(), 300));
    });
    golden::refuses_newer("ingest_shared", version, 0, |row| decode_shared(1, row).map(drop));
}
