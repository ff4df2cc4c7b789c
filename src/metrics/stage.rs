//! What the runtime tells about its workers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use processor::runtime::{Clock, Observer, OutcomeCounts, Phase, Progress, RebalanceKind, TransactionResult};
use prometheus::{GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Result};
use schemas::Timestamp;

use super::Families;
use super::families::{END_TO_END, FAST};

const PARTITION: &[&str] = &["topic", "partition"];
const PHASES: [(Phase, &str); 3] = [(Phase::Apply, "apply"), (Phase::Commit, "commit"), (Phase::Flush, "flush")];
const RESULTS: [(TransactionResult, &str); 4] = [
    (TransactionResult::Committed, "committed"),
    (TransactionResult::Aborted, "aborted"),
    (TransactionResult::InDoubt, "in_doubt"),
    (TransactionResult::Fenced, "fenced"),
];
const REBALANCES: [(RebalanceKind, &str); 3] =
    [(RebalanceKind::Assigned, "assigned"), (RebalanceKind::Revoked, "revoked"), (RebalanceKind::Lost, "lost")];
const OUTCOMES: [&str; 4] = ["ok", "duplicate", "late", "filtered"];

fn name_of<T: PartialEq>(names: &[(T, &'static str)], of: &T) -> &'static str {
    names.iter().find(|(one, _)| one == of).map_or("other", |(_, name)| name)
}

/// Figures of all workers of the process.
#[derive(Clone)]
pub struct StageMetrics {
    consumed: IntCounterVec,
    position: IntGaugeVec,
    lag: IntGaugeVec,
    lag_seconds: GaugeVec,
    stream_time: GaugeVec,
    restore_remaining: IntGaugeVec,
    assigned: IntGaugeVec,
    partitions: IntGaugeVec,
    processed: IntCounterVec,
    dead_letters: IntCounterVec,
    batch: HistogramVec,
    rebalances: IntCounterVec,
    transactions: IntCounterVec,
    restored: IntCounterVec,
    restore: Histogram,
}

impl StageMetrics {
    pub(super) fn new(families: &Families) -> Result<Self> {
        let metrics = Self {
            consumed: families.counters("records_consumed_total", PARTITION, "Records read and committed.")?,
            position: families.gauges("consumer_position_offset", PARTITION, "Offset of the next record, as committed.")?,
            lag: families.gauges(
                "consumer_lag_records",
                PARTITION,
                "Offsets between the last stable offset and the position; transaction markers may be among them.",
            )?,
            lag_seconds: families.levels(
                "consumer_lag_seconds",
                PARTITION,
                "0 without lag; otherwise the age of the last record processed, but no more than the time since there was \
                 no lag.",
            )?,
            stream_time: families.levels(
                "stream_time_seconds",
                PARTITION,
                "Stream time of a partition, in seconds since 1970: how far the data have come.",
            )?,
            restore_remaining: families.gauges(
                "restore_remaining_records",
                PARTITION,
                "Offsets of the changelog still to be read before the partition opens.",
            )?,
            assigned: families.gauges("assigned_partitions", &["topic"], "Partitions this process owns.")?,
            partitions: families.gauges("topic_partitions", &["topic"], "Partitions the topic has.")?,
            processed: families.counters(
                "records_processed_total",
                &["outcome"],
                "Records that could be used, by what became of them; committed.",
            )?,
            dead_letters: families.counters(
                "dead_letter_records_total",
                &["stage", "reason"],
                "Records that could not be used and went to the dead letters, by the class of the reason.",
            )?,
            batch: families.histograms(
                "batch_duration_seconds",
                &["stage"],
                &FAST,
                "Time of a worker: decoding and folding a batch (apply), a transaction (commit), bringing the stores up to \
                 date (flush).",
            )?,
            rebalances: families.counters("rebalances_total", &["kind"], "Changes of who owns which partitions.")?,
            transactions: families.counters("transactions_total", &["result"], "Transactions, by how they ended.")?,
            restored: families.counters(
                "restored_records_total",
                &["kind"],
                "Rows of changelogs read before partitions opened: delta after a restart, full without usable local state.",
            )?,
            restore: families.histogram(
                "restore_duration_seconds",
                &END_TO_END,
                "From the assignment of a partition until it is open.",
            )?,
        };
        metrics.expect_closed_sets();
        Ok(metrics)
    }

    fn expect_closed_sets(&self) {
        for (_, name) in PHASES {
            self.batch.with_label_values(&[name]);
        }
        for (_, name) in RESULTS {
            self.transactions.with_label_values(&[name]);
        }
        for (_, name) in REBALANCES {
            self.rebalances.with_label_values(&[name]);
        }
        for name in OUTCOMES {
            self.processed.with_label_values(&[name]);
        }
        for name in ["delta", "full"] {
            self.restored.with_label_values(&[name]);
        }
    }

    /// Makes the figures of a stage, at zero. `classes`: the reasons for which it refuses records.
    pub fn expect(&self, stage: &str, topic: &str, classes: &[&str]) {
        for class in classes {
            self.dead_letters.with_label_values(&[stage, class]);
        }
        self.assigned.with_label_values(&[topic]);
    }

    /// How many partitions a topic has.
    pub fn topic_has(&self, topic: &str, partitions: i32) {
        self.partitions.with_label_values(&[topic]).set(i64::from(partitions));
    }

    /// For one worker. What it owns when it goes is taken out of the figures.
    pub fn observer(&self, stage: &str, topic: &str, clock: Arc<dyn Clock>) -> StageObserver {
        let quick = Quick {
            phases: PHASES.map(|(_, name)| self.batch.with_label_values(&[name])),
            outcomes: OUTCOMES.map(|name| self.processed.with_label_values(&[name])),
        };
        StageObserver {
            metrics: self.clone(),
            stage: stage.to_owned(),
            topic: topic.to_owned(),
            clock,
            quick,
            owned: Mutex::default(),
        }
    }
}

/// Children that are needed with every batch.
struct Quick {
    phases: [Histogram; 3],
    outcomes: [IntCounter; 4],
}

/// What is known of an owned partition.
#[derive(Clone, Copy, Debug)]
struct Owned {
    /// When the last record processed was written.
    timestamp_ms: i64,
    /// When there was last no lag; the wall clock's.
    level_ms: i64,
}

/// Watches one worker.
pub struct StageObserver {
    metrics: StageMetrics,
    stage: String,
    topic: String,
    clock: Arc<dyn Clock>,
    quick: Quick,
    owned: Mutex<BTreeMap<i32, Owned>>,
}

impl StageObserver {
    fn owned(&self) -> MutexGuard<'_, BTreeMap<i32, Owned>> {
        self.owned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gained(&self, partition: i32) {
        let begin = Owned { timestamp_ms: i64::MIN, level_ms: i64::MIN };
        if self.owned().insert(partition, begin).is_none() {
            self.metrics.assigned.with_label_values(&[&self.topic]).inc();
        }
    }

    fn let_go(&self, partition: i32) {
        if self.owned().remove(&partition).is_some() {
            self.forget(partition);
        }
    }

    fn forget(&self, partition: i32) {
        let (metrics, labels) = (&self.metrics, [self.topic.clone(), partition.to_string()]);
        metrics.assigned.with_label_values(&[&self.topic]).dec();
        // What was never set is not there: nothing to remove.
        let _ = metrics.consumed.remove_label_values(&labels);
        for gauges in [&metrics.position, &metrics.lag, &metrics.restore_remaining] {
            let _ = gauges.remove_label_values(&labels);
        }
        for gauges in [&metrics.lag_seconds, &metrics.stream_time] {
            let _ = gauges.remove_label_values(&labels);
        }
    }

    fn count(&self, outcomes: &OutcomeCounts) -> u64 {
        let counts = [outcomes.ok, outcomes.duplicate, outcomes.late, outcomes.filtered];
        counts.iter().zip(&self.quick.outcomes).for_each(|(count, counter)| counter.inc_by(*count));
        counts.iter().sum()
    }
}

impl Drop for StageObserver {
    fn drop(&mut self) {
        let owned: Vec<i32> = self.owned().keys().copied().collect();
        for partition in owned {
            self.let_go(partition);
        }
    }
}

impl Observer for StageObserver {
    fn spent(&self, phase: Phase, took: Duration) {
        if let Some(at) = PHASES.iter().position(|(one, _)| *one == phase) {
            self.quick.phases[at].observe(took.as_secs_f64());
        }
    }

    fn committed(&self, progress: &Progress) {
        let partition = progress.partition.to_string();
        let labels = [self.topic.as_str(), partition.as_str()];
        let usable = self.count(&progress.outcomes);
        self.metrics.consumed.with_label_values(&labels).inc_by(usable + progress.rejected);
        self.metrics.position.with_label_values(&labels).set(progress.position);
        if progress.stream_time != Timestamp::MIN {
            let seconds = progress.stream_time.millis() as f64 / 1000.0;
            self.metrics.stream_time.with_label_values(&labels).set(seconds);
        }
        if let Some(owned) = self.owned().get_mut(&progress.partition) {
            owned.timestamp_ms = owned.timestamp_ms.max(progress.timestamp_ms);
        }
    }

    fn rejected(&self, class: &'static str) {
        self.metrics.dead_letters.with_label_values(&[self.stage.as_str(), class]).inc();
    }

    fn transaction(&self, result: TransactionResult) {
        self.metrics.transactions.with_label_values(&[name_of(&RESULTS, &result)]).inc();
    }

    fn rebalanced(&self, kind: RebalanceKind, partitions: &[i32]) {
        self.metrics.rebalances.with_label_values(&[name_of(&REBALANCES, &kind)]).inc();
        for partition in partitions {
            match kind {
                RebalanceKind::Assigned => self.gained(*partition),
                RebalanceKind::Revoked | RebalanceKind::Lost => self.let_go(*partition),
            }
        }
    }

    fn restoring(&self, partition: i32, remaining: i64) {
        self.metrics.restore_remaining.with_label_values(&[&self.topic, &partition.to_string()]).set(remaining);
    }

    fn restored(&self, partition: i32, records: u64, full: bool, took: Duration) {
        self.restoring(partition, 0);
        self.metrics.restored.with_label_values(&[if full { "full" } else { "delta" }]).inc_by(records);
        self.metrics.restore.observe(took.as_secs_f64());
    }

    fn lag(&self, partition: i32, records: i64) {
        let now_ms = self.clock.wall_ms();
        let mut owned = self.owned();
        let Some(seen) = owned.get_mut(&partition) else { return };
        if records == 0 {
            seen.level_ms = now_ms;
        }
        let since_ms = seen.timestamp_ms.max(seen.level_ms);
        drop(owned);
        let name = partition.to_string();
        let labels = [self.topic.as_str(), name.as_str()];
        self.metrics.lag.with_label_values(&labels).set(records);
        // Before the first record and with lag from the start, nobody knows how old it is.
        if records == 0 || since_ms != i64::MIN {
            let seconds = if records == 0 { 0.0 } else { (now_ms - since_ms).max(0) as f64 / 1000.0 };
            self.metrics.lag_seconds.with_label_values(&labels).set(seconds);
        }
    }
}
