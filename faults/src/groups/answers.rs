//! Requests and answers that get lost, come late, come twice or say something else: the in-doubt path.

use std::time::Duration;

use anyhow::Result;
use test_proxy::{Action, Direction, Rule, api};
use test_services::clock::now;

use crate::interrupt;
use crate::rig::Rig;

const MET_WITHIN: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(20);

/// Error codes of the protocol.
const COORDINATOR_LOADING: i16 = 14;
const COORDINATOR_NOT_AVAILABLE: i16 = 15;
const ILLEGAL_GENERATION: i16 = 22;
const UNKNOWN_MEMBER: i16 = 25;
const REBALANCING: i16 = 27;
const INVALID_EPOCH: i16 = 47;
const CONCURRENT: i16 = 51;

/// What is drawn from: a name, and what happens.
type Scenario = (&'static str, i16, Direction, Action);

/// Each transaction call lost or late in either direction: what the design is about.
fn losses(rig: &mut Rig<'_>, longest_ms: u64) -> Vec<Scenario> {
    let mut late = || Action::Delay(Duration::from_millis(rig.random.u64(1_000..longest_ms)));
    vec![
        ("EndTxn answer lost", api::END_TXN, Direction::Answer, Action::Drop),
        ("EndTxn answer late", api::END_TXN, Direction::Answer, late()),
        ("EndTxn request late", api::END_TXN, Direction::Request, late()),
        ("TxnOffsetCommit answer lost", api::TXN_OFFSET_COMMIT, Direction::Answer, Action::Drop),
        ("TxnOffsetCommit request late", api::TXN_OFFSET_COMMIT, Direction::Request, late()),
        ("EndTxn request lost", api::END_TXN, Direction::Request, Action::Drop),
        ("TxnOffsetCommit request lost", api::TXN_OFFSET_COMMIT, Direction::Request, Action::Drop),
        ("TxnOffsetCommit answer late", api::TXN_OFFSET_COMMIT, Direction::Answer, late()),
        ("Produce answer lost", api::PRODUCE, Direction::Answer, Action::Drop),
        ("AddPartitionsToTxn answer lost", api::ADD_PARTITIONS_TO_TXN, Direction::Answer, Action::Drop),
    ]
}

/// Quick ones: errors, repetitions, cut connections.
fn lies() -> Vec<Scenario> {
    let (request, answer) = (Direction::Request, Direction::Answer);
    vec![
        ("EndTxn done, told CONCURRENT_TRANSACTIONS", api::END_TXN, answer, Action::Error(CONCURRENT)),
        ("EndTxn done, told COORDINATOR_NOT_AVAILABLE", api::END_TXN, answer, Action::Error(COORDINATOR_NOT_AVAILABLE)),
        ("EndTxn done, told INVALID_PRODUCER_EPOCH", api::END_TXN, answer, Action::Error(INVALID_EPOCH)),
        ("EndTxn not done, told INVALID_PRODUCER_EPOCH", api::END_TXN, request, Action::Error(INVALID_EPOCH)),
        (
            "TxnOffsetCommit done, told ILLEGAL_GENERATION",
            api::TXN_OFFSET_COMMIT,
            answer,
            Action::Error(ILLEGAL_GENERATION),
        ),
        ("TxnOffsetCommit done, told UNKNOWN_MEMBER_ID", api::TXN_OFFSET_COMMIT, answer, Action::Error(UNKNOWN_MEMBER)),
        (
            "TxnOffsetCommit done, told COORDINATOR_LOAD_IN_PROGRESS",
            api::TXN_OFFSET_COMMIT,
            answer,
            Action::Error(COORDINATOR_LOADING),
        ),
        ("AddOffsetsToTxn told CONCURRENT_TRANSACTIONS", api::ADD_OFFSETS_TO_TXN, request, Action::Error(CONCURRENT)),
        ("Heartbeat told REBALANCE_IN_PROGRESS", api::HEARTBEAT, request, Action::Error(REBALANCING)),
        ("Heartbeat told UNKNOWN_MEMBER_ID", api::HEARTBEAT, request, Action::Error(UNKNOWN_MEMBER)),
        ("EndTxn twice", api::END_TXN, request, Action::Duplicate),
        ("Produce twice", api::PRODUCE, request, Action::Duplicate),
        ("TxnOffsetCommit twice", api::TXN_OFFSET_COMMIT, request, Action::Duplicate),
        ("EndTxn cut off before", api::END_TXN, request, Action::Cut),
        ("EndTxn cut off after", api::END_TXN, answer, Action::Cut),
        ("Produce cut off after", api::PRODUCE, answer, Action::Cut),
        ("Fetch cut off", api::FETCH, answer, Action::Cut),
    ]
}

/// `rounds`: 0 is a short run with the first and a draw of the others.
pub(crate) fn answers(rig: &mut Rig<'_>, rounds: u32) -> Result<()> {
    for round in 0..rounds.max(1) {
        let mut losses = losses(rig, if rounds == 0 { 7_000 } else { 30_000 });
        let mut lies = lies();
        rig.random.shuffle(&mut lies);
        if rounds == 0 {
            losses.truncate(4);
            lies.truncate(4);
        }
        for scenario in losses.into_iter().chain(lies) {
            meet(rig, scenario)?;
        }
        rig.report.say(&format!("answers, round {}: {:?}", round + 1, rig.cluster.proxy.done()));
    }
    rig.check("lost, late and false answers")
}

/// Lets it happen once, and waits until all is well again.
fn meet(rig: &mut Rig<'_>, (name, of, direction, action): Scenario) -> Result<()> {
    let stage = if rig.random.u32(0..4) == 0 { "quartermaster-ingest" } else { "quartermaster-process" };
    let rule = Rule::new(of, direction, action).times(1);
    // A fetch names neither group nor producer.
    let rule = rig.cluster.proxy.set(if of == api::FETCH { rule } else { rule.about(stage) });
    let began = now();
    while rig.cluster.proxy.hits(rule) == 0 && now().duration_since(began) < MET_WITHIN {
        interrupt::pause(LOOK)?;
    }
    let met = rig.cluster.proxy.hits(rule) > 0;
    rig.cluster.proxy.remove(rule);
    if !met {
        rig.report.skip(&format!("{name}: there was none within {MET_WITHIN:?}"));
        return Ok(());
    }
    rig.report.fault(match action {
        Action::Drop => "lost",
        Action::Delay(_) => "late",
        Action::Duplicate => "twice",
        Action::Error(_) => "false",
        Action::Cut => "cut",
    });
    let delay = if let Action::Delay(time) = action { time } else { Duration::from_millis(300) };
    rig.breathe(delay)?;
    rig.recover(name)
}
