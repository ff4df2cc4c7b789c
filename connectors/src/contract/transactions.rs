//! Promises about transactions and what becomes visible.

use processor::ports::{Isolation, LogError, ProduceRecord, TopicPartition};

use super::support::{Scene, texts};
use schemas::topics::Cleanup;

pub(super) fn committed_records_are_seen_in_order_and_as_they_were_sent(scene: &Scene<'_>) {
    let at = scene.partition("t");
    let mut producer = scene.producer("p");
    producer.begin();
    producer
        .client
        .produce(ProduceRecord {
            topic: &at.topic,
            partition: Some(0),
            key: Some(b"key"),
            value: Some(b"1"),
            headers: &[("h", b"x"), ("empty", b"")],
            timestamp_ms: Some(1_700_000_000_123),
        })
        .expect("a record is taken");
    producer.send(&at, "key", "");
    producer.send(&at, "", "3");
    producer.send(&at, "key", "-");
    producer.commit();

    let seen = scene.sees(&at, &["1", "", "3", "-"]);
    assert_eq!(seen[0].key.as_deref(), Some(&b"key"[..]));
    assert_eq!(seen[0].headers, [("h".to_owned(), b"x".to_vec()), ("empty".to_owned(), Vec::new())]);
    assert_eq!(seen[0].timestamp_ms, 1_700_000_000_123);
    assert_eq!(seen[1].value.as_deref(), Some(&b""[..]), "an empty value is no tombstone");
    assert_eq!(seen[2].key, None);
    assert_eq!(seen[3].value, None);
    let offsets: Vec<i64> = seen.iter().map(|record| record.offset).collect();
    assert_eq!(offsets, [0, 1, 2, 3]);
}

pub(super) fn an_open_transaction_is_invisible_and_holds_back_later_ones(scene: &Scene<'_>) {
    let at = scene.partition("t");
    let (mut first, mut second) = (scene.producer("first"), scene.producer("second"));
    first.transact(&at, &["before"]);
    scene.sees(&at, &["before"]);
    let stable = scene.settles(&at).stable;

    first.begin();
    first.send(&at, "k", "open");
    // A producer may batch: the record is at the log once uncommitted readers see it.
    scene.eventually("the open record is at the log", |_| {
        texts(&scene.read(&at, Isolation::ReadUncommitted)).contains(&"open".to_owned()).then_some(())
    });
    second.transact(&at, &["later"]);
    let extent = scene.extent(&at);
    assert_eq!(extent.stable, stable, "the open transaction holds back the last stable offset");
    assert!(extent.end > extent.stable);
    assert_eq!(texts(&scene.read(&at, Isolation::ReadCommitted)), ["before"]);

    first.commit();
    scene.sees(&at, &["before", "open", "later"]);
}

pub(super) fn aborted_records_are_skipped_unless_uncommitted_ones_are_asked_for(scene: &Scene<'_>) {
    let at = scene.partition("t");
    let mut producer = scene.producer("p");
    producer.transact(&at, &["a"]);
    producer.begin();
    producer.send(&at, "k", "aborted");
    scene.eventually("the record is at the log", |_| {
        (scene.read(&at, Isolation::ReadUncommitted).len() == 2).then_some(())
    });
    producer.abort();
    producer.transact(&at, &["b"]);
    let seen = scene.sees(&at, &["a", "b"]);
    assert!(seen[1].offset > seen[0].offset + 1, "an aborted record keeps its offset");
    scene.settles(&at);
    assert_eq!(texts(&scene.read(&at, Isolation::ReadUncommitted)), ["a", "aborted", "b"]);
}

pub(super) fn a_transaction_over_several_partitions_is_seen_whole(scene: &Scene<'_>) {
    let topic = scene.topic("t", 2, Cleanup::Delete);
    let (left, right) = (TopicPartition::new(&topic, 0), TopicPartition::new(&topic, 1));
    let other = scene.partition("other");
    let mut producer = scene.producer("p");
    for commit in [false, true] {
        let value = if commit { "committed" } else { "aborted" };
        producer.begin();
        for at in [&left, &right, &other] {
            producer.send(at, "k", value);
        }
        if commit {
            producer.commit();
        } else {
            producer.abort();
        }
    }
    for at in [&left, &right, &other] {
        scene.sees(at, &["committed"]);
    }
}

