//! An engine that does the job: how it is started, which topics it writes, how it is made to forget.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use schemas::topics;
use test_services::service::Service;

use super::{HYSTERESIS, REORDER_POINT_THOUSANDTHS};
use crate::kafka::deployment::{Deployment, INSTANCE, PROCESS, changelog};

const SCHEMAS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/avsc");
const QUIX: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/quix/main.py");
/// What `process` may keep of its states at hand, in bytes: with the rest of it nearly as much memory as Kafka Streams is given.
const HOT_BYTES: u64 = 1_000_000_000;

#[derive(Clone, Copy)]
pub(super) struct Settings {
    /// Of `process`; `None`: as many as it takes by itself.
    pub(super) workers: Option<u32>,
    pub(super) threads: u32,
    /// Of the others; `process` has its own rule for when to commit.
    pub(super) commit_ms: u32,
}

enum Kind {
    Ours,
    KafkaStreams { jars: PathBuf, options: Vec<String> },
    Quix { python: PathBuf },
}

pub(super) struct Engine {
    pub(super) name: &'static str,
    /// Its consumer group.
    pub(super) group: &'static str,
    pub(super) alerts: &'static str,
    positions: &'static str,
    instance: &'static str,
    pub(super) changelog: String,
    kind: Kind,
    settings: Settings,
}

pub(super) const OURS: &str = "quartermaster";
pub(super) const KAFKA_STREAMS: &str = "kafka-streams";

impl Engine {
    pub(super) fn ours(settings: Settings) -> Self {
        Self {
            name: OURS,
            group: PROCESS,
            alerts: topics::ALERTS,
            positions: topics::POSITIONS,
            instance: INSTANCE,
            changelog: changelog(),
            kind: Kind::Ours,
            settings,
        }
    }

    pub(super) fn kafka_streams(settings: Settings, jars: &Path, options: &str) -> Self {
        let options = options.split_whitespace().map(str::to_owned).collect();
        Self {
            name: KAFKA_STREAMS,
            group: "bench.kafka-streams",
            alerts: "bench.kafka-streams-alerts",
            positions: "bench.kafka-streams-positions",
            instance: "kafka-streams-0",
            changelog: "bench.kafka-streams-positions-changelog".to_owned(),
            kind: Kind::KafkaStreams { jars: jars.to_owned(), options },
            settings,
        }
    }

    pub(super) fn quix(settings: Settings, python: &Path) -> Self {
        Self {
            name: "quix",
            group: "bench.quix",
            alerts: "bench.quix-alerts",
            positions: "bench.quix-positions",
            instance: "quix-0",
            changelog: format!("changelog__bench.quix--{}--default", topics::EVENTS),
            kind: Kind::Quix { python: python.to_owned() },
            settings,
        }
    }

    /// Starts it; it goes on with the state that it has.
    pub(super) fn start(&self, deployment: &Deployment) -> Result<Service> {
        let mut command = match &self.kind {
            Kind::Ours => {
                let mut settings = vec![("QM_STATE__HOT_BYTES", HOT_BYTES.to_string())];
                settings.extend(self.settings.workers.map(|workers| ("QM_PROCESS__THREADS", workers.to_string())));
                return deployment.start_with("process", self.instance, true, &settings);
            }
            Kind::KafkaStreams { jars, options } => {
                let mut command = Command::new("java");
                command.args(options).arg("-cp").arg(jars.join("*")).arg("peer.Main");
                // Huge pages for its RocksDB, too; glibc has asked for them since 2.35, where it is told to.
                command.env("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1");
                command
            }
            Kind::Quix { python } => {
                let mut command = Command::new(python);
                command.arg(QUIX).env("PYTHONDONTWRITEBYTECODE", "1");
                command
            }
        };
        self.tell(deployment, &mut command);
        deployment.run(self.instance, &mut command)
    }

    fn tell(&self, deployment: &Deployment, command: &mut Command) {
        let Settings { threads, commit_ms, .. } = self.settings;
        command.env("PEER_BOOTSTRAP", &deployment.log.config().bootstrap_servers);
        command.env("PEER_APPLICATION", self.group).env("PEER_INPUT", topics::EVENTS);
        command.env("PEER_ALERTS", self.alerts).env("PEER_POSITIONS", self.positions);
        command.env("PEER_STATE", deployment.state_directory(self.instance)).env("PEER_SCHEMAS", SCHEMAS);
        command.env("PEER_THREADS", threads.to_string()).env("PEER_COMMIT_MS", commit_ms.to_string());
        command.env("PEER_REORDER_POINT_THOUSANDTHS", REORDER_POINT_THOUSANDTHS.to_string());
        command.env("PEER_HYSTERESIS", HYSTERESIS.to_string());
    }

    /// It has never run.
    pub(super) fn forget(&self, deployment: &Deployment) -> Result<()> {
        if matches!(self.kind, Kind::Ours) {
            return deployment.forget_process();
        }
        deployment.forget(self.group, &[self.alerts, self.positions, &self.changelog], self.instance)?;
        deployment.create_topic(self.alerts, "delete")?;
        deployment.create_topic(self.positions, "compact")
    }

    /// What it writes besides its changelog.
    pub(super) fn outputs(&self) -> Vec<&'static str> {
        match self.kind {
            Kind::Ours => vec![self.alerts, topics::ALERTS_CURRENT, self.positions],
            _ => vec![self.alerts, self.positions],
        }
    }
}
