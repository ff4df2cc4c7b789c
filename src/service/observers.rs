//! A worker watched by two: the service's own figures, and those of its role.

use std::sync::Arc;
use std::time::Duration;

use processor::runtime::{Observer, Phase, Progress, RebalanceKind, TransactionResult};

/// Tells both of everything.
pub(super) struct Both {
    pub(super) first: Arc<dyn Observer>,
    pub(super) second: Arc<dyn Observer>,
}

impl Both {
    fn each(&self, tell: impl Fn(&dyn Observer)) {
        tell(&*self.first);
        tell(&*self.second);
    }
}

impl Observer for Both {
    fn spent(&self, phase: Phase, took: Duration) {
        self.each(|observer| observer.spent(phase, took));
    }

    fn committed(&self, progress: &Progress) {
        self.each(|observer| observer.committed(progress));
    }

    fn rejected(&self, class: &'static str) {
        self.each(|observer| observer.rejected(class));
    }

    fn transaction(&self, result: TransactionResult) {
        self.each(|observer| observer.transaction(result));
    }

    fn rebalanced(&self, kind: RebalanceKind, partitions: &[i32]) {
        self.each(|observer| observer.rebalanced(kind, partitions));
    }

    fn restoring(&self, partition: i32, remaining: i64) {
        self.each(|observer| observer.restoring(partition, remaining));
    }

    fn restored(&self, partition: i32, records: u64, full: bool, took: Duration) {
        self.each(|observer| observer.restored(partition, records, full, took));
    }

    fn lag(&self, partition: i32, records: i64) {
        self.each(|observer| observer.lag(partition, records));
    }
}
