//! `replay`: the pure pipeline over files. Deterministic: the same input gives the same bytes.
//!
//! This folder reads, writes and counts; what happens to an event is in [`pipeline`]. It must never
//! let the machine's clock, or the order of a hash map, reach an output.

mod captured;
mod dead_letters;
mod from_log;
mod input;
pub(crate) mod log;
mod output;
mod pipeline;
mod progress;
mod summary;
mod zstd;

use std::io;
use std::path::PathBuf;

use connectors::wms::translate::Translated;
use processor::operator::Rejection;
use rules::decide::Key;
use rules::explain::Explanation;
use schemas::{CatalogChange, DecodeError, InventoryEvent, Timestamp, canonical};

use crate::cli::{Format, ReplayArgs, is_dash};
use crate::clock::Stopwatch;
use crate::config::Config;
use crate::exit::{Failure, Outcome};
use crate::{logging, mapping_file, rule_files};
use captured::CapturedRows;
use dead_letters::DeadLetters;
use input::{Content, InputError, Inputs, Line};
use output::{OutputError, Results};
use pipeline::{Pipeline, PipelineOptions};
use progress::Progress;
use summary::Summary;

/// The input that dead letters name which were found when all had been read.
const AT_THE_END: &str = "(end of the input)";

/// The class of a line longer than `replay.maximum_line_bytes`.
const LINE_TOO_LONG: &str = "line_too_long";

pub fn run(args: &ReplayArgs, config: &Config) -> Outcome {
    refuse_unsupported(args)?;
    refuse_clashes(args)?;
    if args.format == Format::Log {
        return from_log::run(args, config);
    }
    let stopwatch = Stopwatch::start();
    let people = logging::human(config.log.format);
    let progress = Progress::start(people);
    let (mut replay, files) = open(args, config, &progress)?;
    let outcome = replay.read(files);
    progress.finish();
    // Whatever happened: what could be processed is written.
    let outcome = outcome.and(replay.flush());
    replay.close(stopwatch).report(people, outcome.is_ok());
    outcome
}

/// What decides about a SKU at a location at `args.until`, and why. Nothing else is written.
pub fn explain(args: &ReplayArgs, config: &Config, key: Key<'_>, at: Timestamp) -> Outcome<Explanation> {
    refuse_unsupported(args)?;
    refuse_clashes(args)?;
    let progress = Progress::start(logging::human(config.log.format));
    let (mut replay, files) = open(args, config, &progress)?;
    let outcome = replay.lines(files);
    progress.finish();
    outcome?;
    replay.pipeline.explain(key, at).map_err(refused)
}

/// Locations, items and events.
type Files = [Inputs; 3];

/// Everything that is read is opened before anything that is written is created.
fn open<'a>(args: &ReplayArgs, config: &Config, progress: &'a Progress) -> Outcome<(Replay<'a>, Files)> {
    let rules = rule_files::read(&args.rules)?;
    let open = |paths: &[PathBuf]| {
        Inputs::open(paths, config.replay.maximum_line_bytes, |file, length| progress.watch(file, length))
    };
    let mapping = args.mapping.as_deref().map(mapping_file::read).transpose()?;
    let files = [open(args.locations.as_slice())?, open(args.catalog.as_slice())?, open(&args.inputs)?];
    let replay = Replay {
        captured: mapping.map(CapturedRows::new),
        said: Vec::new(),
        pipeline: Pipeline::new(options(args, config), &rules).map_err(refused)?,
        results: Results::create(args.alerts.as_deref(), args.positions.as_deref())?,
        letters: DeadLetters::create(args.dead_letters.as_deref())?,
        summary: Summary::default(),
        progress,
    };
    Ok((replay, files))
}

fn refused(rejection: Rejection) -> Failure {
    Failure::Request(anyhow::anyhow!(rejection.message))
}

