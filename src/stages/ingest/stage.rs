//! How the inputs run as a service: one stage each, with their topics, settings and operators.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use connectors::wms::mapping::{Mapping, Routing};
use processor::runtime::StageConfig;
use processor::source_clock::DEFAULT_FLOOR;
use processor::task::TaskConfig;
use schemas::topics as names;

use super::input::STAGE;
use super::rejection;
use super::wms::WmsOperator;
use super::{Content, IngestOperator, Input};
use crate::config::{Config, InputConfig, InputContent};
use crate::exit::Outcome;
use crate::mapping_file;
use crate::metrics::IngestMetrics;
use crate::service::StageSpec;

/// An input commits soon: what it reads is on its way to an alert.
const COMMIT_INTERVAL_MS: i64 = 25;
const MINIMUM_COMMIT_GAP_MS: i64 = 10;
const COMMIT_RECORDS: usize = 5_000;
const POLL_RECORDS: usize = 2_000;
const FLUSH_INTERVAL_MS: i64 = 1_000;
const FLUSH_BYTES: usize = 16 << 20;
const BACKLOG_RECORDS: usize = 10_000;

/// A stage for every input, as configured.
pub fn specs(config: &Config, metrics: &IngestMetrics) -> Outcome<Vec<StageSpec>> {
    config.ingest.all_inputs().iter().map(|input| spec(config, input, metrics)).collect()
}

/// Reads every mapping that the configuration names.
pub fn check_mappings(config: &Config) -> Outcome {
    let mut files = config.ingest.inputs.iter().filter_map(|input| input.mapping.as_deref());
    files.try_for_each(|file| mapping_file::read(file).map(drop))
}

fn spec(config: &Config, configured_input: &InputConfig, metrics: &IngestMetrics) -> Outcome<StageSpec> {
    let input = configured(config, configured_input);
    let classes: Vec<&str> = rejection::classes().collect();
    // Known once the service has looked at the topics, before the first operator is made.
    let partitions = Arc::new(AtomicI32::new(0));
    let (stage, writes, watcher) =
        (stage_config(config, &input), written(configured_input.content), metrics.of(&input.name, &classes));
    let (counted, unmapped) = (partitions.clone(), metrics.unmapped(&input.name));
    let known = move || Arc::new(Input { topic_partitions: counted.load(Ordering::Acquire), ..input.clone() });
    let threads = config.ingest.threads as usize;
    let spec = match &configured_input.mapping {
        None => StageSpec::new(stage, threads, move |partition| IngestOperator::new(known(), partition)),
        Some(file) => {
            let mapping = Arc::new(mapping_file::read(file)?);
            let one_partition = needs_one_partition(&mapping, file);
            let operator = move |partition| WmsOperator::new(known(), partition, mapping.clone(), unmapped.clone());
            let spec = StageSpec::new(stage, threads, operator);
            if let Some(reason) = one_partition { spec.needs_one_partition(reason) } else { spec }
        }
    };
    Ok(spec.writes(writes.iter().copied()).rejects(&classes).observed_by(Arc::new(watcher)).counting(partitions))
}

fn needs_one_partition(mapping: &Mapping, file: &Path) -> Option<String> {
    (mapping.routing == Routing::Database).then(|| {
        format!(
            "{} is for a database whose tables are all routed into one topic, in the order of their commits: make the \
             topic with one partition, or change `routing` (docs/sources.md)",
            file.display()
        )
    })
}

fn configured(config: &Config, input: &InputConfig) -> Input {
    let events_partitions = config.process.events_partitions;
    Input {
        name: input.name.clone(),
        topic: input.topic.clone(),
        topic_partitions: 0,
        content: input.content.canonical().unwrap_or(Content::StockChanges),
        format: input.format,
        events_partitions,
        source_partitions: input.source_partitions.clone(),
        watermark_interval_ms: config.ingest.watermark_interval_ms,
        // A watermark is a record in every partition: while much is read, at most one for four events.
        records_per_watermark: 4 * events_partitions.unsigned_abs(),
        grace_ms: config.ingest.grace_ms,
        silence_after_ms: input.silence_after_ms,
    }
}

/// Where the records of a content go.
fn written(content: InputContent) -> &'static [&'static str] {
    match content {
        InputContent::StockChanges | InputContent::Actions => &[names::EVENTS],
        InputContent::Catalog => &[names::EVENTS, names::CATALOG],
        InputContent::Locations => &[names::LOCATIONS],
        InputContent::Wms => &[names::EVENTS, names::CATALOG, names::LOCATIONS],
    }
}

fn stage_config(config: &Config, input: &Input) -> StageConfig {
    StageConfig {
        application: input.application(),
        stage: STAGE.to_owned(),
        topics: input.topics(),
        task: TaskConfig { partition: 0, epoch_ms: None, grace_ms: config.ingest.grace_ms, floor: DEFAULT_FLOOR },
        states: None,
        max_poll_records: POLL_RECORDS,
        commit_interval_ms: COMMIT_INTERVAL_MS,
        minimum_commit_gap_ms: MINIMUM_COMMIT_GAP_MS,
        commit_records: COMMIT_RECORDS,
        flush_interval_ms: FLUSH_INTERVAL_MS,
        flush_bytes: FLUSH_BYTES,
        epoch_wait_ms: 0,
        backlog_records: BACKLOG_RECORDS,
        call_timeout_ms: config.kafka.call_timeout_ms,
        tick_ms: input.tick_ms(),
    }
}
