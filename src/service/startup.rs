//! What a service makes sure of before its first worker: Kafka answers, and the topics are right.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use anyhow::anyhow;
use processor::ports::LogError;
use processor::runtime::Clock;

use super::Service;
use super::board::Board;
use super::stop::Stop;
use crate::exit::{Failure, Outcome};
use crate::topics::{self, Count, Difference, Findings, Wanted};

/// Longest wait of one attempt: how late a stop is noticed, at most.
const ATTEMPT: Duration = Duration::from_secs(2);
const BETWEEN: Duration = Duration::from_millis(250);

/// `Break`: the service was asked to stop meanwhile.
pub(super) fn run(service: &Service, clock: &dyn Clock, stop: &Stop, board: &Board) -> Outcome<ControlFlow<()>> {
    let cluster = &service.settings.cluster;
    board.starting(format!("connecting to Kafka at {cluster}"));
    tracing::info!(role = service.role, cluster, "connecting");
    let limit_ms = i64::try_from(service.settings.startup_timeout.as_millis()).unwrap_or(i64::MAX);
    let deadline_ms = clock.monotonic_ms().saturating_add(limit_ms);
    let wanted = wanted(service);
    loop {
        let reached = service.topics.reach(ATTEMPT);
        board.starting(format!("checking the topics on {cluster}"));
        let found = reached.and_then(|()| topics::check(&*service.topics, &wanted, service.settings.call_timeout));
        let error = match found {
            Ok(findings) => return accept(service, &findings).map(ControlFlow::Continue),
            Err(error) => error,
        };
        board.starting(format!("no answer yet: {error}"));
        if !matches!(error, LogError::Retriable { .. }) || clock.monotonic_ms() >= deadline_ms {
            return Err(unreachable(service, &error));
        }
        if stop.wait(BETWEEN) {
            return Ok(ControlFlow::Break(()));
        }
    }
}

/// What every topic of the stages should be; those nobody configures must exist.
fn wanted(service: &Service) -> Vec<Wanted> {
    let mut names: Vec<&str> = service.stages.iter().flat_map(super::StageSpec::topics).collect();
    names.sort_unstable();
    names.dedup();
    let known = |name: &str| service.settings.wanted.iter().find(|topic| topic.name == name).cloned();
    let other = |name: &str| Wanted { name: name.to_owned(), partitions: Count::Any, settings: BTreeMap::new() };
    names.into_iter().map(|name| known(name).unwrap_or_else(|| other(name))).collect()
}

fn accept(service: &Service, findings: &Findings) -> Outcome {
    for (topic, partitions) in &findings.partitions {
        service.stages.iter().for_each(|stage| stage.topic_has(topic, *partitions));
        if service.stages.iter().any(|stage| stage.config.topics.input == *topic) {
            service.metrics.stage.topic_has(topic, *partitions);
        }
    }
    let too_many = findings.partitions.iter().flat_map(|(topic, partitions)| {
        service.stages.iter().filter_map(move |stage| stage.too_many(topic, *partitions))
    });
    let (fatal, others): (Vec<&Difference>, Vec<_>) =
        findings.differences.iter().partition(|difference| difference.forbids_start());
    for difference in others {
        tracing::warn!("{difference}");
    }
    let reasons: Vec<String> = fatal.iter().map(ToString::to_string).chain(too_many).collect();
    if reasons.is_empty() {
        return Ok(());
    }
    Err(Failure::Request(anyhow!("the topics are not as they must be:\n{}", reasons.join("\n"))))
}

fn unreachable(service: &Service, error: &LogError) -> Failure {
    let settings = &service.settings;
    Failure::Runtime(anyhow!(
        "cannot work with Kafka at {} (kafka.bootstrap_servers), tried for up to {} s: {error}; check that it runs and is \
         reachable from here, and security_protocol and sasl_* in [kafka] if it asks for them",
        settings.cluster,
        settings.startup_timeout.as_secs_f64()
    ))
}
