//! Promises about reading outside of any group.

use processor::ports::{Extent, Isolation};

use super::support::Scene;
use schemas::topics::Cleanup;

pub(super) fn an_empty_partition_begins_and_ends_at_zero(scene: &Scene<'_>) {
    let at = scene.partition("t");
    assert_eq!(scene.extent(&at), Extent { start: 0, end: 0, stable: 0 });
    assert!(scene.read(&at, Isolation::ReadCommitted).is_empty());
}

pub(super) fn reading_goes_on_past_markers_and_stops_at_the_end(scene: &Scene<'_>) {
    let at = scene.partition("t");
    let mut producer = scene.producer("p");
    for value in ["a", "b", "c"] {
        producer.transact(&at, &[value]);
    }
    let seen = scene.sees(&at, &["a", "b", "c"]);
    let extent = scene.settles(&at);
    assert!(seen[2].offset > 2 && extent.end > seen[2].offset + 1, "each marker takes an offset: {extent:?}");
    let mut reader = scene.reader();
    for isolation in [Isolation::ReadCommitted, Isolation::ReadUncommitted] {
        let mut offset = 0;
        let mut offsets = Vec::new();
        scene.eventually("the end is reached by reading", |wait| {
            let mut sink = |view: processor::ports::RecordView<'_>| offsets.push(view.offset);
            let next = reader.read(&at, offset, isolation, 100, wait, &mut sink).expect("a partition is read");
            assert!(next >= offset, "reading never goes back");
            offset = next;
            (offset == extent.end).then_some(())
        });
        assert!(offsets.is_sorted_by(|a, b| a < b), "each offset once, in order: {offsets:?}");
        assert_eq!(offsets.len(), seen.len());
        let at_end = reader.read(&at, offset, isolation, 100, scene.log.quiet(), &mut |_| panic!("past the end"));
        assert_eq!(at_end.expect("the end can be read"), extent.end);
    }
}

pub(super) fn what_is_fetched_ahead_is_read_from_anywhere(scene: &Scene<'_>) {
    let at = scene.partition("t");
    scene.producer("p").transact(&at, &["a", "b", "c"]);
    scene.sees(&at, &["a", "b", "c"]);
    let mut reader = scene.reader();
    // From there, from elsewhere, once more after it was released; what does not exist is only said by reading.
    for (ahead, from) in [(0, 0), (2, 1), (1, 2), (1_000_000, 0)] {
        reader.fetch_ahead(&at, ahead, Isolation::ReadCommitted);
        let (mut offset, mut offsets) = (from, Vec::new());
        scene.eventually("all that is there", |wait| {
            let mut sink = |view: processor::ports::RecordView<'_>| offsets.push(view.offset);
            offset = reader.read(&at, offset, Isolation::ReadCommitted, 10, wait, &mut sink).expect("it is read");
            offsets.ends_with(&[2]).then_some(())
        });
        assert_eq!(offsets, (from..3).collect::<Vec<_>>(), "fetched ahead from {ahead}, read from {from}");
        reader.release(&at);
    }
}

pub(super) fn a_batch_has_at_most_as_many_records_as_asked_for(scene: &Scene<'_>) {
    let at = scene.partition("t");
    scene.producer("p").transact(&at, &["a", "b", "c", "d", "e"]);
    scene.sees(&at, &["a", "b", "c", "d", "e"]);
    let mut reader = scene.reader();
    let (mut offset, mut got) = (0, 0);
    scene.eventually("five records, two at a time", |wait| {
        let mut count = 0;
        let isolation = Isolation::ReadCommitted;
        offset = reader.read(&at, offset, isolation, 2, wait, &mut |_| count += 1).expect("a partition is read");
        assert!(count <= 2, "{count} records when 2 were asked for");
        got += count;
        (got == 5).then_some(())
    });
}

pub(super) fn an_offset_outside_of_the_log_is_an_error(scene: &Scene<'_>) {
    let at = scene.partition("t");
    scene.producer("p").transact(&at, &["a", "b", "c"]);
    scene.sees(&at, &["a", "b", "c"]);
    scene.log.delete_records(&at, 2);
    let end = scene.settles(&at).end;
    for outside in [0, end + 10] {
        let mut reader = scene.reader();
        let error = scene.eventually("an error", |wait| {
            reader.read(&at, outside, Isolation::ReadCommitted, 1, wait, &mut |_| panic!("nothing is there")).err()
        });
        assert!(error.to_string().contains(&outside.to_string()), "the error names the offset: {error}");
    }
}

pub(super) fn a_topic_tells_its_partitions_and_its_identity(scene: &Scene<'_>) {
    let (one, three) = (scene.topic("one", 1, Cleanup::Delete), scene.topic("three", 3, Cleanup::Compact));
    let mut reader = scene.reader();
    assert_eq!(scene.retry("partitions", |wait| reader.partitions(&one, wait)), 1);
    assert_eq!(scene.retry("partitions", |wait| reader.partitions(&three, wait)), 3);
    let mut id = |topic: &str| scene.retry("topic id", |wait| reader.topic_id(topic, wait));
    assert_eq!(id(&one), id(&one));
    assert_ne!(id(&one), id(&three));
    assert!(reader.partitions(&scene.name("nowhere"), scene.log.quiet()).is_err());
}
