//! The row that a partition keeps for all of its keys: the open sums of its aggregates, and what it
//! knows of the site.
//!
//! Version 1 began with the number of the site's sums and had the site's version only. Since version 2 a byte
//! leads that no such number begins with, and the version follows it.

use rules::feeds::FeedSums;
use rules::site::{SiteLevel, SiteSums};
use schemas::row::{RowError, RowReader, RowWriter};

use crate::stages::rows::Examined;

const ROW_VERSION: u8 = 2;
const VERSIONED: u8 = 0x80;

/// Layout: 0x80, version; the site's open sums, those by category and supplier, the feeds', the site.
pub(super) fn encode(sums: &SiteSums, feeds: &FeedSums, site: &SiteLevel, out: &mut Vec<u8>) {
    let open = sums.clone().take();
    let mut w = RowWriter::new(out);
    w.u8(VERSIONED);
    w.u8(ROW_VERSION);
    w.unsigned(open.len() as u64);
    for sum in &open {
        w.signed(*sum);
    }
    sums.encode_keyed(&mut w);
    feeds.encode(&mut w);
    site.encode(out);
}

pub(super) fn decode(row: &[u8]) -> Result<(SiteSums, FeedSums, SiteLevel), RowError> {
    let (sums, feeds, site) = split(row)?;
    Ok((sums, feeds, SiteLevel::decode(site)?))
}

/// The open sums, and the row of the site.
fn split(row: &[u8]) -> Result<(SiteSums, FeedSums, &[u8]), RowError> {
    let versioned = row.first() == Some(&VERSIONED);
    let mut r = RowReader::new(if versioned { &row[1..] } else { row });
    if versioned {
        let found = r.u8()?;
        if found > ROW_VERSION {
            return Err(RowError::TooNew { found, newest: ROW_VERSION });
        }
    }
    let mut sums = Vec::new();
    for _ in 0..r.unsigned()? {
        sums.push(r.signed()?);
    }
    let mut sums = SiteSums::from_totals(&sums);
    if versioned {
        sums.decode_keyed(&mut r)?;
    }
    let feeds = if versioned { FeedSums::decode(&mut r)? } else { FeedSums::default() };
    Ok((sums, feeds, r.rest()))
}

/// What the row is.
pub fn examine_shared(row: &[u8]) -> Examined {
    let of_site = || split(row).map_or(row.len(), |(_, _, site)| row.len() - site.len());
    let version_at = if row.first() == Some(&VERSIONED) { 1 } else { of_site() };
    Examined::new("shared", row, version_at, decode(row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn golden_rows_of_every_version_are_read() {
        let level = |version| SiteLevel::decode(&golden::row("site", version)).unwrap();
        let mut sums = SiteSums::from_totals(&[7, 1000, -3]);
        sums.record_receipt("ACME", 5.5);
        let mut feeds = FeedSums::default();
        feeds.tell("STORE-7", true);
        let mut row = Vec::new();
        encode(&sums, &feeds, &level(2), &mut row);
        assert_eq!(examine_shared(&row).version, Some(ROW_VERSION));
        golden::check("process_shared", ROW_VERSION, &row, |version, past| {
            let (sums, feeds, site) = decode(past).unwrap();
            assert_eq!(sums.clone().take(), [7, 1000, -3]);
            assert_eq!(sums.clone().take_keyed().len(), usize::from(version > 1));
            assert_eq!(site, level(version));
            assert_eq!(feeds.clone().take(0).len(), usize::from(version > 1));
        });
        golden::refuses_newer("process_shared", ROW_VERSION, 1, |row| decode(row).map(drop));
    }
}
