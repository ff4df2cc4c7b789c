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
mod proof;
mod report;
mod rig;
mod seat;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use crate::cluster::Program;
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
    /// Break a binary with planted bugs instead, one after the other: each must be found
    #[arg(long)]
    proof: bool,
    /// Keep logs and state here instead of in a temporary directory
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = if arguments.proof { proof::prove(&arguments) } else { break_it(&arguments) };
    outcome.unwrap_or_else(|error| {
        println!("{error:#}");
        ExitCode::FAILURE
    })
}

fn break_it(arguments: &Arguments) -> Result<ExitCode> {
    for group in &arguments.only {
        let known = groups::ON_ONE.iter().chain(&groups::ON_THREE).any(|known| known == group);
        ensure!(known, "no group is called {group}; there are {:?} and {:?}", groups::ON_ONE, groups::ON_THREE);
    }
    let _signals = interrupt::listen()?;
    let program = Program { binary: arguments.binary("quartermaster")?, bug: None };
    let wanted = |group: &&str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == group);
    let groups: Vec<&str> = groups::ON_ONE.iter().chain(&groups::ON_THREE).copied().filter(wanted).collect();
    let report = run(&program, &groups, arguments.kills, arguments.seed, arguments.keep.as_deref());
    report.conclude();
    Ok(if report.violations() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs these groups; that it could not go on is a violation like others.
fn run(program: &Program, groups: &[&str], kills: u32, seed: u64, keep: Option<&Path>) -> Report {
    let mut report = Report::new(seed);
    if let Err(error) = run_groups(program, groups, kills, keep, &mut report) {
        report.violated(&format!("the run could not go on: {error:#}"));
    }
    report
}

fn run_groups(program: &Program, groups: &[&str], kills: u32, keep: Option<&Path>, report: &mut Report) -> Result<()> {
    let scratch = tempfile::tempdir().context("cannot create a temporary directory")?;
    let directory = keep.unwrap_or(scratch.path());
    for (brokers, of_size) in [(1, &groups::ON_ONE[..]), (3, &groups::ON_THREE[..])] {
        let groups: Vec<&str> = groups.iter().filter(|group| of_size.contains(group)).copied().collect();
        if groups.is_empty() {
            continue;
        }
        let mut rig = Rig::start(program, brokers, &directory.join(format!("brokers-{brokers}")), report)?;
        for group in groups {
            groups::run(&mut rig, group, kills).with_context(|| format!("in the group {group}"))?;
        }
    }
    Ok(())
}

impl Arguments {
    /// The program to break, by its name beside this one.
    fn binary(&self, name: &str) -> Result<PathBuf> {
        let beside = std::env::current_exe().context("cannot find this program's own path")?.with_file_name(name);
        let named = self.binary.clone().or_else(|| std::env::var_os("QM_BINARY").map(PathBuf::from));
        let binary = named.unwrap_or(beside);
        ensure!(
            binary.is_file(),
            "there is no binary at {}; build it first, or name it with --binary",
            binary.display()
        );
        Ok(binary)
    }
}
