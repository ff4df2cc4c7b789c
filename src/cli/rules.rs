//! `rules`: says what is wrong with rule documents before anybody depends on them, and puts them into
//! force.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use schemas::Timestamp;

use super::{print, values};
use crate::config::{Config, Override};
use crate::exit::Outcome;
use crate::rule_files;
use crate::rules_publish::{self, Planned, Standing};
use crate::service::open_kafka;

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
    Publish(PublishArgs),
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
