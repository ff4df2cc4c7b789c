//! `make faults`: breaks the real binary on a real Apache Kafka in every way we know, and checks the
//! promises of docs/reliability.md after each group of faults.
//!
//! Its last line is one JSON object; exit code 1 means that a promise was broken, and every message about
//! it names the seed. It must never leave a process behind, however it ends.

#![allow(clippy::print_stdout, reason = "a fault run reports on stdout, for people and for scripts")]

mod chain;
mod check;
mod cluster;
mod groups;
mod interrupt;
mod load;
mod report;
mod rig;
mod seat;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use crate::report::Report;
use crate::rig::Rig;

/// The fault matrix on a real Kafka.
#[derive(Debug, Parser)]
#[command(name = "make faults", bin_name = "make faults KILLS=n SEED=s")]
struct Arguments {
    /// SIGKILLs at random moments
    #[arg(long, default_value_t = 500)]
    kills: u32,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only these groups
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// The binary to break [default: $QM_BINARY, else `quartermaster` next to this program]
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Keep logs and state here instead of in a temporary directory
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut report = Report::new(arguments.seed);
    let ended = run(&arguments, &mut report);
    if let Err(error) = &ended {
        report.violated(&format!("the run could not go on: {error:#}"));
    }
    report.conclude();
    if report.violations() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(arguments: &Arguments, report: &mut Report) -> Result<()> {
    let _signals = interrupt::listen()?;
    let binary = binary(arguments)?;
    let scratch = tempfile::tempdir().context("cannot create a temporary directory")?;
    let directory = arguments.keep.clone().unwrap_or_else(|| scratch.path().to_owned());
    let wanted = |group: &&str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == group);
    for group in &arguments.only {
        let known = groups::ON_ONE.iter().chain(&groups::ON_THREE).any(|known| known == group);
        ensure!(known, "no group is called {group}; there are {:?} and {:?}", groups::ON_ONE, groups::ON_THREE);
    }
    for (brokers, groups) in [(1, &groups::ON_ONE[..]), (3, &groups::ON_THREE[..])] {
        let groups: Vec<&str> = groups.iter().filter(|group| wanted(group)).copied().collect();
        if groups.is_empty() {
            continue;
        }
        let mut rig = Rig::start(&binary, brokers, &directory.join(format!("brokers-{brokers}")), report)?;
        for group in groups {
            groups::run(&mut rig, group, arguments.kills).with_context(|| format!("in the group {group}"))?;
        }
    }
    Ok(())
}

fn binary(arguments: &Arguments) -> Result<PathBuf> {
    let beside =
        std::env::current_exe().context("cannot find this program's own path")?.with_file_name("quartermaster");
    let named = arguments.binary.clone().or_else(|| std::env::var_os("QM_BINARY").map(PathBuf::from));
    let binary = named.unwrap_or(beside);
    ensure!(binary.is_file(), "there is no binary at {}; run `make build` first, or set QM_BINARY", binary.display());
    Ok(binary)
}
