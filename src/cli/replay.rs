//! Arguments of `replay`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use schemas::Timestamp;

use super::values::{self, Period};
use crate::config::Override;

/// Run the pipeline over files: stock changes in, alerts and positions out. No log, no clock: the same input
/// gives the same bytes
///
/// Lines that cannot be used are dead letters, counted on stderr, and the run goes on with exit code 0. An
/// input that cannot be read (or ends in the middle of its compression) is exit code 2, after what could be
/// read has been processed and written. An output that cannot be written is exit code 1.
#[derive(Debug, Default, Args)]
pub struct ReplayArgs {
    /// Canonical JSON lines, plain, gzip or zstd; `-` is stdin. Several are one source, in this order
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
    /// Rule document (YAML), `-` is stdin; may be given several times. Without any, nothing raises an alert
    #[arg(long, value_name = "FILE")]
    pub rules: Vec<PathBuf>,
    /// Catalogue lines, applied before the first input line
    #[arg(long, value_name = "FILE")]
    pub catalog: Option<PathBuf>,
    /// Location lines (time zone, region, kind), applied before the first input line
    #[arg(long, value_name = "FILE")]
    pub locations: Option<PathBuf>,
    /// What the tables of a warehouse system mean (YAML); with `--format debezium`
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    /// What the input lines are
    #[arg(long, value_enum, default_value_t = Format::Canonical)]
    pub format: Format,
    /// Partitions to spread the SKUs over, 1 to 1024; does not change the alerts [config: replay.partitions]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=1024))]
    pub partitions: Option<i32>,
    /// Write alert lines here; `-` is stdout
    #[arg(long, value_name = "FILE")]
    pub alerts: Option<PathBuf>,
    /// Write position lines here; `-` is stdout
    #[arg(long, value_name = "FILE")]
    pub positions: Option<PathBuf>,
    /// One position line per SKU and location at each multiple of this period since 1970-01-01T00:00:00Z (1d, 6h, …)
    #[arg(long, value_name = "PERIOD", value_parser = values::positive_period)]
    pub positions_every: Option<Period>,
    /// Leave out position lines before this time; filters output only
    #[arg(long, value_name = "TIME", value_parser = values::instant)]
    pub positions_from: Option<Timestamp>,
    /// Ignore events at or after this time, and write the positions of this time
    #[arg(long, value_name = "TIME", value_parser = values::instant)]
    pub until: Option<Timestamp>,
    /// Write lines that could not be used here, with the reason; `-` is stdout
    #[arg(long, value_name = "FILE")]
    pub dead_letters: Option<PathBuf>,
    /// How long timers and windows wait for late events (10m, 90s, …) [config: replay.grace_ms]
    #[arg(long, value_name = "PERIOD", value_parser = values::period)]
    pub grace: Option<Period>,
}

/// What an input line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One stock change a line
    #[default]
    Canonical,
    /// Changes of a warehouse system's tables as Debezium writes them: values, or whole records as `topics dump
    /// --topic` writes them. Needs a --mapping
    Debezium,
    /// Records as `topics dump` and `demo --dump` write them: locations, rules and journal before the events. Needs
    /// the --partitions of the dumped topic, and sorts alerts by detection time
    Log,
}

impl ReplayArgs {
    /// The flags that stand for a configuration key.
    pub fn overrides(&self) -> Vec<Override> {
        let partitions = self.partitions.map(|n| Override::new("replay.partitions", i64::from(n)));
        let grace = self.grace.map(|period| Override::new("replay.grace_ms", period.ms));
        partitions.into_iter().chain(grace).collect()
    }
}
