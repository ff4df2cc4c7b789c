//! Promises about a group's offsets inside of transactions.

use processor::ports::{LogError, Offsets, TopicPartition};

use super::support::{Member, Scene};

fn committed(scene: &Scene<'_>, member: &mut Member<'_>, at: &TopicPartition) -> Option<i64> {
    let partitions = [at.clone()];
    let offsets = scene.retry("committed", |wait| member.client.committed(&partitions, wait));
    offsets.get(at).copied()
}

pub(super) fn offsets_are_committed_with_their_transaction(scene: &Scene<'_>) {
    let (input, output) = (scene.partition("in"), scene.partition("out"));
    let mut member = scene.member("g", "a", &input.topic);
    member.owns(1);
    assert_eq!(committed(scene, &mut member, &input), None, "nothing was committed yet");
    let mut producer = scene.producer("p");
    producer.begin();
    producer.send(&output, "k", "result");
    producer.send_offsets(&Offsets::from([(input.clone(), 42)]), &member.proof()).expect("offsets are taken");
    producer.commit();
    assert_eq!(committed(scene, &mut member, &input), Some(42));
    scene.sees(&output, &["result"]);
}

pub(super) fn a_transaction_ends_while_its_owner_looks_on(scene: &Scene<'_>) {
    let (input, output) = (scene.partition("in"), scene.partition("out"));
    let mut member = scene.member("g", "a", &input.topic);
    member.owns(1);
    let mut producer = scene.producer("p");
    for (offset, value) in [(7, "first"), (8, "second")] {
        producer.begin();
        producer.send(&output, "k", value);
        producer.end(&Offsets::from([(input.clone(), offset)]), &member.proof()).expect("it commits");
        assert_eq!(committed(scene, &mut member, &input), Some(offset));
    }
    scene.sees(&output, &["first", "second"]);
    let mut stranger = member.proof();
    stranger.member.push_str("-nobody");
    producer.begin();
    producer.send(&output, "k", "refused");
    let answer = producer.end(&Offsets::from([(input.clone(), 9)]), &stranger);
    assert!(matches!(answer, Err(LogError::Abortable { .. })), "abortable, not: {answer:?}");
    producer.abort();
    producer.transact(&output, &["next"]);
    scene.sees(&output, &["first", "second", "next"]);
    assert_eq!(committed(scene, &mut member, &input), Some(8));
}

pub(super) fn offsets_of_an_aborted_transaction_are_dropped(scene: &Scene<'_>) {
    let input = scene.partition("in");
    let mut member = scene.member("g", "a", &input.topic);
    member.owns(1);
    let mut producer = scene.producer("p");
    for (offset, commit) in [(7, true), (8, false)] {
        producer.begin();
        producer.send_offsets(&Offsets::from([(input.clone(), offset)]), &member.proof()).expect("offsets are taken");
        if commit {
            producer.commit();
        } else {
            producer.abort();
        }
    }
    assert_eq!(committed(scene, &mut member, &input), Some(7));
}

pub(super) fn committed_offsets_wait_for_the_transaction_that_may_change_them(scene: &Scene<'_>) {
    let input = scene.partition("in");
    let mut member = scene.member("g", "a", &input.topic);
    member.owns(1);
    let mut producer = scene.producer("p");
    producer.begin();
    producer.send_offsets(&Offsets::from([(input.clone(), 7)]), &member.proof()).expect("offsets are taken");
    let early = member.client.committed(std::slice::from_ref(&input), scene.log.quiet());
    assert!(matches!(early, Err(LogError::Retriable { .. })), "not decided yet, but: {early:?}");
    producer.commit();
    assert_eq!(committed(scene, &mut member, &input), Some(7));
}

pub(super) fn offsets_without_proof_of_membership_are_refused_and_the_transaction_can_be_aborted(scene: &Scene<'_>) {
    let (input, output) = (scene.partition("in"), scene.partition("out"));
    let mut member = scene.member("g", "a", &input.topic);
    member.owns(1);
    let (mut old_generation, mut stranger) = (member.proof(), member.proof());
    old_generation.generation -= 1;
    stranger.member.push_str("-nobody");
    let mut producer = scene.producer("p");
    for proof in [old_generation, stranger] {
        producer.begin();
        producer.send(&output, "k", "refused");
        let answer = producer.send_offsets(&Offsets::from([(input.clone(), 7)]), &proof);
        assert!(matches!(answer, Err(LogError::Abortable { .. })), "abortable, not: {answer:?}");
        let error = producer.commit_fails();
        assert!(matches!(error, LogError::Abortable { .. }), "still abortable, not: {error}");
        producer.abort();
    }
    assert_eq!(committed(scene, &mut member, &input), None);
    producer.transact(&output, &["next"]);
    scene.sees(&output, &["next"]);
}

pub(super) fn offsets_of_a_member_that_was_put_out_are_refused(scene: &Scene<'_>) {
    let input = scene.partition("in");
    let mut member = scene.member("g", "a", &input.topic);
    member.owns(1);
    let proof = member.proof();
    scene.log.expel(&scene.name("g"), "a");
    let mut producer = scene.producer("p");
    producer.begin();
    let answer = producer.send_offsets(&Offsets::from([(input, 7)]), &proof);
    assert!(matches!(answer, Err(LogError::Abortable { .. })), "abortable, not: {answer:?}");
    producer.abort();
}
