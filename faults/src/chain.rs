//! A made-up chain of shops without end: days of sales, deliveries, counts, returns and empty shelves,
//! drawn from a seed. Some changes come twice, some late.

use std::collections::VecDeque;
use std::fmt::Write;

use fastrand::Rng;
use schemas::Timestamp;
use schemas::time::{DAY_MS, MINUTE_MS};
use test_services::feed::Line;

pub(crate) const SKUS: u32 = 100;
const SHOPS: u32 = 16;
/// 2026-03-01, a Sunday.
const FIRST_DAY: i64 = 20_513;
const OPEN_MINUTE: i64 = 480;
const OPEN_MINUTES: i64 = 600;
const TWICE: f64 = 0.02;
const LATE: f64 = 0.02;
/// A late change comes after so many others.
const LATE_BY: usize = 40;

pub(crate) struct Chain {
    random: Rng,
    day: i64,
    number: u64,
    today: VecDeque<Line>,
    late: VecDeque<(usize, Line)>,
}

impl Chain {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self { random: Rng::with_seed(seed), day: FIRST_DAY, number: 0, today: VecDeque::new(), late: VecDeque::new() }
    }

    /// The catalogue, a line an item under its SKU.
    pub(crate) fn catalog() -> Vec<Line> {
        let item = |sku: u32| {
            let (days, tags) = (2 + sku % 7, if sku.is_multiple_of(3) { "\"scored\"" } else { "" });
            let text = format!(
                "{{\"sku\":\"SKU-{sku}\",\"name\":\"item {sku}\",\"category\":\"c{}\",\"supplier\":\"S{}\",\
                 \"unit_price\":\"{}.50\",\"lead_time_days\":{days},\"tags\":[{tags}]}}",
                sku % 4,
                sku % 5,
                sku + 1
            );
            Line { key: format!("SKU-{sku}"), text: text.into_bytes() }
        };
        (0..SKUS).map(item).collect()
    }

    /// The next change. `hot`: the share of changes that are about one SKU.
    pub(crate) fn next(&mut self, hot: f64) -> Line {
        if self.random.f64() < hot {
            return self.hot_sale();
        }
        for (left, _) in &mut self.late {
            *left = left.saturating_sub(1);
        }
        if let Some((_, line)) = self.late.pop_front_if(|(left, _)| *left == 0) {
            return line;
        }
        let line = loop {
            match self.today.pop_front() {
                Some(line) => break line,
                None => self.begin_day(),
            }
        };
        if self.random.f64() < TWICE {
            self.late.push_back((1, Line { key: line.key.clone(), text: line.text.clone() }));
        }
        if self.random.f64() < LATE {
            self.late.push_back((LATE_BY, line));
            return self.next(0.0);
        }
        line
    }

    fn hot_sale(&mut self) -> Line {
        let at = self.day * DAY_MS + (OPEN_MINUTE + self.random.i64(0..OPEN_MINUTES)) * MINUTE_MS;
        let order = self.number;
        self.change(0, 0, at, &format!("\"type\":\"sold\",\"quantity\":1,\"order_id\":\"hot-{order}\""))
    }

    fn begin_day(&mut self) {
        self.day += 1;
        let mut lines = Vec::new();
        for sku in 0..SKUS {
            for shop in 0..SHOPS {
                self.day_of(sku, shop, &mut lines);
            }
        }
        lines.sort_by_key(|(at, _)| *at);
        self.today = lines.into_iter().map(|(_, line)| line).collect();
    }

    fn day_of(&mut self, sku: u32, shop: u32, lines: &mut Vec<(i64, Line)>) {
        let mut push = |chain: &mut Self, minute: i64, change: &str| {
            let at = chain.day * DAY_MS + minute * MINUTE_MS;
            lines.push((at, chain.change(sku, shop, at, change)));
        };
        if self.day % 14 == i64::from(sku % 14) {
            let on_hand = self.random.u32(5..50);
            push(self, 5, &format!("\"type\":\"balance_observed\",\"on_hand\":{on_hand}"));
        }
        if self.random.u32(0..200) == 0 {
            push(self, 6, "\"type\":\"balance_observed\",\"on_hand\":0");
        }
        let surges = self.day % 23 == i64::from(sku % 23);
        let sales = if sku.is_multiple_of(4) || self.random.u32(0..6) == 0 { self.random.u32(0..3) } else { 0 };
        for sale in 0..sales * if surges { 5 } else { 1 } {
            let (minute, quantity) = (OPEN_MINUTE + self.random.i64(0..OPEN_MINUTES), self.random.u32(1..5));
            let order = format!("o-{}-{sku}-{shop}-{sale}", self.day);
            push(self, minute, &format!("\"type\":\"sold\",\"quantity\":{quantity},\"order_id\":\"{order}\""));
        }
        if self.random.u32(0..12) == 0 {
            let quantity = self.random.u32(5..25);
            push(self, 420, &format!("\"type\":\"received\",\"quantity\":{quantity}"));
        }
    }

    fn change(&mut self, sku: u32, shop: u32, at: i64, change: &str) -> Line {
        self.number += 1;
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "{{\"event_id\":\"e{}\",\"sku\":\"SKU-{sku}\",\"location\":\"SHOP-{shop}\",\"occurred_at\":\"{}\",\
             \"change\":{{{change}}}}}",
            self.number,
            Timestamp::from_millis(at)
        );
        Line { key: format!("SKU-{sku}"), text: text.into_bytes() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(seed: u64) -> Vec<String> {
        let mut chain = Chain::seeded(seed);
        (0..2_000).map(|_| String::from_utf8(chain.next(0.1).text).unwrap()).collect()
    }

    #[test]
    fn a_seed_is_a_chain_and_its_changes_are_canonical() {
        assert_eq!(lines(3), lines(3));
        assert_ne!(lines(3), lines(4));
        for line in lines(3) {
            schemas::canonical::decode_event(line.as_bytes()).unwrap();
        }
    }
}
