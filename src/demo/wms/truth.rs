//! What was true: the books over time, kept to judge alerts by after the run.

use std::collections::{BTreeMap, BTreeSet};

use schemas::Timestamp;

/// The books and the demand behind them, by SKU and location.
#[derive(Debug, Default)]
pub struct Truth {
    pub keys: BTreeMap<(String, String), KeyTruth>,
    /// SKUs with a planted problem: what follows from it elsewhere is no surprise.
    pub planted_skus: BTreeSet<String>,
    /// Alerts are judged in `[live_from, end)`; what comes before is history to learn from.
    pub live_from: Timestamp,
    pub end: Timestamp,
}

#[derive(Debug, Default)]
pub struct KeyTruth {
    /// In time order; the last entry of an instant holds.
    pub history: Vec<BookEntry>,
    /// On ordinary days.
    pub units_per_day: f64,
    pub variance_per_day: f64,
    /// Days from order to receipt.
    pub lead_days: f64,
    pub surges: Vec<Surging>,
}

/// The books from an instant on. Whole pieces.
#[derive(Clone, Copy, Debug)]
pub struct BookEntry {
    pub at: Timestamp,
    pub on_hand: i32,
    /// Available + on order, without orders that are stuck on their way.
    pub inventory_position: i32,
}

#[derive(Clone, Copy, Debug)]
pub struct Surging {
    pub from: Timestamp,
    pub until: Timestamp,
    /// Demand relative to ordinary days.
    pub factor: f64,
}

/// A time with an empty shelf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StockOut {
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Truth {
    #[must_use]
    pub fn key(&self, sku: &str, location: &str) -> Option<&KeyTruth> {
        self.keys.get(&(sku.to_owned(), location.to_owned()))
    }
}

impl KeyTruth {
    /// The books after everything that happened at or before `at`.
    #[must_use]
    pub fn books_at(&self, at: Timestamp) -> Option<BookEntry> {
        let after = self.history.partition_point(|entry| entry.at <= at);
        after.checked_sub(1).map(|last| self.history[last])
    }

    /// Demand relative to ordinary days.
    #[must_use]
    pub fn factor_at(&self, at: Timestamp) -> f64 {
        self.surges.iter().filter(|s| s.from <= at && at < s.until).map(|s| s.factor).product()
    }

    /// The stock an order placed now would need to be too late for once in a hundred times.
    #[must_use]
    pub fn need_at(&self, at: Timestamp) -> f64 {
        need(self.units_per_day, self.variance_per_day, self.lead_days, self.factor_at(at))
    }

    /// Times with nothing on hand that began in `[from, until)`.
    #[must_use]
    pub fn stock_outs(&self, from: Timestamp, until: Timestamp) -> Vec<StockOut> {
        let mut found: Vec<StockOut> = Vec::new();
        let mut empty_since = None;
        for entry in &self.history {
            match (empty_since, entry.on_hand <= 0) {
                (None, true) => empty_since = Some(entry.at),
                (Some(since), false) => {
                    found.push(StockOut { from: since, until: entry.at });
                    empty_since = None;
                }
                _ => {}
            }
        }
        found.extend(empty_since.map(|since| StockOut { from: since, until }));
        found.retain(|s| s.from >= from && s.from < until && s.until > s.from);
        found
    }
}

/// Lead-time demand at the 99 % quantile of the normal distribution (Silver, Pyke & Thomas 2017, §6.7).
#[must_use]
pub fn need(units_per_day: f64, variance_per_day: f64, lead_days: f64, factor: f64) -> f64 {
    units_per_day * factor * lead_days + 2.33 * (variance_per_day * factor * lead_days).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn history(entries: &[(i64, i32)]) -> KeyTruth {
        let entry = |&(ms, on_hand): &(i64, i32)| BookEntry { at: at(ms), on_hand, inventory_position: on_hand };
        KeyTruth { history: entries.iter().map(entry).collect(), ..KeyTruth::default() }
    }

    #[test]
    fn the_books_hold_from_their_entry_on() {
        let key = history(&[(10, 5), (20, 3), (20, 2)]);
        assert!(key.books_at(at(9)).is_none());
        assert_eq!(key.books_at(at(10)).unwrap().on_hand, 5);
        assert_eq!(key.books_at(at(20)).unwrap().on_hand, 2);
    }

    #[test]
    fn an_empty_shelf_is_one_stock_out_until_it_fills() {
        let key = history(&[(0, 1), (5, 0), (6, 0), (9, 4), (12, 0)]);
        let runs = key.stock_outs(at(0), at(100));
        assert_eq!(runs, [StockOut { from: at(5), until: at(9) }, StockOut { from: at(12), until: at(100) }]);
        assert_eq!(key.stock_outs(at(6), at(100)).len(), 1);
    }
}
