//! What is going to happen, in the order it will: the simulation's agenda.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
};

use schemas::{Day, Timestamp};

/// An index of (site, item): see `World::key`.
pub type Key = usize;

/// One thing that happens to the chain. Units are whole pieces.
#[derive(Clone, Debug)]
pub enum Happening {
    /// Local midnight: the day's shoppers and chores are drawn.
    Day {
        site: usize,
        day: Day,
    },
    /// The local planner looks at every shelf and orders.
    Review {
        site: usize,
    },
    Shopper {
        key: Key,
        units: i64,
        channel: Channel,
    },
    /// The end of a reservation: picked up and paid, or let go.
    PickUp {
        key: Key,
        order: String,
        units: i64,
        collected: bool,
    },
    CancelSale {
        key: Key,
        order: String,
        units: i64,
    },
    Return {
        key: Key,
        order: String,
        units: i64,
    },
    /// The warehouse sends what a store ordered.
    Ship {
        store: Key,
        document: String,
        units: i64,
    },
    /// A delivery stands at the door.
    Arrive {
        key: Key,
        document: String,
        units: i64,
    },
    /// A buyer takes back part of an order.
    Correct {
        key: Key,
        document: String,
        units: i64,
    },
    /// Surplus leaves for another store, and comes in there.
    MoveOut {
        key: Key,
        to: usize,
        units: i64,
    },
    MoveIn {
        key: Key,
        from: usize,
        document: String,
        units: i64,
    },
    Count {
        key: Key,
    },
    CheckBalance {
        key: Key,
    },
    Damage {
        key: Key,
    },
    /// One step of a planted problem.
    Step {
        plant: usize,
        step: usize,
    },
    /// A planted problem ends: deliveries and orders go their usual way again.
    Relief {
        plant: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Till,
    Online,
    ClickAndCollect,
}

/// The agenda. Happenings of one instant come in the order they were entered.
#[derive(Debug, Default)]
pub struct Schedule {
    heap: BinaryHeap<Reverse<Entry>>,
    entered: u64,
}

#[derive(Debug)]
struct Entry {
    at: Timestamp,
    order: u64,
    happening: Happening,
}

impl Schedule {
    pub fn enter(&mut self, at: Timestamp, happening: Happening) {
        self.entered += 1;
        self.heap.push(Reverse(Entry { at, order: self.entered, happening }));
    }

    /// The next happening before `until`, if there is one.
    pub fn next_before(&mut self, until: Timestamp) -> Option<(Timestamp, Happening)> {
        if self.heap.peek().is_none_or(|next| next.0.at >= until) {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.happening))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn happenings_come_by_time_then_by_entry() {
        let mut schedule = Schedule::default();
        for (at, key) in [(5, 1), (3, 2), (5, 3), (9, 4)] {
            schedule.enter(Timestamp::from_millis(at), Happening::Count { key });
        }
        let mut keys = Vec::new();
        while let Some((_, Happening::Count { key })) = schedule.next_before(Timestamp::from_millis(9)) {
            keys.push(key);
        }
        assert_eq!(keys, [2, 1, 3]);
    }
}
