//! Promises about deletion and compaction.

use std::collections::BTreeMap;

use processor::ports::{Isolation, TopicPartition};

use super::support::{Scene, Seen, texts};
use schemas::topics::Cleanup;

pub(super) fn deleting_records_moves_the_start_and_no_offset(scene: &Scene<'_>) {
    let at = scene.partition("t");
    scene.producer("p").transact(&at, &["a", "b", "c"]);
    let before = scene.sees(&at, &["a", "b", "c"]);
    let extent = scene.settles(&at);
    scene.log.delete_records(&at, 2);
    let after = scene.sees(&at, &["c"]);
    assert_eq!(after[0], before[2]);
    assert_eq!(scene.extent(&at), processor::ports::Extent { start: 2, ..extent });
}

/// The newest value of each key; a tombstone is as good as no record.
fn fold(seen: &[Seen]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut rows = BTreeMap::new();
    for record in seen {
        let key = record.key.clone().unwrap_or_default();
        match &record.value {
            Some(value) => rows.insert(key, value.clone()),
            None => rows.remove(&key),
        };
    }
    rows
}

pub(super) fn compaction_keeps_the_newest_record_of_each_key_where_it_is(scene: &Scene<'_>) {
    let at = TopicPartition::new(scene.topic("t", 1, Cleanup::Compact), 0);
    let mut producer = scene.producer("p");
    for round in 0..20 {
        producer.begin();
        for key in ["a", "b", "c"] {
            producer.send(&at, key, &format!("{key}{round}"));
        }
        if round % 5 == 4 {
            producer.abort();
        } else {
            producer.commit();
        }
    }
    producer.begin();
    producer.send(&at, "b", "-");
    producer.commit();
    let extent = scene.settles(&at);
    let before = scene.read(&at, Isolation::ReadCommitted);
    scene.log.compact(&at.topic);
    let after = scene.read(&at, Isolation::ReadCommitted);
    assert_eq!(fold(&after), fold(&before));
    assert_eq!(fold(&after).len(), 2);
    assert!(after.iter().all(|record| before.contains(record)), "no record moves or changes: {after:?}");
    assert_eq!(scene.extent(&at).end, extent.end);
}

pub(super) fn compaction_leaves_an_open_transaction_alone(scene: &Scene<'_>) {
    let at = TopicPartition::new(scene.topic("t", 1, Cleanup::Compact), 0);
    let (mut open, mut other) = (scene.producer("open"), scene.producer("other"));
    other.begin();
    other.send(&at, "k", "old");
    other.commit();
    scene.sees(&at, &["old"]);
    open.begin();
    open.send(&at, "k", "open");
    scene.eventually("the record is at the log", |_| {
        (scene.read(&at, Isolation::ReadUncommitted).len() == 2).then_some(())
    });
    other.begin();
    other.send(&at, "k", "newer");
    other.commit();
    scene.log.compact(&at.topic);
    assert_eq!(texts(&scene.read(&at, Isolation::ReadCommitted)), ["old"], "what committed readers see stays");
    open.abort();
    scene.settles(&at);
    let rows = fold(&scene.read(&at, Isolation::ReadCommitted));
    assert_eq!(rows, BTreeMap::from([(b"k".to_vec(), b"newer".to_vec())]));
}

pub(super) fn a_compacted_topic_takes_no_record_without_a_key(scene: &Scene<'_>) {
    let at = TopicPartition::new(scene.topic("t", 1, Cleanup::Compact), 0);
    let mut producer = scene.producer("p");
    producer.begin();
    if producer.try_send(&at, "", "keyless").is_ok() {
        producer.commit_fails();
    }
    producer.abort();
    producer.transact(&at, &["keyed"]);
    scene.sees(&at, &["keyed"]);
}
