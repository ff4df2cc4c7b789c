//! A broker, the product's topics on it, and the measured binary's services beside it.
//!
//! It must never touch records that are not its own: a Kafka that already holds topics of these names
//! is refused.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use connectors::kafka::admin::{Admin, NewTopic};
use connectors::kafka::{KafkaConfig, KafkaLog};
use processor::ports::{Log, RecordView};
use schemas::topics;
use test_kafka::{Kafka, Options};

use test_services::clock::wait_for;
use test_services::log::{self, CALL};
use test_services::service::Service;
use test_services::{child, oracle};

pub(crate) const PARTITIONS: i32 = 8;
pub(crate) const STOCK: &str = "bench.stock-changes";
pub(crate) const CATALOG: &str = "bench.catalog";
pub(crate) const PLACES: &str = "bench.locations";
/// For measuring the broker alone.
pub(crate) const ECHO: &str = "bench.echo";
pub(crate) const PROCESS: &str = "quartermaster-process";
/// The one instance of `process`.
pub(crate) const INSTANCE: &str = "process-0";

const OURS: [&str; 4] = ["inventory.", "quartermaster-", "bench.", "changelog__bench."];

/// An input of `ingest`.
pub(crate) struct Source {
    pub(crate) name: &'static str,
    pub(crate) topic: &'static str,
    pub(crate) partitions: i32,
    /// The rest of its configuration.
    pub(crate) settings: String,
}

/// Canonical records.
pub(crate) fn canonical_sources() -> Vec<Source> {
    let inputs =
        [("stock", STOCK, "stock-changes"), ("catalog", CATALOG, "catalog"), ("locations", PLACES, "locations")];
    let source = |(name, topic, content)| {
        let settings = format!("content = \"{content}\"\nformat = \"json\"\n");
        Source { name, topic, partitions: PARTITIONS, settings }
    };
    inputs.map(source).into()
}

pub(crate) struct Deployment {
    /// `None`: somebody else's.
    kafka: Option<Kafka>,
    pub(crate) log: KafkaLog,
    admin: Admin,
    binary: PathBuf,
    directory: PathBuf,
    sources: Vec<Source>,
    /// Of `inventory.events`.
    pub(crate) partitions: i32,
}

impl Deployment {
    /// As most of what is measured has it: one rule document, and the usual number of partitions.
    pub(crate) fn new(binary: &Path, rules: &str, directory: &Path, sources: Vec<Source>) -> Result<Self> {
        Self::with(binary, &[rules.to_owned()], directory, sources, PARTITIONS)
    }

    /// Starts a broker, or uses the one of `KAFKA_BOOTSTRAP`; makes the topics and puts the rule documents in force.
    pub(crate) fn with(
        binary: &Path,
        documents: &[String],
        directory: &Path,
        sources: Vec<Source>,
        partitions: i32,
    ) -> Result<Self> {
        let elsewhere = std::env::var("KAFKA_BOOTSTRAP").ok().filter(|bootstrap| !bootstrap.is_empty());
        let kafka = if elsewhere.is_none() { Some(Kafka::try_start(Options::default())?) } else { None };
        let bootstrap = elsewhere.or_else(|| kafka.as_ref().map(|kafka| kafka.bootstrap().to_owned()));
        let bootstrap = bootstrap.context("no broker")?;
        let log =
            KafkaLog::new(KafkaConfig { client_id: "quartermaster-bench".to_owned(), ..KafkaConfig::new(&bootstrap) })?;
        let admin = Admin::new(&log)?;
        fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
        fs::write(directory.join("quartermaster.toml"), config(&bootstrap, &sources, partitions))
            .context("cannot write the configuration")?;
        let deployment =
            Self { kafka, log, admin, binary: binary.to_owned(), directory: directory.to_owned(), sources, partitions };
        deployment.refuse_the_topics_of_others(&bootstrap)?;
        deployment.create_topics()?;
        deployment.publish(documents)?;
        Ok(deployment)
    }

    fn publish(&self, documents: &[String]) -> Result<()> {
        let mut files = Vec::new();
        for (n, document) in documents.iter().enumerate() {
            let name = format!("rules-{n}.yaml");
            fs::write(self.file(&name), document).context("cannot write the rules")?;
            files.push(self.path(&name));
        }
        let arguments = ["rules", "publish"].into_iter().chain(files.iter().map(String::as_str));
        self.command(&arguments.collect::<Vec<_>>())
    }

    fn refuse_the_topics_of_others(&self, bootstrap: &str) -> Result<()> {
        let topics = self.admin.list_topics(CALL)?;
        match topics.iter().find(|topic| OURS.iter().any(|prefix| topic.name.starts_with(prefix))) {
            Some(topic) => bail!(
                "the Kafka at {bootstrap} already has {}; the benchmark deletes what it made: give it an empty Kafka",
                topic.name
            ),
            None => Ok(()),
        }
    }

