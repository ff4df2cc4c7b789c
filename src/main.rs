//! `quartermaster`: parse, build, run, exit code. No domain logic.

// A binary exports nothing: here `pub` says what other modules may use.
#![allow(unreachable_pub)]

mod cli;
mod clock;
mod config;
mod dead_letters;
mod demo;
mod embedded;
mod errand;
mod exit;
mod logging;
mod mapping_file;
mod memory;
mod metrics;
mod replay;
mod rule_files;
mod rules_publish;
mod service;
mod stages;
mod state;
mod topics;

#[cfg(test)]
#[path = "../tests/support/golden.rs"]
mod golden;

use std::process::ExitCode;

use clap::Parser;

/// Of the libraries in C too: docs/adr/0017.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    exit::conclude(cli::run(cli::Cli::parse()))
}
