//! The sales of the last 24 hours: a cancellation finds the window its sale was in, and a buyer who
//! buys the SKU again is no further order line.
//!
//! The buyer is the customer, or the order: where no customer is known, and where one customer id makes
//! most of the key's sales, because then it stands for many people.

use schemas::row::{RowError, RowReader, RowWriter};
use schemas::time::DAY_MS;
use schemas::{Quantity, Timestamp};

use super::majority::Majority;
use crate::codec::{Times, list, push};

/// A sale can be taken back in its own window for this long.
pub const CANCELLATION_MS: i64 = DAY_MS;
/// Sales remembered per key. Beyond it the oldest is forgotten: its cancellation then finds no
/// sale, and takes the demand back at its own instant instead.
pub const SALES_MAX: usize = 64;
/// The latest order lines are as many; so many sales without an order id are remembered.
pub const LINES_MAX: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Sale {
    /// Low half of the order id's stable hash: enough among [`SALES_MAX`].
    order: u32,
    buyer: Buyer,
    quantity: Quantity,
    at: Timestamp,
    /// It came too late for its window: its cancellation has nothing to take back.
    late: bool,
}

/// Who bought. Bits 0–14: of the stable hash of the customer, 0 if unknown; bit 15: the sale is no order
/// line, because its buyer had one before.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Buyer(u16);

impl Buyer {
    const NO_LINE: u16 = 1 << 15;

    fn new(customer: Option<u64>) -> Self {
        Self(customer.map_or(0, |hash| (hash as u16 & !Self::NO_LINE).max(1)))
    }

    fn without_line(self) -> Self {
        Self(self.0 | Self::NO_LINE)
    }

    fn is_line(self) -> bool {
        self.0 & Self::NO_LINE == 0
    }

    /// 0 if unknown.
    fn customer(self) -> u16 {
        self.0 & !Self::NO_LINE
    }

    fn is(self, other: Self) -> bool {
        self.customer() != 0 && self.customer() == other.customer()
    }
}

/// A sale to remember.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sold {
    /// Stable hashes.
    pub order: u64,
    pub customer: Option<u64>,
    pub quantity: Quantity,
    pub at: Timestamp,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RecentSales {
    /// Those with an order id, in order of arrival.
    sales: Vec<Sale>,
    /// When the last sales without one were, in order of time: order lines of which nothing else is known.
    others: Vec<Timestamp>,
}

/// When the latest order lines were, the latest first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LatestLines {
    times: [Timestamp; LINES_MAX],
    count: usize,
}

impl LatestLines {
    fn add(&mut self, at: Timestamp) {
        let i = self.as_slice().partition_point(|later| *later >= at);
        if i == LINES_MAX {
            return;
        }
        self.count = (self.count + 1).min(LINES_MAX);
        self.times[i..self.count].rotate_right(1);
        self.times[i] = at;
    }

    #[must_use]
    pub fn as_slice(&self) -> &[Timestamp] {
        &self.times[..self.count]
    }
}

/// What of a cancellation could be matched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cancelled {
    pub quantity: Quantity,
    /// Order lines that are gone altogether.
    pub lines: i32,
    /// The instant of the latest of them.
    pub sold_at: Timestamp,
}

impl RecentSales {
    pub(super) fn is_empty(&self) -> bool {
        self.sales.is_empty() && self.others.is_empty()
    }

    /// Remembers a sale. Whether it is an order line: not if another sale of the last 24 hours is of its order, or
    /// of its customer, unless that has the majority.
    pub(super) fn push(&mut self, sold: Sold, majority: &mut Majority) -> bool {
        let Sold { order, customer, quantity, at } = sold;
        let order = order as u32;
        self.prune(at);
        let buyer = Buyer::new(customer);
        let one_person = !majority.is(buyer.customer());
        let (mut line, mut theirs) = (true, 1);
        for sale in &self.sales {
            line &= sale.order != order && !(one_person && sale.buyer.is(buyer));
            theirs += usize::from(sale.buyer.customer() == buyer.customer());
        }
        if self.sales.len() == SALES_MAX {
            theirs -= usize::from(self.sales.remove(0).buyer.customer() == buyer.customer());
        }
        let remembered = if line { buyer } else { buyer.without_line() };
        push(&mut self.sales, Sale { order, buyer: remembered, quantity, at, late: false });
        if 2 * theirs > self.sales.len() {
            majority.vote(buyer.customer(), at);
        }
        line
    }

    /// The newest sale, if it is of `at`, was kept out of its window.
    pub(super) fn mark_late(&mut self, at: Timestamp) {
        if let Some(sale) = self.sales.last_mut().filter(|sale| sale.at == at) {
            sale.late = true;
        }
    }

