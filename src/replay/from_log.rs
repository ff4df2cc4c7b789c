//! `replay --format log`: reads a dump, writes the alerts it must have led to.

use processor::operator::Outcome as Processed;
use schemas::stream::StreamRecord;
use schemas::{avro, topics};

use super::dead_letters::DeadLetters;
use super::input::{Content, Inputs, Line};
use super::log::{Done, LogError, LogPipeline};
use super::output::Results;
use super::pipeline;
use super::progress::Progress;
use super::summary::Summary;
use crate::cli::ReplayArgs;
use crate::clock::Stopwatch;
use crate::config::Config;
use crate::exit::{Failure, Outcome};
use crate::logging;

pub(super) fn run(args: &ReplayArgs, config: &Config) -> Outcome {
    refuse_flags(args)?;
    let stopwatch = Stopwatch::start();
    let people = logging::human(config.log.format);
    let progress = Progress::start(people);
    let inputs = Inputs::open(&args.inputs, config.replay.maximum_line_bytes, |f, length| progress.watch(f, length))?;
    let mut replay = LogRun {
        pipeline: LogPipeline::new(config.replay.partitions, config.replay.grace_ms, crate::memory::of_states()),
        results: Results::create(args.alerts.as_deref(), None)?,
        letters: DeadLetters::create(args.dead_letters.as_deref())?,
        summary: Summary::default(),
    };
    let outcome = replay.read(inputs);
    progress.finish();
    let LogRun { pipeline, mut results, mut letters, mut summary } = replay;
    let outcome = outcome.and_then(|()| write_alerts(pipeline, &mut results));
    let outcome = outcome.and(results.finish().map_err(Failure::from)).and(letters.finish().map_err(Failure::from));
    summary.close(results.counts, letters.by_class, stopwatch.elapsed());
    summary.report(people, outcome.is_ok());
    outcome
}

/// A dump brings its own rules, places, items, grace and end.
fn refuse_flags(args: &ReplayArgs) -> Outcome {
    let flags = [
        ("--rules", !args.rules.is_empty()),
        ("--catalog", args.catalog.is_some()),
        ("--locations", args.locations.is_some()),
        ("--positions", args.positions.is_some()),
        ("--until", args.until.is_some()),
        ("--grace", args.grace.is_some()),
    ];
    match flags.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((flag, _)) => {
            Err(Failure::Request(anyhow::anyhow!("{flag} does not go with --format log: a dump replays what was")))
        }
    }
}

fn write_alerts(replayed: LogPipeline, results: &mut Results) -> Outcome {
    for alert in replayed.finish().map_err(Failure::request)? {
        results.take(&pipeline::Line::Alert(&alert)).map_err(Failure::runtime)?;
    }
    Ok(())
}

struct LogRun {
    pipeline: LogPipeline,
    results: Results,
    letters: DeadLetters,
    summary: Summary,
}

impl LogRun {
    fn read(&mut self, mut inputs: Inputs) -> Outcome {
        while let Some(line) = inputs.next_line()? {
            self.summary.lines += 1;
            let taken = match line.content {
                Content::Bytes(bytes) => self.line(bytes)?,
                Content::TooLong { bytes, .. } => {
                    Err(LogError::Line(format!("{bytes} bytes, more than `replay.maximum_line_bytes` allows")))
                }
            };
            if let Err(error) = taken {
                return Err(Failure::Request(anyhow::anyhow!("{}, line {}: {error}", line.input, line.number)));
            }
        }
        Ok(())
    }

    /// The inner error is the dump's, the outer one the dead letters' output's.
    fn line(&mut self, bytes: &[u8]) -> Result<Result<(), LogError>, Failure> {
        let Self { pipeline, letters, summary, .. } = self;
        let mut written = Ok(());
        let taken = pipeline.line(bytes, &mut |done| {
            let counted = count(done, letters, summary);
            if written.is_ok() {
                written = counted;
            }
        });
        written.map(|()| taken)
    }
}

fn count(done: &Done<'_>, letters: &mut DeadLetters, summary: &mut Summary) -> Outcome {
    match &done.result {
        Err(rejection) => {
            let input = format!("{}-{}", topics::EVENTS, done.partition);
            let number = done.offset.unsigned_abs();
            let line = Line { input: &input, number, content: Content::Bytes(done.payload) };
            letters.take(&line, done.payload, rejection.class, &rejection.message)?;
        }
        Ok(outcome) => match avro::decode_stream(done.payload) {
            Ok(StreamRecord::Event(event)) => summary.event(&event.sku, *outcome),
            Ok(StreamRecord::Catalog(change)) if *outcome != Processed::Filtered => summary.item(change.sku),
            _ => {}
        },
    }
    Ok(())
}
