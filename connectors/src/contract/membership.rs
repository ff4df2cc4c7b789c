//! Promises about who is in a group and who has which partition.

use processor::ports::{LogError, TopicPartition};

use super::support::{Scene, share};
use schemas::topics::Cleanup;

pub(super) fn every_partition_has_exactly_one_member(scene: &Scene<'_>) {
    let topic = scene.topic("t", 6, Cleanup::Delete);
    let mut a = scene.member("g", "a", &topic);
    let mut b = scene.member("g", "b", &topic);
    let mut c = scene.member("g", "c", &topic);
    share(scene, &mut [&mut a, &mut b, &mut c], &[2, 2, 2]);
    let mut elsewhere = scene.member("another-group", "a", &topic);
    elsewhere.owns(6);
    assert_eq!(a.owned.len() + b.owned.len() + c.owned.len(), 6, "groups do not disturb each other");
}

pub(super) fn a_joining_member_takes_over_only_what_was_given_up(scene: &Scene<'_>) {
    let topic = scene.topic("t", 4, Cleanup::Delete);
    let mut a = scene.member("g", "a", &topic);
    a.owns(4);
    let mut b = scene.member("g", "b", &topic);
    share(scene, &mut [&mut a, &mut b], &[2, 2]);
    assert!(a.lost.is_empty() && b.lost.is_empty(), "a cooperative handover loses nothing");
    // What stayed goes on where it was: nothing has to be sought again.
    let mut producer = scene.producer("p");
    for partition in 0..4 {
        producer.transact(&TopicPartition::new(&topic, partition), &["x"]);
    }
    scene.eventually("each member receives its own", |_| {
        a.step(100);
        b.step(100);
        (a.seen.len() + b.seen.len() == 4).then_some(())
    });
    assert!(a.seen.iter().all(|record| a.owned.contains(&record.partition)));
    assert!(b.seen.iter().all(|record| b.owned.contains(&record.partition)));
}

pub(super) fn a_leaving_member_hands_over(scene: &Scene<'_>) {
    let topic = scene.topic("t", 4, Cleanup::Delete);
    let (mut a, mut b) = (scene.member("g", "a", &topic), scene.member("g", "b", &topic));
    share(scene, &mut [&mut a, &mut b], &[2, 2]);
    let kept = b.owned.clone();
    a.client.close(false).expect("a member leaves");
    b.owns(4);
    assert!(b.owned.is_superset(&kept) && b.lost.is_empty());
}

pub(super) fn a_static_member_that_returns_in_time_moves_nothing(scene: &Scene<'_>) {
    let topic = scene.topic("t", 4, Cleanup::Delete);
    let (mut a, mut b) = (scene.member("g", "a", &topic), scene.member("g", "b", &topic));
    share(scene, &mut [&mut a, &mut b], &[2, 2]);
    let had = a.owned.clone();
    let generation = b.proof().generation;
    a.client.close(true).expect("a member goes silently");
    drop(a);
    b.stays_silent();
    assert_eq!(b.owned.len(), 2, "nothing moves while the session lasts");
    let mut a = scene.member("g", "a", &topic);
    a.owns(2);
    assert_eq!(a.owned, had);
    b.stays_silent();
    assert_eq!((b.owned.len(), b.proof().generation), (2, generation), "nobody else noticed");
}

pub(super) fn a_newer_client_of_an_instance_fences_the_older(scene: &Scene<'_>) {
    let topic = scene.topic("t", 2, Cleanup::Delete);
    let mut old = scene.member("g", "a", &topic);
    old.owns(2);
    let mut new = scene.member("g", "a", &topic);
    new.owns(2);
    let error = scene.eventually("the older client fails", |_| old.try_step(1).err());
    assert!(matches!(error, LogError::Fenced { .. }), "fenced, not: {error}");
}

pub(super) fn a_member_that_crashed_is_replaced_after_its_session(scene: &Scene<'_>) {
    let topic = scene.topic("t", 4, Cleanup::Delete);
    let (mut a, mut b) = (scene.member("g", "a", &topic), scene.member("g", "b", &topic));
    share(scene, &mut [&mut a, &mut b], &[2, 2]);
    drop(a);
    b.stays_silent();
    assert_eq!(b.owned.len(), 2, "nothing moves while the session lasts");
    scene.log.pass_session_timeout(&scene.name("g"), "a");
    b.owns(4);
}

pub(super) fn a_member_that_was_put_out_is_told_and_joins_again(scene: &Scene<'_>) {
    let topic = scene.topic("t", 4, Cleanup::Delete);
    let (mut a, mut b) = (scene.member("g", "a", &topic), scene.member("g", "b", &topic));
    share(scene, &mut [&mut a, &mut b], &[2, 2]);
    let had = a.owned.clone();
    scene.log.expel(&scene.name("g"), "a");
    // It is told before it is given anything again.
    scene.eventually("the loss is told", |_| {
        a.step(1);
        (!a.lost.is_empty()).then_some(())
    });
    assert_eq!(a.lost, had);
    share(scene, &mut [&mut a, &mut b], &[2, 2]);
}