fn refuse_unsupported(args: &ReplayArgs) -> Outcome {
    match (args.format, &args.mapping) {
        (Format::Debezium, Some(_)) | (Format::Canonical | Format::Log, None) => {}
        (Format::Debezium, None) => {
            return Err(Failure::Request(anyhow::anyhow!(
                "--format debezium needs a --mapping that says what the tables mean"
            )));
        }
        (_, Some(_)) => {
            return Err(Failure::Request(anyhow::anyhow!("--mapping belongs to --format debezium")));
        }
    }
    if args.positions.is_some() && args.positions_every.is_none() && args.until.is_none() {
        tracing::warn!("--positions writes nothing without --positions-every or --until");
    }
    Ok(())
}

/// Every file has one role, and stdin one reader.
fn refuse_clashes(args: &ReplayArgs) -> Outcome {
    let refuse = |what: String| Err(Failure::Request(anyhow::anyhow!(what)));
    let inputs: Vec<&PathBuf> =
        args.inputs.iter().chain(&args.catalog).chain(&args.locations).chain(&args.rules).collect();
    if inputs.iter().filter(|path| is_dash(path)).count() > 1 {
        return refuse("stdin (`-`) can be read only once".to_owned());
    }
    let outputs: Vec<&PathBuf> = args.alerts.iter().chain(&args.positions).chain(&args.dead_letters).collect();
    if let Some(path) = output::clash(&inputs, &outputs) {
        return refuse(format!("{} is also an input or another output; name another file", output::name(&path)));
    }
    Ok(())
}

fn options(args: &ReplayArgs, config: &Config) -> PipelineOptions {
    PipelineOptions {
        partitions: config.replay.partitions,
        grace_ms: config.replay.grace_ms,
        // Nobody reads them: spare the work.
        positions_every_ms: args.positions.as_ref().and(args.positions_every).map(|period| period.ms),
        positions_from: args.positions_from,
        until: args.until,
        state_bytes: crate::memory::of_states(),
    }
}

/// One run: what is read goes to the pipeline, what comes out of it to the outputs.
struct Replay<'a> {
    /// Where the lines are rows of a warehouse system.
    captured: Option<CapturedRows>,
    /// What a row said; empty between lines.
    said: Vec<Translated>,
    pipeline: Pipeline,
    results: Results,
    letters: DeadLetters,
    summary: Summary,
    progress: &'a Progress,
}

/// What the lines of a file are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Location,
    Item,
    Event,
}

