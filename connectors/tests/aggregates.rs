//! Sums of all partitions through the embedded log: everybody decides on all of them, or waits.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop where it stands")]

#[path = "support/cluster.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod cluster;
#[path = "../../processor/tests/support/counter.rs"]
mod counter;

use std::time::Duration;

use cluster::{Cluster, PARTITIONS};
use connectors::memory::{Fault, FaultPlan, Operation};
use processor::ports::{Log, ProduceRecord, TransactionalLog};
use processor::runtime::NoFailPoints;

/// Epochs of both partitions, a count in each.
fn publish(cluster: &mut Cluster, epochs: std::ops::Range<i64>) {
    for partition in 0..PARTITIONS {
        let lines = epochs.clone().map(|epoch| format!("e k{partition} {}", epoch * 10));
        cluster.publish(partition, &lines.collect::<Vec<_>>());
    }
}

/// Somebody else's transaction: committed readers of the sums get no further until it ends.
fn stranger(cluster: &Cluster) -> Box<dyn TransactionalLog> {
    let mut producer = cluster.log.producer("stranger").unwrap();
    producer.init_transactions(Duration::ZERO).unwrap();
    producer.begin().unwrap();
    let record = ProduceRecord {
        topic: "sums",
        partition: Some(0),
        key: Some(b"stranger"),
        value: Some(b"no sums"),
        headers: &[],
        timestamp_ms: None,
    };
    producer.produce(record).unwrap();
    producer
}

/// Asserts invariant I24. A worker that has everything decides on its own sums before it reads them. After a commit that failed it
/// reads them all again; while it gets no further than an older transaction, newer sums of its own must
/// not make up for those between.
#[test]
fn sums_that_cannot_be_read_yet_are_missed() {
    let outputs = |disturbed: bool| {
        let mut cluster = Cluster::new();
        cluster.start("a", NoFailPoints);
        publish(&mut cluster, 0..4);
        cluster.settle();
        let stranger = disturbed.then(|| stranger(&cluster));
        publish(&mut cluster, 4..8);
        cluster.settle();
        if disturbed {
            let plan = FaultPlan::seeded(1).at_client("app-a", Operation::Commit, 1, Fault::Abortable);
            cluster.log.inject(plan).unwrap();
        }
        publish(&mut cluster, 8..12);
        cluster.settle();
        assert_eq!(cluster.log.injected().len(), usize::from(disturbed));
        if let Some(mut stranger) = stranger {
            stranger.abort(Duration::ZERO).unwrap();
        }
        publish(&mut cluster, 12..16);
        cluster.settle();
        cluster.outputs()
    };
    let expected = outputs(false);
    assert!(expected.len() > 16);
    assert_eq!(outputs(true), expected);
}
