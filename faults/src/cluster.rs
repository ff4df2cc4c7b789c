//! A Kafka with a proxy in front of every broker, the product's topics and rules on it, and commands of
//! the real binary against it. The product goes through the proxies; the harness goes past them.

use std::cell::{RefCell, RefMut};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use connectors::kafka::{KafkaConfig, KafkaLog};
use processor::ports::{Extent, Isolation, Log, LogConsumer, LogReader, RecordView, TopicPartition};
use schemas::topics;
use test_kafka::{Kafka, Options};
use test_proxy::{Proxy, Route};
use test_services::clock::wait_for;
use test_services::feed::Feeder;
use test_services::log::{self, patiently};
use test_services::service::Service;

use crate::chain::Chain;

pub(crate) const PARTITIONS: i32 = 8;
pub(crate) const STOCK: &str = "wms.stock-changes";
pub(crate) const CATALOG: &str = "wms.catalog";
pub(crate) const INGEST: &str = "quartermaster-ingest-stock";
pub(crate) const INGEST_CATALOG: &str = "quartermaster-ingest-catalog";
pub(crate) const PROCESS: &str = "quartermaster-process";
/// A member that is not heard of for longer loses its partitions.
pub(crate) const SESSION: Duration = Duration::from_secs(8);
/// A transaction that is open for longer is aborted.
pub(crate) const TRANSACTION: Duration = Duration::from_secs(5);
/// Chooses the bug of a binary that has such: processor/src/planted.rs.
const PLANTED: &str = "QM_PLANTED_BUG";
/// They keep their partitions over a restart; others give them up.
pub(crate) const RESIDENTS: [&str; 3] = ["ingest-0", "process-0", "process-1"];
const RULES: &str = "version: 1
id: all
rules:
  - id: reorder
    kind: low_stock
    threshold: { type: dynamic, service_level: 0.95 }
  - id: empty
    kind: stock_out
  - id: surge
    kind: demand_surge
    false_alarms_per_1000_sku_days: 20
";

pub(crate) struct Cluster {
    pub(crate) kafka: Kafka,
    pub(crate) proxy: Proxy,
    /// Past the proxies.
    pub(crate) log: KafkaLog,
    reader: RefCell<Box<dyn LogReader>>,
    /// Members that never join: they ask what their group has committed.
    watchers: RefCell<BTreeMap<String, Box<dyn LogConsumer>>>,
    directory: PathBuf,
    program: Program,
}

/// What is broken.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) binary: PathBuf,
    /// The bug that the binary is asked to have, to prove this harness.
    pub(crate) bug: Option<&'static str>,
}

impl Cluster {
    pub(crate) fn start(program: &Program, brokers: u8, directory: &Path, seed: u64) -> Result<Self> {
        let kafka = Kafka::try_start(Options { brokers, proxied: true, ..Options::default() })?;
        let routes: Vec<Route> =
            kafka.proxied().into_iter().map(|p| Route { listen: p.advertised, broker: p.broker }).collect();
        let proxy = Proxy::start(&routes, seed)?;
        let log = KafkaLog::new(KafkaConfig { client_id: "faults".to_owned(), ..KafkaConfig::new(kafka.bootstrap()) })?;
        fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
        let (reader, watchers) = (RefCell::new(log.reader()?), RefCell::default());
        let (directory, program) = (directory.to_owned(), program.clone());
        let cluster = Self { kafka, proxy, log, reader, watchers, directory, program };
        fs::write(cluster.file("quartermaster.toml"), cluster.config(brokers)).context("cannot write the settings")?;
        fs::write(cluster.file("rules.yaml"), RULES).context("cannot write the rules")?;
        // Brokers that serve may still be getting to know each other through the proxies.
        wait_for("topics can be created", Duration::from_mins(1), Duration::from_millis(500), || {
            Ok(cluster.command(&["topics", "create", "--sources"]).ok())
        })?;
        // A broker may know of them a moment later than the controller.
        wait_for("all topics are there", Duration::from_secs(20), Duration::from_millis(100), || {
            Ok(cluster.command(&["topics", "check"]).ok())
        })?;
        cluster.command(&["rules", "publish", &cluster.path("rules.yaml")])?;
        Feeder::open(&cluster.log, "faults-catalog")?.send(CATALOG, &Chain::catalog())?;
        Ok(cluster)
    }

    fn config(&self, brokers: u8) -> String {
        format!(
            "[kafka]\nbootstrap_servers = \"{}\"\nreplication_factor = {brokers}\nmin_insync_replicas = {}\n\
             session_timeout_ms = {}\ntransaction_timeout_ms = {}\nstartup_timeout_ms = 60000\n\n[process]\nthreads = 1\n\
             events_partitions = {PARTITIONS}\nepoch_wait_ms = 5000\n\n[ingest]\ngrace_ms = 600000\n\n[[ingest.inputs]]\nname = \"stock\"\ntopic = \"{STOCK}\"\n\
             content = \"stock-changes\"\nformat = \"json\"\n\n[[ingest.inputs]]\nname = \"catalog\"\ntopic = \
             \"{CATALOG}\"\ncontent = \"catalog\"\nformat = \"json\"\n",
            self.proxy.bootstrap(),
            brokers.div_ceil(2),
            SESSION.as_millis(),
            TRANSACTION.as_millis(),
        )
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.file(name).display().to_string()
    }

