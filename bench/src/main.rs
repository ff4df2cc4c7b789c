//! Measures the released binary from outside, the way a user would run it: events per CPU-second
//! of `replay`, resident bytes per position, and the service on a real Kafka. The method is in
//! docs/benchmarks.md.
//!
//! It must never measure anything but the real binary (but for `opening`, which says so), and never report a run whose input was
//! refused. The last line of its output is one JSON object.

// A benchmark reports on stdout, for people and for scripts.
#![allow(clippy::print_stdout)]

mod catalog;
mod decode;
mod growth;
mod instructions;
mod kafka;
mod machine;
mod memory;
mod opening;
mod peers;
mod percentile;
mod shop_clock;
mod stream;
mod throughput;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Args, Parser, Subcommand};

use crate::stream::Workload;

/// Benchmarks of `quartermaster`: `replay`, memory, and the service on a Kafka.
#[derive(Debug, Parser)]
struct Arguments {
    /// Lines of the synthetic stream
    #[arg(long, default_value_t = 2_000_000)]
    events: u64,
    /// SKUs of the synthetic stream, each at every location
    #[arg(long, default_value_t = 5_000)]
    skus: u32,
    #[arg(long, default_value_t = 20)]
    locations: u32,
    /// Days of the synthetic stream
    #[arg(long, default_value_t = 14)]
    days: u32,
    /// Positions whose memory is measured; a multiple of 20, which is the number of their locations
    #[arg(long, default_value_t = 1_000_000)]
    positions: u32,
    /// Measured runs; the median is reported
    #[arg(long, default_value_t = 3)]
    runs: usize,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Lines of the synthetic stream that goes through Kafka; its days are fewer in the same proportion
    #[arg(long, default_value_t = 500_000)]
    kafka_events: u64,
    /// Alerts whose latency is measured; with 0 neither that nor restarts are
    #[arg(long, default_value_t = 600)]
    alerts: usize,
    /// Sales a second while latency and restarts are measured
    #[arg(long, default_value_t = 500)]
    load: u32,
    /// The binary to measure [default: $QM_BINARY, else `quartermaster` next to this program]
    #[arg(long)]
    binary: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Only decodes the lines of a file: the baseline
    Decode { file: PathBuf },
    /// Only measures the service on a Kafka
    Kafka,
    /// Only compares with the same job in Kafka Streams and in Quix Streams
    Peers(PeerArguments),
    /// Only measures how cost grows with positions, partitions and rules, after an absence, and at midnight
    Growth(growth::Plan),
    /// Only measures what opening stores of so many positions costs, and loading a state from them
    Opening {
        #[arg(long, default_value_t = 1_000_000)]
        positions: u32,
        #[arg(long, default_value_t = 12)]
        partitions: u32,
    },
    /// Only measures the memory that a position takes
    Memory,
    /// Only does one step of the hot path so many times, for counting instructions
    Instructions { step: instructions::Step, rounds: u64 },
    /// Only writes the synthetic stream to a directory, for profiling
    Generate { directory: PathBuf },
}

#[derive(Debug, Args)]
struct PeerArguments {
    /// The jars of the job in Kafka Streams: what `scripts/peers.sh kafka-streams` prints
    #[arg(long)]
    kafka_streams: PathBuf,
    /// The Python that has Quix Streams: what `scripts/peers.sh quix` prints; without it that engine is left out
    #[arg(long)]
    quix: Option<PathBuf>,
    /// A few minutes instead of an hour: fewer positions, events and runs
    #[arg(long)]
    quick: bool,
    /// Parts, separated by commas [default: all; quick: all but real]
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<peers::Part>,
    /// SKUs × 20 locations of the synthetic load [default: 1000000, quick 50000]
    #[arg(long)]
    positions: Option<u32>,
    /// Events after the opening balances [default: 2000000, quick 1200000]
    #[arg(long)]
    events: Option<u64>,
    /// Runs of every engine [default: 3, quick 2]
    #[arg(long)]
    runs: Option<usize>,
    /// Worker threads of `process` [default: its own]
    #[arg(long)]
    workers: Option<u32>,
    /// Stream threads of Kafka Streams
    #[arg(long, default_value_t = 2)]
    threads: u32,
    /// Commit interval of the other engines
    #[arg(long, default_value_t = 100)]
    commit_ms: u32,
    /// Of the JVM of Kafka Streams: a heap that never grows in a run, in huge pages, and the collector with the least CPU
    /// time
    #[arg(
        long,
        default_value = "-Xms1536m -Xmx1536m -XX:+UseParallelGC -XX:+UseTransparentHugePages",
        allow_hyphen_values = true
    )]
    java_options: String,
}

