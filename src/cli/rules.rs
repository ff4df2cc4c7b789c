//! `rules`: says what is wrong with rule documents before anybody depends on them, which of them decides and why, and
//! puts them into force.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use rules::decide::Key;
use schemas::Timestamp;

use super::{Format, ReplayArgs, print, values};
use crate::config::{Config, Override};
use crate::exit::Outcome;
use crate::rules_publish::{self, Planned, Standing};
use crate::service::open_kafka;
use crate::{replay, rule_files};

/// Work with rule documents
#[derive(Debug, Args)]
pub struct RulesArgs {
    #[command(subcommand)]
    pub command: RulesCommand,
}

#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// Check rule documents; every fault is reported with its file, line and reason
    Check {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    Explain(ExplainArgs),
    Publish(PublishArgs),
}

/// Say which rules decide about a SKU at a location at an instant, and why the others do not
///
/// What happened before the instant is read as `replay` reads it: classes follow from it. Every rule of a kind is told,
/// the one in force first, with the dimensions of its scope or with what kept it out, except those of `feed_stale`,
/// which are about no item; then every promotion that is planned for everything or for the SKU, with its dates and its
/// uplift. Exit code 2: a file that cannot be read.
#[derive(Clone, Debug, Args)]
pub struct ExplainArgs {
    /// Canonical JSON lines, plain, gzip or zstd; `-` is stdin. Without any, nothing has happened yet
    #[arg(value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// Stock keeping unit
    #[arg(long)]
    sku: String,
    /// Where
    #[arg(long)]
    location: String,
    /// Stream time to explain; lines from here on are passed by
    #[arg(long, value_name = "TIME", value_parser = values::instant)]
    at: Timestamp,
    /// Rule document (YAML), `-` is stdin; may be given several times
    #[arg(long, required = true, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Catalogue lines, applied before the first input line
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// Location lines (time zone, region, kind), applied before the first input line
    #[arg(long, value_name = "FILE")]
    locations: Option<PathBuf>,
    /// What the tables of a warehouse system mean (YAML); input lines are then its changes, as for `replay --format debezium`
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
}

impl ExplainArgs {
    /// The run that leads to the instant.
    fn replay(&self) -> ReplayArgs {
        let Self { inputs, at, rules, catalog, locations, mapping, .. } = self.clone();
        let format = if mapping.is_some() { Format::Debezium } else { Format::Canonical };
        ReplayArgs { inputs, rules, catalog, locations, mapping, format, until: Some(at), ..ReplayArgs::default() }
    }
}

/// Check rule documents and publish them on `inventory.rules`, all of them or none
///
/// A document takes effect at one point of stream time, the same for every partition: at the earliest a minute after
/// the newest stream time there is, and then where nobody says otherwise. A published version never changes: the same
/// content again does nothing, another content needs a higher version. Exit codes: 2 refused, with the reason and, for
/// a time too early, the earliest possible; 1 Kafka cannot be reached.
#[derive(Debug, Args)]
pub struct PublishArgs {
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Stream time from which the documents are in force, for documents that do not say it themselves
    #[arg(long, value_name = "TIME", value_parser = values::instant)]
    effective_at: Option<Timestamp>,
    /// Say what would be published, and publish nothing
    #[arg(long)]
    dry_run: bool,
    /// Kafka brokers to find the others through [config: kafka.bootstrap_servers]
    #[arg(long, value_name = "HOST:PORT,…")]
    bootstrap_servers: Option<String>,
}

impl PublishArgs {
    /// The flags that stand for a configuration key.
    pub fn overrides(&self) -> Vec<Override> {
        self.bootstrap_servers.iter().map(|text| Override::new("kafka.bootstrap_servers", text.as_str())).collect()
    }
}

pub fn check(files: &[PathBuf]) -> Outcome {
    let read = rule_files::read(files)?;
    let lines = files.iter().zip(&read).map(|(path, file)| {
        let document = &file.document;
        format!("{}: ok, {}@{}, {} rules\n", path.display(), document.id, document.version, document.rules.len())
    });
    print(&lines.collect::<String>())
}

pub fn explain(args: &ExplainArgs, config: &Config) -> Outcome {
    let key = Key { sku: &args.sku, location: &args.location };
    print(&replay::explain(&args.replay(), config, key, args.at)?.to_string())
}

pub fn publish(args: &PublishArgs, config: &Config) -> Outcome {
    let files = rule_files::read(&args.files)?;
    let log = open_kafka(&config.kafka)?;
    let wait = Duration::from_millis(config.kafka.call_timeout_ms);
    let planned = rules_publish::publish(&log, &files, args.effective_at, args.dry_run, wait)?;
    print(&planned.iter().map(|one| line(one, args.dry_run)).collect::<String>())
}

fn line(planned: &Planned, dry_run: bool) -> String {
    let done = match planned.standing {
        Standing::New if dry_run => "would be published",
        Standing::New => "published",
        Standing::Unchanged => "published already, nothing to do",
    };
    let since = match planned.record.effective_at {
        Timestamp::EARLIEST => "at once".to_owned(),
        at => format!("from {} of stream time", at.exact()),
    };
    format!("{}: {done}; in force {since}\n", planned.key())
}
