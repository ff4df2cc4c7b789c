//! The stages on Kafka, and the topics they need.

use std::sync::Arc;

use processor::runtime::{StageConfig, Topics};
use processor::source_clock::DEFAULT_FLOOR;
use processor::task::TaskConfig;
use rules::escalation::Policy;
use schemas::time::SECOND_MS;
use schemas::{DecodeError, topics};

use super::dispatch::{DispatchOperator, Dispatching};
use super::route::RouteOperator;
use crate::service::StageSpec;

/// Application ids: consumer groups, and names of changelogs.
pub const ROUTE: &str = "quartermaster-notify-route";
pub const DISPATCH: &str = "quartermaster-notify-dispatch";

/// How often the dispatcher looks at the clock and at what came back.
const TICK_MS: i64 = 20;

/// Both stages.
pub fn specs(threads: usize, call_timeout_ms: u64, policy: Policy, dispatching: Dispatching) -> Vec<StageSpec> {
    let (policy, dispatching) = (Arc::new(policy), Arc::new(dispatching));
    let configured = |stage: StageConfig| StageConfig { call_timeout_ms, ..stage };
    let route = move |_| RouteOperator::new(policy.clone());
    let dispatch = move |partition| DispatchOperator::new(partition, dispatching.clone());
    vec![
        StageSpec::new(configured(route_stage()), threads, route)
            .writes([topics::DISPATCH])
            .rejects(DecodeError::CLASSES),
        StageSpec::new(configured(dispatch_stage()), threads, dispatch)
            .writes([topics::DELIVERIES])
            .rejects(DecodeError::CLASSES),
    ]
}

/// The stage that orders.
pub fn route_stage() -> StageConfig {
    stage(ROUTE, "notify-route", topics::ALERTS, None)
}

/// The stage that carries out.
pub fn dispatch_stage() -> StageConfig {
    stage(DISPATCH, "notify-dispatch", topics::DISPATCH, Some(TICK_MS))
}

fn stage(application: &str, stage: &str, input: &str, tick_ms: Option<i64>) -> StageConfig {
    StageConfig {
        application: application.to_owned(),
        stage: stage.to_owned(),
        topics: Topics {
            input: input.to_owned(),
            changelog: topics::changelog(application, "state"),
            dead_letters: topics::DEAD_LETTERS.to_owned(),
            broadcast: Vec::new(),
            aggregates: None,
            journal: None,
        },
        task: TaskConfig { partition: 0, epoch_ms: None, grace_ms: 0, floor: DEFAULT_FLOOR },
        states: None,
        max_poll_records: 500,
        commit_interval_ms: 100,
        minimum_commit_gap_ms: 10,
        commit_records: 500,
        flush_interval_ms: SECOND_MS,
        flush_bytes: 16 << 20,
        epoch_wait_ms: 0,
        backlog_records: 1_000,
        call_timeout_ms: 10_000,
        tick_ms,
    }
}
