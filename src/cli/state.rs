//! `state`: what an operator may do to the state of a stage.

use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use connectors::kafka::admin::Admin;

use super::print;
use crate::config::{Config, Override};
use crate::exit::{Failure, Outcome};
use crate::service::open_kafka;
use crate::topics::{self, KafkaTopics};

/// End of the name of an application's changelog: before it stands the application.
const CHANGELOG: &str = "-state-changelog";

/// Look after the state of the stages
#[derive(Debug, Args)]
pub struct StateArgs {
    /// Kafka brokers to find the others through [config: kafka.bootstrap_servers]
    #[arg(long, global = true, value_name = "HOST:PORT,…")]
    bootstrap_servers: Option<String>,
    #[command(subcommand)]
    command: StateCommand,
}

#[derive(Debug, Subcommand)]
enum StateCommand {
    /// Let a stage begin anew: forget its state and its position, all partitions of them
    ///
    /// Deletes the changelog and the committed offsets of the application; its instances must be stopped. They
    /// then read their input from its beginning and decide it again: alerts are written a second time with the same
    /// id and revision. State directories need no care, they belong to the old changelog and are set aside.
    Reset {
        /// The application, as logs and topics name it: quartermaster-process, …
        application: String,
        /// Do it; without this it only says what it would do
        #[arg(long)]
        yes: bool,
    },
}

impl StateArgs {
    /// The flags that stand for a configuration key.
    pub fn overrides(&self) -> Vec<Override> {
        self.bootstrap_servers.iter().map(|text| Override::new("kafka.bootstrap_servers", text.as_str())).collect()
    }
}

pub fn run(args: &StateArgs, config: &Config) -> Outcome {
    match &args.command {
        StateCommand::Reset { application, yes } => reset(application, *yes, config),
    }
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
