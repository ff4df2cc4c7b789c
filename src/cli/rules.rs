//! `rules check`: says what is wrong with rule documents, before anybody depends on them.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::print;
use crate::exit::Outcome;
use crate::rule_files;

/// Work with rule documents
#[derive(Debug, Args)]
pub struct RulesArgs {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    /// Check rule documents; every fault is reported with its file, line and reason
    Check {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

pub fn run(args: &RulesArgs) -> Outcome {
    let RulesCommand::Check { files } = &args.command;
    let read = rule_files::read(files)?;
    let lines = files.iter().zip(&read).map(|(path, file)| {
        let document = &file.document;
        format!("{}: ok, {}@{}, {} rules\n", path.display(), document.id, document.version, document.rules.len())
    });
    print(&lines.collect::<String>())
}
