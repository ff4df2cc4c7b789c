//! `config`: checks and shows the configuration. And the hidden `reference`, which prints the
//! documents that are generated from the program.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory, Subcommand, ValueEnum};

use super::{Cli, config_from_environment, print};
use crate::config::{self, Config};
use crate::exit::{Failure, Outcome};
use crate::metrics;
use crate::stages::ingest;

/// Check a configuration file, or print the configuration in force
#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check one file and the mappings it names: every key known, every value in range
    Check {
        /// The file to check, TOML or YAML by its extension
        file: PathBuf,
    },
    /// Print the configuration in force as TOML: defaults, file, environment
    Print,
}

pub fn run(args: &ConfigArgs, file: Option<&Path>) -> Outcome {
    match &args.command {
        ConfigCommand::Check { file } => {
            let config = Config::load(Some(file), [], Vec::new()).map_err(Failure::request)?;
            ingest::check_mappings(&config)?;
            print(&format!("{}: ok\n", file.display()))
        }
        ConfigCommand::Print => {
            let config = config_from_environment(file, Vec::new())?;
            print(&toml::to_string_pretty(&config).map_err(Failure::runtime)?)
        }
    }
}

/// Print a document that is generated from the program
#[derive(Debug, Args)]
pub struct ReferenceArgs {
    document: Document,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Document {
    Cli,
    Config,
    Metrics,
}

pub fn reference(args: &ReferenceArgs) -> Outcome {
    print(&match args.document {
        Document::Cli => command_reference(),
        Document::Config => config::reference(),
        Document::Metrics => metrics::reference()?,
    })
}

/// `docs/cli.md`: the long help of every command.
fn command_reference() -> String {
    let mut out =
        "# Command line\n\nGenerated from the program: `quartermaster reference cli > docs/cli.md`.\n".to_owned();
    let mut root = Cli::command().term_width(110);
    root.build();
    describe(&mut root, 2, &mut out);
    out
}

fn describe(command: &mut clap::Command, level: usize, out: &mut String) {
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    let help = command.clone().term_width(110).render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    // Writing to a string cannot fail.
    let _ = write!(out, "\n{} `{name}`\n\n```text\n{}\n```\n", "#".repeat(level), help.join("\n").trim_end());
    for child in command.get_subcommands_mut().filter(|c| !c.is_hide_set()) {
        describe(child, level + 1, out);
    }
}
