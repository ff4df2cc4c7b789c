//! Nothing is told twice to a receiver that would not notice, and nothing is lost by one that would.
//! Asserts invariant I20.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use connectors::memory::{Doubt, Fault, FaultPlan, Operation};
use processor::runtime::{NoFailPoints, ProtocolStep, RuntimeError};
use schemas::{AlertState, DeliveryAttempt, DeliveryStatus};
use uuid::Uuid;

use super::bench::{Bench, DieAt, Reply, alert};
use crate::stages::notify::DISPATCH;

const ALERTS: u128 = 4;

/// Where every attempt stands in the end.
fn ends(bench: &Bench) -> BTreeMap<Uuid, DeliveryAttempt> {
    bench.deliveries().into_iter().map(|delivery| (delivery.attempt_id, delivery)).collect()
}

fn sends_per_attempt(bench: &Bench) -> BTreeMap<Uuid, usize> {
    let mut sends = BTreeMap::new();
    for seen in bench.seen() {
        *sends.entry(seen.of.attempt).or_default() += 1;
    }
    sends
}

/// Alerts come in one by one; whenever the dispatcher dies it starts again as a new process.
fn story(bench: &mut Bench, keeps_disk: bool) -> Vec<ProtocolStep> {
    let mut deaths = Vec::new();
    for number in 1..=ALERTS {
        bench.raise(&alert(number, 1, AlertState::Opened));
        for _ in 0..100 {
            match bench.turn(20) {
                Ok(_) => {}
                Err(RuntimeError::Killed(step)) => {
                    deaths.push(step);
                    if !keeps_disk {
                        bench.lose_disks();
                    }
                    bench.kill_and_start();
                }
                Err(error) => panic!("died of {error}"),
            }
        }
    }
    bench.pass(30_000);
    deaths
}

#[test]
fn a_death_at_any_step_of_the_protocol_tells_nothing_twice_and_loses_nothing() {
    let mut deaths = 0;
    let mut unknown = 0;
    let cases = ProtocolStep::ALL.iter().flat_map(|step| (1..=5).map(move |nth| (*step, nth)));
    for (step, nth) in cases {
        for (idempotent, keeps_disk) in [(true, true), (true, false), (false, true), (false, false)] {
            let what = format!("{step:?}, occurrence {nth}, idempotent: {idempotent}, disk kept: {keeps_disk}");
            let mut bench = Bench::idle(idempotent);
            bench.start(DieAt { step, nth });
            deaths += story(&mut bench, keeps_disk).len();
            let (ends, sends) = (ends(&bench), sends_per_attempt(&bench));
            assert_eq!(ends.len(), ALERTS as usize, "{what}");
            for (attempt, end) in &ends {
                let sent = sends.get(attempt).copied().unwrap_or_default();
                let lost = end.status == DeliveryStatus::Unknown && end.next_attempt_at.is_none();
                if idempotent {
                    assert_eq!(end.status, DeliveryStatus::Delivered, "{what}");
                    assert!((1..=2).contains(&sent), "{what}: {sent} sends");
                } else {
                    assert!(sent <= 1, "{what}: {sent} sends");
                    assert!(lost || (end.status == DeliveryStatus::Delivered && sent == 1), "{what}: {end:?}");
                    unknown += usize::from(lost);
                }
            }
        }
    }
    assert!(deaths > 100, "{deaths} deaths");
    assert!((1..deaths).contains(&unknown), "{unknown} unknown of {deaths} deaths");
}

#[test]
fn what_was_under_way_in_a_process_that_died_is_unknown() {
    for idempotent in [true, false] {
        let mut bench = Bench::new(idempotent);
        bench.reply([Reply::Silence]);
        bench.raise(&alert(1, 1, AlertState::Opened));
        bench.pass(1_000);
        assert_eq!(bench.life(1, 1), ["planned", "claimed"]);
        bench.kill_and_start();
        bench.pass(30_000);
        let life = bench.life(1, 1);
        if idempotent {
            assert_eq!(life, ["planned", "claimed", "unknown/lost", "claimed", "delivered"]);
        } else {
            assert_eq!(life, ["planned", "claimed", "unknown/lost"]);
        }
        assert_eq!(bench.seen().len(), 1 + usize::from(idempotent));
    }
}

