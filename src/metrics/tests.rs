//! What is exported, and when.

use std::sync::Arc;
use std::time::Duration;

use processor::runtime::{Clock, Observer, OutcomeCounts, Phase, Progress, RebalanceKind, TransactionResult};
use schemas::Timestamp;

use super::Metrics;

struct Still;

impl Clock for Still {
    fn monotonic_ms(&self) -> i64 {
        0
    }

    fn wall_ms(&self) -> i64 {
        50_000
    }
}

fn progress(partition: i32) -> Progress {
    Progress {
        partition,
        position: 12,
        timestamp_ms: 20_000,
        stream_time: Timestamp::from_millis(1_500),
        outcomes: OutcomeCounts { ok: 3, late: 1, ..OutcomeCounts::default() },
        rejected: 2,
    }
}

#[test]
fn closed_sets_are_there_from_the_start() {
    let metrics = Metrics::new().unwrap();
    metrics.stage.expect("process", "events", &["malformed"]);
    let text = metrics.render().unwrap();
    for line in [
        "quartermaster_ready 0",
        "quartermaster_transactions_total{result=\"in_doubt\"} 0",
        "quartermaster_records_processed_total{outcome=\"late\"} 0",
        "quartermaster_dead_letter_records_total{reason=\"malformed\",stage=\"process\"} 0",
        "quartermaster_assigned_partitions{topic=\"events\"} 0",
        "quartermaster_restored_records_total{kind=\"full\"} 0",
    ] {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
    assert!(text.contains("quartermaster_build_info{"));
}

#[test]
fn a_partition_has_figures_as_long_as_it_is_owned() {
    let metrics = Metrics::new().unwrap();
    let observer = metrics.stage.observer("process", "events", Arc::new(Still));
    observer.rebalanced(RebalanceKind::Assigned, &[3, 4]);
    observer.restoring(3, 7);
    observer.restored(3, 9, true, Duration::from_secs(1));
    observer.committed(&progress(3));
    observer.lag(3, 5);
    observer.spent(Phase::Commit, Duration::from_millis(2));
    observer.transaction(TransactionResult::Committed);
    observer.rejected("malformed");
    let text = metrics.render().unwrap();
    for line in [
        "quartermaster_assigned_partitions{topic=\"events\"} 2",
        "quartermaster_records_consumed_total{partition=\"3\",topic=\"events\"} 6",
        "quartermaster_records_processed_total{outcome=\"ok\"} 3",
        "quartermaster_consumer_position_offset{partition=\"3\",topic=\"events\"} 12",
        "quartermaster_consumer_lag_records{partition=\"3\",topic=\"events\"} 5",
        "quartermaster_consumer_lag_seconds{partition=\"3\",topic=\"events\"} 30",
        "quartermaster_stream_time_seconds{partition=\"3\",topic=\"events\"} 1.5",
        "quartermaster_restored_records_total{kind=\"full\"} 9",
        "quartermaster_restore_remaining_records{partition=\"3\",topic=\"events\"} 0",
        "quartermaster_batch_duration_seconds_count{stage=\"commit\"} 1",
        "quartermaster_rebalances_total{kind=\"assigned\"} 1",
    ] {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
    observer.rebalanced(RebalanceKind::Revoked, &[3]);
    let text = metrics.render().unwrap();
    assert!(!text.contains("partition=\"3\"") && text.contains("assigned_partitions{topic=\"events\"} 1"), "{text}");
    // A worker that is destroyed is told of no revocation.
    drop(observer);
    assert!(metrics.render().unwrap().contains("quartermaster_assigned_partitions{topic=\"events\"} 0"));
}

#[test]
fn lag_is_no_older_than_the_time_since_there_was_none() {
    let metrics = Metrics::new().unwrap();
    let observer = metrics.stage.observer("process", "events", Arc::new(Still));
    observer.rebalanced(RebalanceKind::Assigned, &[0]);
    let seconds =
        || metrics.render().unwrap().lines().find(|line| line.contains("consumer_lag_seconds{")).map(str::to_owned);
    observer.lag(0, 5);
    assert_eq!(seconds(), None, "before the first record nobody knows");
    observer.committed(&progress(0));
    observer.lag(0, 0);
    // An hour of quiet passes; a record that has just come is not an hour old.
    observer.lag(0, 1);
    assert!(seconds().unwrap().ends_with(" 0"), "{seconds:?}", seconds = seconds());
}
