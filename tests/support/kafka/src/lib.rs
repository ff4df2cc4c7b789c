//! A real Apache Kafka for tests, benchmarks and `make kafka`: KRaft, one or three nodes that are
//! broker and controller at once, on 127.0.0.1.
//!
//! [`Kafka::shared`] is the one broker of a test process, [`Kafka::start`] a cluster of one's own.
//! [`Postgres`] and [`Connect`] are what stands before Kafka where stock comes from a database.
//! None of them ever outlives the process that started it, not even when that process is killed.
//! This crate must never speak to Kafka for a test: it starts and stops brokers and asks them
//! whether they serve; topics and records belong to the code under test.
#![allow(clippy::panic, reason = "a test that cannot have its Kafka has failed; the message says why")]

mod cluster;
mod connect;
mod guard;
mod install;
mod node;
mod ports;
mod postgres;
mod probe;
mod settings;

use std::path::PathBuf;
use std::sync::OnceLock;

pub use cluster::Kafka;
pub use connect::Connect;
pub use postgres::Postgres;
pub use settings::Proxied;

/// What a cluster of one's own shall be. The default is one broker, no authentication, a temporary directory.
#[derive(Clone, Debug)]
pub struct Options {
    /// 1 or 3. Internal topics are replicated to all; with 3, `min.insync.replicas` is 2.
    pub brokers: u8,
    /// User and password that clients must present over SASL/PLAIN (without TLS).
    pub sasl_plain: Option<(String, String)>,
    /// Each broker also listens for those who come through a proxy, which the caller runs: [`Kafka::proxied`].
    /// The brokers themselves do; [`Kafka::bootstrap`] leads past it.
    pub proxied: bool,
    /// Broker settings, which win over those of this crate.
    pub properties: Vec<(String, String)>,
    /// Heap of each broker in MiB.
    pub heap_mb: u32,
    /// Port of the first broker, the others follow it. Free ports when absent.
    pub port: Option<u16>,
    /// Where the data stay after the end. A temporary directory, removed at the end, when absent.
    pub directory: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            brokers: 1,
            sasl_plain: None,
            proxied: false,
            properties: Vec::new(),
            heap_mb: 512,
            port: None,
            directory: None,
        }
    }
}

impl Kafka {
    /// The broker of this test process, started on first use; or the one `KAFKA_BOOTSTRAP` names, which is
    /// never started or stopped. Its topics are everybody's: choose names of your own.
    ///
    /// # Panics
    /// When Kafka cannot be started; the message says what to do.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Kafka> = OnceLock::new();
        SHARED.get_or_init(|| match std::env::var("KAFKA_BOOTSTRAP") {
            Ok(bootstrap) if !bootstrap.is_empty() => Self::elsewhere(bootstrap),
            _ => Self::start(Options::default()),
        })
    }

    /// Starts a cluster and waits until every broker serves.
    ///
    /// # Panics
    /// When Kafka cannot be started; the message says what to do and ends with the broker's log.
    pub fn start(options: Options) -> Self {
        Self::try_start(options).unwrap_or_else(|e| panic!("{e:#}"))
    }
}
