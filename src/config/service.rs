//! Sections of every long-running command: how to reach Kafka, where state lives, how the service is
//! watched and how it stops.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::secret::{Properties, Secret};
use crate::memory;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct KafkaSection {
    /// Some of the brokers as `host:port,host:port`; the others are found through them. Flag: `--bootstrap-servers`.
    pub bootstrap_servers: String,
    /// What brokers call the clients, for quotas and logs.
    pub client_id: String,
    /// `plaintext`, `ssl`, `sasl_plaintext` or `sasl_ssl`.
    pub security_protocol: Option<String>,
    /// `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`, …
    pub sasl_mechanism: Option<String>,
    /// Who the clients are, where the mechanism asks for a name.
    pub sasl_username: Option<String>,
    /// Better in a file of its own: `sasl_password_file`.
    pub sasl_password: Option<Secret>,
    /// A file that holds the password and nothing else; wins over `sasl_password`.
    pub sasl_password_file: Option<PathBuf>,
    /// Further settings of librdkafka for every client, by its names (`"ssl.ca.location" = "/etc/ca.pem"`). Those that
    /// would break exactly-once are refused.
    pub properties: Properties,
    /// A worker that is not heard of for longer loses its partitions. A restart must take less.
    #[schemars(range(min = 6_000, max = 1_800_000))]
    pub session_timeout_ms: u32,
    /// A transaction open for longer is aborted by the broker; nobody reads past it meanwhile.
    #[schemars(range(min = 1_000, max = 900_000))]
    pub transaction_timeout_ms: u32,
    /// Longest wait of one call; past it a call is tried again, a commit is in doubt and checked.
    #[schemars(range(min = 100, max = 60_000))]
    pub call_timeout_ms: u64,
    /// A service that has not reached Kafka within this ends with exit code 1. Later outages never end it.
    #[schemars(range(min = 1_000, max = 3_600_000))]
    pub startup_timeout_ms: u64,
    /// Replicas of the topics that `topics create` makes. Flag: `--replication-factor`.
    #[schemars(range(min = 1, max = 15))]
    pub replication_factor: i32,
    /// Replicas that must have a record before it counts as written; at most `replication_factor`.
    #[schemars(range(min = 1, max = 15))]
    pub min_insync_replicas: i32,
}

impl Default for KafkaSection {
    fn default() -> Self {
        Self {
            bootstrap_servers: "127.0.0.1:9092".to_owned(),
            client_id: "quartermaster".to_owned(),
            security_protocol: None,
            sasl_mechanism: None,
            sasl_username: None,
            sasl_password: None,
            sasl_password_file: None,
            properties: Properties::default(),
            session_timeout_ms: 60_000,
            transaction_timeout_ms: 10_000,
            call_timeout_ms: 5_000,
            startup_timeout_ms: 30_000,
            replication_factor: 3,
            min_insync_replicas: 2,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StateSection {
    /// Directory of the local state, one below it for each application. Its parent must exist. Losing it costs time,
    /// never data: state is restored from Kafka.
    pub directory: PathBuf,
    /// Memory of the state stores, in bytes: cached blocks and unflushed rows of all partitions. Without a value 40 % of
    /// the memory limit of the container (cgroup), or 512 MiB where there is none.
    #[schemars(range(min = 8_388_608, max = 1_099_511_627_776_i64))]
    pub memory_bytes: Option<u64>,
    /// Memory of the states that `process` keeps at hand, in bytes, for all partitions; the others are read from the state
    /// stores when they are needed. Without a value 30 % of the memory limit of the container (cgroup), or 512 MiB where
    /// there is none.
    #[schemars(range(min = 1_048_576, max = 1_099_511_627_776_i64))]
    pub hot_bytes: Option<u64>,
}

impl StateSection {
    /// What states in memory may take.
    pub fn hot_bytes(&self) -> usize {
        self.hot_bytes.map_or_else(memory::of_states, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
    }
}

impl Default for StateSection {
    fn default() -> Self {
        Self { directory: PathBuf::from("/var/lib/quartermaster"), memory_bytes: None, hot_bytes: None }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AdminSection {
    /// Where `/livez`, `/readyz` and `/metrics` are served, without authentication. Port 0 takes any free one.
    pub listen: String,
    /// `/livez` fails when a worker thread has not turned its loop for longer.
    #[schemars(range(min = 1_000, max = 3_600_000))]
    pub liveness_timeout_ms: i64,
}

impl Default for AdminSection {
    fn default() -> Self {
        Self { listen: "127.0.0.1:9090".to_owned(), liveness_timeout_ms: 60_000 }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ServiceSection {
    /// Name of this instance among its like; the same after a restart, so that a restart moves no partitions. Without a
    /// value the environment's `POD_NAME`, else the host's name. Flag: `--instance`.
    pub instance: Option<String>,
    /// Give the partitions up at the end instead of keeping them for a restart within `kafka.session_timeout_ms`: for
    /// scaling down. Flag: `--leave-on-exit`.
    pub leave_on_exit: bool,
    /// After SIGTERM or SIGINT, the time there is to commit, flush and close. Past it the process ends with exit code 1;
    /// nothing is lost.
    #[schemars(range(min = 1_000, max = 3_600_000))]
    pub shutdown_timeout_ms: u64,
}

impl Default for ServiceSection {
    fn default() -> Self {
        Self { instance: None, leave_on_exit: false, shutdown_timeout_ms: 25_000 }
    }
}