    fn create_topics(&self) -> Result<()> {
        let sources = self.sources.iter().map(|source| (source.topic, source.partitions));
        let sources = sources.chain([(ECHO, self.partitions)]).map(|(name, partitions)| NewTopic {
            name: name.to_owned(),
            partitions,
            replication_factor: 1,
            config: [("cleanup.policy".to_owned(), "delete".to_owned())].into(),
        });
        self.admin.create_topics(&sources.collect::<Vec<_>>(), CALL)?;
        self.command(&["topics", "create"])?;
        // A broker may know of them a moment later than the controller.
        wait_for("all topics are there", Duration::from_secs(10), Duration::from_millis(100), || {
            Ok(self.command(&["topics", "check"]).ok())
        })
    }

    /// Forgets all that `process` has ever done, but for what it read.
    pub(crate) fn forget_process(&self) -> Result<()> {
        let changelog = changelog();
        let written = [
            topics::POSITIONS,
            topics::ALERTS,
            topics::ALERTS_CURRENT,
            topics::AGGREGATES,
            topics::JOURNAL,
            &changelog,
        ];
        self.forget(PROCESS, &written, INSTANCE)?;
        self.create_topics()
    }

    /// Forgets a group, the topics that it writes, and the local state of its instance.
    pub(crate) fn forget(&self, group: &str, written: &[&str], instance: &str) -> Result<()> {
        let deleted = || Ok(self.admin.delete_group(group, CALL).ok());
        let what = format!("the group {group} has no members");
        wait_for(&what, Duration::from_mins(1), Duration::from_millis(200), deleted)?;
        // A topic that goes while somebody asks about it is an error to the one who asks: ask again.
        let gone = || Ok(self.admin.delete_topics(written, CALL).ok());
        wait_for("topics can be deleted", Duration::from_mins(1), Duration::from_millis(200), gone)?;
        let left = || {
            let left = self.admin.list_topics(CALL)?;
            Ok(left.iter().all(|topic| !written.contains(&topic.name.as_str())).then_some(()))
        };
        wait_for("deleted topics are gone", Duration::from_secs(30), Duration::from_millis(100), left)?;
        let state = self.state_directory(instance);
        if state.exists() {
            fs::remove_dir_all(&state).with_context(|| format!("cannot remove {}", state.display()))?;
        }
        Ok(())
    }

    /// A topic with as many partitions as `inventory.events`.
    pub(crate) fn create_topic(&self, name: &str, cleanup: &str) -> Result<()> {
        let config = [("cleanup.policy".to_owned(), cleanup.to_owned())].into();
        let topic = NewTopic { name: name.to_owned(), partitions: self.partitions, replication_factor: 1, config };
        self.admin.create_topics(&[topic], CALL)?;
        Ok(())
    }

    /// Bytes of a topic's records on the broker's disk; `None` where the broker is not ours.
    pub(crate) fn bytes_on_disk(&self, topic: &str) -> Result<Option<u64>> {
        let Some(kafka) = &self.kafka else { return Ok(None) };
        let data = kafka.directory().join("node-1/data");
        let mut bytes = 0;
        for partition in 0..self.partitions {
            let directory = data.join(format!("{topic}-{partition}"));
            let failed = || format!("cannot read {}", directory.display());
            for file in fs::read_dir(&directory).with_context(failed)? {
                let file = file.with_context(failed)?;
                if file.path().extension().is_some_and(|extension| extension == "log") {
                    bytes += file.metadata().with_context(failed)?.len();
                }
            }
        }
        Ok(Some(bytes))
    }

    pub(crate) fn state_directory(&self, instance: &str) -> PathBuf {
        self.file(&format!("state-{instance}"))
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.file(name).display().to_string()
    }

    fn program(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("--config").arg(self.file("quartermaster.toml"));
        command
    }

    /// Runs a command of the product that ends, and has to end well.
    pub(crate) fn command(&self, arguments: &[&str]) -> Result<()> {
        let output = self.program().args(arguments).output();
        let output = output.with_context(|| format!("cannot run {}", self.binary.display()))?;
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        ensure!(output.status.success(), "{} ended with {}:\n{said}", arguments.join(" "), output.status);
        Ok(())
    }

    /// Starts a service; a second one of the same name goes on with the state of the first.
    pub(crate) fn start(&self, command: &str, name: &str, leave_on_exit: bool) -> Result<Service> {
        self.start_with(command, name, leave_on_exit, &[])
    }

    /// The same with further settings, as environment variables.
    pub(crate) fn start_with(
        &self,
        command: &str,
        name: &str,
        leave_on_exit: bool,
        settings: &[(&str, String)],
    ) -> Result<Service> {
        let mut program = self.program();
        program.arg(command).env("QM_STATE__DIRECTORY", self.state_directory(name)).env("QM_SERVICE__INSTANCE", name);
        program.env("QM_SERVICE__LEAVE_ON_EXIT", leave_on_exit.to_string());
        program.envs(settings.iter().map(|(name, value)| (name, value)));
        self.run(name, &mut program)
    }

