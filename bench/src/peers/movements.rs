//! Real stock movements, at as many locations as wanted: every copy has the same movements, in the same order.
//!
//! They come without stock and without deliveries that belong to an item. Both are added: a balance before the first
//! movement of an item, and a delivery right after what sold it out. Time is pressed into most of a day, so that no day
//! ends: what `process` does then is no part of the job.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use schemas::{InventoryEvent, Quantity, StockChange, Timestamp, canonical};

use super::REORDER_POINT_THOUSANDTHS;
use crate::stream::START;

/// The stand-ins that carry the orders of a supplier: they have no stock.
const STAND_IN: &str = "PO-";
const SPAN_MS: i64 = 20 * 3_600_000;
const SMALLEST_STOCK: i64 = 60;
const DELIVERY: i64 = 240;

pub(super) struct Movements {
    lines: Vec<Vec<u8>>,
    copies: u32,
    first: Timestamp,
    span_ms: i64,
    /// Movement and copy that come next.
    at: (usize, u32),
    /// On hand by SKU, one for each copy, in thousandths.
    books: BTreeMap<String, Vec<i64>>,
    waiting: VecDeque<Vec<u8>>,
    added: u64,
}

impl fmt::Display for Movements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lines, copies, .. } = self;
        write!(f, "{} real movements at {copies} locations, with their stock and deliveries made up", lines.len())
    }
}

impl Movements {
    pub(super) fn read(path: &Path, limit: usize, copies: u32) -> Result<Self> {
        let failed = || format!("cannot read {}", path.display());
        let (mut lines, mut times) = (Vec::new(), Vec::new());
        for line in BufReader::new(File::open(path).with_context(failed)?).split(b'\n') {
            let line = line.with_context(failed)?;
            let event = canonical::decode_event(&line).map_err(|e| anyhow!("{}: {}", path.display(), e.message))?;
            if lines.len() < limit && !event.sku.starts_with(STAND_IN) {
                times.push(event.occurred_at);
                lines.push(line);
            }
        }
        let (Some(first), Some(last)) = (times.first().copied(), times.last()) else {
            return Err(anyhow!("{} has no movements", path.display()));
        };
        ensure!(copies > 0, "movements need a location");
        let span_ms = last.since(first).max(1);
        let (books, waiting) = (BTreeMap::new(), VecDeque::new());
        Ok(Self { lines, copies, first, span_ms, at: (0, 0), books, waiting, added: 0 })
    }

    /// About as many as there will be.
    pub(super) fn lines(&self) -> u64 {
        self.lines.len() as u64 * u64::from(self.copies)
    }

    /// Appends the next line; false when there are no more.
    pub(super) fn next(&mut self, line: &mut Vec<u8>) -> bool {
        if self.waiting.is_empty() && !self.move_on() {
            return false;
        }
        line.extend(self.waiting.pop_front().unwrap_or_default());
        true
    }

    /// The next movement, with the balance before and the delivery after it.
    fn move_on(&mut self) -> bool {
        let (n, copy) = self.at;
        let Some(line) = self.lines.get(n) else { return false };
        self.at = if copy + 1 == self.copies { (n + 1, 0) } else { (n, copy + 1) };
        // It was decoded when it was read.
        let Ok(mut event) = canonical::decode_event(line) else { return false };
        let since = event.occurred_at.since(self.first);
        event.occurred_at = START.plus_ms((i128::from(since) * i128::from(SPAN_MS) / i128::from(self.span_ms)) as i64);
        event.event_id = format!("{}/{copy}", event.event_id).into();
        event.location = format!("MAIN-{copy:02}").into();
        let copies = self.copies as usize;
        if !self.books.contains_key(&*event.sku) {
            self.books.insert(event.sku.to_string(), vec![i64::MIN; copies]);
        }
        let Some(book) = self.books.get_mut(&*event.sku).and_then(|books| books.get_mut(copy as usize)) else {
            return false;
        };
        let (mut before, mut after) = (None, None);
        if *book == i64::MIN {
            let on_hand = Quantity::from_units(SMALLEST_STOCK + (n as i64 * 7 + i64::from(copy) * 13) % DELIVERY);
            *book = on_hand.thousandths();
            before = Some(StockChange::BalanceObserved { on_hand });
        }
        *book += effect(&event.change);
        if *book <= REORDER_POINT_THOUSANDTHS {
            let quantity = Quantity::from_thousandths(Quantity::from_units(DELIVERY).thousandths() - *book);
            *book += quantity.thousandths();
            after = Some(StockChange::Received { quantity, po_id: None, supplier: None });
        }
        let changes = [before, None, after];
        for (place, change) in changes.into_iter().enumerate() {
            let mut text = Vec::new();
            match change {
                Some(change) => {
                    self.added += 1;
                    let event_id = format!("added/{}", self.added).into();
                    canonical::write_event(&InventoryEvent { event_id, change, ..event.clone() }, &mut text);
                }
                None if place == 1 => canonical::write_event(&event, &mut text),
                None => continue,
            }
            self.waiting.push_back(text);
        }
        true
    }
}

/// What a movement does to the stock, in thousandths.
fn effect(change: &StockChange<'_>) -> i64 {
    match change {
        StockChange::Sold { quantity, .. } => -quantity.thousandths(),
        StockChange::SaleCancelled { quantity, .. }
        | StockChange::Returned { quantity, .. }
        | StockChange::Adjusted { quantity, .. } => quantity.thousandths(),
        _ => 0,
    }
}
