//! The command line: what can be asked, and who answers. One file per command that has arguments
//! of its own; the folders named after commands do the work.

mod config;
mod dead_letters;
mod ingest;
mod notify;
mod process;
mod replay;
mod rules;
mod schema;
pub mod service;
mod state;
mod topics;
mod values;
mod version;

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

pub use replay::{Format, ReplayArgs};
use rules::{RulesArgs, RulesCommand};
pub use values::is_dash;
pub use version::{REVISION, VERSION};

use crate::config::{Config, LogConfig, Override};
use crate::exit::{Failure, Outcome};
use crate::{demo, logging};

/// Watches a retailer's stock so that people don't have to: stock changes in, positions and alerts out
///
/// Exit codes: 0 done; 1 failed on the way (an output that cannot be written); 2 asked for something it
/// cannot do (usage, configuration, rules, unreadable input).
#[derive(Debug, Parser)]
#[command(name = "quartermaster", version, disable_help_subcommand = true, max_term_width = 110)]
pub struct Cli {
    /// Configuration file, TOML or YAML by its extension; `QM_SECTION__KEY` variables and flags win over it
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a simulated retail chain through the whole pipeline, with problems planted in it
    Demo(demo::DemoArgs),
    Ingest(ingest::IngestArgs),
    Process(process::ProcessArgs),
    Notify(notify::NotifyArgs),
    Replay(Box<ReplayArgs>),
    Topics(topics::TopicsArgs),
    State(state::StateArgs),
    DeadLetters(dead_letters::DeadLettersArgs),
    Rules(RulesArgs),
    Schema(schema::SchemaArgs),
    Config(config::ConfigArgs),
    /// Print the version, the revision where it is known, and the target
    Version,
    #[command(hide = true)]
    Reference(config::ReferenceArgs),
}

/// Runs the command.
pub fn run(cli: Cli) -> Outcome {
    let file = cli.config.as_deref();
    match cli.command {
        Command::Demo(args) => {
            start_quietly(file)?;
            demo::run(&args)
        }
        Command::Ingest(args) => ingest::run(&start(file, args.overrides())?),
        Command::Process(args) => process::run(&start(file, args.overrides())?),
        Command::Notify(args) => notify::run(&start(file, args.overrides())?),
        Command::State(args) => state::run(&args, &start(file, args.overrides())?),
        Command::DeadLetters(args) => dead_letters::run(&args, &start(file, args.overrides())?),
        Command::Topics(args) => topics::run(&args, &start(file, args.overrides())?),
        Command::Replay(args) => crate::replay::run(&args, &start(file, args.overrides())?),
        Command::Rules(RulesArgs { command: RulesCommand::Check { files } }) => rules::check(&files),
        Command::Rules(RulesArgs { command: RulesCommand::Explain(args) }) => {
            rules::explain(&args, &start(file, Vec::new())?)
        }
        Command::Rules(RulesArgs { command: RulesCommand::Publish(args) }) => {
            rules::publish(&args, &start(file, args.overrides())?)
        }
        Command::Schema(args) => schema::run(&args),
        Command::Config(args) => config::run(&args, file),
        Command::Version => version::run(),
        Command::Reference(args) => config::reference(&args),
    }
}

/// What a working command needs first: its configuration, and logs.
fn start(file: Option<&Path>, flags: Vec<Override>) -> Result<Config, Failure> {
    let config = config_from_environment(file, flags)?;
    logging::start(&config.log)?;
    Ok(config)
}

/// Like [`start`], for a command that fills the screen: unless somebody asked for more, only what is
/// wrong is logged.
fn start_quietly(file: Option<&Path>) -> Outcome {
    let mut config = config_from_environment(file, Vec::new())?;
    if config.log == LogConfig::default() {
        "warn".clone_into(&mut config.log.level);
    }
    logging::start(&config.log)
}

/// The configuration in force: defaults, then the file, then the environment, then the flags.
fn config_from_environment(file: Option<&Path>, flags: Vec<Override>) -> Result<Config, Failure> {
    Config::load(file, std::env::vars_os(), flags).map_err(Failure::request)
}

/// Prints to stdout. A reader that has seen enough (`| head`) is no failure.
fn print(text: &str) -> Outcome {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::runtime(anyhow::anyhow!("cannot write to stdout: {e}")))
        }
        _ => Ok(()),
    }
}