impl Replay<'_> {
    fn read(&mut self, files: Files) -> Outcome {
        self.lines(files)?;
        let Self { pipeline, results, .. } = self;
        pipeline.finish(&mut |line| results.take(&line)).map_err(Failure::runtime)
    }

    fn lines(&mut self, [locations, items, events]: Files) -> Outcome {
        self.each_line(Kind::Location, locations)?;
        self.each_line(Kind::Item, items)?;
        self.each_line(Kind::Event, events)?;
        if let Some(captured) = &mut self.captured {
            captured.finish(&mut self.said);
            self.say(&Line { input: AT_THE_END, number: 0, content: Content::Bytes(&[]) })?;
        }
        Ok(())
    }

    fn each_line(&mut self, kind: Kind, mut inputs: Inputs) -> Outcome {
        while let Some(line) = inputs.next_line()? {
            self.summary.lines += u64::from(kind == Kind::Event);
            let (bytes, taken) = match line.content {
                Content::Bytes(bytes) => (bytes, self.take(kind, &line, bytes)?),
                Content::TooLong { head, bytes } => (head, Err(Refusal::too_long(bytes))),
            };
            if let Err(refusal) = taken {
                self.refuse(&line, bytes, &refusal)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, kind: Kind, line: &Line<'_>, bytes: &[u8]) -> Outcome<Result<(), Refusal>> {
        match kind {
            Kind::Location => Ok(self.location(bytes)),
            Kind::Item => Ok(self.item(bytes)),
            Kind::Event if self.captured.is_some() => self.row(line, bytes),
            Kind::Event => match canonical::decode_event(bytes) {
                Ok(event) => self.event(event).map_err(Failure::runtime),
                Err(error) => Ok(Err(error.into())),
            },
        }
    }

    /// A change of a row says any number of things.
    fn row(&mut self, line: &Line<'_>, bytes: &[u8]) -> Outcome<Result<(), Refusal>> {
        let Some(captured) = &mut self.captured else { return Ok(Ok(())) };
        let taken = captured.take(bytes, line.number, &mut self.said);
        self.say(line)?;
        Ok(taken.map_err(Refusal::from))
    }

    fn say(&mut self, line: &Line<'_>) -> Outcome {
        for said in std::mem::take(&mut self.said) {
            let (number, original, taken) = match said {
                Translated::Event(event) => (line.number, None, self.event(event).map_err(Failure::runtime)?),
                Translated::Item(CatalogChange { sku, item }) => {
                    self.summary.item(sku.clone());
                    (line.number, None, self.pipeline.catalog_change(sku, item).map_err(Refusal::from))
                }
                Translated::Place { location, description } => {
                    self.summary.locations += 1;
                    (line.number, None, self.pipeline.place(&location, description.as_ref()).map_err(Refusal::from))
                }
                Translated::DeadLetter { record, rejection } => {
                    (u64::try_from(record.offset).unwrap_or(0), record.value, Err(rejection.into()))
                }
            };
            if let Err(refusal) = taken {
                let line = Line { input: line.input, number, content: Content::Bytes(&[]) };
                self.refuse(&line, original.as_deref().unwrap_or_default(), &refusal)?;
            }
        }
        Ok(())
    }

    fn location(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.pipeline.location(&canonical::decode_location(bytes)?)?;
        self.summary.locations += 1;
        Ok(())
    }

    fn item(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let item = canonical::decode_catalog_item(bytes)?;
        let sku = item.sku.clone();
        self.pipeline.catalog(item)?;
        self.summary.item(sku);
        Ok(())
    }

    fn event(&mut self, event: InventoryEvent<'_>) -> io::Result<Result<(), Refusal>> {
        let Self { pipeline, results, summary, progress, .. } = self;
        progress.line(summary.lines, event.occurred_at);
        let sku = event.sku.clone();
        let taken = pipeline.event(event, &mut |line| results.take(&line))?;
        Ok(taken.map(|outcome| summary.event(&sku, outcome)).map_err(Refusal::from))
    }

    fn refuse(&mut self, line: &Line<'_>, bytes: &[u8], refusal: &Refusal) -> Outcome {
        if self.letters.take(line, bytes, refusal.class, &refusal.message)? {
            self.progress.pause(|| {
                tracing::warn!(
                    input = line.input,
                    line = line.number,
                    class = refusal.class,
                    "dead letter: {}",
                    refusal.message
                );
            });
        }
        Ok(())
    }

    /// Completes the outputs.
    fn flush(&mut self) -> Outcome {
        self.results.finish()?;
        Ok(self.letters.finish()?)
    }

    fn close(mut self, stopwatch: Stopwatch) -> Summary {
        self.summary.close(self.results.counts, self.letters.by_class, stopwatch.elapsed());
        self.summary
    }
}

/// Why a line could not be used.
struct Refusal {
    class: &'static str,
    message: String,
}

impl Refusal {
    fn too_long(bytes: u64) -> Self {
        let message = format!("the line has {bytes} bytes, more than `replay.maximum_line_bytes` allows");
        Self { class: LINE_TOO_LONG, message }
    }
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        Self { class: error.class, message: error.message }
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self { class: rejection.class, message: rejection.message }
    }
}

impl From<InputError> for Failure {
    fn from(error: InputError) -> Self {
        Self::request(error)
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        Self::runtime(error)
    }
}