pub(super) fn gathered_records_commit_in_order_with_their_transaction(scene: &Scene<'_>) {
    let topic = scene.topic("t", 2, Cleanup::Delete);
    let (left, right) = (TopicPartition::new(&topic, 0), TopicPartition::new(&topic, 1));
    let mut producer = scene.producer("p");
    producer.begin();
    producer.gather(&left, "k", "aborted");
    producer.abort();
    // More than any client holds back.
    let values: Vec<String> = (0..1_500).map(|n| format!("v{n}")).collect();
    producer.begin();
    for value in &values {
        producer.gather(&left, value, value);
        producer.gather(&right, "", value);
    }
    producer.gather(&left, "gone", "-");
    producer.send(&left, "k", "sent");
    producer.gather(&left, "k", "last");
    producer.commit();
    let texts: Vec<&str> = values.iter().map(String::as_str).collect();
    let seen = scene.sees(&left, &[&texts[..], &["-", "sent", "last"]].concat());
    assert_eq!(seen[7].key.as_deref(), Some(b"v7".as_slice()));
    let seen = scene.sees(&right, &texts);
    assert_eq!(seen[7].key, None);
}

pub(super) fn an_empty_transaction_commits(scene: &Scene<'_>) {
    let at = scene.partition("t");
    let mut producer = scene.producer("p");
    producer.transact(&at, &[]);
    producer.begin();
    producer.abort();
    producer.transact(&at, &["a"]);
    scene.sees(&at, &["a"]);
}

pub(super) fn a_new_producer_fences_the_old_one_and_aborts_what_it_left_open(scene: &Scene<'_>) {
    let at = scene.partition("t");
    let mut old = scene.producer("p");
    old.begin();
    old.send(&at, "k", "left open");
    let mut new = scene.producer("p");
    new.transact(&at, &["new"]);
    // The old one may learn of it at any call, and at the latest when it commits.
    let sent = old.try_send(&at, "k", "too late");
    let error = sent.err().unwrap_or_else(|| old.commit_fails());
    assert!(matches!(error, LogError::Fenced { .. }), "fenced, not: {error}");
    scene.settles(&at);
    scene.sees(&at, &["new"]);
}

pub(super) fn a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced(scene: &Scene<'_>) {
    let at = scene.partition("t");
    let mut slow = scene.producer("slow");
    slow.begin();
    slow.send(&at, "k", "slow");
    scene.eventually("the record is at the log", |_| {
        (scene.read(&at, Isolation::ReadUncommitted).len() == 1).then_some(())
    });
    let mut other = scene.producer("other");
    other.transact(&at, &["other"]);
    assert_eq!(scene.extent(&at).stable, 0);

    scene.log.pass_transaction_timeout();
    scene.sees(&at, &["other"]);
    scene.settles(&at);
    let error = slow.commit_fails();
    assert!(matches!(error, LogError::Fenced { .. }), "fenced, not: {error}");
}

pub(super) fn calls_out_of_turn_are_errors(scene: &Scene<'_>) {
    let at = scene.partition("t");
    let mut producer = scene.producer("p");
    assert!(producer.try_send(&at, "k", "no transaction").is_err());
    producer.commit_fails();
    producer.begin();
    assert!(producer.client.begin().is_err(), "a transaction cannot begin inside of another");
}

pub(super) fn a_record_for_an_unknown_topic_is_an_error(scene: &Scene<'_>) {
    let nowhere = TopicPartition::new(scene.name("nowhere"), 0);
    let mut producer = scene.producer("p");
    producer.begin();
    let sent = producer.try_send(&nowhere, "k", "v");
    let error = sent.err().unwrap_or_else(|| producer.commit_fails());
    assert!(error.to_string().contains(&nowhere.topic), "the error names the topic: {error}");
}

pub(super) fn a_record_without_partition_goes_where_the_java_client_puts_it(scene: &Scene<'_>) {
    let topic = scene.topic("t", 7, Cleanup::Delete);
    // (murmur2 of the key & 0x7fffffff) % 7, the hashes being those of Kafka's own tests.
    let cases = [("21", 1_173_551_340), ("foobar", 1_357_151_166), ("abc", 479_470_107)];
    let mut producer = scene.producer("p");
    producer.begin();
    for (key, _) in cases {
        let record = ProduceRecord {
            topic: &topic,
            partition: None,
            key: Some(key.as_bytes()),
            value: Some(key.as_bytes()),
            headers: &[],
            timestamp_ms: None,
        };
        producer.client.produce(record).expect("a record is taken");
    }
    producer.commit();
    for (key, hash) in cases {
        let at = TopicPartition::new(&topic, hash % 7);
        scene.eventually(&format!("{key:?} is in partition {}", at.partition), |_| {
            texts(&scene.read(&at, Isolation::ReadCommitted)).contains(&key.to_owned()).then_some(())
        });
    }
}