    /// Where an instance keeps its state.
    pub(crate) fn state(&self, instance: &str) -> PathBuf {
        self.file(&format!("state-{instance}"))
    }

    fn program(&self) -> Command {
        let mut command = Command::new(&self.program.binary);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("QM_") {
                command.env_remove(name);
            }
        }
        command.envs(self.program.bug.map(|bug| (PLANTED, bug)));
        command.arg("--config").arg(self.file("quartermaster.toml"));
        command
    }

    /// Runs a command of the product that ends, and has to end well.
    pub(crate) fn command(&self, arguments: &[&str]) -> Result<()> {
        run(self.program(), arguments)
    }

    /// Starts a service; a second one of the same name goes on with the state of the first.
    pub(crate) fn spawn(&self, command: &str, name: &str) -> Result<Service> {
        let mut program = self.program();
        program.arg(command).env("QM_STATE__DIRECTORY", self.state(name)).env("QM_SERVICE__INSTANCE", name);
        if !RESIDENTS.contains(&name) {
            program.arg("--leave-on-exit");
        }
        Service::start(name, &mut program, self.file(&format!("{name}.log")))
    }

    pub(crate) fn reader(&self) -> RefMut<'_, Box<dyn LogReader>> {
        self.reader.borrow_mut()
    }

    /// First and next offsets of all partitions of a topic.
    pub(crate) fn extents(&self, topic: &str) -> Result<Vec<(TopicPartition, Extent)>> {
        log::extents(&mut **self.reader(), topic)
    }

    /// Every committed record of a topic, partition by partition.
    pub(crate) fn read(&self, topic: &str, sink: &mut dyn FnMut(RecordView<'_>)) -> Result<()> {
        log::read(&mut **self.reader(), topic, sink)
    }

    /// How many offsets a group is away from the end of its topic: records, and transaction markers.
    pub(crate) fn distance(&self, group: &str, topic: &str) -> Result<i64> {
        let committed = self.committed(group, topic)?;
        let left = |(at, extent): &(TopicPartition, Extent)| {
            extent.end - committed.get(&at.partition).copied().unwrap_or_default().max(extent.start)
        };
        Ok(self.extents(topic)?.iter().map(left).sum())
    }

    /// What a group has committed: next offset by partition, stable ones only.
    pub(crate) fn committed(&self, group: &str, topic: &str) -> Result<BTreeMap<i32, i64>> {
        let partitions: Vec<_> = (0..PARTITIONS).map(|partition| TopicPartition::new(topic, partition)).collect();
        let mut watchers = self.watchers.borrow_mut();
        if !watchers.contains_key(group) {
            watchers.insert(group.to_owned(), self.log.consumer(group, "faults-watch")?);
        }
        let watcher = watchers.get_mut(group).context("no watcher")?;
        let offsets = patiently(|wait| watcher.committed(&partitions, wait))?;
        Ok(offsets.into_iter().map(|(at, offset)| (at.partition, offset)).collect())
    }

    /// Records of a topic that a group has not committed. Transaction markers do not count.
    pub(crate) fn behind(&self, group: &str, topic: &str) -> Result<usize> {
        let committed = self.committed(group, topic)?;
        let (extents, mut reader, mut left) = (self.extents(topic)?, self.reader(), 0);
        for (at, extent) in extents {
            let mut next = committed.get(&at.partition).copied().unwrap_or_default().max(extent.start);
            while next < extent.end {
                let mut read = |wait| reader.read(&at, next, Isolation::ReadCommitted, 1000, wait, &mut |_| left += 1);
                let after = patiently(&mut read)?;
                if after <= next {
                    // The rest is undecided.
                    return Ok(left + 1);
                }
                next = after;
            }
        }
        Ok(left)
    }

    /// Replays what is committed, on a thread of its own; it gives the file of the alerts that must have been.
    pub(crate) fn oracle(&self) -> JoinHandle<Result<PathBuf>> {
        let (dump, alerts) = (self.path("dump.jsonl"), self.path("oracle.jsonl"));
        let (dumping, replaying) = (self.program(), self.program());
        spawn(move || {
            run(dumping, &["topics", "dump", "--to", &dump])?;
            let partitions = PARTITIONS.to_string();
            run(replaying, &["replay", "--format", "log", "--partitions", &partitions, "--alerts", &alerts, &dump])?;
            Ok(PathBuf::from(alerts))
        })
    }
}

fn run(mut program: Command, arguments: &[&str]) -> Result<()> {
    let output = program.args(arguments).output();
    let output = output.with_context(|| format!("cannot run {}", program.get_program().display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} ended with {}:\n{said}", arguments.join(" "), output.status);
    Ok(())
}

/// The changelog of `process`.
pub(crate) fn changelog() -> String {
    topics::changelog(PROCESS, "state")
}