impl PeerArguments {
    fn plan(&self, seed: u64) -> peers::Plan {
        peers::Plan {
            only: self.only.clone(),
            kafka_streams: self.kafka_streams.clone(),
            quix: self.quix.clone(),
            quick: self.quick,
            positions: self.positions,
            events: self.events,
            runs: self.runs,
            workers: self.workers,
            threads: self.threads,
            commit_ms: self.commit_ms,
            java_options: self.java_options.clone(),
            seed,
        }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let workload = Workload {
        seed: arguments.seed,
        events: arguments.events,
        skus: arguments.skus,
        locations: arguments.locations,
        days: arguments.days,
    };
    match &arguments.command {
        Some(Command::Decode { file }) => decode::run(file),
        Some(Command::Instructions { step, rounds }) => instructions::run(*step, *rounds),
        Some(Command::Generate { directory }) => stream::write_files(&workload, directory).map(drop),
        Some(Command::Opening { positions, partitions }) => {
            machine::describe();
            opening::measure(*positions, *partitions, temporary_directory()?.path())
        }
        Some(Command::Memory) => {
            machine::describe();
            memory::measure(&binary(&arguments)?, arguments.positions, temporary_directory()?.path()).map(drop)
        }
        Some(Command::Kafka) => {
            let binary = binary(&arguments)?;
            machine::describe();
            let directory = temporary_directory()?;
            println!("{{{}}}", on_kafka(&binary, &arguments, &workload, directory.path())?);
            Ok(())
        }
        Some(Command::Peers(peers)) => {
            let binary = binary(&arguments)?;
            machine::describe();
            let directory = temporary_directory()?;
            println!("{}", peers::measure(&binary, &peers.plan(arguments.seed), directory.path())?);
            Ok(())
        }
        Some(Command::Growth(plan)) => {
            let binary = binary(&arguments)?;
            machine::describe();
            let directory = temporary_directory()?;
            println!("{}", growth::measure(&binary, plan, arguments.seed, directory.path())?);
            Ok(())
        }
        None => measure(&arguments, &workload),
    }
}

fn temporary_directory() -> Result<tempfile::TempDir> {
    tempfile::tempdir().context("cannot create a temporary directory")
}

/// The keys of the figures on Kafka, for the JSON line.
fn on_kafka(binary: &Path, arguments: &Arguments, workload: &Workload, directory: &Path) -> Result<String> {
    // As busy as the other stream: what a day's end costs has the same weight for an event.
    let days = (u64::from(workload.days) * arguments.kafka_events).div_ceil(workload.events.max(1)) as u32;
    let plan = kafka::Plan {
        workload: Workload { events: arguments.kafka_events, days: days.max(1), ..*workload },
        runs: arguments.runs,
        alerts: arguments.alerts,
        load: arguments.load,
    };
    let figures = kafka::measure(binary, &plan, directory)?;
    let throughput = format!(
        "\"debezium_events_per_cpu_s\":{:.0},\"process_events_per_cpu_s\":{:.0}",
        figures.debezium_events_per_cpu_s, figures.process_events_per_cpu_s
    );
    Ok(figures.live.map_or_else(String::new, |live| {
        format!(
            "\"alert_latency_p50_ms\":{:.1},\"alert_latency_p99_ms\":{:.1},\"restart_ms\":{:.0},",
            live.alert_latency_p50_ms, live.alert_latency_p99_ms, live.restart_ms
        )
    }) + &throughput)
}

fn measure(arguments: &Arguments, workload: &Workload) -> Result<()> {
    let binary = binary(arguments)?;
    machine::describe();
    let directory = temporary_directory()?;
    let synthetic = throughput::synthetic(&binary, workload, arguments.runs, directory.path())?;
    throughput::real(&binary, arguments.runs, directory.path())?;
    let memory = memory::measure(&binary, arguments.positions, directory.path())?;
    let on_kafka = on_kafka(&binary, arguments, workload, directory.path())?;
    println!(
        "{{\"replay_events_per_s\":{:.0},\"bytes_per_position\":{:.0},\"rss_mb\":{:.0},{on_kafka}}}",
        synthetic,
        memory.bytes_per_position,
        memory.resident_bytes as f64 / 1e6
    );
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