    /// Forgets the sales that nobody can cancel in their window any more at `now`; one that arrived
    /// behind a later one stays as long as that.
    pub(super) fn prune(&mut self, now: Timestamp) {
        let over = self.sales.iter().take_while(|sale| now.since(sale.at) > CANCELLATION_MS).count();
        self.sales.drain(..over);
        self.others.retain(|at| now.since(*at) <= CANCELLATION_MS);
    }

    /// Remembers a sale without an order id, which is a line.
    pub(super) fn push_other(&mut self, at: Timestamp) {
        push(&mut self.others, at);
        // By their times, not by their arrival: one source may be behind another.
        self.others.sort_unstable();
        if self.others.len() > LINES_MAX {
            self.others.remove(0);
        }
    }

    /// A sale of which nothing is known was taken back: the last one of its kind.
    pub(super) fn cancel_other(&mut self) {
        self.others.pop();
    }

    /// The latest order lines in `[from, until)`.
    pub(super) fn latest_lines(&self, from: Timestamp, until: Timestamp) -> LatestLines {
        let lines = self.sales.iter().filter(|sale| sale.buyer.is_line()).map(|sale| sale.at);
        let mut latest = LatestLines::default();
        lines.chain(self.others.iter().copied()).filter(|at| *at >= from && *at < until).for_each(|at| latest.add(at));
        latest
    }

    /// Takes up to `quantity` back from the order's sales, the latest first; an order's lines that
    /// straddle midnight go back into the window of the latest. `None` if there is no such sale.
    pub(super) fn cancel(&mut self, order: u64, quantity: Quantity, at: Timestamp) -> Option<Cancelled> {
        let mut found: Option<Cancelled> = None;
        let mut rest = quantity;
        for i in (0..self.sales.len()).rev() {
            let sale = self.sales[i];
            if sale.order != order as u32 || at.since(sale.at) > CANCELLATION_MS || !rest.is_positive() {
                continue;
            }
            let taken = rest.min(sale.quantity);
            rest -= taken;
            let found = found.get_or_insert(Cancelled { quantity: Quantity::ZERO, lines: 0, sold_at: sale.at });
            let whole = taken == sale.quantity;
            if !sale.late {
                found.quantity += taken;
                found.lines += i32::from(whole && sale.buyer.is_line());
            }
            if whole {
                self.sales.remove(i);
            } else {
                self.sales[i].quantity -= taken;
            }
        }
        found
    }

