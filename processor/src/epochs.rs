//! Aggregates that span partitions: integer sums per epoch of stream time.
//!
//! Every partition publishes its partial sums when its stream time leaves an epoch; the board adds
//! them up. In epoch *e* a task uses exactly the totals up to *e − 2*, so that what it decides does
//! not depend on how fast its neighbours are. Sums are integers: floating sums would depend on the
//! number of partitions.

use std::collections::BTreeMap;

use schemas::Timestamp;
use schemas::stream::AggregatePartial;

use crate::operator::Sums;

/// How far behind its own epoch a task reads the aggregates.
pub const EPOCH_LAG: i64 = 2;

/// Number of the epoch an instant falls into.
pub fn epoch_of(at: Timestamp, epoch_ms: i64) -> i64 {
    at.millis().div_euclid(epoch_ms)
}

/// The instant an epoch begins.
pub fn epoch_start(epoch: i64, epoch_ms: i64) -> Timestamp {
    Timestamp::from_millis(epoch.saturating_mul(epoch_ms))
}

type Partials = BTreeMap<(String, String, i32), Vec<i64>>;

/// What is known of all partitions' sums. Partials are absolute: the same one twice counts once.
#[derive(Debug)]
pub struct EpochBoard {
    closed_through: Vec<i64>,
    epochs: BTreeMap<i64, Partials>,
}

impl EpochBoard {
    pub fn new(partitions: i32) -> Self {
        Self { closed_through: vec![i64::MIN; usize::try_from(partitions).unwrap_or(0)], epochs: BTreeMap::new() }
    }

    /// Takes in the next partial of the log; one of a partition this topic does not have is ignored.
    pub fn add(&mut self, partial: &AggregatePartial) {
        let Some(closed) = self.closed_of(partial.partition) else { return };
        *closed = (*closed).max(partial.closed_through);
        if partial.sums.iter().any(|s| *s != 0) {
            let key = (partial.scope.clone(), partial.id.clone(), partial.partition);
            self.epochs.entry(partial.epoch).or_default().insert(key, partial.sums.clone());
        }
    }

    /// Takes in a partial before it is read from the log. Where what its partition published before is not known
    /// either, it comes with that: a board that has been begun again may not have read so far.
    pub fn add_early(&mut self, partial: &AggregatePartial) {
        let follows = |closed: &mut i64| *closed > i64::MIN && partial.epoch <= closed.saturating_add(1);
        if self.closed_of(partial.partition).is_some_and(follows) {
            self.add(partial);
        }
    }

    fn closed_of(&mut self, partition: i32) -> Option<&mut i64> {
        self.closed_through.get_mut(usize::try_from(partition).ok()?)
    }

    /// Every partition has published all epochs up to this one.
    pub fn complete_through(&self) -> i64 {
        self.closed_through.iter().copied().min().unwrap_or(i64::MAX)
    }

    /// Totals of the epochs in `(after, through]` that have any, in order.
    pub fn totals(&self, after: i64, through: i64) -> impl Iterator<Item = (i64, Vec<Sums>)> + '_ {
        let range = after.saturating_add(1)..=through.max(after.saturating_add(1));
        self.epochs.range(range).filter(move |(e, _)| **e <= through).map(|(e, partials)| (*e, total(partials)))
    }

    /// Forgets the epochs that every task has applied.
    pub fn prune(&mut self, applied_through: i64) {
        self.epochs = self.epochs.split_off(&applied_through.saturating_add(1));
    }
}

fn total(partials: &Partials) -> Vec<Sums> {
    let mut totals: Vec<Sums> = Vec::new();
    for ((scope, id, _), sums) in partials {
        match totals.last_mut() {
            Some(last) if last.scope == *scope && last.id == *id => add(&mut last.sums, sums),
            _ => totals.push(Sums { scope: scope.clone(), id: id.clone(), sums: sums.clone() }),
        }
    }
    totals
}

/// Element by element; a newer binary's longer vector keeps its tail.
fn add(total: &mut Vec<i64>, sums: &[i64]) {
    if total.len() < sums.len() {
        total.resize(sums.len(), 0);
    }
    for (t, s) in total.iter_mut().zip(sums) {
        *t = t.saturating_add(*s);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partial(partition: i32, epoch: i64, closed_through: i64, sums: &[i64]) -> AggregatePartial {
        AggregatePartial {
            scope: "site".into(),
            id: "all".into(),
            epoch,
            closed_through,
            partition,
            sums: sums.to_vec(),
        }
    }

    #[test]
    fn an_epoch_is_complete_when_every_partition_has_closed_it() {
        let mut board = EpochBoard::new(2);
        board.add(&partial(0, 10, 12, &[1, 2]));
        assert_eq!(board.complete_through(), i64::MIN);
        board.add(&partial(1, 10, 10, &[3, 4]));
        assert_eq!(board.complete_through(), 10);
        let totals: Vec<_> = board.totals(9, 10).collect();
        assert_eq!(totals, [(10, vec![Sums { scope: "site".into(), id: "all".into(), sums: vec![4, 6] }])]);
        assert_eq!(board.totals(10, 10).count(), 0);
    }

    #[test]
    fn what_comes_early_leaves_no_gap() {
        let mut board = EpochBoard::new(1);
        board.add_early(&partial(0, 4, 4, &[1]));
        assert_eq!(board.complete_through(), i64::MIN, "whether anything came before nobody knows");
        board.add(&partial(0, 4, 4, &[1]));
        board.add_early(&partial(0, 6, 6, &[3]));
        assert_eq!(board.complete_through(), 4, "what was published of 5 is not known");
        board.add_early(&partial(0, 5, 5, &[2]));
        board.add_early(&partial(0, 6, 9, &[3]));
        let sums: Vec<_> = board.totals(3, 9).map(|(epoch, totals)| (epoch, totals[0].sums[0])).collect();
        assert_eq!((board.complete_through(), sums), (9, vec![(4, 1), (5, 2), (6, 3)]));
    }

    #[test]
    fn the_same_partial_twice_counts_once() {
        let mut board = EpochBoard::new(1);
        board.add(&partial(0, 5, 5, &[7]));
        board.add(&partial(0, 5, 5, &[7]));
        assert_eq!(board.totals(i64::MIN, 5).next().map(|t| t.1[0].sums.clone()), Some(vec![7]));
        board.prune(5);
        assert_eq!(board.totals(i64::MIN, 9).count(), 0);
    }
}
