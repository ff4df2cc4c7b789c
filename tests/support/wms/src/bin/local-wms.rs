//! `make wms`: Kafka, PostgreSQL with the reference WMS, and Kafka Connect in the foreground, for
//! trying things. It must never be what production runs: loopback only, known passwords, no syncing.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what it prints is for the person in front of it")]

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use test_kafka::{Connect, Kafka, Options, Postgres};
use test_wms::{Business, Chain, Database};
use tokio::signal::unix::{SignalKind, signal};

const PAUSE: Duration = Duration::from_millis(200);

/// Kafka, PostgreSQL with the reference WMS, and Kafka Connect in the foreground; Ctrl-C stops them.
#[derive(Debug, Parser)]
#[command(name = "make wms", bin_name = "make wms ARGS=\"…\"")]
struct Arguments {
    /// Port of Kafka on 127.0.0.1
    #[arg(long, default_value_t = 9092)]
    kafka_port: u16,
    /// Port of PostgreSQL on 127.0.0.1
    #[arg(long, default_value_t = 5433)]
    postgres_port: u16,
    /// Port of Kafka Connect's REST interface on 127.0.0.1
    #[arg(long, default_value_t = 8083)]
    connect_port: u16,
    /// Products in the WMS at the beginning
    #[arg(long, default_value_t = 30)]
    products: i64,
    /// Prepare the database and start the connector of connectors/wms/reference, too
    #[arg(long)]
    capture: bool,
    /// Let people work in the WMS: about five transactions a second
    #[arg(long)]
    work: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<()> {
    let kafka = Kafka::try_start(Options { port: Some(arguments.kafka_port), ..Options::default() })?;
    println!("Apache Kafka serves at {}", kafka.bootstrap());
    // The client of PostgreSQL brings a runtime of its own, and no two can be on one thread.
    let chain = std::thread::scope(|scope| scope.spawn(|| start(arguments, kafka.bootstrap())).join());
    let mut chain = chain.ok().context("the WMS could not be started")??;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stop = Arc::new(AtomicBool::new(false));
    let worker = arguments.work.then(|| {
        let (database, stop) = (chain.database.clone(), Arc::clone(&stop));
        std::thread::spawn(move || work(&database, &stop))
    });
    println!("\nCtrl-C stops it.");
    let mut look = tokio::time::interval(Duration::from_secs(1));
    let ended = loop {
        tokio::select! {
            _ = interrupt.recv() => break Ok(()),
            _ = terminate.recv() => break Ok(()),
            _ = look.tick() => {
                let running = kafka.pid(0).is_some() && chain.connect.pid().is_some() && chain.postgres.pid().is_some();
                if !running {
                    break Err(anyhow::anyhow!("a part of it ended by itself; its log is named above"));
                }
                if worker.as_ref().is_some_and(std::thread::JoinHandle::is_finished) {
                    break Err(anyhow::anyhow!("nobody works any more; the reason is above"));
                }
            }
        }
    };
    println!("stopping");
    stop.store(true, Ordering::Relaxed);
    if let Some(worker) = worker {
        ensure!(worker.join().is_ok(), "the people at work panicked");
    }
    drop(chain);
    kafka.stop();
    ended
}

fn start(arguments: &Arguments, bootstrap: &str) -> Result<Chain> {
    let postgres = Postgres::try_start(Some(arguments.postgres_port))?;
    let database = Database::create(&postgres)?;
    Business::open(&database, "owner", 1)?.set_up(arguments.products)?;
    println!("the WMS is in {} (log: {}/postgres.log)", database.url(), postgres.directory().display());
    let connect = Connect::try_start(bootstrap, Some(arguments.connect_port))?;
    println!(
        "Kafka Connect with Debezium serves at {} (log: {}/connect.log)",
        connect.url(),
        connect.directory().display()
    );
    let chain = Chain { connect, database, postgres };
    if arguments.capture {
        chain.database.prepare_capture()?;
        chain.try_capture()?;
        println!("every change goes to the topic {}", test_wms::TOPIC);
    }
    println!("\nIn another terminal:");
    println!("  export QM_KAFKA__BOOTSTRAP_SERVERS={bootstrap}   # for quartermaster");
    println!("  psql {}", chain.database.url());
    Ok(chain)
}

fn work(database: &Database, stop: &AtomicBool) {
    let worked = Business::open(database, "local", 1).and_then(|mut business| {
        while !stop.load(Ordering::Relaxed) {
            business.work(1)?;
            pause();
        }
        Ok(())
    });
    if let Err(e) = worked {
        eprintln!("error: {e:#}");
    }
}

#[allow(clippy::disallowed_methods, reason = "the pace of people at work")]
fn pause() {
    std::thread::sleep(PAUSE);
}