/// A transaction that fails throws the operator away, not what its process has under way.
#[test]
fn an_outcome_survives_a_transaction_that_does_not() {
    let mut aborted = 0;
    for nth in 1..=12 {
        for fault in [Fault::Abortable, Fault::InDoubt(Doubt::NotCommitted), Fault::Retriable] {
            let mut bench = Bench::idle(false);
            let client = format!("{DISPATCH}-0");
            bench.log.inject(FaultPlan::seeded(1).at_client(&client, Operation::Commit, nth, fault)).unwrap();
            bench.start(NoFailPoints);
            assert_eq!(story(&mut bench, true), []);
            aborted += bench.dispatch.as_ref().unwrap().stats().aborted;
            assert_eq!(bench.seen().len(), ALERTS as usize, "{nth} {fault:?}");
            assert!(ends(&bench).values().all(|end| end.status == DeliveryStatus::Delivered), "{nth} {fault:?}");
        }
    }
    assert!(aborted > 10, "{aborted} aborted");
}

/// Nor what is still on its way then.
#[test]
fn a_send_under_way_survives_a_transaction_that_does_not_commit() {
    let mut bench = Bench::new(false);
    bench.reply([Reply::Silence]);
    bench.raise(&alert(1, 1, AlertState::Opened));
    bench.pass(500);
    let client = format!("{DISPATCH}-0");
    bench.log.inject(FaultPlan::seeded(1).at_client(&client, Operation::Commit, 1, Fault::Abortable)).unwrap();
    bench.raise(&alert(2, 1, AlertState::Opened));
    bench.pass(2_000);
    assert_eq!(bench.dispatch.as_ref().unwrap().stats().aborted, 1);
    assert_eq!(bench.life(1, 1), ["planned", "claimed"]);
    bench.receiver.talks.store(true, Ordering::Relaxed);
    bench.pass(500);
    for number in [1, 2] {
        assert_eq!(bench.life(number, 1), ["planned", "claimed", "delivered"]);
    }
    assert_eq!(bench.seen().len(), 2);
}

#[test]
fn a_dispatcher_that_is_told_to_stop_waits_for_what_is_under_way() {
    let mut bench = Bench::new(false);
    bench.reply([Reply::Silence]);
    bench.raise(&alert(1, 1, AlertState::Opened));
    bench.pass(500);
    assert_eq!(bench.life(1, 1), ["planned", "claimed"]);
    bench.receiver.talks.store(true, Ordering::Relaxed);
    bench.stop_and_start();
    bench.pass(1_000);
    assert_eq!(bench.life(1, 1), ["planned", "claimed", "delivered"]);
}

/// Committed after all, and nobody knew: what was claimed there was never sent, and nobody guesses.
#[test]
fn a_claim_in_doubt_is_never_sent_blindly() {
    let mut unknown = 0;
    for nth in 1..=12 {
        let mut bench = Bench::idle(false);
        let (client, fault) = (format!("{DISPATCH}-0"), Fault::InDoubt(Doubt::Committed));
        bench.log.inject(FaultPlan::seeded(1).at_client(&client, Operation::Commit, nth, fault)).unwrap();
        bench.start(NoFailPoints);
        story(&mut bench, true);
        let sends = sends_per_attempt(&bench);
        for (attempt, end) in ends(&bench) {
            let sent = sends.get(&attempt).copied().unwrap_or_default();
            let lost = end.status == DeliveryStatus::Unknown;
            assert!(
                if lost { sent == 0 } else { sent == 1 && end.status == DeliveryStatus::Delivered },
                "{nth}: {end:?}"
            );
            unknown += usize::from(lost);
        }
    }
    assert!(unknown > 0);
}
