//! `state`: what an operator may do to the state of a stage.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use connectors::kafka::admin::Admin;
use processor::runtime::Clock;

use super::print;
use crate::clock::MachineClock;
use crate::config::{Config, Override};
use crate::exit::{Failure, Outcome};
use crate::service::open_kafka;
use crate::state;
use crate::topics::{self, KafkaTopics};

/// End of the name of an application's changelog: before it stands the application.
const CHANGELOG: &str = "-state-changelog";

/// Look after the state of the stages
#[derive(Debug, Args)]
pub struct StateArgs {
    /// Kafka brokers to find the others through [config: kafka.bootstrap_servers]
    #[arg(long, global = true, value_name = "HOST:PORT,…")]
    bootstrap_servers: Option<String>,
    /// Directory of the local state [config: state.directory]
    #[arg(long, global = true, value_name = "DIRECTORY")]
    state: Option<PathBuf>,
    #[command(subcommand)]
    command: StateCommand,
}

#[derive(Debug, Subcommand)]
enum StateCommand {
    /// Show what lies in the state directory: partitions, checkpoints, positions, rows by kind and version
    ///
    /// Reads only, asks no Kafka, and works beside a running instance. Exit code 1 when a directory is damaged, or
    /// when a newer binary wrote it.
    Inspect {
        /// Only this application, as logs and topics name it: quartermaster-process, …
        application: Option<String>,
        /// Only this partition; may be repeated
        #[arg(long = "partition", value_name = "P", value_parser = clap::value_parser!(i32).range(0..))]
        partitions: Vec<i32>,
        /// One JSON line for each partition
        #[arg(long)]
        json: bool,
    },
    /// Compare the local state of an application with its changelog on Kafka, byte for byte
    ///
    /// Each row is equal, behind (the changelog has a newer one since the store's checkpoint: normal while an
    /// instance runs and after a crash, a restart reads it), different, missing or stray; the input position of the
    /// changelog is compared with the committed offset of the group. Reads only. Exit code 1 when something is wrong.
    Verify {
        /// The application, as logs and topics name it: quartermaster-process, …
        application: String,
        /// Only this partition; may be repeated
        #[arg(long = "partition", value_name = "P", value_parser = clap::value_parser!(i32).range(0..))]
        partitions: Vec<i32>,
    },
    /// Let a stage begin anew: forget its state and its position, all partitions of them. With --partition: drop the
    /// local copy of those partitions
    ///
    /// Without --partition it deletes the changelog and the committed offsets of the application on Kafka; its
    /// instances must be stopped. They then read their input from its beginning and decide it again: alerts are
    /// written a second time with the same id and revision. State directories need no care, they belong to the old
    /// changelog and are set aside.
    ///
    /// With --partition it touches nothing on Kafka and nothing is decided again: the local directory of the
    /// partition is set aside (as `partition-….quarantined`, in place of an earlier one), and the next start rebuilds
    /// it from the changelog. For a directory that is damaged, or that `state verify` finds wrong. Refused while an
    /// instance uses the directory.
    Reset {
        /// The application, as logs and topics name it: quartermaster-process, …
        application: String,
        /// Drop only the local copy of this partition; may be repeated
        #[arg(long = "partition", value_name = "P", value_parser = clap::value_parser!(i32).range(0..))]
        partitions: Vec<i32>,
        /// Do it; without this it only says what it would do
        #[arg(long)]
        yes: bool,
    },
}

impl StateArgs {
    /// The flags that stand for a configuration key.
    pub fn overrides(&self) -> Vec<Override> {
        let state = self.state.as_ref().map(|path| Override::new("state.directory", path.to_string_lossy().as_ref()));
        let servers = self.bootstrap_servers.as_ref();
        servers.map(|text| Override::new("kafka.bootstrap_servers", text.as_str())).into_iter().chain(state).collect()
    }
}

pub fn run(args: &StateArgs, config: &Config) -> Outcome {
    match &args.command {
        StateCommand::Inspect { application, partitions, json } => {
            inspect(application.as_deref(), partitions, *json, config)
        }
        StateCommand::Verify { application, partitions } => verify(application, partitions, config),
        StateCommand::Reset { application, partitions, yes } if partitions.is_empty() => {
            reset(application, *yes, config)
        }
        StateCommand::Reset { application, partitions, yes } => drop_local(application, partitions, *yes, config),
    }
}

