//! `make kafka`: a local Apache Kafka in the foreground, for trying things. It must never be what
//! production runs: no authentication, loopback only, settings for quick tests.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what it prints is for the person in front of it")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Parser;
use test_kafka::{Kafka, Options};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A local Apache Kafka in the foreground; Ctrl-C stops it.
#[derive(Debug, Parser)]
#[command(name = "make kafka", bin_name = "make kafka ARGS=\"…\"")]
struct Arguments {
    /// Port of the first broker on 127.0.0.1; the others follow it
    #[arg(long, default_value_t = 9092)]
    port: u16,
    /// 1 or 3
    #[arg(long, default_value_t = 1)]
    brokers: u8,
    /// Where the data stay for the next time; without it they are temporary and removed at the end
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Heap of each broker in MiB
    #[arg(long, default_value_t = 512)]
    heap_mb: u32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    let kafka = Kafka::try_start(Options {
        brokers: arguments.brokers,
        port: Some(arguments.port),
        directory: arguments.data.clone(),
        heap_mb: arguments.heap_mb,
        ..Options::default()
    })?;
    // From here on Ctrl-C stops in order; before, it ends this process, and the brokers with it.
    let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    welcome(&kafka, arguments.data.is_some());
    let ended = until_asked_to_end(&kafka, interrupt, terminate).await;
    println!("stopping");
    kafka.stop();
    ended
}

fn welcome(kafka: &Kafka, kept: bool) {
    let bootstrap = kafka.bootstrap();
    let fate = if kept { "kept for the next time" } else { "removed at the end; --data DIR keeps them" };
    println!("Apache Kafka serves at {bootstrap}");
    println!("data and logs: {} ({fate})", kafka.directory().display());
    println!("\nIn another terminal:");
    println!("  export QM_KAFKA__BOOTSTRAP_SERVERS={bootstrap}   # for quartermaster");
    println!("  quartermaster topics create");
    println!("  export KAFKA_BOOTSTRAP={bootstrap}               # for make test: use this Kafka");
    println!("\nCtrl-C stops it.");
}

/// An error if a broker ends before anybody asked for it.
async fn until_asked_to_end(kafka: &Kafka, mut interrupt: Signal, mut terminate: Signal) -> Result<()> {
    let mut look = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            _ = look.tick() => {
                let dead = (0..kafka.brokers()).find(|i| kafka.pid(*i).is_none());
                let node = dead.map(|i| kafka.directory().join(format!("node-{}/broker.log", i + 1)));
                ensure!(node.is_none(), "a broker ended by itself; its log: {}", node.unwrap_or_default().display());
            }
        }
    }
}