    /// Starts any program as a service beside the broker; its log goes with the others.
    pub(crate) fn run(&self, name: &str, program: &mut Command) -> Result<Service> {
        Service::start(name, program, self.file(&format!("{name}.log")))
    }

    /// Offsets a topic has used, by records and by transaction markers.
    pub(crate) fn offsets(&self, topic: &str) -> Result<i64> {
        log::offsets(&mut *self.log.reader()?, topic)
    }

    /// Every committed record of a topic, partition by partition.
    pub(crate) fn read(&self, topic: &str, sink: &mut dyn FnMut(RecordView<'_>)) -> Result<()> {
        log::read(&mut *self.log.reader()?, topic, sink)
    }

    /// Whether anything was lost: the alerts on the log against those that `replay` finds in its dump.
    pub(crate) fn compare_with_replay(&self) -> Result<()> {
        let (on_log, count) = oracle::on_log(&mut *self.log.reader()?)?;
        ensure!(count == on_log.len(), "{} alerts are on the log twice", count - on_log.len());
        let (dump, alerts) = (self.path("dump.jsonl"), self.path("replayed.jsonl"));
        self.command(&["topics", "dump", "--to", &dump])?;
        let partitions = self.partitions.to_string();
        self.command(&["replay", "--format", "log", "--partitions", &partitions, "--alerts", &alerts, &dump])?;
        let replayed = oracle::identities(&self.file("replayed.jsonl"))?;
        let (lost, extra) = (replayed.difference(&on_log).count(), on_log.difference(&replayed).count());
        ensure!(
            lost == 0 && extra == 0,
            "of {} alerts {lost} were lost, and {extra} should not be there",
            replayed.len()
        );
        println!("  {count} alert records, the same as a replay of the log finds; no dead letters");
        Ok(())
    }

    /// A figure is worth nothing when part of its input was refused.
    pub(crate) fn ensure_nothing_was_refused(&self) -> Result<()> {
        let refused = self.offsets(topics::DEAD_LETTERS)?;
        let mut messages = Vec::new();
        if refused > 0 {
            self.read(topics::DEAD_LETTERS, &mut |record| {
                let message = record.headers.iter().find(|(name, _)| name == "message");
                messages.extend(message.map(|(_, text)| String::from_utf8_lossy(text).into_owned()));
            })?;
        }
        ensure!(refused == 0, "{refused} records became dead letters; the first: {:?}", messages.first());
        Ok(())
    }

    /// User and system time of the broker, where it is ours.
    pub(crate) fn broker_cpu_s(&self) -> Option<f64> {
        child::cpu_s(self.kafka.as_ref()?.pid(0)?).ok()
    }

    pub(crate) fn describe(&self) -> Result<()> {
        let cluster = self.admin.cluster(CALL)?;
        let whose = if self.kafka.is_some() { "started for this, 512 MB of heap" } else { "of KAFKA_BOOTSTRAP" };
        println!("  Kafka: {} broker, {whose}; {} partitions, replication factor 1", cluster.brokers, self.partitions);
        if let Some(topic) = self.admin.describe_topic(topics::EVENTS, CALL)? {
            let setting = |name: &str| topic.config.get(name).map_or("?", String::as_str);
            println!(
                "  {}: compression.type={}, min.insync.replicas={}, flush.messages={} (the page cache is trusted)",
                topic.name,
                setting("compression.type"),
                setting("min.insync.replicas"),
                setting("flush.messages")
            );
        }
        println!("  broker, services and this program share the cores of this machine");
        Ok(())
    }

    /// Leaves nothing on somebody else's Kafka.
    pub(crate) fn close(self) -> Result<()> {
        if self.kafka.is_none() {
            let topics = self.admin.list_topics(CALL)?;
            let ours = topics.iter().map(|topic| topic.name.as_str());
            let ours: Vec<&str> = ours.filter(|name| OURS.iter().any(|prefix| name.starts_with(prefix))).collect();
            self.admin.delete_topics(&ours, CALL)?;
        }
        Ok(())
    }
}

/// The changelog of `process`.
pub(crate) fn changelog() -> String {
    topics::changelog(PROCESS, "state")
}

fn config(bootstrap: &str, sources: &[Source], partitions: i32) -> String {
    let mut text = format!(
        "[kafka]\nbootstrap_servers = \"{bootstrap}\"\nreplication_factor = 1\nmin_insync_replicas = 1\n\
         session_timeout_ms = 6000\n\n[process]\nthreads = 1\nevents_partitions = {partitions}\n"
    );
    for Source { name, topic, settings, .. } in sources {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n[[ingest.inputs]]\nname = \"{name}\"\ntopic = \"{topic}\"\n{settings}");
    }
    text
}