fn inspect(application: Option<&str>, partitions: &[i32], json: bool, config: &Config) -> Outcome {
    let found = state::find(&config.state.directory, application, partitions)?;
    let reports = state::inspect(&found);
    if json {
        for report in &reports {
            print(&state::as_json(report).map_err(Failure::runtime)?)?;
        }
    } else if reports.is_empty() {
        print(&format!("no state in {}\n", config.state.directory.display()))?;
    } else {
        print(&state::as_text(&reports))?;
    }
    let wrong: Vec<&state::Report> = reports.iter().filter(|report| report.is_wrong()).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let what_to_do = if wrong.iter().all(|report| report.is_newer()) {
        "run a newer binary"
    } else {
        "`quartermaster state reset APPLICATION --partition P` sets a damaged one aside, and the next start rebuilds it"
    };
    Err(Failure::Runtime(anyhow!("{} of {} directories are not in order; {what_to_do}", wrong.len(), reports.len())))
}

fn verify(application: &str, partitions: &[i32], config: &Config) -> Outcome {
    let found = state::find(&config.state.directory, Some(application), partitions)?;
    let log = open_kafka(&config.kafka)?;
    let wait = Duration::from_millis(config.kafka.startup_timeout_ms);
    for one in &found {
        let identity = match &one.identity {
            Ok(identity) => identity,
            Err(error) => return Err(Failure::Runtime(anyhow!("{error}"))),
        };
        let compared = state::verify(&log, identity, one, MachineClock::start().wall_ms(), wait);
        let compared = compared.map_err(|error| {
            Failure::Runtime(anyhow::Error::new(error).context(format!("cannot compare the state of {application}")))
        })?;
        print(&state::verified(one, &compared))?;
        let wrong = compared.iter().filter(|partition| !partition.wrong.is_empty()).count();
        if wrong > 0 {
            return Err(Failure::Runtime(anyhow!(
                "{wrong} of {} partitions of {application} are not as they must be; what to do stands beside each",
                compared.len()
            )));
        }
    }
    Ok(())
}

/// The local copy of some partitions.
fn drop_local(application: &str, partitions: &[i32], yes: bool, config: &Config) -> Outcome {
    let directory = &config.state.directory;
    let found = state::find(directory, Some(application), partitions)?;
    for one in found {
        if !yes {
            let list: Vec<String> = partitions.iter().map(ToString::to_string).collect();
            print(&format!(
                "would set aside partition {} in {}, to be rebuilt from the changelog; add --yes to do it\n",
                list.join(", "),
                one.path.display()
            ))?;
            continue;
        }
        for (partition, place) in state::drop_local(directory, one, partitions)? {
            print(&match place {
                Some(place) => format!("set aside as {place}; the next start rebuilds it from the changelog\n"),
                None => format!("partition {partition} has no local copy; the next start restores it anyway\n"),
            })?;
        }
    }
    Ok(())
}

fn reset(application: &str, yes: bool, config: &Config) -> Outcome {
    let wanted = topics::wanted(config);
    let Some(changelog) = wanted.iter().find(|topic| topic.name.strip_suffix(CHANGELOG) == Some(application)) else {
        let known: Vec<&str> = wanted.iter().filter_map(|topic| topic.name.strip_suffix(CHANGELOG)).collect();
        return Err(Failure::Request(anyhow!(
            "no application is called {application:?}; there are {}",
            known.join(", ")
        )));
    };
    let what = format!("the group {application} with its offsets, and the topic {}", changelog.name);
    if !yes {
        return print(&format!("would delete {what}; add --yes to do it\n"));
    }
    let log = open_kafka(&config.kafka)?;
    let wait = Duration::from_millis(config.kafka.startup_timeout_ms);
    let admin = Admin::new(&log).map_err(Failure::request)?;
    let failed = |error| {
        let error =
            anyhow::Error::new(error).context(format!("cannot reset {application}; are its instances stopped?"));
        Failure::Runtime(error)
    };
    // The group first: it is refused while a member is there, and nothing has happened yet.
    admin.delete_group(application, wait).map_err(failed)?;
    admin.delete_topics(&[&changelog.name], wait).map_err(failed)?;
    let topics = KafkaTopics::new(&log).map_err(Failure::request)?;
    let replicas = config.kafka.replication_factor;
    topics::create(&topics, std::slice::from_ref(changelog), replicas, wait).map_err(failed)?;
    print(&format!("deleted {what}; {application} begins anew\n"))
}
