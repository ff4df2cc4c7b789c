//! `quartermaster demo`: a simulated retail chain in accelerated time through the very same stages that
//! production runs, on the embedded log, with problems planted in it and a score at the end.
//!
//! The simulation (`wms`) never hears of alerts, the pipeline never hears of what is planted; only the
//! score sees both. Deterministic by `--seed`: what is decided does not depend on how fast it is shown.

mod pace;
mod pipeline;
mod report;
mod score;
mod text;
mod view;
pub(crate) mod wms;

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};

use crate::exit::{Failure, Outcome};
use pace::Pace;
use view::{Directory, Ended};
use wms::{Scenario, Wms};

/// How many messages the pipeline may be ahead of the view.
const VIEW_QUEUE: usize = 4096;

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Same seed, same chain, same problems, same alerts
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Simulated weeks: four of history, then at least four with problems
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(i32).range(8..=26))]
    pub weeks: i32,
    /// Language of messages and tables
    #[arg(long, value_enum, default_value_t = Language::En)]
    pub language: Language,
    /// Lines instead of the live view, also on a terminal
    #[arg(long)]
    pub plain: bool,
    /// Stores beside the one warehouse
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u16).range(8..=wms::MAX_STORES as i64))]
    pub stores: u16,
    /// Items in the assortment
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u16).range(100..=wms::max_items() as i64))]
    pub items: u16,
    /// Simulated days per second once the history is read; 0 for as fast as it goes
    #[arg(long, default_value_t = 0.6, value_parser = speed)]
    pub speed: f64,
    /// Keep the log and write it here at the end, for `replay --format log --partitions 4`
    #[arg(long, value_name = "FILE")]
    pub dump: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    #[value(name = "en")]
    En,
    #[value(name = "zh-CN")]
    ZhCn,
}

/// What the pipeline tells the view. Alerts in the order they were committed.
#[derive(Clone, Debug)]
pub enum DemoEvent {
    Clock(Clock),
    Alert(Box<schemas::Alert>),
    Position(Box<schemas::Position<'static>>),
    /// Everything has been processed; nothing follows.
    Finished,
}

/// How far the pipeline is.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Simulated time up to which events were processed.
    pub sim_time: schemas::Timestamp,
    /// Stock changes processed so far.
    pub events: u64,
    /// Committed transactions so far.
    pub transactions: u64,
    /// Records written and not yet processed.
    pub lag: u64,
    pub partitions: u32,
    pub dead_letters: u64,
    /// Since the demo began, by the machine's clock: for rates only.
    pub elapsed: std::time::Duration,
}

/// Runs the demo to its end, or until the viewer quits.
pub fn run(args: &DemoArgs) -> Outcome {
    let wms = Wms::new(args.scenario());
    let pace = Pace::new(wms::LIVE_FROM, args.speed);
    let board = view::Board::new(Directory::of(&wms), args.language, wms.planted(), wms::START..wms.end());
    let dump = args.dump.as_deref().map(create).transpose()?;
    let (sender, receiver) = mpsc::sync_channel(VIEW_QUEUE);
    let pipeline = thread::Builder::new()
        .name("demo-pipeline".to_owned())
        .spawn(move || pipeline::run(wms, pace, dump, &sender))
        .context("cannot start the pipeline's thread")
        .map_err(Failure::Runtime)?;
    // The view drops its end of the channel when it ends: that is how the pipeline hears of it.
    let ended = view::run(board, receiver, args.plain).map_err(Failure::runtime);
    let wms = pipeline.join().map_err(|_| Failure::Runtime(anyhow!("the pipeline panicked; its message is above")))?;
    match ended? {
        Ended::Quit => Ok(()),
        Ended::Finished(alerts) => conclude(wms.map_err(Failure::Runtime)?, &alerts, args.language),
    }
}

fn conclude(wms: Wms, alerts: &[schemas::Alert], language: Language) -> Outcome {
    let planted = wms.planted();
    let report = score::score(&planted, alerts, &wms.into_truth());
    let mut out = io::stdout().lock();
    report
        .print(language, &mut out)
        .and_then(|()| out.flush())
        .context("cannot print the score")
        .map_err(Failure::Runtime)
}

/// Created before the demo begins: nobody should watch it to the end and then hear of a full disk.
fn create(path: &Path) -> Result<File, Failure> {
    File::create(path).with_context(|| format!("cannot create {}", path.display())).map_err(Failure::Runtime)
}

impl DemoArgs {
    fn scenario(&self) -> Scenario {
        Scenario { seed: self.seed, weeks: self.weeks, stores: self.stores.into(), items: self.items.into() }
    }
}

impl Language {
    /// The one of (English, Chinese) that is spoken.
    pub fn pick<T>(self, (en, zh): (T, T)) -> T {
        match self {
            Self::En => en,
            Self::ZhCn => zh,
        }
    }
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.0..=1000.0).contains(&speed) => Ok(speed),
        _ => Err("must be a number from 0 to 1000, in simulated days per second".to_owned()),
    }
}
