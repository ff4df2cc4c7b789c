//! Promises about what a group member is delivered.

use std::collections::BTreeMap;

use processor::ports::TopicPartition;

use super::support::Scene;
use schemas::topics::Cleanup;

pub(super) fn nothing_is_delivered_before_seek(scene: &Scene<'_>) {
    let at = scene.partition("t");
    scene.producer("p").transact(&at, &["a", "b"]);
    scene.sees(&at, &["a", "b"]);
    let mut member = scene.member("g", "a", &at.topic);
    member.begin = false;
    member.owns(1);
    member.stays_silent();
    member.client.seek(&at, 1).expect("an assigned partition can be sought");
    member.receives(&["b"]);
}

pub(super) fn records_are_delivered_in_order_from_where_seek_says(scene: &Scene<'_>) {
    let at = scene.partition("t");
    let mut producer = scene.producer("p");
    let mut member = scene.member("g", "a", &at.topic);
    member.owns(1);
    producer.transact(&at, &["a", "b"]);
    member.receives(&["a", "b"]);
    producer.begin();
    producer.send(&at, "k", "aborted");
    producer.abort();
    producer.transact(&at, &["c"]);
    member.receives(&["a", "b", "c"]);
    let offsets: Vec<i64> = member.seen.iter().map(|record| record.offset).collect();
    assert!(offsets.is_sorted_by(|a, b| a < b), "each offset once, in order: {offsets:?}");

    member.seen.clear();
    member.client.seek(&at, 1).expect("an assigned partition can be sought");
    member.receives(&["b", "c"]);
}

pub(super) fn a_paused_partition_delivers_nothing_until_it_is_resumed(scene: &Scene<'_>) {
    let topic = scene.topic("t", 2, Cleanup::Delete);
    let (left, right) = (TopicPartition::new(&topic, 0), TopicPartition::new(&topic, 1));
    let mut member = scene.member("g", "a", &topic);
    member.owns(2);
    let paused = [left.clone()];
    member.client.pause(&paused).expect("an assigned partition can be paused");
    let mut producer = scene.producer("p");
    producer.transact(&left, &["left"]);
    producer.transact(&right, &["right"]);
    member.receives(&["right"]);
    member.stays_silent();
    member.client.resume(&paused).expect("a paused partition can be resumed");
    member.receives(&["right", "left"]);
}

pub(super) fn no_partition_starves_behind_another(scene: &Scene<'_>) {
    let topic = scene.topic("t", 3, Cleanup::Delete);
    let mut producer = scene.producer("p");
    let values: Vec<String> = (0..300).map(|value| value.to_string()).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    for (partition, count) in [(0, 300), (1, 300), (2, 3)] {
        producer.transact(&TopicPartition::new(&topic, partition), &values[..count]);
    }
    let mut member = scene.member("g", "a", &topic);
    member.owns(3);
    let mut delivered: BTreeMap<i32, usize> = BTreeMap::new();
    scene.eventually("every partition is delivered from", |_| {
        member.step(10);
        for record in member.seen.drain(..) {
            *delivered.entry(record.partition.partition).or_default() += 1;
        }
        let whole = delivered.values().sum::<usize>() == 603;
        assert!(!whole || delivered.len() == 3, "{delivered:?}");
        (delivered.len() == 3).then_some(())
    });
    assert!(delivered[&0].max(delivered[&1]) <= 300);
}
