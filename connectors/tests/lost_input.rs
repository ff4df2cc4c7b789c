//! An input that is not what it was is refused, with what to do: nothing is skipped silently.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop where it stands")]
#![allow(dead_code, reason = "shared with the tests of the runtime")]

#[path = "support/cluster.rs"]
mod cluster;
#[path = "../../processor/tests/support/counter.rs"]
mod counter;

use cluster::{Cluster, PARTITIONS};
use processor::ports::TopicPartition;
use processor::runtime::{NoFailPoints, RuntimeError};

fn publish(cluster: &mut Cluster, from: i64) {
    for partition in 0..PARTITIONS {
        let lines: Vec<String> = (from..from + 10).map(|second| format!("e key{partition} {second}")).collect();
        cluster.publish(partition, &lines);
    }
}

/// A member that has committed ten records and is down.
fn stopped_after_ten() -> Cluster {
    let mut cluster = Cluster::new();
    cluster.start("a", NoFailPoints);
    publish(&mut cluster, 0);
    cluster.settle();
    assert_eq!(cluster.workers["a"].stats().records, 20);
    cluster.workers.remove("a").unwrap().close(false).unwrap();
    cluster
}

/// Starts the member again and returns what it dies of.
fn dies_of(cluster: &mut Cluster) -> String {
    cluster.start("a", NoFailPoints);
    for _ in 0..200 {
        if let Some((_, error)) = cluster.turn().1.pop() {
            assert!(matches!(error, RuntimeError::InputGone { .. }), "{error}");
            return error.to_string();
        }
    }
    panic!("the member goes on");
}

#[test]
fn a_topic_that_was_created_again_is_refused() {
    let mut cluster = stopped_after_ten();
    cluster.log.recreate_topic("in").unwrap();
    // It has more records than the old one ever had: offsets alone would tell nothing.
    publish(&mut cluster, 100);
    publish(&mut cluster, 110);
    let message = dies_of(&mut cluster);
    assert!(message.contains("in-0") && message.contains("deleted and created again"), "{message}");
    assert!(message.contains("state reset"), "{message}");
}

#[test]
fn records_that_were_deleted_before_anybody_read_them_are_missed() {
    let mut cluster = stopped_after_ten();
    publish(&mut cluster, 10);
    cluster.log.delete_records(&TopicPartition::new("in", 0), 15).unwrap();
    let message = dies_of(&mut cluster);
    assert!(message.contains("begins at 15") && message.contains("retention"), "{message}");
}

#[test]
fn records_that_were_deleted_after_they_were_read_are_not() {
    let mut cluster = stopped_after_ten();
    publish(&mut cluster, 10);
    cluster.log.delete_records(&TopicPartition::new("in", 0), 10).unwrap();
    cluster.start("a", NoFailPoints);
    cluster.settle();
    assert!(cluster.workers["a"].is_ready());
    assert!(cluster.workers["a"].stats().records >= 20, "it reads on");
    cluster.workers.remove("a").unwrap().close(false).unwrap();
}
