//! `topics`: makes the topics of the stages, says what is wrong with them, writes what is on them.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use processor::ports::{Log, LogError};

use super::{is_dash, print};
use crate::config::{Config, Override};
use crate::exit::{Failure, Outcome};
use crate::service::open_kafka;
use crate::topics::dump::DumpError;
use crate::topics::{self, KafkaTopics, TopicAdmin};

/// Create the topics on Kafka, check them, or write what is on them
///
/// Exit codes: 1 when Kafka cannot be reached, and for `check` when anything differs.
#[derive(Debug, Args)]
pub struct TopicsArgs {
    /// Kafka brokers to find the others through [config: kafka.bootstrap_servers]
    #[arg(long, global = true, value_name = "HOST:PORT,…")]
    bootstrap_servers: Option<String>,
    #[command(subcommand)]
    command: TopicsCommand,
}

#[derive(Debug, Subcommand)]
enum TopicsCommand {
    /// Create the topics that do not exist; those that do are left as they are
    Create {
        /// Replicas of each partition [config: kafka.replication_factor]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=15))]
        replication_factor: Option<i32>,
        /// Partitions of `inventory.events` and all that follow it [config: process.events_partitions]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=1024))]
        partitions: Option<i32>,
        /// Also create the topics that `[[ingest.inputs]]` read, with as many partitions as `inventory.events`
        #[arg(long)]
        sources: bool,
    },
    /// Compare partitions, cleanup policy, retention and minimum in-sync replicas with what they should be
    Check,
    /// Write every committed record as a JSON line: locations, rules, journal and events, as `replay --format log`
    /// reads them
    Dump {
        /// Write here; `-` is stdout
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// This topic instead; may be given several times
        #[arg(long, value_name = "TOPIC")]
        topic: Vec<String>,
    },
}

impl TopicsArgs {
    /// The flags that stand for a configuration key.
    pub fn overrides(&self) -> Vec<Override> {
        let servers = self.bootstrap_servers.as_deref().map(|text| Override::new("kafka.bootstrap_servers", text));
        let (replicas, partitions) = match self.command {
            TopicsCommand::Create { replication_factor, partitions, .. } => (replication_factor, partitions),
            TopicsCommand::Check | TopicsCommand::Dump { .. } => (None, None),
        };
        let replicas = replicas.map(|n| Override::new("kafka.replication_factor", n));
        let partitions = partitions.map(|n| Override::new("process.events_partitions", n));
        servers.into_iter().chain(replicas).chain(partitions).collect()
    }
}

pub fn run(args: &TopicsArgs, config: &Config) -> Outcome {
    let log = open_kafka(&config.kafka)?;
    let admin = KafkaTopics::new(&log).map_err(Failure::request)?;
    let wait = Duration::from_millis(config.kafka.startup_timeout_ms);
    admin.reach(wait).map_err(|error| unreachable(config, error))?;
    match &args.command {
        TopicsCommand::Create { sources, .. } => create(&admin, config, *sources, wait),
        TopicsCommand::Check => check(&admin, config, wait),
        TopicsCommand::Dump { to, topic } => {
            let names: Vec<&str> = topic.iter().map(String::as_str).collect();
            let names = if names.is_empty() { &topics::dump::REPLAYABLE[..] } else { &names };
            dump(&log, names, to, wait)
        }
    }
}

fn unreachable(config: &Config, error: LogError) -> Failure {
    let servers = &config.kafka.bootstrap_servers;
    Failure::Runtime(
        anyhow::Error::new(error).context(format!("cannot reach Kafka at {servers} (kafka.bootstrap_servers)")),
    )
}

fn create(admin: &dyn TopicAdmin, config: &Config, sources: bool, wait: Duration) -> Outcome {
    let replicas = config.kafka.replication_factor;
    // First, because others have as many partitions as they.
    let sources = if sources { topics::sources(config) } else { Vec::new() };
    let mut made = topics::create(admin, &sources, replicas, wait).map_err(Failure::runtime)?;
    made.extend(topics::create(admin, &topics::wanted(config), replicas, wait).map_err(Failure::runtime)?);
    let line = |topic: &topics::Made| match topic.partitions {
        Some(1) => format!("{}: created, 1 partition\n", topic.name),
        Some(partitions) => format!("{}: created, {partitions} partitions\n", topic.name),
        None => format!("{}: there already\n", topic.name),
    };
    print(&made.iter().map(line).collect::<String>())
}

fn check(admin: &dyn TopicAdmin, config: &Config, wait: Duration) -> Outcome {
    let findings = topics::check(admin, &topics::wanted(config), wait).map_err(Failure::runtime)?;
    let differing = findings.differences.len();
    if differing == 0 {
        return print(&format!("{} topics: ok\n", findings.partitions.len()));
    }
    let lines: Vec<String> = findings.differences.iter().map(ToString::to_string).collect();
    print(&(lines.join("\n") + "\n"))?;
    Err(Failure::Runtime(anyhow!("{differing} differences between the topics and what they should be")))
}

fn dump(log: &dyn Log, names: &[&str], to: &Path, wait: Duration) -> Outcome {
    let mut reader = log.reader().map_err(Failure::runtime)?;
    let written = if is_dash(to) {
        let mut out = BufWriter::new(std::io::stdout().lock());
        whole(topics::dump::dump(&mut *reader, names, wait, &mut out), &mut out)
    } else {
        let file = File::create(to).with_context(|| format!("cannot create {}", to.display()));
        let mut out = BufWriter::new(file.map_err(Failure::Runtime)?);
        whole(topics::dump::dump(&mut *reader, names, wait, &mut out), &mut out)
    };
    let written = written.with_context(|| format!("dump to {}", to.display())).map_err(Failure::Runtime)?;
    tracing::info!(records = written, "dumped");
    Ok(())
}

fn whole(dumped: Result<u64, DumpError>, out: &mut dyn Write) -> Result<u64, DumpError> {
    let written = dumped?;
    out.flush()?;
    Ok(written)
}
