//! The row that a partition keeps for all of its keys: the open sums of its aggregates, and what it
//! knows of the site. The version is the site's; the sums before it are a list that may grow.

use rules::site::{SiteLevel, SiteSums};
use schemas::row::{RowError, RowReader, RowWriter};

use crate::stages::rows::Examined;

pub(super) fn encode(sums: &SiteSums, site: &SiteLevel, out: &mut Vec<u8>) {
    let open = sums.clone().take();
    let mut w = RowWriter::new(out);
    w.unsigned(open.len() as u64);
    for sum in &open {
        w.signed(*sum);
    }
    site.encode(out);
}

pub(super) fn decode(row: &[u8]) -> Result<(SiteSums, SiteLevel), RowError> {
    let (sums, site) = split(row)?;
    Ok((SiteSums::from_totals(&sums), SiteLevel::decode(site)?))
}

/// The open sums, and the row of the site.
fn split(row: &[u8]) -> Result<(Vec<i64>, &[u8]), RowError> {
    let mut r = RowReader::new(row);
    let mut sums = Vec::new();
    for _ in 0..r.unsigned()? {
        sums.push(r.signed()?);
    }
    Ok((sums, r.rest()))
}

/// What the row is.
pub fn examine_shared(row: &[u8]) -> Examined {
    let version_at = split(row).map_or(row.len(), |(_, site)| row.len() - site.len());
    Examined::new("shared", row, version_at, decode(row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn golden_rows_of_every_version_are_read() {
        let site = golden::row("site", 1);
        let (sums, site) = (SiteSums::from_totals(&[7, 1000, -3]), SiteLevel::decode(&site).unwrap());
        let mut row = Vec::new();
        encode(&sums, &site, &mut row);
        let version = examine_shared(&row).version.unwrap();
        golden::check("process_shared", version, &row, |_, past| {
            let (sums, read) = decode(past).unwrap();
            let mut again = Vec::new();
            encode(&sums, &read, &mut again);
            assert_eq!(again, row);
        });
        let at = row.len() - golden::row("site", version).len();
        golden::refuses_newer("process_shared", version, at, |row| decode(row).map(drop));
    }
}
