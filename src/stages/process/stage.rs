//! How the stage runs as a service: its topics, its runtime settings, its operator.

use std::sync::Arc;

use processor::runtime::{StageConfig, Topics};
use processor::source_clock::DEFAULT_FLOOR;
use processor::table::StateMemory;
use processor::task::TaskConfig;
use schemas::{DecodeError, topics as names};

use super::{ProcessOperator, Watcher};
use crate::config::Config;
use crate::service::StageSpec;

/// Consumer group, prefix of transactional ids, name of the state directory.
pub const APPLICATION: &str = "quartermaster-process";
const STAGE: &str = "process";
/// Reasons for dead letters besides those of the decoders.
const CLASSES: [&str; 5] = ["missing_key", "wrong_key", "wrong_partition", "time_out_of_range", "internal"];

pub fn topics() -> Topics {
    Topics {
        input: names::EVENTS.to_owned(),
        changelog: names::changelog(APPLICATION, "state"),
        dead_letters: names::DEAD_LETTERS.to_owned(),
        broadcast: vec![names::LOCATIONS.to_owned(), names::RULES.to_owned()],
        aggregates: Some(names::AGGREGATES.to_owned()),
        journal: Some(names::JOURNAL.to_owned()),
    }
}

/// The stage, as configured.
pub fn spec(config: &Config, watcher: Arc<dyn Watcher>) -> StageSpec {
    let partitions = config.process.events_partitions;
    let operator = move |partition| ProcessOperator::new(partition, partitions).watched_by(watcher.clone());
    StageSpec::new(stage_config(config), threads(config), operator)
        .writes([names::ALERTS, names::ALERTS_CURRENT, names::POSITIONS])
        .rejects(DecodeError::CLASSES)
        .rejects(&CLASSES)
}

fn threads(config: &Config) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let wanted = config.process.threads.map_or(processors / 2, |threads| threads as usize);
    wanted.clamp(1, usize::try_from(config.process.events_partitions).unwrap_or(1))
}

fn stage_config(config: &Config) -> StageConfig {
    let process = &config.process;
    StageConfig {
        application: APPLICATION.to_owned(),
        stage: STAGE.to_owned(),
        topics: topics(),
        task: TaskConfig {
            partition: 0,
            epoch_ms: Some(rules::site::EPOCH_MS),
            grace_ms: process.grace_ms,
            floor: DEFAULT_FLOOR,
        },
        states: Some(StateMemory::new(config.state.hot_bytes())),
        max_poll_records: process.poll_records as usize,
        commit_interval_ms: process.commit_interval_ms,
        minimum_commit_gap_ms: process.minimum_commit_gap_ms,
        commit_records: process.commit_records as usize,
        flush_interval_ms: process.flush_interval_ms,
        flush_bytes: usize::try_from(process.flush_bytes).unwrap_or(usize::MAX),
        epoch_wait_ms: process.epoch_wait_ms,
        backlog_records: process.backlog_records as usize,
        call_timeout_ms: config.kafka.call_timeout_ms,
        tick_ms: None,
    }
}
