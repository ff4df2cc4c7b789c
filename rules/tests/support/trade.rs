//! A site that has been watched for two weeks: what usually leaves it, and when.

use rules::outbound::Line;
use rules::site::{EPOCH_MS, SiteLevel, SiteSums};
use schemas::time::{DAY_MS, HOUR_MS};
use schemas::{Quantity, StockChange, Timestamp};

/// From eight to eight (UTC) on each of the fourteen days before that of `until`, in each quarter of an hour, so many
/// sales of the usual size to customers who ordered, and so many write-offs of damaged goods, all with a document.
pub(crate) fn watch(site: &mut SiteLevel, until: Timestamp, mut lines: impl Iterator<Item = i64>) {
    let mut next = || lines.next().expect("lines in a quarter of an hour");
    let (sales, write_offs) = (next(), next());
    let unit = Quantity::from_units(1);
    let id = Some("1".into());
    let sold = StockChange::Sold { quantity: unit, order_id: id.clone(), customer: id.clone(), unit_price: None };
    let written_off = StockChange::Adjusted { quantity: -unit, reason: Some("damaged".into()), document: id };
    let midnight = until.millis().div_euclid(DAY_MS) * DAY_MS;
    for start in (0..14 * DAY_MS / EPOCH_MS).map(|n| midnight - 14 * DAY_MS + n * EPOCH_MS) {
        let open = (8..20).contains(&(start.rem_euclid(DAY_MS) / HOUR_MS));
        let mut sums = SiteSums::from_totals(&[if open { sales } else { 0 }]);
        for (change, lines) in [(&sold, sales), (&written_off, write_offs)] {
            let line = Line::of(change).expect("it leaves");
            (0..if open { lines } else { 0 }).for_each(|_| sums.outbound.record(&line, 1.0));
        }
        site.apply_epoch(start / EPOCH_MS, &sums.take());
    }
}