    /// Layout: count; of each sale order (a hash: as a variable-length integer it would be no shorter), late in bit 0 and
    /// buyer above; quantity; time. Then the count and times of sales without an order.
    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        w.unsigned(self.sales.len() as u64);
        let mut times = Times::default();
        for s in &self.sales {
            w.fixed32(s.order);
            w.unsigned(u64::from(s.buyer.0) << 1 | u64::from(s.late));
            w.quantity(s.quantity);
            times.write(w, s.at);
        }
        w.unsigned(self.others.len() as u64);
        self.others.iter().for_each(|at| times.write(w, *at));
    }

    /// Version 1 had late in bit 0 of one number, order in bits 1–32, buyer above.
    pub(super) fn decode(r: &mut RowReader<'_>, version: u8) -> Result<Self, RowError> {
        let mut times = Times::default();
        let sales = list(r, |r| {
            let (order, bits) = if version == 1 {
                let bits = r.unsigned()?;
                ((bits >> 1) as u32, bits >> 32 & !1 | bits & 1)
            } else {
                (r.fixed32()?, r.unsigned()?)
            };
            let (quantity, at) = (r.quantity()?, times.read(r)?);
            Ok(Sale { order, buyer: Buyer((bits >> 1) as u16), quantity, at, late: bits & 1 != 0 })
        })?;
        let others = if version == 1 { Vec::new() } else { list(r, |r| times.read(r))? };
        Ok(Self { sales, others })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(n: i64) -> Quantity {
        Quantity::from_units(n)
    }

    fn hour(n: i64) -> Timestamp {
        Timestamp::from_millis(n * DAY_MS / 24)
    }

    fn sell(sales: &mut RecentSales, order: u64, customer: Option<u64>, quantity: i64, at: i64) -> bool {
        let sold = Sold { order, customer, quantity: units(quantity), at: hour(at) };
        sales.push(sold, &mut Majority::default())
    }

    #[test]
    fn a_cancellation_goes_back_to_its_sale_for_24_hours() {
        let mut sales = RecentSales::default();
        sell(&mut sales, 1, None, 5, 0);
        sell(&mut sales, 2, None, 3, 1);
        assert_eq!(sales.cancel(9, units(1), hour(2)), None);
        let part = Cancelled { quantity: units(2), lines: 0, sold_at: hour(0) };
        assert_eq!(sales.cancel(1, units(2), hour(2)), Some(part));
        let rest = Cancelled { quantity: units(3), lines: 1, sold_at: hour(0) };
        assert_eq!(sales.cancel(1, units(4), hour(24)), Some(rest), "only what was sold comes back");
        assert_eq!(sales.cancel(2, units(3), hour(26)), None, "after 24 h it is another matter");
    }

    #[test]
    fn a_customer_is_one_line_in_24_hours_and_taken_back_once() {
        let mut sales = RecentSales::default();
        assert!(sell(&mut sales, 1, Some(7), 5, 0));
        assert!(!sell(&mut sales, 2, Some(7), 3, 2));
        assert!(sell(&mut sales, 3, Some(8), 1, 3) && sell(&mut sales, 4, None, 1, 3));
        assert!(sell(&mut sales, 5, None, 1, 3), "nobody knows whether it is the same one");
        let mut row = Vec::new();
        sales.encode(&mut RowWriter::new(&mut row));
        assert_eq!(RecentSales::decode(&mut RowReader::new(&row), 2), Ok(sales.clone()));
        assert_eq!(sales.cancel(2, units(3), hour(4)).map(|c| c.lines), Some(0));
        assert_eq!(sales.cancel(1, units(5), hour(4)).map(|c| c.lines), Some(1));
        assert!(sell(&mut sales, 6, Some(8), 1, 28), "a day later they are back");
    }

    #[test]
    fn the_latest_lines_are_those_of_both_kinds_in_order() {
        let mut sales = RecentSales::default();
        sell(&mut sales, 1, Some(7), 1, 2);
        sell(&mut sales, 2, Some(7), 1, 3); // the same buyer
        sales.push_other(hour(5));
        sell(&mut sales, 3, None, 1, 4);
        let latest = |s: &RecentSales, from, until| s.latest_lines(hour(from), hour(until)).as_slice().to_vec();
        assert_eq!(latest(&sales, 0, 24), [hour(5), hour(4), hour(2)]);
        assert_eq!(latest(&sales, 3, 5), [hour(4)]);
        let mut row = Vec::new();
        sales.encode(&mut RowWriter::new(&mut row));
        assert_eq!(RecentSales::decode(&mut RowReader::new(&row), 2), Ok(sales.clone()));
        sales.cancel_other();
        sales.cancel(1, units(1), hour(6));
        assert_eq!(latest(&sales, 0, 24), [hour(4)]);
        (6..23).for_each(|n| sales.push_other(hour(n)));
        assert_eq!(latest(&sales, 0, 24), [22, 21, 20, 19, 18, 17, 16, 15].map(hour));
        sales.prune(hour(48));
        assert!(sales.is_empty());
    }

    #[test]
    fn lines_of_one_order_are_one_line() {
        let mut sales = RecentSales::default();
        assert!(sell(&mut sales, 1, None, 5, 0) && !sell(&mut sales, 1, None, 3, 0));
        assert_eq!(sales.cancel(1, units(3), hour(1)).map(|c| c.lines), Some(0));
        assert_eq!(sales.cancel(1, units(5), hour(1)).map(|c| c.lines), Some(1));
    }

    #[test]
    fn an_id_that_makes_most_sales_is_many_people() {
        let (mut sales, mut majority) = (RecentSales::default(), Majority::default());
        let mut sell = |order, customer, at| {
            let sold = Sold { order, customer, quantity: units(1), at: hour(at) };
            sales.push(sold, &mut majority)
        };
        let lines =
            (0..5).map(|day| (0..3).filter(|n| sell(day * 8 + n, Some(9), day as i64 * 48 + *n as i64)).count());
        assert_eq!(lines.collect::<Vec<_>>(), [1, 1, 1, 3, 3], "known on the fourth day");
        assert!(!sell(34, Some(9), 195), "an order is still one line");
        assert!(sell(40, Some(7), 195) && !sell(41, Some(7), 196), "and others are one person each");
    }

    #[test]
    fn memory_is_bounded() {
        let mut sales = RecentSales::default();
        for i in 0..1000 {
            sell(&mut sales, i, None, 1, 1);
        }
        assert_eq!(sales.sales.len(), SALES_MAX);
        assert!(sales.cancel(999, units(1), hour(2)).is_some() && sales.cancel(0, units(1), hour(2)).is_none());
        sales.prune(hour(26));
        assert!(sales.is_empty());
    }
}
